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
        self._thread: threading.Thread | None = None

    def put(self, callback: Callable[..., None], argument: Any) -> None:
        """Call ``callback(argument)`` soon. From the engine's loop."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name="orchestra-callbacks", daemon=True
            )
            self._thread.start()
        self._queue.put((callback, argument))

    def close(self) -> None:
        """End once everything was called."""
        if self._thread is not None:
            self._queue.put(None)

    def all_heard(self) -> bool:
        """After ``close``: whether everything was called, as far as the caller may wait for it."""
        thread = self._thread
        return thread is None or thread is threading.current_thread() or not thread.is_alive()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            callback, argument = item
            try:
                callback(argument)
            except BaseException:  # a callback's fault is its author's to see, and stops nothing
                traceback.print_exc(file=sys.__stderr__)
