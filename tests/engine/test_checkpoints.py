"""Checkpoints: what their cards show, what each choice does, those that open by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Autopilot, Level, Note, Pause, Unpause
from orchestra_nb.plan import Plan
from orchestra_nb.state import State
from orchestra_nb.views.remaining import seconds_left

from .rig import Rig, choice, fails, fields_of, fold, nothing, phases, task

GATE_S = 9.0


class Gate:
    """An agent that works until the test opens its gate."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def __call__(self) -> str:
        """Work."""
        assert self._open.wait(GATE_S)
        return "done"

    def open(self) -> None:
        """Let it end."""
        self._open.set()


class Timed(Rig):
    """A rig that knows what its tasks are expected to take, as a run does."""

    def __init__(self, plan: Plan, agents: Any = None, **options: Any):
        def left(seconds: Any) -> float:
            return seconds_left(self.engine.state, self.engine.t, seconds)

        super().__init__(plan, agents, fake=True, left=left, **options)
        for node in self.graph.nodes:
            self.engine.seconds[node.index] = getattr(node.spec, "estimate", None) or 0.0


def tells(*findings: str, blockers: tuple[str, ...] = ()) -> Callable[[Context], None]:
    """An agent that found something."""

    def agent(context: Context) -> None:
        for text in findings:
            context.finding(text)
        for text in blockers:
            context.blocker(text)

    return agent


def two_phases(**settings: Any) -> Plan:
    """A phase of one task, a checkpoint, and a phase of which level 1 drops the tests."""
    return phases(
        [task("a", estimate="10m")],
        [task("b", estimate="20m"), task("t", role="testing", estimate="30m")],
        **({"checkpoints": "each", "level": 2} | settings),
    )


def at_checkpoint(plan: Plan | None = None, agents: Any = None) -> Timed:
    """A rig whose first checkpoint is open."""
    rig = Timed(plan or two_phases(), agents)
    rig.start()
    rig.until_open("checkpoint-1")
    return rig


def check_end(rig: Rig, status: str = "completed") -> None:
    """The run is over, nothing is open, and the log says what the state says."""
    rig.wait()
    state: State = rig.engine.state
    assert state.status == status
    assert [d.id for d in state.decisions.values() if d.open] == []
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(state)


def keys(rig: Rig, decision: str) -> str:
    """The option keys of a card in a row."""
    return "".join(option["key"] for option in rig.decision(decision).options)


# Marked checkpoints.


def test_a_checkpoint_shows_what_the_phase_came_to() -> None:
    """Findings, blockers, time, cost, what is left and what each choice does are on the card."""
    gate = Gate()
    plan = phases(
        [task("a", estimate="10m"), task("later", estimate="2m", free=True)],
        [task("side", free=True, estimate="5m"), task("b", estimate="20m")],
        checkpoints="each",
        budget={"usd": 5.0},
    )

    def works(context: Context) -> None:
        gate()
        context.finding("B2B first")
        context.blocker("no prices")
        context.usage(model="m", cost=0.25)

    side = Gate()
    rig = Timed(plan, {"a": works, "side": side, "later": tells("two")})
    rig.start()
    rig.until(lambda: rig.task("later").status == "completed")
    rig.advance(90.0)
    gate.open()
    rig.until_open("checkpoint-1")
    decision = rig.decision("checkpoint-1")
    assert (decision.purpose, decision.kind, decision.recommend) == ("checkpoint", "critical", "A")
    assert keys(rig, "checkpoint-1") == "ABD"
    assert decision.detail == {
        "findings": [["later", "two"], ["a", "B2B first"]],
        "blockers": [["a", "no prices"]],
        "time": {"actual_s": 90.0, "expected_s": 600.0, "low_s": None, "high_s": None},
        "left_s": 1200.0,
        "cost": {"usd": 0.25, "budget_usd": 5.0, "unknown": 0},
        "running": ["side"],
        "outlook": {
            "A": ["1 task is still to start: b.", "At least 20 min are left."],
            "B": [
                "What you write reaches 1 task that has not started, "
                "and is kept as a change of plan.",
                "side is at work and won't hear of it.",
            ],
            "D": [
                "The run ends. What is finished is kept.",
                "side is cancelled.",
                "1 task never starts.",
            ],
        },
    }
    side.open()
    rig.say(Answer(decision="checkpoint-1", option="A"))
    check_end(rig)


