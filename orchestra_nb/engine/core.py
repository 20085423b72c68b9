"""The spine of a run: one inbox, one turn at a time, one write per turn.

Whatever happens reaches the run as a message in the inbox, from any thread. A turn on the engine's
loop handles what is there, fires due timers, writes all events of the turn at once and only then
lets the outside hear of them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..events import Event
from ..fold import apply
from ..state import Change, State
from .loops import Loops
from .protocols import Journal, Listener
from .timers import Timers

__all__ = ["Core"]

T = TypeVar("T")

SYNC_LATE_S = 0.05
"""What nobody waits for is on disk this late at most."""
TURN_MESSAGES = 512
"""A turn handles this many messages, so that a click never waits behind a flood."""
OURS_ALONE = frozenset(
    {"agent_start", "agent_complete", "phase_start", "phase_complete", "phase_skipped"}
)
"""Events without foreign words: the others are rid of secrets before anybody sees them.

(A small result travels in its completion: the journal masked it when it took it in.)
"""
ASLEEP_AFTER_S = 5.0
"""Waking this late means the machine slept: nothing is decided by a timer then."""


class _Synced:
    __slots__ = ("error", "seq")

    def __init__(self, seq: int, error: BaseException | None):
        self.seq, self.error = seq, error


class Core(ABC):
    """Inbox, turns, events, timers and durability of one run.

    Attributes:
        state: The run's state; only the engine's loop may touch it.
        timers: Calls to be made later, on the run's clock.
        t: The run's clock as of this turn, seconds.
        problem: Why the run can't go on, when its log can't be written.
    """

    def __init__(
        self,
        state: State,
        journal: Journal,
        loops: Loops,
        *,
        start_t: float = 0.0,
        scrub: Callable[[Event], Event] = lambda event: event,
        on_events: Callable[[list[Event]], None] | None = None,
        look: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ):
        self.state = state
        self.journal = journal
        self.loops = loops
        self.timers = Timers()
        self.t = start_t
        self.problem: OSError | None = None
        self._loop = loops.engine.loop
        self._scrub, self._on_events = scrub, on_events
        self._look = look
        self._clock, self._wall = clock, wall
        self._base = clock() - start_t
        self.pid = os.getpid()
        self._inbox: deque[Any] = deque()
        self._scheduled = False
        self._handlers: dict[type, Callable[[Any], None]] = {_Synced: self._on_synced}
        self._lines: list[Event] = []
        self._stamp = ""
        self._change = Change()
        self._listeners: list[Listener] = []
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at: float | None = None
        self._durable = self._written = 0
        self._syncing = self._sync_timer = self._lost_all = False
        self._awaiting: deque[tuple[int, Callable[[], None], Callable[[], None]]] = deque()

    # From any thread.

    def now(self) -> float:
        """The run's clock, seconds."""
        return self._clock() - self._base

    def on_its_thread(self) -> bool:
        """Whether the caller runs on the engine's loop."""
        return threading.current_thread() is self.loops.engine.thread

    def wall(self) -> float:
        """The wall clock, epoch seconds."""
        return self._wall()

    def post(self, message: Any) -> None:
        """Put a message in the inbox. Cheap, from any thread; a forked child's are dropped."""
        self._inbox.append(message)
        if not self._scheduled and os.getpid() == self.pid:
            # Two threads may both see False: a turn too many finds an empty inbox.
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._turn)

    def call(self, function: Callable[[], None]) -> None:
        """Run a foreign function on the engine's loop; its faults don't touch the run."""
        self.post(lambda: _shielded(function))

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of every change from now on."""
        self.call(lambda: self._listeners.append(listener))

    def unlisten(self, listener: Listener) -> None:
        """Tell it no more."""
        self.call(lambda: self._forget(listener))

    # On the engine's loop.

    def emit(self, event: Event) -> None:
        """Append an event and fold it into the state; it is written when the turn ends."""
        state = self.state
        if event["event"] not in OURS_ALONE:
            event = self._scrub(event)
        line = {"timestamp": self._stamp, **event, "seq": state.seq + 1, "t": self.t}
        self._lines.append(line)
        apply(state, line, self._change)

    def scrubbed(self, value: T) -> T:
        """A text, or plain data, rid of secrets."""
        clean: T = self._scrub({"value": value})["value"]
        return clean

    def when_durable(
        self, call: Callable[[], None], lost: Callable[[], None] | None = None
    ) -> None:
        """Make ``call`` once everything that has happened so far is on disk.

        Args:
            call: Its faults don't touch the run.
            lost: Called instead when the log can't be written; without it ``call`` is.
        """
        if self._lost_all:
            _shielded(lost or call)
        elif self._durable == self._written and not self._lines:
            # (Not by the state's last event: what is said after the end isn't written by us.)
            _shielded(call)
        else:
            self._awaiting.append((self.state.seq, call, lost or call))
            if not self._lines:
                self._sync()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Make ``call`` after so many seconds, also when the run is over by then."""
        self._loop.call_later(seconds, lambda: self.call(call))

    def _turn(self) -> None:
        self._scheduled = False
        now = self.t = round(self.now(), 6)
        wall = datetime.fromtimestamp(self._wall(), UTC)
        self._stamp = f"{wall:%Y-%m-%dT%H:%M:%S}.{wall.microsecond // 1000:03d}Z"
        inbox, handlers = self._inbox, self._handlers
        try:
            due = self.timers.next()
            if due is not None and due <= now and self._look is not None:
                _shielded(self._look)  # an answer that lies at another door came before it too
            # What came before a deadline counts before it, however much that is.
            most = len(inbox) if due is not None and due <= now else TURN_MESSAGES
            for _ in range(min(len(inbox), most)):
                message = inbox.popleft()
                handler = handlers.get(type(message))
                if handler is not None:
                    handler(message)
                else:
                    message()
            # As it was before the messages: one of them may have moved the timer that tells.
            if due is not None and now - due > ASLEEP_AFTER_S:
                self._on_late(now - due)
            self.timers.fire(now)
            self._advance()
            self._flush()
        except Exception as error:  # a fault of ours: loud, and nobody is left waiting
            self._on_fault(error)
        if inbox and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)
        self._set_wake()

    def _set_wake(self) -> None:
        due = self.timers.next()
        if due == self._wake_at:
            return
        if self._wake is not None:
            self._wake.cancel()
        self._wake, self._wake_at = None, due
        if due is not None:
            self._wake = self._loop.call_later(max(0.0, due - self.now()), self._woken)

    def _woken(self) -> None:
        self._wake = self._wake_at = None
        self._turn()

    def _flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            if self.problem is None and not self._append(lines):
                return
            if self._awaiting:
                self._sync()
            elif not self._syncing and not self._sync_timer:
                self._sync_timer = True
                self._loop.call_later(SYNC_LATE_S, self._sync_late)
        if self._change:
            self._hear()

    def _hear(self) -> None:
        """Tell the listeners what changed."""
        for listener in tuple(self._listeners):
            try:
                listener(self.state, self._change)
            except Exception:  # a broken view is its own problem, said where logs go
                self._forget(listener)
                traceback.print_exc(file=sys.__stderr__)
        self._change.clear()

    def _forget(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def _append(self, lines: list[Event]) -> bool:
        try:
            self.journal.append(lines)
        except OSError as error:
            self._on_problem(error)
            return False
        self._written = self.state.seq
        if self._on_events is not None:
            hear = self._on_events
            self._awaiting.append((self._written, lambda: hear(lines), _nothing))
        return True

    def _sync_late(self) -> None:
        self._sync_timer = False
        self._sync()

    def _sync(self) -> None:
        if self._syncing or self._written == self._durable or self.problem is not None:
            return
        self._syncing = True
        seq = self._written
        self.journal.sync(lambda error: self.post(_Synced(seq, error)))

    def _on_synced(self, synced: _Synced) -> None:
        self._syncing = False
        if synced.error is not None:
            error = synced.error
            self._on_problem(error if isinstance(error, OSError) else OSError(str(error)))
            return
        self._durable = synced.seq
        self._release(synced.seq)
        if self._awaiting and not self._lines:
            self._sync()
        elif self._written > self._durable and not self._sync_timer:
            self._sync_timer = True
            self._loop.call_later(SYNC_LATE_S, self._sync_late)

    def _release(self, seq: int) -> None:
        while self._awaiting and self._awaiting[0][0] <= seq:
            _shielded(self._awaiting.popleft()[1])

    def _on_problem(self, error: OSError) -> None:
        if self.problem is None:
            self.problem = error
            self._lost()
        self._release_lost()

    def _release_lost(self) -> None:
        """Nothing more will be durable: whoever waits for it, now or later, hears that."""
        self._lost_all = True
        while self._awaiting:
            _shielded(self._awaiting.popleft()[2])

    # What an engine adds.

    @abstractmethod
    def _advance(self) -> None:
        """Start what became ready."""

    @abstractmethod
    def _on_late(self, seconds: float) -> None:
        """The machine slept past a timer."""

    @abstractmethod
    def _lost(self) -> None:
        """The log can't be written: start nothing more, end what runs."""

    @abstractmethod
    def _on_fault(self, error: Exception) -> None:
        """An exception in our own code."""


def _shielded(call: Callable[[], None]) -> None:
    """Call what others gave us: its fault is its own, said where logs go."""
    try:
        call()
    except Exception:
        traceback.print_exc(file=sys.__stderr__)


def _nothing() -> None:
    """Whoever hears of written events hears of no others."""
