"""Steering by hand: skip, retry, edit, rate, change the level; only what has not started moves."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import (
    Answer,
    Command,
    Edit,
    Level,
    Note,
    Pause,
    Rate,
    Retry,
    Skip,
    Stop,
    Unpause,
)
from orchestra_nb.engine.orders import Order
from orchestra_nb.errors import AgentError
from orchestra_nb.plan import Plan

from .rig import WITHIN_S, Rig, choice, fails, fields_of, fold, one_phase, phases, task

NO = ValueError("no")


class Gate:
    """An agent that works until a test lets it go on."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> str:
        """Work."""
        self.entered.set()
        assert self.opened.wait(WITHIN_S)
        return "done"

    def open(self) -> None:
        """Let it end."""
        self.opened.set()


class Fickle:
    """An agent that fails so many times before it succeeds; it keeps what it was told to do."""

    def __init__(self, failures: int = 1, error: Exception = NO) -> None:
        self.left, self.error = failures, error
        self.texts: list[str] = []

    def __call__(self, context: Context) -> str:
        """Fail, or succeed."""
        self.texts.append(context.text)
        if self.left:
            self.left -= 1
            raise self.error
        return f"attempt {context.attempt}"


def same(rig: Rig) -> None:
    """The fold of the written log is the live state, in every field."""
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)


def refused(rig: Rig, command: Command) -> str:
    """Send a command that can't be carried out: nothing happens, and what is said."""
    before = len(rig.journal.lines)
    ok, said = rig.say(command)
    assert not ok, said
    assert len(rig.journal.lines) == before
    return said


def held(plan: Plan, agents: dict[str, Any] | None = None, **options: Any) -> tuple[Rig, Gate]:
    """A run whose agent ``first`` is at work until its gate is opened."""
    gate = Gate()
    rig = Rig(plan, {"first": gate, **(agents or {})}, **options).start()
    rig.until(gate.entered.is_set, "first")
    return rig, gate


# Skip.


def test_what_waits_for_a_skipped_task_goes_on_without_it() -> None:
    """A task left out by hand is settled: what needs it runs, and is told what is missing."""
    missing: dict[str, str] = {}

    def last(context: Context) -> None:
        missing.update(context.missing)

    plan = phases([task("first"), task("b", "first"), task("last", "b")])
    rig, gate = held(plan, {"last": last})
    assert rig.say(Skip(task="B", who="Ana")) == (True, "b is left out.")
    assert rig.started() == ["first"], "what needs it does not start before its time"
    gate.open()
    rig.wait()
    assert rig.started() == ["first", "last"]
    assert missing == {"b": "skipped: left out by Ana"}
    skipped = rig.event("agent_skipped")
    assert (skipped["task"], skipped["cause"]) == ("b", "hand")
    assert rig.engine.state.status == "completed"
    same(rig)


def test_a_task_that_waits_for_a_slot_can_be_skipped() -> None:
    """Nothing of a task that was left out while it was queued starts later."""
    rig, gate = held(one_phase(task("first"), task("b"), task("c"), max_concurrency=1))
    assert rig.task("b").status == "ready"
    assert rig.say(Skip(task="b"))[0]
    gate.open()
    rig.wait()
    assert rig.started() == ["first", "c"]
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0


def test_a_task_between_two_attempts_can_be_skipped() -> None:
    """Its next try never comes."""
    plan = one_phase(task("b", retries=1), task("c", "b"))
    rig = Rig(plan, {"b": fails(NO)}, fake=True).start()
    rig.until(lambda: rig.task("b").status == "retrying")
    assert rig.say(Skip(task="b"))[0]
    assert rig.engine.timers.next() is None
    rig.wait()
    assert rig.started() == ["b", "c"]
    assert rig.task("b").skip_cause == "hand"
    same(rig)


def test_skipping_twice_is_one_event() -> None:
    """The same click again changes nothing and is confirmed."""
    rig, gate = held(one_phase(task("first"), task("b", "first")))
    assert rig.say(Skip(task="b"))[0]
    assert rig.say(Skip(task="b")) == (True, "b was left out already.")
    gate.open()
    rig.wait()
    assert len(rig.events("agent_skipped")) == 1


