"""Callbacks of the user, in a thread of their own: they may take their time and answer."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

__all__ = ["Callbacks"]


class Callbacks:
    """Calls a run's callbacks in order, in one daemon thread that is started when needed."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Callable[..., None], Any] | None] = SimpleQueue()
        self._started = False

    def put(self, callback: Callable[..., None], argument: Any) -> None:
        """Call ``callback(argument)`` soon. From the engine's loop."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name="orchestra-callbacks", daemon=True).start()
        self._queue.put((callback, argument))

    def close(self) -> None:
        """End once everything was called."""
        if self._started:
            self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            callback, argument = item
            try:
                callback(argument)
            except Exception:  # a callback's fault is its author's to see, and stops nothing
                traceback.print_exc(file=sys.__stderr__)
