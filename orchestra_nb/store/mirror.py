"""A copy of the newest run's plan and timeline, where other scripts look for them."""

from __future__ import annotations

import os
from pathlib import Path

from . import files
from .folder import RunFolder

__all__ = ["Mirror"]

_EVERY = 1.0
_AFTER_FAILURE = 30.0
_PIECE = 1 << 20


class Mirror:
    """Copies one run's files into a folder, until a newer run takes the folder over.

    Args:
        folder: The run.
        into: Where to; made if need be.
    """

    def __init__(self, folder: RunFolder, into: Path):
        self._log = folder.log
        self._into = into
        self._plan_md = into / folder.plan_md.name
        self._timeline = into / folder.log.name
        self._size = 0
        self._copied = 0
        self._changed = False
        self._not_before = float("-inf")
        #: Tells our timeline from the one of a newer run, which is another file.
        self._ours: tuple[int, int] | None = None
        self._taken_over = False

    def grown(self, size: int) -> bool:
        """So many bytes of the log are whole; whether the helper thread should be woken."""
        self._size = size
        if self._changed or self._taken_over:
            return False
        self._changed = True
        return True

    def due_in(self, now: float) -> float | None:
        """Seconds until the copy should be brought up to date."""
        return max(0.0, self._not_before - now) if self._changed else None

    def run(self, now: float) -> None:
        """Copy what the log has got since the last time."""
        self._not_before = now + _AFTER_FAILURE
        self._changed = False
        try:
            self._claim()
            if not self._taken_over:
                self._copy_log()
        except OSError:
            self._changed = True
            raise
        self._not_before = now + _EVERY

    def put_plan(self, data: bytes) -> None:
        """Copy the plan."""
        self._claim()
        if not self._taken_over:
            files.replace_file(self._plan_md, data)

    def _claim(self) -> None:
        """Make the folder ours at first; later see whether it still is."""
        if self._taken_over:
            return
        try:
            found = os.stat(self._timeline, follow_symlinks=False)
        except FileNotFoundError:
            found = None
        if self._ours is not None and found is not None:
            self._taken_over = self._ours != (found.st_dev, found.st_ino)
            return
        self._into.mkdir(parents=True, exist_ok=True)
        files.replace_file(self._timeline, b"")
        found = os.stat(self._timeline, follow_symlinks=False)
        self._ours, self._copied = (found.st_dev, found.st_ino), 0

    def _copy_log(self) -> None:
        size = self._size
        source = files.open_file(self._log, os.O_RDONLY)
        try:
            target = files.open_to_append(self._timeline)
            try:
                os.lseek(source, self._copied, os.SEEK_SET)
                while self._copied < size:
                    piece = os.read(source, min(_PIECE, size - self._copied))
                    if not piece:
                        break
                    files.write_all(target, piece)
                    self._copied += len(piece)
            finally:
                os.close(target)
        finally:
            os.close(source)
