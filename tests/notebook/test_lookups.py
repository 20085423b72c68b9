"""What a board asks for besides its picture, and commands about rows, with a real engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb import runs
from orchestra_nb.commands import TEXT_MAX
from orchestra_nb.notebook.attach import Attached
from orchestra_nb.notebook.lookups import with_task
from orchestra_nb.plan.graph import compile_plan

LONG = "x" * (TEXT_MAX + 1)
ODD = "odd \u202e" + "n" * 150
PLAN = onb.Plan(
    name="Looked up",
    questions=[onb.Question(id="goal", ask="Which goal?")],
    timeouts={"questions": "10m"},
    phases=[
        onb.Phase(name="Now", tasks=[onb.Task(agent="worker")]),
        onb.Phase(
            name="Later",
            tasks=[
                onb.Task(agent="worker", id="report", task="Write it.\nAll of it."),
                onb.Task(agent="worker", id="audit", role="security"),
                onb.Task(agent="worker", id="long", task=LONG),
                onb.Task(agent="worker", id=ODD),
            ],
        ),
    ],
)


class View:
    """One view of a board: what it sends, what it is sent."""

    def __init__(self, run: onb.Run, attached: Attached, monkeypatch: pytest.MonkeyPatch):
        self.run = run
        self.board = attached.board
        self.heard: list[dict[str, Any]] = []
        self.keys = count()
        monkeypatch.setattr(self.board, "push", self.heard.append)

    def send(self, kind: str, **message: Any) -> dict[str, Any]:
        """Send a message; the first answer to it that is not its receipt."""
        key = f"message {next(self.keys)}"
        self.board._heard(None, {"type": kind, "id": key, "client": "view", **message}, None)
        return self.wait(lambda m: m.get("id") == key and m["type"] != "ack")

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message like that."""
        for _ in range(500):
            for message in list(self.heard):
                if wanted(message):
                    return message
            time.sleep(0.01)
        raise AssertionError(f"never heard: {[m['type'] for m in self.heard]}")

    def hello(self) -> dict[str, Any]:
        """The picture that a view gets which comes now."""
        self.heard.clear()
        self.board._heard(None, {"type": "hello", "client": "late"}, None)
        found: dict[str, Any] = self.wait(lambda m: m["type"] == "snapshot")["snapshot"]
        return found


def _index(task: str) -> int:
    return compile_plan(PLAN).index_of(task)


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[View]:
    """A run of the plan at level 4 with its form open, and one view of its board."""
    over = threading.Event()
    run = onb.run(PLAN, {"worker": lambda context: over.wait(10)}, home=tmp_path, level=4)
    attached = Attached(run, "run")
    attached.begin()
    yield View(run, attached, monkeypatch)
    over.set()
    for live in runs.live_runs():
        live.stop()


def test_a_text_comes_whole_when_it_is_asked_for(view: View) -> None:
    """With its line breaks; one that is too long says so instead."""
    assert view.send("look", what="text", row=_index("report")) == {
        "type": "told", "id": "message 0", "text": "Write it.\nAll of it.", "note": "",
    }  # fmt: skip
    told = view.send("look", what="text", row=_index("long"))
    assert told["text"] == ""
    assert told["note"].startswith("Its text is too long to show here (10,001 characters)")
    for row in (-1, 99, "report", None, True):
        assert view.send("look", what="text", row=row)["text"] == ""


def test_levels_say_what_they_would_leave_out_and_bring_back(view: View) -> None:
    """Names and counts of tasks, for each of the five."""
    levels = view.send("look", what="levels")["levels"]
    assert [one["level"] for one in levels] == [1, 2, 3, 4, 5]
    assert levels[1]["name"] == "Beta/Development"
    assert levels[2]["out"] == (["audit"], 1)
    assert levels[3]["out"] == ([], 0)


def test_a_command_about_a_row_reaches_its_task_whatever_its_name(view: View) -> None:
    """A view knows long and odd names only shortened."""
    command = {"command": "skip", "task": "odd nnn…", "row": _index(ODD)}
    assert view.send("command", body=command)["ok"]
    assert view.run.state.task(ODD).skip_cause == "hand"
    command = {"command": "edit", "task": "report", "row": _index("report"), "text": "Less"}
    assert view.send("command", body=command)["ok"]
    assert view.run.state.task("report").title == "Less"
    refused = view.send("command", body={"command": "retry", "task": "audit!", "row": 99})
    assert not refused["ok"]
    assert "There is no task 'audit!'" in refused["text"]


def test_a_row_that_is_no_index_changes_nothing() -> None:
    """The name stands as it was sent."""
    graph = compile_plan(PLAN)
    for row in (None, True, -1, 5.0, 10_000, "1"):
        assert with_task(graph, {"task": "report", "row": row})["task"] == "report"
    assert with_task(graph, {"task": "x", "row": 0})["task"] == "worker"


def test_a_level_that_changes_is_told_with_its_name(view: View) -> None:
    """The head of every view follows, and so do pictures for late ones."""
    assert view.send("command", body={"command": "level", "level": 2})["ok"]
    message = view.wait(lambda m: m["type"] == "delta" and "level" in m and m["level"][0] == 2)
    assert message["level"] == [2, "Beta/Development"]
    picture = view.hello()
    assert (picture["run"]["level"], picture["run"]["levelName"]) == (2, "Beta/Development")


def test_what_was_drafted_is_in_the_picture_of_a_late_view(view: View) -> None:
    """It would count when the time is over, so it must be there to be seen."""
    assert view.hello()["decisions"][0]["draft"] is None
    body = {"command": "draft", "decision": "questions", "values": {"goal": "Revenue"}}
    assert view.send("command", body=body)["ok"]
    assert view.hello()["decisions"][0]["draft"] == {"goal": "Revenue"}
    body |= {"values": {"goal": "sk-ant-api03-abcdefgh"}}
    assert view.send("command", body=body)["ok"]
    assert view.hello()["decisions"][0]["draft"] == {"goal": "[secret]"}
    body = {"command": "answer", "decision": "questions", "option": "A", "values": {}}
    assert view.send("command", body=body)["ok"]
    assert "draft" not in view.hello()["decisions"][0]
