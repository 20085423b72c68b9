"""Looking at runs, also of other processes: ``watch`` and ``timeline``."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Annotated

import typer

from .base import NO_REPLY, TERMINATED, Home, Terminated, command_name, end, say, termination
from .finding import LATEST, RunName, Who, live_runs, open_record, record_of, who_is
from .showing import go_on

if TYPE_CHECKING:
    from pathlib import Path

    from ..events import Event
    from ..record import Record

__all__ = ["timeline", "watch"]

_LOOKS_EVERY_S = 0.25


def watch(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Id of a run, its beginning, or `latest`."),
    ] = None,
    name: Who = None,
    home: Home = None,
) -> None:
    """Show a run live, also one of another process, and answer by keys.

    Without RUN it is the newest one that goes on. Ctrl-C leaves; the run goes on.
    """
    from ..handle import Run
    from ..views.lines import summary
    from ..views.terminal import TerminalView

    record = _watched(run, home, who_is(name))
    watched = Run(record, record.folder.path)
    try:
        with termination():
            TerminalView(estimates=record.seconds, program=command_name()).attach(watched)
    except Terminated:
        raise typer.Exit(TERMINATED) from None
    except KeyboardInterrupt:
        say(f"Run {watched.id} goes on. To look again: orchestra-nb watch {watched.id}")
        return
    for line in summary(watched.state, str(watched.folder)):
        say(line)
    if watched.status == "interrupted":
        end(_nobody(record), NO_REPLY)


def _watched(run: str | None, home: Path | None, who: str) -> Record:
    if run is not None:
        return record_of(run, home, who=who)
    live = live_runs(home)
    if live:
        return open_record(live[0], who=who)
    record = record_of(LATEST, home, who=who)
    say("No run goes on here. This is the newest one.")
    return record


def timeline(
    run: RunName,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run is over.")
    ] = False,
    home: Home = None,
) -> None:
    """Print what happened in a run, event by event, and how far it is.

    RUN may also be the file of a run that was exported.
    """
    from ..views.bars import bars
    from ..views.timeline import HEAD, Timeline

    viewer = Timeline()
    heard: list[str] = [*HEAD]

    def hear(event: Event) -> None:
        heard.extend(viewer.lines(event))

    record = record_of(run, home, hear=hear)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for line in heard:
                say(line)
            heard.clear()
            if not follow or not record.follower.alive:
                break
            time.sleep(_LOOKS_EVERY_S)
            record.follower.poll(hear)
    say("")
    for line in bars(record.state):
        say(line)
    if record.state.status == "interrupted" and follow:
        end(_nobody(record), NO_REPLY)


def _nobody(record: Record) -> str:
    from ..housekeeping.archived import ArchivedRecord

    said = f"Nobody runs {record.run_id} any more: its process ended."
    archived = isinstance(record, ArchivedRecord)
    return said if archived else f"{said}\n{go_on(record.folder.path)}"