def test_a_decision_to_come_can_be_skipped() -> None:
    """Nobody is asked; what its answer would have led to is skipped, all else goes on."""
    plan = one_phase(
        task("first"),
        choice("d", "first"),
        task("x", "d", when={"d": ["B"]}),
        task("y", "d"),
    )
    rig, gate = held(plan)
    assert rig.say(Skip(task="d"))[0]
    gate.open()
    rig.wait()
    assert rig.started() == ["first", "y"]
    assert not rig.events("decision_opened", "decision")
    assert rig.task("x").reason == "d was not decided"
    same(rig)


def test_a_checkpoint_to_come_can_be_skipped() -> None:
    """Later phases do not wait for it."""
    rig, gate = held(phases([task("first")], [task("b")], checkpoints="each"))
    assert rig.say(Skip(task="checkpoint-1"))[0]
    gate.open()
    rig.wait()
    assert rig.started() == ["first", "b"]


def test_what_has_started_is_not_skipped() -> None:
    """Each refusal says what the task is doing, and changes nothing."""
    plan = one_phase(
        task("done"), task("first"), task("asks"), choice("d"), task("bad"), task("out", "bad")
    )

    def asks(context: Context) -> None:
        context.decide_sync("Which?", ["x", "y"])

    rig, gate = held(plan, {"asks": asks, "bad": fails(NO)})
    rig.until_open("asks/which")
    rig.until(lambda: rig.task("out").status == "skipped")
    rig.until(lambda: rig.task("done").status == "completed")
    only = "only what has not started can be left out"
    assert refused(rig, Skip(task="first")) == f"'first' is at work; {only}"
    assert refused(rig, Skip(task="asks")) == f"'asks' waits for you: Which?; {only}"
    assert refused(rig, Skip(task="done")) == f"'done' is done; {only}"
    assert refused(rig, Skip(task="bad")) == f"'bad' failed; {only}"
    assert refused(rig, Skip(task="d")) == "'d' is being asked; answer it"
    assert "needs bad, which failed" in refused(rig, Skip(task="out"))
    rig.say(Stop())
    gate.open()
    rig.wait()


@pytest.mark.parametrize(
    "command", [Skip(task="firts"), Retry(task="firts"), Edit(task="firts", text="x")]
)
def test_a_task_that_is_not_there_is_named_with_those_that_are(command: Command) -> None:
    """A slip of the pen is answered with what was probably meant."""
    rig, gate = held(one_phase(task("first"), task("b", "first")))
    said = refused(rig, command)
    assert said == "There is no task 'firts'; did you mean 'first'? There are first, b"
    gate.open()
    rig.wait()


# Retry.


def test_a_failed_task_is_tried_again_with_all_that_fell_with_it() -> None:
    """What was skipped because of a failure comes back, however far down; the rest is untouched."""
    bad = Fickle()
    plan = phases(
        [task("first"), task("bad", free=True), task("b", "bad"), choice("d", "b", timeout=1)],
        [task("c", "b"), task("x", "d", when={"d": ["A"]}), task("late", free=True)],
        [task("end", "x", "c")],
    )
    rig, gate = held(plan, {"bad": bad}, fake=True)
    rig.until(lambda: rig.task("end").status == "skipped")
    assert rig.task("x").skip_cause == "when"
    started = rig.task("late").started_at
    assert rig.say(Retry(task="bad", who="Ana")) == (True, "bad is tried again.")
    gate.open()
    rig.advance_to_end()
    revived = rig.event("task_revived")
    assert revived["tasks"] == ["bad", "b", "d", "c", "x", "end"]
    assert (revived["who"], revived["reason"]) == ("Ana", "tried again by hand")
    assert {t.status for t in rig.engine.state.tasks} == {"completed"}
    assert rig.engine.results["bad"] == "attempt 2"
    assert rig.started().count("late") == 1
    assert rig.task("late").started_at == started
    assert rig.engine.state.status == "completed"
    assert rig.engine.errors == {}
    same(rig)


