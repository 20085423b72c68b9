"""One attempt after the other: failures, retries, timeouts of own work, progress, results."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.agents.functions import Function
from orchestra_nb.commands import Answer, Pause, Stop, Unpause
from orchestra_nb.errors import AgentError
from orchestra_nb.plan import Agent
from orchestra_nb.store.masking import mask_value

from .rig import Rig, choice, fails, one_phase, phases, task

KEY = "sk-ant-api03-" + "Zq9" * 30


class Flaky:
    """Fails some times, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def __call__(self) -> str:
        """Raise the next error, if there is one left."""
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_a_failure_is_its_own() -> None:
    """An agent that fails touches nobody but those who list it."""
    plan = one_phase(task("bad"), task("good"), task("after", "good"))
    rig = Rig(plan, {"bad": fails(ValueError("no"))}).run()
    assert rig.statuses() == {"bad": "failed", "good": "completed", "after": "completed"}
    assert rig.attempts.count(("bad", "failed")) == 1


def test_a_function_is_not_tried_again_unasked() -> None:
    """Functions have no retries of their own."""
    rig = Rig(one_phase(task("a")), {"a": Flaky(ValueError("once"))}).run()
    assert rig.kinds().count("agent_start") == 1
    assert rig.task("a").status == "failed"


@pytest.mark.parametrize("where", ["task", "agent", "worker"])
def test_retries_come_from_task_agent_or_worker(where: str) -> None:
    """A task's retries win over its agent's, those over the worker's."""
    errors = [ValueError("one"), ValueError("two")]
    agents = {"A": Agent(retries=2 if where == "agent" else 0)} if where != "worker" else {}
    plan = one_phase(task("a", retries=2 if where == "task" else None), agents=agents)
    worker = Function(Flaky(*errors))
    worker.retries = 2 if where == "worker" else 0
    rig = Rig(plan, workers={"a": worker}, fake=True).start().advance_to_end()
    assert rig.task("a").status == "completed"
    assert [e["attempt"] for e in rig.events("agent_start")] == [1, 2, 3]


def test_backoff_grows_and_is_spread() -> None:
    """Each wait is about twice the one before, never the same for all, 45 s at most."""
    plan = one_phase(task("a", retries=9))
    rig = Rig(plan, {"a": fails(ValueError("no"))}, fake=True).start().advance_to_end()
    delays = [event["delay_s"] for event in rig.events("agent_retry")]
    for number, delay in enumerate(delays):
        base = min(30.0, 0.5 * 2**number)
        assert base * 0.5 <= delay <= base * 1.5
    assert rig.task("a").status == "failed"
    assert rig.task("a").attempt == 10


def test_no_attempt_starts_before_its_wait_is_over() -> None:
    """A task that waits for its next try holds no slot and starts when the wait is over."""
    plan = one_phase(task("a", retries=1), task("b"), max_concurrency=1)
    rig = Rig(plan, {"a": Flaky(ValueError("once"))}, fake=True, seconds=[9.0, 1.0]).start()
    rig.until(lambda: rig.task("b").status == "completed")
    assert rig.task("a").status == "retrying"
    delay = rig.event("agent_retry")["delay_s"]
    rig.advance(delay + 0.01)
    rig.wait()
    start = rig.event("agent_start", task="a", attempt=2)["t"]
    assert start >= rig.event("agent_retry")["t"] + delay - 0.001


def test_what_can_t_be_helped_is_not_tried_again() -> None:
    """An AgentError that is not retryable ends the task at once."""
    error = AgentError("The model refused", retryable=False)
    rig = Rig(one_phase(task("a", retries=5)), {"a": fails(error)}).run()
    assert rig.event("agent_failed")["error"] == "The model refused"
    assert "agent_retry" not in rig.kinds()


def test_retry_after_is_obeyed() -> None:
    """A service that names a wait gets it, with its cause, and a little spread."""
    error = AgentError("Too many requests", retryable=True, retry_after=7.0, cause="rate_limit")
    rig = Rig(one_phase(task("a", retries=1)), {"a": Flaky(error)}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "retrying")
    event = rig.event("agent_retry")
    assert event["cause"] == "rate_limit"
    assert 7.0 <= event["delay_s"] <= 7.25
    assert rig.task("a").wait_cause == "rate_limit"
    rig.advance(6.9)
    assert rig.task("a").status == "retrying"
    rig.advance(0.4)
    rig.wait()
    assert rig.task("a").spans[1][0] == "rate_limit"


