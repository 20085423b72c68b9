"""Who runs when, and who does not: dependencies, phases, conditions, levels, slots."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Pause, Unpause
from orchestra_nb.plan import Decision, Plan

from .rig import Rig, choice, fails, one_phase, phases, task

FAIL = fails(ValueError("no"))


def skipped(rig: Rig) -> dict[str, tuple[str, str]]:
    """Cause and reason of everything that was skipped."""
    return {t.id: (t.skip_cause, t.reason) for t in rig.engine.state.tasks if t.skip_cause}


def test_a_phase_waits_for_all_of_the_one_before() -> None:
    """Without depends_on a task starts once every task of the previous phase is settled."""
    gate = threading.Event()
    rig = Rig(phases([task("a"), task("b")], [task("c")]), {"b": lambda: gate.wait(9)}).start()
    rig.until(lambda: rig.task("a").status == "completed")
    assert rig.task("c").status == "pending"
    gate.set()
    rig.wait()
    assert rig.started() == ["a", "b", "c"]


def test_empty_depends_on_starts_at_once() -> None:
    """A task with depends_on: [] waits for nothing, whatever its phase."""
    gate = threading.Event()
    plan = phases([task("a")], [task("b", free=True), task("c")])
    rig = Rig(plan, {"a": lambda: gate.wait(9)}).start()
    rig.until(lambda: rig.task("b").status == "completed")
    assert rig.task("c").status == "pending"
    gate.set()
    rig.wait()


def test_first_phase_starts_at_once() -> None:
    """Without depends_on and without a phase before, tasks start with the run."""
    assert Rig(one_phase(task("a"), task("b"))).run().started() == ["a", "b"]


def test_a_listed_task_must_succeed() -> None:
    """A task whose listed dependency failed is skipped, and so is what lists that one."""
    rig = Rig(one_phase(task("a"), task("b", "a"), task("c", "b"), task("d")), {"a": FAIL}).run()
    assert rig.statuses() == {"a": "failed", "b": "skipped", "c": "skipped", "d": "completed"}
    assert skipped(rig) == {
        "b": ("failed", "needs a, which failed"),
        "c": ("failed", "needs b, which was skipped"),
    }
    assert rig.engine.state.status == "failed"


def test_a_phase_may_lose_some_of_its_tasks() -> None:
    """The next phase runs if anything of the one before succeeded, and is told what is missing."""
    seen: dict[str, str] = {}
    rig = Rig(
        phases([task("a"), task("b")], [task("c")]),
        {"a": FAIL, "c": lambda context: seen.update(context.missing)},
    ).run()
    assert rig.task("c").status == "completed"
    assert seen == {"a": "failed: ValueError: no"}


def test_a_phase_that_failed_whole_stops_the_next() -> None:
    """When all tasks of the previous phase failed, the next one is skipped."""
    rig = Rig(phases([task("a"), task("b")], [task("c")], [task("d")]), {"a": FAIL, "b": FAIL})
    rig.run()
    assert skipped(rig) == {
        "c": ("failed", "nothing of phase 1 succeeded"),
        "d": ("failed", "nothing of phase 2 succeeded"),
    }
    assert [e["event"] for e in rig.events("phase_complete", "phase_skipped")] == [
        "phase_complete",
        "phase_skipped",
        "phase_skipped",
    ]


@pytest.mark.parametrize("name", ["P1", "Phase 1", "phase 1 completion"])
def test_a_phase_can_be_listed(name: str) -> None:
    """The name or number of a phase stands for all of it: settled, not each succeeded."""
    plan = phases([task("a"), task("b")], [task("x", free=True)], [task("c", name)])
    rig = Rig(plan, {"a": FAIL}).run()
    assert rig.task("c").status == "completed"
    assert rig.started().index("c") > rig.started().index("b")


def test_a_listed_phase_is_no_listed_task() -> None:
    """A task that lists a phase that ran, too, is not skipped for one that `when` left out."""
    plan = phases(
        [task("a"), choice("d", kind="urgent")],
        [task("x", "d", when={"d": ["B"]}), task("y", "x", "P1"), task("z", "x")],
        mode="fully_autonomous",
    )
    rig = Rig(plan).run()
    assert rig.statuses() == {
        "a": "completed",
        "d": "completed",
        "x": "skipped",
        "y": "completed",
        "z": "skipped",
    }


def test_a_task_skipped_by_when_counts_as_settled() -> None:
    """What `when` leaves out fails nothing; only who listed nothing else is skipped with it."""
    plan = one_phase(
        choice("d"),
        task("a"),
        task("x", "d", when={"d": ["B"]}),
        task("only", "x"),
        task("both", "x", "a"),
        mode="fully_autonomous",
    )
    rig = Rig(plan).run()
    assert skipped(rig) == {
        "x": ("when", "d is A - first"),
        "only": ("when", rig.task("only").reason),
    }
    assert rig.task("both").status == "completed"
    assert rig.engine.state.status == "completed"


def test_when_is_a_dependency_too() -> None:
    """A task with `when` waits for that decision though it does not list it."""
    plan = one_phase(choice("d"), task("x", free=True, when={"d": ["A"]}))
    rig = Rig(plan, fake=True).start()
    assert rig.task("x").status == "pending"
    rig.say(Answer(decision="d", option="A"))
    rig.wait()
    assert rig.task("x").status == "completed"


@pytest.mark.parametrize(
    ("first", "second", "runs"), [("A", "A", True), ("A", "B", False), ("B", "A", False)]
)
def test_keys_of_when_are_anded(first: str, second: str, runs: bool) -> None:
    """Each decision in `when` must have come out as said."""
    plan = one_phase(choice("d"), choice("e"), task("x", free=True, when={"d": ["A"], "e": ["A"]}))
    rig = Rig(plan, fake=True).start()
    rig.say(Answer(decision="d", option=first))
    rig.say(Answer(decision="e", option=second))
    rig.wait()
    assert (rig.task("x").status == "completed") is runs


def test_a_decision_that_was_skipped_makes_when_false() -> None:
    """A decision whose own dependency failed is withdrawn; nothing that asks for it runs."""
    plan = one_phase(task("a"), choice("d", "a"), task("x", free=True, when={"d": ["A", "B"]}))
    rig = Rig(plan, {"a": FAIL}).run()
    assert rig.statuses() == {"a": "failed", "d": "skipped", "x": "skipped"}
    assert skipped(rig)["x"] == ("when", "d was not decided")
    assert rig.event("decision_withdrawn", decision_id="d")["reason"] == "needs a, which failed"


def test_free_text_is_no_option_of_when() -> None:
    """An answer in free text chooses none of the options."""
    plan = one_phase(choice("d"), task("x", free=True, when={"d": ["A", "B"]}))
    rig = Rig(plan, fake=True).start()
    rig.say(Answer(decision="d", option="other", text="neither"))
    rig.wait()
    assert rig.task("x").status == "skipped"


def test_level_leaves_tasks_out() -> None:
    """What the level skips counts as settled with no result, and fails nobody who lists it."""
    plan = one_phase(task("a"), task("t", "a", role="testing"), task("c", "t"), level=1)
    rig = Rig(plan).run()
    assert rig.statuses() == {"a": "completed", "t": "skipped", "c": "completed"}
    assert rig.task("t").skip_cause == "level"
    assert rig.engine.state.status == "completed"


def test_level_hands_dependencies_on() -> None:
    """Leaving a task out never lets a later one start early."""
    gate = threading.Event()
    plan = one_phase(task("a"), task("t", "a", role="testing"), task("c", "t"), level=1)
    rig = Rig(plan, {"a": lambda: gate.wait(9)}).start()
    assert rig.task("c").status == "pending"
    gate.set()
    rig.wait()


def test_level_hands_on_what_a_phase_waited_for() -> None:
    """A phase of which some is left out still holds the next one as long as all of it would."""
    gate = threading.Event()
    plan = phases(
        [task("a")],
        [task("b", free=True), task("t", role="testing")],
        [task("c")],
        level=1,
    )
    rig = Rig(plan, {"a": lambda: gate.wait(9)}).start()
    rig.until(lambda: rig.task("b").status == "completed")
    assert rig.task("c").status == "pending"
    gate.set()
    rig.wait()
    assert rig.task("c").status == "completed"


def test_a_phase_left_out_whole_is_passed_through() -> None:
    """The phase after one that the level leaves out waits for the one before it."""
    gate = threading.Event()
    plan = phases([task("a")], [task("t", role="testing")], [task("c")], level=1)
    rig = Rig(plan, {"a": lambda: gate.wait(9)}).start()
    assert (rig.task("t").status, rig.task("c").status) == ("skipped", "pending")
    gate.set()
    rig.wait()
    assert rig.kinds().count("phase_skipped") == 1
    assert rig.task("c").status == "completed"


def test_level_makes_no_circle_of_an_odd_order() -> None:
    """A phase that waits for a later one runs, though the level leaves out what lies between."""
    plan = phases([task("a", "c")], [task("t", free=True, role="testing")], [task("c")], level=1)
    assert Rig(plan).run().started() == ["c", "a"]


def test_a_plan_that_its_level_empties_completes() -> None:
    """With every task left out the run is over at once."""
    rig = Rig(one_phase(task("t", role="testing"), level=1)).run()
    assert (rig.engine.state.status, rig.started()) == ("completed", [])
    assert rig.kinds()[-1] == "orchestration_complete"


def test_a_checkpoint_holds_back_later_phases() -> None:
    """A checkpoint opens when its phase is over and holds all later tasks but the free ones."""
    plan = phases(
        [task("a")], [task("b"), task("free", free=True), task("listed", "free")], [task("c")]
    ).with_(checkpoints="marked")
    first = plan.phases[0].model_copy(update={"checkpoint": True})
    plan = plan.with_(phases=(first, *plan.phases[1:]))
    rig = Rig(plan, fake=True).start()
    rig.until_open("checkpoint-1")
    rig.until(lambda: rig.task("free").status == "completed")
    assert {rig.task(name).status for name in ("b", "listed", "c")} == {"pending"}
    rig.event("checkpoint", decision_id="checkpoint-1")
    assert rig.say(Answer(decision="checkpoint-1", option="A"))[0]
    rig.wait()
    assert rig.engine.state.status == "completed"
    assert rig.engine.state.done == (5, 5)


def test_stop_at_a_checkpoint_stops_the_run() -> None:
    """Stop at a checkpoint keeps what there is and starts nothing more."""
    rig = Rig(phases([task("a")], [task("b")], checkpoints="each"), fake=True).start()
    rig.until_open("checkpoint-1")
    rig.say(Answer(decision="checkpoint-1", option="D"))
    rig.wait()
    assert (rig.engine.state.status, rig.started()) == ("stopped", ["a"])


def test_adjusting_at_a_checkpoint_reaches_later_agents() -> None:
    """The note of "Adjust" is logged as an adjustment and is among the later tasks' notes."""
    seen: list[str] = []

    def later(context: Context) -> None:
        seen.extend(context.notes)

    plan = phases([task("a")], [task("b")], checkpoints="each")
    rig = Rig(plan, {"b": later}, fake=True).start()
    rig.until_open("checkpoint-1")
    rig.say(Answer(decision="checkpoint-1", option="B", note="use SQLite"))
    rig.wait()
    assert seen == ["use SQLite"]
    assert rig.engine.state.adjustments == ["use SQLite"]


