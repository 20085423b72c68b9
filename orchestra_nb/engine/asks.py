"""What running agents say and ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..commands import Answer
from ..state import Outcome
from .cards import Card, Values
from .protocols import OVER, Ask, Said, TakenBack

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Asks"]

REFUSE = "B"


class Asks:
    """Takes agents' words to the log, and their questions to people."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def on_said(self, said: Said) -> None:
        """A finding, a blocker, a choice, a tool call or usage."""
        job, event = said.job, said.event
        if job.ended or job.finished:
            return
        self._engine.emit(event)
        if event["event"] == "blocker":
            self._engine.alarms.blocker(job, event)

    def on_ask(self, ask: Ask) -> None:
        """An agent asks a person; it waits, whatever else goes on."""
        engine, job = self._engine, ask.job
        if job.ended or job.finished or engine.stopping:
            ask.close(ask.decision.title, "the run was stopped" if engine.stopping else OVER)
            return
        if ask.future.done():  # taken back before it came here
            return
        job.asks += 1
        decision_id = engine.decisions.free_id(f"{job.node.id}/{ask.decision.id}")
        ask.waiting = True
        engine.attempts.wait(job, "human", ask.decision.title)
        card = Card(
            purpose=ask.purpose,
            asker=job.node.agent,
            phase=job.node.phase,
            about=job.node.id,
            detail=ask.detail,
            ask=ask,
            check=_values if ask.purpose == "approval" else None,
            then=engine.take_note if ask.purpose == "decision" else None,
        )
        engine.decisions.open(decision_id, ask.decision, card)

    def hand_over(self, ask: Ask, outcome: Outcome) -> None:
        """Give an agent its answer: an approval once it is on disk, what it allows is done then."""
        if ask.purpose != "approval":
            ask.settle(outcome)
            return

        def settle() -> None:
            if ask.job.cancelled:
                ask.close(ask.decision.title, "the run was stopped")
            else:
                ask.settle(outcome)

        lost = "the run stopped: its log can't be written"
        self._engine.when_durable(settle, lambda: ask.close(ask.decision.title, lost))

    def on_taken_back(self, taken: TakenBack) -> None:
        """An agent no longer waits for an answer (its own timeout, say) and works on."""
        if self._engine.over:  # it was cancelled with the run, whose log is at its end
            return
        self._engine.decisions.withdraw_ask(taken.ask, "the agent no longer waits")
        self._engine.attempts.stop_waiting(taken.ask)


def _values(answer: Answer) -> Values | None:
    """What a tool is to be called with instead; of a refusal nothing is kept but its reason."""
    return None if answer.option == REFUSE else answer.values
