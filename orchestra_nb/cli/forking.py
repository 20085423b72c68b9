"""Another run from what one has: ``fork``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .base import COMPLETED, STOPPED, Autopilot, Home, pairs, refuse, say, tried
from .finding import RunName, folder_of
from .plans import load
from .showing import CODES, agents_of, show

__all__ = ["fork"]


def fork(
    run: RunName,
    decide: Annotated[
        list[str] | None,
        typer.Option(
            "--decide", metavar="DECISION=OPTION", help="Another choice; repeat as needed."
        ),
    ] = None,
    agents: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="A mapping of agents' names to functions."),
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option("--edit", metavar="TASK=TEXT", help="Another text; repeat as needed."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Share only what was done by 12m, or before an id."),
    ] = None,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Another plan.")] = None,
    rerun: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK", help="Do this one again in any case; repeat as needed."),
    ] = None,
    claude: Annotated[
        bool, typer.Option("--claude", help="Let Claude do what has no function.")
    ] = False,
    spend: Annotated[
        bool, typer.Option("--spend", help="Begin with paid calls without being asked.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be shared, run and asked."),
    ] = False,
    yes: Autopilot = False,
    home: Home = None,
) -> None:
    """Begin another run from what one has: with other choices, other texts, or from a moment.

    What nothing known differs for is shared. The run it comes from is not touched.
    """
    from ..again.fork import fork as begin

    run_id = folder_of(run, home).name
    settings: dict[str, Any] = {
        "decisions": _once(decide, "--decide", "database-technology=B"),
        "tasks": _once(edit, "--edit", "analyst=Compare three"),
        "at": at,
        "plan": None if plan is None else load(plan),
        "rerun": rerun or (),
        "claude": claude or None,
        "home": home,
    }
    functions = None if agents is None else agents_of(agents)
    if dry_run:
        preview = tried(lambda: begin(run_id, functions, dry_run=True, **settings))
        for line in repr(preview).split("\n"):
            say(line)
        raise typer.Exit(COMPLETED)

    def start(runs: Any) -> Any:
        return begin(run_id, functions, spend=spend, **settings)

    options = () if agents is None else ("--agents", agents)
    raise typer.Exit(CODES.get(show(start, yes, again=options).status, STOPPED))


def _once(given: list[str] | None, option: str, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs(given or [], option, example):
        if name in found:
            refuse(f"{option} names {name!r} twice")
        found[name] = value
    return found
