"""Cards of every purpose in words and in a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from orchestra_nb.views.card import Filling, Typing, asked_now
from orchestra_nb.views.detail import details, heading, outlook
from orchestra_nb.views.filling import by_number, edited, result_of, visible
from orchestra_nb.views.keys import keys_in
from orchestra_nb.views.lines import Lines
from orchestra_nb.views.prompt import FORM_HELP, Prompt, Wish, interpret
from orchestra_nb.views.words import countdown

from .purposes import DETAILS, QUESTIONS, card_of, opened
from .story import HOSTILE, Story
from .test_frame import drawn

PURPOSES = (
    "form", "checkpoint", "overrun", "blocker", "approval", "review", "failure", "budget", "spend",
)  # fmt: skip


def typed(prompt: Prompt, story: Story, text: str) -> Wish | None:
    """Type a line; what it asks for. What a form is told is taken as it is."""
    wish = None
    for key in keys_in(text):
        found = prompt.key(key, story.state)
        if found is not None and found.verb == "draft":
            prompt.drafted(found, {})
        wish = found or wish
    return wish


# What a card tells.


def test_a_checkpoint_tells_what_was_found_and_what_it_took() -> None:
    """Blockers first, time and cost against what was expected, findings from the newest on."""
    card = card_of(opened("checkpoint"))
    assert details(card) == [
        "Blocker: No history before 2025 (data)",
        "Took 14 min, expected 12 min (9 min to 17 min); at least 47 min left.",
        "Cost $0.98 and what is not known of $5.00.",
        "Finding: B2B pays per seat (analyst)",
        "Finding: Prices move weekly (analyst)",
        "At work: a, b, c, d, e and 1 more.",
        "C leaves out audit: runs from level 4",
    ]
    assert outlook(card, "A") == "3 tasks are still to start."
    assert outlook(card, "B") == ""
    assert heading(card) == "checkpoint"


def test_an_approval_tells_the_call() -> None:
    """The tool, its arguments as they would be typed, and what was wrong with them."""
    assert details(card_of(opened("approval"))) == [
        "Problem: count: must be at most 2",
        "Tool deploy: Puts it online.",
        '  region = "eu"',
        "  count = 3",
        '  tags = ["a"]',
    ]


def test_a_review_tells_the_result() -> None:
    """The attempt, why it was sent back before, and the result line by line."""
    assert details(card_of(opened("review"))) == [
        "Attempt 2.",
        "Sent back before: “too short”.",
        "  {",
        '    "n": 1',
        "  }",
    ]


def test_a_failure_tells_what_it_costs() -> None:
    """The error, the attempts and who needs the result; not twice what the context says."""
    assert details(card_of(opened("failure"))) == [
        "Error: no table",
        "3 attempts so far.",
        "2 tasks need its result: x, y.",
    ]
    again = card_of(opened("failure", context="no table\n3 attempts, the last at 10:48."))
    assert details(again) == ["2 tasks need its result: x, y."]


def test_a_budget_tells_what_is_used_and_who_waits() -> None:
    """What of how much, what calls in flight may come to, who has no room, what B would take."""
    assert details(card_of(opened("budget"))) == [
        "Used $4.02 of $5.00, $0.48 held for calls in flight.",
        "Without room: x, y.",
        "Cheaper model: small instead of big",
    ]
    tokens = {"kind": "tokens", "used": 1_900_000, "cap": 2_000_000, "held": 0}
    assert details(card_of(opened("budget", detail=tokens))) == [
        "Used 1,900,000 tokens of 2,000,000 tokens."
    ]


def test_a_spend_card_tells_what_is_expected_and_the_worst() -> None:
    """Sums, then task by task; what is not known is said to be unknown."""
    assert details(card_of(opened("spend"))) == [
        "Expected: about $0.09, 16 k tokens, 1 task of unknown cost.",
        "At most $1.12, 240 k tokens, 1 task of unknown cost.",
        "  x: about $0.09 (big)",
        "  y: unknown (own)",
    ]
    assert heading(card_of(opened("spend"))) == "paid work"


def test_a_form_tells_its_questions() -> None:
    """Groups, questions with defaults and the names they go by; no follow-up that is not asked."""
    assert details(card_of(opened("form"))) == [
        "Project",
        "What is the goal? (goal)",
        "Which market? [B2B] (market)",
        "Which regions? (regions)",
        "Technical",
        "Real time? [no] (rt)",
    ]
    bare = {"id": "Which team?", "ask": "Which team?", "kind": "text", "default": "A"}
    named = card_of(opened("form", detail={"questions": [bare]}))
    assert details(named) == ["Which team? [A]"], "what is called by its words is not said twice"
    assert countdown(card_of(opened("form")), 100) == (
        "10:00 left, then the run starts as filled in."
    )


STRANGE: tuple[Any, ...] = (
    {}, None, 7, "text", [], {"questions": 7}, {"questions": [7, {}, {"id": 3}, {"id": "x"}]},
    {"questions": [{"id": "x", "options": "ab", "depth": "deep", "parent": ["y"]}]},
    {"arguments": []}, {"arguments": {"x": {"y": [1]}}, "tool": None}, {"preview": 7},
    {"time": 7, "cost": []}, {"time": {"actual_s": float("nan")}, "cost": {"usd": -1}},
    {"findings": [[], ["a"], "ab", [1, 2]], "blockers": {}, "running": "abc", "outlook": [1]},
    {"comments": "x", "attempt": "two", "dependents": 3, "total": None, "simplify": {"tasks": 1}},
)  # fmt: skip


@pytest.mark.parametrize("purpose", [*PURPOSES, "hologram", "decision"])
@pytest.mark.parametrize("detail", STRANGE, ids=repr)
def test_no_detail_is_trusted(purpose: str, detail: Any) -> None:
    """Whatever a log holds, a card of any purpose is drawn, listed and typed at."""
    given = detail if isinstance(detail, dict) else {}
    story = opened(purpose, detail=given, options=[], recommend=None)
    story.state.decisions["card"].detail = given
    prompt = Prompt()
    prompt.follow(story.state)
    assert drawn(story, typing=prompt.typing)
    assert Lines().changes(story.state)
    for text in ("x\r", "x=1\r", "= y\r", "/start\r", "/back\r", "\r", "1\r"):
        typed(prompt, story, text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
@pytest.mark.parametrize("purpose", PURPOSES)
def test_hostile_details_are_only_text(purpose: str, text: str) -> None:
    """Nothing in a card's details leaves its line, or the terminal's width."""

    def soiled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: soiled(item) for key, item in value.items() if key != "parent"}
        if isinstance(value, list):
            return [soiled(item) for item in value]
        return text if isinstance(value, str) and value not in ("text", "json") else value

    story = opened(purpose, detail=soiled(DETAILS.get(purpose, DETAILS["checkpoint"])))
    lines = drawn(story, width=70, height=40, typing=Typing())
    assert all(line.isprintable() for line in lines)
    assert max(cell_len(line) for line in lines) <= 70
    for line in Lines().changes(story.state):
        assert line.replace("\ufe0f", "").isprintable()


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("height", [24, 30, 60])
def test_the_prompt_stays_visible(purpose: str, height: int) -> None:
    """However much a card tells, it leaves room for what is typed; what was cut is counted."""
    detail = dict(DETAILS.get(purpose, DETAILS["checkpoint"]))
    for key, many in (("findings", [["a", "b"]] * 20), ("dependents", ["x"] * 50)):
        detail |= {key: many} if key in detail else {}
    if purpose == "review":
        detail["preview"] = "line\n" * 200
    story = opened(purpose, detail=detail)
    for number in range(3):
        story.start(1, ("business-analyst", "data-analytics-expert", "qa-test-engineer")[number])
    lines = drawn(story, height=height, typing=Typing(text="b"))
    assert len(lines) <= height
    assert any(line.startswith("> b") for line in lines)
    if purpose == "review":
        assert any("lines more" in line for line in lines)


def test_options_say_what_they_would_do_where_there_is_room() -> None:
    """On a large terminal each option of a checkpoint has its outlook, on a small one the facts."""
    story = opened("checkpoint")
    assert "    A: 3 tasks are still to start." in drawn(story, height=50, typing=Typing())
    small = drawn(story, height=24, typing=Typing())
    assert "  Blocker: No history before 2025 (data)" in small
    assert not any("still to start" in line for line in small)


# Filling in a form.


def test_follow_ups_appear_with_their_condition() -> None:
    """Three questions deep, and gone again when an answer above them changes."""
    filled: dict[str, Any] = {"rt": "Yes", "latency": "10", "regions": "us, EU"}
    ids = [one["id"] for one in visible(QUESTIONS, filled)]
    assert ids == ["goal", "market", "regions", "rt", "latency", "why", "gdpr"]
    assert [one["id"] for one in visible(QUESTIONS, filled | {"rt": "no"})] == [
        *("goal", "market", "regions", "rt", "gdpr")
    ]
    assert "gdpr" in [one["id"] for one in visible(QUESTIONS, {"regions": ["EU"]})]
    assert "latency" not in [one["id"] for one in visible(QUESTIONS, {"rt": ""})]


def test_a_form_is_asked_question_by_question() -> None:
    """Words answer, Enter alone keeps the default, numbers stand for options, start begins."""
    story, prompt = opened("form"), Prompt()
    card = card_of(story)
    prompt.follow(story.state)
    filling = prompt.typing.filling(card)
    wish = typed(prompt, story, "ship it\r")
    assert wish == Wish("draft", "card", "goal", values={"goal": "ship it"})
    typed(prompt, story, "\r")
    typed(prompt, story, "1,3\r")
    assert filling.values == {"goal": "ship it", "regions": "EU, Asia"}
    assert asked_now(card, filling) == QUESTIONS[3]
    typed(prompt, story, "yes\r")
    typed(prompt, story, "250\r")
    assert asked_now(card, filling) == QUESTIONS[6]
    typed(prompt, story, "\r")
    assert asked_now(card, filling) is None
    assert typed(prompt, story, "\r") is None
    assert typed(prompt, story, "go\r") is None
    assert prompt.typing.said == "Write start to begin, or /back to change an answer."
    values = {"goal": "ship it", "regions": "EU, Asia", "rt": "yes", "latency": "250"}
    assert typed(prompt, story, "start\r") == Wish("answer", "card", "A", values=values)


def test_an_answer_that_does_not_fit_is_asked_again() -> None:
    """The fault stands under the question until an answer fits; other faults don't hold it up."""
    story, prompt = opened("form"), Prompt()
    card = card_of(story)
    prompt.follow(story.state)
    wish = Wish("draft", "card", "goal", values={"goal": "x"})
    prompt.typing.filling(card)
    prompt.drafted(wish, {"goal": "Needs text, such as a short sentence."})
    assert prompt.typing.said == "Needs text, such as a short sentence."
    assert asked_now(card, prompt.typing.filling(card)) == QUESTIONS[0]
    prompt.drafted(wish, {"market": "Needs one of: B2B, B2C."})
    assert asked_now(card, prompt.typing.filling(card)) == QUESTIONS[1]
    prompt.drafted(Wish("draft", "gone", "x"), {})


