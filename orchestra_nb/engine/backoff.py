"""When a failed attempt is followed by another one without asking anybody."""

from __future__ import annotations

from random import Random

from ..errors import AgentError
from ..plan import Task
from ..plan.parts import Agent
from .protocols import RETRY_AFTER_MAX_S, Worker

__all__ = ["next_try", "retries_of"]

BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0


def retries_of(task: Task, agent: Agent | None, worker: Worker | None) -> int:
    """How many attempts may follow a task's first: it says so, or its agent, or its worker."""
    if task.retries is not None:
        return task.retries
    if agent is not None and agent.retries is not None:
        return agent.retries
    return worker.retries if worker is not None else 0


def next_try(error: BaseException, *, made: int, retries: int, random: Random) -> float | None:
    """Seconds to the next attempt, ``None`` when there is none.

    Args:
        error: What the last one failed with.
        made: How many were made.
        retries: How many may follow the first.
        random: Spreads those that failed together.
    """
    if made > retries or not isinstance(error, Exception):
        return None
    after: float | None = None
    if isinstance(error, AgentError):
        if not error.retryable:
            return None
        after = error.retry_after
    if isinstance(after, (int, float)):
        after = max(0.0, after)
        # A little spread, so that all who were told the same second don't return together.
        return after + random.random() * 0.25 if after <= RETRY_AFTER_MAX_S else None
    backoff = min(BACKOFF_MAX_S, BACKOFF_S * 2.0 ** (made - 1))
    return backoff * (0.5 + random.random())