def test_what_was_skipped_because_of_a_failure_brings_its_cause_back() -> None:
    """Retrying the last of a chain tries again what broke it, and only that."""
    bad, worse = Fickle(), Fickle()
    plan = phases(
        [task("first"), task("bad", free=True), task("worse", free=True)],
        [task("b", "bad"), task("c", "b"), task("w", "worse")],
    )
    rig, gate = held(plan, {"bad": bad, "worse": worse})
    rig.until(lambda: rig.task("c").status == rig.task("w").status == "skipped")
    assert rig.say(Retry(task="c"))[0]
    rig.until(lambda: rig.task("c").status == "completed")
    assert rig.event("task_revived")["tasks"] == ["bad", "b", "c"]
    assert rig.statuses() | {"first": ""} == {
        "first": "", "bad": "completed", "b": "completed", "c": "completed",
        "worse": "failed", "w": "skipped",
    }  # fmt: skip
    gate.open()
    rig.wait()
    same(rig)


def test_a_phase_that_failed_whole_can_be_tried_again() -> None:
    """The next phase and the checkpoint between them come back with it."""
    one, two = Fickle(), Fickle()
    plan = phases(
        [task("one"), task("two")],
        [task("next")],
        [task("first", free=True)],
        checkpoints="each",
    )
    rig, gate = held(plan, {"one": one, "two": two})
    rig.until(lambda: rig.task("next").status == "skipped")
    assert rig.task("checkpoint-1").status == "skipped"
    assert rig.say(Retry(task="next"))[0]
    rig.until_open("checkpoint-1")
    rig.say(Answer(decision="checkpoint-1", option="A"))
    rig.until(lambda: rig.task("next").status == "completed")
    gate.open()
    rig.until_open("checkpoint-2")
    rig.say(Answer(decision="checkpoint-2", option="A"))
    rig.wait()
    ended = [event["phase"] for event in rig.events("phase_complete")]
    assert ended.count(1) == 2, "it was over, and was over again"
    same(rig)


def test_what_was_left_out_by_hand_comes_back() -> None:
    """A skip can be taken back as long as the run goes on; nothing starts early because of it."""
    plan = one_phase(task("first"), task("b", "first"), task("c", "b"))
    rig, gate = held(plan)
    assert rig.say(Skip(task="b"))[0]
    assert rig.say(Retry(task="b"))[0]
    assert rig.task("b").status == "pending"
    gate.open()
    rig.wait()
    assert rig.started() == ["first", "b", "c"]
    same(rig)


def test_a_task_that_waits_for_its_next_try_is_tried_at_once() -> None:
    """The rest of the wait is spared, and no other try comes of it."""
    bad = Fickle()
    plan = one_phase(task("bad", retries=1))
    error = AgentError("busy", retryable=True, retry_after=500.0, cause="rate_limit")
    bad.error = error
    rig = Rig(plan, {"bad": bad}, fake=True).start()
    rig.until(lambda: rig.task("bad").status == "retrying")
    assert rig.say(Retry(task="bad"))[0]
    rig.wait()
    assert rig.engine.results["bad"] == "attempt 2"
    assert rig.event("task_revived")["reason"] == "tried at once by hand"
    assert [kind for kind, _, end in rig.task("bad").spans if end is None] == []
    same(rig)


def test_a_try_that_is_queued_is_not_hurried_twice() -> None:
    """With every slot taken the same click again is no second try."""
    bad = Fickle()
    plan = one_phase(task("bad", retries=1), task("first"), max_concurrency=1)
    rig = Rig(plan, {"bad": bad, "first": (gate := Gate())}, fake=True).start()
    rig.until(gate.entered.is_set)
    for _ in range(3):
        assert rig.say(Retry(task="bad"))[0]
    gate.open()
    rig.wait()
    assert rig.started() == ["bad", "first", "bad"]
    assert len(rig.events("task_revived")) == 1
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0


def test_a_task_that_is_tried_by_hand_has_all_its_retries_and_time_again() -> None:
    """What earlier attempts used up is forgotten."""
    bad = Fickle(3, AgentError("broken", retryable=True))
    rig, gate = held(one_phase(task("first"), task("bad", retries=1)), {"bad": bad}, fake=True)
    rig.until(lambda: rig.task("bad").status == "retrying")
    rig.advance(5.0)
    rig.until(lambda: rig.task("bad").status == "failed")
    assert rig.say(Retry(task="bad"))[0]
    rig.until(lambda: rig.task("bad").status == "retrying")
    rig.advance(5.0)
    rig.until(lambda: rig.task("bad").status == "completed")
    assert rig.engine.results["bad"] == "attempt 4"
    gate.open()
    rig.wait()
    same(rig)


