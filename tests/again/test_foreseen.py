"""What a preview says of what may run, and of what is ruled out already."""

from __future__ import annotations

import time
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan

from .stage import Counted, answer, cut, lines_of, played, seen, wait_for

CHOSEN = """
name: Chosen
mode: fully_autonomous
on_failure: continue
phases:
- name: One
  tasks:
  - {agent: a, task: Do a, depends_on: []}
  - {decision: Which, id: which, options: {A: x, B: y}, recommend: B, depends_on: []}
- name: Two
  tasks:
  - {agent: t, task: Do t, when: {which: A}}
  - {agent: u, task: Do u, when: {which: B}}
"""
CHAIN = """
name: Chain
mode: fully_autonomous
on_failure: continue
phases:
- name: One
  tasks:
  - {agent: a, task: Do a}
  - {agent: b, task: Do b, depends_on: [a]}
  - {agent: c, task: Do c, depends_on: [b]}
"""


def plan_of(text: str, **changes: Any) -> Plan:
    """The plan of a text."""
    return Plan.parse(text, format="yaml").with_(**changes)


def previewed(run: onb.Run, agents: Any, **options: Any) -> Any:
    """What a resume would do."""
    return onb.resume(run.id, agents, dry_run=True, **options)


def test_a_kept_decision_rules_out_before_it_is_reached() -> None:
    """What an outcome leaves out stays so, whatever comes out before it; nobody is asked for."""
    work = Counted(a=1, t="t", u="u")
    run = played(plan_of(CHOSEN), work.agents())
    others = work.agents(a=lambda context: 2)
    del others["t"]
    told = seen(previewed(run, others))
    assert told["t"] == ("skip", "which is B - y")
    assert told["u"] == ("compare", "runs only if a comes out differently")
    work.taken()
    resumed = onb.resume(run.id, others)
    assert isinstance(resumed, onb.Run)
    resumed.wait(20)
    assert work.taken() == {"a": 1, "u": 1}
    assert resumed.state.task("t").status == "skipped"


def test_what_hangs_on_an_open_decision_may_run() -> None:
    """A condition on what nobody has decided yet is no work for sure."""
    work = Counted(a=1, t="t", u="u")
    run = played(plan_of(CHOSEN), work.agents())
    cut(run, "decision_opened", decision_id="which")
    preview = previewed(run, work.agents())
    told = seen(preview)
    for name in ("t", "u"):
        assert told[name] == ("compare", "may run: that depends on which")
    assert preview.sure.tasks == 1


def test_what_hangs_on_a_task_that_is_tried_again_may_run() -> None:
    """What had not started after a failed task runs only if that succeeds."""
    work = Counted(a=1, b="b", c="c")

    def fails(context: onb.Context) -> None:
        raise ValueError("no luck")

    run = played(plan_of(CHAIN), work.agents(a=fails))
    cut(run, "agent_failed", task="a")
    told = seen(previewed(run, work.agents()))
    assert told["a"][0] == "run"
    assert told["b"] == ("compare", "may run: that depends on a")
    assert told["c"] == ("compare", "may run: that depends on b")


def test_what_hangs_on_a_given_up_task_is_left_out() -> None:
    """Nothing follows on what is not tried again."""
    work = Counted(a=1, b="b", c="c")
    run = played(plan_of(CHAIN), work.agents())
    cut(run, "agent_start", task="a")
    for _ in range(2):
        again = onb.resume(run.id, work.agents())
        assert isinstance(again, onb.Run)
        again.wait(20)
        starts = [n for n, e in enumerate(lines_of(run), start=1)
                  if e["event"] == "agent_start" and e["task"] == "a"]  # fmt: skip
        cut(run, after=starts[-1])
    preview = previewed(run, work.agents())
    told = seen(preview)
    assert told["a"][0] == "give up"
    assert told["b"] == ("skip", "needs a, which failed")
    assert told["c"] == ("skip", "needs b, which was skipped")
    assert preview.most.tasks == 0


def test_a_result_that_is_not_there_is_made_again_for_who_may_ask() -> None:
    """What is compared can't be kept where its result is needed and was not stored."""
    work = Counted(a=1, b=lambda context: object(), c=lambda context: str(context.results["b"])[:7])
    run = played(plan_of(CHAIN), work.agents())
    work.taken()
    others = work.agents(a=lambda context: 1, c=lambda context: str(context.results["b"])[:8])
    told = seen(previewed(run, others))
    assert told["b"][0] == "run"
    assert told["b"][1].endswith("and is needed")
    resumed = onb.resume(run.id, others)
    assert isinstance(resumed, onb.Run)
    assert resumed.wait(20)["c"] == "<object "
    assert work.taken() == {"a": 1, "b": 1, "c": 1}


def test_a_stop_at_a_checkpoint_is_told_as_such() -> None:
    """What a checkpoint offered is no option of the plan; a resume goes past it."""
    text = (
        CHAIN.replace("fully_autonomous", "guided")
        + """
  checkpoint: true
- name: Two
  tasks: [{agent: d, task: Do d}]
"""
    )
    work = Counted(a=1, b="b", c="c", d="d")
    run = onb.run(plan_of(text), work.agents(), on_decision=lambda decision: None)
    answer(run, "checkpoint-1", "D")
    wait_for(lambda: run.finished, "the end")
    told = seen(previewed(run, work.agents()))
    words = "answered: D - Stop; from here on the run goes past it"
    assert told["checkpoint-1"] == ("keep", words)


@pytest.mark.parametrize("begin", ["resume", "fork"])
def test_large_plans_are_foreseen_quickly(begin: str) -> None:
    """Names of what may change are shared by all that they reach, not copied for each."""
    one = [{"agent": "a", "id": f"t{n}", "task": "x"} for n in range(1_000)]
    asked = [
        {"decision": f"D{n}", "id": f"d{n}", "options": {"A": "x", "B": "y"}, "recommend": "A"}
        for n in range(100)
    ]
    two = [{"agent": "b", "id": f"c{n}", "task": "x"} for n in range(1_000)]
    phases = [{"name": name, "tasks": tasks} for name, tasks in zip("ABC", (one, asked, two),
                                                                    strict=True)]  # fmt: skip
    plan = Plan(name="Large", mode="fully_autonomous", max_concurrency=50, phases=phases)
    run = played(plan, {"a": lambda context: 1, "b": lambda context: 1})
    changed = {"a": lambda context: 1 + 0, "b": lambda context: 1}
    start = time.perf_counter()
    preview: Any = getattr(onb, begin)(run.id, changed, dry_run=True)
    took = time.perf_counter() - start
    assert preview.sure.tasks == 1_000
    assert took < 4
