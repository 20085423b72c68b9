"""One defect anywhere in an otherwise valid plan: one fault, with its place and its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra_nb.errors import PlanError
from orchestra_nb.plan import Plan

Given: TypeAlias = dict[str, Any]


@dataclass
class Spot:
    """Where a defect goes: a task, a decision, a phase or the plan itself.

    Attributes:
        plan: The whole plan, as a file holds it.
        data: The mapping that gets the defect.
        place: Of that mapping; empty for the plan.
        phase: Number of its phase, from 1.
    """

    plan: Given
    data: Given
    place: str = ""
    phase: int = 0


@dataclass(frozen=True)
class Defect:
    """What is done to a plan, and what is to be said of it.

    Attributes:
        where: What kind of mapping it is done to.
        key: The place inside of that mapping that the fault names.
        make: Gives the keys to be set.
        words: What the message has to say.
    """

    where: Literal["task", "decision", "phase", "plan"]
    key: str
    make: Callable[[Spot], Given] | Given
    words: tuple[str, ...]


def a_cycle(spot: Spot) -> Given:
    """Two tasks of a phase that wait for each other; the first is named."""
    spot.data["tasks"] += [
        {"agent": "hen", "depends_on": ["egg"]}, {"agent": "egg", "depends_on": ["hen"]},
    ]  # fmt: skip
    return {}


def one_more(id: str) -> Callable[[Spot], Given]:
    """One more task in a phase, which nobody waits for, with that id."""

    def add(spot: Spot) -> Given:
        spot.data["tasks"] += [{"agent": "newcomer", "id": id, "depends_on": []}]
        return {}

    return add


EACH = {"from": "first", "as": "item"}

DEFECTS: dict[str, Defect] = {
    "negative time": Defect("task", "estimate", {"estimate": "-5m"}, ("negative",)),
    "no time": Defect("task", "estimate", {"estimate": "soon"}, ("'soon'", "1h30m")),
    "no time to work": Defect("task", "timeout", {"timeout": 0}, ("more than 0",)),
    "negative retries": Defect("task", "retries", {"retries": -1}, ("from 0 on",)),
    "misspelt key": Defect("task", "estimat", {"estimat": 3}, ("did you mean 'estimate'?",)),
    "misspelt role": Defect("task", "role", {"role": "tester"}, ("did you mean 'testing'?",)),
    "level 6": Defect("task", "min_level", {"min_level": 6}, ("from 1 to 5", "6")),
    "levels crossed": Defect("task", "min_level", {"min_level": 4, "max_level": 2}, ("above",)),
    "review by word": Defect("task", "review", {"review": "yes"}, ("true or false",)),
    "waits for nobody": Defect("task", "depends_on", {"depends_on": ["nobody"]}, ("'nobody'",)),
    "waits for itself": Defect(
        "task", "depends_on", lambda s: {"depends_on": [s.data["id"]]}, ("waits for itself",)
    ),
    "waits for its own phase": Defect(
        "task",
        "depends_on",
        lambda s: {"depends_on": [f"Phase {s.phase}"]},
        ("the phase it is in",),
    ),
    "waits in a circle": Defect(
        "phase", "tasks[-2].depends_on", a_cycle, ("a cycle", "hen", "egg")
    ),
    "when of nothing": Defect("task", "when.which", {"when": {"which": "A"}}, ("no decision",)),
    "when of a task": Defect("task", "when.first", {"when": {"first": "A"}}, ("is a task",)),
    "when of no option": Defect("task", "when.choice", {"when": {"choice": "C"}}, ("'C'", "A, B")),
    "id taken": Defect("phase", "tasks[-1].id", one_more("First"), ("already the id",)),
    "id of a checkpoint": Defect(
        "phase", "tasks[-1].id", one_more("checkpoint-1"), ("checkpoint is called",)
    ),
    "undeclared input": Defect("task", "task", {"task": "for {{who}}"}, ("{{who}}", "inputs")),
    "agent missing": Defect("task", "agent", {"agent": None}, ()),
    "items of nobody": Defect(
        "task", "for_each.from", {"for_each": {**EACH, "from": "nobody"}}, ("'nobody'",)
    ),
    "items of a decision": Defect(
        "task", "for_each.from", {"for_each": {**EACH, "from": "choice"}}, ("'choice'",)
    ),
    "items without a name": Defect(
        "task", "for_each.as", {"for_each": {"from": "first"}}, ("is missing",)
    ),
    "too many items": Defect(
        "task", "for_each.expect", {"for_each": {**EACH, "expect": 5_000}}, ("1,000", "5,000")
    ),
    "a task's budget": Defect("task", "budget.usd", {"budget": {"usd": -1}}, ("above 0",)),
    "a phase's budget": Defect("phase", "budget.eur", {"budget": {"eur": 1}}, ("unknown key",)),
    "a plan's budget": Defect("plan", "budget.tokens", {"budget": {"tokens": 0}}, ()),
    "a budget that caps nothing": Defect("phase", "budget", {"budget": {}}, ("caps nothing",)),
    "no options": Defect("decision", "options", {"options": {}}, ("at least one",)),
    "no such option": Defect("decision", "recommend", {"recommend": "C"}, ("'C'", "A, B")),
    "clock too short": Defect("decision", "timeout", {"timeout": 0.5}, ("1 second",)),
    "a decision for each": Defect("decision", "for_each", {"for_each": EACH}, ("for tasks",)),
    "misspelt kind": Defect("decision", "kind", {"kind": "critcal"}, ("did you mean 'critical'?",)),
    "misspelt key of a phase": Defect("phase", "taks", {"taks": []}, ("did you mean 'tasks'?",)),
    "level 0": Defect("plan", "level", {"level": 0}, ("from 1 to 5", "0")),
    "misspelt mode": Defect("plan", "mode", {"mode": "guide"}, ("did you mean 'guided'?",)),
    "no slots": Defect("plan", "max_concurrency", {"max_concurrency": 0}, ("from 1 on",)),
    "misspelt failure": Defect("plan", "on_failure", {"on_failure": "stopp"}, ("'stop'",)),
    "unused agent": Defect("plan", "agents.idle", {"agents": {"idle": {}}}, ("no task has",)),
}


@st.composite
def valid(draw: st.DrawFn) -> Given:
    """A valid plan of a few phases: a task and a decision, then whatever waits for whatever."""
    first: list[Given] = [
        {"agent": "first", "id": "first", "depends_on": []},
        {"decision": "choice", "id": "choice", "options": {"A": "x", "B": "y"}, "depends_on": []},
    ]
    phases: list[Given] = []
    known = ["first", "choice"]
    for number in range(draw(st.integers(1, 3))):
        entries = [] if number else first
        for place in range(draw(st.integers(1, 3))):
            name = f"n{number}{place}"
            entry: Given = {"agent": f"agent-{name}", "id": name, "task": f"do {name}"}
            if draw(st.booleans()):
                entry["depends_on"] = draw(st.lists(st.sampled_from(known), max_size=2))
            if draw(st.booleans()):
                entry["estimate"] = "5m"
            entries.append(entry)
            known.append(name)
        phases.append({"name": f"P{number}", "tasks": entries})
    return {"name": "any", "phases": phases}


def spots(plan: Given, kind: str) -> list[Spot]:
    """Where in a plan a defect of some kind can be."""
    if kind == "plan":
        return [Spot(plan, plan)]
    found = []
    for at, phase in enumerate(plan["phases"]):
        if kind == "phase":
            found.append(Spot(plan, phase, f"phases[{at}]"))
        for index, entry in enumerate(phase["tasks"]):
            own = "decision" if "decision" in entry else "task"
            if own == kind and entry["id"] != "first":
                found.append(Spot(plan, entry, f"phases[{at}].tasks[{index}]", at + 1))
    return found


def written(plan: Given) -> tuple[str, dict[str, int]]:
    """The plan in YAML, a key a line, and the line of each place."""
    lines: list[str] = []
    where: dict[str, int] = {}

    def put(mark: str, keys: Given, place: str) -> None:
        for number, (key, value) in enumerate(keys.items()):
            lines.append(f"{' ' * len(mark) if number else mark}{key}: {value}".rstrip())
            where[f"{place}.{key}".removeprefix(".")] = len(lines)
            if not number:
                where[place] = len(lines)

    def flat(data: Given, block: str) -> Given:
        return {key: "" if key == block else json.dumps(data[key]) for key in data}

    put("", {k: v for k, v in flat(plan, "phases").items() if k != "phases"}, "")
    put("", {"phases": ""}, "")
    for at, phase in enumerate(plan["phases"]):
        place = f"phases[{at}]"
        put("  - ", {k: v for k, v in flat(phase, "tasks").items() if k != "tasks"}, place)
        lines.append("    tasks:")
        where[f"{place}.tasks"] = len(lines)
        for index, entry in enumerate(phase["tasks"]):
            put("      - ", flat(entry, ""), f"{place}.tasks[{index}]")
    return "\n".join(lines) + "\n", where


def line_of(place: str, where: dict[str, int]) -> int:
    """The line of a place, or of the next larger one that stands in the file."""
    while place not in where:
        place = place.rpartition(".")[0]
    return where[place]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=valid())
def test_without_a_defect_it_is_a_plan(plan: Given) -> None:
    """What the defects are put into is valid."""
    text, _ = written(plan)
    assert len(Plan.parse(text).phases) == len(plan["phases"])


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=valid(), data=st.data())
def test_one_defect_is_one_fault(defect: Defect, plan: Given, data: st.DataObject) -> None:
    """The plan is refused; the only fault names the place, its line, and what is wrong."""
    spot = data.draw(st.sampled_from(spots(plan, defect.where)))
    made = defect.make(spot) if callable(defect.make) else defect.make
    spot.data |= made
    for key in [key for key, value in made.items() if value is None]:
        del spot.data[key]
    place = f"{spot.place}.{defect.key}".removeprefix(".")
    for back in (1, 2):
        place = place.replace(f"[-{back}]", f"[{len(spot.data.get('tasks', ())) - back}]")
    text, where = written(plan)
    with pytest.raises(PlanError) as caught:
        Plan.parse(text)
    (fault,) = caught.value.faults
    assert (fault.place, fault.line) == (place, line_of(place, where))
    for word in defect.words:
        assert word in fault.message
