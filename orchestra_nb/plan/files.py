"""Plans in files: reading, writing, and the line each fault stands in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, get_args

from ..errors import Fault, PlanError
from .durations import spell_duration
from .each import ForEach
from .entries import Decision, Task
from .fields import Value
from .markdown import read_markdown, write_markdown
from .model import Format, Plan
from .parts import Option
from .questions import Question, own_id
from .sources import Source, read_json, read_yaml
from .text import short, slug

__all__ = ["load", "parse", "save", "to_dict", "to_yaml"]

_SUFFIXES: dict[str, Format] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".md": "markdown",
    ".markdown": "markdown",
}
_MARKDOWN = re.compile(r"^#\s+Orchestration Plan\b|^###\s+Phase\s+\d+\s*:", re.MULTILINE)
_DURATIONS = {"estimate", "timeout", "shortest", "longest", "questions"}
_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")
_READERS = {"yaml": read_yaml, "json": read_json, "markdown": read_markdown}


def load(path: str | Path) -> Plan:
    """Read a plan from a file; the suffix says the format."""
    source = Path(path)
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        _refuse("there is no such file", source)
    except (OSError, ValueError) as error:
        _refuse(f"can't be read: {getattr(error, 'strerror', None) or error}", source)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        _refuse(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", source, line)
    return parse(text, _SUFFIXES.get(source.suffix.lower()), source=str(source))


def parse(text: str, format: Format | None = None, *, source: str | None = None) -> Plan:
    """Read a plan from text."""
    if format is not None and format not in _READERS:
        known = ", ".join(get_args(Format))
        _refuse(f"unknown format {short(format)}; there are {known}", source)
    if not text.strip("\ufeff \t\r\n"):
        _refuse("is empty; a plan needs a name and phases", source)
    text = text.removeprefix("\ufeff")
    try:
        read = _read(text, format)
    except PlanError as error:
        raise PlanError(error.faults, source=source) from None
    if not isinstance(read.values, Mapping):
        hint = "; to read a file use Plan.load" if isinstance(read.values, str) else ""
        _refuse(f"must be a mapping with name and phases, not {short(read.values)}{hint}", source)
    faults = list(read.faults)
    plan = None
    try:
        plan = Plan.model_validate(read.values)
    except PlanError as error:
        faults += [Fault(item.place, item.message, read.line(item.place)) for item in error.faults]
    if plan is None or faults:
        raise PlanError(sorted(faults, key=lambda fault: fault.line or 0), source=source)
    return plan


def _refuse(message: str, source: str | Path | None, line: int | None = None) -> NoReturn:
    name = None if source is None else str(source)
    raise PlanError([Fault("", message, line)], source=name)


def _read(text: str, format: Format | None) -> Source:
    if format is not None:
        return _READERS[format](text)
    if _MARKDOWN.search(text):
        return read_markdown(text)
    if not text.lstrip().startswith("{"):
        return read_yaml(text)
    try:
        return read_json(text)
    except PlanError as error:
        # YAML in braces looks the same; if it is neither, JSON is what was meant.
        try:
            return read_yaml(text)
        except PlanError:
            raise error from None


def save(plan: Plan, path: str | Path) -> Path:
    """Write a plan as YAML, JSON or Markdown, by the suffix."""
    target = Path(path)
    format = _SUFFIXES.get(target.suffix.lower())
    if format is None:
        known = ", ".join(_SUFFIXES)
        _refuse(f"can't tell the format from {short(target.suffix)}; use {known}", target)
    if format == "markdown":
        text = write_markdown(plan)
    elif format == "json":
        text = json.dumps(to_dict(plan), ensure_ascii=False, indent=2) + "\n"
    else:
        text = to_yaml(to_dict(plan))
    # A reader must never see half a plan.
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        fresh.write_text(text, encoding="utf-8", newline="\n")
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return target


def to_dict(plan: Plan) -> dict[str, Any]:
    """A JSON-able mapping that ``Plan(**mapping)`` reads back to an equal plan."""
    made = _fields(plan)
    made["phases"] = made.pop("phases")
    return made


def _fields(value: Value) -> dict[str, Any]:
    """A value's fields that are not the default."""
    made: dict[str, Any] = {}
    items = vars(value)
    for key, default in _defaults(type(value)):
        item = items[key]
        if item is default or item == default:
            continue
        if key == "id" and item == _own_id(value):
            continue
        if key == "options" and isinstance(value, Decision):
            made[key] = _options(value.options)
        else:
            made["decision" if key == "title" else key] = _plain(key, item)
    return made


@cache
def _defaults(cls: type[Value]) -> tuple[tuple[str, Any], ...]:
    """Fields with what they hold when nothing is given; a required one equals nothing."""
    return tuple(
        (key, object() if each.is_required() else each.get_default(call_default_factory=True))
        for key, each in cls.model_fields.items()
    )


def _own_id(value: Value) -> str | None:
    """The id a value has when it is given none."""
    if isinstance(value, Task):
        return value.agent
    if isinstance(value, Decision):
        return slug(value.title)
    return own_id(value.ask) if isinstance(value, Question) else None


def _options(options: tuple[Option, ...]) -> Any:
    if any(option.description for option in options):
        return [_fields(option) for option in options]
    return {option.key: option.text for option in options}


def _plain(key: str, item: Any) -> Any:
    if isinstance(item, ForEach):
        return item.to_dict()
    if isinstance(item, Value):
        return _fields(item)
    if isinstance(item, tuple):
        return [_plain("", each) for each in item]
    if isinstance(item, dict):
        return {name: _plain("", each) for name, each in item.items()}
    if key in _DURATIONS and isinstance(item, float) and item.is_integer():
        return spell_duration(item)
    return item


def to_yaml(data: dict[str, Any]) -> str:
    """YAML that :func:`load` reads back as the same values."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes every text so that it is read back as that text."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: Dumper, words: str) -> yaml.ScalarNode:
        # Other line ends than \n come back as spaces unless they are written as escapes.
        style = '"' if _LINE_ENDS.search(words) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", words, style=style)

    Dumper.add_representer(str, text)
    written: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=96)
    return written
