"""Questions before a run: what they accept, which are asked, what a form comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from orchestra_nb.errors import PlanError
from orchestra_nb.plan import Plan, Question
from orchestra_nb.plan.answers import example, is_blank, read, spell, typed
from orchestra_nb.plan.forms import (
    defaults,
    described,
    flat,
    given,
    left_to_ask,
    read_form,
)
from orchestra_nb.plan.project import project

BIG = 10**400
OWN = {"level": 3, "timeline": "normal", "budget": None}


def question(kind: str, **more: Any) -> Question:
    """A question of that kind; choices are between B2B, B2C and 3."""
    if kind in ("choice", "several"):
        more = {"options": ["B2B", "B2C", "3"]} | more
    return Question(ask="Q?", kind=kind, **more)  # type: ignore[arg-type]


# One answer.

GOOD: list[tuple[str, dict[str, Any], object, object]] = [
    ("text", {}, "  anything at all ", "anything at all"),
    ("text", {}, "two\nlines", "two\nlines"),
    ("text", {}, 500, "500"),
    ("text", {}, "half \ud800", "half \ufffd"),
    ("number", {}, "2.5", 2.5),
    ("number", {}, " -3 ", -3),
    ("number", {}, ".5", 0.5),
    ("number", {}, "1e3", 1000.0),
    ("number", {}, 7, 7),
    ("number", {"min": 0, "max": 1}, "1", 1),
    ("integer", {}, "3000", 3000),
    ("integer", {}, "+007", 7),
    ("integer", {"min": 1, "max": 5}, 5, 5),
    ("choice", {}, "B2C", "B2C"),
    ("choice", {}, " b2c ", "B2C"),
    ("choice", {}, 3, "3"),
    ("choice", {"options": ["us", "US"]}, "US", "US"),
    ("several", {}, ["3", "b2b"], ["B2B", "3"]),
    ("several", {}, "B2C", ["B2C"]),
    ("several", {}, "3, B2B,", ["B2B", "3"]),
    ("several", {}, {"B2B", "B2C"}, ["B2B", "B2C"]),
    ("several", {}, [], []),
    ("several", {"options": ["a, b", "c"]}, "A, B", ["a, b"]),
    ("yes_no", {}, "Yes", True),
    ("yes_no", {}, "n", False),
    ("yes_no", {}, "TRUE", True),
    ("yes_no", {}, False, False),
    ("path", {}, " data/prices.csv ", "data/prices.csv"),
    ("path", {}, Path("a") / "b", str(Path("a") / "b")),
    ("path", {}, "C:\\Users\\ä b.csv", "C:\\Users\\ä b.csv"),
]
NEEDS_ONE, NEEDS_SOME = "Needs one of: B2B, B2C, 3.", "Needs some of: B2B, B2C, 3."
A_PATH = "Needs a path, such as data/prices.csv."
BAD: list[tuple[str, dict[str, Any], object, str]] = [
    ("text", {}, "x" * 4_001, "Needs at most 4,000 characters; this has 4,001."),
    ("text", {}, ["x"], "Needs text, such as a short sentence."),
    ("text", {}, True, "Needs text, such as a short sentence."),
    ("number", {}, "a few", "Needs a number, such as 2.5."),
    ("number", {}, "1,5", "Needs a number, such as 2.5."),
    ("number", {}, "nan", "Needs a number, such as 2.5."),
    ("number", {}, float("inf"), "Needs a number, such as 2.5."),
    ("number", {}, "1e999", "Needs a number, such as 2.5."),
    ("number", {}, BIG, "Needs a number, such as 2.5."),
    ("number", {}, True, "Needs a number, such as 2.5."),
    ("number", {"min": 1, "max": 5}, "6", "Needs a number from 1 to 5."),
    ("number", {"min": 0.01}, "0", "Needs a number of at least 0.01, such as 2.5."),
    ("number", {"max": 2}, "3", "Needs a number of at most 2, such as 2."),
    ("integer", {}, "a few thousand", "Needs a whole number, such as 3000."),
    ("integer", {}, "3.0", "Needs a whole number, such as 3000."),
    ("integer", {}, 3.0, "Needs a whole number, such as 3000."),
    ("integer", {}, "9" * 5_000, "Needs a whole number, such as 3000."),
    ("integer", {"min": 1, "max": 5}, "0", "Needs a whole number from 1 to 5."),
    ("integer", {"min": 5000}, "1", "Needs a whole number of at least 5000, such as 5000."),
    ("choice", {}, "B2G", NEEDS_ONE),
    ("choice", {}, ["B2B"], NEEDS_ONE),
    ("choice", {}, None, NEEDS_ONE),
    ("several", {}, ["B2B", "B2G"], NEEDS_SOME),
    ("several", {}, "B2B, B2G", NEEDS_SOME),
    ("several", {}, {"B2B": 1}, NEEDS_SOME),
    ("several", {}, [["B2B"]], NEEDS_SOME),
    ("yes_no", {}, "maybe", "Needs yes or no."),
    ("yes_no", {}, 1, "Needs yes or no."),
    ("path", {}, "a\0b", A_PATH),
    ("path", {}, "a\nb", A_PATH),
    ("path", {}, 5, A_PATH),
    ("path", {}, "x" * 1_001, A_PATH),
]


@pytest.mark.parametrize(("kind", "more", "raw", "value"), GOOD, ids=range(len(GOOD)))
def test_answers_are_read(kind: str, more: dict[str, Any], raw: object, value: object) -> None:
    """What people type, and what programs give, becomes a value of the question's type."""
    found = read(question(kind, **more), raw)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "more", "raw", "message"), BAD, ids=range(len(BAD)))
