"""The record of a run as static HTML and text, for saved notebooks.

No script, no outside resource; everything foreign is escaped. It reads as plain text where a host
drops the style. Size is bounded: at most 200 tasks as rows, and 300 kB in all.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from ..plan.durations import clock
from ..state import SETTLED, DecisionState, State, TaskState
from .ending import Ending, ending, record_line
from .run_info import RunInfo
from .words import (
    MODE_WORDS,
    STATUS_WORDS,
    count,
    cut,
    money,
    plain,
    rehearsal_tag,
    time_of_day,
    tokens,
)

__all__ = ["MOST_BYTES", "MOST_ROWS", "final_html", "final_text"]

MOST_ROWS: Final = 200
MOST_BYTES: Final = 300_000
_MOST_FINDINGS: Final = 40
_MOST_DECISIONS: Final = 60
_MOST_SPANS: Final = 24
_SPAN: Final = {
    "failed": "f",
    "human": "h",
    "rate_limit": "r",
    "slot": "r",
    "budget": "r",
}


def final_html(state: State, *, run: RunInfo) -> str:
    """The whole run on one static page part.

    Args:
        state: The state of a run that is over, or of one that is only looked at.
        run: What the state does not know.
    """
    for rows in (MOST_ROWS, 100, 40, 0):
        page = _page(state, run, rows)
        if len(page.encode()) <= MOST_BYTES:
            return page
    return page


def final_text(state: State, *, run: RunInfo) -> str:
    """The same record as plain text: the same state gives the same text."""
    end = ending(state, variable=run.variable)
    lines = [f"{plain(state.project)}: {STATUS_WORDS.get(state.status, 'Done')}"]
    if state.rehearsal is not None:
        lines.append(rehearsal_tag(state.rehearsal))
    lines.append(end.line)
    lines += [f"{value} {label}" for value, label in _figures(state, run)]
    for title, error, said in end.problems:
        lines += [f"{title}: {error}".rstrip(": "), f"  {said}"]
    lines += [f"  {index}. {plain(p.name)}: {_phase(state, p.number)}"
              for index, p in enumerate(state.phases, start=1)]  # fmt: skip
    for decision in _decided(state):
        lines.append(f"Decision: {_choice(decision)}")
    lines += [f"  {line}" for line in end.next]
    return "\n".join(lines)


@cache
def _style() -> str:
    folder = files(__package__)
    return (folder / "static_html.css").read_text(encoding="utf-8")


def _page(state: State, run: RunInfo, rows: int) -> str:
    end = ending(state, variable=run.variable)
    parts = [
        _head(state, run),
        f"<p>{_text(end.line, 600)}</p>",
        _stats(state, run),
        _ending(end),
        _phases(state),
        _table(state, rows) if rows else "",
        _findings(state),
        _decisions(state),
    ]
    style = f"<style>{_style()}</style>"
    return f'<div class="onb-end">{style}{"".join(parts)}</div>'


def _text(value: str, limit: int) -> str:
    return escape(cut(value, limit))


def _head(state: State, run: RunInfo) -> str:
    status = STATUS_WORDS.get(state.status, "Done")
    mode = MODE_WORDS.get(state.mode, state.mode)
    what = " · ".join(filter(None, (f"Level {state.level}", run.level_name, mode)))
    tag = ""
    if state.rehearsal is not None:
        tag = f' <span class="tag">{escape(rehearsal_tag(state.rehearsal))}</span>'
    return (
        f'<header><h3><span class="w-{escape(state.status)}">{escape(status)}</span> '
        f"{_text(state.project, 200)}{tag}</h3>"
        f'<p class="sub">{_text(what, 200)} · run {_text(state.id, 80)}, '
        f"started at {time_of_day(state.wall)}. "
        "Saved view. Nothing here is live.</p></header>"
    )


def _figures(state: State, run: RunInfo) -> list[tuple[str, str]]:
    done, total = state.done
    usage = state.usage
    spent = f"at least {money(usage.cost)}" if usage.unknown else money(usage.cost)
    figures = [
        (f"{done:,} of {total:,}", "tasks done"),
        (
            clock(state.ended_at if state.ended_at is not None else state.t),
            "took" if state.ended_at is not None else "so far",
        ),
    ]
    lost = [
        f"{state.counts[status]:,} {status}"
        for status in ("failed", "cancelled", "skipped")
        if state.counts[status]
    ]
    if lost:
        figures.append((", ".join(lost), "not done"))
    if usage.exchanges:
        figures += [
            (tokens(sum(usage.tokens.values())), "tokens"),
            (spent, f"of {money(run.budget_usd)} budget" if run.budget_usd else "cost"),
        ]
    return figures


def _stats(state: State, run: RunInfo) -> str:
    cells = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for value, label in _figures(state, run)
    )
    return f"<dl>{cells}</dl>"


def _ending(end: Ending) -> str:
    problems = "".join(
        f'<div class="problem"><b>{escape(title)}</b>'
        + (f"<pre>{escape(error)}</pre>" if error else "")
        + f'<p class="sub">{escape(said)}</p></div>'
        for title, error, said in end.problems
    )
    shares = ", ".join(f"{part} % {words}" for _, part, words in end.shares)
    spent = f"<h4>Where the agents’ time went</h4><p>{escape(shares)}</p>" if shares else ""
    code = escape("\n".join(end.next))
    return f'<section>{problems}{spent}<h4>Next</h4><pre class="code">{code}</pre></section>'


def _phase(state: State, number: int) -> str:
    phase = state.phases[number - 1]
    counts = phase.counts
    done = f"{counts['completed']:,} of {phase.total - counts['skipped']:,} done"
    rest = [
        f"{counts[status]:,} {STATUS_WORDS[status].lower()}"
        for status in ("failed", "cancelled", "skipped")
        if counts[status]
    ]
    return ", ".join([done, *rest])


def _phases(state: State) -> str:
    rows = "".join(
        f"<li>{phase.number}. {_text(phase.name, 120)}: {escape(_phase(state, phase.number))}</li>"
        for phase in state.phases
    )
    return f"<section><h4>Phases</h4><ul>{rows}</ul></section>"


def _table(state: State, most: int) -> str:
    tasks = [task for task in state.tasks if task.kind == "task"]
    shown = _worth_showing(tasks, most)
    end = max(state.ended_at or state.t, 0.001)
    rows = []
    before = None
    for task in shown:
        first = before is not None and task.phase != before
        before = task.phase
        rows.append(_row(task, end, first))
    head = (
        '<tr><th style="width:24%">Agent</th><th style="width:26%"></th>'
        '<th style="width:11%">Status</th><th>Last message</th><th style="width:64px"></th></tr>'
    )
    more = len(tasks) - len(shown)
    rest = f'<p class="sub">and {count(more, "more task")} with no row here</p>' if more else ""
    return f"<section><h4>Agents</h4><table>{head}{''.join(rows)}</table>{rest}</section>"


def _worth_showing(tasks: list[TaskState], most: int) -> list[TaskState]:
    """The failed first when not all fit; always in the plan's order."""
    if len(tasks) <= most:
        return tasks
    order = {"failed": 0, "cancelled": 1, "completed": 2}
    chosen = sorted(tasks, key=lambda task: (order.get(task.status, 3), task.index))[:most]
    return sorted(chosen, key=lambda task: task.index)


