"""Plans in YAML, JSON and Markdown: what is read, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestra_nb.plan import Agent, Budget, Decision, Input, Phase, Plan, Question, Task, Timeouts
from orchestra_nb.plan.files import to_dict, to_yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
ANY = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and "{{" not in text)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "\x1b[31mred\x1b[0m\x07",
    "x" * 1_000_000,
    "half \ud800 a surrogate",
    "\u202eright to left",
    "yes",
    "null",
    "1:30",
    "- [x] **a**: b\n## Progress Metrics",
    "a: b # c",
    "\u2028\x85 lines \r\n",
]


def plan_with(text: str) -> Plan:
    """A plan that carries a text in every field that takes any."""
    return Plan(
        name=text,
        overview=text,
        inputs={"i": Input(ask=text, default=text)},
        agents={"a": Agent(system=text)},
        questions=[Question(ask=text, options=[text, f"{text}2"], default=text, group=text)],
        phases=[
            Phase(
                name=text,
                tasks=[
                    Task(agent="a", task=text),
                    Decision(
                        title=text,
                        id="d",
                        context=text,
                        because=text,
                        options=[{"key": "A", "text": text, "description": text}],
                        recommend="A",
                    ),
                ],
            )
        ],
    )


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_survives(tmp_path: Path, text: str, suffix: str) -> None:
    """Whatever a text says, it is only text, in every field, and comes back from a file."""
    if suffix == "yaml":
        text = text[:100_000]  # PyYAML writes a megabyte a second
    plan = plan_with(text)
    path = plan.save(tmp_path / f"plan.{suffix}")
    assert Plan.load(path) == plan
    assert plan.overview == text.replace("\ud800", "\ufffd")
    assert "\x1b" not in repr(plan)
    assert len(repr(plan)) < 1000


@given(text=ANY)
@example("0\x85")
@example("a\u2028 \r\n b")
@settings(max_examples=60, deadline=None)
def test_any_text_round_trips(text: str) -> None:
    """YAML and JSON written here are read back as an equal plan."""
    plan = plan_with(text)
    made = to_dict(plan)
    assert Plan.parse(json.dumps(made), "json") == plan
    assert Plan.parse(to_yaml(made), "yaml") == plan


@given(seconds=st.floats(min_value=0, max_value=1e6), number=st.floats(allow_nan=False))
@settings(max_examples=60, deadline=None)
def test_any_number_round_trips(seconds: float, number: float) -> None:
    """Times and the numbers of inputs are exact in both formats."""
    default = number if abs(number) < 1e300 else None
    plan = Plan(
        name="x",
        inputs={"i": Input(default=default)},
        phases=[Phase(name="P", tasks=[Task(agent="a", estimate=seconds)])],
    )
    made = to_dict(plan)
    assert Plan.parse(json.dumps(made), "json") == plan
    assert Plan.parse(to_yaml(made), "yaml") == plan


def everything() -> Plan:
    """A plan that uses every field."""
    return Plan(
        name="All",
        overview="of it",
        level=5,
        mode="guided",
        timeline="relaxed",
        auto_proceed=False,
        checkpoints="each",
        on_failure="stop",
        budget=Budget(usd=5, tokens=10),
        max_concurrency=3,
        inputs={"market": Input(ask="Which?", default="B2B"), "n": Input(default=[1, {"a": 2.5}])},
        agents={"a": Agent(model="m", system="s", tools=["t"], max_tokens=5, retries=0, timeout=9)},
        questions={"Group": [Question(ask="q", options=["yes", "no"], follow_up={"yes": ["r"]})]},
        phases=[
            Phase(
                name="One",
                checkpoint=True,
                tasks=[
                    Task(
                        agent="a", task="for {{market}}", estimate="90s", depends_on=[], review=True
                    ),
                    Decision(
                        title="Which one",
                        category="database",
                        kind="critical",
                        options={"A": "x", "B": "y"},
                        recommend="b",
                        because="z",
                        depends_on="a",
                        timeout="none",
                        ask="always",
                        other=False,
                        max_level=5,
                    ),
                ],
            ),
            Phase(
                name="Two",
                tasks=[
                    Task(
                        agent="a",
                        id="a-2",
                        depends_on=["Phase 1 completion"],
                        when={"Which One": "a"},
                        role="security",
                        min_level=1,
                        timeout="1h30m",
                        retries=2,
                        review=True,
                    )
                ],
            ),
        ],
        timeouts=Timeouts(kinds={"critical": "12m"}, categories={"legal": "15m"}, longest="1h"),
    )


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
def test_every_field_round_trips(tmp_path: Path, suffix: str) -> None:
    """A plan that uses every field is the same after saving and loading."""
    plan = everything()
    assert Plan.load(plan.save(tmp_path / f"plan.{suffix}")) == plan
    assert [path.name for path in tmp_path.iterdir()] == [f"plan.{suffix}"]


def test_friendly_forms() -> None:
    """Single names, letters, units and any case stand for what they mean."""
    plan = everything()
    decision = plan.phases[0].tasks[1]
    task = plan.phases[1].tasks[0]
    assert isinstance(decision, Decision)
    assert (decision.id, decision.recommend, decision.depends_on) == ("which-one", "B", ("a",))
    assert task.when == {"which-one": ("A",)}
    assert task.timeout == 5400
    assert plan.questions[0].group == "Group"
    assert plan.questions[0].follow_up["yes"][0].ask == "r"
    assert plan.phase_number("Phase 2 completion") == plan.phase_number("two") == 2
    assert plan.phase_number("a-2") is None


def test_yaml_has_no_surprises() -> None:
    """Only true and false are booleans; yes, no, on, clock times, dates and octals are text."""
    plan = Plan.parse(
        """
