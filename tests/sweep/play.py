"""The run that is swept, and the processes that begin it, go on with it, and read it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orchestra_nb as onb

__all__ = ["AFTER_UNREAD", "EXPECTED", "NORMAL", "Counter", "begin", "go_on", "plan"]

SEED: Final = 31
"""The retry comes a few ms after the failure."""
LONG: Final = "y" * 3_000
"""A result that goes into a file."""
EXPECTED: Final[dict[str, Any]] = {
    "reads": {"rows": 3},
    "fails": "at last",
    "gathers": LONG,
    "packs": bytes(range(256)) * 8,
    "judges": "B: 3000",
    "writes": [1, 2, 3],
    "tells": None,
    "each": ["1 seen", "2 seen", "3 seen"],
    "each-2": "2 seen",
    "ends": 2_048,
}
NORMAL: Final = {
    **dict.fromkeys(EXPECTED, 1),
    **dict.fromkeys(["each-1", "each-2", "each-3"], 1),
    "fails": 2,
    "each": 0,
}
"""How often each is called where nothing goes wrong."""
AFTER_UNREAD: Final = frozenset(
    {"gathers", "writes", "tells", "each-1", "each-2", "each-3", "ends"}
)
"""What is done again where the result of ``gathers`` can't be read: it, or all of the last phase,
which was told that something before it had failed."""


def plan() -> onb.Plan:
    """Three phases: a retry, results in files, a decision, a checkpoint, a growing list."""
    first = [
        onb.Task(agent="reads"),
        onb.Task(agent="fails", retries=1),
        onb.Task(agent="gathers", depends_on=["reads"]),
        onb.Decision(
            id="which",
            title="Which",
            options=["x", "y"],
            recommend="A",
            ask="always",
            timeout="none",
            depends_on=["reads"],
        ),
    ]
    second = [
        onb.Task(agent="packs", depends_on=["fails"]),
        onb.Task(agent="judges", depends_on=["gathers", "which"]),
        onb.Task(agent="never", when={"which": ["A"]}),
    ]
    third = [
        onb.Task(agent="writes"),
        onb.Task(agent="tells"),
        onb.Task(agent="each", task="See {{n}}", for_each={"from": "writes", "as": "n"}),
        onb.Task(agent="ends", depends_on=["packs", "judges", "each"]),
    ]
    return onb.Plan(
        name="Sweep",
        mode="fully_autonomous",
        on_failure="continue",
        max_concurrency=3,
        phases=[
            onb.Phase(name="One", tasks=first, checkpoint=True),
            onb.Phase(name="Two", tasks=second),
            onb.Phase(name="Three", tasks=third),
        ],
    )


class Counter:
    """Counts what is really executed: one durable line each, outside the run's home.

    Args:
        path: The file. Made by whoever counts; its operations are never swept.
        dies_at: The coroutine at whose first call the process is killed.
        beside: A function that is at work then, and comes to no end before.
    """

    def __init__(self, path: Path, dies_at: str = "", beside: str = ""):
        self._path, self._dies_at, self._beside = path, dies_at, beside
        self._open, self._write, self._sync, self._close = os.open, os.write, os.fsync, os.close

    def first(self, task: str) -> bool:
        """Whether a task's agent was called no more than once."""
        return self._path.read_text().split().count(task) < 2

    def add(self, task: str) -> None:
        """A task's agent is called."""
        fd = self._open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._write(fd, task.encode() + b"\n")
        self._sync(fd)
        self._close(fd)
        if task == self._beside:
            threading.Event().wait()

    async def dies(self, task: str) -> None:
        """Kill the process where it dies at this task, once what is beside it has begun."""
        if task == self._dies_at:
            while self._beside not in self._path.read_text().split():
                await asyncio.sleep(0.001)
            os.kill(os.getpid(), signal.SIGKILL)


_counter: Counter


def _reads(context: onb.Context) -> dict[str, int]:
    _counter.add("reads")
    context.log("three rows")
    context.finding("there are three rows")
    return {"rows": 3}


async def _fails() -> str:
    _counter.add("fails")
    if _counter.first("fails"):
        raise onb.AgentError("not yet", retryable=True, retry_after=0.0)
    return "at last"


async def _gathers(reads: dict[str, int]) -> str:
    _counter.add("gathers")
    await asyncio.sleep(0)
    return "y" * 1_000 * reads["rows"]


def _packs(fails: str) -> bytes:
    _counter.add("packs")
    return bytes(range(256)) * 8


async def _judges(gathers: str, which: Any) -> str:
    _counter.add("judges")
    await _counter.dies("judges")
    return f"{which.option}: {len(gathers)}"


async def _writes(context: onb.Context) -> list[int]:
    _counter.add("writes")
    context.progress("half", 0.5)
    context.log("written")
    return [1, 2, 3]


async def _tells(context: onb.Context) -> None:
    _counter.add("tells")
    context.choice("short", "it is enough")


async def _each(context: onb.Context) -> str:
    _counter.add(context.task)
    return f"{context.item} seen"


def _ends(packs: bytes, judges: str, each: list[str]) -> int:
    _counter.add("ends")
    return len(packs)


async def _never() -> None:
    _counter.add("never")


def _agents(counter: Counter) -> dict[str, Any]:
    """Who does the tasks; what they count with is no part of what they are."""
    global _counter
    _counter = counter
    own = [_reads, _fails, _gathers, _packs, _judges, _writes, _tells, _each, _ends, _never]
    return {agent.__name__[1:]: agent for agent in own}


def begin(home: Path, counter: Counter, said: Path) -> None:
    """Run the plan to whatever end, in a process made for this alone."""
    asked = threading.Event()
    _say(
        said,
        lambda: onb.run(
            plan(),
            _agents(counter),
            home=home,
            seed=SEED,
            on_decision=lambda decision: asked.set(),
        ),
        asked,
    )


def go_on(home: Path, counter: Counter, said: Path, run_id: str) -> None:
    """Resume the run, in a process that never heard of it."""
    asked = threading.Event()
    _say(
        said,
        lambda: onb.resume(
            run_id,
            _agents(counter),
            home=home,
            seed=SEED,
            on_decision=lambda decision: asked.set(),
        ),
        asked,
    )


def _say(said: Path, start: Callable[[], Any], asked: threading.Event) -> None:
    """Start, answer what is asked, wait for the end, and write down how it went."""
    write = os.open, os.write, os.close
    try:
        run = start()
    except onb.StoreError as error:
        words = {"outcome": "refused", "error": str(error)}
    else:
        while not run.finished:
            if asked.wait(0.002):
                asked.clear()
                for decision in run.state.open_decisions():
                    try:
                        run.answer(decision.id, "B")
                    except onb.CommandError:
                        break  # the log failed; wait() says so
        try:
            run.wait()
        except onb.StoreError as error:
            words = {"outcome": "stopped", "error": str(error)}
        else:
            words = {"outcome": run.status, "error": ""}
    fd = write[0](said, os.O_WRONLY | os.O_CREAT, 0o600)
    write[1](fd, json.dumps(words).encode())
    write[2](fd)
