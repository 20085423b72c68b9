"""Bad input: a clear fault each, at its place, and all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestra_nb.errors import Fault, PlanError
from orchestra_nb.plan import Decision, Phase, Plan, Task


def faults_of(text: str) -> tuple[Fault, ...]:
    """All faults of a plan's text."""
    with pytest.raises(PlanError) as caught:
        Plan.parse(text)
    return caught.value.faults


def with_task(lines: str) -> str:
    """A plan whose only task has these lines; the task begins in line 5."""
    indented = lines.replace("\n", "\n        ")
    return f"name: x\nphases:\n  - name: P\n    tasks:\n      - agent: a\n        {indented}\n"


def with_decision(lines: str) -> str:
    """A plan whose only entry is a decision with these lines, from line 6 on."""
    return with_task(lines).replace("agent: a", "decision: D")


ONE = "phases: [{name: P, tasks: [{agent: a}]}]\n"
TASK = "phases[0].tasks[0]"

CASES: list[tuple[str, str, str, int | None, list[str]]] = [
    ("level 0", f"name: x\nlevel: 0\n{ONE}", "level", 2, ["from 1 to 5", "0"]),
    ("level 6", f"name: x\nlevel: 6\n{ONE}", "level", 2, ["from 1 to 5", "6"]),
    ("level true", f"name: x\nlevel: true\n{ONE}", "level", 2, ["whole number", "true"]),
    ("level 2.5", f"name: x\nlevel: 2.5\n{ONE}", "level", 2, ["whole number", "2.5"]),
    ("level text", f"name: x\nlevel: '3'\n{ONE}", "level", 2, ["whole number", "'3'"]),
    ("negative", with_task("estimate: -5m"), f"{TASK}.estimate", 6, ["negative"]),
    ("negative number", with_task("estimate: -5"), f"{TASK}.estimate", 6, ["negative"]),
    ("NaN", with_task("estimate: .nan"), f"{TASK}.estimate", 6, ["finite", "nan"]),
    ("infinity", with_task("estimate: .inf"), f"{TASK}.estimate", 6, ["finite", "inf"]),
    ("soon", with_task("estimate: soon"), f"{TASK}.estimate", 6, ["'soon'", "1h30m"]),
    ("clock time", with_task("estimate: 1:30"), f"{TASK}.estimate", 6, ["'1:30'"]),
    ("true as a time", with_task("estimate: true"), f"{TASK}.estimate", 6, ["true"]),
    ("a year too long", with_task("estimate: 400 days"), f"{TASK}.estimate", 6, ["366 days"]),
    ("no options", with_decision("options: {}"), f"{TASK}.options", 6, ["at least one"]),
    ("options missing", with_decision("category: x"), f"{TASK}.options", 5, ["is missing"]),
    ("options a word", with_decision("options: A"), f"{TASK}.options", 6, ["mapping", "'A'"]),
    (
        "recommendation not an option",
        with_decision("options: {A: x, B: y}\nrecommend: C"),
        f"{TASK}.recommend",
        7,
        ["'C' is not an option", "A, B"],
    ),
    (
        "option called other",
        with_decision("options: {A: x, Other: y}"),
        f"{TASK}.options.Other",
        6,
        ["words of one's own"],
    ),
    (
        "option twice by case",
        with_decision("options: {A: x, a: y}"),
        f"{TASK}.options.a",
        6,
        ["there twice"],
    ),
    ("decision timeout", with_decision("options: [x]\ntimeout: 0.5"), f"{TASK}.timeout", 7, ["1"]),
    ("task timeout 0", with_task("timeout: 0"), f"{TASK}.timeout", 6, ["more than 0"]),
    ("unknown key", with_task("estimat: 3"), f"{TASK}.estimat", 6, ["did you mean 'estimate'?"]),
    ("unknown plan key", f"name: x\nfases: 1\n{ONE}", "fases", 2, ["did you mean 'phases'?"]),
    ("unknown role", with_task("role: tester"), f"{TASK}.role", 6, ["did you mean 'testing'?"]),
    ("self", with_task("depends_on: [A]"), f"{TASK}.depends_on", 6, ["waits for itself"]),
    (
        "own phase",
        with_task("depends_on: [Phase 1]"),
        f"{TASK}.depends_on",
        6,
        ["is the phase it is in"],
    ),
    ("unknown dependency", with_task("depends_on: zz"), f"{TASK}.depends_on", 6, ["'zz'"]),
    ("none as a name", with_task("depends_on: none"), f"{TASK}.depends_on", 6, ["write []"]),
    (
        "dependency of a wrong type",
        with_task("depends_on: {b: c}"),
        f"{TASK}.depends_on",
        6,
        ["list of names"],
    ),
    (
        "dependency list with a list",
        with_task("depends_on: [[b]]"),
        f"{TASK}.depends_on[0]",
        6,
        ["must be text"],
    ),
    ("when of nothing", with_task("when: {zz: A}"), f"{TASK}.when.zz", 6, ["no decision"]),
    ("when a list", with_task("when: [zz]"), f"{TASK}.when", 6, ["mapping"]),
    ("when with no option", with_task("when: {d: []}"), f"{TASK}.when.d", 6, ["no option"]),
    ("no phases", "name: x\nphases: []\n", "phases", 2, ["at least one"]),
    ("phases missing", "name: x\n", "phases", 1, ["is missing"]),
    ("phases a word", "name: x\nphases: soon\n", "phases", 2, ["must be a list"]),
    ("empty phase", "name: x\nphases: [{name: P, tasks: []}]", "phases[0].tasks", 2, ["no task"]),
    ("phase a word", "name: x\nphases: [P]", "phases[0]", 2, ["mapping"]),
    ("task a word", "name: x\nphases: [{name: P, tasks: [a]}]", TASK, 2, ["{agent:"]),
    ("agent missing", "name: x\nphases: [{name: P, tasks: [{task: t}]}]", f"{TASK}.agent", 2, []),
    ("agent a list", "name: x\nphases: [{name: P, tasks: [{agent: [a]}]}]", f"{TASK}.agent", 2, []),
    ("name missing", ONE, "name", 1, ["is missing"]),
    ("name empty", f"name: ' '\n{ONE}", "name", 1, ["must not be empty"]),
    ("name a boolean", f"name: true\n{ONE}", "name", 1, ["in quotes"]),
    ("long id", with_task("id: " + "n" * 201), f"{TASK}.id", 6, ["too long", "200"]),
    ("retries", with_task("retries: -1"), f"{TASK}.retries", 6, ["from 0 on"]),
    ("review", with_task("review: yes"), f"{TASK}.review", 6, ["true or false", "'yes'"]),
    ("levels crossed", with_task("min_level: 4\nmax_level: 2"), f"{TASK}.min_level", 6, ["above"]),
    ("checkpoint's name", with_task("id: Checkpoint-1"), f"{TASK}.id", 6, ["checkpoint is called"]),
    ("mode", f"name: x\nmode: guide\n{ONE}", "mode", 2, ["did you mean 'guided'?"]),
    (
        "mode twice",
        f"name: x\nmode: guided\ninteractive_mode: true\n{ONE}",
        "interactive_mode",
        3,
        ["keep one"],
    ),
    ("budget", f"name: x\nbudget: {{usd: -1}}\n{ONE}", "budget.usd", 2, ["above 0"]),
    ("budget key", f"name: x\nbudget: {{eur: 1}}\n{ONE}", "budget.eur", 2, ["unknown key"]),
    ("budget of nothing", f"name: x\nbudget: {{}}\n{ONE}", "budget", 2, ["caps nothing", "usd"]),
    (
        "budget of a phase",
        "name: x\nphases:\n  - name: P\n    budget: {usd: no}\n    tasks: [{agent: a}]\n",
        "phases[0].budget.usd",
        4,
        ["above 0"],
    ),
    (
        "budget of a task",
        "name: x\nphases:\n  - name: P\n    tasks:\n      - {agent: a, budget: {tokens: 1.5}}\n",
        "phases[0].tasks[0].budget.tokens",
        5,
        ["a whole number"],
    ),
    ("no slots", f"name: x\nmax_concurrency: 0\n{ONE}", "max_concurrency", 2, ["from 1 on"]),
    ("undeclared input", with_task("task: for {{who}}"), f"{TASK}.task", 6, ["{{who}}", "inputs"]),
    ("unused agent", f"name: x\nagents: {{b: {{}}}}\n{ONE}", "agents.b", 2, ["no task has"]),
    (
        "timeouts",
        f"name: x\ntimeouts: {{kinds: {{critcal: 1m}}}}\n{ONE}",
        "timeouts.kinds.critcal",
        2,
        ["did you mean 'critical'?"],
    ),
    (
        "default not an option",
        f"name: x\nquestions: [{{ask: q, options: [yes, no], default: maybe}}]\n{ONE}",
        "questions[0].default",
        2,
        ["'maybe' is not an option"],
    ),
    (
        "follow-up of no option",
        f"name: x\nquestions: [{{ask: q, options: [yes, no], follow_up: {{ja: [r]}}}}]\n{ONE}",
        "questions[0].follow_up.ja",
        2,
        ["not an option"],
    ),
    ("unreadable YAML", "name: x\nphases: [\n", "", 3, ["YAML", "column"]),
    ("tab", "name: x\n\tphases: 1\n", "", 2, ["YAML"]),
    ("unreadable JSON", '{"name": "x",\n "phases": ]}', "", 2, ["JSON", "column 12"]),
    ("top level a list", "- name: x\n", "", None, ["mapping", "a list"]),
    ("top level a word", "plan.yaml", "", None, ["Plan.load"]),
    ("empty", " \n", "", None, ["is empty"]),
    ("key twice", f"name: x\nlevel: 1\nlevel: 2\n{ONE}", "level", 3, ["twice", "line 2"]),
    ("merge key", f"name: x\n<<: {{level: 1}}\n{ONE}", "", 2, ["merge keys"]),
    ("JSON key twice", '{"name": "x", "name": "y"}', "name", 1, ["twice"]),
    (
        "JSON NaN",
        '{"name": "x", "phases": [{"name": "P",\n"tasks": [{"agent": "a", "estimate": NaN}]}]}',
        f"{TASK}.estimate",
        2,
        ["finite"],
    ),
]


