"""What a form before the run came to, in the words that the board and the static record share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ..plan.answers import spell, typed
from ..plan.durations import clock
from ..state import DecisionState, Outcome
from .filling import questions_of
from .words import MODE_WORDS, cut, time_of_day

__all__ = ["Answered", "answered", "answered_line", "answered_words"]

_MOST: Final = 60


class Answered(NamedTuple):
    """A question that was asked, and what counts for it.

    Attributes:
        ask: The question.
        answer: The answer as a person says it.
        by_default: Whether nobody gave another one.
    """

    ask: str
    answer: str
    by_default: bool


def answered(decision: DecisionState) -> list[Answered]:
    """The questions of a form that were asked, in order; nothing while it is open."""
    outcome = decision.outcome
    if decision.purpose != "form" or outcome is None:
        return []
    values = outcome.values or {}
    asked = [question for question in questions_of(decision) if question["id"] in values]
    return [_answered(question, values[question["id"]]) for question in asked[:_MOST]]


def _answered(question: Mapping[str, Any], value: Any) -> Answered:
    by_default = typed(value) == question.get("default")
    return Answered(cut(str(question.get("ask", "")), 200), cut(spell(value), 300), by_default)


def answered_words(decision: DecisionState) -> str:
    """How much of a form was filled in: ``2 of 6 answered``."""
    every = answered(decision)
    own = sum(not one.by_default for one in every)
    return f"{own} of {len(every)} answered" if own else "the defaults"


def answered_line(decision: DecisionState, outcome: Outcome, *, mode: str = "") -> str:
    """By whom and when the run was started with it."""
    own = any(not one.by_default for one in answered(decision))
    how = "as filled in" if own else "with the defaults"
    at = time_of_day(outcome.wall)
    whole = "" if decision.timeout_s is None else f" of {clock(decision.timeout_s)}"
    match outcome.by:
        case "user" | "remote":
            unnamed = "you" if outcome.by == "user" else "another program"
            by = cut(outcome.who, 120) or unnamed
            return f"Started {how} by {by}, at {at} after {clock(outcome.waited_s)}{whole}."
        case "timeout":
            within = f" within {clock(decision.timeout_s)}" if decision.timeout_s else ""
            return f"Nobody answered{within}, so the run started {how} at {at}."
        case "autopilot":
            return f"Autopilot started the run {how} at {at}."
        case "policy":
            return f"{MODE_WORDS.get(mode, 'This').capitalize()} mode starts {how}, at once."
        case _:
            return f"Started {how} at {at}."
