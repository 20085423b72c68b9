"""The log: one write a call, durable when asked for, whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from orchestra_nb.errors import LockedError, StoreError
from orchestra_nb.store.files import write_all
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.journal import FileJournal

from .disk import PATIENCE, event, put, read, replaced, synced


def test_appended_events_come_back(journal: FileJournal) -> None:
    """What is appended is read back, in order and with nothing added."""
    events = [event(1), event(2, event="insight", description="ä\n\r\u2028 𝄞")]
    journal.append(events[:1])
    journal.append(events[1:])
    found, problems = read(journal.folder.log)
    assert found == events
    assert not problems


def test_line_starts_with_timestamp_and_event(journal: FileJournal) -> None:
    """Keys stay in the order they were given, so that a person finds time and kind first."""
    journal.append([event(1)])
    assert journal.folder.log.read_bytes().startswith(b'{"timestamp":"2026-11-22T17:41:03.000Z",')


def test_one_write_per_append(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events an append has, the system is asked once."""
    writes: list[int] = []

    def write(fd: int, data: bytes) -> int:
        writes.append(len(data))
        return os.write(fd, data)

    replaced(monkeypatch, write=write)
    journal.append([event(n) for n in range(1, 501)])
    assert len(writes) == 1
    journal.append([])
    assert len(writes) == 1


