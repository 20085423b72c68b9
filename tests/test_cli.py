"""The command line."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestra_nb.cli import app

ROOT = Path(__file__).parent.parent
PRICING = ROOT / "examples" / "pricing.yaml"

PLAN = """\
name: Two steps
phases:
  - name: Only
    tasks:
      - {agent: first, task: Begin, estimate: 1s}
      - {agent: second, task: "End for {{who}}", depends_on: [first], role: testing}
inputs:
  who: {ask: "For whom?", default: us}
"""
AGENTS = """\
def first(context):
    return "begun"

def second(context, first):
    if context.inputs["who"] == "nobody":
        raise ValueError("nobody to end for")
    return first + " for " + context.inputs["who"]

agents = {"first": first, "second": second}

def made():
    return agents
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan and its functions, which is the current one."""
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "cli_agents.py").write_text(AGENTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    return tmp_path


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def test_run_completes(folder: Path) -> None:
    """A run that completes prints its lines and its folder, and ends with 0."""
    done = call("run", "plan.yaml", "--agents", "cli_agents:agents", "--input", "who=you")
    assert done.exit_code == 0, done.output
    assert "Completed second" in done.output
    assert "Done: 2 of 2 agents" in done.output
    found = re.search(r"Everything is in (.+)", done.output)
    assert found is not None
    assert "COMPLETED" in (Path(found[1]) / "orchestration-plan.md").read_text("utf-8")


def test_a_failed_task_is_1(folder: Path) -> None:
    """A run with a failed task names it and ends with 1."""
    options = ["--input", "who=nobody", "--home", "elsewhere", "--on-failure", "continue"]
    done = call("run", "plan.yaml", "--agents", "cli_agents:made", *options)
    assert done.exit_code == 1
    assert "second failed: ValueError: nobody to end for" in done.output
    assert (folder / "elsewhere" / "runs").is_dir()


def test_settings_reach_the_run(folder: Path) -> None:
    """The level given on the command line decides what runs."""
    done = call("run", "plan.yaml", "--agents", "cli_agents:agents", "--level", "1")
    assert done.exit_code == 0
    assert "Skipped second: testing runs from level 2, this is level 1" in done.output
    assert "(2 agents, level 1)" in done.output


def test_rehearse_needs_no_agents(folder: Path) -> None:
    """A rehearsal of any plan runs, labelled as one; --yes takes every recommendation."""
    arguments = ["run", str(PRICING), "--rehearse", "--speed", "20000", "--seed", "1", "--yes"]
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    assert "REHEARSAL simulated agents, ×20000" in done.output
    assert "Autopilot took the recommendation" in done.output
    assert "Done: 12 of 12 agents" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "missing.yaml"], "There is no plan 'missing.yaml'."),
        (["check", "missing.yaml"], "There is no plan 'missing.yaml'."),
        (["run", "plan.yaml", "--agents", "cli_agents"], "is not MODULE:NAME"),
        (["run", "plan.yaml", "--agents", "no_such_module:x"], "can't import 'no_such_module'"),
        (["run", "plan.yaml", "--agents", "cli_agents:nothing"], "is not a mapping"),
        (["run", "plan.yaml", "--agents", "cli_agents:agents", "--input", "who"], "NAME=VALUE"),
        (["run", "plan.yaml", "--agents", "cli_agents:agents", "--input", "what=x"], "what"),
        (["run", "plan.yaml", "--rehearse", "--level", "7"], "from 1 to 5"),
        (["run", "plan.yaml", "--rehearse", "--mode", "loud"], "mode"),
        (["run", "plan.yaml", "--rehearse", "--speed", "0"], "more than 0"),
        (["run", "plan.yaml", "--rehearse", "--agents", "cli_agents:agents"], "leave --agents"),
        (["check", "plan.yaml", "--level", "0"], "from 1 to 5"),
        (["run", "plan.yaml", "--levle", "2"], "--levle"),
        (["demo", "no_such_package_at_all"], "no_such_package_at_all"),
    ],
)
def test_bad_input_is_2(folder: Path, arguments: list[str], message: str) -> None:
    """What is wrong with the input is one message and exit code 2; nothing is written."""
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert "Traceback" not in done.output
    assert not (folder / "home" / "runs").exists()


def test_all_faults_of_a_plan_at_once(folder: Path) -> None:
    """A plan that is not valid has all its faults listed with their places."""
    (folder / "bad.yaml").write_text(
        "name: x\nlevel: 9\nphases:\n  - name: P\n    tasks:\n"
        "      - {agent: a, depends_on: [b], estimate: soon}\n",
        encoding="utf-8",
    )
    for command in ("check", "run"):
        done = call(command, "bad.yaml")
        assert done.exit_code == 2
        assert "has 3 faults" in done.output
        assert "level (line 2)" in done.output
        assert "Nothing was started." in done.output


def test_check_says_what_would_run(folder: Path) -> None:
    """A valid plan's check lists what runs at a level, and why the rest does not."""
    done = call("check", "plan.yaml", "--level", "1")
    assert done.exit_code == 0
    assert done.output == (
        "Two steps: no faults.\n"
        "Level 1 (MVP/Prototype):\n"
        "  Phase 1: Only\n"
        "    first   runs, about 1 second\n"
        "    second  skipped: testing runs from level 2, this is level 1\n"
        "1 of 2 entries run at this level.\n"
    )
    assert not (folder / "home").exists()