def test_no_checkpoint_after_a_phase_that_was_left_out() -> None:
    """Where the level leaves nothing of a phase, nobody is asked after it."""
    plan = phases(
        [task("a")], [task("t", role="testing")], [task("c")], checkpoints="each", level=1
    )
    rig = Rig(plan, fake=True).start()
    rig.until_open("checkpoint-1")
    rig.say(Answer(decision="checkpoint-1", option="A"))
    rig.wait()
    assert list(rig.engine.state.decisions) == ["checkpoint-1"]


def test_no_checkpoint_asks_when_its_phase_failed() -> None:
    """After a phase of which nothing succeeded there is nothing to go on with."""
    rig = Rig(phases([task("a")], [task("b")], checkpoints="each"), {"a": FAIL}).run()
    assert rig.task("checkpoint-1").status == "skipped"
    assert rig.engine.state.decisions == {}


def test_a_dependent_of_a_fast_task_does_not_wait_for_a_slow_one() -> None:
    """A task that depends only on a fast sibling starts within 50 ms of its end."""
    gate = threading.Event()
    plan = one_phase(task("slow"), task("fast"), task("next", "fast"))
    rig = Rig(plan, {"slow": lambda: gate.wait(9), "fast": lambda: time.sleep(0.05)}).start()
    rig.until(lambda: rig.task("next").status == "completed")
    assert rig.task("slow").status == "running"
    gate.set()
    rig.wait()
    ended = rig.event("agent_complete", task="fast")["t"]
    assert rig.event("agent_start", task="next")["t"] - ended < 0.05


