"""The sweep itself: rows of cases, each case some processes, all of them forked.

The process that forks has imported everything and started no thread: its children remember
nothing of any run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import orchestra_nb as onb
from orchestra_nb.store.home import list_runs

from . import play
from .disk import MODES, Fault, FaultyDisk
from .judge import Left, look, promises

__all__ = ["Row", "all_rows", "sweep"]

STEP_S: Final = 20.0
"""A process that takes longer hangs."""
MOST: Final = 2_000
FIRST: Final = 12
EACH: Final = 7
_DONE: Final = "row.json"


@dataclass(slots=True)
class Row:
    """All cases of one kind of fault.

    Attributes:
        what: What is swept: the run, or its resume.
        kind: Kind of operation that fails.
        mode: How it fails.
        cases: How many operations of the kind failed, one at a time.
        outcomes: What came of it -> how often.
        wrong: Promises that did not hold: case and words.
    """

    what: str
    kind: str
    mode: str
    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name: ``run/write/torn``."""
        return f"{self.what}/{self.kind}/{self.mode}"

    def data(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "name": self.name,
            "cases": self.cases,
            "outcomes": self.outcomes,
            "wrong": self.wrong,
        }


def all_rows() -> list[Row]:
    """Every row, the longest first, so that what runs beside each other ends together."""
    return [
        Row(what, kind, mode)
        for kind in ("write", "open", "fsync", "close", "unlink", "truncate", "mkdir", "rename")
        for what in ("run", "resume")
        for mode in MODES[kind]
    ]


def sweep(rows: list[Row], folder: Path, *, jobs: int, part: bool) -> Iterator[Row]:
    """Do the rows' cases, some rows at a time, and give each row when it is done.

    Args:
        rows: Filled in.
        folder: An empty folder for everything.
        jobs: How many rows at a time.
        part: The first twelve cases of each, then each seventh.
    """
    onb.resume, onb.run  # noqa: B018  loads what they need, once for all
    template = folder / "template"
    if any(row.what == "resume" for row in rows):
        _broken_off(template)
    todo, busy = list(rows), dict[int, Row]()
    while todo or busy:
        while todo and len(busy) < jobs:
            row = todo.pop(0)
            place = folder / row.name.replace("/", "-")
            place.mkdir()
            pid = _fork(partial(_sweep_row, row, place, template, part=part), place)
            busy[pid] = row
        pid, status = os.wait()
        row = busy.pop(pid)
        place = folder / row.name.replace("/", "-")
        done = place / _DONE
        if status or not done.exists():
            row.wrong.append("the harness failed: " + (place / "errors").read_text()[-2_000:])
        else:
            data = json.loads(done.read_bytes())
            row.cases, row.wrong = data["cases"], data["wrong"]
            row.outcomes.update(data["outcomes"])
        yield row


def _sweep_row(row: Row, place: Path, template: Path, *, part: bool) -> None:
    number = 0
    while number < MOST:
        number += 1 if number < FIRST or not part else EACH
        case = place / str(number)
        case.mkdir()
        outcome, wrong = _Case(row, number, case, template).play()
        if outcome is None:
            break
        row.cases += 1
        row.outcomes[outcome] += 1
        row.wrong += [f"{row.name} {number}: {words}" for words in wrong]
        if not wrong:
            shutil.rmtree(case)
    (place / _DONE).write_text(json.dumps(row.data()), encoding="utf-8")


def _broken_off(template: Path) -> None:
    """A run whose process was killed while it wrote, in the middle of everything."""
    template.mkdir()
    counter = play.Counter(template / "calls", dies_at="judges", beside="packs")
    pid = _fork(lambda: play.begin(template / "home", counter, template / "said"), template)
    assert _waited(pid) == -signal.SIGKILL
    (run,) = list_runs(template / "home")
    with (run / "orchestration-timeline.jsonl").open("ab") as log:
        log.write(b'{"timestamp":"2026-11-22T17:41:03.000Z","event":"agent_comp')


