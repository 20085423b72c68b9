"""States of runs in the middle of things, made by folding events as an engine would write them."""

from __future__ import annotations

import random
from typing import Any

from orchestra_nb import events
from orchestra_nb.fold import apply
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, State

WALL = 1795343520.0
"""2026-11-22, 10:32 UTC."""

PRICING = """
name: SaaS pricing optimizer
mode: guided
budget: {usd: 5.00}
max_concurrency: 8
phases:
  - name: Research & Analysis
    tasks:
      - {agent: business-analyst, task: Market research, estimate: 15m}
      - {agent: competitive-intelligence-expert, task: Competitors, estimate: 12m}
      - {agent: data-analytics-expert, task: Prices, estimate: 10m}
  - name: Architecture & Design
    tasks:
      - {agent: product-strategy-expert, task: Features, estimate: 9m}
      - {agent: uiux-expert, task: Dashboard, estimate: 20m}
      - {agent: database-architect, task: Schema, estimate: 7m, depends_on: [data-analytics-expert]}
      - decision: Database technology
        category: database
        kind: critical
        context: High write volume expected (10k/s). The schema draft works with all three.
        options:
          - {key: A, text: PostgreSQL with optimization, description: "reliable, moderate complexity"}
          - {key: B, text: Cassandra, description: "high performance, higher complexity"}
          - {key: C, text: DynamoDB, description: "managed service, vendor lock-in"}
        recommend: A
        because: balance of performance and maintainability
        depends_on: [database-architect]
  - name: Implementation
    tasks:
      - {agent: backend-expert, task: API, estimate: 20m, depends_on: [database-technology]}
      - {agent: frontend-expert, task: Screens, estimate: 14m, depends_on: [uiux-expert]}
      - {agent: ai-ml-expert, task: Model, estimate: 12m, depends_on: [data-analytics-expert]}
  - name: Quality & Deployment
    tasks:
      - {agent: qa-test-engineer, task: Tests, estimate: 6m, depends_on: [backend-expert, frontend-expert]}
      - {agent: security-specialist, task: Audit, estimate: 6m, depends_on: [database-technology]}
      - {agent: devops-sre-expert, task: Pipeline, estimate: 8m, depends_on: [qa-test-engineer]}
"""  # noqa: E501

DATABASE: dict[str, Any] = {
    "kind": "critical",
    "category": "database",
    "context": "High write volume expected (10k/s). The schema draft works with all three.",
    "options": [
        {
            "key": "A",
            "text": "PostgreSQL with optimization",
            "description": "reliable, moderate complexity",
        },
        {"key": "B", "text": "Cassandra", "description": "high performance, higher complexity"},
        {"key": "C", "text": "DynamoDB", "description": "managed service, vendor lock-in"},
    ],
    "recommend": "A",
    "because": "balance of performance and maintainability",
    "other": True,
    "asker": "database-architect",
    "timeout_s": 600.0,
    "sum": "10 min = 10 (database) × 1.0 (level 3) × 1.0 (normal)",
}


