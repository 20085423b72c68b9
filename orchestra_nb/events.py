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

from typing import Any, Final, Literal, TypeAlias

from .plan.durations import format_duration

__all__ = ["FORMAT", "MASK", "By", "Event", "WaitCause"]

FORMAT: Final = 1
"""Version of the log's format, written in ``orchestration_start``."""
MASK: Final = "[secret]"
"""What stands in a log where a secret was."""

Event: TypeAlias = dict[str, Any]
By: TypeAlias = Literal["user", "timeout", "autopilot", "policy", "remote", "budget", "agent"]
WaitCause: TypeAlias = Literal["rate_limit", "human", "slot", "budget"]


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
    functions: list[str] | None = None,
) -> Event:
    """First line of a log.

    ``rehearsal`` is the speed of a rehearsal, ``wall`` epoch seconds, ``parent`` the run whose
    results it may share, ``functions`` the names that were given in ``agents=``.
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
    if functions:
        event["functions"] = functions
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


def _of_task(kind: str, task: str, agent: str, phase: int) -> Event:
    return {"event": kind, "agent": agent, "phase": phase, "task": task}


def agent_start(*, task: str, agent: str, phase: int, attempt: int, notes: int = 0) -> Event:
    """An attempt began; ``notes`` is how many notes its context holds."""
    event = {"event": "agent_start", "agent": agent, "phase": phase, "task": task}
    event["attempt"] = attempt
    if notes:
        event["notes"] = notes
    return event


def agent_progress(
    *, task: str, agent: str, phase: int, text: str, fraction: float | None
) -> Event:
    """What an agent is doing; ``fraction`` is 0..1 where it is known."""
    return _of_task("agent_progress", task, agent, phase) | {
        "description": text,
        "fraction": fraction,
    }


def agent_retry(
    *,
    task: str,
    agent: str,
    phase: int,
    attempt: int,
    error: str,
    delay_s: float,
    cause: str | None,
) -> Event:
    """Attempt ``attempt`` failed; the next begins after ``delay_s``."""
    return _of_task("agent_retry", task, agent, phase) | {
        "attempt": attempt,
        "error": error,
        "delay_s": round(delay_s, 3),
        "cause": cause,
    }


def agent_wait(
    *,
    task: str,
    agent: str,
    phase: int,
    cause: WaitCause | None,
    detail: str = "",
    until_s: float | None = None,
    error: str = "",
) -> Event:
    """A wait began, or with ``cause=None`` ended.

    ``until_s`` is the run's ``t`` at which it is expected to end; ``error`` what the attempt failed
    with, where a person says what comes of that.
    """
    event = {"cause": cause, "detail": detail, "until_s": until_s}
    if error:
        event["error"] = error
    return _of_task("agent_wait", task, agent, phase) | event


def agent_complete(
    *,
    task: str,
    agent: str,
    phase: int,
    attempt: int,
    seconds: float,
    result: Event | None,
    key: str = "",
) -> Event:
    """A task succeeded.

    ``result`` says where its result is (see ``store.results``), ``key`` what the worker was: of a
    function its code, of a model its request, as a hash; absent where that can't be known.
    """
    event: Event = {
        "event": "agent_complete",
        "agent": agent,
        "phase": phase,
        "task": task,
        "duration": format_duration(seconds),
        "status": "success",
        "attempt": attempt,
        "duration_s": round(seconds, 6),
        "result": result,
    }
    if key:
        event["key"] = key
    return event


def agent_reused(
    *,
    task: str,
    agent: str,
    phase: int,
    attempt: int,
    level: int,
    notes: int,
    run: str,
    result: Event,
    seconds: float,
    key: str,
    tokens: int,
    cost: float,
    told: list[list[str]],
) -> Event:
    """A task has the result of an earlier attempt: nothing is known to differ since.

    ``run`` is where that was made, at which ``level`` and with how many ``notes``; ``seconds``,
    ``tokens`` and ``cost`` are what it took there, and are not spent again; ``told`` are ``[kind,
    text]`` of what its agent found, where this log does not have them.
    """
    return _of_task("agent_reused", task, agent, phase) | {
        "attempt": attempt,
        "level": level,
        "notes": notes,
        "run": run,
        "result": result,
        "duration": format_duration(seconds),
        "duration_s": round(seconds, 6),
        "key": key,
        "tokens": tokens,
        "cost": round(cost, 6),
        "told": told,
    }


def agent_failed(
    *,
    task: str,
    agent: str,
    phase: int,
    attempt: int,
    seconds: float,
    error: str,
    traceback: str = "",
) -> Event:
    """A task failed for good; ``error`` is one line."""
    return _of_task("agent_failed", task, agent, phase) | {
        "duration": format_duration(seconds),
        "status": "failed",
        "attempt": attempt,
        "duration_s": round(seconds, 6),
        "error": error,
        "traceback": traceback,
    }


def agent_skipped(*, task: str, agent: str, phase: int, cause: str, reason: str) -> Event:
    """A task does not run. ``cause``: level, when, failed or hand; ``reason`` is for people."""
    return _of_task("agent_skipped", task, agent, phase) | {"cause": cause, "reason": reason}


def task_added(*, template: str, items: list[dict[str, str]]) -> Event:
    """A task became one task per item of a list, all of them; it is done when they are.

    ``items`` are ``id``, ``text`` and ``item``, a hash of that item. Said again for a template, it
    is the list from there on.
    """
    return {"event": "task_added", "template": template, "items": items}


def task_revived(*, tasks: list[str], reason: str, who: str) -> Event:
    """Tasks that were over or left out are to be done after all, by a person's wish."""
    return {"event": "task_revived", "tasks": tasks, "reason": reason, "who": who}


