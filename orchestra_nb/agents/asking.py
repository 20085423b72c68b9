"""How an agent's questions come to a person."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from pydantic_core import to_json

from ..engine.protocols import Ask, Job, TakenBack
from ..plan import Decision, clean
from ..plan.text import short
from ..state import Outcome, Purpose

__all__ = ["APPROVE", "approval", "ask", "shown"]

APPROVE = "A"
"""Key of the option that lets a tool run."""
NAME_MAX, DESCRIPTION_MAX = 100, 4_000


def ask(
    job: Job,
    decision: Decision,
    purpose: Purpose = "decision",
    detail: Mapping[str, Any] | None = None,
) -> Future[Outcome]:
    """Put a question to a person; whoever cancels the future takes it back.

    Raises:
        RuntimeError: In a forked child, which nobody would answer.
    """
    if os.getpid() != job.pid:
        raise RuntimeError("A forked child process can't ask: do it in the task itself")
    future: Future[Outcome] = Future()
    question = Ask(job, decision, future, purpose, detail or {})
    job.post(question)

    def ended(future: Future[Outcome]) -> None:
        if future.cancelled():  # such as asyncio.wait_for around decide()
            job.post(TakenBack(question))

    future.add_done_callback(ended)
    return future


def approval(
    tool: str, arguments: Mapping[str, Any], description: str, problem: str
) -> tuple[Decision, dict[str, Any]]:
    """The decision whether a tool is called, and what its card shows.

    Nothing is recommended and there is no clock: neither timer, mode nor autopilot lets it run.
    """
    name = " ".join(clean(str(tool)).split())[:NAME_MAX] or "tool"
    if not isinstance(arguments, Mapping):
        raise TypeError(
            f"approve: arguments must be a mapping of names to values, not {short(arguments)}"
        )
    decision = Decision(
        title=f"Call {name}?",
        options={APPROVE: "Approve", "B": "Refuse"},
        kind="critical",
        ask="always",
        timeout="none",
        other=False,
    )
    detail = {
        "tool": name,
        "description": clean(str(description))[:DESCRIPTION_MAX],
        "arguments": shown(arguments),
        "problem": clean(str(problem))[:DESCRIPTION_MAX],
    }
    return decision, detail


def shown(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's arguments as JSON has them; what JSON can't say is its repr."""
    return {clean(str(name)): _plain(value) for name, value in arguments.items()}


def _plain(value: object) -> Any:
    if isinstance(value, str):
        return clean(value)
    try:
        return json.loads(
            to_json(value, fallback=repr, bytes_mode="base64", inf_nan_mode="strings")
        )
    except Exception:  # half a surrogate, a cycle, a foreign __repr__: whatever it is, it is shown
        return _repr(value)


def _repr(value: object) -> str:
    try:
        return clean(repr(value))
    except Exception:
        return object.__repr__(value)
