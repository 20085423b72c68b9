"""Thumbs: when there may be one for what an agent did, and the event it is."""

from __future__ import annotations

from . import events
from .commands import Rate
from .errors import CommandError
from .state import State, TaskState

__all__ = ["doing", "rating_of"]


def rating_of(state: State, command: Rate) -> events.Event:
    """The event of a thumb.

    Raises:
        CommandError: If there is no such task, or nothing about it that could be rated.
    """
    node = state.graph.find(command.task)
    task = state.tasks[node.index]
    if node.kind != "task":
        raise CommandError(f"{node.id!r} is a {node.kind}; only what an agent did can be rated")
    if task.status not in ("completed", "failed"):
        raise CommandError(
            f"{node.id!r} {doing(task)}; it can be rated once it has a result or has failed"
        )
    return events.rating(
        task=node.id,
        agent=node.agent,
        phase=node.phase,
        attempt=task.attempt,
        good=command.good,
        note=(command.note or "").strip(),
        who=command.who or command.source,
    )


def doing(task: TaskState) -> str:
    """What becomes of a task or decision just now, to go on after its id."""
    match task.status:
        case "waiting" if task.kind != "task":
            return "is being asked"
        case "waiting":
            you = "you: " if task.wait_cause == "human" and task.wait_detail else ""
            return f"waits for {you}{task.wait_detail or task.wait_cause}"
        case "running":
            return "is at work"
        case "retrying":
            return "waits for its next try"
        case "completed":
            return "is done" if task.kind == "task" else "is decided"
        case "failed":
            return "failed"
        case "skipped":
            return f"was skipped ({task.reason})"
        case "cancelled":
            return "was cancelled"
        case _:
            return "has not started"
