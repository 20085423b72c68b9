"""A run in a person's hand: reading, waiting, steering."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.handle import Results

from .engine.rig import choice, fails, fields_of, one_phase, task


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own."""
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)


@pytest.fixture
def deciding() -> onb.Run:
    """A run with an open decision and a task behind it."""
    run = onb.run(one_phase(choice("d", timeout=600), task("x", "d")), {"x": lambda d: d.text})
    until(lambda: run.decisions)
    return run


def until(condition: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_run_from_start_to_end(deciding: onb.Run) -> None:
    """Status, repr and results follow the run."""
    run = deciding
    assert (run.status, run.finished) == ("running", False)
    assert repr(run).startswith(f"<Run {run.id}: running, 0 of 1 tasks, 0:0")
    run.answer("d", "B", note="cheaper")
    results = run.wait(10)
    assert (run.status, run.finished) == ("completed", True)
    assert (results["x"], results["d"].note) == ("second", "cheaper")
    assert run.check() == {"x": "second"}
    assert run.now() == run.state.ended_at
    assert run.decisions[0].outcome is not None
    assert (run.folder / "orchestration-plan.md").exists()


async def test_a_run_can_be_awaited(deciding: onb.Run) -> None:
    """`await run` gives the results and lets other coroutines work."""
    ticks = 0

    async def other() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.ensure_future(other())
    asyncio.get_running_loop().call_later(0.1, deciding.answer, "d", "A")
    assert dict(await deciding) == {"x": "first"}
    ticking.cancel()
    assert ticks > 5


def test_waiting_has_an_end(deciding: onb.Run) -> None:
    """After the timeout wait() raises and the run goes on; Ctrl-C would do the same."""
    with pytest.raises(TimeoutError, match=r"not over after 0\.05 s; it goes on"):
        deciding.wait(0.05)
    assert deciding.status == "running"
    deciding.stop()
    assert deciding.wait(5) == {}


def test_a_picture_of_the_run_does_not_move(deciding: onb.Run) -> None:
    """`run.state` is a copy; a later one is another."""
    before = deciding.state
    deciding.answer("d", "A")
    deciding.wait(10)
    assert before.task("x").status == "pending"
    assert deciding.state.task("x").status == "completed"
    assert fields_of(deciding.state) == fields_of(deciding.state)


def test_a_picture_comes_while_the_engine_is_busy() -> None:
    """Reading the state waits for the engine's turn, and never sees half an event."""
    names = [f"a{n}" for n in range(300)]
    plan = one_phase(*(task(name, free=True) for name in names), max_concurrency=50)
    run = onb.run(plan, dict.fromkeys(names, lambda: None))
    while not run.finished:
        state = run.state
        assert sum(state.counts.values()) == state.total == 300
        assert state.counts["completed"] == sum(t.status == "completed" for t in state.tasks)


def test_agents_may_look_at_their_run() -> None:
    """From an agent's thread or coroutine the state can be read, waiting is refused."""
    seen: list[Any] = []
    box: list[onb.Run] = []
    gate = threading.Event()

    def function(context: onb.Context) -> None:
        gate.wait(9)
        seen.append(box[0].state.task("function").status)

    async def coroutine(context: onb.Context) -> None:
        await asyncio.to_thread(gate.wait, 9)
        seen.append(box[0].state.task("coroutine").status)
        with pytest.raises(RuntimeError, match="use on_event= or on_decision="):
            box[0].wait()
        with pytest.raises(RuntimeError, match="run"):
            await box[0]

    plan = one_phase(task("function"), task("coroutine"))
    box.append(onb.run(plan, {"function": function, "coroutine": coroutine}))
    gate.set()
    box[0].wait(10)
    box[0].check()
    assert seen == ["running", "running"]


def test_an_agent_can_stop_its_run() -> None:
    """Stopping from inside an agent works and does not hang."""
    box: list[onb.Run] = []
    gate = threading.Event()

    async def agent(context: onb.Context) -> None:
        await asyncio.to_thread(gate.wait, 9)
        box[0].stop()
        await asyncio.sleep(60)

    box.append(onb.run(one_phase(task("a")), {"a": agent}))
    gate.set()
    box[0].wait(5)
    assert box[0].status == "stopped"


def test_results_of_what_has_none_say_why() -> None:
    """A failed or skipped task's result raises TaskFailed with the cause; `get` gives None."""
    plan = one_phase(task("bad"), task("after", "bad"), task("good"))
    run = onb.run(
        plan, {"bad": fails(ValueError("no")), "after": fails(ValueError()), "good": lambda: 0}
    )
    results = run.wait(10)
    with pytest.raises(onb.TaskFailed) as caught:
        results["bad"]
    assert (caught.value.task, caught.value.status) == ("bad", "failed")
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(onb.TaskFailed, match=r"after has no result: skipped \(needs bad"):
        results["after"]
    with pytest.raises(KeyError, match="There is no task 'stranger'; there are bad"):
        results["stranger"]
    assert results.get("bad") is None
    assert ("good" in results, "bad" in results, len(results)) == (True, False, 1)
    assert repr(results) == "Results(good; failed: bad; skipped: after)"
    assert isinstance(results, Results)
    with pytest.raises(onb.RunFailed) as failed:
        run.check()
    assert str(failed.value).startswith(f"Run {run.id} failed.\n")
    assert failed.value.failures == {"bad": "ValueError: no", "after": "needs bad, which failed"}


def test_results_are_found_whatever_the_case() -> None:
    """A task is found as a person writes it."""
    run = onb.run(one_phase(task("Data-Expert")), {"data-expert": lambda: 5})
    assert run.wait(10)["DATA-expert"] == 5


def test_a_stopped_run_is_no_success(deciding: onb.Run) -> None:
    """`check` of a stopped run raises; stopping twice is fine."""
    began = time.monotonic()
    deciding.stop()
    assert time.monotonic() - began < 2
    assert deciding.finished
    deciding.stop()
    with pytest.raises(onb.RunFailed, match="was stopped"):
        deciding.check()


def test_pausing_and_going_on() -> None:
    """A paused run starts nothing new and says so."""
    gate = threading.Event()
    run = onb.run(one_phase(task("a"), task("b", "a")), {"a": lambda: gate.wait(9), "b": lambda: 1})
    until(lambda: run.state.task("a").status == "running")
    run.pause()
    assert run.status == "paused"
    gate.set()
    until(lambda: run.state.task("b").status == "ready")
    assert "paused" in repr(run)
    run.unpause()
    assert run.wait(10)["b"] == 1


def test_steering_the_clock(deciding: onb.Run) -> None:
    """Hold, touch and extend do to the clock what they say."""
    deciding.hold("d")
    assert deciding.decisions[0].held == "hold"
    deciding.hold("d", on=False)
    deciding.extend("d", 60)
    assert deciding.decisions[0].timeout_s == 660.0
    deciding.touch("d")
    until(lambda: deciding.decisions[0].held == "typing")
    deciding.note("be quick")
    assert deciding.state.notes == ["be quick"]
    deciding.autopilot = True
    deciding.wait(10)
    assert deciding.autopilot is True
    assert deciding.results["d"].by == "autopilot"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda run: run.answer("d", "Z"), "'d' has no option 'Z'; it has A, B, other"),
        (lambda run: run.answer("e", "A"), "There is no open decision 'e'; open: d"),
        (lambda run: run.answer(["d"], "A"), "answer: decision must be text, not a list"),
        (lambda run: run.answer("d", 1), "option must be the key of an option, such as .A., not 1"),
        (lambda run: run.answer("d", "other"), r"needs your words: text=\.\.\."),
        (lambda run: run.extend("d", "long"), "extend: seconds must be a duration, not .long."),
        (lambda run: run.extend("d", -5), "by up to a day"),
        (lambda run: run.note(5), "note: text must be text, not 5"),
        (lambda run: run.answer("d", {"a": 1}), r"not a mapping; what is filled .* into values="),
        (lambda run: run.answer("d"), "'d' needs an option; it has A, B, other"),
        (lambda run: run.retry("x"), "'x' has not started yet; it starts by itself"),
        (lambda run: run.change_level("3"), "level must be a whole number from 1 to 5, not '3'"),
        (lambda run: run.rate("x", "good"), r"good must be True .* or False .*, not 'good'"),
        (lambda run: run.note(" "), "A note needs some text"),
        (lambda run: run.hold("d", "yes"), "hold: on must be True or False, not .yes."),
    ],
)
def test_nonsense_is_refused_and_harms_nothing(deciding: onb.Run, call: Any, said: str) -> None:
    """A wrong call raises one clear error, and the run goes on as it was."""
    with pytest.raises(onb.CommandError, match=said):
        call(deciding)
    assert deciding.status == "running"
    deciding.answer("d", "A")
    deciding.wait(10)
    deciding.check()


