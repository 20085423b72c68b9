"""The questions before a run: asked as one decision, nothing starts before its outcome."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import (
    Answer,
    Autopilot,
    Draft,
    Edit,
    Extend,
    Hold,
    Level,
    Pause,
    Reply,
    Skip,
    Stop,
    Unpause,
)
from orchestra_nb.engine.orders import Order
from orchestra_nb.plan import Plan, Question, Task
from orchestra_nb.plan.forms import flat, given

from .rig import Rig, choice, fields_of, fold, one_phase, phases, task

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m ${{x}} '; DROP TABLE--"
KEY = "sk-ant-api03-" + "Zq9" * 30
QUESTIONS: list[Any] = [
    {"id": "goal", "ask": "What is the goal?", "group": "Project"},
    {
        "id": "real_time",
        "ask": "Real-time features?",
        "kind": "yes_no",
        "default": "no",
        "group": "Speed",
        "follow_up": {
            "yes": [
                {
                    "id": "latency",
                    "ask": "Latency?",
                    "options": ["1 s", "100 ms"],
                    "default": "1 s",
                    "follow_up": {"100 ms": [{"id": "users", "ask": "Users?", "kind": "integer"}]},
                }
            ]
        },
    },
]
SETTINGS: list[Any] = [
    {"id": "level", "ask": "Level?", "sets": "level"},
    {"id": "timeline", "ask": "Timeline?", "sets": "timeline"},
    {"id": "budget", "ask": "Budget?", "sets": "budget"},
]


def plan(*entries: Any, questions: Any = QUESTIONS, **settings: Any) -> Plan:
    """A plan with questions; one task unless others are given."""
    return one_phase(*(entries or [task("a")]), questions=questions, **settings)


def opened(plan: Plan, answers: dict[str, Any] | None = None, **options: Any) -> Rig:
    """A rig whose form is open; nothing has started."""
    known = given(flat(plan.questions), answers)
    rig = Rig(plan, fake=True, answers=known, **options).start()
    assert rig.decision("questions").open
    assert "agent_start" not in rig.kinds()
    return rig


def start(**values: Any) -> Answer:
    """The person's Start."""
    return Answer(decision="questions", option="A", values=values)


def said(rig: Rig, command: Any) -> Reply:
    """Send a command; the whole reply."""
    replies: list[Reply] = []
    rig.engine.post(Order(command, replies.append))
    rig.until(lambda: replies, "a reply")
    return replies[0]


def inputs(rig: Rig) -> list[tuple[str, str, object]]:
    """What people said, as the log has it."""
    events = rig.events("user_input")
    return [(event["question"], event["response"], event.get("value")) for event in events]


def outcome(rig: Rig) -> dict[str, Any]:
    """The form's one outcome in the log."""
    return rig.event("decision", decision_id="questions")


def answers_of(rig: Rig) -> dict[str, Any]:
    """The state's answers; the log says the same."""
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)
    return rig.engine.state.answers


# Asking.


def test_nothing_starts_before_the_answers() -> None:
    """The form is the first thing of a run; agents get its answers, of their types."""
    seen: list[Any] = []

    def agent(context: Context) -> None:
        seen.append(context.answers)

    rig = opened(plan(), agents={"a": agent})
    rig.advance(300.0)
    assert rig.kinds() == ["orchestration_start", "decision_opened"]
    assert rig.asked == ["questions"]
    reply = said(rig, start(goal="Sell more", real_time="yes", latency="100 ms", users="3000"))
    assert (reply.ok, reply.text) == (True, "Before the run: A, by you.")
    rig.wait()
    values = {"goal": "Sell more", "real_time": True, "latency": "100 ms", "users": 3000}
    assert seen == [values]
    assert outcome(rig)["values"] == answers_of(rig) == values


def test_the_wait_for_the_answers_is_not_a_wait_for_a_slot() -> None:
    """What a person took before the run began is no agent's time."""
    rig = opened(plan())
    rig.advance(300.0)
    said(rig, start())
    rig.wait()
    assert [kind for kind, _, _ in rig.engine.state.task("a").spans] == ["run"]
    answers_of(rig)


