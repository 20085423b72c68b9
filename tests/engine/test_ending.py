"""How runs end: by themselves, stopped, interrupted, with a disk that fails or a fault of ours."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import Any

import pytest

from orchestra_nb import events
from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Note, Pause, Stop, Touch
from orchestra_nb.engine.orders import Order
from orchestra_nb.errors import DecisionClosed, StoreError
from orchestra_nb.state import State

from .rig import Rig, choice, fails, one_phase, phases, task


def test_the_end_is_the_last_event() -> None:
    """A run that is over says so once, last, with its counts."""
    rig = Rig(one_phase(task("a"), task("b"), task("c", "b")), {"b": fails(ValueError())}).run()
    assert rig.kinds()[-1] == "orchestration_complete"
    event = rig.event("orchestration_complete")
    assert event["status"] == "failed"
    assert event["counts"] == {"completed": 1, "failed": 1, "skipped": 1}
    assert event.items() >= rig.engine.state.totals.items()
    assert rig.journal.closed


# Stop.


def test_stop_ends_coroutines_at_once() -> None:
    """A stop cancels what runs, starts nothing more and leaves the rest as it was."""

    async def forever() -> None:
        await asyncio.sleep(3_600)

    rig = Rig(one_phase(task("a"), task("b", "a"), choice("d")), {"a": forever}).start()
    began = time.monotonic()
    assert rig.say(Stop(who="Ana")) == (True, "")
    rig.wait()
    assert time.monotonic() - began < 1.0
    assert rig.statuses() == {"a": "cancelled", "b": "ready", "d": "cancelled"}
    assert rig.event("run_stopped")["who"] == "Ana"
    assert rig.event("agent_cancelled")["reason"] == "the run was stopped"
    assert rig.decision("d").withdrawn == "the run was stopped"
    assert rig.engine.state.status == "stopped"
    assert rig.started() == ["a"]


def test_stop_does_not_wait_for_those_who_don_t_listen() -> None:
    """Coroutines and functions that ignore a stop are left behind within two seconds."""
    gate = threading.Event()

    async def stubborn() -> None:
        while not gate.is_set():
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                continue

    plan = one_phase(task("a"), task("b"))
    rig = Rig(plan, {"a": stubborn, "b": lambda: gate.wait(9)}).start()
    began = time.monotonic()
    rig.say(Stop())
    rig.wait()
    assert time.monotonic() - began < 2.0
    gate.set()
    reasons = {event["task"]: event["reason"] for event in rig.events("agent_cancelled")}
    assert set(reasons) == {"a", "b"}
    assert "abandoned" in reasons["b"]
    rig.turn()
    assert rig.kinds()[-1] == "orchestration_complete"


def test_a_function_sees_that_it_should_end() -> None:
    """`context.cancelled` tells a function of the stop."""

    def polite(context: Context) -> None:
        while not context.cancelled:
            time.sleep(0.005)

    rig = Rig(one_phase(task("a")), {"a": polite}).start()
    rig.say(Stop())
    rig.wait()
    assert rig.task("a").status in ("completed", "cancelled")


def test_stop_frees_threads_that_wait_for_an_answer() -> None:
    """A function that asked gets DecisionClosed, whether it was answered or not."""
    raised: list[str] = []
    gate = threading.Event()

    def asks(context: Context) -> None:
        try:
            context.decide_sync("Which?", ["x", "y"])
        except DecisionClosed as error:
            raised.append(f"{context.task}: {error.reason}")
            raise

    plan = one_phase(task("asks"), task("answered"), task("b"), max_concurrency=1)
    rig = Rig(
        plan,
        {"asks": asks, "answered": asks, "b": lambda: gate.wait(9)},
        seconds=[9.0, 8.0, 1.0],
    ).start()
    rig.until(lambda: rig.task("b").status == "running")
    rig.say(Answer(decision="answered/which", option="A"))
    rig.say(Stop())
    gate.set()
    rig.wait()
    rig.until(lambda: len(raised) == 2)
    assert sorted(raised) == ["answered: the run was stopped", "asks: the run was stopped"]
    assert rig.statuses()["asks"] == "cancelled"


def test_nobody_can_ask_during_a_stop() -> None:
    """A question of an agent that is being stopped is closed at once."""
    said: list[str] = []

    def asks(context: Context) -> None:
        while not context.cancelled:
            time.sleep(0.002)
        try:
            context.decide_sync("Which?", ["x", "y"])
        except DecisionClosed as error:
            said.append(str(error))

    rig = Rig(one_phase(task("a")), {"a": asks}).start()
    rig.say(Stop())
    rig.wait()
    assert said == ["Which? was withdrawn: the run was stopped"]


def test_stop_of_a_paused_run() -> None:
    """A run that is paused can be stopped."""
    rig = Rig(one_phase(choice("d"))).start()
    rig.say(Pause())
    rig.say(Stop())
    assert rig.wait().engine.state.status == "stopped"


def test_stop_twice_and_after_the_end() -> None:
    """A second stop does nothing; after the end commands are refused."""
    rig = Rig(one_phase(choice("d")), fake=True).start()
    replies: list[bool] = []
    for _ in range(2):
        rig.engine.post(Order(Stop(), lambda came: replies.append(came.ok)))
    rig.wait()
    assert rig.kinds().count("run_stopped") == 1
    assert rig.say(Note(text="late")) == (False, "The run is over (stopped)")
    ok, text = rig.say(Answer(decision="d", option="A"))
    assert (ok, text) == (False, "D was withdrawn: the run was stopped.")


def test_stop_cancels_what_waits_for_another_try() -> None:
    """A task between two tries is cancelled by a stop."""
    rig = Rig(one_phase(task("a", retries=3)), {"a": fails(ValueError())}, fake=True).start()
    rig.until(lambda: rig.task("a").status == "retrying")
    rig.say(Stop())
    rig.wait()
    assert rig.statuses() == {"a": "cancelled"}


# Interrupted.


def test_an_interrupt_is_the_last_word() -> None:
    """When the process ends the log says so, and nothing is written after it."""
    gate = threading.Event()

    def agent(context: Context) -> None:
        gate.wait(9)
        context.finding("late")

    rig = Rig(one_phase(task("a"), task("b")), {"a": agent, "b": agent}).start()
    rig.engine.interrupt("the process ended")
    gate.set()
    rig.turn()
    assert rig.kinds()[-1] == "run_interrupted"
    assert rig.event("run_interrupted")["counts"] == {"running": 2}
    assert rig.engine.state.status == "interrupted"
    assert rig.journal.closed
    assert rig.engine.failure() is None


def test_an_agent_that_asks_says_nothing_after_an_interrupt() -> None:
    """A question that goes with its cancelled agent is not withdrawn after the log's end."""
    gone = threading.Event()

    async def agent(context: Context) -> None:
        try:
            await context.decide("Which", {"A": "this", "B": "that"})
        finally:
            gone.set()

    rig = Rig(one_phase(task("a")), {"a": agent}).start()
    rig.until_open("a/which")
    rig.engine.interrupt("the process ended")
    assert gone.wait(10)
    rig.turn()
    assert rig.kinds()[-1] == "run_interrupted"
    assert rig.engine.failure() is None


