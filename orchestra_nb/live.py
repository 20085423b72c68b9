"""What goes on now, and what needs a person: ``onb.status()``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import runs
from .errors import OrchestraError
from .follower import Follower
from .housekeeping.glance import owner_of
from .plan.durations import clock
from .plan.graph import compile_plan
from .state import DecisionState, RunStatus, State
from .store.folder import RunFolder
from .store.home import home as home_of
from .store.home import list_runs
from .views.words import count, countdown, cut, rehearsal_tag

__all__ = ["LiveRun", "Status", "status"]


@dataclass(frozen=True, slots=True, repr=False)
class LiveRun:
    """A run that goes on, as it was when it was looked at.

    Attributes:
        id: Id of the run.
        folder: Its folder.
        project: Name of the plan.
        status: ``running`` or ``paused``.
        done: Tasks that are done.
        total: Tasks that are not skipped.
        seconds: Since its start, on its own clock.
        rehearsal: Its speed, where it is one.
        pid: The process that runs it; 0 where that is not known.
        decisions: Those that wait for an answer, soonest deadline first.
    """

    id: str
    folder: Path
    project: str
    status: RunStatus
    done: int
    total: int
    seconds: float
    rehearsal: float | None
    pid: int
    decisions: tuple[DecisionState, ...]

    @property
    def here(self) -> bool:
        """Whether this process runs it."""
        return self.pid == os.getpid()

    def __repr__(self) -> str:
        where = "here" if self.here else f"process {self.pid}" if self.pid else "elsewhere"
        words = [self.status, f"{self.done:,} of {count(self.total, 'task')}", clock(self.seconds)]
        tag = [rehearsal_tag(self.rehearsal)] if self.rehearsal else []
        return f"{self.id}  {cut(self.project, 80)}: {', '.join([*words, where, *tag])}"


@dataclass(frozen=True, slots=True, repr=False)
class Status:
    """The runs that go on, those of this process first, then the newest first.

    Attributes:
        runs: The runs.
        home: Where runs of other processes were looked for.
    """

    runs: tuple[LiveRun, ...]
    home: Path

    @property
    def needs_you(self) -> tuple[tuple[LiveRun, DecisionState], ...]:
        """Every decision that waits for an answer, with its run."""
        return tuple((run, decision) for run in self.runs for decision in run.decisions)

    def __repr__(self) -> str:
        if not self.runs:
            return f"No run goes on in this process or in {self.home}."
        many = len(self.needs_you)
        needs = "Nothing needs you."
        if many:
            needs = f"{count(many, 'decision')} {'needs' if many == 1 else 'need'} you."
        verb = "goes" if len(self.runs) == 1 else "go"
        return "\n".join([f"{count(len(self.runs), 'run')} {verb} on. {needs}", *self._lines()])

    def _lines(self) -> Iterator[str]:
        for run in self.runs:
            yield repr(run)
            for decision in run.decisions:
                yield f"  {cut(decision.title, 120)}: {countdown(decision, run.seconds)}"
                keys = [option["key"] for option in decision.options]
                option = decision.recommend or (keys[0] if keys else "other")
                yield f"    onb.open({run.id!r}).answer({decision.id!r}, {option!r})"


def status(*, home: str | Path | None = None) -> Status:
    """What goes on now: runs of this process and of others, and what needs you.

    Args:
        home: Where runs of other processes are looked for; ``.orchestra`` here by default.
    """
    own = [
        _live_run(run.id, run.folder, run.state, run.now(), os.getpid())
        for run in reversed(runs.live_runs())
    ]
    known = {run.folder for run in own}
    others = (_other(path) for path in reversed(list_runs(home)) if path not in known)
    return Status((*own, *(run for run in others if run is not None)), home_of(home))


def _other(path: Path) -> LiveRun | None:
    """The run in a folder, if some process runs it and it can be read."""
    pid = owner_of(path)
    if pid is None:
        return None
    try:
        folder = RunFolder.open(path)
        follower = Follower(folder, compile_plan(folder.load_plan().filled()))
    except (OrchestraError, OSError):
        return None
    if not follower.alive:
        return None
    return _live_run(folder.id, path, follower.state, follower.now(), pid)


def _live_run(run_id: str, folder: Path, state: State, seconds: float, pid: int) -> LiveRun:
    done, total = state.done
    return LiveRun(
        id=run_id,
        folder=folder,
        project=state.project,
        status=state.status,
        done=done,
        total=total,
        seconds=seconds,
        rehearsal=state.rehearsal,
        pid=pid,
        decisions=tuple(state.open_decisions()),
    )