name: 1.10
overview: 2024-01-20
interactive_mode: false
budget: {usd: 5.00, tokens: 2_000_000}
inputs: {a: yes, b: 1:30, c: 012, d: 0x1F, e: on, f: 3, g: true, h: 1e3, i: 2024-01-20}
questions:
  - ask: Really?
    options: [yes, no]
    default: no
    follow_up: {yes: [Why?]}
phases:
  - name: on
    tasks:
      - agent: no
        task: "{{a}}"
        depends_on:
      - {decision: 2024-01-20, options: [1.0, 2], recommend: A}
"""
    )
    assert (plan.name, plan.overview, plan.mode) == ("1.10", "2024-01-20", "fully_autonomous")
    assert plan.budget == Budget(usd=5.0, tokens=2_000_000)
    values = [item.default for item in plan.inputs.values()]
    assert values == ["yes", "1:30", "012", "0x1F", "on", 3, True, "1e3", "2024-01-20"]
    assert [type(item) for item in values[5:7]] == [int, bool]
    assert plan.questions[0].options == ("yes", "no")
    assert plan.questions[0].default == "no"
    first, second = plan.phases[0].tasks
    assert (plan.phases[0].name, first.id, first.depends_on) == ("on", "no", None)
    assert isinstance(second, Decision)
    assert [option.text for option in second.options] == ["1.0", "2"]


def test_yaml_with_an_escaped_surrogate() -> None:
    """Half a surrogate written as an escape becomes the replacement character."""
    plan = Plan.parse('name: "a\\ud800b"\nphases: [{name: P, tasks: [{agent: a}]}]')
    assert plan.name == "a\ufffdb"


def test_anchors_are_read() -> None:
    """An anchor used a few times is a convenience, not a bomb."""
    plan = Plan.parse(
        "name: x\nphases:\n- name: P\n  tasks:\n"
        "  - {agent: a, depends_on: &none []}\n  - {agent: b, depends_on: *none}\n"
    )
    assert plan.phases[0].tasks[1].depends_on == ()


def test_formats_are_guessed() -> None:
    """A text in braces is JSON or YAML, one with the spec's title is Markdown."""
    for text in (
        '{"name": "x", "phases": [{"name": "P", "tasks": [{"agent": "a"}]}]}',
        "{name: x, phases: [{name: P, tasks: [{agent: a}]}]}",
        "# Orchestration Plan: x\n### Phase 1: P\n- [ ] **a**\n",
        "# a comment\nname: x\nphases: [{name: P, tasks: [{agent: a}]}]",
    ):
        assert Plan.parse(text) == Plan(name="x", phases=[{"name": "P", "tasks": [{"agent": "a"}]}])


def test_spec_markdown() -> None:
    """The spec's orchestration-plan.md is a plan; its statuses and boxes say nothing."""
    text = (Path(__file__).parent / "orchestration-plan.md").read_text("utf-8")
    plan = Plan.parse(text)
    assert (plan.name, plan.level) == ("[Project Name]", 3)
    assert plan.overview == "Building a SaaS pricing optimization tool with ML capabilities"
    assert [phase.name for phase in plan.phases] == [
        "Research & Analysis",
        "Architecture & Design",
        "Implementation",
        "Quality & Deployment",
    ]
    entries = {entry.id: entry for _, entry in plan.all()}
    assert len(entries) == 12
    analyst = entries["business-analyst"]
    assert isinstance(analyst, Task)
    assert analyst.task == "Market research and competitor analysis"
    assert (analyst.estimate, analyst.depends_on) == (900, ())
    assert entries["product-strategy-expert"].depends_on == ("Phase 1 completion",)
    assert entries["uiux-expert"].depends_on == ("product-strategy-expert",)
    assert entries["backend-expert"].depends_on is None
    assert Plan.parse(text.replace("- [ ]", "- [x]").replace("PENDING", "FAILED")) == plan


def test_markdown_round_trips_what_it_can_say(tmp_path: Path) -> None:
    """Names, texts, times, dependencies, inputs and decisions come back from Markdown."""
    plan = Plan.load(EXAMPLES / "pricing.yaml")
    first = plan.phases[0].tasks[0].model_copy(update={"review": True})
    phase = plan.phases[0].model_copy(update={"tasks": (first, *plan.phases[0].tasks[1:])})
    plan = plan.with_(on_failure="stop", phases=(phase, *plan.phases[1:]))
    path = plan.save(tmp_path / "plan.md")
    text = path.read_text("utf-8")
    again = Plan.load(path)
    assert "Status" not in text
    assert again.on_failure == "stop"
    assert [getattr(entry, "review", False) for _, entry in again.all()][:2] == [True, False]
    assert [entry.id for _, entry in again.all()] == [entry.id for _, entry in plan.all()]
    for (_, old), (_, new) in zip(plan.all(), again.all(), strict=True):
        assert (new.depends_on, new.when) == (old.depends_on, old.when)
    assert again.inputs == plan.inputs
    assert [phase.checkpoint for phase in again.phases] == [True, False, False, False]
    decision = again.phases[1].tasks[1]
    assert isinstance(decision, Decision)
    assert (decision.recommend, decision.options[1].text) == ("A", "One slider by usage")


def test_pricing_example() -> None:
    """The spec's pricing plan has 12 estimated agents, two decisions and a checkpoint."""
    plan = Plan.load(EXAMPLES / "pricing.yaml")
    entries = [entry for _, entry in plan.all()]
    tasks = [entry for entry in entries if isinstance(entry, Task)]
    assert (len(tasks), len(entries)) == (12, 14)
    assert all(task.estimate for task in tasks)
    assert plan.for_level(1).skipped.keys() == {"qa-test-engineer", "security-specialist"}