def test_a_form_goes_back_and_starts_at_once() -> None:
    """`/back` asks the last question again, `/start` begins with what there is and defaults."""
    story, prompt = opened("form"), Prompt()
    typed(prompt, story, "ship it\r")
    typed(prompt, story, "/back\r")
    card = card_of(story)
    assert asked_now(card, prompt.typing.filling(card)) == QUESTIONS[0]
    text = "\n".join(drawn(story, typing=prompt.typing))
    assert "Question 1 of 4 · Project" in text
    assert "Enter keeps ship it" in text
    assert typed(prompt, story, "/start\r") == Wish(
        "answer", "card", "A", values={"goal": "ship it"}
    )
    typed(prompt, story, "/back\r")
    typed(prompt, story, "/back\r")
    assert asked_now(card, prompt.typing.filling(card)) == QUESTIONS[0]


def test_letters_are_answers_in_a_form() -> None:
    """What is a command elsewhere answers a question here; commands begin with a slash."""
    card = card_of(opened("form"))
    wish = interpret("s", card)
    assert isinstance(wish, Wish)
    assert (wish.verb, wish.values) == ("draft", {"goal": "s"})
    assert interpret("/s", card) == Wish("stop")
    assert interpret("/w", card) == Wish("hold", "card")
    assert interpret("/+", card) == Wish("extend", "card")
    assert interpret("/jump", card) == "/jump is no command; /? shows all keys."
    story, prompt = opened("form"), Prompt()
    typed(prompt, story, "/?\r")
    assert prompt.typing.said == FORM_HELP
    typed(prompt, story, "/start")
    assert prompt.typing.preview == "Enter starts the run as filled in"


