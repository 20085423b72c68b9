"""Cards: what a decision is about, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import commands, events
from ..events import By, Event
from ..plan import Decision
from ..plan.durations import clock
from ..plan.timeouts import Timeout
from ..state import Outcome, Purpose
from .protocols import Ask

__all__ = ["OTHER", "Answered", "Card", "Values", "note_of", "opened", "reason_of"]

Values = dict[str, Any]
OTHER = "other"
"""Option key of an answer in free text."""


def note_of(command: commands.Answer) -> str:
    """What a person wrote beside an option; of "Other…" the text is the answer itself."""
    own = "" if command.option == OTHER else command.text
    return (command.note or own or "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An outcome that is known when the decision opens.

    Attributes:
        key: Key of the option, or ``other``.
        text: Its words.
        by: Who decided.
        who: Their name.
        note: What they wrote beside it.
        source: The door it came through.
        values: What was filled in or edited.
        as_then: Of one that is repeated: fields of its event as they were; nothing follows from
            it a second time.
    """

    key: str
    text: str
    by: By
    who: str = ""
    note: str = ""
    source: str = ""
    values: Values | None = None
    as_then: Mapping[str, Any] = field(default_factory=dict)


def _as_it_is(values: Values | None) -> Values | None:
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a decision is about, and what comes of it.

    Attributes:
        purpose: What kind of card it is.
        asker: Agent that asks; empty for the plan and for the engine itself.
        phase: Number of the phase it belongs to.
        about: Id of the task it is about, besides its asker.
        detail: What its card shows besides; JSON-able.
        ask: The running agent's question, if one asks.
        check: Judges an answer: gives the values to keep, raises :class:`CommandError` with
            ``faults`` for what does not fit.
        fill: Gives the values when no person answers, from the last draft or ``None``.
        then: Called with the outcome.
        closed: Called with the reason when there will be no outcome.
        answered: The outcome, where that is known already.
    """

    purpose: Purpose = "decision"
    asker: str = ""
    phase: int | None = None
    about: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    ask: Ask | None = None
    check: Callable[[commands.Answer], Values | None] | None = None
    fill: Callable[[Values | None], Values | None] = _as_it_is
    then: Callable[[Outcome], None] | None = None
    closed: Callable[[str], None] | None = None
    answered: Answered | None = None


def opened(decision_id: str, spec: Decision, card: Card, timeout: Timeout) -> Event:
    """The event that asks."""
    return events.decision_opened(
        decision_id=decision_id,
        question=spec.title,
        purpose=card.purpose,
        agent=card.asker,
        phase=card.phase,
        task=card.about,
        kind=spec.kind,
        category=spec.category,
        context=spec.context,
        options=[
            {"key": o.key, "text": o.text, "description": o.description} for o in spec.options
        ],
        recommend=spec.recommend,
        because=spec.because,
        other=spec.other,
        asker=card.asker,
        timeout_s=timeout.seconds,
        sum=timeout.sum,
        detail=card.detail,
    )


def reason_of(by: By, spec: Decision, timeout_s: float | None) -> str:
    """Why it came out so, in the words of the record."""
    if by == "timeout":
        reason = f"No user response within {clock(timeout_s or 0.0)}"
    elif by == "policy":
        reason = "This mode takes the recommendation"
    elif by == "autopilot":
        reason = "Autopilot took the recommendation"
    else:
        return ""
    return f"{reason}. {spec.because}" if spec.because else reason
