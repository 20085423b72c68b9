"""The end of a log that a crash cut off in the middle of a line."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ..errors import StoreError
from ..store import files

__all__ = ["Torn", "cut_tail", "torn_tail"]

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Torn:
    """What follows on the last whole line of a log and is no event.

    Attributes:
        line: Its number, 1-based.
        start: Where it begins, in bytes.
        size: How long it is, in bytes.
    """

    line: int
    start: int
    size: int


def torn_tail(log: Path) -> Torn | None:
    """What a log ends with after its last whole line, if that is no whole event."""
    try:
        fd = files.open_file(log, os.O_RDONLY)
    except (OSError, StoreError):
        return None  # reading it says why
    with os.fdopen(fd, "rb") as file:
        lines = start = position = 0
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            last = chunk.rfind(b"\n")
            start = position + last + 1 if last >= 0 else start
            position += len(chunk)
        if position == start or (position - start < _CHUNK and _whole(file, start)):
            return None
    return Torn(lines + 1, start, position - start)


def _whole(file: IO[bytes], start: int) -> bool:
    file.seek(start)
    try:
        return isinstance(json.loads(file.read()), dict)
    except (ValueError, RecursionError):
        return False


def cut_tail(log: Path) -> str | None:
    """Move the torn end of a log into a file beside it, ``torn-1.jsonl``; the name of that.

    Durable in this order: first the copy, then the cut. The caller holds the run's lock.

    Raises:
        OSError: If the disk does not let us; the log is as it was.
    """
    torn = torn_tail(log)
    if torn is None:
        return None
    fd = files.open_file(log, os.O_RDWR)
    try:
        os.lseek(fd, torn.start, os.SEEK_SET)
        name = _copy(log.parent, fd)
        files.truncate(fd, torn.start)
        files.sync_file(fd)
    finally:
        os.close(fd)
    return name


def _copy(folder: Path, source: int) -> str:
    number = 1
    while os.path.lexists(folder / f"torn-{number}.jsonl"):
        number += 1
    path = folder / f"torn-{number}.jsonl"
    fd = files.new_file(path)
    try:
        while data := os.read(source, _CHUNK):
            files.write_all(fd, data)
        files.sync_file(fd)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(fd)
    files.sync_folder(folder)
    return path.name
