"""A run in a person's hand: reading it, waiting for it, steering it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any, Protocol, overload

from . import commands
from .commands import Command, Reply
from .engine.crew import carried_run
from .engine.loops import on_own_thread
from .engine.orders import Order
from .errors import CommandError, RunFailed, TaskFailed
from .explained import explain_run
from .plan import Plan, clock
from .plan.explain import Explanation, Explanations
from .state import DecisionState, RunStatus, State

__all__ = ["Results", "Run", "Waiter"]

HEARD_WITHIN_S = 1.0
"""How long a wait goes on for callbacks that still hear of the end."""
REPLY_WITHIN_S = 10.0
"""How long a command from Python waits for the engine's word."""


MOST_NAMED = 50
"""How many ids a line lists."""


class Waiter(Protocol):
    """How to wait where this process runs; a notebook's lets clicks through."""

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until ``done()``; what it says at the end."""

    async def wait_async(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """The same without blocking the loop."""


class PlainWaiter:
    """Waits in a script: in slices, so that Ctrl-C comes through everywhere."""

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until ``done()``."""
        end = None if timeout is None else time.monotonic() + timeout
        while not done() and (end is None or time.monotonic() < end):
            time.sleep(0.01)
        return done()

    async def wait_async(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait without blocking the loop."""
        end = None if timeout is None else time.monotonic() + timeout
        while not done() and (end is None or time.monotonic() < end):
            await asyncio.sleep(0.01)
        return done()


class Source(Protocol):
    """Where a run's figures come from: the engine that runs it, or its record."""

    run_id: str
    plan: Plan
    state: State
    seconds: list[float]
    ended: threading.Event
    pid: int

    @property
    def results(self) -> Mapping[str, Any]:
        """Task id -> result."""

    @property
    def errors(self) -> Mapping[str, BaseException]:
        """Task id -> the exception of its last attempt."""

    def on_its_thread(self) -> bool:
        """Whether the caller is where the state is owned."""

    def now(self) -> float:
        """The run's clock, seconds."""

    def failure(self) -> Exception | None:
        """Why the run broke off, if it did."""

    def call(self, function: Callable[[], None], /) -> None:
        """Run a function where the state is owned."""

    def post(self, message: Any, /) -> None:
        """Hand over a command."""


class Results(Mapping[str, Any]):
    """Results of a run by task id: the very objects the agents returned.

    ``results["x"]`` of a task without a result raises :class:`TaskFailed` with the cause. Iterating
    gives the ids that have one.
    """

    def __init__(self, engine: Source):
        self._engine = engine

    def __getitem__(self, task: str) -> Any:
        state = self._engine.state
        try:
            index = state.graph.index_of(task)
        except KeyError:
            known = _named(state.graph.index)
            raise KeyError(f"There is no task {task!r}; there are {known}") from None
        found = state.tasks[index]
        if found.id in self._engine.results:
            return self._engine.results[found.id]
        decision = state.decisions.get(found.id)
        if decision is not None and decision.outcome is not None:
            return decision.outcome
        error = self._engine.errors.get(found.id)
        if found.status in ("pending", "ready"):
            why = f"the run is {state.status}" if state.ended_at is not None else "wait for the run"
            raise TaskFailed(found.id, "not started", why)
        raise TaskFailed(found.id, found.status, found.error or found.reason) from error

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._engine.results))

    def __len__(self) -> int:
        return len(self._engine.results)

    def __contains__(self, task: object) -> bool:
        return task in self._engine.results

    def __repr__(self) -> str:
        parts = [_named(self) or "none"]
        for status in ("failed", "cancelled", "skipped"):
            ids = [
                t.id for t in self._engine.state.tasks if t.status == status and t.kind == "task"
            ]
            if ids:
                parts.append(f"{status}: {_named(ids)}")
        return f"Results({'; '.join(parts)})"


def _named(ids: Iterable[str]) -> str:
    """Ids in a row; a plan may have ten thousand."""
    every = list(ids)
    more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
    return ", ".join(every[:MOST_NAMED]) + more