def test_nobody_decides_after_an_interrupt() -> None:
    """What comes for an open decision after the log's end is refused and writes nothing."""
    rig = Rig(one_phase(choice("d"))).start()
    rig.engine.interrupt("the process ended")
    refused = rig.reply(Answer(decision="d", option="B"))
    assert (refused.ok, refused.text, refused.late) == (
        False,
        "The run is over (interrupted)",
        True,
    )
    rig.send(Touch(decision="d", typing=True))
    assert rig.kinds()[-1] == "run_interrupted"
    assert rig.decision("d").outcome is None
    assert rig.engine.state.status == "interrupted"
    assert rig.engine.failure() is None


def test_an_interrupt_does_not_wait_for_a_disk_that_hangs() -> None:
    """The process ends within a second, whatever the disk does."""
    rig = Rig(one_phase(choice("d")))
    rig.journal.held = []
    rig.start()
    began = time.monotonic()
    rig.engine.interrupt("the process ended")
    assert time.monotonic() - began < 1.0


# A log that can't be written.


def lost(rig: Rig) -> None:
    """What is true of every run that lost its log."""
    rig.wait()
    failure = rig.engine.failure()
    assert isinstance(failure, StoreError)
    assert "disk full" in str(failure)
    assert "Nothing new was started" in str(failure)
    assert "onb.resume('run-1')" in str(failure)
    assert rig.engine.state.status == "failed"
    assert rig.engine.state.open_decisions() == []
    assert rig.engine.running == {}
    assert {t.status for t in rig.engine.state.tasks} & {"running", "waiting"} == set()


