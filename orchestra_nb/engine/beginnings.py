"""How a run begins: from nothing, with what another run has, or where it was left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import events
from ..plan.questions import FORM
from ..state import SETTLED
from .repeats import Shared
from .reuse import Prior, Returned

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Before", "Beginning", "Resumed"]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that goes on in its own log.

    Attributes:
        who: Who resumed it.
        tasks: Ids of all that is to be done, or judged.
        compare: Id of a task that is compared when its time comes -> what it was given.
        crashed: Ids of tasks that were at work when the last process died.
        given_up: Id of a task that is not tried again -> why.
        plan: The plan from here on as data, where it is another one.
        results: Id of a task that is done -> gives its result.
        ended: Numbers of the phases whose end the log tells.
    """

    who: str
    tasks: Sequence[str]
    compare: Mapping[str, str] = field(default_factory=dict)
    crashed: Sequence[str] = ()
    given_up: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None
    results: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    ended: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """What a run finds when it begins.

    Attributes:
        priors: Index of a task -> what an earlier attempt came to.
        returned: Index of a task -> the worker that gives what was made and not yet reviewed.
        resumed: Set where it goes on in its own log.
        parent: Id of the run whose results it may share.
        shares: What of it, as ``orchestration_start`` says.
        shared: What else it takes over from there.
        overrides: Fields of the plan's head that the run was given others of; ``None`` where
            nobody knows.
    """

    priors: Mapping[int, Prior] = field(default_factory=dict)
    returned: Mapping[int, Returned] = field(default_factory=dict)
    resumed: Resumed | None = None
    parent: str = ""
    shares: Mapping[str, Any] = field(default_factory=dict)
    shared: Shared | None = None
    overrides: Sequence[str] | None = None


class Beginning:
    """The first turn of a run."""

    def __init__(self, engine: Engine, before: Before, functions: Sequence[str]):
        self._engine = engine
        self._before = before
        self._functions = functions

    def begin(self) -> None:
        """Say that the run begins, or goes on, and ask what has to be known first."""
        resumed = self._before.resumed
        if resumed is None:
            self._start()
            self._engine.repeats.carry()  # at once: it holds also if the run breaks off here
            self._engine.form.open()
        else:
            self._resume(resumed)

    def _start(self) -> None:
        engine, plan = self._engine, self._engine.plan
        overrides = self._before.overrides
        engine.emit(
            events.orchestration_start(
                run=engine.run_id,
                project=plan.name,
                level=plan.level,
                mode=plan.mode,
                timeline=plan.timeline,
                total_agents=engine.state.total,
                rehearsal=engine.rehearsal,
                wall=engine.wall(),
                parent=self._before.parent,
                shares=dict(self._before.shares),
                functions=list(self._functions),
                overrides=None if overrides is None else list(overrides),
            )
        )

    def _resume(self, resumed: Resumed) -> None:
        engine, state = self._engine, self._engine.state
        for node in state.graph.nodes:
            task = state.tasks[node.index]
            if task.kind == "task" and task.title != engine.scrubbed(node.title):
                engine.steering.texts[node.index] = task.title  # as it was edited
            if task.attempt:
                engine.attempts.forget(node.index)  # its next attempt has all its retries
        for task_id, load in resumed.results.items():
            engine.results.owe(task_id, load)
        engine.emit(
            events.run_resumed(
                who=resumed.who,
                tasks=list(resumed.tasks),
                compare=dict(resumed.compare),
                crashed=list(resumed.crashed),
                plan=None if resumed.plan is None else dict(resumed.plan),
                functions=list(self._functions),
                wall=engine.wall(),
            )
        )
        for task_id, error in resumed.given_up.items():
            task = state.tasks[state.graph.index[task_id]]
            engine.emit(
                events.agent_failed(
                    task=task.id,
                    agent=task.agent,
                    phase=task.phase,
                    attempt=task.attempt,
                    seconds=0.0,
                    error=error,
                )
            )
        engine.tell_ends(
            phase.number
            for phase in state.phases
            if phase.ended_at is not None and phase.number not in resumed.ended
        )
        form = state.decisions.get(FORM)
        begun = any(task.attempt or task.status in SETTLED for task in state.tasks)
        if begun or (form is not None and form.outcome is not None):
            engine.set_off()
        else:
            engine.form.open()
