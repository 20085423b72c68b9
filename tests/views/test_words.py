"""Shared words and figures."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_nb import events
from orchestra_nb.plan import parse_duration
from orchestra_nb.state import Outcome
from orchestra_nb.views import words

from .story import Story, middle


@pytest.mark.parametrize(
    ("figure", "reads"),
    [
        (words.count(1, "task"), "1 task"),
        (words.count(1200, "task"), "1,200 tasks"),
        (words.count(2, "entry", "entries"), "2 entries"),
        (words.at_least(0.2), "at least 1 s"),
        (words.at_least(41 * 60), "at least 41 min"),
        (words.at_least(7500), "at least 2 h 05 min"),
        (words.money(1.37), "$1.37"),
        (words.money(0), "$0.00"),
        (words.money(0.001), "under $0.01"),
        (words.tokens(950), "950"),
        (words.tokens(1500), "1.5 k"),
        (words.tokens(412_300), "412 k"),
        (words.tokens(999_600), "1.00 M"),
        (words.age(3), "now"),
        (words.age(12), "10 s"),
        (words.age(45), "30 s"),
        (words.age(150), "2 min"),
        (words.age(7300), "2 h"),
        (words.spoken(45), "45 seconds"),
        (words.spoken(0), "0 seconds"),
        (words.spoken(0.01), "0.1 seconds"),
        (words.spoken(300), "5 minutes"),
        (words.spoken(4 * 3600), "4 hours"),
        (words.spoken(3660), "1 hour 1 minute"),
        (words.percent(1, 3), "33"),
        (words.percent(199, 200), "99"),
        (words.percent(0, 0), "0"),
    ],
)
def test_figures(figure: object, reads: str) -> None:
    """Figures read as the board's copy has them."""
    assert str(figure) == reads


@given(st.integers(0, 10_000_000).map(lambda n: n / 100))
def test_spelled_durations_are_exact(seconds: float) -> None:
    """A duration in words is read back as the same duration."""
    assert parse_duration(words.spell(seconds)) == pytest.approx(seconds, abs=1e-6)


@given(st.text())
def test_plain_is_one_line_of_text(text: str) -> None:
    """Whatever a text holds, what is shown has no line break, control or half character."""
    line = words.plain(text)
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cs", "Zl", "Zp"}
    line.encode("utf-8")
    assert words.plain(line) == line


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("a\r\n  b\tc\u2028d", "a b c d"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x9b31mred", "red"),
        ("safe \u202etxt.exe", "safe txt.exe"),
        ("naïve 日本 👩‍🔬", "naïve 日本 👩‍🔬"),
        ("half \ud800", "half \ufffd"),
    ],
)
def test_plain(foreign: str, shown: str) -> None:
    """Escape sequences go whole, breaks become spaces, other people's letters stay."""
    assert words.plain(foreign) == shown


def test_cut() -> None:
    """A text is cut visibly, and a megabyte costs no more than its beginning."""
    assert words.cut("short", 10) == "short"
    assert words.cut("x" * 11, 10) == "x" * 9 + "…"
    assert words.cut("y" * 1_000_000, 10) == "y" * 9 + "…"
    assert words.cut("\n" * 100 + "z", 10) == "…"


@pytest.mark.parametrize(
    ("by", "rest", "sentence"),
    [
        ("user", {}, "You, at 10:34 after 1:40 of 10:00."),
        (
            "remote",
            {"who": "maria, from the command line"},
            "maria, from the command line, at 10:34 after 1:40 of 10:00.",
        ),
        (
            "timeout",
            {},
            "Nobody answered within 10:00, so the recommendation was taken at 10:34. "
            "Because: balance of performance and maintainability.",
        ),
        (
            "autopilot",
            {},
            "Autopilot took the recommendation at 10:34. "
            "Because: balance of performance and maintainability.",
        ),
        ("budget", {}, "The budget decided at 10:34."),
        ("agent", {"who": "backend-expert"}, "backend-expert chose at 10:34."),
    ],
)
def test_outcome_sentences(by: Any, rest: dict[str, str], sentence: str) -> None:
    """A record says by whom, when and after how long of how long."""
    story = middle()
    story.decide(250, "database-technology", "A", by, **rest)
    decision = story.state.decisions["database-technology"]
    assert decision.outcome is not None
    assert words.outcome_sentence(decision, decision.outcome) == sentence


def test_policy_sentence_names_the_mode() -> None:
    """A decision taken by the mode says which mode."""
    story = middle()
    story.decide(150, "database-technology", "A", "policy")
    decision = story.state.decisions["database-technology"]
    assert decision.outcome is not None
    said = words.outcome_sentence(decision, decision.outcome, mode="guided")
    assert said == "Guided mode takes the recommendation for uncategorised decisions, at once."
    said = words.outcome_sentence(decision, decision.outcome, mode="fully_autonomous")
    assert said == "Fully autonomous mode takes the recommendation, at once."