class Scene:
    """A state and the short hand to fold events into it. Times are given in minutes."""

    def __init__(self, plan: str | Plan = PRICING, *, rehearsal: float | None = None):
        self.plan = Plan.parse(plan, format="yaml") if isinstance(plan, str) else plan
        self.state = State(compile_plan(self.plan))
        self.change = Change()
        self.fold(
            0.0,
            events.orchestration_start(
                run="20261122T103200Z-pricing-7f3a",
                project=self.plan.name,
                level=self.plan.level,
                mode=self.plan.mode,
                timeline=self.plan.timeline,
                total_agents=len(self.state.tasks),
                rehearsal=rehearsal,
                wall=WALL,
            ),
        )

    def fold(self, minutes: float, event: events.Event) -> None:
        """Fold one event at that minute of the run."""
        stamped = event | {"seq": self.state.seq + 1, "t": 60 * minutes}
        apply(self.state, stamped, self.change)

    def _of(self, task: str) -> dict[str, Any]:
        found = self.state.task(task)
        return {"task": found.id, "agent": found.agent, "phase": found.phase}

    def start(self, at: float, task: str, attempt: int = 1) -> None:
        """An attempt begins."""
        self.fold(at, events.agent_start(**self._of(task), attempt=attempt))

    def say(self, at: float, task: str, text: str) -> None:
        """The agent says what it does."""
        self.fold(at, events.agent_progress(**self._of(task), text=text, fraction=None))

    def done(self, at: float, task: str, text: str = "") -> None:
        """It succeeds, having said ``text`` last."""
        found = self.state.task(task)
        if text:
            self.say(at, task, text)
        seconds = 60 * at - (found.started_at or 0.0)
        self.fold(
            at,
            events.agent_complete(
                **self._of(task), attempt=found.attempt, seconds=seconds, result=None
            ),
        )

    def fail(self, at: float, task: str, error: str) -> None:
        """It fails for good."""
        attempt = self.state.task(task).attempt
        self.fold(
            at, events.agent_failed(**self._of(task), attempt=attempt, seconds=1.0, error=error)
        )

    def retry(self, at: float, task: str, error: str, delay_s: float = 30.0) -> None:
        """An attempt failed; another comes."""
        attempt = self.state.task(task).attempt
        self.fold(
            at,
            events.agent_retry(
                **self._of(task), attempt=attempt, error=error, delay_s=delay_s, cause=None
            ),
        )

    def wait(self, at: float, task: str, cause: Any, until: float | None = None) -> None:
        """A wait begins, or with ``None`` ends."""
        self.fold(
            at,
            events.agent_wait(
                **self._of(task), cause=cause, until_s=None if until is None else 60 * until
            ),
        )

    def skip(self, at: float, task: str, reason: str, cause: str = "failed") -> None:
        """A task does not run."""
        self.fold(at, events.agent_skipped(**self._of(task), cause=cause, reason=reason))

    def found(self, at: float, task: str, text: str, *, blocks: bool = False) -> None:
        """A finding, or a blocker."""
        make = events.blocker if blocks else events.insight
        self.fold(at, make(**self._of(task), text=text))

    def spend(self, at: float, task: str, tokens: int, cost: float | None) -> None:
        """A model was used."""
        self.fold(at, events.usage(**self._of(task), tokens={"input": tokens}, cost=cost))

    def ask(self, at: float, decision: str, title: str, **card: Any) -> None:
        """A decision opens."""
        self.fold(
            at, events.decision_opened(decision_id=decision, question=title, **DATABASE | card)
        )

    def hold(self, at: float, decision: str, cause: str, until: float | None = None) -> None:
        """A decision's clock stands still."""
        seconds = None if until is None else 60 * until
        self.fold(at, events.decision_held(decision_id=decision, cause=cause, until_s=seconds))

    def decide(self, at: float, decision: str, option: str, by: Any, **rest: Any) -> None:
        """A decision's outcome."""
        card = self.state.decisions[decision]
        text = card.option_text(option)
        given: dict[str, Any] = {
            "choice": text,
            "who": "",
            "note": "",
            "reason": "",
            "wall": WALL + 60 * at,
            "waited_s": 60 * at - card.opened_at,
            "shown_s": 5.0,
        }
        words = f"{option} - {text}"
        self.fold(
            at,
            events.decision(decision_id=decision, text=words, option=option, by=by, **given | rest),
        )

    def end(self, at: float, status: str) -> None:
        """The run ends."""
        self.fold(
            at,
            events.orchestration_complete(
                status=status, seconds=60 * at, counts=dict(self.state.counts)
            ),
        )


def begun(**options: Any) -> Scene:
    """The pricing run after its first phase."""
    s = Scene(**options)
    for agent in ("business-analyst", "competitive-intelligence-expert", "data-analytics-expert"):
        s.start(0.0, agent)
    s.wait(8.4, "business-analyst", "rate_limit", 9.3)
    s.found(9.1, "data-analytics-expert", "No price history before 2025-01 for the EU store",
            blocks=True)  # fmt: skip
    s.wait(9.3, "business-analyst", None)
    s.done(9.4, "data-analytics-expert", "18 months of prices cleaned, 2.1 % outliers")
    s.start(9.4, "database-architect")
    s.start(10.2, "ai-ml-expert")
    s.found(
        11.6, "competitive-intelligence-expert", "Competitors change prices weekly, not monthly"
    )
    s.done(11.6, "competitive-intelligence-expert", "9 competitors, 4 pricing models compared")
    s.found(14.2, "business-analyst", "B2B buyers accept usage pricing above 50 seats")
    s.done(14.2, "business-analyst", "3 segments sized; B2B SaaS first")
    s.start(14.2, "product-strategy-expert")
    s.start(14.2, "uiux-expert")
    s.found(16.0, "database-architect", "All writes fit one partition key (tenant, day)")
    s.done(16.1, "database-architect", "Schema draft with 14 tables, ready for review")
    return s


