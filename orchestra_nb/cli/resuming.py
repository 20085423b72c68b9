"""Taking a run up again: ``resume``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .base import COMPLETED, STOPPED, Autopilot, Home, command_name, say, tried
from .finding import RunName, folder_of
from .plans import load
from .showing import CODES, agents_of, show

__all__ = ["resume"]


def resume(
    run: RunName,
    agents: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="A mapping of agents' names to functions."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The plan as it is now, if it changed.")
    ] = None,
    rerun: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK", help="Do this one again in any case; repeat as needed."),
    ] = None,
    claude: Annotated[
        bool, typer.Option("--claude", help="Let Claude do what has no function.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be kept, run and asked."),
    ] = False,
    yes: Autopilot = False,
    home: Home = None,
) -> None:
    """Go on with a run that broke off, was stopped, or in which something failed.

    What is done is kept, but for what is known to have changed. Ctrl-C stops it again.
    """
    from ..again.resume import resume as take_up

    run_id = folder_of(run, home).name
    settings: dict[str, Any] = {
        "plan": None if plan is None else load(plan),
        "rerun": rerun or (),
        "claude": claude or None,
        "home": home,
    }
    functions = None if agents is None else agents_of(agents)
    if dry_run:
        preview = tried(lambda: take_up(run_id, functions, dry_run=True, **settings))
        for line in repr(preview).split("\n"):
            say(line)
        raise typer.Exit(COMPLETED)

    def start(runs: Any) -> Any:
        found: Any = take_up(run_id, functions, **settings)
        if found.finished:
            say(
                f"Nothing is left to do in {run_id}. To do a task again: "
                f"{command_name()} resume {run_id} --rerun TASK"
            )
        return found

    options = () if agents is None else ("--agents", agents)
    raise typer.Exit(CODES.get(show(start, yes, again=options).status, STOPPED))
