"""What agents do to a run: marked, isolated, and the log stays small."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import StoreError
from orchestra_nb.store.settings import settings
from tests.elsewhere import ROOT

WITHIN_S = 60.0
gate = threading.Event()


class Wordless(Exception):
    """An exception that is interrupted when it is asked for its words."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class Noteless(Exception):
    """An exception whose notes raise."""

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        """Raise."""
        raise RuntimeError("no notes")


class Odd(BaseException):
    """An exception that is none of Exception's."""


class Mute:
    """An object that ends the interpreter when it is shown."""

    def __repr__(self) -> str:
        raise SystemExit(3)


class Unequal:
    """An object that raises when it is compared, copied or hashed."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not equal")

    def __reduce__(self) -> Any:
        raise RuntimeError("not copied")


class Classless:
    """An object that raises when it is asked for its class."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Raise."""
        raise RuntimeError("no class")


def raises(error: BaseException) -> Callable[[], None]:
    """An agent that raises."""

    def agent() -> None:
        raise error

    return agent


def recurses() -> Any:
    """Call itself."""
    return recurses()


def exits() -> None:
    """End the interpreter."""
    sys.exit(3)


def out_of_memory() -> bytearray:
    """Ask for more than there is."""
    return bytearray(1 << 62)


async def cancels_itself() -> None:
    """Raise what a cancellation raises."""
    raise asyncio.CancelledError


async def hangs() -> None:
    """Wait for good."""
    await asyncio.sleep(3_600)


async def ignores() -> None:
    """Go on although it is cancelled."""
    while not gate.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)


async def blocks() -> None:
    """Sleep without awaiting until that is told."""
    gate.wait(WITHIN_S)


def floods(what: str) -> Callable[[onb.Context], None]:
    """An agent that says something 100,000 times."""

    def agent(context: onb.Context) -> None:
        say = getattr(context, what)
        for number in range(100_000):
            say(f"{'x' * 1_000} {number}")

    return agent


def nested() -> list[Any]:
    """Lists in lists."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def endless() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


def frame() -> Any:
    """A DataFrame."""
    import pandas as pd

    return pd.DataFrame({"column": range(3)})


def leaves_a_thread() -> None:
    """Start a thread that goes on."""
    threading.Thread(target=gate.wait, args=(9,), daemon=True).start()


def traces() -> None:
    """Leave a trace function behind that raises."""

    def raising(*_: object) -> Any:
        raise RuntimeError("traced")

    sys.settrace(raising)


async def another_factory() -> None:
    """Leave a task factory behind that raises."""

    def factory(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no tasks today")

    asyncio.get_running_loop().set_task_factory(factory)


def runs_a_plan(context: onb.Context) -> Any:
    """Run another plan and wait for it."""
    phase = onb.Phase(name="P", tasks=[onb.Task(agent="inner")])
    run = onb.run(onb.Plan(name="inner", phases=[phase]), {"inner": lambda: 7})
    return run.wait(WITHIN_S)["inner"]


async def _coroutine() -> None:
    """Never awaited."""


def unawaited() -> list[Any]:
    """A coroutine that nobody awaits."""
    coroutine = _coroutine()
    coroutine.close()
    return [coroutine]


AGENTS: dict[str, Callable[..., Any]] = {
    "raises": raises(ValueError("boom")),
    "raises what can't say itself": raises(Wordless()),
    "raises with notes that raise": raises(Noteless("q")),
    "raises a group of 20,000": raises(ExceptionGroup("many", [ValueError("x")] * 20_000)),
    "raises 50 MB of text": lambda: raises(ValueError("x" * 50_000_000))(),
    "raises `KeyboardInterrupt`": raises(KeyboardInterrupt()),
    "raises `GeneratorExit`": raises(GeneratorExit()),
    "raises a `BaseException` of its own": raises(Odd("e")),
    "calls `sys.exit(3)`": exits,
    "recurses without end": recurses,
    "runs out of memory": out_of_memory,
    "cancels itself": cancels_itself,
    "hangs as a function": lambda: gate.wait(9),
    "hangs as a coroutine": hangs,
    "ignores that it is cancelled": ignores,
    "blocks the loop of all coroutines": blocks,
    "tells 100,000 findings": floods("finding"),
    "reports 100,000 blockers": floods("blocker"),
    "reports progress 100,000 times": floods("progress"),
    "writes 100 MB of debug lines": floods("log"),
    "returns 50 MB of text": lambda: "x" * 50_000_000,
    "returns bytes": lambda: b"\xff" * 5_000,
    "returns a DataFrame": frame,
    "returns NaN": lambda: math.nan,
    "returns Infinity": lambda: {"a": [math.inf]},
    "returns a lock": lambda: threading.Lock(),
    "returns a generator": lambda: (number for number in range(3)),
    "returns a coroutine in a list": unawaited,
    "returns a list that holds itself": endless,
    "returns 100,000 nested lists": nested,
    "returns a number of 100,000 digits": lambda: 10**100_000,
    "returns a mapping with other keys than text": lambda: {1: 2, (3, 4): 5},
    "returns half a surrogate": lambda: "\ud800",
    "returns an object that can't be shown": lambda: Mute(),
    "returns an object that can't be compared": lambda: Unequal(),
    "returns an object without a class": lambda: Classless(),
    "starts a thread that outlives it": leaves_a_thread,
    "sets a trace function that raises": traces,
    "gives the loop another task factory": another_factory,
    "runs a plan inside": runs_a_plan,
}
LOG_MOST = 20_000
"""Bytes of a log beside a bad agent, unless it told things that are kept."""
LOGS = {"tells 100,000 findings": 2_000_000, "reports 100,000 blockers": 2_000_000}
FILES_MOST = 60_000_000
"""Bytes of everything a run leaves: the largest result is 50 MB."""


def rows() -> dict[str, tuple[str, str]]:
    """The table of the docs: what an agent does, how its task ends, what one reads."""
    text = (ROOT / "docs" / "reliability.md").read_text()
    table = text.partition("| an agent that … |")[2].partition("\n\n")[0].splitlines()[2:]
    found = {}
    for line in table:
        does, status, reads = (cell.strip() for cell in line.strip("|").split("|"))
        found[does] = (status, reads.strip("`"))
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, for plans that agents run too."""
    gate.clear()
    monkeypatch.setattr(settings, "home", tmp_path / "home")
    return tmp_path / "home"


