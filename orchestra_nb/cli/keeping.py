"""Keeping a home in order: ``runs``, ``prune``, ``export``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import StoreError
from .base import FAILED, Home, command_name, end, refuse, say, tried
from .finding import RunName, folder_of

if TYPE_CHECKING:
    from ..housekeeping.glance import Glance

__all__ = ["export", "prune", "runs"]

_LIMIT = 20
_PROJECT = 32
_MOST_SHOWN = 50


def runs(
    status: Annotated[
        str | None, typer.Option(help="Only runs of this status, such as failed.")
    ] = None,
    project: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only runs with this in their project.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", help="At most so many; 0: all.", min=0)
    ] = _LIMIT,
    home: Home = None,
) -> None:
    """List the runs of this home: those that go on first, then the newest."""
    from ..housekeeping.glance import STATUSES, glances
    from ..store.home import home as home_of
    from ..views.words import count

    if status is not None and status not in STATUSES:
        refuse(f"--status must be one of {', '.join(STATUSES)}, not {status!r}")
    found, more = glances(home, status=status, project=project, limit=limit or None)
    if not found:
        which = "such runs" if status or project else "runs"
        say(f"There are no {which} in {home_of(home)}.")
        return
    for line in _table(found):
        say(line)
    for run in found:
        if run.problem:
            say(f"{run.id} can't be read: {run.problem}")
    if more:
        say(f"… and {count(more, 'more run', 'more runs')}: --limit 0 shows all.")
    if any(run.status in ("interrupted", "stopped", "failed") for run in found):
        at = "" if home is None else f" {shlex.join(['--home', str(home)])}"
        say(
            "To go on with one that broke off, was stopped or failed: "
            f"{command_name()} resume RUN{at}"
        )


def _table(found: list[Glance]) -> list[str]:
    heads = ("RUN", "PROJECT", "STATUS", "STARTED", "TOOK", "TASKS", "DECISIONS", "COST")
    rows = [heads, *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(run: Glance) -> tuple[str, ...]:
    from ..plan.durations import clock
    from ..views.words import cut, money

    cost = "" if not run.tokens else f"{'over ' * (run.unknown > 0)}{money(run.cost)}"
    if run.tokens and run.unknown and not run.cost:
        cost = "unknown"
    readable = run.status != "unreadable"
    asked = f"{run.decisions} ({run.open} open)" if run.open else str(run.decisions)
    return (
        run.id,
        cut(run.project, _PROJECT),
        run.status + (", rehearsal" if run.rehearsal else ""),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)) if run.started else "",
        clock(run.took_s) if readable else "",
        f"{run.done}/{run.total}" if readable else "",
        asked if readable else "",
        cost,
    )


def prune(
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Only runs started longer ago, such as 12h or 30d."),
    ] = None,
    keep: Annotated[
        int, typer.Option(metavar="N", help="The newest so many stay in any case.", min=0)
    ] = 0,
    status: Annotated[
        list[str] | None, typer.Option(help="Only runs of this status; repeat as needed.")
    ] = None,
    parents: Annotated[
        bool, typer.Option("--parents", help="Also runs that others were forked from.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; else they are listed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List them; the default.")] = False,
    home: Home = None,
) -> None:
    """Remove old runs: lists what would go, and removes it with --yes.

    Options add up: a run goes if all of them apply. A run that goes on is never removed.
    """
    from ..housekeeping.glance import STATUSES
    from ..housekeeping.pruning import choose, clear_leftovers, size_of
    from ..views.words import count

    if older_than is None and not keep and not status:
        refuse("Say which runs may go: --older-than 30d, --keep 50 or --status failed.")
    for one in status or []:
        if one not in STATUSES:
            refuse(f"--status must be one of {', '.join(STATUSES)}, not {one!r}")
    if yes and dry_run:
        refuse("--yes removes runs, --dry-run does not; leave one away")
    chosen = choose(
        home,
        now=time.time(),
        older_than_s=None if older_than is None else _age(older_than),
        keep=keep,
        statuses=status or (),
        parents=parents,
    )
    for run, why in chosen.kept.items():
        say(f"{run.id} stays: {why}.")
    if any("forked" in why for why in chosen.kept.values()):
        say("--parents removes runs that others were forked from as well.")
    if not chosen.going:
        say(f"None of {count(chosen.total, 'run')} would go.")
    else:
        size = sum(size_of(run.path) for run in chosen.going)
        many = count(len(chosen.going), "run")
        say(f"{many} of {chosen.total:,}, {_bytes(size)}{'' if yes else ', would go'}:")
        shown = chosen.going[:_MOST_SHOWN]
        for line in _table(list(shown)):
            say(f"  {line}")
        if len(shown) < len(chosen.going):
            say(f"  … and {len(chosen.going) - len(shown):,} more")
    if not yes:
        if chosen.going:
            say("Nothing was removed. To remove them, say it again with --yes.")
        return
    clear_leftovers(home)
    _remove(chosen.going)


def _remove(going: tuple[Glance, ...]) -> None:
    from ..housekeeping.pruning import remove
    from ..views.words import count

    failed = 0
    for run in going:
        try:
            remove(run.path)
        except StoreError as error:
            failed += 1
            print(f"{run.id} stays: {error}", file=sys.stderr)
    if len(going) > failed:
        say(f"{count(len(going) - failed, 'run')} removed.")
    if failed:
        end(f"{count(failed, 'run')} could not be removed.", FAILED)


def _age(text: str) -> float:
    from ..plan.durations import parse_duration

    try:
        # A number alone would be seconds: nobody who writes 30 means those.
        seconds = None if text.strip().replace(".", "").isdecimal() else parse_duration(text)
    except ValueError:
        seconds = None
    if not seconds:
        refuse(f"--older-than needs an age with its unit, such as 12h or 30d, not {text!r}")
    return seconds


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def export(
    run: RunName,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="<run>.orchestra.zip if absent.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    home: Home = None,
) -> None:
    """Write a run into one file, which `timeline`, `watch` and onb.open() read.

    The file holds what the run's folder holds: the log, prompts and results, in clear but for
    known keys and tokens.
    """
    from ..housekeeping.archive import ARCHIVE_SUFFIX, MOST_BYTES
    from ..housekeeping.archive import export as write
    from ..store.folder import RunFolder

    folder = tried(lambda: RunFolder.open(folder_of(run, home)))
    target = file if file is not None else Path(f"{folder.id}{ARCHIVE_SUFFIX}")
    if target.is_dir():
        target /= f"{folder.id}{ARCHIVE_SUFFIX}"
    total = tried(lambda: write(folder, target, replace=force))
    say(f"{target}: {_bytes(target.stat().st_size)}, {_bytes(total)} unpacked.")
    say("It holds prompts and results in clear: see who may read it before you hand it on.")
    if total > MOST_BYTES:
        say(f"It is larger than what is unpacked for reading ({_bytes(MOST_BYTES)}).")