def test_the_card_has_all_questions_in_order() -> None:
    """The card is a critical decision with the flat list, defaults as they would be typed."""
    rig = opened(plan())
    card = rig.decision("questions")
    assert (card.title, card.kind, card.purpose, card.recommend) == (
        "Before the run", "critical", "form", "A",
    )  # fmt: skip
    assert card.options == [{"key": "A", "text": "Start", "description": ""}]
    assert (card.other, card.timeout_s) == (False, 600.0)
    assert card.context == (
        "2 questions in 2 groups. Agents get your answers; empty ones get the default shown."
    )
    common = {"options": [], "group": "Speed"}
    assert card.detail["questions"] == [
        {
            "id": "goal", "ask": "What is the goal?", "kind": "text", "options": [],
            "default": None, "group": "Project", "depth": 0, "parent": None, "on": None,
            "example": "",
        },
        common | {
            "id": "real_time", "ask": "Real-time features?", "kind": "yes_no", "default": "no",
            "depth": 0, "parent": None, "on": None, "example": "yes",
        },
        common | {
            "id": "latency", "ask": "Latency?", "kind": "choice", "options": ["1 s", "100 ms"],
            "default": "1 s", "depth": 1, "parent": "real_time", "on": "yes", "example": "1 s",
        },
        common | {
            "id": "users", "ask": "Users?", "kind": "integer", "default": None,
            "depth": 2, "parent": "latency", "on": "100 ms", "example": "3000",
        },
    ]  # fmt: skip


def test_a_plan_without_questions_asks_nothing() -> None:
    """No form, no answers."""
    rig = Rig(plan(questions=[])).run()
    assert "decision_opened" not in rig.kinds()
    assert answers_of(rig) == {}


def test_each_answer_is_in_the_log() -> None:
    """One user_input for each question that was answered; a default nobody gave is none."""
    rig = opened(plan())
    rig.say(start(goal="Sell more", real_time="YES", latency=" "))
    rig.wait()
    assert inputs(rig) == [
        ("What is the goal?", "Sell more", "Sell more"),
        ("Real-time features?", "yes", True),
    ]
    assert {event["decision_id"] for event in rig.events("user_input")} == {"questions"}
    assert answers_of(rig) == {"goal": "Sell more", "real_time": True, "latency": "1 s"}


@pytest.mark.parametrize("values", [{}, {"goal": "", "users": "7"}], ids=["none", "blank"])
def test_skipping_the_form(values: dict[str, Any]) -> None:
    """Start with nothing filled in takes every default; what is not asked is not answered."""
    rig = opened(plan())
    rig.say(start(**values))
    rig.wait()
    assert inputs(rig) == []
    assert outcome(rig)["by"] == "user"
    assert answers_of(rig) == {"goal": None, "real_time": False}


def test_wrong_answers_stay_with_the_person() -> None:
    """Faults are named field by field and the form stays open; a corrected one starts the run."""
    rig = opened(plan())
    wrong = {"real_time": "yes", "latency": "100 ms", "users": "a few thousand", "gaol": "x"}
    reply = said(rig, start(**wrong))
    assert not reply.ok
    assert reply.faults == {
        "users": "Needs a whole number, such as 3000.",
        "gaol": "No question is called 'gaol'; did you mean 'goal'?",
    }
    assert reply.text.startswith("2 answers do not fit: Users? Needs a whole number, such as 3000.")
    assert rig.decision("questions").open
    assert "user_input" not in rig.kinds()
    one = said(rig, start(real_time="perhaps"))
    assert one.text == "1 answer does not fit: Real-time features? Needs yes or no."
    rig.say(start(real_time="yes", latency="100 ms", users="3000"))
    rig.wait()
    assert answers_of(rig)["users"] == 3000


def test_hostile_text_is_only_text() -> None:
    """Whatever is typed comes to the agent as it was typed, and to the log."""
    seen: list[Any] = []

    def agent(context: Context) -> None:
        seen.append(context.answers["goal"])

    rig = opened(plan(), agents={"a": agent})
    rig.say(start(goal=HOSTILE))
    rig.wait()
    assert seen == [HOSTILE]
    assert inputs(rig) == [("What is the goal?", HOSTILE, HOSTILE)]