def test_a_wait_of_ages_fails_instead() -> None:
    """A service that asks for more than ten minutes is not waited for."""
    error = AgentError("Come back tomorrow", retryable=True, retry_after=3_600.0)
    rig = Rig(one_phase(task("a", retries=3)), {"a": fails(error)}).run()
    assert rig.task("a").status == "failed"


@pytest.mark.parametrize("after", [-5.0, float("nan"), "soon"])
def test_a_mad_retry_after_does_no_harm(after: Any) -> None:
    """A wait that is no time is as good as none."""
    error = AgentError("odd", retryable=True, retry_after=after)
    rig = Rig(one_phase(task("a", retries=1)), {"a": Flaky(error)}, fake=True).start()
    rig.until(lambda: rig.task("a").status != "running")
    rig.advance(5.0)
    rig.wait()
    assert rig.engine.failure() is None


def test_retries_wait_while_paused() -> None:
    """A try that comes due in a pause starts when the run goes on."""
    rig = Rig(one_phase(task("a", retries=1)), {"a": Flaky(ValueError("once"))}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "retrying")
    rig.say(Pause())
    rig.advance(100.0)
    assert rig.task("a").attempt == 1
    rig.say(Unpause())
    rig.wait()
    assert rig.task("a").status == "completed"


# Timeouts of own work.


async def forever() -> None:
    """An agent that never ends by itself."""
    await asyncio.sleep(3_600)


def test_a_task_that_takes_too_long_fails() -> None:
    """When a task's own work exceeds its timeout it is cancelled and failed."""
    rig = Rig(one_phase(task("a", timeout=30.0)), {"a": forever}, fake=True).start()
    rig.advance(29.9)
    assert rig.task("a").status == "running"
    rig.advance(0.2)
    rig.wait()
    assert rig.event("agent_failed")["error"] == "Timed out after 0:30 of its own work"


def test_timeout_of_the_agent_counts_where_the_task_names_none() -> None:
    """An `agents:` entry's timeout holds for its tasks, whatever the case of its name."""
    plan = one_phase(task("Slow"), agents={"slow": Agent(timeout="10s")})
    rig = Rig(plan, {"Slow": forever}, fake=True).start()
    rig.advance(10.1)
    rig.wait()
    assert rig.task("slow").status == "failed"


def test_a_thread_can_only_be_abandoned_and_is_said_to_be() -> None:
    """A function that takes too long goes on in its thread; whatever it says counts no more."""
    gate, cancelled = threading.Event(), []

    def stubborn(context: Context) -> str:
        gate.wait(9)
        cancelled.append(context.cancelled)
        context.finding("too late")
        context.progress("too late")
        return "too late"

    plan = one_phase(task("a", timeout=5.0), task("b", "a"))
    rig = Rig(plan, {"a": stubborn}, fake=True).start()
    rig.advance(5.1)
    rig.wait()
    gate.set()
    assert "its thread can't be stopped and was abandoned" in rig.event("agent_failed")["error"]
    assert rig.task("b").status == "skipped"
    rig.until(lambda: cancelled)
    rig.turn()
    assert cancelled == [True]
    assert rig.kinds()[-1] == "orchestration_complete"
    assert "a" not in rig.engine.results


def test_a_coroutine_that_ignores_its_cancellation_is_left_behind() -> None:
    """A coroutine that swallows its cancellation delays nobody."""
    began, swallowed = threading.Event(), threading.Event()

    async def stubborn() -> str:
        began.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            swallowed.set()
            await asyncio.sleep(0.05)
        return "still here"

    rig = Rig(one_phase(task("a", timeout=5.0)), {"a": stubborn}, fake=True).start()
    assert began.wait(5)
    rig.advance(5.1)
    rig.wait()
    assert swallowed.wait(5)
    assert rig.task("a").status == "failed"
    assert "a" not in rig.engine.results


