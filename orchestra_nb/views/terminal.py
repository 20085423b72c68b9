"""A run in a terminal: live where there is a person, plain lines where there is a pipe or a log."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import CommandError, OrchestraError
from ..state import DecisionState, State
from . import words
from .asked import answering, home_to_name, needs
from .frame import render
from .keys import Keys
from .lines import Lines
from .prompt import Prompt, Wish

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["Shown", "TerminalView", "render"]

_EVERY = 0.25
_TYPING = 0.1
"""While somebody types the picture follows the keys, the run's state only so often."""
_TOUCH = 5.0
"""Typing holds a decision's clock; the engine is told this often."""
_SHARE = 20.0
"""A look at the run may take one part in so many of the time: 10,000 tasks are shown slower."""


class Shown(Protocol):
    """What the view needs of a run."""

    autopilot: bool

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def folder(self) -> Path:
        """Where its files are."""

    @property
    def state(self) -> State:
        """A copy of its state."""

    @property
    def finished(self) -> bool:
        """Whether nothing happens any more."""

    def now(self) -> float:
        """Seconds since its start."""

    def answer(
        self,
        decision: str,
        option: str,
        *,
        note: str | None = None,
        text: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> Any:
        """Choose an option, or ``other`` with a text; ``values`` are what was filled in."""

    def draft(self, decision: str, values: Mapping[str, Any]) -> Any:
        """What a form holds so far."""

    def hold(self, decision: str, on: bool = True) -> Any:
        """Wait for me."""

    def extend(self, decision: str, seconds: float = 300.0) -> Any:
        """More time."""

    def pause(self) -> Any:
        """Start nothing new."""

    def unpause(self) -> Any:
        """Go on."""

    def stop(self) -> Any:
        """End it."""


@runtime_checkable
class Touchable(Protocol):
    """A run whose decision clocks stand still while somebody types."""

    def touch(self, decision: str) -> Any:
        """A key was pressed for this decision."""


class TerminalView:
    """Shows a run until it is over.

    On a terminal it redraws one picture four times a second and takes answers from the keyboard;
    elsewhere it prints a line for each change.

    Args:
        console: Where to; standard output if absent.
        estimates: Expected seconds by node; the plan's own if absent.
        program: What the command line is called here: where nobody can type, a decision that waits
            comes with the line that answers it from another terminal.
        hint: What else there is to say then, once.

    Example::

        TerminalView().attach(run)
    """

    def __init__(
        self,
        *,
        console: Console | None = None,
        estimates: Sequence[float | None] | None = None,
        program: str = "orchestra-nb",
        hint: str = "",
    ):
        from rich.console import Console

        self.console = console or Console(highlight=False, markup=False, emoji=False)
        self._estimates = estimates
        self._program, self._hint = program, hint
        self._told: set[str] = set()
        self._prompt = Prompt()
        self._touched = -math.inf
        encoding = (self.console.encoding or "").lower().replace("-", "").replace("_", "")
        self.unicode = encoding.startswith("utf")
        self._lines = Lines(unicode=self.unicode)

    @property
    def live(self) -> bool:
        """Whether there is a terminal that can redraw."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def attach(self, run: Shown, *, keys: Keys | None = None, since: State | None = None) -> None:
        """Show the run until it is finished.

        Ctrl-C ends the showing, not the run, and clears the picture; attached again, the view
        goes on where it was.

        Args:
            run: The run.
            keys: Where answers are typed; standard input if absent.
            since: What it had come to before it went on: lines tell only of what is new.
        """
        if since is not None:
            self._lines = Lines(unicode=self.unicode, since=since)
        if self.live:
            self._attach_live(run, keys or Keys())
        else:
            self._attach_lines(run)

    def _attach_lines(self, run: Shown) -> None:
        while True:
            finished = run.finished  # first, so that the last look sees everything
            began = time.monotonic()
            how = None if finished else partial(self._how, run)
            for line in self._lines.changes(run.state, how=how):
                self.say(line)
            if finished:
                return
            time.sleep(max(_EVERY, _SHARE * (time.monotonic() - began)))

    def _how(self, run: Shown, decision: DecisionState) -> list[str]:
        """How somebody answers who can't type here; the hint comes with the first one."""
        line = answering(decision, run.id, home_to_name(run.folder), self._program)
        hint, self._hint = self._hint, ""
        return [*needs(decision), f"To answer: {line}", *filter(None, [hint])]

    def _tell_how(self, run: Shown, state: State) -> None:
        """The same above a picture that nobody can type into."""
        for decision in state.open_decisions():
            if decision.id not in self._told:
                self._told.add(decision.id)
                self.say(f"A person is needed: {words.cut(decision.title, 200)}")
                for line in self._how(run, decision):
                    self.say(f"  {line}")

    def say(self, line: str) -> None:
        """One line of text, as it is; what the encoding lacks becomes a question mark."""
        if not self.unicode:
            encoding = self.console.encoding or "ascii"
            line = line.encode(encoding, "replace").decode(encoding)
        self.console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)
        with contextlib.suppress(AttributeError):
            self.console.file.flush()

    def _attach_live(self, run: Shown, keys: Keys) -> None:
        from rich.live import Live

        live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        with keys, live:
            try:
                self._redraw(run, keys, live)
            except KeyboardInterrupt:
                live.transient = True
                raise

    def _redraw(self, run: Shown, keys: Keys, live: Live) -> None:
        state, looked = run.state, time.monotonic()
        while True:
            finished = run.finished
            began = time.monotonic()
            if finished or began - looked >= _TYPING:
                state, looked = run.state, began
            self._prompt.follow(state)
            if not keys.active and not finished:
                self._tell_how(run, state)
            live.update(self._picture(state, run.now(), keys.active), refresh=True)
            if finished:
                return
            wait = max(_EVERY, _SHARE * (time.monotonic() - began))
            for key in keys.read(wait):
                wish = self._prompt.key(key, state)
                if wish is not None and wish.verb == "draft":
                    self._prompt.drafted(wish, drafted(run, wish))
                elif wish is not None:
                    self._prompt.typing.said = carry_out(run, wish, state)
                elif self._prompt.typing.text:
                    self._touch(run)

    def _touch(self, run: Shown) -> None:
        """Unsent text is not overtaken by the clock."""
        decision, now = self._prompt.typing.decision, time.monotonic()
        if decision is None or now - self._touched < _TOUCH or not isinstance(run, Touchable):
            return
        self._touched = now
        with contextlib.suppress(OrchestraError):  # it ended meanwhile, which the picture shows
            run.touch(decision)

    def _picture(self, state: State, now: float, typing: bool) -> Any:
        return render(
            state,
            now,
            estimates=self._estimates,
            width=self.console.width,
            height=self.console.height - 1,
            typing=self._prompt.typing if typing else None,
            unicode=self.unicode,
        )


