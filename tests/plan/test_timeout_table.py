"""The clocks of decisions: the table people read in docs/decisions.md is what they get."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_nb.errors import PlanError
from orchestra_nb.plan import Decision, DecisionKind, Mode, Plan, Timeline, Timeouts, timeout_for

PAGE = Path(__file__).parents[2] / "docs" / "decisions.md"
LEVELS = (1, 2, 3, 4, 5)
KINDS: tuple[DecisionKind, ...] = get_args(DecisionKind)
TIMELINES: tuple[Timeline, ...] = get_args(Timeline)
MODES: tuple[Mode, ...] = get_args(Mode)
CATEGORIES = (None, "database", "security", "cost", "api", "colour")
CELL = re.compile(r"([\d.]+) \(([\d.]+)\)")


def asked(**fields: Any) -> Decision:
    """A decision between two options with a recommendation."""
    return Decision(**{"title": "D", "options": ["x", "y"], "recommend": "A", **fields})


def table() -> dict[tuple[str, str, int], tuple[float, float]]:
    """The page's figures: timeline, row, level -> seconds as a whole and of semi_autonomous."""
    found = {}
    timeline = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[1:] == [f"level {level}" for level in LEVELS]:
            timeline = cells[0]
        elif timeline and len(cells) == 6 and (figures := CELL.fullmatch(cells[1])):
            for level, cell in zip(LEVELS, cells[1:], strict=True):
                figures = CELL.fullmatch(cell)
                assert figures, line
                minutes, part = figures.groups()
                found[timeline, cells[0], level] = (float(minutes) * 60, float(part) * 60)
        elif not line:
            timeline = ""
    return found


TABLE = table()


def test_the_page_has_every_figure() -> None:
    """Each kind and each category has a figure for each level and timeline."""
    rows = {*KINDS, *Timeouts().categories}
    assert TABLE.keys() == set(product(TIMELINES, rows, LEVELS))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("timeline", TIMELINES)
@pytest.mark.parametrize("level", LEVELS)
def test_decisions_wait_as_the_page_says(level: int, timeline: Timeline, mode: Mode) -> None:
    """Every kind with every category, at every level, timeline and mode, has the page's time."""
    for kind, category in product(KINDS, CATEGORIES):
        rows = [TABLE[timeline, kind, level]]
        if category in Timeouts().categories:
            rows.append(TABLE[timeline, str(category), level])
        whole, part = max(rows)
        found = timeout_for(
            asked(kind=kind, category=category), level=level, timeline=timeline, mode=mode
        )
        expected = part if mode == "semi_autonomous" else whole
        assert found.seconds == pytest.approx(expected), (kind, category)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("timeline", TIMELINES)
@pytest.mark.parametrize("level", LEVELS)
def test_own_times_stand_as_they_are(level: int, timeline: Timeline, mode: Mode) -> None:
    """A decision's own time knows no multiplier, no limit and no mode; none means no timer."""
    settings: dict[str, Any] = {"level": level, "timeline": timeline, "mode": mode}
    for kind, category in product(KINDS, CATEGORIES):
        fields = {"kind": kind, "category": category}
        for written, seconds in (("1s", 1), ("45s", 45), ("2h", 7200), ("none", None)):
            assert timeout_for(asked(timeout=written, **fields), **settings).seconds == seconds
        assert timeout_for(asked(recommend=None, **fields), **settings).seconds is None
        assert timeout_for(asked(**fields), auto_proceed=False, **settings).seconds is None
        own = asked(timeout="45s", **fields)
        assert timeout_for(own, auto_proceed=False, **settings).seconds is None


def test_level_1_mvp_and_urgent_timeline() -> None:
    """Level 1 MVP + Urgent timeline: 2 min × 0.4 × 0.4 is a minute, the least there is."""
    found = timeout_for(asked(kind="confirmation"), level=1, timeline="urgent")
    assert found.seconds == 60
    assert found.sum == "1 min = 2 (confirmation) × 0.4 (level 1) × 0.4 (urgent), at least 1"


def test_level_3_alpha_and_normal_timeline() -> None:
    """Level 3 Alpha + Normal timeline: 5 min × 1.0 × 1.0 is five minutes."""
    found = timeout_for(asked(), level=3, timeline="normal")
    assert found.seconds == 300
    assert found.sum == "5 min = 5 (standard) × 1.0 (level 3) × 1.0 (normal)"


