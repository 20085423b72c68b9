"""Giving a state another graph: one that has grown, or that of another plan.

What is known of a node stays with its id, wherever that stands now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from .plan.graph import Graph
from .settling import recount
from .state import SETTLED, Change, PhaseState, State, TaskState

__all__ = ["regraph"]

_WORK = ("task", "group")


def regraph(state: State, graph: Graph, t: float, change: Change) -> None:
    """Give a state another graph, in place.

    A node keeps what happened to it if there was one of its id and kind; what it is (agent, phase,
    kind, text) is the new graph's, but for a text that a person edited. New nodes are pending, and
    ready at once if they wait for nothing; what is gone is forgotten, with what its agent
    found, but for the outcomes of decisions.

    Args:
        state: Changed in place; ``state.graph`` is the new graph then.
        graph: Compiled, of whatever plan.
        t: The run's ``t``: when it happens.
        change: Gets what was changed; what it holds already is told by the new indexes.
    """
    graph = _still_grown(state.graph, graph)
    moved = _tasks(state, graph)
    state.graph = graph
    if any(old != new for old, new in moved.items()) or len(moved) < len(state.graph.nodes):
        change.graph = True
    _refer(state, moved, change)
    for decision in state.decisions.values():
        if decision.task is None:
            decision.task = graph.index.get(decision.id)
    _phases(state)
    if state.seq:
        recount(state, t, change)
        _close(state, t, change)
    change.run = True


def _still_grown(before: Graph, graph: Graph) -> Graph:
    """The new graph with the items that its templates had, where those say the same."""
    for old in before.nodes:
        index = graph.index.get(old.id) if old.kind == "group" else None
        if index is None or graph.nodes[index].kind != "task":
            continue
        new = graph.nodes[index]
        if new.each == old.each and new.title == old.title:
            items = [before.nodes[i] for i in old.items]
            graph = graph.grown(index, [(node.id, node.title, node.item) for node in items])
    return graph


def _tasks(state: State, graph: Graph) -> dict[int, int]:
    """Make one entry a node; where those that stay have gone: old index -> new one."""
    old = {task.id: task for task in state.tasks}
    before = state.graph.nodes
    moved: dict[int, int] = {}
    tasks: list[TaskState] = []
    for node in graph.nodes:
        task = old.get(node.id)
        if task is None or (task.kind in _WORK) != (node.kind in _WORK):
            task = TaskState(
                node.index, node.id, node.agent, node.phase, node.kind, node.title, node.unmet
            )
            _decided(state, task)
        else:
            if task.title == before[task.index].title:
                task.title = node.title
            moved[task.index] = node.index
            task.index, task.agent, task.phase = node.index, node.agent, node.phase
            task.kind = node.kind
        tasks.append(task)
    state.tasks = tasks
    return moved


def _decided(state: State, task: TaskState) -> None:
    """A decision that comes back to the plan has the outcome that it had."""
    known = state.decisions.get(task.id)
    if task.kind in ("decision", "checkpoint") and known is not None and known.outcome is not None:
        task.status = "completed"
        task.started_at, task.ended_at = known.opened_at, known.outcome.at


def _refer(state: State, moved: Mapping[int, int], change: Change) -> None:
    """Let everything that names a node by its index name it by the new one."""
    if len(moved) == len(state.tasks) and all(old == new for old, new in moved.items()):
        return
    state.findings = [
        replace(one, task=moved[one.task]) for one in state.findings if one.task in moved
    ]
    for decision in state.decisions.values():
        if decision.task is not None:
            decision.task = moved.get(decision.task)
        if decision.about is not None:
            decision.about = moved.get(decision.about)
    change.tasks = {moved[index] for index in change.tasks if index in moved}
    change.ready = [moved[index] for index in change.ready if index in moved]


def _phases(state: State) -> None:
    """Count everything anew."""
    graph = state.graph
    old = {phase.name: phase for phase in state.phases}
    gone = {p.number: p for p in state.phases if p.name not in graph.phase_names}
    state.phases = []
    for number, name in enumerate(graph.phase_names, start=1):
        members, gate = graph.members[number - 1], graph.gate_members[number - 1]
        counts: Counter[str] = Counter(state.tasks[index].status for index in members)
        before = old.get(name) or gone.get(number)  # one at its place may only be called otherwise
        state.phases.append(
            PhaseState(
                number,
                name,
                len(members),
                counts,
                sum(state.tasks[index].status not in SETTLED for index in gate),
                before.started_at if before else None,
                before.ended_at if before else None,
            )
        )
    state.total = sum(phase.total for phase in state.phases)
    state.counts = sum((phase.counts for phase in state.phases), Counter())
    state.unsettled = sum(task.status not in SETTLED for task in state.tasks)


def _close(state: State, t: float, change: Change) -> None:
    """A phase that only waited for what is gone is over."""
    for phase in state.phases:
        if phase.unsettled == 0 and phase.ended_at is None:
            phase.ended_at = t
            change.phases_ended.append(phase.number)
