"""``for_each``: what a plan may say, what counts as a list, what an item's text is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestra_nb.errors import PlanError
from orchestra_nb.plan import ForEach, Phase, Plan, Task
from orchestra_nb.plan.each import MOST_ITEMS, fill_item, hash_of, items_of
from orchestra_nb.plan.graph import compile_plan

PLAN = """
name: Reviews
inputs: {market: {default: B2B}}
phases:
  - name: Look
    tasks:
      - {agent: structure, task: List the modules}
      - agent: reviewer
        id: review
        task: "Review {{module}} for {{market}}"
        for_each: {from: Structure, as: module, expect: 4}
      - {agent: writer, task: Summarise, depends_on: [review]}
"""
EACH = ForEach.model_validate({"from": "structure", "as": "module"})


class Found(BaseModel):
    """A result with one list."""

    modules: list[str]
    comment: str = ""


class Twice(BaseModel):
    """A result with two."""

    modules: list[str] = []
    files: list[str] = []


def faults(*tasks: str, **settings: Any) -> list[tuple[str, str]]:
    """Place and words of what is wrong with a plan of these tasks."""
    entries = "".join(f"      - {one}\n" for one in tasks)
    text = f"name: x\nphases:\n  - name: Look\n    tasks:\n      - {{agent: structure}}\n{entries}"
    with pytest.raises(PlanError) as caught:
        Plan.parse(text)
    return [(fault.place, fault.message) for fault in caught.value.faults]


def test_written_once_read_anywhere(tmp_path: Path) -> None:
    """YAML, JSON, Markdown and Python say the same; ids are spelled as they are declared."""
    plan = Plan.parse(PLAN)
    each = plan.phases[0].tasks[1].for_each  # type: ignore[union-attr]
    assert each is not None
    assert (each.source, each.name, each.expect) == ("structure", "module", 4)
    assert str(each) == "one task per item of structure's result"
    for suffix in ("yaml", "json", "md"):
        again = Plan.load(plan.save(tmp_path / f"plan.{suffix}"))
        assert again.phases[0].tasks[1].for_each == each  # type: ignore[union-attr]
    made = Task(agent="a", for_each={"from": "structure", "as": "module", "expect": 4})
    assert made.for_each == each


def test_inputs_are_filled_in_items_wait() -> None:
    """What stands for an item is left for the run."""
    entry = Plan.parse(PLAN).filled().phases[0].tasks[1]
    assert isinstance(entry, Task)
    assert entry.task == "Review {{module}} for B2B"


@pytest.mark.parametrize(
    ("task", "place", "words"),
    [
        ("{agent: a, for_each: {from: structur, as: m}}", "for_each.from",
         "no task is called 'structur'; did you mean 'structure'?"),
        ("{agent: a, for_each: {from: Look, as: m}}", "for_each.from", "'Look' is a phase"),
        ("{agent: a, for_each: {from: a, as: m}}", "for_each.from", "'a' waits for itself"),
        ("{agent: a, for_each: {from: structure}}", "for_each.as", "is missing; for_each looks"),
        ("{agent: a, for_each: {as: m}}", "for_each.from", "is missing; for_each looks"),
        ("{agent: a, for_each: structure}", "for_each", "must be a mapping such as {from: str"),
        ("{agent: a, for_each: {from: structure, as: a b}}", "for_each.as", "must be a name such"),
        ("{agent: a, for_each: {from: structure, as: context}}", "for_each.as", "agents are given"),
        ("{agent: a, for_each: {from: structure, as: m, expect: 1001}}", "for_each.expect",
         "must be at most 1,000"),
        ("{agent: a, for_each: {from: structure, as: m, of: x}}", "for_each.of", "unknown key"),
        ("{agent: a, task: '{{n}}', for_each: {from: structure, as: m}}", "task",
         "{{n}} stands for an input that is not declared"),
        ("{decision: a, options: [x], for_each: {from: structure, as: m}}", "for_each",
         "is for tasks; a decision is made once"),
        ("{agent: checkpoint, for_each: {from: structure, as: m}}", "",
         "its items would be called as checkpoints are"),
    ],
)  # fmt: skip
def test_faults_are_named_with_their_place(task: str, place: str, words: str) -> None:
    """Each thing that can be wrong is one fault, where it stands."""
    ((where, message),) = faults(task)
    assert where == f"phases[0].tasks[1]{'.' if place else ''}{place}"
    assert words in message


def test_a_decision_gives_no_list() -> None:
    """Nor by its title."""
    decision = "{decision: Which way, options: [x]}"
    for name in ("which-way", "Which way"):
        ((place, message),) = faults(decision, f"{{agent: a, for_each: {{from: {name}, as: m}}}}")
        assert place == "phases[0].tasks[2].for_each.from"
        assert "is a decision; name a task that gives a list" in message


def test_a_list_that_waits_for_its_own_items() -> None:
    """That is a cycle, spelled out where it can be broken."""
    ((place, message),) = faults(
        "{agent: a, for_each: {from: b, as: m}}", "{agent: b, depends_on: [a]}"
    )
    assert place == "phases[0].tasks[1].for_each.from"
    assert "a cycle: a -> b -> a" in message


def test_an_input_gives_no_list() -> None:
    """Its value is text wherever it stands; a task can make a list of it."""
    with pytest.raises(PlanError, match="'market' is an input; name a task that makes a list"):
        Plan.parse(PLAN.replace("from: Structure", "from: market"))


def test_an_input_of_the_same_name() -> None:
    """One name can't stand for both."""
    with pytest.raises(PlanError, match="'market' is an input of the plan; give the items another"):
        Plan.parse(PLAN.replace("as: module", "as: market").replace("{{module}}", "it"))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("Review-7", True), ("review-0", False), ("review-x", False), ("review-10000", False)],
)
def test_an_id_that_an_item_will_have(name: str, wrong: bool) -> None:
    """It is refused where it can be known, in any case of letters."""
    text = PLAN.replace("agent: writer", f"agent: {name}")
    if not wrong:
        assert Plan.parse(text).phases
        return
    with pytest.raises(PlanError, match=f"called review-1, -2 and so on, and '{name}' is another"):
        Plan.parse(text)


