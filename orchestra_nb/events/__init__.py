"""The events of a run: what a line of ``orchestration-timeline.jsonl`` holds.

An event is a plain mapping, the very one that is written as JSON, so nothing is converted on the
way to disk or back. The functions here are the only way to make one: their signatures are the
schema. The engine adds ``timestamp`` (ISO 8601, UTC), ``seq`` (1, 2, 3 ... without gaps) and ``t``
(monotonic seconds since the run's start) when it appends the event.

Field names of the original timeline are kept so that its viewer runs unchanged: ``event``,
``agent``, ``phase`` (1-based), ``duration`` ("45s", "14m", "2h05m"), ``status``, ``decision`` (the
words of the choice), ``description``, ``question``, ``response``. ``task`` is the task's id,
``decision_id`` a decision's, ``duration_s`` seconds.
"""

from __future__ import annotations

from .decisions import (
    checkpoint,
    decision,
    decision_held,
    decision_opened,
    decision_released,
    decision_withdrawn,
    user_input,
)
from .kinds import FORMAT, MASK, By, Event, WaitCause
from .runs import (
    note,
    orchestration_complete,
    orchestration_start,
    phase_complete,
    phase_skipped,
    phase_start,
    plan_adjustment,
    run_interrupted,
    run_paused,
    run_resumed,
    run_stopped,
    run_unpaused,
)
from .tasks import (
    agent_cancelled,
    agent_complete,
    agent_failed,
    agent_progress,
    agent_retry,
    agent_reused,
    agent_skipped,
    agent_start,
    agent_wait,
    blocker,
    budget,
    insight,
    rating,
    task_added,
    task_edited,
    task_revived,
    tool_call,
    usage,
)

__all__ = [
    "FORMAT",
    "MASK",
    "By",
    "Event",
    "WaitCause",
    "agent_cancelled",
    "agent_complete",
    "agent_failed",
    "agent_progress",
    "agent_retry",
    "agent_reused",
    "agent_skipped",
    "agent_start",
    "agent_wait",
    "blocker",
    "budget",
    "checkpoint",
    "decision",
    "decision_held",
    "decision_opened",
    "decision_released",
    "decision_withdrawn",
    "insight",
    "note",
    "orchestration_complete",
    "orchestration_start",
    "phase_complete",
    "phase_skipped",
    "phase_start",
    "plan_adjustment",
    "rating",
    "run_interrupted",
    "run_paused",
    "run_resumed",
    "run_stopped",
    "run_unpaused",
    "task_added",
    "task_edited",
    "task_revived",
    "tool_call",
    "usage",
    "user_input",
]
