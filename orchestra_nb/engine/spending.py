"""The card before a run spends money: nothing that is paid starts before somebody lets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ..plan import Decision
from ..plan.levels import skip_reason
from ..plan.parts import Option
from ..state import Outcome
from .cards import Card

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Forecast", "Spending"]

Forecast: TypeAlias = Callable[[], Mapping[str, Any]]
"""Says what a run may cost, JSON-able: ``title``, ``context``, and ``fits``, whether its worst case
fits the budget; the rest is for the card."""
START, STOP = "A", "B"


class Spending:
    """Holds back what is paid until a person says start; everything else runs meanwhile.

    It is asked once a run: who let it start has let its resumption start too, also if that was
    said beforehand.
    """

    def __init__(self, engine: Engine, forecast: Forecast):
        self._engine, self._forecast = engine, forecast
        self._held: dict[int, None] = {}
        self._open: str | None = None
        self._let = False

    def begin(self) -> None:
        """Ask at once where it is known that something is to be paid."""
        engine = self._engine
        self._let = any(
            decision.purpose == "spend" and decision.outcome and decision.outcome.option == START
            for decision in engine.state.decisions.values()
        ) or any(task.attempt and self._paid(task.index) for task in engine.state.tasks)
        if self._let or engine.reuse:
            return  # what is there already need not be paid: whoever comes first asks
        for node in engine.state.graph.nodes:
            left_out = node.kind == "task" and skip_reason(node.spec, engine.state.level)
            if self._paid(node.index) and not left_out:
                self._ask()
                return

    def holds(self, index: int) -> bool:
        """Whether a task that could start has to wait for the card."""
        if self._let or not self._paid(index) or self._engine.reuse.returns(index):
            return False
        self._held[index] = None
        if self._open is None:
            self._ask()  # settled at once, it is back in the queue by now
        return True

    def close(self) -> None:
        """The run comes to its end: nothing is left to pay."""
        if self._open is not None:
            self._engine.decisions.withdraw(self._open, "the run came to its end")

    def _paid(self, index: int) -> bool:
        return bool(getattr(self._engine.workers[index], "paid", False))

    def _ask(self) -> None:
        engine, detail = self._engine, dict(self._forecast())
        at_once = engine.plan.mode == "fully_autonomous"
        spec = Decision(
            title=detail.pop("title"),
            kind="critical",
            context=detail.pop("context"),
            options=[
                Option(key=START, text="Start", description="paid agents begin"),
                Option(key=STOP, text="Stop", description="end the run; it can be resumed"),
            ],
            recommend=START if detail.pop("fits") or at_once else None,
            because=detail.pop("because"),
            other=False,
        )
        decision_id = self._open = engine.decisions.free_id("spend")
        card = Card(purpose="spend", detail=detail, then=self._then, closed=self._closed)
        engine.decisions.open(decision_id, spec, card)

    def _then(self, outcome: Outcome) -> None:
        self._open = None
        engine = self._engine
        engine.take_note(outcome)
        if outcome.option == STOP:
            engine.stop("nothing was to be spent", outcome.who or outcome.by)
            return
        self._let = True
        held, self._held = self._held, {}
        for index in held:
            if engine.state.tasks[index].status in ("ready", "retrying"):
                engine.scheduler.put(index)

    def _closed(self, reason: str) -> None:
        self._open = None
