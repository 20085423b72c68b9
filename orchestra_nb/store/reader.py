"""Reads a log, whatever happened to it: a damaged line costs only itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from ..errors import StoreError
from ..events import FORMAT, Event
from . import files
from .shapes import misfit

__all__ = ["Problem", "Problems", "Tail", "check_format", "read_events"]

_BOM = b"\xef\xbb\xbf"
#: Longer lines are none of ours: the limit keeps a file of zeros from filling the memory.
_LONGEST_LINE = 64 << 20
_TOO_LONG = f"it is longer than {_LONGEST_LINE >> 20} MB"
_MOST_NAMED = 100
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a line (1-based) of a log, or with the event of that ``seq``."""

    line: int
    why: str
    unit: Literal["line", "event"] = "line"

    def __str__(self) -> str:
        return f"{self.unit} {self.line}: {self.why}"


@dataclass(slots=True)
class Problems:
    """What was wrong with a log; complete once its events have been read.

    Attributes:
        count: How many there were.
        named: The first hundred.
        lost: How many lines held no event that can be used.
    """

    count: int = 0
    lost: int = 0
    named: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        more = [f"and {self.count - len(self.named)} more"] * (self.count > len(self.named))
        return "; ".join([*map(str, self.named), *more])

    def add(
        self, line: int, why: str, *, lost: bool, unit: Literal["line", "event"] = "line"
    ) -> None:
        """Note a problem."""
        self.count += 1
        self.lost += lost
        if len(self.named) < _MOST_NAMED:
            self.named.append(Problem(line, why, unit))


def read_events(path: Path) -> tuple[Iterator[Event], Problems]:
    """The events of a log, one at a time, and what was wrong with it.

    Args:
        path: The log. Kinds of events that this version does not know are kept.

    Returns:
        The events, and the problems, which fill up while the events are read.

    Raises:
        StoreError: While reading: if there is no log, or a newer version wrote it.
    """
    problems = Problems()
    return _events(path, problems), problems


def _events(path: Path, problems: Problems) -> Iterator[Event]:
    sieve = _Sieve(path, problems)
    with _open(path) as file:
        for number, line in _lines(path, file, problems):
            event = sieve.event(number, line)
            if event is not None:
                yield event


class _Sieve:
    """Lets through what is an event, in the order of the log, and notes what is not."""

    def __init__(self, path: Path, problems: Problems):
        self._path, self._problems = path, problems
        self._before = 0

    def event(self, number: int, line: bytes) -> Event | None:
        """The event of a line, if there is one that comes after those before it."""
        problems, before = self._problems, self._before
        event = _parse(number, line, problems)
        if event is None:
            return None
        if event["event"] == "orchestration_start":
            check_format(self._path, event)
        seq = event["seq"]
        if seq <= before:
            why = f"it repeats event {seq}" if seq == before else f"event {seq} after {before}"
            problems.add(number, f"{why}; passed over", lost=True)
            return None
        if seq > before + 1:
            missing = (
                f"event {seq - 1} is"
                if seq == before + 2
                else (f"events {before + 1} to {seq - 1} are")
            )
            problems.add(number, f"{missing} missing before it", lost=False)
        self._before = seq
        return event


class Tail:
    """Reads a log while somebody writes it: each call of :meth:`read` gives what is new.

    A line that is not finished is left for the next time.

    Args:
        path: The log.

    Attributes:
        problems: What was wrong with the lines so far.
    """

    def __init__(self, path: Path):
        self.problems = Problems()
        self._path = path
        self._sieve = _Sieve(path, self.problems)
        self._at = self._number = 0
        self._rest = bytearray()
        self._too_long = False

    @property
    def cut_off(self) -> bool:
        """Whether the log is shorter than what was read: a write that failed was taken back."""
        try:
            return os.stat(self._path).st_size < self._at
        except OSError:
            return False

    def read(self, *, last: bool = False) -> Iterator[Event]:
        """The events of all lines that were finished since the last call.

        Args:
            last: Nobody writes any more: what is left is a line too.

        Raises:
            StoreError: If there is no log, or a newer version wrote it.
        """
        if not last and _size(self._path) == self._at:
            return
        with _open(self._path) as file:
            file.seek(self._at)
            while data := _read(self._path, file.read, _CHUNK):
                self._at += len(data)
                yield from self._split(data)
        if last and self._rest:
            yield from self._split(b"\n")

    def _split(self, data: bytes) -> Iterator[Event]:
        self._rest += data
        start = 0
        while (end := self._rest.find(b"\n", start)) >= 0:
            line, start = bytes(self._rest[start:end]), end + 1
            yield from self._line(line)
        del self._rest[:start]
        if len(self._rest) >= _LONGEST_LINE:
            self._rest.clear()
            self._too_long = True

    def _line(self, line: bytes) -> Iterator[Event]:
        self._number += 1
        if self._too_long:
            self._too_long = False
            self.problems.add(self._number, _TOO_LONG, lost=True)
            return
        if self._number == 1:
            line = line.removeprefix(_BOM)
        if line := line.strip(b"\r\n \t"):
            event = self._sieve.event(self._number, line)
            if event is not None:
                yield event


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None  # opening it says why


def _open(path: Path) -> IO[bytes]:
    try:
        return os.fdopen(files.open_file(path, os.O_RDONLY), "rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path, read: Callable[[int], bytes], size: int) -> bytes:
    try:
        return read(size)
    except OSError as error:  # a disk that fails in the middle
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"The log {path} can't be read: {error.strerror or error}")


def _lines(path: Path, file: IO[bytes], problems: Problems) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, without ends, blank ones left out."""
    number = 0
    while line := _read(path, file.readline, _LONGEST_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) >= _LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):  # without holding on to its beginning
                line = _read(path, file.readline, min(_CHUNK, _LONGEST_LINE))
            problems.add(number, _TOO_LONG, lost=True)
            continue
        if line := line.strip(b"\r\n \t"):
            yield number, line


def _parse(number: int, line: bytes, problems: Problems) -> Event | None:
    if b"\0" in line:  # a file system may leave zeros where a crash cut a write off
        line = line.strip(b"\0\r\n \t")
        if not line:
            problems.add(number, "it holds nothing but zeros", lost=True)
            return None
        problems.add(number, "it had zeros around it", lost=False)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
        problems.add(number, "it holds bytes that are no UTF-8", lost=False)
    try:
        event: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        problems.add(number, f"it is no JSON, perhaps cut off ({why})", lost=True)
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        problems.add(number, "it is JSON, but no event", lost=True)
        return None
    if type(event.get("seq")) is not int or not _is_time(event.get("t")):
        problems.add(number, "its seq or t is missing", lost=True)
        return None
    field = misfit(event)
    if field is not None:
        problems.add(number, f"its {field} is none that can be used", lost=True)
        return None
    return event


def _is_time(t: Any) -> bool:
    # Python reads NaN and Infinity where JSON has none; 2**63 microseconds are enough for a run.
    return type(t) in (int, float) and 0 <= t < 1e13


def check_format(path: Path, event: Event) -> None:
    """Raise StoreError if the log's first event says that a newer version wrote it."""
    version = event.get("format")
    if type(version) is int and version > FORMAT:
        raise StoreError(
            f"The log {path} has format {version}; this version of orchestra_nb reads up to "
            f"{FORMAT}. Install a newer one."
        )
