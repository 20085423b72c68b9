"""A real run on a clock that stands still, written into a folder of its own."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from orchestra_nb.commands import Command
from orchestra_nb.engine.protocols import Stored
from orchestra_nb.events import Event
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.store.files import replace_file
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.masking import mask_value
from orchestra_nb.views.plan_md import plan_md
from tests.engine.rig import MemoryJournal, Rig

__all__ = ["Cues", "Stage", "new_folder"]

BEGIN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


class _Kept(MemoryJournal):
    """A journal on disk whose lines can be looked at."""

    def __init__(self, folder: RunFolder):
        super().__init__()
        self.file = FileJournal(folder)

    def append(self, events: Sequence[Event]) -> None:
        """Write the events."""
        self.file.append(events)
        super().append(events)

    def sync(self, done: Callable[[BaseException | None], None]) -> None:
        """Make them durable."""
        self.file.sync(done)

    def inline_result(self, value: object) -> Stored | None:
        """Keep what is small in the log."""
        return self.file.inline_result(value)

    def put_result(
        self, index: int, attempt: int, value: object, done: Callable[[Stored], None]
    ) -> None:
        """Keep what is larger in a file."""
        self.file.put_result(index, attempt, value, done)

    def transcript(self, index: int, attempt: int, entry: Mapping[str, Any]) -> None:
        """Keep a line of a transcript."""
        self.file.transcript(index, attempt, entry)

    def close(self, timeout: float = 10.0) -> None:
        """Write out everything."""
        self.file.close(timeout)
        super().close(timeout)


class Cues:
    """What agents wait for, so that each does its next thing when a scene says so."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}

    def wait(self, name: str) -> None:
        """Block until the cue is given."""
        assert self._events.setdefault(name, threading.Event()).wait(20), name

    def give(self, *names: str) -> None:
        """Let whoever waits for these go on."""
        for name in names:
            self._events.setdefault(name, threading.Event()).set()


class Stage(Rig):
    """A run that is made to be kept: its id, times and clock are the same each time.

    Args:
        home: Where it goes.
        plan: The plan.
        agents: Agent's name -> function.
        number: Makes the run's id, and the day on which it began.
        folder: Of a run that is gone on with, or that has something in it already.
        options: For the engine.
    """

    def __init__(
        self,
        home: Path,
        plan: Plan,
        agents: Mapping[str, Any] | None = None,
        *,
        number: int,
        folder: RunFolder | None = None,
        **options: Any,
    ):
        began = _began(number)
        self.folder = new_folder(home, plan, number) if folder is None else folder
        ready = plan.filled()
        first = 1_000.0  # where the clock of a rig stands
        super().__init__(
            ready,
            agents,
            fake=True,
            journal=_Kept(self.folder),
            run_id=self.folder.id,
            wall=lambda: began.timestamp() + self.clock() - first,
            scrub=mask_value,
            seconds=[_estimate(node.spec) for node in compile_plan(ready).nodes],
            **options,
        )
        state = self.engine.state
        state.id, state.rehearsal = self.folder.id, options.get("rehearsal")

    def until_status(self, task: str, *statuses: str) -> None:
        """Wait until a task is in one of these statuses."""
        self.until(lambda: self.task(task).status in statuses, f"{task} {statuses}")

    def do(self, *commands: Command) -> None:
        """Say these; each has to be carried out."""
        for command in commands:
            ok, text = self.say(command)
            assert ok, f"{command!r}: {text}"
        self.turn()

    def finish(self) -> Path:
        """Wait for the end; leave behind what a reader needs."""
        self.wait()
        state = self.engine.state
        text = plan_md(state, now=state.t, wall=self.engine.wall())
        replace_file(self.folder.plan_md, text.encode())
        self.folder.lock.unlink()
        for path in (self.folder.answers, self.folder.results, self.folder.transcripts):
            if not os.listdir(path):
                path.rmdir()
        return self.folder.path


def new_folder(home: Path, plan: Plan, number: int) -> RunFolder:
    """The folder of a run; the number makes its id, and the day on which it begins."""
    with mock.patch.object(secrets, "token_hex", return_value=f"{number:04x}"):
        return RunFolder.create(plan, home=home, now=_began(number))


def _began(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


def _estimate(spec: object) -> float:
    return getattr(spec, "estimate", None) or 0.0
