"""A run of another process, or of none any more: its log as it is now."""

from __future__ import annotations

import getpass
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .afterwards import rate_afterwards
from .commands import Command, Rate, Reply, Shown, Source, Touch
from .engine.loops import on_own_thread
from .engine.orders import Order
from .errors import CommandError, OrchestraError, StoreError, TaskFailed
from .events import Event
from .follower import Follower
from .plan.graph import compile_plan
from .state import State
from .store.answers import ask, tell
from .store.folder import RunFolder
from .store.reader import Problems, read_events
from .store.results import load_result

__all__ = ["Record", "login_name"]

_LOOKS_EVERY_S = 0.05


class _Stored(Mapping[str, Any]):
    """Results on disk, read when they are asked for."""

    def __init__(self, folder: RunFolder, follower: Follower):
        self._folder, self._follower = folder, follower

    def _find(self, task: object) -> dict[str, Any] | None:
        state = self._follower.state
        index = state.graph.index.get(task) if isinstance(task, str) else None
        found = None if index is None else state.tasks[index]
        return found.result if found is not None and found.status == "completed" else None

    def __getitem__(self, task: str) -> Any:
        stored = self._find(task)
        if stored is None:
            raise KeyError(task)
        if stored.get("kind") == "items":
            return [self.get(one) for one in stored["tasks"]]
        try:
            return load_result(self._folder.path, stored)
        except StoreError as error:
            raise TaskFailed(task, "completed", str(error)) from error

    def __contains__(self, task: object) -> bool:
        return self._find(task) is not None

    def __iter__(self) -> Iterator[str]:
        tasks = self._follower.state.tasks
        return iter([t.id for t in tasks if t.status == "completed" and t.result])

    def __len__(self) -> int:
        return len(list(iter(self)))


class _End(threading.Event):
    """Set once the log says that the run is over, or nobody writes it any more."""

    def __init__(self, follower: Follower):
        super().__init__()
        self._follower = follower

    def is_set(self) -> bool:
        """Whether the run is over, as of now."""
        self._follower.poll()
        return not self._follower.alive

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(_LOOKS_EVERY_S)
        return True


class Record:
    """What a :class:`orchestra_nb.Run` shows of a run that this process does not run.

    While another process runs it, it moves: each look at it is a look at the log as it is now, and
    commands go through the run's answers inbox.

    Args:
        folder: The run's folder.
        source: The door that commands come through.
        who: Who sends them; the login name if absent.
        hear: Called with each event that is there already.

    Attributes:
        results: Task id -> result, read from disk when asked for.

    Raises:
        StoreError: If the folder holds no run, or its log is of a newer format.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        source: Source = "remote",
        who: str = "",
        hear: Callable[[Event], None] | None = None,
    ):
        self.folder = folder
        self._source: Source = source
        self._who = who
        self.run_id = folder.id
        self.follower = Follower(folder, compile_plan(folder.load_plan().filled()), hear)
        graph = self.follower.state.graph  # a resume may have brought another plan
        self.plan = graph.plan
        self.results: Mapping[str, Any] = _Stored(folder, self.follower)
        self.errors: Mapping[str, BaseException] = {}
        self.pid = os.getpid()
        self.ended: threading.Event = _End(self.follower)

    @property
    def state(self) -> State:
        """The log as it is now, folded. One that nobody writes and has no end is interrupted."""
        self.follower.poll()
        return self.follower.state

    @property
    def seconds(self) -> list[float]:
        """What the plan says each node takes, seconds; 0 where it says nothing."""
        nodes = self.follower.state.graph.nodes
        return [
            getattr(n.spec, "estimate", None) or 0.0 if n.kind == "task" else 0.0 for n in nodes
        ]

    @property
    def problems(self) -> Problems:
        """What was wrong with lines of the log; those lines were passed over."""
        return self.follower.problems

    def on_its_thread(self) -> bool:
        """Nobody owns what does not move any more."""
        return not self.follower.alive

    def now(self) -> float:
        """The run's clock; of one that is over, or that nobody runs, when that was."""
        self.follower.poll()
        return self.follower.now()

    def failure(self) -> Exception | None:
        """A record has no failure of its own."""
        return None

    def call(self, function: Callable[[], None]) -> None:
        """Call the function while the state stands still."""
        with self.follower.lock:
            function()

    def post(self, message: Any) -> None:
        """Hand a command over to the process that runs it, and wait for its reply."""
        if not isinstance(message, Order):
            self.call(message)
        elif on_own_thread():  # an agent or a callback steers another run: nothing may block there
            threading.Thread(target=self._order, args=[message], daemon=True).start()
        else:
            self._order(message)

    def _order(self, message: Order) -> None:
        try:
            reply = self.ask(message.command)
        except CommandError as error:
            reply = Reply(False, str(error), error.faults, error.late)
        except OrchestraError as error:
            reply = Reply(False, str(error))
        message.reply(reply)

    def ask(self, command: Command) -> Reply:
        """Have a command carried out by the process that runs it.

        Raises:
            Unanswered: If nobody runs it, or there is no reply.
            CommandError: If it is over.
            StoreError: If nothing can be written to its folder.
        """
        state = self.state
        who = command.who or self._who or login_name()
        command = replace(command, source=self._source, who=who)
        if isinstance(command, Rate) and not self.follower.alive:
            with self.follower.lock:
                rate_afterwards(self.folder, self.follower.state, command)
            return Reply(True)
        if not self.follower.alive and state.status != "interrupted":
            raise CommandError(f"The run is over ({state.status})", late=True)
        if isinstance(command, (Touch, Shown)):
            tell(self.folder, command)
            return Reply(True)
        return ask(self.folder, command)

    def counted(self, client: str) -> bool:
        """Whether the log holds an outcome that came of the request of that client."""
        events, _ = read_events(self.folder.log)
        return any(
            event["event"] == "decision" and event.get("client") == client for event in events
        )


def login_name() -> str:
    """Who sits here, as the system knows them; empty where it knows nobody."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
