"""Whatever people do to a run by hand, it keeps its rules and comes to its end."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Command, Edit, Level, Note, Pause, Retry, Skip, Unpause
from orchestra_nb.events import Event
from orchestra_nb.fold import apply
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import SETTLED, Change, State

from .dags import FAILS, SUCCEEDS, plans
from .rig import Rig, fields_of, fold

AT_REST = {"pending", "ready", "skipped", "failed"}
Step = tuple[str, int, float]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["wait", "skip", "retry", "retry", "flip", "edit", "level", "pause", "unpause", "note"]
        ),
        st.integers(0, 7),
        st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    ),
    max_size=20,
)


def with_retries(plan: Plan) -> Plan:
    """The plan with one retry for what fails; its failures ask nobody."""
    data: dict[str, Any] = plan.to_dict()
    for phase in data["phases"]:
        for entry in phase["tasks"]:
            if entry.get("agent") == FAILS:
                entry["retries"] = 1
    return Plan(**(data | {"on_failure": "continue"}))


def command(kind: str, number: int, ids: list[str]) -> Command:
    """What a step says to the run."""
    name = ids[number % len(ids)]
    match kind:
        case "skip":
            return Skip(task=name.upper())
        case "retry":
            return Retry(task=name)
        case "edit":
            return Edit(task=name, text=f"text {number % 3}")
        case "level":
            return Level(level=number % 5 + 1)
        case "pause":
            return Pause()
        case "unpause":
            return Unpause()
        case _:
            return Note(text="a word")


def waited_for(state: State, index: int) -> bool:
    """Whether all that a node waits for is over; what was left out passes on its own waits."""
    seen: dict[int, bool] = {}

    def over(one: int) -> bool:
        if one not in seen:
            status = state.tasks[one].status
            below = state.graph.parents(one) if status == "skipped" else ()
            seen[one] = status in SETTLED and all(map(over, below))
        return seen[one]

    return all(map(over, state.graph.parents(index)))


def check_line(state: State, line: Event) -> None:
    """What must hold in the state in which an event comes."""
    graph = state.graph
    match line["event"]:
        case "agent_start":
            index = graph.index[line["task"]]
            node, task = graph.nodes[index], state.tasks[index]
            assert task.status in ("ready", "retrying")
            if task.status == "ready":
                assert waited_for(state, index)
                for need in node.needs:
                    assert state.tasks[need].status in ("completed", "skipped")
                    assert state.tasks[need].skip_cause != "failed"
        case "task_edited":
            assert state.tasks[graph.index[line["task"]]].status in AT_REST
        case "agent_skipped":
            assert state.tasks[graph.index[line["task"]]].status in ("pending", "ready", "retrying")
        case "decision_withdrawn":
            assert state.tasks[graph.index[line["decision_id"]]].status in ("pending", "ready")
        case "task_revived":
            before = [state.tasks[graph.index[name]].status for name in line["tasks"]]
            assert set(before) <= {"failed", "skipped"} or before == ["retrying"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), STEPS)
def test_steering_keeps_the_rules(plan: Plan, steps: list[Step]) -> None:
    """The run ends; nothing starts before its time; what has started is never changed."""
    plan = with_retries(plan)
    told: dict[tuple[str, int], str] = {}

    def works(context: Context) -> str:
        told[context.task, context.attempt] = context.text
        if int(context.task[-1]) % 2:
            context.decide_sync("Go on?", ["x", "y"], recommend="A", timeout=2)
        return "done"

    def breaks(context: Context) -> str:
        told[context.task, context.attempt] = context.text
        if context.attempt < 4:
            raise ValueError("no")
        return "at last"

    rig = Rig(plan, {SUCCEEDS: works, FAILS: breaks}, fake=True).start()
    ids = [node.id for node in rig.graph.nodes]
    for kind, number, seconds in steps:
        if kind == "wait":
            rig.advance(seconds)
        elif kind == "flip":
            rig.say(command("skip", number, ids))
            rig.say(command("retry", number, ids))
        else:
            rig.say(command(kind, number, ids))
    rig.say(Unpause())
    rig.advance_to_end()
    assert rig.engine.failure() is None
    state = rig.engine.state
    assert state.unsettled == 0
    assert {task.status for task in state.tasks} <= SETTLED
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    lines = rig.journal.lines
    assert fields_of(fold(lines, plan)) == fields_of(state)
    folded, change = State(compile_plan(plan)), Change()
    for line in lines:
        check_line(folded, line)
        if line["event"] == "agent_start":
            task = folded.task(line["task"])
            assert told[task.id, line["attempt"]] == task.title
        apply(folded, line, change)
        assert folded.unsettled == sum(t.status not in SETTLED for t in folded.tasks)
        assert sum(folded.counts.values()) == folded.total
    outcomes = [line["decision_id"] for line in lines if line["event"] == "decision"]
    assert len(outcomes) == len(set(outcomes))
    over = [line["phase"] for line in lines if line["event"] in ("phase_complete", "phase_skipped")]
    assert set(over) == set(range(1, len(plan.phases) + 1))
