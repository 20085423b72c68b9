"""Reviews: a result is accepted, edited or sent back before others get it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import BaseModel, Field

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Autopilot, Draft, Pause, Skip, Stop, Unpause
from orchestra_nb.engine.reviews import shown_of
from orchestra_nb.plan import Plan

from .rig import Rig, fields_of, fold, phases, task


class Report(BaseModel):
    """What a model might be asked for."""

    title: str
    pages: int = Field(ge=1)


def reviewed(**settings: Any) -> Plan:
    """A task whose result is looked at, and one that uses it."""
    return phases([task("a", review=True, **settings), task("b", "a")])


def returns(value: object) -> Any:
    """An agent that returns it."""
    return lambda: value


def at_review(value: object = "draft", plan: Plan | None = None, agents: Any = None) -> Rig:
    """A rig whose result of "a" waits for review; "b" returns what it got."""
    given = {"a": returns(value), "b": lambda a: [a]} | (agents or {})
    rig = Rig(plan or reviewed(), given, fake=True).start()
    rig.until_open("a/review")
    return rig


def check_end(rig: Rig, status: str = "completed") -> None:
    """The run is over with nothing open, no slot taken, and the log says what the state says."""
    rig.wait()
    state = rig.engine.state
    assert state.status == status
    assert [d.id for d in state.decisions.values() if d.open] == []
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    assert rig.engine.running == {}
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(state)


def accept(rig: Rig, **values: Any) -> tuple[bool, str]:
    """Accept the result, edited if a value is given."""
    return rig.say(Answer(decision="a/review", option="A", values=values or None))


def test_a_result_waits_for_review() -> None:
    """The card shows the result and where it is kept; nobody gets it before it is accepted."""
    rig = at_review("a draft")
    decision = rig.decision("a/review")
    assert (decision.title, decision.purpose, decision.kind) == ("Review: a", "review", "critical")
    assert decision.context == "do a"
    assert decision.about == rig.graph.index["a"]
    assert (decision.recommend, decision.timeout_s) == ("A", None)
    assert [option["text"] for option in decision.options] == ["Accept", "Send back"]
    assert decision.detail["key"], "who made it"
    assert decision.detail == {
        "format": "text",
        "result": "a draft",
        "preview": "a draft",
        "editable": True,
        "attempt": 1,
        "comments": [],
        "stored": {"kind": "json", "value": "a draft"},
        "key": decision.detail["key"],
    }
    found = rig.task("a")
    assert (found.status, found.wait_cause) == ("waiting", "human")
    assert found.wait_detail == "review of its result"
    assert rig.task("b").status == "pending"
    assert rig.engine.scheduler.used == 0
    assert rig.engine.results == {}


def test_accept() -> None:
    """Accepted, it is the task's result; the time of the review is not the task's."""
    rig = at_review("a draft")
    rig.advance(5_000.0)
    assert accept(rig) == (True, "Review: a: A, by you.")
    check_end(rig)
    assert rig.engine.results == {"a": "a draft", "b": ["a draft"]}
    event = rig.event("agent_complete", task="a")
    assert (event["duration_s"], event["result"]["value"]) == (0.0, "a draft")
    assert rig.attempts == [("a", "success"), ("b", "success")]
    assert [span[0] for span in rig.task("a").spans] == ["run", "human"]


def test_a_note_with_accept_reaches_later_agents() -> None:
    """A sentence beside Accept is told to the agents that start later."""
    seen: list[str] = []
    rig = at_review(agents={"b": lambda context: seen.extend(context.notes)})
    rig.say(Answer(decision="a/review", option="A", note="mind the dates"))
    check_end(rig)
    assert seen == ["mind the dates"]


# Edited.


@pytest.mark.parametrize(
    ("value", "edited", "got"),
    [
        ("draft", "better", "better"),
        ({"n": 1, "of": ["x"]}, {"n": 2, "of": []}, {"n": 2, "of": []}),
        ({"n": 1}, '{"n": 2}', {"n": 2}),  # as it was typed
        ({"n": 1}, {"n": True}, {"n": True}),
        ([1, 2], [3], [3]),
        (7, 8, 8),
        (None, {"found": "after all"}, {"found": "after all"}),
    ],
)
def test_an_edited_result_is_the_result(value: Any, edited: Any, got: Any) -> None:
    """What a person made of it is kept and is what others get, of the kind that it was."""
    rig = at_review(value)
    assert accept(rig, result=edited)[0]
    check_end(rig)
    assert rig.engine.results["a"] == got
    assert type(rig.engine.results["a"]) is type(got)
    assert rig.engine.results["b"] == [got]
    outcome = rig.decision("a/review").outcome
    assert outcome is not None
    assert outcome.values == {"result": got}
    kept = rig.event("agent_complete", task="a")["result"]
    assert kept.get("value") == got or kept["repr"] == repr(got)


def test_an_edited_model_is_checked_by_its_model() -> None:
    """A model's edited fields go through the model: what it refuses keeps the card open."""
    rig = at_review(Report(title="Draft", pages=3))
    detail = rig.decision("a/review").detail
    assert (detail["format"], detail["result"]) == ("json", {"title": "Draft", "pages": 3})
    edited = {"title": "Final", "pages": 0}
    reply = rig.reply(Answer(decision="a/review", option="A", values={"result": edited}))
    message = "pages: Input should be greater than or equal to 1"
    assert not reply.ok
    assert reply.text == f"The edited result does not fit: {message}"
    assert dict(reply.faults) == {"result": message}
    assert rig.decision("a/review").open
    assert accept(rig, result={"title": "Final", "pages": 2})[0]
    check_end(rig)
    assert rig.engine.results["a"] == Report(title="Final", pages=2)


