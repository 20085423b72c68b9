"""What a person or a program may say to a run.

One door: the board, the terminal and Python all send these, and the same JSON travels in each case.
What comes of a command is an event like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from .errors import CommandError
from .plan.parts import plain
from .plan.text import short

__all__ = [
    "Answer",
    "Autopilot",
    "Command",
    "Draft",
    "Edit",
    "Extend",
    "Hold",
    "Level",
    "Note",
    "Pause",
    "Rate",
    "Reply",
    "Retry",
    "Shown",
    "Skip",
    "Source",
    "Stop",
    "Touch",
    "Unpause",
    "from_json",
    "to_json",
]

Source: TypeAlias = Literal["board", "python", "cli", "remote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What all commands share: who says it and through which door."""

    client: str = ""
    source: Source = "python"
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(_Said):
    """Choose an option.

    Attributes:
        text: The free text of "Other…".
        note: A sentence for the agents; for one that is sent back, what to do better.
        values: What was filled in or edited: a form's answers by question id, a tool's arguments
            by name, ``{"result": ...}`` of a review.
    """

    kind: ClassVar[str] = "answer"
    decision: str
    option: str
    text: str | None = None
    note: str | None = None
    values: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(_Said):
    """What a form holds so far, not yet sent: it counts when the form's time runs out."""

    kind: ClassVar[str] = "draft"
    decision: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(_Said):
    """Wait for me: no timeout for this decision, or its end."""

    kind: ClassVar[str] = "hold"
    decision: str
    on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(_Said):
    """Add seconds to a decision's clock."""

    kind: ClassVar[str] = "extend"
    decision: str
    seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch(_Said):
    """Somebody is at the card: a key was pressed, or focus and pointer are there."""

    kind: ClassVar[str] = "touch"
    decision: str
    typing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(_Said):
    """A card was visible for so many seconds more."""

    kind: ClassVar[str] = "shown"
    decision: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Autopilot(_Said):
    """Take recommendations at once from now on, for the run or one decision."""

    kind: ClassVar[str] = "autopilot"
    on: bool
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(_Said):
    """A sentence for every agent that has not started yet."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip(_Said):
    """Leave out a task that has not started; what waits for it goes on without its result."""

    kind: ClassVar[str] = "skip"
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(_Said):
    """Try a task again that failed or was skipped by hand, or whose next try is still to come."""

    kind: ClassVar[str] = "retry"
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(_Said):
    """Another text for a task that has not started."""

    kind: ClassVar[str] = "edit"
    task: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(_Said):
    """A thumb for a task's result, up or down."""

    kind: ClassVar[str] = "rate"
    task: str
    good: bool
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(_Said):
    """Another project level for what has not started."""

    kind: ClassVar[str] = "level"
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(_Said):
    """Nothing new starts; decision clocks stand still."""

    kind: ClassVar[str] = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpause(_Said):
    """Go on after a pause."""

    kind: ClassVar[str] = "unpause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(_Said):
    """End the run within two seconds."""

    kind: ClassVar[str] = "stop"


Command: TypeAlias = (
    Answer
    | Draft
    | Hold
    | Extend
    | Touch
    | Shown
    | Autopilot
    | Note
    | Skip
    | Retry
    | Edit
    | Rate
    | Level
    | Pause
    | Unpause
    | Stop
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a command.

    Attributes:
        ok: Whether it was carried out.
        text: A sentence for whoever sent it; may be empty when it was.
        faults: Field -> what is wrong with it, for a form or arguments that did not fit.
        late: Refused only because it came too late.
    """

    ok: bool
    text: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    late: bool = False


TEXT_MAX = 10_000
"""More than a person types; a longer text is refused, not cut."""
VALUES_MAX = 200_000
"""The same for what a form, arguments or an edited result hold together."""
_KINDS: dict[str, Any] = {cls.kind: cls for cls in get_args(Command)}
_NEEDS = {
    "str": "text",
    "bool": "True or False",
    "float": "a number",
    "int": "a whole number",
    "dict[str, Any]": "a mapping of names to values",
    "Source": "text",
}
_OWN_NEEDS = {
    ("level", "level"): "a whole number from 1 to 5",
    ("answer", "option"): "the key of an option, such as 'A'",
    ("extend", "seconds"): "a number of seconds, or a duration such as '5m'",
    ("rate", "good"): "True (thumb up) or False (thumb down)",
}
_CHECKS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
    "float": (int, float),
    "int": (int,),
    "dict[str, Any]": (dict,),
    "dict[str, Any] | None": (dict, type(None)),
    "Source": (str,),
}


def _misfit(kind: str, name: str, type_: str, value: object) -> str:
    """What is needed in a field, in people's words."""
    needed = _OWN_NEEDS.get((kind, name)) or _NEEDS[type_.removesuffix(" | None")]
    said = f"{kind}: {name} must be {needed}, not {short(value)}"
    if (kind, name) == ("answer", "option") and isinstance(value, dict):
        said += "; what is filled in goes into values="
    return said


def to_json(command: Command) -> dict[str, Any]:
    """The command as a JSON-able mapping; its ``command`` key names the kind."""
    return {"command": command.kind} | asdict(command)


def from_json(message: Any, *, source: Source | None = None) -> Command:
    """The command a foreign program sent.

    Args:
        message: A mapping with ``command`` and the command's fields.
        source: The door it came through; wins over what the message says.

    Raises:
        CommandError: If it is not one of ours; says what was wrong.
    """
    if not isinstance(message, dict):
        raise CommandError(f"A command is a mapping, not {type(message).__name__}")
    kind = message.get("command")
    cls = _KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise CommandError(f"Unknown command {short(kind)}; known: {', '.join(_KINDS)}")
    values: dict[str, Any] = {}
    for item in fields(cls):
        if item.name not in message:
            continue
        value = message[item.name]
        allowed = _CHECKS[str(item.type)]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise CommandError(_misfit(cls.kind, item.name, str(item.type), value))
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise CommandError(f"{cls.kind}.{item.name} is longer than {TEXT_MAX:,} characters")
        try:
            values[item.name] = plain(value)
        except ValueError as error:
            raise CommandError(f"{cls.kind}.{item.name}: a value {error}") from None
        if isinstance(value, dict) and len(repr(values[item.name])) > VALUES_MAX:
            raise CommandError(f"{cls.kind}.{item.name} is longer than {VALUES_MAX:,} characters")
    if source is not None:
        values["source"] = source
    elif values.get("source", "python") not in get_args(Source):
        raise CommandError(f"{cls.kind}.source can't be {short(values['source'])}")
    absent = [item.name for item in fields(cls) if item.default is MISSING]
    if missing := [name for name in absent if name not in values]:
        raise CommandError(f"{cls.kind} needs {' and '.join(missing)}")
    return cls(**values)  # type: ignore[no-any-return]
