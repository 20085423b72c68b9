"""When a task has failed for good: who is asked, and what each answer does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Autopilot, Edit, Pause, Retry, Skip, Stop, Unpause
from orchestra_nb.errors import AgentError
from orchestra_nb.plan import Plan

from .rig import Rig, fails, fields_of, fold, one_phase, phases, task


def asking(*groups: Any, **settings: Any) -> Plan:
    """A plan whose failures are asked about."""
    return phases(*groups, on_failure="ask", **settings)


def chain(**settings: Any) -> Plan:
    """A task, one that needs its result, one that needs that one's, and one beside them."""
    return asking([task("a"), task("b", "a"), task("c", "b"), task("side")], **settings)


class Flaky:
    """An agent that fails so many times, then returns how often it was tried."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.left = times
        self.calls = 0
        self.error = error or ValueError("boom")

    def __call__(self) -> int:
        """Work."""
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return self.calls


def failed(plan: Plan | None = None, agents: Any = None, **options: Any) -> Rig:
    """A rig whose task "a" has failed and is asked about."""
    given = agents or {"a": fails(ValueError("boom"))}
    rig = Rig(plan or chain(), given, fake=True, **options).start()
    rig.until_open("a/failed")
    return rig


def check_end(rig: Rig, status: str) -> None:
    """The run is over with nothing open, no slot taken, and the log says what the state says."""
    rig.wait()
    state = rig.engine.state
    assert state.status == status
    assert [d.id for d in state.decisions.values() if d.open] == []
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(state)


def test_a_failure_is_asked_about() -> None:
    """The card says what failed, how often it was tried, and who needs it; the run waits."""
    rig = failed()
    rig.until(lambda: rig.task("side").status == "completed")
    decision = rig.decision("a/failed")
    assert (decision.title, decision.purpose, decision.kind) == ("a failed", "failure", "critical")
    assert decision.about == rig.graph.index["a"]
    at = time.strftime("%H:%M", time.localtime(rig.engine.wall()))
    assert decision.context == f"ValueError: boom (1 attempt, ended at {at})"
    assert decision.detail == {
        "error": "ValueError: boom",
        "attempts": 1,
        "dependents": ["b", "c"],
        "total": 2,
    }
    assert [(o["key"], o["text"]) for o in decision.options] == [
        ("A", "Retry"),
        ("B", "Go on without it"),
        ("C", "Stop"),
    ]
    assert (decision.recommend, decision.timeout_s) == ("B", 600.0)
    assert decision.because == "2 tasks that need its result are skipped, all else goes on"
    found = rig.task("a")
    assert (found.status, found.wait_cause) == ("waiting", "human")
    assert found.error == "ValueError: boom"
    assert found.wait_detail == "failed: ValueError: boom; retry, go on or stop?"
    assert [span[0] for span in found.spans] == ["failed", "human"]
    assert rig.attempts.count(("a", "failed")) == 1
    assert "agent_failed" not in rig.kinds()


@pytest.mark.parametrize(
    ("groups", "because"),
    [
        ([[task("a"), task("side")]], "nothing needs its result"),
        (
            [[task("a"), task("b", "a")]],
            "the task that needs its result is skipped, all else goes on",
        ),
        # Nothing of the phase succeeded: the next one can't start either.
        ([[task("a")], [task("b"), task("c", "b")]], "2 tasks that need its result are skipped, "),
    ],
)
def test_who_needs_it(groups: Any, because: str) -> None:
    """Whoever listed it would be skipped, and the next phase if nothing else of this succeeded."""
    rig = failed(asking(*groups), {"a": fails(ValueError("boom")), "side": Flaky(0)})
    assert rig.decision("a/failed").because.startswith(because)
    rig.say(Answer(decision="a/failed", option="B"))
    rig.wait()
    skipped = {task.id for task in rig.engine.state.tasks if task.status == "skipped"}
    assert skipped == set(rig.decision("a/failed").detail["dependents"])


def test_go_on_without_it() -> None:
    """The task failed, who needs it is skipped with the cause, the others are as they were."""
    rig = failed()
    rig.advance(30.0)
    rig.say(Answer(decision="a/failed", option="B"))
    check_end(rig, "failed")
    assert rig.statuses() == {
        "a": "failed", "b": "skipped", "c": "skipped", "side": "completed",
    }  # fmt: skip
    event = rig.event("agent_failed", task="a")
    assert (event["error"], event["attempt"], event["duration_s"]) == ("ValueError: boom", 1, 0.0)
    assert "boom" in event["traceback"]
    assert isinstance(rig.engine.errors["a"], ValueError)
    assert rig.attempts.count(("a", "failed")) == 1


def test_nobody_answers() -> None:
    """When its time is over the run goes on without it, as it would have without a card."""
    rig = failed()
    rig.advance(601.0)
    check_end(rig, "failed")
    assert rig.event("decision", decision_id="a/failed")["by"] == "timeout"
    assert rig.task("b").reason == "needs a, which failed"


def test_retry_until_it_works() -> None:
    """Each Retry is another attempt; when one succeeds whoever needs it gets its result."""
    flaky = Flaky(2)
    seen: list[int] = []
    rig = failed(agents={"a": flaky, "b": lambda a: seen.append(a)})
    assert rig.say(Answer(decision="a/failed", option="A"))[0]
    rig.until_open("a/failed-2")
    detail = rig.decision("a/failed-2").detail
    assert detail["attempts"] == 2
    assert rig.decision("a/failed-2").context.startswith("ValueError: boom (2 attempts, the last")
    rig.say(Answer(decision="a/failed-2", option="A"))
    check_end(rig, "completed")
    assert (flaky.calls, seen) == (3, [3])
    assert [event["attempt"] for event in rig.events("agent_start") if event["task"] == "a"] == [
        1, 2, 3,
    ]  # fmt: skip
    assert [(e["attempt"], e["error"]) for e in rig.events("agent_retry")] == [
        (1, "ValueError: boom"), (2, "ValueError: boom"),
    ]  # fmt: skip
    assert rig.task("a").error == ""
    assert rig.attempts.count(("a", "failed")) == 2


def test_retry_has_all_its_retries_again() -> None:
    """After Retry the task is tried again as often by itself as at first."""
    flaky = Flaky(3)
    rig = Rig(asking([task("a", retries=1)]), {"a": flaky}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "retrying")
    rig.advance(60.0)
    rig.until_open("a/failed")
    assert rig.decision("a/failed").detail["attempts"] == 2
    rig.say(Answer(decision="a/failed", option="A"))
    rig.until(lambda: rig.task("a").status == "retrying" and flaky.calls == 3)
    rig.advance(60.0)
    check_end(rig, "completed")
    assert flaky.calls == 4
    assert list(rig.engine.state.decisions) == ["a/failed"]


def test_retry_has_all_its_time_again() -> None:
    """A task that ran out of its time gets the whole of it for the attempt a person wants."""
    first, second = threading.Event(), threading.Event()
    gates = [first, second]

    def slow() -> None:
        gates.pop(0).wait(9)

    rig = Rig(asking([task("a", timeout="30s")]), {"a": slow}, fake=True).start()
    rig.advance(31.0)
    assert rig.decision("a/failed").detail["error"].startswith("Timed out after 0:30")
    rig.advance(100.0)
    rig.say(Answer(decision="a/failed", option="A"))
    first.set()
    rig.advance(29.0)
    assert rig.task("a").status == "running"
    rig.advance(2.0)
    assert rig.decision("a/failed-2").open
    second.set()
    rig.say(Answer(decision="a/failed-2", option="B"))
    check_end(rig, "failed")


def test_a_note_reaches_the_next_attempt() -> None:
    """A sentence beside Retry is among the notes of the attempt that follows."""
    seen: list[tuple[str, ...]] = []

    def agent(context: Context) -> None:
        seen.append(context.notes)
        if len(seen) == 1:
            raise ValueError("boom")

    rig = failed(agents={"a": agent})
    rig.say(Answer(decision="a/failed", option="A", note="use the mirror"))
    check_end(rig, "completed")
    assert seen == [(), ("use the mirror",)]


def test_stop_ends_the_run() -> None:
    """Stop: the task failed, and the run ends with what is finished."""
    gate = threading.Event()
    rig = failed(agents={"a": fails(ValueError("boom")), "side": lambda: gate.wait(9)})
    rig.say(Answer(decision="a/failed", option="C", who="Ana"))
    gate.set()
    check_end(rig, "stopped")
    stopped = rig.event("run_stopped")
    assert (stopped["reason"], stopped["who"]) == ("a failed", "Ana")
    assert rig.task("a").status == "failed"
    assert sorted(rig.started()) == ["a", "side"]


def test_a_stop_from_elsewhere() -> None:
    """A run that is stopped withdraws the card; the task failed, as it did."""
    rig = failed()
    rig.say(Stop())
    check_end(rig, "stopped")
    assert rig.decision("a/failed").withdrawn == "the run was stopped"
    assert rig.task("a").status == "failed"
    assert "boom" in rig.event("agent_failed")["error"]


def test_several_failures_are_several_cards() -> None:
    """Tasks that fail at once are asked about one by one, each on its own card."""
    plan = asking([task("a"), task("b"), task("c", "a")], max_concurrency=1)
    rig = Rig(plan, {"a": Flaky(1), "b": fails(KeyError("no"))}, fake=True).start()
    rig.until_open("a/failed")
    rig.until_open("b/failed")  # the first one holds no slot
    rig.say(Answer(decision="b/failed", option="B"))
    rig.say(Answer(decision="a/failed", option="A"))
    check_end(rig, "failed")
    assert rig.statuses() == {"a": "completed", "b": "failed", "c": "completed"}


def test_other_work_goes_on_meanwhile() -> None:
    """A task that waits for a person's word holds no slot: with one slot the rest is done."""
    plan = asking([task("a"), *(task(f"n{n}") for n in range(5))], max_concurrency=1)
    rig = failed(plan)
    rig.until(lambda: rig.engine.state.counts["completed"] == 5)
    assert rig.engine.scheduler.used == 0
    rig.say(Answer(decision="a/failed", option="B"))
    check_end(rig, "failed")