def test_waiting_for_a_person_is_not_own_work() -> None:
    """However long a person thinks, the task's clock stands still."""
    ask, never = threading.Event(), threading.Event()

    def agent(context: Context) -> None:
        ask.wait(9)
        context.decide_sync("Which?", ["x", "y"])
        never.wait(9)

    rig = Rig(one_phase(task("a", timeout=60.0)), {"a": agent}, fake=True).start()
    rig.advance(20.0)
    ask.set()
    rig.until_open("a/which")
    rig.advance(5_000.0)
    assert rig.task("a").status == "waiting"
    rig.say(Answer(decision="a/which", option="A"))
    rig.advance(39.0)
    assert rig.task("a").status == "running"
    rig.advance(1.5)
    rig.wait()
    never.set()
    assert rig.task("a").status == "failed"


def test_waiting_for_a_rate_limit_is_not_own_work() -> None:
    """A wait that the context announces is visible and off the clock."""
    go = asyncio.Event()

    async def agent(context: Context) -> None:
        async with context.waiting("rate_limit", until_s=90.0, detail="429"):
            await go.wait()

    rig = Rig(one_phase(task("a", timeout=10.0)), {"a": agent}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "waiting")
    assert (rig.task("a").wait_cause, rig.task("a").wait_detail) == ("rate_limit", "429")
    assert rig.task("a").wait_until == pytest.approx(90.0)
    rig.advance(500.0)
    assert rig.task("a").status == "waiting"
    rig.engine.loops.agents.loop.call_soon_threadsafe(go.set)
    rig.wait()
    assert rig.task("a").status == "completed"
    assert [span[0] for span in rig.task("a").spans] == ["run", "rate_limit", "run"]


def test_sleep_of_the_machine_is_not_own_work() -> None:
    """A task does not time out because the lid was closed."""
    rig = Rig(one_phase(task("a", timeout=60.0)), {"a": forever}, fake=True).start()
    rig.advance(30.0)
    rig.sleep(3_600.0)
    assert rig.task("a").status == "running"
    rig.advance(59.0)
    assert rig.task("a").status == "running"
    rig.advance(1_000.0)
    rig.wait()
    assert rig.task("a").status == "failed"


def test_the_timeout_spans_all_attempts() -> None:
    """A task's timeout is its deadline: another attempt gets what is left of it."""
    count = 0

    async def agent() -> None:
        nonlocal count
        count += 1
        if count == 1:
            await go.wait()
            raise ValueError("once")
        await asyncio.sleep(3_600)

    go = asyncio.Event()
    rig = Rig(one_phase(task("a", timeout=60.0, retries=1)), {"a": agent}, fake=True).start()
    rig.advance(50.0)
    rig.engine.loops.agents.loop.call_soon_threadsafe(go.set)
    rig.until(lambda: rig.task("a").status == "retrying")
    rig.advance(3.0)
    rig.until(lambda: rig.task("a").attempt == 2)
    rig.advance(10.5)
    rig.wait()
    assert rig.task("a").status == "failed"


# Progress and findings.


def test_progress_is_logged_once_a_second_and_the_last_is_kept() -> None:
    """Of many progress calls the first is logged at once, then one a second, then the last."""
    seen, step, done = threading.Event(), threading.Event(), threading.Event()

    def agent(context: Context) -> None:
        context.progress("first", 0)
        seen.wait(9)
        for number in range(100):
            context.progress(f"then {number}", number / 100)
        step.set()
        done.wait(9)
        context.progress("the end", 1)

    rig = Rig(one_phase(task("a")), {"a": agent}, fake=True).start()
    rig.until(lambda: rig.events("agent_progress"))
    seen.set()
    assert step.wait(9)
    rig.advance(0.9)
    assert len(rig.events("agent_progress")) == 1
    rig.advance(0.2)
    said = rig.events("agent_progress")
    assert [event["description"] for event in said[1:]] == ["then 99"]
    done.set()
    rig.wait()
    said = rig.events("agent_progress")
    assert (said[-1]["description"], said[-1]["fraction"], len(said)) == ("the end", 1, 3)