def test_another_tasks_text_knows_no_item() -> None:
    """What stands for an item does so in its template alone."""
    with pytest.raises(PlanError, match="stands for an input that is not declared"):
        Plan.parse(PLAN.replace("task: Summarise", "task: 'Sum up {{module}}'"))


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (["a", 2, None], ["a", 2, None]),
        (("a",), ["a"]),
        ([], []),
        ({}, []),
        ({"a": 1, "b": {"c": 2}}, [{"key": "a", "value": 1}, {"key": "b", "value": {"c": 2}}]),
        ({"modules": ["a"], "comment": "x"}, ["a"]),
        (Found(modules=["a", "b"]), ["a", "b"]),
        ('["a", {"b": 1}]', ["a", {"b": 1}]),
        ('{"modules": ["a"]}', ["a"]),
        ('Here they are:\n```json\n["a", "b"]\n```\nEnjoy.', ["a", "b"]),
        ("```\n- a\n- b\n```", ["a", "b"]),
        ("- a\n- b\n", ["a", "b"]),
        ("* a\n\n* b", ["a", "b"]),
        ("1. a\n2) b\n10. c", ["a", "b", "c"]),
        ("There are two:\n\n- `a`: first\n  and more\n- b\n\nTell me if I missed any.",
         ["`a`: first\nand more", "b"]),
        ("  - a\n  - b", ["a", "b"]),
        ("- a\n  - under a\n- b", ["a\n- under a", "b"]),
        ("[1] is a footnote\n- a", ["a"]),
    ],
)  # fmt: skip
def test_what_is_a_list(value: object, items: list[Any]) -> None:
    """Lists, what holds one, and texts that are one."""
    assert items_of(value) == items


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is nothing"),
        (3, "is of type int"),
        ({"a", "b"}, "is of type set"),
        ("", "is the text ''"),
        ("a, b and c", "is the text 'a, b and c'"),
        ("- a\n\nand also\n\n- b", "is the text"),
        ('{"a": 1}', "is the text"),
        ('"a"', "is the text"),
        (Twice(), "has 2 lists in it"),
        ({"a": [1], "b": [2]}, "has 2 lists in it"),
        ([0] * (MOST_ITEMS + 1), "has 1,001 items; for_each makes at most 1,000 tasks"),
    ],
)
def test_what_is_none(value: object, words: str) -> None:
    """It says what came; nothing is guessed."""
    with pytest.raises(ValueError, match=words):
        items_of(value)