def test_secrets_are_no_answers() -> None:
    """A key that somebody types is masked in the log, the state and for agents."""
    from orchestra_nb.store.masking import mask_value

    rig = opened(plan(), scrub=mask_value)
    rig.say(start(goal=f"use {KEY}"))
    rig.wait()
    assert answers_of(rig)["goal"] == "use [secret]"
    assert KEY not in "".join(rig.journal.texts)


# The clock.


def test_nobody_answers() -> None:
    """When the time is over the run starts with the defaults, and nobody has answered."""
    rig = opened(plan())
    rig.advance(601.0)
    rig.wait()
    assert (outcome(rig)["by"], outcome(rig)["option"]) == ("timeout", "A")
    assert inputs(rig) == []
    assert answers_of(rig) == {"goal": None, "real_time": False}


def test_drafts_count_at_the_timeout() -> None:
    """What was filled in when the time is over is what the run starts with."""
    rig = opened(plan())
    draft = {"goal": "Sell more", "real_time": "yes", "latency": "100 ms", "users": "30"}
    assert said(rig, Draft(decision="questions", values={"goal": "Sell"})).ok
    assert said(rig, Draft(decision="questions", values=draft)).ok
    rig.advance(601.0)
    rig.wait()
    assert outcome(rig)["by"] == "timeout"
    assert answers_of(rig) == {
        "goal": "Sell more", "real_time": True, "latency": "100 ms", "users": 30,
    }  # fmt: skip
    assert [question for question, _, _ in inputs(rig)] == [
        "What is the goal?", "Real-time features?", "Latency?", "Users?",
    ]  # fmt: skip


def test_a_faulty_draft_keeps_the_rest() -> None:
    """Of a draft that does not fit everywhere, what fits counts; the rest has its default."""
    rig = opened(plan())
    draft = {"goal": "Sell more", "real_time": "yes", "latency": "at once"}
    reply = said(rig, Draft(decision="questions", values=draft))
    assert (reply.ok, reply.faults) == (False, {"latency": "Needs one of: 1 s, 100 ms."})
    rig.advance(601.0)
    rig.wait()
    assert answers_of(rig) == {"goal": "Sell more", "real_time": True, "latency": "1 s"}
    assert len(inputs(rig)) == 2


def test_start_is_not_helped_by_a_draft() -> None:
    """Who presses Start says what counts: what was only in a draft does not."""
    rig = opened(plan())
    rig.say(Draft(decision="questions", values={"goal": "Sell more"}))
    rig.say(start(real_time="no"))
    rig.wait()
    assert answers_of(rig) == {"goal": None, "real_time": False}


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, 600.0),
        ({"mode": "guided"}, 600.0),
        ({"mode": "semi_autonomous"}, 150.0),
        ({"timeline": "urgent", "level": 1}, 96.0),
        ({"timeouts": {"questions": "45s"}}, 45.0),
        ({"timeouts": {"questions": "none"}}, None),
        ({"auto_proceed": False}, None),
    ],
)
def test_the_forms_clock(settings: dict[str, Any], seconds: float | None) -> None:
    """One clock for the whole form: a critical decision's, or what the plan says for it."""
    rig = opened(plan(**settings))
    assert rig.decision("questions").timeout_s == seconds


@pytest.mark.parametrize("drafted", [False, True])
def test_autopilot_while_the_form_is_open(drafted: bool) -> None:
    """Autopilot starts the run at once, with what was filled in so far."""
    rig = opened(plan())
    if drafted:
        rig.say(Draft(decision="questions", values={"goal": "Sell more"}))
    rig.say(Autopilot(on=True))
    rig.wait()
    assert outcome(rig)["by"] == "autopilot"
    assert answers_of(rig)["goal"] == ("Sell more" if drafted else None)


