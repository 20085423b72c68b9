"""Wherever a run broke off, a resume brings it to the end that it would have come to."""

from __future__ import annotations

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

    @property
    def agents(self) -> dict[str, Any]:
        """The mapping for ``agents=``."""
        return {SUCCEEDS: self.ok, FAILS: self.bad}


def needed(plan: Plan) -> dict[str, Any]:
    """The agents that a plan names."""
    work = Work()
    names = {getattr(spec, "agent", "") for _, spec in plan.all()}
    return {name: agent for name, agent in work.agents.items() if name in names}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(), where=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_any_run_cut_anywhere_ends_as_it_would_have(
    plan: Plan, where: list[float], tmp_path_factory: Any
) -> None:
    """A task whose completion is in the log is not done again; the rest is; the log folds."""
    plan = plan.with_(mode="fully_autonomous", on_failure="continue")
    names = {getattr(spec, "agent", "") for _, spec in plan.all()}
    home: Path = tmp_path_factory.mktemp("home")
    work = Work()
    agents = {name: agent for name, agent in work.agents.items() if name in names}
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
