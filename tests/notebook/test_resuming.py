"""Runs that are taken up again in a cell, in this process with a stand-in for the kernel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb import launch, runs
from orchestra_nb.notebook import kernel
from orchestra_nb.notebook.attach import Notebook
from tests.again.stage import cut
from tests.notebook.test_attach import Cells

PLAN = onb.Plan(
    name="Cells",
    mode="fully_autonomous",
    phases=[onb.Phase(name="All", tasks=[onb.Task(agent="worker")])],
)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cells]:
    """A kernel whose cells this test executes, and a home of its own."""
    made, notebook = Cells(), Notebook()
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path))
    monkeypatch.setattr("IPython.display.display", made.display)
    monkeypatch.setattr("IPython.display.update_display", made.update)
    monkeypatch.setattr(kernel, "current_kernel", lambda: made)
    monkeypatch.setattr(launch, "_notebook", lambda: notebook)
    yield made
    for live in runs.live_runs():
        live.stop()


def broken_off() -> str:
    """Id of a run that was killed at its only task."""
    run = runs.start(PLAN, {"worker": lambda: "done"})
    run.wait(20)
    cut(run, "agent_start", task="worker")
    return run.id


def test_a_resumed_run_shows_its_board_at_once(cells: Cells) -> None:
    """The cell that takes a run up shows its board, once, and its record at the end."""
    gate = threading.Event()
    run = launch.resume(broken_off(), {"worker": lambda: gate.wait(10)})
    assert cells.static == [False]
    run._ipython_display_()
    assert len(cells.shown) == 1
    gate.set()
    run.wait(20)
    assert cells.static == [True]


def test_nothing_left_to_do_is_said(cells: Cells, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is done starts nothing: the cell says so, and its value is the record."""
    run_id = broken_off()
    launch.resume(run_id, {"worker": lambda: "done"}).wait(20)
    capsys.readouterr()
    cells.execute(2)
    run = launch.resume(run_id)
    said = capsys.readouterr().out
    assert said == "Nothing is left to do: the run is completed, and nothing changed.\n"
    before = len(cells.shown)
    run._ipython_display_()
    assert cells.static[before:] == [True]


def test_a_preview_shows_no_board(cells: Cells) -> None:
    """A dry run is a table; nothing is displayed but what the cell's value is."""
    preview = launch.resume(broken_off(), {"worker": lambda: 1}, dry_run=True)
    assert cells.shown == {}
    assert "was at work when the run broke off" in preview._repr_html_()


def test_the_record_of_a_run_that_broke_off_says_how_to_go_on(cells: Cells) -> None:
    """A saved notebook shows the line to copy."""
    run_id = broken_off()
    onb.open(run_id)._ipython_display_()
    (shown,) = cells.shown.values()
    assert f"onb.resume({run_id!r}, agents)" in shown["text/plain"]
    assert "onb.resume(" in shown["text/html"]
