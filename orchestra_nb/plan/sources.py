"""Reading YAML and JSON into plain values, with the lines where they stand.

YAML 1.1 has surprises that this reader leaves out: only ``true`` and ``false`` are booleans;
``yes``, ``no``, ``on``, ``1:30``, ``012`` and dates stay text; keys are text; a key twice is a
fault.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

from ..errors import Fault, PlanError
from .text import clean, short, under

if TYPE_CHECKING:
    import yaml

__all__ = ["Lines", "Source", "read_json", "read_yaml"]

Lines: TypeAlias = Callable[[str], int | None]


class Source(NamedTuple):
    """What a text says.

    Attributes:
        values: Mappings, lists, texts and numbers.
        line: From a place to the line it stands in.
        faults: What is wrong with the text although it can be read.
    """

    values: Any
    line: Lines
    faults: Sequence[Fault] = ()


_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,4000})")
_FLOAT = re.compile(
    r"[-+]?(?:0|[1-9][0-9_]{0,300})\.[0-9]{0,300}(?:[eE][-+][0-9]{1,4})?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_WORDS: Mapping[str, bool | None] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
_LEAST_ALLOWED = 100_000
_DEEPEST = 100
_TOO_DEEP = "is nested too deeply to be a plan"
_OPEN = (0, 0)
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['(.*?)'\]")


class _Int(int):
    """A whole number that still knows how it was written."""

    spelling: str


class _Float(float):
    """A number that still knows how it was written."""

    spelling: str


def read_yaml(text: str) -> Source:
    """Read YAML.

    Raises:
        PlanError: If it can't be read, or its anchors repeat each other without end.
    """
    reader = _Yaml(_compose(clean(text)))
    return Source(reader.values(), reader.line, reader.faults)


def _compose(text: str) -> Any:
    import yaml

    # libyaml is much faster; PyYAML's own parser takes a little more and says better what is wrong.
    for loader in (getattr(yaml, "CSafeLoader", None), yaml.SafeLoader):
        try:
            if loader is not None:
                _limit_depth(yaml.parse(text, Loader=loader))
                return yaml.compose(text, Loader=loader)
        except (yaml.YAMLError, ValueError) as error:
            if loader is yaml.SafeLoader:
                _refuse(error)
    return None


def _limit_depth(events: Iterator[Any]) -> None:
    """Refuse what would exhaust the stack: libyaml's composer crashes the process then."""
    depth = 0
    for event in events:
        name = type(event).__name__
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
            if depth > _DEEPEST:
                line = event.start_mark.line + 1
                raise PlanError([Fault("", _TOO_DEEP, line)])
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1


def _refuse(error: Exception) -> NoReturn:
    mark: yaml.Mark | None = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    words = f"{what} ({context})" if context else str(what)
    if mark is None:
        raise PlanError([Fault("", f"can't be read as YAML: {clean(words)}")]) from None
    message = f"can't be read as YAML, column {mark.column + 1}: {clean(words)}"
    if "\\t" in words:
        message += "; indent with spaces"
    raise PlanError([Fault("", message, mark.line + 1)]) from None


