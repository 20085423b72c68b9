"""What people hear who answer when there is nothing left to decide."""

from __future__ import annotations

from datetime import datetime

from ..commands import Answer, Reply
from ..plan.text import fold
from ..state import DecisionState
from .cards import OTHER

__all__ = ["too_late"]


def too_late(command: Answer, decision: DecisionState, winner: Answer | None) -> Reply:
    """The reply to an answer that found its decision closed.

    The same click again is confirmed: whoever repeats it has not heard of the first one's success.

    Args:
        command: The answer.
        decision: What it was for.
        winner: The answer that counted, if one did.
    """
    outcome = decision.outcome
    if outcome is None:
        return Reply(False, f"{decision.title} was withdrawn: {decision.withdrawn}.", late=True)
    client = winner.client if winner is not None else ""
    mine = bool(command.client) and command.client == client
    if mine and winner is not None and _said(command) == _said(winner):
        return Reply(True, f"{decision.title}: {outcome.option}, by you.")
    at = datetime.fromtimestamp(outcome.wall).strftime("%H:%M")
    if outcome.by == "timeout":
        yours = command.text or command.option
        said = f"Too late: {outcome.option} was taken by timeout at {at}. "
        return Reply(False, f"{said}Your {yours} was not used.", late=True)
    who: str = outcome.by
    if outcome.by in ("user", "remote") and outcome.who:
        who = outcome.who
    elif outcome.by == "user":
        elsewhere = command.source == "board" and client and not mine
        who = "you in another tab" if elsewhere else "you"
        if command.source in ("cli", "remote"):  # whoever asks sits at another place
            who = "somebody where it runs"
    return Reply(False, f"Already decided: {outcome.option}, by {who}, at {at}.", late=True)


def _said(answer: Answer) -> tuple[object, ...]:
    """What an answer says: another note or other values make it another answer."""
    text = (answer.text or "").strip() if answer.option == OTHER else ""
    return fold(answer.option), text, (answer.note or "").strip(), answer.values
