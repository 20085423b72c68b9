"""The command line: ``orchestra-nb demo``, ``run``, ``check``, ``levels``.

Exit codes: 0 the run completed, 1 tasks failed, 2 the input was not valid, 130 it was stopped.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .errors import OrchestraError, PlanError

if TYPE_CHECKING:
    from .plan import Plan
    from .views.terminal import TerminalView

__all__ = ["app", "main"]

COMPLETED, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130
_CODES = {"completed": COMPLETED, "failed": FAILED}
_EXAMPLE = "examples/code_review.yaml"

app = typer.Typer(
    name="orchestra-nb",
    help="Run agents in parallel, watch them live, decide in time, keep the evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A .yaml, .json or .md plan.")]
Autopilot = Annotated[
    bool, typer.Option("--yes", "--autopilot", help="Take every recommendation at once.")
]
Home = Annotated[Path | None, typer.Option(metavar="DIR", help="Where runs are kept.")]
LevelNumber = Annotated[int | None, typer.Option(metavar="1..5", help="Project level of the run.")]


@app.command()
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
    plan = _load(path)
    inputs = {} if package is None else {"package": package}
    chosen = package or str(plan.inputs["package"].default)
    try:
        sources.find_package(chosen)
    except sources.SourceError as error:
        _refuse(str(error))
    agents = functions.claude_agents(chosen) if claude else functions.agents
    run = _show(lambda runs: runs.start(plan, agents, inputs=inputs, home=home), yes)
    report = run.state.task("report-writer").result
    if report and report.get("file"):
        _say(f"The report: {run.folder / report['file']}")
    other = "rich" if chosen != "rich" else "pydantic"
    _say("Next:")
    _say("  make lab  opens the same run with a live board in JupyterLab")
    _say(f"  {_command()} demo {other}  reviews another package")
    raise typer.Exit(_CODES.get(run.status, STOPPED))


@app.command()
def run(
    plan: PlanFile,
    agents: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="A mapping of agents' names to functions."),
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="Repeat as needed.")
    ] = None,
    level: LevelNumber = None,
    mode: Annotated[str | None, typer.Option(help="How much is asked, such as guided.")] = None,
    timeline: Annotated[str | None, typer.Option(help="urgent, normal or relaxed.")] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Simulated agents of the estimated durations.")
    ] = False,
    speed: Annotated[float, typer.Option(help="How much faster a rehearsal is.")] = 60.0,
    seed: Annotated[int | None, typer.Option(help="Makes a rehearsal repeat itself.")] = None,
    yes: Autopilot = False,
    home: Home = None,
) -> None:
    """Run a plan and show it until it is over. Ctrl-C stops it."""
    values = _inputs(inputs or [])
    settings = {"inputs": values, "level": level, "mode": mode, "timeline": timeline, "home": home}
    declared = _load(plan)
    if rehearse:
        if agents is not None:
            _refuse("--rehearse simulates every agent; leave --agents away")
        if not speed > 0:
            _refuse(f"--speed must be more than 0, not {speed:g}")

        def start(runs: Any) -> Any:
            return runs.rehearse(declared, speed=speed, seed=seed, **settings)
    else:
        functions = None if agents is None else _import(agents)

        def start(runs: Any) -> Any:
            return runs.start(declared, functions, seed=seed, **settings)

    raise typer.Exit(_CODES.get(_show(start, yes).status, STOPPED))


@app.command()
def check(plan: PlanFile, level: LevelNumber = None) -> None:
    """Say what is wrong with a plan, or what of it would run."""
    declared = _load(plan)
    view = _tried(lambda: declared.for_level(declared.level if level is None else level))
    from .views.words import count, cut, spoken

    _say(f"{cut(declared.name, 200)}: no faults.")
    _say(f"Level {view.level.number} ({view.level.name}):")
    width = max((len(cut(spec.id, 60)) for _, spec in declared.all()), default=0)
    for number, phase in enumerate(declared.phases, start=1):
        _say(f"  Phase {number}: {cut(phase.name, 100)}")
        for spec in phase.tasks:
            reason = view.skipped.get(spec.id)
            name = cut(spec.id, 60).ljust(width)
            estimate = getattr(spec, "estimate", None)
            about = f"skipped: {cut(reason, 200)}" if reason else "runs"
            if hasattr(spec, "options") and not reason:
                about = "is asked"
            elif estimate is not None and not reason:
                about = f"runs, about {spoken(estimate)}"
            _say(f"    {name}  {about}")
    everything = len(view.runs) + len(view.skipped)
    _say(f"{len(view.runs)} of {count(everything, 'entry', 'entries')} run at this level.")


@app.command()
def levels() -> None:
    """List the project levels."""
    from .plan import load_levels

    for number, level in sorted(load_levels().items()):
        _say(f"{number}  {level.name}: {level.description}")
        for key, value in level.characteristics.items():
            shown = value if isinstance(value, str) else ", ".join(value)
            _say(f"     {key.replace('_', ' ')}: {shown}")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows a question mark, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(list(arguments) if arguments is not None else None)
    raise SystemExit(COMPLETED)


def _say(line: str) -> None:
    print(line, flush=True)


def _command() -> str:
    """How this command is called from here: by its name, or by its path when that is not found."""
    from shutil import which

    if which("orchestra-nb"):
        return "orchestra-nb"
    script = Path(sys.executable).parent / "orchestra-nb"
    try:
        return str(script.relative_to(Path.cwd()))
    except ValueError:
        return str(script)


def _refuse(message: str) -> NoReturn:
    """End with a message about the input."""
    print(message, file=sys.stderr)
    raise typer.Exit(BAD_INPUT)


def _refuse_code(message: str) -> NoReturn:
    """End with a fault of the user's code: where it is, then what it means for the command."""
    traceback.print_exc()
    _refuse(message)


