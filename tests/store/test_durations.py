"""The index of durations."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from orchestra_nb.store.durations import Used, read_durations, read_used
from orchestra_nb.store.journal import FileJournal


def finish(journal: FileJournal, agent: str, seconds: float, status: str = "success") -> None:
    """An attempt ended."""
    journal.duration(
        agent=agent, task="Do it \ud800", seconds=seconds, status=status, level=3, declared=60.0
    )


def test_durations_come_back(journal: FileJournal, home: Path) -> None:
    """Successful attempts are read back by agent, in order; the others are kept for history."""
    for seconds in (1.0, 2.5, 3.0004):
        finish(journal, "ä", seconds)
    finish(journal, "ä", 99.0, "failed")
    finish(journal, "b", 7.0)
    journal.close()
    assert read_durations(home) == {"ä": [1.0, 2.5, 3.0], "b": [7.0]}
    lines = (home / "durations.jsonl").read_text().splitlines()
    assert len(lines) == 5
    entry = json.loads(lines[3])
    assert entry.pop("at") >= time.time() - 600
    assert len(entry.pop("task")) == 16
    assert entry == {
        "agent": "ä", "seconds": 99.0, "status": "failed", "level": 3, "declared": 60.0,
    }  # fmt: skip


def test_what_attempts_used_comes_back(journal: FileJournal, home: Path) -> None:
    """Model, tokens and cost stand in the same line; lines without them are read too."""
    finish(journal, "a", 1.0)
    spent: dict[str, Any] = {
        "agent": "a",
        "task": "x",
        "seconds": 2.0,
        "level": 3,
        "declared": None,
    }
    journal.duration(**spent, status="success", used=Used("m", 950, 0.25))
    journal.duration(**spent, status="success", used=Used("m", 40, None))
    journal.duration(**spent, status="failed", used=Used("m", 7, 0.1))
    journal.close()
    assert read_durations(home) == {"a": [1.0, 2.0, 2.0]}
    assert read_used(home) == {"a": [Used("m", 950, 0.25), Used("m", 40, None)]}
    bad = {"agent": "a", "status": "success", "model": 3, "tokens": "many", "cost": -1}
    (home / "durations.jsonl").write_text(json.dumps(bad) + "\n")
    assert read_used(home) == {}


def test_no_home_no_durations(tmp_path: Path) -> None:
    """Without an index nothing is known, and nothing is made."""
    assert read_durations(tmp_path / "none") == {}
    assert list(tmp_path.iterdir()) == []


def test_damaged_lines_are_passed_over(journal: FileJournal, home: Path) -> None:
    """Torn, foreign and binary lines cost only themselves."""
    finish(journal, "a", 1.0)
    journal.close()
    path = home / "durations.jsonl"
    bad = [b'{"agent":"a","sec', b"[1]", b"\xff\0", b'{"status":"success","agent":1}', b"", b"7"]
    bad += [b'{"status":"success","agent":"a","seconds":-1}', b"[" * 100_000]
    path.write_bytes(b"\n".join([*bad, path.read_bytes()[:-1]]))
    assert read_durations(home) == {"a": [1.0]}


def test_only_the_newest_are_read(home: Path) -> None:
    """A long history does not make starting a run slower."""
    home.mkdir()
    line = json.dumps({"agent": "a", "seconds": 1.0, "status": "success"})
    last = json.dumps({"agent": "a", "seconds": 2.0, "status": "success"})
    (home / "durations.jsonl").write_text(f"{line}\n" * 100_000 + last + "\n")
    begin = time.thread_time()
    seconds = read_durations(home)["a"]
    assert time.thread_time() - begin < 0.5
    assert seconds[-1] == 2.0
    assert 1_000 < len(seconds) < 20_000
