"""What people said of auto-proceed elsewhere, complaint by complaint: here it can't be said.

An agent of theirs went on by itself after a silent, fixed minute. These are their words for what
was wrong with that, and those for what other orchestrators got wrong when they waited for people.
docs/decisions.md answers the same list.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.commands import Answer, Autopilot, Extend, Hold, Touch
from orchestra_nb.engine.orders import Order
from orchestra_nb.plan import Plan, Timeouts
from orchestra_nb.plan.text import slug
from orchestra_nb.state import Outcome
from orchestra_nb.views import words
from orchestra_nb.views.plan_md import plan_md
from orchestra_nb.views.static_html import final_html, final_text
from orchestra_nb.widgets.snapshot import RunInfo, snapshot

from .elsewhere import CHOICE, Elsewhere, command, plan_of
from .engine.rig import Rig, choice, one_phase, task

PAGE = (Path(__file__).parent.parent / "docs" / "decisions.md").read_text(encoding="utf-8")


def opened(**settings: Any) -> Rig:
    """A run in which one decision of ten minutes is open, and a task depends on it."""
    given: dict[str, Any] = {"timeout": "10m", "because": "it is simple"} | settings
    rig = Rig(one_phase(choice("d", **given), task("x", "d")), fake=True).start()
    rig.until_open("d")
    return rig


def shown(rig: Rig) -> dict[str, Any]:
    """What a board is sent of the one decision."""
    state = rig.engine.state
    (decision,) = snapshot(state, rig.engine.now(), run=RunInfo.of(state))["decisions"]
    return dict(decision)


def outcome(rig: Rig) -> Outcome:
    """The decision's outcome."""
    found = rig.decision("d").outcome
    assert found is not None
    return found


def test_it_was_silent() -> None:
    """The card says from its first second what happens when, and how that time came about."""
    rig = opened(timeout=None, category="database")
    decision = rig.decision("d")
    assert words.countdown(decision, 0.0) == "10:00 left, then A is taken."
    assert shown(rig)["sum"] == "10 min = 10 (database) × 1.0 (level 3) × 1.0 (normal)"
    rig.advance(541.0)
    assert words.countdown(decision, 541.0) == "Only 0:59 left, then A is taken."
    rig.advance(30.0)
    assert words.countdown(decision, 571.0) == "Only 0:29 left, then A is taken."
    rig.advance(30.0)
    rig.wait()
    state = rig.engine.state
    assert "1 decision: 1 by timeout" in final_text(state, run=RunInfo.of(state))
    for record in (
        final_html(state, run=RunInfo.of(state)),
        plan_md(state, now=rig.engine.now(), wall=0.0),
        words.outcome_sentence(decision, outcome(rig)),
    ):
        assert "Nobody answered within 10:00, so the recommendation was taken at " in record
    assert "Because: it is simple." in words.outcome_sentence(decision, outcome(rig))


def test_it_was_a_fixed_minute() -> None:
    """How long one has depends on what is decided, at which level, and how pressing it is."""
    plan = one_phase(
        choice("a", kind="confirmation"), choice("b"), choice("c", category="security"),
        choice("d", timeout="45s"), choice("e", timeout="none"),
    )  # fmt: skip
    assert [told.seconds for told in plan.explain().values()] == [120, 300, 900, 45, None]
    assert plan.explain("b", level=5, timeline="relaxed").seconds == 1200
    slow = plan.with_(timeouts=Timeouts(kinds={"standard": "15m"}))
    assert slow.explain("b").seconds == 900


def test_it_was_undocumented() -> None:
    """The page on decisions has every figure, mode and switch; each decision explains its own."""
    for told in (
        *Timeouts().kinds, *Timeouts().categories, "full_interactive", "guided",
        "semi_autonomous", "fully_autonomous", "auto_proceed: false", "timeout: none",
        "ask: always", "run.hold(", "run.extend(", "run.autopilot", ".explain(", "10 s", "30 s",
        "60 s", "2 minutes",
    ):  # fmt: skip
        assert told in PAGE, told
    told = repr(one_phase(choice("d")).explain("d"))
    assert "5 min (standard)" in told
    assert "then A - first is taken" in told


