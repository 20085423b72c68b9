"""The record of a run as static HTML and text, for saved notebooks.

It looks as the board did in its last moment, so that nothing jumps when it takes the board's place.
No script, no outside resource; everything foreign is escaped. It reads as plain text where a host
drops the style. Size is bounded: at most 200 tasks as rows, and 300 kB in all.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from ..plan.durations import clock
from ..state import DecisionState, Finding, Outcome, State
from .answers import answered, answered_words
from .ending import Ending, ending, record_line
from .glyphs import glyph
from .reused import fork_line, origin
from .run_info import RunInfo
from .static_agents import agents
from .words import (
    FINDING_WORDS,
    MODE_WORDS,
    STATUS_WORDS,
    choice,
    count,
    cut,
    money,
    noted,
    plain,
    rehearsal_tag,
    tokens,
)

__all__ = ["MOST_BYTES", "MOST_ROWS", "final_html", "final_text"]

MOST_ROWS: Final = 200
MOST_BYTES: Final = 300_000
_MOST_FINDINGS: Final = 40
_MOST_DECISIONS: Final = 60
_MOST_CELLS: Final = 24
_MOST_PHASES: Final = 8
_ORDER: Final = (
    *("completed", "failed", "running", "retrying", "waiting"),
    *("skipped", "cancelled", "ready", "pending"),
)


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
    for decision, outcome in _decided(state):
        chosen = choice(decision, outcome)
        lines.append(f"Decision: {cut(decision.title, 200)} → {chosen}")
        if undo := fork_line(state, decision):
            lines.append(f"  Undo: {undo}")
    lines += [f"  {line}" for line in end.next]
    return "\n".join(lines)


@cache
def _style() -> str:
    folder = files(__package__)
    return (folder / "static_html.css").read_text(encoding="utf-8")


def _page(state: State, run: RunInfo, rows: int) -> str:
    end = ending(state, variable=run.variable)
    rehearsal = " rehearsal" if state.rehearsal is not None else ""
    parts = [
        _head(state, run),
        f'<div class="line s-{escape(state.status)}">{glyph(state.status)}'
        f"<div>{_text(end.line, 600)}</div></div>",
        _stats(state, run),
        _ending(end),
        f"<div class=two>{_phases(state)}{_findings(state)}</div>",
        agents(state, rows=rows, slots=run.slots),
        _decisions(state),
    ]
    # The host's shortcuts must not act on what is scrolled by key in here.
    return (
        f'<div class="onb-end{rehearsal}" data-lm-suppress-shortcuts="true">'
        f"<style>{_style()}</style>{''.join(parts)}</div>"
    )


def _text(value: str, limit: int) -> str:
    return escape(cut(value, limit))


def _heading(text: str, level: int = 4) -> str:
    # Not h3 and h4: JupyterLab lists those of outputs in the notebook's table of contents.
    return f'<div class=h{level} role=heading aria-level="{level}">{text}</div>'


def _head(state: State, run: RunInfo) -> str:
    status = STATUS_WORDS.get(state.status, "Done")
    mode = MODE_WORDS.get(state.mode, state.mode)
    name = re.sub(r"^\d{8}T\d{6}Z-|-[0-9a-f]{4}$", "", state.id)
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.wall))
    what = [origin(state), f"Level {state.level}", run.level_name, mode, f"run {started} {name}"]
    tag = ""
    if state.rehearsal is not None:
        word, _, speed = rehearsal_tag(state.rehearsal).partition(" ")
        tag = f"<div class=tag>{escape(word)}<span> {escape(speed)}</span></div>"
    return (
        f'<div class=head><div class="state s-{escape(state.status)}">{glyph(state.status)}'
        f"{escape(status)}</div><div class=id>{_heading(_text(state.project, 200), 3)}"
        f'<div class="sub cut" title="{_text(state.id, 80)}">'
        f"{_text(' · '.join(filter(None, what)), 300)}</div></div>{tag}"
        "<div class=sub>Saved view. Nothing here is live.</div></div>"
    )


def _figures(state: State, run: RunInfo) -> list[tuple[str, str]]:
    done, total = state.done
    usage = state.usage
    spent = money(usage.cost)
    if usage.unknown:
        spent = f"at least {spent}" if usage.cost else "unknown"
    ended = state.ended_at is not None
    lost = [
        f"{state.counts[status]:,} {status}"
        for status in ("failed", "cancelled", "skipped", "pending")
        if ended and state.counts[status]
    ]
    return [
        (f"{done:,} of {total:,}", "tasks done"),
        (
            clock(state.t if state.ended_at is None else state.ended_at),
            "took" if ended else "so far",
        ),
        (", ".join(lost), "not done") if lost else (clock(_work(state)), "of agents’ work"),
        (tokens(sum(usage.tokens.values())), "tokens"),
        (spent, f"of {money(run.budget_usd)} budget" if run.budget_usd else "cost"),
    ]


def _work(state: State) -> float:
    """Seconds that all agents worked."""
    return math.fsum(
        stop - start
        for task in state.tasks
        if task.kind == "task"
        for kind, start, stop in task.spans
        if kind == "run" and stop is not None
    )


def _stats(state: State, run: RunInfo) -> str:
    cells = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for value, label in _figures(state, run)
    )
    return f"<div class=total><dl>{cells}</dl>{_bar(state.counts, state.total)}</div>"


def _bar(counts: Mapping[str, int], total: int) -> str:
    """One cell a task up to 24 tasks, above that one stretch a status."""
    cells = "".join(
        f"<i class=s-{status}></i>" * counts[status]
        if total <= _MOST_CELLS
        else f'<i class=s-{status} style="flex-grow:{counts[status]}"></i>'
        for status in _ORDER
        if counts.get(status)
    )
    return f"<div class=bar>{cells}</div>"


def _ending(end: Ending) -> str:
    problems = "".join(
        f"<div class=problem><div class=s-failed>{glyph('failed')}</div>"
        f"<div><b>{escape(title)}</b>"
        + (f"<pre>{escape(error)}</pre>" if error else "")
        + f"<div class=sub>{escape(said)}</div></div></div>"
        for title, error, said in end.problems
    )
    spent = ""
    if end.shares:
        bar = "".join(
            f'<i class="k-{k}" style="flex-grow:{part}"></i>' for k, part, _ in end.shares
        )
        keys = "".join(
            f'<span><i class="key k-{kind}"></i>{part} % {escape(words)}</span>'
            for kind, part, words in end.shares
        )
        spent = (
            f"<div>{_heading('Where the agents’ time went')}<div class=bar>{bar}</div>"
            f"<div class=legend>{keys}</div></div>"
        )
    code = escape("\n".join(end.next))
    return (
        f"<div class=over>{problems}{spent}"
        f"<div>{_heading('Next')}<pre class=code>{code}</pre></div></div>"
    )


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
        f'<li title="{_text(phase.name, 120)}: {escape(_phase(state, phase.number))}">'
        f"<span class=cut>{phase.number} {_text(phase.name, 120)}</span>"
        f"{_bar(phase.counts, phase.total)}<span class=num> {phase.counts['completed']:,}/"
        f"{phase.total - phase.counts['skipped']:,}</span></li>"
        for phase in state.phases
    )
    scrolls = " tabindex=0" if len(state.phases) > _MOST_PHASES else ""
    return (
        f"<div class=phases>{_heading('Phases')}"
        f'<ul class=box{scrolls} aria-label="Phases">{rows}</ul></div>'
    )


def _findings(state: State) -> str:
    ordered = sorted(state.findings, key=lambda finding: finding.kind != "blocker")
    rows = "".join(_finding(finding) for finding in ordered[:_MOST_FINDINGS])
    more = len(ordered) - _MOST_FINDINGS
    if more > 0:
        rows += f"<li><span></span><span>and {count(more, 'more finding')}</span></li>"
    # As high as on the live board, which it takes the place of; on paper as high as it is long.
    high = 26 * min(_MOST_PHASES, max(4, len(state.phases)))
    none = "<li class=sub><span></span><span>None.</span></li>"
    label = "Findings and blockers"
    return (
        f"<div class=feed>{_heading(label)}"
        f'<ul class=box tabindex=0 aria-label="{label}" style="height:{high}px">'
        f"{rows or none}</ul></div>"
    )


def _finding(finding: Finding) -> str:
    kind = "blocker" if finding.kind == "blocker" else "finding"
    word = f"<b>{FINDING_WORDS[finding.kind]}</b> " if finding.kind != "insight" else ""
    return (
        f'<li title="{_text(finding.agent, 80)}"><span class=by-{kind}>{glyph(kind)}</span>'
        f"<span>{word}"
        f"{_text(finding.text, 500)}</span><span class=num> {clock(finding.at)}</span></li>"
    )


def _decided(state: State) -> Iterable[tuple[DecisionState, Outcome]]:
    return [(d, d.outcome) for d in state.decisions.values() if d.outcome][:_MOST_DECISIONS]


def _decisions(state: State) -> str:
    over = [d for d in state.decisions.values() if d.outcome or d.withdrawn]
    rows = [_record(state, decision) for decision in reversed(over[-_MOST_DECISIONS:])]
    more = len(over) - len(rows)
    if more:
        rows.append(
            f"<div class=record><div class=sub>and {count(more, 'earlier decision')}</div></div>"
        )
    return "".join(rows)


def _record(state: State, decision: DecisionState) -> str:
    outcome = decision.outcome
    if outcome is None:
        by, chosen, line = "cancelled", "", cut(decision.withdrawn, 800)
    else:
        by = outcome.by
        form = decision.purpose == "form"
        chosen = f" → {answered_words(decision) if form else choice(decision, outcome)}"
        line = cut(record_line(state, decision, outcome), 800)
        line = f"{line} {noted(decision, outcome)}".rstrip()
    return (
        f"<div class=record data-by={by}>{glyph(by)}<div><b>{_text(decision.title, 200)}</b>"
        f"{escape(chosen)}<div class=sub>{escape(line)}</div>{_answers(decision)}"
        f"{_undo(state, decision)}</div></div>"
    )


def _undo(state: State, decision: DecisionState) -> str:
    """How to go on from another choice: nothing here is live, so it is code."""
    line = fork_line(state, decision)
    return f"<div class=sub>Undo: <code>{escape(line)}</code></div>" if line else ""


def _answers(decision: DecisionState) -> str:
    """What a form was answered, as a short list."""
    rows = "".join(
        f"<div><dt>{escape(one.ask)}</dt>"
        f"<dd{' class=asdefault' if one.by_default else ''}>{escape(one.answer)}</dd></div>"
        for one in answered(decision)
    )
    return f"<dl class=answers>{rows}</dl>" if rows else ""
