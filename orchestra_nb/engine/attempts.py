"""Attempts of running tasks: timeouts of own work, waits, retries, results."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .. import events
from ..errors import AgentError
from ..plan.durations import clock
from ..plan.parts import Agent
from ..plan.text import fold
from ..state import Outcome
from .backoff import next_try, retries_of
from .protocols import OVER, Ask, Finished, Job, Progress, Stored, Wait, Waiting
from .reviews import shown_of
from .telling import TEXT_MAX, Told, tell
from .timers import Timer

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Attempts"]

PROGRESS_EVERY_S = 1.0
"""A task's progress is logged this often at most."""
AFTER_SLEEP_S = 60.0
"""What an attempt has at least when the machine wakes up."""


class _Run:
    """What is kept of a running attempt besides its job."""

    __slots__ = ("answers", "last", "pending", "timeout", "timer")

    def __init__(self, timeout: float | None):
        self.timeout = timeout
        self.timer: Timer | None = None
        self.last = -PROGRESS_EVERY_S
        self.pending: tuple[str, float | None] | None = None
        self.answers: list[tuple[Ask, Outcome]] = []


class Attempts:
    """From the start of an attempt to the event that ends it."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._runs: dict[int, _Run] = {}
        self._left: dict[int, float | None] = {}
        self._again: dict[int, Timer] = {}
        self._before: dict[int, int] = {}
        self._entries = {fold(name): entry for name, entry in engine.plan.agents.items()}

    def _entry(self, agent: str) -> Agent | None:
        """The plan's ``agents`` entry of an agent."""
        return self._entries.get(fold(agent)) if self._entries else None

    def begin(self, job: Job) -> None:
        """An attempt starts: its own work counts from now."""
        engine = self._engine
        spec = engine.spec(job)
        index = job.node.index
        timeout = spec.timeout
        if timeout is None:
            entry = self._entry(spec.agent)
            timeout = entry.timeout if entry is not None else None
        run = self._runs[index] = _Run(timeout)
        if timeout is not None:
            job.budget_s = self._left.get(index, timeout)
            job.now = engine.now
            self._count(job, run)

    def _count(self, job: Job, run: _Run) -> None:
        """Start counting the attempt's own work."""
        if job.budget_s is not None:
            job.since = self._engine.t
            due = self._engine.t + job.budget_s
            run.timer = self._engine.timers.at(due, lambda: self._timed_out(job))

    def _stop_counting(self, job: Job) -> None:
        run = self._runs[job.node.index]
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None
        if job.budget_s is not None and job.since is not None:
            job.budget_s -= self._engine.t - job.since
            job.since = None

    def slept(self, seconds: float) -> None:
        """The machine slept: that was nobody's own work."""
        for job in self._engine.running.values():
            run = self._runs[job.node.index]
            if job.since is not None and job.budget_s is not None and run.timer is not None:
                run.timer.cancel()
                job.since += seconds
                # Nobody knows when it fell asleep: what was due meanwhile gets time to end.
                due = max(job.since + job.budget_s, self._engine.t + AFTER_SLEEP_S)
                job.budget_s = due - job.since
                run.timer = self._engine.timers.at(due, lambda job=job: self._timed_out(job))  # type: ignore[misc]

    def _timed_out(self, job: Job) -> None:
        if job.ended:
            return
        run = self._runs[job.node.index]
        text = f"Timed out after {clock(run.timeout or 0.0)} of its own work"
        if self._engine.crew.in_thread(job):
            text += "; its thread can't be stopped and was abandoned"
        error = AgentError(text)
        self._engine.crew.cancel(job)
        self._engine.failures.settle(job, error)

    # Waits.

    def wait(
        self, job: Job, cause: events.WaitCause, detail: str, until: float | None = None
    ) -> None:
        """The attempt waits for something that is not its own work."""
        job.waits.append((cause, detail, until))
        if len(job.waits) == 1:
            self._stop_counting(job)
            self._say_wait(job)
        if cause != "human":
            return
        if job.holds_slot:
            job.holds_slot = False
            self._engine.scheduler.release()
        elif self._runs[job.node.index].answers:  # it asks again before it has its slot back
            self._engine.scheduler.drop(job.node.index)
            self.go_on(job)

    def _say_wait(self, job: Job, error: str = "") -> None:
        """Say what the attempt waits for, or that it goes on."""
        node = job.node
        cause, detail, until = job.waits[0] if job.waits else (None, "", None)
        self._engine.emit(
            events.agent_wait(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                cause=cause,
                detail=detail,
                until_s=until,
                error=error,
            )
        )

    def on_waiting(self, waiting: Waiting) -> None:
        """A context says that a wait began or ended."""
        job = waiting.job
        if job.ended or job.finished:
            return
        if waiting.cause is not None:
            until = None if waiting.seconds is None else self._engine.t + waiting.seconds
            self.wait(job, waiting.cause, waiting.detail, until)
        else:
            own = [wait for wait in job.waits if wait[0] != "human"]
            if own:
                self._end_wait(job, own[-1])

    def _end_wait(self, job: Job, wait: Wait) -> None:
        if wait not in job.waits:
            return
        shown = job.waits[0]
        job.waits.remove(wait)
        if job.ended or job.finished or (job.waits and job.waits[0] is shown):
            return
        self._say_wait(job)
        if not job.waits:
            self._count(job, self._runs[job.node.index])

    def _asking(self, job: Job) -> int:
        """How many questions of an agent have not been handed an answer."""
        return sum(cause == "human" for cause, _, _ in job.waits)

    def resume_after(self, ask: Ask, outcome: Outcome) -> None:
        """A person answered: the agent goes on once it has a slot again.

        While it asks other things too it needs none: it gets that answer at once.
        """
        job = ask.job
        if job.ended:
            return
        answers = self._runs[job.node.index].answers
        answers.append((ask, outcome))
        if job.holds_slot or self._asking(job) > len(answers):
            self.go_on(job)
        elif len(answers) == 1:
            self._engine.scheduler.put(job.node.index, back=True)

    def go_on(self, job: Job) -> None:
        """Hand the agent the answers it waited for."""
        run = self._runs[job.node.index]
        answers, run.answers = run.answers, []
        for ask, outcome in answers:
            self._end_ask(ask)
            self._engine.asks.hand_over(ask, outcome)

    def _end_ask(self, ask: Ask) -> None:
        ask.waiting = False
        self._end_wait(ask.job, ("human", ask.decision.title, None))

    def stop_waiting(self, ask: Ask) -> None:
        """The agent gave up waiting for an answer: it works on, slot or not."""
        job = ask.job
        if job.ended or job.finished or not ask.waiting:
            return
        run = self._runs[job.node.index]
        run.answers = [one for one in run.answers if one[0] is not ask]
        self._end_ask(ask)
        if not self._asking(job) and not job.holds_slot:
            job.holds_slot = True
            self._engine.scheduler.drop(job.node.index)
            self._engine.scheduler.seize()

    def close_asks(self, job: Job, reason: str) -> None:
        """Nobody hands out the answers that wait for a slot any more."""
        run = self._runs[job.node.index]
        answers, run.answers = run.answers, []
        if answers:
            self._engine.scheduler.drop(job.node.index)
        for ask, _ in answers:
            ask.waiting = False
            ask.close(ask.decision.title, reason)

    # Progress.

    def on_progress(self, progress: Progress) -> None:
        """At most one progress event a second; the last one is never lost."""
        job = progress.job
        job.saying = False  # before looking: what is said from now on comes with a message
        if job.ended or job.finished:
            return
        run = self._runs[job.node.index]
        due = run.last + PROGRESS_EVERY_S
        if due <= self._engine.t:
            self._say(job, run, job.latest)
            return
        if run.pending is None:
            self._engine.timers.at(due, lambda: self._say_pending(job, run))
        run.pending = job.latest

    def _say_pending(self, job: Job, run: _Run) -> None:
        if run.pending is not None and not job.ended:
            self._say(job, run, run.pending)

    def _say(self, job: Job, run: _Run, said: tuple[str, float | None]) -> None:
        run.last, run.pending = self._engine.t, None
        node = job.node
        text, fraction = said
        self._engine.emit(
            events.agent_progress(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                text=text[:TEXT_MAX],
                fraction=fraction,
            )
        )

    # Ends.

    def on_finished(self, finished: Finished) -> None:
        """An attempt is over, one way or the other."""
        job, error = finished.job, finished.error
        if job.ended or job.finished:
            return
        if error is None:
            self._succeed(job, finished.value)
        elif self._engine.stopping:
            self.cancelled(job, "the run was stopped")
        elif isinstance(error, asyncio.CancelledError):
            self._engine.failures.settle(
                job, AgentError("Cancelled by itself, or by another agent")
            )
        else:
            told = finished.told or tell(error, self._engine.scrubbed)
            self._retry_or_fail(job, error, told)

    def _succeed(self, job: Job, value: object) -> None:
        engine = self._engine
        stored, review = engine.journal.inline_result(value), engine.spec(job).review
        if stored is None:
            self._keep(job, value, review)
        elif review:
            engine.reviews.ask(job, value, stored, shown_of(value))
        else:
            self.complete(job, value, stored)

    def _keep(self, job: Job, value: object, review: bool) -> None:
        """Durable before the completion, or the review, that names it; that takes a few ms."""
        engine = self._engine
        self._stop_counting(job)
        job.finished = True

        def kept(stored: Stored) -> None:
            if review:
                shown = shown_of(value)  # here, in the journal's thread: it calls foreign code
                engine.post(lambda: engine.reviews.ask(job, value, stored, shown))
            else:
                engine.post(lambda: self.complete(job, value, stored))

        engine.journal.put_result(job.node.index, job.attempt, value, kept)

    def complete(
        self, job: Job, value: object, stored: Stored, seconds: float | None = None
    ) -> None:
        """A task succeeded; ``seconds`` is what it took, if that was noted when its work ended."""
        if job.ended:
            return
        engine, node = self._engine, job.node
        self.end(job)
        engine.results[node.id] = value
        took = engine.t - job.started if seconds is None else seconds
        engine.emit(
            events.agent_complete(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                attempt=job.attempt,
                seconds=took,
                result=stored,
                key=job.key,
            )
        )
        if engine.on_attempt is not None and seconds is None:
            engine.on_attempt(job, took, "success")

    def _retry_or_fail(self, job: Job, error: BaseException, told: Told) -> None:
        engine, node = self._engine, job.node
        delay = self._delay(job, error)
        if delay is None:
            engine.failures.settle(job, error, told)
            return
        self._stop_counting(job)
        self._left[node.index] = job.budget_s
        self.end(job)
        refused = isinstance(error, AgentError) and error.cause == "rate_limit"
        engine.emit(
            events.agent_retry(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                attempt=job.attempt,
                error=told.text,
                delay_s=delay,
                cause="rate_limit" if refused else None,
            )
        )
        # Its slot is free while the task waits for its next try.
        self._again[node.index] = engine.timers.at(
            engine.t + delay, lambda: self._try_again(node.index)
        )

    def _try_again(self, index: int) -> None:
        self._again.pop(index).cancel()
        self._engine.scheduler.put(index, again=True)

    def try_now(self, index: int) -> bool:
        """Try a task again at once; ``False`` if it does not wait for its next try any more."""
        if index not in self._again:
            return False
        self._try_again(index)
        return True

    def forget(self, index: int) -> None:
        """A task is done with, or begins anew with all its time and retries."""
        timer = self._again.pop(index, None)
        if timer is not None:
            timer.cancel()
        self._engine.scheduler.drop(index)
        self._left.pop(index, None)
        self._before[index] = self._engine.state.tasks[index].attempt

    def _delay(self, job: Job, error: BaseException) -> float | None:
        """Seconds to the next attempt, ``None`` when there is none."""
        index, spec = job.node.index, self._engine.spec(job)
        return next_try(
            error,
            made=job.attempt - self._before.get(index, 0),
            retries=retries_of(spec, self._entry(spec.agent), self._engine.workers[index]),
            random=self._engine.random,
        )

    def cancelled(self, job: Job, reason: str) -> None:
        """A stop ended the attempt."""
        if job.ended:
            return
        node = job.node
        self.end(job)
        self._engine.emit(
            events.agent_cancelled(task=node.id, agent=node.agent, phase=node.phase, reason=reason)
        )

    # What a person judges.

    def lay_down(self, job: Job, detail: str, error: str = "") -> None:
        """The attempt's work is over and its slot free; a person says what comes of it.

        Args:
            job: The attempt.
            detail: What it waits for, for people.
            error: What it failed with.
        """
        job.finished = True
        self._wind_up(job)
        job.waits = [("human", detail, None)]
        self._say_wait(job, error)

    def again(self, job: Job, error: str, cause: str | None = None) -> None:
        """A person wants another attempt: it has all its time and retries anew."""
        node = job.node
        self.end(job)
        self._engine.emit(
            events.agent_retry(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                attempt=job.attempt,
                error=error,
                delay_s=0.0,
                cause=cause,
            )
        )
        self.forget(node.index)
        self._engine.scheduler.put(node.index, again=True)

    def end(self, job: Job) -> None:
        """The attempt is over in every respect; what came of it is the caller's to say."""
        job.ended = True
        self._wind_up(job)
        del self._runs[job.node.index]
        del self._engine.running[job.node.index]

    def _wind_up(self, job: Job) -> None:
        """Nothing more is heard of the attempt's work, and its slot is free."""
        run = self._runs[job.node.index]
        if run.pending is not None:
            self._say(job, run, run.pending)
        if job.asks:
            self._engine.decisions.withdraw_of(job, OVER)
            self.close_asks(job, OVER)
            job.asks = 0
        self._stop_counting(job)
        if job.holds_slot:
            job.holds_slot = False
            self._engine.scheduler.release()