def deciding(**options: Any) -> Scene:
    """A decision is open, 7:24 left at 18.7 minutes."""
    s = begun(**options)
    s.spend(16.1, "database-architect", 296_000, 0.98)
    policy = {"kind": "standard", "category": None, "asker": "", "timeout_s": 300.0}
    options_ = [{"key": "A", "text": "pytest", "description": ""}]
    s.ask(16.05, "test-framework", "Test framework", options=options_, **policy)
    s.decide(16.05, "test-framework", "A", "policy")
    s.ask(16.1, "database-technology", "Database technology")
    s.say(18.66, "product-strategy-expert", "MVP features: 3 of 11 scored")
    s.say(18.5, "uiux-expert", "Sketching the pricing dashboard")
    s.say(18.45, "ai-ml-expert", "Training fold 2 of 5")
    return s


def running(**options: Any) -> Scene:
    """Decided by the user; some run, one waits for the rate limit, one is silent."""
    s = deciding(**options)
    s.say(18.6, "ai-ml-expert", "fold 3 of 5, MAPE 7.9 %")
    s.decide(18.4, "database-technology", "B", "user", note="The team has run Cassandra for years")
    s.start(18.4, "backend-expert")
    s.start(18.4, "security-specialist")
    s.wait(22.9, "uiux-expert", "rate_limit", 24.9)
    s.say(24.57, "product-strategy-expert", "MVP features: 7 of 11 scored")
    s.say(24.4, "backend-expert", "Writing POST /prices and its validation")
    s.say(24.4, "security-specialist", "Threat model: 5 of 9 entry points")
    s.spend(24.4, "backend-expert", 116_000, 0.39)
    return s


def finished(**options: Any) -> Scene:
    """Everything succeeded."""
    s = running(**options)
    s.wait(25.1, "uiux-expert", None)
    s.done(28.7, "product-strategy-expert", "11 features ranked, 5 in the MVP")
    s.done(29.1, "security-specialist", "9 entry points, 1 fixed")
    s.done(31.5, "ai-ml-expert", "MAPE 7.6 % on held-out months")
    s.done(37.4, "uiux-expert", "Dashboard: 4 screens, 1 flow")
    s.start(37.4, "frontend-expert")
    card = {"kind": "standard", "category": None, "asker": "backend-expert", "timeout_s": 300.0}
    rounding = [{"key": "A", "text": "half-even, 2 decimals", "description": ""}]
    s.ask(38, "currency-rounding", "Currency rounding", options=rounding,
          because="what the accountants use", **card)  # fmt: skip
    s.decide(43, "currency-rounding", "A", "timeout")
    s.done(44, "backend-expert", "12 endpoints, 41 tests")
    s.done(50.2, "frontend-expert", "4 screens, keyboard checked")
    s.start(50.2, "qa-test-engineer")
    s.done(56.0, "qa-test-engineer", "63 tests, 2 open findings")
    s.start(56.4, "devops-sre-expert")
    s.done(63.5, "devops-sre-expert", "Pipeline with rollback")
    s.end(63.5, "completed")
    return s


def failed(**options: Any) -> Scene:
    """One agent gave up after three attempts; two tasks needed it."""
    s = running(**options)
    s.wait(25.1, "uiux-expert", None)
    s.retry(24.4, "backend-expert", "ConnectionError: reset by peer")
    s.start(25, "backend-expert", 2)
    s.done(28.7, "product-strategy-expert", "11 features ranked, 5 in the MVP")
    s.done(29.1, "security-specialist", "9 entry points, 1 open")
    s.retry(30.3, "backend-expert", "ConnectionError: reset by peer")
    s.start(31.5, "backend-expert", 3)
    s.done(31.5, "ai-ml-expert", "MAPE 7.6 % on held-out months")
    s.fail(
        36.6,
        "backend-expert",
        "ValidationError: PriceRule.valid_from must be before valid_to (rule 7 of 31)",
    )
    s.skip(36.6, "qa-test-engineer", "needs backend-expert, which failed")
    s.skip(36.6, "devops-sre-expert", "needs qa-test-engineer, which was skipped")
    s.done(37.4, "uiux-expert", "Dashboard: 4 screens, 1 flow")
    s.start(37.4, "frontend-expert")
    s.done(48.2, "frontend-expert", "4 screens, keyboard checked")
    s.end(48.2, "failed")
    return s


