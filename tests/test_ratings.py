"""Thumbs for what agents did: while a run goes on, and long after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import LockedError
from orchestra_nb.events import Event
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.lock import RunLock
from orchestra_nb.store.reader import read_events

KEY = "sk-ant-api03-" + "Zq9" * 20


def good(context: Any) -> str:
    """Return something."""
    return "fine"


def bad(context: Any) -> None:
    """Fail."""
    raise ValueError("no")


@pytest.fixture
def run(tmp_path: Path) -> onb.Run:
    """Give a run that is over: a result, a failure, a decision, a task that was left out."""
    tasks = [
        onb.Task(agent="good"),
        onb.Task(agent="bad"),
        onb.Task(agent="out", depends_on=["bad"]),
        onb.Decision(title="Choice", options=["x", "y"], recommend="A"),
    ]
    plan = onb.Plan(
        name="Rated", mode="fully_autonomous", phases=[onb.Phase(name="All", tasks=tasks)]
    )
    run = onb.run(plan, {"good": good, "bad": bad, "out": good}, home=tmp_path)
    run.wait(20)
    return run


def lines(run: onb.Run) -> list[Event]:
    """The log as it is on disk."""
    text = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def reopened(run: onb.Run) -> onb.Run:
    """The run as somebody sees it who reads it from disk."""
    return onb.open(run.id, home=run.folder.parent.parent)


def test_a_finished_run_can_be_rated(run: onb.Run) -> None:
    """The thumb is the next line of its log, and in its state, here and for whoever opens it."""
    before, ended = lines(run), run.now()
    run.rate("GOOD", True, note="well done")
    *others, last = lines(run)
    assert others == before
    assert last["event"] == "rating"
    assert (last["task"], last["good"], last["note"]) == ("good", True, "well done")
    assert last["seq"] == before[-1]["seq"] + 1
    assert last["t"] == before[-1]["t"], "the run's clock stands still after its end"
    assert last["timestamp"] >= before[-1]["timestamp"]
    assert run.state.task("good").rating is True
    again = reopened(run)
    assert again.state.tasks == run.state.tasks
    assert again.status == run.status == "failed"
    assert again.now() == ended


def test_a_run_that_was_opened_can_be_rated(run: onb.Run) -> None:
    """A run of an earlier process takes thumbs too; a failure can have one."""
    opened = reopened(run)
    opened.rate("bad", False, note="as ever")
    assert opened.state.task("bad").rating is False
    assert reopened(run).state.task("bad").rating is False


def test_the_last_thumb_counts_whoever_gave_it(run: onb.Run) -> None:
    """Several hands may rate one run; each goes on where the other stopped."""
    one, other = reopened(run), reopened(run)
    one.rate("good", True)
    other.rate("good", False)
    run.rate("bad", True)
    one.rate("bad", False)
    numbers = [line["seq"] for line in lines(run)]
    assert numbers == list(range(1, len(numbers) + 1))
    final = reopened(run).state
    assert (final.task("good").rating, final.task("bad").rating) == (False, False)
    assert one.state.task("good").rating is False, "what others wrote was taken in"


def test_many_may_rate_at_once(run: onb.Run) -> None:
    """No thumb is lost and no number is there twice."""
    hands = [reopened(run) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda hand=hand: [hand.rate("good", True) for _ in range(3)])
        for hand in hands
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    numbers = [line["seq"] for line in lines(run)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sum(line["event"] == "rating" for line in lines(run)) == 12


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("god", "There is no task 'god'; did you mean 'good'? There are good, bad, out, choice"),
        ("out", "'out' was skipped (needs bad, which failed); it can be rated once it has a"),
        ("choice", "'choice' is a decision; only what an agent did can be rated"),
    ],
)
@pytest.mark.parametrize("opened", [False, True])
def test_what_can_not_be_rated_is_refused(run: onb.Run, task: str, why: str, opened: bool) -> None:
    """The reason is said, and nothing is written."""
    before = lines(run)
    with pytest.raises(onb.CommandError) as refused:
        (reopened(run) if opened else run).rate(task, True)
    assert str(refused.value).startswith(why)
    assert lines(run) == before


def test_values_of_a_wrong_type_are_refused(run: onb.Run) -> None:
    """A thumb is up or down."""
    wrong: Any = "yes"
    with pytest.raises(onb.CommandError, match="rate: good must be True"):
        run.rate("good", wrong)


def test_a_key_in_a_note_is_masked(run: onb.Run) -> None:
    """What is written afterwards is rid of secrets like all else."""
    run.rate("good", False, note=f"it printed {KEY}")
    assert lines(run)[-1]["note"] == "it printed [secret]"


def test_a_torn_line_costs_only_itself(run: onb.Run) -> None:
    """A log whose last line was cut off by a crash can be rated; the thumb is a line of its own."""
    path = run.folder / "orchestration-timeline.jsonl"
    with path.open("ab") as file:
        file.write(b'{"event": "insight", "se')
    opened = reopened(run)
    opened.rate("good", True)
    events, problems = read_events(path)
    found = list(events)
    assert found[-1]["event"] == "rating"
    assert problems.lost == 1
    assert reopened(run).state.task("good").rating is True


def test_a_run_whose_process_died_can_be_rated(run: onb.Run) -> None:
    """It stays interrupted, and its clock stays where it stopped."""
    path = run.folder / "orchestration-timeline.jsonl"
    kept = [line for line in path.read_bytes().splitlines(True) if b"orchestration_c" not in line]
    path.write_bytes(b"".join(kept))
    opened = reopened(run)
    ended = opened.now()
    opened.rate("good", True)
    for one in (opened, reopened(run)):
        assert (one.status, one.now()) == ("interrupted", ended)
        assert one.state.task("good").rating is True


@pytest.fixture
def owner(run: onb.Run) -> Iterator[int]:
    """Have another process hold the run's lock; its pid."""
    code = (
        "import sys; from pathlib import Path; from orchestra_nb.store.lock import RunLock; "
        "lock = RunLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    lock = RunFolder.open(run.folder).lock
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.stdin.close()
        process.wait(10)


def test_a_run_that_another_process_took_up_is_not_written(run: onb.Run, owner: int) -> None:
    """One writer per run: the refusal names the owner."""
    before = lines(run)
    with pytest.raises(LockedError) as refused:
        run.rate("good", True)
    assert refused.value.pid == owner
    with pytest.raises(onb.CommandError, match=f"is being written by process {owner}"):
        reopened(run).rate("good", True)
    assert lines(run) == before


def test_the_lock_is_free_again_afterwards(run: onb.Run) -> None:
    """A rating keeps nobody out."""
    run.rate("good", True)
    RunLock(RunFolder.open(run.folder).lock).release()


def test_a_run_that_goes_on_elsewhere_is_rated_there(tmp_path: Path) -> None:
    """The process that runs it writes the thumb; who asked sees it in the log."""
    code = """
import sys, threading
import orchestra_nb as onb

tasks = [onb.Task(agent="good"), onb.Task(agent="long")]
plan = onb.Plan(name="Elsewhere", phases=[onb.Phase(name="All", tasks=tasks)])
done = threading.Event()
run = onb.run(plan, {"good": lambda: 1, "long": lambda: done.wait(60)}, home=sys.argv[1])
while run.state.task("good").status != "completed":
    pass
print(run.id, flush=True)
sys.stdin.readline()
done.set()
run.wait(30)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {k: v for k, v in os.environ.items() if k != "ORCHESTRA_MODE"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        run = onb.open(process.stdout.readline().strip(), home=tmp_path)
        run.rate("good", True, note="from afar")
        assert run.state.task("good").rating is True
        with pytest.raises(onb.CommandError, match="'long' is at work"):
            run.rate("long", True)
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(30) == 0
    events = [line["event"] for line in lines(run)]
    assert events.index("rating") < events.index("orchestration_complete")
    run.rate("long", False)
    assert [line["event"] for line in lines(run)][-1] == "rating"


def test_that_one_thumb_after_another_counts_after_the_end(run: onb.Run) -> None:
    """Each thumb on the run that was started counts at once, however many came before."""
    before = len(lines(run))
    for number in range(5):
        run.rate("good", number % 2 == 0, f"No. {number}")
        run.rate("bad", False)
    notes = [line["note"] for line in lines(run)[before:] if line["task"] == "good"]
    assert notes == [f"No. {number}" for number in range(5)]


def test_that_thumbs_from_several_threads_all_count(tmp_path: Path) -> None:
    """Thumbs given by several threads, while the run goes on and after its end, are all kept."""
    tasks = [onb.Task(agent=name) for name in ("one", "two", "last")]
    tasks[2] = onb.Task(agent="last", depends_on=["one", "two"])
    plan = onb.Plan(name="Rated", phases=[onb.Phase(name="All", tasks=tasks)])
    ready, go_on = threading.Event(), threading.Event()

    def last(context: Any) -> str:
        ready.set()
        go_on.wait(20)
        return "fine"

    run = onb.run(plan, {"one": good, "two": good, "last": last}, home=tmp_path)
    refused: list[BaseException] = []

    def rate(task: str) -> None:
        try:
            for _ in range(5):
                run.rate(task, True)
        except BaseException as error:
            refused.append(error)

    def all_at_once() -> None:
        threads = [threading.Thread(target=rate, args=(t,)) for t in ("one", "two") * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert ready.wait(20)
    all_at_once()
    go_on.set()
    run.wait(20)
    all_at_once()
    assert not refused
    written = lines(run)
    assert [line["seq"] for line in written] == list(range(1, len(written) + 1))
    assert sum(line["event"] == "rating" for line in written) == 40
