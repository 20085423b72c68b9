"""A disk that does what a test says, and what a journal is asked for."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra_nb.engine.protocols import Stored
from orchestra_nb.store import files
from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.reader import Problems, read_events

PATIENCE = 20.0


class Disk:
    """Stands in for ``os`` in the store; what is not replaced is the real thing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def replaced(monkeypatch: pytest.MonkeyPatch, **functions: Callable[..., Any]) -> None:
    """Let the store's file operations use these functions of ``os``."""
    disk = Disk()
    for name, function in functions.items():
        setattr(disk, name, function)
    monkeypatch.setattr(files, "os", disk)


def event(seq: int, **fields: Any) -> dict[str, Any]:
    """An event as the engine appends it."""
    return {
        "timestamp": "2026-11-22T17:41:03.000Z",
        "event": "note",
        "description": "x",
        "who": "user",
        "seq": seq,
        "t": seq / 10,
    } | fields


def read(path: Path) -> tuple[list[dict[str, Any]], Problems]:
    """All events of a log, and what was wrong with it."""
    events, problems = read_events(path)
    return list(events), problems


def synced(journal: FileJournal) -> BaseException | None:
    """Wait for everything appended so far to be durable."""
    said: list[BaseException | None] = []
    ready = threading.Event()

    def done(error: BaseException | None) -> None:
        said.append(error)
        ready.set()

    journal.sync(done)
    assert ready.wait(PATIENCE)
    return said[0]


def put(journal: FileJournal, value: object, *, index: int = 2, attempt: int = 1) -> Stored:
    """Keep a value in a file and wait for it."""
    said: list[Stored] = []
    ready = threading.Event()

    def done(stored: Stored) -> None:
        said.append(stored)
        ready.set()

    journal.put_result(index, attempt, value, done)
    assert ready.wait(PATIENCE)
    return said[0]


class Faults:
    """A disk on which some calls fail for some files, from when a test says so.

    Args:
        monkeypatch: Puts it in place; files that were opened before are not known to it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self._names: dict[int, str] = {}
        self._failing: dict[str, tuple[str, int]] = {}
        self.seen: list[tuple[str, str]] = []
        replaced(
            monkeypatch,
            open=self._open,
            write=self._write,
            fsync=self._on_fd("fsync", os.fsync),
            ftruncate=self._on_fd("ftruncate", os.ftruncate),
            replace=self._replace,
        )

    def fail(self, call: str, name: str, code: int) -> None:
        """Let a call fail from here on for files in whose paths this pattern is found.

        ``call`` is the name of the function of ``os``, or ``short write``: one that takes half of
        what it is given, and fails at the rest.
        """
        self._failing[call] = (name, code)

    def mend(self) -> None:
        """Let nothing fail any more."""
        self._failing.clear()

    def _judge(self, call: str, name: str) -> None:
        part, code = self._failing.get(call, ("", 0))
        if code and re.search(part, name):
            self.seen.append((call, name))
            raise OSError(code, os.strerror(code), name)

    def _open(self, path: str | Path, flags: int, mode: int = 0o777) -> int:
        self._judge("open", str(path))
        fd = os.open(path, flags, mode)
        self._names[fd] = str(path)
        return fd

    def _write(self, fd: int, data: bytes | memoryview) -> int:
        name = self._names.get(fd, "")
        self._judge("write", name)
        part, code = self._failing.get("short write", ("", 0))
        if code and re.search(part, name) and len(data) > 1:
            self._failing["write"] = (part, code)
            return os.write(fd, data[: len(data) // 2])
        return os.write(fd, data)

    def _on_fd(self, call: str, real: Callable[..., None]) -> Callable[..., None]:
        def wrapped(fd: int, *rest: Any) -> None:
            self._judge(call, self._names.get(fd, ""))
            real(fd, *rest)

        return wrapped

    def _replace(self, source: str | Path, target: str | Path) -> None:
        self._judge("replace", str(target))
        os.replace(source, target)
