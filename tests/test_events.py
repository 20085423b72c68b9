"""Events: plain mappings with the original timeline's names."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from orchestra_nb import events
from orchestra_nb.fold import HANDLERS

MAKERS = {
    name: function
    for name, function in vars(events).items()
    if inspect.isfunction(function)
    and function.__module__.startswith(events.__name__)
    and not name.startswith("_")
}
TASK = {"task": "t", "agent": "a", "phase": 1}
VALUES: dict[str, Any] = {
    **TASK,
    "run": "r", "project": "p", "level": 3, "mode": "guided", "timeline": "normal",
    "total_agents": 2, "rehearsal": None, "wall": 1.5, "status": "completed", "seconds": 61.0,
    "counts": {"completed": 2}, "name": "P", "attempt": 1, "text": "x", "fraction": 0.5,
    "error": "e", "delay_s": 1.0, "cause": "human", "result": None, "reason": "r",
    "summary": "s", "tokens": {"input": 1}, "decision_id": "d", "question": "q?", "option": "A",
    "by": "user", "response": "B", "description": "w", "who": "Ana", "until_s": None,
    "remaining_s": 3.0, "tasks": ["t"], "good": True, "note": "n", "crashed": [], "plan": None,
    "functions": ["a"], "template": "t", "items": [], "notes": 1, "key": "k", "cost": 0.1,
    "told": [["insight", "x"]], "usd": 0.1, "compare": {},
}  # fmt: skip


def made(name: str) -> dict[str, Any]:
    """An event of that kind with some values."""
    parameters = inspect.signature(MAKERS[name]).parameters.values()
    given = {
        p.name: VALUES[p.name]
        for p in parameters
        if p.kind is not p.VAR_KEYWORD and p.default is p.empty
    }
    event: dict[str, Any] = MAKERS[name](**given)
    return event


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_each_maker_makes_its_kind(name: str) -> None:
    """A function makes the event it is named after, as plain JSON, its kind first."""
    event = made(name)
    assert event["event"] == name
    assert next(iter(event)) == "event"
    assert json.loads(json.dumps(event)) == event
    assert not {"seq", "t", "timestamp"} & event.keys(), "the engine adds these"


def test_each_kind_is_known_to_the_state() -> None:
    """What can be written can be folded, and the other way round."""
    assert set(MAKERS) == set(HANDLERS)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_arguments_are_named(name: str) -> None:
    """Makers take keywords alone: their signatures are the schema."""
    kinds = {p.kind for p in inspect.signature(MAKERS[name]).parameters.values()}
    assert kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


def test_names_of_the_original_timeline_are_kept() -> None:
    """Its viewer finds agent, phase, duration, status, decision, description, question."""
    assert made("agent_complete") | TASK == made("agent_complete")
    assert made("agent_complete")["status"] == "success"
    assert made("agent_complete")["duration"] == "1m"
    assert made("agent_failed")["status"] == "failed"
    assert made("insight")["description"] == "x"
    assert made("decision")["decision"] == "x"
    assert made("user_input")["response"] == "B"
    assert made("user_input")["question"] == "q?"


def test_the_start_says_what_is_running() -> None:
    """The first line carries format, level, mode and whether anybody is asked."""
    event = made("orchestration_start")
    assert (event["format"], event["interactive"], event["total_agents"]) == (1, True, 2)
    silent = events.orchestration_start(
        run="r", project="p", level=1, mode="fully_autonomous", timeline="normal",
        total_agents=1, rehearsal=60.0, wall=0.0,
    )  # fmt: skip
    assert (silent["interactive"], silent["rehearsal"]) == (False, 60.0)
