"""A disk that fails, or kills the process, at the n-th operation of a kind under a folder.

It stands in ``os`` itself, below everything of ours, in a process that does nothing else.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["CALLS", "MODES", "Fault", "FaultyDisk"]

CALLS: Final = {
    "write": ("write",),
    "fsync": ("fsync",),
    "open": ("open",),
    "rename": ("rename", "replace"),
    "mkdir": ("mkdir",),
    "truncate": ("ftruncate",),
    "unlink": ("unlink",),
    "close": ("close",),
}
"""Kind of operation -> the functions of ``os`` that do it."""

_ALL: Final = ("full", "once", "kill")
MODES: Final = dict.fromkeys(CALLS, _ALL) | {
    "write": (*_ALL, "short", "torn"),
    "close": ("once", "kill"),
}
"""How each kind fails.

full: ENOSPC, and so does every later one of its kind. once: EIO, and the next is well. kill: the
process dies there. short: half is written, then as full. torn: half is written, then as kill.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: the ``number``-th operation (1-based) of a kind, and how."""

    kind: str
    mode: str
    number: int


class FaultyDisk:
    """Counts the operations under a folder, and lets one of them go wrong.

    Args:
        folder: Operations on files elsewhere are neither counted nor touched.
        fault: What goes wrong.
        trace: A file elsewhere that gets the path of what went wrong, when it does.
    """

    def __init__(self, folder: Path, fault: Fault | None, trace: Path):
        self._folder, self._fault, self._trace = str(folder), fault, trace
        self._names: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._broken = False
        self._real = {name: getattr(os, name) for names in CALLS.values() for name in names}

    def install(self) -> None:
        """Stand in the disk, for the rest of this process."""
        for kind, names in CALLS.items():
            for name in names:
                setattr(os, name, self._wrapped(kind, name))

    def _wrapped(self, kind: str, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(target: Any, *rest: Any, **named: Any) -> Any:
            path = self._path(target, named)
            if not path.startswith(self._folder):
                return real(target, *rest, **named)
            if kind == "close":
                self._names.pop(target, None)
                real(target)  # a descriptor is gone also when closing it failed
                self._meet(kind, path)
                return None
            creating = kind != "open" or bool(rest[0] & os.O_CREAT)
            self._meet(kind, path, creating=creating, fd=target, rest=rest)
            found = real(target, *rest, **named)
            if kind == "open":
                self._names[found] = path
            return found

        return call

    def _path(self, target: Any, named: dict[str, Any]) -> str:
        if isinstance(target, int):
            return self._names.get(target, "")
        path = os.fspath(target)
        folder = named.get("dir_fd")
        return path if folder is None else os.path.join(self._names.get(folder, ""), path)

    def _meet(
        self, kind: str, path: str, *, creating: bool = True, fd: Any = None, rest: Any = ()
    ) -> None:
        """Count an operation, and fail or die if it is the one."""
        fault = self._fault
        if fault is None or kind != fault.kind:
            return
        with self._counting:
            self._counts[kind] += 1
            here = self._counts[kind] == fault.number
            later = self._broken and creating and fault.mode in ("full", "short")
            self._broken = self._broken or here
        if here:
            self._note(path)
            if fault.mode in ("short", "torn"):
                self._real["write"](fd, rest[0][: len(rest[0]) // 2])
            if fault.mode in ("kill", "torn"):
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()
        if here or later:
            code = errno.EIO if fault.mode == "once" else errno.ENOSPC
            raise OSError(code, os.strerror(code), path)

    def _note(self, path: str) -> None:
        fd = self._real["open"](self._trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._real["write"](fd, os.path.relpath(path, self._folder).encode() + b"\n")
        self._real["close"](fd)
