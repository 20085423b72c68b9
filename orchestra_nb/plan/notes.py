"""What a plan says without effect: no fault, but hardly what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .answers import spell
from .entries import Decision
from .forms import defaults, flat
from .text import did_you_mean, fold, short
from .timeouts import Timeouts

if TYPE_CHECKING:
    from .model import Plan

__all__ = ["category_note", "notes_of"]


def category_note(decision: Decision, table: Timeouts) -> str:
    """What is to be said of a decision's category; empty where the table has it."""
    category = decision.category
    if not category or fold(category) in table.categories:
        return ""
    guess = did_you_mean(category, table.categories)
    return f"unknown category {short(category)}: its clock counts as with none{guess}"


def notes_of(plan: Plan, answers: Mapping[str, Any]) -> Iterator[str]:
    """Everything without effect, a line each: where it stands and why.

    Args:
        plan: The plan as it would run.
        answers: Id -> value of the answers that are given before the run.
    """
    table = plan.timeouts or Timeouts()
    for phase in plan.phases:
        for entry in phase.tasks:
            if not isinstance(entry, Decision):
                continue
            if note := category_note(entry, table):
                yield f"{entry.id}: {note}"
            if entry.recommend is None and entry.timeout not in (None, "none"):
                yield f"{entry.id}: its timeout has no effect: nothing is recommended"
    asked = flat(plan.questions)
    own = {"level": plan.level, "timeline": plan.timeline}
    values = {**defaults(asked, own), **answers}
    shown: dict[str, Any] = {}
    for one in asked:
        if one.is_visible(shown):
            shown[one.id] = values[one.id]
        elif one.id in answers:
            about = f"{one.parent} is {spell(one.on)}"
            yield f"answers.{one.id}: counts only if {about}; as it stands it is not asked"