def test_what_is_not_known_is_not_guessed() -> None:
    """Without an estimate for each task that ran, nothing is expected and nothing is left."""
    plan = phases([task("a", estimate="1m"), task("c")], [task("b")], checkpoints="each")
    rig = Rig(plan, fake=True).start()
    rig.until_open("checkpoint-1")
    detail = rig.decision("checkpoint-1").detail
    assert detail["time"]["expected_s"] is None
    assert detail["left_s"] is None
    assert detail["cost"] == {"usd": 0.0, "budget_usd": None, "unknown": 0}
    assert detail["outlook"]["A"] == ["1 task is still to start: b."]


def test_a_card_lists_only_so_much() -> None:
    """Of very many findings the newest twenty are on the card, each cut at 500 characters."""
    told = tells(*(f"{n}: {'x' * 600}" for n in range(30)))
    rig = at_checkpoint(agents={"a": told})
    found = rig.decision("checkpoint-1").detail["findings"]
    assert [text[:4].partition(":")[0] for _, text in found] == [str(n) for n in range(10, 30)]
    assert {len(text) for _, text in found} == {500}


def test_continue() -> None:
    """Continue goes on as planned, with or without a word."""
    rig = at_checkpoint()
    assert rig.say(Answer(decision="checkpoint-1", option="A"))[0]
    check_end(rig)
    assert rig.engine.state.level == 2
    assert rig.engine.state.done == (3, 3)
    assert rig.events("plan_adjustment", "note") == []


@pytest.mark.parametrize("option", ["A", "C"])
def test_a_note_with_any_choice_reaches_later_agents(option: str) -> None:
    """Whatever is chosen, a sentence beside it is told to the agents that start later."""
    seen: list[str] = []
    rig = at_checkpoint(agents={"b": lambda context: seen.extend(context.notes)})
    rig.say(Answer(decision="checkpoint-1", option=option, note="be brief"))
    check_end(rig)
    assert seen == ["be brief"]


@pytest.mark.parametrize("field", ["note", "text"])
def test_adjust(field: str) -> None:
    """What is written with Adjust, as note or as text, is a change of plan and a note."""
    seen: list[str] = []
    rig = at_checkpoint(agents={"b": lambda context: seen.extend(context.notes)})
    words: dict[str, Any] = {field: " B2B only "}
    rig.say(Answer(decision="checkpoint-1", option="B", who="Ana", **words))
    check_end(rig)
    assert seen == ["B2B only"]
    adjusted = rig.event("plan_adjustment")
    assert (adjusted["description"], adjusted["who"]) == ("B2B only", "Ana")
    assert rig.event("note")["description"] == "B2B only"
    outcome = rig.decision("checkpoint-1").outcome
    assert outcome is not None
    assert (outcome.option, outcome.note) == ("B", "B2B only")


@pytest.mark.parametrize("words", [{}, {"note": "  "}, {"text": ""}])
def test_adjust_needs_words(words: dict[str, Any]) -> None:
    """Adjust without a word is refused, beside the field that lacks it, and the card stays."""
    rig = at_checkpoint()
    reply = rig.reply(Answer(decision="checkpoint-1", option="B", **words))
    assert not reply.ok
    assert reply.text == "Adjust needs a sentence for the agents that have not started"
    assert dict(reply.faults) == {
        "note": "Needs a sentence for the later agents, such as: B2B only."
    }
    assert rig.decision("checkpoint-1").open