@pytest.mark.parametrize(
    ("text", "place", "line", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_fault(text: str, place: str, line: int | None, words: list[str]) -> None:
    """A fault names its place, its line, what is wrong and what to do."""
    faults = [fault for fault in faults_of(text) if fault.place == place]
    assert len(faults) == 1, faults_of(text)
    assert faults[0].line == line
    for word in words:
        assert word in faults[0].message
    assert "!" not in faults[0].message


CROSSED = """\
name: x
phases:
  - name: One
    tasks:
      - {agent: a, depends_on: []}
      - {agent: b, depends_on: []}
      - {decision: Which, options: [x, y], depends_on: []}
  - name: Two
    tasks:
      - EXTRA
"""

PAIRS = [
    ("{agent: a}", "phases[1].tasks[0]", ["already has a task", "phases[0].tasks[0]", "id: a-2"]),
    ("{agent: B}", "phases[1].tasks[0].id", ["already the id", "upper and lower case"]),
    ("{agent: c, id: A}", "phases[1].tasks[0].id", ["already the id"]),
    ("{agent: c, when: {a: A}}", "phases[1].tasks[0].when.a", ["is a task"]),
    ("{agent: c, when: {which: C}}", "phases[1].tasks[0].when.which", ["'C'", "A, B"]),
    ("{agent: c, depends_on: whch}", "phases[1].tasks[0].depends_on", ["did you mean 'which'?"]),
    ("{agent: c, depends_on: Phase 3}", "phases[1].tasks[0].depends_on", ["'Phase 3'"]),
]


@pytest.mark.parametrize(("extra", "place", "words"), PAIRS)
def test_crossed_faults(extra: str, place: str, words: list[str]) -> None:
    """What parts say about each other is checked too."""
    (fault,) = faults_of(CROSSED.replace("EXTRA", extra))
    assert (fault.place, fault.line) == (place, 10)
    for word in words:
        assert word in fault.message


def test_ids_are_compared_after_nfc() -> None:
    """Two spellings of one id, composed and not, are one id."""
    text = CROSSED.replace("agent: a,", 'agent: "Café",').replace("EXTRA", '{agent: "cafe\u0301"}')
    (fault,) = faults_of(text)
    assert "already the id" in fault.message


def test_all_faults_at_once() -> None:
    """One error lists every fault of a plan, in the plan's order, each with its line."""
    text = """\
name: ""
level: 9
modee: guided
budget: {usd: lots}
phases:
  - name: One
    tasks:
      - {agent: a, estimate: soon, depends_on: [nobody], retrys: 2}
      - {task: who does it}
      - {decision: D, options: [], depends_on: [nowhere]}
      - {agent: p, depends_on: [q]}
      - {agent: q, depends_on: [p]}
      - {agent: A, when: {d: Z}}
  - name: Two
    tasks: []
"""
    faults = faults_of(text)
    found = [(fault.place, fault.line) for fault in faults]
    task = "phases[0].tasks"
    assert found == [
        ("name", 1),
        ("level", 2),
        ("modee", 3),
        ("budget.usd", 4),
        (f"{task}[0].estimate", 8),
        (f"{task}[0].retrys", 8),
        (f"{task}[0].depends_on", 8),
        (f"{task}[1].agent", 9),
        (f"{task}[2].options", 10),
        (f"{task}[2].depends_on", 10),
        (f"{task}[3].depends_on", 11),
        (f"{task}[5].id", 13),
        ("phases[1].tasks", 15),
    ]


def test_message_reads_well(tmp_path: Path) -> None:
    """The error's text has the file, the count, and one line a fault."""
    path = tmp_path / "plan.yaml"
    path.write_text(f"name: x\nlevel: 7\n{ONE}", "utf-8")
    with pytest.raises(PlanError) as caught:
        Plan.load(path)
    assert str(caught.value) == (
        f"{path} has 1 fault:\n  level (line 2): must be a whole number from 1 to 5, not 7"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "there is no such file"),
        (b"", "is empty"),
        ("name: x".encode("utf-16"), "is not UTF-8 text"),
        (b"name: x\noverview: caf\xe9\n", "is not UTF-8 text (byte 21)"),
        (b"name: \x00\n", "can't be read as YAML"),
    ],
)
def test_unreadable_files(tmp_path: Path, data: bytes | None, words: str) -> None:
    """A file that can't be read is a PlanError like any other fault."""
    path = tmp_path / "plan.yaml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(PlanError) as caught:
        Plan.load(path)
    assert words in str(caught.value)
    assert caught.value.source == str(path)


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    """A folder in the place of a file is refused in words."""
    with pytest.raises(PlanError, match="can't be read"):
        Plan.load(tmp_path)


