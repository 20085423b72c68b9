"""Any valid plan, whatever people do: it comes to its end, in order, as its words say."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Command, Level, Skip
from orchestra_nb.plan import Plan
from orchestra_nb.state import SETTLED

from .dags import FAILS, SHAKY, SUCCEEDS, plans
from .oracle import Oracle
from .rig import Rig, fails, fields_of, fold

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "skip", "level"]),
        st.integers(0, 15),
        st.sampled_from([0.0, 0.4, 1.0, 3.0]),
    ),
    max_size=5,
)
ANSWERS = st.lists(st.sampled_from(["", "A", "A", "B", "B", "C"]), max_size=8)
"""What is answered to each card, in the order in which they open; empty: nobody answers."""


def shaky(context: Context) -> str:
    """Succeeds the second time."""
    if context.attempt == 1:
        raise ValueError("not yet")
    return "done"


AGENTS = {SUCCEEDS: lambda: "done", FAILS: fails(ValueError("no")), SHAKY: shaky}


def carry_out(rig: Rig, steps: list[tuple[str, int, float]], answers: list[str]) -> set[str]:
    """Run a plan to its end while people act; the ids that they left out."""
    by_hand: set[str] = set()
    ids = [node.id for node in rig.graph.nodes]
    given = iter(answers)
    asked: dict[str, str] = {}
    rig.start()
    for number in count():
        assert number < 500, f"no end in sight: {rig.statuses()}"
        rig.until(lambda: "running" not in rig.statuses().values(), "an agent's end")
        for name in [key for key, one in rig.engine.state.decisions.items() if one.open]:
            said = asked.setdefault(name, next(given, ""))
            if said:
                rig.say(Answer(decision=name, option=said, note="said so"))
        if rig.engine.over:
            break
        kind, which, seconds = steps.pop(0) if steps else ("wait", 0, 1.0)
        if kind == "wait":
            rig.advance(seconds)
            continue
        target = ids[which % len(ids)]
        command: Command = Skip(task=target) if kind == "skip" else Level(level=which % 4 + 1)
        if rig.say(command)[0] and kind == "skip":
            by_hand.add(target)
    rig.wait()
    return by_hand


def check(rig: Rig, by_hand: set[str]) -> Oracle:
    """Let the oracle read the log, and compare what it makes of it with the state."""
    oracle = Oracle(rig.plan, by_hand)
    for line in rig.journal.lines:
        oracle.hear(line)
    state = rig.engine.state
    said = {name: end for name, (end, _) in oracle.ends.items()}
    assert said == {name: s for name, s in rig.statuses().items() if s in SETTLED}
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(state)
    return oracle


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(everything=True), STEPS, ANSWERS)
def test_any_plan_runs_to_its_end(
    plan: Plan, steps: list[tuple[str, int, float]], answers: list[str]
) -> None:
    """Each entry begins after all it waits for, and ends as the plan and people's answers say."""
    rig = Rig(plan, AGENTS, fake=True)
    oracle = check(rig, carry_out(rig, steps, answers))
    assert rig.engine.failure() is None
    assert rig.engine.scheduler.used == 0
    last = rig.journal.lines[-1]
    assert last["event"] == "orchestration_complete"
    if not oracle.stopped:
        assert oracle.ends.keys() == set(rig.statuses()) == oracle.ids
        assert rig.engine.state.unsettled == rig.engine.scheduler.queued == 0
    outcomes = [event["decision_id"] for event in rig.events("decision")]
    assert len(outcomes) == len(set(outcomes))
    over = {event["phase"] for event in rig.events("phase_complete", "phase_skipped")}
    assert oracle.stopped or over == set(range(1, len(plan.phases) + 1))
