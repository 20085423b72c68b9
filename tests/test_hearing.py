"""Callbacks hear of everything that a person is needed for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, get_args

import orchestra_nb as onb
from orchestra_nb.commands import Stop
from orchestra_nb.plan import Decision, Phase, Plan, Task
from orchestra_nb.state import DecisionState, Purpose
from tests.engine.rig import choice, task
from tests.engine.test_checkpoints import Timed

ANSWERS = {"failure": "B"}


def everything() -> Plan:
    """A plan that asks for every reason there is but time."""
    first = [
        task("asks"), task("approves"), task("is-reviewed", review=True), task("fails"),
        task("is-blocked"), choice("planned"),
    ]  # fmt: skip
    return Plan(
        name="Everything",
        questions=[{"ask": "Which market?", "default": "B2B"}],
        phases=[
            Phase(name="P1", tasks=first, checkpoint=True),
            Phase(name="P2", tasks=[task("later")]),
        ],
        on_failure="ask",
    )


def agents(blocker_heard: threading.Event) -> dict[str, Any]:
    """Agents that need a person, each for another reason."""

    def is_blocked(context: onb.Context) -> None:
        context.blocker("no access to the warehouse")
        assert blocker_heard.wait(20)  # its card goes when the run comes to its end

    async def approves(context: onb.Context) -> str:
        return (await context.approve("deploy", {"region": "eu"})).option

    return {
        "asks": lambda context: context.decide_sync("Which?", ["x", "y"]).option,
        "approves": approves,
        "is-reviewed": lambda: "draft",
        "fails": lambda: 1 / 0,
        "is-blocked": is_blocked,
        "later": lambda: None,
    }


def test_on_decision_hears_of_every_purpose(tmp_path: Path) -> None:
    """Form, decisions, checkpoint, approval, review, failure, blocker: each once, and open."""
    heard: list[DecisionState] = []
    blocked = threading.Event()
    ready = threading.Event()

    def answer(decision: DecisionState) -> None:
        assert ready.wait(20)
        heard.append(decision)
        run.answer(decision.id, ANSWERS.get(decision.purpose, "A"))
        if decision.purpose == "blocker":
            blocked.set()

    run = onb.run(everything(), agents(blocked), home=tmp_path, on_decision=answer)
    ready.set()
    run.wait(40)
    purposes = sorted(decision.purpose for decision in heard)
    everyone = {*get_args(Purpose)} - {"overrun", "budget", "spend"}
    assert purposes == sorted([*everyone, "decision"])
    assert all(decision.open for decision in heard), "a copy, as it was when it was asked"
    assert {d.id for d in heard} == {d.id for d in run.decisions}


def test_on_decision_hears_of_work_that_takes_too_long() -> None:
    """So does a card about time that opens by itself."""
    gate = threading.Event()
    plan = Plan(
        name="x",
        phases=[
            Phase(name="P1", tasks=[Task(agent="slow", task="x", estimate="10m")]),
            Phase(name="P2", tasks=[Decision(title="D", options=["x"])]),
        ],
    )
    rig = Timed(plan, {"slow": lambda: gate.wait(20)})
    rig.start()
    rig.advance(16 * 60.0)
    assert [rig.decision(name).purpose for name in rig.asked] == ["overrun"]
    gate.set()
    rig.until_open("d")
    assert rig.asked[-1] == "d"
    rig.say(Stop())
    rig.wait()


def test_nobody_is_called_for_what_nobody_is_asked(tmp_path: Path) -> None:
    """What mode or autopilot take at once calls nobody."""
    heard: list[DecisionState] = []
    plan = Plan(name="x", phases=[Phase(name="P", tasks=[choice("d"), choice("e", "d")])])
    run = onb.run(plan, home=tmp_path, mode="guided", on_decision=heard.append)
    run.wait(20)
    assert [outcome.by for d in run.decisions if (outcome := d.outcome)] == ["policy", "policy"]
    assert heard == []