@pytest.mark.parametrize("where", ["append", "sync"])
def test_without_a_log_nothing_goes_on(where: str) -> None:
    """When the log can't be written the run ends loudly and starts nothing more."""
    gate = threading.Event()
    closed: list[str] = []
    ran: list[str] = []

    def asks(context: Context) -> None:
        try:
            context.decide_sync("Which?", ["x", "y"])
        except DecisionClosed as error:
            closed.append(error.reason)

    plan = one_phase(task("a"), task("asks"), task("next", "a"), choice("d"))
    agents = {"a": lambda: gate.wait(9), "asks": asks, "next": lambda: ran.append("next")}
    rig = Rig(plan, agents).start()
    rig.until_open("asks/which")
    error = OSError(28, "disk full")
    if where == "append":
        rig.journal.fail = error
    else:
        rig.journal.sync_error = error
    ok, text = rig.say(Answer(decision="d", option="A"))
    assert not ok
    assert "disk full" in text
    gate.set()
    lost(rig)
    assert ran == []
    rig.until(lambda: closed == ["the run stopped"])
    ok, text = rig.say(Note(text="anybody?"))
    assert (ok, "disk full" in text) == (False, True)


def test_without_a_first_line_nothing_starts() -> None:
    """If not even the start can be written no agent runs."""
    ran: list[str] = []
    rig = Rig(one_phase(task("a")), {"a": lambda: ran.append("a")})
    rig.journal.fail = OSError(28, "disk full")
    rig.engine.start()
    lost(rig)
    assert ran == []
    assert rig.journal.texts == []


def test_nobody_hears_of_what_is_not_on_disk() -> None:
    """on_event and on_decision get nothing that was not made durable."""
    heard: list[str] = []
    rig = Rig(
        one_phase(choice("d")),
        on_events=lambda lines: heard.extend(line["event"] for line in lines),
        fake=True,
    )
    rig.journal.sync_error = OSError(28, "disk full")
    rig.engine.start()
    lost(rig)
    rig.turn()
    assert (heard, rig.asked) == ([], [])


def test_views_are_told_of_a_lost_log() -> None:
    """Listeners see the failed run, and calls that wait for the disk are made all the same."""
    seen: list[str] = []
    called = threading.Event()
    rig = Rig(one_phase(choice("d")), fake=True)
    rig.engine.listen(lambda state, change: seen.append(state.status))
    rig.journal.held = []
    rig.start()
    rig.engine.call(lambda: rig.engine.when_durable(called.set))
    rig.turn()
    assert not called.is_set()
    rig.journal.sync_error = OSError(28, "disk full")
    rig.journal.release()
    lost(rig)
    rig.until(called.is_set)
    assert seen[-1] == "failed"