@pytest.mark.parametrize(
    ("value", "edited", "message"),
    [
        ("draft", {"a": 1}, "Needs text: the result is one."),
        ({"a": 1}, "{a: 1}", 'Needs JSON, such as {"a": 1}: '),
        ({"a": 1}, '{"a": NaN}', 'Needs JSON, such as {"a": 1}: NaN is no JSON.'),
        (b"bytes", "text", "Can't be edited here: accept it, or send it back."),
    ],
)
def test_what_does_not_fit_is_refused(value: Any, edited: Any, message: str) -> None:
    """An edited result of another kind is refused beside the field, and the card stays."""
    rig = at_review(value)
    reply = rig.reply(Answer(decision="a/review", option="A", values={"result": edited}))
    assert not reply.ok
    assert reply.faults["result"].startswith(message)
    assert rig.decision("a/review").open
    assert accept(rig)[0]
    check_end(rig)
    assert rig.engine.results["a"] is value


def test_unknown_values_are_refused() -> None:
    """A review takes a result and nothing else."""
    rig = at_review()
    assert accept(rig, text="x") == (False, "A review takes the value 'result', not 'text'")
    assert accept(rig)[0]
    check_end(rig)


def test_an_unchanged_result_stays_the_very_object() -> None:
    """What was sent along as it was shown is no edit."""
    value = {"n": 1}
    rig = at_review(value)
    assert accept(rig, result={"n": 1})[0]
    check_end(rig)
    assert rig.engine.results["a"] is value
    outcome = rig.decision("a/review").outcome
    assert outcome is not None
    assert outcome.values is None


@pytest.mark.parametrize("value", ["key s3cret, helo", {"key": ["s3cret"], "text": "helo"}])
def test_what_holds_a_secret_is_not_edited(value: Any) -> None:
    """What is shown without its secret would come back without it: it is accepted as it is."""

    def scrub(value: Any) -> Any:
        if isinstance(value, list):
            return [scrub(item) for item in value]
        if isinstance(value, dict):
            return {key: scrub(item) for key, item in value.items()}
        return value.replace("s3cret", "[secret]") if isinstance(value, str) else value

    plan = reviewed()
    rig = Rig(plan, {"a": returns(value)}, fake=True, scrub=scrub).start()
    rig.until_open("a/review")
    detail = rig.decision("a/review").detail
    assert (detail["editable"], detail["result"]) == (False, None)
    assert "[secret]" in detail["preview"]
    assert not accept(rig, result="key [secret], hello")[0]
    assert accept(rig)[0]
    assert rig.engine.results["a"] is value


def test_an_edit_that_nobody_confirmed_is_none() -> None:
    """What was only typed is not used when autopilot accepts the result."""
    rig = at_review("draft")
    assert rig.say(Draft(decision="a/review", values={"result": "half a sen"}))[0]
    rig.send(Autopilot(on=True))
    check_end(rig)
    assert rig.engine.results["a"] == "draft"


def test_the_edit_that_was_confirmed_counts() -> None:
    """Of several edits, drafts among them, the one in the answer is the result."""
    rig = at_review("draft")
    for text in ("half", "half a sen"):
        assert rig.say(Draft(decision="a/review", values={"result": text}))[0]
    assert accept(rig, result="a sentence")[0]
    check_end(rig)
    assert rig.engine.results["a"] == "a sentence"


def test_an_edited_result_is_durable_before_it_counts() -> None:
    """An edited result is kept like any other; a stop meanwhile does not lose it."""
    rig = at_review([1])
    rig.journal.results = []
    assert accept(rig, result=[2])[0]
    rig.turn()
    assert rig.task("a").status == "waiting"
    rig.send(Stop())
    for keep in rig.journal.results:
        keep()
    check_end(rig, "stopped")
    assert rig.engine.results["a"] == [2]
    assert rig.task("a").status == "completed"


