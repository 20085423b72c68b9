"""``for_each``: one task per item of a result. What it says, and what counts as a list of items."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator

from ..errors import Fault
from .fields import Name, Positive, Value, name
from .text import short

__all__ = [
    "MOST_ITEMS",
    "ForEach",
    "as_text",
    "fill_item",
    "hash_of",
    "item_ids",
    "items_of",
    "rehearsed",
]

MOST_ITEMS = 1_000
"""A list of more items makes no tasks."""
LONGEST_TEXT = 20_000
"""Characters of a task's text with its item filled in."""
_USUAL = 3
_CALLED = re.compile(r"[^\W\d][\w-]*")
_FIELD = re.compile(r"\{\{\s*([^\W\d][\w-]*)\s*(?:\.\s*([^\W\d][\w-]*)\s*)?\}\}")
_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_BULLET = re.compile(r"(\s*)(?:[-*+•]|\d{1,4}[.)])\s+(\S.*)")


def _called(value: object) -> str:
    words = name(value)
    if not _CALLED.fullmatch(words):
        raise ValueError(
            f"must be a name such as module, of letters, digits, - and _, not {short(words)}"
        )
    if words == "context":
        raise ValueError("'context' is what agents are given; choose another name")
    return words


class ForEach(Value):
    """That a task stands for many: one per item of another's result.

    Attributes:
        source: Id of the task whose result is the list; ``from`` in a file.
        name: What an item is called: ``{{module}}`` in the task's text stands for it; ``as`` in a
            file.
        expect: How many items are likely, for rehearsals; 3 if absent.
    """

    KIND: ClassVar[str] = "for_each"
    EXAMPLE: ClassVar[str] = "{from: structure, as: module}"
    ALIASES: ClassVar[Mapping[str, str]] = {"from": "source", "as": "name"}

    source: Name
    name: Annotated[str, BeforeValidator(_called)]
    expect: Positive | None = None

    if TYPE_CHECKING:

        def __init__(self, *, source: str, name: str, expect: int | None = None) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Read ``from`` and ``as``, which are no names in Python."""
        made = {cls.ALIASES.get(key, key): value for key, value in data.items()}
        for key, field in cls.ALIASES.items():
            if field not in made:
                faults.append(Fault(key, f"is missing; for_each looks like {cls.EXAMPLE}"))
                made[field] = "?" if field == "source" else "item"
        return made

    def faults(self) -> list[Fault]:
        """More items than there may be."""
        if self.expect is not None and self.expect > MOST_ITEMS:
            return [Fault("expect", f"must be at most {MOST_ITEMS:,}, not {self.expect:,}")]
        return []

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a file."""
        made: dict[str, Any] = {"from": self.source, "as": self.name}
        return made if self.expect is None else {**made, "expect": self.expect}

    def __str__(self) -> str:
        return f"one task per item of {self.source}'s result"

    def __repr__(self) -> str:
        return f"<ForEach: {self}>"


def item_ids(template: str) -> re.Pattern[str]:
    """What the ids of a template's tasks look like, case folded."""
    return re.compile(re.escape(template) + r"-[1-9]\d{0,3}")


def rehearsed(each: ForEach) -> list[str]:
    """Items that stand for those of a result that nobody made."""
    return [f"{each.name} {number}" for number in range(1, (each.expect or _USUAL) + 1)]


def items_of(value: object) -> list[Any]:
    """The items that a result lists.

    Args:
        value: A list or tuple; a mapping or model with one list in it; a mapping without lists,
            whose entries are ``{"key", "value"}``; text that is JSON of a list, or a Markdown list.

    Raises:
        ValueError: If it is no list, or too long; says what came and what is needed.
    """
    found = _items(value)
    if found is None:
        raise ValueError(f"is {_what(value)}, and for_each needs a list")
    if len(found) > MOST_ITEMS:
        raise ValueError(f"has {len(found):,} items; for_each makes at most {MOST_ITEMS:,} tasks")
    return found


def _items(value: object) -> list[Any] | None:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, BaseModel):
        return _only_list({key: getattr(value, key) for key in type(value).model_fields})
    if isinstance(value, Mapping):
        if not any(isinstance(each, (list, tuple)) for each in value.values()):
            return [{"key": key, "value": each} for key, each in value.items()]
        return _only_list(value)
    return None


def _only_list(fields: Mapping[Any, Any]) -> list[Any] | None:
    lists = [each for each in fields.values() if isinstance(each, (list, tuple))]
    if len(lists) > 1:
        raise ValueError(
            f"has {len(lists)} lists in it, and for_each needs one; return the one that is meant"
        )
    return list(lists[0]) if lists else None


def _of_text(text: str) -> list[Any] | None:
    """A model's answer is text: JSON, fenced or not, or a list with one item a line."""
    fenced = _FENCED.findall(text)
    for words in (text, *(fenced if len(fenced) == 1 else ())):
        if words.strip()[:1] in ("[", "{"):
            try:
                read = json.loads(words)
            except (ValueError, RecursionError):
                continue
            return read if isinstance(read, list) else _only_list(read)
    return _of_lines(fenced[0] if len(fenced) == 1 else text)


def _of_lines(text: str) -> list[Any] | None:
    """The one list in a text: words may stand before and after it, none in between."""
    found: list[str] = []
    indent = ""
    over = False
    for line in text.splitlines():
        bullet = _BULLET.fullmatch(line)
        if not line.strip():
            continue
        if bullet and (not found or len(bullet[1]) <= len(indent)):
            if over:
                return None
            indent = bullet[1]
            found.append(bullet[2].strip())
        elif found and len(line) - len(line.lstrip()) > len(indent):
            found[-1] += f"\n{line.strip()}"  # more about the item above
        else:
            over = bool(found)
    return list(found) or None


def _what(value: object) -> str:
    if value is None:
        return "nothing (None)"
    if isinstance(value, str):
        return f"the text {short(value)}"
    return f"of type {type(value).__name__}"


def as_text(item: object) -> str:
    """An item as words in a task's text."""
    if isinstance(item, str):
        return item
    plain = _plain(item)
    try:
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(item)


def fill_item(text: str, each: ForEach, item: object, *, simulated: bool = False) -> str:
    """A template's text for one item; where the text does not name the item, it stands at the end.

    Args:
        text: The template's.
        each: What it calls an item.
        item: The item.
        simulated: Whether it stands for one that nobody made, for any of its fields too.

    Raises:
        ValueError: If the text names a field that the item has not, or becomes too long.
    """
    named = False

    def words(match: re.Match[str]) -> str:
        nonlocal named
        if match[1] != each.name:
            return match[0]
        named = True
        whole = match[2] is None or simulated
        return as_text(item if whole else _field(item, match[2], match[0]))

    filled = _FIELD.sub(words, text)
    if not named:
        filled = f"{text}: {as_text(item)}" if text else as_text(item)
    if len(filled) > LONGEST_TEXT:
        raise ValueError(
            f"makes a text of {len(filled):,} characters; let items be names or paths, "
            f"{LONGEST_TEXT:,} characters at most"
        )
    return filled


def _field(item: object, key: str, written: str) -> object:
    if isinstance(item, Mapping) and key in item:
        found: object = item[key]
        return found
    if isinstance(item, BaseModel) and key in type(item).model_fields:
        return getattr(item, key)
    raise ValueError(f"has no field {short(key)}, which the task's text names: {written}")


def hash_of(item: object) -> str:
    """A short hash of an item's JSON; empty where it has none."""
    try:
        words = json.dumps(_plain(item), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return ""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _plain(item: object) -> object:
    return item.model_dump(mode="json") if isinstance(item, BaseModel) else item
