"""Simulated agents: a plan runs with nobody at work, to see how it would feel."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random

from .context import Context

__all__ = ["Rehearsal"]

SIGMA = 0.35
"""Spread of log durations: most tasks take 0.6 to 1.6 times their estimate."""
DEFAULT_ESTIMATE_S = 600.0
STEPS = ("Reading what is there", "Working on it", "Checking the draft", "Writing it up")


class Rehearsal:
    """A worker that takes a task's estimated time, divided by ``speed``, and returns a note.

    Durations are log-normal around the estimate and depend on ``seed`` and the task alone, so that
    a rehearsal with a seed is the same each time.
    """

    blocking = False
    retries = 0

    def __init__(self, *, speed: float, seed: int, estimate: float | None):
        self.speed, self.seed = speed, seed
        self.estimate = DEFAULT_ESTIMATE_S if estimate is None else estimate

    def seconds(self, task: str) -> float:
        """How long the task takes at normal speed."""
        digest = hashlib.sha256(f"{self.seed}/{task}".encode()).digest()
        rng = random.Random(int.from_bytes(digest[:8], "big"))
        return self.estimate * math.exp(SIGMA * rng.gauss(0.0, 1.0))

    async def __call__(self, context: Context, /) -> str:
        """Sleep through the task, saying now and then what an agent would be doing."""
        total = self.seconds(context.task) / self.speed
        for number, step in enumerate(STEPS):
            context.progress(f"{step} (simulated)", number / len(STEPS))
            await asyncio.sleep(total / len(STEPS))
        return f"Rehearsal: {context.agent} would have done: {context.text}".strip()