def _tried(call: Callable[[], Any]) -> Any:
    """The call's result; what is wrong with the input ends the command."""
    try:
        return call()
    except OrchestraError as error:
        _refuse(str(error))


def _load(path: Path) -> Plan:
    from .plan import Plan

    if not path.exists():
        _refuse(f"There is no plan {str(path)!r}.")
    try:
        return Plan.load(path)
    except PlanError as error:
        _refuse(f"{error}\nNothing was started.")


def _inputs(pairs: Sequence[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            _refuse(f"--input {pair!r} is not NAME=VALUE, such as --input market=B2B")
        values[name.strip()] = value
    return values


def _import(reference: str) -> Mapping[str, Any]:
    """The mapping that ``module:attribute`` names; a function without arguments may make it."""
    from importlib import import_module

    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        _refuse(f"--agents {reference!r} is not MODULE:NAME, such as my_agents:agents")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(module_name)
    except ImportError as error:
        _refuse(f"--agents: can't import {module_name!r}: {error}")
    except Exception as error:
        _refuse_code(f"--agents: importing {module_name!r} raised {type(error).__name__}")
    found = getattr(module, attribute, None)
    if callable(found) and not isinstance(found, Mapping):
        try:
            found = found()
        except Exception as error:
            _refuse_code(f"--agents: {reference!r} raised {type(error).__name__}")
    if not isinstance(found, Mapping):
        _refuse(f"--agents: {reference!r} is not a mapping of agents' names to functions")
    return found


def _example() -> Path:
    """The demo's plan: beside the package in a checkout, or in a folder above this one."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        path = folder / _EXAMPLE
        if path.is_file():
            return path.resolve()
    _refuse(
        f"The demo needs {_EXAMPLE}, which is in the project's checkout and not in the package. "
        "Change to the checkout, or run a plan of your own: orchestra-nb run PLAN."
    )


def _show(start: Callable[[Any], Any], autopilot: bool) -> Any:
    """Start a run, show it until it is over, say what it left. Ctrl-C stops it."""
    from . import runs
    from .views.lines import summary
    from .views.terminal import TerminalView

    view = TerminalView()
    run = None
    try:
        run = _tried(lambda: start(runs))
        if autopilot:
            run.autopilot = True
        view.attach(run)
    except KeyboardInterrupt:
        if run is None:
            raise typer.Exit(STOPPED) from None
        _stop(run, view)
    for line in summary(run.state, str(run.folder)):
        _say(line)
    if run.status not in _CODES:
        _say(f"Run {run.id} was stopped; what was finished is kept.")
    return run


def _stop(run: Any, view: TerminalView) -> None:
    try:
        run.stop()
        if run.finished:
            view.attach(run)
    except KeyboardInterrupt:
        _say(f"Run {run.id} is being stopped. Its folder: {run.folder}")
        raise typer.Exit(STOPPED) from None
