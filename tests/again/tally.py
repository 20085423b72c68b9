"""Agents that leave a line in a file each time they are called: a count the engine can't touch."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orchestra_nb as onb
from orchestra_nb.state import State

__all__ = ["Tally", "until"]

WITHIN_S = 20.0


class Tally:
    """Counts what agents do in a file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._read = 0

    def note(self, name: str) -> None:
        """Something was done."""
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, f"{name}\n".encode())
        os.close(fd)

    def taken(self) -> Counter[str]:
        """What was done since this was last asked."""
        lines = self.path.read_text().split() if self.path.exists() else []
        found, self._read = Counter(lines[self._read :]), len(lines)
        return found

    def agent(self, does: Callable[[onb.Context], Any]) -> Callable[[onb.Context], Any]:
        """An agent that is counted."""

        def agent(context: onb.Context) -> Any:
            self.note(context.task)
            return does(context)

        return agent


def until(run: onb.Run, holds: Callable[[State], Any]) -> Any:
    """Watch a run until something holds; what it was."""
    end = time.monotonic() + WITHIN_S
    while not (found := holds(run.state)):
        assert time.monotonic() < end, f"it never came to that: {run!r}"
        time.sleep(0.01)
    return found