def test_what_was_left_out_holds_its_place_when_others_are_tried_again() -> None:
    """A retry elsewhere lets nobody start before what a skipped task would have waited for."""
    plan = one_phase(task("first"), task("b", "first"), task("c", "b"), task("bad"))
    rig, gate = held(plan, {"bad": Fickle()})
    rig.until(lambda: rig.task("bad").status == "failed")
    assert rig.say(Skip(task="b"))[0]
    assert rig.say(Retry(task="bad"))[0]
    rig.until(lambda: rig.task("bad").status == "completed")
    assert rig.task("c").status == "pending"
    gate.open()
    rig.wait()
    assert rig.started() == ["first", "bad", "bad", "c"]
    same(rig)


def test_who_was_about_to_start_waits_for_what_is_tried_again() -> None:
    """A queued task goes back to waiting when something it waits for is to be done after all."""
    plan = phases([task("bad"), task("ok")], [task("first"), task("c")], max_concurrency=1)
    rig, gate = held(plan, {"bad": Fickle()})
    assert rig.task("c").status == "ready"
    assert rig.say(Retry(task="bad"))[0]
    assert rig.task("c").status == "pending"
    gate.open()
    rig.wait()
    assert rig.started() == ["bad", "ok", "first", "bad", "c"]
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    same(rig)


def test_left_out_and_taken_back_a_task_starts_once() -> None:
    """Neither its place in the queue nor its next try is there twice."""
    bad, again = Fickle(), Gate()

    def b(context: Context) -> str:
        return bad(context) if context.attempt == 1 else again()

    plan = one_phase(task("b", retries=1), task("first"), task("c"), max_concurrency=1)
    rig, gate = held(plan, {"b": b}, fake=True)
    assert (rig.task("b").status, rig.task("c").status) == ("retrying", "ready")
    for name in ("b", "c"):
        assert rig.say(Skip(task=name))[0]
        assert rig.say(Retry(task=name))[0]
    gate.open()
    rig.until(again.entered.is_set)
    rig.advance(60.0)
    again.open()
    rig.wait()
    assert sorted(rig.started()) == ["b", "b", "c", "first"]
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    same(rig)


def test_what_need_not_be_tried_again_is_not() -> None:
    """Each refusal says why; a task that has not started is confirmed, for it will."""
    plan = one_phase(
        task("done"),
        task("first"),
        task("b", "first"),
        choice("d", timeout=0.01 + 1),
        task("x", "d", when={"d": ["B"]}),
        task("high", min_level=5),
    )
    rig, gate = held(plan)
    rig.until(lambda: rig.task("x").status == "skipped")
    rig.until(lambda: rig.task("done").status == "completed")
    only = "only what failed or was left out can be tried again"
    assert refused(rig, Retry(task="first")) == f"'first' is at work; {only}"
    assert refused(rig, Retry(task="done")) == f"'done' is done; {only}"
    assert refused(rig, Retry(task="d")) == f"'d' is decided; {only}"
    assert refused(rig, Retry(task="x")).endswith("; its condition does not hold")
    assert refused(rig, Retry(task="high")).endswith("; change the level to bring it back")
    assert refused(rig, Retry(task="b")).startswith("'b' has not started yet; it starts by itself")
    gate.open()
    rig.wait()
    assert not rig.events("task_revived")


def test_what_is_left_out_after_it_failed_passes_on_what_is_done_again() -> None:
    """Nobody starts early because of it: what it came after may be tried again by then."""
    plan = phases([task("x"), task("y")], [task("b")], [task("c", "b")], on_failure="ask")
    rig = Rig(plan, {"x": fails(NO), "b": fails(NO)}, fake=True).start()
    rig.until_open("x/failed")
    assert rig.say(Answer(decision="x/failed", option="B"))[0]
    rig.until_open("b/failed")
    assert rig.say(Retry(task="x"))[0]
    rig.until_open("x/failed-2")
    assert rig.say(Skip(task="b"))[0]
    rig.turn()
    assert rig.task("c").status == "pending"
    assert rig.say(Answer(decision="x/failed-2", option="B"))[0]
    rig.wait()
    assert rig.task("c").status == "completed"
    assert fields_of(fold(rig.journal.lines, plan)) == fields_of(rig.engine.state)


