"""A run's log, folded while another process writes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from .events import Event
from .fold import apply
from .plan.graph import Graph
from .state import Change, State
from .store.folder import RunFolder
from .store.reader import Problems, Tail

__all__ = ["Follower", "fold_line"]

ALIVE_EVERY_S = 0.5
"""How often one asks whether the process that writes is still there."""


class Follower:
    """Reads a log as it grows; any thread may call :meth:`poll`.

    A run that nobody writes any more and that has no end is interrupted, and stays so.

    Args:
        folder: The run's folder.
        graph: Its compiled plan.
        hear: Called with each event that is there already, as by :meth:`poll`.

    Attributes:
        state: The log so far, folded; it moves with each :meth:`poll`.
        alive: Whether another process was writing it when that was last asked, and it is not over.
        lock: Held while the state moves.

    Raises:
        StoreError: If there is no log, or a newer version wrote it.
    """

    def __init__(
        self, folder: RunFolder, graph: Graph, hear: Callable[[Event], None] | None = None
    ):
        self._folder, self._graph = folder, graph
        self._told = 0
        self.lock = threading.RLock()
        self.alive = True
        self._asked = 0.0
        self._begin()
        self.poll(hear)

    def _begin(self) -> None:
        self.state = State(self._graph)
        self.state.id = self._folder.id
        self._tail = Tail(self._folder.log)
        self._change = Change()
        self._behind = 0.0
        self._stamp = ""

    @property
    def problems(self) -> Problems:
        """What was wrong with lines of the log; those lines were passed over."""
        return self._tail.problems

    def poll(self, hear: Callable[[Event], None] | None = None) -> bool:
        """Fold what is new.

        Args:
            hear: Called with each new event, once it is folded, and never twice.

        Returns:
            Whether anything was new.
        """
        if not self.alive:
            return False
        with self.lock:
            before, status = self.state.seq, self.state.status
            owned = self._owned()
            if self._tail.cut_off:  # what was read and taken back is not to be believed
                self._begin()
            self._read(hear, last=not owned)
            state = self.state
            if state.ended_at is None and not owned:
                state.status = "interrupted" if state.status in _GOING_ON else state.status
                state.ended_at = state.t
            self.alive = state.ended_at is None
            return state.seq != before or state.status != status

    def _owned(self) -> bool:
        """Whether somebody writes. Asked before reading, so that nothing comes afterwards."""
        now = time.monotonic()
        if self._asked and now - self._asked < ALIVE_EVERY_S:
            return True
        self._asked = now
        return self._folder.owner is not None

    def _read(self, hear: Callable[[Event], None] | None, *, last: bool) -> None:
        change = self._change
        for event in self._tail.read(last=last):
            fold_line(self.state, event, change, self.problems)
            change.clear()
            stamp = event.get("timestamp")
            self._stamp = stamp if isinstance(stamp, str) else ""
            if hear is not None and event["seq"] > self._told:
                self._told = event["seq"]
                hear(event)
        if self._stamp:
            self._behind = _epoch(self._stamp) - self.state.t
            self._stamp = ""

    def now(self) -> float:
        """The run's clock, seconds, as far as this machine's wall clock tells it.

        It stands still once the run is over or nobody runs it.
        """
        state = self.state
        if state.ended_at is not None:
            return state.ended_at
        return max(state.t, time.time() - self._behind) if self._behind else state.t


def fold_line(state: State, event: Event, change: Change, problems: Problems) -> bool:
    """Fold an event that was read from disk; one that does not fit is named and passed over."""
    try:
        apply(state, event, change)
    except (KeyError, TypeError, IndexError, AttributeError):
        problems.add(state.seq, "an event that does not fit the plan", lost=True, unit="event")
        return False
    return True


_GOING_ON = ("running", "paused")


def _epoch(stamp: str) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return 0.0