def test_questions_of_a_failed_attempt_are_withdrawn() -> None:
    """What an attempt had asked goes when it fails; only its failure is asked about."""
    rig = Rig(asking([task("a")]), {"a": _asks_and_fails}, fake=True).start()
    rig.until_open("a/failed")
    assert rig.decision("a/which").withdrawn == "the task is over"
    rig.say(Answer(decision="a/failed", option="B"))
    check_end(rig, "failed")


async def _asks_and_fails(context: Context) -> None:
    import asyncio

    question = asyncio.ensure_future(context.decide("Which?", ["one", "two"]))
    await asyncio.sleep(0)
    question.add_done_callback(lambda done: done.exception())
    raise ValueError("boom")


def test_a_paused_run_keeps_the_card() -> None:
    """Paused, the card's clock stands still, and a retry starts when the run goes on."""
    rig = failed(agents={"a": Flaky(1)})
    rig.say(Pause())
    rig.advance(2_000.0)
    assert rig.decision("a/failed").open
    rig.say(Answer(decision="a/failed", option="A"))
    rig.advance(10.0)
    assert rig.task("a").status == "retrying"
    rig.say(Unpause())
    check_end(rig, "completed")


def test_autopilot_goes_on_without_it() -> None:
    """Under autopilot the recommendation is taken at once, and recorded."""
    rig = failed()
    rig.send(Autopilot(on=True))
    check_end(rig, "failed")
    assert rig.event("decision", decision_id="a/failed")["by"] == "autopilot"


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, True),
        ({"mode": "guided"}, True),
        ({"mode": "semi_autonomous"}, False),
        ({"mode": "fully_autonomous"}, False),
        ({"on_failure": "continue"}, False),
        ({"on_failure": "continue", "mode": "guided"}, False),
    ],
)
def test_who_is_asked(settings: dict[str, Any], asked: bool) -> None:
    """Failures are asked about in full_interactive and guided, unless the plan says otherwise."""
    plan = chain().with_(**settings)
    rig = Rig(plan, {"a": fails(ValueError("boom"))}, fake=True).start()
    if asked:
        rig.until_open("a/failed")
        rig.say(Answer(decision="a/failed", option="B"))
    check_end(rig, "failed")
    assert list(rig.engine.state.decisions) == (["a/failed"] if asked else [])


