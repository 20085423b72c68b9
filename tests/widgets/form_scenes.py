"""States of the form before a run, and of runs that were steered by hand."""

from __future__ import annotations

from typing import Any

from orchestra_nb import events

from . import scenes
from .scenes import HOSTILE, WALL, Scene

FORM = "questions"


def question(name: str, ask: str, kind: str = "text", **rest: Any) -> dict[str, Any]:
    """A question as the engine's detail has it."""
    whole: dict[str, Any] = {
        "id": name, "ask": ask, "kind": kind, "options": [], "default": None, "group": "",
        "depth": 0, "parent": None, "on": None, "example": "",
    }  # fmt: skip
    return whole | rest


UNDERSTANDING, TECHNIQUE, QUALITY = (
    "Project understanding", "Technical preferences", "Quality requirements",
)  # fmt: skip

QUESTIONS: list[dict[str, Any]] = [
    question("goal", "What is the primary goal?", group=UNDERSTANDING),
    question("audience", "Who is the target audience?", "several", group=UNDERSTANDING,
             options=["B2B", "B2C", "Internal"], default=["B2B"]),
    question("real_time", "Do you need real-time features?", "yes_no", group=TECHNIQUE,
             default="no", example="yes"),
    question("latency", "What is your latency requirement?", "choice", group=TECHNIQUE,
             options=["10 ms", "100 ms", "1 s"], default="100 ms", depth=1, parent="real_time",
             on="yes"),
    question("users", "How many concurrent users?", "integer", group=TECHNIQUE, default="500",
             depth=2, parent="latency", on="10 ms", example="3000"),
    question("region", "In which region are they?", group=TECHNIQUE, depth=3, parent="users",
             on="3000"),
    question("cloud", "Which cloud?", "choice", group=TECHNIQUE,
             options=["AWS", "Azure", "Google Cloud", "Hetzner", "IBM Cloud", "Oracle Cloud",
                      "OVHcloud", "Our own machines"]),
    question("prices", "Where are the old prices?", "path", group=TECHNIQUE,
             default="data/prices.csv"),
    question("level", "Which project level?", "choice", group=QUALITY,
             options=["1", "2", "3", "4", "5"], default="3"),
    question("uptime", "What uptime is promised, in per cent?", "number", group=QUALITY,
             default="99.5", example="2.5"),
]  # fmt: skip

CARD: dict[str, Any] = {
    "purpose": "form",
    "kind": "critical",
    "category": None,
    "context": "7 questions in 3 groups. Agents get your answers; empty ones get the default"
    " shown.",
    "options": [{"key": "A", "text": "Start", "description": ""}],
    "recommend": "A",
    "because": "",
    "other": False,
    "asker": "",
    "timeout_s": 300.0,
    "sum": "5 min = 5 (questions) × 1.0 (level 3) × 1.0 (normal)",
}


def asking(questions: list[dict[str, Any]] | None = None, **card: Any) -> Scene:
    """The form is open, nothing has started; opened at second 2."""
    s = Scene()
    detail = {"questions": QUESTIONS if questions is None else questions}
    s.ask(2 / 60, FORM, "Before the run", **{"detail": detail, **CARD, **card})
    return s


ANSWERS = {
    "goal": "Raise revenue per account without losing small customers",
    "audience": ["B2B", "Internal"],
    "real_time": True,
    "latency": "10 ms",
    "users": 500,
    "cloud": None,
    "prices": "data/prices.csv",
    "level": "3",
    "uptime": 99.9,
}


def started(by: Any = "user", values: dict[str, Any] | None = None, at: float = 0.8) -> Scene:
    """The form was answered, and the first agents are at work."""
    s = asking()
    s.decide(at, FORM, "A", by, values=ANSWERS if values is None else values)
    for agent in ("business-analyst", "competitive-intelligence-expert", "data-analytics-expert"):
        s.start(at, agent)
        s.say(at + 0.1, agent, "Reading what there is")
    return s


def by_hand(s: Scene, kind: str, at: float, task: str, **rest: Any) -> None:
    """Somebody rates a result or edits a text."""
    found = s.state.task(task)
    of: dict[str, Any] = {"task": found.id, "agent": found.agent, "phase": found.phase, "who": ""}
    if kind == "rate":
        s.fold(at, events.rating(**of, attempt=found.attempt, note="", **rest))
    else:
        s.fold(at, events.task_edited(**of, **rest))


def steered() -> Scene:
    """In the middle: results were rated, a text was edited, a task left out, one waits to retry."""
    s = scenes.running()
    by_hand(s, "rate", 20.0, "business-analyst", good=True)
    by_hand(s, "rate", 20.1, "competitive-intelligence-expert", good=False)
    by_hand(s, "edit", 20.2, "frontend-expert", text="Three screens, the dashboard first")
    s.skip(20.3, "devops-sre-expert", "left out by hand", cause="hand")
    s.fail(24.0, "ai-ml-expert", "ValueError: not enough months")
    s.retry(24.5, "security-specialist", "ConnectionError: reset by peer", 90.0)
    return s


def hostile_form() -> Scene:
    """Every text of the form is hostile."""
    questions = [
        question(f"q{n}", text, kind, options=options, default=default, group=text, example=text)
        for n, (text, (kind, options, default)) in enumerate(
            zip(
                [text[:300] for text in HOSTILE],
                [("text", [], HOSTILE[0]), ("choice", list(HOSTILE[:3]), None),
                 ("choice", [text[:80] for text in HOSTILE], None),
                 ("several", list(HOSTILE[:4]), [HOSTILE[1]]), ("path", [], HOSTILE[1]),
                 ("integer", [], "1"), ("number", [], "1"), ("yes_no", [], "yes"),
                 ("text", [], None)],
                strict=True,
            )
        )
    ]  # fmt: skip
    return asking(questions, context=HOSTILE[0], sum=HOSTILE[1])


def decided_form(**values: Any) -> Scene:
    """A run that is over and began with a form."""
    s = scenes.Scene()
    s.ask(0.0, FORM, "Before the run", **CARD, detail={"questions": QUESTIONS})
    s.decide(0.5, FORM, "A", "user", values=ANSWERS | values, wall=WALL + 30)
    for task in s.state.tasks:
        if task.kind == "task":
            s.start(1.0, task.id)
            s.done(2.0, task.id, "done")
    by_hand(s, "rate", 2.1, "business-analyst", good=True)
    by_hand(s, "rate", 2.1, "frontend-expert", good=False)
    s.end(3.0, "completed")
    return s
