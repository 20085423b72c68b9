"""A log that is read while another process writes it."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestra_nb import follower as module
from orchestra_nb.errors import StoreError
from orchestra_nb.events import Event
from orchestra_nb.follower import Follower
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.lock import RunLock

from .engine.rig import Rig, choice, fields_of, fold, one_phase, task

PLAN = one_phase(task("a"), choice("d", timeout=60), task("b", "d"))


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """The log of a whole run, as its lines."""
    rig = Rig(PLAN, {"a": lambda context: context.finding("cheap — billig")}, fake=True).start()
    rig.advance(61)
    rig.wait()
    return [f"{text}\n".encode() for text in rig.journal.texts]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run's folder with an empty log."""
    folder = RunFolder.create(PLAN, home=tmp_path)
    os.close(folder.open_log())
    return folder


@pytest.fixture
def lock(folder: RunFolder) -> Iterator[RunLock]:
    """Somebody owns the run."""
    lock = RunLock(folder.lock)
    yield lock
    lock.release()


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask at every look whether the owner lives."""
    monkeypatch.setattr(module, "ALIVE_EVERY_S", 0.0)


def follow(folder: RunFolder) -> Follower:
    """Follow the run."""
    return Follower(folder, compile_plan(PLAN))


def write(folder: RunFolder, data: bytes) -> None:
    """Add to the log."""
    with folder.log.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("seed", range(5))
def test_a_growing_log_is_folded_once(
    folder: RunFolder, lock: RunLock, lines: list[bytes], seed: int
) -> None:
    """Wherever writes are cut, each event is folded once, when its line is whole."""
    data, dice = b"".join(lines), random.Random(seed)
    followed, heard, at = follow(folder), list[Event](), 0
    while at < len(data):
        size = dice.choice([1, 7, 200, 3000])
        write(folder, data[at : at + size])
        at += size
        before = len(heard)
        assert followed.poll(heard.append) is (len(heard) > before)
        assert len(heard) == data[:at].count(b"\n")
    events = [json.loads(line) for line in lines]
    assert heard == events
    assert fields_of(followed.state) == fields_of(fold(events, PLAN))
    assert not followed.alive
    assert not followed.problems


def test_a_torn_tail_waits_for_its_rest(
    folder: RunFolder, lock: RunLock, lines: list[bytes]
) -> None:
    """Half a line is neither an event nor a problem while its writer lives."""
    write(folder, b"".join(lines[:2]) + lines[2][:20])
    followed = follow(folder)
    assert followed.state.seq == 2
    assert not followed.poll()
    write(folder, lines[2][20:])
    assert followed.poll()
    assert (followed.state.seq, followed.problems.count) == (3, 0)


def test_a_torn_tail_of_a_dead_writer_is_a_problem(
    folder: RunFolder, lock: RunLock, lines: list[bytes]
) -> None:
    """Once nobody writes, what is left is judged, and the run is interrupted for good."""
    write(folder, b"".join(lines[:3]) + lines[3][:20])
    followed = follow(folder)
    assert (followed.state.status, followed.alive) == ("running", True)
    lock.release()
    assert followed.poll()
    assert (followed.state.status, followed.alive) == ("interrupted", False)
    assert "line 4: it is no JSON, perhaps cut off" in str(followed.problems)
    assert followed.now() == followed.state.t
    write(folder, lines[3])
    assert not followed.poll()


def test_what_was_written_last_is_not_lost(
    folder: RunFolder, lock: RunLock, lines: list[bytes]
) -> None:
    """An end that is written just before the lock is let go is the run's end."""
    write(folder, lines[0])
    followed = follow(folder)
    write(folder, b"".join(lines[1:]))
    lock.release()
    followed.poll()
    assert followed.state.status == "completed"


def test_a_write_that_was_taken_back_is_forgotten(
    folder: RunFolder, lock: RunLock, lines: list[bytes]
) -> None:
    """A log that shrank is read anew: what was cut off never happened."""
    write(folder, b"".join(lines[:5]))
    followed = follow(folder)
    assert followed.state.seq == 5
    os.truncate(folder.log, len(b"".join(lines[:3])))
    followed.poll()
    assert followed.state.seq == 3
    write(folder, b"".join(lines[3:]))
    followed.poll()
    assert followed.state.status == "completed"


def test_the_clock_runs_while_the_owner_lives(
    folder: RunFolder, lock: RunLock, lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's clock follows the wall from the last event on, never backwards."""
    first = json.loads(lines[0]) | {"timestamp": "2026-11-22T17:41:00.000Z", "t": 4.0}
    write(folder, json.dumps(first).encode() + b"\n")
    wall = [1_795_369_270.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    followed = follow(folder)
    assert followed.now() == pytest.approx(14.0)
    wall[0] += 5
    assert followed.now() == pytest.approx(19.0)
    wall[0] -= 100
    assert followed.now() == 4.0
    lock.release()
    followed.poll()
    wall[0] += 1000
    assert followed.now() == 4.0


def test_events_that_do_not_fit_are_passed_over(folder: RunFolder, lock: RunLock) -> None:
    """Lines of another plan, or of a newer version, cost only themselves."""
    strange: list[dict[str, Any]] = [
        {"event": "agent_start", "task": "nobody", "attempt": 1},
        {"event": "hologram"},
        {"event": "decision", "decision_id": "d"},
        {"event": "note", "description": "hello", "timestamp": 7},
        {"event": "note", "description": "again", "timestamp": "yesterday"},
    ]
    for seq, event in enumerate(strange, start=1):
        write(folder, json.dumps({"t": seq, "seq": seq} | event).encode() + b"\n")
    followed = follow(folder)
    assert followed.state.notes == ["hello", "again"]
    assert followed.problems.lost == 1
    assert followed.now() >= 5


def test_a_line_without_end_does_not_fill_the_memory(
    folder: RunFolder, lock: RunLock, lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line longer than any of ours is dropped while it comes, and what follows is read."""
    monkeypatch.setattr("orchestra_nb.store.reader._LONGEST_LINE", 10_000)
    write(folder, lines[0])
    followed = follow(folder)
    for _ in range(5):
        write(folder, b"x" * 9_000)
        followed.poll()
    write(folder, b"\n" + lines[1])
    followed.poll()
    assert followed.state.seq == 2
    assert "line 2: it is longer than" in str(followed.problems)


def test_a_newer_log_is_refused(folder: RunFolder, lock: RunLock, lines: list[bytes]) -> None:
    """A log of a format that does not exist yet is not guessed at."""
    write(folder, json.dumps(json.loads(lines[0]) | {"format": 99}).encode() + b"\n")
    with pytest.raises(StoreError, match="Install a newer one"):
        follow(folder)


def test_a_quiet_log_is_not_opened(
    folder: RunFolder, lock: RunLock, lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at a run that says nothing new asks for the size of its log only."""
    monkeypatch.setattr(module, "ALIVE_EVERY_S", 60.0)
    write(folder, lines[0])
    followed = follow(folder)
    monkeypatch.setattr(
        "orchestra_nb.store.files.open_file", lambda *a: pytest.fail("it was opened")
    )
    assert not followed.poll()