def test_a_cause_that_the_level_leaves_out_is_not_tried_again() -> None:
    """A failure of a higher level does not run again because something needs its result."""
    plan = one_phase(task("first"), task("a", free=True, min_level=4), task("b", "a"), level=4)
    rig, gate = held(plan, {"a": fails(ValueError("no"))})
    rig.until(lambda: rig.task("b").status == "skipped")
    assert rig.say(Level(level=3))[0]
    why = "'a' runs from level 4, this is level 3; change the level to bring it back"
    assert refused(rig, Retry(task="b")) == why
    assert rig.say(Level(level=4))[0]
    assert rig.say(Retry(task="b")) == (True, "b is tried again.")
    gate.open()
    rig.wait()
    assert rig.started().count("a") == 2


def test_what_a_lower_level_leaves_out_is_not_brought_back_by_hand() -> None:
    """A task that was left out by hand and then by level needs the level."""
    rig, gate = held(one_phase(task("first"), task("b", "first", min_level=3)))
    assert rig.say(Skip(task="b"))[0]
    assert rig.say(Level(level=2))[0]
    assert "change the level" in refused(rig, Retry(task="b"))
    gate.open()
    rig.wait()
    same(rig)


def test_a_failure_and_the_wish_to_retry_may_come_in_one_turn() -> None:
    """A phase that was over for a moment is not told to be over."""
    gate, stuck, free = Gate(), threading.Event(), threading.Event()
    bad = Fickle()

    def first(context: Context) -> str:
        if context.attempt == 1:
            gate()
        return bad(context)

    rig = Rig(phases([task("first")], [task("b", free=True)]), {"first": first}).start()
    rig.until(gate.entered.is_set)
    rig.until(lambda: rig.task("b").status == "completed")

    def block() -> None:
        stuck.set()
        assert free.wait(WITHIN_S)

    rig.engine.call(block)
    assert stuck.wait(WITHIN_S)
    gate.open()
    end = time.monotonic() + WITHIN_S
    while not rig.engine._inbox:  # the failure is on its way, and not handled yet
        assert time.monotonic() < end
        time.sleep(0.001)
    rig.engine.post(Order(Retry(task="first")))
    free.set()
    rig.wait()
    assert rig.engine.results["first"] == "attempt 2"
    assert [event["phase"] for event in rig.events("phase_complete")].count(1) == 1
    same(rig)


# A failed task that waits for a person.


def asked_about() -> tuple[Rig, Fickle]:
    """A run whose task failed; a person is asked what comes of it."""
    bad = Fickle()
    plan = one_phase(task("bad"), task("b", "bad"), on_failure="ask")
    rig = Rig(plan, {"bad": bad}, fake=True).start()
    rig.until_open("bad/failed")
    return rig, bad


def test_retry_answers_the_card_about_a_failure() -> None:
    """The button of the row does what the card's Retry does."""
    rig, _ = asked_about()
    assert rig.say(Retry(task="bad", who="Ana")) == (True, "bad is tried again.")
    rig.wait()
    outcome = rig.decision("bad/failed").outcome
    assert outcome is not None
    assert (outcome.option, outcome.by, outcome.who) == ("A", "user", "Ana")
    assert rig.engine.results["bad"] == "attempt 2"
    same(rig)


def test_skip_takes_the_card_about_a_failure_back() -> None:
    """A failed task that is left out by hand did not fail: what needs it goes on."""
    rig, _ = asked_about()
    assert rig.say(Skip(task="bad"))[0]
    rig.wait()
    assert not rig.decision("bad/failed").open
    assert rig.statuses()["bad"] == "skipped"
    assert rig.started() == ["bad", "b"]
    assert rig.engine.state.status == "completed"
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    same(rig)


def test_a_failed_task_can_have_another_text_before_it_is_tried_again() -> None:
    """The next attempt is told the new text."""
    rig, bad = asked_about()
    assert rig.say(Edit(task="bad", text="do it better"))[0]
    assert rig.say(Retry(task="bad"))[0]
    rig.wait()
    assert bad.texts == ["do bad", "do it better"]
    same(rig)


