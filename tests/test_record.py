"""A run is opened again from its folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.record import login_name

from .elsewhere import CHOICE, Elsewhere, plan_of, until


def small(context: Any) -> dict[str, int]:
    """Return something small."""
    return {"n": 1}


def big(context: Any) -> str:
    """Return something that needs a file."""
    return "x" * 5_000


def odd(context: Any) -> tuple[int, int]:
    """Return something that can't be stored."""
    return (1, 2)


def bad(context: Any) -> None:
    """Fail."""
    raise ValueError("no")


@pytest.fixture
def finished(tmp_path: Path) -> onb.Run:
    """Give a run that is over, with a decision and a failure."""
    names = {"small": small, "big": big, "odd": odd, "bad": bad}
    choice = onb.Decision(title="Choice", options=["x", "y"], recommend="B")
    tasks = [*(onb.Task(agent=name) for name in names), choice]
    plan = onb.Plan(
        name="{{who}}'s plan",
        inputs={"who": "Ann {{x}}"},
        mode="fully_autonomous",
        phases=[onb.Phase(name="All", tasks=tasks)],
    )
    run = onb.run(plan, agents=names, home=tmp_path)
    run.wait(20)
    return run


def test_a_record_equals_the_run(finished: onb.Run, tmp_path: Path) -> None:
    """Status, tasks, decisions and counts are the log's, folded."""
    opened = onb.open(finished.id, home=tmp_path)
    assert opened.status == "failed"
    assert opened.finished
    assert opened.state.tasks == finished.state.tasks
    assert opened.state.decisions == finished.state.decisions
    assert opened.state.counts == finished.state.counts
    assert opened.plan.name == "Ann {{x}}'s plan"
    assert opened.now() == finished.now()


def test_results_are_read_from_disk(finished: onb.Run, tmp_path: Path) -> None:
    """Small and large results come back; one that could not be stored says why."""
    results = onb.open(finished.id[:-2], home=tmp_path).wait()
    assert results["small"] == {"n": 1}
    assert results["big"] == "x" * 5_000
    assert results["choice"].option == "B"
    with pytest.raises(onb.TaskFailed, match="tuple"):
        results["odd"]
    with pytest.raises(onb.TaskFailed, match="ValueError: no"):
        results["bad"]


def test_nothing_can_be_said_to_a_record(finished: onb.Run, tmp_path: Path) -> None:
    """A command to a run that is over is refused."""
    with pytest.raises(onb.CommandError, match=r"The run is over \(failed\)"):
        onb.open(finished.id, home=tmp_path).note("hello")


def test_a_live_run_is_opened_as_itself(tmp_path: Path) -> None:
    """While a run goes on in this process, opening it gives the very run."""
    plan = onb.Plan(
        name="Ask",
        phases=[onb.Phase(name="p", tasks=[onb.Decision(title="Go", options=["yes", "no"])])],
    )
    run = onb.run(plan, agents={}, home=tmp_path)
    assert onb.open(run.id, home=tmp_path) is run
    run.stop()


def test_a_run_whose_process_died_is_interrupted(finished: onb.Run, tmp_path: Path) -> None:
    """A log without an end that nobody writes is an interrupted run; a torn line is reported."""
    log = finished.folder / "orchestration-timeline.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + b'{"torn')
    opened = onb.open(finished.id, home=tmp_path)
    assert opened.status == "interrupted"
    assert opened.state.counts["completed"] == 3


def test_an_unknown_run_is_named(tmp_path: Path) -> None:
    """A run that is not there is an error that says where was looked."""
    with pytest.raises(onb.StoreError, match="no run 'nope'"):
        onb.open("nope", home=tmp_path)


# A run that another process runs.


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """A run of another process that waits for an answer, with a task behind it."""
    tasks = [CHOICE, {"agent": "writes", "task": "Write", "depends_on": ["database-technology"]}]
    with Elsewhere(tmp_path, plan_of(*tasks)) as run:
        yield run.until_asked("database-technology")


