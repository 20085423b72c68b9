"""Logs that something happened to: what is good is shown, everywhere, and nothing raises."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import StoreError
from orchestra_nb.events import Event
from orchestra_nb.follower import Follower
from orchestra_nb.housekeeping.glance import glance
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.views.bars import bars
from orchestra_nb.views.lines import Lines, summary
from orchestra_nb.views.plan_md import plan_md
from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import final_html, final_text
from orchestra_nb.views.timeline import Timeline
from orchestra_nb.widgets.snapshot import snapshot

WEIRD: list[Any] = [
    None, True, -1, 0, 1.5, float("nan"), float("inf"), 1e300, 10**30, "", "x" * 50, "\ud800",
    [], {}, [1], {"a": 1}, [None], "2026", "A", {"A": None}, [[]], [{}],
]  # fmt: skip


async def asks(context: onb.Context) -> dict[str, str]:
    """Tell, ask, and return what needs a file."""
    context.finding("f")
    context.blocker("b")
    context.progress("p", 0.5)
    await context.decide("Which", {"A": "x", "B": "y"}, recommend="A")
    return {"x": "y" * 2_000}


def bad() -> None:
    """Fail."""
    raise ValueError("no")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> onb.Run:
    """A run with events of most kinds."""
    first = [
        onb.Task(agent="asks", review=True),
        onb.Task(agent="bad", retries=1),
        onb.Decision(title="D", options={"A": "x", "B": "y"}, recommend="A"),
    ]
    second = [onb.Task(agent="fine"), onb.Task(agent="never", depends_on=["bad"])]
    plan = onb.Plan(
        name="Damaged",
        mode="fully_autonomous",
        questions=[onb.Question(ask="How many?", default="3")],
        phases=[
            onb.Phase(name="P", checkpoint=True, tasks=first),
            onb.Phase(name="Q", tasks=second),
        ],
    )
    agents = {"asks": asks, "bad": bad, "fine": lambda: 1, "never": bad}
    run = onb.run(plan, agents, home=tmp_path_factory.mktemp("home"))
    run.wait(30)
    return run


@pytest.fixture(scope="module")
def lines(run: onb.Run) -> list[Event]:
    """Its log as it was written."""
    log = run.folder / "orchestration-timeline.jsonl"
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value: its holder and its key."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def damaged(lines: list[Event], dice: random.Random) -> bytes:
    """The log with some fields as no version writes them, or with foreign lines between."""
    events = copy.deepcopy(lines)
    for _ in range(dice.choice([1, 2, 5, 20])):
        holder, key = dice.choice(list(_places(dice.choice(events))))
        if isinstance(holder, dict) and dice.random() < 0.2:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(dice.choice(WEIRD))
    if dice.random() < 0.3:
        kind = dice.choice(["hologram", "agent_complete", "decision", "task_revived", "usage"])
        events.insert(dice.randrange(len(events)), {"event": kind, "seq": 0, "t": 1})
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def look(folder: RunFolder) -> None:
    """Look at a run in every way there is; only a newer format may be refused."""
    glance(folder.path)
    inspect(folder.path)
    try:
        _show(folder)
    except StoreError as error:
        if "Install a newer one" not in str(error):
            raise


def _show(folder: RunFolder) -> None:
    plan = folder.load_plan().filled()
    timeline, told = Timeline(), list[str]()
    follower = Follower(
        folder, compile_plan(plan), lambda event: told.extend(timeline.lines(event))
    )
    state, now = follower.state, follower.now()
    info = RunInfo.of(state)
    plan_md(state, now=now, wall=1e9)
    final_html(state, run=info)
    final_text(state, run=info)
    json.dumps(snapshot(state, now, run=info), allow_nan=False)
    assert [*summary(state, "x"), *bars(state), *Lines().changes(state)]
    state.copy()
    opened = onb.open(folder.id, home=folder.home)
    repr([opened, opened.decisions, opened.explain(), opened.results])
    for task in opened.state.tasks:
        opened.results.get(task.id)


@pytest.mark.parametrize("seed", range(8))
def test_any_log_is_shown(run: onb.Run, lines: list[Event], seed: int) -> None:
    """Whatever fields hold, a log is read and shown; only one of a newer format is refused."""
    dice, folder = random.Random(seed), RunFolder(run.folder)
    for _ in range(25):
        folder.log.write_bytes(damaged(lines, dice))
        look(folder)


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_are_read(run: onb.Run, lines: list[Event], seed: int) -> None:
    """Bytes that were flipped, lost, doubled or zeroed cost only the lines they are in."""
    dice, folder = random.Random(seed), RunFolder(run.folder)
    whole = b"".join(json.dumps(event).encode() + b"\n" for event in lines)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 3, 10])):
            at, size = dice.randrange(len(data)), dice.choice([1, 5, 300])
            piece = dice.choice(
                [b"", bytes(size), dice.randbytes(size), bytes(data[at : at + size]) * 2, b"\n"]
            )
            data[at : at + size] = piece
        folder.log.write_bytes(data)
        look(folder)


def test_a_lost_line_costs_only_itself(run: onb.Run, lines: list[Event]) -> None:
    """With one line unreadable, all the others are folded, and the one is named."""
    folder = RunFolder(run.folder)
    for number, event in enumerate(lines):
        if event["event"] not in ("insight", "agent_progress", "blocker"):
            continue
        left = [json.dumps(each).encode() for each in lines]
        left[number] = left[number][:-7]
        folder.log.write_bytes(b"\n".join(left) + b"\n")
        opened = onb.open(folder.id, home=folder.home)
        assert opened.status == "failed"
        assert opened.state.totals["counts"] == {"completed": 2, "failed": 1, "skipped": 1}
        (problem,) = [one for one in inspect(folder.path).findings if "no JSON" in one.what]
        assert problem.place == f"orchestration-timeline.jsonl, line {number + 1}"
