"""Durations, timeouts, levels, inputs, cycles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestra_nb.errors import PlanError
from orchestra_nb.plan import (
    Decision,
    Level,
    Mode,
    Names,
    Phase,
    Plan,
    Task,
    Timeline,
    Timeouts,
    clock,
    format_duration,
    is_asked,
    load_config,
    load_levels,
    parse_duration,
    skip_reason,
    timeout_for,
)
from orchestra_nb.plan.durations import spell_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("15m", 900),
        ("1h30m", 5400),
        ("2h05m", 7500),
        ("90s", 90),
        ("15 minutes", 900),
        ("1 hour, 30 minutes", 5400),
        ("1.5 hours", 5400),
        ("1d", 86400),
        (" 4 HOURS ", 14400),
        ("90", 90),
        (90, 90),
        (0.5, 0.5),
    ],
    ids=range(12),
)
def test_durations_are_read(written: object, seconds: float) -> None:
    """People's ways of writing a duration mean seconds."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "m", "1:30", "15x", "30m1h", "１５m", True, None, [1]], ids=range(9)
)
def test_other_things_are_no_durations(written: object) -> None:
    """What is not clearly a duration is refused."""
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("seconds", "short", "face", "exact"),
    [
        (0, "0s", "0:00", "0s"),
        (0.25, "0.2s", "0:00", "0.25s"),
        (45, "45s", "0:45", "45s"),
        (59.7, "1m", "0:59", "59.7s"),
        (444, "7m", "7:24", "7m24s"),
        (840, "14m", "14:00", "14m"),
        (3599, "1h00m", "59:59", "59m59s"),
        (7500, "2h05m", "2:05:00", "2h5m"),
    ],
)
def test_durations_are_written(seconds: float, short: str, face: str, exact: str) -> None:
    """The spec's short form, the clock's, and an exact one."""
    assert (format_duration(seconds), clock(seconds)) == (short, face)
    assert spell_duration(seconds) == exact
    assert parse_duration(exact) == seconds


def decision(**fields: Any) -> Decision:
    """A decision between two options with a recommendation."""
    return Decision(**{"title": "D", "options": ["x", "y"], "recommend": "A", **fields})


@pytest.mark.parametrize(
    ("fields", "level", "timeline", "seconds"),
    [
        ({"kind": "confirmation"}, 1, "urgent", 60),
        ({}, 3, "normal", 300),
        ({"kind": "critical"}, 5, "relaxed", 1200),
        ({"category": "database"}, 3, "normal", 600),
        ({"category": "security"}, 3, "normal", 900),
        ({"category": "cost"}, 3, "normal", 600),
        ({"category": "API"}, 3, "normal", 480),
        ({"category": "api", "kind": "critical"}, 3, "normal", 600),
        ({"category": "api", "kind": "critical"}, 1, "urgent", 480),
        ({"category": "database"}, 1, "urgent", 600),
        ({"category": "colour"}, 3, "normal", 300),
        ({"kind": "urgent"}, 5, "relaxed", 240),
        ({"timeout": "45s"}, 5, "relaxed", 45),
        ({"timeout": "none"}, 3, "normal", None),
        ({"recommend": None}, 3, "normal", None),
    ],
    ids=range(15),
)
def test_timeouts(
    fields: dict[str, Any], level: int, timeline: Timeline, seconds: float | None
) -> None:
    """Base, level and timeline multiply; limits, categories and own timeouts hold."""
    assert timeout_for(decision(**fields), level=level, timeline=timeline).seconds == seconds


