"""A disk that does what a test says, and what a journal is asked for."""

from __future__ import annotations

import os
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