def test_faults_say_what_is_needed(
    kind: str, more: dict[str, Any], raw: object, message: str
) -> None:
    """What does not fit is refused with the sentence that stands beside the field."""
    with pytest.raises(ValueError, match=r"^Needs ") as caught:
        read(question(kind, **more), raw)
    assert str(caught.value) == message


def test_a_long_list_of_options_is_cut() -> None:
    """A message stays readable however much there is to choose from."""
    many = question("choice", options=[f"option {n} " + "x" * 200 for n in range(500)])
    with pytest.raises(ValueError, match="and 480 more") as caught:
        read(many, "other")
    assert len(str(caught.value)) < 1_500


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@having(st.sampled_from(["text", "number", "integer", "choice", "several", "yes_no", "path"]), ANY)
def test_what_is_read_is_read_again(kind: str, raw: object) -> None:
    """Whatever is answered either is refused in words, or has a value that JSON and forms keep."""
    asked = question(kind)
    filled = read_form(flat([asked]), {"Q?": raw}, {})
    if "Q?" not in filled.said:
        assert is_blank(raw) or filled.faults["Q?"].startswith("Needs ")
        return
    value = filled.values["Q?"]
    assert json.loads(json.dumps(value)) == value
    if not is_blank(typed(value)):
        assert read(asked, typed(value)) == value
    assert spell(value)


@pytest.mark.parametrize("kind", ["number", "integer", "choice", "several", "yes_no", "path"])
@pytest.mark.parametrize("bounds", [{}, {"min": 10_000}, {"max": -1}, {"min": 1, "max": 5}])
def test_examples_are_answers(kind: str, bounds: dict[str, int]) -> None:
    """The example beside a field would be accepted in it."""
    more = bounds if kind in ("number", "integer") else {}
    read(question(kind, **more), example(question(kind, **more)))


def test_answers_are_spelled_as_people_say_them() -> None:
    """Yes and no, lists and numbers read like words; nothing is said to be nothing."""
    values = [True, False, ["a", "b"], [], 3000, 2.5, "text", None]
    words = ["yes", "no", "a, b", "none of them", "3000", "2.5", "text", "no answer"]
    assert [spell(value) for value in values] == words
    assert typed(["a"]) == ["a"]
    assert typed(None) is None


# Which are asked.

