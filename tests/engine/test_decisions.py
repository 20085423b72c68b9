"""Decisions: who decides, when the clock runs, at most one outcome."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import (
    Answer,
    Autopilot,
    Extend,
    Hold,
    Note,
    Pause,
    Shown,
    Touch,
    Unpause,
)
from orchestra_nb.engine.orders import Order
from orchestra_nb.plan import Plan

from .rig import WALL, Rig, choice, fields_of, fold, one_phase, task


def asking(**settings: Any) -> Plan:
    """A plan with one decision of ten minutes and a task that depends on it."""
    given: dict[str, Any] = {"timeout": "10m", "because": "it is simple"} | settings
    return one_phase(choice("d", **given), task("x", "d"))


def opened(plan: Plan | None = None, **options: Any) -> Rig:
    """A rig whose decision is open."""
    rig = Rig(plan or asking(), fake=True, **options).start()
    assert rig.decision("d").open
    return rig


def outcome(rig: Rig, decision: str = "d") -> dict[str, Any]:
    """The one outcome of a decision in the log."""
    return rig.event("decision", decision_id=decision)


def test_an_answer_is_the_outcome() -> None:
    """A person's choice is logged with its words, its question and who gave it."""
    rig = opened()
    rig.advance(12.0)
    said = rig.say(Answer(decision="d", option="B", note="cheaper", who="Ana", client="tab-1"))
    assert said == (True, "D: B, by you.")
    rig.wait()
    event = outcome(rig)
    assert event["decision"] == "B - second"
    assert {key: event[key] for key in ("option", "by", "who", "client", "note")} == {
        "option": "B", "by": "user", "who": "Ana", "client": "tab-1", "note": "cheaper",
    }  # fmt: skip
    assert (event["waited_s"], event["timeout_s"]) == (12.0, 600.0)
    assert (event["wall"], event["recommendation"]) == (WALL, "A")
    assert rig.event("user_input")["response"] == "B - second"
    assert rig.event("note")["description"] == "cheaper"
    assert rig.task("x").status == "completed"


@pytest.mark.parametrize(
    ("source", "by"), [("board", "user"), ("python", "user"), ("cli", "remote")]
)
def test_the_door_is_part_of_the_outcome(source: Any, by: str) -> None:
    """Answers from another program are told apart from those given here."""
    rig = opened()
    rig.say(Answer(decision="d", option="B", source=source))
    assert outcome(rig.wait())["by"] == by


def test_nobody_answers() -> None:
    """When the time is over the recommendation is taken, with its reason."""
    rig = opened()
    rig.advance(599.9)
    assert rig.decision("d").open
    rig.advance(0.2)
    event = outcome(rig.wait())
    assert (event["option"], event["by"]) == ("A", "timeout")
    assert event["reason"] == "No user response within 10:00. it is simple"
    assert "user_input" not in rig.kinds()


def test_an_answer_before_the_deadline_wins() -> None:
    """An answer that was received before the deadline counts, though the timer is due too."""
    rig = opened()
    with blocked(rig):
        rig.engine.post(Order(Answer(decision="d", option="B")))
        rig._fake().time += 600.5
    assert outcome(rig.wait())["by"] == "user"


def test_an_answer_behind_a_flood_still_wins() -> None:
    """However many messages stand before it, an answer is heard before the timer."""
    rig = opened()
    with blocked(rig):
        for _ in range(2_000):
            rig.engine.post(lambda: None)
        rig.engine.post(Order(Answer(decision="d", option="B")))
        rig._fake().time += 600.5
    assert outcome(rig.wait())["by"] == "user"


