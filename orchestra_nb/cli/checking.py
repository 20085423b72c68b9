"""What is wrong before a run, or after it: ``check``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import OrchestraError
from .base import COMPLETED, FAILED, Home, LevelNumber, end, refuse, say, tried
from .finding import LATEST, folder_of
from .plans import check_plan
from .showing import go_on

if TYPE_CHECKING:
    from ..housekeeping.inspecting import Inspection

__all__ = ["check"]

_PLANS = (".yaml", ".yml", ".json", ".md")
_MOST_SHOWN = 200


def check(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PLAN|RUN", help="A plan's file; or a run: its id, folder or archive."
        ),
    ],
    level: LevelNumber = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be put right safely.")
    ] = False,
    home: Home = None,
) -> None:
    """Say what is wrong with a plan, or what of it would run; or whether a run's folder is whole.

    A run that is whole, or whose repair left nothing wrong, ends with 0, else with 1.
    """
    from ..housekeeping.archive import is_archive

    path = Path(what)
    if what and path.is_dir():
        _check_run(path, level, repair)
    elif is_archive(path):
        _check_archive(path, level, repair)
    elif os.path.isfile(path) or path.suffix.lower() in _PLANS:
        if repair:
            refuse("--repair is for runs; a plan is yours to edit")
        check_plan(path, level)
    else:
        _check_run(_meant(what, home), level, repair)


def _meant(what: str, home: Path | None) -> Path:
    from ..store.home import home as home_of
    from ..store.home import list_runs

    known = [folder.name for folder in list_runs(home)]
    if what.lower() != LATEST and not any(what and name.startswith(what) for name in known):
        refuse(f"There is neither a file {what!r} nor a run of that id in {home_of(home)}.")
    return folder_of(what, home)


def _check_archive(path: Path, level: int | None, repair: bool) -> None:
    import shutil

    from ..housekeeping.archive import unpack

    if repair:
        refuse("--repair is for runs in a home; an archive stays as it is")
    folder = tried(lambda: unpack(path))
    try:
        _check_run(folder.path, level, repair, archived=True)
    finally:
        shutil.rmtree(folder.home, ignore_errors=True)


def _check_run(path: Path, level: int | None, repair: bool, *, archived: bool = False) -> None:
    from ..housekeeping.inspecting import inspect
    from ..housekeeping.mending import repair as mend
    from ..views.words import count

    if level is not None:
        refuse("--level is for plans; a run has the level that it was started with")
    path = path.absolute()
    found: Inspection = tried(lambda: inspect(path))
    if repair and any(finding.mend for finding in found.findings):
        try:
            for line in mend(found):
                say(f"Repaired: {line}.")
        except OrchestraError as error:
            refuse(f"{error} Nothing was repaired.")
        found = tried(lambda: inspect(path))
    _say(found)
    harm = sum(finding.harm for finding in found.findings) + found.unnamed
    if harm:
        mendable = not repair and any(finding.mend and finding.harm for finding in found.findings)
        hint = " --repair puts right what is marked so." if mendable else ""
        end(f"{found.folder.id}: {count(harm, 'problem')}.{hint}", FAILED)
    say(f"{found.folder.id}: no problems.")
    unfinished = found.status in ("interrupted", "stopped", "failed") and found.owner is None
    if unfinished and not archived:
        say(go_on(found.folder.path))
    raise typer.Exit(COMPLETED)


def _say(found: Inspection) -> None:
    from ..views.words import count, cut

    going = f", going on in process {found.owner}" if found.owner is not None else ""
    say(f"{found.folder.id} ({found.status}{going})")
    whole = f", {count(found.results, 'file')} of results as written" if found.results else ""
    say(f"  {count(found.events, 'event')}{whole}")
    shown = found.findings[:_MOST_SHOWN]
    for finding in shown:
        mark = "" if finding.harm else "note: "
        repairable = " (can be repaired)" if finding.mend else ""
        say(f"  {mark}{cut(str(finding), 500)}{repairable}")
    more = len(found.findings) - len(shown) + found.unnamed
    if more:
        say(f"  … and {more:,} more")