class Run:
    """A run that was started; it goes on whatever happens to the cell that started it.

    ``await run`` or :meth:`wait` give its results; clicks on the board count meanwhile.

    Attributes:
        id: Id of the run, the name of its folder.
        folder: Where its log, results and transcripts are.
        plan: The plan as it runs: level, mode and inputs settled.
        results: Task id -> result; see :class:`Results`.
    """

    def __init__(self, engine: Source, folder: Path, *, heard: Callable[[], bool] = lambda: True):
        self._engine = engine
        self._heard = heard
        self.id = engine.run_id
        self.folder = folder
        self.plan: Plan = engine.plan
        self.results = Results(engine)
        self._waiter: Waiter = PlainWaiter()
        self._show: Callable[[], None] | None = None

    # Reading.

    @property
    def status(self) -> RunStatus:
        """running, paused, completed, failed, stopped or interrupted."""
        return self._engine.state.status

    @property
    def finished(self) -> bool:
        """Whether it is over and everything about it is on disk."""
        return self._engine.ended.is_set()

    def now(self) -> float:
        """The run's clock: seconds since its start; stands still once it is over."""
        ended = self._engine.state.ended_at
        return self._engine.now() if ended is None else ended

    @property
    def state(self) -> State:
        """A picture of the run as it is now; it does not move."""
        engine = self._engine
        if self.finished or os.getpid() != engine.pid or engine.on_its_thread():
            return engine.state.copy()
        picture: Future[State] = Future()
        engine.post(lambda: picture.set_result(engine.state.copy()))
        while not picture.done() and not self.finished:
            with contextlib.suppress(FutureTimeout):
                return picture.result(0.2)
        return engine.state.copy()

    @property
    def decisions(self) -> list[DecisionState]:
        """Every decision that was asked, in order, with its outcome if there is one."""
        return list(self.state.decisions.values())

    @overload
    def explain(self, decision: None = None) -> Explanations: ...

    @overload
    def explain(self, decision: str) -> Explanation: ...

    def explain(self, decision: str | None = None) -> Explanation | Explanations:
        """How long a decision waits and why: as it was asked, else as it would be asked now.

        Args:
            decision: Id of a decision, of a checkpoint, or ``questions``; all if absent.

        Raises:
            PlanError: If there is no such decision.
        """
        return explain_run(self.plan, self.state, self.now(), decision)

    @property
    def autopilot(self) -> bool:
        """Whether recommendations are taken at once; settable while the run goes on."""
        return self._engine.state.autopilot

    @autopilot.setter
    def autopilot(self, on: bool) -> None:
        self._say(commands.Autopilot(on=bool(on)))

    def autopilot_for(self, decision: str, on: bool = True) -> None:
        """Leave one decision to its recommendation, now or when it comes up.

        Args:
            decision: Id of a decision that is open or still to come.
            on: ``False``: ask it, whatever autopilot and mode say.

        Raises:
            CommandError: If there is no such decision, or it has no recommendation.
        """
        self._say(commands.Autopilot(decision=decision, on=on))

    def __repr__(self) -> str:
        state = self._engine.state
        done, total = state.done
        rehearsal = " REHEARSAL," if state.rehearsal else ""
        words = f"{state.status},{rehearsal} {done} of {total} tasks, {clock(self.now())}"
        return f"<Run {self.id}: {words}>"

    def _ipython_display_(self) -> None:
        """Show the board where there is one: it is the same run in every cell."""
        if self._show is None:
            sys.stdout.write(f"{self!r}\n")
        else:
            self._show()

    # Waiting.

    def wait(self, timeout: float | None = None) -> Results:
        """Wait for the end and return the results; clicks on the board count meanwhile.

        An interrupt ends only the waiting, never the run.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: If the run is not over by then; it goes on.
            StoreError: If the run had to stop because its log can't be written.
            RuntimeError: If called where waiting would stop the run itself.
        """
        self._refuse_in_child()
        if on_own_thread():
            raise RuntimeError(
                "run.wait() on the engine's own thread would wait for itself; "
                "use on_event= or on_decision= to hear of things"
            )
        if carried_run() == self.id:
            raise RuntimeError("An agent can't wait for its own run: it would wait for itself")
        if not self._waiter.wait(lambda: self.finished, timeout):
            raise TimeoutError(f"The run is not over after {timeout:g} s; it goes on: {self!r}")
        self._waiter.wait(self._heard, HEARD_WITHIN_S)
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Results]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Results:
        self._refuse_in_child()
        if on_own_thread():
            raise RuntimeError(
                "An agent can't await a run: its own would wait for itself. For another one use "
                "`await asyncio.to_thread(run.wait)`"
            )
        await self._waiter.wait_async(lambda: self.finished)
        await self._waiter.wait_async(self._heard, HEARD_WITHIN_S)
        return self._outcome()

    def _refuse_in_child(self) -> None:
        if os.getpid() != self._engine.pid:
            raise RuntimeError("A forked child process can't wait for its parent's run")

    def _outcome(self) -> Results:
        failure = self._engine.failure()
        if failure is not None:
            raise failure
        return self.results

    def check(self) -> Results:
        """The results of a run that completed.

        Raises:
            RunFailed: If anything failed or it did not complete; says what.
        """
        self._outcome()
        if self.status != "completed":
            failures = {
                task.id: task.error or task.reason
                for task in self._engine.state.tasks
                if task.status in ("failed", "cancelled") or task.skip_cause == "failed"
            }
            raise RunFailed(self.id, self.status, failures)
        return self.results

    # Steering. On the loops of agents and engine nothing can wait for the engine's word: there a
    # command that can't be carried out is passed over in silence.

    def answer(
        self, decision: str, option: str, *, note: str | None = None, text: str | None = None
    ) -> None:
        """Decide.

        Args:
            decision: Id of an open decision.
            option: Key of an option, or ``"other"`` with ``text``.
            note: A sentence for the agents.
            text: Your own words, for ``"other"``.

        Raises:
            CommandError: If there is no such open decision or option, or it was decided before.
        """
        self._say(commands.Answer(decision=decision, option=option, note=note, text=text))

    def hold(self, decision: str, on: bool = True) -> None:
        """Wait for me: no timeout for this decision; ``on=False`` lets its clock run again."""
        self._say(commands.Hold(decision=decision, on=on))

    def extend(self, decision: str, seconds: float = 300.0) -> None:
        """Give a decision more time."""
        self._say(commands.Extend(decision=decision, seconds=seconds))

    def touch(self, decision: str) -> None:
        """Somebody is typing an answer: its clock stands still for 30 s from now."""
        self._engine.post(Order(self._checked(commands.Touch(decision=decision, typing=True))))

    def note(self, text: str) -> None:
        """Tell all agents that have not started yet."""
        self._say(commands.Note(text=text))

    def pause(self) -> None:
        """Start nothing new; what runs finishes, decision clocks stand still."""
        self._say(commands.Pause())

    def unpause(self) -> None:
        """Go on after a pause."""
        self._say(commands.Unpause())

    def stop(self) -> None:
        """End the run; returns when it is over, two seconds at most."""
        if self.finished:
            return
        try:
            self._say(commands.Stop())
        except CommandError:
            if self._engine.state.ended_at is None:  # else it came to its own end meanwhile
                raise
        if not on_own_thread() and carried_run() != self.id:  # an agent may stop its own run
            self._engine.ended.wait(5.0)

    def _checked(self, command: Command) -> Command:
        """The command as it would have come through any other door: no value of a wrong type."""
        if os.getpid() != self._engine.pid:
            raise CommandError("A forked child process can't steer the run; do it in its parent")
        return commands.from_json(commands.to_json(command))

    def _say(self, command: Command) -> None:
        command = self._checked(command)
        answer: Future[Reply] = Future()
        self._engine.post(Order(command, answer.set_result))
        if on_own_thread():
            return
        try:
            reply = answer.result(REPLY_WITHIN_S)
        except FutureTimeout:
            raise CommandError(
                f"No reply within {REPLY_WITHIN_S:g} s; the command counts when it arrives"
            ) from None
        if not reply.ok:
            raise CommandError(reply.text, faults=reply.faults, late=reply.late)
