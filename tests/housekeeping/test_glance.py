"""A run at a glance: the same figures as its whole log, from its two ends."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.housekeeping import glance as module
from orchestra_nb.housekeeping.glance import Glance, glance, glances
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import make_run_folder
from tests.engine.rig import choice, one_phase

from .conftest import Home


@pytest.mark.parametrize("ending", ["completed", "failed", "stopped", "interrupted"])
def test_the_ends_say_what_the_whole_says(
    home: Home, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Of a run that said its end, the two ends of the log give what folding all of it gives."""
    path = home.runs[ending]
    with monkeypatch.context() as patch:
        patch.setattr(module, "_from_all", None)
        seen = glance(path)
    monkeypatch.setattr(module, "_from_ends", lambda ends: None)
    assert glance(path) == seen
    assert (seen.status, seen.project, seen.live) == (ending, ending.title(), False)


def test_what_a_row_says(home: Home) -> None:
    """Tasks, decisions and what was spent; when it began and what it took."""
    seen = glance(home.runs["failed"])
    assert (seen.done, seen.total, seen.decisions, seen.open) == (1, 2, 1, 0)
    assert (seen.tokens, seen.cost, seen.unknown) == (1_240, 0.25, 1)
    assert seen.id == home.runs["failed"].name
    assert 0 <= time.time() - seen.started < 600
    assert 0 < seen.took_s < 60


def test_a_run_that_was_killed_is_interrupted(home: Home) -> None:
    """A log without an end is folded; nobody runs it, so nothing is open any more."""
    seen = glance(home.runs["killed"])
    assert (seen.status, seen.done, seen.total, seen.decisions) == ("interrupted", 0, 1, 1)
    assert (seen.open, seen.owner) == (0, None)


def test_a_thumb_after_the_end_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ratings come after the end, which still says what the run came to."""
    before = glance(home.runs["completed"])
    onb.open(before.id, home=home.path).rate("spends", True)
    monkeypatch.setattr(module, "_from_all", None)
    assert glance(before.path) == before


def test_what_lies_between_is_not_read(home: Home) -> None:
    """A long log costs no more than a short one: its middle may be anything."""
    path = home.runs["completed"]
    before, log = glance(path), home.folder("completed").log
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + b"x" * 2_000_000 + b"\n" + b"".join(lines[1:]))
    assert glance(path) == before


@pytest.mark.parametrize(
    "end",
    [
        {"counts": None},
        {"counts": {"completed": "many", "skipped": None}},
        {"counts": [1]},
        {"duration_s": None},
        {"duration_s": float("nan")},
        {"decisions": "x", "cost": -1, "tokens": 10**40, "unknown": []},
        {"status": "won"},
        {"status": ["x"]},
    ],
    ids=str,
)
def test_a_forged_end(home: Home, end: dict[str, Any]) -> None:
    """Figures that are none count as nothing, or the log is folded; nothing raises."""
    log = home.folder("completed").log
    lines = log.read_bytes().splitlines(keepends=True)
    last = json.loads(lines[-1]) | end
    log.write_bytes(b"".join(lines[:-1]) + json.dumps(last).encode() + b"\n")
    seen = glance(home.runs["completed"])
    assert seen.status in ("completed", "interrupted")
    assert seen.took_s >= 0
    assert seen.cost >= 0


def damage(folder: RunFolder, how: str, tmp_path: Path) -> None:
    """Make a run that can't be read."""
    if how == "newer":
        lines = folder.log.read_bytes().splitlines(keepends=True)
        folder.log.write_bytes(lines[0].replace(b'"format":1', b'"format":2') + b"".join(lines[1:]))
    elif how == "link":
        folder.log.rename(tmp_path / "elsewhere")
        folder.log.symlink_to(tmp_path / "elsewhere")
    elif how == "gone":
        folder.log.unlink()
    else:
        folder.plan_json.write_text("{}")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("newer", "Install a newer one"),
        ("link", "symbolic link"),
        ("gone", "No such file"),
        ("plan", "fault"),
    ],
)
def test_what_can_t_be_read_is_a_row_too(home: Home, tmp_path: Path, how: str, said: str) -> None:
    """A run that can't be read says why, and hides no other."""
    ending = "completed" if how == "newer" else "killed"
    damage(home.folder(ending), how, tmp_path)
    found, _ = glances(home.path)
    (bad,) = [one for one in found if one.status == "unreadable"]
    assert bad.path == home.runs[ending]
    assert said in bad.problem
    assert len(found) == len(home.runs)


def test_an_empty_folder_is_a_row(home: Home) -> None:
    """A process that was killed before it wrote anything leaves a run that can't be read."""
    path = make_run_folder("Early", where=home.path)
    assert glance(path).status == "unreadable"
    assert glance(path).started > 0


def test_live_runs_come_first(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that go on, then the newest; at most so many, and how many more there are."""
    ids = iter(["0000", "ffff"])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(ids))
    run = onb.run(one_phase(choice("d", timeout=600)), home=home.path)
    try:
        onb.run(one_phase(choice("e"), mode="fully_autonomous"), home=home.path).wait(20)
        while b"decision_opened" not in RunFolder(run.folder).log.read_bytes():
            time.sleep(0.005)
        found, more = glances(home.path, limit=3)
        assert (found[0].id, found[0].owner, found[0].open) == (run.id, os.getpid(), 1)
        assert (found[0].status, found[0].total) == ("running", 0)
        assert [one.project for one in found[1:]] == ["test", "Killed"]
        assert more == len(home.runs) - 1
        run.pause()  # returns once it is on disk
        assert glance(run.folder).status == "paused"
    finally:
        run.stop()


def test_filters(home: Home) -> None:
    """By status and by words of the project; what is left over is counted."""

    def names(found: tuple[list[Glance], int]) -> tuple[list[str], int]:
        return [one.project for one in found[0]], found[1]

    assert names(glances(home.path, status="interrupted")) == (["Killed", "Interrupted"], 0)
    assert names(glances(home.path, status="interrupted", limit=1)) == (["Killed"], 1)
    assert names(glances(home.path, project="FAIL")) == (["Failed"], 0)
    assert names(glances(home.path, status="failed", project="stop")) == ([], 0)
    assert glances(home.path / "nowhere") == ([], 0)
