"""Waiting for a run in a script, where nobody sees a board: who is needed is told on stderr."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .results import Source
from .state import DecisionState
from .views.asked import answering, asked, home_to_name
from .views.words import cut

__all__ = ["PlainWaiter", "Waiter"]

SLICE_S = 0.01
LOOK_EVERY_S = 0.25
TELL_AFTER_S = 1.0
"""What a callback or another thread answers within this time is not worth a word."""


class Waiter(Protocol):
    """How to wait where this process runs; a notebook's lets clicks through."""

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until ``done()``; what it says at the end."""

    async def wait_async(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """The same without blocking the loop."""


class PlainWaiter:
    """Waits in a script: in slices, so that Ctrl-C comes through everywhere.

    Once for each decision that waits for a person it says so on stderr: what is asked, how to
    answer, and what is taken when nobody does. Only whoever waits prints.

    Args:
        source: The run.
        folder: Its folder.
    """

    def __init__(self, source: Source, folder: Path):
        self._source, self._folder = source, folder
        self._told: set[str] = set()
        self._look_at = -math.inf
        self._looking = threading.Lock()

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until ``done()``."""
        end = None if timeout is None else time.monotonic() + timeout
        while not done() and (end is None or time.monotonic() < end):
            self._look()
            time.sleep(SLICE_S)
        return done()

    async def wait_async(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait without blocking the loop."""
        end = None if timeout is None else time.monotonic() + timeout
        while not done() and (end is None or time.monotonic() < end):
            self._look()
            await asyncio.sleep(SLICE_S)
        return done()

    def _look(self) -> None:
        """Tell of what has been open for a while and was not told."""
        if time.monotonic() < self._look_at or not self._looking.acquire(blocking=False):
            return  # another thread that waits for the same run does it
        try:
            self._look_at = time.monotonic() + LOOK_EVERY_S
            now = self._source.now()
            # A list at one go: the engine's loop may add to them meanwhile.
            for decision in list(self._source.state.decisions.values()):
                waits = decision.open and now - decision.opened_at >= TELL_AFTER_S
                if waits and decision.id not in self._told:
                    self._told.add(decision.id)
                    with contextlib.suppress(OSError):  # nobody reads it: that ends no waiting
                        sys.stderr.write(self._words(decision, now))
        finally:
            self._looking.release()

    def _words(self, decision: DecisionState, now: float) -> str:
        key = repr(decision.recommend) if decision.recommend else "OPTION"
        command = answering(decision, self._source.run_id, home_to_name(self._folder))
        lines = [
            f"orchestra_nb: a person is needed: {cut(decision.title, 200)}",
            *(f"  {line}" for line in asked(decision, now, python=True)),
            f"  In another terminal:    {command}",
            f"  Or from another thread: run.answer({decision.id!r}, {key})",
        ]
        return "\n".join(lines) + "\n"
