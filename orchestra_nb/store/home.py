"""The home of all runs: where it is, what is in it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from ..errors import StoreError
from .files import make_folder, new_file, sync_folder, write_all
from .settings import absolute, settings

__all__ = ["RUN_ID", "find_run", "home", "list_runs", "make_home", "make_run_folder"]

_RUNS = "runs"
_STAMP = len("20261122T174103Z")
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9-]{1,32}-[0-9a-f]{4,8}")
#: With the time, the suffix and the dashes an id has at most 60 characters.
_LONGEST_SLUG = 32


def home(path: str | Path | None = None) -> Path:
    """Where runs are kept: the argument, else ``configure(home=)``, ``ORCHESTRA_HOME``, here.

    Nothing is made: see :func:`make_home`.

    Raises:
        StoreError: If it, or the folder of runs in it, is a symbolic link: a project that
            somebody else made could have one.
    """
    if path is not None:
        found = absolute(path)
    elif settings.home is not None:
        found = settings.home
    else:
        found = absolute(os.environ.get("ORCHESTRA_HOME") or ".orchestra")
    for folder in (found, found / _RUNS):
        if folder.is_symlink():
            raise StoreError(
                f"The home for runs {folder} is a symbolic link. Name the folder that it leads "
                "to, with onb.configure(home=...), ORCHESTRA_HOME or --home."
            )
    return found


def make_home(path: str | Path | None = None) -> Path:
    """The home, made if need be, private and invisible to git.

    Raises:
        StoreError: If it can't be made.
    """
    folder = home(path)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        runs = folder / _RUNS
        # Somebody's own folder, such as a project, keeps its other files visible to git.
        shared = any(entry.name not in _OURS for entry in folder.iterdir())
        if not shared:
            _ignore(folder)
        make_folder(runs)
        if shared:
            _ignore(runs)
    except OSError as error:
        raise StoreError(
            f"The home for runs {folder} can't be made: {error}. Choose another one with "
            "onb.configure(home=...) or ORCHESTRA_HOME."
        ) from error
    return folder


_OURS = {_RUNS, ".gitignore", "durations.jsonl"}


def _ignore(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        fd = new_file(folder / ".gitignore")
        try:
            write_all(fd, b"*\n")
        finally:
            os.close(fd)


def make_run_folder(
    plan_name: str, *, where: str | Path | None = None, now: datetime | None = None
) -> Path:
    """A new, empty folder for a run; its name is the run's id."""
    runs = make_home(where) / _RUNS
    stamp = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    for attempt in range(100):
        suffix = secrets.token_hex(2 if attempt < 50 else 4)
        folder = runs / f"{stamp}-{_slug(plan_name)}-{suffix}"
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreError(f"The run's folder {folder} can't be made: {error}") from error
        try:
            sync_folder(runs)
        except OSError as error:
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise StoreError(f"The run's folder {folder} can't be made durable: {error}") from error
        return folder
    raise StoreError(f"No free name for a run was found in {runs}.")


def _slug(name: str) -> str:
    """ASCII, lower case, safe as a file's name everywhere."""
    ascii_only = unicodedata.normalize("NFKD", name[:500]).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    if len(words) > _LONGEST_SLUG:
        words = words[: _LONGEST_SLUG + 1].rpartition("-")[0] or words[:_LONGEST_SLUG]
    return words.strip("-") or "run"


def list_runs(path: str | Path | None = None) -> list[Path]:
    """The folders of all runs, oldest first; nothing is made if there are none.

    Raises:
        StoreError: If the home is a symbolic link.
    """
    runs = home(path) / _RUNS
    try:
        with os.scandir(runs) as entries:
            names = [
                entry.name
                for entry in entries
                if RUN_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    # An id tells the second; of one second, the plan that was written first began first.
    seconds = Counter(name[:_STAMP] for name in names)
    return [
        runs / name
        for name in sorted(
            names,
            key=lambda name: (
                name[:_STAMP],
                _written(runs / name / "plan.json") if seconds[name[:_STAMP]] > 1 else 0,
                name,
            ),
        )
    ]


def _written(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def find_run(run: str, *, where: str | Path | None = None) -> Path:
    """The folder of a run.

    Args:
        run: Its id, or the beginning of it.
        where: The home to look in.

    Raises:
        StoreError: If there is none, or more than one.
    """
    place = home(where)
    found = [folder for folder in list_runs(place) if run and folder.name.startswith(run)]
    exact = [folder for folder in found if folder.name == run]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise StoreError(f"There is no run {run!r} in {place}.")
    names = ", ".join(folder.name for folder in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    raise StoreError(f"{run!r} could be any of {names}{more}. Give more of the id.")