def test_countdown_says_what_happens_next() -> None:
    """The clock line names the choice, warns in time and says when it stands still."""
    story = middle()
    decision = story.state.decisions["database-technology"]
    assert words.countdown(decision, 306) == "7:24 left, then A is taken."
    assert words.countdown(decision, 700) == "Only 0:50 left, then A is taken."
    assert words.countdown(decision, 725) == "Only 0:25 left, then A is taken."
    decision.held, decision.deadline = "hold", None
    assert words.countdown(decision, 725).startswith("Waiting for you.")
    decision.held = "typing"
    assert words.countdown(decision, 725) == "Clock paused while you type."
    decision.held = decision.timeout_s = None
    assert words.countdown(decision, 725).startswith("No clock")


def test_choice_is_key_and_text_or_own_words() -> None:
    """A choice reads as key and text; a free answer as the words in quotes."""
    story = middle()
    story.decide(250, "database-technology", "other", text="SQLite")
    decision = story.state.decisions["database-technology"]
    assert decision.outcome is not None
    assert words.choice(decision, decision.outcome) == "“SQLite”"


@pytest.mark.parametrize(
    ("purpose", "option", "values", "said", "noted"),
    [
        ("approval", "A", None, "Approved", "Note: “Say why”."),
        ("approval", "A", {"to": "me"}, "Approved with changes", "Note: “Say why”."),
        ("approval", "B", None, "Refused: Say why", ""),
        ("review", "A", None, "Accepted", "Note: “Say why”."),
        ("review", "A", {"result": 1}, "Accepted with changes", "Note: “Say why”."),
        ("review", "B", None, "Sent back: Say why", ""),
        ("checkpoint", "B", None, "B · Adjust", "Note: “Say why”."),
        ("failure", "B", None, "B · Adjust", "Note: “Say why”."),
        ("budget", "A", {"usd": 12.5}, "A · Adjust to $12.50", "Note: “Say why”."),
        ("budget", "A", {"tokens": 2e6}, "A · Adjust to 2,000,000 tokens", "Note: “Say why”."),
    ],
)
def test_a_choice_says_what_it_meant_for_its_purpose(
    purpose: Any, option: str, values: Any, said: str, noted: str
) -> None:
    """A refusal and what was sent back carry their words; nothing is said twice."""
    story = middle()
    decision = story.state.decisions["database-technology"]
    decision.purpose = purpose
    outcome = Outcome(option, "Adjust", "user", note="Say why", values=values)
    assert words.choice(decision, outcome) == said
    assert words.noted(decision, outcome) == noted


def test_wait_sentences() -> None:
    """A wait says its cause and, where it is known, when it ends."""
    story = Story()
    story.start(1, "business-analyst")
    task = story.state.task("business-analyst")
    story.wait(2, "business-analyst", "rate_limit", until=20.0)
    assert words.wait_sentence(task, 2) == "Rate limit: next try in 0:18"
    story.wait(2, "business-analyst", "slot")
    assert words.wait_sentence(task, 2) == "No free slot"
    assert not words.stalled(task, 500)
    story.wait(3, "business-analyst", None)
    assert words.stalled(task, 500)


def test_what_waits_for_a_word_about_its_result_says_so() -> None:
    """Failed and asked about, under review, sent back: each reads differently."""
    story = Story()
    of: dict[str, Any] = {"task": "business-analyst", "agent": "business-analyst", "phase": 1}
    story.start(1, "business-analyst")
    task = story.state.task("business-analyst")
    detail, error = "a choice, it failed: ValueError: no", "ValueError: no"
    story.tell(2, events.agent_wait(**of, cause="human", detail=detail, error=error))
    assert words.wait_sentence(task, 2) == f"Waits for you: {detail}"
    assert (task.error, [span[0] for span in task.spans]) == (error, ["slot", "failed", "human"])
    again: dict[str, Any] = {"attempt": 1, "delay_s": 0.0}
    story.tell(3, events.agent_retry(**of, **again, error=error, cause=None))
    assert words.wait_sentence(task, 3) == f"Retrying: {error}"
    story.start(3, "business-analyst", attempt=2)
    story.tell(4, events.agent_wait(**of, cause="human", detail="review of its result"))
    assert words.wait_sentence(task, 4) == "Waits for you: review of its result"
    story.tell(5, events.agent_retry(**of, **again, error="name your sources", cause="review"))
    assert words.wait_sentence(task, 5) == "Retrying: sent back: name your sources"
    assert task.comments == ("name your sources",)
