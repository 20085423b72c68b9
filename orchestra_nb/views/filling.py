"""What is typed into a form, or into a tool's arguments: which questions it leaves, which values.

Details of a card come from a log that anybody may have written: nothing here trusts their shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..plan.text import fold
from ..state import DecisionState

__all__ = [
    "answered",
    "arguments_of",
    "by_number",
    "edited",
    "questions_of",
    "result_of",
    "visible",
]

_YES, _NO = frozenset({"yes", "y", "true"}), frozenset({"no", "n", "false"})
Filled = Mapping[str, Any]
"""Question id -> what was typed; a list of texts where several were chosen."""


def questions_of(decision: DecisionState) -> list[Mapping[str, Any]]:
    """The questions of a form, in order; what is none is left out."""
    found = decision.detail.get("questions")
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [one for one in found if isinstance(one, Mapping) and isinstance(one.get("id"), str)]


def visible(questions: Sequence[Mapping[str, Any]], filled: Filled) -> list[Mapping[str, Any]]:
    """The questions that are asked with these answers: a follow-up hangs on its parent's."""
    shown: dict[str, Mapping[str, Any]] = {}
    for one in questions:
        parent = one.get("parent")
        leading = shown.get(parent) if isinstance(parent, str) else None
        if parent is None or (leading and _leads(leading, filled, str(one.get("on") or ""))):
            shown[one["id"]] = one
    return list(shown.values())


def answered(question: Mapping[str, Any], filled: Filled) -> Any:
    """What counts for a question: what was typed, else its default."""
    typed = filled.get(question["id"])
    return question.get("default") if typed is None or typed == "" else typed


def _leads(question: Mapping[str, Any], filled: Filled, on: str) -> bool:
    answer = answered(question, filled)
    if isinstance(answer, (list, tuple)):
        return fold(on) in {fold(str(one)) for one in answer}
    said = fold("" if answer is None else str(answer))
    if question.get("kind") == "yes_no":
        said = "yes" if said in _YES else "no" if said in _NO else said
    if question.get("kind") == "several":
        return fold(on) in {part.strip() for part in said.split(",")} | {said}
    return said == fold(on)


def by_number(question: Mapping[str, Any], typed: str) -> str:
    """The options whose numbers were typed; anything else as it is."""
    options = question.get("options")
    if not isinstance(options, Sequence) or isinstance(options, str):
        return typed
    if question.get("kind") not in ("choice", "several") or typed in options:
        return typed
    parts = typed.split(",") if question.get("kind") == "several" else [typed]
    found = []
    for part in parts:
        number = part.strip()
        if not (number.isascii() and number.isdigit() and 0 < int(number) <= len(options)):
            return typed
        found.append(str(options[int(number) - 1]))
    return ", ".join(found)


def arguments_of(decision: DecisionState) -> dict[str, Any]:
    """The arguments that a tool would be called with."""
    found = decision.detail.get("arguments")
    return dict(found) if isinstance(found, Mapping) else {}


def edited(before: Any, typed: str) -> Any:
    """What was typed in place of a value: text stays text, anything else is read as JSON."""
    if isinstance(before, str):
        return typed
    try:
        return json.loads(typed)
    except (ValueError, RecursionError):
        return typed


def result_of(decision: DecisionState, typed: str) -> Any:
    """What was typed in place of a result that is reviewed.

    Raises:
        ValueError: If this result can't be edited so; says why.
    """
    if decision.detail.get("editable") is not True:
        raise ValueError("This result can't be edited here: accept it, or send it back with a note")
    if decision.detail.get("format") != "json":
        return typed
    try:
        return json.loads(typed)
    except (ValueError, RecursionError):
        raise ValueError('Needs JSON, such as {"segments": 3}') from None
