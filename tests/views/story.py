"""A run told event by event, for tests that look at its state."""

from __future__ import annotations

from typing import Any

from orchestra_nb import events
from orchestra_nb.fold import apply
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, State

WALL = 1_705_746_600.0
"""Epoch seconds of a story's start."""

PRICING: dict[str, Any] = {
    "name": "SaaS pricing optimizer",
    "overview": "Pricing optimisation tool with ML",
    "phases": [
        {
            "name": "Research & Analysis",
            "tasks": [
                {"agent": "business-analyst", "task": "Market research", "estimate": "15m"},
                {"agent": "data-analytics-expert", "task": "Historical prices", "estimate": "10m"},
            ],
        },
        {
            "name": "Architecture & Design",
            "tasks": [
                {
                    "agent": "database-architect",
                    "task": "Compare databases",
                    "depends_on": ["data-analytics-expert"],
                    "estimate": "20m",
                },
                {
                    "decision": "Database technology",
                    "category": "database",
                    "context": "High write volume expected (10k/s)",
                    "options": {
                        "A": "PostgreSQL with optimization",
                        "B": "Cassandra",
                        "C": {"text": "DynamoDB", "description": "managed service"},
                    },
                    "recommend": "A",
                    "because": "balance of performance and maintainability",
                    "depends_on": ["database-architect"],
                },
                {
                    "agent": "backend-expert",
                    "task": "API development",
                    "depends_on": ["database-technology"],
                    "when": {"database-technology": ["A", "B"]},
                    "estimate": "1h30m",
                },
            ],
        },
        {"name": "Quality", "tasks": [{"agent": "qa-test-engineer", "estimate": "90s"}]},
    ],
}


class Story:
    """A run whose events a test tells; ``state`` is what came of them."""

    def __init__(self, plan: Plan | None = None, *, rehearsal: float | None = None):
        self.plan = plan or Plan(**PRICING)
        self.state = State(compile_plan(self.plan))
        self.seq = 0
        self.tell(
            0.0,
            events.orchestration_start(
                run="20240120T103000Z-saas-pricing-7f3a",
                project=self.plan.name,
                level=self.plan.level,
                mode=self.plan.mode,
                timeline=self.plan.timeline,
                total_agents=self.state.total,
                rehearsal=rehearsal,
                wall=WALL,
            ),
        )

    def tell(self, t: float, event: events.Event) -> None:
        """Fold one event at that time."""
        self.seq += 1
        apply(self.state, {**event, "seq": self.seq, "t": t}, Change())

    def _of(self, task: str) -> dict[str, Any]:
        node = self.state.task(task)
        return {"task": node.id, "agent": node.agent, "phase": node.phase}

    def start(self, t: float, task: str, attempt: int = 1) -> None:
        """An attempt began."""
        self.tell(t, events.agent_start(**self._of(task), attempt=attempt))

    def progress(self, t: float, task: str, text: str, fraction: float | None = None) -> None:
        """An agent said what it is doing."""
        self.tell(t, events.agent_progress(**self._of(task), text=text, fraction=fraction))

    def wait(self, t: float, task: str, cause: Any, until: float | None = None) -> None:
        """A wait began."""
        of = self._of(task)
        self.tell(t, events.agent_wait(**of, cause=cause, detail="", until_s=until))

    def complete(self, t: float, task: str) -> None:
        """A task succeeded."""
        of = self._of(task)
        self.tell(t, events.agent_complete(**of, attempt=1, seconds=1.0, result=None))

    def fail(self, t: float, task: str, error: str) -> None:
        """A task failed."""
        of = self._of(task)
        self.tell(t, events.agent_failed(**of, attempt=3, seconds=1.0, error=error))

    def skip(self, t: float, task: str, cause: str, reason: str) -> None:
        """A task was skipped."""
        self.tell(t, events.agent_skipped(**self._of(task), cause=cause, reason=reason))

    def find(self, t: float, task: str, text: str) -> None:
        """An agent found something."""
        self.tell(t, events.insight(**self._of(task), text=text))

    def choose(self, t: float, task: str, text: str, because: str = "") -> None:
        """An agent chose something itself."""
        own = {"decision_id": None, "option": "", "by": "agent", "reason": because}
        self.tell(t, events.decision(text=text, **own, **self._of(task)))  # type: ignore[arg-type]

    def block(self, t: float, task: str, text: str) -> None:
        """Something stands in an agent's way."""
        self.tell(t, events.blocker(**self._of(task), text=text))

    def ask(self, t: float, decision: str, timeout: float | None = 600.0) -> None:
        """A decision of the plan was opened."""
        spec: Any = self.state.graph.nodes[self.state.graph.index_of(decision)].spec
        self.tell(
            t,
            events.decision_opened(
                decision_id=decision,
                question=spec.title,
                kind=spec.kind,
                category=spec.category,
                context=spec.context,
                options=[
                    {"key": o.key, "text": o.text, "description": o.description}
                    for o in spec.options
                ],
                recommend=spec.recommend,
                because=spec.because,
                other=spec.other,
                asker="",
                timeout_s=timeout,
                sum="10 min = 10 (database) × 1.0 (level 3) × 1.0 (normal)",
            ),
        )

    def decide(self, t: float, decision: str, option: str, by: Any = "user", **rest: Any) -> None:
        """A decision's outcome."""
        card = self.state.decisions[decision]
        text = rest.pop("text", None) or card.option_text(option)
        self.tell(
            t,
            events.decision(
                decision_id=decision,
                text=f"{option} - {text}",
                option=option,
                by=by,
                **{
                    "choice": text,
                    "who": "",
                    "note": "",
                    "reason": "",
                    "wall": WALL + t,
                    "waited_s": t - card.opened_at,
                    "shown_s": 0.0,
                    **rest,
                },
            ),
        )

    def end(self, t: float, status: str = "completed") -> None:
        """The run is over."""
        self.tell(t, events.orchestration_complete(status=status, seconds=t, counts={}))