def test_a_run_of_another_process_is_seen_as_it_is_now(elsewhere: Elsewhere) -> None:
    """Each look at it is a new one; its clock runs; pictures that were taken don't move."""
    run = onb.open(elsewhere.id, home=elsewhere.folder.home)
    assert (run.status, run.finished) == ("running", False)
    before = run.state
    assert before.decisions["database-technology"].open
    first = run.now()
    until(lambda: run.now() > first + 0.05)
    run.answer("database-technology", "B", note="we know it")
    outcome = run.state.decisions["database-technology"].outcome
    assert outcome is not None
    assert (outcome.option, outcome.by, outcome.note) == ("B", "remote", "we know it")
    assert outcome.who == login_name()
    assert before.decisions["database-technology"].open
    assert run.wait(20) == {"writes": "first draft"}
    assert (run.status, run.finished) == ("completed", True)
    assert run.now() == run.state.ended_at


async def test_a_run_of_another_process_can_be_awaited(elsewhere: Elsewhere) -> None:
    """`await run` gives the results once the other process is through."""
    run = onb.open(elsewhere.id, home=elsewhere.folder.home)
    with pytest.raises(TimeoutError, match=r"not over after 0\.05 s"):
        run.wait(0.05)
    run.answer("database-technology", "A")
    assert dict(await run) == {"writes": "first draft"}


def test_a_run_of_another_process_can_be_steered(elsewhere: Elsewhere) -> None:
    """Whatever can be said to a run reaches it, and refusals come back as they would here."""
    run = onb.open(elsewhere.id, home=elsewhere.folder.home)
    decision = "database-technology"
    run.extend(decision, 60)
    assert run.state.decisions[decision].timeout_s == 660
    run.hold(decision)
    assert run.state.decisions[decision].held == "hold"
    run.touch(decision)
    run.note("B2B only")
    assert run.state.notes == ["B2B only"]
    run.pause()
    assert run.status == "paused"
    run.unpause()
    run.edit("writes", "Write more")
    assert run.state.task("writes").title == "Write more"
    with pytest.raises(onb.CommandError, match=r"no option 'Z'; it has A, B, C, other"):
        run.answer(decision, "Z")
    with pytest.raises(onb.CommandError, match="nobody"):
        run.retry("nobody")
    run.autopilot = True
    assert run.wait(20) == {"writes": "first draft"}
    with pytest.raises(onb.CommandError, match=r"The run is over \(completed\)"):
        run.note("too late")


def test_a_run_of_another_process_can_be_stopped(elsewhere: Elsewhere) -> None:
    """`run.stop()` from elsewhere ends the run within two seconds and waits for that."""
    run = onb.open(elsewhere.id, home=elsewhere.folder.home)
    run.stop()
    assert (run.status, run.finished) == ("stopped", True)
    assert elsewhere.end() == "stopped"


def test_a_run_whose_process_is_killed_is_interrupted(elsewhere: Elsewhere) -> None:
    """Once its process is gone the run stands still, waiting for it ends, nobody is told."""
    run = onb.open(elsewhere.id, home=elsewhere.folder.home)
    assert not run.finished
    elsewhere.kill()
    assert run.wait(20) == {}
    assert run.status == "interrupted"
    assert run.now() == run.state.t
    with pytest.raises(onb.CommandError, match="Nobody runs"):
        run.answer("database-technology", "A")


def test_an_agent_may_steer_a_run_of_another_process(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """On the agents' loop nothing waits for another process: the command is on its way."""
    other = onb.open(elsewhere.id, home=elsewhere.folder.home)

    async def steers(context: Any) -> float:
        began = time.monotonic()
        other.answer("database-technology", "C")
        return time.monotonic() - began

    plan = onb.Plan(name="Mine", phases=[onb.Phase(name="p", tasks=[onb.Task(agent="steers")])])
    mine = onb.run(plan, {"steers": steers}, home=tmp_path / "mine")
    assert mine.wait(20)["steers"] < 0.1
    assert elsewhere.decided("database-technology")["option"] == "C"
