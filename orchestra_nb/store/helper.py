"""The two threads that do a journal's slow work."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Literal, Protocol, TypeAlias

from . import files

__all__ = ["Chore", "Done", "Handler", "Report", "Syncer", "Writer"]

Done: TypeAlias = Callable[[BaseException | None], None]
#: Does work of one kind; what lies next to each other in the queue comes in one call.
Handler: TypeAlias = Callable[[Sequence[Any]], None]
#: Hears what went wrong: what was done, and the error.
Report: TypeAlias = Callable[[str, BaseException], None]

_LARGEST_GROUP = 256


class Chore(Protocol):
    """Something to be done again and again, but not too often."""

    def due_in(self, now: float, /) -> float | None:
        """Seconds until it should run, ``None`` if there is nothing to do."""

    def run(self, now: float, /) -> None:
        """Do it."""


class Syncer:
    """Makes a file durable in a thread of its own; requests that wait share one fsync.

    Attributes:
        error: Why the file's content is uncertain. It stays: after a failed fsync the system may
            have dropped the data, and report success the next time.
    """

    def __init__(self, fd: int):
        self.error: BaseException | None = None
        self._fd = fd
        self._queue: SimpleQueue[Done | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def request(self, done: Done) -> None:
        """Make everything written so far durable, then call ``done`` in the thread."""
        self._queue.put(done)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="orchestra-sync", daemon=True)
            self._thread.start()

    def close(self, timeout: float) -> bool:
        """Serve what was asked for and end; whether that was done in time."""
        if self._thread is None:
            return True
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        last = False
        while not last:
            waiting = [self._queue.get()]
            with contextlib.suppress(Empty):
                while True:
                    waiting.append(self._queue.get_nowait())
            last = None in waiting
            if self.error is None:
                try:
                    files.sync_file(self._fd)
                except OSError as error:
                    self.error = error
            for done in waiting:
                if done is not None:
                    # One listener's fault must not cost the others their answer.
                    with contextlib.suppress(Exception):
                        done(self.error)


class Writer:
    """Works through a queue in a thread of its own, and does chores when they are due.

    Args:
        report: Hears of errors, in the thread.
        clock: Monotonic seconds.
    """

    def __init__(self, report: Report, *, clock: Callable[[], float] = time.monotonic):
        self._report = report
        self._clock = clock
        self._queue: SimpleQueue[tuple[Handler, Any] | Literal["wake", "close"]] = SimpleQueue()
        self._chores: list[Chore] = []
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add_chore(self, chore: Chore) -> None:
        """Do it when it is due, from now on. Not from two threads at once."""
        self._chores = [*self._chores, chore]

    def put(self, handler: Handler, item: Any) -> None:
        """Have ``handler`` called with the item, among others. Any thread."""
        self._queue.put((handler, item))
        self._ensure_thread()

    def wake(self) -> None:
        """A chore has something to do. Any thread."""
        self._queue.put("wake")
        self._ensure_thread()

    def close(self, timeout: float) -> bool:
        """Do everything that is left, chores too, and end; whether that was done in time."""
        self._queue.put("close")
        self._ensure_thread()
        assert self._thread is not None
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _ensure_thread(self) -> None:
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="orchestra-files", daemon=True
                )
                self._thread.start()

    def _work(self) -> None:
        closing = False
        while not closing:
            closing = self._work_queue(self._pause())
            now = self._clock()
            for chore in self._chores:
                due = chore.due_in(now)
                if due is not None and (closing or due <= 0):
                    self._attempt(f"{type(chore).__name__}", chore.run, now)

    def _pause(self) -> float | None:
        """Seconds until the next chore, ``None`` when none waits."""
        now = self._clock()
        waits = [due for chore in self._chores if (due := chore.due_in(now)) is not None]
        return max(0.0, min(waits)) if waits else None

    def _work_queue(self, pause: float | None) -> bool:
        """Wait for something and do all there is; whether the end was asked for."""
        closing = False
        groups: list[tuple[Handler, list[Any]]] = []
        with contextlib.suppress(Empty):
            entry = self._queue.get(timeout=pause)
            while True:
                if entry == "close":
                    closing = True
                elif entry != "wake":
                    handler, item = entry
                    if not groups or groups[-1][0] != handler:
                        groups.append((handler, []))
                    groups[-1][1].append(item)
                if sum(len(items) for _, items in groups) >= _LARGEST_GROUP and not closing:
                    break
                entry = self._queue.get_nowait()
        for handler, items in groups:
            self._attempt(getattr(handler, "__name__", "work"), handler, items)
        return closing

    def _attempt(self, what: str, call: Callable[[Any], None], argument: Any) -> None:
        try:
            call(argument)
        except Exception as error:  # the thread serves the whole run: it has to live on
            self._report(what, error)
