"""Who starts next: dependencies decide what may, upward rank and arrival what does."""

from __future__ import annotations

import heapq
from itertools import count

from ..plan.graph import Graph
from ..state import State, TaskState

__all__ = ["Scheduler", "Skip", "verdict"]


class Skip:
    """A node does not run; ``cause`` is failed, when or level, ``reason`` is for people."""

    __slots__ = ("cause", "reason")

    def __init__(self, cause: str, reason: str):
        self.cause, self.reason = cause, reason


def _why_no_result(task: TaskState) -> str:
    if task.status == "skipped":
        return f"needs {task.id}, which was skipped"
    return f"needs {task.id}, which {'failed' if task.status == 'failed' else 'was cancelled'}"


def verdict(state: State, index: int) -> Skip | None:
    """Whether a node whose dependencies are all settled runs (``None``) or is skipped, and why."""
    node = state.graph.nodes[index]
    if node.skip:
        return Skip("level", node.skip)
    tasks = state.tasks
    for dep in node.needs:
        task = tasks[dep]
        if task.status in ("failed", "cancelled") or task.skip_cause == "failed":
            return Skip("failed", _why_no_result(task))
    for dep, options in node.when:
        asked = state.graph.nodes[dep]
        decision = state.decisions.get(asked.id)
        outcome = decision.outcome if decision else None
        if outcome is None:
            return Skip("when", f"{asked.id} was not decided")
        if outcome.option not in options:
            return Skip("when", f"{asked.id} is {outcome}")
    if node.needs and all(tasks[dep].skip_cause == "when" for dep in node.needs):
        return Skip("when", f"needs {tasks[node.needs[0]].id}, which was skipped")
    for gate in node.gates:
        members = [tasks[i] for i in state.graph.gate_members[gate]]
        failed = [t for t in members if t.status == "failed" or t.skip_cause == "failed"]
        if failed and all(t.status != "completed" for t in members):
            return Skip("failed", f"nothing of phase {gate + 1} succeeded")
    return None


class Scheduler:
    """Slots and the queue of tasks that may start.

    A task that comes back from a wait goes before new ones: it holds half-done work.
    """

    def __init__(self, graph: Graph, limit: int, seconds: list[float]):
        self.limit = limit
        self.used = 0
        self._rank = graph.ranks(seconds)
        self._count = count()
        self._heap: list[tuple[int, float, int, int]] = []

    def put(self, index: int, *, back: bool = False) -> None:
        """Queue a task; ``back``: it returns from a wait."""
        rank = -self._rank[index]
        heapq.heappush(self._heap, (0 if back else 1, rank, next(self._count), index))

    def take(self) -> int | None:
        """The next task with its slot, or ``None`` when there is no task or no free slot."""
        if not self._heap or self.used >= self.limit:
            return None
        self.used += 1
        return heapq.heappop(self._heap)[3]

    def release(self) -> None:
        """Give a slot back."""
        self.used -= 1

    @property
    def queued(self) -> int:
        """How many tasks wait for a slot."""
        return len(self._heap)
