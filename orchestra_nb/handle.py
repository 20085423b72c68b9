"""A run in a person's hand: reading it, waiting for it, steering it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any, ClassVar, cast, overload

from . import commands
from .commands import Command, Reply
from .engine.crew import carried_run, tell_agent
from .engine.loops import on_own_thread
from .engine.orders import Order
from .errors import CommandError, RunFailed
from .explained import explain_run
from .plan import Plan, clock
from .plan.durations import parse_duration
from .plan.explain import Explanation, Explanations
from .results import Results, Source, reused_words
from .state import DecisionState, RunStatus, State
from .waiting import PlainWaiter, Waiter

__all__ = ["Results", "Run"]

HEARD_WITHIN_S = 1.0
"""How long a wait goes on for callbacks that still hear of the end."""
REPLY_WITHIN_S = 10.0
"""How long a command from Python waits for the engine's word."""


class Run:
    """A run that was started; it goes on whatever happens to the cell that started it.

    ``await run`` or :meth:`wait` give its results; clicks on the board count meanwhile.

    Attributes:
        id: Id of the run, the name of its folder.
        folder: Where its log, results and transcripts are.
        plan: The plan as it runs: level, mode and inputs settled.
        results: Task id -> result; see :class:`Results`.
        cast: The agents it was given here, and whether Claude does what has no function.
    """

    #: Begins forks. (Set by who knows how: that starts runs, and makes this class's.)
    forks: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        engine: Source,
        folder: Path,
        *,
        heard: Callable[[], bool] = lambda: True,
        afterwards: Callable[[commands.Rate], None] | None = None,
    ):
        self._engine = engine
        self._heard, self._afterwards = heard, afterwards
        self.id = engine.run_id
        self.folder = folder
        self.plan: Plan = engine.plan
        self.results = Results(engine)
        self._waiter: Waiter = PlainWaiter(engine, folder)
        self._show: Callable[[], None] | None = None
        self.cast: tuple[Mapping[str, Any] | None, bool | None] = (None, None)

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

    @property
    def reused(self) -> list[str]:
        """Ids of the tasks whose result comes from another run."""
        return [task.id for task in self.state.tasks if task.reused]

    def fork(self, agents: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Begin another run from what this one has; it may be going on.

        Args:
            agents: As for :func:`orchestra_nb.run`; by default those that this run was given here.
            options: As for :func:`orchestra_nb.fork`: ``decisions``, ``tasks``, ``at``,
                ``dry_run`` and the others.

        Returns:
            The new run; with ``dry_run=True`` what it would share, and why.
        """
        given, claude = self.cast
        options.setdefault("home", self.folder.parent.parent)
        options.setdefault("claude", claude)
        return type(self).forks(self.id, given if agents is None else agents, **options)

    def __repr__(self) -> str:
        state = self._engine.state
        done, total = state.done
        rehearsal = " REHEARSAL," if state.rehearsal else ""
        words = f"{state.status},{rehearsal} {done} of {total} tasks, {clock(self.now())}"
        words += reused_words(state)
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

    # Steering. On the agents' loop nothing can wait for the engine's word: what can't be carried
    # out stands in the transcript of the agent that said it; `await asyncio.to_thread(run.skip,
    # ...)` raises it.

    def answer(
        self,
        decision: str,
        option: str = "",
        *,
        note: str | None = None,
        text: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Decide.

        Args:
            decision: Id of an open decision, or its whole title, in capitals or not.
            option: Key of an option or its whole text, or ``"other"`` with ``text``. A form has
                only one, which is meant if absent.
            note: A sentence for the agents; where an option sends something back or refuses it,
                why.
            text: Your own words, for ``"other"``.
            values: What is filled in or edited: a form's answers by question id, a tool's whole
                arguments by name, ``{"result": ...}`` of a review.

        Raises:
            CommandError: If there is no such open decision or option, it was decided before, or
                ``values`` don't fit; ``faults`` then says which.
        """
        filled = None if values is None else dict(values)
        self._say(
            commands.Answer(decision=decision, option=option, note=note, text=text, values=filled)
        )

    def draft(self, decision: str, values: Mapping[str, Any]) -> None:
        """Keep what is filled into a form so far: it counts when the form's time runs out.

        Raises:
            CommandError: If some of it does not fit; ``faults`` says which. It is kept anyway.
        """
        self._say(commands.Draft(decision=decision, values=dict(values)))

    def hold(self, decision: str, on: bool = True) -> None:
        """Wait for me: no timeout for this decision; ``on=False`` lets its clock run again."""
        self._say(commands.Hold(decision=decision, on=on))

    def extend(self, decision: str, seconds: float | str = 300.0) -> None:
        """Give a decision more time: seconds, or a duration such as ``"5m"``."""
        if isinstance(seconds, str):
            try:
                seconds = parse_duration(seconds)
            except ValueError as error:
                raise CommandError(f"extend: seconds {error}") from None
        self._say(commands.Extend(decision=decision, seconds=seconds))

    def touch(self, decision: str) -> None:
        """Somebody is typing an answer: its clock stands still for 30 s from now."""
        self._engine.post(Order(self._checked(commands.Touch(decision=decision, typing=True))))

    def note(self, text: str) -> None:
        """Tell all agents that have not started yet."""
        self._say(commands.Note(text=text))

    def skip(self, task: str) -> None:
        """Leave out a task, or a decision, that has not started.

        What waits for it goes on without its result; ``run.retry`` takes it back in.

        Raises:
            CommandError: If there is no such task, or it has started.
        """
        self._say(commands.Skip(task=task))

    def retry(self, task: str) -> None:
        """Try a task again that failed or was left out, with all that was skipped because of it.

        One that waits for its next try is tried at once.

        Raises:
            CommandError: If there is no such task, or it is at work, done, or left out by level or
                condition.
        """
        self._say(commands.Retry(task=task))

    def edit(self, task: str, text: str) -> None:
        """Give a task another text, before it starts or before it is tried again.

        Raises:
            CommandError: If there is no such task, it has started, or there is no text.
        """
        self._say(commands.Edit(task=task, text=text))

    def change_level(self, level: int) -> None:
        """Go on at another project level, 1..5: some work is left out, some comes back.

        What has started is not touched.

        Raises:
            CommandError: If there is no such level, or nobody was given for what comes back.
        """
        self._say(commands.Level(level=level))

    def rate(self, task: str, good: bool, note: str | None = None) -> None:
        """Say whether a task's result was good, also long after the run.

        Args:
            task: Id of a task that is done or failed.
            good: Thumb up or down; the last one counts.
            note: Why.

        Raises:
            CommandError: If there is no such task, or it has no result yet.
            LockedError: If the run is over here and another process has taken it up.
            StoreError: If its log can't be written.
        """
        command = commands.Rate(task=task, good=good, note=note)
        try:
            self._say(command)
        except CommandError as error:
            if not error.late or self._afterwards is None:
                raise
            if not self._engine.ended.wait(REPLY_WITHIN_S):
                raise
            self._afterwards(cast(commands.Rate, self._checked(command)))

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
        if on_own_thread():
            self._engine.post(Order(command, tell_agent(command)))
            return
        answer: Future[Reply] = Future()
        self._engine.post(Order(command, answer.set_result))
        try:
            reply = answer.result(REPLY_WITHIN_S)
        except FutureTimeout:
            raise CommandError(
                f"No reply within {REPLY_WITHIN_S:g} s; the command counts when it arrives"
            ) from None
        if not reply.ok:
            raise CommandError(reply.text, faults=reply.faults, late=reply.late)
