"""One task as the board draws it: a short list, because there may be ten thousand of them."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from ..plan.graph import Graph, Node
from ..state import SETTLED, DecisionState, State, TaskState
from ..views.reused import reused
from ..views.words import cut, why_again

__all__ = ["Row", "deciders", "pristine", "row"]

Row = list[Any]
"""``[index, status, text, at, until, started, ended, attempt, spans, marks]``.

Times are the run's ``t``; ``spans`` are ``[kind, start, end or None]``. ``text`` is foreign and
already cut. ``marks`` are letters: ``s`` it can be skipped, ``w`` its text rewritten, ``r`` it can
be tried again, ``n`` at once, ``t`` it can be rated; ``e`` its text was edited, ``u`` and ``d`` its
thumb is up or down.
"""

MOST_SPANS: Final = 60
"""A task that was retried for hours keeps its newest ones."""

_LONG, _SHORT, _MANY = 500, 160, 400

_STATUS: Final = {
    "pending": "pending",
    "ready": "ready",
    "running": "running",
    "retrying": "retry",
    "completed": "done",
    "failed": "failed",
    "skipped": "skipped",
    "cancelled": "cancelled",
}
_CAUSE: Final = {
    "rate_limit": "rate",
    "human": "human",
    "slot": "slot",
    "budget": "budget",
    "failed": "fail",
    "run": "run",
}

_CAN: Final = {
    "pending": "sw",
    "ready": "sw",
    "retrying": "sn",
    "failed": "wr",
    "skipped": "wr",
    "completed": "t",
}
_THUMB: Final = {True: "u", False: "d", None: ""}

_DECIDERS: WeakKeyDictionary[Graph, dict[int, tuple[int, ...]]] = WeakKeyDictionary()


def deciders(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Task index -> the decisions it waits for directly; worked out once a graph."""
    known = _DECIDERS.get(graph)
    if known is None:
        found: dict[int, list[int]] = {}
        for node in graph.nodes:
            if node.kind in ("decision", "checkpoint"):
                for other in graph.dependents[node.index]:
                    found.setdefault(other, []).append(node.index)
        known = _DECIDERS[graph] = {index: tuple(nodes) for index, nodes in found.items()}
    return known


def pristine(task: TaskState, node: Node) -> bool:
    """Whether nothing has happened to it yet, so that its row need not travel."""
    return (
        task.status == "pending"
        and task.attempt == 0
        and not task.spans
        and task.title == node.title
    )


def marks(state: State, task: TaskState) -> str:
    """What can be done with a task by hand, and what was."""
    can = _CAN.get(task.status, "")
    match task.status:
        case "skipped" if task.skip_cause not in ("hand", "failed"):
            can = "w"
        case "retrying" if task.wait_until is None:
            can = "s"
        case "waiting" if task.error and _failure_is_open(state, task):
            can = "swr"
    edited = "e" if task.title != state.graph.nodes[task.index].title else ""
    return f"{can}{edited}{_THUMB[task.rating]}"


def _failure_is_open(state: State, task: TaskState) -> bool:
    """Whether somebody is asked what to do with a task that failed."""
    return any(
        d.purpose == "failure" and d.about == task.index and d.open
        for d in state.decisions.values()
    )


def row(state: State, task: TaskState) -> Row:
    """What the board shows of a task now."""
    status = task.status
    asked = _asked(state, task)
    spans = [[_CAUSE.get(k, "slot"), _ms(a), _ms(b)] for k, a, b in task.spans[-MOST_SPANS:]]
    if asked:
        spans = _asking(asked, task.ended_at) + spans
    until = task.wait_until
    at = task.message_at
    limit = _LONG if len(state.tasks) <= _MANY or status not in SETTLED else _SHORT
    match status:
        case "pending":
            first = next((d for d in asked if d.open), None)
            if first is not None:
                text = f"for {cut(first.title, 200)}"
                return _row(state, task, "human", text, first.opened_at, spans)
            return _row(state, task, "pending", "", None, spans)
        case "ready" if task.wait_cause == "human":
            text = f"for {cut(task.wait_detail, 200)}"
            return _row(state, task, "human", text, task.ready_at, spans)
        case "ready":
            since = max([task.ready_at or 0.0, *(span[2] or 0.0 for span in task.spans[-1:])])
            spans.append(["slot", _ms(since), None])
            return _row(state, task, "ready", "", task.ready_at, spans)
        case "waiting":
            shown, text = _CAUSE.get(task.wait_cause or "", "slot"), task.wait_detail
            if shown == "human" and text and not text.startswith("for "):
                text = f"for {text}"
        case "retrying":
            shown = "rate" if task.wait_cause == "rate_limit" else "retry"
            text = why_again(task)
        case "failed":
            shown, text = "failed", _first_line(task.error)
        case "skipped" | "cancelled":
            shown, text = status, task.reason
        case _:
            shown, text = _STATUS[status], reused(task) or task.message
    return _row(state, task, shown, cut(text, limit), at, spans, until)


def _row(
    state: State,
    task: TaskState,
    status: str,
    text: str,
    at: float | None,
    spans: list[list[Any]],
    until: float | None = None,
) -> Row:
    times = (_ms(at), _ms(until), _ms(task.started_at), _ms(task.ended_at))
    return [task.index, status, text, *times, task.attempt, spans, marks(state, task)]


def _ms(t: float | None) -> float | None:
    """Milliseconds are exact enough, and short on the wire."""
    return None if t is None else round(t, 3)


def _asked(state: State, task: TaskState) -> list[DecisionState]:
    if not state.decisions:
        return []
    nodes, known = state.graph.nodes, state.decisions
    return [
        known[nodes[i].id]
        for i in deciders(state.graph).get(task.index, ())
        if nodes[i].id in known
    ]


def _asking(asked: list[DecisionState], ended: float | None) -> list[list[Any]]:
    """While a decision was open, until the task was over: what is skipped waits for nobody."""
    found: list[list[Any]] = []
    for d in asked:
        if not (d.outcome or d.open):
            continue
        until = d.outcome.at if d.outcome else None
        if ended is not None:
            until = ended if until is None else min(until, ended)
        if until is None or until > d.opened_at:
            found.append(["human", _ms(d.opened_at), _ms(until)])
    return found


def _first_line(text: str) -> str:
    return text[:4000].strip().partition("\n")[0]
