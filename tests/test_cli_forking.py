"""``orchestra-nb fork`` and ``run --reuse``: another run from what one has, on the command line."""

from __future__ import annotations

import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import orchestra_nb as onb
from orchestra_nb.cli import app

PLAN = """
name: From the command line
mode: fully_autonomous
on_failure: continue
phases:
- name: Only
  tasks:
  - {agent: a, task: Do a}
  - {decision: Database, options: {A: PostgreSQL, B: Cassandra}, recommend: A, depends_on: [a]}
  - {agent: b, task: Do b, depends_on: [database]}
"""
AGENTS = """
def note(word):
    with open("notes", "a") as file:
        file.write(word + chr(10))

def a(context):
    note("a")
    return "A"

def b(context):
    note("b")
    return str(context.decisions["database"]) + context.text

agents = {"a": a, "b": b}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> onb.Run:
    """A run that is over, in the folder of its agents."""
    monkeypatch.chdir(tmp_path)
    for name in ("ORCHESTRA_HOME", "ANTHROPIC_API_KEY", "ORCHESTRA_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "forked_agents.py").write_text(AGENTS)
    (tmp_path / "plan.yaml").write_text(PLAN)
    monkeypatch.delitem(sys.modules, "forked_agents", raising=False)
    done = onb.run(tmp_path / "plan.yaml", import_module("forked_agents").agents)
    done.wait(20)
    Path("notes").unlink()
    return done


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def notes() -> Counter[str]:
    """What agents did since the run."""
    return Counter(Path("notes").read_text().split()) if Path("notes").exists() else Counter()


def newest(run: onb.Run) -> onb.Run:
    """The run that was started last."""
    return onb.open(max(run.folder.parent.iterdir(), key=lambda path: path.stat().st_ctime).name)


def test_another_choice_from_the_command_line(run: onb.Run) -> None:
    """Only what hangs on the choice runs, in a run of its own."""
    done = call(
        "fork", run.id[:20], "--decide", "Database=B", "--edit", "b= as told", "--agents",
        "forked_agents:agents",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Reused a, from from-the-command-line-" in done.output
    assert notes() == {"b": 1}
    fork = newest(run)
    assert fork.id != run.id
    assert fork.results["b"] == "B - Cassandra as told"
    assert run.results["b"] == "A - PostgreSQLDo b"


def test_a_dry_run_of_a_fork_starts_nothing(run: onb.Run) -> None:
    """The table is printed; no folder is made."""
    done = call("fork", "latest", "--decide", "database=B", "--dry-run", "--at", "b")
    assert done.exit_code == 2, done.output
    assert "nobody does 'b'" in done.output
    done = call("fork", "latest", "--decide", "database=B", "--dry-run", "--agents",
                "forked_agents:agents")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert f"Forking {run.id}: 1 run" in done.output
    assert "you say B - Cassandra" in done.output
    assert len(list(run.folder.parent.iterdir())) == 1
    assert notes() == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--decide", "databas=B"), "did you mean 'database'?"),
        (("--decide", "database=Z"), "has no option 'Z'"),
        (("--decide", "database"), "is not NAME=VALUE"),
        (("--decide", "database=B", "--decide", "database=A"), "names 'database' twice"),
        (("--at", "never"), "at must be seconds, a time"),
    ],
)
def test_strange_wishes_end_with_2(run: onb.Run, arguments: tuple[str, ...], words: str) -> None:
    """What is not there is named, and nothing is made."""
    done = call("fork", run.id, "--agents", "forked_agents:agents", *arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert len(list(run.folder.parent.iterdir())) == 1


def test_a_run_that_reuses_the_last_one(run: onb.Run) -> None:
    """``--reuse last`` does only what is not done already."""
    done = call("run", "plan.yaml", "--agents", "forked_agents:agents", "--reuse", "last")
    assert done.exit_code == 0, done.output
    assert notes() == {}
    assert newest(run).state.parent == run.id
    done = call("run", "plan.yaml", "--rehearse", "--reuse", "last")
    assert done.exit_code == 2, done.output
