"""What a plan says of its decisions' clocks, in words."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra_nb.errors import PlanError
from orchestra_nb.plan import Decision, Phase, Plan, Task, timeout_for
from orchestra_nb.plan.explain import explain
from orchestra_nb.plan.timeouts import taken_by


def choice(title: str, **fields: Any) -> Decision:
    """A decision between A and B; A is recommended."""
    return Decision(**{"title": title, "options": ["x", "y"], "recommend": "A", **fields})


def plan(**settings: Any) -> Plan:
    """A plan with one decision of each sort, a checkpoint and a question."""
    first = [
        Task(agent="a"),
        choice("Plain"),
        choice("Database technology", category="database"),
        choice("Api", category="api", kind="critical"),
        choice("Own", timeout="45s"),
        choice("Patient", timeout="none"),
        choice("Open", recommend=None),
        choice("Always", ask="always"),
        choice("Late", min_level=2),
        choice("Then", when={"plain": ["A", "B"]}),
    ]
    phases = [
        Phase(name="P1", tasks=first, checkpoint=True),
        Phase(name="P2", tasks=[Task(agent="b", review=True, role="security")]),
    ]
    given: dict[str, Any] = {"name": "Pricing", "questions": [{"ask": "Which?"}]}
    return Plan(**(given | settings), phases=phases)


def test_a_sum_is_told_figure_by_figure() -> None:
    """Base, level, timeline, limit and outcome stand in lines of their own."""
    told = plan(level=1, timeline="urgent").explain("database-technology")
    assert repr(told).splitlines() == [
        "Database technology (database-technology)",
        "  asked     yes: full_interactive asks every decision",
        "  base      10 min (database): more than the 5 min of its kind, standard",
        "  level     × 0.4 (level 1, MVP/Prototype)",
        "  timeline  × 0.4 (urgent)",
        "  product   1.6 min",
        "  limit     at least 10 min: database never has less",
        "  in all    10 min, then A - x is taken",
    ]
    assert (told.asked, told.seconds, told.taken) == (True, 600, None)


def test_limits_and_parts_are_told() -> None:
    """Both limits, the quarter and its least time are named where they matter."""
    whole = plan(level=5, timeline="relaxed", mode="semi_autonomous")
    assert dict(whole.explain("plain").lines) == {
        "asked": "yes: semi_autonomous asks every decision, and waits a part of the time",
        "base": "5 min (standard)",
        "level": "× 2.0 (level 5, Enterprise Ready)",
        "timeline": "× 2.0 (relaxed)",
        "product": "20 min",
        "mode": "× 0.25 (semi_autonomous)",
        "in all": "5 min, then A - x is taken",
    }
    lines = dict(whole.explain("api").lines)
    assert lines["base"] == "10 min (critical): more than the 8 min of its category, api"
    assert lines["limit"] == "at most 20 min"
    short = whole.explain("plain", level=1, timeline="urgent").lines
    assert ("limit", "at least 1 min") in short
    assert ("mode", "× 0.25 (semi_autonomous), at least 30 s") in short


@pytest.mark.parametrize(
    ("decision", "settings", "asked", "words"),
    [
        ("plain", {"mode": "guided"}, False, "guided asks what is critical or has a category"),
        ("plain", {"mode": "guided"}, False, "no wait: A - x is taken at once (by policy)"),
        ("api", {"mode": "guided"}, True, "critical, category api"),
        ("plain", {"mode": "fully_autonomous"}, False, "no: fully_autonomous asks nothing"),
        ("checkpoint-1", {"mode": "fully_autonomous"}, False, "fully_autonomous asks nothing"),
        ("checkpoint-1", {"mode": "guided"}, True, "10 min, then A - Continue is taken"),
        ("questions", {}, True, "10 min, then A - Start is taken"),
        ("questions", {"mode": "fully_autonomous"}, False, "by policy"),
        ("always", {"mode": "fully_autonomous"}, True, "ask: always, which holds in every mode"),
        ("open", {"mode": "fully_autonomous"}, True, "nothing is recommended, so it is asked"),
        ("open", {}, True, "it waits until somebody answers"),
        ("patient", {}, True, "no timeout: the decision says none"),
        ("patient", {"mode": "fully_autonomous"}, False, "fully_autonomous asks nothing"),
        ("own", {"mode": "semi_autonomous"}, True, "45 s, as the decision says"),
        ("b/review", {"level": 4}, True, "no clock: a result waits until somebody looks at it"),
        ("b/review", {"level": 4, "mode": "fully_autonomous"}, False, "A - Accept is taken at onc"),
        ("b/review", {}, False, "security runs from level 4, this is level 3"),
        ("late", {"level": 1}, False, "no: runs from level 2, this is level 1"),
        ("late", {"level": 1}, False, "it does not come up"),
        ("then", {}, True, "comes up  if plain is A or B"),
    ],
)
def test_whether_it_is_asked_and_why(
    decision: str, settings: dict[str, Any], asked: bool, words: str
) -> None:
    """Mode, ask: always, a missing recommendation, timeout: none and levels are named."""
    told = plan().explain(decision, **settings)
    assert told.asked is asked
    assert words in repr(told)
    assert plan(**settings).explain(decision) == told


def test_auto_proceed_is_told() -> None:
    """Where no decision ever times out, the reason is auto_proceed."""
    told = plan(auto_proceed=False).explain("database-technology")
    assert ("clock", "no timeout: auto_proceed is false") in told.lines
    assert (told.asked, told.seconds) == (True, None)


def test_autopilot_is_told() -> None:
    """Autopilot, for all or for one decision, is named as what takes the recommendation."""
    words = explain(plan(), "plain", autopilot=True).lines[0][1]
    assert words == "no: autopilot takes A - x at once"
    told = explain(plan(), "always", autopilot=True, autopilots={"always": True})
    assert (told.taken, told.lines[0][1]) == (
        "autopilot",
        "no: autopilot was switched on for this one",
    )
    told = explain(plan(mode="fully_autonomous"), "plain", autopilots={"plain": False})
    assert (told.asked, told.lines[0][1]) == (True, "yes: autopilot was switched off for this one")
    assert explain(plan(), "open", autopilot=True, autopilots={"open": True}).asked


def test_all_decisions_at_a_glance() -> None:
    """Without an id there is a line for each: questions, decisions, checkpoints, in their order."""
    told = plan(level=1).explain()
    assert list(told) == [
        "questions", "plain", "database-technology", "api", "own", "patient", "open", "always",
        "late", "then", "checkpoint-1", "b/review",
    ]  # fmt: skip
    lines = repr(told).splitlines()
    assert lines[0] == ("Pricing: level 1 (MVP/Prototype), timeline normal, mode full_interactive")
    assert lines[2] == (
        "  plain                asked: 2 min = 5 (standard) × 0.4 (level 1) × 1.0 (normal)"
    )
    assert lines[9] == "  late                 not asked: runs from level 2, this is level 1"
    assert told["own"].seconds == 45
    assert len(told) == 12
    assert repr(Plan(name="x", phases=[Phase(name="P", tasks=[Task(agent="a")])]).explain()) == (
        "x: level 3 (Alpha Production), timeline normal, mode full_interactive\n  no decisions"
    )


def test_what_is_told_is_what_is_done() -> None:
    """For every decision, mode and level the words rest on the figures that the engine uses."""
    for mode in ("full_interactive", "guided", "semi_autonomous", "fully_autonomous"):
        for level in range(1, 6):
            ready = plan(mode=mode, level=level, timeline="urgent")
            for _, spec in ready.all():
                if not isinstance(spec, Decision):
                    continue
                told = ready.explain(spec.id)
                used = timeout_for(spec, level=level, timeline="urgent", mode=mode)
                assert told.timeout == used
                assert told.taken == taken_by(spec, mode=mode)


def test_ids_are_found_and_missed() -> None:
    """Case does not matter; an unknown id is refused with what there is and a guess."""
    assert plan().explain("Database-Technology").id == "database-technology"
    with pytest.raises(PlanError, match=r"no decision 'plan'; did you mean 'plain'\? There are q"):
        plan().explain("plan")
    with pytest.raises(PlanError, match="from 1 to 5"):
        plan().explain("plain", level=9)
    with pytest.raises(PlanError, match="mode"):
        plan().explain(mode="half")  # type: ignore[call-overload]


def test_hostile_titles_stay_text() -> None:
    """Line breaks and control characters of a title don't reach the terminal."""
    hostile = Plan(
        name="x", phases=[Phase(name="P", tasks=[choice("D", id="d", options=["\x1b[2J\nX", "y"])])]
    )
    assert "\x1b" not in repr(hostile.explain("d"))
    assert len(repr(hostile.explain("d")).splitlines()) == 7
