"""The journal of one run: what the engine writes goes through here, and only here."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.protocols import Stored
from ..errors import StoreError
from ..events import Event
from . import files
from .durations import DurationLog, Used
from .encoding import encode_events, encode_line
from .folder import RunFolder
from .helper import Done, Syncer, Writer
from .lock import RunLock
from .masking import refresh_secrets
from .mirror import Mirror
from .planfile import PlanFile
from .results import ResultJob, inline_result, keep_results, not_stored

__all__ = ["FileJournal"]

_MOST_PROBLEMS = 100
_CLOSE_SECONDS = 10.0
_open: weakref.WeakSet[FileJournal] = weakref.WeakSet()


class FileJournal:
    """Writes one run's folder; implements ``engine.protocols.Journal``.

    The log is written by the caller's thread, one write per :meth:`append`. Everything slow is
    done by two daemon threads: one makes the log durable, one writes all other files.

    Args:
        folder: The run's folder.
        mirror: Folder that gets a copy of the plan and the timeline, or ``None``.

    Attributes:
        folder: The run's folder.
        problems: What could not be written beside the log, for people; the run went on.

    Raises:
        LockedError: If another journal, here or in another process, writes the run.
        StoreError: If the folder can't be written.
    """

    def __init__(self, folder: RunFolder, *, mirror: Path | None = None):
        self.folder = folder
        self.problems: list[str] = []
        refresh_secrets()
        try:
            self._lock = RunLock(folder.lock)
            try:
                self._fd = folder.open_log()
                self._size = os.lseek(self._fd, 0, os.SEEK_END)
                self._torn = self._size > 0 and not _ends_whole(self._fd)
            except BaseException:
                self._lock.release()
                raise
        except OSError as error:
            raise StoreError(f"The run in {folder.path} can't be written: {error}") from error
        self._error: BaseException | None = None
        self._closed = False
        self._closing = threading.Lock()
        self._syncer = Syncer(self._fd)
        self._writer = Writer(self._problem)
        self._mirror = None if mirror is None else Mirror(folder, mirror)
        self._durations = DurationLog(folder.home, self._writer.wake)
        self._writer.add_chore(self._durations)
        if self._mirror is not None:
            self._writer.add_chore(self._mirror)
        _open.add(self)

    def __repr__(self) -> str:
        return f"<FileJournal of {self.folder.id}, {self._size} bytes>"

    def append(self, events: Sequence[Event]) -> None:
        """Write the events with one write: all of them are in the log, or none.

        What JSON can't say and secrets are replaced in the events themselves, so that folding
        them afterwards gives what a reader of the log will see.

        Raises:
            OSError: If they could not be written.
        """
        if self._error is not None or self._closed or self._syncer.error is not None:
            raise self._refusal()
        if not events:
            return
        data = encode_events(events)
        if self._torn:  # the last process died in the middle of a line
            data = b"\n" + data
        try:
            files.write_all(self._fd, data)
        except OSError as error:
            self._take_back(error)
            raise
        self._torn = False
        self._size += len(data)
        if self._mirror is not None and self._mirror.grown(self._size):
            self._writer.wake()

    def _take_back(self, error: OSError) -> None:
        """Cut off what part of a failed write may have got through."""
        try:
            files.truncate(self._fd, self._size)
        except OSError:
            self._error = error

    def _refusal(self) -> OSError:
        cause = self._error or self._syncer.error
        if cause is None:
            return OSError(errno.EBADF, "The run's log is closed", str(self.folder.log))
        number = cause.errno if isinstance(cause, OSError) else None
        return OSError(number or errno.EIO, f"The log failed before: {cause}", str(self.folder.log))

    def sync(self, done: Done) -> None:
        """Make everything appended so far durable in a thread, then call ``done`` there."""
        if self._closed:
            done(self._refusal())
        else:
            self._syncer.request(done)

    def inline_result(self, value: object) -> Stored | None:
        """How a small value is kept in the log itself, or ``None`` if it needs a file."""
        return inline_result(value)

    def put_result(
        self, index: int, attempt: int, value: object, done: Callable[[Stored], None]
    ) -> None:
        """Keep a value in a durable file, then call ``done`` in the helper thread."""
        if self._closed:
            done(not_stored(value, "the run's journal was closed"))
        else:
            job = ResultJob(self.folder.path, index, attempt, value, done)
            self._writer.put(keep_results, job)

    def transcript(self, index: int, attempt: int, entry: Mapping[str, Any]) -> None:
        """Add a line to ``transcripts/<index + 1>.<attempt>.jsonl``. Any thread; never raises."""
        if self._closed:
            return
        try:
            name = f"{index + 1:04d}.{attempt}.jsonl"
            self._writer.put(self._write_transcripts, (name, encode_line(entry)))
        except Exception as error:
            self._problem("transcript", error)

    def _write_transcripts(self, entries: Sequence[tuple[str, bytes]]) -> None:
        lines: dict[str, list[bytes]] = {}
        for name, line in entries:
            lines.setdefault(name, []).append(line)
        for name, parts in lines.items():
            try:
                files.append_bytes(self.folder.transcripts / name, b"".join(parts))
            except (OSError, StoreError) as error:
                self._problem(f"transcripts/{name}", error)

    def duration(
        self,
        *,
        agent: str,
        task: str,
        seconds: float,
        status: str,
        level: int,
        declared: float | None,
        used: Used | None = None,
    ) -> None:
        """Remember what an attempt took, for later estimates; ``task`` is the task's text."""
        if not self._closed:
            self._durations.add(agent, task, seconds, status, level, declared, used)

    def keep_plan_file(self, render: Callable[[], str]) -> PlanFile:
        """Keep ``orchestration-plan.md`` up to date; call its ``changed()`` after changes.

        Args:
            render: Makes the text. Called in the helper thread while the run goes on; a
                RuntimeError (what it reads moved under it) only delays the file.
        """
        copy = None if self._mirror is None else self._mirror.put_plan
        plan_file = PlanFile(self.folder.plan_md, render, wake=self._writer.wake, copy=copy)
        self._writer.add_chore(plan_file)
        return plan_file

    def close(self, timeout: float = _CLOSE_SECONDS) -> None:
        """Write out everything, make it durable, release the lock. Any thread; also twice.

        Args:
            timeout: Seconds to spend at most. What is not done by then stays undone, and the
                lock is left to the end of the process.
        """
        until = time.monotonic() + timeout
        # A second caller waits for the first: it may be the process's last act.
        if not self._closing.acquire(timeout=timeout):
            return
        try:
            if self._closed:
                return
            self._closed = True
            written = self._writer.close(timeout)
            self._syncer.request(_nothing)
            if self._syncer.close(max(0.05, until - time.monotonic())) and written:
                _open.discard(self)
                with contextlib.suppress(OSError):
                    os.close(self._fd)
                self._lock.release()
        finally:
            self._closing.release()

    def _problem(self, what: str, error: BaseException) -> None:
        problem = f"{what}: {error}"
        if len(self.problems) < _MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)

    def _abandon(self) -> None:
        """Become useless without touching a file: this process is a forked child."""
        self._closed = True
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._lock.abandon()


def _ends_whole(fd: int) -> bool:
    os.lseek(fd, -1, os.SEEK_END)
    return os.read(fd, 1) == b"\n"


def _nothing(error: BaseException | None) -> None:
    """Nobody waits for the last fsync but ``close`` itself."""


def _abandon_all() -> None:
    for journal in list(_open):
        journal._abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