def many(count: int = 2000, *, minutes: float = 26.0, slots: int = 64, seed: int = 7) -> Scene:
    """A big run on its slots, in the middle."""
    dice = random.Random(seed)
    names = ["Read", "Analyse", "Cross-check", "Report"]
    shares = [0.4, 0.35, 0.2, 0.05]
    phases = []
    number = 0
    for name, share in zip(names, shares, strict=True):
        size = round(count * share)
        tasks = [
            {
                "id": f"reviewer-{number + i:04}",
                "agent": "reviewer",
                "task": "Review",
                "depends_on": [],
            }
            for i in range(size)
        ]
        number += size
        phases.append({"name": name, "tasks": tasks})
    plan = Plan.model_validate(
        {
            "name": f"Nightly source review: {count:,} modules",
            "level": 2,
            "mode": "semi_autonomous",
            "max_concurrency": slots,
            "budget": {"usd": 80.0},
            "phases": phases,
        }
    )
    s = Scene(plan)
    log: list[tuple[float, str, str]] = []
    free = [dice.random() * 0.4 for _ in range(slots)]
    for task in s.state.tasks:
        slot = min(range(slots), key=free.__getitem__)
        begin = free[slot]
        if begin >= minutes:
            break
        ends = begin + 0.25 + dice.random() ** 2 * 2.4
        log.append((begin, "start", task.id))
        if begin < 17 < ends:
            log += [(17.0, "limit", task.id), (18.6 + dice.random(), "go", task.id)]
            ends += 3.2
        if ends < minutes:
            log.append((ends, "fail" if dice.random() < 0.012 else "done", task.id))
        free[slot] = ends + 0.03
    for at, what, task_id in sorted(log):
        if what == "start":
            s.start(at, task_id)
        elif what == "done":
            s.done(at, task_id, f"{dice.randrange(9)} findings")
        elif what == "fail":
            s.fail(
                at,
                task_id,
                dice.choice(
                    [
                        "Timed out after 5:00 of its own work",
                        "529 overloaded, gave up after 4 attempts",
                    ]
                ),
            )
        else:
            s.wait(at, task_id, "rate_limit" if what == "limit" else None, 18.6)
    s.found(19.0, s.state.tasks[3].id, "src/legacy/sql.py: file is 1.1 MB, shortened", blocks=True)
    s.found(21.6, s.state.tasks[9].id, "Import cycle of 14 modules around core.models")
    s.found(25.0, s.state.tasks[11].id, "212 functions with no test that calls them")
    s.spend(25.0, s.state.tasks[11].id, 18_400_000, 41.20)
    return s


HOSTILE = (
    '<img src=x onerror="window.__pwned=1">',
    "<script>window.__pwned=1</script>",
    "[x](javascript:window.__pwned=1)",
    "\x1b[31mred\x1b[0m\x07\x1b]0;title\x07",
    "x" * 1_000_000,
    "half \ud800 surrogate",
    "\u202eright to left\u202c \u0000 nul",
    "${window.__pwned=1}{{7*7}}",
    "</style></script><svg onload=window.__pwned=1>",
)
"""Strings that must never be more than text."""


def hostile() -> Scene:
    """The deciding run with hostile strings wherever an agent or a plan can write."""
    s = deciding()
    for n, text in enumerate(HOSTILE):
        s.found(18.0, "uiux-expert", text, blocks=n % 2 == 0)
        s.say(18.1, "uiux-expert", text)
        card = {
            "context": text,
            "because": text,
            "asker": text,
            "sum": text,
            "category": text,
            "options": [
                {"key": "A", "text": text, "description": text},
                {"key": text[:20], "text": text, "description": text},
            ],
        }
        s.ask(18.2, f"hostile-{n}", text, **card)
        if n % 3 == 0:
            s.decide(18.3, f"hostile-{n}", "other", "user", choice=text, note=text, who=text)
    for name, text in zip(("product-strategy-expert", "ai-ml-expert"), HOSTILE, strict=False):
        s.fail(18.4, name, text)
    s.skip(18.4, "frontend-expert", HOSTILE[0])
    s.state.project = HOSTILE[0]
    return s