def middle() -> Story:
    """A run in its middle: something is done, running, waiting, found and asked."""
    story = Story()
    story.start(1, "business-analyst")
    story.start(1, "data-analytics-expert")
    story.progress(70, "business-analyst", "3 segments sized", 0.4)
    story.find(80, "data-analytics-expert", "Competitors change prices weekly")
    story.block(85, "data-analytics-expert", "No price history before 2025")
    story.complete(90, "data-analytics-expert")
    story.start(91, "database-architect")
    story.complete(150, "database-architect")
    story.ask(150, "database-technology")
    return story


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "[bold red]markup[/] [link=file:///etc/passwd]x[/link]",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "one\n- [x] **forged**: done\r\n## Progress Metrics\u2028- Completed: 99",
    "[x] IN_PROGRESS Progress Metrics",
    "half \ud800 surrogate \u202e reversed",
    "**bold** ``` | `code`",
    "x" * 1_000_000,
)
"""Texts that want to be more than text."""


def hostile(text: str) -> Story:
    """A run whose every foreign field says ``text``."""
    plan = Plan(
        name=text,
        overview=text,
        phases=[
            {
                "name": text,
                "tasks": [
                    {"agent": text[:150].strip() or "?", "id": "one", "task": text},
                    {"agent": "two", "task": text, "depends_on": []},
                ],
            },
            {
                "name": "Second",
                "tasks": [
                    {
                        "decision": text,
                        "id": "choose",
                        "context": text,
                        "category": "database",
                        "options": {"A": text, "B": {"text": "b", "description": text}},
                        "recommend": "A",
                        "because": text,
                        "depends_on": ["two"],
                    },
                    {
                        "decision": "Other " + text,
                        "id": "choose-too",
                        "options": {"A": text},
                        "depends_on": ["two"],
                    },
                ],
            },
        ],
    )
    story = Story(plan)
    story.start(1, "one")
    story.start(1, "two")
    story.progress(2, "one", text, 0.5)
    story.find(3, "one", text)
    story.block(3, "one", text)
    story.complete(4, "two")
    story.ask(5, "choose")
    story.ask(5, "choose-too", None)
    story.decide(6, "choose", "other", text=text, note=text, who=text)
    story.fail(7, "one", text)
    return story
