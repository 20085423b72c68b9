"""What stands in a phase: tasks and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, SkipValidation

from ..errors import Fault
from .durations import parse_duration
from .each import ForEach
from .fields import (
    Count,
    Duration,
    Flag,
    Level15,
    Name,
    Names,
    Text,
    Title,
    Value,
    When,
    build,
    one_of,
)
from .parts import Budget, Option, read_options
from .text import clean, fold, short, slug

__all__ = ["Decision", "DecisionKind", "Entry", "Role", "Task", "When"]

Role: TypeAlias = Literal["testing", "documentation", "security", "compliance"]
DecisionKind: TypeAlias = Literal["critical", "standard", "confirmation", "urgent"]


class _Entry(Value):
    """What tasks and decisions share."""

    def faults(self) -> list[Fault]:
        """A level range that is empty."""
        low: int | None = getattr(self, "min_level", None)
        high: int | None = getattr(self, "max_level", None)
        if low is not None and high is not None and low > high:
            return [Fault("min_level", f"{low} is above max_level {high}; no level runs this")]
        return []


class Task(_Entry):
    """Work for one agent.

    Attributes:
        agent: Who does it.
        id: What others call it; the agent's name if absent.
        task: What is to be done; ``{{input}}`` is filled in.
        estimate: Expected seconds.
        depends_on: Ids or phases it waits for. ``None``: the whole phase before. ``()``: nothing.
        when: Decision id -> the options under which it runs.
        role: What kind of work it is; decides from which level on it runs.
        min_level: Lowest level it runs at; overrides the role's.
        max_level: Highest level it runs at.
        timeout: Seconds of own work after which an attempt is given up.
        retries: How often a failed attempt is repeated; the worker's own figure if absent.
        review: Whether a person looks at the result before others use it.
        budget: Caps on what all its attempts use.
        for_each: ``{from: id, as: name}``: it is done once per item of that task's result.
    """

    KIND: ClassVar[str] = "a task"
    EXAMPLE: ClassVar[str] = "{agent: backend-expert, task: API development}"

    agent: Name
    id: Name = ""
    task: Text = ""
    estimate: Duration | None = None
    depends_on: Names | None = None
    when: When = Field(default_factory=dict)
    role: Annotated[Role, one_of(Role)] | None = None
    min_level: Level15 | None = None
    max_level: Level15 | None = None
    timeout: Duration | None = None
    retries: Count | None = None
    review: Flag = False
    budget: SkipValidation[Budget | None] = None
    for_each: SkipValidation[ForEach | None] = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            agent: str,
            id: str | None = None,
            task: str = "",
            estimate: float | str | None = None,
            depends_on: object = None,
            when: Mapping[str, object] | None = None,
            role: Role | None = None,
            min_level: int | None = None,
            max_level: int | None = None,
            timeout: float | str | None = None,
            retries: int | None = None,
            review: bool = False,
            budget: Budget | Mapping[str, object] | None = None,
            for_each: ForEach | Mapping[str, object] | None = None,
        ) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """The id is the agent's name unless there is one; the parts are made."""
        if "for_each" in data:
            data = {**data, "for_each": build(ForEach, data["for_each"], "for_each", faults)}
        if "budget" in data:
            data = {**data, "budget": build(Budget, data["budget"], "budget", faults)}
        if "id" not in data and isinstance(data.get("agent"), str):
            return {**data, "id": data["agent"].strip() or "task"}
        return data

    def faults(self) -> list[Fault]:
        """Also a timeout of nothing."""
        found = super().faults()
        if self.timeout is not None and self.timeout <= 0:
            found.append(Fault("timeout", "must be more than 0 seconds"))
        return found

    def __repr__(self) -> str:
        called = f", id={self.id!r}" if self.id != self.agent else ""
        return f"Task({self.agent!r}{called}, {short(self.task)})"

    __str__ = __repr__


