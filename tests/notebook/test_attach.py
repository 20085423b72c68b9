"""Runs and the cells that show them, in this process with a stand-in for the kernel."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb import launch, runs
from orchestra_nb.notebook import attach, kernel
from orchestra_nb.notebook.attach import Attached, Notebook
from orchestra_nb.notebook.output import Outputs

PLAN = onb.Plan(
    name="Cells",
    inputs={"market": {"default": "B2B"}},
    phases=[onb.Phase(name="All", tasks=[onb.Task(agent="worker")])],
)


class Cells:
    """What a front end would show: display id -> the mimebundle that is there now."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, Any]] = {}
        self.parent = {"header": {"msg_id": "1"}, "metadata": {"cellId": "one"}}
        self.before_display: Callable[[], None] = lambda: None

    def get_parent(self, channel: str) -> dict[str, Any]:
        """The message that is handled now."""
        return self.parent

    def execute(self, number: int, cell: str = "one") -> None:
        """Execute a cell from now on."""
        self.parent = {"header": {"msg_id": str(number)}, "metadata": {"cellId": cell}}

    def display(self, bundle: dict[str, Any], *, raw: bool, display_id: str) -> None:
        """What IPython's ``display`` does."""
        self.before_display()
        self.shown[display_id] = bundle

    def update(self, bundle: dict[str, Any], *, raw: bool, display_id: str) -> None:
        """What IPython's ``update_display`` does."""
        if display_id in self.shown:  # a front end ignores what it does not show
            self.shown[display_id] = bundle

    @property
    def static(self) -> list[bool]:
        """Of each place, whether it holds the record of a run that is over."""
        return ["text/html" in bundle for bundle in self.shown.values()]


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Cells:
    """A kernel whose cells this test executes."""
    made = Cells()
    monkeypatch.setattr("IPython.display.display", made.display)
    monkeypatch.setattr("IPython.display.update_display", made.update)
    monkeypatch.setattr(kernel, "current_kernel", lambda: made)
    return made


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: Cells) -> Iterator[Any]:
    """``onb.run`` and ``onb.rehearse`` as in a notebook; agents end when the test does."""
    notebook, over = Notebook(), threading.Event()
    monkeypatch.setattr(launch, "_notebook", lambda: notebook)

    def worker(context: Any) -> Any:
        over.wait(10)
        return context.inputs["market"]

    def run(**options: Any) -> onb.Run:
        return launch.run(PLAN, {"worker": worker}, home=tmp_path, **options)

    def rehearse(**options: Any) -> onb.Run:
        return launch.rehearse(PLAN, speed=1, home=tmp_path, **options)

    yield SimpleNamespace(run=run, rehearse=rehearse, over=over)
    over.set()
    for live in runs.live_runs():
        live.stop()


def test_the_same_cell_again_shows_the_same_run(start: Any, cells: Cells) -> None:
    """A cell executed again while its run goes on shows that run, unless ``again`` says no."""
    first = start.run()
    cells.execute(2)
    assert start.run() is first
    assert start.run(again=True) is not first
    cells.execute(3, cell="two")
    assert start.run() is not first


def test_other_settings_are_another_run(start: Any, cells: Cells) -> None:
    """A live run is never taken for one at another level, or for its own rehearsal."""
    first = start.run()
    cells.execute(2)
    assert start.run(level=5).plan.level == 5
    rehearsed = start.rehearse()
    assert rehearsed is not first
    cells.execute(3)
    assert start.rehearse() is rehearsed


def test_one_cell_may_start_several_runs(start: Any, cells: Cells) -> None:
    """A loop in a cell starts a run each time; executed again, it shows the same ones in order."""
    wanted = ["a", "b", "b"]
    first = [start.run(inputs={"market": market}) for market in wanted]
    cells.execute(2)
    second = [start.run(inputs={"market": market}) for market in wanted]
    assert len({run.id for run in first}) == 3
    assert [run.id for run in second] == [run.id for run in first]
    start.over.set()
    assert [run.wait()["worker"] for run in first] == wanted


def test_a_run_as_the_value_of_its_own_cell_shows_once(start: Any, cells: Cells) -> None:
    """``onb.run(...)`` as a cell's last line shows one board; a later cell shows another."""
    run = start.run()
    run._ipython_display_()
    assert len(cells.shown) == 1
    cells.execute(2)
    run._ipython_display_()
    assert len(cells.shown) == 2


def test_a_run_that_ends_before_it_is_shown_is_static(start: Any, cells: Cells) -> None:
    """However fast a run ends, the cell that started it holds its record and nothing live."""
    start.over.set()
    for number in range(10):
        cells.execute(number)
        run = start.run(again=True)
        run.wait()
        assert cells.static == [True] * (number + 1)