def test_what_is_asked_is_shown() -> None:
    """The last answers, the question with its options, what Enter alone would do."""
    story, prompt = opened("form"), Prompt()
    typed(prompt, story, "ship it\r")
    text = "\n".join(drawn(story, typing=prompt.typing))
    for part in (
        "The run starts after the questions below.",
        "◇ Which way  questions",
        "  ✓ What is the goal? ship it",
        "  Question 2 of 4",
        "▸ Which market?",
        "    1 B2B · 2 B2C",
        "    Enter keeps B2B",
        "then the run starts as filled in.",
        "/start begins now · /back",
        "> your answer, then Enter",
    ):
        assert part in text
    typed(prompt, story, "\r\ryes\r")
    text = "\n".join(drawn(story, typing=prompt.typing))
    assert "Enter leaves it open; such as 3000" in text


def test_nobody_at_the_keyboard_sees_all_questions() -> None:
    """Where nobody can type, a form's questions are listed."""
    text = "\n".join(drawn(opened("form")))
    assert "Which market? [B2B] (market)" in text
    assert "> " not in text


def test_a_form_that_ran_out_says_so() -> None:
    """What was typed for a form whose time ran out is named, and how the run started."""
    story, prompt = opened("form"), Prompt()
    typed(prompt, story, "ship")
    story.decide(700, "card", "A", "timeout")
    prompt.follow(story.state)
    assert prompt.typing.said == (
        "Too late: the run started as filled in at 10:41. Your ship was not used."
    )
    assert prompt.typing.filled == {}