def test_simplify_lists_what_it_drops() -> None:
    """One level less is offered where it would drop something, with what it would drop."""
    rig = at_checkpoint()
    assert keys(rig, "checkpoint-1") == "ABCD"
    detail = rig.decision("checkpoint-1").detail
    reason = "testing runs from level 2, this is level 1"
    assert detail["simplify"] == {"level": 1, "tasks": [["t", reason]], "total": 1}
    assert detail["outlook"]["C"] == [
        "Level 2 becomes 1 for what has not started.",
        "1 task is left out.",
        "At least 20 min are left then.",
    ]
    assert detail["left_s"] == 1800.0
    rig.say(Answer(decision="checkpoint-1", option="C", who="Ana"))
    check_end(rig)
    assert rig.engine.state.level == 1
    assert rig.task("t").reason == reason
    assert rig.started() == ["a", "b"]
    assert rig.event("plan_adjustment")["who"] == "Ana"


@pytest.mark.parametrize("level", [1, 3])
def test_simplify_only_where_it_would_drop_something(level: int) -> None:
    """At the lowest level, and where the next one leaves out nothing, it is not offered."""
    rig = at_checkpoint(two_phases(level=level))
    assert keys(rig, "checkpoint-1") == "ABD"
    assert "simplify" not in rig.decision("checkpoint-1").detail
    assert not rig.say(Answer(decision="checkpoint-1", option="C"))[0]


def test_simplify_counts_more_than_it_lists() -> None:
    """Fifty dropped tasks are listed at most; the total counts all."""
    tests = [task(f"t{n}", role="testing") for n in range(60)]
    rig = at_checkpoint(phases([task("a")], [task("b"), *tests], checkpoints="each", level=2))
    simplify = rig.decision("checkpoint-1").detail["simplify"]
    assert (len(simplify["tasks"]), simplify["total"]) == (50, 60)
    assert rig.decision("checkpoint-1").detail["outlook"]["C"][1] == "60 tasks are left out."


def test_simplify_goes_to_the_level_it_named() -> None:
    """Where the level was lowered by hand meanwhile, Simplify lowers it no further."""
    plan = phases(
        [task("a")],
        [task("b"), task("s", role="security"), task("t", role="testing")],
        checkpoints="each",
        level=4,
    )
    rig = at_checkpoint(plan)
    assert rig.decision("checkpoint-1").detail["simplify"]["level"] == 3
    assert rig.say(Level(level=2))[0]
    rig.say(Answer(decision="checkpoint-1", option="C"))
    check_end(rig)
    assert rig.engine.state.level == 2
    assert rig.started() == ["a", "b", "t"]


def test_stop() -> None:
    """Stop ends the run: what waits behind the checkpoint never starts."""
    rig = at_checkpoint()
    rig.say(Answer(decision="checkpoint-1", option="D", who="Ana", note="enough"))
    check_end(rig, "stopped")
    stopped = rig.event("run_stopped")
    assert (stopped["who"], stopped["reason"]) == (
        "Ana",
        "stopped at: Checkpoint after phase 1, P1",
    )
    assert rig.started() == ["a"]


def test_nobody_answers() -> None:
    """When the card's time is over the plan goes on as it was."""
    rig = at_checkpoint()
    rig.advance(361.0)  # 10 min × 0.6 at level 2
    check_end(rig)
    assert rig.event("decision", decision_id="checkpoint-1")["by"] == "timeout"
    assert rig.engine.state.level == 2


def test_autopilot_goes_on() -> None:
    """Under autopilot a marked checkpoint is recorded and holds up nothing."""
    rig = Timed(two_phases())
    rig.engine.start()
    rig.send(Autopilot(on=True))
    check_end(rig)
    assert rig.event("decision", decision_id="checkpoint-1")["by"] == "autopilot"


