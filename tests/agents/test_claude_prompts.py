"""What a Claude agent is told."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from pydantic import BaseModel

from orchestra_nb.agents.prompts import (
    MAX_RESULT,
    as_text,
    first_message,
    shorten,
    system_blocks,
)
from orchestra_nb.plan import Question

from .recording import Recording


class Price(BaseModel):
    """A result that is a model."""

    plan: str
    usd: float


def test_the_system_prompt_says_project_level_and_agent() -> None:
    """Project and level come first and are shared; who the agent is comes last."""
    shared, own = (block["text"] for block in system_blocks(Recording().as_context))
    assert shared.startswith("# Project: Pricing optimizer\n\nPricing optimisation with ML")
    assert "# Level 3 of 5: Alpha Production" in shared
    assert "- code quality: production" in shared
    assert "- skip: white label, SSO" in shared
    assert "request_decision" in shared
    assert own.startswith("You are database architect.")


def test_the_first_message_has_everything_the_task_builds_on() -> None:
    """Results, gaps, decisions, answers, findings and notes come before the task."""
    context = Recording(
        results={"analyst": "Market is growing", "numbers": {"users": 3}},
        missing={"history": "failed: rate limited"},
        decisions={"db": SimpleNamespace(option="A", text="PostgreSQL", note="ok", by="user")},
        answers={"latency": 100, "real_time": True, "goal": None},
        plan=SimpleNamespace(
            questions=(
                Question(id="goal", ask="What is the goal?"),
                Question(
                    id="real_time",
                    ask="Real-time features?",
                    kind="yes_no",
                    follow_up={"yes": [{"id": "latency", "ask": "Latency?", "kind": "integer"}]},
                ),
            )
        ),
        findings=(("analyst", "Two rivals"),),
        notes=("Be brief",),
    )
    text = first_message(context.as_context)
    for part in (
        '<result task="analyst">\nMarket is growing\n</result>',
        '"users": 3',
        '<missing task="history">failed: rate limited</missing>',
        '<decision id="db" by="user">\nA. PostgreSQL\nNote: ok\n</decision>',
        "<answers>\n- Real-time features? yes\n- Latency? 100\n</answers>",
        "- analyst: Two rivals",
        "- Be brief",
    ):
        assert part in text
    assert text.endswith(
        '<task phase="Architecture">\nCompare three databases for 10k writes/s\n</task>'
    )


def test_what_was_sent_back_ends_the_first_message() -> None:
    """The previous result and every comment come after the task, with what to do about them."""
    context = Recording(comments=("no sources", "too long"), previous={"draft": 2})
    text = first_message(context.as_context)
    assert text.endswith(
        "</task>\n\n"
        '<previous_result>\n{\n  "draft": 2\n}\n</previous_result>\n\n'
        "<comments>\n- no sources\n- too long\n</comments>\n\n"
        "The person looked at your previous result and sent it back; the last comment is about "
        "it. Do the task again, in full, so that every comment is met."
    )
    assert "previous_result" not in first_message(Recording().as_context)


def test_a_long_previous_result_is_shortened() -> None:
    """What was sent back gets the room of one result, and says how much is gone."""
    context = Recording(comments=("shorter",), previous="x" * (MAX_RESULT + 5))
    assert "[… 5 of 40,005 characters left out here …]" in first_message(context.as_context)


def test_a_long_result_is_shortened_where_one_can_see_it() -> None:
    """Head and tail stay, and the text says how much is gone."""
    long = "a" * MAX_RESULT + "b" * 1000
    text = first_message(Recording(results={"x": long}).as_context)
    assert "[… 1,000 of 41,000 characters left out here …]" in text
    assert "bbb\n</result>" in text


def test_many_results_share_the_room() -> None:
    """A hundred long results get an even share of the whole."""
    many = {f"t{n}": "x" * MAX_RESULT for n in range(100)}
    text = first_message(Recording(results=many).as_context)
    assert len(text) < 420_000
    assert text.count("left out here") == 100


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ({"a": [1, None]}, '{\n  "a": [\n    1,\n    null\n  ]\n}'),
        (Price(plan="pro", usd=9.5), '{\n  "plan": "pro",\n  "usd": 9.5\n}'),
        (b"\x00" * 2000, "[2,000 bytes of binary data]"),
        (None, "null"),
        (pd.DataFrame({"a": [1, 2]}), "[table, 2 × 1]\n,a\n0,1\n1,2\n"),
    ],
)
def test_results_become_readable_text(value: object, text: str) -> None:
    """Data is JSON, tables are CSV, bytes are only named."""
    assert as_text(value) == text


def test_a_value_whose_repr_fails_still_has_a_text() -> None:
    """Nothing an agent returns can break the next agent's prompt."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert "Broken object at" in as_text(Broken())
    assert as_text([object]).startswith("[")


def test_short_texts_are_left_alone() -> None:
    """Nothing is cut that fits."""
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd" * 10, 6).startswith("abcd\n[…")
