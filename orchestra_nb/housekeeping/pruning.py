"""Clearing up: which runs may go, and how they go."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from ..store import files
from ..store.folder import RunFolder
from ..store.home import home as home_of
from ..store.home import list_runs
from ..store.lock import RunLock
from .glance import Glance, glance

__all__ = ["Pruning", "choose", "clear_leftovers", "remove", "size_of"]

_GONE = ".gone-"


@dataclass(frozen=True, slots=True)
class Pruning:
    """What would go.

    Attributes:
        going: The runs, oldest first.
        kept: Runs that were chosen and stay all the same -> why.
        total: How many runs the home holds.
    """

    going: tuple[Glance, ...]
    kept: dict[Glance, str]
    total: int


def choose(
    home: str | Path | None,
    *,
    now: float,
    older_than_s: float | None = None,
    keep: int = 0,
    statuses: Collection[str] = (),
    parents: bool = False,
) -> Pruning:
    """Which runs of a home would go: those to which everything that is asked for applies.

    A run that goes on always stays. So does one that another run was forked from, unless that
    one goes too.

    Args:
        home: The home.
        now: Epoch seconds.
        older_than_s: Only runs that were started longer ago.
        keep: The newest so many of the home stay in any case.
        statuses: Only runs of these.
        parents: Let those go too that others were forked from.
    """
    every = [glance(path) for path in list_runs(home)]
    kept: dict[Glance, str] = {}
    going: dict[str, Glance] = {}
    for run in every[: len(every) - keep]:
        if statuses and run.status not in statuses:
            continue
        if older_than_s is not None and now - run.started <= older_than_s:
            continue
        if run.live:
            kept[run] = f"process {run.owner} runs it" if run.owner else "a process runs it"
        else:
            going[run.id] = run
    while not parents:  # one that stays for its fork makes the one that it was forked from stay
        held = {run.parent: run for run in every if run.parent in going and run.id not in going}
        if not held:
            break
        for parent, child in held.items():
            kept[going.pop(parent or "")] = f"{child.id} was forked from it"
    return Pruning(tuple(going.values()), kept, len(every))


def remove(path: Path) -> None:
    """Remove a run's folder with all that is in it; links in it are removed, not followed.

    It goes in one step as far as others can see: nobody finds half a run.

    Raises:
        LockedError: If a process runs it by now.
        StoreError: If the disk does not let us.
    """
    gone = path.with_name(f"{_GONE}{path.name}")
    try:
        lock = RunLock(RunFolder(path).lock)
        try:
            os.rename(path, gone)
            files.sync_folder(path.parent)
        finally:
            lock.release()
        shutil.rmtree(gone)
    except OSError as error:
        raise StoreError(f"The run in {path} can't be removed whole: {error}") from error


def clear_leftovers(home: str | Path | None) -> int:
    """Remove what is left of runs whose removal was cut off; how many there were."""
    count = 0
    with contextlib.suppress(OSError):
        for entry in list((home_of(home) / "runs").iterdir()):
            if entry.name.startswith(_GONE) and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
                count += 1
    return count


def size_of(path: Path) -> int:
    """Bytes of all files under a folder."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