def test_after_the_end_nothing_can_be_said(deciding: onb.Run) -> None:
    """Commands to a finished run are refused, late answers told what was decided."""
    deciding.answer("d", "A")
    deciding.wait(10)
    for call in (deciding.pause, deciding.unpause, lambda: deciding.note("x")):
        with pytest.raises(onb.CommandError, match=r"The run is over \(completed\)"):
            call()
    with pytest.raises(onb.CommandError, match="Already decided: A"):
        deciding.answer("d", "B")


def test_half_a_surrogate_in_an_answer(deciding: onb.Run) -> None:
    """Whatever a person pastes is kept as text that can be written."""
    deciding.answer("d", "other", text="a\ud800<script>", note="\udfff\x1b[0m")
    deciding.wait(10)
    outcome = deciding.results["d"]
    assert (outcome.text, outcome.note) == ("a\ufffd<script>", "\ufffd\x1b[0m")


def test_a_clock_is_extended_by_a_duration_in_words(deciding: onb.Run) -> None:
    """Text such as 5m is a duration here as everywhere."""
    deciding.extend("d", "5m")
    deciding.extend("D", 60)
    assert deciding.decisions[0].timeout_s == 960.0
    deciding.stop()


def test_a_form_needs_no_option() -> None:
    """The one option of a form is meant when only values are given."""
    plan = one_phase(task("x"), questions=[onb.Question(id="name", ask="What name?")])
    run = onb.run(plan, {"x": lambda: "done"})
    until(lambda: run.decisions)
    run.answer("questions", values={"name": "Ana"})
    run.wait(10)
    assert run.state.answers == {"name": "Ana"}