def test_levels() -> None:
    """The five levels and what they ask for."""
    done = call("levels")
    assert done.exit_code == 0
    assert "3  Alpha Production: Production ready for early adopters" in done.output
    assert "     testing: comprehensive" in done.output


def test_demo_reviews_a_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo runs from a checkout, prints its report's path and what to try next."""
    monkeypatch.chdir(ROOT)
    done = call("demo", "typer", "--yes", "--home", str(folder / "home"))
    assert done.exit_code == 0, done.output
    found = re.search(r"The report: (.+)", done.output)
    assert found is not None
    assert "typer" in Path(found[1]).read_text("utf-8")
    assert "Everything is in" in done.output
    assert "make lab" in done.output
    assert "demo rich" in done.output


def test_demo_outside_a_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the examples the demo says where they are."""
    monkeypatch.setattr("orchestra_nb.cli.starting.__file__", str(folder / "a" / "b" / "c.py"))
    done = call("demo")
    assert done.exit_code == 2
    assert "in the project's checkout" in done.output


def test_help_names_the_commands() -> None:
    """The help lists what there is."""
    done = call("--help")
    for command in ("demo", "run", "check", "levels"):
        assert command in done.output


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_python_m_is_the_command_line() -> None:
    """`python -m orchestra_nb` is the same program."""
    line = [sys.executable, "-m", "orchestra_nb", "levels"]
    done = subprocess.run(line, capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.startswith("1  ")


def test_without_a_keyboard_one_is_told_how_to_answer(folder: Path) -> None:
    """A decision that waits says which line answers it, and what asks about nothing."""
    line = [sys.executable, "-m", "orchestra_nb", "run", "plan.yaml", "--input", "who=nobody"]
    process = subprocess.Popen(
        [*line, "--agents", "cli_agents:made"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    while not said or "--yes takes every recommendation" not in said[-1]:
        said.append(next(process.stdout))
    answer = re.search(r"To answer: \S*orchestra-nb (decide \S+ second/failed B.*)", "".join(said))
    assert answer is not None
    assert call(*shlex.split(answer[1])).exit_code == 0
    process.communicate(timeout=20)
    assert process.returncode == 1


def test_ctrl_c_stops_within_2_seconds(folder: Path) -> None:
    """An interrupt ends the run within two seconds, names it, and the code is 130."""
    command = "from orchestra_nb.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "run", str(PRICING), "--rehearse", "--speed", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert "SaaS pricing optimizer" in first
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        output = process.communicate(timeout=20)[0]
        assert time.monotonic() - began < 2
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, output
    run = re.search(r"run (\S+)", first)
    assert run is not None
    assert f"Run {run[1]} was stopped" in output
    assert "Traceback" not in output
