"""Whether what a fault left, and what a resume made of it, is what was promised."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import orchestra_nb as onb
from orchestra_nb.housekeeping.glance import glance
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.store.home import list_runs

from .play import AFTER_UNREAD, EXPECTED, NORMAL

__all__ = ["Left", "look", "promises"]

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Left:
    """What a process left: the bytes of the log, and what was executed so far.

    Attributes:
        log: The log; empty where there is none.
        calls: Task -> how often its agent was called, in all.
        crashes: How many processes broke off so far.
    """

    log: bytes
    calls: Counter[str]
    crashes: int

    @classmethod
    def of(cls, folder: Path | None, counter: Path, crashes: int) -> Left:
        """As it is on disk now."""
        log = folder / "orchestration-timeline.jsonl" if folder is not None else None
        calls = counter.read_text().split() if counter.exists() else []
        whole = log.read_bytes() if log is not None and log.exists() else b""
        return cls(whole, Counter(calls), crashes)

    @property
    def events(self) -> list[Event]:
        """What the log holds, read without any code of ours."""
        return list(_events(self.log))


def _events(log: bytes) -> Iterator[Event]:
    for line in log.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn
        yield event


@dataclass(slots=True)
class _Faults:
    found: list[str] = field(default_factory=list)

    def check(self, fine: bool, words: str) -> None:
        if not fine:
            self.found.append(words)


def promises(steps: list[Left], *, unread: bool = False) -> list[str]:
    """What of the promises was broken between the processes of one run.

    Args:
        steps: What each process left, in order; the last one ran to the end.
        unread: Whether a result could not be read that something needed.
    """
    faults = _Faults()
    exempt = AFTER_UNREAD if unread else frozenset()
    for before, after in pairwise(steps):
        _next(before, after, faults, exempt)
    for left in steps:
        _one(left, faults)
    last = steps[-1]
    for task, calls in last.calls.items():
        most = NORMAL.get(task, 0) + last.crashes
        faults.check(calls <= most, f"P2: {task} was called {calls} times, {most} at most")
    return faults.found


def _one(left: Left, faults: _Faults) -> None:
    """What holds for every log there is."""
    events = left.events
    seqs = [event["seq"] for event in events]
    faults.check(seqs == list(range(1, len(seqs) + 1)), f"P3: the log's seq are {seqs}")
    ts = [event["t"] for event in events]
    faults.check(ts == sorted(ts), "t goes back")
    outcomes = Counter(e["decision_id"] for e in _of(events, "decision") if e["decision_id"])
    twice = [decision for decision, count in outcomes.items() if count > 1]
    faults.check(not twice, f"P6: {twice} have more than one outcome")
    begun = Counter(event["task"] for event in _of(events, "agent_start"))
    for task, calls in left.calls.items():
        faults.check(calls <= begun[task], f"P5: {task} was called without its start in the log")


def _next(before: Left, after: Left, faults: _Faults, exempt: Collection[str]) -> None:
    """What one process may do to what another left."""
    faults.check(after.log.startswith(before.log), "P3: the log's old bytes have changed")
    old = before.events
    done = {event["task"] for event in _of(old, "agent_complete", "agent_reused") if _kept(event)}
    begun = {event["task"] for event in _of(old, "agent_start")}
    for task in NORMAL.keys() - exempt:
        extra = after.calls[task] - before.calls[task]
        faults.check(task not in done or not extra, f"P1: {task} was done and called again")
        if task not in begun:
            faults.check(extra <= NORMAL[task], f"P2: {task} was not at work, called {extra} times")


def _kept(event: Event) -> bool:
    return bool(event["result"].get("kind") != "repr")


def _of(events: Iterable[Event], *kinds: str) -> Iterator[Event]:
    return (event for event in events if event["event"] in kinds)


def look(home: Path, run_id: str, *, unstored: bool) -> list[str]:
    """What a person would find wrong with a finished run, in yet another process.

    Args:
        home: The home.
        run_id: The run.
        unstored: Whether a result may have found no place on the disk.
    """
    faults = _Faults()
    for folder in list_runs(home):
        glance(folder)
    run = onb.open(run_id, home=home)
    faults.check(run.status == "completed", f"its status is {run.status}")
    for task, value in EXPECTED.items():
        try:
            found = run.results[task]
        except onb.TaskFailed as error:
            faults.check(unstored, f"{task} has no result: {error}")
        else:
            faults.check(found == value, f"{task} came to something else")
    faults.check(run.state.task("never").status == "skipped", "never was not left out")
    outcome = {one.id: one.outcome for one in run.decisions}["which"]
    faults.check(outcome is not None and outcome.option == "B", "the decision is another one")
    inspection = inspect(run.folder)
    lost = [str(one) for one in inspection.findings if one.harm]
    torn = [one for one in lost if "no JSON" in one]
    faults.check(lost == torn, f"check finds {lost}")
    return faults.found
