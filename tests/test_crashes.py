"""A crash between a click and its record: who was told "by you" finds it in the log."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.commands import Answer
from orchestra_nb.engine.orders import Order
from tests.engine.rig import Rig, choice, one_phase
from tests.store.disk import replaced

ROOT = Path(__file__).parent.parent
SCRIPT = """
import os, signal, sys
import orchestra_nb as onb
from orchestra_nb.store import files
from orchestra_nb.store.journal import FileJournal

point = sys.argv[1]
wrote, append, sync = [], FileJournal.append, FileJournal.sync

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def killing_append(journal, events):
    ours = any(event["event"] == "decision" for event in events)
    if ours and point == "before the write":
        die()
    if ours and point == "within the write":
        def half(fd, data):
            os.write(fd, data[: data.index(b'"decision"') + 30])
            die()
        files.write_all = half
    append(journal, events)
    wrote.extend([1] if ours else [])

def killing_sync(journal, done):
    if wrote and point == "before the fsync":
        die()
    def after(error):
        if wrote and point == "before the reply":
            die()
        done(error)
    sync(journal, after)

FileJournal.append, FileJournal.sync = killing_append, killing_sync
tasks = [onb.Decision(id=f"d{n}", title="D", options=["x", "y"], recommend="A", depends_on=[])
         for n in range(40)]
run = onb.run(onb.Plan(name="x", phases=[onb.Phase(name="P", tasks=tasks)]))
print(run.id, flush=True)
while len(run.decisions) < 40:  # what is asked and answered in one write would be lost as one
    pass
for number in range(30 if point == "any time" else 1):
    run.answer(f"d{number}", "B")
    print(f"told d{number}", flush=True)
die()
"""


def crashed(folder: Path, point: str, *, after: int | None = None) -> tuple[onb.Run, list[str]]:
    """A run whose process was killed, read back; and the decisions that it told as decided.

    Args:
        folder: Its home.
        point: Where it kills itself.
        after: Kill it from here after so many it told of.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, point],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    if after is not None:
        for _ in range(after):
            process.stdout.readline()
        process.kill()
    told = [line.split()[1] for line in process.communicate(timeout=50)[0].splitlines()]
    assert process.returncode == -signal.SIGKILL
    run = onb.open(run_id, home=folder)
    assert run.status == "interrupted"
    return run, told + [f"d{n}" for n in range(after or 0)]


def logged(run: onb.Run) -> list[tuple[str, str]]:
    """Decision and option of every outcome that the log holds whole."""
    found = []
    for line in (run.folder / "orchestration-timeline.jsonl").read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event["event"] == "decision":
            found.append((event["decision_id"], event["option"]))
    return found


@pytest.mark.parametrize(
    ("point", "kept", "said"),
    [
        ("before the write", [], []),
        ("within the write", [], []),
        ("before the fsync", [("d0", "B")], []),
        ("before the reply", [("d0", "B")], []),
        ("after the reply", [("d0", "B")], ["d0"]),
    ],
)
def test_a_crash_between_click_and_record(
    tmp_path: Path, point: str, kept: list[tuple[str, str]], said: list[str]
) -> None:
    """What was told is in the log; else the decision is open again, or honoured; never two."""
    run, told = crashed(tmp_path, point)
    assert (logged(run), told) == (kept, said)
    decision = {one.id: one for one in run.decisions}["d0"]
    if kept:
        assert decision.outcome is not None
        assert (decision.outcome.option, decision.outcome.by) == ("B", "user")
    else:
        assert decision.open


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_crash_at_any_time(tmp_path: Path, after: int) -> None:
    """Killed from outside amid thirty answers, the log has each that was told, once."""
    run, told = crashed(tmp_path, "any time", after=after)
    kept = [decision for decision, _ in logged(run)]
    assert len(kept) == len(set(kept))
    assert len(set(told)) >= after
    assert set(told) <= set(kept)
    opened = {one.id for one in run.decisions if one.open}
    assert opened.isdisjoint(kept)
    assert len(opened) + len(kept) == 40


@contextmanager
def answering(tmp_path: Path) -> Iterator[onb.Run]:
    """A run with one open decision, stopped in the end."""
    asked = threading.Event()
    run = onb.run(one_phase(choice("d")), home=tmp_path, on_decision=lambda d: asked.set())
    assert asked.wait(20)
    yield run
    run.stop()


def no_space(*args: Any) -> Any:
    """What a full disk says."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("function", "kept"), [("write", []), ("fsync", [("d", "B")])])
def test_a_disk_that_fails_at_the_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, kept: list[tuple[str, str]]
) -> None:
    """Nobody is told of an answer that may not be on disk: whoever gave it hears of the disk."""
    with answering(tmp_path) as run:
        replaced(monkeypatch, **{function: no_space})
        with pytest.raises(onb.CommandError, match="log can't be written"):
            run.answer("d", "B")
        monkeypatch.undo()
        with pytest.raises(onb.StoreError, match="log can't be written"):
            run.wait(20)
    assert logged(run) == kept


def test_nobody_is_told_before_it_is_on_disk() -> None:
    """While the fsync is under way neither the first nor a late one hears of the outcome."""
    rig = Rig(one_phase(choice("d")), fake=True).start()
    rig.journal.held = []
    replies: list[tuple[bool, str]] = []
    for option in "BA":
        order = Order(
            Answer(decision="d", option=option),
            lambda reply: replies.append((reply.ok, reply.text)),
        )
        rig.engine.post(order)
    rig.turn()
    assert replies == []
    rig.journal.release()
    rig.until(lambda: len(replies) == 2)
    assert replies[0] == (True, "D: B, by you.")
    assert replies[1][1].startswith("Already decided: B, by you, at ")
    rig.wait()
