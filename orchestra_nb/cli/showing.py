"""Runs that this process carries, shown in the terminal until they are over."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .base import (
    COMPLETED,
    FAILED,
    STOPPED,
    TERMINATED,
    Terminated,
    command_name,
    refuse,
    refuse_code,
    say,
    termination,
    tried,
)

if TYPE_CHECKING:
    from ..state import State
    from ..views.terminal import TerminalView

__all__ = ["CODES", "agents_of", "go_on", "show"]

CODES = {"completed": COMPLETED, "failed": FAILED}
_UNMANNED = (
    "Where nobody is to be asked: --yes takes every recommendation, "
    "--on-failure continue goes on after failures."
)


def agents_of(reference: str) -> Mapping[str, Any]:
    """The mapping that ``module:attribute`` names; a function without arguments may make it."""
    from importlib import import_module

    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        refuse(f"--agents {reference!r} is not MODULE:NAME, such as my_agents:agents")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(module_name)
    except ImportError as error:
        refuse(f"--agents: can't import {module_name!r}: {error}")
    except Exception as error:
        refuse_code(f"--agents: importing {module_name!r} raised {type(error).__name__}")
    found = getattr(module, attribute, None)
    if callable(found) and not isinstance(found, Mapping):
        try:
            found = found()
        except Exception as error:
            refuse_code(f"--agents: {reference!r} raised {type(error).__name__}")
    if not isinstance(found, Mapping):
        refuse(f"--agents: {reference!r} is not a mapping of agents' names to functions")
    return found


def show(
    start: Callable[[Any], Any],
    autopilot: bool,
    *,
    again: Sequence[str] = (),
    since: Callable[[], State | None] = lambda: None,
) -> Any:
    """Start a run, show it until it is over, say what it left. Ctrl-C stops it.

    Args:
        start: Gets :mod:`orchestra_nb.runs` and gives the run.
        autopilot: Whether every recommendation is taken at once.
        again: Options that a resume of it needs, too.
        since: Gives, once it goes on, what it had come to before: of that nothing is said.
    """
    from .. import runs
    from ..views.lines import summary
    from ..views.terminal import TerminalView

    view = TerminalView(program=command_name(), hint="" if autopilot else _UNMANNED)
    run = None
    try:
        with termination():
            run = tried(lambda: start(runs))
            if autopilot:
                run.autopilot = True
            view.attach(run, since=since())
    except KeyboardInterrupt:
        if run is None:
            raise typer.Exit(STOPPED) from None
        _stop(run, view, again)
    except Terminated:
        runs.interrupt("the process was ended by the system")
        if run is not None:
            say(f"Run {run.id} was interrupted; what was finished is kept in {run.folder}")
            say(go_on(run.folder, again))
        raise typer.Exit(TERMINATED) from None
    for line in summary(run.state, str(run.folder)):
        say(line)
    if run.status not in CODES:
        say(f"Run {run.id} was stopped; what was finished is kept.")
        say(go_on(run.folder, again))
    elif run.status == "failed":
        say(go_on(run.folder, again, "To try again what failed"))
    return run


def _stop(run: Any, view: TerminalView, again: Sequence[str]) -> None:
    try:
        run.stop()
        if run.finished:
            view.attach(run)
    except KeyboardInterrupt:
        say(f"Run {run.id} is being stopped. Its folder: {run.folder}")
        say(go_on(run.folder, again))
        raise typer.Exit(STOPPED) from None


def go_on(folder: Path, again: Sequence[str] = (), what: str = "To go on with it") -> str:
    """The line that takes a run up again."""
    from ..views.asked import home_to_name

    home = home_to_name(folder)
    where = () if home is None else ("--home", str(home))
    return f"{what}: {command_name()} resume {shlex.join([folder.name, *again, *where])}"
