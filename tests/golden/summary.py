"""What a run folder of a release holds, in words that later releases must still find in it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orchestra_nb as onb
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.store.reader import read_events

__all__ = ["summary_of"]


def summary_of(home: Path, run_id: str) -> dict[str, Any]:
    """All that a person would miss, as plain data: what happened, who decided, what came of it."""
    run = onb.open(run_id, home=home)
    state = run.state
    events, problems = read_events(run.folder / "orchestration-timeline.jsonl")
    kinds = [event["event"] for event in events]
    return {
        "status": state.status,
        "project": state.project,
        "level": state.level,
        "mode": state.mode,
        "timeline": state.timeline,
        "rehearsal": state.rehearsal,
        "began": state.wall,
        "seconds": run.now(),
        "events": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "lost": problems.lost,
        "findings": [[one.place, one.what] for one in inspect(run.folder).findings],
        "totals": state.totals,
        "answers": state.answers,
        "budget": state.budget,
        "notes": state.notes,
        "adjustments": state.adjustments,
        "told": [[one.kind, one.text, one.agent, one.at] for one in state.findings],
        "tasks": {task.id: _task(task) for task in state.tasks},
        "decisions": {one.id: _decision(one) for one in state.decisions.values()},
        "results": {task.id: _result(run, task.id) for task in state.tasks},
    }


def _task(task: Any) -> dict[str, Any]:
    return {
        "kind": task.kind,
        "status": task.status,
        "title": task.title,
        "attempt": task.attempt,
        "started": task.started_at,
        "ended": task.ended_at,
        "error": task.error,
        "reason": task.reason,
        "tokens": task.tokens,
        "comments": list(task.comments),
        "rating": task.rating,
        "spans": task.spans,
    }


def _decision(one: Any) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "purpose": one.purpose,
        "title": one.title,
        "options": [option["key"] for option in one.options],
        "recommend": one.recommend,
        "sum": one.sum,
        "opened": one.opened_at,
        "withdrawn": one.withdrawn,
        "outcome": outcome
        and {
            "option": outcome.option,
            "text": outcome.text,
            "by": outcome.by,
            "who": outcome.who,
            "note": outcome.note,
            "waited": outcome.waited_s,
            "shown": outcome.shown_s,
            "values": outcome.values,
            "source": outcome.source,
        },
    }


def _result(run: onb.Run, task: str) -> str:
    """A result as a short text; the text of the error where there is none."""
    try:
        value = run.results[task]
    except onb.TaskFailed as error:
        return f"no: {error.status}"
    shown = value.to_csv() if hasattr(value, "to_csv") else repr(value)
    if len(shown) <= 200:
        return shown
    return f"{shown[:60]}… {hashlib.sha256(shown.encode()).hexdigest()[:16]}"