@pytest.mark.parametrize(
    ("fields", "given", "words"),
    [
        (
            {"category": "database"},
            {"level": 3},
            "10 min = 10 (database) × 1.0 (level 3) × 1.0 (normal)",
        ),
        (
            {"category": "security"},
            {"level": 5, "timeline": "relaxed"},
            "20 min = 15 (security) × 2.0 (level 5) × 2.0 (relaxed), capped at 20",
        ),
        (
            {"category": "api"},
            {"level": 1},
            "8 min = 8 (api) × 0.4 (level 1) × 1.0 (normal), at least 8 for api",
        ),
        (
            {"kind": "confirmation"},
            {"level": 1, "timeline": "urgent"},
            "1 min = 2 (confirmation) × 0.4 (level 1) × 0.4 (urgent), at least 1",
        ),
        (
            {},
            {"level": 3, "mode": "semi_autonomous"},
            "1.25 min = 0.25 (semi-autonomous) × 5 min; "
            "5 min = 5 (standard) × 1.0 (level 3) × 1.0 (normal)",
        ),
        ({"timeout": 45}, {"level": 3, "mode": "semi_autonomous"}, "45 s, as the decision says"),
    ],
    ids=range(6),
)
def test_timeout_sums(fields: dict[str, Any], given: dict[str, Any], words: str) -> None:
    """The sum a card prints shows each figure and where it comes from."""
    assert timeout_for(decision(**fields), **given).sum == words


def test_semi_autonomous_waits_a_quarter() -> None:
    """A quarter of the clamped timeout, at least 30 s."""
    given: dict[str, Any] = {"mode": "semi_autonomous"}
    assert timeout_for(decision(category="database"), level=3, **given).seconds == 150
    assert timeout_for(decision(kind="urgent"), level=1, **given).seconds == 30


def test_the_table_can_be_changed() -> None:
    """Given figures replace the shipped ones one by one; auto_proceed false ends all timers."""
    table = Timeouts(categories={"Legal": "12m"}, levels={2: 3.0}, longest="1h")
    assert table.kinds == Timeouts().kinds
    legal = decision(category="legal", timeout=None)
    assert timeout_for(legal, level=2, timeouts=table).seconds == 2160
    assert timeout_for(decision(timeout=45), level=3, auto_proceed=False).seconds is None


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, ["full_interactive", "semi_autonomous"]),
        ({"kind": "critical"}, ["full_interactive", "guided", "semi_autonomous"]),
        ({"category": "x"}, ["full_interactive", "guided", "semi_autonomous"]),
        ({"ask": "always"}, ["full_interactive", "guided", "semi_autonomous", "fully_autonomous"]),
        (
            {"recommend": None},
            ["full_interactive", "guided", "semi_autonomous", "fully_autonomous"],
        ),
        ({"timeout": "none"}, ["full_interactive", "semi_autonomous"]),
    ],
    ids=range(6),
)
def test_modes_ask(fields: dict[str, Any], asked: list[Mode]) -> None:
    """Which modes ask a decision depends on its weight, its category and whether it must be."""
    modes: list[Mode] = ["full_interactive", "guided", "semi_autonomous", "fully_autonomous"]
    assert [mode for mode in modes if is_asked(decision(**fields), mode=mode)] == asked


@pytest.mark.parametrize(
    ("fields", "levels"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"role": "testing"}, [2, 3, 4, 5]),
        ({"role": "documentation"}, [2, 3, 4, 5]),
        ({"role": "security"}, [4, 5]),
        ({"role": "compliance"}, [4, 5]),
        ({"role": "security", "min_level": 2}, [2, 3, 4, 5]),
        ({"role": "testing", "max_level": 3}, [2, 3]),
        ({"max_level": 1}, [1]),
    ],
    ids=range(8),
)
def test_levels_choose_work(fields: dict[str, Any], levels: list[int]) -> None:
    """Roles say from which level work runs; a task's own bounds override them."""
    task = Task(agent="a", **fields)
    assert [level for level in range(1, 6) if skip_reason(task, level) is None] == levels


