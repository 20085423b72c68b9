"""A log as lines."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra_nb import events
from orchestra_nb.fold import HANDLERS
from orchestra_nb.views.bars import bars
from orchestra_nb.views.timeline import Timeline

from .story import HOSTILE, middle

OF: dict[str, Any] = {"task": "api", "agent": "backend", "phase": 2}
SILENT = {"agent_progress", "usage", "checkpoint"}


def told(*many: events.Event, t: float = 61.0) -> list[str]:
    """The lines of these events, without their times."""
    viewer = Timeline()
    lines = [line for event in many for line in viewer.lines({**event, "t": t})]
    assert all(line.startswith("[01:01] ") for line in lines)
    return [line.removeprefix("[01:01] ") for line in lines]


def asked(**rest: Any) -> events.Event:
    """A decision was opened."""
    plain: dict[str, Any] = {
        "purpose": "decision", "asker": "", "recommend": "A", "timeout_s": 600.0,
        "options": [{"key": "A", "text": "PostgreSQL"}],
    }  # fmt: skip
    return events.decision_opened(decision_id="d", question="Database", **(plain | rest))


def decided(by: Any, **rest: Any) -> events.Event:
    """Its outcome."""
    return events.decision(
        decision_id="d", text="B - Cassandra", option="B", by=by,
        **({"who": "", "note": "", "waited_s": 72.0, "source": ""} | rest),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.agent_start(**OF, attempt=1), "▶️  Starting backend (api)"),
        (events.agent_start(**OF, attempt=2), "▶️  Starting backend (api) (attempt 2)"),
        (
            events.agent_complete(**OF, attempt=1, seconds=840, result=None),
            "✅ Completed backend (api) (14m)",
        ),
        (
            events.agent_failed(**OF, attempt=3, seconds=1, error="Boom\nmore"),
            "❌ backend (api) failed after 3 attempts: Boom more",
        ),
        (
            events.agent_retry(**OF, attempt=1, error="429", delay_s=18, cause="rate_limit"),
            "🔁 backend (api) is tried again in 18s: 429",
        ),
        (
            events.agent_retry(**OF, attempt=1, error="too short", delay_s=0, cause="review"),
            "↩️  Sent back to backend (api): too short",
        ),
        (
            events.agent_skipped(**OF, cause="when", reason="not chosen"),
            "⏭️  Skipped backend (api): not chosen",
        ),
        (events.agent_cancelled(**OF, reason="stopped"), "⏹️  Cancelled backend (api): stopped"),
        (
            events.agent_wait(**OF, cause="slot", detail="8 of 8 busy"),
            "⏳ backend (api): No free slot: 8 of 8 busy",
        ),
        (events.insight(**OF, text="cheap"), "🔎 Finding: cheap (backend (api))"),
        (events.blocker(**OF, text="no key"), "🚫 Blocker: no key (backend (api))"),
        (
            events.tool_call(**OF, name="search", summary="prices"),
            "🔨 backend (api) used search: prices",
        ),
        (
            events.tool_call(**OF, name="search", summary="prices", refused=True),
            "🔨 backend (api) was refused search: prices",
        ),
        (
            events.decision(
                decision_id=None, text="B2B", option="", by="agent", reason="more of them", **OF
            ),
            "💡 Decision: B2B (backend (api) chose: more of them)",
        ),
        (
            events.task_added(template="each", items=[{"id": "each-1", "text": "a"}] * 3),
            "➕ 3 tasks of each",
        ),
        (
            events.agent_complete(
                **OF, attempt=1, seconds=60.0, result={"kind": "items", "tasks": []}
            ),
            "✅ All of api is done (1m)",
        ),
        (
            events.task_revived(tasks=["a", "b"], reason="retry", who="maria"),
            "🔁 To be done after all: a, b (by maria)",
        ),
        (
            events.task_edited(**OF, text="Less", who="maria"),
            "✏️  backend (api) is to: Less (by maria)",
        ),
        (
            events.rating(**OF, attempt=1, good=True, note="neat", who="maria"),
            "👍 backend (api): neat (by maria)",
        ),
        (
            events.rating(**OF, attempt=1, good=False, note="", who=""),
            "👎 backend (api)",
        ),
        (events.note(text="B2B only", who="maria"), "📝 Note: B2B only (by maria)"),
        (
            events.plan_adjustment(description="Level 3 → 2", level=2, who="maria"),
            "🔧 Plan: Level 3 → 2 (by maria)",
        ),
        (events.run_paused(who="maria"), "⏸️  Paused (by maria)"),
        (events.run_unpaused(who=""), "▶️  The run goes on"),
        (events.run_stopped(who="you", reason="stopped by you"), "🛑 Stopping: stopped by you"),
        (events.run_interrupted(reason="the process ended"), "⚠️  Interrupted: the process ended"),
        (
            events.phase_complete(phase=2, name="Build", seconds=60),
            "📁 Phase 2: Build is over (1m)",
        ),
        (events.phase_skipped(phase=2, name="Build"), "⏭️  Phase 2: Build was skipped"),
        (asked(), "⏱️  Decision required: Database; 10:00, then A - PostgreSQL is taken"),
        (
            asked(timeout_s=None, asker="backend", purpose="approval"),
            "🔐 Approval required: Database (asked by backend); it waits for an answer",
        ),
        (asked(purpose="review", timeout_s=None), "👀 Database; it waits for an answer"),
        (asked(purpose="form"), "❓ Questions: Database; 10:00, then the run starts as filled in"),
        (
            asked(purpose="hologram", recommend=None, options=None),
            "⏱️  Decision required: Database; 10:00, then it ends",
        ),
        (
            events.decision_withdrawn(decision_id="d", phase=1, reason="no use", cause="when"),
            "⏹️  d is not asked: no use",
        ),
    ],
)
def test_each_event_has_its_line(event: events.Event, line: str) -> None:
    """What happened, to whom and by whom, with the symbols of the format."""
    assert told(event) == [line]


@pytest.mark.parametrize(
    ("outcome", "how"),
    [
        (decided("user"), "by you, after 1:12 of 10:00"),
        (decided("user", who="maria"), "by maria, after 1:12 of 10:00"),
        (decided("remote", who="maria"), "by maria, after 1:12 of 10:00"),
        (
            decided("remote", who="maria", source="cli"),
            "by maria, from the command line, after 1:12 of 10:00",
        ),
        (decided("remote"), "by another program, after 1:12 of 10:00"),
        (decided("timeout"), "by timeout: nobody answered within 10:00"),
        (decided("autopilot", who="maria"), "by autopilot, switched on by maria"),
        (decided("policy"), "by policy: this mode takes the recommendation"),
    ],
)
def test_an_outcome_says_by_whom(outcome: events.Event, how: str) -> None:
    """The choice as the format writes it, then the question and who decided after how long."""
    assert told(asked(), outcome)[1] == f"💡 Decision: B - Cassandra (Database; {how})"


def test_clocks_are_told_without_noise() -> None:
    """Holds and extensions by people are told; that somebody types is not."""
    held = [
        events.decision_held(decision_id="d", cause=c, until_s=None) for c in ("typing", "hold")
    ]
    released = events.decision_released(decision_id="d", cause="released", remaining_s=60.0)
    more = events.decision_released(
        decision_id="d", cause="extended", remaining_s=360.0, timeout_s=900.0
    )
    assert told(asked(), held[0], released, held[1], released, more, decided("timeout"))[1:] == [
        "⏸️  Database waits for an answer, its clock stands still",
        "⏱️  The clock of Database runs again, 1:00 left",
        "⏱️  Database has more time, 6:00 left",
        "💡 Decision: B - Cassandra (Database; by timeout: nobody answered within 15:00)",
    ]


def test_an_answer_is_told_as_the_format_does() -> None:
    """A question and its response have a line each."""
    event = events.user_input(decision_id="d", question="Which?", response="B - Cassandra")
    assert told(event) == ["❓ User Input: Which?", "💬 Response: B - Cassandra"]


def test_every_kind_of_event_is_thought_of() -> None:
    """Each kind that the log may hold has a line, or is evidence only."""
    viewer = Timeline()
    for kind in HANDLERS:
        lines = viewer.lines({"event": kind, "t": 1.0, "cause": "slot", "decision_id": None})
        if kind in SILENT or kind in ("decision_held", "decision_released"):
            assert lines == []
        else:
            assert lines, kind


@pytest.mark.parametrize("text", [*HOSTILE, None, 7, ["x"], {"y": 1}], ids=lambda v: repr(v)[:20])
def test_nothing_in_a_log_leaves_its_line(text: Any) -> None:
    """Whatever stands in a field, a line stays a line, and no field has to be there."""
    fields = (
        *("agent", "task", "phase", "name", "description", "reason", "error", "text", "who"),
        *("duration", "question", "response", "decision", "decision_id", "note", "status", "by"),
        *("asker", "tool", "detail", "cause", "recommend", "mode", "level", "project", "purpose"),
        *("attempt", "timeout_s", "remaining_s", "waited_s", "delay_s", "t", "options", "tasks"),
    )
    viewer = Timeline()
    for kind in [*HANDLERS, "hologram", text]:
        for event in ({"event": kind}, {"event": kind} | dict.fromkeys(fields, text)):
            for line in viewer.lines(event):
                assert line.replace("\ufe0f", "").isprintable()
                assert len(line) < 3000


@pytest.mark.parametrize(
    ("purpose", "option", "values", "words"),
    [
        ("approval", "A", {"count": 5}, "Approved with changes"),
        ("review", "A", {"result": "x"}, "Accepted with changes"),
        ("review", "A", None, "A - Accept"),
        ("form", "A", {"market": "B2B"}, "A - Start"),
    ],
)
def test_what_was_changed_is_told(purpose: str, option: str, values: Any, words: str) -> None:
    """That something was changed before it was let through stands in the line about it."""
    text = words if words.startswith("A - ") else "A - Accept"
    outcome = decided("user") | {"decision": text, "option": option, "values": values}
    line = told(asked(purpose=purpose), outcome)[-1]
    assert line == f"💡 Decision: {words} (Database; by you, after 1:12 of 10:00)"


def test_bars_are_those_of_the_format() -> None:
    """15 cells a phase, the share, what is done; the same figures as everywhere."""
    assert list(bars(middle().state)) == [
        "Phase 1: Research & Analysis   [████████░░░░░░░] 50% (1/2 agents)",
        "Phase 2: Architecture & Design [████████░░░░░░░] 50% (1/2 agents)",
        "Phase 3: Quality               [░░░░░░░░░░░░░░░] 0% (waiting)",
        "Overall Progress:              [██████░░░░░░░░░] 40% (2/5 agents)",
    ]
