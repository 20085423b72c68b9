"""Events of tasks and of the agents that do them."""

from __future__ import annotations

from typing import Any

from ..plan.durations import format_duration
from .kinds import Event, WaitCause

__all__ = [
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
    "insight",
    "rating",
    "task_added",
    "task_edited",
    "task_revived",
    "tool_call",
    "usage",
]


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