def beside(
    bad: Callable[..., Any], *more: onb.Decision, **settings: Any
) -> tuple[onb.Plan, dict[str, Any]]:
    """A plan of an agent among good ones: threads, coroutines, one that needs it."""

    async def coroutine() -> int:
        await asyncio.sleep(0.1)
        return 2

    async def late(coroutine: int, function: int) -> int:
        await asyncio.sleep(0.01)
        return coroutine + function

    plan = onb.Plan(
        name="beside",
        mode="full_interactive" if more else "fully_autonomous",
        phases=[
            onb.Phase(
                name="P",
                tasks=[
                    *more,
                    onb.Task(agent="blocks", **settings),
                    onb.Task(agent="needs", depends_on=["blocks"]),
                    onb.Task(agent="coroutine"),
                    onb.Task(agent="function"),
                    onb.Task(agent="late", depends_on=["coroutine", "function"]),
                ],
            )
        ],
    )
    good = {"coroutine": coroutine, "function": lambda: 1, "late": late, "needs": lambda: "done"}
    return plan, {"blocks": bad, **good}


def opens(event: dict[str, Any]) -> None:
    """Let those go on that wait until it is told that they block the loop."""
    if event["event"] == "blocker" and event.get("by") == "engine":
        gate.set()


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_docs_tell_of_all_of_them() -> None:
    """Each row of the table has its agent, and each agent its row."""
    assert list(rows()) == list(AGENTS)


@pytest.mark.parametrize("does", AGENTS)
def test_an_agent_harms_nobody_else(does: str) -> None:
    """It ends as the docs say, its neighbours with their results, and the log stays small."""
    status, reads = rows()[does]
    hangs = does.startswith(("hangs", "ignores"))
    plan, agents = beside(AGENTS[does], **({"timeout": 1} if hangs else {}))
    run = onb.run(plan, agents, on_event=opens)
    try:
        results = run.wait(WITHIN_S)
    finally:
        gate.set()
    task = run.state.task("blocks")
    assert (task.status, run.status) == (status, status)
    assert [results[name] for name in ("coroutine", "function", "late")] == [2, 1, 3]
    assert run.state.task("needs").status == ("completed" if status == "completed" else "skipped")
    told = [finding.text for finding in run.state.findings[-1:]]
    said = task.error or str((task.result or {}).get("why", "")) or "".join(told)
    wanted = ".*".join(re.escape(part) for part in reads.split("…"))
    assert re.fullmatch(wanted, said), said
    assert (run.folder / "orchestration-timeline.jsonl").stat().st_size < LOGS.get(does, LOG_MOST)
    assert size_of(run.folder) < FILES_MOST


