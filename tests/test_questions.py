"""The ready questions, and answers that come with a run, from Python and from the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan
from orchestra_nb.plan.forms import defaults, flat, read_form
from orchestra_nb.store.reader import read_events

from .engine.rig import fields_of, fold, one_phase, task

SPEC = {
    "Project understanding": [
        "What is the primary goal of this project?",
        "Who is the target audience?",
        "What is your timeline?",
        "What is your budget constraint? (USD)",
    ],
    "Technical preferences": [
        "Do you have a preferred tech stack?",
        "Any existing systems to integrate with?",
        "Hosting preferences (cloud provider)?",
    ],
    "Quality requirements": [
        "What project level are you targeting? (1-5)",
        "Any specific compliance requirements?",
        "Performance requirements?",
    ],
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and nobody's mode."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def plan(**settings: Any) -> Plan:
    """A plan that asks the ready set, with one task for any level and one from level 4 on."""
    given = {"questions": onb.questions.project()} | settings
    return one_phase(task("a"), task("late", min_level=4), **given)


def agent(context: onb.Context) -> dict[str, Any]:
    """Gives what it was told."""
    return {"at": context.level.number, **context.answers}


def lines(run: onb.Run) -> list[dict[str, Any]]:
    """The run's log."""
    return list(read_events(run.folder / "orchestration-timeline.jsonl")[0])


# The ready set.


def test_the_ready_set_asks_what_the_interactive_mode_asks() -> None:
    """Ten questions in three groups, in their order and words."""
    asked: dict[str, list[str]] = {}
    for question in onb.questions.project():
        asked.setdefault(question.group, []).append(question.ask)
    assert asked == SPEC
    sets = {question.sets: question.id for question in onb.questions.project() if question.sets}
    assert sets == {"timeline": "timeline", "budget": "budget", "level": "level"}


def test_the_ready_set_asks_on_only_where_it_matters() -> None:
    """Real-time features lead to latency and users, three questions deep, and to nothing else."""
    asked = flat(onb.questions.project())
    known = defaults(asked, {"level": 3, "timeline": "normal", "budget": None})

    def after(**raw: object) -> list[str]:
        filled = read_form(asked, raw, known)
        assert not filled.faults
        return [key for key in filled.values if key not in first]

    first: list[str] = []
    first = after()
    assert len(first) == 10
    assert after(performance="yes") == ["performance_goals", "real_time"]
    assert after(performance="yes", real_time="yes")[2:] == ["latency", "users"]
    assert after(real_time="yes", latency="5") == []
    assert after(stack="yes", hosting="another", compliance="GDPR, others") == [
        "stack_names", "hosting_name", "compliance_others",
    ]  # fmt: skip
    assert {one.group for one in asked} == set(SPEC)


# With the run.


def test_answers_come_with_the_run(home: Path) -> None:
    """All that would be asked is known: no form, and the answers act before anything starts."""
    answers = {
        "goal": "Sell more", "Who is the target audience?": ["b2b"], "timeline": "urgent",
        "budget": 20, "stack": False, "systems": "no", "hosting": "AWS", "level": 4,
        "compliance": [], "performance": "yes", "performance_goals": "all of it",
        "real_time": True, "latency": 50, "users": "3000",
    }  # fmt: skip
    run = onb.run(plan(), {"a": agent, "late": agent}, answers=answers)
    results = run.wait(20)
    run.check()
    assert results["late"] == {
        "at": 4, "goal": "Sell more", "audience": ["B2B"], "timeline": "urgent", "budget": 20,
        "stack": False, "systems": False, "hosting": "AWS", "level": "4", "compliance": [],
        "performance": True, "performance_goals": "all of it", "real_time": True, "latency": 50,
        "users": 3000,
    }  # fmt: skip
    assert run.decisions == []
    state = run.state
    assert (state.level, state.timeline, state.budget["usd"]) == (4, "urgent", 20)
    said = [event for event in lines(run) if event["event"] == "user_input"]
    assert len(said) == 14
    assert {event["source"] for event in said} == {"python"}
    read = onb.open(run.id).state
    assert read.answers == state.answers
    assert fields_of(fold(lines(run), plan())) == fields_of(state)


def test_what_is_not_answered_is_asked(home: Path) -> None:
    """The form asks the rest; whoever answers it in Python starts the run."""
    run = onb.run(plan(mode="guided"), {"a": agent, "late": agent}, answers={"goal": "x"})
    form = run.decisions[0]
    assert (form.id, form.open) == ("questions", True)
    assert "goal" not in [one["id"] for one in form.detail["questions"]]
    with pytest.raises(onb.CommandError, match=r"requirements\? Needs yes or no") as no:
        run.answer("questions", "A", values={"performance": "much"})
    assert no.value.faults == {"performance": "Needs yes or no."}
    run.answer("questions", "A", values={"level": "5", "compliance": ["GDPR"]})
    assert run.wait(20)["late"]["compliance"] == ["GDPR"]
    assert run.state.level == 5