def drafted(run: Shown, wish: Wish) -> Mapping[str, str]:
    """Hand over what a form holds so far; what of it does not fit, by question."""
    try:
        run.draft(wish.decision or "", wish.values or {})
    except CommandError as error:
        # One fault may come from another question; the last line is only about its own.
        return error.faults or {wish.option: str(error)}
    except OrchestraError as error:
        return {wish.option: str(error)}
    return {}


def carry_out(run: Shown, wish: Wish, state: State) -> str:
    """Do what was typed; what came of it, for people."""
    try:
        return _carry_out(run, wish, state)
    except OrchestraError as error:
        return words.cut(str(error), 500)


def _carry_out(run: Shown, wish: Wish, state: State) -> str:
    decision = wish.decision or ""
    match wish.verb:
        case "answer":
            run.answer(decision, wish.option, note=wish.text or None, values=wish.values)
            return ""
        case "other":
            run.answer(decision, words.OTHER, text=wish.text)
            return ""
        case "extend":
            run.extend(decision)
            return "5 minutes more."
        case "hold":
            run.hold(decision)
            return "Waiting for you. What does not need it goes on."
        case "release":
            run.hold(decision, False)
            return "The clock runs again."
        case "pause":
            if state.status == "paused":
                run.unpause()
                return "The run goes on."
            run.pause()
            return ""
        case "autopilot":
            run.autopilot = not state.autopilot
            return f"Autopilot is {'off' if state.autopilot else 'on'}."
        case "stop":
            run.stop()
            return "Stopping."
        case _:
            return ""