@pytest.mark.alone
def test_a_stop_while_the_loop_is_blocked() -> None:
    """A coroutine that never awaits can't hold up a stop for longer than two seconds."""
    started = threading.Event()

    async def bad() -> None:
        started.set()
        gate.wait(9)

    plan, agents = beside(bad)
    run = onb.run(plan, agents)
    assert started.wait(WITHIN_S)
    began = time.monotonic()
    run.stop()
    assert time.monotonic() - began < 2.0
    gate.set()
    assert run.status == "stopped"


@pytest.mark.alone
def test_a_countdown_goes_on_while_the_loop_is_blocked() -> None:
    """A decision's time is over when it is over, whoever blocks the agents' loop."""
    asked = onb.Decision(title="Which", options=["x", "y"], recommend="A", timeout="1s")

    async def bad() -> None:
        gate.wait(9)

    plan, agents = beside(bad, asked)
    run = onb.run(plan, agents)
    end = time.monotonic() + 6
    while (outcome := run.state.decisions["which"].outcome) is None and time.monotonic() < end:
        time.sleep(0.01)
    gate.set()
    run.wait(WITHIN_S)
    assert outcome is not None
    assert outcome.by == "timeout"


def test_who_blocks_the_loop_is_told_once_and_to_people_alone() -> None:
    """The warning is in the log once, and neither a later agent nor a card hears of it."""
    heard: list[Any] = []

    async def bad() -> None:
        gate.wait(WITHIN_S)
        await asyncio.sleep(0.3)
        time.sleep(1.6)

    plan, agents = beside(bad)
    plan = plan.model_copy(update={"mode": "full_interactive"})
    agents["needs"] = lambda context: heard.append(context.findings)
    run = onb.run(plan, agents, on_event=opens)
    run.wait(WITHIN_S)
    assert [finding.kind for finding in run.state.findings] == ["blocker"]
    assert heard == [()]
    assert not run.decisions


def test_who_cancels_every_task_fails_them_and_nothing_hangs() -> None:
    """Coroutines that another agent cancelled say so, started or not; functions go on."""

    async def bad() -> None:
        for task in asyncio.all_tasks():
            task.cancel()

    plan, agents = beside(bad)
    run = onb.run(plan, agents)
    run.wait(WITHIN_S)
    assert run.state.task("function").status == "completed"
    assert {run.state.task("coroutine").error} <= {"Cancelled by itself, or by another agent", ""}


def test_who_deletes_the_run_ends_it(home: Path) -> None:
    """A run whose folder is gone stops at its next write and says what happened."""

    def bad() -> str:
        shutil.rmtree(home / "runs")
        return "x" * 5_000

    plan, agents = beside(bad)
    run = onb.run(plan, agents)
    with pytest.raises(StoreError, match="it was deleted"):
        run.wait(WITHIN_S)
    assert run.status == "failed"


def test_who_changes_directory_moves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that was named by a relative path stays where it was when the run started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()

    def bad() -> str:
        monkeypatch.chdir(tmp_path / "elsewhere")
        return "x" * 5_000

    plan, agents = beside(bad)
    run = onb.run(plan, agents | {"needs": lambda: "y" * 5_000}, home="here")
    run.wait(WITHIN_S)
    assert run.folder == tmp_path / "here" / "runs" / run.id
    assert {path.name for path in (run.folder / "results").iterdir()} == {
        "0001.1.txt",
        "0002.1.txt",
    }
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_who_changes_an_earlier_result_changes_no_file() -> None:
    """Results are shared in memory by contract; what is kept is what was returned."""
    plan, agents = beside(lambda: {"a": [1] * 500})

    def changes(blocks: dict[str, list[int]]) -> None:
        blocks["a"].clear()

    run = onb.run(plan, agents | {"needs": changes})
    run.wait(WITHIN_S)
    assert run.results["blocks"] == {"a": []}
    assert onb.open(run.id).results["blocks"] == {"a": [1] * 500}


PRINTS = """
import sys, tracemalloc
import orchestra_nb as onb

def prints():
    tracemalloc.start()
    for _ in range(1_000):
        print("x" * 1_000_000)

plan = onb.Plan(name="Prints", phases=[onb.Phase(name="P", tasks=[onb.Task(agent="prints")])])
run = onb.run(plan, {"prints": prints}, home=sys.argv[1])
run.wait(60)
size = sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file())
print(run.status, size, tracemalloc.get_traced_memory()[1], file=sys.stderr)
"""


def test_a_gigabyte_of_prints_is_kept_nowhere(tmp_path: Path) -> None:
    """Prints pass by: neither the run's files nor memory grow with them."""
    done = subprocess.run(
        [sys.executable, "-c", PRINTS, str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    status, size, memory = done.stderr.split()
    assert status == "completed"
    assert int(size) < LOG_MOST
    assert int(memory) < 20_000_000
