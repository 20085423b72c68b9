"""What all commands share: the application, its options, its exit codes, how it speaks."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from ..errors import OrchestraError

__all__ = [
    "BAD_INPUT",
    "COMPLETED",
    "FAILED",
    "NO_REPLY",
    "STOPPED",
    "TERMINATED",
    "TOO_LATE",
    "Autopilot",
    "Home",
    "LevelNumber",
    "PlanFile",
    "app",
    "Terminated",
    "command_name",
    "end",
    "pairs",
    "refuse",
    "refuse_code",
    "say",
    "spoken_here",
    "termination",
    "tried",
]

COMPLETED: Final = 0
FAILED: Final = 1
TOO_LATE: Final = 1
BAD_INPUT: Final = 2
NO_REPLY: Final = 3
STOPPED: Final = 130
TERMINATED: Final = 143

app = typer.Typer(
    name="orchestra-nb",
    help="Run agents in parallel, watch them live, decide in time, keep the evidence.",
    epilog=(
        "Exit codes: 0 done, or the run completed; 1 tasks failed, a run's folder is not whole, or "
        "the answer came too late; "
        "2 the input was not valid; 3 nobody runs the run any more, or it did not reply; "
        "130 stopped with Ctrl-C; 143 ended by the system."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A .yaml, .json or .md plan.")]
Autopilot = Annotated[
    bool, typer.Option("--yes", "--autopilot", help="Take every recommendation at once.")
]


def _plain_home(given: Path | None) -> Path | None:
    from ..store.home import home

    tried(lambda: home(given))
    return given


Home = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where runs are kept.", callback=_plain_home),
]
LevelNumber = Annotated[int | None, typer.Option(metavar="1..5", help="Project level of the run.")]


_PLAIN: Final = str.maketrans("█░·…→“”×", '#.-~>""x')


def say(line: str) -> None:
    """One line for whoever sits here; where the encoding has no bars they are made of ASCII."""
    try:
        line.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        line = line.translate(_PLAIN)
    print(line, flush=True)


def end(message: str, code: int) -> NoReturn:
    """End the command with a message and its exit code; foreign words in it are only ever text."""
    from ..views.words import plain

    lines = (line if line.isprintable() else plain(line) for line in message.split("\n"))
    print("\n".join(lines), file=sys.stderr)
    raise typer.Exit(code)


def refuse(message: str) -> NoReturn:
    """End with a message about the input."""
    end(message, BAD_INPUT)


def refuse_code(message: str) -> NoReturn:
    """End with a fault of the user's code: where it is, then what it means for the command."""
    traceback.print_exc()
    refuse(message)


class Terminated(BaseException):
    """The system asks this process to end."""


@contextlib.contextmanager
def termination() -> Iterator[None]:
    """While inside, being asked to end by the system raises :class:`Terminated`.

    What is on the way then can end as it should: a run's log says so, a terminal is put back.
    """

    def ended(number: int, frame: object) -> None:
        # Some say it twice, to the process and to its group; the last words take a moment.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is ended:
            signal.signal(signal.SIGTERM, before)


def tried(call: Callable[[], Any]) -> Any:
    """The call's result; what is wrong with the input ends the command."""
    try:
        return call()
    except OrchestraError as error:
        refuse(spoken_here(str(error)))


_SPOKEN: Final = (
    (r"pass inputs=\{'([^']*)': \.\.\.\}", r"pass --input \1=VALUE"),
    (
        r"pass agents=\{('[^']*'): \.\.\.\}, or claude=True to let Claude do what has no function",
        r"put \1 into the mapping that --agents names",
    ),
    (r"pass agents= for it, or claude=True", "give a function for it with --agents"),
    (r"pass your own functions in agents=\{\.\.\.\}", "pass your own functions with --agents"),
    (r"try the plan without a model with onb\.rehearse\(plan\)", "try the plan with --rehearse"),
    (r"onb\.configure\(home=\.\.\.\)", "--home DIR"),
    (r"\bagents= (names|has)", r"--agents \1"),
    (r"\(with text=\.\.\.\)", "(with --text)"),
    (r"start it with mode='(\w+)'", r"start it with --mode \1"),
)
"""What messages for Python say, and what that is on the command line."""


def spoken_here(message: str) -> str:
    """A message in the words of the command line."""
    for python, here in _SPOKEN:
        message = re.sub(python, here, message)
    return message


def pairs(given: Sequence[str], option: str, example: str) -> list[tuple[str, str]]:
    """The names and values of an option that was given as ``NAME=VALUE``, in order."""
    found = []
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            refuse(f"{option} {pair!r} is not NAME=VALUE, such as {option} {example}")
        found.append((name.strip(), value))
    return found


def command_name() -> str:
    """How this command is called from here: by its name, or by its path when that is not found."""
    from shutil import which

    if which("orchestra-nb"):
        return "orchestra-nb"
    script = Path(sys.executable).parent / "orchestra-nb"
    try:
        return str(script.relative_to(Path.cwd()))
    except ValueError:
        return str(script)
