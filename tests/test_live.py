"""What goes on, and what needs a person."""

from __future__ import annotations

import re
import sys
import threading
import time
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb import runs, wiring
from orchestra_nb.store.lock import RunLock

from .elsewhere import CHOICE, Elsewhere, plan_of
from .engine.rig import choice, one_phase, task

HOME = "home"


@pytest.fixture(autouse=True)
def nothing_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that other tests left behind are none of these tests' business."""
    nothing: dict[str, object] = {}
    monkeypatch.setattr(runs, "live", nothing)
    monkeypatch.setattr(wiring, "live", nothing)


def test_where_nothing_runs(tmp_path: Path) -> None:
    """It says so, and where it looked; nothing is made."""
    found = onb.status(home=tmp_path / "home")
    assert (found.runs, found.needs_you) == ((), ())
    assert repr(found) == f"No run goes on in this process or in {tmp_path / 'home'}."
    assert list(tmp_path.iterdir()) == []


def test_runs_of_this_process(tmp_path: Path) -> None:
    """They are found wherever their home is, with what they ask and the line that answers."""
    gate = threading.Event()
    plan = one_phase(task("a"), choice("which", timeout=600), choice("held", timeout=600))
    run = onb.run(plan, {"a": lambda: gate.wait(20)}, home=tmp_path)
    try:
        while len(run.state.open_decisions()) < 2:
            time.sleep(0.005)
        run.hold("held")
        found = onb.status(home=tmp_path / "elsewhere")
        (seen,) = found.runs
        assert (seen.id, seen.folder, seen.here) == (run.id, run.folder, True)
        assert (seen.status, seen.done, seen.total) == ("running", 0, 1)
        assert [decision.id for _, decision in found.needs_you] == ["which", "held"]
        lines = repr(found).splitlines()
        assert lines[0] == "1 run goes on. 2 decisions need you."
        assert lines[1].startswith(f"{run.id}  test: running, 0 of 1 task, 0:0")
        assert lines[1].endswith(", here")
        assert re.fullmatch(r"  Which: (10:00|9:5\d) left, then A is taken\.", lines[2])
        assert lines[3] == f"    onb.open({run.id!r}).answer('which', 'A')"
        assert lines[4] == "  Held: Waiting for you. What does not need it goes on."
        eval(lines[3].strip(), {"onb": onb})
        assert run.state.decisions["which"].outcome is not None
    finally:
        gate.set()
        run.stop()
    assert onb.status(home=tmp_path).runs == ()


def test_rehearsals_say_what_they_are(tmp_path: Path) -> None:
    """A simulated run is no real one here either."""
    run = onb.rehearse(one_phase(choice("d", timeout=600)), home=tmp_path)
    try:
        assert "REHEARSAL simulated agents, ×60" in repr(onb.status(home=tmp_path))
    finally:
        run.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_runs_of_other_processes(tmp_path: Path) -> None:
    """They are found in the home, with their process; once that is dead they are none."""
    with Elsewhere(tmp_path, plan_of(CHOICE)) as other:
        other.until_asked("database-technology")
        found = onb.status(home=tmp_path / HOME)
        (seen,) = found.runs
        assert (seen.id, seen.pid, seen.here) == (other.id, other.process.pid, False)
        assert f", process {other.process.pid}" in repr(found)
        assert "1 decision needs you." in repr(found)
        other.kill()
        assert onb.status(home=tmp_path / HOME).runs == ()


def test_a_run_that_is_over_is_none(tmp_path: Path) -> None:
    """A log with an end is no live run, though its process still has it in hand."""
    run = onb.run(one_phase(task("a")), {"a": lambda: 1}, home=tmp_path)
    run.wait(20)
    lock = RunLock(run.folder / "lock")
    try:
        assert onb.status(home=tmp_path).runs == ()
    finally:
        lock.release()


def test_what_can_t_be_read_hides_nothing(tmp_path: Path) -> None:
    """A folder that somebody holds and that is no run is passed over."""
    run = onb.run(one_phase(choice("d")), home=tmp_path)
    broken = tmp_path / "runs" / "20260101T000000Z-x-0000"
    broken.mkdir()
    lock = RunLock(broken / "lock")
    try:
        assert [seen.id for seen in onb.status(home=tmp_path).runs] == [run.id]
        (broken / "plan.json").write_text("{}")
        assert len(onb.status(home=tmp_path).runs) == 1
    finally:
        lock.release()
        run.stop()
