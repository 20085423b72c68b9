"""What follows when a task has failed for good: the plan says it, or a person does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .. import events
from ..errors import AgentError
from ..plan import Decision
from ..plan.parts import Option
from ..state import SETTLED, Outcome, State
from .cards import Card
from .protocols import Job
from .telling import Told, tell

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Failures", "lost_with"]

MOST_NAMED = 50
"""Ids of dependents that a card lists; it counts all."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """How an attempt failed: the exception, rid of secrets, and its words."""

    error: BaseException
    text: str
    traceback: str
    seconds: float


class Failures:
    """Settles tasks whose last attempt failed.

    In the modes full_interactive and guided a person is asked first, unless the plan's
    ``on_failure`` says what to do. Until there is an answer the task is not settled, so that
    nothing that needs it is skipped and the run does not end; it holds no slot.
    """

    def __init__(self, engine: Engine):
        self._engine = engine

    def settle(self, job: Job, error: BaseException, told: Told | None = None) -> None:
        """An attempt failed and no other follows by itself.

        Args:
            job: The attempt.
            error: What it failed with.
            told: The same in words, where it is an exception of the agent's.
        """
        engine = self._engine
        told = told or tell(error, engine.scrubbed)
        failure = _Failure(
            # An exception that shows a secret is not handed on: its traceback would be printed.
            error if told.whole else AgentError(told.text),
            told.text,
            "" if isinstance(error, AgentError) else told.traceback,
            engine.t - job.started,
        )
        if engine.on_attempt is not None:
            engine.on_attempt(job, failure.seconds, "failed")
        plan = engine.plan
        if engine.stopping:
            self._fail(job, failure)
        elif plan.on_failure == "stop":
            self._stop(job, failure, "")
        elif (
            isinstance(error, AgentError) and error.cause == "budget"
        ):  # a person has been asked about that
            self._fail(job, failure)
        elif plan.on_failure == "ask" and plan.mode in ("full_interactive", "guided"):
            self._ask(job, failure)
        else:
            self._fail(job, failure)

    def _fail(self, job: Job, failure: _Failure) -> None:
        """The task failed; whoever needs it is skipped."""
        engine, node = self._engine, job.node
        engine.attempts.end(job)
        engine.errors[node.id] = failure.error
        engine.emit(
            events.agent_failed(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                attempt=job.attempt,
                seconds=failure.seconds,
                error=failure.text,
                traceback=failure.traceback,
            )
        )

    def _stop(self, job: Job, failure: _Failure, who: str) -> None:
        self._fail(job, failure)
        self._engine.stop(f"{job.node.id} failed", who)

    def _ask(self, job: Job, failure: _Failure) -> None:
        engine, node = self._engine, job.node
        waits = f"failed: {failure.text}; retry, go on or stop?"
        engine.attempts.lay_down(job, waits, failure.text)
        lost = lost_with(engine.state, node.index)
        at = datetime.fromtimestamp(engine.wall()).strftime("%H:%M")
        tries = "1 attempt, ended" if job.attempt == 1 else f"{job.attempt} attempts, the last"
        needs = f"{len(lost)} tasks that need its result are" if len(lost) > 1 else ""
        needs = needs or "the task that needs its result is"
        spec = Decision(
            title=f"{node.id} failed",
            kind="critical",
            context=f"{failure.text} ({tries} at {at})",
            options=[
                Option(key="A", text="Retry", description="another attempt at the same task"),
                Option(key="B", text="Go on without it"),
                Option(key="C", text="Stop", description="end the run, keep what is finished"),
            ],
            recommend="B",
            because=f"{needs} skipped, all else goes on" if lost else "nothing needs its result",
            other=False,
        )
        nodes = engine.state.graph.nodes
        detail = {
            "error": failure.text,
            "attempts": job.attempt,
            "dependents": [nodes[i].id for i in lost[:MOST_NAMED]],
            "total": len(lost),
        }

        def closed(reason: str) -> None:
            if engine.stopping:
                self._fail(job, failure)
            else:  # left out by hand
                engine.attempts.end(job)

        card = Card(
            purpose="failure",
            phase=node.phase,
            about=node.id,
            detail=detail,
            then=lambda outcome: self._act(job, failure, outcome),
            closed=closed,
        )
        engine.decisions.open(engine.decisions.free_id(f"{node.id}/failed"), spec, card)

    def _act(self, job: Job, failure: _Failure, outcome: Outcome) -> None:
        engine = self._engine
        engine.take_note(outcome)
        if outcome.option == "A":
            engine.attempts.again(job, failure.text)
        elif outcome.option == "B":
            self._fail(job, failure)
        else:
            self._stop(job, failure, outcome.who or outcome.by)


def lost_with(state: State, *failed: int) -> list[int]:
    """Indexes of the tasks that would be skipped if those failed, or will be where they did."""
    graph, tasks = state.graph, state.tasks
    lost, todo = {*failed}, [*failed]
    while todo:
        one = todo.pop()
        after = graph.dependents[one]
        waiting = [i for i in after if one in graph.nodes[i].needs or one in graph.nodes[i].items]
        phase = graph.nodes[one].phase - 1
        if graph.in_gate[one] and all(
            i in lost or tasks[i].status in ("failed", "skipped", "cancelled")
            for i in graph.gate_members[phase]
        ):
            waiting += graph.gated[phase]
        for i in waiting:
            if i not in lost and tasks[i].status not in SETTLED:
                lost.add(i)
                todo.append(i)
    return sorted(i for i in lost if i not in failed and tasks[i].kind == "task")
