"""Timers of one run: a heap with one wake-up, on a clock that tests can replace."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

__all__ = ["Timer", "Timers"]


class Timer:
    """A call to be made at ``when`` (the run's ``t``); ``cancel()`` takes it back."""

    __slots__ = ("call", "cancelled", "when")

    def __init__(self, when: float, call: Callable[[], None]):
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self) -> None:
        """The call will not be made."""
        self.cancelled = True


class Timers:
    """Calls to be made later, soonest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = count()

    def at(self, when: float, call: Callable[[], None]) -> Timer:
        """Make ``call`` once the clock reads ``when``."""
        timer = Timer(when, call)
        heapq.heappush(self._heap, (when, next(self._count), timer))
        return timer

    def next(self) -> float | None:
        """When the soonest timer is due, ``None`` without one."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire(self, now: float) -> None:
        """Make every call that is due, in order."""
        while (when := self.next()) is not None and when <= now:
            timer = heapq.heappop(self._heap)[2]
            timer.call()

    def clear(self) -> None:
        """Forget them all."""
        self._heap.clear()