@pytest.mark.parametrize("ends", ["fails", "returns"])
def test_the_last_progress_is_never_lost(ends: str) -> None:
    """What an agent said last is in the log, also when it fails right after."""

    def agent(context: Context) -> None:
        context.progress("one")
        context.progress("two")
        context.progress("three")
        if ends == "fails":
            raise ValueError("no")

    rig = Rig(one_phase(task("a")), {"a": agent}, fake=True).start().wait()
    assert rig.events("agent_progress")[-1]["description"] == "three"


def test_a_flood_of_progress_is_one_message() -> None:
    """A loop that reports each row keeps one message in the inbox, not one a row."""
    sent = []

    def agent(context: Context) -> None:
        post = context._job.post

        def counted(message: Any) -> None:
            sent.append(message)
            post(message)

        context._job.post = counted
        with stopped_engine(rig):
            for row in range(10_000):
                context.progress(f"row {row}")

    rig = Rig(one_phase(task("a")), {"a": agent})
    rig.run()
    assert len(sent) <= 2
    assert rig.events("agent_progress")[-1]["description"] == "row 9999"


class stopped_engine:  # noqa: N801  reads as a statement
    """Keeps the engine's loop from running."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.gate = rig, threading.Event()

    def __enter__(self) -> None:
        """Block the loop."""
        blocked = threading.Event()

        def block() -> None:
            blocked.set()
            self.gate.wait(9)

        self.rig.engine.post(block)
        assert blocked.wait(9)

    def __exit__(self, *error: object) -> None:
        """Let it go on."""
        self.gate.set()


def test_findings_reach_descendants_alone() -> None:
    """A task sees the findings of what it depends on, not those of others."""
    seen: dict[str, Any] = {}

    def finder(context: Context) -> None:
        context.finding(f"{context.task} found")
        if context.task == "a":
            context.blocker("a is stuck")

    def reader(context: Context) -> None:
        seen["findings"] = context.findings

    plan = one_phase(task("a"), task("b"), task("c", "a"), task("d", "c"))
    rig = Rig(plan, {"a": finder, "b": finder, "c": finder, "d": reader}).run()
    assert seen["findings"] == (("a", "a found"), ("a", "a is stuck"), ("c", "c found"))
    assert [f.kind for f in rig.engine.state.findings].count("blocker") == 1


# Results.


def test_results_that_need_a_file_are_durable_before_their_completion() -> None:
    """A completion is logged only after its result is stored; dependents wait for it."""
    rig = Rig(one_phase(task("a"), task("b", "a")), {"a": lambda: {1, 2}})
    rig.journal.results = []
    rig.start()
    rig.until(lambda: rig.journal.results)
    assert (rig.task("a").status, rig.task("b").status) == ("running", "pending")
    rig.journal.results.pop()()
    rig.wait()
    assert rig.engine.results["a"] == {1, 2}
    assert rig.event("agent_complete", task="a")["result"]["stored"] is False


def test_a_stop_lets_a_result_that_is_being_stored_arrive() -> None:
    """Work that is done is not called cancelled because its result is on the way to the disk."""
    rig = Rig(one_phase(task("a"), task("b", "a")), {"a": lambda: {1, 2}})
    rig.journal.results = []
    rig.start()
    rig.until(lambda: rig.journal.results)
    rig.say(Stop())
    rig.journal.results.pop()()
    rig.wait()
    assert rig.statuses()["a"] == "completed"
    assert rig.event("orchestration_complete")["status"] == "stopped"


def test_a_stop_does_not_wait_for_a_disk_that_hangs() -> None:
    """When storing takes too long the run stops without that result."""
    rig = Rig(one_phase(task("a")), {"a": lambda: {1, 2}}, fake=True)
    rig.journal.results = []
    rig.start()
    rig.until(lambda: rig.journal.results)
    rig.say(Stop())
    rig.advance(1.6)
    rig.wait()
    rig.journal.results.pop()()
    rig.turn()
    assert rig.task("a").status == "cancelled"
    assert rig.kinds()[-1] == "orchestration_complete"


def test_dependents_get_the_very_object() -> None:
    """In one process a result is handed on as it is, not as a copy."""
    made = object()
    seen: list[object] = []
    plan = one_phase(task("a"), task("b", "a"))
    Rig(plan, {"a": lambda: made, "b": lambda a: seen.append(a)}).run()
    assert seen[0] is made


# What agents raise.


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (asyncio.CancelledError(), "Cancelled by itself, or by another agent"),
        (StopIteration(5), "StopIteration: 5"),
        (ExceptionGroup("both", [ValueError("one")]), "ExceptionGroup: both (1 sub-exception)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.parametrize("blocking", [True, False])
def test_whatever_an_agent_raises_is_a_failure_of_its_own(
    error: BaseException, said: str, blocking: bool
) -> None:
    """SystemExit, KeyboardInterrupt and their like end the agent, not the run nor the process."""

    async def coroutine() -> None:
        raise error

    agent = fails(error) if blocking else coroutine
    if isinstance(error, StopIteration) and not blocking:
        said = "RuntimeError: coroutine raised StopIteration"
    plan = one_phase(task("a", retries=2), task("b"))
    rig = Rig(plan, {"a": agent}, fake=True).start().advance_to_end()
    assert rig.event("agent_failed")["error"] == said
    assert rig.task("b").status == "completed"


def test_a_child_task_that_exits_does_not_end_the_loop() -> None:
    """SystemExit in a task that an agent started leaves the agents' loop alive."""

    async def exits() -> None:
        raise SystemExit(1)

    async def agent() -> None:
        await asyncio.gather(asyncio.create_task(exits()), return_exceptions=True)

    rig = Rig(one_phase(task("a"), task("b", "a")), {"a": agent, "b": agent}).run()
    assert rig.engine.loops.agents.thread.is_alive()
    assert set(rig.statuses().values()) <= {"completed", "failed", "skipped"}
    assert Rig(one_phase(task("c")), {"c": agent}).run().engine.failure() is None


