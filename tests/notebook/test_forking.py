"""Undo on a board, in this process with a stand-in for the kernel: forks and their places."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb import launch, runs
from orchestra_nb.commands import Reply
from orchestra_nb.notebook import kernel
from orchestra_nb.notebook.attach import Attached, Notebook
from orchestra_nb.notebook.forking import Forking
from orchestra_nb.notebook.places import Places

WITHIN_S = 20.0
PLAN = onb.Plan(
    name="Cells",
    phases=[
        onb.Phase(
            name="All",
            tasks=[
                onb.Decision(title="Database", options={"A": "this", "B": "that"}, recommend="A"),
                onb.Task(agent="worker", depends_on=["database"]),
            ],
        )
    ],
)


class Cells:
    """What a front end would show: display id -> the mimebundle that is there now."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, Any]] = {}

    def get_parent(self, channel: str) -> dict[str, Any]:
        """The message that is handled now."""
        return {"header": {"msg_id": "1"}, "metadata": {"cellId": "one"}}

    def display(self, bundle: dict[str, Any], *, raw: bool, display_id: str) -> None:
        """What IPython's ``display`` and ``update_display`` do."""
        self.shown[display_id] = bundle


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Cells:
    """A kernel with one cell."""
    made = Cells()
    monkeypatch.setattr("IPython.display.display", made.display)
    monkeypatch.setattr("IPython.display.update_display", made.display)
    monkeypatch.setattr(kernel, "current_kernel", lambda: made)
    notebook = Notebook()
    monkeypatch.setattr(launch, "_notebook", lambda: notebook)
    return made


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Agents end when this is set, or the test is over."""
    made = threading.Event()
    yield made
    made.set()
    for live in runs.live_runs():
        live.stop()


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something holds; what it is."""
    end = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
    return found


@pytest.fixture
def run(tmp_path: Path, cells: Cells, gate: threading.Event) -> onb.Run:
    """A run whose decision was made and whose agent is at work."""

    def worker(context: onb.Context) -> str:
        assert gate.wait(WITHIN_S)
        return str(context.decisions["database"])

    made = onb.run(PLAN, {"worker": worker}, home=tmp_path)
    until(lambda: made.state.open_decisions())
    made.answer("database", "A")
    until(lambda: made.state.task("worker").status == "running")
    return made


def board_of(run: onb.Run) -> Attached:
    """The run's board."""
    attached = getattr(run._show, "__self__", None)
    assert isinstance(attached, Attached)
    return attached


def test_a_click_repeated_makes_one_fork(
    run: onb.Run, cells: Cells, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same message again is acknowledged and no more; both boards are in the one output."""
    attached = board_of(run)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(attached.board, "push", sent.append)
    body = {"command": "fork", "decision": "database", "option": "B"}
    message = {"type": "command", "id": "one", "client": "view", "body": body}
    for _ in range(3):
        attached._hear(message)
    reply = until(lambda: [one for one in sent if one["type"] == "reply"])[0]
    assert reply["ok"], reply
    assert [one["id"] for one in sent if one["type"] == "ack"] == ["one"] * 3
    assert len(runs.live_runs()) == 2
    (fork,) = [one for one in runs.live_runs() if one.id != run.id]
    assert fork.id in reply["text"]
    assert len(cells.shown) == 1
    (shown,) = cells.shown.values()
    assert "text/html" not in shown
    gate.set()
    run.wait(20), fork.wait(20)
    until(lambda: "text/html" in next(iter(cells.shown.values())))
    (shown,) = cells.shown.values()
    assert shown["text/html"].count('<div class="onb-end"') == 2
    assert fork.results["worker"] == "B - that"
    # The fork has no name in any cell, and its head says what it is.
    assert f"onb.open(&#x27;{fork.id}&#x27;).results[" in shown["text/html"]
    assert shown["text/html"].count("run.results[") == 1
    short = run.id.split("-", 1)[1]
    assert shown["text/html"].count(f"fork of {short}, with database: B · Level") == 1
    line = f'onb.fork("{run.id}", agents, decisions={{"database": "B"}})'
    assert html.escape(line) in shown["text/html"]


def test_a_fork_that_can_not_be_is_told(run: onb.Run) -> None:
    """What is wrong with a wish is the reply, and there is no fork."""
    came: list[Reply] = []
    forking = Forking(run, lambda fork: None)
    for body in ({"decision": "database", "option": "Z"}, {"decision": "database"}, {}):
        forking.ask(body, came.append)
    until(lambda: len(came) == 3)
    assert not any(reply.ok for reply in came)
    assert any("has no option 'Z'" in reply.text for reply in came)
    assert len(runs.live_runs()) == 1


def test_the_same_wish_under_way_is_refused(run: onb.Run) -> None:
    """Two views that ask for the same fork at the same time get one."""
    came: list[Reply] = []
    made = threading.Event()
    forking = Forking(run, lambda fork: (made.wait(WITHIN_S), None)[1])
    body = {"decision": "database", "option": "B"}
    forking.ask(body, came.append)
    forking.ask(body, came.append)
    assert [reply.ok for reply in came] == [False]
    made.set()
    until(lambda: len(came) == 2)
    assert came[1].ok
    assert len(runs.live_runs()) == 2


def test_a_fork_in_a_cell_is_shown_there(run: onb.Run, cells: Cells) -> None:
    """``run.fork()`` in a cell shows its board in that cell, as ``onb.run`` does."""
    run.fork(decisions={"database": "B"})
    assert len(cells.shown) == 2


def test_places_show_what_is_over_beside_what_is_live(cells: Cells) -> None:
    """One that ends before the other is static above or below it; both are at the end."""

    def widget() -> Any:
        from ipywidgets import Label

        return Label("live")

    first, second = Places(widget), Places(widget)
    first.show({"text/plain": "one"})
    first.put_below(second, {"text/plain": "two"})
    (shown,) = cells.shown.values()
    assert shown["text/plain"] == "one\n\ntwo"
    first.replace({"text/html": "<p>1</p>", "text/plain": "1"}, for_good=True)
    (shown,) = cells.shown.values()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert shown["text/plain"] == "1\n\ntwo"
    first.replace({"text/plain": "too late"})
    second.replace({"text/html": "<p>2</p>", "text/plain": "2"}, for_good=True)
    (shown,) = cells.shown.values()
    assert shown["text/plain"] == "1\n\n2"
    assert shown["text/html"].startswith("<p>1</p>")
    assert shown["text/html"].endswith("<p>2</p>")