def test_it_could_not_be_switched_off() -> None:
    """The plan can, the decision can, a person can for one card; so does no recommendation."""
    for rig in (
        Rig(one_phase(choice("d"), auto_proceed=False), fake=True).start(),
        opened(timeout="none"),
        opened(recommend=None),
        opened(),
    ):
        rig.say(Hold(decision="d"))
        rig.advance(7 * 24 * 3600.0)
        assert rig.decision("d").open
        rig.say(Answer(decision="d", option="B"))
        assert outcome(rig.wait()).by == "user"
    rig = opened()
    assert rig.say(Autopilot(on=False))[0]
    assert rig.decision("d").open


def test_it_fired_while_i_was_typing() -> None:
    """Whoever types is not overtaken for hours, and has half a minute after the last key."""
    rig = opened(timeout="1m")
    for _ in range(240):
        rig.send(Touch(decision="d", typing=True))
        rig.advance(29.0)
        assert rig.decision("d").open
    assert rig.engine.now() > 6_900
    rig.advance(1.0)
    assert words.seconds_left(rig.decision("d"), rig.engine.now()) == pytest.approx(60, abs=0.1)
    rig.say(Answer(decision="d", option="other", text="neither: a third way"))
    assert outcome(rig.wait()).text == "neither: a third way"


def test_no_answer_was_stored_as_an_answer() -> None:
    """A timeout is told apart from an answer in the log and in what agents get."""
    rig = opened()
    rig.advance(601.0)
    rig.wait()
    assert rig.events("user_input") == []
    event = rig.event("decision")
    assert (event["by"], event["who"], event["note"]) == ("timeout", "", "")
    assert event["reason"] == "No user response within 10:00. it is simple"
    assert (outcome(rig).by, outcome(rig).who) == ("timeout", "")
    assert "by timeout" in repr(outcome(rig))
    answered = opened()
    answered.say(Answer(decision="d", option="A"))
    answered.wait()
    assert answered.event("user_input")["response"] == "A - first"
    assert answered.event("decision")["by"] == "user"


def test_a_choice_i_never_made_was_silently_committed() -> None:
    """Only what was recommended is taken; who comes too late is told what was, by whom, when."""
    rig = opened()
    rig.send(Touch(decision="d"))
    rig.advance(700.0)
    assert (outcome(rig).option, outcome(rig).by) == ("A", "timeout")
    ok, text = rig.say(Answer(decision="d", option="B", source="board", client="tab"))
    assert not ok
    assert text.startswith("Too late: A was taken by timeout at ")
    assert text.endswith("Your B was not used.")
    assert rig.events("user_input") == []
    free = opened(recommend=None)
    free.advance(1e6)
    assert free.decision("d").open


def test_the_dialog_was_yanked_away() -> None:
    """One can have more time as often as wanted; after the end its record stands in its place."""
    rig = opened(timeout="1m")
    for _ in range(10):
        rig.advance(50.0)
        assert rig.say(Extend(decision="d", seconds=60.0))[0]
    assert rig.say(Extend(decision="d"))[0]
    assert rig.decision("d").deadline == pytest.approx(60.0 + 600.0 + 300.0)
    before = shown(rig)
    rig.advance(1_000.0)
    after = shown(rig)
    assert (before["outcome"], after["outcome"]["by"]) == (None, "timeout")
    for part in ("id", "title", "options", "context", "sum"):
        assert after[part] == before[part]


