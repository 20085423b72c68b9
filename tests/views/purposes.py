"""Cards of every purpose, told as the engine would tell them."""

from __future__ import annotations

from typing import Any

from orchestra_nb import events
from orchestra_nb.state import DecisionState

from .story import Story

TEN = "10 min = 10 (critical) × 1.0 (level 3) × 1.0 (normal)"


def question(id: str, ask: str, kind: str = "text", **rest: Any) -> dict[str, Any]:
    """A question of a form as its card holds it."""
    plain: dict[str, Any] = {
        "id": id, "ask": ask, "kind": kind, "options": [], "default": None, "group": "",
        "depth": 0, "parent": None, "on": None, "example": "",
    }  # fmt: skip
    return plain | rest


QUESTIONS = [
    question("goal", "What is the goal?", group="Project"),
    question("market", "Which market?", "choice", options=["B2B", "B2C"], default="B2B"),
    question("regions", "Which regions?", "several", options=["EU", "US", "Asia"]),
    question("rt", "Real time?", "yes_no", default="no", group="Technical", example="yes"),
    question("latency", "Latency?", "integer", parent="rt", on="yes", depth=1, example="3000"),
    question("why", "Why so fast?", parent="latency", on="10", depth=2),
    question("gdpr", "GDPR officer?", parent="regions", on="EU", depth=1),
]
DETAILS: dict[str, dict[str, Any]] = {
    "form": {"questions": QUESTIONS},
    "checkpoint": {
        "findings": [["analyst", "Prices move weekly"], ["analyst", "B2B pays per seat"]],
        "blockers": [["data", "No history before 2025"]],
        "time": {"actual_s": 852.0, "expected_s": 720.0, "low_s": 540.0, "high_s": 1020.0},
        "left_s": 2820.0,
        "cost": {"usd": 0.98, "budget_usd": 5.0, "unknown": 1},
        "running": ["a", "b", "c", "d", "e", "f"],
        "outlook": {"A": ["3 tasks are still to start."], "D": ["The run ends."]},
        "simplify": {"level": 2, "tasks": [["audit", "runs from level 4"]], "total": 1},
    },
    "approval": {
        "tool": "deploy",
        "description": "Puts it online.",
        "arguments": {"region": "eu", "count": 3, "tags": ["a"]},
        "problem": "count: must be at most 2",
    },
    "review": {
        "format": "json",
        "result": '{"n": 1}',
        "preview": '{\n  "n": 1\n}',
        "editable": True,
        "attempt": 2,
        "comments": ["too short"],
        "stored": "results/0001.json",
    },
    "failure": {"error": "no table", "attempts": 3, "dependents": ["x", "y"], "total": 2},
    "budget": {
        "account": "", "kind": "usd", "used": 4.02, "held": 0.48, "cap": 5.0, "suggest": 10.0,
        "reached": True, "waiting": ["x", "y"], "total": 2, "models": {"big": "small"},
        "outlook": {"A": ["Whoever waits goes on at once."]},
    },
    "spend": {
        "usd": 0.09, "most_usd": 1.12, "tokens": 16_400, "most_tokens": 240_000, "unknown": 1,
        "budget": {"usd": 5.0, "tokens": None}, "models": {"big": 2}, "total": 2,
        "rows": [
            {"task": "x", "model": "big", "usd": 0.09, "most_usd": 1.12},
            {"task": "y", "model": "own", "usd": None, "most_usd": None},
        ],
    },
}  # fmt: skip
OPTIONS = {
    "form": [("A", "Start")],
    "approval": [("A", "Approve"), ("B", "Refuse")],
    "review": [("A", "Accept"), ("B", "Send back")],
    "budget": [("A", "Raise the cap"), ("B", "Go on without the rest"), ("C", "Stop")],
    "spend": [("A", "Start"), ("B", "Stop")],
    "failure": [("A", "Retry"), ("B", "Go on without it"), ("C", "Stop")],
}
CHECKPOINT = [("A", "Continue"), ("B", "Adjust"), ("C", "Simplify"), ("D", "Stop")]


def opened(purpose: str, *, t: float = 100.0, story: Story | None = None, **rest: Any) -> Story:
    """A story in which a card of that purpose, called ``card``, is open."""
    story = story or Story()
    plain: dict[str, Any] = {
        "purpose": purpose, "kind": "critical", "category": None, "context": "", "because": "",
        "options": [
            {"key": key, "text": text, "description": ""}
            for key, text in OPTIONS.get(purpose, CHECKPOINT)
        ],
        "recommend": None if purpose == "approval" else "A", "other": False, "asker": "",
        "timeout_s": 600.0, "sum": TEN,
        "detail": DETAILS.get(purpose, DETAILS["checkpoint"]),
    }  # fmt: skip
    story.tell(
        t, events.decision_opened(decision_id="card", question="Which way", **(plain | rest))
    )
    return story


def card_of(story: Story) -> DecisionState:
    """The card that is open."""
    return story.state.decisions["card"]