def test_a_function_may_return_a_coroutine() -> None:
    """What a plain function returns is awaited when it can be."""

    async def inner() -> str:
        return "awaited"

    rig = Rig(one_phase(task("a")), {"a": lambda: inner()}).run()
    assert rig.engine.results["a"] == "awaited"


def test_an_exception_without_words_is_named() -> None:
    """An exception with no message is told by its kind, one that can't be shown by that."""

    class Mute(Exception):
        """Can't even be shown."""

        def __str__(self) -> str:
            raise RuntimeError("no words")

    rig = Rig(one_phase(task("a"), task("b")), {"a": fails(ValueError()), "b": fails(Mute())}).run()
    assert rig.event("agent_failed", task="a")["error"] == "ValueError"
    assert rig.event("agent_failed", task="b")["error"] == "Mute: its text raised RuntimeError"
    assert rig.engine.failure() is None


def test_errors_are_bounded_and_valid_text() -> None:
    """A message of a megabyte with half a surrogate ends up short, in valid JSON."""
    rig = Rig(one_phase(task("a")), {"a": fails(ValueError("x\ud800" * 500_000))}).run()
    event = rig.event("agent_failed")
    assert len(event["error"]) <= 500
    assert len(event["traceback"]) <= 8_000
    assert "\\ud800" not in rig.journal.texts[-2]


def deep(levels: int) -> None:
    """Fail so many calls down."""
    if levels == 0:
        raise ValueError("deep down")
    deep(levels - 1)


@pytest.mark.parametrize("blocking", [True, False])
def test_tracebacks_begin_where_the_agent_does(blocking: bool) -> None:
    """The traceback shows the agent's frames and none of this package before them."""

    async def agent() -> None:
        deep(2)

    rig = Rig(one_phase(task("a")), {"a": (lambda: deep(2)) if blocking else agent}).run()
    text = rig.event("agent_failed")["traceback"]
    package = f"orchestra_nb{os.sep}"
    assert package not in text.replace("test_attempts", "")
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: deep down\n")
    assert text.count("in deep") == 3


