"""How the end of one node reaches those that wait for it: the part of the fold that counts.

Each node counts the dependencies that are not settled; nothing scans the plan, but for
:func:`recount`.
"""

from __future__ import annotations

from .state import SETTLED, Change, SpanKind, State, TaskState, TaskStatus

__all__ = ["begin_anew", "close_span", "move", "open_span", "ready", "recount", "release", "settle"]


def move(state: State, task: TaskState, status: TaskStatus, change: Change) -> None:
    """Give a node another status, and count it there."""
    old = task.status
    task.status = status
    change.tasks.add(task.index)
    if task.kind != "task":  # decisions and groups are not work: "3 of 4" counts agents
        return
    state.counts[old] -= 1
    state.counts[status] += 1
    counts = state.phases[task.phase - 1].counts
    counts[old] -= 1
    counts[status] += 1


def open_span(task: TaskState, kind: SpanKind, t: float) -> None:
    """From now on its time goes into something else."""
    spans = task.spans
    if spans and spans[-1][2] is None:
        spans[-1][2] = t
    spans.append([kind, t, None])


def close_span(task: TaskState, t: float) -> None:
    """From now on its time goes into nothing."""
    if task.spans and task.spans[-1][2] is None:
        task.spans[-1][2] = t


def settle(state: State, task: TaskState, status: TaskStatus, t: float, change: Change) -> None:
    """A node is over: whoever waited for it counts one dependency less."""
    if task.status in SETTLED:
        return
    if task.before is not None:
        if task.before != status or status == "completed":
            task.turned = state.seq
        task.before = None
    move(state, task, status, change)
    close_span(task, t)
    task.ended_at = t
    task.wait_cause = None
    state.unsettled -= 1
    if task.unmet <= 0 or not _passes_on(task):
        release(state, task, t, change)


def _passes_on(task: TaskState) -> bool:
    """Whether a settled node passes on what it waits for: nobody starts early because of it.

    So does what is left out, and an outcome that is kept while what came before it is done again.
    """
    return task.status == "skipped" or task.kind in ("decision", "checkpoint")


def release(state: State, task: TaskState, t: float, change: Change) -> None:
    """Whoever waited for a node counts one dependency less."""
    graph, tasks = state.graph, state.tasks
    todo = [task]
    while todo:
        one = todo.pop()
        waiting = graph.dependents[one.index]
        if graph.in_gate[one.index]:
            phase = state.phases[one.phase - 1]
            phase.unsettled -= 1
            if phase.unsettled == 0:
                phase.ended_at = t
                change.phases_ended.append(phase.number)
                waiting = waiting + graph.gated[one.phase - 1]
        for index in waiting:
            other = tasks[index]
            other.unmet -= 1
            if other.unmet == 0:
                if other.status == "pending":
                    ready(state, other, t, change)
                elif other.status in SETTLED and _passes_on(other):
                    todo.append(other)


def begin_anew(state: State, task: TaskState, change: Change) -> None:
    """What was over or left out is to be done; :func:`recount` is to follow."""
    task.before = task.status
    move(state, task, "pending", change)
    state.unsettled += 1
    task.ended_at = task.fraction = None
    task.error = task.reason = task.skip_cause = task.message = task.reused = ""


def recount(state: State, t: float, change: Change) -> None:
    """Count everybody's unmet dependencies anew, after what was over is to be done again."""
    graph, tasks = state.graph, state.tasks
    released = [False] * len(tasks)
    left = [len(members) for members in graph.gate_members]
    told = len(change.ready)
    for index in graph.order:
        node, task = graph.nodes[index], tasks[index]
        waits = {*node.needs, *node.after, *(i for i, _ in node.when)}
        unmet = sum(not released[i] for i in waits) + sum(left[gate] > 0 for gate in node.gates)
        over = task.status in SETTLED
        if not over or _passes_on(task):
            task.unmet = unmet  # of what is at work too: it may be left out yet
            if task.status == "ready" and unmet:
                move(state, task, "pending", change)
            elif not unmet:
                ready(state, task, t, change)
        released[index] = over and (not unmet or not _passes_on(task))
        if released[index] and graph.in_gate[index]:
            left[node.phase - 1] -= 1
    change.ready[told:] = sorted(change.ready[told:])
    for phase, count in zip(state.phases, left, strict=True):
        phase.unsettled = count
        if count:
            phase.ended_at = None


def ready(state: State, task: TaskState, t: float, change: Change) -> None:
    """A node waits for nothing any more."""
    if task.status == "pending":
        task.ready_at = t
        move(state, task, "ready", change)
        change.ready.append(task.index)
