"""Where a run's figures come from, and its results as a person asks for them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from .errors import TaskFailed
from .plan import Plan
from .plan.text import named
from .state import State

__all__ = ["Results", "Source", "reused_words"]

MOST_NAMED = 50
"""How many ids a line lists."""


class Source(Protocol):
    """Where a run's figures come from: the engine that runs it, or its record."""

    run_id: str
    plan: Plan
    ended: threading.Event
    pid: int

    @property
    def seconds(self) -> Sequence[float]:
        """Expected seconds of each node."""

    @property
    def state(self) -> State:
        """The run as it is now."""

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
            known = named(state.graph.index, MOST_NAMED)
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
        parts = [named(self, MOST_NAMED) or "none"]
        for status in ("failed", "cancelled", "skipped"):
            ids = [
                t.id for t in self._engine.state.tasks if t.status == status and t.kind == "task"
            ]
            if ids:
                parts.append(f"{status}: {named(ids, MOST_NAMED)}")
        return f"Results({'; '.join(parts)})"


def reused_words(state: State) -> str:
    """What a run has from others, for a line about it: ``, 5 of 9 tasks reused from <id>``."""
    runs = Counter(task.reused for task in state.tasks if task.reused)
    if not runs:
        return ""
    count = sum(runs.values())
    first = runs.most_common(1)[0][0]
    more = "" if len(runs) == 1 else " and others"
    return f", {count} of {state.total} tasks reused from {first}{more}"
