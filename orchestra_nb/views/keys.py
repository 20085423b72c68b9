"""Single keys from a person at a terminal, without echo and without a thread.

Keys are read one by one so that it is known to which decision an answer was begun.
"""

from __future__ import annotations

import os
import select
import sys
import time
from types import TracebackType
from typing import IO, Any, Self

__all__ = ["Keys", "keys_in"]


def keys_in(data: str) -> list[str]:
    """The keys of what a terminal sent; arrows and other escape sequences are left out."""
    keys: list[str] = []
    index = 0
    while index < len(data):
        char = data[index]
        index += 1
        if char == "\x1b":
            if data[index : index + 1] in ("[", "O"):
                index += 1
                while index < len(data) and not "@" <= data[index] <= "~":
                    index += 1
                index += 1
            else:
                keys.append("escape")
        elif char in "\r\n":
            keys.append("enter")
        elif char in "\x7f\x08":
            keys.append("backspace")
        elif char == "\x15":
            keys.append("escape")  # Ctrl-U empties the line, as in a shell
        elif char.isprintable():
            keys.append(char)
    return keys


class Keys:
    """Keys typed while the ``with`` block runs; none where there is no terminal to read.

    Example::

        with Keys() as keys:
            for key in keys.read(0.25):
                ...
    """

    def __init__(self, stream: IO[str] | None = None):
        self._stream = sys.stdin if stream is None else stream
        self._fd: int | None = None
        self._saved: Any = None

    @property
    def active(self) -> bool:
        """Whether somebody can type."""
        return self._fd is not None

    def __enter__(self) -> Self:
        try:
            fd = self._stream.fileno()
            if not os.isatty(fd):
                return self
        except (AttributeError, OSError, ValueError):
            return self
        if sys.platform == "win32":
            self._fd = fd
            return self
        import termios
        import tty

        try:
            # A job in the background would be stopped for touching the terminal.
            if os.tcgetpgrp(fd) != os.getpgrp():
                return self
            self._saved = termios.tcgetattr(fd)
            tty.setcbreak(fd)
        except (OSError, termios.error):
            return self
        self._fd = fd
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fd is not None and self._saved is not None and sys.platform != "win32":
            import termios

            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
        self._fd = None

    def read(self, seconds: float) -> list[str]:
        """Wait up to so many seconds for keys."""
        if self._fd is None:
            time.sleep(seconds)
            return []
        if sys.platform == "win32":
            return self._read_windows(seconds)
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return []
        data = os.read(self._fd, 4096)
        if not data:  # the terminal is gone
            self._fd = None
            return []
        return keys_in(data.decode("utf-8", "replace"))

    def _read_windows(self, seconds: float) -> list[str]:
        import msvcrt

        console: Any = msvcrt
        end = time.monotonic() + seconds
        typed = ""
        while not typed and time.monotonic() < end:
            while console.kbhit():
                char = console.getwch()
                if char in "\x00\xe0":  # the first half of an arrow or function key
                    console.getwch()
                else:
                    typed += char
            if not typed:
                time.sleep(0.03)
        return keys_in(typed)