CHAIN = [
    Question(
        id="real_time",
        ask="Real-time features?",
        kind="yes_no",
        default="no",
        group="Speed",
        follow_up={
            "yes": [
                Question(
                    id="latency",
                    ask="Latency?",
                    options=["1 s", "100 ms"],
                    default="1 s",
                    follow_up={
                        "100 ms": [
                            {
                                "id": "users",
                                "ask": "Users?",
                                "kind": "integer",
                                "default": 500,
                                "follow_up": {"3000": ["Where are they?"]},
                            }
                        ]
                    },
                )
            ]
        },
    ),
    Question(
        id="law", ask="Law?", options=["GDPR", "HIPAA"], kind="several",
        follow_up={"HIPAA": [{"id": "state", "ask": "Which state?"}]},
    ),
]  # fmt: skip


def asked_with(**raw: object) -> list[str]:
    """Ids of the questions that are asked after these answers."""
    asked = flat(CHAIN)
    return list(read_form(asked, raw, defaults(asked, {})).values)


def test_follow_ups_appear_and_disappear() -> None:
    """A chain of any depth shows as far as its answers lead, and goes when one changes."""
    assert asked_with() == ["real_time", "law"]
    assert asked_with(real_time="yes") == ["real_time", "latency", "law"]
    fast = {"real_time": "yes", "latency": "100 MS"}
    assert asked_with(**fast) == ["real_time", "latency", "users", "law"]
    deep = asked_with(**fast, users="3000")
    assert deep == ["real_time", "latency", "users", "Where are they?", "law"]
    assert asked_with(**fast | {"real_time": "no"}, users="3000") == ["real_time", "law"]
    assert asked_with(latency="100 ms", users="7") == ["real_time", "law"]


def test_a_follow_up_of_several_needs_one_of_them() -> None:
    """Where several can be answered, a follow-up shows when its answer is among them."""
    assert "state" in asked_with(law=["GDPR", "HIPAA"])
    assert "state" not in asked_with(law=["GDPR"])
    assert "state" not in asked_with(law=[])


def test_the_flat_list() -> None:
    """Each question stands after its parent, knows its depth, and has its parent's heading."""
    asked = flat(CHAIN)
    assert [(one.id, one.depth, one.parent, one.on, one.group) for one in asked] == [
        ("real_time", 0, None, None, "Speed"),
        ("latency", 1, "real_time", True, "Speed"),
        ("users", 2, "latency", "100 ms", "Speed"),
        ("Where are they?", 3, "users", 3000, "Speed"),
        ("law", 0, None, None, ""),
        ("state", 1, "law", "HIPAA", ""),
    ]
    assert asked[2].place == "questions[0].follow_up.yes[0].follow_up['100 ms'][0]"
    assert described(asked[1:3], {"users": 500}) == {
        "latency": "Latency? (if real_time is yes)",
        "users": "Users? (if latency is 100 ms; default 500)",
    }


def remaining(**known: object) -> list[tuple[str, int, str | None, object]]:
    """What is left to ask: id, depth, parent and the answer it follows on."""
    return [(one.id, one.depth, one.parent, one.on) for one in left_to_ask(flat(CHAIN), known)]


def test_what_is_known_is_not_asked() -> None:
    """What follows on a known answer moves up to where that was asked, or goes with it."""
    law: list[tuple[str, int, str | None, object]]
    law = [("law", 0, None, None), ("state", 1, "law", "HIPAA")]
    assert remaining(real_time=False) == law
    assert remaining(real_time=True)[:2] == [
        ("latency", 0, None, None), ("users", 1, "latency", "100 ms"),
    ]  # fmt: skip
    assert remaining(real_time=True, latency="100 ms", law=[]) == [
        ("users", 0, None, None), ("Where are they?", 1, "users", 3000),
    ]  # fmt: skip
    # Known, but whether it is asked hangs on an answer to come: so does what follows on it.
    assert remaining(latency="100 ms", law=[]) == [
        ("real_time", 0, None, None),
        ("users", 1, "real_time", True),
        ("Where are they?", 2, "users", 3000),
    ]
    assert remaining(latency="1 s", law=[]) == [("real_time", 0, None, None)]


# A whole form.


def test_a_form_is_read() -> None:
    """Answers of their types and defaults for the rest; blank is no answer."""
    asked = flat(CHAIN)
    raw = {"real_time": "yes", "latency": "  ", "users": "x", "law": []}
    filled = read_form(asked, raw, defaults(asked, {}))
    assert filled.values == {"real_time": True, "latency": "1 s", "law": []}
    assert filled.said == ("real_time", "law")
    assert filled.faults == {}


