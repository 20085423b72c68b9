"""What is asked before a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, SkipValidation

from ..errors import Fault
from .answers import is_blank, leading, read
from .entries import Decision
from .fields import Name, Text, Title, Value, build_list, one_of, text, title
from .forms import defaults, described, flat, left_to_ask
from .parts import Plain
from .text import clean, did_you_mean, fold, seen, short, under
from .timeouts import is_asked

if TYPE_CHECKING:
    from .model import Plan

__all__ = [
    "FORM",
    "Question",
    "QuestionKind",
    "Sets",
    "before_the_run",
    "plan_questions",
    "will_ask",
]

QuestionKind: TypeAlias = Literal[
    "text", "number", "integer", "choice", "several", "yes_no", "path"
]
Sets: TypeAlias = Literal["level", "timeline", "budget"]

FORM = "questions"
"""Id of the decision that asks all questions."""
PROJECT = "project"
"""Instead of a question: the ready set for projects."""
_LEVELS = ("1", "2", "3", "4", "5")
_TIMELINES = ("urgent", "normal", "relaxed")
_LEAST_USD = 0.01
_NEEDED = {
    "level": "a level is a whole number from 1 to 5: use integer, or options of these",
    "timeline": "a timeline is urgent, normal or relaxed: use options of these",
    "budget": "a budget is in US dollars: use number with a min above 0",
}
_NUMBERS = ("number", "integer")
_CHOICES = ("choice", "several")
_LEADING = ("choice", "several", "yes_no", "integer")
_BIGGEST = 2**53


def _bound(value: object) -> int | float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not -_BIGGEST <= value <= _BIGGEST:  # type: ignore[operator]
        raise ValueError(f"must be a number, not {short(value)}")
    return float(value) if isinstance(value, float) else int(value)  # type: ignore[call-overload]


Bound = Annotated[Any, BeforeValidator(_bound)]


class Question(Value):
    """Something to ask before the run starts.

    Attributes:
        ask: The question.
        id: The name its answer goes by; the question itself if absent.
        kind: What an answer is; ``choice`` when there are options, else ``text`` if absent.
        options: What can be answered to a ``choice`` or ``several``.
        default: The answer if nobody gives one.
        min: No ``number`` or ``integer`` below it is an answer.
        max: The same for those above.
        sets: What of the run the answer sets. That is its default, too, and decides what can be
            answered where neither kind nor options do.
        follow_up: Answer -> the questions it leads to. For a choice, ``several`` (that answer is
            among them), ``yes_no`` and ``integer``.
        group: Heading under which it is asked.
    """

    KIND: ClassVar[str] = "a question"
    EXAMPLE: ClassVar[str] = "{ask: Which market?, default: B2B}"

    ask: Title
    id: Name = ""
    kind: Annotated[QuestionKind, one_of(QuestionKind)] = "text"
    options: SkipValidation[tuple[str, ...]] = ()
    default: Plain = None
    min: Bound = None
    max: Bound = None
    sets: Annotated[Sets, one_of(Sets)] | None = None
    follow_up: SkipValidation[dict[str, tuple[Question, ...]]] = Field(default_factory=dict)
    group: Text = ""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            ask: str,
            id: str = "",
            kind: QuestionKind | None = None,
            options: object = (),
            default: object = None,
            min: float | None = None,
            max: float | None = None,
            sets: Sets | None = None,
            follow_up: Mapping[str, object] | None = None,
            group: str = "",
        ) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Read options, the kind they imply, and the questions that follow."""
        data = dict(data)
        if "options" in data:
            data["options"] = _options(data["options"], "options", faults)
            data.setdefault("kind", "choice")
        _prepare_setting(data)
        if data.get("kind", "text") not in _NUMBERS:
            data["default"] = _as_written(data.get("default"))
        if isinstance(data.get("ask"), str):
            data.setdefault("id", own_id(data["ask"]))
        follow = data.get("follow_up")
        if isinstance(follow, Mapping):
            data["follow_up"] = {
                clean(str(answer)): read_questions(asked, under("follow_up", str(answer)), faults)
                for answer, asked in follow.items()
            }
        elif follow is not None:
            message = f"must be a mapping from an answer to questions, not {short(follow)}"
            faults.append(Fault("follow_up", message))
            del data["follow_up"]
        return data

    def faults(self) -> list[Fault]:
        """What its kind does not know; a default or a follow-up that is no answer."""
        found = [*self._faults_of_kind(), *self._faults_of_setting()]
        if self.id != seen(self.id):
            found.append(Fault("id", f"{short(self.id)} has characters that nobody sees"))
        if found:
            return found
        if not is_blank(self.default):
            try:
                read(self, self.default)
            except ValueError as error:
                found.append(Fault("default", self._no_answer(self.default, error)))
        for answer in self.follow_up:
            try:
                leading(self, answer)
            except ValueError as error:
                found.append(Fault(under("follow_up", answer), self._no_answer(answer, error)))
        return found

    def _faults_of_kind(self) -> list[Fault]:
        kind, found = self.kind, []
        if kind in _CHOICES and not self.options:
            message = f"is missing; {kind} needs something to choose from"
            found.append(Fault("options", message))
        elif kind not in _CHOICES and self.options:
            message = f"are for choice and several; leave them out, or the kind, which is {kind}"
            found.append(Fault("options", message))
        for key in ("min", "max"):
            value = getattr(self, key)
            if value is None:
                continue
            if kind not in _NUMBERS:
                message = f"is for number and integer; leave it out, the kind is {kind}"
                found.append(Fault(key, message))
            elif kind == "integer" and not isinstance(value, int):
                found.append(Fault(key, f"must be a whole number, not {short(value)}"))
        if not found and self.min is not None and self.max is not None and self.min > self.max:
            found.append(Fault("min", "is above max; swap them"))
        if self.follow_up and kind not in _LEADING:
            message = f"can't follow on any {kind}; use options, several, yes_no or integer"
            found.append(Fault("follow_up", message))
        return found

    def _faults_of_setting(self) -> list[Fault]:
        if self.sets is None:
            return []
        found = []
        if not is_blank(self.default):
            found.append(Fault("default", f"is the run's {self.sets} itself; leave it out"))
        if not self._fits_setting():
            message = f"{_NEEDED[self.sets]}; or leave kind, options, min and max out"
            found.append(Fault("sets", message))
        return found

    def _fits_setting(self) -> bool:
        """Whether every answer is one that the run can have."""
        if self.sets == "budget":
            return self.kind in _NUMBERS and self.min is not None and self.min > 0
        if self.sets == "level" and self.kind == "integer":
            return self.min in range(1, 6) and self.max in range(1, 6)
        known = _LEVELS if self.sets == "level" else _TIMELINES
        return self.kind == "choice" and set(self.options) <= set(known)

    def _no_answer(self, answer: object, error: ValueError) -> str:
        if self.kind in _CHOICES and isinstance(answer, (str, int, float)):
            known = ", ".join(short(item) for item in self.options[:10])
            guess = did_you_mean(str(answer), self.options)
            return f"{short(answer)} is not an option; there are {known}{guess}"
        said = str(error)
        return f"{short(answer)} is no answer to it: {said[:1].lower()}{said[1:].rstrip('.')}"


