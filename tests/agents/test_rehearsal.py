"""Simulated agents: durations around the estimate, the same for the same seed."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb.agents.rehearsal import DEFAULT_ESTIMATE_S, Rehearsal
from orchestra_nb.store.reader import read_events
from tests.engine.rig import Rig, choice, one_phase, task


def test_durations_are_spread_around_the_estimate() -> None:
    """Most tasks take between half and twice their estimate, the middle is the estimate."""
    agent = Rehearsal(speed=60, seed=1, estimate=100.0)
    seconds = [agent.seconds(f"task-{n}") for n in range(2_000)]
    assert statistics.median(seconds) == pytest.approx(100.0, rel=0.05)
    assert sum(50 < s < 200 for s in seconds) / len(seconds) > 0.9
    assert min(seconds) > 0


def test_a_seed_and_a_task_decide_the_duration() -> None:
    """The same seed gives the same duration, another seed or task another one."""
    one, same, other = (Rehearsal(speed=60, seed=seed, estimate=100.0) for seed in (1, 1, 2))
    assert one.seconds("a") == same.seconds("a")
    assert len({one.seconds("a"), one.seconds("b"), other.seconds("a")}) == 3


def test_without_an_estimate_ten_minutes_are_assumed() -> None:
    """A task that says nothing is rehearsed as one of ten minutes."""
    assert Rehearsal(speed=60, seed=1, estimate=None).estimate == DEFAULT_ESTIMATE_S == 600


def test_it_says_what_it_would_do() -> None:
    """A simulated agent reports progress marked as simulated and returns a note."""
    worker = Rehearsal(speed=1e6, seed=1, estimate=1.0)
    rig = Rig(one_phase(task("a")), workers={"a": worker}, rehearsal=1e6).run()
    assert rig.engine.results["a"] == "Rehearsal: a would have done: do a"
    assert rig.events("agent_progress")[-1]["description"].endswith("(simulated)")
    assert rig.engine.state.rehearsal == 1e6


def test_a_rehearsal_runs_the_plan_with_live_decisions(tmp_path: Path) -> None:
    """Nobody works, decisions are real, and log and repr say REHEARSAL."""
    plan = one_phase(task("a", estimate=6.0), choice("d", "a", recommend=None), task("b", "d"))
    asked: list[str] = []
    run = onb.rehearse(
        plan, speed=1_000, seed=1, home=tmp_path, on_decision=lambda d: asked.append(d.id)
    )
    while not asked:
        assert not run.finished
    assert "REHEARSAL" in repr(run)
    run.answer("d", "B")
    run.wait(10)
    assert run.check()["d"].option == "B"
    lines, _ = read_events(run.folder / "orchestration-timeline.jsonl")
    assert next(lines)["rehearsal"] == 1_000
    assert not list(tmp_path.glob("durations*")), "simulated durations teach nothing"


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), True, "fast", None])
def test_speed_is_a_number_above_zero(speed: object, tmp_path: Path) -> None:
    """A speed that is none is refused before anything is written."""
    with pytest.raises(onb.SetupError, match="speed must be a number above 0"):
        onb.rehearse(one_phase(task("a")), speed=speed, home=tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
