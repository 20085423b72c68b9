"""Every run folder that was ever released loads, and says what it said then."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import orchestra_nb as onb
from orchestra_nb.cli import app
from orchestra_nb.fold import HANDLERS
from orchestra_nb.follower import Follower
from orchestra_nb.housekeeping import glance as glances
from orchestra_nb.housekeeping.archive import export
from orchestra_nb.housekeeping.glance import glance
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Purpose
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.views.plan_md import plan_md
from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import final_html, final_text
from orchestra_nb.widgets.snapshot import snapshot

from .scenes import SCENES
from .summary import summary_of

HERE = Path(__file__).parent
NEWER: set[str] = set()
"""Kinds of events that came after the newest release."""
NEWER_CARDS: set[str] = set()
"""Purposes of cards that did."""
RUNS = [
    (release.name, run.name)
    for release in sorted(HERE.glob("v*"))
    for run in sorted((release / "runs").iterdir())
]


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The release's home as it was on its machine: for the owner alone."""
    path = tmp_path / "home"
    shutil.copytree(HERE / request.getfixturevalue("release"), path)
    for one in (path, *path.rglob("*")):
        one.chmod(0o700 if one.is_dir() else 0o600)
    return path


def plain(value: Any) -> Any:
    """A value as JSON says it."""
    return json.loads(json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize(("release", "run_id"), RUNS)
def test_a_released_run_says_what_it_said(home: Path, release: str, run_id: str) -> None:
    """Status, tasks, decisions, results and what was wrong with it are as they were then."""
    kept = json.loads((home / "summary.json").read_text(encoding="utf-8"))
    assert plain(summary_of(home, run_id)) == kept[run_id]


@pytest.mark.parametrize(("release", "run_id"), RUNS)
def test_a_released_run_is_shown(home: Path, release: str, run_id: str) -> None:
    """Every view of today draws it, and the command line tells it."""
    run = onb.open(run_id, home=home)
    info = RunInfo.of(run.state)
    assert run.state.project.partition(" ")[0] in final_html(run.state, run=info)
    assert final_text(run.state, run=info)
    assert json.dumps(snapshot(run.state, run.now(), run=info), allow_nan=False)
    assert plan_md(run.state, now=run.now(), wall=1.8e9)
    assert repr([run, run.decisions, run.results, run.explain()])
    for command in ("timeline", "watch"):
        done = CliRunner().invoke(app, [command, run_id, "--home", str(home)])
        assert done.exit_code in (0, 3), done.output
        assert "Traceback" not in done.output


@pytest.mark.parametrize(("release", "run_id"), RUNS)
def test_a_released_run_at_a_glance(
    home: Path, release: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of its log give the figures that the whole log gives."""
    seen = glance(home / "runs" / run_id)
    monkeypatch.setattr(glances, "_from_ends", lambda ends: None)
    assert glance(home / "runs" / run_id) == seen
    assert seen.problem == ""


@pytest.mark.parametrize(("release", "run_id"), RUNS)
def test_a_released_run_travels(home: Path, release: str, run_id: str, tmp_path: Path) -> None:
    """Exported and read elsewhere it is the same run."""
    path = tmp_path / "run.orchestra.zip"
    export(RunFolder(home / "runs" / run_id), path)
    here, there = onb.open(run_id, home=home), onb.open(path)
    assert there.state.tasks == here.state.tasks
    assert there.state.decisions == here.state.decisions
    assert there.status == here.status


@pytest.mark.parametrize(("release", "run_id"), RUNS)
def test_nothing_of_a_machine_is_in_it(release: str, run_id: str) -> None:
    """No path of the machine that made it stands in any of its files."""
    folder = HERE / release / "runs" / run_id
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            found = re.findall(r"(?:/(?:home|Users|root|tmp|work|usr|opt)/|[A-Z]:\\).{0,30}", text)
            assert found == [], path


def test_all_kinds_and_purposes_are_there() -> None:
    """The runs of the newest release hold every kind of event and every kind of card."""
    newest = max((release for release, _ in RUNS), key=lambda name: int(name[1:]))
    summary = json.loads((HERE / newest / "summary.json").read_text(encoding="utf-8"))
    kinds = {kind for run in summary.values() for kind in run["events"]}
    purposes = {one["purpose"] for run in summary.values() for one in run["decisions"].values()}
    assert purposes == set(Purpose.__args__) - NEWER_CARDS  # type: ignore[attr-defined]
    assert kinds == set(HANDLERS) - NEWER, "play it in a scene, and name it as newer"
    statuses = {run["status"] for run in summary.values()}
    assert statuses == {"completed", "failed", "stopped", "interrupted"}
    ways = {
        one["outcome"]["by"]
        for run in summary.values()
        for one in run["decisions"].values()
        if one["outcome"]
    }
    assert ways >= {"user", "timeout", "autopilot", "policy"}


@pytest.mark.parametrize("scene", SCENES)
def test_the_scenes_still_play(scene: Any, tmp_path: Path) -> None:
    """What makes the folders of the next release works, and its runs are whole."""
    scene(tmp_path, 1)
    paths = [one for one in (tmp_path / "runs").iterdir() if one.is_dir()]
    assert len(paths) == (2 if scene.__name__ == "forked" else 1)
    for path in paths:
        folder = RunFolder.open(path)
        follower = Follower(folder, compile_plan(folder.load_plan().filled()))
        assert follower.problems.lost == (1 if scene.__name__ == "crashed" else 0)
        assert summary_of(tmp_path, path.name)["status"] == follower.state.status