def test_a_paused_run_stops_the_clock_of_a_checkpoint() -> None:
    """A checkpoint's clock stands still while the run is paused."""
    rig = at_checkpoint()
    rig.send(Pause())
    rig.advance(2_000.0)
    assert rig.decision("checkpoint-1").open
    rig.send(Unpause())
    rig.advance(361.0)
    check_end(rig)


# Work that takes far longer than planned.


def late_plan(**settings: Any) -> Plan:
    """Two tasks at once, expected to take ten minutes each, and one of five minutes after them."""
    return phases(
        [task("a", estimate="10m"), task("c", estimate="10m")],
        [task("b", estimate="5m")],
        **settings,
    )


def gates(*names: str) -> dict[str, Gate]:
    """Agents that work until they are let go."""
    return {name: Gate() for name in names}


def let_go(found: dict[str, Gate]) -> None:
    """Let all of them end."""
    for gate in found.values():
        gate.open()


def test_work_that_takes_half_as_long_again() -> None:
    """Own work of one and a half times what was expected opens a card that holds up nothing."""
    agents = gates("a", "c")
    rig = Timed(late_plan(), agents)
    rig.start()
    rig.advance(899.0)
    assert rig.engine.state.decisions == {}
    rig.advance(2.0)
    decision = rig.decision("overrun-1")
    assert decision.title == "This takes longer than planned: about 25 min in all"
    assert decision.context == (
        "a has worked for 15 min; 10 min were expected. Everything goes on meanwhile."
    )
    assert (decision.purpose, decision.about) == ("overrun", rig.graph.index["a"])
    time = decision.detail["time"]
    assert (round(time["actual_s"]), time["expected_s"]) == (900, 600.0)
    assert decision.detail["running"] == ["a", "c"]
    assert decision.detail["outlook"]["A"] == [
        "Nothing changes.",
        "1 task is still to start: b.",
        "About 10 min are left.",
    ]
    assert round(decision.detail["left_s"]) == 600
    let_go(agents)
    check_end(rig)
    assert rig.engine.state.done == (3, 3)


def test_once_a_phase() -> None:
    """However many tasks of a phase are late, a person is asked about it once."""
    agents = gates("a", "c", "b")
    rig = Timed(late_plan(), agents)
    rig.start()
    rig.advance(1_000.0)
    rig.say(Answer(decision="overrun-1", option="A"))
    rig.advance(1_000.0)
    assert list(rig.engine.state.decisions) == ["overrun-1"]
    agents["a"].open()
    agents["c"].open()
    rig.until(lambda: rig.task("b").status == "running")
    rig.advance(451.0)
    assert list(rig.engine.state.decisions) == ["overrun-1", "overrun-2"]
    let_go(agents)
    check_end(rig)


def test_one_at_a_time() -> None:
    """While a card about time is open no other opens; a later phase may ask afterwards."""
    agents = gates("a", "b")
    plan = phases([task("a", estimate="10m")], [task("b", estimate="11m", free=True)])
    rig = Timed(plan, agents)
    rig.start()
    rig.advance(1_400.0)
    assert list(rig.engine.state.decisions) == ["overrun-1"]
    rig.say(Answer(decision="overrun-1", option="A"))
    rig.advance(60.0)
    assert list(rig.engine.state.decisions) == ["overrun-1", "overrun-2"]
    let_go(agents)
    check_end(rig)


def test_waits_are_no_work() -> None:
    """The time an agent waits for a person does not count against its estimate."""
    before, after = Gate(), Gate()

    def asks(context: Context) -> None:
        before()
        context.decide_sync("Which?", ["one", "two"])
        after()

    rig = Timed(phases([task("a", estimate="10m")]), {"a": asks})
    rig.start()
    rig.advance(890.0)
    before.open()
    rig.until_open("a/which")
    rig.advance(5_000.0)
    rig.say(Answer(decision="a/which", option="A"))
    rig.until(lambda: rig.task("a").status == "running")
    rig.advance(9.0)
    assert "overrun-1" not in rig.engine.state.decisions
    rig.advance(7.0)
    assert rig.decision("overrun-1").open
    after.open()
    check_end(rig)


