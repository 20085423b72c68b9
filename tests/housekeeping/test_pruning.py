"""Which runs go, which stay, and that they go whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import LockedError, StoreError
from orchestra_nb.housekeeping.pruning import choose, clear_leftovers, remove, size_of
from orchestra_nb.store.home import list_runs
from tests.engine.rig import choice, one_phase

from .conftest import Home

DAY = 86_400.0
NOW = 1_800_000_000.0


@pytest.fixture
def aged(home: Home) -> Home:
    """The runs as if they were started one a day, the last of them today."""
    for age, (ending, path) in enumerate(reversed(home.runs.items())):
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW - age * DAY))
        folder = path.with_name(f"{stamp}-{ending}-{age:04x}")
        path.rename(folder)
        log = folder / "orchestration-timeline.jsonl"
        lines = log.read_bytes().splitlines(keepends=True)
        start = json.loads(lines[0]) | {"wall": NOW - age * DAY}
        log.write_bytes(json.dumps(start).encode() + b"\n" + b"".join(lines[1:]))
        home.runs[ending] = folder
    return home


def fork(home: Home, child: str, parent: str) -> None:
    """Let the log of a run say that it was forked from another."""
    log = home.folder(child).log
    lines = log.read_bytes().splitlines(keepends=True)
    start = json.loads(lines[0]) | {"parent": home.runs[parent].name}
    log.write_bytes(json.dumps(start).encode() + b"\n" + b"".join(lines[1:]))


def going(home: Home, **asked: object) -> list[str]:
    """The projects of the runs that would go."""
    chosen = choose(home.path, now=NOW + 1, **asked)  # type: ignore[arg-type]
    return [run.project.lower() for run in chosen.going]


def test_by_age(aged: Home) -> None:
    """What was started longer ago goes."""
    assert going(aged, older_than_s=2.5 * DAY) == ["completed", "failed"]
    assert going(aged, older_than_s=9 * DAY) == []


def test_by_number(aged: Home) -> None:
    """The newest stay; with more of them than there are all do."""
    assert going(aged, keep=3) == ["completed", "failed"]
    assert going(aged, keep=5) == going(aged, keep=50) == []


def test_by_status(aged: Home) -> None:
    """Only runs that ended so; one that was killed counts as interrupted."""
    assert going(aged, statuses=["interrupted", "failed"]) == ["failed", "interrupted", "killed"]


def test_all_that_is_asked_applies(aged: Home) -> None:
    """A run goes only if it is old and not among the newest and of the status."""
    asked = {"older_than_s": 0.5 * DAY, "keep": 2, "statuses": ["interrupted", "stopped"]}
    assert going(aged, **asked) == ["stopped"]


def test_a_run_that_goes_on_stays(home: Home) -> None:
    """A live run is never chosen, and it is said why it stays."""
    run = onb.run(one_phase(choice("d", timeout=600)), home=home.path)
    try:
        chosen = choose(home.path, now=time.time() + 9)
        assert run.id not in [one.id for one in chosen.going]
        assert {one.id: why for one, why in chosen.kept.items()} == {
            run.id: f"process {os.getpid()} runs it"
        }
        with pytest.raises(LockedError):
            remove(run.folder)
        assert run.folder.is_dir()
    finally:
        run.stop()


def test_a_run_that_others_were_forked_from_stays(aged: Home) -> None:
    """A parent stays as long as its fork does, and so does the parent's parent."""
    fork(aged, "stopped", "failed")
    fork(aged, "failed", "completed")
    chosen = choose(aged.path, now=NOW + 1, older_than_s=2.5 * DAY)
    assert chosen.going == ()
    assert {one.project: why.split()[0] for one, why in chosen.kept.items()} == {
        "Failed": aged.runs["stopped"].name,
        "Completed": aged.runs["failed"].name,
    }
    assert going(aged, older_than_s=2.5 * DAY, parents=True) == ["completed", "failed"]
    assert going(aged, older_than_s=1.5 * DAY) == ["completed", "failed", "stopped"]


def test_a_run_that_names_itself_is_no_parent(aged: Home) -> None:
    """A forged log can't keep itself alive, nor make this go round for ever."""
    fork(aged, "completed", "completed")
    assert going(aged, older_than_s=3.5 * DAY) == ["completed"]


def test_a_run_goes_whole(home: Home, tmp_path: Path) -> None:
    """Its folder is gone with all in it; links in it go, and what they lead to stays."""
    target = tmp_path / "mine.txt"
    target.write_text("mine")
    path = home.runs["completed"]
    (path / "results" / "link").symlink_to(target)
    (path / "folder").symlink_to(tmp_path)
    remove(path)
    assert not path.exists()
    assert target.read_text() == "mine"
    assert len(list_runs(home.path)) == len(home.runs) - 1
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".gone")] == []


def test_nobody_takes_a_run_up_while_it_goes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is out of sight before anything in it is removed, and what a crash leaves goes later."""
    path = home.runs["completed"]

    def crash(path: Path) -> None:
        raise OSError(errno.EIO, "the machine crashed")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", crash)
        with pytest.raises(StoreError, match="the machine crashed"):
            remove(path)
    assert not path.exists()
    assert path not in list_runs(home.path)
    assert (path.parent / f".gone-{path.name}" / "plan.json").exists()
    assert clear_leftovers(home.path) == 1
    assert clear_leftovers(home.path) == 0
    assert not (path.parent / f".gone-{path.name}").exists()


def test_a_run_that_somebody_reads_can_go(home: Home) -> None:
    """Reading takes no lock: only a run that is written stays."""
    opened = onb.open(home.runs["completed"].name, home=home.path)
    remove(home.runs["completed"])
    assert opened.status == "completed"


def test_a_lock_that_is_a_link(home: Home, tmp_path: Path) -> None:
    """A forged lock is an error, and the run stays."""
    path = home.runs["completed"]
    (path / "lock").unlink()
    (path / "lock").symlink_to(tmp_path / "x")
    with pytest.raises(StoreError, match="symbolic link"):
        remove(path)
    assert path.is_dir()


def test_size(home: Home) -> None:
    """All files count, links as such."""
    path = home.runs["completed"]
    before = size_of(path)
    (path / "results" / "0002.1.bin").write_bytes(bytes(1_000))
    assert size_of(path) == before + 1_000
    assert size_of(path / "nowhere") == 0
