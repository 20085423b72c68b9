"""What may still be written about a run that is over."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime

from .commands import Rate
from .errors import LockedError, StoreError
from .events import Event
from .fold import apply
from .rating import rating_of
from .state import Change, State
from .store.folder import RunFolder
from .store.journal import FileJournal
from .store.masking import mask_value
from .store.reader import read_events

__all__ = ["rate_afterwards"]

OTHERS_WITHIN_S = 1.0
"""How long one waits for somebody else who rates the same run."""
_one_at_a_time = threading.Lock()


def rate_afterwards(folder: RunFolder, state: State, command: Rate) -> None:
    """Add a thumb to the log of a run that nobody runs; durable once this returns.

    The run's clock stands still after its end: the event's ``t`` is that of the last one.

    Args:
        folder: The run's folder.
        state: What its log came to; it is brought up to date.
        command: The thumb.

    Raises:
        CommandError: If there is no such task, or nothing to rate.
        LockedError: If another process runs it.
        StoreError: If the log can't be read or written.
    """
    with _one_at_a_time:
        journal = _journal(folder)
        try:
            seq, t = _catch_up(folder, state)
            now = datetime.now(UTC)
            stamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
            event: Event = mask_value(rating_of(state, command))
            line = {"timestamp": stamp, **event, "seq": seq + 1, "t": t}
            try:
                journal.append([line])
                _sync(journal)
            except OSError as error:
                raise StoreError(f"The log {folder.log} can't be written: {error}") from error
            apply(state, line, Change())
        finally:
            journal.close()


def _journal(folder: RunFolder) -> FileJournal:
    end = time.monotonic() + OTHERS_WITHIN_S
    while True:
        try:
            return FileJournal(folder)
        except LockedError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.02)


def _catch_up(folder: RunFolder, state: State) -> tuple[int, float]:
    """Fold what others wrote since; number and time of the last event that is on disk."""
    events, _ = read_events(folder.log)
    seq, t, change = 0, 0.0, Change()
    for event in events:
        seq, t = event["seq"], event["t"]
        if seq > state.seq:
            apply(state, event, change)
    return seq, t


def _sync(journal: FileJournal) -> None:
    done: Future[None] = Future()

    def synced(error: BaseException | None) -> None:
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    journal.sync(synced)
    done.result()
