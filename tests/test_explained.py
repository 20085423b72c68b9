"""What a run says of its decisions' clocks, before, while and after they are asked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb.commands import Answer, Autopilot, Extend, Hold, Level, Pause, Touch
from orchestra_nb.explained import explain_run
from orchestra_nb.plan.explain import Explanation
from tests.engine.rig import Rig, choice, one_phase, task


def told(rig: Rig, decision: str) -> Explanation:
    """What the run of a rig says of a decision."""
    engine = rig.engine
    found = explain_run(rig.plan, engine.state, engine.now(), decision)
    assert isinstance(found, Explanation)
    return found


def test_an_open_decision_says_how_it_stands() -> None:
    """Time left, holds with their reason, what was added, and the outcome are told."""
    rig = Rig(one_phase(choice("d", category="database")), fake=True).start()
    rig.advance(156.0)
    assert repr(told(rig, "D")).splitlines() == [
        "D (d)",
        "  asked  yes",
        "  clock  10 min = 10 (database) × 1.0 (level 3) × 1.0 (normal)",
        "  now    7:24 left, then A - first is taken",
    ]
    rig.say(Extend(decision="d"))
    rig.send(Touch(decision="d", typing=True))
    assert told(rig, "d").lines[2:] == (
        ("added", "15 min with what was added"),
        ("now", "held, somebody types; 12:24 left after that"),
    )
    rig.say(Hold(decision="d"))
    assert told(rig, "d").lines[-1][1].startswith("held, somebody said wait for me; ")
    rig.say(Answer(decision="d", option="B", who="Ana"))
    rig.wait()
    assert told(rig, "d").lines[-1] == ("now", "B - second, by user (Ana), after 2:36 of 15:00")


def test_paused_and_patient_decisions() -> None:
    """A paused run and a decision without a clock say so."""
    rig = Rig(one_phase(choice("d"), choice("e", recommend=None)), fake=True).start()
    assert told(rig, "e").lines[-1] == ("now", "it waits until somebody answers")
    rig.say(Pause())
    assert told(rig, "d").lines[-1] == ("now", "held, the run is paused; 5:00 left after that")


def test_what_is_still_to_come_counts_as_the_run_is_now() -> None:
    """A decision not asked yet is told with the run's level and autopilot of this moment."""
    gate = threading.Event()
    plan = one_phase(task("a"), choice("d", "a"), choice("e", "a"))
    rig = Rig(plan, {"a": lambda: gate.wait(9)}, fake=True).start()
    assert told(rig, "d").seconds == 300
    rig.say(Level(level=5))
    assert told(rig, "d").seconds == 600
    rig.say(Autopilot(on=True, decision="d"))
    assert (told(rig, "d").taken, told(rig, "e").taken) == ("autopilot", None)
    gate.set()
    rig.until_open("e")
    assert told(rig, "e").timeout.seconds == rig.decision("e").timeout_s == 600
    assert rig.decision("d").outcome is not None
    assert told(rig, "d").lines[0] == ("asked", "no: Autopilot took the recommendation")
    rig.say(Answer(decision="e", option="A"))
    rig.wait()


def test_a_run_in_hand_explains(tmp_path: Path) -> None:
    """run.explain() lists all decisions of the plan and of its agents, also once it is over."""

    def agent(context: onb.Context) -> str:
        return context.decide_sync("Which?", ["x", "y"], recommend="A", kind="critical").option

    plan = one_phase(task("a"), choice("d", "a"), checkpoints="each", mode="guided")
    asked = threading.Event()
    run = onb.run(plan, {"a": agent}, home=tmp_path, on_decision=lambda decision: asked.set())
    assert asked.wait(20)
    assert "then A - x is taken" in run.explain("a/which").lines[-1][1]
    run.answer("a/which", "B")
    run.wait(20)
    assert list(run.explain()) == ["d", "a/which"]
    assert repr(run.explain()).splitlines()[1].startswith("  d        not asked: by policy")
    opened = onb.open(run.id, home=tmp_path)
    assert opened.explain("d") == run.explain("d")
    with pytest.raises(onb.PlanError, match="no decision 'nope'"):
        run.explain("nope")
