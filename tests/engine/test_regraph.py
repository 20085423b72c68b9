"""A state gets another graph: what happened stays with the ids it happened to."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra_nb.agents.context import Context
from orchestra_nb.plan import Phase, Plan, Task
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.regraph import regraph
from orchestra_nb.state import Change, State

from .dags import FAILS, SUCCEEDS, plans
from .rig import Rig, choice, fails, fields_of, fold, phases, task


def regraphed(state: State, plan: Plan, t: float = 9.0) -> Change:
    """Give a state the graph of a plan; what that changed."""
    change = Change()
    regraph(state, compile_plan(plan), t, change)
    return change


def log_of(plan: Plan) -> Rig:
    """A run of a plan, to its end."""
    agents = {SUCCEEDS: lambda: None, FAILS: fails(ValueError("no"))}
    rig = Rig(plan, agents, fake=True)
    rig.start().advance_to_end()
    return rig


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data())
def test_the_same_graph_changes_nothing(plan: Plan, data: st.DataObject) -> None:
    """At any line of any log, a graph compiled anew leaves the state as it is."""
    lines = log_of(plan).journal.lines
    cut = data.draw(st.integers(0, len(lines)))
    state, same = fold(lines[:cut], plan), fold(lines[:cut], plan)
    change = regraphed(state, plan)
    assert fields_of(state) == fields_of(same)
    assert (change.graph, change.ready, change.phases_ended) == (False, [], [])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data())
def test_growing_before_anything_happened_is_starting_grown(
    plan: Plan, data: st.DataObject
) -> None:
    """A graph that grows first is the graph that was there from the start."""
    grown = plan.with_(
        phases=[
            *(
                phase.model_copy(
                    update={"tasks": (*phase.tasks, Task(agent=SUCCEEDS, id=f"new{at}"))}
                )
                for at, phase in enumerate(plan.phases)
            ),
            Phase(name="more", tasks=[Task(agent=SUCCEEDS, id="last")]),
        ]
    )
    lines = log_of(grown).journal.lines
    cut = data.draw(st.sampled_from([0, 1]))
    state, first = fold(lines[:cut], plan), fold(lines[:cut], grown)
    regraphed(state, grown, state.t)
    assert fields_of(state) == fields_of(first)


def test_what_happened_stays_with_its_id() -> None:
    """Another plan that still has a task has what it did, wherever it stands now."""
    rig = Rig(phases([task("a"), task("b")], [task("c")]), fake=True).start()
    rig.wait()
    state = fold(rig.journal.lines, rig.plan)
    change = regraphed(state, phases([task("new", free=True), task("b")], [task("c"), task("d")]))
    assert [(t.id, t.status) for t in state.tasks] == [
        ("new", "ready"), ("b", "completed"), ("c", "completed"), ("d", "pending"),
    ]  # fmt: skip
    assert [t.index for t in state.tasks] == [0, 1, 2, 3]
    assert (state.total, state.unsettled, state.done) == (4, 2, (2, 4))
    assert dict(state.counts) == {"ready": 1, "completed": 2, "pending": 1}
    assert [p.ended_at for p in state.phases] == [None, None]
    assert (change.graph, change.ready) == (True, [0])


def test_what_is_gone_takes_along_what_names_it() -> None:
    """Findings of a task that is gone go with it, decisions stay and are about nothing."""
    before = phases([task("a"), task("b")], [choice("d"), task("c", "d")])

    def told(context: Context) -> None:
        context.finding("seen by a" if context.agent == "a" else "seen by b")

    rig = Rig(before, {"a": told, "b": told}, fake=True).start()
    rig.until_open("d")
    state = fold(rig.journal.lines, before)
    change = Change(tasks={0, 1}, ready=[1])
    regraph(state, compile_plan(phases([task("b")], [task("c", "b")])), 9.0, change)
    assert [(f.text, f.task) for f in state.findings] == [("seen by b", 0)]
    assert state.decisions["d"].task is None
    assert change.tasks >= {0}
    assert change.ready[0] == 0
    assert state.task("c").status == "ready"


def test_an_edited_text_stays() -> None:
    """A new text of the plan reaches a task, unless a person wrote another."""

    def plan(text: str) -> Plan:
        return phases([Task(agent="a", task=text), Task(agent="b", task=text)])

    state = State(compile_plan(plan("old")))
    state.task("a").title = "by hand"
    regraphed(state, plan("new"))
    assert [t.title for t in state.tasks] == ["by hand", "new"]


def test_a_phase_whose_rest_is_gone_is_over() -> None:
    """Nobody would tell that it ended otherwise."""
    rig = Rig(phases([task("a"), task("b", timeout="1h")]), fake=True).start()
    rig.wait()
    lines = rig.journal.lines
    cut = next(i for i, e in enumerate(lines) if e["event"] == "agent_complete") + 1
    state = fold(lines[:cut], rig.plan)
    done = next(t.id for t in state.tasks if t.status == "completed")
    change = regraphed(state, phases([task(done)]))
    assert (change.phases_ended, state.phases[0].ended_at) == ([1], 9.0)
    assert state.unsettled == 0
