"""Starting runs: ``demo`` and ``run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .base import (
    STOPPED,
    Autopilot,
    Home,
    LevelNumber,
    PlanFile,
    command_name,
    pairs,
    refuse,
    say,
)
from .plans import load
from .showing import CODES, agents_of, show

if TYPE_CHECKING:
    pass

__all__ = ["demo", "run"]

_EXAMPLE = "examples/code_review.yaml"


def demo(
    package: Annotated[
        str | None, typer.Argument(metavar="[PACKAGE]", help="An installed Python package.")
    ] = None,
    claude: Annotated[
        bool, typer.Option("--claude", help="Let Claude do it; needs a key and costs money.")
    ] = False,
    yes: Autopilot = False,
    home: Home = None,
) -> None:
    """Review the source of an installed package with an orchestra of agents."""
    path = _example()
    sys.path.insert(0, str(path.parent.parent))
    from importlib import import_module

    functions = import_module("examples.code_review")
    sources = import_module("examples.review.sources")
    plan = load(path)
    inputs = {} if package is None else {"package": package}
    chosen = package or str(plan.inputs["package"].default)
    try:
        sources.find_package(chosen)
    except sources.SourceError as error:
        refuse(str(error))
    agents = functions.claude_agents(chosen) if claude else functions.agents
    run = show(lambda runs: runs.start(plan, agents, inputs=inputs, spend=claude, home=home), yes)
    report = run.state.task("report-writer").result
    if report and report.get("file"):
        say(f"The report: {run.folder / report['file']}")
    other = "rich" if chosen != "rich" else "pydantic"
    say("Next:")
    say("  make lab  opens the same run with a live board in JupyterLab")
    say(f"  {command_name()} demo {other}  reviews another package")
    raise typer.Exit(CODES.get(run.status, STOPPED))


def run(
    plan: PlanFile,
    agents: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="A mapping of agents' names to functions."),
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="Repeat as needed.")
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(
            "--answer", metavar="NAME=VALUE", help="To a question of the plan, which is not asked."
        ),
    ] = None,
    level: LevelNumber = None,
    mode: Annotated[str | None, typer.Option(help="How much is asked, such as guided.")] = None,
    timeline: Annotated[str | None, typer.Option(help="urgent, normal or relaxed.")] = None,
    on_failure: Annotated[
        str | None, typer.Option(help="ask, continue or stop when a task fails for good.")
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Simulated agents of the estimated durations.")
    ] = False,
    speed: Annotated[float, typer.Option(help="How much faster a rehearsal is.")] = 60.0,
    seed: Annotated[int | None, typer.Option(help="Makes a rehearsal repeat itself.")] = None,
    spend: Annotated[
        bool, typer.Option("--spend", help="Begin with paid calls without being asked.")
    ] = False,
    reuse: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Share what a run of it has done; last is the newest."),
    ] = None,
    yes: Autopilot = False,
    home: Home = None,
) -> None:
    """Run a plan and show it until it is over. Ctrl-C stops it."""
    values = dict(pairs(inputs or [], "--input", "market=B2B"))
    settings = {
        "inputs": values,
        "answers": dict(pairs(answers or [], "--answer", "users=3000")),
        "level": level,
        "mode": mode,
        "timeline": timeline,
        "on_failure": on_failure,
        "home": home,
    }
    declared = load(plan)
    if rehearse:
        if agents is not None:
            refuse("--rehearse simulates every agent; leave --agents away")
        if reuse is not None:
            refuse("--rehearse makes no results; leave --reuse away")
        if not speed > 0:
            refuse(f"--speed must be more than 0, not {speed:g}")

        def start(runs: Any) -> Any:
            return runs.rehearse(declared, speed=speed, seed=seed, **settings)
    else:
        functions = None if agents is None else agents_of(agents)

        def start(runs: Any) -> Any:
            from ..again.earlier import earlier

            found = None if reuse is None else lambda ready: earlier(reuse, ready, home)
            return runs.start(
                declared, functions, seed=seed, spend=spend, earlier=found, **settings
            )

    options = () if agents is None else ("--agents", agents)
    raise typer.Exit(CODES.get(show(start, yes, again=options).status, STOPPED))


def _example() -> Path:
    """The demo's plan: beside the package in a checkout, or in a folder above this one."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        path = folder / _EXAMPLE
        if path.is_file():
            return path.resolve()
    refuse(
        f"The demo needs {_EXAMPLE}, which is in the project's checkout and not in the package. "
        "Change to the checkout, or run a plan of your own: orchestra-nb run PLAN."
    )
