"""``orchestra-nb resume``: going on from the command line."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import orchestra_nb as onb
from orchestra_nb.cli import app

from .again.stage import cut

PLAN = """
name: From the command line
mode: fully_autonomous
on_failure: continue
phases:
- name: Only
  tasks:
  - {agent: a, task: Do a}
  - {agent: b, task: Do b, depends_on: [a]}
"""
AGENTS = """
def note(word):
    with open("notes", "a") as file:
        file.write(word)

def a(context):
    note("a")
    return "A"

def b(context):
    note("b")
    return context.results["a"] + "B"

agents = {"a": a, "b": b}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> onb.Run:
    """A run that was cut off before its last task, in the folder of its agents."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORCHESTRA_HOME", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_agents.py").write_text(AGENTS)
    (tmp_path / "plan.yaml").write_text(PLAN)
    for name in ("my_agents", "failing_agents"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    done = onb.run(tmp_path / "plan.yaml", import_module("my_agents").agents)
    done.wait(20)
    Path("notes").unlink()
    cut(done, "agent_start", task="b")
    return done


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def test_a_dry_run_says_what_would_be_done(run: onb.Run) -> None:
    """The table is printed, and nothing is started or written."""
    before = (run.folder / "orchestration-timeline.jsonl").read_bytes()
    done = call("resume", run.id[:20], "--dry-run", "--agents", "my_agents:agents")
    assert done.exit_code == 0, done.output
    assert f"Resuming {run.id}: 1 run" in done.output
    assert "was at work when the run broke off" in done.output
    assert done.output.rstrip().endswith("Nothing was started.")
    assert (run.folder / "orchestration-timeline.jsonl").read_bytes() == before
    assert not Path("notes").exists()


def test_a_run_is_gone_on_with_until_it_is_over(run: onb.Run) -> None:
    """The run is shown until its end; what was done is not done again."""
    done = call("resume", "latest", "--agents", "my_agents:agents", "--rerun", "b")
    assert done.exit_code == 0, done.output
    assert "Completed b" in done.output
    assert "Done: 2 of 2 agents" in done.output
    assert Path("notes").read_text() == "b"
    assert onb.open(run.id).results["b"] == "AB"


def test_nothing_left_to_do_is_said(run: onb.Run) -> None:
    """A run that is done is shown as it is, with how a task is done again."""
    assert call("resume", run.id, "--agents", "my_agents:agents").exit_code == 0
    done = call("resume", run.id, "--agents", "my_agents:agents")
    assert done.exit_code == 0, done.output
    assert f"Nothing is left to do in {run.id}." in done.output
    assert "--rerun TASK" in done.output


def test_who_is_missing_is_named_in_words_of_the_command_line(run: onb.Run) -> None:
    """A missing agent ends the command with 2 before anything starts."""
    done = call("resume", run.id)
    assert done.exit_code == 2
    assert "nobody does 'b'" in done.output
    assert "--agents" in done.output
    assert "agents={" not in done.output


def test_a_changed_plan_is_read_from_its_file(run: onb.Run) -> None:
    """--plan names the plan as it is now; what depends on the change is done again."""
    Path("plan.yaml").write_text(PLAN.replace("Do a}", "Do a well}"))
    done = call(
        "resume", run.id, "--agents", "my_agents:agents", "--plan", "plan.yaml", "--dry-run"
    )
    assert done.exit_code == 0, done.output
    assert "its text changed" in done.output


def test_a_failed_run_says_how_it_is_tried_again(run: onb.Run) -> None:
    """After a failure the line to copy stands there, with the agents that were named."""
    Path("failing_agents.py").write_text("def fails(): raise ValueError('no')\n"
                                         "agents = {'a': fails, 'b': fails}\n")  # fmt: skip
    done = call("run", "plan.yaml", "--agents", "failing_agents:agents")
    assert done.exit_code == 1, done.output
    (line,) = [one for one in done.output.splitlines() if "To try again what failed" in one]
    (run_id,) = {path.name for path in Path(".orchestra/runs").iterdir()} - {run.id}
    assert line.endswith(f"resume {run_id} --agents failing_agents:agents")


def test_lists_and_checks_say_how_to_go_on(run: onb.Run) -> None:
    """`runs` and `check` name the command for what broke off; `watch` does when it is over."""
    done = call("runs")
    assert "interrupted" in done.output
    assert "To go on with one that broke off, was stopped or failed: " in done.output
    assert " resume RUN" in done.output
    done = call("check", run.id)
    assert f" resume {run.id}" in done.output
    done = call("watch", run.id)
    assert done.exit_code == 3
    assert f" resume {run.id}" in done.output
    assert call("resume", run.id, "--agents", "my_agents:agents").exit_code == 0
    assert "resume RUN" not in call("runs").output
    assert json.loads((run.folder / "plan.json").read_text())["name"] == "From the command line"


def test_only_what_is_new_is_told_of_a_run_that_goes_on(run: onb.Run) -> None:
    """What it had come to is one line; then there is only what happens from there on."""
    done = call("resume", run.id, "--agents", "my_agents:agents")
    assert done.exit_code == 0, done.output
    first, *more = done.output.splitlines()
    assert first == f"Resumed {run.id}: 1 kept (a), 1 to do"
    told = [line.split("] ", 1)[1].split(" ", 1)[1].strip() for line in more if line[0] == "["]
    assert told[0] == "Starting b (attempt 2)"
    assert told[1].startswith("Completed b (")
    assert told[2:] == ["The run is over: completed"]
    assert "\nResumed: after 0:00\n" in (run.folder / "orchestration-plan.md").read_text()


def test_nothing_is_replayed_where_nothing_is_left_to_do(run: onb.Run) -> None:
    """No event of a run that is done is told as if it happened now."""
    assert call("resume", run.id, "--agents", "my_agents:agents").exit_code == 0
    done = call("resume", run.id, "--agents", "my_agents:agents")
    assert not [line for line in done.output.splitlines() if line.startswith("[")]
    assert "resume" in done.output
    assert "--agents my_agents:agents --rerun TASK" in done.output