class _Yaml:
    """One document's nodes, made into values."""

    def __init__(self, root: Any):
        self._root = root
        self._made: dict[int, Any] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self.faults: list[Fault] = []

    def values(self) -> Any:
        if self._root is None:
            return None
        # Anchors share nodes: a small file can stand for a huge plan, or for itself.
        size, _ = self._size(self._root)
        if size > _LEAST_ALLOWED and size > 20 * len(self._sizes):
            message = f"its anchors (&, *) repeat it to {size:,} values; write them out"
            raise PlanError([Fault("", message)])
        return self._value(self._root, "")

    def line(self, place: str) -> int | None:
        """The line of the deepest part of the place that is there."""
        node = self._root
        found: int | None = None if node is None else node.start_mark.line + 1
        for step in _steps(place):
            inner = next((mark for key, mark in _children(node) if key == step), None)
            if inner is None:
                break
            key_node, node = inner
            found = int(key_node.start_mark.line) + 1
        return found

    def _size(self, node: Any) -> tuple[int, int]:
        """How many values it stands for, and how deep they go; aliases count each time."""
        known = self._sizes.get(id(node))
        if known is not None:
            if known == _OPEN:
                raise PlanError(
                    [Fault("", "an anchor (&) contains itself (*)", node.start_mark.line + 1)]
                )
            return known
        self._sizes[id(node)] = _OPEN
        size, depth = 1, 0
        for _, (_, inner) in _children(node):
            more, below = self._size(inner)
            size, depth = size + more, max(depth, below + 1)
        if depth > _DEEPEST:
            raise PlanError([Fault("", _TOO_DEEP, node.start_mark.line + 1)])
        self._sizes[id(node)] = size, depth
        return size, depth

    def _value(self, node: Any, place: str) -> Any:
        if id(node) in self._made:
            return self._made[id(node)]
        made: Any
        if node.id == "scalar":
            made = _scalar(node)
        elif node.id == "sequence":
            made = [self._value(item, under(place, i)) for i, item in enumerate(node.value)]
        else:
            made = self._mapping(node, place)
        self._made[id(node)] = made
        return made

    def _mapping(self, node: Any, place: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.id != "scalar":
                self.faults.append(Fault(place, "a key must be text", line))
                continue
            key = clean(key_node.value)
            here = under(place, key)
            if key in made:
                message = f"is there twice (first in line {lines[key]}); keep one"
                self.faults.append(Fault(here, message, line))
            elif key == "<<" and not key_node.style:
                message = "merge keys are not read; write the keys out"
                self.faults.append(Fault(place, message, line))
            else:
                made[key], lines[key] = self._value(value_node, here), line
        return made


def _children(node: Any) -> Iterator[tuple[str | int, tuple[Any, Any]]]:
    """(step, (node with the line, inner node)) for what is inside a node."""
    if node is None or node.id == "scalar":
        return
    if node.id == "sequence":
        for index, item in enumerate(node.value):
            yield index, (item, item)
        return
    for key_node, value_node in node.value:
        key = clean(key_node.value) if key_node.id == "scalar" else ""
        yield key, (key_node, value_node)


def _steps(place: str) -> Iterator[str | int]:
    for match in _STEP.finditer(place):
        yield int(match[2]) if match[2] else match[1] or match[3]


def _scalar(node: Any) -> Any:
    text = clean(node.value)
    # Quoted, block and tagged scalars are text.
    if node.style or node.tag.startswith("!"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    number: _Int | _Float
    if _INT.fullmatch(text):
        number = _Int(text.replace("_", ""))
    elif _FLOAT.fullmatch(text):
        number = _Float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    else:
        return text
    number.spelling = text
    return number


def read_json(text: str) -> Source:
    """Read JSON. NaN and Infinity come through: every field refuses them at its place.

    Raises:
        PlanError: If it can't be read.
    """
    doubles: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in items:
            if key in made:
                doubles.append(key)
            made[key] = value
        return made

    try:
        values = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        message = f"can't be read as JSON, column {error.colno}: {error.msg}"
        raise PlanError([Fault("", message, error.lineno)]) from None
    except RecursionError:
        raise PlanError([Fault("", _TOO_DEEP)]) from None
    except ValueError as error:
        raise PlanError([Fault("", f"can't be read as JSON: {error}")]) from None
    layer = [values]
    for _ in range(_DEEPEST + 1):
        layer = [inner for value in layer for inner in _inside(value)]
    if layer:
        raise PlanError([Fault("", _TOO_DEEP)])
    return Source(values, _json_lines(text), _doubles(text, doubles) if doubles else ())


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _doubles(text: str, keys: list[str]) -> list[Fault]:
    # JSON is YAML, where it is not written strangely: that reader knows places and lines.
    with contextlib.suppress(PlanError):
        found = read_yaml(text).faults
        if found:
            return list(found)
    return [Fault("", f"the key {short(key)} is there twice in one mapping") for key in keys]


def _json_lines(text: str) -> Lines:
    known: list[Lines] = []

    def line(place: str) -> int | None:
        if not known:
            try:
                known.append(_Yaml(_compose(clean(text))).line)
            except PlanError:
                known.append(lambda _: None)
        return known[0](place)

    return line
