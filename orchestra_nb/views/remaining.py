"""How long a run takes at least, from what its tasks are expected to take."""

from __future__ import annotations

from collections.abc import Sequence

from ..state import SETTLED, State

__all__ = ["estimates_of", "seconds_left", "seconds_total"]


def estimates_of(state: State) -> list[float | None]:
    """The plan's own estimates by node; of a rehearsal, as they pass at its speed.

    What the level skips takes no time; decisions wait for people, which nobody can estimate, so
    they count as nothing.
    """
    speed = state.rehearsal or 1.0
    found: list[float | None] = []
    for node in state.graph.nodes:
        estimate = getattr(node.spec, "estimate", None) if node.kind == "task" else 0.0
        if node.skip:
            estimate = 0.0
        found.append(None if estimate is None else estimate / speed)
    return found


def _grown(state: State, estimates: Sequence[float | None]) -> Sequence[float | None]:
    """Estimates from before the plan grew: an item's task takes what its template would."""
    nodes = state.graph.nodes
    if len(estimates) == len(nodes):
        return estimates
    found = [*estimates]
    for node in nodes[len(estimates) :]:
        found.append(None if node.template is None else found[node.template])
    for node in nodes[: len(estimates)]:
        if node.kind == "group":
            found[node.index] = 0.0
    return found


def seconds_total(state: State, estimates: Sequence[float | None]) -> float:
    """The least a whole run takes: its longest path, or all work spread over the slots."""
    return state.graph.least_seconds([each or 0.0 for each in _grown(state, estimates)])


def seconds_left(state: State, now: float, estimates: Sequence[float | None]) -> float:
    """The least that is left. What is over counts nothing, what runs what is left of it."""
    seconds = []
    for task, estimate in zip(state.tasks, _grown(state, estimates), strict=True):
        if task.status in SETTLED or not estimate:
            seconds.append(0.0)
        elif task.started_at is None:
            seconds.append(estimate)
        else:
            seconds.append(max(0.0, estimate - (now - task.started_at)))
    return state.graph.least_seconds(seconds)