# Calls and results.


def test_arguments_are_changed_by_name() -> None:
    """`name=value` changes an argument in its own type; approving sends all of them."""
    story, prompt = opened("approval"), Prompt()
    assert typed(prompt, story, "count=5\r") is None
    assert prompt.typing.said == "count will be 5, once you approve."
    typed(prompt, story, "region = us\r")
    assert "    count will be 5" in drawn(story, typing=prompt.typing)
    typed(prompt, story, "a")
    assert prompt.typing.preview == "Enter takes A · Approve, as edited"
    wish = typed(prompt, story, "\r")
    values = {"region": "us", "count": 5, "tags": ["a"]}
    assert wish == Wish("answer", "card", "A", values=values)
    assert typed(prompt, story, "b not in production\r") == Wish(
        "answer", "card", "B", "not in production"
    )
    assert interpret("zone=1", card_of(story)) == (
        "There is no argument zone; there are: region, count, tags."
    )
    assert interpret("a", card_of(story), Filling()) == Wish("answer", "card", "A")


def test_a_result_is_rewritten() -> None:
    """`= words` accepts a result with those words instead; JSON has to be JSON."""
    card = card_of(opened("review"))
    assert interpret('= {"n": 2}', card) == Wish("answer", "card", "A", values={"result": {"n": 2}})
    assert interpret("= two", card) == 'Needs JSON, such as {"segments": 3}.'
    assert interpret("=", card) == "Write the result after the =."
    assert interpret("b too short", card) == Wish("answer", "card", "B", "too short")
    card.detail = {**card.detail, "format": "text"}
    assert result_of(card, "two") == "two"
    card.detail = {**card.detail, "editable": False}
    said = interpret("= two", card)
    assert isinstance(said, str)
    assert said.startswith("This result can't be edited here")


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("eu", "5", "5"),
        (3, "5", 5),
        (3, "five", "five"),
        (None, "null", None),
        ([1], "[2, 3]", [2, 3]),
        (True, "false", False),
        (3, "[" * 100_000, "[" * 100_000),
    ],
)
def test_values_keep_their_type(before: Any, text: str, after: Any) -> None:
    """Text stays text; anything else is read as JSON where it is some."""
    assert edited(before, text) == after


def test_numbers_stand_for_options() -> None:
    """A number is an option's, unless an option is called so."""
    choice, several = QUESTIONS[1], QUESTIONS[2]
    assert by_number(choice, "2") == "B2C"
    assert by_number(choice, "3") == "3"
    assert by_number(several, "3, 1") == "Asia, EU"
    assert by_number(several, "3, US") == "3, US"
    assert by_number({**choice, "options": ["1", "2"]}, "2") == "2"
    assert by_number(QUESTIONS[0], "2") == "2"
    assert by_number(choice, "²") == "²"


def test_lines_tell_a_card_s_facts() -> None:
    """In a log, what a card tells stands between its title and its options."""
    lines = Lines().changes(opened("approval").state)
    at = lines.index("[01:40] ❓ Decision required: Which way")
    assert lines[at + 1 : at + 3] == [
        "          Problem: count: must be at most 2",
        "          Tool deploy: Puts it online.",
    ]
    review = {**DETAILS["review"], "preview": "line\n" * 50}
    lines = Lines().changes(opened("review", detail=review).state)
    assert "          … and 44 more lines" in lines


def test_lines_tell_the_story_of_a_card_and_what_each_option_does() -> None:
    """Without a terminal too: what has to be known, and the explanation beside each option."""
    options = [{"key": "A", "text": "Start", "description": "paid agents begin"}]
    story = opened("spend", context="4 tasks call big.", options=options, recommend=None)
    told = "\n".join(Lines().changes(story.state))
    assert "          4 tasks call big." in told
    assert "          A. Start (paid agents begin)" in told
