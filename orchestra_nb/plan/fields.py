"""What the fields of a plan accept, and the base of its values.

A value is built level by level: each class makes its children first and collects their faults with
their places, so that one error can name everything that is wrong. pydantic keeps the types, the
freezing and the comparing; its ValidationError never leaves this module.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from ..errors import Fault, PlanError
from .durations import parse_duration
from .text import clean, did_you_mean, short, under

__all__ = [
    "Amount",
    "Count",
    "Duration",
    "Flag",
    "Level15",
    "Name",
    "Names",
    "Positive",
    "Text",
    "Title",
    "Value",
    "When",
    "build",
    "build_list",
    "build_mapping",
    "one_of",
]

_LONGEST_NAME = 200
_BIGGEST = 2**53
_INDEX = re.compile(r"\[(\d+)\]")


class Misplaced(ValueError):
    """A fault deeper inside one field's value; ``where`` is the rest of its place."""

    def __init__(self, where: str, message: str):
        self.where = where
        super().__init__(message)


def text(value: object) -> str:
    """Text as it is, but encodable; numbers only where a file still knows their spelling."""
    if isinstance(value, str):
        return clean(str(value))
    spelling = getattr(value, "spelling", None)
    if isinstance(spelling, str):
        return spelling
    hint = "; put it in quotes" if isinstance(value, (bool, int, float)) else ""
    raise ValueError(f"must be text, not {short(value)}{hint}")


def title(value: object) -> str:
    """Text that says something."""
    words = text(value)
    if not words.strip():
        raise ValueError("must not be empty")
    return words


def name(value: object) -> str:
    """A name that others refer to: stripped, not empty, of a bearable length."""
    words = title(value).strip()
    if len(words) > _LONGEST_NAME:
        raise ValueError(
            f"is too long ({len(words):,} characters); a name has at most {_LONGEST_NAME}"
        )
    return words


def names(value: object) -> tuple[str, ...]:
    """One name or a list of them, each once."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"must be a name or a list of names, not {short(value)}")
    found: dict[str, None] = {}
    for index, item in enumerate(value):
        try:
            found[name(item)] = None
        except ValueError as error:
            raise Misplaced(f"[{index}]", str(error)) from None
    return tuple(found)


def when(value: object) -> dict[str, tuple[str, ...]]:
    """Decision id -> the options under which the task runs."""
    if not isinstance(value, Mapping):
        raise ValueError(
            f"must be a mapping such as {{database-technology: [A, B]}}, not {short(value)}"
        )
    found = {}
    for key, options in value.items():
        try:
            decision = name(key)
            found[decision] = names(options)
        except ValueError as error:
            where = under("x", str(key)).removeprefix("x") + getattr(error, "where", "")
            raise Misplaced(where, str(error)) from None
        if not found[decision]:
            raise Misplaced(under("x", decision)[1:], "names no option; write one, such as A")
    return found


def flag(value: object) -> bool:
    """``true`` or ``false`` and nothing else."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {short(value)}")
    return value


def _whole(low: int, high: int, words: str) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number {words}, not {short(value)}")
        return int(value)

    return check


def amount(value: object) -> float:
    """A finite number above zero."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value <= 0
    ):
        raise ValueError(f"must be a number above 0, not {short(value)}")
    return float(value)


def one_of(literal: Any) -> BeforeValidator:
    """A validator for one of a Literal's words."""
    allowed = get_args(literal)

    def check(value: object) -> object:
        if not isinstance(value, str) or value not in allowed:
            guess = did_you_mean(value, allowed) if isinstance(value, str) else ""
            raise ValueError(f"must be {_listed(allowed)}, not {short(value)}{guess}")
        return value

    return BeforeValidator(check)


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


