"""A decision's detail as it travels: printable, bounded, and honest about what was changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_nb.widgets.details import MOST_ITEMS, MOST_TEXT, printable

from . import card_scenes as cards
from .scenes import HOSTILE, begun
from .test_snapshot import picture

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_whatever_it_is_it_can_travel_and_be_shown(value: Any) -> None:
    """The copy is JSON that every browser reads, and holds no hidden character."""
    shown, exact = printable(value)
    text = json.dumps(shown, ensure_ascii=False, allow_nan=False)
    text.encode()
    assert not any(char in text for char in "\x1b\x07\u202e\u2066\u200b\ufeff")
    assert json.loads(text) == shown
    if exact:
        assert shown == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand a tab\r\n", "two\nlines\tand a tab\r\n"),
        ("  indented  ", "  indented  "),
        ("👩‍💻 می‌خواهم", "👩‍💻 می‌خواهم"),
        ("a\u202eb", "a‹U+202E›b"),
        ("\x1b[31mred", "‹U+001B›[31mred"),
        ("half \ud800", "half ‹U+D800›"),
        ("over\rwritten", "over‹U+000D›written"),
        ("tag\U000e0041", "tag‹U+E0041›"),
    ],
)
def test_hidden_characters_are_named_and_ordinary_ones_kept(text: str, shown: str) -> None:
    """Whoever approves a text reads all of it; emoji and joined letters stay as they are."""
    assert printable(text) == (shown, shown == text)


@pytest.mark.parametrize(
    "value",
    ["x" * (MOST_TEXT + 1), ["x"] * (MOST_ITEMS + 1), float("nan"), float("inf"), 2**53 + 1,
     {"a": ["y" * MOST_TEXT] * 4}, object()],
)  # fmt: skip
def test_what_was_cut_or_cannot_come_back_is_said_so(value: Any) -> None:
    """What a person makes of it could not take the value's place."""
    shown, exact = printable(value)
    assert not exact
    assert len(json.dumps(shown)) < 70_000


def test_a_nest_of_a_thousand_lists_is_cut() -> None:
    """Depth costs nothing."""
    nest: Any = "x"
    for _ in range(1000):
        nest = [nest]
    shown, exact = printable(nest)
    assert (len(json.dumps(shown)) < 60, exact) == (True, False)


def test_a_decision_travels_with_its_purpose_and_detail_while_it_is_open() -> None:
    """The card needs it; the record does not."""
    s = cards.approval()
    found = picture(s, 18.7)["decisions"][0]
    assert (found["purpose"], found["why"], found["exact"]) == ("approval", "approval", True)
    assert found["detail"] == cards.APPROVAL["detail"]
    assert s.state.tasks[found["about"]].id == "product-strategy-expert"
    s.decide(18.8, "send-email-1", "A", "user", values={"to": "me"})
    found = picture(s, 18.9)["decisions"][0]
    assert found["detail"] == {}
    assert found["outcome"]["chosen"] == "Approved with changes"


def test_who_waits_for_a_reviewed_task_is_on_its_card() -> None:
    """Whoever needs its result is held up by the review."""
    s = begun()
    s.ask(18.2, "review-4", "Review", task="uiux-expert", **cards.REVIEW)
    found = picture(s, 18.7)["decisions"][0]
    assert (found["waiting"], found["first"]) == (1, "frontend-expert")


def test_nobody_waits_for_a_card_that_opened_by_itself() -> None:
    """A card about late work names a task, and holds up nobody who needs that."""
    s = begun()
    s.ask(18.2, "overrun-2", "Late", task="uiux-expert", purpose="overrun")
    found = picture(s, 18.7)["decisions"][0]
    assert (found["about"], found["waiting"]) == (s.state.graph.index["uiux-expert"], 0)


def test_hostile_details_travel_short_and_printable() -> None:
    """Nine hostile strings in every field of 36 cards."""
    found = json.dumps(picture(cards.hostile(), 18.7), ensure_ascii=False)
    found.encode()
    assert len(found) < 70_000 * 4 * len(HOSTILE)
    for char in ("\x1b", "\\u001b", "\u202e", "\\u0000", "\\u0007", "NaN,", "Infinity"):
        assert char not in found