@pytest.mark.parametrize("mode", ["full_interactive", "fully_autonomous"])
def test_on_failure_stop(mode: Any) -> None:
    """With on_failure: stop the first failure ends the run, whatever the mode."""
    gate = threading.Event()
    plan = chain(mode=mode).with_(on_failure="stop")
    agents: dict[str, Callable[..., Any]] = {
        "a": fails(ValueError("boom")),
        "side": lambda: gate.wait(9),
    }
    rig = Rig(plan, agents, fake=True).start()
    gate.set()
    check_end(rig, "stopped")
    assert rig.event("run_stopped")["reason"] == "a failed"
    assert rig.task("a").status == "failed"
    assert rig.engine.state.decisions == {}


def test_skip_by_hand_takes_the_card_away() -> None:
    """Leaving the failed task out by hand settles it: what waits goes on without its result."""
    rig = failed()
    assert rig.say(Skip(task="a"))[0]
    check_end(rig, "completed")
    assert rig.statuses()["a"] == "skipped"
    assert rig.decision("a/failed").withdrawn == "the task was left out by hand"


def test_retry_by_hand_answers_the_card() -> None:
    """Trying the failed task again by hand, with another text, answers its card."""
    seen: list[str] = []

    def agent(context: Context) -> None:
        seen.append(context.text)
        if len(seen) == 1:
            raise ValueError("boom")

    rig = failed(agents={"a": agent})
    assert rig.say(Edit(task="a", text="do it otherwise"))[0]
    assert rig.say(Retry(task="a"))[0]
    check_end(rig, "completed")
    outcome = rig.decision("a/failed").outcome
    assert outcome is not None
    assert outcome.option == "A"
    assert seen == ["do a", "do it otherwise"]


