"""What a board asks for when somebody wants to see it: too much, or too dear, for its picture."""

from __future__ import annotations

from typing import Any, Final

from ..commands import TEXT_MAX
from ..engine.engine import Engine
from ..plan.graph import Graph
from ..plan.levels import load_levels
from ..views.words import cut

__all__ = ["look", "with_task"]

_MOST_NAMED: Final = 3


def look(engine: Engine, message: dict[str, Any]) -> dict[str, Any]:
    """What a view asked for. On the engine's loop.

    Args:
        engine: The run.
        message: ``what`` is ``text`` (of the task of that ``row``) or ``levels``.

    Returns:
        For ``text``: ``text``, and ``note`` where it can't be shown. For ``levels``: ``levels``,
        each with ``level``, ``name``, and what it would leave ``out`` and bring ``back``: the first
        ids, and how many tasks in all.
    """
    if message.get("what") == "text":
        return _text(engine, message.get("row"))
    if message.get("what") == "levels":
        return {"levels": [_level(engine, number) for number in range(1, 6)]}
    return {}


def with_task(graph: Graph, body: dict[str, Any]) -> dict[str, Any]:
    """A command about the task of a row, with that task's own id: views know it shortened."""
    row = body.get("row")
    if type(row) is int and 0 <= row < len(graph.nodes):
        return {**body, "task": graph.nodes[row].id}
    return {**body}


def _text(engine: Engine, row: object) -> dict[str, Any]:
    tasks = engine.state.tasks
    if type(row) is not int or not 0 <= row < len(tasks):
        return {"text": "", "note": "There is no such task."}
    # The plan's own texts are not rid of secrets; what a browser shows is.
    text = engine.scrubbed(tasks[row].title)
    if len(text) <= TEXT_MAX:
        return {"text": text, "note": ""}
    note = (
        f"Its text is too long to show here ({len(text):,} characters): yours replaces all of it."
    )
    return {"text": "", "note": note}


def _level(engine: Engine, number: int) -> dict[str, Any]:
    level = load_levels().get(number)
    out, back = engine.steering.at_level(number)
    return {
        "level": number,
        "name": cut(level.name, 60) if level else "",
        "out": _named(engine, out),
        "back": _named(engine, back),
    }


def _named(engine: Engine, indexes: list[int]) -> tuple[list[str], int]:
    nodes = [engine.state.graph.nodes[index] for index in indexes]
    ids = [node.id for node in nodes if node.kind == "task"]
    return [cut(one, 60) for one in ids[:_MOST_NAMED]], len(ids)
