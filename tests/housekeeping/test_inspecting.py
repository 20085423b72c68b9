"""Everything that can be wrong with a run's folder is found, and named with its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import StoreError
from orchestra_nb.housekeeping.inspecting import Finding, inspect
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import list_runs
from orchestra_nb.store.masking import add_secret
from tests.engine.rig import one_phase, task

from .conftest import Home

LOG = "orchestration-timeline.jsonl"
NAME = "0" * 32
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")


@pytest.mark.parametrize("ending", ["completed", "failed", "stopped", "interrupted"])
def test_a_whole_folder_has_no_findings(home: Home, ending: str) -> None:
    """However a run ended: what it leaves is whole, and nothing in it is foreign."""
    found = inspect(home.runs[ending])
    assert found.findings == []
    assert (found.status, found.owner, found.unnamed) == (ending, None, 0)
    lines = home.folder(ending).log.read_bytes().splitlines()
    assert found.events == len(lines)
    assert found.results == (1 if ending in ("completed", "failed") else 0)


def test_a_run_that_goes_on_has_no_findings(tmp_path: Path) -> None:
    """What is only under way, half a line or a file being written, is no problem."""
    gate: list[bool] = []

    def agent() -> str:
        while not gate:
            time.sleep(0.005)
        return "x" * 5_000

    run = onb.run(one_phase(task("a"), task("b")), {"a": agent, "b": agent}, home=tmp_path)
    try:
        folder = RunFolder(run.folder)
        (folder.answers / f"{NAME}.taken").touch(0o600)
        (folder.results / ".0001.1.txt.77.tmp").touch(0o600)
        (folder.results / "0001.1.txt").touch(0o600)
        found = inspect(run.folder)
        assert (found.findings, found.owner, found.status) == ([], os.getpid(), "running")
    finally:
        gate.append(True)
        run.wait(20)


def lines_of(folder: RunFolder) -> list[bytes]:
    """The lines of its log with their ends."""
    return folder.log.read_bytes().splitlines(keepends=True)


def without_line_2(folder: RunFolder) -> None:
    """Lose a line."""
    lines = lines_of(folder)
    folder.log.write_bytes(b"".join([lines[0], *lines[2:]]))


def line_2_twice(folder: RunFolder) -> None:
    """Double a line."""
    lines = lines_of(folder)
    folder.log.write_bytes(b"".join([*lines[:2], *lines[1:]]))


def line_2(data: bytes) -> Callable[[RunFolder], None]:
    """Put other bytes in the place of a line."""

    def damage(folder: RunFolder) -> None:
        lines = lines_of(folder)
        folder.log.write_bytes(b"".join([lines[0], data + b"\n", *lines[2:]]))

    return damage


def torn(folder: RunFolder) -> None:
    """Cut the last line off."""
    folder.log.write_bytes(folder.log.read_bytes()[:-10])


def zeros(folder: RunFolder) -> None:
    """Leave zeros, as some file systems do after a crash."""
    with folder.log.open("ab") as file:
        file.write(bytes(500))


def appended(event: dict[str, object]) -> Callable[[RunFolder], None]:
    """Add a line."""

    def damage(folder: RunFolder) -> None:
        seq = len(lines_of(folder)) + 1
        with folder.log.open("ab") as file:
            file.write(json.dumps({"seq": seq, "t": 99.0} | event).encode() + b"\n")

    return damage


def result(folder: RunFolder) -> Path:
    """The file of its result."""
    (path,) = folder.results.iterdir()
    return path


def linked(folder: RunFolder, path: Path) -> None:
    """Put a link to a copy in a file's place."""
    path.rename(folder.home / "copy")
    path.symlink_to(folder.home / "copy")


