"""The agents in the static record: a row each, or for big runs a lane for each slot and a list."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from ..plan.durations import clock
from ..state import SETTLED, State, TaskState
from .glyphs import glyph
from .reused import reused
from .words import STATUS_WORDS, count, cut

__all__ = ["MOST_LANES", "agents"]

MOST_LANES: Final = 40
"""With more tasks than this there is a lane for each slot, as on the board."""
_MOST_SPANS: Final = 24
_FITS: Final = 24
"""A text of so many characters is never cut, so it needs no title."""
_UNITS: Final = 2000
_MANY_PIECES: Final = 6000
_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900),
    *(1800, 3600, 7200, 14400, 43200, 86400),
)
_LEGEND: Final = (
    ("d", "done"),
    ("w", "working"),
    ("h", "waits for you"),
    ("r", "rate limit or budget"),
    ("o", "no free slot"),
    ("f", "failed attempt"),
)
_LOOK: Final = {"failed": "f", "human": "h", "rate_limit": "r", "slot": "o", "budget": "r"}

_Piece = tuple[str, float, float]
"""Look, start and end in the run's ``t``."""


def agents(state: State, *, rows: int, slots: int) -> str:
    """What every agent did and when.

    Args:
        state: The state of the run.
        rows: How many tasks get a row at most; with 0 there is nothing at all.
        slots: How many tasks could run at once.
    """
    tasks = [state.tasks[i] for i in state.graph.shown if state.tasks[i].kind == "task"]
    if not tasks or not rows:
        return ""
    end = max(state.ended_at or state.t, 1.0)
    if len(tasks) > MOST_LANES:
        return _many(state, tasks, end, rows, slots)
    waits = _decision_waits(state, end)
    pieces = [[*waits.get(task.index, ()), *_pieces(task, end)] for task in tasks]
    seen = {look for one in pieces for look, _, _ in one}
    body = []
    before = None
    for task, one in zip(tasks, pieces, strict=True):
        first = before is not None and task.phase != before
        before = task.phase
        body.append(_row(state, task, f"<td><div class=strip>{_strip(one, end)}</div></td>", first))
    longest = max(len(cut(task.id, 80)) for task in tasks)
    head = (
        f"<tr class=top><th class=h4>Agents</th><th><div class=axis>{_axis(end, 190)}</div></th>"
        f"{_hidden_heads()}</tr>"
    )
    return (
        f'<div class=lanes style="--n:{len(tasks)};--chars:{longest}">'
        f"<table>{head}{''.join(body)}</table>{_legend(seen)}</div>"
    )


def _many(state: State, tasks: list[TaskState], end: float, rows: int, slots: int) -> str:
    lanes = max(1, min(64, slots))
    paths, seen = _slots(tasks, end, lanes)
    pitch = 196 / max(8, lanes)
    tall = min(10.0, max(1.0, pitch - 0.8)) / pitch
    done = state.counts["completed"] + state.counts["failed"]
    pace = f"; {count(round(done / (end / 60)), 'task')} a minute" if end > 3 and done else ""
    listed = _worth_showing(tasks, rows)
    more = len(tasks) - len(listed)
    rest = f"<div class=sub>and {count(more, 'more task')} with no row here</div>" if more else ""
    body = "".join(_row(state, task, "", False) for task in listed)
    said = ", ".join(
        f"{state.counts[status]:,} {word}"
        for status, word in (
            *(("failed", "failed"), ("cancelled", "cancelled"), ("skipped", "skipped")),
            *(("pending", "pending"), ("completed", "done")),
        )
        if state.counts[status]
    )
    return (
        '<div class="lanes many">'
        f"<div><span class=h4>Slots</span> "
        f"<span class=sub>{count(lanes, 'lane')}, one per slot{pace}</span></div>"
        f"<div class=axis>{_axis(end, 540)}</div>"
        f'<svg class=slots viewBox="0 0 {_UNITS} {max(8, lanes)}" preserveAspectRatio="none" '
        f'style="--tall:{tall:.2f}" aria-hidden="true">{paths}</svg>'
        f"{_legend(seen)}<div class=h4>Tasks<span class=sub> {said}</span></div>"
        '<div class=box tabindex=0 role=group aria-label="Tasks">'
        f"<table><tr class=hide><th>Agent</th>{_hidden_heads()}</tr>{body}</table></div>{rest}"
        "</div>"
    )


def _hidden_heads() -> str:
    return "".join(
        f"<th><span class=sr>{w}</span></th>" for w in ("Status", "Last message", "Took", "By hand")
    )


def _worth_showing(tasks: list[TaskState], most: int) -> list[TaskState]:
    """The failed first, as in the board's list; in the plan's order among themselves."""
    order = {"failed": 0, "cancelled": 1, "completed": 2}
    return sorted(tasks, key=lambda task: (order.get(task.status, 3), task.index))[:most]


