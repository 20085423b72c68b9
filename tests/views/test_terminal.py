"""The live view, on a real terminal and without one."""

from __future__ import annotations

import functools
import io
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestra_nb.errors import CommandError
from orchestra_nb.state import State
from orchestra_nb.views.keys import Keys
from orchestra_nb.views.terminal import TerminalView

from .story import Story, middle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")


class FakeRun:
    """A run that a test moves by hand; what is asked of it is in ``said``."""

    def __init__(self, story: Story):
        self.story = story
        self.id = story.state.id
        self.folder = Path("/runs/x")
        self.finished = False
        self.said: list[tuple[Any, ...]] = []
        self.touched: list[str] = []
        self.refuse = ""
        self.faults: dict[str, str] = {}
        self._autopilot = False

    def was_asked(self, what: tuple[Any, ...]) -> bool:
        """Whether that came from the keyboard."""
        return what in self.said

    @property
    def autopilot(self) -> bool:
        """Whether recommendations are taken at once."""
        return self._autopilot

    @autopilot.setter
    def autopilot(self, on: bool) -> None:
        self._autopilot = on
        self.said.append(("autopilot", on))

    @property
    def state(self) -> State:
        """The story's state."""
        return self.story.state

    def now(self) -> float:
        """The time of the last event."""
        return self.story.state.t

    def answer(
        self,
        decision: str,
        option: str,
        *,
        note: str | None = None,
        text: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Note an answer, or refuse it."""
        if self.refuse:
            raise CommandError(self.refuse)
        filled = () if values is None else (dict(values),)
        self.said.append(("answer", decision, option, note, text, *filled))

    def draft(self, decision: str, values: Mapping[str, Any]) -> None:
        """Note what a form holds, or say what does not fit."""
        self.said.append(("draft", decision, dict(values)))
        if self.faults:
            raise CommandError("1 answer does not fit", faults=self.faults)

    def hold(self, decision: str, on: bool = True) -> None:
        """Note a hold."""
        self.said.append(("hold", decision, on))

    def touch(self, decision: str) -> None:
        """Note that somebody types."""
        self.touched.append(decision)

    def extend(self, decision: str, seconds: float = 300.0) -> None:
        """Note an extension."""
        self.said.append(("extend", decision, seconds))

    def pause(self) -> None:
        """Note a pause."""
        self.said.append(("pause",))

    def unpause(self) -> None:
        """Note its end."""
        self.said.append(("unpause",))

    def stop(self) -> None:
        """Note a stop."""
        self.said.append(("stop",))
        self.finished = True


def test_without_a_terminal_lines_are_printed() -> None:
    """Into a pipe go plain lines without any escape sequence, and nothing is redrawn."""
    file = io.StringIO()
    run = FakeRun(middle())
    run.finished = True
    TerminalView(console=Console(file=file, width=20)).attach(run)
    lines = file.getvalue().splitlines()
    assert len(lines) == 14
    assert lines[1].endswith("Starting business-analyst")
    assert "          High write volume expected (10k/s)" in lines
    assert "\x1b" not in file.getvalue()


def test_an_old_encoding_gets_ascii() -> None:
    """A stream that knows no Unicode gets ASCII signs, and question marks for others' letters."""
    story = Story()
    story.start(1, "business-analyst")
    story.find(2, "business-analyst", "naïve 日本")
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    run = FakeRun(story)
    run.finished = True
    TerminalView(console=Console(file=file)).attach(run)
    file.flush()
    text = raw.getvalue().decode("ascii")
    assert "[00:01] > Starting business-analyst" in text
    assert "i Finding: na?ve ??" in text


def test_a_dumb_terminal_is_not_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can't move its cursor gets lines."""
    monkeypatch.setenv("TERM", "dumb")
    view = TerminalView(console=Console(file=io.StringIO(), force_terminal=True))
    assert not view.live


class Terminal:
    """A pseudo terminal with a view of a run in it, and a person's hands on it."""

    def __init__(self, run: FakeRun, *, columns: int = 80):
        self.hands, self._inside = os.openpty()
        self._input = os.fdopen(os.dup(self._inside), "r", encoding="utf-8")
        self._output = os.fdopen(os.dup(self._inside), "w", encoding="utf-8")
        console = Console(
            file=self._output, force_terminal=True, width=columns, height=40, legacy_windows=False
        )
        self.view = TerminalView(console=console)
        self.run = run
        self.seen = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._thread = threading.Thread(target=self._attach, daemon=True)

    def _attach(self) -> None:
        self.view.attach(self.run, keys=Keys(self._input))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.hands, 65536)
            except OSError:
                return
            if not data:
                return
            self.seen += data.decode("utf-8", "replace")

    def __enter__(self) -> Terminal:
        self._thread.start()
        self.until(lambda: "Database technology" in self.seen)
        return self

    def __exit__(self, *error: object) -> None:
        self.run.finished = True
        self._thread.join(5)
        self._input.close()
        self._output.close()
        os.close(self._inside)
        self._reader.join(1)
        os.close(self.hands)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.hands, text.encode())

    def until(self, true: Callable[[], object]) -> None:
        """Wait for something, 5 seconds at most."""
        end = time.monotonic() + 5
        while not true():
            assert time.monotonic() < end, self.seen[-3000:]
            time.sleep(0.01)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal that shows a run with an open decision."""
    # The pseudo terminal is nobody's controlling one, so it has no foreground group.
    monkeypatch.setattr(os, "tcgetpgrp", lambda fd: os.getpgrp())
    with Terminal(FakeRun(middle())) as terminal:
        yield terminal


def test_typing_a_letter_and_enter_decides(terminal: Terminal) -> None:
    """The letter alone does nothing; with Enter the decision shown is answered."""
    terminal.type("b")
    terminal.until(lambda: "Enter takes B · Cassandra" in terminal.seen)
    assert terminal.run.said == []
    assert terminal.run.touched == ["database-technology"]
    terminal.type("\r")
    terminal.until(lambda: terminal.run.said)
    assert terminal.run.said == [("answer", "database-technology", "B", None, None)]


def test_all_keys_reach_the_run(terminal: Terminal) -> None:
    """Own words, more time, wait for me, pause, autopilot and stop."""
    for text, said in (
        ("= SQLite\r", ("answer", "database-technology", "other", None, "SQLite")),
        ("A fine\r", ("answer", "database-technology", "A", "fine", None)),
        ("+\r", ("extend", "database-technology", 300.0)),
        ("w\r", ("hold", "database-technology", True)),
        ("p\r", ("pause",)),
        ("auto\r", ("autopilot", True)),
        ("s\r", ("stop",)),
    ):
        terminal.type(text)
        terminal.until(functools.partial(terminal.run.was_asked, said))


def test_a_refused_answer_is_said(terminal: Terminal) -> None:
    """What the engine refuses is shown in its words."""
    terminal.run.refuse = "Too late: A was taken by timeout at 10:58. Your B was not used."
    terminal.type("b\r")
    terminal.until(lambda: "Too late: A was taken" in terminal.seen)


def test_keys_are_not_echoed_and_the_terminal_is_put_back(terminal: Terminal) -> None:
    """While it shows, keys come one by one; afterwards the terminal is as it was."""
    import termios

    taken = termios.ICANON | termios.ECHO
    terminal.until(lambda: not termios.tcgetattr(terminal.hands)[3] & taken)
    terminal.run.finished = True
    terminal._thread.join(5)
    after = termios.tcgetattr(terminal.hands)
    assert after[3] & termios.ICANON
    assert after[3] & termios.ECHO
    terminal.until(lambda: terminal.seen.endswith("\x1b[?25h"))


def test_no_colour_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR the picture has no colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    run = FakeRun(middle())
    run.finished = True
    file = io.StringIO()
    TerminalView(console=Console(file=file, force_terminal=True, width=60, height=30)).attach(run)
    assert "Database technology" in file.getvalue()
    assert not re.search(r"\x1b\[[0-9;]*(?:3|4|9)[0-7][;m]", file.getvalue())


class Ending(FakeRun):
    """A run that is over at the third look."""

    looks = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "finished":
            self.looks += 1
            return self.looks > 2
        return super().__getattribute__(name)


@pytest.mark.parametrize("live", [True, False])
def test_who_can_t_type_is_told_how_to_answer(live: bool) -> None:
    """Without a keyboard an open decision comes with the line that answers it, and a hint, once."""
    file = io.StringIO()
    run = Ending(middle())
    view = TerminalView(
        console=Console(file=file, force_terminal=live, width=300), program="onb", hint="Or so."
    )
    view.attach(run, keys=Keys(io.StringIO()))
    line = f"onb decide {run.id} database-technology A"
    assert [file.getvalue().count(said) for said in (line, "Or so.", "--text")] == [1, 1, 1]


def test_a_run_that_is_over_is_not_answered() -> None:
    """What stayed open when its process ended is shown without a line that answers it."""
    file, run = io.StringIO(), FakeRun(middle())
    run.finished = True
    TerminalView(console=Console(file=file, width=300)).attach(run)
    assert "Decision required: Database technology" in file.getvalue()
    assert " decide " not in file.getvalue()