def own_id(ask: str) -> str:
    """The id of a question that is given none."""
    return seen(ask)[:200].strip() or "question"


def _prepare_setting(data: dict[str, Any]) -> None:
    """What can be answered where the answer sets something of the run."""
    sets = data.get("sets")
    if sets == "level" and data.get("kind") == "integer":
        data.setdefault("min", 1)
        data.setdefault("max", 5)
    elif sets == "budget":
        data.setdefault("kind", "number")
        if data["kind"] in _NUMBERS:
            data.setdefault("min", _LEAST_USD if data["kind"] == "number" else 1)
    elif sets in ("level", "timeline") and "kind" not in data:
        data["kind"] = "choice"
        data["options"] = _LEVELS if sets == "level" else _TIMELINES


def _as_written(default: object) -> object:
    """Numbers of a file as they are spelled there: what is chosen from are texts."""
    if isinstance(default, (list, tuple)):
        return [_as_written(item) for item in default]
    return getattr(default, "spelling", default)


def _options(data: object, place: str, faults: list[Fault]) -> tuple[str, ...]:
    if not isinstance(data, (list, tuple)):
        faults.append(Fault(place, f"must be a list of answers, not {short(data)}"))
        return ()
    found: dict[str, None] = {}
    for index, item in enumerate(data):
        try:
            found[seen(title(item)) or text(item)] = None
        except ValueError as error:
            faults.append(Fault(under(place, index), str(error)))
    return tuple(found)


