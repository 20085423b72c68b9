"""One picture of a run for a terminal: lines that fit its width and height.

Every line is one row: texts are cut to the cells they have, never wrapped by the terminal, and
foreign text goes in as literal text, so that neither markup nor escape sequences mean anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..plan.durations import clock
from ..state import PhaseState, State, TaskState
from . import words
from .card import Typing, cards
from .remaining import estimates_of, seconds_left
from .rows import GLYPHS, STYLES, Row, fit, joined, shown

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["render"]

_PLAIN: Final = str.maketrans("○◐◇↻✓✗»■‖█░·…×▸“”→–", 'o*=~+x>#"#.-~x>"">-')
_ACTIVE: Final = frozenset({"running", "waiting", "retrying"})
_RECORDS, _FAILURES = 3, 5
_LEAST_PHASES = 4
"""Lines that phases take where a card needs the room: one phase, how many more, the whole."""


def render(
    state: State,
    now: float,
    *,
    estimates: Sequence[float | None] | None = None,
    width: int = 80,
    height: int = 24,
    typing: Typing | None = None,
    unicode: bool = True,
) -> Group:
    """The run as a rich renderable of at most ``height`` lines of ``width`` cells.

    Args:
        state: The run.
        now: Its time, seconds since its start.
        estimates: Expected seconds by node; the plan's own if absent.
        width: Cells of a line.
        height: Lines there are.
        typing: The person at the keyboard; ``None`` when nobody can type.
        unicode: Whether the terminal can show more than ASCII.
    """
    from rich.console import Group
    from rich.text import Text

    rows = _rows(state, now, estimates or estimates_of(state), width, height, typing)
    lines: list[Any] = []
    for row in rows[: max(1, height)]:
        line = Text(no_wrap=True, overflow="crop", end="\n")
        for text, style in row:
            line.append(text if unicode else _ascii(text), style=style)
        lines.append(line)
    return Group(*lines)


def _ascii(text: str) -> str:
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")


def _rows(
    state: State,
    now: float,
    estimates: Sequence[float | None],
    width: int,
    height: int,
    typing: Typing | None,
) -> list[Row]:
    over = state.ended_at is not None
    head = _head(state, now, estimates, width)
    card = [] if over else cards(state, now, width, typing, height - len(head) - _LEAST_PHASES)
    end = _failures(state, width) if over else []
    shown = (state.tasks[index] for index in state.graph.shown)
    active = [task for task in shown if task.status in _ACTIVE and task.kind == "task"]
    room = height - len(head) - len(card) - len(end)
    kept = sum(1 + min(3, len(items)) for items in (active, state.findings) if items)
    phases = _phases(state, width, max(1, min(len(state.phases), room - 2 - kept)))
    room -= len(phases)
    lanes: list[Row] = []
    if active and room > 2:
        lanes = [[], *_lanes(active, now, width, min(len(active), max(1, room * 2 // 3)))]
        room -= len(lanes)
    records = _records(state, width, min(_RECORDS, max(0, (room - 1) // 2)))
    room -= len(records)
    findings = _findings(state, width, min(len(state.findings), max(0, room - 1)))
    return [*head, *phases, *card, *lanes, *end, *records, *findings]


def _head(state: State, now: float, estimates: Sequence[float | None], width: int) -> list[Row]:
    word = words.STATUS_WORDS.get(state.status, state.status)
    glyph, style = GLYPHS.get(state.status, "◐"), STYLES.get(state.status, "")
    tag = words.rehearsal_tag(state.rehearsal) if state.rehearsal else ""
    if len(tag) > width // 2:
        tag = tag.partition(" ")[0]
    room = width - len(word) - 4 - (len(tag) + 2 if tag else 0)
    title = shown(state.project, room)
    rows: list[Row] = [[(f"{glyph} {word}", f"bold {style}"), (f"  {title}", "bold")]]
    if tag:
        rows[0] += [("  ", ""), (tag, "bold yellow")]
    about = [f"level {state.level}", f"{words.MODE_WORDS.get(state.mode, state.mode)} mode"]
    if state.autopilot:
        about.append("autopilot on")
    rows.append([(fit(joined([*about, words.plain(state.id)], width), width).rstrip(), "dim")])
    rows.append([(fit(_figures(state, now, estimates, width), width).rstrip(), "")])
    if state.ended_at is None:
        rows.append(_attention(state, now, width))
    return rows


def _figures(state: State, now: float, estimates: Sequence[float | None], width: int) -> str:
    done, total = state.done
    end = state.ended_at
    figures = [
        f"{done:,} of {words.count(total, 'agent')}",
        f"{clock(now if end is None else end)} elapsed",
    ]
    if end is None:
        left = seconds_left(state, now, estimates)
        if left >= 1:
            figures.append(f"{words.at_least(left)} left")
    used = sum(state.usage.tokens.values())
    if used:
        figures.append(f"{words.tokens(used)} tokens")
    if state.usage.exchanges:
        cost = words.money(state.usage.cost)
        figures.append(f"{cost} and more" if state.usage.unknown else cost)
    return joined(figures, width)


def _attention(state: State, now: float, width: int) -> Row:
    waiting = state.open_decisions()
    if state.status == "paused":
        busy = words.count(sum(state.counts[s] for s in _ACTIVE), "agent")
        line = (
            f"Paused: nothing new starts, the {busy} at work finish, decision clocks stand still."
        )
        return [(shown(line, width), "yellow")]
    if not waiting:
        return [("Nothing needs you.", "dim")]
    if any(decision.purpose == "form" for decision in waiting):
        return [(shown("The run starts after the questions below.", width), "bold")]
    first = words.plain(waiting[0].title)
    left = words.seconds_left(waiting[0], now)
    many = len(waiting)
    need = "1 decision needs you" if many == 1 else f"{many} decisions need you · next"
    tail = "" if left is None else f" · {clock(left + 0.999)} left"
    name = shown(first, max(8, width - len(need) - 3 - len(tail)))
    return [(f"{need} · {name}{tail}", "bold")]


def _bar(done: int, total: int, cells: int, style: str) -> Row:
    filled = cells if done >= total > 0 else min(cells - 1, cells * done // max(1, total))
    return [("█" * filled, style), ("░" * (cells - filled), "dim")]


def _phases(state: State, width: int, most: int) -> list[Row]:
    cells = 15 if width < 90 else 30
    longest = max((len(p.name) for p in state.phases), default=8) + 2
    name_cells = max(12, min(longest, width - cells - 23))
    fits = len(state.phases) <= most
    some = state.phases if fits else _nearest(state.phases, max(1, most - 1))
    rows: list[Row] = [[]]
    for phase in some:
        done, total = phase.counts["completed"], phase.total - phase.counts["skipped"]
        style = "red" if phase.counts["failed"] else "green" if done == total else "blue"
        rest = width - name_cells - cells - 1
        rows.append(
            [
                (fit(f"{phase.number} {words.cut(phase.name, 200)}", name_cells) + " ", ""),
                *_bar(done, total, cells, style),
                (fit(f"  {done}/{total}  {_phase_words(phase)}", rest).rstrip(), "dim"),
            ]
        )
    if not fits:
        left = words.count(len(state.phases) - len(some), "phase")
        rows.append([(f"  … and {left} more", "dim")])
    done, total = state.done
    share = f"  {words.percent(done, total)} %"
    overall = (fit("Overall", name_cells) + " ", "bold")
    rows.append([overall, *_bar(done, total, cells, "green"), (share, "")])
    return rows


def _nearest(phases: list[PhaseState], most: int) -> list[PhaseState]:
    """The phases at work and those next to them, in the plan's order."""

    def rank(phase: PhaseState) -> tuple[int, int]:
        if phase.ended_at is None and phase.started_at is not None:
            return 0, phase.number
        return (1, phase.number) if phase.ended_at is None else (2, -phase.number)

    return sorted(sorted(phases, key=rank)[:most], key=lambda phase: phase.number)


