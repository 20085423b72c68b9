"""Starting runs: ``demo`` and ``run``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .base import (
    COMPLETED,
    FAILED,
    STOPPED,
    TERMINATED,
    Autopilot,
    Home,
    LevelNumber,
    PlanFile,
    Terminated,
    command_name,
    pairs,
    refuse,
    refuse_code,
    say,
    termination,
    tried,
)
from .plans import load

if TYPE_CHECKING:
    from ..views.terminal import TerminalView

__all__ = ["demo", "run"]

_CODES = {"completed": COMPLETED, "failed": FAILED}
_UNMANNED = (
    "Where nobody is to be asked: --yes takes every recommendation, "
    "--on-failure continue goes on after failures."
)
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
    run = _show(lambda runs: runs.start(plan, agents, inputs=inputs, spend=claude, home=home), yes)
    report = run.state.task("report-writer").result
    if report and report.get("file"):
        say(f"The report: {run.folder / report['file']}")
    other = "rich" if chosen != "rich" else "pydantic"
    say("Next:")
    say("  make lab  opens the same run with a live board in JupyterLab")
    say(f"  {command_name()} demo {other}  reviews another package")
    raise typer.Exit(_CODES.get(run.status, STOPPED))


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
        if not speed > 0:
            refuse(f"--speed must be more than 0, not {speed:g}")

        def start(runs: Any) -> Any:
            return runs.rehearse(declared, speed=speed, seed=seed, **settings)
    else:
        functions = None if agents is None else _import(agents)

        def start(runs: Any) -> Any:
            return runs.start(declared, functions, seed=seed, spend=spend, **settings)

    raise typer.Exit(_CODES.get(_show(start, yes).status, STOPPED))


def _import(reference: str) -> Mapping[str, Any]:
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


def _show(start: Callable[[Any], Any], autopilot: bool) -> Any:
    """Start a run, show it until it is over, say what it left. Ctrl-C stops it."""
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
            view.attach(run)
    except KeyboardInterrupt:
        if run is None:
            raise typer.Exit(STOPPED) from None
        _stop(run, view)
    except Terminated:
        runs.interrupt("the process was ended by the system")
        if run is not None:
            say(f"Run {run.id} was interrupted; what was finished is kept in {run.folder}")
            say(_go_on(run))
        raise typer.Exit(TERMINATED) from None
    for line in summary(run.state, str(run.folder)):
        say(line)
    if run.status not in _CODES:
        say(f"Run {run.id} was stopped; what was finished is kept.")
        say(_go_on(run))
    return run


def _stop(run: Any, view: TerminalView) -> None:
    try:
        run.stop()
        if run.finished:
            view.attach(run)
    except KeyboardInterrupt:
        say(f"Run {run.id} is being stopped. Its folder: {run.folder}")
        say(_go_on(run))
        raise typer.Exit(STOPPED) from None


def _go_on(run: Any) -> str:
    return f"To go on with it: {command_name()} resume {run.id}"