class blocked:  # noqa: N801  reads as a statement
    """Keeps the engine's loop busy."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.gate = rig, threading.Event()

    def __enter__(self) -> None:
        """Block."""
        there = threading.Event()

        def block() -> None:
            there.set()
            self.gate.wait(9)

        self.rig.engine.post(block)
        assert there.wait(9)

    def __exit__(self, *error: object) -> None:
        """Go on."""
        self.gate.set()


def test_there_is_one_outcome() -> None:
    """The first answer stands; others are told who was first, also after the end."""
    rig = opened()
    with blocked(rig):
        for option in "BABA":
            rig.engine.post(Order(Answer(decision="d", option=option, client="tab-1")))
    rig.wait()
    assert outcome(rig)["option"] == "B"
    ok, text = rig.say(Answer(decision="d", option="A"))
    assert not ok
    assert text.startswith("Already decided: B, by you, at ")
    ok, text = rig.say(Answer(decision="d", option="A", source="board", client="tab-2"))
    assert not ok
    assert text.startswith("Already decided: B, by you in another tab, at ")


def test_a_click_that_comes_twice_is_one_click() -> None:
    """The same click from the same tab is confirmed again; anything else it says is told so."""
    rig = opened()
    click = Answer(decision="d", option="other", text="MySQL", source="board", client="tab-1")
    assert rig.say(click) == rig.say(click) == (True, "D: other, by you.")
    ok, text = rig.say(replace(click, text="SQLite"))
    assert (ok, text.startswith("Already decided: other, by you, at ")) == (False, True)
    ok, text = rig.say(replace(click, option="B"))
    assert (ok, text.startswith("Already decided: other, by you, at ")) == (False, True)
    ok, text = rig.say(replace(click, note="and soon"))
    assert (ok, text.startswith("Already decided: other, by you, at ")) == (False, True)
    assert outcome(rig.wait())["decision"] == "MySQL"


def test_the_tab_of_an_answer_from_python() -> None:
    """A card that comes after an answer from Python is not told of another tab."""
    rig = opened()
    rig.say(Answer(decision="d", option="B"))
    text = rig.say(Answer(decision="d", option="A", source="board", client="tab-1"))[1]
    assert text.startswith("Already decided: B, by you, at ")


def test_too_late_is_said_honestly() -> None:
    """Whoever answers after the timeout hears what was taken, and that theirs was not."""
    rig = opened()
    rig.advance(601.0)
    ok, text = rig.say(Answer(decision="d", option="B"))
    assert not ok
    assert text.startswith("Too late: A was taken by timeout at ")
    assert text.endswith("Your B was not used.")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(decision="d", option="Z"), "'d' has no option 'Z'; it has A, B, other"),
        (Answer(decision="d", option="other"), "'other' of 'd' needs your words: text=..."),
        (Answer(decision="d", option="other", text="   "), "'other' of 'd' needs your words"),
        (Answer(decision="d", option=""), "'d' needs an option; it has A, B, other"),
        (Answer(decision="E", option="A"), "There is no open decision 'E'; open: d"),
        (Answer(decision="dd", option="A"), "There is no open decision 'dd'; did you mean 'd'?"),
        (Answer(decision="nope", option="A"), "There is no open decision 'nope'; open: d"),
        (Hold(decision="nope"), "There is no open decision 'nope'"),
        (Extend(decision="d", seconds=-1.0), "by up to a day, not by -1.0 s"),
        (Extend(decision="d", seconds=float("nan")), "by up to a day"),
        (Extend(decision="d", seconds=1e9), "by up to a day"),
        (Note(text="  "), "A note needs some text"),
        (Autopilot(on=True, decision="nope"), "There is no open decision 'nope'"),
    ],
)
def test_what_can_t_be_done_is_refused(answer: Any, said: str) -> None:
    """A command that fits nothing changes nothing and says why."""
    rig = opened()
    before = len(rig.journal.lines)
    ok, text = rig.say(answer)
    assert not ok
    assert said in text
    assert len(rig.journal.lines) == before
    assert rig.decision("d").open


def test_free_text_is_an_answer() -> None:
    """Words of one's own are taken where the decision allows them."""
    rig = opened()
    assert rig.say(Answer(decision="d", option="other", text=" a third way "))[0]
    event = outcome(rig.wait())
    assert (event["option"], event["decision"]) == ("other", "a third way")


def test_free_text_can_be_refused() -> None:
    """A decision with `other: false` takes its options only."""
    rig = opened(asking(other=False))
    ok, text = rig.say(Answer(decision="d", option="other", text="a third way"))
    assert not ok
    assert text == "'d' has no option 'other'; it has A, B"


def test_without_a_recommendation_there_is_no_clock() -> None:
    """A decision that recommends nothing waits for a person in every mode."""
    for mode in ("full_interactive", "fully_autonomous"):
        rig = opened(one_phase(choice("d", recommend=None), task("x", "d"), mode=mode))
        rig.advance(100_000.0)
        assert rig.decision("d").open
        assert rig.say(Extend(decision="d"))[1] == "'d' has no timeout to extend"
        rig.say(Answer(decision="d", option="A"))
        rig.wait()


