"""The questions before a run, asked as one decision. Nothing starts before its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import commands, events
from ..errors import CommandError
from ..plan import Question
from ..plan.answers import example, spell, typed
from ..plan.forms import Asked, Filled, defaults, flat, left_to_ask, read_form
from ..plan.questions import FORM, before_the_run
from ..state import Outcome
from .cards import Card, Values

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Form"]


class Form:
    """Asks what the plan wants to know, and sets the run off with the answers.

    Args:
        engine: The run's engine.
        given: Id -> value of answers that came with the run; they are not asked again.
    """

    def __init__(self, engine: Engine, given: Mapping[str, Any]):
        self._engine = engine
        self._given = dict(given)
        self._asked = flat(engine.plan.questions)
        self._read = Filled({}, {}, ())
        self._told: set[str] = set()

    def open(self) -> None:
        """Ask what nobody has answered yet; the run sets off once everything is known."""
        engine = self._engine
        # What is certain to be asked: it does not hang on an answer that is still to come.
        self._read = read_form(self._asked, {}, self._given)
        self._tell(None, who="", source="python")
        self._act("python")
        left = left_to_ask(self._asked, self._given)
        if not left:
            engine.set_off()
            return
        timeouts = engine.plan.timeouts
        spec = before_the_run(timeouts.questions if timeouts else None)
        card = Card(
            purpose="form",
            detail={"questions": self._detail(left)},
            check=self._check,
            fill=self._fill,
            then=self._then,
        )
        engine.decisions.open(FORM, spec.model_copy(update={"context": _about(left)}), card)

    def _known(self) -> dict[str, Any]:
        """What counts where nobody says anything: the run's own as it is now, and what was given.

        (Level and timeline may have been changed while the form was open.)
        """
        state = self._engine.state
        own = {
            "level": state.level,
            "timeline": state.timeline,
            "budget": state.budget.get("usd"),
        }
        return defaults(self._asked, own) | self._given

    def _detail(self, left: list[Asked]) -> list[dict[str, Any]]:
        known = self._known()
        return [
            {
                "id": one.id,
                "ask": one.question.ask,
                "kind": one.question.kind,
                "options": list(one.question.options),
                "default": typed(known[one.id]),
                "group": one.group,
                "depth": one.depth,
                "parent": one.parent,
                "on": typed(one.on),
                "example": example(one.question),
            }
            for one in left
        ]

    def _fill(self, raw: Values | None) -> Values:
        """Read the form: what was filled in and fits, and defaults."""
        self._read = read_form(self._asked, raw or {}, self._known(), judge=self._judge)
        return self._read.values

    def _judge(self, question: Question, value: Any) -> None:
        """A level may bring work back that nobody can do."""
        if question.sets == "level":
            nobody = self._engine.steering.unmanned(int(value))
            if nobody:
                raise ValueError(f"Needs a level that has agents: nobody does {nobody[0]}.")

    def _check(self, command: commands.Answer) -> Values:
        values = self._fill(command.values)
        faults = self._read.faults
        if faults:
            ask = {one.id: one.question.ask for one in self._asked}
            many = "1 answer does" if len(faults) == 1 else f"{len(faults)} answers do"
            said = "; ".join(f"{ask.get(key, key)} {fault}" for key, fault in faults.items())
            raise CommandError(f"{many} not fit: {said}", faults=faults)
        return values

    def _then(self, outcome: Outcome) -> None:
        self._tell(FORM, who=outcome.who)
        self._act(outcome.who or outcome.by)
        self._engine.set_off()

    def _tell(self, decision_id: str | None, **by: str) -> None:
        """Log what was really answered: a default that nobody gave is no answer."""
        read = self._read
        for one in self._asked:
            known = one.id in self._given and one.id not in self._told and one.id in read.values
            if not known and one.id not in read.said:
                continue
            self._told.add(one.id)
            value = read.values[one.id]
            self._engine.emit(
                events.user_input(
                    decision_id=decision_id,
                    question=one.question.ask,
                    response=spell(value),
                    question_id=one.id,
                    value=value,
                    **by,
                )
            )

    def _act(self, who: str) -> None:
        """Let the answers on level, timeline and budget set the run's own."""
        engine, state = self._engine, self._engine.state
        for one in self._asked:
            value = self._read.values.get(one.id)
            if value is None:
                continue
            if one.question.sets == "level":
                engine.steering.change_level(int(value), who)
            elif one.question.sets == "timeline" and value != state.timeline:
                words = f"Timeline {state.timeline} → {value}"
                engine.emit(events.plan_adjustment(description=words, timeline=value, who=who))
            elif one.question.sets == "budget" and value != state.budget.get("usd"):
                words = f"Budget {_usd(state.budget.get('usd'))} → {_usd(value)}"
                budget = {**state.budget, "usd": value}
                engine.emit(events.plan_adjustment(description=words, budget=budget, who=who))


def _usd(amount: float | None) -> str:
    return "none" if amount is None else f"${amount:,.2f}"


def _about(left: list[Asked]) -> str:
    """What the card says above the questions."""
    first = [one for one in left if one.parent is None]
    groups = len({one.group for one in first})
    many = "1 question" if len(first) == 1 else f"{len(first)} questions"
    grouped = f" in {groups} groups" if groups > 1 else ""
    return f"{many}{grouped}. Agents get your answers; empty ones get the default shown."