def test_a_faulty_field_keeps_its_default() -> None:
    """What does not fit is a fault of its own field; its default stands in, follow-ups too."""
    asked = flat(CHAIN)
    raw = {"real_time": "yes", "latency": "100 ms", "users": "a few", "usrs": "5"}
    filled = read_form(asked, raw, defaults(asked, {}))
    assert filled.values["users"] == 500
    assert filled.faults == {
        "users": "Needs a whole number, such as 3000.",
        "usrs": "No question is called 'usrs'; did you mean 'users'?",
    }
    hidden = read_form(asked, {"real_time": "maybe", "latency": "100 ms"}, defaults(asked, {}))
    assert hidden.faults == {"real_time": "Needs yes or no."}
    assert hidden.values == {"real_time": False, "law": None}


@having(st.dictionaries(st.sampled_from([one.id for one in flat(CHAIN)]) | st.text(), ANY))
def test_reading_a_form_never_raises(raw: dict[str, Any]) -> None:
    """Whatever comes in is either kept, a fault with words, or not asked."""
    asked = flat(CHAIN)
    filled = read_form(asked, raw, defaults(asked, {}))
    shown = [one.id for one in asked if one.is_visible(filled.values)]
    assert list(filled.values) == shown
    assert set(filled.said) <= set(shown)
    assert not set(filled.said) & set(filled.faults)
    assert all(message.startswith(("Needs ", "No question ")) for message in filled.faults.values())
    json.dumps(filled.values, allow_nan=False)


def test_what_the_answer_sets_is_its_default() -> None:
    """Level, timeline and budget are asked with the run's own, where that can be answered."""
    asked = flat(project())
    found = defaults(asked, {"level": 5, "timeline": "urgent", "budget": 7.5})
    assert (found["level"], found["timeline"], found["budget"]) == ("5", "urgent", 7.5)
    few = flat([Question(ask="Level?", sets="level", options=["1", "2"])])
    assert defaults(few, OWN) == {"Level?": None}


# Answers that come with the run.


def test_answers_go_by_id_or_question() -> None:
    """A program names a question by its id or its words, in any case."""
    asked = flat(CHAIN)
    assert given(asked, None) == {}
    assert given(asked, {"REAL_TIME": True, "law?": "gdpr", "latency": ""}) == {
        "real_time": True,
        "law": ["GDPR"],
    }


def test_all_faults_of_given_answers_are_named() -> None:
    """Unknown names, bad values and double answers come in one error, with what was meant."""
    asked = flat([*CHAIN, Question(id="twin", ask="Law?")])
    with pytest.raises(PlanError) as caught:
        given(
            asked,
            {
                "real_tme": 1, "users": "many", "real_time": "yes", "Real-time features?": "no",
                "Law?": "x", 5: 1,
            },
        )  # fmt: skip
    said = {fault.place: fault.message for fault in caught.value.faults}
    there = "there are: real_time, latency, users, Where are they?, law, state, twin"
    assert said == {
        "answers.real_tme": f"the plan has no such question; {there}; did you mean 'real_time'?",
        "answers.users": "Needs a whole number, such as 3000.",
        "answers['Real-time features?']": "'real_time' is answered twice; keep one",
        "answers['Law?']": "several questions read so; say which by its id: 'law' or 'twin'",
        "answers.5": f"the plan has no such question; {there}",
    }
    with pytest.raises(PlanError, match="must map questions to answers; it is 'yes'"):
        given(asked, "yes")


# Questions of a plan.