def test_auto_proceed_false_stops_all_clocks() -> None:
    """In a plan that never proceeds by itself no decision times out."""
    rig = opened(asking().with_(auto_proceed=False))
    assert rig.decision("d").timeout_s is None
    rig.advance(100_000.0)
    assert rig.decision("d").open


@pytest.mark.parametrize(
    ("mode", "settings", "by"),
    [
        ("full_interactive", {}, None),
        ("guided", {}, "policy"),
        ("guided", {"kind": "critical"}, None),
        ("guided", {"category": "cost"}, None),
        ("guided", {"timeout": "none"}, "policy"),
        ("semi_autonomous", {}, None),
        ("fully_autonomous", {"kind": "critical"}, "policy"),
        ("fully_autonomous", {"ask": "always"}, None),
        ("guided", {"ask": "always"}, None),
    ],
)
def test_the_mode_says_who_is_asked(mode: Any, settings: dict[str, Any], by: str | None) -> None:
    """What the mode does not show is decided by policy at once, everything else is asked."""
    rig = Rig(asking(**settings).with_(mode=mode), fake=True).start()
    if by is None:
        assert rig.decision("d").open
        assert rig.asked == ["d"]
    else:
        event = outcome(rig.wait())
        assert (event["by"], event["waited_s"]) == (by, 0.0)
        assert event["reason"] == "This mode takes the recommendation. it is simple"
        assert rig.asked == []


def test_autopilot_takes_what_is_open_and_what_comes() -> None:
    """Switched on, it decides all open decisions but those always asked, and later ones."""
    plan = one_phase(
        choice("d"), choice("e", ask="always"), choice("f", "e"), choice("g", recommend=None)
    )
    rig = Rig(plan, fake=True).start()
    assert rig.say(Autopilot(on=True, who="Ana"))[0]
    assert rig.decision("d").outcome is not None
    assert rig.event("plan_adjustment")["autopilot"] is True
    assert (rig.decision("e").open, rig.decision("g").open) == (True, True)
    rig.say(Answer(decision="e", option="B"))
    assert outcome(rig, "f")["by"] == "autopilot"
    rig.say(Autopilot(on=False))
    assert rig.engine.state.autopilot is False
    rig.say(Answer(decision="g", option="B"))
    rig.wait()


def test_autopilot_answers_agents_too() -> None:
    """An agent's open question is taken as well when autopilot is switched on."""

    def agent(context: Context) -> str:
        return context.decide_sync("Which?", ["x", "y"], recommend="B").text

    rig = Rig(one_phase(task("a")), {"a": agent}, fake=True).start()
    rig.until_open("a/which")
    rig.say(Autopilot(on=True))
    rig.wait()
    assert rig.engine.results["a"] == "y"
    assert outcome(rig, "a/which")["by"] == "autopilot"


def test_autopilot_for_one_card() -> None:
    """One decision can be left to its recommendation; the run's switch stays."""
    rig = opened(one_phase(choice("d"), choice("e"), choice("f", recommend=None)))
    assert rig.say(Autopilot(on=True, decision="d"))[0]
    assert rig.say(Autopilot(on=True, decision="f"))[1] == "'f' has no recommendation to take"
    assert (rig.engine.state.autopilot, rig.decision("e").open) == (False, True)


def test_autopilot_for_a_decision_to_come() -> None:
    """Said beforehand, autopilot takes that one decision when it comes up, and no other."""
    gate = threading.Event()
    always = choice("d", "a", ask="always")
    plan = one_phase(task("a"), always, choice("e", "a"), mode="guided")
    rig = Rig(plan, {"a": lambda: gate.wait(9)}, fake=True).start()
    assert rig.say(Autopilot(on=True, decision="d", who="Ana"))[0]
    assert rig.say(Autopilot(on=False, decision="e"))[0]
    assert "no open decision 'a', and none to come" in rig.say(Autopilot(on=True, decision="a"))[1]
    rig.say(Autopilot(on=True))
    gate.set()
    rig.until_open("e")
    assert (outcome(rig, "d")["by"], rig.engine.state.autopilots) == (
        "autopilot",
        {"d": True, "e": False},
    )
    rig.say(Autopilot(on=True))
    assert rig.decision("e").open, "this one is asked, whatever autopilot says"
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)
    rig.say(Autopilot(on=True, decision="e"))
    assert outcome(rig.wait(), "e")["by"] == "autopilot"