def test_sleep_is_no_work() -> None:
    """The time the machine slept does not count against an estimate."""
    agents = gates("a", "c")
    rig = Timed(late_plan(), agents)
    rig.start()
    rig.advance(100.0)
    rig.sleep(5_000.0)
    rig.advance(700.0)
    assert rig.engine.state.decisions == {}
    rig.advance(200.0)
    assert rig.decision("overrun-1").open
    let_go(agents)
    check_end(rig)


def test_seconds_are_not_worth_a_card() -> None:
    """A task of seconds must be a whole minute late before a person is asked."""
    agents = gates("a")
    rig = Timed(phases([task("a", estimate="10s")]), agents)
    rig.start()
    rig.advance(69.0)
    assert rig.engine.state.decisions == {}
    rig.advance(2.0)
    assert rig.decision("overrun-1").open
    let_go(agents)
    check_end(rig)


@pytest.mark.parametrize(
    ("settings", "options"),
    [({"mode": "fully_autonomous"}, {}), ({}, {"rehearsal": 60.0})],
    ids=["fully_autonomous", "rehearsal"],
)
def test_where_nobody_is_asked_about_time(
    settings: dict[str, Any], options: dict[str, Any]
) -> None:
    """Neither where nothing is asked nor in a rehearsal, whose durations are made up."""
    agents = gates("a", "c")
    rig = Timed(late_plan(**settings), agents, **options)
    rig.start()
    rig.advance(5_000.0)
    assert rig.engine.state.decisions == {}
    assert rig.engine.timers.next() is None
    let_go(agents)
    check_end(rig)


def test_without_an_estimate_nothing_is_late() -> None:
    """A run that knows no estimates looks at no clock for them."""
    agents = gates("a")
    rig = Timed(phases([task("a")]), agents)
    rig.start()
    assert rig.engine.timers.next() is None
    rig.advance(50_000.0)
    assert rig.engine.state.decisions == {}
    let_go(agents)
    check_end(rig)


def test_autopilot_opens_no_card_about_time() -> None:
    """Under autopilot nobody is asked; once it is off again, the next look does."""
    agents = gates("a", "c")
    rig = Timed(late_plan(), agents)
    rig.start()
    rig.send(Autopilot(on=True))
    rig.advance(2_000.0)
    assert rig.engine.state.decisions == {}
    rig.send(Autopilot(on=False))
    rig.advance(61.0)
    assert rig.decision("overrun-1").open
    rig.send(Autopilot(on=True))
    assert rig.event("decision", decision_id="overrun-1")["by"] == "autopilot"
    let_go(agents)
    check_end(rig)


def test_the_end_of_the_run_withdraws_what_opened_by_itself() -> None:
    """Cards about time and blockers never keep a run from ending."""
    gate = Gate()

    def stuck(context: Context) -> None:
        context.blocker("no network")
        gate()

    rig = Timed(phases([task("a", estimate="1m")]), {"a": stuck})
    rig.start()
    rig.until_open("blocker")
    rig.advance(200.0)
    assert rig.decision("overrun-1").open
    gate.open()
    check_end(rig)
    for event in rig.events("decision_withdrawn"):
        assert (event["reason"], event["cause"]) == ("the run came to its end", "over")
    assert rig.kinds()[-3:] == [
        "decision_withdrawn",
        "decision_withdrawn",
        "orchestration_complete",
    ]


