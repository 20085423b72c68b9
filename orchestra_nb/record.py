"""A run read back from its folder: what was recorded, nothing live."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .commands import Reply
from .errors import StoreError, TaskFailed
from .events import Event
from .fold import apply
from .plan.graph import Graph, compile_plan
from .state import Change, State
from .store.folder import RunFolder
from .store.reader import Problems, read_events
from .store.results import load_result

__all__ = ["Record"]


class _Stored(Mapping[str, Any]):
    """Results on disk, read when they are asked for."""

    def __init__(self, folder: RunFolder, state: State):
        self._folder, self._state = folder, state
        self._by_id = {
            task.id: task.result
            for task in state.tasks
            if task.status == "completed" and task.result
        }

    def __getitem__(self, task: str) -> Any:
        stored = self._by_id[task]
        try:
            return load_result(self._folder.path, stored)
        except StoreError as error:
            raise TaskFailed(task, "completed", str(error)) from error

    def __contains__(self, task: object) -> bool:
        return task in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)


class Record:
    """What a :class:`orchestra_nb.Run` shows of a run that this process does not run.

    Attributes:
        state: The log, folded. A run nobody writes any more and that has no end is interrupted.
        results: Task id -> result, read from disk when asked for.
        problems: What was wrong with lines of the log; those lines were passed over.

    Raises:
        StoreError: If the folder holds no run, or its log is of a newer format.
    """

    def __init__(self, folder: RunFolder):
        self.run_id = folder.id
        self.plan = folder.load_plan().filled()
        graph: Graph = compile_plan(self.plan)
        self.state = State(graph)
        self.state.id = folder.id
        events, self.problems = read_events(folder.log)
        self._fold(events, self.problems)
        if self.state.status in ("running", "paused") and folder.owner is None:
            self.state.status = "interrupted"
        if self.state.ended_at is None and self.state.status not in ("running", "paused"):
            self.state.ended_at = self.state.t
        self.results: Mapping[str, Any] = _Stored(folder, self.state)
        self.errors: Mapping[str, BaseException] = {}
        self.seconds = [getattr(node.spec, "estimate", None) or 0.0 for node in graph.nodes]
        self.pid = os.getpid()
        self.ended = threading.Event()
        self.ended.set()

    def _fold(self, events: Iterator[Event], problems: Problems) -> None:
        change = Change()
        for event in events:
            try:
                apply(self.state, event, change)
            except (KeyError, TypeError, IndexError, AttributeError):
                problems.add(self.state.seq, "an event that does not fit the plan", lost=True)
            change.clear()

    def on_its_thread(self) -> bool:
        """Nobody owns what does not move."""
        return True

    def now(self) -> float:
        """The last thing that was recorded, on the run's clock."""
        return self.state.t

    def failure(self) -> Exception | None:
        """A record has no failure of its own."""
        return None

    def call(self, function: Callable[[], None]) -> None:
        """Nothing runs here: the function is called at once."""
        function()

    def post(self, order: Any) -> None:
        """Refuse a command: nobody here could carry it out."""
        text = f"Run {self.run_id} is not running in this process ({self.state.status})"
        order.reply(Reply(False, text))
