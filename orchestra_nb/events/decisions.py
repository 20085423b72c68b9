"""Events of decisions: whatever a person is asked, and says."""

from __future__ import annotations

from typing import Any

from .kinds import By, Event

__all__ = [
    "checkpoint",
    "decision",
    "decision_held",
    "decision_opened",
    "decision_released",
    "decision_withdrawn",
    "user_input",
]


def decision_opened(*, decision_id: str, question: str, **rest: Any) -> Event:
    """A person is asked. ``rest`` is the card: see ``state.DecisionState``."""
    return {"event": "decision_opened", "decision_id": decision_id, "question": question} | rest


def decision_held(
    *, decision_id: str, cause: str, until_s: float | None, remaining_s: float | None = None
) -> Event:
    """A decision's clock stands still with ``remaining_s`` left.

    Causes: typing, here, hold, pause, asleep.
    """
    return {
        "event": "decision_held",
        "decision_id": decision_id,
        "cause": cause,
        "until_s": until_s,
        "remaining_s": remaining_s,
    }


def decision_released(
    *, decision_id: str, cause: str, remaining_s: float | None, **rest: Any
) -> Event:
    """A decision's clock runs (again) with ``remaining_s`` left.

    ``rest`` holds ``timeout_s``, the whole clock, when the cause is "extended".
    """
    return {
        "event": "decision_released",
        "decision_id": decision_id,
        "cause": cause,
        "remaining_s": remaining_s,
    } | rest


def decision_withdrawn(*, decision_id: str, phase: int | None, reason: str, cause: str) -> Event:
    """A decision ends without an outcome."""
    return {
        "event": "decision_withdrawn",
        "decision_id": decision_id,
        "phase": phase,
        "reason": reason,
        "cause": cause,
    }


def decision(*, decision_id: str | None, text: str, option: str, by: By, **rest: Any) -> Event:
    """A decision's one outcome; ``text`` reads like "B - Cassandra".

    Without an id it is a choice an agent made itself, with ``task``, ``agent``, ``phase`` and
    ``reason``.
    """
    return {
        "event": "decision",
        "decision_id": decision_id,
        "decision": text,
        "option": option,
        "by": by,
    } | rest


def user_input(*, decision_id: str | None, question: str, response: str, **rest: Any) -> Event:
    """A person said something.

    ``rest`` of an answer to a question before the run: ``question_id``, its ``value``, ``who``, and
    ``source`` where it came with the run (then there is no decision).
    """
    return {
        "event": "user_input",
        "decision_id": decision_id,
        "question": question,
        "response": response,
    } | rest


def checkpoint(*, decision_id: str, phase: int, name: str) -> Event:
    """The checkpoint after a phase was reached."""
    return {"event": "checkpoint", "decision_id": decision_id, "phase": phase, "name": name}