def test_an_error_that_can_t_be_retried_is_asked_about_too() -> None:
    """A person may try what the agent itself would not."""
    rig = failed(agents={"a": Flaky(1, AgentError("refused", retryable=False))})
    assert rig.decision("a/failed").detail["error"] == "refused"
    rig.say(Answer(decision="a/failed", option="A"))
    check_end(rig, "completed")


def test_secrets_in_an_error_are_masked_on_the_card() -> None:
    """What the log is rid of is not on the card either."""

    def scrub(event: dict[str, Any]) -> dict[str, Any]:
        def masked(value: Any) -> Any:
            if isinstance(value, str):
                return value.replace("s3cret", "***")
            if isinstance(value, dict):
                return {key: masked(item) for key, item in value.items()}
            return [masked(item) for item in value] if isinstance(value, list) else value

        return {key: masked(value) for key, value in event.items()}

    rig = failed(agents={"a": fails(ValueError("key s3cret"))}, scrub=scrub)
    rig.say(Answer(decision="a/failed", option="B"))
    check_end(rig, "failed")
    assert "s3cret" not in "".join(rig.journal.texts)
    assert str(rig.engine.errors["a"]) == "ValueError: key ***"


def test_a_large_plan_lists_some_and_counts_all() -> None:
    """Of many dependents fifty are named; the total counts all."""
    plan = asking([task("a"), *(task(f"n{n}", "a") for n in range(80))])
    rig = failed(plan)
    detail = rig.decision("a/failed").detail
    assert (len(detail["dependents"]), detail["total"]) == (50, 80)
    rig.say(Answer(decision="a/failed", option="B"))
    check_end(rig, "failed")


def test_the_default_is_to_ask() -> None:
    """A plan that says nothing asks."""
    plan = one_phase(task("a"))
    assert Plan(name="x", phases=plan.phases).on_failure == "ask"