def test_a_fully_autonomous_run_asks_nothing() -> None:
    """That mode takes all defaults at once, by policy, and says so."""
    rig = Rig(plan(mode="fully_autonomous")).run()
    assert outcome(rig)["by"] == "policy"
    assert rig.asked == []
    assert inputs(rig) == []
    assert answers_of(rig) == {"goal": None, "real_time": False}


def test_the_form_can_be_held_and_extended() -> None:
    """It is a decision like any other: waiting for me stops its clock, five minutes are added."""
    rig = opened(plan())
    rig.say(Hold(decision="questions"))
    rig.advance(5_000.0)
    assert rig.decision("questions").open
    rig.say(Hold(decision="questions", on=False))
    rig.say(Extend(decision="questions", seconds=300.0))
    rig.advance(899.0)
    assert rig.decision("questions").open
    rig.advance(2.0)
    assert outcome(rig.wait())["by"] == "timeout"


def test_a_paused_run_waits_with_its_form() -> None:
    """A pause stops the form's clock; answered while paused, nothing starts until it goes on."""
    rig = opened(plan())
    rig.say(Pause())
    rig.advance(5_000.0)
    assert rig.decision("questions").open
    rig.say(start(goal="x"))
    rig.advance(10.0)
    assert rig.started() == []
    assert rig.statuses() == {"a": "ready"}
    rig.say(Unpause())
    assert rig.wait().statuses() == {"a": "completed"}


def test_stopping_withdraws_the_form() -> None:
    """A run that is stopped at its form starts nothing and has no answers."""
    rig = opened(plan(task("a"), choice("d")))
    rig.say(Stop())
    rig.wait()
    assert rig.event("decision_withdrawn", decision_id="questions")["reason"]
    assert rig.engine.state.status == "stopped"
    assert rig.started() == []
    assert answers_of(rig) == {}
    late = said(rig, start(goal="x"))
    assert (late.ok, late.text) == (False, "Before the run was withdrawn: the run was stopped.")


def test_an_interrupted_run_leaves_its_form_open() -> None:
    """A process that ends under an open form writes nothing that nobody said."""
    rig = opened(plan())
    rig.say(Draft(decision="questions", values={"goal": "x"}))
    rig.engine.interrupt("the process ended")
    assert rig.kinds() == ["orchestration_start", "decision_opened", "run_interrupted"]
    assert answers_of(rig) == {}


def test_the_first_start_counts() -> None:
    """Of two tabs that start the run, one wins and the other is told."""
    rig = opened(plan())
    first, second = (
        Answer(decision="questions", option="A", values={"goal": g}, client=g, source="board")
        for g in "xy"
    )
    assert said(rig, first).ok
    reply = said(rig, second)
    assert (reply.ok, reply.late) == (False, True)
    assert reply.text.startswith("Already decided: A, by you in another tab, at ")
    rig.wait()
    assert answers_of(rig)["goal"] == "x"


# What answers set.


def levelled() -> tuple[Task, Task, Task]:
    """One task for any level, one from level 4 on, one up to level 2."""
    return task("a"), task("late", min_level=4), task("early", max_level=2)


@pytest.mark.parametrize(
    ("level", "runs"),
    [(None, ["a"]), ("3", ["a"]), ("5", ["a", "late"]), ("1", ["a", "early"])],
)
def test_the_level_that_is_answered_runs(level: str | None, runs: list[str]) -> None:
    """An answer on the level leaves work out or brings it back before anything starts."""
    levels: list[int] = []

    def agent(context: Context) -> None:
        levels.append(context.level.number)

    entries = levelled()
    rig = opened(
        plan(*entries, questions=SETTINGS),
        agents=dict.fromkeys(["a", "late", "early"], agent),
    )
    rig.say(start(**({} if level is None else {"level": level})))
    rig.wait()
    number = int(level or 3)
    assert sorted(rig.started()) == runs
    assert set(levels) == {number}
    assert rig.engine.state.level == number
    skipped = {event["task"]: event["reason"] for event in rig.events("agent_skipped")}
    assert sorted([*skipped, *runs]) == ["a", "early", "late"]
    assert all(f"this is level {number}" in reason for reason in skipped.values())
    adjusted = [event["description"] for event in rig.events("plan_adjustment")]
    assert adjusted == ([] if number == 3 else [f"Level 3 → {number}"])
    assert answers_of(rig)["level"] == str(number)


