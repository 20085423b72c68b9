"""A run as plain lines."""

from __future__ import annotations

import pytest

from orchestra_nb.views.lines import Lines, summary

from .story import HOSTILE, hostile, middle


def test_a_line_for_each_change_in_order() -> None:
    """Starts, ends, findings, decisions and outcomes are told once, as they happened."""
    story, lines = middle(), Lines()
    assert lines.changes(story.state) == [
        "[00:00] 🎭 SaaS pricing optimizer (5 agents, level 3), "
        "run 20240120T103000Z-saas-pricing-7f3a",
        "[00:01] ▶️  Starting business-analyst",
        "[00:01] ▶️  Starting data-analytics-expert",
        "[01:20] 🔎 Finding: Competitors change prices weekly (data-analytics-expert)",
        "[01:25] 🚫 Blocker: No price history before 2025 (data-analytics-expert)",
        "[01:30] ✅ Completed data-analytics-expert (1m)",
        "[01:31] ▶️  Starting database-architect",
        "[02:30] ✅ Completed database-architect (59s)",
        "[02:30] ❓ Decision required: Database technology",
        "          High write volume expected (10k/s)",
        "          A. PostgreSQL with optimization "
        "(recommended: balance of performance and maintainability)",
        "          B. Cassandra",
        "          C. DynamoDB (managed service)",
        "[02:30] ⏱️  10:00 left, then A is taken.",
    ]
    assert lines.changes(story.state) == []
    story.decide(250, "database-technology", "B", note="we know it")
    story.wait(255, "business-analyst", "rate_limit", until=273.0)
    story.fail(300, "business-analyst", "Boom\nmore")
    story.skip(300, "qa-test-engineer", "failed", "needs business-analyst, which failed")
    story.end(310, "failed")
    assert lines.changes(story.state) == [
        "[04:10] 💡 Decision: Database technology: B · Cassandra. "
        "You, at 10:34 after 1:40 of 10:00. Note: “we know it”.",
        "[05:00] ❌ business-analyst failed: Boom more",
        "[05:00] ⏭️  Skipped qa-test-engineer: needs business-analyst, which failed",
        "[05:10] 🎭 The run is over: failed",
    ]


def test_pauses_and_waits_are_told() -> None:
    """A pause, its end and the cause of a wait have their lines."""
    story, lines = middle(), Lines(unicode=False)
    lines.changes(story.state)
    story.tell(160, {"event": "run_paused", "who": ""})
    assert lines.changes(story.state) == ["[02:40] = The run is paused"]
    story.tell(170, {"event": "run_unpaused", "who": ""})
    story.wait(180, "business-analyst", "rate_limit", until=198.0)
    assert lines.changes(story.state) == [
        "[03:00] ~ business-analyst: Rate limit: next try in 0:18",
        "[03:00] = The run goes on",
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_hostile_text_stays_in_its_line(text: str) -> None:
    """No text of others begins a line, ends one or is longer than a few screens."""
    story = hostile(text)
    story.end(20, "failed")
    for line in [*Lines().changes(story.state), *summary(story.state, "/runs/x")]:
        assert line.replace("\ufe0f", "").isprintable()
        assert len(line) < 1800


def test_summary() -> None:
    """At the end: how it ended, how long, what failed, where everything is."""
    story = middle()
    story.fail(300, "business-analyst", "Boom")
    story.end(310, "failed")
    assert summary(story.state, "/runs/x") == [
        "Failed: 2 of 5 agents, 5:10.",
        "business-analyst failed: Boom",
        "Everything is in /runs/x",
    ]