def test_autopilot_can_t_be_switched_off_where_nothing_is_asked() -> None:
    """A fully autonomous run says so instead of pretending."""
    rig = opened(one_phase(choice("d", ask="always"), mode="fully_autonomous"))
    ok, text = rig.say(Autopilot(on=False))
    assert (ok, "asks nothing" in text) == (False, True)
    assert rig.engine.state.autopilot is True


def test_hold_and_release() -> None:
    """A hold stops the clock; letting go starts it with what was left."""
    rig = opened()
    rig.advance(100.0)
    assert rig.say(Hold(decision="d"))[0]
    assert (rig.decision("d").held, rig.decision("d").deadline) == ("hold", None)
    rig.advance(10_000.0)
    assert rig.decision("d").open
    rig.say(Hold(decision="d", on=False))
    assert rig.decision("d").deadline == pytest.approx(rig.engine.t + 500.0, abs=0.01)
    rig.advance(501.0)
    assert outcome(rig.wait())["waited_s"] == pytest.approx(10_600.0, abs=0.1)


def test_touching_holds_and_lets_go() -> None:
    """Key presses hold the clock until 30 s after the last; one event says each change."""
    rig = opened()
    for _ in range(5):
        rig.send(Touch(decision="d", typing=True))
        rig.advance(20.0)
    assert [e["cause"] for e in rig.events("decision_held")] == ["typing"]
    rig.advance(11.0)
    assert [e["cause"] for e in rig.events("decision_released")] == ["released"]
    assert rig.decision("d").deadline == pytest.approx(110.0 + 600.0, abs=0.01)


def test_hover_alone_runs_out() -> None:
    """The mouse on a card holds it for two minutes in all, and the card says until when."""
    rig = opened()
    rig.send(Touch(decision="d"))
    assert rig.decision("d").held_until == pytest.approx(120.0)
    for _ in range(300):
        rig.send(Touch(decision="d"))
        rig.advance(5.0)
        if not rig.decision("d").open:
            break
    assert outcome(rig.wait())["waited_s"] == pytest.approx(720.0, abs=0.1)


def test_extending() -> None:
    """+5 min moves the deadline and the whole clock, running or held."""
    rig = opened()
    rig.advance(60.0)
    assert rig.say(Extend(decision="d"))[0]
    assert rig.decision("d").deadline == pytest.approx(900.0, abs=0.01)
    rig.say(Hold(decision="d"))
    rig.say(Extend(decision="d", seconds=60.0))
    assert (rig.decision("d").held, rig.decision("d").timeout_s) == ("hold", 960.0)
    assert rig.decision("d").remaining_s == pytest.approx(900.0, abs=0.01)
    rig.say(Hold(decision="d", on=False))
    rig.advance(901.0)
    assert outcome(rig.wait())["timeout_s"] == 960.0


def test_a_pause_stops_all_clocks_new_ones_too() -> None:
    """Clocks stand still in a paused run, also of decisions that open meanwhile."""
    gate = threading.Event()
    plan = one_phase(task("a"), choice("d", timeout=100), choice("e", "a", timeout=100))
    rig = Rig(plan, {"a": lambda: gate.wait(9)}, fake=True).start()
    rig.advance(10.0)
    rig.say(Pause())
    gate.set()
    rig.until_open("e")
    rig.advance(1_000.0)
    assert [rig.decision(name).held for name in "de"] == ["pause", "pause"]
    rig.say(Unpause())
    assert rig.decision("d").deadline == pytest.approx(rig.engine.t + 90.0, abs=0.01)
    assert rig.decision("e").deadline == pytest.approx(rig.engine.t + 100.0, abs=0.01)
    rig.advance(101.0)
    rig.wait()


def test_waking_late_decides_nothing() -> None:
    """After a sleep no timer fires: every open decision stands for 60 s more."""
    rig = opened(one_phase(choice("d", timeout=100), choice("e", timeout=5_000)))
    rig.sleep(1_000.0)
    assert [rig.decision(name).held for name in "de"] == ["asleep", "asleep"]
    rig.advance(59.0)
    assert rig.decision("d").open
    rig.advance(2.0)
    assert outcome(rig, "d")["by"] == "timeout"
    assert rig.decision("e").deadline == pytest.approx(5_060.0, abs=1.0)