def test_a_level_that_nobody_can_do_is_refused() -> None:
    """A level whose work has no agent is a fault beside the field, and no draft sets it."""
    made = plan(*levelled(), questions=SETTINGS)
    rig = opened(made, agents={})
    rig.engine.workers = [rig.engine.workers[0], None, None]
    fault = "Needs a level that has agents: nobody does late."
    assert said(rig, start(level="5")).faults == {"level": fault}
    assert said(rig, Draft(decision="questions", values={"level": "5"})).faults == {"level": fault}
    rig.advance(601.0)
    rig.wait()
    assert rig.started() == ["a"]
    assert answers_of(rig)["level"] == "3"
    assert inputs(rig) == []


def test_the_timeline_that_is_answered_counts_from_then_on() -> None:
    """Decisions after an answer on the timeline have clocks by it."""
    rig = opened(plan(choice("d"), questions=SETTINGS))
    rig.say(start(timeline="relaxed", level="4"))
    rig.turn()
    assert rig.engine.state.timeline == "relaxed"
    assert rig.decision("d").timeout_s == 840.0
    assert rig.decision("d").sum == "14 min = 5 (standard) × 1.4 (level 4) × 2.0 (relaxed)"
    assert [event["description"] for event in rig.events("plan_adjustment")] == [
        "Level 3 → 4", "Timeline normal → relaxed",
    ]  # fmt: skip
    rig.say(Stop())
    assert answers_of(rig.wait())["timeline"] == "relaxed"


def test_the_budget_that_is_answered_is_the_runs() -> None:
    """An answer on the budget caps the money; the cap on tokens stays as it was."""
    rig = opened(plan(questions=SETTINGS, budget={"usd": 5, "tokens": 1_000}))
    assert rig.decision("questions").detail["questions"][2]["default"] == "5.0"
    rig.say(start(budget="7.50"))
    rig.wait()
    assert rig.engine.state.budget == {"usd": 7.5, "tokens": 1_000}
    assert rig.event("plan_adjustment")["description"] == "Budget $5.00 → $7.50"
    assert answers_of(rig)["budget"] == 7.5


def test_defaults_set_nothing() -> None:
    """The run's own level, timeline and budget are defaults: when nobody answers they stay."""
    rig = opened(plan(*levelled(), questions=SETTINGS, level=4, timeline="urgent"))
    rig.advance(601.0)
    rig.wait()
    assert rig.events("plan_adjustment") == []
    assert answers_of(rig) == {"level": "4", "timeline": "urgent", "budget": None}


def test_a_level_set_by_hand_while_the_form_is_open_stays() -> None:
    """The default is the run's own as it is when the form is over, not when it opened."""
    rig = opened(plan(*levelled(), questions=SETTINGS))
    rig.say(Level(level=5))
    rig.advance(2_000.0)
    rig.wait()
    assert sorted(rig.started()) == ["a", "late"]
    assert answers_of(rig)["level"] == "5"
    assert [event["task"] for event in rig.events("agent_skipped")] == ["early"]


def test_a_level_answered_after_one_set_by_hand_wins() -> None:
    """What was left out and brought back before the run is skipped once, or not at all."""
    rig = opened(plan(*levelled(), questions=SETTINGS))
    rig.say(Level(level=1))
    rig.say(Skip(task="a"))
    rig.say(start(level="4"))
    rig.wait()
    assert rig.statuses() == {"a": "skipped", "late": "completed", "early": "skipped"}
    assert answers_of(rig)["level"] == "4"