def test_the_click_was_not_looked_for_when_the_timer_fired(tmp_path: Path) -> None:
    """An answer that was received before the timer counts before it, through every door."""
    rig = opened()
    gate, there = threading.Event(), threading.Event()

    def stall() -> None:
        there.set()
        gate.wait(9)

    rig.engine.post(stall)
    assert there.wait(9)
    rig.engine.post(Order(Answer(decision="d", option="B")))
    rig._fake().time += 602.0
    gate.set()
    assert outcome(rig.wait()).by == "user"

    looked: list[str] = []

    def look() -> None:
        if not looked:
            looked.append("answers inbox")
            door.engine.post(Order(Answer(decision="d", option="B", source="cli", who="maria")))

    plan = one_phase(choice("d", timeout="10m"))
    door = Rig(plan, fake=True, look=look).start()
    door.advance(601.0)
    door.wait()
    assert (looked, outcome(door).by, outcome(door).who) == (["answers inbox"], "remote", "maria")


def test_one_timeout_served_the_task_and_the_person() -> None:
    """A task's timeout counts its own work; however long a person takes is none of it."""

    def agent(context: onb.Context) -> str:
        return context.decide_sync("Which?", ["x", "y"], recommend="A", timeout="1h").text

    rig = Rig(one_phase(task("a", timeout="2m")), {"a": agent}, fake=True).start()
    rig.until_open("a/which")
    rig.advance(3_500.0)
    assert rig.task("a").status == "waiting"
    rig.say(Answer(decision="a/which", option="B"))
    rig.wait()
    assert rig.engine.results["a"] == "y"


def test_waiting_for_a_person_froze_everything_else() -> None:
    """An open decision holds back what depends on it, and nothing else."""
    plan = one_phase(choice("d"), task("x", "d"), task("free", free=True), task("more", "free"))
    rig = Rig(plan, fake=True).start()
    rig.until(lambda: rig.task("more").status == "completed")
    assert (rig.decision("d").open, rig.task("x").status) == (True, "pending")
    rig.say(Answer(decision="d", option="A"))
    rig.wait()


def test_away_from_the_desk_there_was_no_way_to_answer(tmp_path: Path) -> None:
    """Any terminal of the machine lists what is open and answers it, and the log says who did."""
    with Elsewhere(tmp_path, plan_of({**CHOICE, "timeout": "none"})) as there:
        there.until_asked("database-technology")
        listed = command(tmp_path, "decisions").communicate(timeout=30)[0]
        assert "Database technology" in listed
        answer = command(
            tmp_path, "decide", there.id, "database-technology", "B", "--as", "maria"
        )  # fmt: skip
        assert answer.communicate(timeout=30) is not None
        decided = there.decided("database-technology")
        assert (decided["option"], decided["by"], decided["who"]) == ("B", "remote", "maria")
        assert there.end() == "completed"


def test_the_laptop_slept_and_woke_up_to_a_decision() -> None:
    """After a sleep nothing is decided on waking: there is a minute for whoever opens the lid."""
    rig = opened()
    rig.sleep(8 * 3600.0)
    decision = rig.decision("d")
    assert words.countdown(decision, rig.engine.now()) == "Clock paused: this machine was asleep."
    rig.advance(59.0)
    assert decision.open
    rig.say(Answer(decision="d", option="B"))
    assert outcome(rig.wait()).by == "user"


def test_nobody_could_tell_who_had_decided() -> None:
    """Person, timer, autopilot and mode are different words in the log."""
    found = []
    for how, mode in (
        (Answer(decision="d", option="A"), "full_interactive"),
        (Answer(decision="d", option="A", source="cli"), "full_interactive"),
        (Autopilot(on=True), "full_interactive"),
        (None, "full_interactive"),
        (None, "fully_autonomous"),
    ):
        plan: Plan = one_phase(choice("d", timeout="10m"), mode=mode)
        rig = Rig(plan, fake=True).start()
        if how is not None:
            rig.say(how)
        rig.advance(601.0)
        found.append(rig.wait().event("decision")["by"])
    assert found == ["user", "remote", "autopilot", "timeout", "policy"]


def test_each_complaint_on_the_page_is_tested() -> None:
    """The page answers the complaints of this module, one row each, in the same words."""
    rows = [line.split(" | ")[0].strip("| ") for line in PAGE.splitlines() if ". | " in line]
    names = [name for name in globals() if name.startswith("test_") and "_page_" not in name]
    assert [f"test_{slug(row).replace('-', '_')}" for row in rows] == names