Text = Annotated[str, BeforeValidator(text)]
Title = Annotated[str, BeforeValidator(title)]
Name = Annotated[str, BeforeValidator(name)]
Names = Annotated[tuple[str, ...], BeforeValidator(names)]
When = Annotated[dict[str, tuple[str, ...]], BeforeValidator(when)]
Flag = Annotated[bool, BeforeValidator(flag)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
Amount = Annotated[float, BeforeValidator(amount)]
Level15 = Annotated[int, BeforeValidator(_whole(1, 5, "from 1 to 5"))]
Count = Annotated[int, BeforeValidator(_whole(0, _BIGGEST, "from 0 on"))]
Positive = Annotated[int, BeforeValidator(_whole(1, _BIGGEST, "from 1 on"))]


class Value(BaseModel):
    """Base of everything a plan is made of: frozen, no unknown keys, PlanError only."""

    # defer_build: a schema is made when the first plan is, not when the package is imported.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    KIND: ClassVar[str] = "value"
    EXAMPLE: ClassVar[str] = "{...}"
    ALIASES: ClassVar[Mapping[str, str]] = {}
    """Keys that files may use -> the field they stand for."""

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Turn friendly forms into fields and children into values."""
        return data

    def faults(self) -> list[Fault]:
        """What is wrong with the value as a whole, every field being right."""
        return []

    @model_validator(mode="wrap")
    @classmethod
    def _build(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise PlanError(
                [Fault("", f"must be a mapping such as {cls.EXAMPLE}, not {short(data)}")]
            )
        # A key with nothing after it is a key not given.
        given = {str(key): value for key, value in data.items() if value is not None}
        found: list[Fault] = []
        prepared = cls.prepare(given, found)
        try:
            made = handler(prepared)
        except ValidationError as error:
            found.extend(_translated(cls, error, given))
        else:
            found.extend(made.faults())
        if found:
            raise PlanError(sorted(found, key=_position))
        return made


def _position(fault: Fault) -> tuple[bool, list[int]]:
    """Plain fields first, then lists in their order."""
    at = [int(index) for index in _INDEX.findall(fault.place)]
    return fault.place.startswith(("phases", "tasks")), at


def _translated(cls: type[Value], error: ValidationError, given: Mapping[str, Any]) -> list[Fault]:
    faults = []
    written = {field: alias for alias, field in cls.ALIASES.items() if alias in given}
    for item in error.errors(include_url=False, include_input=False):
        key = str(item["loc"][0]) if item["loc"] else ""
        place = under("", written.get(key, key)) if key else ""
        cause = item.get("ctx", {}).get("error")
        if item["type"] == "extra_forbidden":
            known = [*cls.model_fields, *cls.ALIASES]
            place = under("", clean(key))
            faults.append(Fault(place, f"unknown key of {cls.KIND}{did_you_mean(key, known)}"))
        elif item["type"] == "missing":
            faults.append(Fault(place, f"is missing; {cls.KIND} looks like {cls.EXAMPLE}"))
        elif isinstance(cause, ValueError):
            faults.append(Fault(place + getattr(cause, "where", ""), str(cause)))
        else:
            faults.append(Fault(place, item["msg"]))
    return faults


V = TypeVar("V", bound=Value)


def build(cls: type[V], data: object, place: str, faults: list[Fault]) -> V | None:
    """Make one child; its faults are added with their full places and ``None`` comes back."""
    try:
        return cls.model_validate(data)
    except PlanError as error:
        faults.extend(Fault(joined(place, fault.place), fault.message) for fault in error.faults)
        return None


def joined(place: str, inner: str) -> str:
    """A child's place seen from its parent."""
    return place + inner if not inner or inner.startswith("[") else f"{place}.{inner}"


def build_list(cls: type[V], data: object, place: str, faults: list[Fault]) -> tuple[V, ...]:
    """Make children from a list; the faulty ones are left out."""
    if not isinstance(data, (list, tuple)):
        faults.append(Fault(place, f"must be a list, not {short(data)}"))
        return ()
    made = [build(cls, item, under(place, index), faults) for index, item in enumerate(data)]
    return tuple(item for item in made if item is not None)


def build_mapping(cls: type[V], data: object, place: str, faults: list[Fault]) -> dict[str, V]:
    """Make children from a mapping of names; the faulty ones are left out."""
    if not isinstance(data, Mapping):
        faults.append(Fault(place, f"must be a mapping of names, not {short(data)}"))
        return {}
    found: dict[str, V] = {}
    for key, item in data.items():
        here = under(place, str(key))
        try:
            called = name(key)
        except ValueError as error:
            faults.append(Fault(here, str(error)))
            continue
        made = build(cls, {} if item is None else item, here, faults)
        if made is not None:
            found[called] = made
    return found
