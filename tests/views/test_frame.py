"""The picture of a run in a terminal."""

from __future__ import annotations

import io
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console

from orchestra_nb.plan import Plan
from orchestra_nb.views.card import Typing
from orchestra_nb.views.frame import render

from .story import HOSTILE, Story, hostile, middle


def drawn(
    story: Story,
    now: float = 200.0,
    *,
    width: int = 80,
    height: int = 30,
    typing: Typing | None = None,
    unicode: bool = True,
) -> list[str]:
    """The lines of the picture as a terminal without colours gets them."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=True, no_color=True, legacy_windows=False
    )
    picture = render(story.state, now, width=width, height=height, typing=typing, unicode=unicode)
    lines = console.render_lines(picture, pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


def test_everything_that_matters_is_there() -> None:
    """Head, figures, phases, the open decision, agents at work, findings."""
    text = "\n".join(drawn(middle(), typing=Typing()))
    for part in (
        "◐ Running  SaaS pricing optimizer",
        "level 3 · full interactive mode · 20240120T103000Z-saas-pricing-7f3a",
        "2 of 5 agents · 3:20 elapsed · at least 1 h 32 min left",
        "1 decision needs you · Database technology · 9:10 left",
        "1 Research & Analysis   ███████░░░░░░░░  1/2  1 running",
        "Overall                 ██████░░░░░░░░░  40 %",
        "◇ Database technology  standard · database",
        "▸ A  PostgreSQL with optimization · Recommended: balance of",
        "  C  DynamoDB · managed service",
        "9:10 left, then A is taken.",
        "10 min = 10 (database) × 1.0 (level 3) × 1.0 (normal)",
        "> A, B or C, then Enter",
        "Stalled? last: 3 segments sized",
        "! No price history before 2025  data-analytics-expe",
        "· Competitors change prices weekly",
    ):
        assert part in text


def test_a_running_agent_says_what_it_does() -> None:
    """A lane has the share that is done, the last message and its age."""
    lines = drawn(middle(), now=80)
    assert "◐ business-analyst  40 % 3 segments sized" in "\n".join(lines)
    lane = next(line for line in lines if "segments" in line)
    assert lane.endswith("10 s")


@pytest.mark.parametrize("width", [40, 60, 80, 132])
@pytest.mark.parametrize("height", [8, 16, 24, 50])
def test_it_fits(width: int, height: int) -> None:
    """No line is wider and no picture higher than the terminal; the prompt stays visible."""
    lines = drawn(middle(), width=width, height=height, typing=Typing(text="B"))
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width
    if height >= 24:
        assert any(line.startswith("> B") for line in lines)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
@pytest.mark.parametrize("width", [60, 100])
def test_hostile_text_is_only_text(text: str, width: int) -> None:
    """Markup, escape sequences and line breaks of others do nothing and take no room."""
    story = hostile(text)
    typing = Typing(decision="choose-too", text=text, said=text, preview=text)
    lines = drawn(story, now=10, width=width, height=40, typing=typing)
    assert all(line.isprintable() for line in lines)
    assert max(cell_len(line) for line in lines) <= width
    assert len(lines) <= 40
    if "[bold red]" in text:
        assert any("[bold red]markup[/]" in line for line in lines)


def test_wide_characters_keep_their_columns() -> None:
    """Names that are two cells wide are cut by cells, not by characters."""
    plan = Plan(name="研究" * 40, phases=[{"name": "分析" * 40, "tasks": [{"agent": "調査" * 30}]}])
    story = Story(plan)
    story.start(1, "調査" * 30)
    story.progress(2, "調査" * 30, "進行中" * 50)
    for width in (60, 81):
        assert max(cell_len(line) for line in drawn(story, width=width)) <= width


def test_ascii_terminals_get_ascii() -> None:
    """Where only ASCII can be shown every sign of ours has an ASCII twin."""
    for story in (middle(), hostile("naïve 日本 · …")):
        lines = drawn(story, typing=Typing(), unicode=False)
        assert all(line.isascii() for line in lines)


def test_rehearsals_are_labelled() -> None:
    """The tag is there at every width."""
    story = Story(rehearsal=60)
    assert "REHEARSAL simulated agents, ×60" in drawn(story)[0]
    assert "REHEARSAL" in drawn(story, width=40)[0]


def test_paused() -> None:
    """A paused run says what still goes on."""
    story = middle()
    story.tell(190, {"event": "run_paused", "who": ""})
    lines = drawn(story, width=120)
    assert lines[0].startswith("‖ Paused")
    assert (
        lines[3] == "Paused: nothing new starts, the 1 agent at work finish, "
        "decision clocks stand still."
    )


def test_the_end_names_failures_first() -> None:
    """A failed run shows what failed, what it cost others, and no prompt."""
    story = middle()
    story.decide(250, "database-technology", "A", "timeout")
    story.fail(300, "business-analyst", "Boom")
    story.skip(300, "qa-test-engineer", "failed", "needs business-analyst, which failed")
    story.end(310, "failed")
    text = "\n".join(drawn(story, typing=Typing(text="B")))
    assert "✗ business-analyst failed: Boom" in text
    assert "1 task that needed a result of these was skipped." in text
    assert "✓ Database technology → A · PostgreSQL with optimization" in text
    assert "Nobody answered within 10:00" in text
    assert "Enter" not in text
    assert "left" not in text


def test_many_phases_and_agents_are_summed_up() -> None:
    """What does not fit is counted; the phases at work stay in view, in the plan's order."""
    phases = [
        {"name": f"P{p}", "tasks": [{"agent": f"a{p}-{t}"} for t in range(10)]} for p in range(30)
    ]
    story = Story(Plan(name="big", max_concurrency=99, phases=phases))
    for task in range(10):
        story.start(1, f"a0-{task}")
        story.complete(2, f"a0-{task}")
        story.start(3, f"a1-{task}")
    lines = drawn(story, height=20)
    text = "\n".join(lines)
    assert "2 P1 " in text
    assert "phases more" in text
    assert "agents more at work" in text
    assert len(lines) <= 20


def test_the_work_of_a_picture_grows_with_the_tasks_at_most() -> None:
    """A picture of 10,000 tasks makes at most ten times the calls of one of 1,000."""

    def calls(tasks: int) -> int:
        phases = [
            {"name": f"P{p}", "tasks": [{"agent": f"a{p}-{t}"} for t in range(tasks // 10)]}
            for p in range(10)
        ]
        story = Story(Plan(name="big", phases=phases))
        drawn(story)  # what is looked up once
        count = 0

        def profile(frame: object, event: str, about: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(profile)
        try:
            drawn(story)
        finally:
            sys.setprofile(None)
        return count

    few = calls(1_000)
    assert few > 0
    assert calls(10_000) <= 10 * few
