"""What the row of a task says about steering by hand."""

from __future__ import annotations

import pytest

from orchestra_nb.views.static_agents import _decision_waits
from orchestra_nb.widgets.rows import row
from orchestra_nb.widgets.snapshot import RunInfo, delta, snapshot

from . import form_scenes, scenes


def marks(scene: scenes.Scene, task: str) -> str:
    """The marks of a task's row."""
    found: str = row(scene.state, scene.state.task(task))[9]
    return found


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("qa-test-engineer", "sw"),
        ("frontend-expert", "swe"),
        ("product-strategy-expert", ""),
        ("security-specialist", "sn"),
        ("ai-ml-expert", "wr"),
        ("devops-sre-expert", "wr"),
        ("data-analytics-expert", "t"),
        ("business-analyst", "tu"),
        ("competitive-intelligence-expert", "td"),
    ],
)
def test_marks_say_what_can_be_done_and_what_was(task: str, expected: str) -> None:
    """Pending, edited, running, retrying, failed, left out, done, rated."""
    assert marks(form_scenes.steered(), task) == expected


def test_what_a_level_left_out_comes_back_with_the_level_only() -> None:
    """Its text can be edited meanwhile."""
    s = scenes.running()
    s.skip(20.0, "devops-sre-expert", "runs from level 4, this is level 3", cause="level")
    assert marks(s, "devops-sre-expert") == "w"


def test_what_is_skipped_waits_for_nobody() -> None:
    """A decision it needs may be open: it waited until it was skipped, and not at all before."""
    early, late = scenes.begun(), scenes.deciding()
    early.skip(5.0, "backend-expert", "runs from level 4, this is level 3", cause="level")
    early.ask(16.1, "database-technology", "Database technology")
    late.skip(17.0, "backend-expert", "skipped by hand", cause="hand")
    found = [row(s.state, s.state.task("backend-expert")) for s in (early, late)]
    assert [(one[1], one[8]) for one in found] == [
        ("skipped", []),
        ("skipped", [["human", 966.0, 1020.0]]),
    ]
    shown = [s.state.task("backend-expert").index in _decision_waits(s.state, 1200.0)
             for s in (early, late)]  # fmt: skip
    assert shown == [False, True]


def test_a_failure_that_is_asked_about_can_be_steered_too() -> None:
    """Until it is decided: then the task goes its way."""
    s = scenes.running()
    s.retry(24.0, "ai-ml-expert", "ValueError: not enough months")
    s.wait(24.0, "ai-ml-expert", "human")
    s.ask(24.0, "failure", "ai-ml-expert failed", purpose="failure", task="ai-ml-expert")
    assert marks(s, "ai-ml-expert") == "swr"
    s.decide(24.1, "failure", "A", "user")
    assert marks(s, "ai-ml-expert") == ""


def test_a_pending_task_travels_once_its_text_was_edited() -> None:
    """It is no longer as the plan has it; the text itself does not travel."""
    s = scenes.Scene()
    run = RunInfo.of(s.state)
    assert not [r for r in snapshot(s.state, 0.0, run=run)["rows"] if r[0] == 11]
    s.change.clear()
    form_scenes.by_hand(s, "edit", 0.1, "qa-test-engineer", text="Only the prices, please")
    index = s.state.graph.index_of("qa-test-engineer")
    (changed,) = delta(s.state, s.change, 6.0, base=s.state.seq - 1, run=run)["rows"]
    assert (changed[0], changed[9]) == (index, "swe")
    picture = snapshot(s.state, 6.0, run=run)
    assert [r[9] for r in picture["rows"] if r[0] == index] == ["swe"]
    assert "Only the prices" not in repr(picture)


def test_another_level_is_in_the_next_delta() -> None:
    """By number and name; a delta about something else does not repeat it."""
    s = scenes.running()
    s.change.clear()
    s.fold(24.7, {"event": "plan_adjustment", "description": "Level 3 → 2", "level": 2})
    run = RunInfo.of(s.state)
    assert delta(s.state, s.change, 0.0, base=0, run=run)["level"] == [2, "Beta/Development"]
    s.change.clear()
    s.say(24.8, "uiux-expert", "next")
    assert "level" not in delta(s.state, s.change, 0.0, base=0, run=run)
