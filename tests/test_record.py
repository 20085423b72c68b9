"""A run is opened again from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb


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
