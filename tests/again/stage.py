"""Runs that are cut off and taken up again, with everything that agents did counted outside."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orchestra_nb as onb
from orchestra_nb.events import Event
from orchestra_nb.fold import apply
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, State
from orchestra_nb.store.reader import read_events

__all__ = ["Counted", "answer", "cut", "folded", "lines_of", "played", "seen", "until", "wait_for"]

LOG = "orchestration-timeline.jsonl"


class Counted:
    """Agents whose calls are counted.

    Args:
        values: Agent name -> what it returns, or a function of the context.

    Attributes:
        calls: Task id -> how often it was done.
    """

    def __init__(self, **values: Any):
        self.calls: Counter[str] = Counter()
        self._values = values

    def agents(self, **values: Any) -> dict[str, Callable[..., Any]]:
        """The mapping for ``agents=``; ``values`` come to others instead."""
        return {name: self._agent(value) for name, value in (self._values | values).items()}

    def _agent(self, value: Any) -> Callable[..., Any]:
        def agent(context: onb.Context) -> Any:
            self.calls[context.task] += 1
            return value(context) if callable(value) else value

        return agent

    def taken(self) -> dict[str, int]:
        """What was done since this was last asked."""
        calls, self.calls = dict(self.calls), Counter()
        return calls


def played(plan: Plan, agents: Mapping[str, Any], **options: Any) -> onb.Run:
    """A run that came to its end."""
    run = onb.run(plan, agents, **options)
    run.wait(20)
    return run


def lines_of(run: onb.Run | Path) -> list[Event]:
    """The events of a run's log."""
    folder = run if isinstance(run, Path) else run.folder
    return list(read_events(folder / LOG)[0])


def cut(run: onb.Run, *kinds: str, after: int | None = None, **fields: object) -> None:
    """Leave a log as a process does that is killed right after an event.

    Args:
        run: A run that is over.
        kinds: The kind of that event, if ``after`` is absent.
        after: How many lines stay.
        fields: What that event holds.
    """
    path = run.folder / LOG
    lines = path.read_bytes().splitlines(keepends=True)
    if after is None:
        events = [json.loads(line) for line in lines]
        (after, *_) = (
            n
            for n, event in enumerate(events, start=1)
            if event["event"] in kinds and fields.items() <= event.items()
        )
    path.write_bytes(b"".join(lines[:after]))


def seen(preview: Any) -> dict[str, tuple[str, str]]:
    """What a preview says: id -> action and why."""
    return {one.id: (one.action, one.why) for one in preview.nodes}


def folded(run: onb.Run) -> State:
    """What a run's log comes to, from its first line."""
    state, change = State(compile_plan(Plan.load(run.folder / "plan.json").filled())), Change()
    for event in lines_of(run):
        apply(state, event, change)
    return state


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    tick = threading.Event()
    for _ in range(2_000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError(f"{what} never happened")


def answer(run: onb.Run, decision: str, option: str, **more: Any) -> None:
    """Answer a decision once it is open."""

    def asked() -> bool:
        found = run.state.decisions.get(decision)
        return found is not None and found.open

    wait_for(asked, f"{decision} open")
    run.answer(decision, option, **more)


def until(run: onb.Run, task: str, status: str) -> None:
    """Wait until a task has a status."""
    wait_for(lambda: run.state.task(task).status == status, f"{task} {status}")