def test_whoever_touches_first_after_a_sleep() -> None:
    """A touch that comes with the waking takes nothing from the minute that all get."""
    rig = opened(one_phase(choice("d", timeout=100), choice("e", timeout=5_000)))
    with blocked(rig):
        rig.engine.post(Order(Touch(decision="d")))
        rig._fake().time += 1_000.0
    rig.turn()
    assert [rig.decision(name).held for name in "de"] == ["here", "asleep"]
    rig.advance(59.0)
    assert (rig.decision("d").open, rig.decision("d").held) == (True, "asleep")
    rig.advance(2.0)
    assert outcome(rig, "d")["by"] == "timeout"


def test_a_short_stall_is_no_sleep() -> None:
    """A timer up to five seconds late still counts."""
    rig = opened(asking(timeout=100))
    rig.sleep(104.0)
    assert outcome(rig.wait())["by"] == "timeout"


def test_shown_seconds_are_part_of_the_evidence() -> None:
    """How long a card was visible is in its outcome, never more than it was open."""
    rig = opened()
    rig.advance(30.0)
    for seconds in (5.0, 7.0, -3.0, float("nan"), 1e9):
        rig.send(Shown(decision="d", seconds=seconds))
    rig.say(Answer(decision="d", option="A"))
    assert outcome(rig.wait())["shown_s"] == 12.0
    rig = opened()
    for _ in range(9):
        rig.send(Shown(decision="d", seconds=60.0))
    rig.say(Answer(decision="d", option="A"))
    assert outcome(rig.wait())["shown_s"] == 0.0


def test_touches_of_unknown_decisions_are_passed_over() -> None:
    """A card that is gone may still be touched or seen."""
    rig = opened()
    rig.send(Touch(decision="gone", typing=True))
    rig.send(Shown(decision="gone", seconds=5.0))
    assert rig.decision("d").held is None


def test_people_hear_after_the_fsync() -> None:
    """Whoever is asked or answered hears of it only once it is on disk."""
    rig = Rig(asking(), fake=True)
    rig.journal.held = []
    rig.start()
    rig.until(lambda: rig.journal.held)
    assert rig.asked == []
    rig.journal.release()
    rig.until(lambda: rig.asked == ["d"])
    rig.journal.held = []
    replies: list[tuple[bool, str]] = []
    rig.engine.post(
        Order(Answer(decision="d", option="B"), lambda came: replies.append((came.ok, came.text)))
    )
    rig.until(lambda: rig.journal.held)
    assert rig.task("x").status in ("running", "completed"), "dependents start at once"
    late: list[str] = []
    rig.engine.post(Order(Answer(decision="d", option="A"), lambda came: late.append(came.text)))
    rig.turn()
    assert (replies, late) == ([], [])
    rig.journal.release()
    rig.until(lambda: replies and late)
    assert replies == [(True, "D: B, by you.")]
    rig.wait()


def test_agents_questions_are_told_apart() -> None:
    """Two questions with one title have two ids, and none has the id of a decision of the plan."""

    def agent(context: Context) -> list[str]:
        return [context.decide_sync("Which?", ["x", "y"]).option for _ in range(2)]

    rig = Rig(one_phase(task("a")), {"a": agent}, fake=True).start()
    rig.until_open("a/which")
    rig.say(Answer(decision="a/which", option="A"))
    rig.until_open("a/which-2")
    rig.say(Answer(decision="a/which-2", option="B"))
    rig.wait()
    assert rig.engine.results["a"] == ["A", "B"]
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)


def test_an_agent_may_ask_twice_at_once() -> None:
    """An agent that asks two things goes on when both are answered, holding one slot."""

    async def agent(context: Context) -> list[str]:
        asked = [context.decide(title, ["x", "y"]) for title in ("One?", "Two?")]
        return [outcome.option for outcome in await asyncio.gather(*asked)]

    rig = Rig(one_phase(task("a"), max_concurrency=1), {"a": agent}, fake=True).start()
    rig.until_open("a/two")
    rig.say(Answer(decision="a/two", option="B"))
    assert rig.task("a").status == "waiting"
    rig.say(Answer(decision="a/one", option="A"))
    rig.wait()
    assert rig.engine.results["a"] == ["A", "B"]
    assert rig.engine.scheduler.used == 0
    assert [e["cause"] for e in rig.events("agent_wait")] == ["human", None]


def test_a_decision_of_the_plan_has_its_time() -> None:
    """A decision's wait is a span of its own, from opening to outcome."""
    rig = opened()
    rig.advance(42.0)
    rig.say(Answer(decision="d", option="A"))
    rig.wait()
    assert rig.task("d").spans == [["human", 0.0, pytest.approx(42.0, abs=0.1)]]