def read_questions(
    data: object, place: str, faults: list[Fault], *, group: str = ""
) -> tuple[Question, ...]:
    """Questions from a list of mappings or texts, or from ``{group: [questions]}``."""
    if isinstance(data, Mapping) and "ask" not in data:
        grouped: list[Question] = []
        for key, items in data.items():
            here = under(place, str(key))
            grouped.extend(read_questions(items, here, faults, group=clean(str(key))))
        return tuple(grouped)
    if isinstance(data, (str, Mapping, Question)):
        data = [data]
    if not isinstance(data, (list, tuple)):
        faults.append(Fault(place, f"must be a list of questions, not {short(data)}"))
        return ()
    items = [{"ask": item} if isinstance(item, str) else item for item in data]
    if group:
        items = [_grouped(item, group) for item in items]
    return build_list(Question, items, place, faults)


def _grouped(item: object, group: str) -> object:
    if isinstance(item, Question) and not item.group:
        return item.model_copy(update={"group": group})
    return {"group": group, **item} if isinstance(item, Mapping) else item


def plan_questions(data: object, faults: list[Fault]) -> tuple[Question, ...]:
    """A plan's questions; ``project``, alone or in the list, stands for the ready set."""
    if data == PROJECT:
        data = [PROJECT]
    if isinstance(data, (list, tuple)) and PROJECT in data:
        from .project import project

        data = [one for item in data for one in (project() if item == PROJECT else [item])]
    questions = read_questions(data, "questions", faults)
    _check(questions, faults)
    return questions


def before_the_run(timeout: float | str | None = None) -> Decision:
    """The one decision that asks all questions: answering them starts the run.

    Args:
        timeout: Its clock, if the plan's table of timeouts has one for it.
    """
    return Decision(
        id=FORM,
        title="Before the run",
        kind="critical",
        options={"A": "Start"},
        recommend="A",
        other=False,
        timeout=timeout,
    )


def will_ask(plan: Plan, known: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Id -> what a run of the plan would ask before it starts, each in one line.

    Args:
        plan: The plan.
        known: Id -> value of what is answered already.
    """
    if not is_asked(before_the_run(), mode=plan.mode):
        return {}
    asked = flat(plan.questions)
    usd = plan.budget.usd if plan.budget else None
    own = {"level": plan.level, "timeline": plan.timeline, "budget": usd}
    return described(left_to_ask(asked, known or {}), defaults(asked, own))


def _check(questions: tuple[Question, ...], faults: list[Fault]) -> None:
    """Each id once, each setting once."""
    ids: dict[str, tuple[str, Question]] = {}
    setting: dict[str, str] = {}
    for asked in flat(questions):
        question, place = asked.question, asked.place
        where, first = ids.setdefault(fold(question.id), (place, question))
        if where != place:
            if question.ask == question.id and first.ask == first.id:
                message = f"asks the same as {where}; give one of them its own id"
                faults.append(Fault(place, message))
            else:
                message = f"{short(question.id)} is already the id of {where}; change one"
                faults.append(Fault(under(place, "id"), message))
        if question.sets is not None:
            where = setting.setdefault(question.sets, place)
            if where != place:
                message = f"{where} sets the {question.sets} already; keep one of them"
                faults.append(Fault(under(place, "sets"), message))