@pytest.mark.parametrize(
    ("damage", "place", "said"),
    [
        (without_line_2, f"{LOG}, line 2", "event 2 is missing before it"),
        (line_2_twice, f"{LOG}, line 3", "it repeats event 2"),
        (line_2(b'{"half'), f"{LOG}, line 2", "it is no JSON, perhaps cut off"),
        (line_2(b"\0\0\0"), f"{LOG}, line 2", "nothing but zeros"),
        (line_2(b'["x"]'), f"{LOG}, line 2", "JSON, but no event"),
        (line_2(b'{"event":"note","seq":2,"t":"x"}'), f"{LOG}, line 2", "seq or t is missing"),
        (torn, f"{LOG}, line ", "it ends in the middle of a line"),
        (zeros, f"{LOG}, line ", "500 bytes hold no event"),
        (appended({"event": "agent_start", "task": "nobody", "attempt": 1}), f"{LOG}, line ",
         "does not fit the plan"),
        (appended({"event": "agent_complete", "task": "spends", "result": {"file": "../x"}}), LOG,
         "'../x' as a result, which it can't be"),
        (lambda f: f.log.unlink(), LOG, "No such file"),
        (lambda f: linked(f, f.log), LOG, "a symbolic link"),
        (lambda f: result(f).unlink(), "results/0001.1.txt", "it is missing; the result that"),
        (lambda f: result(f).write_text("x"), "results/0001.1.txt", "1 bytes, not the 5000"),
        (lambda f: result(f).write_text("y" * 5_000), "results/0001.1.txt", "checksum"),
        (lambda f: linked(f, result(f)), "results/0001.1.txt", "a symbolic link"),
        (lambda f: f.plan_json.unlink(), "plan.json", "No such file"),
        (lambda f: f.plan_json.write_text("{"), "plan.json", "it is no plan"),
        (lambda f: f.plan_json.write_bytes(b"\xff"), "plan.json", "can't be read"),
        (lambda f: os.mkfifo(f.results / "p"), "results/p",
         "no regular file"),
        (lambda f: f.plan_md.chmod(0o644), "orchestration-plan.md", "its mode is 0644, not 0600"),
        (lambda f: f.results.chmod(0o750), "results", "its mode is 0750, not 0700"),
        (lambda f: f.path.chmod(0o755), "./", "its mode is 0755, not 0700"),
        (lambda f: f.plan_md.write_text("key: sk-ant-api03-abcdefgh"), "orchestration-plan.md",
         "looks like a key"),
    ],
)  # fmt: skip
@posix
def test_harm_is_found(
    home: Home, damage: Callable[[RunFolder], None], place: str, said: str
) -> None:
    """Each kind of damage is a finding that does harm, with its place and what it means."""
    folder = home.folder("completed")
    damage(folder)
    found = inspect(folder.path)
    hits = [one for one in found.findings if one.place.startswith(place) and said in one.what]
    assert hits, found.findings
    assert found.harmed
    assert len({str(one) for one in found.findings}) == len(found.findings)


@pytest.mark.parametrize(
    ("damage", "place", "said", "mend"),
    [
        (lambda f: (f.path / "notes.txt").touch(), "notes.txt", "no file of a run", None),
        (lambda f: (f.path / "figures").mkdir(), "figures/", "no folder of a run", None),
        (lambda f: (f.results / "deep").mkdir(), "results/deep/", "no folder of a run", None),
        (lambda f: (f.path / ".plan.json.7.tmp").touch(), ".plan.json.7.tmp", "left by", "remove"),
        (lambda f: (f.answers / f"{NAME}.json").touch(), f"answers/{NAME}.json", "nobody took",
         "remove"),
        (lambda f: (f.answers / f"{NAME}.reply.json").touch(), f"answers/{NAME}.reply.json",
         "nobody took", "remove"),
        (lambda f: (f.results / "0009.1.txt").touch(0o600), "results/0009.1.txt", "no line of the",
         None),
        (lambda f: f.lock.write_text("99999\n"), "lock", "it names process 99999", "lock"),
    ],
)  # fmt: skip
def test_what_does_no_harm_is_told(
    home: Home, damage: Callable[[RunFolder], None], place: str, said: str, mend: str | None
) -> None:
    """What is only left over is worth knowing, and the run is whole all the same."""
    damage(home.folder("completed"))
    found = inspect(home.runs["completed"])
    (one,) = found.findings
    assert (one.place, one.harm, one.mend) == (place, False, mend)
    assert said in one.what
    assert not found.harmed


def test_nothing_is_touched(home: Home) -> None:
    """Looking changes neither a byte nor a mode nor a time."""
    torn(home.folder("completed"))
    home.runs["completed"].chmod(0o755)

    def picture() -> list[tuple[str, int, int, int]]:
        paths = sorted(home.path.rglob("*"))
        about = [path.stat() for path in paths]
        return [
            (str(path), one.st_mode, one.st_mtime_ns, one.st_size)
            for path, one in zip(paths, about, strict=True)
        ]

    before = picture()
    assert inspect(home.runs["completed"]).harmed
    assert picture() == before