def test_an_open_decision_holds_back_only_its_dependents() -> None:
    """While a person thinks, everything that does not depend on the answer runs."""
    plan = one_phase(choice("d"), task("a"), task("b", "a"), task("x", "d"))
    rig = Rig(plan, fake=True).start()
    rig.until(lambda: rig.task("b").status == "completed")
    assert (rig.task("d").status, rig.task("x").status) == ("waiting", "pending")
    rig.say(Answer(decision="d", option="B"))
    rig.wait()
    assert rig.task("x").status == "completed"


def test_a_phase_with_decisions_alone_starts_and_ends() -> None:
    """A phase without tasks is reported as one that happened."""
    plan = phases([choice("d")], [task("a")], mode="fully_autonomous")
    rig = Rig(plan).run()
    phase = rig.engine.state.phases[0]
    assert (phase.total, phase.unsettled, phase.counts["completed"]) == (0, 0, 0)
    assert rig.kinds().count("phase_skipped") == 0
    assert rig.event("phase_start", phase=1)["seq"] < rig.event("phase_complete", phase=1)["seq"]


def test_slots_limit_what_runs_at_once() -> None:
    """No more tasks run at a time than max_concurrency allows, and all of them run."""
    now, most = 0, 0

    async def agent() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1

    plan = one_phase(*(task(f"a{n}", free=True) for n in range(40)), max_concurrency=3)
    rig = Rig(plan, {f"a{n}": agent for n in range(40)}).run()
    assert (most, rig.engine.state.counts["completed"]) == (3, 40)
    assert rig.engine.scheduler.used == 0