def faults_of(**settings: Any) -> dict[str, str]:
    """What is wrong with a question."""
    with pytest.raises(PlanError) as caught:
        Question(ask="Q?", **settings)
    return {fault.place: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("settings", "place", "part"),
    [
        ({"kind": "choice"}, "options", "choice needs something to choose from"),
        ({"kind": "several"}, "options", "several needs something to choose from"),
        ({"kind": "integer", "options": ["1"]}, "options", "are for choice and several"),
        ({"kind": "several", "options": ["a", " "]}, "options[1]", "must not be empty"),
        ({"min": 1}, "min", "is for number and integer; leave it out, the kind is text"),
        ({"kind": "number", "min": "1"}, "min", "must be a number, not '1'"),
        ({"kind": "number", "max": True}, "max", "must be a number, not true"),
        ({"kind": "number", "max": BIG}, "max", "must be a number"),
        ({"kind": "integer", "min": 0.5}, "min", "must be a whole number, not 0.5"),
        ({"kind": "number", "min": 2, "max": 1}, "min", "is above max"),
        ({"kind": "integer", "default": "many"}, "default", "needs a whole number, such as 3000"),
        ({"kind": "integer", "max": 5, "default": 6}, "default", "of at most 5"),
        ({"kind": "yes_no", "default": "maybe"}, "default", "needs yes or no"),
        ({"kind": "path", "default": 5}, "default", "needs a path"),
        ({"options": ["a"], "default": "b"}, "default", "'b' is not an option; there are 'a'"),
        ({"kind": "several", "options": ["a"], "default": ["b"]}, "default", "needs some of: a"),
        ({"kind": "yes_no", "follow_up": {"maybe": ["r"]}}, "follow_up.maybe", "yes or no"),
        ({"kind": "integer", "follow_up": {"x": ["r"]}}, "follow_up.x", "needs a whole number"),
        ({"follow_up": {"x": ["r"]}}, "follow_up", "can't follow on any text"),
        ({"sets": "levl"}, "sets", "did you mean 'level'?"),
        ({"sets": "level", "default": 3}, "default", "is the run's level itself"),
        ({"sets": "level", "kind": "text"}, "sets", "a level is a whole number from 1 to 5"),
        ({"sets": "level", "options": ["1", "9"]}, "sets", "a level is a whole number"),
        ({"sets": "level", "kind": "integer", "max": 9}, "sets", "a level is a whole number"),
        ({"sets": "timeline", "options": ["soon"]}, "sets", "urgent, normal or relaxed"),
        ({"sets": "budget", "kind": "text"}, "sets", "a budget is in US dollars"),
        ({"sets": "budget", "min": -1}, "sets", "a min above 0"),
        ({"kind": "bool"}, "kind", "must be text, number, integer, choice, several, yes_no or"),
    ],
    ids=range(28),
)
def test_bad_questions_are_refused(settings: dict[str, Any], place: str, part: str) -> None:
    """What its kind does not know, and defaults and follow-ups that are no answers, are faults."""
    found = faults_of(**settings)
    assert list(found) == [place], found
    assert part in found[place]


def test_what_is_set_decides_what_can_be_answered() -> None:
    """A question that sets something needs nothing else to be well-typed."""
    level = Question(ask="L?", sets="level")
    assert (level.kind, level.options) == ("choice", ("1", "2", "3", "4", "5"))
    whole = Question(ask="L?", sets="level", kind="integer")
    assert (whole.min, whole.max) == (1, 5)
    assert Question(ask="T?", sets="timeline").options == ("urgent", "normal", "relaxed")
    budget = Question(ask="B?", sets="budget")
    assert (budget.kind, budget.min) == ("number", 0.01)
    with pytest.raises(ValueError, match=r"Needs a number of at least 0.01, such as 2.5\."):
        read(budget, "0")


PLAN = "\nphases: [{name: P, tasks: [{agent: a}]}]\n"


def plan_faults(questions: str) -> list[tuple[str, str]]:
    """What is wrong with a plan's questions."""
    with pytest.raises(PlanError) as caught:
        Plan.parse(f"name: x\nquestions:\n{questions}{PLAN}")
    return [(fault.place, fault.message) for fault in caught.value.faults]


def test_ids_are_unique_in_the_whole_plan() -> None:
    """Two questions of one id, follow-ups included, are refused with both their places."""
    assert plan_faults(
        "- {ask: A?, kind: yes_no, follow_up: {yes: [{ask: B?, id: Users}]}}\n"
        "- {ask: C?, id: users}"
    ) == [
        (
            "questions[1].id",
            "'users' is already the id of questions[0].follow_up.yes[0]; change one",
        )
    ]
    assert plan_faults("- A?\n- {ask: B?, kind: yes_no, follow_up: {no: [A?]}}") == [
        (
            "questions[1].follow_up.no[0]",
            "asks the same as questions[0]; give one of them its own id",
        )
    ]


