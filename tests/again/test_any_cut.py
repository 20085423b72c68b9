"""Wherever a run broke off, a resume brings it to the end that it would have come to."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import orchestra_nb as onb
from orchestra_nb.agents.context import Context
from orchestra_nb.plan import Plan
from orchestra_nb.store.settings import settings as ours
from tests.engine.dags import FAILS, SUCCEEDS, plans
from tests.engine.rig import fields_of

from .stage import cut, folded, lines_of, played

homes = itertools.count()
NOT_COMPARED = {"results", "revivals"}


class Work:
    """Agents that count what they do; what they return names the task."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def ok(self, context: Context) -> dict[str, Any]:
        """Succeed."""
        self.done.append(context.task)
        context.finding(f"found by {context.task}")
        return {"task": context.task, "heard": sorted(context.results)}

    def bad(self, context: Context) -> None:
        """Fail."""
        self.done.append(context.task)
        raise ValueError("no")

    def agents(self, plan: Plan) -> dict[str, Any]:
        """The mapping for ``agents=``: of the agents that a plan names."""
        names = {getattr(spec, "agent", "") for _, spec in plan.all()}
        known = {SUCCEEDS: self.ok, FAILS: self.bad}
        return {name: agent for name, agent in known.items() if name in names}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(), where=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_any_run_cut_anywhere_ends_as_it_would_have(
    plan: Plan, where: list[float], tmp_path_factory: Any
) -> None:
    """A task whose completion is in the log is not done again; the rest is; the log folds."""
    plan = plan.with_(mode="fully_autonomous", on_failure="continue")
    home: Path = tmp_path_factory.mktemp("home")
    work = Work()
    agents = work.agents(plan)
    run = played(plan, agents, home=home)
    whole = run.state
    for part in where:
        lines = lines_of(run)
        cut(run, after=max(1, round(part * len(lines))))
        before = lines_of(run)
        there = {e["task"] for e in before if e["event"] == "agent_complete"}
        work.done.clear()
        run = onb.resume(run.id, agents, home=home)
        run.wait(20)
        assert run._engine.failure() is None
        assert len(work.done) == len(set(work.done)), "twice"
        assert not there & set(work.done), "done again"
        after = lines_of(run)
        assert after[: len(before)] == before
        assert [e["seq"] for e in after] == list(range(1, len(after) + 1))
        assert [e["t"] for e in after] == sorted(e["t"] for e in after)
        state = run.state
        assert state.status == whole.status
        for task, old in zip(state.tasks, whole.tasks, strict=True):
            assert (task.id, task.status, task.result) == (old.id, old.status, old.result)
            assert (task.reason, task.error, task.skip_cause) == (
                old.reason, old.error, old.skip_cause,
            )  # fmt: skip
        assert sorted((f.task, f.text) for f in state.findings) == sorted(
            (f.task, f.text) for f in whole.findings
        )
        assert {d.id: d.outcome and d.outcome.option for d in state.decisions.values()} == {
            d.id: d.outcome and d.outcome.option for d in whole.decisions.values()
        }
        assert fields_of(folded(run)) == fields_of(state)
        for phase in state.phases:
            assert phase.unsettled == 0
            assert phase.ended_at is not None
        assert dict(run.results) == {
            task.id: task.result["value"] for task in state.tasks
            if task.kind == "task" and task.status == "completed" and task.result
        }  # fmt: skip
    assert ours.home is None


def changed(plan: Plan, how: list[tuple[str, int]]) -> Plan:
    """The plan with some changes; what would make it invalid is left out."""
    for kind, number in how:
        data = plan.to_dict()
        phase = data["phases"][number % len(data["phases"])]
        entries = phase["tasks"]
        entry = entries[number % len(entries)] if entries else {}
        match kind:
            case "text" if "agent" in entry:
                entry["task"] = f"another text {number}"
            case "gone" if len(entries) > 1:
                entries.remove(entry)
            case "new":
                entries.append({"agent": SUCCEEDS, "id": f"new{number}", "depends_on": []})
            case "free":
                entry["depends_on"] = []
            case "name":
                phase["name"] = f"Renamed {number}"
            case "level":
                data["level"] = 2 + number % 2
        with contextlib.suppress(onb.PlanError):
            plan = Plan(**data)
    return plan


CHANGES = st.lists(
    st.tuples(st.sampled_from(["text", "gone", "new", "free", "name", "level"]), st.integers(0, 9)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(), where=st.floats(0, 1), how=CHANGES)
def test_any_change_of_a_plan_is_gone_on_with(
    plan: Plan, where: float, how: list[tuple[str, int]], tmp_path_factory: Any
) -> None:
    """A run cut anywhere goes on in a changed plan: it ends, its log folds, nothing is twice."""
    plan = plan.with_(mode="fully_autonomous", on_failure="continue")
    other = changed(plan, how)
    home: Path = tmp_path_factory.mktemp("home")
    work = Work()

    run = played(plan, work.agents(plan), home=home)
    cut(run, after=max(1, round(where * len(lines_of(run)))))
    there = {e["task"] for e in lines_of(run) if e["event"] == "agent_complete"}
    preview = onb.resume(run.id, work.agents(other), plan=other, home=home, dry_run=True)
    told = {one.id: one.action for one in preview.nodes}
    work.done.clear()
    run = onb.resume(run.id, work.agents(other), plan=other, home=home)
    run.wait(20)
    assert run._engine.failure() is None
    assert len(work.done) == len(set(work.done)), "twice"
    done = set(work.done)
    for task in done & there:
        assert told[task] in ("run", "compare"), "what was done runs only if that was said"
    assert not {task for task in done if told[task] in ("keep", "skip", "give up")}
    state = run.state
    assert state.unsettled == 0
    assert {task.id for task in state.tasks} >= {spec.id for _, spec in other.all()}
    assert fields_of(folded(run)) == fields_of(state)
    after = onb.open(run.id, home=home).state
    assert fields_of(after) == fields_of(state)
    again = onb.resume(run.id, work.agents(other), plan=other, home=home, dry_run=True)
    settled = {one.action for one in again.nodes if state.task(one.id).status == "completed"}
    assert settled <= {"keep", "compare"}