def test_simplify_drops_exactly_what_has_not_started() -> None:
    """What started while the card was open stays; the rest of what it listed is dropped."""
    agents = gates("a", "c", "t1")
    plan = phases(
        [task("a", estimate="10m"), task("c")],
        [
            task("t1", "c", role="testing"),
            task("t2", "a", role="documentation"),
            task("b", "a"),
        ],
        level=2,
    )
    rig = Timed(plan, agents)
    rig.start()
    rig.advance(901.0)
    listed = rig.decision("overrun-1").detail["simplify"]
    assert ([name for name, _ in listed["tasks"]], listed["total"]) == (["t1", "t2"], 2)
    agents["c"].open()
    rig.until(lambda: rig.task("t1").status == "running")
    rig.say(Answer(decision="overrun-1", option="C"))
    let_go(agents)
    check_end(rig)
    assert rig.statuses() == {
        "a": "completed",
        "c": "completed",
        "t1": "completed",
        "t2": "skipped",
        "b": "completed",
    }


def test_stop_at_a_card_about_time_cancels_what_runs() -> None:
    """Stop on a card that opened by itself ends the run, tasks at work included."""
    agents = gates("a", "c")
    rig = Timed(late_plan(), agents)
    rig.start()
    rig.advance(901.0)
    rig.say(Answer(decision="overrun-1", option="D"))
    let_go(agents)
    check_end(rig, "stopped")
    assert rig.started() == ["a", "c"]


# Blockers.


def test_a_blocker_asks_how_to_proceed() -> None:
    """A blocker opens a card with its words; the agent that reported it goes on."""
    agents = {"a": tells("fine", blockers=("the data\nends in 2023",))}
    rig = at_checkpoint(agents=agents)
    decision = rig.decision("blocker")
    assert decision.title == "We found an unexpected issue: the data ends in 2023"
    assert decision.context == (
        "a reported it. How would you like to proceed? Everything goes on meanwhile."
    )
    assert (decision.purpose, decision.kind) == ("blocker", "critical")
    assert decision.about == rig.graph.index["a"]
    assert decision.detail["blockers"] == [["a", "the data\nends in 2023"]]
    assert keys(rig, "blocker") == "ABCD"
    rig.say(Answer(decision="blocker", option="B", note="use 2022"))
    assert rig.engine.state.notes == ["use 2022"]
    rig.say(Answer(decision="checkpoint-1", option="A"))
    check_end(rig)


def test_a_long_blocker_has_a_short_title() -> None:
    """The title of a card holds 120 characters of a blocker; the card has more of it."""
    rig = at_checkpoint(agents={"a": tells(blockers=("x" * 900,))})
    decision = rig.decision("blocker")
    assert decision.title == f"We found an unexpected issue: {'x' * 119}…"
    assert decision.detail["blockers"] == [["a", "x" * 500]]


def test_blockers_are_gathered_while_a_card_is_open() -> None:
    """One card at a time: what is reported meanwhile, each thing once, is on the next one."""
    gate = Gate()

    def later(context: Context) -> None:
        gate()
        tells(blockers=("second", "second", "first"))(context)

    plan = phases([task("a"), task("c")], [task("b")], checkpoints="each")
    rig = Rig(plan, {"a": tells(blockers=("first", "first")), "c": later}, fake=True).start()
    rig.until_open("blocker")
    assert rig.decision("blocker").detail["blockers"] == [["a", "first"]]
    gate.open()
    rig.until_open("checkpoint-1")
    assert "blocker-2" not in rig.engine.state.decisions
    rig.say(Answer(decision="blocker", option="A"))
    second = rig.decision("blocker-2")
    assert second.title == "We found 2 unexpected issues"
    assert second.detail["blockers"] == [["c", "second"], ["c", "first"]]
    rig.say(Answer(decision="blocker-2", option="A"))
    rig.say(Answer(decision="checkpoint-1", option="A"))
    check_end(rig)
    assert list(rig.engine.state.decisions) == ["blocker", "checkpoint-1", "blocker-2"]


def test_nobody_answers_about_a_blocker() -> None:
    """When its time is over the run simply went on."""
    rig = at_checkpoint(agents={"a": tells(blockers=("stuck",))})
    rig.advance(361.0)
    check_end(rig)
    assert rig.event("decision", decision_id="blocker")["by"] == "timeout"


