"""The state: what each event changes, what a picture of it is, what it makes of strangers."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest

from orchestra_nb import events
from orchestra_nb.events import Event
from orchestra_nb.fold import apply
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, Outcome, State

from .engine.rig import choice, fields_of, one_phase, phases, task

PLAN = phases([task("a"), task("b")], [choice("d"), task("c", "d")])


class Story:
    """A state and what is told to it."""

    def __init__(self) -> None:
        self.state = State(compile_plan(PLAN))
        self.change = Change()
        self.tell(
            events.orchestration_start(
                run="r", project="test", level=3, mode="full_interactive", timeline="normal",
                total_agents=3, rehearsal=None, wall=1_000.0,
            )
        )  # fmt: skip

    def tell(self, event: Event, t: float = 0.0) -> Change:
        """Fold an event; what it changed."""
        self.change.clear()
        apply(self.state, event | {"seq": self.state.seq + 1, "t": t}, self.change)
        return self.change

    def of(self, kind: str, task: str, t: float = 0.0, **more: Any) -> Change:
        """Fold an event of a task."""
        found = self.state.task(task)
        made = getattr(events, kind)(task=task, agent=found.agent, phase=found.phase, **more)
        return self.tell(made, t)

    def start(self, task: str, t: float = 0.0, attempt: int = 1) -> Change:
        """A task starts."""
        return self.of("agent_start", task, t, attempt=attempt)

    def complete(self, task: str, t: float) -> Change:
        """A task succeeds."""
        return self.of("agent_complete", task, t, attempt=1, seconds=t, result={"kind": "none"})


@pytest.fixture
def story() -> Story:
    """A run that has begun."""
    return Story()


def opened(timeout: float | None = 60.0) -> Event:
    """The card of the plan's decision."""
    return events.decision_opened(
        decision_id="d", question="D", agent="", phase=2, kind="standard", category=None,
        context="", options=[{"key": "A", "text": "first", "description": ""}], recommend="A",
        because="", other=True, asker="", timeout_s=timeout, sum="1 min",
    )  # fmt: skip


def decided(option: str = "A") -> Event:
    """An outcome."""
    return events.decision(
        decision_id="d", text=f"{option} - first", option=option, by="user", who="Ana", note="n",
        reason="", wall=5.0, waited_s=3.0, shown_s=2.0, choice="first",
    )  # fmt: skip


def test_a_start_makes_the_first_tasks_ready(story: Story) -> None:
    """With the run's start whatever waits for nothing is ready."""
    assert story.change.ready == [0, 1]
    assert story.state.counts["ready"] == 2
    assert repr(story.state) == "<State of 'r': running, 0 of 3 tasks>"


def test_only_what_became_ready_is_told(story: Story) -> None:
    """A phase's gate opens with its last task, and names those who waited."""
    story.start("a")
    assert story.complete("a", 5.0).ready == []
    story.start("b")
    change = story.complete("b", 9.0)
    assert [story.state.tasks[i].id for i in change.ready] == ["d"]
    assert change.phases_ended == [1]
    assert story.state.phases[0].ended_at == 9.0


def test_counts_are_kept_along(story: Story) -> None:
    """Counts of statuses are right after every event, in all and by phase."""
    story.start("a")
    story.of("agent_failed", "a", 3.0, attempt=1, seconds=3.0, error="no")
    assert story.state.counts == Counter(ready=1, failed=1, pending=1)
    assert story.state.phases[0].counts == Counter(ready=1, failed=1)
    assert story.state.done == (0, 3)
    story.of("agent_skipped", "b", 3.0, cause="level", reason="level 1")
    assert story.state.done == (0, 2)


def test_spans_tell_where_time_went(story: Story) -> None:
    """Slot, work, waiting and failed attempts follow each other without gaps of their own."""
    story.start("a", 2.0)
    story.of("agent_wait", "a", 5.0, cause="rate_limit", until_s=9.0)
    assert (story.state.task("a").status, story.state.task("a").wait_until) == ("waiting", 9.0)
    story.of("agent_wait", "a", 8.0, cause=None)
    story.of("agent_retry", "a", 10.0, attempt=1, error="no", delay_s=1.0, cause=None)
    story.start("a", 11.0, attempt=2)
    story.complete("a", 12.0)
    assert story.state.task("a").spans == [
        ["slot", 0.0, 2.0],
        ["run", 2.0, 5.0],
        ["rate_limit", 5.0, 8.0],
        ["failed", 8.0, 10.0],
        ["run", 11.0, 12.0],
    ]


def test_a_new_attempt_starts_afresh(story: Story) -> None:
    """How far the failed attempt was and what it waited for is not the new one's."""
    story.start("a")
    story.of("agent_progress", "a", 1.0, text="nearly", fraction=0.9)
    story.of("agent_retry", "a", 2.0, attempt=1, error="no", delay_s=7.0, cause="rate_limit")
    assert story.state.task("a").wait_cause == "rate_limit"
    story.start("a", 9.0, attempt=2)
    found = story.state.task("a")
    assert (found.fraction, found.wait_cause, found.wait_until) == (None, None, None)
    assert found.started_at == 0.0


def test_usage_adds_up(story: Story) -> None:
    """Tokens by class, cost, and how many exchanges have no known cost."""
    story.start("a")
    story.of("usage", "a", tokens={"input": 5, "output": 2}, model="m", cost=0.5)
    story.of("usage", "a", tokens={"input": 1}, model="m", cost=None)
    total = story.state.usage
    assert (total.tokens, total.cost, total.unknown) == ({"input": 6, "output": 2}, 0.5, 1)
    assert (story.state.task("a").tokens, story.state.task("a").cost) == (8, 0.5)