def test_losing_the_log_at_the_very_end() -> None:
    """A run whose last line is not durable has failed, whatever the line says."""
    gate = threading.Event()
    rig = Rig(one_phase(task("a")), {"a": lambda: gate.wait(9)}).start()
    rig.journal.held = []
    gate.set()
    rig.until(lambda: rig.journal.held)
    rig.journal.sync_error = OSError(28, "disk full")
    rig.until(lambda: "orchestration_complete" in rig.kinds())
    rig.journal.release()
    lost(rig)


def test_a_fault_of_ours_leaves_nobody_waiting() -> None:
    """An exception in the engine itself ends the run; wait() raises it."""
    rig = Rig(one_phase(choice("d")), fake=True).start()
    fault = RuntimeError("ours")

    def broken() -> None:
        raise fault

    rig.engine.post(broken)
    rig.wait()
    assert rig.engine.failure() is fault
    assert rig.engine.state.status == "failed"


def test_who_speaks_after_a_fault_of_ours_hears_of_it() -> None:
    """Events that were lost with the fault keep no later command from its reply."""
    rig = Rig(one_phase(choice("d")), fake=True).start()

    def broken() -> None:
        rig.engine.emit(events.note(text="never written", who=""))
        raise RuntimeError("ours")

    rig.engine.post(broken)
    rig.wait()
    assert rig.say(Note(text="hello")) == (False, "ours")


# Listeners and callers.


def test_a_broken_listener_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    """A view that raises hears no more; the run and the other views go on."""
    seen: list[str] = []
    rig = Rig(one_phase(task("a")))

    def broken(state: State, change: Any) -> None:
        raise RuntimeError("broken view")

    rig.engine.listen(broken)
    rig.engine.listen(lambda state, change: seen.append(state.status))
    rig.run()
    rig.engine.unlisten(broken)
    rig.turn()
    assert rig.engine.failure() is None
    assert seen[-1] == "completed"
    assert capfd.readouterr().err.count("RuntimeError: broken view") == 1


def test_foreign_calls_can_t_hurt_a_run(capfd: pytest.CaptureFixture[str]) -> None:
    """What a view or a door calls on the loop may raise."""
    rig = Rig(one_phase(choice("d")), fake=True).start()

    def broken(*said: object) -> None:
        raise RuntimeError("broken call")

    rig.engine.call(broken)
    rig.engine.call(lambda: rig.engine.when_durable(broken))
    rig.engine.post(Order(Note(text="hello"), broken))
    rig.engine.post(Order(Note(text=""), broken))
    rig.say(Answer(decision="d", option="A"))
    rig.wait()
    assert rig.engine.failure() is None
    assert capfd.readouterr().err.count("RuntimeError: broken call") == 4


def test_all_events_of_a_turn_are_one_write() -> None:
    """What happens in one turn of the loop is written at once."""
    rig = Rig(one_phase(*(task(f"a{n}", free=True) for n in range(50)), max_concurrency=50)).run()
    assert rig.journal.writes < len(rig.journal.texts) / 2


def test_lines_have_time_and_number() -> None:
    """Each line has a UTC timestamp, a number without gaps, and a time that never runs back."""
    rig = Rig(phases([task("a")], [task("b")])).run()
    lines = rig.journal.lines
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert {line["timestamp"] for line in lines} == {"2026-11-18T11:06:40.000Z"}
    assert list(lines[0])[:2] == ["timestamp", "event"]


def test_a_run_that_is_over_can_be_forgotten() -> None:
    """Nothing keeps the engine of a finished run alive."""
    rig = Rig(one_phase(task("a"), choice("d", timeout=600)), fake=True).start()
    rig.say(Answer(decision="d", option="A"))
    rig.wait()
    rig.turn()
    ghost = weakref.ref(rig.engine)
    del rig
    for _ in range(50):
        gc.collect()
        if ghost() is None:
            break
        time.sleep(0.02)
    assert ghost() is None