def test_a_result_under_review_is_judged_on_its_card() -> None:
    """It is neither left out, edited nor rated, and tried again only by sending it back."""
    rig = Rig(one_phase(task("a", review=True)), fake=True).start()
    rig.until(lambda: rig.engine.state.open_decisions())
    (card,) = rig.engine.state.open_decisions()
    waits = "'a' waits for you: review of its result"
    assert refused(rig, Retry(task="a")) == f"{waits}; send it back there"
    assert refused(rig, Skip(task="a")).startswith(waits)
    assert refused(rig, Edit(task="a", text="x")).startswith(waits)
    assert refused(rig, Rate(task="a", good=True)).startswith(waits)
    rig.say(Answer(decision=card.id, option="A"))
    rig.wait()
    assert rig.task("a").status == "completed"


# Edit.


def test_an_edited_task_is_told_its_new_text() -> None:
    """The agent, the state and the log have it; another one's text is as it was."""
    told: list[str] = []

    def b(context: Context) -> None:
        told.append(context.text)

    rig, gate = held(one_phase(task("first"), task("b", "first"), task("c", "b")), {"b": b})
    assert rig.say(Edit(task="B", text="  do less\n", who="Ana")) == (True, "b has another text.")
    assert rig.say(Edit(task="b", text="do less"))[0], "said twice it is one event"
    gate.open()
    rig.wait()
    assert told == ["do less"]
    assert rig.task("b").title == "do less"
    assert rig.task("c").title == "do c"
    edited = rig.event("task_edited")
    assert (edited["task"], edited["text"], edited["who"]) == ("b", "do less", "Ana")
    same(rig)