def task_edited(*, task: str, agent: str, phase: int, text: str, who: str) -> Event:
    """A task that had not started has another text."""
    return _of_task("task_edited", task, agent, phase) | {"text": text, "who": who}


def rating(
    *, task: str, agent: str, phase: int, attempt: int, good: bool, note: str, who: str
) -> Event:
    """A person's thumb for a task's result; the last one counts."""
    return _of_task("rating", task, agent, phase) | {
        "attempt": attempt,
        "good": good,
        "note": note,
        "who": who,
    }


def agent_cancelled(*, task: str, agent: str, phase: int, reason: str) -> Event:
    """A running task was ended by a stop."""
    return _of_task("agent_cancelled", task, agent, phase) | {"reason": reason}


def insight(*, task: str, agent: str, phase: int, text: str) -> Event:
    """Something an agent found."""
    return _of_task("insight", task, agent, phase) | {"description": text}


def blocker(*, task: str, agent: str, phase: int, text: str, by: str = "") -> Event:
    """Something that stands in an agent's way; ``by`` is "engine" where it is the agent itself."""
    event = _of_task("blocker", task, agent, phase) | {"description": text}
    return event | {"by": by} if by else event


def tool_call(
    *, task: str, agent: str, phase: int, name: str, summary: str, refused: bool = False
) -> Event:
    """An agent used a tool; ``status`` is "refused" where a person did not let it."""
    event = _of_task("tool_call", task, agent, phase) | {"tool": name, "description": summary}
    return event | {"status": "refused"} if refused else event


def usage(*, task: str, agent: str, phase: int, tokens: dict[str, int], **rest: Any) -> Event:
    """Tokens of one model exchange by class, with ``model``, ``cost`` (USD or null: unknown)."""
    return _of_task("usage", task, agent, phase) | {"tokens": tokens} | rest


def budget(
    *, task: str, agent: str, phase: int, usd: float, tokens: int, description: str
) -> Event:
    """A budget counts what no usage told: at worst so much, for an answer that broke off."""
    return _of_task("budget", task, agent, phase) | {
        "usd": round(usd, 9),
        "tokens": tokens,
        "description": description,
    }


def decision_opened(*, decision_id: str, question: str, **rest: Any) -> Event:
    """A person is asked. ``rest`` is the card: see ``state.DecisionState``."""
    return {"event": "decision_opened", "decision_id": decision_id, "question": question} | rest


def decision_held(
    *, decision_id: str, cause: str, until_s: float | None, remaining_s: float | None = None
) -> Event:
    """A decision's clock stands still with ``remaining_s`` left.

    Causes: typing, here, hold, pause, asleep.
    """
    return {
        "event": "decision_held",
        "decision_id": decision_id,
        "cause": cause,
        "until_s": until_s,
        "remaining_s": remaining_s,
    }


def decision_released(
    *, decision_id: str, cause: str, remaining_s: float | None, **rest: Any
) -> Event:
    """A decision's clock runs (again) with ``remaining_s`` left.

    ``rest`` holds ``timeout_s``, the whole clock, when the cause is "extended".
    """
    return {
        "event": "decision_released",
        "decision_id": decision_id,
        "cause": cause,
        "remaining_s": remaining_s,
    } | rest


def decision_withdrawn(*, decision_id: str, phase: int | None, reason: str, cause: str) -> Event:
    """A decision ends without an outcome."""
    return {
        "event": "decision_withdrawn",
        "decision_id": decision_id,
        "phase": phase,
        "reason": reason,
        "cause": cause,
    }


def decision(*, decision_id: str | None, text: str, option: str, by: By, **rest: Any) -> Event:
    """A decision's one outcome; ``text`` reads like "B - Cassandra".

    Without an id it is a choice an agent made itself, with ``task``, ``agent``, ``phase`` and
    ``reason``.
    """
    return {
        "event": "decision",
        "decision_id": decision_id,
        "decision": text,
        "option": option,
        "by": by,
    } | rest


def user_input(*, decision_id: str | None, question: str, response: str, **rest: Any) -> Event:
    """A person said something.

    ``rest`` of an answer to a question before the run: ``question_id``, its ``value``, ``who``, and
    ``source`` where it came with the run (then there is no decision).
    """
    return {
        "event": "user_input",
        "decision_id": decision_id,
        "question": question,
        "response": response,
    } | rest


def checkpoint(*, decision_id: str, phase: int, name: str) -> Event:
    """The checkpoint after a phase was reached."""
    return {"event": "checkpoint", "decision_id": decision_id, "phase": phase, "name": name}


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
