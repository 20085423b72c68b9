"""Plans in the Markdown of ``orchestration-plan.md``.

Statuses, check boxes, metrics and everything else that tells how a run went are left alone: a
Markdown plan says what is to be done, never what was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..errors import Fault, PlanError
from .durations import spell_duration
from .each import ForEach
from .entries import Decision, Entry, Task
from .sources import Source
from .text import clean, did_you_mean, fold, slug, under

if TYPE_CHECKING:
    from .model import Plan

__all__ = ["read_markdown", "write_markdown"]

_TITLE = re.compile(r"#\s+Orchestration Plan\s*:\s*(.+)")
_LEVEL = re.compile(r"Level\s*:\s*(\S+)(?:\s+\(.*\))?", re.IGNORECASE)
_SETTING = re.compile(r"(Mode|Timeline|On failure)\s*:\s*(\S+)", re.IGNORECASE)
_PHASE = re.compile(r"###\s+Phase\s+\d+\s*:\s*(.+)")
_COUNTED = re.compile(r"\(\d+/\d+[^()]{0,40}\)$")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"[-*]\s+(?:\[.?\]\s+)?\*\*(.+?)\*\*\s*(?::\s*(.*))?")
_DETAIL = re.compile(r"\s+[-*]\s+([A-Za-z][A-Za-z ]{0,30}?)\s*:\s*(.*)")
_OPTION = re.compile(r"option\s+(.+)", re.IGNORECASE)
_RECOMMENDED = re.compile(r"(\S+?)(?:\s+\(.*?\))?(?:\s+(?:for|because)\s+(.*)|\s*[-–:;,]\s*(.*))?")
_EACH = re.compile(r"(\S+)\s+(?:of|in|from)\s+(.+?)(?:\s+\((\d{1,6})\))?")
_SECTIONS = {"project overview": "overview", "inputs": "inputs"}
_NOTHING = ("", "none", "nothing", "-")
# What a run's own plan.md says about a task; a plan does not.
_TOLD = {"status", "started", "completed", "actual", "duration", "result", "findings", "reason"}
_KEYS = {
    "dependencies": "depends_on",
    "estimated": "estimate",
    "id": "id",
    "role": "role",
    "when": "when",
    "timeout": "timeout",
    "retries": "retries",
    "review": "review",
    "for each": "for_each",
    "category": "category",
    "kind": "kind",
    "context": "context",
    "recommendation": "recommend",
}


def read_markdown(text: str) -> Source:
    """Read a plan in the spec's Markdown.

    Raises:
        PlanError: If there is nothing of a plan in it.
    """
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        reader.take(clean(line.rstrip()), number)
    return Source(reader.values(), reader.line, reader.faults)


class _Reader:
    def __init__(self) -> None:
        self._plan: dict[str, Any] = {}
        self._phases: list[dict[str, Any]] = []
        self._lines: dict[str, int] = {}
        self._overview: list[str] = []
        self._section = ""
        self._item: dict[str, Any] | None = None
        self._place = ""
        self.faults: list[Fault] = []

    def values(self) -> dict[str, Any]:
        if not self._plan and not self._phases:
            message = "has no '# Orchestration Plan: name' and no '### Phase 1: name'"
            raise PlanError([Fault("", message)])
        overview = " ".join(self._overview)
        return {**self._plan, "overview": overview, "phases": self._phases}

    def line(self, place: str) -> int | None:
        while place and place not in self._lines:
            place = re.sub(r"(?:\.[^.\[\]]*|\[[^\]]*\]|^[^.\[]+)$", "", place)
        return self._lines.get(place)

    def take(self, line: str, number: int) -> None:
        heading = _HEADING.fullmatch(line)
        if heading:
            self._heading(line, heading, number)
        elif self._section == "head":
            self._head(line, number)
        elif self._section == "overview" and line.strip():
            self._overview.append(line.strip())
            self._lines.setdefault("overview", number)
        elif self._section == "inputs":
            self._in_inputs(line, number)
        elif self._section == "phase":
            self._in_phase(line, number)

    def _heading(self, line: str, heading: re.Match[str], number: int) -> None:
        self._item = None
        title, phase = _TITLE.fullmatch(line), _PHASE.fullmatch(line)
        if title:
            self._plan["name"] = title[1].strip()
            self._lines["name"] = number
            self._section = "head"
        elif phase:
            self._place = f"phases[{len(self._phases)}]"
            self._lines[self._place] = number
            self._phases.append({"name": _COUNTED.sub("", phase[1]).strip(), "tasks": []})
            self._section = "phase"
        else:
            self._section = _SECTIONS.get(fold(heading[2]), "other")

    def _head(self, line: str, number: int) -> None:
        level, setting = _LEVEL.fullmatch(line), _SETTING.fullmatch(line)
        if level:
            self._plan["level"] = int(level[1]) if level[1].isdecimal() else level[1]
            self._lines["level"] = number
        elif setting:
            key = setting[1].lower().replace(" ", "_")
            self._plan[key] = setting[2]
            self._lines[key] = number

    def _in_inputs(self, line: str, number: int) -> None:
        item, detail = _ITEM.fullmatch(line), _DETAIL.fullmatch(line)
        if item:
            name = item[1].strip()
            self._item = {"ask": (item[2] or "").strip()}
            self._plan.setdefault("inputs", {})[name] = self._item
            self._lines[under("inputs", name)] = number
        elif detail and self._item is not None and fold(detail[1]) == "default":
            self._item["default"] = detail[2].strip()

    def _in_phase(self, line: str, number: int) -> None:
        item = _ITEM.fullmatch(line)
        detail = _DETAIL.fullmatch(line)
        phase = self._phases[-1]
        if item:
            self._place = f"phases[{len(self._phases) - 1}].tasks[{len(phase['tasks'])}]"
            self._lines[self._place] = number
            self._item = {"agent": item[1].strip(), "task": (item[2] or "").strip()}
            phase["tasks"].append(self._item)
        elif detail and self._item is not None:
            self._detail(detail[1].strip(), detail[2].strip(), number)
        elif fold(line) == "checkpoint: true":
            phase["checkpoint"] = True
        elif line.strip() and not line.startswith(" ") and line.startswith(("- [", "* [")):
            message = "can't be read as a task; write '- [ ] **agent**: what is to be done'"
            self.faults.append(Fault(self._place, message, number))

    def _detail(self, word: str, value: str, number: int) -> None:
        assert self._item is not None
        key = _KEYS.get(word.lower())
        option = _OPTION.fullmatch(word)
        if option:
            self._decides()
            self._item["options"].append({"key": option[1].strip(), "text": value})
        elif key is None:
            guess = did_you_mean(word, _KEYS) if word.lower() not in _TOLD else ""
            if guess:
                self.faults.append(Fault(under(self._place, word), f"unknown word{guess}", number))
        else:
            self._lines[under(self._place, key)] = number
            self._set(key, value)

    def _decides(self) -> None:
        """An item with options is a decision; its text is the context."""
        assert self._item is not None
        if "options" in self._item:
            return
        title, context = self._item.pop("agent"), self._item.pop("task")
        self._item.update({"decision": title, "context": context, "options": []})

    def _set(self, key: str, value: str) -> None:
        assert self._item is not None
        if key == "depends_on":
            self._item[key] = _list(value)
        elif key == "when":
            pairs = [part.partition("=") for part in value.split(";")]
            self._item[key] = {name.strip(): _list(keys) for name, _, keys in pairs}
        elif key == "for_each":
            self._item[key] = _for_each(value)
        elif key == "retries":
            self._item[key] = int(value) if value.isdecimal() else value
        elif key == "review":
            self._item[key] = {"true": True, "false": False}.get(value.lower(), value)
        elif key == "recommend":
            found = _RECOMMENDED.fullmatch(value)
            self._item[key] = found[1] if found else value
            because = (found[2] or found[3]) if found else None
            if because:
                self._item["because"] = because
        elif value:
            self._item[key] = value


def _list(value: str) -> list[str]:
    return [] if fold(value) in _NOTHING else [part.strip() for part in value.split(",")]


def _for_each(value: str) -> object:
    """``module of structure``, and how many are expected: ``module of structure (12)``."""
    found = _EACH.fullmatch(value)
    if found is None:
        return value
    each: dict[str, object] = {"from": found[2].strip(), "as": found[1]}
    return each if found[3] is None else {**each, "expect": int(found[3])}


def write_markdown(plan: Plan) -> str:
    """The plan in the spec's format, with nothing about a run."""
    from .levels import load_levels

    level = load_levels()[plan.level]
    lines = [
        f"# Orchestration Plan: {_one_line(plan.name)}",
        f"Level: {plan.level} ({level.name})",
    ]
    if plan.mode != "full_interactive":
        lines.append(f"Mode: {plan.mode}")
    if plan.timeline != "normal":
        lines.append(f"Timeline: {plan.timeline}")
    if plan.on_failure != "ask":
        lines.append(f"On failure: {plan.on_failure}")
    if plan.overview:
        lines += ["", "## Project Overview", _one_line(plan.overview)]
    if plan.inputs:
        lines += ["", "## Inputs"]
    for name, item in plan.inputs.items():
        lines.append(f"- **{name}**: {_one_line(item.ask)}".rstrip())
        if item.default is not None:
            lines.append(f"  - Default: {_one_line(str(item.default))}")
    lines += ["", "## Execution Plan"]
    for number, phase in enumerate(plan.phases, start=1):
        lines += ["", f"### Phase {number}: {_one_line(phase.name)}"]
        for entry in phase.tasks:
            lines += _entry(entry)
        if phase.checkpoint:
            lines.append("Checkpoint: true")
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> list[str]:
    details: list[tuple[str, str]] = []
    if isinstance(entry, Decision):
        lines = [f"- [ ] **{_one_line(entry.title)}**: {_one_line(entry.context)}".rstrip()]
        default = slug(entry.title)
        for option in entry.options:
            said = f" ({option.description})" if option.description else ""
            details.append((f"Option {option.key}", f"{option.text}{said}"))
        if entry.recommend:
            why = f" because {entry.because}" if entry.because else ""
            details.append(("Recommendation", entry.recommend + why))
        details.append(("Category", entry.category or ""))
        details.append(("Kind", entry.kind if entry.kind != "standard" else ""))
    else:
        lines = [f"- [ ] **{_one_line(entry.agent)}**: {_one_line(entry.task)}".rstrip()]
        default = entry.agent
        details.append(("Role", entry.role or ""))
        if entry.retries is not None:
            details.append(("Retries", str(entry.retries)))
        details.append(("Review", "true" if entry.review else ""))
        details.append(("For each", _spelled(entry.for_each)))
    details.append(("Id", entry.id if entry.id != default else ""))
    if entry.depends_on is not None:
        details.append(("Dependencies", ", ".join(entry.depends_on) or "None"))
    pairs = (f"{key} = {', '.join(options)}" for key, options in entry.when.items())
    details.append(("When", "; ".join(pairs)))
    if isinstance(entry, Task) and entry.estimate is not None:
        details.append(("Estimated", _estimate(entry.estimate)))
    if entry.timeout is not None:
        spelled = entry.timeout if entry.timeout == "none" else spell_duration(entry.timeout)
        details.append(("Timeout", spelled))
    return lines + [f"  - {word}: {_one_line(value)}" for word, value in details if value]


def _spelled(each: ForEach | None) -> str:
    if each is None:
        return ""
    expect = f" ({each.expect})" if each.expect else ""
    return f"{each.name} of {each.source}{expect}"


def _estimate(seconds: float) -> str:
    """``15 minutes`` as the spec writes it, where that is exact."""
    minutes = seconds / 60
    if minutes != int(minutes) or not minutes:
        return spell_duration(seconds)
    return "1 minute" if minutes == 1 else f"{int(minutes)} minutes"


def _one_line(text: str) -> str:
    return " ".join(text.split())
