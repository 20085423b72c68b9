"""From ready to running: what runs, what is left out, what is there already, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import events
from ..plan import Decision
from .cards import Card
from .protocols import Job, Worker
from .reuse import Returned
from .scheduler import verdict

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Starts"]


class Starts:
    """Acts on nodes that wait for nothing any more."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._starting: list[tuple[Worker, Job]] = []

    def judge(self, index: int) -> None:
        """A node became ready: skip it, queue it, ask it, or find it done."""
        engine, state = self._engine, self._engine.state
        node = state.graph.nodes[index]
        if state.tasks[index].status != "ready":
            return  # left out, or waiting again, since it became ready
        skip = verdict(state, index)
        if skip is not None:
            engine.skip(node, skip.cause, skip.reason)
        elif node.grows and engine.growing.sees_to(node):
            pass  # its list was read, or its items are all over
        elif node.kind == "task":
            if not engine.reuse.offers(index):
                engine.scheduler.put(index)
        elif node.kind == "checkpoint":
            engine.checkpoints.reached(node)
        else:
            assert isinstance(node.spec, Decision)
            self.begin_phase(node.phase)
            card = Card(
                phase=node.phase, then=engine.take_note, answered=engine.repeats.answered(node)
            )
            engine.decisions.open(node.id, node.spec, card)

    def begin_phase(self, number: int) -> None:
        """Something of a phase begins."""
        phase = self._engine.state.phases[number - 1]
        if phase.started_at is None:
            self._engine.emit(events.phase_start(phase=number, name=phase.name))

    def go(self, *, new: bool) -> None:
        """Give free slots away; in a paused run only to what is half done."""
        engine = self._engine
        while (index := engine.scheduler.take(new=new)) is not None:
            job = engine.running.get(index)
            if job is not None:
                job.holds_slot = True  # it comes back from a wait for a person
                engine.attempts.go_on(job)
                engine.budget.go_on(job)
            elif engine.state.tasks[index].status not in ("ready", "retrying"):
                engine.scheduler.release()  # left out, or waiting again, since it was queued
            elif engine.spending is not None and engine.spending.holds(index):
                engine.scheduler.release()  # until a person lets the run spend money
            else:
                self._launch(index)

    def job(self, index: int, attempt: int) -> Job:
        """An attempt of a task, as of now."""
        engine, state = self._engine, self._engine.state
        node = state.graph.nodes[index]
        job = Job(
            node=node,
            attempt=attempt,
            state=state,
            results=engine.results,
            inputs=engine.inputs,
            answers=engine.answers,
            notes=tuple(state.notes),
            post=engine.post,
            journal=engine.journal,
            pid=engine.pid,
            scrub=engine.scrubbed,
            text=engine.steering.texts.get(index, node.title),
            level=state.level,
            started=engine.t,
        )
        if node.template is not None:
            job.item = engine.growing.item(index)
        engine.budget.ready(job)
        return job

    def _launch(self, index: int) -> None:
        engine, task = self._engine, self._engine.state.tasks[index]
        worker = engine.reuse.instead(index) or engine.workers[index]
        assert worker is not None  # checked before the run started
        self.begin_phase(task.phase)
        job = self.job(index, task.attempt + 1)
        job.key = getattr(worker, "key", "")
        if isinstance(worker, Returned):
            job.notes = job.notes[: worker.made.notes]  # what it was made with
        engine.emit(
            events.agent_start(
                task=task.id,
                agent=task.agent,
                phase=task.phase,
                attempt=job.attempt,
                notes=len(job.notes),
            )
        )
        if task.comments:
            job.comments, job.previous = task.comments, engine.reviews.previous.get(index)
        engine.running[index] = job
        engine.attempts.begin(job)
        self._starting.append((worker, job))

    def batch(self) -> list[tuple[Worker, Job]]:
        """What was launched since this was last asked; it is to be started once that is written."""
        batch, self._starting = self._starting, []
        return batch
