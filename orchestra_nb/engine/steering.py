"""Steering by hand: what people change about a run while it goes on.

It acts only on what has not started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import events
from ..errors import CommandError
from ..plan.levels import skip_reason

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Steering"]


class Steering:
    """Changes to a run's plan, each an event."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def set_off(self) -> None:
        """Leave out what the level skips, before anything starts."""
        engine, state = self._engine, self._engine.state
        as_planned = state.level == engine.plan.level
        for node in state.graph.nodes:
            if node.kind == "checkpoint":
                continue
            reason = node.skip if as_planned else skip_reason(node.spec, state.level)
            if reason is not None:
                engine.skip(node, "level", reason)

    def change_level(self, level: int, who: str) -> None:
        """Another level for what has not started: some is left out, some comes back.

        Raises:
            CommandError: If there is no such level.
        """
        engine, state = self._engine, self._engine.state
        if not 1 <= level <= 5:
            raise CommandError(f"A level is a whole number from 1 to 5, not {level!r}")
        if level == state.level:
            return
        out, back = self.at_level(level)
        words = f"Level {state.level} → {level}"
        engine.emit(events.plan_adjustment(description=words, level=level, who=who))
        for index in out:
            node = state.graph.nodes[index]
            reason = skip_reason(node.spec, level)
            assert reason is not None
            engine.skip(node, "level", reason)
        if back:
            ids = [state.graph.nodes[index].id for index in back]
            engine.emit(events.task_revived(tasks=ids, reason=words, who=who))

    def at_level(self, level: int) -> tuple[list[int], list[int]]:
        """What another level would leave out, and what it would bring back: indexes."""
        state = self._engine.state
        out, back = [], []
        for node in state.graph.nodes:
            if node.kind == "checkpoint":
                continue
            task, skipped = state.tasks[node.index], skip_reason(node.spec, level) is not None
            if skipped and task.status in ("pending", "ready"):
                out.append(node.index)
            elif not skipped and task.status == "skipped" and task.skip_cause == "level":
                back.append(node.index)
        return out, back