def _row(task: TaskState, end: float, first: bool) -> str:
    took = ""
    if task.started_at is not None and task.ended_at is not None:
        took = clock(task.ended_at - task.started_at)
    said = {"failed": task.error, "skipped": task.reason, "cancelled": task.reason}
    text = _text(said.get(task.status, task.message), 200)
    word = STATUS_WORDS[task.status]
    return (
        f"<tr{' class=first' if first else ''}><td>{_text(task.id, 80)}</td>"
        f'<td><div class="strip">{_strip(task, end)}</div></td>'
        f'<td class="w w-{task.status}">{word}</td><td>{text}</td>'
        f'<td class="num">{took}</td></tr>'
    )


def _strip(task: TaskState, end: float) -> str:
    bars = []
    for kind, start, stop in task.spans[-_MOST_SPANS:]:
        left = 100 * start / end
        wide = max(0.0, 100 * ((end if stop is None else stop) - start) / end)
        look = _SPAN.get(kind, "d" if task.status in SETTLED else "")
        bars.append(f'<i class="{look}" style="left:{left:.1f}%;width:{wide:.1f}%"></i>')
    return "".join(bars)


def _findings(state: State) -> str:
    if not state.findings:
        return ""
    ordered = sorted(state.findings, key=lambda finding: finding.kind != "blocker")
    rows = "".join(
        "<li>"
        + ('<span class="blocker">Blocker</span> ' if f.kind == "blocker" else "")
        + f'{_text(f.text, 500)} <span class="sub">{_text(f.agent, 80)}, {clock(f.at)}</span></li>'
        for f in ordered[:_MOST_FINDINGS]
    )
    more = len(ordered) - _MOST_FINDINGS
    rest = f'<p class="sub">and {count(more, "more finding")}</p>' if more > 0 else ""
    return f"<section><h4>Findings and blockers</h4><ul>{rows}</ul>{rest}</section>"


def _decided(state: State) -> Iterable[DecisionState]:
    return [d for d in state.decisions.values() if d.outcome][:_MOST_DECISIONS]


def _choice(decision: DecisionState) -> str:
    outcome = decision.outcome
    assert outcome is not None
    words = cut(outcome.text, 300)
    free = not any(o["key"] == outcome.option for o in decision.options)
    chosen = words if free else f"{cut(outcome.option, 20)} · {words}"
    return f"{cut(decision.title, 200)} → {chosen}"


def _decisions(state: State) -> str:
    rows = []
    for decision in _decided(state):
        outcome = decision.outcome
        assert outcome is not None
        note = f" Note: “{cut(outcome.note, 500)}”." if outcome.note else ""
        line = cut(record_line(state, decision, outcome), 800)
        rows.append(
            f'<li>{escape(_choice(decision))}<p class="sub">{escape(line)}{escape(note)}</p></li>'
        )
    if not rows:
        return ""
    return f"<section><h4>Decisions</h4><ul>{''.join(rows)}</ul></section>"