def _phase_words(phase: PhaseState) -> str:
    counts = phase.counts
    running = counts["running"] + counts["retrying"]
    named = [
        (running, "running"),
        (counts["waiting"], "waiting"),
        (counts["failed"], "failed"),
        (counts["skipped"], "skipped"),
        (counts["cancelled"], "cancelled"),
    ]
    return ", ".join(f"{number:,} {word}" for number, word in named if number)


def _lanes(active: list[TaskState], now: float, width: int, most: int) -> list[Row]:
    some = active if len(active) <= most else active[: max(1, most - 1)]
    name_cells = min(max(len(task.id) for task in some), max(14, width * 3 // 10))
    rows = []
    for task in some:
        status, text, aside = _lane_words(task, now)
        room = width - 2 - name_cells - 2 - 8
        style = "" if status == "running" else STYLES[status]
        rows.append(
            [
                (f"{GLYPHS[status]} ", STYLES[status]),
                (fit(words.cut(task.id, 200), name_cells), ""),
                ("  " + fit(words.cut(text, max(1, room)), room), style),
                (aside.rjust(7), "dim"),
            ]
        )
    if len(some) < len(active):
        left = words.count(len(active) - len(some), "agent")
        rows.append([(f"  … and {left} more at work", "dim")])
    return rows


def _lane_words(task: TaskState, now: float) -> tuple[str, str, str]:
    """Status, words and age of a task at work."""
    quiet = words.age(now - task.message_at) if task.message_at is not None else ""
    if words.stalled(task, now):
        return "stalled", f"Stalled? last: {task.message or 'its start'}", quiet
    if task.status in ("waiting", "retrying"):
        return task.status, words.wait_sentence(task, now), quiet
    share = "" if task.fraction is None else f"{words.percent(int(task.fraction * 1000), 1000)} % "
    return "running", (share + task.message) or "Running", quiet


def _failures(state: State, width: int) -> list[Row]:
    failed = [task for task in state.tasks if task.status == "failed"]
    rows: list[Row] = []
    for task in failed[:_FAILURES]:
        name = words.cut(task.id, 60)
        rows.append([("✗ ", "red"), (shown(f"{name} failed: {task.error}", width - 2), "")])
    if len(failed) > _FAILURES:
        rows.append([(f"  … and {len(failed) - _FAILURES:,} more failed", "red")])
    lost = sum(1 for task in state.tasks if task.skip_cause == "failed" and task.kind == "task")
    if lost:
        verb = "was" if lost == 1 else "were"
        line = f"{words.count(lost, 'task')} that needed a result of these {verb} skipped."
        rows.append([("  " + shown(line, width - 2), "dim")])
    return [[], *rows] if rows else []


def _records(state: State, width: int, most: int) -> list[Row]:
    done = [d for d in state.decisions.values() if d.outcome is not None]
    rows: list[Row] = [[]] if done and most else []
    for decision in done[-most:] if most else []:
        assert decision.outcome is not None
        title, chosen = words.cut(decision.title, 80), words.choice(decision, decision.outcome)
        rows.append([("✓ ", "green"), (shown(f"{title} → {chosen}", width - 2), "")])
        sentence = words.outcome_sentence(decision, decision.outcome, mode=state.mode)
        sentence = f"{sentence} {words.noted(decision, decision.outcome, 200)}".rstrip()
        rows.append([("  " + shown(sentence, width - 2), "dim")])
    return rows


def _findings(state: State, width: int, most: int) -> list[Row]:
    """Blockers first, then the newest findings."""
    if most <= 0:
        return []
    blockers = [f for f in state.findings if f.kind == "blocker"][-most:]
    insights = [f for f in state.findings if f.kind != "blocker"]
    rest = most - len(blockers)
    rows: list[Row] = [[]]
    for finding in [*blockers, *(insights[-rest:] if rest else [])]:
        glyph, style = ("!", "yellow") if finding.kind == "blocker" else ("·", "dim")
        word = "Choice: " if finding.kind == "choice" else ""
        who = words.cut(finding.agent, max(8, width // 4))
        rows.append(
            [
                (f"{glyph} ", style),
                (shown(f"{word}{finding.text}", width - 4 - len(who)), ""),
                (f"  {who}", "dim"),
            ]
        )
    return rows
