"""The card of a decision in a terminal, with what is being typed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..state import DecisionState, State
from . import words
from .detail import details, heading, outlook, question_line, spelt
from .filling import answered, questions_of, visible
from .rows import Row, fit, joined, shown

__all__ = ["Filling", "Typing", "asked_now", "cards", "current_decision"]

_FACTS_AT_LEAST = 5
_ANSWERS_SHOWN = 3


@dataclass(slots=True)
class Filling:
    """What was filled into one card, and not sent yet.

    Attributes:
        values: Answers of a form as typed, by question id; edited arguments by name.
        passed: Ids of the questions that were answered or left at their default, in that order.
    """

    values: dict[str, Any] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Typing:
    """What a person at the keyboard is doing.

    Attributes:
        decision: Id of the decision that keys go to; sticky, so that an answer never slips to
            another one.
        text: What was typed so far.
        said: What came of the last line, for people.
        preview: What Enter would do.
        filled: Decision id -> what was filled into its card.
    """

    decision: str | None = None
    text: str = ""
    said: str = ""
    preview: str = ""
    filled: dict[str, Filling] = field(default_factory=dict)

    def filling(self, decision: DecisionState) -> Filling:
        """What was filled into a card, made when first asked for."""
        return self.filled.setdefault(decision.id, Filling())


def current_decision(state: State, wanted: str | None) -> DecisionState | None:
    """The wanted decision while it is open, else the one whose clock ends first."""
    if wanted is not None and wanted in state.decisions and state.decisions[wanted].open:
        return state.decisions[wanted]
    return next(iter(state.open_decisions()), None)


def asked_now(decision: DecisionState, filling: Filling) -> Mapping[str, Any] | None:
    """The question of a form whose turn it is; ``None`` when all were asked."""
    asked = visible(questions_of(decision), filling.values)
    return next((one for one in asked if one["id"] not in filling.passed), None)


def cards(
    state: State, now: float, width: int, typing: Typing | None, height: int = 40
) -> list[Row]:
    """The decision that keys go to as a card, the other open ones by name.

    Args:
        state: The run.
        now: Its time, seconds since its start.
        width: Cells of a line.
        typing: The person at the keyboard; ``None`` when nobody can type.
        height: Lines there are; what a card shows besides its options fits into the rest.
    """
    decision = current_decision(state, typing.decision if typing else None)
    if decision is None:
        said = typing.said if typing else ""
        return [[], *_said(said, width)] if said else []
    others = [other for other in state.open_decisions() if other is not decision]
    below: list[Row] = []
    if others:
        names = ", ".join(words.cut(other.title, 40) for other in others[:5])
        below.append([(shown(f"Also open: {names}", width), "dim")])
    if typing is not None:
        below += _typed(decision, typing, len(others), width)
    room = height - len(below) - 1
    return [[], *_card(decision, state, now, width, typing, room), *below]


def _card(
    decision: DecisionState,
    state: State,
    now: float,
    width: int,
    typing: Typing | None,
    height: int,
) -> list[Row]:
    about = heading(decision)
    title = shown(decision.title, width - len(about) - 3)
    head: Row = [("◇ ", "yellow"), (title, "bold"), (f"  {about}"[:width], "dim")]
    form = decision.purpose == "form"
    if form and typing is not None:
        options = _question(decision, typing.filling(decision), width)
        would: list[Row] = []
        facts = _context(decision, width)
    else:
        options = [] if form else _options(decision, width)
        would = [] if form else _outlook(decision, width)
        facts = [*_context(decision, width), *_asked(decision, state, width)]
        edits = typing.filling(decision).values if typing is not None else {}
        facts += [[(f"  {shown(line, width - 2)}", "")] for line in _told(decision, edits)]
    clock = _clock(decision, now, width)
    room = height - 1 - len(options) - len(clock)
    if room < len(would) + min(len(facts), _FACTS_AT_LEAST):
        would = []
    facts = _some(facts, max(1, room - len(would)), width)
    return [head, *facts, *options, *would, *clock]


def _some(rows: list[Row], most: int, width: int) -> list[Row]:
    """As many rows as there is room for; that there are more is said."""
    if len(rows) <= most:
        return rows
    left = len(rows) - most + 1
    return [*rows[: most - 1], [(shown(f"  … and {words.count(left, 'line')} more", width), "dim")]]


def _context(decision: DecisionState, width: int) -> list[Row]:
    return [[(f"  {line}", "")] for line in _wrapped(decision.context, width - 2, 3)]


def _asked(decision: DecisionState, state: State, width: int) -> list[Row]:
    waiting = 0 if decision.task is None else len(state.graph.dependents[decision.task])
    asked = [f"Asked by {words.cut(decision.asker, 60)}."] if decision.asker else []
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        asked.append(f"{words.count(waiting, 'task')} {verb} for this; the others go on.")
    return [[("  " + shown(" ".join(asked), width - 2), "dim")]] if asked else []


def _told(decision: DecisionState, edits: Mapping[str, Any]) -> list[str]:
    told = details(decision)
    return [*told, *(f"  {name} will be {spelt(value)}" for name, value in edits.items())]


def _options(decision: DecisionState, width: int) -> list[Row]:
    keys = max((len(words.cut(o["key"], 12)) for o in decision.options), default=1)
    return [_option(decision, option, keys, width) for option in decision.options]


def _outlook(decision: DecisionState, width: int) -> list[Row]:
    rows: list[Row] = []
    for option in decision.options:
        said = outlook(decision, option["key"])
        if said:
            line = shown(f"{words.cut(option['key'], 12)}: {said}", width - 4)
            rows.append([(f"    {line}", "dim")])
    return rows


def _question(decision: DecisionState, filling: Filling, width: int) -> list[Row]:
    """The question whose turn it is, after the last answers."""
    asked = visible(questions_of(decision), filling.values)
    now = asked_now(decision, filling)
    before = [one for one in asked if one["id"] in filling.passed][-_ANSWERS_SHOWN:]
    rows: list[Row] = [
        [("  ✓ ", "green"), (shown(question_line(one, filling.values), width - 4), "dim")]
        for one in before
    ]
    if now is None:
        rows.append([("▸ ", "green"), (shown("start begins with these answers.", width - 2), "")])
        return rows
    at = f"{asked.index(now) + 1} of {len(asked)}"
    group = words.cut(str(now.get("group") or ""), 60)
    rows.append([("  " + shown(f"Question {at}" + (f" · {group}" if group else ""), width), "dim")])
    rows.append([("▸ ", "green"), (shown(str(now.get("ask", "")), width - 2), "bold")])
    options = now.get("options")
    if isinstance(options, Sequence) and not isinstance(options, str) and options:
        listed = [f"{number} {words.cut(str(o), 40)}" for number, o in enumerate(options, 1)]
        many = "  several, with commas" if now.get("kind") == "several" else ""
        rows.append([(f"    {shown(joined(listed, width - 28), width - 28)}", ""), (many, "dim")])
    elif now.get("kind") == "yes_no":
        rows.append([("    yes or no", "")])
    keeps = answered(now, filling.values)
    hint = f"Enter keeps {spelt(keeps)}" if keeps is not None else "Enter leaves it open"
    if keeps is None and now.get("example"):
        hint += f"; such as {spelt(now['example'])}"
    rows.append([(f"    {shown(hint, width - 4)}", "dim")])
    return rows


def _clock(decision: DecisionState, now: float, width: int) -> list[Row]:
    left = words.seconds_left(decision, now)
    line = words.countdown(decision, now)
    rows: list[Row]
    if left is not None and decision.timeout_s and width >= 70:
        share = min(1.0, left / decision.timeout_s)
        cells = 20
        filled = max(1 if left > 0 else 0, round(cells * share))
        bar: Row = [("█" * filled, "yellow"), ("░" * (cells - filled), "dim")]
        rows = [[("  ", ""), *bar, (f"  {shown(line, width - cells - 4)}", "")]]
    else:
        rows = [[("  " + shown(line, width - 2), "")]]
    if decision.sum:
        rows.append([("  " + shown(decision.sum, width - 2), "dim")])
    return rows


def _option(decision: DecisionState, option: dict[str, str], keys: int, width: int) -> Row:
    recommended = option["key"] == decision.recommend
    row: Row = [
        ("▸ " if recommended else "  ", "green"),
        (fit(words.cut(option["key"], 12), keys), "bold"),
    ]
    room = width - 4 - keys
    name = shown(option["text"], room)
    row.append((f"  {name}", ""))
    notes = ["Recommended"] if recommended else []
    because = words.cut(decision.because, 200) if recommended else ""
    detail = because or words.cut(option.get("description") or "", 200)
    said = ": ".join([*notes, detail]) if detail else "".join(notes)
    left = room - len(name) - 3
    if said and left >= min(11, len(said)):
        row.append((f" · {shown(said, left)}", "green" if recommended else "dim"))
    return row


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """Foreign text in at most so many lines."""
    line = words.cut(text, width * most)
    return textwrap.wrap(line, width, max_lines=most, placeholder=" …") if line else []


_KEYS = ("+ 5 min", "w wait for me", "p pause", "s stop", "? all keys")
_FORM_KEYS = ("/start begins now", "/back", "/+ 5 min", "/w wait for me", "/? all keys")


def _typed(decision: DecisionState, typing: Typing, others: int, width: int) -> list[Row]:
    form = decision.purpose == "form"
    after = typing.preview or "then Enter"
    prompt: Row = [("> ", "bold"), (shown(typing.text, width // 2), "bold")]
    if typing.text:
        prompt.append((f"  {shown(after, max(8, width - width // 2 - 5))}", "dim"))
    elif form:
        waits = asked_now(decision, typing.filling(decision)) is not None
        prompt.append(("your answer, then Enter" if waits else "start, then Enter", "dim"))
    else:
        prompt.append((f"{words.options_listed(decision)}, then Enter"[: width - 2], "dim"))
    hints = [*(_FORM_KEYS if form else _KEYS)]
    if others:
        hints.insert(0, "/n next decision" if form else "n next decision")
    if decision.purpose == "approval":
        hints.insert(0, "name=value changes an argument")
    elif decision.purpose == "budget":
        hints.insert(0, "A and an amount raises the cap")
    elif decision.purpose == "review" and decision.detail.get("editable") is True:
        hints.insert(0, "= accepts your own words instead")
    rows: list[Row] = [[("  " + joined(hints, width - 2), "dim")], prompt]
    return rows + _said(typing.said, width)


def _said(text: str, width: int) -> list[Row]:
    return [[(line, "yellow")] for line in _wrapped(text, width, 3)]
