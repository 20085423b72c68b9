"""The picture that travels: right, small, cheap, printable."""

from __future__ import annotations

import json
import time
from typing import Any

from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import State
from orchestra_nb.widgets.snapshot import RunInfo, delta, snapshot

from . import scenes


def picture(scene: scenes.Scene, minutes: float) -> dict[str, Any]:
    """A snapshot as it arrives in a browser."""
    run = RunInfo.of(scene.state)
    return json.loads(json.dumps(snapshot(scene.state, 60 * minutes, run=run)))  # type: ignore[no-any-return]


def row_of(found: dict[str, Any], name: str) -> list[Any]:
    """The row of a task by its id."""
    index = found["tasks"]["name"].index(name)
    return next(row for row in found["rows"] if row[0] == index)


def test_tasks_that_wait_for_an_open_decision_say_so() -> None:
    """They are not merely pending: a person can let them go."""
    found = picture(scenes.deciding(), 18.7)
    row = row_of(found, "backend-expert")
    assert row[1:4] == ["human", "for Database technology", 966.0]
    assert row[8] == [["human", 966.0, None]]


def test_after_the_decision_the_wait_stays_in_the_strip() -> None:
    """What a person cost the run can be seen afterwards."""
    row = row_of(picture(scenes.running(), 24.6), "backend-expert")
    assert row[1] == "running"
    assert [span[0] for span in row[8]] == ["human", "run"]
    assert row[8][0] == ["human", 966.0, 18.4 * 60]


def test_waits_and_retries_carry_their_cause() -> None:
    """A rate limit is shown as one, with when it ends."""
    row = row_of(picture(scenes.running(), 24.6), "uiux-expert")
    assert row[1] == "rate"
    assert row[4] == 24.9 * 60


def test_a_row_that_nothing_has_happened_to_does_not_travel() -> None:
    """10,000 pending tasks cost their names only."""
    state = State(compile_plan(Plan.parse(scenes.PRICING, format="yaml")))
    assert snapshot(state, 0.0, run=RunInfo.of(state))["rows"] == []


def test_a_delta_holds_only_what_changed() -> None:
    """One message of an agent moves one row."""
    s = scenes.deciding()
    s.change.clear()
    base = s.state.seq
    s.say(18.8, "uiux-expert", "next")
    found = delta(s.state, s.change, 1128.0, base=base, run=RunInfo.of(s.state))
    assert [row[2] for row in found["rows"]] == ["next"]
    assert (found["seq"], found["base"]) == (base + 1, base)
    assert "decisions" not in found
    assert "findings" not in found
    assert "over" not in found


def test_a_decision_that_opens_or_ends_moves_the_rows_that_wait_for_it() -> None:
    """Holding it does not: it is touched every few seconds."""
    s = scenes.begun()
    run = RunInfo.of(s.state)
    names = [node.id for node in s.state.graph.nodes]

    def moved() -> set[str]:
        found = delta(s.state, s.change, 0.0, base=0, run=run)
        s.change.clear()
        return {names[row[0]] for row in found.get("rows", [])}

    s.change.clear()
    s.ask(16.1, "database-technology", "Database technology")
    assert moved() == {"database-technology", "backend-expert", "security-specialist"}
    s.hold(16.2, "database-technology", "here", 18.0)
    assert moved() == set()
    s.decide(16.3, "database-technology", "A", "user")
    assert moved() == {"database-technology", "backend-expert", "security-specialist"}


def test_a_delta_of_10_tasks_of_10000_costs_under_100_microseconds() -> None:
    """It is made on the engine's loop, ten times a second."""
    s = scenes.many(10_000, minutes=3.0)
    run = RunInfo.of(s.state)
    s.change.clear()
    s.change.tasks.update(range(50, 60))
    best = 1.0
    for _ in range(200):
        begun = time.thread_time()
        delta(s.state, s.change, 200.0, base=s.state.seq, run=run)
        best = min(best, time.thread_time() - begun)
    assert best < 100e-6


def test_hostile_strings_travel_short_and_printable() -> None:
    """No escape sequence, no half surrogate, no megabyte reaches the wire."""
    found = json.dumps(
        snapshot(scenes.hostile().state, 1122.0, run=RunInfo.of(scenes.hostile().state)),
        ensure_ascii=False,
    )
    found.encode()
    assert len(found) < 120_000
    for char in ("\x1b", "\\u001b", "\u202e", "\\u0000", "\\u0007"):
        assert char not in found


def test_a_snapshot_of_10000_started_tasks_stays_under_2_mb() -> None:
    """A page that comes late gets it in one message."""
    s = scenes.many(10_000, minutes=200.0)
    found = json.dumps(snapshot(s.state, 12_000.0, run=RunInfo.of(s.state)))
    assert len(found) < 2_500_000


def test_expected_durations_of_a_rehearsal_are_in_its_own_seconds() -> None:
    """×60: 15 minutes of the plan are 15 seconds on the axis."""
    found = picture(scenes.begun(rehearsal=60.0), 18.7)
    assert found["tasks"]["expected"][0] == 15.0
    assert found["run"]["rehearsal"] == 60.0


def test_a_record_says_by_whom_when_and_after_how_long() -> None:
    """In the words of the look, with the plan's reason."""
    s = scenes.deciding()
    s.decide(26.1, "database-technology", "A", "timeout", reason="No user response within 10:00")
    line = picture(s, 27.0)["decisions"][-1]["outcome"]["line"]
    assert line.startswith("Nobody answered within 10:00, so the recommendation was taken at ")
    assert line.endswith(" Because: balance of performance and maintainability.")


def test_a_failed_run_says_what_failed_and_what_it_cost() -> None:
    """The failure comes with its first line and who was skipped for it."""
    over = picture(scenes.failed(), 48.2)["over"]
    assert over["line"].startswith("1 task failed, 2 that need it were skipped, 9 finished.")
    title, error, said = over["problems"][0]
    assert title == "backend-expert failed"
    assert error.startswith("ValidationError: PriceRule")
    assert said.startswith("3 attempts, the last at ")
    assert said.endswith("2 tasks that need its result were skipped; the other 9 finished.")
    assert over["next"][-1] == "onb.open('20261122T103200Z-pricing-7f3a')"


def test_what_is_decided_travels_without_its_context() -> None:
    """Its record is a line: thousands of them fit into a picture that is sent every second."""
    s = scenes.deciding()
    opened = picture(s, 26.0)["decisions"][-1]
    s.decide(26.1, "database-technology", "A", "user")
    over = picture(s, 27.0)["decisions"][-1]
    assert opened["id"] == over["id"] == "database-technology"
    assert opened["context"]
    assert over["outcome"]
    assert over["context"] == ""