def _row(state: State, task: TaskState, strip: str, first: bool) -> str:
    took = ""
    if task.started_at is not None and task.ended_at is not None:
        took = clock(task.ended_at - task.started_at)
    said = {"failed": task.error.strip(), "skipped": task.reason, "cancelled": task.reason}
    last = said.get(task.status, reused(task) or task.message)
    text = _text(last.partition("\n")[0], 200 if strip else 120)
    name = _text(task.id, 80)
    title = f' title="{text}"' if len(text) > _FITS else ""
    return (
        f'<tr class="s-{task.status}{" first" if first else ""}">'
        f'<td class=who title="{name}">{glyph(task.status)}{name}{_edited(state, task)}</td>{strip}'
        f'<td class="w w-{task.status}">{STATUS_WORDS[task.status]}</td>'
        f"<td class=say{title}>{text}</td><td class=num>{took}</td>"
        f"<td class=hand>{_rated(task)}</td></tr>"
    )


def _edited(state: State, task: TaskState) -> str:
    if task.title == state.graph.nodes[task.index].title:
        return ""
    return _sign("edit", "Its text was edited by hand")


def _rated(task: TaskState) -> str:
    if task.rating is None:
        return ""
    return _sign("up", "Rated: good") if task.rating else _sign("down", "Rated: poor")


def _sign(shape: str, words: str) -> str:
    return f'<span class=sign role=img aria-label="{words}" title="{words}">{glyph(shape)}</span>'


def _text(value: str, limit: int) -> str:
    return escape(cut(value, limit))


def _pieces(task: TaskState, end: float) -> list[_Piece]:
    working = "d" if task.status in SETTLED else "w"
    return [
        (_LOOK.get(kind, working), start, end if stop is None else stop)
        for kind, start, stop in task.spans[-_MOST_SPANS:]
    ]


def _decision_waits(state: State, end: float) -> dict[int, list[_Piece]]:
    """While a decision was open, those who need it and were not over waited for somebody."""
    waits: dict[int, list[_Piece]] = {}
    for decision in state.decisions.values():
        if decision.task is None:
            continue
        until = decision.outcome.at if decision.outcome else end
        for index in state.graph.dependents[decision.task]:
            over = state.tasks[index].ended_at
            stop = until if over is None else min(until, over)
            if stop > decision.opened_at:
                waits.setdefault(index, []).append(("h", decision.opened_at, stop))
    return waits


def _strip(pieces: Iterable[_Piece], end: float) -> str:
    return "".join(
        f'<i class={look} style="left:{100 * start / end:.1f}%;'
        f'width:{max(0.0, 100 * (stop - start) / end):.1f}%"></i>'
        for look, start, stop in pieces
    )


def _slots(tasks: Sequence[TaskState], end: float, lanes: int) -> tuple[str, set[str]]:
    """Every task on the lowest lane that was free when it started: a path for each look."""
    free = [-math.inf] * lanes
    found: dict[str, list[tuple[int, int, int]]] = {}
    begun = [task for task in tasks if task.started_at is not None]
    for task in sorted(begun, key=lambda task: task.started_at or 0.0):
        start = task.started_at or 0.0
        lane = next((n for n, at in enumerate(free) if at <= start + 0.001), None)
        if lane is None:
            lane = free.index(min(free))
        free[lane] = end if task.ended_at is None else task.ended_at
        for look, begin, stop in _pieces(task, end):
            if begin >= start:
                left = round(_UNITS * begin / end)
                # A gap of one unit tells neighbours apart.
                right = max(left + 1, round(_UNITS * stop / end) - 1)
                found.setdefault(look, []).append((lane, left, right))
    gap = 0 if sum(map(len, found.values())) <= _MANY_PIECES else 2
    paths = "".join(
        f'<path class={look} d="{_path(pieces, gap)}"/>' for look, pieces in found.items()
    )
    return paths, set(found)


def _path(pieces: list[tuple[int, int, int]], gap: int) -> str:
    """Horizontal strokes; with a gap those that are closer than it become one."""
    strokes: list[tuple[int, int, int]] = []
    for lane, left, right in sorted(pieces):
        if gap and strokes and strokes[-1][0] == lane and left - strokes[-1][2] <= gap:
            strokes[-1] = (lane, strokes[-1][1], max(right, strokes[-1][2]))
        else:
            strokes.append((lane, left, right))
    return "".join(f"M{left} {lane}.5h{right - left}" for lane, left, right in strokes)


def _axis(end: float, width: float) -> str:
    step = next((s for s in _STEPS if s / end * width > 46), 86400)
    marks = range(0, int(end) + 1, step)
    return "".join(f'<b style="left:{100 * t / end:.1f}%">{_tick(t)}</b>' for t in marks)


def _tick(t: int) -> str:
    if t < 60:
        return f"{t} s" if t else "0"
    if t % 60:
        return clock(t)
    return f"{t // 60} min" if t < 7200 else f"{t / 3600:.3g} h"


def _legend(seen: set[str]) -> str:
    keys = "".join(
        f'<span><i class="key {look}"></i>{words}</span>' for look, words in _LEGEND if look in seen
    )
    return f"<div class=legend>{keys}</div>"