def test_a_secret_in_an_edited_text_is_only_for_the_agent() -> None:
    """Log and state have it masked; the agent can work with it."""
    told: list[str] = []

    def b(context: Context) -> None:
        told.append(context.text)

    def scrub(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("hunter2", "[secret]")
        return {k: scrub(v) for k, v in value.items()} if isinstance(value, dict) else value

    rig, gate = held(one_phase(task("first"), task("b", "first")), {"b": b}, scrub=scrub)
    assert rig.say(Edit(task="b", text="log in with hunter2"))[0]
    gate.open()
    rig.wait()
    assert told == ["log in with hunter2"]
    assert rig.task("b").title == "log in with [secret]"
    assert "hunter2" not in str(rig.journal.texts)
    same(rig)


def test_what_has_started_keeps_its_text() -> None:
    """Each refusal says what the task is doing; decisions have no text to edit."""
    plan = one_phase(
        task("done"), task("first"), task("again", retries=1), choice("d"), task("b", "first")
    )
    rig, gate = held(plan, {"again": fails(NO)}, fake=True)
    rig.until(lambda: rig.task("again").status == "retrying")
    rig.until(lambda: rig.task("done").status == "completed")
    only = "only what has not started can be edited"
    for name, doing in (
        ("done", "is done"),
        ("first", "is at work"),
        ("again", "waits for its next try"),
    ):
        assert refused(rig, Edit(task=name, text="x")) == f"{name!r} {doing}; {only}"
    said = refused(rig, Edit(task="d", text="x"))
    assert said == "'d' is a decision; only a task's text can be edited"
    assert refused(rig, Edit(task="b", text="  ")) == "'b' needs some text"
    said = refused(rig, Edit(task="b", text="use [secret] twice"))
    assert said == "[secret] stands for something that is not shown; write all of it"
    rig.say(Stop())
    gate.open()
    rig.wait()


# The level.


def levelled(**agents: Any) -> tuple[Rig, Gate]:
    """A run at level 3 with work that begins and ends at other levels."""
    plan = phases(
        [task("first"), task("soon", "first", min_level=3), task("low", "first", max_level=2)],
        [task("audit", role="security"), task("check", role="compliance")],
        [task("end", "first")],
        checkpoints="each",
        level=3,
    )
    return held(plan, agents)


def test_a_lower_level_leaves_out_what_has_not_started() -> None:
    """What is at work goes on; what the level brings back is done."""
    rig, gate = levelled()
    ok, said = rig.say(Level(level=2, who="Ana"))
    assert (ok, said) == (True, "Level 3 → 2: 1 left out, 1 brought back.")
    adjusted = rig.event("plan_adjustment")
    assert (adjusted["description"], adjusted["level"]) == ("Level 3 → 2", 2)
    assert rig.task("soon").reason == "runs from level 3, this is level 2"
    gate.open()
    rig.until_open("checkpoint-1")
    rig.say(Answer(decision="checkpoint-1", option="A"))
    rig.wait()
    assert rig.started() == ["first", "low", "end"]
    assert rig.engine.state.level == 2
    same(rig)


def test_a_higher_level_brings_work_back_with_its_checkpoint() -> None:
    """A phase that had nothing to do has its checkpoint once it has; agents hear of the level."""
    levels: list[int] = []

    def audit(context: Context) -> None:
        levels.append(context.level.number)

    rig, gate = levelled(audit=audit)
    assert rig.task("audit").status == "skipped"
    assert rig.say(Level(level=4))[0]
    assert rig.say(Level(level=4)) == (True, "The run is at level 4.")
    assert rig.event("task_revived")["tasks"] == ["audit", "check"]
    gate.open()
    for number in (1, 2):
        rig.until_open(f"checkpoint-{number}")
        rig.say(Answer(decision=f"checkpoint-{number}", option="A"))
    rig.wait()
    assert sorted(rig.started()) == ["audit", "check", "end", "first", "soon"]
    assert levels == [4]
    same(rig)


def test_a_phase_that_is_left_out_has_no_checkpoint() -> None:
    """Nobody is asked what comes of nothing; the phases around it are as they were."""
    rig, gate = levelled()
    gate.open()
    rig.until_open("checkpoint-1")
    rig.say(Answer(decision="checkpoint-1", option="A"))
    rig.wait()
    withdrawn = rig.event("decision_withdrawn")
    assert withdrawn["decision_id"] == "checkpoint-2"
    assert withdrawn["reason"] == "nothing of phase 2 was done"
    assert [event["decision_id"] for event in rig.events("decision_opened")] == ["checkpoint-1"]
    assert rig.engine.state.status == "completed"


def test_a_checkpoint_that_fell_with_the_level_comes_back() -> None:
    """Up again after its phase was passed over: it is asked after all."""
    plan = phases(
        [task("b", min_level=4)], [task("c")], [task("first", free=True)], checkpoints="each"
    )
    rig, gate = held(plan)
    rig.until(lambda: rig.task("c").status == "completed")
    assert rig.task("checkpoint-1").status == "skipped"
    assert rig.say(Level(level=4))[0]
    rig.until_open("checkpoint-1")
    gate.open()
    for number in (1, 2):
        rig.until_open(f"checkpoint-{number}")
        rig.say(Answer(decision=f"checkpoint-{number}", option="A"))
    rig.wait()
    same(rig)


def test_a_level_that_nobody_can_do_is_refused() -> None:
    """The refusal names the tasks; the run stays as it is."""
    gate = Gate()
    plan = one_phase(task("first"), task("audit", min_level=4), task("law", min_level=5))
    rig = Rig(plan, {"first": gate})
    cast = zip(rig.graph.nodes, rig.engine.workers, strict=True)
    rig.engine.workers = [None if node.skip else worker for node, worker in cast]
    rig.start()
    said = refused(rig, Level(level=4))
    assert said.startswith("Level 4 also needs audit, and nobody does that: pass agents=")
    assert "audit, law" in refused(rig, Level(level=5))
    assert rig.engine.state.level == 3
    assert rig.say(Level(level=1))[0]
    gate.open()
    rig.wait()
    assert rig.started() == ["first"]


@pytest.mark.parametrize("level", [0, 6, -1])
def test_there_are_five_levels(level: int) -> None:
    """Another number is refused."""
    rig, gate = held(one_phase(task("first")))
    said = refused(rig, Level(level=level))
    assert said == f"A level is a whole number from 1 to 5, not {level}"
    gate.open()
    rig.wait()


# Ratings and notes.


def test_a_result_or_a_failure_can_be_rated_while_the_run_goes_on() -> None:
    """The last thumb counts; what has no result yet can't have one."""
    plan = one_phase(task("first"), task("a"), task("bad"), choice("d"), task("b", "first"))
    rig, gate = held(plan, {"bad": fails(NO)})
    rig.until(lambda: rig.task("bad").status == "failed")
    rig.until(lambda: rig.task("a").status == "completed")
    assert rig.say(Rate(task="A", good=True, note=" well done "))[0]
    assert rig.say(Rate(task="a", good=False, who="Ana"))[0]
    assert rig.say(Rate(task="bad", good=False))[0]
    assert rig.task("a").rating is False
    first, last, _ = rig.events("rating")
    assert (first["good"], first["note"], first["who"]) == (True, "well done", "python")
    assert (last["good"], last["attempt"], last["who"]) == (False, 1, "Ana")
    assert "it can be rated once it has a result" in refused(rig, Rate(task="first", good=True))
    assert "is a decision" in refused(rig, Rate(task="d", good=True))
    assert "There is no task 'x'" in refused(rig, Rate(task="x", good=True))
    rig.say(Answer(decision="d", option="A"))
    gate.open()
    rig.wait()
    same(rig)


def test_a_note_reaches_those_that_start_later() -> None:
    """Who is at work is not told; an empty note is none."""
    seen: list[tuple[str, ...]] = []

    def b(context: Context) -> None:
        seen.append(context.notes)

    rig, gate = held(one_phase(task("first"), task("b", "first")), {"b": b})
    assert rig.say(Note(text="be quick", who="Ana"))[0]
    assert refused(rig, Note(text="  ")) == "A note needs some text"
    gate.open()
    rig.wait()
    assert seen == [("be quick",)]
    assert [event.get("notes") for event in rig.events("agent_start")] == [None, 1]


# The end.


@pytest.mark.parametrize(
    "command",
    [
        Skip(task="first"),
        Retry(task="first"),
        Edit(task="first", text="x"),
        Rate(task="first", good=True),
        Level(level=1),
        Note(text="x"),
    ],
)
def test_after_the_end_nothing_is_steered(command: Command) -> None:
    """The refusal says how the run ended, and that it came too late."""
    rig = Rig(one_phase(task("first"))).run()
    reply = rig.reply(command)
    assert not reply.ok
    assert reply.late
    assert reply.text == "The run is over (completed)"


def test_while_a_run_is_being_stopped_nothing_is_steered() -> None:
    """What would start never does, so nobody is told that it will."""
    rig, gate = held(one_phase(task("first"), task("b", "first")))
    rig.send(Stop())
    for command in (Skip(task="b"), Retry(task="b"), Edit(task="b", text="x"), Level(level=1)):
        assert refused(rig, command) == "The run is being stopped; nothing more starts"
    gate.open()
    rig.wait()


def test_a_run_can_be_steered_before_it_starts() -> None:
    """While the questions are open work can be left out, and comes at another level."""
    plan = one_phase(
        task("a"),
        task("b"),
        task("audit", min_level=4),
        task("plain", max_level=3),
        questions=[{"ask": "Why?", "default": "fun"}],
    )
    rig = Rig(plan).start()
    rig.until_open("questions")
    assert rig.say(Skip(task="a"))[0]
    assert rig.say(Level(level=4))[0]
    assert rig.say(Edit(task="b", text="other"))[0]
    assert rig.started() == []
    rig.say(Answer(decision="questions", option="A"))
    rig.wait()
    assert sorted(rig.started()) == ["audit", "b"]
    assert {e["task"]: e["cause"] for e in rig.events("agent_skipped")} == {
        "a": "hand", "plain": "level",
    }  # fmt: skip
    assert len(rig.events("agent_skipped")) == 2
    same(rig)


def test_a_paused_run_can_be_steered() -> None:
    """It acts on what starts afterwards."""
    rig, gate = held(one_phase(task("first"), task("b"), task("c"), max_concurrency=1))
    rig.say(Pause())
    gate.open()
    rig.until(lambda: rig.task("first").status == "completed")
    assert rig.say(Skip(task="b"))[0]
    assert rig.started() == ["first"]
    rig.say(Unpause())
    rig.wait()
    assert rig.started() == ["first", "c"]