def test_nobody_has_to_type_what_they_cannot_see() -> None:
    """Ids made from questions, and options, have no hidden characters: what is typed finds them."""
    hidden = "Which\u200b mar\nket?\ufeff"
    asked = Question(ask=hidden, options=["B2\u2060B ", "\u202eB2C", "B2B"], default="B2\u2060B")
    assert (asked.ask, asked.id, asked.options) == (hidden, "Which mar ket?", ("B2B", "B2C"))
    assert read(asked, "B2\u2060B") == read(asked, "b2b") == "B2B"
    assert faults_of(id="a\u200bb") == {"id": "'a\\u200bb' has characters that nobody sees"}
    assert Question(ask="\u200b!").id == "!"
    assert Question(ask="\u200b").id == "question"


def test_each_setting_is_asked_once() -> None:
    """Two questions can't both set the level."""
    assert plan_faults("- {ask: A?, sets: level}\n- {ask: B?, sets: level}") == [
        ("questions[1].sets", "questions[0] sets the level already; keep one of them")
    ]


def test_no_task_is_called_as_the_form() -> None:
    """The form has an id that no task or decision of a plan with questions may have."""
    with pytest.raises(PlanError, match="'Questions' is what the plan's questions are called"):
        Plan.parse("name: x\nquestions: [A?]\nphases: [{name: P, tasks: [{agent: Questions}]}]")
    Plan.parse("name: x\nphases: [{name: P, tasks: [{agent: Questions}]}]")


YAML = """
name: Typed
timeouts: {questions: 2m}
questions:
  - ask: Do you need real-time features?
    id: real_time
    kind: yes_no
    default: no
    follow_up:
      yes:
        - {ask: Latency?, id: latency, kind: integer, min: 1, max: 1000, default: 100}
  - {ask: Version?, options: [1.10, 2.0], default: 1.10}
  - {ask: Markets?, kind: several, options: [yes, no, on], default: [yes, on]}
  - {ask: Share?, kind: number, min: 0, max: 1, default: 0.5}
  - {ask: How many?, default: 500}
  - {ask: Where?, kind: path, default: data/x.csv}
  - {ask: Level?, id: level, sets: level}
"""


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_every_kind_survives_a_file(tmp_path: Path, suffix: str) -> None:
    """Typed questions are the same after saving and loading; words of YAML stay text."""
    plan = Plan.parse(YAML + PLAN)
    again = Plan.load(plan.save(tmp_path / f"plan.{suffix}"))
    assert again == plan
    asked = flat(again.questions)
    assert defaults(asked, OWN) == {
        "real_time": False, "latency": 100, "Version?": "1.10", "Markets?": ["yes", "on"],
        "Share?": 0.5, "How many?": "500", "Where?": "data/x.csv", "level": "3",
    }  # fmt: skip
    assert again.timeouts is not None
    assert again.timeouts.questions == 120.0
    assert Plan.parse(YAML.replace("2m", "none") + PLAN).timeouts.questions == "none"  # type: ignore[union-attr]


def test_the_ready_set_in_a_plan() -> None:
    """`project` stands for the ready set, alone or among a plan's own questions."""
    alone = Plan.parse(f"name: x\nquestions: project{PLAN}")
    assert alone.questions == project()
    mixed = Plan.parse(f"name: x\nquestions: [{{ask: First?}}, project, Last?]{PLAN}")
    assert [one.ask for one in mixed.questions] == [
        "First?", *(one.ask for one in project()), "Last?",
    ]  # fmt: skip
    assert plan_faults("- project\n- project")[0][1].startswith("'goal' is already the id of")


def test_inputs_are_filled_into_follow_ups() -> None:
    """`{{name}}` in the text of any question stands for its input."""
    plan = Plan.parse(
        "name: x\ninputs: {who: Ana}\nquestions: [{ask: A?, kind: yes_no, "
        f"follow_up: {{yes: [{{ask: 'Ask {{{{who}}}}?', id: b}}]}}}}]{PLAN}"
    ).filled()
    assert flat(plan.questions)[1].question.ask == "Ask Ana?"