def test_a_long_traceback_keeps_its_end() -> None:
    """Of a deep traceback the last frames are kept."""
    rig = Rig(one_phase(task("a")), {"a": lambda: deep(200)}).run()
    text = rig.event("agent_failed")["traceback"]
    assert len(text) <= 8_000
    assert text.endswith("ValueError: deep down\n")


def test_a_key_in_an_exception_is_shown_nowhere() -> None:
    """A key in an exception's text is masked in the log and state, and not handed on with it."""
    text = "x" * 470 + KEY  # where the text is cut
    rig = Rig(one_phase(task("a")), {"a": fails(ValueError(text))}, scrub=mask_value).run()
    everything = "".join(rig.journal.texts)
    assert KEY[:20] not in everything
    assert "Zq9Zq9" not in everything
    assert KEY not in rig.task("a").error
    assert KEY not in repr(rig.engine.errors["a"])


def test_a_retried_attempt_takes_its_questions_with_it() -> None:
    """A question whose asker failed is withdrawn; the next attempt asks anew."""
    tries = 0

    async def agent(context: Context) -> str:
        nonlocal tries
        tries += 1
        question = asyncio.ensure_future(context.decide("Which?", ["x", "y"]))
        if tries == 1:
            await asyncio.sleep(0.05)
            raise ValueError("impatient")
        return (await question).option

    rig = Rig(one_phase(task("a", retries=1)), {"a": agent}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "retrying")
    assert rig.decision("a/which").withdrawn == "the task is over"
    rig.advance(1.0)
    rig.until_open("a/which-2")
    rig.say(Answer(decision="a/which-2", option="B"))
    rig.wait()
    assert rig.engine.results["a"] == "B"


def test_an_agent_that_ends_with_an_open_question_withdraws_it() -> None:
    """A run that is over has no open decisions."""

    async def agent(context: Context) -> str:
        task = asyncio.ensure_future(context.decide("Which?", ["x", "y"]))
        await asyncio.sleep(0.05)
        assert not task.done()
        return "never mind"

    rig = Rig(one_phase(task("a")), {"a": agent}).run()
    assert rig.engine.state.open_decisions() == []
    assert rig.task("a").status == "completed"


def test_an_answer_to_an_agent_that_is_gone_starts_nothing() -> None:
    """A task that ended while it waited for its slot is not started again."""
    gate, fall = threading.Event(), asyncio.Event()

    async def agent(context: Context) -> None:
        question = asyncio.ensure_future(context.decide("Which?", ["x", "y"]))
        await fall.wait()
        question.cancel()
        raise ValueError("gave up")

    plan = phases([task("a"), task("b")], [choice("d")], max_concurrency=1)
    rig = Rig(plan, {"a": agent, "b": lambda: gate.wait(9)}, seconds=[9.0, 1.0, 0.0]).start()
    rig.until(lambda: rig.task("b").status == "running")
    rig.say(Answer(decision="a/which", option="A"))
    rig.engine.loops.agents.loop.call_soon_threadsafe(fall.set)
    rig.until(lambda: rig.task("a").status == "failed")
    gate.set()
    rig.until_open("d")
    assert rig.started() == ["a", "b"]
    assert rig.engine.scheduler.used == 0
    rig.say(Answer(decision="d", option="A"))
    rig.wait()


def test_an_agent_that_stops_waiting_works_on() -> None:
    """When an agent's own timeout ends its question the card goes and its clock runs again."""
    gate = asyncio.Event()

    async def agent(context: Context) -> str:
        try:
            await asyncio.wait_for(context.decide("Which?", ["x", "y"]), 0.05)
        except TimeoutError:
            await gate.wait()
            return "went on"
        return "answered"

    rig = Rig(one_phase(task("a"), max_concurrency=1), {"a": agent}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "running" and "decision_withdrawn" in rig.kinds())
    assert rig.decision("a/which").withdrawn == "the agent no longer waits"
    assert rig.engine.scheduler.used == 1
    ok, text = rig.say(Answer(decision="a/which", option="A"))
    assert (ok, "withdrawn" in text) == (False, True)
    rig.engine.loops.agents.loop.call_soon_threadsafe(gate.set)
    rig.wait()
    assert rig.engine.results["a"] == "went on"
    assert rig.engine.scheduler.used == 0
