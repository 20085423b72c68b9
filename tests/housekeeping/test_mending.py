"""What can be put right is, and nothing else is touched."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from orchestra_nb.errors import LockedError, StoreError
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.housekeeping.mending import repair
from orchestra_nb.housekeeping.tail import cut_tail, torn_tail
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.lock import RunLock
from tests.store.disk import Faults, event, read

from .conftest import Home

NAME = "0" * 32


def tear(folder: RunFolder, tail: bytes = b'{"timestamp":"2026') -> bytes:
    """Leave part of a line at the end of the log; what the log was before."""
    before = folder.log.read_bytes()
    folder.log.write_bytes(before + tail)
    return before


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_everything_that_can_be_put_right(home: Home) -> None:
    """Afterwards only what nobody can mend is left, and the log's whole lines are as they were."""
    folder = home.folder("killed")
    before = tear(folder)
    folder.path.chmod(0o755)
    folder.plan_json.chmod(0o640)
    folder.transcripts.chmod(0o777)
    for path in (folder.path / ".plan.json.7.tmp", folder.answers / f"{NAME}.json"):
        path.touch(0o600)
    (folder.path / "notes.txt").write_text("mine")
    folder.lock.write_text("99999\n")
    done = repair(inspect(folder.path))
    assert len(done) == 7
    assert folder.log.read_bytes() == before
    assert (folder.path / "torn-1.jsonl").read_bytes() == b'{"timestamp":"2026'
    (left,) = inspect(folder.path).findings
    assert (left.place, left.harm) == ("notes.txt", False)
    assert folder.owner is None
    assert repair(inspect(folder.path)) == []


def test_results_and_foreign_files_stay(home: Home) -> None:
    """What a repair does not know it leaves alone, whatever it looks like."""
    folder = home.folder("completed")
    (folder.results / "0009.1.txt").write_text("orphan")
    (folder.path / "0001.1.tmp").write_text("mine")
    tear(folder)
    repair(inspect(folder.path))
    assert (folder.results / "0009.1.txt").read_text() == "orphan"
    assert (folder.path / "0001.1.tmp").read_text() == "mine"


def test_a_run_that_goes_on_is_refused(home: Home) -> None:
    """While a process has the run nothing is touched, and the process is named."""
    folder = home.folder("killed")
    tear(folder)
    found, data = inspect(folder.path), folder.log.read_bytes()
    lock = RunLock(folder.lock)
    try:
        with pytest.raises(LockedError) as caught:
            repair(found)
    finally:
        lock.release()
    assert caught.value.pid == os.getpid()
    assert folder.log.read_bytes() == data


def test_a_run_that_changed_is_refused(home: Home) -> None:
    """If the log grew since it was looked at, somebody else is at it: look again."""
    folder = home.folder("killed")
    tear(folder)
    found = inspect(folder.path)
    journal = FileJournal(folder)
    journal.append([event(100)])
    journal.close()
    data = folder.log.read_bytes()
    with pytest.raises(StoreError, match="changed meanwhile"):
        repair(found)
    assert folder.log.read_bytes() == data


def test_a_link_is_not_followed(home: Home, tmp_path: Path) -> None:
    """A file that became a link since it was looked at keeps its target as it is."""
    folder = home.folder("completed")
    folder.plan_md.chmod(0o644)
    found = inspect(folder.path)
    target = tmp_path / "target"
    target.touch(0o644)
    folder.plan_md.unlink()
    folder.plan_md.symlink_to(target)
    (said,) = repair(found)
    assert "could not be put right" in said
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("call", "name"),
    [("open", r"torn-"), ("write", r"torn-"), ("fsync", r"torn-"), ("ftruncate", r"jsonl")],
)
def test_a_disk_that_fails_costs_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, call: str, name: str
) -> None:
    """Where the torn end can't be kept, the log stays as it is, and a later repair succeeds."""
    folder = home.folder("killed")
    before = tear(folder)
    faults, data = Faults(monkeypatch), folder.log.read_bytes()
    faults.fail(call, name, errno.ENOSPC)
    (said,) = repair(inspect(folder.path))
    assert "could not be put right" in said
    assert folder.log.read_bytes() == data
    if name == r"torn-":
        assert not (folder.path / "torn-1.jsonl").exists()
    faults.mend()
    repair(inspect(folder.path))
    assert folder.log.read_bytes() == before


def test_torn_ends_are_kept_apart(home: Home) -> None:
    """A second torn end gets a file of its own."""
    log = home.folder("killed").log
    for number, tail in enumerate((b"first", b"second"), start=1):
        tear(home.folder("killed"), tail)
        assert cut_tail(log) == f"torn-{number}.jsonl"
        assert (log.parent / f"torn-{number}.jsonl").read_bytes() == tail
    assert cut_tail(log) is None


@pytest.mark.parametrize(
    ("data", "torn"),
    [
        (b"", None),
        (b'{"a":1}\n', None),
        (b'{"a":1}\n{"b":2}', None),
        (b'{"a":1}\n{"b":', (2, 8, 5)),
        (b'{"a":1}\n\0\0\0', (2, 8, 3)),
        (b"\n\n[1]", (3, 2, 3)),
        (b"no line at all", (1, 0, 14)),
    ],
)
def test_what_is_torn(tmp_path: Path, data: bytes, torn: tuple[int, int, int] | None) -> None:
    """Only what follows on the last whole line and is no event is torn."""
    log = tmp_path / "log"
    log.write_bytes(data)
    found = torn_tail(log)
    assert (found and (found.line, found.start, found.size)) == torn


def test_a_long_torn_end_is_cut(tmp_path: Path) -> None:
    """Its length does not matter."""
    log = tmp_path / "log"
    log.write_bytes(b'{"event":"note","seq":1,"t":1}\n' + b"x" * 3_000_000)
    assert cut_tail(log) == "torn-1.jsonl"
    assert (tmp_path / "torn-1.jsonl").stat().st_size == 3_000_000
    events, problems = read(log)
    assert (len(events), problems.count) == (1, 0)