def _clock(value: object) -> float | str:
    if isinstance(value, str) and fold(value) == "none":
        return "none"
    seconds = parse_duration(value)
    if seconds < 1:
        raise ValueError("must be at least 1 second, or none to switch the timer off")
    return seconds


Clock = Annotated[float | Literal["none"], BeforeValidator(_clock)]


class Decision(_Entry):
    """A choice a person can make while the run goes on.

    Attributes:
        title: What is decided; YAML's ``decision`` key.
        id: What others call it; a slug of the title if absent.
        category: Such as ``database``; some have their own timeout.
        kind: How weighty it is; decides the timeout.
        context: What one needs to know.
        options: What can be chosen, in order.
        recommend: Key of the recommended option, which is taken when time runs out.
        because: Why it is recommended.
        depends_on: As for a task.
        when: As for a task.
        timeout: Seconds that stand as they are, or ``none`` for no timer.
        ask: ``always`` asks in every mode.
        other: Whether free text may be answered instead.
        min_level: Lowest level it is asked at.
        max_level: Highest level it is asked at.
    """

    KIND: ClassVar[str] = "a decision"
    EXAMPLE: ClassVar[str] = "{decision: Database, options: {A: PostgreSQL, B: Cassandra}}"
    ALIASES: ClassVar[Mapping[str, str]] = {"decision": "title"}

    title: Title
    id: Name = ""
    category: Name | None = None
    kind: Annotated[DecisionKind, one_of(DecisionKind)] = "standard"
    context: Text = ""
    options: SkipValidation[tuple[Option, ...]]
    recommend: Name | None = None
    because: Text = ""
    depends_on: Names | None = None
    when: When = Field(default_factory=dict)
    timeout: Clock | None = None
    ask: Annotated[Literal["always"], one_of(Literal["always"])] | None = None
    other: Flag = True
    min_level: Level15 | None = None
    max_level: Level15 | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            title: str,
            options: object,
            id: str | None = None,
            category: str | None = None,
            kind: DecisionKind = "standard",
            context: str = "",
            recommend: str | None = None,
            because: str = "",
            depends_on: object = None,
            when: Mapping[str, object] | None = None,
            timeout: float | str | None = None,
            ask: Literal["always"] | None = None,
            other: bool = True,
            min_level: int | None = None,
            max_level: int | None = None,
        ) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Read ``decision``, the options' forms, the id and the recommendation's letter."""
        data = dict(data)
        if "decision" in data:
            if "title" in data:
                faults.append(Fault("title", "says the same as 'decision'; keep one of them"))
            data["title"] = data.pop("decision")
        if "for_each" in data:
            del data["for_each"]
            faults.append(Fault("for_each", "is for tasks; a decision is made once"))
        if "id" not in data and isinstance(data.get("title"), str):
            data["id"] = slug(data["title"])
        if "options" in data:
            options = read_options(data["options"], "options", faults)
            data["options"] = options
            data["recommend"] = _recommended(data.get("recommend"), options, faults)
        return data

    def option(self, key: str) -> Option | None:
        """The option of that key, whatever its case."""
        folded = fold(key)
        return next((item for item in self.options if fold(item.key) == folded), None)

    def __repr__(self) -> str:
        keys = ", ".join(item.key for item in self.options[:10])
        return f"Decision({short(self.title)}, id={short(self.id)}, options: {keys})"

    __str__ = __repr__


def _recommended(value: object, options: tuple[Option, ...], faults: list[Fault]) -> object:
    """The key as its option spells it; a fault if there is none like it."""
    spelled = getattr(value, "spelling", value)
    if not isinstance(spelled, str):
        return value
    for option in options:
        if fold(spelled) == fold(option.key):
            return option.key
    if options:
        known = ", ".join(option.key for option in options)
        message = f"{short(clean(spelled))} is not an option; there are {known}"
        faults.append(Fault("recommend", message))
    return None


Entry: TypeAlias = Task | Decision