def test_the_longest_way_goes_first() -> None:
    """With one slot, what most time depends on starts first, then what came first."""
    plan = one_phase(
        task("short"), task("also"), task("head"), task("tail", "head"), max_concurrency=1
    )
    rig = Rig(plan, seconds=[5.0, 5.0, 1.0, 60.0]).run()
    assert rig.started() == ["head", "tail", "short", "also"]


def asks(context: Context) -> Any:
    """An agent that asks."""
    return context.decide_sync("Which?", ["x", "y"], recommend="A").option


def test_a_slot_is_free_while_a_person_thinks() -> None:
    """An agent that waits for an answer gives its slot away, and needs one to go on."""
    gate = threading.Event()
    plan = one_phase(task("asks"), task("other"), max_concurrency=1)
    agents = {"asks": asks, "other": lambda: gate.wait(9)}
    rig = Rig(plan, agents, fake=True, seconds=[9.0, 1.0]).start()
    rig.until(lambda: rig.task("other").status == "running")
    rig.say(Answer(decision="asks/which", option="B"))
    assert rig.task("asks").status == "waiting"
    assert rig.engine.scheduler.queued == 1
    gate.set()
    rig.wait()
    assert rig.engine.results["asks"] == "B"
    assert rig.engine.scheduler.used == 0


def test_half_done_work_goes_before_new_tasks() -> None:
    """Who comes back from a question gets the next slot, before tasks that never started."""
    gate = threading.Event()
    plan = one_phase(task("asks"), task("b"), task("c"), max_concurrency=1)
    agents = {"asks": asks, "b": lambda: gate.wait(9)}
    rig = Rig(plan, agents, fake=True, seconds=[9.0, 8.0, 7.0]).start()
    rig.until(lambda: rig.task("b").status == "running")
    rig.say(Answer(decision="asks/which", option="A"))
    gate.set()
    rig.wait()
    resumed = rig.event("agent_wait", task="asks", cause=None)["seq"]
    assert resumed < rig.event("agent_start", task="c")["seq"]


def test_a_paused_run_starts_nothing_but_lets_work_finish() -> None:
    """In a pause what runs ends, also when it waits for an answer; dependents wait."""
    plan = one_phase(task("asks"), task("after", "asks"))
    rig = Rig(plan, {"asks": asks}, fake=True).start()
    rig.until_open("asks/which")
    assert rig.say(Pause()) == (True, "")
    rig.say(Answer(decision="asks/which", option="A"))
    rig.until(lambda: rig.task("asks").status == "completed")
    assert (rig.task("after").status, rig.engine.state.status) == ("ready", "paused")
    rig.say(Unpause())
    rig.wait()
    assert rig.engine.state.status == "completed"


def test_a_thousand_tasks_in_flight() -> None:
    """A thousand coroutines run at the same time."""
    together, done = 0, asyncio.Event()

    async def agent() -> None:
        nonlocal together
        together += 1
        if together == 1_000:
            done.set()
        await done.wait()

    names = [f"a{n}" for n in range(1_000)]
    plan = one_phase(*(task(name, free=True) for name in names), max_concurrency=1_000)
    rig = Rig(plan, dict.fromkeys(names, agent)).run()
    assert rig.engine.state.counts["completed"] == 1_000


def test_two_runs_don_t_meet() -> None:
    """Runs of one process share loops and nothing else."""
    gate = threading.Event()
    first = Rig(one_phase(task("a")), {"a": lambda: gate.wait(9)}).start()
    second = Rig(one_phase(task("a")), {"a": FAIL}).run()
    assert first.engine.state.status == "running"
    gate.set()
    first.wait()
    assert [r.engine.state.status for r in (first, second)] == ["completed", "failed"]


def test_decisions_of_the_plan_can_depend_on_each_other() -> None:
    """A decision waits for the decision it lists."""
    plan: Plan = one_phase(choice("d"), choice("e", "d"), task("x", "e"))
    rig = Rig(plan, fake=True).start()
    assert list(rig.engine.state.decisions) == ["d"]
    rig.say(Answer(decision="d", option="A"))
    rig.until_open("e")
    rig.say(Answer(decision="e", option="A"))
    rig.wait()
    assert isinstance(rig.graph.nodes[0].spec, Decision)
