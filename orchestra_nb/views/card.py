"""The card of a decision in a terminal, with what is being typed."""

from __future__ import annotations

from dataclasses import dataclass

from ..state import DecisionState, State
from . import words
from .rows import Row, fit, joined, shown

__all__ = ["Typing", "cards", "current_decision"]


@dataclass(slots=True)
class Typing:
    """What a person at the keyboard is doing.

    Attributes:
        decision: Id of the decision that keys go to; sticky, so that an answer never slips to
            another one.
        text: What was typed so far.
        said: What came of the last line, for people.
        preview: What Enter would do.
    """

    decision: str | None = None
    text: str = ""
    said: str = ""
    preview: str = ""


def current_decision(state: State, wanted: str | None) -> DecisionState | None:
    """The wanted decision while it is open, else the one whose clock ends first."""
    if wanted is not None and wanted in state.decisions and state.decisions[wanted].open:
        return state.decisions[wanted]
    return next(iter(state.open_decisions()), None)


def cards(state: State, now: float, width: int, typing: Typing | None) -> list[Row]:
    """The decision that keys go to as a card, the other open ones by name."""
    decision = current_decision(state, typing.decision if typing else None)
    if decision is None:
        said = typing.said if typing else ""
        return [[], *_said(said, width)] if said else []
    others = [other for other in state.open_decisions() if other is not decision]
    rows = [[], *_card(decision, state, now, width)]
    if others:
        names = ", ".join(words.cut(other.title, 40) for other in others[:5])
        rows.append([(shown(f"Also open: {names}", width), "dim")])
    if typing is not None:
        rows += _typed(decision, typing, len(others), width)
    return rows


def _card(decision: DecisionState, state: State, now: float, width: int) -> list[Row]:
    about = (
        f"{decision.kind} · {words.plain(decision.category)}"
        if decision.category
        else decision.kind
    )
    title = shown(decision.title, width - len(about) - 3)
    rows: list[Row] = [[("◇ ", "yellow"), (title, "bold"), (f"  {about}"[:width], "dim")]]
    rows += [[(f"  {line}", "")] for line in _wrapped(decision.context, width - 2, 3)]
    waiting = 0 if decision.task is None else len(state.graph.dependents[decision.task])
    asked = [f"Asked by {words.cut(decision.asker, 60)}."] if decision.asker else []
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        asked.append(f"{words.count(waiting, 'task')} {verb} for this; the others go on.")
    if asked:
        rows.append([("  " + shown(" ".join(asked), width - 2), "dim")])
    keys = max((len(words.cut(o["key"], 12)) for o in decision.options), default=1)
    for option in decision.options:
        rows.append(_option(decision, option, keys, width))
    left = words.seconds_left(decision, now)
    clock_line = words.countdown(decision, now)
    if left is not None and decision.timeout_s and width >= 70:
        share = min(1.0, left / decision.timeout_s)
        cells = 20
        filled = max(1 if left > 0 else 0, round(cells * share))
        rows.append(
            [
                ("  ", ""),
                ("█" * filled, "yellow"),
                ("░" * (cells - filled), "dim"),
                (f"  {shown(clock_line, width - cells - 4)}", ""),
            ]
        )
    else:
        rows.append([("  " + shown(clock_line, width - 2), "")])
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
    import textwrap

    line = words.cut(text, width * most)
    return textwrap.wrap(line, width, max_lines=most, placeholder=" …") if line else []


def _typed(decision: DecisionState, typing: Typing, others: int, width: int) -> list[Row]:
    after = typing.preview or "then Enter"
    prompt: Row = [("> ", "bold"), (shown(typing.text, width // 2), "bold")]
    if typing.text:
        prompt.append((f"  {shown(after, max(8, width - width // 2 - 5))}", "dim"))
    else:
        prompt.append((f"{words.options_listed(decision)}, then Enter"[: width - 2], "dim"))
    hints = ["+ 5 min", "w wait for me", "p pause", "s stop", "? all keys"]
    if others:
        hints.insert(0, "n next decision")
    rows = [[("  " + joined(hints, width - 2), "dim")], prompt]
    return rows + _said(typing.said, width)


def _said(text: str, width: int) -> list[Row]:
    return [[(line, "yellow")] for line in _wrapped(text, width, 3)]
