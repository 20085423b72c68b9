"""Tools that a person lets run, or not: the model's call is shown before anything is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from ..errors import DecisionClosed, OrchestraError
from .asking import APPROVE, shown
from .claude_errors import MASK, explain, masked

if TYPE_CHECKING:
    from .claude_tools import Tool
    from .context import Context

__all__ = ["Refused", "confirm"]


class Refused(OrchestraError):
    """A person does not want the call; ``reason`` is why, and may be empty."""

    def __init__(self, reason: str):
        self.reason = reason
        said = f": {reason}" if reason else "."
        super().__init__(f"The person refused this call{said}")


async def confirm(
    tool: Tool, context: Context, given: Mapping[str, Any], arguments: BaseModel
) -> tuple[BaseModel, str]:
    """Ask whether a tool may be called.

    Arguments that a person gives instead are judged like the model's: as long as they don't fit,
    the question comes again and says what is wrong.

    Args:
        tool: The tool.
        context: The task's.
        given: What the model sent.
        arguments: The same, validated.

    Returns:
        What to call it with, and the person's note for the agent.

    Raises:
        Refused: If the person does not want it.
        DecisionClosed: If the run ends before there is an answer.
    """
    offered: dict[str, Any] = masked(shown(_by_name(arguments)))
    card, problem = offered, ""
    while True:
        outcome = await context.approve(
            tool.name, card, description=tool.description, problem=problem
        )
        if outcome.option != APPROVE:
            raise Refused(outcome.note)
        if context.cancelled:
            raise DecisionClosed(tool.name, "the run was stopped")
        wanted = card if outcome.values is None else dict(outcome.values)
        if _same(wanted, offered):
            return arguments, outcome.note
        try:
            return tool.arguments.model_validate(_real(wanted, offered, given)), outcome.note
        except ValidationError as error:
            problem = explain(error)
        except ValueError as error:
            problem = str(error)
        card = wanted


def _by_name(arguments: BaseModel) -> dict[str, Any]:
    """Arguments as the function names them, those that were left out with their defaults."""
    fields = type(arguments).model_fields
    return {info.alias or name: getattr(arguments, name) for name, info in fields.items()}


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; to Python ``True`` and ``1`` are."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _real(
    wanted: Mapping[str, Any], offered: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """What a person wants, with the model's own values where nothing was changed.

    Raises:
        ValueError: If a changed value holds the sign that stands for a secret.
    """
    real: dict[str, Any] = {}
    for name, value in wanted.items():
        if name in offered and _same(offered[name], value):
            if name in given:
                real[name] = given[name]
            continue
        if MASK in json.dumps(value, ensure_ascii=False):
            raise ValueError(
                f"{name}: {MASK} stands for something that is not shown; leave the value as it "
                "was, or write all of it"
            )
        real[name] = value
    return real
