"""Runs in which a card of each purpose is open, as the engine would write them."""

from __future__ import annotations

from typing import Any

from .scenes import HOSTILE, Scene, begun, deciding

SUM = "10 min = 10 (critical) × 1.0 (level 3) × 1.0 (normal)"


def options(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Options with keys A, B, …, from their texts and descriptions."""
    return [
        {"key": chr(65 + i), "text": text, "description": about}
        for i, (text, about) in enumerate(pairs)
    ]


def card(purpose: str, **rest: Any) -> dict[str, Any]:
    """What all cards of the engine share."""
    plain = {
        "purpose": purpose, "kind": "critical", "category": None, "context": "", "other": False,
        "asker": "", "because": "", "timeout_s": 600.0, "sum": SUM, "recommend": "A",
    }  # fmt: skip
    return plain | rest


CHECKPOINT = card(
    "checkpoint",
    context="Based on complexity, the rest will take at least 47 min.",
    because="time and cost are inside the expected range",
    options=options(
        ("Continue", "as planned"),
        ("Adjust", "tell the later agents something"),
        ("Simplify", "level 2"),
        ("Stop", "keep what there is"),
    ),
    detail={
        "findings": [
            [
                "competitive-intelligence-expert",
                "Competitors change prices weekly, not monthly",
            ],
            ["business-analyst", "B2B buyers accept usage pricing above 50 seats"],
        ],
        "blockers": [
            ["data-analytics-expert", "No price history before 2025-01 for the EU store"],
        ],
        "time": {"actual_s": 852.0, "expected_s": 720.0, "low_s": 540.0, "high_s": 1020.0},
        "left_s": 2820.0,
        "cost": {"usd": 0.98, "budget_usd": 5.0, "unknown": 0},
        "running": ["product-strategy-expert", "uiux-expert", "ai-ml-expert"],
        "outlook": {
            "A": [
                "6 tasks are still to start: backend-expert, frontend-expert, qa-test-engineer"
                " and 3 more.",
                "At least 47 min are left.",
            ],
            "B": [
                "What you write reaches 6 tasks that have not started, and is kept as a change"
                " of plan.",
                "product-strategy-expert, uiux-expert and ai-ml-expert are at work"
                " and won't hear of it.",
            ],
            "C": ["Level 3 becomes 2 for what has not started.", "At least 33 min are left then."],
            "D": ["The run ends. What is finished is kept.", "6 tasks never start."],
        },
        "simplify": {
            "level": 2,
            "tasks": [
                ["security-specialist", "runs from level 4"],
                ["qa-test-engineer", "runs from level 3"],
                ["devops-sre-expert", "needs qa-test-engineer"],
            ],
            "total": 3,
        },
    },
)

APPROVAL = card(
    "approval",
    asker="business-analyst",
    recommend=None,
    timeout_s=None,
    sum="no timeout: the decision says none",
    options=options(("Approve", ""), ("Refuse", "")),
    detail={
        "tool": "send_email",
        "description": "Sends one message from the project's own address.",
        "problem": "",
        "arguments": {
            "to": "pricing-team@example.com",
            "subject": "Usage pricing: what we found",
            "body": "Hello,\n\nB2B buyers accept usage pricing above 50 seats. Competitors change"
            " their prices weekly.\n\nShall we go on with the usage model?\n\nThe pricing run",
            "urgent": False,
            "copies": 2,
            "tags": ["pricing", "usage"],
            "attachments": [{"file": "segments.csv", "rows": 412, "sheet": None}],
        },
    },
)  # fmt: skip

REVIEW = card(
    "review",
    context="Features",
    timeout_s=None,
    sum="no timeout: the decision says none",
    options=options(("Accept", "others get this result"),
                    ("Send back", "another attempt, with your comment")),
    detail={
        "format": "text",
        "result": "MVP features, ranked\n\n1. Price rules by segment\n2. Weekly competitor prices\n"
        "3. Approval of price changes\n4. Audit trail\n\nLeft out: discounts by hand, because"
        " nobody of the 14 people asked uses them more than once a month.",
        "preview": "MVP features, ranked",
        "editable": True,
        "attempt": 2,
        "comments": ["Rank them, and say what is left out and why"],
        "stored": {"kind": "text", "file": "results/0004.2.txt", "size": 240},
    },
)  # fmt: skip

FAILURE = card(
    "failure",
    because="the 2 tasks that need its result are skipped, all else goes on",
    context="ValidationError: PriceRule.valid_from must be before valid_to (rule 7 of 31)\n"
    "3 attempts, the last at 10:48.",
    recommend="B",
    options=options(
        ("Retry", "another attempt at the same task"),
        ("Go on without it", ""),
        ("Stop", "end the run, keep what is finished"),
    ),
    detail={
        "error": "ValidationError: PriceRule.valid_from must be before valid_to (rule 7 of 31)\n"
        "  File \"rules.py\", line 88, in check\n    raise ValidationError(self)",
        "attempts": 3,
        "dependents": ["qa-test-engineer", "devops-sre-expert"],
        "total": 2,
    },
)  # fmt: skip


def asking(at: float, key: str, title: str, given: dict[str, Any], **rest: Any) -> Scene:
    """The pricing run with one such card open."""
    s = begun()
    s.spend(16.1, "database-architect", 296_000, 0.98)
    s.say(18.66, "product-strategy-expert", "MVP features: 3 of 11 scored")
    s.say(18.5, "uiux-expert", "Sketching the pricing dashboard")
    s.say(18.45, "ai-ml-expert", "Training fold 2 of 5")
    s.ask(at, key, title, **given | rest)
    return s


def checkpoint(**rest: Any) -> Scene:
    """A checkpoint after the first phase; 7:24 left at 18.7 minutes."""
    title = "Checkpoint after phase 1, Research & Analysis"
    return asking(16.1, "checkpoint-1", title, CHECKPOINT, **rest)


def overrun() -> Scene:
    """A phase takes half as long again as was expected; nothing can be left out."""
    detail = dict(CHECKPOINT["detail"]) | {
        "findings": [], "blockers": [], "running": ["uiux-expert"],
        "time": {"actual_s": 1260.0, "expected_s": 720.0, "low_s": None, "high_s": None},
        "cost": {"usd": 1.40, "budget_usd": None, "unknown": 2},
    }  # fmt: skip
    del detail["simplify"]
    three = [o for o in CHECKPOINT["options"] if o["key"] != "C"]
    title = "Architecture & Design takes longer than expected"
    return asking(
        16.1, "overrun-2", title, CHECKPOINT, purpose="overrun", detail=detail, options=three,
        context="Based on complexity, this will take at least 47 min more.",
    )  # fmt: skip


def approval(**detail: Any) -> Scene:
    """A tool's call waits to be approved."""
    given = APPROVAL["detail"] | detail
    s = asking(
        18.2,
        "send-email-1",
        "Call send_email?",
        APPROVAL,
        task="product-strategy-expert",
        detail=given,
    )
    s.wait(18.2, "product-strategy-expert", "human")
    return s


def review(**detail: Any) -> Scene:
    """A result waits to be accepted, the second one."""
    given = REVIEW["detail"] | detail
    s = asking(18.2, "review-4", "Review: product-strategy-expert", REVIEW,
               task="product-strategy-expert", detail=given)  # fmt: skip
    s.wait(18.2, "product-strategy-expert", "human")
    return s


def failure() -> Scene:
    """An agent gave up; 7:24 left at 18.7 minutes."""
    s = asking(16.1, "failure-7", "ai-ml-expert failed", FAILURE, task="ai-ml-expert")
    s.wait(16.1, "ai-ml-expert", "human")
    return s


BUDGET = card(
    "budget",
    context="Everything goes on meanwhile.",
    because="the cap holds, and only you can raise it",
    recommend="B",
    options=[
        {"key": "A", "text": "Raise the cap", "description": "you say to how much"},
        {"key": "B", "text": "Go on up to the cap", "description": ""},
        {"key": "C", "text": "Stop", "description": "end the run, keep what is finished"},
        {"key": "D", "text": "Cheaper model",
         "description": "claude-haiku-5-5 instead of claude-sonnet-5-5"},
    ],
    detail={
        "account": "", "name": "budget", "kind": "usd", "used": 4.02, "held": 0.48, "cap": 5.0,
        "suggest": 10.0, "reached": False, "waiting": [], "total": 0,
        "models": {"claude-sonnet-5-5": "claude-haiku-5-5"},
        "outlook": {
            "A": ["Nothing else changes.", "When this was asked, 6 paid tasks had not started."],
            "D": ["claude-sonnet-5-5 becomes claude-haiku-5-5.",
                  "What is at work finishes with its own model; further attempts change."],
            "B": ["Calls go on while their worst case fits. Then you are asked again.",
                  "When this was asked, 6 paid tasks had not started."],
            "C": ["The run ends. What is finished is kept, and it can be resumed."],
        },
    },
)  # fmt: skip
SPEND = card(
    "spend",
    context="4 tasks call claude-sonnet-5-5. At most $1.12 for one full-length answer each; rounds "
    "of tools and further attempts come on top. Budget: $5.00: enough for the most.",
    because="the worst case fits the budget",
    options=options(("Start", "paid agents begin"), ("Stop", "end the run; it can be resumed")),
    detail={
        "project": "Pricing", "usd": 0.09, "most_usd": 1.12, "tokens": 16_400,
        "most_tokens": 240_000, "unknown": 0, "budget": {"usd": 5.0, "tokens": None},
        "models": {"claude-sonnet-5-5": 4}, "total": 4,
        "rows": [
            {"task": task, "model": "claude-sonnet-5-5", "usd": usd, "most_usd": 0.28}
            for task, usd in (("database-architect", 0.03), ("backend-expert", 0.02),
                              ("product-strategy-expert", 0.02), ("uiux-expert", None))
        ],
    },
)  # fmt: skip


def budget(*, reached: bool = False) -> Scene:
    """Most of the budget is used; or all of it, and somebody waits for room."""
    if not reached:
        return asking(16.1, "budget", "Budget: $4.02 of $5.00 used", BUDGET)
    waiting = ["backend-expert", "frontend-expert"]
    detail = BUDGET["detail"] | {
        "used": 4.9, "held": 0.0, "reached": True, "waiting": waiting, "total": 2, "models": {},
        "outlook": {
            "A": ["Whoever waits goes on at once.",
                  "When this was asked, 4 paid tasks had not started."],
            "B": ["backend-expert, frontend-expert fail, and what needs them is skipped."],
            "C": ["The run ends. What is finished is kept, and it can be resumed."],
        },
    }  # fmt: skip
    three = [one for one in BUDGET["options"] if one["key"] != "D"]
    three[1] = {"key": "B", "text": "Go on without the rest",
                "description": "what does not fit fails"}  # fmt: skip
    s = asking(
        16.1, "budget-2", "Budget: the next call may cost $0.20; $0.10 is left", BUDGET,
        detail=detail,
        options=three, recommend=None, because="", timeout_s=None,
        sum="no timeout: nothing is recommended",
        context="$4.90 of $5.00 used. 2 agents wait for room. What costs nothing goes on.",
    )  # fmt: skip
    s.wait(16.1, "ai-ml-expert", "budget")
    return s


def spend() -> Scene:
    """Nothing that is paid has begun."""
    return asking(16.1, "spend", "Start paid work: about $0.09 expected", SPEND)


INBOX = (
    ("cache", "Cache for price lookups", "backend-expert", 28, 60),
    ("retry-policy", "Retry policy of the importer", "data-analytics-expert", 54, 120),
    ("chart-library", "Chart library", "frontend-expert", 96, 300),
    ("currency-rounding", "Currency rounding", "backend-expert", 141, 300),
    ("database-technology", "Database technology", "database-architect", 444, 600),
    ("auth-provider", "Auth provider", "security-specialist", 476, 900),
    ("model-family", "Model family", "ai-ml-expert", 512, 600),
    ("empty-state", "Empty-state wording of the pricing dashboard for new accounts", "uiux-expert",
     560, 600),
    ("cloud-region", "Cloud region", "devops-sre-expert", 571, 600),
    ("log-retention", "Log retention", "security-specialist", 802, 900),
)  # fmt: skip
"""Id, title, who asks, seconds left at 18.7 minutes, and of how many."""


def inbox() -> Scene:
    """Twelve open decisions: ten with a clock, an approval without one, and one that is held."""
    s = begun()
    s.spend(16.1, "database-architect", 296_000, 0.98)
    last = 0.0
    asked = sorted((18.7 - (whole - left) / 60, key, title, asker, whole)
                   for key, title, asker, left, whole in INBOX)  # fmt: skip
    for at, key, title, asker, whole in asked:
        s.ask(at, key, title, asker=asker, timeout_s=float(whole))
        last = at
    s.ask(last, "send-email-1", "Call send_email?", **APPROVAL)
    s.ask(last, "delete", "Delete the old price table", asker="database-architect")
    s.hold(last, "delete", "hold")
    return s


def decided() -> Scene:
    """What became of cards of each purpose."""
    s = deciding()
    s.ask(18.0, "checkpoint-1", "Checkpoint after phase 1, Research & Analysis", **CHECKPOINT)
    s.decide(18.1, "checkpoint-1", "B", "user", note="Leave out the EU store for now")
    s.ask(18.1, "send-email-1", "Call send_email?", **APPROVAL)
    s.decide(18.2, "send-email-1", "A", "user", values={"to": "me@example.com"})
    s.ask(18.2, "send-email-2", "Call send_email?", **APPROVAL)
    s.decide(18.3, "send-email-2", "B", "user", note="The team has not read it yet")
    s.ask(18.3, "review-3", "Review: uiux-expert", **REVIEW)
    s.decide(18.35, "review-3", "B", "remote", who="maria, from the command line",
             note="Rank them, and say what is left out and why")  # fmt: skip
    s.ask(18.4, "review-4", "Review: product-strategy-expert", **REVIEW)
    s.decide(18.5, "review-4", "A", "user", values={"result": "shorter"})
    s.ask(18.5, "failure-7", "ai-ml-expert failed", **FAILURE)
    s.decide(18.6, "failure-7", "B", "timeout")
    return s


def hostile() -> Scene:
    """Cards of each purpose with hostile strings wherever an agent or a person can write."""
    s = deciding()
    for n, text in enumerate(HOSTILE):
        found = [[text, text]] * 3
        details: dict[str, tuple[dict[str, Any], Any]] = {
            "checkpoint": (CHECKPOINT, CHECKPOINT["detail"] | {
                "findings": found, "blockers": found, "running": [text] * 3,
                "outlook": {key: [text, text] for key in "ABCD"},
                "simplify": {"level": 2, "tasks": found, "total": 1_000_000}}),
            "approval": (APPROVAL, {
                "tool": text, "description": text, "problem": text,
                "arguments": {text[:3000]: text, "list": [text, {text[:200]: text}],
                              "n": float("nan"), "big": 2**63, "deep": _deep(text),
                              "__proto__": {"polluted": text}}}),
            "review": (REVIEW, REVIEW["detail"] | {
                "result": text, "preview": text[:4000], "comments": [text] * 3,
                "stored": {"file": text}}),
            "failure": (FAILURE, {
                "error": text, "attempts": 3, "dependents": [text] * 3, "total": 7}),
        }  # fmt: skip
        for purpose, (base, detail) in details.items():
            s.ask(18.2, f"{purpose}-{n}", text, **base | {
                "detail": detail, "context": text, "asker": text, "because": text})  # fmt: skip
    return s


def _deep(text: str) -> Any:
    nest: Any = text
    for _ in range(60):
        nest = [nest]
    return nest