@pytest.mark.parametrize(
    ("text", "item", "filled"),
    [
        ("Review {{module}}", "auth", "Review auth"),
        ("Review {{ module }} and {{module}}", "a", "Review a and a"),
        ("Review {{module}}", {"path": "é"}, 'Review {"path": "é"}'),
        (
            "Review {{module.path}} ({{ module . lines }})",
            {"path": "x", "lines": 3},
            "Review x (3)",
        ),
        ("{{module.comment}}", Found(modules=[], comment="c"), "c"),
        ("Review {{other}}", "a", "Review {{other}}: a"),
        ("Review", 3, "Review: 3"),
        ("", "a", "a"),
        ("{{module}}", "{{module}} $1 \\1", "{{module}} $1 \\1"),
    ],
)
def test_an_items_text(text: str, item: object, filled: str) -> None:
    """The item in its place, or at the end; what it says is not looked at again."""
    assert fill_item(text, EACH, item) == filled


def test_a_field_that_is_not_there() -> None:
    """It is named, as it was written."""
    with pytest.raises(ValueError, match="has no field 'size', which the task's text names"):
        fill_item("{{module.size}}", EACH, {"path": "x"})
    with pytest.raises(ValueError, match="has no field 'upper'"):
        fill_item("{{module.upper}}", EACH, "text")


def test_an_items_hash_says_what_it_is() -> None:
    """Equal items have one hash, others another; what has no JSON has none."""
    assert hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1}) != hash_of({"a": 1})
    assert hash_of(Found(modules=["a"])) == hash_of({"modules": ["a"], "comment": ""})
    assert hash_of(object()) == hash_of(float("nan")) == ""


def test_a_grown_graph_keeps_its_indexes() -> None:
    """New tasks are appended, stand in their template's place, and the first graph is as it was."""
    graph = compile_plan(
        Plan(
            name="x",
            phases=[
                Phase(name="A", tasks=[
                    Task(agent="list"),
                    Task(agent="do", for_each={"from": "list", "as": "it"}, min_level=2),
                    Task(agent="then", depends_on=["do"]),
                ]),
                Phase(name="B", tasks=[Task(agent="later")]),
            ],
        )
    )  # fmt: skip
    before = [node.unmet for node in graph.nodes]
    grown = graph.grown(1, [("do-1", "a", "h1"), ("do-2", "b", "")])
    assert [node.id for node in grown.nodes] == ["list", "do", "then", "later", "do-1", "do-2"]
    assert [grown.nodes[i].id for i in grown.shown] == [
        "list", "do", "do-1", "do-2", "then", "later",
    ]  # fmt: skip
    group, first = grown.nodes[1], grown.nodes[4]
    assert (group.kind, group.items, group.unmet) == ("group", (4, 5), 3)
    assert (first.kind, first.template, first.item, first.title) == ("task", 1, "h1", "a")
    assert (first.needs, first.unmet, first.phase) == ((0,), 1, 1)
    assert grown.members[0] == [0, 2, 4, 5]
    assert grown.gate_members[0] == [0, 1, 2, 4, 5]
    assert [node.unmet for node in graph.nodes] == before
    assert graph.nodes[1].kind == "task"
    assert grown.ancestors(2) == {0, 1, 4, 5}
    assert grown.ancestors(4) == set(), "who does an item does not see the list"
    fewer = grown.grown(1, [("do-2", "c", "h2")])
    assert fewer.nodes[1].items == (5,)
    assert fewer.nodes[1].unmet == 2
    assert (fewer.nodes[5].title, fewer.nodes[4].title) == ("c", "a")


def test_who_lists_it_sees_the_list() -> None:
    """A template that names its list's task in depends_on gets that result too."""
    tasks = [
        Task(agent="list"),
        Task(agent="do", for_each={"from": "list", "as": "it"}, depends_on=["list"]),
    ]
    graph = compile_plan(Plan(name="x", phases=[Phase(name="A", tasks=tasks)]))
    grown = graph.grown(1, [("do-1", "a", "")])
    assert grown.ancestors(2) == {0}
