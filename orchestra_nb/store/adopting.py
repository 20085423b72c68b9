"""Results of another run, made this run's own: a run's folder needs no other."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..engine.protocols import Stored
from ..errors import StoreError
from . import files

__all__ = ["adopt_results"]

_FILE = re.compile(r"results/\d{4,}\.\d+(-\d+)?\.(json|txt|bin)")


def adopt_results(
    source: Path, target: Path, results: Iterable[tuple[int, int, Stored]]
) -> list[Stored]:
    """Take files with results over into another run's folder, durably.

    They are hard links where the disk has these: they take no room, and stay when the other run
    goes.

    Args:
        source: The folder of the run that made them.
        target: The folder of the run that takes them over.
        results: 0-based index and attempt of a task in the new run, and where its result is.

    Returns:
        Where each result is in the new run's folder, in the same order.

    Raises:
        StoreError: If one is missing, is no plain file, or can't be taken over.
    """
    found: list[Stored] = []
    some = False
    for index, attempt, stored in results:
        name = stored.get("file")
        if name is None:
            found.append(dict(stored))
            continue
        if not isinstance(name, str) or not _FILE.fullmatch(name):
            raise StoreError(f"The log names {name!r} as a result's file, which it can't be.")
        path = _adopt(source / name, target / "results", f"{index + 1:04d}.{attempt}")
        found.append({**stored, "file": f"results/{path.name}"})
        some = True
    if some:
        try:
            files.sync_folder(target / "results")
        except OSError as error:
            raise StoreError(f"{target / 'results'} can't be written: {error}") from error
    return found


def _adopt(source: Path, folder: Path, stem: str) -> Path:
    try:
        if source.is_symlink() or not source.is_file():
            raise StoreError(f"The result in {source} is missing, or no plain file.")
        for number in itertools.count(1):
            name = f"{stem}{source.suffix}" if number == 1 else f"{stem}-{number}{source.suffix}"
            with contextlib.suppress(FileExistsError):
                _link(source, folder / name)
                return folder / name
    except OSError as error:
        raise StoreError(f"The result in {source} can't be taken over: {error}") from error
    raise AssertionError("unreachable")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another disk, or one without links
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    data = os.fdopen(files.open_file(source, os.O_RDONLY), "rb")
    with data, os.fdopen(files.new_file(target), "wb") as copy:
        shutil.copyfileobj(data, copy)
        copy.flush()
        files.sync_file(copy.fileno())
