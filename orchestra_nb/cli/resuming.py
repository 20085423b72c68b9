"""Taking a run up again: ``resume``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .base import COMPLETED, STOPPED, Autopilot, Home, say, tried
from .finding import RunName, folder_of
from .plans import load
from .showing import CODES, agents_of, go_on, show

if TYPE_CHECKING:
    from ..again.preview import Preview
    from ..state import State

__all__ = ["resume"]

_MOST_NAMED = 5
_TO_DO = ("run", "compare", "ask")


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

    options = () if agents is None else ("--agents", agents)
    before: list[State] = []
    foreseen: list[Preview] = []

    def foresee(preview: Preview, state: State) -> None:
        foreseen.append(preview)
        before.append(state)

    def start(runs: Any) -> Any:
        found: Any = take_up(run_id, functions, foreseen=foresee, **settings)
        if any(one.action in _TO_DO for one in foreseen[-1].nodes):
            say(_resumed(run_id, foreseen[-1]))
        else:
            line = go_on(found.folder, (*options, "--rerun", "TASK"), "To do a task again")
            say(f"Nothing is left to do in {run_id}. {line}")
        return found

    shown = show(start, yes, again=options, since=lambda: before[-1])
    raise typer.Exit(CODES.get(shown.status, STOPPED))


def _resumed(run_id: str, preview: Preview) -> str:
    kept = [one.id for one in preview.nodes if one.action == "keep" and one.kind == "task"]
    more = len(kept) - _MOST_NAMED
    named = ", ".join(kept[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    to_do = sum(one.action in _TO_DO for one in preview.nodes)
    which = f" ({named})" if kept else ""
    return f"Resumed {run_id}: {len(kept):,} kept{which}, {to_do:,} to do"
