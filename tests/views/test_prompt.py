"""What a person types."""

from __future__ import annotations

import pytest

from orchestra_nb.plan import Plan
from orchestra_nb.views.keys import keys_in
from orchestra_nb.views.prompt import Prompt, Wish, interpret

from .story import Story, middle


def typed(prompt: Prompt, story: Story, text: str) -> Wish | None:
    """Type a line; what it asks for."""
    wish = None
    for key in keys_in(text):
        wish = prompt.key(key, story.state) or wish
    return wish


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        ("B", Wish("answer", "database-technology", "B")),
        ("b", Wish("answer", "database-technology", "B")),
        ("b it scales", Wish("answer", "database-technology", "B", "it scales")),
        ("= SQLite will do", Wish("other", "database-technology", text="SQLite will do")),
        ("+", Wish("extend", "database-technology")),
        ("w", Wish("hold", "database-technology")),
        ("auto", Wish("autopilot")),
        ("p", Wish("pause")),
        ("s", Wish("stop")),
        ("n", Wish("next", "database-technology")),
        ("?", Wish("help")),
    ],
)
def test_lines_mean(line: str, wish: Wish) -> None:
    """Letters answer, words after them are a note, signs steer."""
    decision = middle().state.decisions["database-technology"]
    assert interpret(line, decision) == wish


def test_nonsense_is_answered() -> None:
    """A line that means nothing says what could be typed, and decides nothing."""
    story = middle()
    decision = story.state.decisions["database-technology"]
    assert interpret("x", decision) == "x is not one of A, B or C; ? shows all keys."
    assert interpret("=", decision) == "Write your answer after the =."
    assert isinstance(interpret("B", None), str)
    assert interpret("p", None) == Wish("pause")
    decision.other = False
    assert interpret("= mine", decision) == "Only A, B or C can be answered here."


def test_an_option_goes_before_a_command() -> None:
    """Where an option is called like a command, the letter is the option."""
    options = {"S": "Small", "P": "Plenty"}
    tasks = [{"decision": "Size", "options": options}]
    story = Story(Plan(name="x", phases=[{"name": "P", "tasks": tasks}]))
    story.ask(1, "size", None)
    assert interpret("s", story.state.decisions["size"]) == Wish("answer", "size", "S")


def test_enter_alone_decides_nothing() -> None:
    """A stray Enter, an arrow key or an emptied line has no effect."""
    story, prompt = middle(), Prompt()
    assert typed(prompt, story, "\r") is None
    assert typed(prompt, story, "\x1b[A\x1b[B\r") is None
    assert typed(prompt, story, "B\x7f\r") is None
    assert typed(prompt, story, "B\x15\r") is None
    assert typed(prompt, story, "B\r") == Wish("answer", "database-technology", "B")


def test_what_enter_would_do_is_said_before() -> None:
    """While a line is typed, the picture names the choice that Enter would make."""
    story, prompt = middle(), Prompt()
    typed(prompt, story, "B")
    assert prompt.typing.preview == "Enter takes B · Cassandra"
    typed(prompt, story, " why not")
    assert prompt.typing.preview == "Enter takes B · Cassandra, with this note"


def test_an_answer_never_slips_to_another_decision() -> None:
    """A line begun for a decision that is over by then is not used for the next one."""
    tasks = [{"decision": name, "options": ["x", "y"], "recommend": "A"} for name in ("One", "Two")]
    story = Story(Plan(name="x", phases=[{"name": "P", "tasks": tasks}]))
    story.ask(1, "one", 60.0)
    story.ask(1, "two", 90.0)
    prompt = Prompt()
    prompt.follow(story.state)
    typed(prompt, story, "B")
    story.decide(61, "one", "A", "timeout")
    assert typed(prompt, story, "\r") is None
    assert prompt.typing.decision == "two"
    assert typed(prompt, story, "B\r") == Wish("answer", "two", "B")


def test_too_late_is_said() -> None:
    """What was typed for a decision that ended meanwhile is named, with who took it."""
    story, prompt = middle(), Prompt()
    typed(prompt, story, "B")
    story.decide(750, "database-technology", "A", "timeout")
    prompt.follow(story.state)
    assert prompt.typing.said == ("Too late: A was taken by timeout at 10:42. Your B was not used.")
    assert prompt.typing.text == ""


def test_next_goes_round_the_open_decisions() -> None:
    """``n`` shows the next open decision and stays there although another ends sooner."""
    tasks = [{"decision": name, "options": ["x"], "recommend": "A"} for name in ("One", "Two")]
    story = Story(Plan(name="x", phases=[{"name": "P", "tasks": tasks}]))
    story.ask(1, "one", 60.0)
    story.ask(1, "two", 90.0)
    prompt = Prompt()
    typed(prompt, story, "n\r")
    assert prompt.typing.decision == "two"
    typed(prompt, story, "n\r")
    assert prompt.typing.decision == "one"


def test_wait_for_me_is_a_switch() -> None:
    """``w`` stops the clock; typed again it lets the clock run."""
    story, prompt = middle(), Prompt()
    assert typed(prompt, story, "w\r") == Wish("hold", "database-technology")
    story.state.decisions["database-technology"].held = "hold"
    assert typed(prompt, story, "w\r") == Wish("release", "database-technology")


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("a\r", ["a", "enter"]),
        ("\x1b[A", []),
        ("\x1b[1;5Cx", ["x"]),
        ("\x1bOP", []),
        ("\x1b", ["escape"]),
        ("\x7f\x08\x15", ["backspace", "backspace", "escape"]),
        ("\x00\x01é", ["é"]),
    ],
)
def test_keys(data: str, keys: list[str]) -> None:
    """Arrows and function keys are no letters."""
    assert keys_in(data) == keys
