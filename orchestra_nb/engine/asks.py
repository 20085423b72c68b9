"""What running agents say and ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import events
from ..commands import Answer
from ..errors import CommandError
from ..events import Event
from ..plan.text import did_you_mean, short, slug
from ..state import Outcome
from .cards import Card, Values
from .protocols import OVER, Ask, Blocking, Job, Said, TakenBack

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Asks"]

REFUSE = "B"
_NEEDS: dict[type | tuple[type, ...], str] = {
    bool: "Needs true or false.",
    (int, float): "Needs a number, such as 3.",
    str: "Needs text.",
    list: "Needs a list, such as [1, 2].",
    dict: 'Needs a mapping, such as {"a": 1}.',
}


class Asks:
    """Takes agents' words to the log, and their questions to people."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def on_said(self, said: Said) -> None:
        """A finding, a blocker, a choice, a tool call or usage."""
        job, event = said.job, said.event
        if event["event"] == "usage":  # what was spent was spent, also by who is given up
            self._spent(job, event)
            return
        if job.ended or job.finished:
            return
        self._engine.emit(event)
        if event["event"] == "blocker":
            self._engine.alarms.blocker(job, event)

    def _spent(self, job: Job, event: Event) -> None:
        if not self._engine.over:
            self._engine.emit(event)
            self._engine.budget.used(job, event)

    def on_blocking(self, blocking: Blocking) -> None:
        """An agent's coroutine keeps all others from their turn: people are told."""
        job, node = blocking.job, blocking.job.node
        if job.ended or job.finished:
            return
        text = (
            f"{node.id} keeps all other async agents waiting: {blocking.place or 'it'} runs "
            "without an await. Write 'def' instead of 'async def', or call what takes so long "
            "with 'await asyncio.to_thread(...)'."
        )
        self._engine.emit(
            events.blocker(task=node.id, agent=node.agent, phase=node.phase, text=text, by="engine")
        )

    def on_ask(self, ask: Ask) -> None:
        """An agent asks a person; it waits, whatever else goes on."""
        engine, job = self._engine, ask.job
        if job.ended or job.finished or engine.stopping:
            ask.close(ask.decision.title, "the run was stopped" if engine.stopping else OVER)
            return
        if ask.future.done():  # taken back before it came here
            return
        job.asks += 1
        title = engine.scrubbed(ask.decision.title)
        # Made of a title with a key in it, the id would spell the key.
        name = ask.decision.id if title == ask.decision.title else slug(title)
        decision_id = engine.decisions.free_id(f"{job.node.id}/{name}")
        ask.waiting = True
        engine.attempts.wait(job, "human", ask.decision.title)

        def check(answer: Answer) -> Values | None:
            return _values(answer, engine.state.decisions[decision_id].detail)

        card = Card(
            purpose=ask.purpose,
            asker=job.node.agent,
            phase=job.node.phase,
            about=job.node.id,
            detail=ask.detail,
            ask=ask,
            check=check if ask.purpose == "approval" else None,
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


def _values(answer: Answer, detail: Mapping[str, Any]) -> Values | None:
    """What a tool is to be called with instead; of a refusal nothing is kept but its reason.

    Args:
        answer: What a person said.
        detail: What the card showed.

    Raises:
        CommandError: If it does not have exactly the arguments of the call, each of its own kind.
    """
    values = answer.values
    if answer.option == REFUSE or values is None:
        return None
    shown: Mapping[str, Any] = detail["arguments"]
    faults = {
        name: f"The call has no argument {short(name)}{did_you_mean(name, shown)}"
        for name in values
        if name not in shown
    }
    for name, own in shown.items():
        if name not in values:
            faults[name] = "Is missing: give every argument of the call, also as it was."
        elif fault := _misfit(values[name], own):
            faults[name] = fault
    if faults:
        said = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        raise CommandError(f"The arguments do not fit: {said}", faults=faults)
    return values


def _misfit(value: object, own: object) -> str:
    """What is wrong with a value in the place of another: JSON's kinds are not exchanged."""
    for kind, needs in _NEEDS.items():
        if isinstance(own, kind):
            fits = isinstance(value, kind) and isinstance(value, bool) == isinstance(own, bool)
            return "" if fits else needs
    return ""  # null may have stood for anything