def test_for_level_says_why() -> None:
    """What runs and what is skipped, with the reason, in words a person reads."""
    plan = Plan(name="x", phases=[{"name": "P", "tasks": [{"agent": "a"}, {"agent": "s"}]}])
    task = Task(agent="s", role="security")
    plan = plan.with_(phases=[Phase(name="P", tasks=[Task(agent="a"), task])])
    view = plan.for_level(2)
    assert view.runs == ("a",)
    assert view.skipped == {"s": "security runs from level 4, this is level 2"}
    assert "1 run, 1 skipped" in repr(view)
    for level in (0, 6, True):
        with pytest.raises(PlanError, match="from 1 to 5"):
            plan.for_level(level)


def test_shipped_levels() -> None:
    """Five levels, each with the spec's characteristics and instructions for agents."""
    levels = load_levels()
    assert [levels[number].name for number in range(1, 6)] == [
        "MVP/Prototype",
        "Beta/Development",
        "Alpha Production",
        "Production Ready",
        "Enterprise Ready",
    ]
    assert all(level.agent_instructions["focus"] for level in levels.values())
    assert levels[3].characteristics["testing"] == "comprehensive"


def test_own_levels_win(tmp_path: Path) -> None:
    """A user's file of the spec's shape lies over the shipped one; its faults are all named."""
    path = tmp_path / "project-level-config.json"
    text = {"levels": {"2": {"name": "Ours"}}, "auto_proceed": False, "timeouts": {"longest": "1h"}}
    path.write_text(json.dumps(text), "utf-8")
    config = load_config(path)
    assert config.levels[2] == Level(
        2,
        "Ours",
        load_levels()[2].description,
        load_levels()[2].characteristics,
        load_levels()[2].agent_instructions,
    )
    assert config.auto_proceed is False
    assert config.timeouts is not None
    assert config.timeouts.longest == 3600
    path.write_text('{"levels": {"7": {}, "1": {"nme": 1}}, "auto_proceed": "no"}', "utf-8")
    with pytest.raises(PlanError) as caught:
        load_config(path)
    places = [fault.place for fault in caught.value.faults]
    assert places == ["levels.7", "levels.1.nme", "auto_proceed"]


def market_plan(**inputs: Any) -> Plan:
    """A plan that uses ``{{market}}``."""
    task = Task(agent="a", task="for {{ market }} and {{market}}, not {market} or {{ }}")
    return Plan(name="On {{market}}", inputs=inputs, phases=[Phase(name="P", tasks=[task])])


def test_inputs_are_filled_in_once() -> None:
    """Inputs replace their names in texts; what an input says is not looked at again."""
    plan = market_plan(market={"ask": "Which?", "default": "B2B"})
    filled = plan.filled({"market": "{{market}}!"})
    task = filled.phases[0].tasks[0]
    assert isinstance(task, Task)
    assert task.task == "for {{market}}! and {{market}}!, not {market} or {{ }}"
    assert plan.filled().name == "On B2B"
    assert plan.name == "On {{market}}"


def test_missing_and_unknown_inputs() -> None:
    """An input without a value and a value without an input are named, both at once."""
    with pytest.raises(PlanError) as caught:
        market_plan(market={"ask": "Which?"}).filled({"markt": 1})
    places = {fault.place: fault.message for fault in caught.value.faults}
    assert "did you mean 'market'?" in places["inputs.markt"]
    assert "pass inputs=" in places["inputs.market"]
    assert "Which?" in places["inputs.market"]


def made(checkpoint: bool, *phases: list[Task | Decision]) -> Plan:
    """A plan of these phases, the first with or without a checkpoint."""
    return Plan(
        name="x",
        phases=[
            Phase(name=f"P{number}", tasks=tasks, checkpoint=checkpoint and number == 1)
            for number, tasks in enumerate(phases, start=1)
        ],
    )