def test_short_writes_are_completed(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes seven bytes at a time still gets every line whole."""
    replaced(monkeypatch, write=lambda fd, data: os.write(fd, data[:7]))
    journal.append([event(1), event(2)])
    assert read(journal.folder.log)[0] == [event(1), event(2)]


def test_write_that_takes_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that makes no progress is an error, not an endless loop."""
    replaced(monkeypatch, write=lambda fd, data: 0)
    with pytest.raises(OSError, match="Only 0 of 3 bytes"):
        write_all(1, b"abc")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_failed_append_leaves_no_trace(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """An append that fails halfway raises OSError and leaves the log as it was before."""
    journal.append([event(1)])
    calls = iter([True, False])

    def write(fd: int, data: bytes) -> int:
        if next(calls):
            return os.write(fd, data[:20])
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        replaced(patch, write=write)
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            journal.append([event(2), event(3)])
    assert caught.value.errno == code
    journal.append([event(2, description="there is space again")])
    found, problems = read(journal.folder.log)
    assert [e["seq"] for e in found] == [1, 2]
    assert not problems


def test_log_that_can_not_be_cut_stays_closed(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When half a write can't be taken back, every later append is refused."""

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "gone")

    with monkeypatch.context() as patch:
        replaced(patch, write=broken, ftruncate=broken)
        with pytest.raises(OSError, match="gone"):
            journal.append([event(1)])
    with pytest.raises(OSError, match="failed before"):
        journal.append([event(1)])


def test_append_goes_on_after_a_torn_line(folder: RunFolder) -> None:
    """A line that a crash cut off costs only itself: the next one starts a new line."""
    first = FileJournal(folder)
    first.append([event(1), event(2)])
    first.close()
    folder.log.write_bytes(folder.log.read_bytes()[:-30])
    second = FileJournal(folder)
    second.append([event(3)])
    second.close()
    found, problems = read(folder.log)
    assert [e["seq"] for e in found] == [1, 3]
    assert problems.lost == 1
    assert "line 2" in str(problems)


def test_group_fsync(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that come while one fsync is going on share the next one."""
    begun, go_on = threading.Event(), threading.Event()
    count = 0

    def fsync(fd: int) -> None:
        nonlocal count
        count += 1
        begun.set()
        assert go_on.wait(PATIENCE)

    replaced(monkeypatch, fsync=fsync)
    answers: list[tuple[BaseException | None, str]] = []
    ready = threading.Event()

    def done(error: BaseException | None) -> None:
        answers.append((error, threading.current_thread().name))
        if len(answers) == 101:
            ready.set()

    journal.sync(done)
    assert begun.wait(PATIENCE)
    for _ in range(100):
        journal.sync(done)
    go_on.set()
    assert ready.wait(PATIENCE)
    assert count == 2
    assert set(answers) == {(None, "orchestra-sync")}


def test_listener_fault_costs_nobody_else(journal: FileJournal) -> None:
    """A callback that raises does not end the thread that syncs."""

    def broken(error: BaseException | None) -> None:
        raise ValueError

    journal.sync(broken)
    assert synced(journal) is None


def test_failed_fsync_is_final(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed fsync nobody is told that the log is safe, and nothing more is written."""

    def fsync(fd: int) -> None:
        raise OSError(errno.EIO, "broken disk")

    journal.append([event(1)])
    with monkeypatch.context() as patch:
        replaced(patch, fsync=fsync)
        assert isinstance(synced(journal), OSError)
    assert isinstance(synced(journal), OSError)
    with pytest.raises(OSError, match="broken disk"):
        journal.append([event(2)])


def test_lone_surrogates_survive(journal: FileJournal) -> None:
    """Half a surrogate comes back as it was, and the file is valid UTF-8."""
    journal.append([event(1, description="a\ud800b\udfff")])
    journal.folder.log.read_bytes().decode()
    assert read(journal.folder.log)[0][0]["description"] == "a\ud800b\udfff"


def test_line_is_always_valid_json(journal: FileJournal) -> None:
    """NaN, foreign objects, odd keys and cycles are replaced, in the event as in the file."""
    circle: list[Any] = []
    circle.append(circle)

    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    given = event(1, a=math.nan, b=[math.inf], c={1: Path("x"), (2,): {3}}, d=circle, e=Rude())
    journal.append([given])

    def refuse(name: str) -> None:
        raise AssertionError(name)

    line = journal.folder.log.read_text()
    assert json.loads(line, parse_constant=refuse) == given
    assert given["a"] is None
    assert given["b"] == [None]
    assert given["c"]["(2,)"] == [3]
    assert "raised RuntimeError" in given["e"]


def test_second_writer_is_refused(journal: FileJournal) -> None:
    """One journal writes a run; another one hears whose it is, also in the same process."""
    with pytest.raises(LockedError) as caught:
        FileJournal(journal.folder)
    assert caught.value.pid == os.getpid()
    assert journal.folder.owner == os.getpid()
    journal.close()
    assert not journal.folder.owner
    FileJournal(journal.folder).close()


def test_lock_is_freed_when_its_owner_is_killed(folder: RunFolder) -> None:
    """Another process's lock is named with its pid, and gone once the process was killed."""
    code = f"""
        import sys
        from pathlib import Path
        from orchestra_nb.store.folder import RunFolder
        from orchestra_nb.store.journal import FileJournal
        journal = FileJournal(RunFolder(Path({str(folder.path)!r})))
        print("mine", flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"mine"
        with pytest.raises(LockedError, match=str(process.pid)):
            FileJournal(folder)
        assert folder.owner == process.pid
        process.kill()
        process.wait()
    FileJournal(folder).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_never_writes(journal: FileJournal) -> None:
    """A forked child can't append, and its end leaves the parent's lock alone."""
    journal.append([event(1)])
    assert synced(journal) is None
    child = os.fork()
    if child == 0:
        code = 1
        try:
            journal.transcript(0, 1, {"x": 1})
            try:
                journal.append([event(2)])
            except OSError:
                code = 0
            journal.close(timeout=1)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(LockedError):
        FileJournal(journal.folder)
    journal.append([event(2)])
    assert [e["seq"] for e in read(journal.folder.log)[0]] == [1, 2]
    assert list(journal.folder.transcripts.iterdir()) == []


def test_lock_without_flock_goes_by_pid(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system has no locks, a living process's pid refuses, a dead one's does not."""

    def no_locks(fd: int) -> None:
        raise OSError(errno.ENOTSUP, "no locks here")

    monkeypatch.setattr("orchestra_nb.store.lock._acquire", no_locks)
    folder.lock.write_text(f"{os.getppid()}\n")
    with pytest.raises(LockedError) as caught:
        FileJournal(folder)
    assert caught.value.pid == os.getppid()
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    folder.lock.write_text(f"{process.pid}\n")
    journal = FileJournal(folder)
    assert folder.owner == os.getpid()
    journal.close()
    assert folder.owner is None


@pytest.mark.parametrize("name", ["orchestration-timeline.jsonl", "lock", "results"])
def test_links_are_refused(folder: RunFolder, tmp_path: Path, name: str) -> None:
    """A symbolic link in place of a file or folder of the run is refused, its target untouched."""
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    path = folder.path / name
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    with pytest.raises(StoreError, match=r"symbolic link|plain folder"):
        FileJournal(folder)
    assert target.read_text() == "mine"
    if name != "lock":
        assert folder.owner is None


def test_transcripts(journal: FileJournal) -> None:
    """Lines of a transcript come in order in a file named by task number and attempt."""
    for number in range(1000):
        journal.transcript(number % 2, 1, {"n": number})
    journal.close()
    lines = (journal.folder.transcripts / "0002.1.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(1, 1000, 2))
    assert journal.problems == []


def test_transcript_never_raises(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transcript that can't be written is told in ``problems``; the run goes on."""

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    journal.transcript(0, 1, {"first": math.nan})
    assert put(journal, 1)["kind"] == "json"
    with monkeypatch.context() as patch:
        replaced(patch, write=full)
        journal.transcript(0, 1, {"x": object()})
        assert put(journal, 1)["stored"] is False
    journal.close()
    journal.transcript(0, 1, {"too": "late"})
    assert len(journal.problems) == 1
    assert "transcripts/0001.1.jsonl" in journal.problems[0]
    assert (journal.folder.transcripts / "0001.1.jsonl").read_text() == '{"first":null}\n'


def test_close_makes_everything_durable(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing syncs the log and serves those who wait; later calls are refused; twice is fine."""
    synced_files: list[int] = []

    def fsync(fd: int) -> None:
        synced_files.append(fd)
        os.fsync(fd)

    replaced(monkeypatch, fsync=fsync)
    journal.append([event(1)])
    answers: list[BaseException | None] = []
    journal.sync(answers.append)
    journal.close()
    journal.close()
    assert answers == [None]
    assert synced_files
    with pytest.raises(OSError, match="closed"):
        journal.append([event(2)])
    assert put(journal, [1])["stored"] is False
    assert isinstance(synced(journal), OSError)


def test_close_is_bounded(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs does not hold up the end of the process; the lock stays with it."""
    go_on = threading.Event()
    with monkeypatch.context() as patch:
        replaced(patch, fsync=lambda fd: go_on.wait(PATIENCE))
        journal.append([event(1)])
        journal.close(timeout=0.2)
        assert journal.folder.owner == os.getpid()
        go_on.set()