# Sent back.


def test_sent_back_twice() -> None:
    """Each time another attempt sees all comments and the result that was not accepted."""
    seen: list[tuple[int, tuple[str, ...], Any]] = []

    def agent(context: Context) -> str:
        seen.append((context.attempt, context.comments, context.previous))
        return f"draft {context.attempt}"

    rig = at_review(agents={"a": agent})
    assert rig.say(Answer(decision="a/review", option="B", note="no sources", who="Ana"))[0]
    rig.until_open("a/review-2")
    assert rig.decision("a/review-2").detail["comments"] == ["no sources"]
    assert rig.decision("a/review-2").detail["attempt"] == 2
    assert rig.say(Answer(decision="a/review-2", option="B", text="too long"))[0]
    rig.until_open("a/review-3")
    assert rig.say(Answer(decision="a/review-3", option="A"))[0]
    check_end(rig)
    assert seen == [
        (1, (), None),
        (2, ("no sources",), "draft 1"),
        (3, ("no sources", "too long"), "draft 2"),
    ]
    assert rig.engine.results["a"] == "draft 3"
    assert [(e["cause"], e["error"]) for e in rig.events("agent_retry")] == [
        ("review", "no sources"),
        ("review", "too long"),
    ]
    assert rig.task("a").comments == ("no sources", "too long")
    assert rig.task("a").error == ""
    assert rig.events("note") == []


@pytest.mark.parametrize("words", [{}, {"note": " "}])
def test_sending_back_needs_a_comment(words: dict[str, Any]) -> None:
    """Without a comment the next attempt would not know what to do better."""
    rig = at_review()
    reply = rig.reply(Answer(decision="a/review", option="B", **words))
    assert not reply.ok
    assert dict(reply.faults) == {"note": "Needs a comment, such as: name your sources."}
    assert rig.decision("a/review").open


def test_each_attempt_has_all_its_time_and_retries() -> None:
    """What earlier attempts used up is not missing after a result was sent back."""
    calls: list[int] = []
    gate = threading.Event()

    def agent(context: Context) -> str:
        calls.append(context.attempt)
        if context.attempt in (1, 3):
            raise ValueError("boom")
        if context.attempt == 2:
            gate.wait(9)
        return "draft"

    rig = Rig(reviewed(retries=1, timeout="60s"), {"a": agent}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "retrying")
    rig.advance(10.0)
    rig.until(lambda: calls == [1, 2])
    rig.advance(40.0)
    gate.set()
    rig.until_open("a/review")
    rig.advance(5_000.0)
    rig.say(Answer(decision="a/review", option="B", note="again"))
    rig.until(lambda: rig.task("a").status == "retrying" and calls == [1, 2, 3])
    rig.advance(10.0)
    rig.until_open("a/review-2")
    rig.say(Answer(decision="a/review-2", option="A"))
    check_end(rig)
    assert calls == [1, 2, 3, 4]


def test_the_comment_is_the_agent_s_alone() -> None:
    """What is said about one result is no note for the others."""
    seen: list[tuple[str, ...]] = []

    def other(context: Context) -> None:
        seen.append((*context.notes, *context.comments))

    rig = at_review(agents={"b": other})
    rig.say(Answer(decision="a/review", option="B", note="shorter"))
    rig.until_open("a/review-2")
    rig.say(Answer(decision="a/review-2", option="A"))
    check_end(rig)
    assert seen == [()]


def test_a_second_attempt_that_fails() -> None:
    """A task that was sent back and then fails has failed."""

    def agent(context: Context) -> str:
        if context.comments:
            raise ValueError("boom")
        return "draft"

    rig = at_review(agents={"a": agent})
    rig.say(Answer(decision="a/review", option="B", note="better"))
    check_end(rig, "failed")
    assert rig.statuses() == {"a": "failed", "b": "skipped"}
    assert "a" not in rig.engine.results


# Modes, pauses, stops.


def test_nothing_is_asked_where_nothing_is() -> None:
    """In the mode fully_autonomous a result is accepted by policy, and that is recorded."""
    rig = Rig(reviewed().with_(mode="fully_autonomous"), {"a": returns("x")}).run()
    assert rig.event("decision", decision_id="a/review")["by"] == "policy"
    assert rig.engine.results["a"] == "x"


def test_autopilot_accepts() -> None:
    """Autopilot accepts what waits, and what comes."""
    rig = at_review(plan=phases([task("a", review=True)], [task("b", review=True)]))
    rig.send(Autopilot(on=True))
    check_end(rig)
    assert [event["by"] for event in rig.events("decision")] == ["autopilot", "autopilot"]


