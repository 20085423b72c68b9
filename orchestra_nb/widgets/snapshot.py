"""The board's picture of a run, as JSON-able values: whole, or only what changed.

Pure functions of the state, called where the state is owned. Everything foreign is made printable
and cut to a sane length here; the browser only ever writes it as text.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from ..state import Change, DecisionState, Finding, State, TaskState
from ..views.answers import answered, answered_words
from ..views.ending import ending, going_on, record_line
from ..views.reused import can_undo, origin
from ..views.run_info import RunInfo
from ..views.words import MODE_WORDS, PURPOSE_WORDS, choice, cut, noted, plain
from .details import printable
from .rows import deciders, pristine, row

__all__ = ["RunInfo", "delta", "snapshot"]

FORMAT: Final = 1
NEWEST_FINDINGS: Final = 200
_MOST_NEEDS: Final = 40


def snapshot(
    state: State, now: float, *, run: RunInfo, left_s: float | None = None
) -> dict[str, Any]:
    """The full picture.

    Args:
        state: The run's state, read only.
        now: The run's ``t`` in seconds.
        run: What the state does not know.
        left_s: Seconds the run will take at least, where that is known.

    Returns:
        A JSON-able mapping; its size grows with the tasks that have started.
    """
    return {
        "format": FORMAT,
        "seq": state.seq,
        "now": now,
        "run": {
            "id": state.id,
            "title": cut(state.project, 200),
            "origin": cut(origin(state), 200),
            "resume": going_on(state),
            "level": state.level,
            "levelName": cut(run.level_name, 60),
            "mode": MODE_WORDS.get(state.mode, state.mode),
            "rehearsal": state.rehearsal,
            "wall": state.wall,
            "zone": time.localtime(state.wall).tm_gmtoff,
            "slots": run.slots,
        },
        "totals": _totals(state, now, run, left_s),
        "phases": [cut(phase.name, 120) for phase in state.phases],
        "tasks": _columns(state, run),
        "rows": [row(state, task) for task in state.tasks if not _untouched(state, task)],
        "decisions": [_decision(state, d) for d in state.decisions.values()],
        "findings": [_finding(f) for f in state.findings[-NEWEST_FINDINGS:]],
        "over": _over(state, run),
    }


def _columns(state: State, run: RunInfo) -> dict[str, list[Any]]:
    """What the plan says of its nodes; ``shown`` are the tasks in the order of their rows."""
    nodes = state.graph.nodes
    return {
        "name": [cut(n.id if n.kind in ("task", "group") else n.title, 120) for n in nodes],
        "kind": [0 if n.kind == "task" else 1 for n in nodes],
        "phase": [n.phase - 1 for n in nodes],
        "needs": [[*n.needs, *n.after, *(i for i, _ in n.when)][:_MOST_NEEDS] for n in nodes],
        "gates": [list(n.gates) for n in nodes],
        "expected": _expected(state, run.estimates or {}),
        "shown": [i for i in state.graph.shown if nodes[i].kind == "task"],
    }


def delta(
    state: State,
    change: Change,
    now: float,
    *,
    base: int,
    run: RunInfo,
    left_s: float | None = None,
) -> dict[str, Any]:
    """What changed since the message that brought the board to ``base``.

    Args:
        state: The run's state after the change, read only.
        change: What changed, collected since then.
        now: The run's ``t`` in seconds.
        base: ``seq`` of the picture or delta sent before.
        run: What the state does not know.
        left_s: Seconds the run will take at least, where that is known.
    """
    message: dict[str, Any] = {
        "type": "delta",
        "seq": state.seq,
        "base": base,
        "now": now,
        "totals": _totals(state, now, run, left_s),
    }
    if change.run:
        message["level"] = [state.level, cut(run.level_name, 60)]
    if change.graph:
        message["tasks"] = _columns(state, run)
    tasks = state.tasks
    touched = change.tasks
    if change.decisions:
        decisions = [state.decisions[key] for key in change.decisions if key in state.decisions]
        message["decisions"] = [_decision(state, d) for d in decisions]
        touched = touched | _waiting_for(state, decisions)
    if touched:
        message["rows"] = [row(state, tasks[i]) for i in touched]
    if change.findings:
        newest = state.findings[-min(change.findings, NEWEST_FINDINGS) :]
        message["findings"] = [_finding(f) for f in newest]
    if state.ended_at is not None:
        message["over"] = _over(state, run)
    return message


def _untouched(state: State, task: TaskState) -> bool:
    untouched = pristine(task, state.graph.nodes[task.index])
    return untouched and not (state.decisions and task.index in deciders(state.graph))


def _waiting_for(state: State, decisions: list[DecisionState]) -> set[int]:
    """Tasks whose row changes because a decision was opened or is over.

    A decision that was held or extended changes no row: its clock is touched every few seconds and
    thousands may wait for it.
    """
    found: set[int] = set()
    for decision in decisions:
        fresh = decision.open and decision.held is None and decision.remaining_s is None
        if decision.task is not None and (fresh or not decision.open):
            found.update(state.graph.dependents[decision.task])
    return found


def _expected(state: State, estimates: Mapping[int, float]) -> list[float | None]:
    pace = state.rehearsal or 1.0
    return [
        estimates.get(n.index if n.template is None else n.template)
        or (getattr(n.spec, "estimate", None) or 0.0) / pace
        or None
        if n.kind == "task"
        else None
        for n in state.graph.nodes
    ]


def _totals(state: State, now: float, run: RunInfo, left_s: float | None) -> dict[str, Any]:
    usage = state.usage
    return {
        "status": state.status,
        "autopilot": state.autopilot,
        "ended": state.ended_at,
        "left": left_s,
        "tokens": sum(usage.tokens.values()),
        "cost": usage.cost,
        "unknown": usage.unknown,
        "budget": run.budget_usd,
    }


def _finding(finding: Finding) -> list[Any]:
    return [finding.kind, cut(finding.text, 500), cut(finding.agent, 80), finding.at]


def _paragraphs(text: str, limit: int) -> str:
    """Foreign text of several lines, each printable, cut as a whole."""
    lines = [plain(line) for line in text[:limit].splitlines()]
    return "\n".join(lines).strip() + ("…" if len(text) > limit else "")


def _decision(state: State, d: DecisionState) -> dict[str, Any]:
    waiting = []
    node = d.about if d.task is None else d.task
    # A card that opened by itself is about a task too, and holds back nothing.
    if node is not None and d.open and d.purpose not in ("overrun", "blocker"):
        waiting = [i for i in state.graph.dependents[node] if state.tasks[i].status == "pending"]
    outcome = d.outcome
    detail, exact = printable(d.detail if d.open else {})
    return {
        "id": d.id,
        "purpose": d.purpose,
        "about": d.about,
        "detail": detail,
        "exact": exact,
        "title": cut(d.title, 200),
        "why": _why(d),
        # What is over is one line: a picture with thousands of them must stay small.
        "context": _paragraphs(d.context, 4000) if d.open else "",
        "asker": cut(d.asker, 80),
        "waiting": len(waiting),
        "first": cut(state.tasks[waiting[0]].id, 80) if waiting else "",
        "options": [
            [cut(o["key"], 20), cut(o["text"], 200), cut(o.get("description", ""), 400)]
            for o in d.options[:99]
        ],
        "recommend": d.recommend and cut(d.recommend, 20),
        "because": cut(d.because, 400),
        "other": d.other,
        "opened": d.opened_at,
        "timeout": d.timeout_s,
        "sum": cut(d.sum, 200),
        "deadline": d.deadline,
        "remaining": d.remaining_s,
        "held": d.held,
        "heldUntil": d.held_until,
        "withdrawn": cut(d.withdrawn, 300),
        "undo": can_undo(d),
        "outcome": outcome
        and {
            "option": cut(outcome.option, 20),
            "chosen": answered_words(d) if d.purpose == "form" else choice(d, outcome),
            "answers": [list(one) for one in answered(d)],
            "by": outcome.by,
            "line": f"{record_line(state, d, outcome)} {noted(d, outcome)}".rstrip(),
        },
    }


def _why(d: DecisionState) -> str:
    """What kind of decision it is, beside its title."""
    if d.purpose != "decision":
        return PURPOSE_WORDS.get(d.purpose, d.purpose)
    return " · ".join(cut(part, 60) for part in (d.kind, d.category or "") if part)


def _over(state: State, run: RunInfo) -> dict[str, Any] | None:
    if state.ended_at is None:
        return None
    end = ending(state, variable=run.variable)
    return {
        "line": end.line,
        "problems": [list(problem) for problem in end.problems],
        "shares": [list(share) for share in end.shares],
        "next": list(end.next),
    }