def test_steering_while_the_form_is_open() -> None:
    """Skipping and editing before the run act when it starts."""
    texts: list[str] = []

    def agent(context: Context) -> None:
        texts.append(context.text)

    made = phases([task("a"), task("b")], [task("c")], questions=QUESTIONS)
    rig = opened(made, agents={"b": agent})
    rig.say(Skip(task="a"))
    rig.say(Edit(task="b", text="do it well"))
    rig.turn()
    assert rig.started() == []
    rig.say(start())
    rig.wait()
    assert rig.started() == ["b", "c"]
    assert texts == ["do it well"]
    assert answers_of(rig)["real_time"] is False


# Answers that come with the run.


def test_answers_that_came_with_the_run_are_not_asked() -> None:
    """They are logged as said in Python at once, and what follows on them is asked by itself."""
    rig = opened(plan(), {"real_time": True, "Latency?": "100 MS"})
    listed = rig.decision("questions").detail["questions"]
    assert [(one["id"], one["depth"], one["parent"], one["on"]) for one in listed] == [
        ("goal", 0, None, None), ("users", 0, None, None),
    ]  # fmt: skip
    first = rig.events("user_input")
    assert [(e["question"], e["response"], e["source"], e["decision_id"]) for e in first] == [
        ("Real-time features?", "yes", "python", None), ("Latency?", "100 ms", "python", None),
    ]  # fmt: skip
    assert answers_of(rig) == {"real_time": True, "latency": "100 ms"}
    rig.say(start(users="7"))
    rig.wait()
    assert [question for question, _, _ in inputs(rig)] == [
        "Real-time features?", "Latency?", "Users?",
    ]  # fmt: skip
    assert answers_of(rig) == {"goal": None, "real_time": True, "latency": "100 ms", "users": 7}


def test_with_all_answers_no_form_opens() -> None:
    """When everything that would be asked is known the run starts at once."""
    made = plan()
    known = given(flat(made.questions), {"goal": "x", "real_time": False, "users": 3})
    rig = Rig(made, answers=known).run()
    assert "decision_opened" not in rig.kinds()
    assert [question for question, _, _ in inputs(rig)] == [
        "What is the goal?",
        "Real-time features?",
    ]
    assert answers_of(rig) == {"goal": "x", "real_time": False}


def test_an_answer_to_a_question_that_is_not_asked_is_none() -> None:
    """An answer given for a follow-up counts, and is logged, once its question is asked."""
    rig = opened(plan(), {"users": 3})
    assert "user_input" not in rig.kinds()
    rig.say(start(real_time="yes", latency="100 ms"))
    rig.wait()
    assert ("Users?", "3", 3) in inputs(rig)
    assert answers_of(rig)["users"] == 3
    other = opened(plan(), {"users": 3})
    other.say(start())
    other.wait()
    assert inputs(other) == []
    assert "users" not in answers_of(other)


def test_a_person_has_the_last_word_on_given_answers() -> None:
    """Whoever answers a question again, by its id, is heard and logged."""
    rig = opened(plan(), {"real_time": True, "latency": "100 ms"})
    rig.say(start(real_time="no"))
    rig.wait()
    assert [response for _, response, _ in inputs(rig)] == ["yes", "100 ms", "no"]
    assert answers_of(rig) == {"goal": None, "real_time": False}


def test_given_settings_act_before_the_form() -> None:
    """Level and timeline that came with the run are its own when the form opens, its clock too."""
    made = plan(*levelled(), questions=[*SETTINGS, "Why?"])
    rig = opened(made, {"level": 4, "timeline": "relaxed"})
    assert rig.decision("questions").timeout_s == 1200.0
    assert (rig.engine.state.level, rig.engine.state.timeline) == (4, "relaxed")
    rig.say(start())
    rig.wait()
    assert sorted(rig.started()) == ["a", "late"]
    assert answers_of(rig) == {"level": "4", "timeline": "relaxed", "budget": None, "Why?": None}


def test_a_question_object_is_as_good_as_a_mapping() -> None:
    """Questions made in Python are asked like those of a file."""
    rig = opened(plan(questions=[Question(ask="Go?", kind="yes_no")]))
    assert rig.decision("questions").context.startswith("1 question. ")
    rig.say(start(**{"Go?": "y"}))
    assert answers_of(rig.wait()) == {"Go?": True}
