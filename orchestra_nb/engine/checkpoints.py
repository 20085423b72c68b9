"""Checkpoints: where a person looks at what there is before the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import events
from ..plan import Decision
from ..plan.graph import Node
from ..state import Outcome
from .cards import Card

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Checkpoints"]


class Checkpoints:
    """Opens checkpoints and does what people say there."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def reached(self, node: Node) -> None:
        """Everything a marked checkpoint waits for is settled."""
        engine = self._engine
        assert isinstance(node.spec, Decision)
        name = engine.state.graph.phase_names[node.phase - 1]
        engine.emit(events.checkpoint(decision_id=node.id, phase=node.phase, name=name))
        card = Card(purpose="checkpoint", phase=node.phase, then=self._act)
        engine.decisions.open(node.id, node.spec, card)

    def _act(self, outcome: Outcome) -> None:
        engine = self._engine
        engine.take_note(outcome)
        if outcome.option == "B" and outcome.note:
            engine.emit(events.plan_adjustment(description=outcome.note))
        elif outcome.option == "C":
            engine.stop("checkpoint", outcome.who)