def test_level_5_enterprise_and_relaxed() -> None:
    """Level 5 Enterprise + Relaxed: 10 min × 2.0 × 2.0 is capped at twenty minutes."""
    found = timeout_for(asked(kind="critical"), level=5, timeline="relaxed")
    assert found.seconds == 1200
    assert found.sum == "20 min = 10 (critical) × 2.0 (level 5) × 2.0 (relaxed), capped at 20"


def test_the_examples_on_the_page() -> None:
    """The page shows the three examples with what they come to."""
    text = PAGE.read_text(encoding="utf-8")
    for row in (
        "| Level 1 MVP + Urgent timeline | confirmation | 2 min × 0.4 × 0.4 = 0.32 min | 1 min |",
        "| Level 3 Alpha + Normal timeline | standard | 5 min × 1.0 × 1.0 | 5 min |",
        "| Level 5 Enterprise + Relaxed | critical | 10 min × 2.0 × 2.0 = 40 min | 20 min |",
    ):
        assert row in text


@given(
    figure=st.floats(60, 1200),
    kind=st.sampled_from(KINDS),
    level=st.sampled_from(LEVELS),
    by_level=st.floats(0.01, 10),
    timeline=st.sampled_from(TIMELINES),
    by_timeline=st.floats(0.01, 10),
    mode=st.sampled_from(["full_interactive", "guided"]),
)
def test_a_category_is_never_shorter_than_its_figure(
    figure: float,
    kind: DecisionKind,
    level: int,
    by_level: float,
    timeline: Timeline,
    by_timeline: float,
    mode: Mode,
) -> None:
    """Whatever kind, level, timeline and multipliers are, a category keeps its figure."""
    own = Timeouts(
        categories={"legal": figure}, levels={level: by_level}, timelines={timeline: by_timeline}
    )
    settings: dict[str, Any] = {"level": level, "timeline": timeline, "mode": mode}
    for category, least in own.categories.items():
        decision = asked(kind=kind, category=category)
        found = timeout_for(decision, timeouts=own, **settings)
        assert found.seconds is not None
        assert least <= found.seconds <= own.longest
        plain = timeout_for(asked(kind=kind), timeouts=own, **settings)
        assert plain.seconds is not None
        assert found.seconds >= plain.seconds


@given(
    st.sampled_from(KINDS),
    st.sampled_from(CATEGORIES),
    st.sampled_from(LEVELS),
    st.sampled_from(TIMELINES),
)
def test_semi_autonomous_waits_a_quarter_of_what_others_wait(
    kind: DecisionKind, category: str | None, level: int, timeline: Timeline
) -> None:
    """A quarter of the clamped time, and never less than 30 s."""
    decision = asked(kind=kind, category=category)
    whole = timeout_for(decision, level=level, timeline=timeline).seconds
    part = timeout_for(decision, level=level, timeline=timeline, mode="semi_autonomous").seconds
    assert whole is not None
    assert part == max(30.0, whole / 4)


def test_a_figure_above_the_limit_is_a_fault() -> None:
    """A category of one's own that could never have its time is refused."""
    with pytest.raises(PlanError, match=r"categories.legal: is above longest, 20 min; raise that"):
        Timeouts(categories={"legal": "30m"})
    assert Timeouts(categories={"legal": "30m"}, longest="1h").categories["legal"] == 1800
    short = Timeouts(longest="5m", shortest="1m")
    assert timeout_for(asked(category="security"), level=3, timeouts=short).seconds == 300
    assert Timeouts.model_validate(short.model_dump()) == short


def test_the_page_changes_the_figures_so() -> None:
    """The example of a table of one's own is one, and counts."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(timeouts:.*?)```", text, re.DOTALL)
    plan = Plan.parse(f"name: x\nphases: [{{name: P, tasks: [{{agent: a}}]}}]\n{block}", "yaml")
    assert plan.timeouts is not None
    found = timeout_for(asked(category="legal"), level=1, timeouts=plan.timeouts)
    assert found.seconds == 720
    half = timeout_for(asked(), level=1, timeouts=plan.timeouts, mode="semi_autonomous")
    assert half.sum.startswith("1.75 min = 0.5 (semi-autonomous) × 3.5 min; ")
