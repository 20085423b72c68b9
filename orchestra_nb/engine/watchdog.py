"""Notices a coroutine that blocks the agents' loop, and whose it is.

While a coroutine computes or sleeps without awaiting, no other coroutine gets its turn and every
API stream stands still; countdowns don't, they have a loop of their own. The engine's loop looks
now and then at what the agents' thread does: the same callback each time means that it is stuck.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextvars import Context, ContextVar
from pathlib import Path
from types import FrameType
from typing import Any

from .loops import LoopThread
from .protocols import Blocking, Job, Journal
from .telling import OURS

__all__ = ["Watchdog", "carried", "in_thread"]

LOOK_S = 0.25
"""How often one looks while coroutines run."""
BLOCKED_S = 1.0
"""A callback that has not ended after so long blocks the loop."""

carried: ContextVar[tuple[Journal, int, int] | None] = ContextVar("carried", default=None)
"""Whose coroutine this is: the journal, the task's index and the attempt.

(A job would keep itself alive through what its agent leaves running.)
"""
_CALLBACK = asyncio.Handle._run.__code__


class Watchdog:
    """Looks after the coroutines of one run. On the engine's loop.

    Args:
        engine: Whose loop it lives on.
        agents: Whose loop it looks at.
        running: Index of a task -> its attempt, of those that are at work now.
    """

    def __init__(self, engine: LoopThread, agents: LoopThread, running: Mapping[int, Job]):
        self._loop, self._thread = engine.loop, agents.thread
        self._running = running
        self._told: set[tuple[int, int]] = set()
        self._looking = False
        self._seen: Any = None
        self._looks = 0

    def watch(self) -> None:
        """Coroutines are about to run; they are watched until their attempts end."""
        if not self._looking and hasattr(sys, "_current_frames"):
            self._looking = True
            self._loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        if all(job.finished or in_thread(job) for job in self._running.values()):
            self._looking, self._seen = False, None
            return
        self._loop.call_later(LOOK_S, self._look)
        frames = _frames(sys._current_frames().get(self._thread.ident or 0))
        callback = frames[0].f_locals.get("self") if frames else None
        if callback is None or callback is not self._seen:
            self._seen, self._looks = callback, 0
            return
        # Counted in looks, not in seconds: after a sleep of the machine nothing is stuck.
        self._looks += 1
        if self._looks == round(BLOCKED_S / LOOK_S):
            self._tell(callback, frames)

    def _tell(self, callback: Any, frames: list[FrameType]) -> None:
        context = getattr(callback, "_context", None)
        key = context.get(carried) if isinstance(context, Context) else None
        if key is None:
            return
        journal, index, attempt = key
        job = self._running.get(index)  # of another run's coroutine, that run's watchdog tells
        if job is None or job.journal is not journal or job.attempt != attempt:
            return
        if not job.finished and (index, attempt) not in self._told:
            self._told.add((index, attempt))
            job.post(Blocking(job, _place(frames)))


def in_thread(job: Job) -> bool:
    """Whether an attempt runs where nothing can end it."""
    return job.threaded and job.handle is None


def _frames(frame: FrameType | None) -> list[FrameType]:
    """The callback that a loop's thread is in and what it called, the callback first."""
    found = []
    while frame is not None:
        found.append(frame)
        if frame.f_code is _CALLBACK:
            return found[::-1]
        frame = frame.f_back
    return []


def _place(frames: list[FrameType]) -> str:
    """Where an agent's own code is, for people."""
    for frame in frames[1:]:
        code = frame.f_code
        if not code.co_filename.startswith(OURS):
            file = Path(code.co_filename)
            cell = file.stem.isdigit() or file.name.startswith("<")  # a notebook's, as compiled
            where = "its cell" if cell else file.name
            return f"{code.co_name}() (line {frame.f_lineno} of {where})"
    return ""
