"""Questions before a run as one form: which of them are asked, and what was filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Fault, PlanError
from .answers import is_blank, leading, read, spell
from .text import did_you_mean, fold, short, under

if TYPE_CHECKING:
    from .questions import Question

__all__ = ["Asked", "Filled", "defaults", "described", "flat", "given", "left_to_ask", "read_form"]

_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the flat list.

    Attributes:
        question: What is asked.
        place: Where it stands in the plan.
        depth: 0 for a question of the plan, 1 for what follows on it, and so on.
        parent: Id of the question it follows on, ``None`` for one of the plan's own.
        on: The parent's answer that leads to it; one of them where there are several.
        group: Heading, its parent's if it has none.
    """

    question: Question
    place: str
    depth: int = 0
    parent: str | None = None
    on: Any = None
    group: str = ""

    @property
    def id(self) -> str:
        """The question's id."""
        return self.question.id

    def is_visible(self, values: Mapping[str, Any]) -> bool:
        """Whether it is asked, given the answers to those asked before it."""
        return self.parent is None or (self.parent in values and self.follows(values[self.parent]))

    def follows(self, answer: object) -> bool:
        """Whether its parent's answer leads to it."""
        return self.on in answer if isinstance(answer, list) else answer == self.on


def flat(questions: Iterable[Question], place: str = "questions") -> tuple[Asked, ...]:
    """All questions with those that follow on them, each after its parent."""
    found: list[Asked] = []

    def walk(items: Iterable[Question], place: str, parent: Asked | None, on: Any) -> None:
        for index, question in enumerate(items):
            here = f"{place}[{index}]"
            if parent is None:
                asked = Asked(question, here, group=question.group)
            else:
                group = question.group or parent.group
                asked = Asked(question, here, parent.depth + 1, parent.id, on, group)
            found.append(asked)
            for answer, more in question.follow_up.items():
                walk(more, under(f"{here}.follow_up", answer), asked, leading(question, answer))

    walk(questions, place, None, None)
    return tuple(found)


def left_to_ask(asked: Sequence[Asked], known: Mapping[str, Any]) -> list[Asked]:
    """What a form still has to ask when some answers are known.

    What follows on a known answer moves up to where that question was asked, or goes.

    Args:
        asked: The flat list.
        known: Id -> value of what is answered already.
    """
    found: dict[str, Asked] = {}
    for one in asked:
        if one.parent is not None:
            above = found.get(one.parent)
            if above is None:
                continue
            if one.parent not in known:
                found[one.id] = replace(one, depth=above.depth + 1)
            elif one.follows(known[one.parent]):
                found[one.id] = replace(one, depth=above.depth, parent=above.parent, on=above.on)
        else:
            found[one.id] = one
    return [one for one in found.values() if one.id not in known]


def described(left: Iterable[Asked], known: Mapping[str, Any]) -> dict[str, str]:
    """Id -> the question in one line, with its default and the answer it follows on."""
    found = {}
    for one in left:
        about = [] if one.parent is None else [f"if {one.parent} is {spell(one.on)}"]
        if known.get(one.id) is not None:
            about.append(f"default {spell(known[one.id])}")
        found[one.id] = one.question.ask + (f" ({'; '.join(about)})" if about else "")
    return found


class Filled(NamedTuple):
    """A form that was read.

    Attributes:
        values: Id -> value of every question that is asked; ``None`` where there is neither answer
            nor default.
        faults: Id -> what is wrong with its answer; its default stands in.
        said: Ids of those that were really answered.
    """

    values: dict[str, Any]
    faults: dict[str, str]
    said: tuple[str, ...]


def read_form(
    asked: Sequence[Asked],
    raw: Mapping[str, object],
    known: Mapping[str, Any],
    *,
    judge: Callable[[Question, Any], None] = lambda question, value: None,
) -> Filled:
    """Read a form. Never raises: what does not fit is a fault.

    Args:
        asked: The flat list.
        raw: Id -> answer as typed. Blank ones, and those to questions that are not asked, don't
            count.
        known: Id -> value where nothing is typed.
        judge: Called with a value that fits its question; raises ValueError if it does not fit the
            run.
    """
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    said: list[str] = []
    for one in asked:
        if not one.is_visible(values):
            continue
        values[one.id] = known.get(one.id)
        answer = raw.get(one.id)
        if is_blank(answer):
            continue
        try:
            value = read(one.question, answer)
            judge(one.question, value)
        except ValueError as error:
            faults[one.id] = str(error)
        else:
            values[one.id] = value
            said.append(one.id)
    ids = [one.id for one in asked]
    for name in raw:
        if name not in ids:
            faults[name] = f"No question is called {short(name)}{did_you_mean(name, ids)}"
    return Filled(values, faults, tuple(said))


def defaults(asked: Sequence[Asked], own: Mapping[str, object]) -> dict[str, Any]:
    """What counts for each question when nobody answers it.

    Args:
        asked: The flat list.
        own: The run's ``level``, ``timeline`` and ``budget`` (USD): the defaults of the questions
            that set them.
    """
    found: dict[str, Any] = {}
    for one in asked:
        question = one.question
        raw = question.default if question.sets is None else own.get(question.sets)
        try:
            found[one.id] = None if is_blank(raw) else read(question, raw)
        except ValueError:  # such as the plan's level where the question offers others
            found[one.id] = None
    return found


def given(asked: Sequence[Asked], answers: object) -> dict[str, Any]:
    """Answers that a program gives before the run, by question id or by the question itself.

    Returns:
        Id -> value; blank ones are left out.

    Raises:
        PlanError: If one is for no question, does not fit, or is for one that another answer
            rules out; lists every fault.
    """
    if answers is None:
        return {}
    if not isinstance(answers, Mapping):
        message = f"must map questions to answers; it is {short(answers)}"
        raise PlanError([Fault("answers", message)])
    names = [fold(one.id) for one in asked]
    texts = [fold(one.question.ask) for one in asked]
    known = [one.id for one in asked]
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name, raw in answers.items():
        place = under("answers", str(name))
        folded = fold(name) if isinstance(name, str) else ""
        at = [i for i, each in enumerate(names) if each == folded]
        at = at or [i for i, each in enumerate(texts) if each == folded]
        if not at:
            guess = did_you_mean(str(name), [*known, *(one.question.ask for one in asked)])
            there = ", ".join(known[:_MOST_LISTED]) or "none"
            faults.append(Fault(place, f"the plan has no such question; there are: {there}{guess}"))
        elif len(at) > 1:
            ids = " or ".join(short(known[i]) for i in at)
            faults.append(Fault(place, f"several questions read so; say which by its id: {ids}"))
        elif known[at[0]] in values:
            faults.append(Fault(place, f"{short(known[at[0]])} is answered twice; keep one"))
        elif not is_blank(raw):
            try:
                values[known[at[0]]] = read(asked[at[0]].question, raw)
            except ValueError as error:
                faults.append(Fault(place, str(error)))
    for one in asked:
        above = one.parent
        if one.id in values and above in values and not one.follows(values[above]):
            message = f"is not asked: it follows on {above} being {spell(one.on)}, and that is "
            message += f"{spell(values[above])} here; leave it out"
            faults.append(Fault(under("answers", one.id), message))
    if faults:
        raise PlanError(faults, source="answers")
    return values
