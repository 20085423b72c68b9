"""The two ends of a log, read without what lies between them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import StoreError
from ..events import Event
from . import files
from .reader import check_format

__all__ = ["Ends", "read_ends"]

_HEAD_BYTES: Final = 16_384
_TAIL_BYTES: Final = 65_536
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Ends:
    """The beginning and the end of a log, as far as they can be read.

    Attributes:
        start: Its ``orchestration_start``, ``None`` where it does not begin with one.
        tail: Its last lines as bytes, oldest first.
    """

    start: Event | None
    tail: tuple[bytes, ...]

    def newest(self) -> Iterator[Event]:
        """Its last events, the newest first; what is none is passed over."""
        for line in reversed(self.tail):
            event = _event(line)
            if event is not None:
                yield event

    @property
    def end(self) -> Event | None:
        """The event that ended it, ``None`` where it goes on, or nobody could say so."""
        for event in self.newest():
            if event["event"] in ("orchestration_complete", "run_interrupted"):
                return event
            if event["event"] != "rating":  # that may come after the end
                return None
        return None


def read_ends(path: Path) -> Ends:
    """The two ends of a log.

    Raises:
        StoreError: If there is no log, it can't be read, or a newer version wrote it.
    """
    try:
        with os.fdopen(files.open_file(path, os.O_RDONLY), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD_BYTES)
            begin = max(0, size - _TAIL_BYTES)
            file.seek(begin)
            tail = file.read(_TAIL_BYTES)
    except OSError as error:
        raise StoreError(f"The log {path} can't be read: {error.strerror or error}") from error
    lines = tail.split(b"\n")
    return Ends(_start(path, head), tuple(lines if begin == 0 else lines[1:]))


def _start(path: Path, head: bytes) -> Event | None:
    for line in head.removeprefix(_BOM).split(b"\n"):
        event = _event(line)
        if event is not None and event["event"] == "orchestration_start":
            check_format(path, event)
            return event
    return None


def _event(line: bytes) -> Event | None:
    line = line.strip(b"\0\r\n \t")
    if not line:
        return None
    try:
        event: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