class _Case:
    """One fault and what follows."""

    def __init__(self, row: Row, number: int, place: Path, template: Path):
        self._fault = Fault(row.kind, row.mode, number)
        self._resumes = row.what == "resume"
        self._place, self._home, self._calls = place, place / "home", place / "calls"
        if self._resumes:
            shutil.copytree(template / "home", self._home)
            shutil.copy(template / "calls", self._calls)

    def play(self) -> tuple[str | None, list[str]]:
        """What came of the fault, and which promises it broke; no outcome where it never came."""
        crashes = int(self._resumes)
        steps = [Left.of(self._run(), self._calls, crashes)] if self._resumes else []
        outcome, error = self._process("first", self._fault)
        if not (self._place / "trace").exists():
            return None, []
        failing = (self._place / "trace").read_text().strip()
        stays = self._fault.mode in ("full", "short")  # what fails later may be anything
        wrong = self._expected(outcome, error, failing, stays=stays)
        broke = outcome not in ("completed", "refused")
        steps.append(Left.of(self._run(), self._calls, crashes + broke))
        if outcome == "hangs":
            return outcome, wrong
        after, words = "nothing", ""
        if steps[-1].events:
            after, words = self._process("second", None)
            if after != "completed":
                wrong.append(f"{failing}: {outcome}, and then the resume {after}: {words}")
            steps.append(Left.of(self._run(), self._calls, steps[-1].crashes))
            wrong += self._seen(unstored=stays or "results" in failing)
        else:
            if steps[-1].calls:
                wrong.append("P5: something was called that no log tells of")
            wrong += self._nothing_left(outcome)
        return outcome, wrong + promises(steps, unread=self._unread(failing))

    def _expected(self, outcome: str, error: str, failing: str, *, stays: bool) -> list[str]:
        """Whether it came to an end as such a fault may."""
        killed = self._fault.mode in ("kill", "torn")
        fine = outcome == "died" if killed else outcome in ("completed", "stopped", "refused")
        if self._unread(failing):
            fine = fine or outcome == "failed"
        if not fine:
            return [f"{failing}: the process {outcome}: {error}"]
        if outcome == "stopped" and "its log can't be written" not in error:
            return [f"{failing}: it stopped with {error!r}"]
        if outcome == "stopped" and not (stays or failing.endswith("timeline.jsonl")):
            return [f"{failing}: nothing but the log may stop a run: {error}"]
        return []

    def _unread(self, failing: str) -> bool:
        """Whether what failed was the reading of an earlier result."""
        return (
            self._resumes and self._fault.kind == "open" and failing.endswith("results/0003.1.txt")
        )

    def _run(self) -> Path | None:
        found = list_runs(self._home)
        return found[0] if found else None

    def _process(self, name: str, fault: Fault | None) -> tuple[str, str]:
        """Begin the run, or go on with it, in a process of its own; how that ended."""
        run, said = self._run(), self._place / f"{name}.json"
        counter = play.Counter(self._calls)

        def work() -> None:
            FaultyDisk(self._home, fault, self._place / "trace").install()
            if run is None:
                play.begin(self._home, counter, said)
            else:
                play.go_on(self._home, counter, said, run.name)

        code = _waited(_fork(work, self._place))
        if code == -signal.SIGKILL:
            return "died", ""
        if code is None:
            return "hangs", f"for {STEP_S:g} s"
        if code or not said.exists():
            return f"ended with {code}", (self._place / "errors").read_text()[-2_000:]
        words = json.loads(said.read_bytes())
        return words["outcome"], words["error"]

    def _seen(self, *, unstored: bool) -> list[str]:
        """What yet another process finds wrong on the disk."""
        found, run = self._place / "found.json", self._run()
        assert run is not None
        name = run.name

        def work() -> None:
            found.write_text(json.dumps(look(self._home, name, unstored=unstored)))

        if _waited(_fork(work, self._place)) != 0:
            return ["it can't be read: " + (self._place / "errors").read_text()[-2_000:]]
        wrong: list[str] = json.loads(found.read_bytes())
        return wrong

    def _nothing_left(self, outcome: str) -> list[str]:
        """A run that never began is in nobody's way."""
        wrong, run = [], self._run()
        if outcome == "refused" and run is not None and not self._resumes:
            wrong.append(f"half a run is left: {sorted(p.name for p in run.iterdir())}")

        def work() -> None:
            _command(["runs", "--home", str(self._home)])
            if run is not None:
                try:
                    onb.resume(run.name, {}, home=self._home)
                except onb.OrchestraError:
                    return
                raise AssertionError("a run without a beginning was resumed")

        if _waited(_fork(work, self._place)) != 0:
            wrong.append(
                "its rest is stumbled over: " + (self._place / "errors").read_text()[-999:]
            )
        return wrong


def _command(arguments: list[str]) -> None:
    from orchestra_nb.cli import main

    try:
        main(arguments)
    except SystemExit as end:
        if end.code not in (0, None):
            raise AssertionError(f"{arguments} ended with {end.code}") from None


def _fork(work: Callable[[], None], place: Path) -> int:
    """Do something in a process of its own; what it says goes into ``errors`` in ``place``."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        fd = os.open(place / "errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _waited(pid: int) -> int | None:
    """How a process ended, as ``returncode`` says it; ``None`` if it had to be ended."""
    end, pause = time.monotonic() + STEP_S, 0.001
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(0.02, pause * 1.3)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