MADE: list[tuple[Any, str]] = [
    (lambda: Task(agent="", estimate=-1), "agent"),
    (lambda: Decision(title="D", options={}), "options"),
    (lambda: Phase(name="P", tasks=[Task(agent="a"), {"agnt": "b"}]), "tasks[1].agent"),
    (lambda: Plan(name="x", phases=[]), "phases"),
    (lambda: Plan.model_validate({"name": "x"}), "phases"),
    (lambda: Plan.model_validate([]), ""),
    (lambda: Plan.model_validate({"name": "x", 5: 6, "phases": []}), "5"),
]


@pytest.mark.parametrize(("make", "place"), MADE, ids=range(len(MADE)))
def test_python_objects_raise_plan_errors(make: Any, place: str) -> None:
    """Plans made in Python raise the same error with the same places."""
    with pytest.raises(PlanError) as caught:
        make()
    assert place in [fault.place for fault in caught.value.faults]


def test_values_are_frozen() -> None:
    """A task can't be changed after it was checked."""
    task = Task(agent="a")
    with pytest.raises(ValueError, match="frozen"):
        task.agent = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "x: " + "[" * 5000,
        '{"x": ' + "[" * 100_000,
        "a0: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"a{i}: &{chr(97 + i)} [{','.join(['*' + chr(96 + i)] * 10)}]\n" for i in range(1, 12)
        ),
    ],
    ids=["itself", "deep", "deep JSON", "laughs"],
)
def test_bombs_are_refused(text: str) -> None:
    """Anchors that repeat each other and bottomless nesting are faults, not a full memory."""
    faults = faults_of(text)
    assert len(faults) == 1
    assert any(word in faults[0].message for word in ("itself", "anchors", "deeply"))
