"""The engine of one run: its tasks from ready to settled, and its end."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import events
from ..commands import Reply
from ..errors import StoreError
from ..plan import Plan, Task
from ..plan.graph import Node
from ..state import SETTLED, Outcome, State
from .alarms import Alarms
from .asks import Asks
from .attempts import Attempts
from .beginnings import Before, Beginning
from .budget import Budget
from .checkpoints import Checkpoints, Left
from .core import Core
from .crew import Crew
from .decisions import Decisions, Replier
from .failures import Failures
from .form import Form
from .growing import Growing
from .loops import Loops
from .orders import Order, Orders
from .protocols import (
    Ask,
    Blocking,
    Finished,
    Job,
    Journal,
    Progress,
    Reserve,
    Said,
    Settled,
    TakenBack,
    Waiting,
    Worker,
)
from .repeats import Repeats
from .reuse import Reuse, Values
from .reviews import Reviews
from .scheduler import Scheduler
from .spending import Forecast, Spending
from .starts import Starts
from .steering import Steering

__all__ = ["Engine"]

STOP_WITHIN_S = 1.5
"""A stop waits this long for agents to end before it calls them cancelled."""


class Engine(Core):
    """Runs a plan: starts what is ready, asks what is to be decided, ends.

    Attributes:
        plan: The plan as it runs, with level, mode and inputs settled.
        seconds: Expected seconds of each node.
        results: Task id -> the very object its agent returned; what an earlier attempt returned is
            read when it is asked for.
        errors: Task id -> the exception of its last attempt.
        ended: Set once the run is over and durable.
    """

    def __init__(
        self,
        state: State,
        journal: Journal,
        loops: Loops,
        *,
        workers: Sequence[Worker | None],
        context_of: Callable[[Job], Any],
        inputs: Mapping[str, Any],
        answers: Mapping[str, Any],
        seconds: list[float],
        run_id: str,
        rehearsal: float | None = None,
        seed: int | None = None,
        on_asked: Callable[[str], None] | None = None,
        on_attempt: Callable[[Job, float, str], None] | None = None,
        left: Left | None = None,
        before: Before | None = None,
        functions: Sequence[str] = (),
        spend: Forecast | None = None,
        **clocks: Any,
    ):
        super().__init__(state, journal, loops, **clocks)
        self.plan: Plan = state.graph.plan
        self.run_id = run_id
        self.rehearsal = rehearsal
        self.seconds = seconds
        self.results = Values()
        self.errors: dict[str, BaseException] = {}
        self.ended = threading.Event()
        self.random = random.Random(seed)
        self.inputs: Mapping[str, Any] = inputs
        self.answers: Mapping[str, Any] = {}
        self.workers = list(workers)
        self.scheduler = Scheduler(state.graph, self.plan.max_concurrency, seconds)
        self.decisions = Decisions(self)
        self.attempts = Attempts(self)
        self.asks = Asks(self)
        self.checkpoints = Checkpoints(self, left)
        self.alarms = Alarms(self)
        self.failures = Failures(self)
        self.reviews = Reviews(self)
        self.growing = Growing(self)
        self.steering = Steering(self)
        self.budget = Budget(self)
        self.spending = Spending(self, spend) if spend is not None else None
        self.starts = Starts(self)
        before = before or Before()
        later = before.shared.later if before.shared is not None else None
        self.reuse = Reuse(self, before.priors, before.returned, later)
        self.repeats = Repeats(self, before.shared)
        self._beginning = Beginning(self, before, functions)
        self.form = Form(self, answers)
        self.context_of = context_of
        self.running: dict[int, Job] = {}
        self.crew = Crew(loops, context_of, self.scrubbed, self.running)
        self.on_attempt = on_attempt
        self._on_asked = on_asked
        self.fault: Exception | None = None
        self.on_end: Callable[[], None] = lambda: None
        self._stopping = False
        self._waits_to_start = True
        self._over = self._closing = False
        self._handlers |= {
            Order: Orders(self).obey,
            Finished: self.attempts.on_finished,
            Progress: self.attempts.on_progress,
            Reserve: self.budget.on_reserve,
            Settled: self.budget.on_settled,
            Said: self.asks.on_said,
            Blocking: self.asks.on_blocking,
            Waiting: self.attempts.on_waiting,
            Ask: self.asks.on_ask,
            TakenBack: self.asks.on_taken_back,
        }

    def start(self) -> None:
        """Begin the run. From any thread, once."""
        self.post(self._begin)

    def _begin(self) -> None:
        self._beginning.begin()
        self._advance()  # at once: an answer may lie behind this in the inbox already

    def set_off(self) -> None:
        """Everything is known that has to be before anything starts."""
        self.steering.set_off()
        self.alarms.begin()
        self.growing.begin()
        if self.spending is not None:
            self.spending.begin()
        self._waits_to_start = False
        self.answers = self.state.answers.copy()  # agents get it: the state stays ours
        # Who became ready while people were still being asked was told, and nobody acted on it.
        self._change.ready = [task.index for task in self.state.tasks if task.status == "ready"]

    # Becoming ready.

    def _advance(self) -> None:
        change, stopping = self._change, self._stopping
        if self._waits_to_start and not stopping:
            return
        while change.ready:
            ready, change.ready = change.ready, []
            for index in ready:
                if not stopping:
                    self.starts.judge(index)
        if not stopping:
            self.starts.go(new=self.state.status == "running")
        self._end_phases()
        if not self._over and (self.state.unsettled == 0 or stopping) and not self.running:
            self._finish()

    def skip(self, node: Node, cause: str, reason: str) -> None:
        """Leave a node out."""
        if node.kind in ("task", "group"):
            self.emit(
                events.agent_skipped(
                    task=node.id, agent=node.agent, phase=node.phase, cause=cause, reason=reason
                )
            )
        else:
            self.emit(
                events.decision_withdrawn(
                    decision_id=node.id, phase=node.phase, reason=reason, cause=cause
                )
            )

    def _flush(self) -> None:
        super()._flush()
        batch = self.starts.batch()
        if batch and self.problem is None:  # what is not in the log is not started
            self.crew.start(batch)

    def tell_ends(self, phases: Iterable[int]) -> None:
        """These phases are over, and the log does not say so yet."""
        self._change.phases_ended += phases

    def _end_phases(self) -> None:
        ended, self._change.phases_ended = self._change.phases_ended, []
        for number in dict.fromkeys(ended):
            phase = self.state.phases[number - 1]
            if phase.ended_at is None:
                continue  # something of it is to be done after all
            if phase.started_at is None:
                self.emit(events.phase_skipped(phase=number, name=phase.name))
            else:
                seconds = phase.ended_at - phase.started_at
                self.emit(events.phase_complete(phase=number, name=phase.name, seconds=seconds))

    # People are asked and told.

    def asked(self, decision_id: str) -> None:
        """A person is needed: tell whoever wants to know, once it is durable."""
        if self._on_asked is not None:
            hear = self._on_asked
            self.when_durable(lambda: hear(decision_id), lambda: None)

    def take_note(self, outcome: Outcome) -> None:
        """A person's note on a decision is for all agents that have not started."""
        if outcome.note and outcome.by in ("user", "remote"):
            self.emit(events.note(text=outcome.note, who=outcome.who))

    def confirm(self, reply: Replier, text: str = "") -> None:
        """Say that a command was carried out, once that is on disk."""
        self.when_durable(
            lambda: reply(Reply(True, text)), lambda: reply(Reply(False, self.ending()))
        )

    def ending(self) -> str:
        """How the run ended, for whoever speaks to it too late."""
        failure = self.failure()
        return f"The run is over ({self.state.status})" if failure is None else str(failure)

    # Ending.

    def stop(self, reason: str, who: str) -> None:
        """End the run: cancel what runs, withdraw what is asked, start nothing more."""
        if self._stopping or self._over:
            return
        self._stopping = True
        self.emit(events.run_stopped(who=who, reason=reason))
        self.decisions.withdraw_all("the run was stopped")
        for job in self.running.values():
            self.attempts.close_asks(job, "the run was stopped")
            if not job.finished:
                self.crew.cancel(job)
        for task in self.state.tasks:
            if task.status == "retrying":
                self.emit(
                    events.agent_cancelled(
                        task=task.id, agent=task.agent, phase=task.phase, reason=reason
                    )
                )
        self.timers.at(self.t + STOP_WITHIN_S, self._give_up)

    def _give_up(self) -> None:
        for job in list(self.running.values()):
            self.attempts.cancelled(job, "did not end when the run was stopped; abandoned")

    @property
    def over(self) -> bool:
        """Whether the run has ended, also if that is not on disk yet."""
        return self._over

    @property
    def stopping(self) -> bool:
        """Whether a stop is under way."""
        return self._stopping

    def _finish(self) -> None:
        self.alarms.close()
        self.budget.close()
        if self.spending is not None:
            self.spending.close()
        self._over = True
        state = self.state
        if self._stopping:
            status = "stopped"
        else:
            failed = state.counts["failed"] or any(t.skip_cause == "failed" for t in state.tasks)
            status = "failed" if failed else "completed"
        self.emit(events.orchestration_complete(status=status, seconds=self.t, **state.totals))
        self.timers.clear()
        # In a turn of its own: whoever waits for this turn's events hears of them first.
        self.when_durable(lambda: self.post(self._close))

    def _close(self) -> None:
        if self._closing:
            return
        self._closing = True

        # Not on this loop: closing waits for the disk, and other runs' countdowns share the loop.
        def close() -> None:
            self.journal.close()
            self.on_end()
            self.ended.set()

        threading.Thread(target=close, name="orchestra-close", daemon=True).start()

    def interrupt(self, reason: str) -> None:
        """The process is about to end: say so in the log, and close connections.

        From any thread; waits up to 1.5 s.
        """
        if self._over:
            return
        done, cut = threading.Event(), threading.Event()

        def last_words() -> None:
            if self._over:
                done.set()
                cut.set()
                return
            self._over = self._stopping = True
            self.emit(events.run_interrupted(reason=reason, **self.state.totals))
            for job in self.running.values():
                job.ended = True  # whatever it still says comes after the end of the log
                self.crew.cancel(job)
            # The process would close them too, but only once it is gone, which may take seconds.
            self.crew.when_ended(list(self.running.values()), cut.set)
            self.running.clear()
            self.timers.clear()
            self.when_durable(done.set)

        self.post(last_words)
        done.wait(0.8)
        cut.wait(0.5)
        self.journal.close(timeout=0.2)

    # Faults.

    def _on_late(self, seconds: float) -> None:
        self.decisions.asleep()
        self.attempts.slept(seconds)
        self.alarms.slept(seconds)

    def _lost(self) -> None:
        """Nothing can be written any more: the state is told how it ends, the log is not."""
        if self._closing:
            return
        self._stopping = self._over = True
        with contextlib.suppress(Exception):  # after a fault of ours anything may be broken
            self.decisions.withdraw_all("the run stopped")
        for job in list(self.running.values()):
            self.crew.cancel(job)
            with contextlib.suppress(Exception):
                self.attempts.cancelled(job, "the run stopped")
            job.ended = True
        self.running.clear()
        self.starts.batch()
        self.timers.clear()
        self._lines.clear()
        self.state.status = "failed"
        self.state.ended_at = self.t
        self._change.run = True
        self._hear()
        self._close()

    def _on_fault(self, error: Exception) -> None:
        # Our own mistake must not leave anybody waiting: the run ends and wait() raises this.
        if self.fault is None:
            self.fault = error
        self._lost()
        self._release_lost()

    def failure(self) -> Exception | None:
        """Why the run ended without an orchestration_complete, if it did."""
        if self.problem is not None:
            why = self.problem.strerror or str(self.problem)
            return StoreError(
                f"The run stopped: its log can't be written ({why}). Nothing new was started. "
                f"Once it can be written again: onb.resume({self.run_id!r})"
            )
        return self.fault

    def settled(self, index: int) -> bool:
        """Whether a node is over."""
        return self.state.tasks[index].status in SETTLED

    def spec(self, job: Job) -> Task:
        """The task of a job."""
        assert isinstance(job.node.spec, Task)
        return job.node.spec