@pytest.mark.parametrize("mode", ["full_interactive", "guided", "semi_autonomous"])
def test_a_review_has_no_clock(mode: Any) -> None:
    """In every mode that asks, a result waits as long as it takes."""
    rig = at_review(plan=reviewed().with_(mode=mode))
    rig.advance(100_000.0)
    assert rig.decision("a/review").open
    assert accept(rig)[0]
    check_end(rig)


def test_a_paused_run_starts_no_new_attempt() -> None:
    """What is sent back during a pause is done anew when the run goes on."""
    rig = at_review()
    rig.say(Pause())
    rig.say(Answer(decision="a/review", option="B", note="again"))
    rig.advance(10.0)
    assert rig.task("a").status == "retrying"
    rig.say(Unpause())
    rig.until_open("a/review-2")
    rig.say(Answer(decision="a/review-2", option="A"))
    check_end(rig)


def test_stop_during_a_review() -> None:
    """A run that is stopped withdraws the card; the log holds where the result is."""
    rig = at_review()
    rig.say(Stop())
    check_end(rig, "stopped")
    assert rig.decision("a/review").withdrawn == "the run was stopped"
    assert rig.task("a").status == "cancelled"
    assert rig.task("a").reason == "the run was stopped before its result was reviewed"
    assert rig.event("decision_opened")["detail"]["stored"]["value"] == "draft"
    assert rig.engine.results == {}


def test_stop_before_the_card_opens() -> None:
    """A result that is still on its way to the disk when the run stops is asked about no more."""
    rig = Rig(reviewed(), {"a": returns([1])}, fake=True)
    rig.journal.results = []
    rig.start()
    rig.until(lambda: rig.journal.results, "the result")
    rig.send(Stop())
    for keep in rig.journal.results:
        keep()
    check_end(rig, "stopped")
    assert rig.task("a").status == "cancelled"
    assert rig.engine.state.decisions == {}


def test_an_interrupted_review_can_be_asked_again() -> None:
    """When the process ends, the log's last word on the task is an open card with its result."""
    rig = at_review()
    rig.engine.interrupt("the process ended")
    state = fold(rig.journal.lines, rig.plan)
    assert state.status == "interrupted"
    assert state.decisions["a/review"].open
    assert state.decisions["a/review"].detail["stored"] == {"kind": "json", "value": "draft"}


def test_a_task_under_review_can_t_be_skipped() -> None:
    """Its work is done: it is accepted or sent back, not left out."""
    rig = at_review()
    ok, text = rig.say(Skip(task="a"))
    assert not ok
    assert "'a' waits for you: review of its result" in text
    assert accept(rig)[0]
    check_end(rig)


def test_what_an_agent_says_after_its_result_is_not_heard() -> None:
    """A thread that an agent left behind adds nothing to a result that is being reviewed."""
    kept: list[Context] = []

    def agent(context: Context) -> str:
        kept.append(context)
        return "draft"

    rig = at_review(agents={"a": agent})
    kept[0].finding("too late")
    kept[0].progress("still here", 0.5)
    rig.turn()
    rig.advance(5.0)
    assert accept(rig)[0]
    check_end(rig)
    assert rig.events("insight", "agent_progress") == []


# What a card shows of a result.


class _Loud:
    def __repr__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("value", "format", "editable"),
    [
        ("text", "text", True),
        ("x" * 20_000, "text", True),
        ("x" * 20_001, "text", False),
        ({"a": [1, 2.5, None, True]}, "json", True),
        (["x" * 20_000], "json", False),
        ((1, 2), "other", False),
        ({1: "a"}, "other", False),
        (float("nan"), "other", False),
        (b"bytes", "other", False),
        (_Loud(), "other", False),
        ({"a": _Loud()}, "other", False),
    ],
    ids=[
        "text",
        "long",
        "too long",
        "json",
        "too long json",
        "tuple",
        "keys",
        "nan",
        "bytes",
        "loud",
        "loud inside",
    ],
)
def test_what_can_be_edited(value: Any, format: str, editable: bool) -> None:
    """Text and JSON of a bearable length can be edited; everything else is shown by a preview."""
    shown = shown_of(value)
    assert (shown.format, shown.editable) == (format, editable)
    assert (shown.result == value) is editable
    assert 0 < len(shown.preview) <= 4_000


def test_of_a_large_result_only_the_beginning_is_written_out() -> None:
    """Showing a result of a million entries takes no longer than showing its beginning."""

    class Counting(dict[str, int]):
        asked = 0

        def items(self) -> Any:
            for number in range(1_000_000):
                Counting.asked = number
                yield str(number), number

    value = Counting(x=1)
    shown = shown_of(value)
    assert (shown.format, shown.editable) == ("json", False)
    assert shown.preview.startswith('{\n  "0": 0,')
    assert Counting.asked < 5_000
