"""What a form came to, in words."""

from __future__ import annotations

import pytest

from orchestra_nb.state import DecisionState
from orchestra_nb.views.answers import answered, answered_line, answered_words
from tests.widgets import form_scenes


def form(by: str = "user", values: dict[str, object] | None = None) -> DecisionState:
    """The form of a run that has started."""
    return form_scenes.started(by, values).state.decisions[form_scenes.FORM]


DEFAULTS = {"goal": None, "audience": ["B2B"], "real_time": False, "uptime": 99.5}


def test_answers_stand_in_the_order_of_the_questions_and_as_people_say_them() -> None:
    """Those that were not asked are left out."""
    found = answered(form())
    assert [one.ask for one in found][:3] == [
        "What is the primary goal?", "Who is the target audience?",
        "Do you need real-time features?",
    ]  # fmt: skip
    assert [(one.answer, one.by_default) for one in found][1:6] == [
        ("B2B, Internal", False), ("yes", False), ("10 ms", False), ("500", True),
        ("no answer", True),
    ]  # fmt: skip
    assert "In which region are they?" not in [one.ask for one in found]


def test_an_open_form_and_other_cards_have_no_answers() -> None:
    """Nothing is said before it is so."""
    asking = form_scenes.asking().state.decisions[form_scenes.FORM]
    assert answered(asking) == []
    other = form_scenes.steered().state.decisions["database-technology"]
    assert answered(other) == []


@pytest.mark.parametrize(
    ("by", "values", "line"),
    [
        ("user", None, "Started as filled in by you, at 10:32 after 0:46 of 5:00."),
        ("user", DEFAULTS, "Started with the defaults by you, at 10:32 after 0:46 of 5:00."),
        ("remote", None, "Started as filled in by another program, at 10:32 after 0:46 of 5:00."),
        ("timeout", None, "Nobody answered within 5:00, so the run started as filled in at 10:32."),
        ("autopilot", DEFAULTS, "Autopilot started the run with the defaults at 10:32."),
    ],
)
def test_the_line_says_who_started_the_run_with_what(
    by: str, values: dict[str, object] | None, line: str
) -> None:
    """A default is never called an answer."""
    decision = form(by, values)
    assert decision.outcome
    assert answered_line(decision, decision.outcome) == line
    own = "the defaults" if values else "5 of 9 answered"
    assert answered_words(decision) == own


def test_a_log_that_somebody_else_wrote_breaks_nothing() -> None:
    """Whatever stands where the questions should be."""
    for questions in (None, 7, "text", [1, "two", {}, {"id": 3}, {"id": "goal"}], {"id": "goal"}):
        decision = form()
        decision.detail = {"questions": questions}
        assert [one.answer for one in answered(decision)] in (
            [], ["Raise revenue per account without losing small customers"],
        )  # fmt: skip
