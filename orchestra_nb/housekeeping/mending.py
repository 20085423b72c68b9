"""What can be put right in a run's folder without losing anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import OrchestraError, StoreError
from ..store import files
from ..store.lock import RunLock
from .inspecting import Finding, Inspection, kind_of
from .tail import cut_tail

__all__ = ["repair"]


def repair(found: Inspection) -> list[str]:
    """Put right what an inspection found and can be put right safely.

    A torn end of the log goes into a file beside it, modes are tightened, what writes and
    questions left behind is removed. No whole line of the log and no result is ever touched.

    Returns:
        What was done, a sentence each; what could not be done says why.

    Raises:
        LockedError: If a process runs the run.
        StoreError: If the run has changed since it was inspected, or its lock can't be had.
    """
    folder = found.folder
    try:
        lock = RunLock(folder.lock)
    except OSError as error:
        raise StoreError(f"The run in {folder.path} can't be repaired: {error}") from error
    try:
        if _stamp(folder.log) != found.stamp:
            raise StoreError(f"The run in {folder.path} has changed meanwhile. Check it again.")
        return [_mended(folder.path, finding) for finding in found.findings if finding.mend]
    finally:
        lock.release()


def _stamp(log: Path) -> tuple[int, int] | None:
    try:
        about = os.stat(log)
    except OSError:
        return None
    return about.st_size, about.st_mtime_ns


def _mended(folder: Path, finding: Finding) -> str:
    name = finding.place.partition(", line ")[0]
    path = folder / name
    try:
        match finding.mend:
            case "tail":
                return f"{name}: its torn end was moved to {cut_tail(path)}"
            case "mode":
                return f"{name}: mode {_tighten(path):04o}"
            case "remove":
                if kind_of(name) in ("temporary", "answer"):
                    path.unlink(missing_ok=True)
                return f"{name}: removed"
            case _:
                return f"{name}: emptied"  # as any owner does when it takes and releases it
    except (OSError, OrchestraError) as error:
        return f"{name}: could not be put right: {error}"


def _tighten(path: Path) -> int:
    """Take others' rights to a file or folder of ours away; a link in its place is refused."""
    is_folder = stat.S_ISDIR(path.lstat().st_mode)
    mode = 0o700 if is_folder else 0o600
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
    fd = os.open(path, flags) if is_folder else files.open_file(path, os.O_RDONLY)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)
    return mode
