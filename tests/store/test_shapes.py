"""What the fields of a line must be like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.store.shapes import misfit

from .disk import event, read


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("task", "a", None),
        ("description", "", ["x"]),
        ("phase", 1, "1"),
        ("phase", None, 1.5),
        ("attempt", 2, True),
        ("duration_s", 1, float("nan")),
        ("wall", 1.8e9, 1e300),
        ("fraction", None, "half"),
        ("cost", 0.1, float("inf")),
        ("by", "somebody new", "\ud800"),
        ("cause", None, {}),
        ("level", 5, 6),
        ("mode", "guided", "loud"),
        ("timeline", "urgent", []),
        ("tasks", ["a"], [1]),
        ("options", [{"key": "A", "text": "x"}], [{"key": "A"}]),
        ("tokens", {"input": 1}, {"input": "many"}),
        ("tokens", 5, None),
        ("budget", {"usd": 1, "tokens": None}, {"usd": "1"}),
        ("budget_of", {"phase 2": {"usd": 1, "tokens": None}}, {"phase 2": {"usd": "1"}}),
        ("models", {"big": "small"}, {"big": 1}),
        ("usd", 0.2, "0.2"),
        ("result", {"kind": "none"}, "x"),
        ("values", None, []),
        ("autopilot_of", {"d": True}, {"d": 1}),
        ("detail", "8 of 8 busy", []),
        ("beam", [{}], object),
    ],
    ids=str,
)
def test_fields(field: str, good: Any, bad: Any) -> None:
    """A field that is what it must be passes; one that is not is named; others may be anything."""
    assert misfit({"event": "x", field: good}) is None
    assert misfit({"event": "x", field: bad}) == (None if field == "beam" else field)


def test_a_cards_detail_is_a_mapping() -> None:
    """What a task waits for may be said in words; what a card shows may not."""
    assert misfit({"event": "agent_wait", "detail": "8 of 8 busy"}) is None
    assert misfit({"event": "decision_opened", "detail": {}}) is None
    assert misfit({"event": "decision_opened", "detail": "words"}) == "detail"


def test_a_run_ends_in_a_way_we_know() -> None:
    """How a run ended is one of our words: every surface shows it."""
    assert misfit({"event": "orchestration_complete", "status": "stopped"}) is None
    assert misfit({"event": "orchestration_complete", "status": "won"}) == "status"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """No line of a run of our own is passed over."""

    async def asks(context: onb.Context) -> None:
        await context.decide("Which", ["x", "y"], recommend="A")
        raise ValueError("no")

    tasks = [onb.Task(agent="asks", retries=1), onb.Task(agent="b", depends_on=["asks"])]
    plan = onb.Plan(
        name="p",
        mode="fully_autonomous",
        phases=[onb.Phase(name="P", checkpoint=True, tasks=tasks)],
    )
    run = onb.run(plan, {"asks": asks, "b": print}, home=tmp_path)
    run.wait(20)
    log = run.folder / "orchestration-timeline.jsonl"
    events, problems = read(log)
    assert not problems
    assert events == [json.loads(line) for line in log.read_text().splitlines()]
    assert misfit(event(1)) is None
