"""A run's log says exactly what happened: its fold is the live state."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Autopilot, Extend, Hold, Note, Pause, Stop, Unpause
from orchestra_nb.errors import PlanError
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import SETTLED

from .dags import plans
from .rig import Rig, choice, fails, fields_of, fold, one_phase, phases, task


def same(rig: Rig) -> None:
    """The fold of the written log is the live state, in every field."""
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)


def test_a_stormy_run_folds_to_its_state() -> None:
    """Failures, skips, retries, questions, holds, pauses and a stop are all in the log."""

    def busy(context: Context) -> str:
        context.progress("half", 0.5)
        context.finding("something")
        context.blocker("in the way")
        context.tool_call("read", "a file")
        context.usage(model="m", input_tokens=3, output_tokens=5, cost=0.25)
        context.usage(model="m", input_tokens=1)
        return context.decide_sync("Which?", ["x", "y"]).text

    async def forever() -> None:
        await asyncio.sleep(3_600)

    plan = phases(
        [task("busy"), task("bad", retries=1), task("level", role="security")],
        [choice("d", timeout=600), task("x", "d", when={"d": ["B"]}), task("y", "bad")],
        [task("forever"), task("last", "forever"), task("z")],
        checkpoints="each",
        level=2,
    )
    agents = {"busy": busy, "bad": fails(ValueError("no")), "forever": forever}
    rig = Rig(plan, agents, fake=True).start()
    rig.until_open("busy/which")
    rig.say(Note(text="be quick", who="Ana"))
    rig.say(Pause())
    rig.until(lambda: rig.task("bad").status == "retrying")
    rig.advance(10.0)
    rig.say(Unpause())
    rig.say(Answer(decision="busy/which", option="other", text="neither", note="sorry"))
    rig.until_open("checkpoint-1")
    same(rig)
    rig.say(Answer(decision="checkpoint-1", option="B", note="all well"))
    rig.say(Hold(decision="d"))
    rig.say(Extend(decision="d", seconds=60.0))
    rig.say(Hold(decision="d", on=False))
    rig.sleep(2_000.0)
    same(rig)
    rig.say(Autopilot(on=True))
    rig.until(lambda: rig.task("forever").status == "running")
    same(rig)
    rig.say(Stop())
    rig.wait()
    same(rig)
    assert set(rig.statuses().values()) >= {"completed", "failed", "skipped", "cancelled"}


def test_unfinished_runs_fold_too() -> None:
    """At any line the fold is what the state was."""
    rig = Rig(phases([task("a"), choice("d", timeout=9)], [task("b")]), fake=True).start()
    rig.advance(10.0)
    rig.wait()
    whole = rig.journal.lines
    for cut in range(len(whole) + 1):
        state = fold(whole[:cut], rig.plan)
        assert state.seq == cut
        assert state.unsettled == sum(t.status not in SETTLED for t in state.tasks)
        assert sum(state.counts.values()) == state.total


@settings(max_examples=200, deadline=None)
@given(plans())
def test_leaving_things_out_starts_nothing_early(plan: Plan) -> None:
    """At a lower level whatever still runs waits for all that it waits for at a higher one."""
    try:
        high, low = compile_plan(plan.with_(level=3)), compile_plan(plan.with_(level=2))
    except PlanError:
        return
    assert len(high.order) == len(high.nodes)
    assert len(low.order) == len(low.nodes)
    for node in low.nodes:
        if node.skip or node.kind == "checkpoint" or not _may_run(low, node.index):
            continue
        below = {low.nodes[i].id for i in low.ancestors(node.index)}
        above = {high.nodes[i].id for i in high.ancestors(high.index[node.id])}
        live = {name for name in above if name in low.index and not low.nodes[low.index[name]].skip}
        assert live <= below


def _may_run(graph: Any, index: int) -> bool:
    """Whether no condition of a node asks for a decision that its level leaves out."""
    return not any(graph.nodes[dep].skip for dep, _ in graph.nodes[index].when)


@pytest.mark.parametrize("limit", [1, 4])
def test_order_of_finishing_changes_no_result(limit: int) -> None:
    """What a task sees does not depend on who was faster."""
    seen: list[Any] = []

    def reader(context: Context) -> None:
        seen.append((dict(context.results), context.findings, dict(context.missing)))

    def finder(context: Context) -> str:
        context.finding(f"by {context.task}")
        return context.task

    plan = one_phase(task("a"), task("b"), task("c"), task("end", "a", "b"), max_concurrency=limit)
    for order in ([1.0, 2.0, 3.0, 0.0], [3.0, 2.0, 1.0, 0.0]):
        agents = {"a": finder, "b": finder, "c": finder, "end": reader}
        Rig(plan, agents, seconds=order).run()
    first, second = seen
    assert first[0] == second[0] == {"a": "a", "b": "b"}
    assert sorted(first[1]) == sorted(second[1]) == [("a", "by a"), ("b", "by b")]
