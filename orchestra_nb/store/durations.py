"""How long attempts took: one small index per home, so that no old log has to be opened."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import StoreError
from . import files
from .encoding import encode_events
from .home import home

__all__ = ["DurationLog", "Used", "read_durations", "read_used"]

_NAME = "durations.jsonl"
_EVERY = 1.0
#: Two thousand attempts: enough to learn from, and read in two milliseconds.
_TAIL = 256 * 1024


@dataclass(frozen=True, slots=True)
class Used:
    """What an attempt used of a model.

    Attributes:
        model: The model.
        tokens: Of all classes together.
        cost: In US dollars; ``None``: not known.
    """

    model: str
    tokens: int
    cost: float | None


class DurationLog:
    """Adds attempts to a home's index, many with one write.

    Args:
        folder: The home.
        wake: Tells the helper thread that there is something to do.
    """

    def __init__(self, folder: Path, wake: Callable[[], None]):
        self._path = folder / _NAME
        self._wake = wake
        self._waiting: list[tuple[Any, ...]] = []
        self._not_before = float("-inf")

    def add(
        self,
        agent: str,
        task: str,
        seconds: float,
        status: str,
        level: int,
        declared: float | None,
        used: Used | None = None,
    ) -> None:
        """An attempt ended; see ``FileJournal.duration``."""
        self._waiting.append((agent, task, seconds, status, level, declared, used, time.time()))
        if len(self._waiting) == 1:
            self._wake()

    def due_in(self, now: float) -> float | None:
        """Seconds until the lines should be written."""
        return max(0.0, self._not_before - now) if self._waiting else None

    def run(self, now: float) -> None:
        """Write what is waiting."""
        waiting, self._waiting = self._waiting, []
        self._not_before = now + _EVERY
        lines = [
            {
                "agent": agent,
                "task": _digest(task),
                "seconds": round(seconds, 3),
                "status": status,
                "level": level,
                "declared": declared,
                "at": round(at),
            }
            | ({} if used is None else {"model": used.model, "tokens": used.tokens})
            | ({} if used is None or used.cost is None else {"cost": round(used.cost, 6)})
            for agent, task, seconds, status, level, declared, used, at in waiting
        ]
        files.append_bytes(self._path, encode_events(lines))


@lru_cache(maxsize=1024)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def read_durations(path: str | Path | None = None) -> dict[str, list[float]]:
    """Seconds of the newest successful attempts by agent, oldest first.

    Args:
        path: The home; see :func:`orchestra_nb.store.home.home`. Lines that can't be read are
            passed over.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    for entry in _entries(_tail(home(path) / _NAME)):
        if isinstance(entry, dict) and entry.get("status") == "success":
            agent, value = entry.get("agent"), entry.get("seconds")
            if isinstance(agent, str) and isinstance(value, (int, float)) and value >= 0:
                seconds[agent].append(float(value))
    return dict(seconds)


def read_used(path: str | Path | None = None) -> dict[str, list[Used]]:
    """What the newest successful attempts used by agent, oldest first; as :func:`read_durations`.

    Lines of attempts that used no model, or were written before that was noted, have nothing.
    """
    found: dict[str, list[Used]] = defaultdict(list)
    for entry in _entries(_tail(home(path) / _NAME)):
        if not isinstance(entry, dict) or entry.get("status") != "success":
            continue
        agent, model, tokens = entry.get("agent"), entry.get("model"), entry.get("tokens")
        cost = entry.get("cost")
        if isinstance(agent, str) and isinstance(model, str) and type(tokens) is int:
            known = float(cost) if isinstance(cost, (int, float)) and cost >= 0 else None
            found[agent].append(Used(model, tokens, known))
    return dict(found)


def _tail(path: Path) -> list[bytes]:
    try:
        with os.fdopen(files.open_file(path, os.O_RDONLY), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read(_TAIL).split(b"\n")
    except (OSError, StoreError):
        return []
    return lines if size <= _TAIL else lines[1:]


def _entries(lines: list[bytes]) -> Iterable[Any]:
    try:  # all at once, which is twice as fast
        whole: list[Any] = json.loads(b"[" + b",".join(filter(None, lines)) + b"]")
        return whole
    except (ValueError, RecursionError):
        return filter(None, map(_entry, lines))


def _entry(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