CYCLES: list[tuple[bool, list[list[Task | Decision]], str, str]] = [
    (
        False,
        [[Task(agent="a", depends_on="b"), Task(agent="b", depends_on="a")]],
        "phases[0].tasks[0].depends_on",
        "a -> b -> a",
    ),
    (
        False,
        [[Task(agent="a", depends_on="b")], [Task(agent="b")]],
        "phases[0].tasks[0].depends_on",
        "a -> b (phase 2 waits for phase 1) -> a",
    ),
    (
        False,
        [[Task(agent="a", depends_on="Phase 2")], [Task(agent="b", depends_on="a")]],
        "phases[0].tasks[0].depends_on",
        "a (waits for all of phase 2) -> b -> a",
    ),
    (
        True,
        [
            [Task(agent="a", depends_on="c")],
            [Task(agent="b", depends_on=[])],
            [Task(agent="c", depends_on="b")],
        ],
        "phases[0].tasks[0].depends_on",
        "a -> c (phase 3 waits for the checkpoint after phase 1) -> a",
    ),
    (
        False,
        [
            [
                Decision(title="D", options=["x"], depends_on="a"),
                Task(agent="a", depends_on=[], when={"d": "A"}),
            ]
        ],
        "phases[0].tasks[0].depends_on",
        "d -> a -> d",
    ),
]


@pytest.mark.parametrize(("checkpoint", "phases", "place", "way"), CYCLES, ids=range(len(CYCLES)))
def test_cycles_are_spelled_out(
    checkpoint: bool, phases: list[list[Task | Decision]], place: str, way: str
) -> None:
    """A cycle is shown all around, implicit edges with their reason."""
    with pytest.raises(PlanError) as caught:
        made(checkpoint, *phases)
    (fault,) = caught.value.faults
    assert fault.place == place
    assert f"a cycle: {way};" in fault.message


def test_what_starts_at_once_passes_a_checkpoint() -> None:
    """A task with an empty list waits for no checkpoint, so it can feed an earlier phase."""
    plan = made(True, [Task(agent="a", depends_on="b")], [Task(agent="b", depends_on=[])])
    assert plan.has_checkpoint(1)


def test_each_knot_is_one_fault() -> None:
    """Two separate cycles are two faults; what only waits for one is none."""
    links = {"a": "b", "b": "a", "c": "d", "d": "c", "e": "a"}
    with pytest.raises(PlanError) as caught:
        made(False, [Task(agent=one, depends_on=other) for one, other in links.items()])
    assert len(caught.value.faults) == 2


def test_big_plans_are_checked_without_deep_stacks() -> None:
    """A chain of 10,000 tasks, each also after 20 others, is checked; so is its cycle."""
    tasks = [
        Task(agent=f"a{i}", depends_on=[f"a{j}" for j in range(max(0, i - 20), i)])
        for i in range(10_000)
    ]
    plan = Plan(name="big", phases=[Phase(name="P", tasks=tasks)])
    assert len(plan.all()) == 10_000
    with pytest.raises(PlanError) as caught:
        Plan(
            name="ring",
            phases=[
                Phase(
                    name="P",
                    tasks=[
                        Task(agent=f"a{i}", depends_on=f"a{(i + 1) % 5000}") for i in range(5000)
                    ],
                )
            ],
        )
    (fault,) = caught.value.faults
    assert "more …" in fault.message
    assert len(fault.message) < 1000


def test_names_resolve_in_order() -> None:
    """Ids come first, then phases by name or number; a shared phase name is ambiguous."""
    phases = [
        Phase(name="Build", tasks=[Task(agent="Phase 2")]),
        Phase(name="Same", tasks=[Task(agent="b")]),
        Phase(name="same", tasks=[Task(agent="c")]),
    ]
    names = Names(phases)
    assert names.entry("PHASE 2") == "Phase 2"
    assert names.entry("Build") is None
    assert names.phase("build completion") == 1
    assert names.phase("Phase 3: same") == 3
    assert names.phase("SAME") == 0
    assert names.phase("Phase 4") is None


def test_overrides_are_checked() -> None:
    """with_ returns a checked copy and leaves the plan as it was."""
    plan = made(False, [Task(agent="a")])
    assert plan.with_(level=5, interactive_mode=False).mode == "fully_autonomous"
    assert plan.level == 3
    with pytest.raises(PlanError, match="from 1 to 5"):
        plan.with_(level=9)
