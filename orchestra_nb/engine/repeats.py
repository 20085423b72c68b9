"""What a run takes over from its parent besides results: outcomes, notes, texts, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import events
from ..lineage import Lineages
from ..plan import Decision
from ..plan.each import item_ids
from ..plan.graph import Node
from ..state import DecisionState, Outcome
from .cards import OTHER, Answered
from .reuse import Prior

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Repeat", "Repeats", "Shared", "asks_the_same"]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An outcome of the parent.

    Attributes:
        run: Id of the run it was made in.
        decision: The decision, with its outcome.
        before: What came before it, as lineages have it.
    """

    run: str
    decision: DecisionState
    before: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What a run takes over.

    Attributes:
        said: Id of a decision -> the new outcome a person gave it.
        outcomes: Id of a decision or checkpoint -> what came of it in the parent.
        notes: Notes and who gave them, the oldest first.
        texts: Id of a task -> its text, where that was edited.
        settings: What a ``plan_adjustment`` says of level, timeline and budgets.
        later: Id of a task that is not there before the plan has grown -> what it came to.
        items: Of such tasks: ``id`` and ``item`` (a hash of it) in the parent, and the ``text``
            that it gets or the ``reason`` why it is left out by hand.
        left_out: Id of what is left out by hand -> why.
        who: Who begins the run.
    """

    said: Mapping[str, Answered] = field(default_factory=dict)
    outcomes: Mapping[str, Repeat] = field(default_factory=dict)
    notes: Sequence[tuple[str, str]] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    later: Mapping[str, Prior] = field(default_factory=dict)
    items: Sequence[Mapping[str, str]] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    who: str = ""


class Repeats:
    """Gives decisions the outcomes they have already."""

    def __init__(self, engine: Engine, shared: Shared | None):
        self._engine = engine
        self._shared = shared
        self._lineages = Lineages(engine.state) if shared is not None else None
        self._items = list(shared.items) if shared is not None else []

    def carry(self) -> None:
        """Say what holds from the start, as soon as the run begins."""
        shared, engine = self._shared, self._engine
        if shared is None:
            return
        for text, who in shared.notes:
            engine.emit(events.note(text=text, who=who))
        for name, answer in shared.said.items():
            title = engine.state.graph.nodes[engine.state.graph.index[name]].title
            words = answer.text if answer.key == OTHER else f"{answer.key} - {answer.text}"
            fields = {"option": answer.key, "text": answer.text, "note": answer.note}
            engine.emit(
                events.plan_adjustment(
                    description=f"{title} will be: {words}", said={name: fields}, who=shared.who
                )
            )
        changed = {
            key: value
            for key, value in shared.settings.items()
            if value != getattr(engine.state, _FIELDS[key])
        }
        if changed:
            words = ", ".join(_FIELDS[key] for key in changed)
            words = f"As in the run it was forked from: {words}"
            engine.emit(events.plan_adjustment(description=words, who=shared.who, **changed))
        for name, text in shared.texts.items():
            self._edit(engine.state.graph.index[name], text)
        for name, reason in shared.left_out.items():
            engine.skip(engine.state.graph.find(name), "hand", reason)

    def _edit(self, index: int, text: str) -> None:
        engine, node = self._engine, self._engine.state.graph.nodes[index]
        engine.steering.texts[index] = text
        who = self._shared.who if self._shared is not None else ""
        engine.emit(
            events.task_edited(task=node.id, agent=node.agent, phase=node.phase, text=text, who=who)
        )

    def deal(self, template: str, items: Mapping[int, str]) -> None:
        """A list was read: what was wanted of an item holds for whichever task has it now.

        Args:
            template: Id of the task that it was read for.
            items: Index of each of its tasks -> a hash of its item.
        """
        graph, ids = self._engine.state.graph, item_ids(template)
        free = dict(items)
        for wish in [one for one in self._items if ids.fullmatch(one["id"])]:
            own = graph.index.get(wish["id"], -1)
            found = [index for index, item in free.items() if item == wish["item"]]
            if not wish["item"]:  # nobody can tell items like it apart: then its number counts
                found = [own] if own in free else []
            if not found:
                continue
            index = own if own in found else found[0]
            del free[index]
            self._items.remove(wish)
            if self._engine.state.tasks[index].status not in ("pending", "ready"):
                continue
            if "reason" in wish:
                self._engine.skip(graph.nodes[index], "hand", wish["reason"])
            else:
                self._edit(index, wish["text"])

    def answered(self, node: Node) -> Answered | None:
        """The outcome that a decision or checkpoint has as soon as it is reached."""
        said = self._engine.state.said.get(node.id)
        if said is not None and node.kind == "decision" and _offered(node.spec, said["option"]):
            return Answered(
                key=said["option"], text=said["text"], by="user", note=said.get("note", ""),
                source="python",
            )  # fmt: skip
        if self._shared is None or self._lineages is None:
            return None
        repeat = self._shared.outcomes.get(node.id)
        if repeat is None or repeat.before != self._lineages.before(node.index):
            return None
        outcome = repeat.decision.outcome
        assert outcome is not None
        return Answered(
            key=outcome.option,
            text=outcome.text,
            by=outcome.by,
            who=outcome.who,
            note=outcome.note,
            source=outcome.source,
            values=dict(outcome.values) if outcome.values else None,
            as_then=_as_then(repeat, outcome),
        )


def _offered(spec: object, option: str) -> bool:
    """Whether a decision still has an option: a run that goes on may have another plan."""
    if not isinstance(spec, Decision):
        return False
    return spec.other if option == OTHER else any(o.key == option for o in spec.options)


_FIELDS = {
    "level": "level", "timeline": "timeline", "budget": "budget", "budget_of": "budgets",
}  # fmt: skip


def _as_then(repeat: Repeat, outcome: Outcome) -> dict[str, Any]:
    return {
        "shown_s": outcome.shown_s,
        "waited_s": outcome.waited_s,
        "timeout_s": repeat.decision.timeout_s,
        "sum": repeat.decision.sum,
        "reason": outcome.reason,
        "wall": outcome.wall,
        "reused": repeat.run,
    }


def asks_the_same(decision: DecisionState, spec: Decision) -> bool:
    """Whether a decision was the one that a plan has now."""
    options = [
        {"key": one.key, "text": one.text, "description": one.description} for one in spec.options
    ]
    return decision.title == spec.title and decision.options == options
