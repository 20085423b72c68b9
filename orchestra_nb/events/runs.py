"""Events of a run as a whole, and of its phases."""

from __future__ import annotations

from typing import Any

from ..plan.durations import format_duration
from .kinds import FORMAT, Event

__all__ = [
    "note",
    "orchestration_complete",
    "orchestration_start",
    "phase_complete",
    "phase_skipped",
    "phase_start",
    "plan_adjustment",
    "run_interrupted",
    "run_paused",
    "run_resumed",
    "run_stopped",
    "run_unpaused",
]


def orchestration_start(
    *,
    run: str,
    project: str,
    level: int,
    mode: str,
    timeline: str,
    total_agents: int,
    rehearsal: float | None,
    wall: float,
    parent: str = "",
    shares: Event | None = None,
    functions: list[str] | None = None,
    overrides: list[str] | None = None,
) -> Event:
    """First line of a log.

    ``rehearsal`` is the speed of a rehearsal, ``wall`` epoch seconds, ``parent`` the run whose
    results it may share, ``functions`` the names that were given in ``agents=``, ``overrides``
    the fields of the plan's head that the run was given others of (absent: nobody knows).
    ``shares`` says what of the parent counts: what its log says before the line ``before``, but
    for the tasks ``rerun``; its ``outcomes`` too, if that is true; ``items`` is what was wanted of
    tasks that are not there before the plan has grown.
    """
    event: Event = {
        "event": "orchestration_start",
        "format": FORMAT,
        "run": run,
        "project": project,
        "level": level,
        "mode": mode,
        "interactive": mode != "fully_autonomous",
        "timeline": timeline,
        "total_agents": total_agents,
        "rehearsal": rehearsal,
        "wall": wall,
    }
    if parent:
        event["parent"] = parent
    if shares:
        event["shares"] = shares
    if functions:
        event["functions"] = functions
    if overrides is not None:
        event["overrides"] = overrides
    return event


def run_resumed(
    *,
    who: str,
    tasks: list[str],
    compare: dict[str, str],
    crashed: list[str],
    plan: Event | None,
    functions: list[str],
    wall: float,
) -> Event:
    """A process took the run up again.

    Args:
        who: Who did it.
        tasks: Ids of all that is to be done, or judged, from here on.
        compare: Id of a task among them that has a result -> a hash of what it was given; the
            result counts if it is given the same when its time comes.
        crashed: Ids of tasks that were at work when the last process died.
        plan: The plan from here on, where it is another one.
        functions: The names that were given in ``agents=``.
        wall: Epoch seconds.
    """
    event: Event = {"event": "run_resumed", "who": who, "tasks": tasks, "crashed": crashed}
    event |= {"compare": compare, "functions": functions, "wall": wall}
    return event | {"plan": plan} if plan is not None else event


def orchestration_complete(
    *, status: str, seconds: float, counts: dict[str, int], **totals: Any
) -> Event:
    """The run's end; ``status`` is completed, failed or stopped.

    With the rest of ``state.State.totals``: a list of runs reads the ends of logs alone.
    """
    return {
        "event": "orchestration_complete",
        "status": status,
        "duration": format_duration(seconds),
        "duration_s": round(seconds, 6),
        "counts": counts,
    } | totals


def phase_start(*, phase: int, name: str) -> Event:
    """The first task of a phase started."""
    return {"event": "phase_start", "phase": phase, "name": name}


def phase_complete(*, phase: int, name: str, seconds: float) -> Event:
    """Every task of a phase is settled."""
    return {
        "event": "phase_complete",
        "phase": phase,
        "name": name,
        "duration": format_duration(seconds),
        "duration_s": round(seconds, 6),
    }


def phase_skipped(*, phase: int, name: str) -> Event:
    """Every task of a phase was skipped."""
    return {"event": "phase_skipped", "phase": phase, "name": name}


def plan_adjustment(*, description: str, **changes: Any) -> Event:
    """The run goes on differently from here on.

    ``changes`` are ``autopilot``, ``level``, ``timeline``, ``budget``: the new value of each;
    ``budget_of`` has caps by the phase or the task they are for, ``models`` what is used instead
    of a model, ``said`` the outcomes that decisions get as soon as they are reached, by their ids:
    ``option``, ``text``, ``note``.
    """
    return {"event": "plan_adjustment", "description": description} | changes


def note(*, text: str, who: str) -> Event:
    """A sentence for all agents that have not started."""
    return {"event": "note", "description": text, "who": who}


def run_paused(*, who: str) -> Event:
    """Nothing new starts from here on."""
    return {"event": "run_paused", "who": who}


def run_unpaused(*, who: str) -> Event:
    """The run goes on."""
    return {"event": "run_unpaused", "who": who}


def run_stopped(*, who: str, reason: str) -> Event:
    """The run is being ended; what runs is cancelled."""
    return {"event": "run_stopped", "who": who, "reason": reason}


def run_interrupted(*, reason: str, **totals: Any) -> Event:
    """The process ended under the run, which had come to ``state.State.totals``."""
    return {"event": "run_interrupted", "reason": reason} | totals
