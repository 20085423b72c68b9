"""Disks that fail under whole runs: what is written, what is read, and what a person hears."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import StoreError
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.housekeeping.tail import torn_tail
from orchestra_nb.store import files, reader
from orchestra_nb.store.ends import read_ends
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import list_runs
from orchestra_nb.store.reader import Tail, read_events
from tests.engine.rig import choice, one_phase, phases, task

from .disk import PATIENCE, Faults, event, read

LOG = "orchestration-timeline.jsonl"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """A disk that works until it is told to fail."""
    return Faults(monkeypatch)


class Trial:
    """A run with an agent at work, one that waits for an answer, and one that must not start."""

    def __init__(self, home: Path):
        self.gate = threading.Event()
        self.ran: list[str] = []
        self.freed = threading.Event()
        plan = one_phase(
            task("busy"), task("next", "busy"), task("asks"), choice("open", timeout=600)
        )
        agents = {"busy": self.busy, "next": lambda: self.ran.append("next"), "asks": self.asks}
        self.run = onb.run(plan, agents, home=home)
        end = time.monotonic() + PATIENCE
        while len(self.run.state.open_decisions()) < 2:
            assert time.monotonic() < end
            time.sleep(0.005)

    def busy(self) -> None:
        """Work until the gate is opened."""
        self.gate.wait(PATIENCE)

    def asks(self, context: onb.Context) -> None:
        """Ask, and hear that nobody will answer."""
        try:
            context.decide_sync("Which?", ["x", "y"])
        finally:
            self.freed.set()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EDQUOT),
        ("write", errno.EFBIG),
        ("write", errno.EROFS),
        ("write", errno.EACCES),
        ("write", errno.EIO),
        ("short write", errno.ENOSPC),
        ("short write", errno.EIO),
        ("fsync", errno.EIO),
        ("fsync", errno.ENOSPC),
        ("fsync", errno.EROFS),
    ],
    ids=lambda value: errno.errorcode.get(value, value) if isinstance(value, int) else value,
)
def test_a_log_that_fails_stops_the_run(home: Path, faults: Faults, call: str, code: int) -> None:
    """It ends loudly and at once, starts nothing more, frees who waits, and leaves whole lines."""
    trial = Trial(home)
    run, folder = trial.run, RunFolder(trial.run.folder)
    before = folder.log.read_bytes()
    faults.fail(call, LOG, code)
    with pytest.raises(onb.CommandError, match=os.strerror(code)):
        run.note("hear this")
    trial.gate.set()
    with pytest.raises(StoreError, match=os.strerror(code)) as caught:
        run.wait(PATIENCE)
    assert "Nothing new was started" in str(caught.value)
    assert (run.status, trial.ran) == ("failed", [])
    assert run.state.open_decisions() == []
    assert trial.freed.wait(PATIENCE)
    with pytest.raises(onb.CommandError, match=os.strerror(code)):
        run.note("anybody?")
    run.stop()
    assert folder.owner is None
    after = folder.log.read_bytes()
    assert after.startswith(before)
    events, problems = read(folder.log)
    assert not problems
    assert events
    faults.mend()
    assert onb.open(run.id, home=home).status == "interrupted"


def test_without_a_first_line_no_agent_runs(home: Path, faults: Faults) -> None:
    """A disk that is full from the start lets nothing begin, and wait() says so."""
    faults.fail("write", LOG, errno.ENOSPC)
    ran: list[str] = []
    run = onb.run(one_phase(task("a")), {"a": lambda: ran.append("a")}, home=home)
    with pytest.raises(StoreError, match="No space left"):
        run.wait(PATIENCE)
    assert ran == []
    assert RunFolder(run.folder).log.read_bytes() == b""


@pytest.mark.parametrize(
    ("call", "name", "code"),
    [
        ("open", r"\.gitignore$", errno.EROFS),
        ("fsync", r"/runs$", errno.EIO),
        ("open", r"plan\.json", errno.EACCES),
        ("write", r"plan\.json", errno.ENOSPC),
        ("short write", r"plan\.json", errno.ENOSPC),
        ("fsync", r"plan\.json", errno.EIO),
        ("replace", r"plan\.json", errno.EIO),
        ("fsync", r"-test-[0-9a-f]+$", errno.EIO),
        ("open", r"/lock$", errno.EACCES),
        ("open", LOG, errno.EMFILE),
        ("open", LOG, errno.EROFS),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value,
)
def test_a_run_that_can_t_be_kept_is_not_started(
    home: Path, faults: Faults, call: str, name: str, code: int
) -> None:
    """What is missing for a run's folder is an error that says why; no half of one is left."""
    faults.fail(call, name, code)
    ran: list[str] = []
    with pytest.raises(StoreError, match=os.strerror(code)):
        onb.run(one_phase(task("a")), {"a": lambda: ran.append("a")}, home=home)
    assert faults.seen
    assert ran == []
    assert list_runs(home) == []
    faults.mend()
    assert onb.run(one_phase(task("a")), {"a": lambda: 1}, home=home).wait(PATIENCE)["a"] == 1


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_can_t_be_made(
    home: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A home that takes no folder is named in the error."""
    onb.run(one_phase(task("a")), {"a": lambda: 1}, home=home).wait(PATIENCE)

    def refuse(path: str | Path, *rest: Any) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(StoreError, match=f"{home.name}.*{os.strerror(code)}"):
        onb.run(one_phase(task("a")), {"a": lambda: 1}, home=home)
    assert len(list_runs(home)) == 1


@pytest.mark.parametrize(
    ("call", "name", "code"),
    [
        ("open", r"orchestration-plan\.md", errno.EACCES),
        ("write", r"orchestration-plan\.md", errno.ENOSPC),
        ("replace", r"orchestration-plan\.md", errno.EIO),
        ("open", r"/transcripts/", errno.EMFILE),
        ("write", r"/transcripts/", errno.ENOSPC),
        ("short write", r"/transcripts/", errno.EIO),
        ("open", r"durations", errno.EROFS),
        ("write", r"durations", errno.ENOSPC),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value,
)
def test_what_lies_beside_the_log_stops_nothing(
    home: Path, faults: Faults, call: str, name: str, code: int
) -> None:
    """Without plan.md, transcripts or durations a run goes on, and its folder is whole."""

    def agent(context: onb.Context) -> str:
        context.log("said")
        return "x" * 5_000

    faults.fail(call, name, code)
    run = onb.run(phases([task("a")], [task("b")]), {"a": agent, "b": agent}, home=home)
    assert run.wait(PATIENCE)["b"] == "x" * 5_000
    assert faults.seen
    assert run.status == "completed"
    found = inspect(run.folder)
    assert (found.findings, found.results) == ([], 2)


@pytest.mark.parametrize(
    ("call", "name", "code"),
    [
        ("open", r"/results/", errno.EDQUOT),
        ("write", r"/results/", errno.ENOSPC),
        ("short write", r"/results/", errno.ENOSPC),
        ("fsync", r"/results/", errno.EIO),
        ("fsync", r"/results$", errno.EIO),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value,
)
def test_a_result_that_can_t_be_kept_is_said_so(
    home: Path, faults: Faults, call: str, name: str, code: int
) -> None:
    """Its dependents get the object; the log says that it is not stored, and why."""
    faults.fail(call, name, code)
    plan = one_phase(task("a"), task("b", "a"))
    run = onb.run(plan, {"a": lambda: "x" * 5_000, "b": lambda a: len(a)}, home=home)
    assert run.wait(PATIENCE)["b"] == 5_000
    faults.mend()
    again = onb.open(run.id, home=home)
    with pytest.raises(onb.TaskFailed, match=os.strerror(code)):
        again.results["a"]
    assert again.results["b"] == 5_000
    assert not inspect(run.folder).harmed


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
@pytest.mark.parametrize(
    ("limit", "said"),
    [("RLIMIT_FSIZE, (30_000, 30_000)", "File too large"), ("RLIMIT_NOFILE, (few(), 4096)", "")],
    ids=["file size", "open files"],
)
def test_limits_of_the_system(tmp_path: Path, limit: str, said: str) -> None:
    """A real limit on files' sizes stops the run loudly; one on their number costs results only."""
    script = f"""
        import os, resource, sys, threading, orchestra_nb as onb
        def few():
            free = os.open(os.devnull, os.O_RDONLY)
            os.close(free)
            return free
        go = threading.Event()
        def tells(context):
            go.wait(20)
            for number in range(200):
                context.finding("x" * 500)
            return "y" * 5_000
        ran = []
        tasks = [onb.Task(agent="tells"), onb.Task(agent="next", depends_on=["tells"])]
        plan = onb.Plan(name="t", on_failure="continue", phases=[onb.Phase(name="P", tasks=tasks)])
        run = onb.run(plan, {{"tells": tells, "next": lambda: ran.append(1)}})
        while run.state.task("tells").status != "running":
            pass
        resource.setrlimit(resource.{limit})
        go.set()
        try:
            run.wait(20)
        except onb.StoreError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        print(run.status, len(ran))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(tmp_path)},
    )
    last = done.stdout.splitlines()[-1:]
    (path,) = list_runs(tmp_path)
    found = inspect(path)
    assert not found.harmed, found.findings
    if said:
        assert f"its log can't be written ({said})" in done.stdout, done.stderr
        assert last == ["failed 0"]
        assert found.status == "interrupted"
    else:
        assert last == ["completed 1"], done.stderr
        with pytest.raises(onb.TaskFailed, match="Too many open files"):
            onb.open(path.name, home=tmp_path).results["tells"]


# Reading.


class Failing:
    """A file whose disk fails after some reads."""

    def __init__(self, path: Path, reads: int):
        self._file, self._left = path.open("rb"), reads

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, at: int) -> None:
        """Go there."""
        self._file.seek(at)

    def read(self, size: int) -> bytes:
        """Read, or fail."""
        return self._once(lambda: self._file.read(min(size, 300)))

    def readline(self, size: int) -> bytes:
        """Read a line, or fail."""
        return self._once(lambda: self._file.readline(size))

    def _once(self, call: Callable[[], bytes]) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return call()


def log_of(folder: Path, count: int) -> Path:
    """A log of so many events."""
    path = folder / "log.jsonl"
    path.write_bytes(b"".join(json.dumps(event(n)).encode() + b"\n" for n in range(1, count + 1)))
    return path


def events_of(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a log, read at once."""
    return read_events(path)[0]


def tail_of(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a log, read as it grows."""
    return Tail(path).read(last=True)


@pytest.mark.parametrize("reading", [events_of, tail_of])
def test_a_disk_that_fails_while_reading(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reading: Callable[[Path], Iterator[dict[str, Any]]],
) -> None:
    """What was read before the failure is given; then comes one error that names the log."""
    path = log_of(tmp_path, 20)
    monkeypatch.setattr(reader, "_open", lambda path: Failing(path, 5))
    found: list[int] = []
    with pytest.raises(StoreError, match=r"log\.jsonl can't be read: Input/output error"):
        for one in reading(path):
            found.append(one["seq"])
    assert found == list(range(1, len(found) + 1))
    assert found


@pytest.mark.parametrize("piece", [1, 13, 4096])
def test_a_log_that_grows_while_it_is_read(tmp_path: Path, piece: int) -> None:
    """Each event comes once and in order, wherever the writer is in its line; none is a problem."""
    data = log_of(tmp_path, 300).read_bytes()
    path = tmp_path / "growing.jsonl"
    path.touch()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            for start in range(0, len(data), piece):
                file.write(data[start : start + piece])

    writer = threading.Thread(target=write)
    tail, seqs = Tail(path), list[int]()
    writer.start()
    while writer.is_alive():
        seqs += [one["seq"] for one in tail.read()]
    writer.join()
    seqs += [one["seq"] for one in tail.read(last=True)]
    assert seqs == list(range(1, 301))
    assert not tail.problems


@pytest.mark.parametrize(
    "reading",
    [
        lambda path: sum(1 for _ in events_of(path)),
        lambda path: sum(1 for _ in tail_of(path)),
        read_ends,
        torn_tail,
    ],
    ids=["events", "tail", "ends", "torn tail"],
)
@pytest.mark.parametrize("filler", [b"\0", b"z"], ids=["zeros", "text"])
def test_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reading: Callable[[Path], Any], filler: bytes
) -> None:
    """A line of 20 MB in a log takes no more memory than a line of ours may, however it is read."""
    monkeypatch.setattr(reader, "_LONGEST_LINE", 1 << 18)
    path = log_of(tmp_path, 50)
    with path.open("ab") as file:
        for _ in range(20):
            file.write(filler * 1_000_000)
    tracemalloc.start()
    try:
        reading(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_result_that_can_t_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails under a result is named with the task; other results come."""
    plan = one_phase(task("a"), task("b"))
    run = onb.run(plan, {"a": lambda: "x" * 5_000, "b": lambda: 1}, home=home)
    run.wait(PATIENCE)
    real = files.read_bytes

    def broken(path: Path) -> bytes:
        if path.parent.name == "results":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path)

    monkeypatch.setattr(files, "read_bytes", broken)
    again = onb.open(run.id, home=home)
    with pytest.raises(onb.TaskFailed, match=r"^a has no result: .*Input/output error"):
        again.results["a"]
    assert again.results["b"] == 1