def test_a_run_that_ends_while_it_is_displayed_is_static(start: Any, cells: Cells) -> None:
    """What replaces a display may come before the display itself."""

    def end_first() -> None:
        start.over.set()
        time.sleep(0.3)

    cells.before_display = end_first
    start.run().wait()
    assert cells.static == [True]


def test_what_is_shown_for_good_stays(cells: Cells) -> None:
    """Words for a text-only front end that come late don't replace the record."""
    outputs = Outputs()
    outputs.show({"text/plain": "live"})
    outputs.replace({"text/html": "record"}, for_good=True)
    outputs.replace({"text/plain": "words"})
    outputs.show({"text/plain": "live"})
    assert list(cells.shown.values()) == [{"text/html": "record"}] * 2


def test_a_picture_and_the_next_delta_tell_a_finding_once(
    start: Any, cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view that comes in the very turn of a finding is told of it once."""
    go, told = threading.Event(), threading.Event()

    def worker(context: Any) -> None:
        go.wait(10)
        context.finding("seen")
        attached._hear({"type": "hello"})
        told.set()

    def stall() -> None:  # so that the finding and the view are handled in one turn
        go.set()
        told.wait(10)

    run = runs.start(PLAN, {"worker": worker}, home=tmp_path)
    attached = Attached(run, "run")
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(attached.board, "push", sent.append)
    attached.begin()
    attached._engine.call(stall)
    run.wait()
    known: list[Any] = []
    for message in sent:
        if message["type"] == "snapshot":
            known = list(message["snapshot"]["findings"])
        elif message["type"] == "delta":
            known += message.get("findings", [])
    assert [finding[1] for finding in known] == ["seen"]


def test_a_finished_run_is_let_go(
    start: Any, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board keeps no engine, result or log alive once its run is long over; it still answers."""
    monkeypatch.setattr(attach, "RETIRE_AFTER_S", 0.0)
    monkeypatch.setattr(attach, "HELLO_WITHIN_S", 0.0)
    monkeypatch.setattr(attach, "ALIVE_EVERY_S", 0.0)
    start.over.set()
    run = start.run()
    run.wait()
    board = run._show.__self__.board
    engine = weakref.ref(run._engine)
    del run
    for _ in range(100):
        gc.collect()
        if engine() is None:
            break
        time.sleep(0.05)
    assert engine() is None
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(board, "push", sent.append)
    body = {"command": "answer", "decision": "colour", "option": "A"}
    for message in ({"type": "hello"}, {"type": "command", "id": "7", "body": body}):
        board._heard(None, message, None)
    assert [message["type"] for message in sent] == ["snapshot", "ack", "reply"]
    assert sent[0]["snapshot"]["totals"]["status"] == "completed"
    assert sent[2] == {
        "type": "reply",
        "id": "7",
        "decision": "colour",
        "ok": False,
        "text": "The run is over (completed)",
    }


def test_a_thread_may_wait_after_a_click(start: Any, cells: Cells) -> None:
    """Only a callback of the kernel's own threads is refused to wait, not a thread of the user."""
    run = start.run()
    cells.parent = {"header": {"msg_id": "9", "msg_type": "comm_msg"}}
    with pytest.raises(RuntimeError, match="callback"):
        run.wait()
    heard: list[Any] = []
    thread = threading.Thread(target=lambda: heard.append(run.wait()["worker"]))
    thread.start()
    start.over.set()
    thread.join(10)
    assert heard == ["B2B"]


def test_many_decisions_stay_below_the_rate_of_messages(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast decisions change: 20 deltas a second at most, and few whole pictures."""

    async def worker(context: Any) -> None:
        for number in range(40):
            asked = context.decide(f"Number {number}", ["a", "b"])
            task = asyncio.ensure_future(asked)
            await asyncio.sleep(0.03)
            task.cancel()

    run = runs.start(PLAN, {"worker": worker}, home=tmp_path)
    attached = Attached(run, "run")
    deltas: list[float] = []
    pictures: list[float] = []

    def push(message: dict[str, Any]) -> None:
        if message["type"] == "delta":
            deltas.append(message["now"])

    monkeypatch.setattr(attached.board, "push", push)
    monkeypatch.setattr(attached.board, "refresh", lambda picture: pictures.append(picture["now"]))
    attached.begin()
    run.wait()
    assert max(sum(at <= other < at + 1 for other in deltas) for at in deltas) <= 21
    assert 2 <= len(pictures) <= 5