def test_no_card_for_blockers_where_nothing_is_asked() -> None:
    """In the mode fully_autonomous a blocker is a line on the board and no card."""
    rig = Rig(two_phases(mode="fully_autonomous"), {"a": tells(blockers=("stuck",))}).run()
    assert rig.engine.state.decisions == {}
    assert [f.text for f in rig.engine.state.findings] == ["stuck"]


@pytest.mark.parametrize("mode", ["guided", "semi_autonomous"])
def test_other_modes_ask_about_blockers(mode: Any) -> None:
    """A blocker is critical: guided asks about it, semi_autonomous with a quarter of the clock."""
    rig = at_checkpoint(two_phases(mode=mode), {"a": tells(blockers=("stuck",))})
    assert rig.decision("blocker").timeout_s == (360.0 if mode == "guided" else 90.0)


def test_stop_withdraws_a_card_about_a_blocker() -> None:
    """When the run is stopped elsewhere, nobody is asked any more, also not by the next card."""
    rig = at_checkpoint(agents={"a": tells(blockers=("one", "two"))})
    rig.say(Answer(decision="checkpoint-1", option="D"))
    check_end(rig, "stopped")
    assert list(rig.engine.state.decisions) == ["blocker", "checkpoint-1"]
    assert rig.decision("blocker").withdrawn == "the run was stopped"


def test_a_name_like_a_card_s_does_no_harm() -> None:
    """A plan's own decision may be called as such a card is: each keeps its own id."""
    plan = phases([choice("blocker"), task("a")], [task("b", "blocker")])
    rig = Rig(plan, {"a": tells(blockers=("stuck",))}, fake=True).start()
    rig.until_open("blocker-2")
    assert rig.decision("blocker-2").purpose == "blocker"
    rig.say(Answer(decision="blocker", option="A"))
    check_end(rig)


def test_notes_given_before_are_still_there() -> None:
    """Adjusting adds a note to those given before."""
    seen: list[str] = []
    rig = at_checkpoint(agents={"a": nothing, "b": lambda context: seen.extend(context.notes)})
    rig.say(Note(text="first"))
    rig.say(Answer(decision="checkpoint-1", option="B", note="second"))
    check_end(rig)
    assert seen == ["first", "second"]


def test_a_card_tells_what_failed_and_what_that_skips() -> None:
    """A failure is a blocker; what needs its result is not promised, and that is explained."""
    plan = phases(
        [task("good", estimate="1m"), task("bad", estimate="1m")],
        [task("d", "good", estimate="5m"), task("e", "bad", estimate="1h"), task("f", "e")],
        checkpoints="each",
    )
    rig = Timed(plan, {"bad": fails(ValueError("no such table"))}).start()
    rig.until_open("checkpoint-1")
    decision = rig.decision("checkpoint-1")
    assert decision.detail["blockers"] == [["bad", "bad failed: ValueError: no such table"]]
    assert decision.detail["left_s"] == 300.0
    outlook = decision.detail["outlook"]
    assert outlook["A"] == [
        "1 task is still to start: d.",
        "2 will be skipped: e needs bad, which failed; f needs e, which will be skipped.",
        "At least 5 min are left.",
    ]
    assert outlook["B"][0].startswith("What you write reaches 1 task ")
    assert outlook["D"][-1] == "1 task never starts."
    rig.say(Answer(decision="checkpoint-1", option="A"))
    check_end(rig, "failed")
    assert rig.statuses() | {"e": "skipped", "f": "skipped"} == rig.statuses()


def test_a_checkpoint_says_once_that_it_goes_on() -> None:
    """Continue means as planned; there is no second reason that says the same."""
    decision = at_checkpoint().decision("checkpoint-1")
    assert decision.options[0]["description"] == "as planned"
    assert not decision.because
