"""Who starts next: dependencies decide what may, upward rank and arrival what does."""

from __future__ import annotations

import heapq
from itertools import count

from ..plan.graph import Graph
from ..state import SETTLED, State, TaskState

__all__ = ["Scheduler", "Skip", "verdict"]


_NO_RESULT = ("failed", "skipped", "cancelled")


class Skip:
    """A node does not run; ``cause`` is failed or when, ``reason`` is for people."""

    __slots__ = ("cause", "reason")

    def __init__(self, cause: str, reason: str):
        self.cause, self.reason = cause, reason


def _why_no_result(task: TaskState) -> str:
    if task.status == "skipped":
        return f"needs {task.id}, which was skipped"
    return f"needs {task.id}, which {'failed' if task.status == 'failed' else 'was cancelled'}"


def verdict(state: State, index: int) -> Skip | None:
    """Whether a node whose dependencies are all settled runs (``None``) or is skipped, and why.

    Where some are not settled yet: whether those that are leave it out already.
    """
    node = state.graph.nodes[index]
    tasks = state.tasks
    for dep in node.needs:
        task = tasks[dep]
        if task.status in ("failed", "cancelled") or task.skip_cause == "failed":
            return Skip("failed", _why_no_result(task))
    if node.source is not None:
        source = tasks[node.source]
        if source.status == "skipped":
            return Skip("when", f"needs the list of {source.id}, which was skipped")
    for dep, options in node.when:
        asked = state.graph.nodes[dep]
        decision = state.decisions.get(asked.id)
        if tasks[dep].status not in SETTLED:
            continue  # only asked before its time: for what is known so far
        outcome = decision.outcome if decision else None
        if outcome is None:
            return Skip("when", f"{asked.id} was not decided")
        if outcome.option not in options:
            return Skip("when", f"{asked.id} is {outcome}")
    if node.needs and all(tasks[dep].skip_cause == "when" for dep in node.needs):
        phases = (tasks[i] for gate in node.gates for i in state.graph.gate_members[gate])
        if all(task.skip_cause == "when" for task in phases):
            return Skip("when", f"needs {tasks[node.needs[0]].id}, which was skipped")
    for gate in node.gates:
        if any(tasks[i].status not in _NO_RESULT for i in state.graph.gate_members[gate]):
            continue  # the first that is found is enough: a phase may have thousands
        members = [tasks[i] for i in state.graph.gate_members[gate]]
        if any(t.status == "failed" or t.skip_cause == "failed" for t in members):
            return Skip("failed", f"nothing of phase {gate + 1} succeeded")
        if node.kind == "checkpoint" and all(t.status == "skipped" for t in members):
            by_level = all(t.skip_cause == "level" for t in members)
            return Skip("level" if by_level else "when", f"nothing of phase {gate + 1} was done")
    return None


class Scheduler:
    """Slots and the queue of tasks that may start.

    What comes back from a wait for a person goes first, then what is tried again, then new tasks:
    half-done work is finished before more is begun.
    """

    def __init__(self, graph: Graph, limit: int, seconds: list[float]):
        self.limit = limit
        self.used = 0
        self._rank = graph.ranks(seconds)
        self._count = count()
        self._heap: list[tuple[int, float, int, int]] = []
        self._queued: dict[int, int] = {}  # index -> number of its entry; others are void

    def grown(self, graph: Graph, seconds: list[float]) -> None:
        """The plan has more tasks; who is queued keeps the place it has."""
        self._rank = graph.ranks(seconds)

    def put(self, index: int, *, back: bool = False, again: bool = False) -> None:
        """Queue a task; ``back``: it runs and needs a slot to go on, ``again``: it is retried."""
        rank = -self._rank[index]
        turn = 0 if back else 1 if again else 2
        number = self._queued[index] = next(self._count)
        heapq.heappush(self._heap, (turn, rank, number, index))

    def take(self, *, new: bool = True) -> int | None:
        """The next task with its slot, or ``None`` when there is no task or no free slot.

        Args:
            new: ``False``: only one that runs and needs a slot to go on.
        """
        heap, queued = self._heap, self._queued
        while heap and self.used < self.limit and (new or not heap[0][0]):
            _, _, number, index = heapq.heappop(heap)
            if queued.get(index) == number:
                del queued[index]
                self.used += 1
                return index
        return None

    def drop(self, index: int) -> None:
        """A task no longer waits for a slot."""
        self._queued.pop(index, None)

    def seize(self) -> None:
        """Book a slot for what works on without asking for one."""
        self.used += 1

    def release(self) -> None:
        """Give a slot back."""
        self.used -= 1

    @property
    def queued(self) -> int:
        """How many tasks wait for a slot."""
        return len(self._queued)
