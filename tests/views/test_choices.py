"""An agent's own choice is told on every surface, and is no decision of a person."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestra_nb.views.frame import render
from orchestra_nb.views.lines import Lines
from orchestra_nb.views.plan_md import plan_md
from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import final_html

from .story import Story, middle

WHY = "Focus on <B2B> (the money is there)"


@pytest.fixture
def story() -> Story:
    """Give a run in which an agent chose something itself."""
    told = middle()
    told.choose(200, "business-analyst", "Focus on <B2B>", "the money is there")
    return told


def test_lines_tell_a_choice(story: Story) -> None:
    """It has the sign of a decision and a word of its own."""
    lines = Lines().changes(story.state)
    assert f"[03:20] 💡 Choice: {WHY} (business-analyst)" in lines
    assert f"[03:20] * Choice: {WHY} (business-analyst)" in Lines(unicode=False).changes(
        story.state
    )


def test_the_picture_of_a_terminal_tells_a_choice(story: Story) -> None:
    """It stands among the findings."""
    file = io.StringIO()
    Console(file=file, width=100, legacy_windows=False).print(
        render(story.state, 210.0, width=100, height=40, typing=None, unicode=True)
    )
    assert f"· Choice: {WHY}" in file.getvalue()


def test_the_plan_file_counts_a_choice_as_a_key_decision(story: Story) -> None:
    """By the agent that made it, in the list where the spec's plan has them."""
    text = plan_md(story.state, now=210.0, wall=0.0)
    decisions = text.partition("## Key Decisions Made")[2].partition("## ")[0]
    assert "- **business-analyst**: Focus on" in decisions
    assert "(the money is there)" in decisions


def test_the_record_tells_a_choice(story: Story) -> None:
    """As text, whatever an agent wrote."""
    page = final_html(story.state, run=RunInfo.of(story.state))
    assert "<b>Choice</b> Focus on &lt;B2B&gt; (the money is there)" in page