def test_a_torn_end_is_one_finding(home: Home) -> None:
    """What it is is said once, with what can be done about it."""
    torn(home.folder("completed"))
    (one,) = inspect(home.runs["completed"]).findings
    assert (one.harm, one.mend) == (True, "tail")


def test_several_faults_are_all_told(home: Home) -> None:
    """One fault hides no other: all are found in one look."""
    folder = home.folder("completed")
    result(folder).unlink()
    folder.plan_json.write_text("[]")
    line_2(b"x")(folder)
    torn(folder)
    places = {one.place.partition(",")[0] for one in inspect(folder.path).findings if one.harm}
    assert places == {"plan.json", "results/0001.1.txt", LOG}


def test_very_many_bad_lines_are_counted(home: Home) -> None:
    """A hundred are named, the rest are counted."""
    folder = home.folder("completed")
    with folder.log.open("ab") as file:
        file.write(b"x\n" * 1_000)
    found = inspect(folder.path)
    assert len(found.findings) == 100
    assert found.unnamed == 900


def test_secrets_of_the_user_are_found_wherever_they_lie(home: Home) -> None:
    """A key across the border of two reads is found; the finding does not repeat it."""
    add_secret("correct-horse-battery")
    folder = home.folder("completed")
    path = folder.transcripts / "0001.1.jsonl"
    path.write_bytes(b" " * ((1 << 20) - 7) + b"correct-horse-battery\n")
    (one,) = inspect(folder.path).findings
    assert one.place == "transcripts/0001.1.jsonl"
    assert "looks like a key" in one.what
    assert "horse" not in str(one)


def test_a_finding_reads_as_a_line() -> None:
    """Place first, then what is wrong."""
    assert str(Finding("lock", "it names nobody")) == "lock: it names nobody"


@pytest.mark.parametrize("where", ["nothing", "file", "empty", "link", "linked runs"])
def test_what_is_no_run_is_refused(home: Home, tmp_path: Path, where: str) -> None:
    """A path that holds no run of its own is an error, not a list of problems."""
    paths = {name: tmp_path / name for name in ("nothing", "file", "empty", "link")}
    paths["file"].touch()
    paths["empty"].mkdir()
    paths["link"].symlink_to(home.runs["completed"])
    (tmp_path / "other").symlink_to(home.path / "runs")
    paths["linked runs"] = tmp_path / "other" / home.runs["completed"].name
    with pytest.raises(StoreError, match=r"no run|symbolic link"):
        inspect(paths[where])


def test_large_files_take_little_memory(home: Home) -> None:
    """Results and transcripts of any size are read in pieces."""
    folder = home.folder("completed")
    path = folder.transcripts / "0001.2.jsonl"
    with path.open("wb") as file:
        os.chmod(path, 0o600)
        file.truncate(60_000_000)
    tracemalloc.start()
    try:
        assert inspect(folder.path).findings == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000


def test_a_run_killed_in_the_middle_of_a_write(tmp_path: Path) -> None:
    """What kill -9 leaves of a real process is named, and nothing else is said."""
    code = f"""
        import os, orchestra_nb as onb
        from orchestra_nb.store import files
        real = files.write_all
        def dies(fd, data):
            if b'"agent_complete"' in data:
                os.write(fd, data[: data.index(b'"agent_complete"') + 30])
                os.kill(os.getpid(), 9)
            real(fd, data)
        files.write_all = dies
        task = onb.Task(agent="a")
        plan = onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=[task])])
        onb.run(plan, {{"a": lambda: "x" * 5000}}, home={str(tmp_path)!r}).wait()
    """
    script = "\n".join(line[8:] for line in code.splitlines())
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=50)
    (path,) = list_runs(tmp_path)
    found = inspect(path)
    assert found.status == "interrupted"
    said = {one.place.partition(",")[0]: (one.harm, one.mend) for one in found.findings}
    assert said == {
        LOG: (True, "tail"),
        "lock": (False, "lock"),
        "results/0001.1.txt": (False, None),
    }