def test_bad_answers_stop_a_run_before_it_starts(home: Path) -> None:
    """Everything that is wrong with answers= is named at once; nothing was written."""
    with pytest.raises(onb.PlanError) as caught:
        onb.run(plan(), {"a": agent}, answers={"lvel": 4, "users": "many", "budget": 0})
    assert [fault.place for fault in caught.value.faults] == [
        "answers.lvel", "answers.users", "answers.budget",
    ]  # fmt: skip
    assert "did you mean 'level'?" in str(caught.value)
    assert str(caught.value).startswith("answers has 3 faults:")
    with pytest.raises(onb.SetupError, match="level 5 also needs late, and nobody does that"):
        onb.run(plan(), {"a": agent}, answers={"level": 5})
    with pytest.raises(onb.PlanError, match=r"the plan has no such question; there are: none"):
        onb.run(plan(questions=[]), {"a": agent}, answers={"level": 4})
    assert not home.exists()


def test_a_rehearsal_asks_too(home: Path) -> None:
    """Questions are part of what is rehearsed; answers come with it as well."""
    made = plan(questions=[{"ask": "Go?", "kind": "yes_no"}])
    run = onb.rehearse(made, speed=1e6, answers={"Go?": "yes"})
    run.wait(20)
    assert run.state.answers == {"Go?": True}


def test_a_key_in_a_questions_name_is_refused(home: Path) -> None:
    """Names go into the log as they are: one with a key in it stops the run."""
    made = plan(questions=[{"ask": "Go?", "id": "sk-ant-api03-" + "Zq9" * 30}])
    with pytest.raises(onb.SetupError, match="A key or a token stands in the plan"):
        onb.run(made, {"a": agent})
    assert not home.exists()


# Before the run.


def test_check_shows_what_will_be_asked() -> None:
    """`onb.check` lists the questions with defaults, and when a follow-up is asked."""
    checked = onb.check(plan(), {"a": agent}, answers={"stack": "yes"})
    assert checked.asks["level"] == "What project level are you targeting? (1-5) (default 3)"
    assert checked.asks["stack_names"] == "Which one?"
    assert checked.asks["users"] == "How many concurrent users? (if real_time is yes; default 500)"
    assert "stack" not in checked.asks
    assert "\n  asks goal: What is the primary goal of this project?\n" in repr(checked)
    assert onb.check(plan(), {"a": agent}, mode="fully_autonomous").asks == {}
    with pytest.raises(onb.PlanError, match=r"answers\.lvel"):
        onb.check(plan(), {"a": agent}, answers={"lvel": 4})


YAML = """
name: Terminal
questions:
  - {ask: Which market?, id: market, default: B2B}
  - {ask: Users?, id: users, kind: integer, default: 500}
phases: [{name: P, tasks: [{agent: a}]}]
"""


def terminal(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    path = tmp_path / "plan.yaml"
    path.write_text(YAML, encoding="utf-8")
    command = [sys.executable, "-c", "from orchestra_nb.cli import main; main()"]
    return subprocess.run(
        [*command, arguments[0], str(path), *arguments[1:]],
        capture_output=True, text=True, timeout=50, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_answers_from_the_terminal(tmp_path: Path, home: Path) -> None:
    """`--answer` answers a question, which is not asked; a wrong one is bad input."""
    fast = ("--rehearse", "--speed", "100000")
    done = terminal(tmp_path, "run", "--answer", "users=30", "--answer", "market=a=b", *fast)
    assert done.returncode == 0, done.stderr
    (log,) = home.glob("runs/*/orchestration-timeline.jsonl")
    said = [event for event in read_events(log)[0] if event["event"] == "user_input"]
    assert [(event["question_id"], event["value"]) for event in said] == [
        ("market", "a=b"), ("users", 30),
    ]  # fmt: skip
    wrong = terminal(tmp_path, "run", "--answer", "users=many", *fast)
    assert wrong.returncode == 2
    assert "answers.users: Needs a whole number, such as 3000." in wrong.stderr
    assert "--answer 'users' is not NAME=VALUE" in terminal(
        tmp_path, "run", "--answer", "users", *fast
    ).stderr  # fmt: skip


def test_check_in_the_terminal(tmp_path: Path) -> None:
    """`orchestra-nb check` says what will be asked."""
    done = terminal(tmp_path, "check")
    assert "Before the run:\n    asks market: Which market? (default B2B)\n" in done.stdout