def test_a_decision_has_one_outcome(story: Story) -> None:
    """A second outcome of a decision changes nothing, and its dependents become ready once."""
    for name in "ab":
        story.start(name)
        story.complete(name, 1.0)
    story.tell(opened(), 2.0)
    assert [d.id for d in story.state.open_decisions()] == ["d"]
    assert story.state.task("d").status == "waiting"
    assert len(story.tell(decided("A"), 5.0).ready) == 1
    before = fields_of(story.state.copy())
    assert story.tell(decided("B"), 6.0).ready == []
    assert fields_of(story.state) | {"seq": 0, "t": 0} == before | {"seq": 0, "t": 0}
    assert story.state.decisions["d"].outcome == Outcome(
        "A", "first", "user", "Ana", "n", "", 5.0, 5.0, 3.0, 2.0
    )


def test_holding_and_releasing_keeps_what_is_left(story: Story) -> None:
    """A held decision has no deadline but knows what is left; extending it holds on."""
    story.tell(opened(), 10.0)
    decision = story.state.decisions["d"]
    assert decision.deadline == 70.0
    story.tell(events.decision_held(decision_id="d", cause="hold", until_s=None), 30.0)
    now = story.state.decisions["d"]
    assert (now.deadline, now.remaining_s, now.held) == (None, 40.0, "hold")
    story.tell(
        events.decision_released(
            decision_id="d", cause="extended", remaining_s=100.0, timeout_s=120.0
        ),
        31.0,
    )
    assert (decision.held, decision.remaining_s, decision.timeout_s) == ("hold", 100.0, 120.0)
    story.tell(events.decision_released(decision_id="d", cause="released", remaining_s=100.0), 50.0)
    assert (decision.held, decision.deadline) == (None, 150.0)


def test_open_decisions_come_by_deadline(story: Story) -> None:
    """The most urgent card is first, those without a clock are last."""
    for name, timeout in (("x", None), ("y", 90.0), ("z", 30.0)):
        story.tell(opened(timeout) | {"decision_id": name}, 1.0)
    assert [d.id for d in story.state.open_decisions()] == ["z", "y", "x"]


def test_withdrawn_and_settled(story: Story) -> None:
    """A decision that is withdrawn counts as skipped, by a stop as cancelled."""
    story.tell(opened(), 1.0)
    gone = events.decision_withdrawn(decision_id="d", phase=2, reason="stop", cause="stop")
    story.tell(gone, 2.0)
    assert story.state.task("d").status == "cancelled"
    assert not story.state.decisions["d"].open
    never = Story()
    never.tell(gone | {"cause": "failed", "reason": "needs a"}, 2.0)
    assert (never.state.task("d").status, never.state.task("d").skip_cause) == ("skipped", "failed")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "moon_phase"},
        {"event": "task_renamed", "task": "new", "agent": "new"},
        {"event": "run_attached", "pid": 5},
        events.user_input(decision_id=None, question="q", response="r"),
    ],
)
def test_unknown_kinds_are_passed_over(story: Story, event: Event) -> None:
    """Events of newer versions, and those that are evidence only, count and change nothing."""
    before = fields_of(story.state.copy())
    assert not story.tell(event, 5.0)
    assert story.state.seq == before["seq"] + 1
    assert fields_of(story.state) | {"seq": 0, "t": 0} == before | {"seq": 0, "t": 0}


def test_a_lost_line_costs_only_itself(story: Story) -> None:
    """A decision whose opening was torn out of the log still settles its dependents."""
    for name in "ab":
        story.complete(name, 1.0)
    story.tell(events.decision_held(decision_id="d", cause="hold", until_s=None), 2.0)
    story.tell(events.decision_released(decision_id="d", cause="released", remaining_s=None), 3.0)
    assert len(story.tell(decided(), 4.0).ready) == 1
    assert (story.state.task("d").status, story.state.decisions) == ("completed", {})


def test_a_picture_does_not_move(story: Story) -> None:
    """A copy stays as it was while the state goes on."""
    story.tell(opened(), 1.0)
    story.start("a", 1.0)
    story.of("usage", "a", tokens={"input": 5}, cost=0.5)
    picture = story.state.copy()
    frozen = copy.deepcopy(fields_of(picture))
    assert frozen == fields_of(story.state)
    story.tell(decided(), 2.0)
    story.of("insight", "a", 2.0, text="found")
    story.of("usage", "a", tokens={"input": 5}, cost=0.5)
    story.of("agent_progress", "a", 3.0, text="on", fraction=0.5)
    story.tell(events.note(text="n", who="Ana"), 3.0)
    story.tell(events.plan_adjustment(description="p", autopilot=True), 3.0)
    story.complete("a", 4.0)
    assert fields_of(picture) == frozen
    assert fields_of(picture) != fields_of(story.state)


def test_statuses_of_the_run(story: Story) -> None:
    """Pausing, going on, stopping and ending are the run's status."""
    seen = []
    for event in (
        events.run_paused(who=""),
        events.run_unpaused(who=""),
        events.run_stopped(who="", reason=""),
        events.run_interrupted(reason=""),
        events.orchestration_complete(status="completed", seconds=5.0, counts={}),
    ):
        story.tell(event, 5.0)
        seen.append(story.state.status)
    assert seen == ["paused", "running", "stopped", "interrupted", "completed"]
    assert story.state.ended_at == 5.0


def test_ids_are_found_whatever_their_case() -> None:
    """A task is found as a person writes it; a stranger is not."""
    state = State(compile_plan(one_phase(task("Data-Expert"))))
    assert state.task("data-EXPERT").id == "Data-Expert"
    with pytest.raises(KeyError):
        state.task("nobody")
