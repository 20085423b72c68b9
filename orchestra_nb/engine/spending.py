"""The card before a run spends money: nothing that is paid starts before somebody lets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import events
from ..plan import Decision
from ..plan.graph import Node
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
WAITS_FOR = "Start paid work"
"""What is held back is said to wait for that."""
MOST_NAMED = 3


class Spending:
    """Holds back what is paid until a person says start; everything else runs meanwhile.

    It is asked once a run: who let it start has let its resumption start too, also if that was
    said beforehand. Only a list that turns out longer than the card said is put before them again.
    """

    def __init__(self, engine: Engine, forecast: Forecast):
        self._engine, self._forecast = engine, forecast
        self._held: dict[int, None] = {}
        self._open: str | None = None
        self._let = False
        self._told: dict[str, int] = {}
        """Template -> of how many items the card spoke that is open, or that was let start."""

    def begin(self) -> None:
        """Ask at once where it is known that something is to be paid."""
        engine = self._engine
        for decision in engine.state.decisions.values():
            let = decision.purpose == "spend" and decision.outcome is not None
            if let and decision.outcome is not None and decision.outcome.option == START:
                self._let, self._told = True, dict(decision.detail.get("lists", {}))
        self._let = self._let or any(
            task.attempt and self._paid(task.index) for task in engine.state.tasks
        )
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
        if index not in self._held:
            self._held[index] = None
            self._say(index, waits=True)
        if self._open is None:
            self._ask()  # settled at once, it is back in the queue by now
        return True

    def grown(self, group: Node) -> None:
        """A list is there: its length may be another one than a person was told."""
        if len(group.items) <= self._told.get(group.id, len(group.items)):
            return
        if self._open is not None:
            self._engine.decisions.withdraw(self._open, f"{_items(group)}: asked anew")
            self._ask()
        elif self._let:
            self._let = False  # whatever is paid and has not begun asks

    def close(self) -> None:
        """The run comes to its end: nothing is left to pay."""
        if self._open is not None:
            self._engine.decisions.withdraw(self._open, "the run came to its end")

    def _paid(self, index: int) -> bool:
        return bool(getattr(self._engine.workers[index], "paid", False))

    def _say(self, index: int, *, waits: bool) -> None:
        """A task that has not begun waits for a person, visibly, or does not any more."""
        engine, node = self._engine, self._engine.state.graph.nodes[index]
        if engine.state.tasks[index].status == "ready":
            engine.emit(
                events.agent_wait(
                    task=node.id,
                    agent=node.agent,
                    phase=node.phase,
                    cause="human" if waits else None,
                    detail=WAITS_FOR if waits else "",
                )
            )

    def _ask(self) -> None:
        engine, detail = self._engine, dict(self._forecast())
        grown = [node for node in engine.state.graph.nodes if node.kind == "group"]
        more = [n for n in grown if len(n.items) > self._told.get(n.id, len(n.items))]
        if more:
            news = "; ".join(_items(node) for node in more[:MOST_NAMED])
            detail["context"] = f"Now it is known: {news}. {detail['context']}"
        self._told = {
            node.id: len(node.items) if node.kind == "group" else node.each.expect or 0
            for node in engine.state.graph.nodes
            if node.each is not None and self._paid(node.index)
        }
        detail["lists"] = self._told
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
            self._say(index, waits=False)
            if engine.state.tasks[index].status in ("ready", "retrying"):
                engine.scheduler.put(index)

    def _closed(self, reason: str) -> None:
        self._open = None


def _items(group: Node) -> str:
    return f"{group.id} has {len(group.items):,} item{'s' * (len(group.items) != 1)}"
