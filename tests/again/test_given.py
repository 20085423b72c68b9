"""What a task was given, and when that is another thing than before."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan

from .stage import Counted, answer, cut, played, seen, until

HELD_UP = """
name: Held up
mode: semi_autonomous
phases:
- name: One
  tasks: [{agent: a, task: A}, {agent: x, task: X}]
  checkpoint: true
- name: Two
  tasks: [{agent: b, task: B, depends_on: [x]}]
"""
CHAIN = """
name: Chain
mode: fully_autonomous
phases:
- name: One
  tasks: [{agent: a, task: A}, {agent: b, task: B, depends_on: [a]}]
"""


def plan_of(text: str) -> Plan:
    """The plan."""
    return Plan.parse(text, format="yaml")


def test_nobody_sees_what_is_only_behind_a_checkpoint() -> None:
    """A checkpoint holds up and hands on nothing: what was not listed is not seen."""

    def look(context: onb.Context) -> list[Any]:
        return [dict(context.results), dict(context.decisions), list(context.findings)]

    def tells(context: onb.Context) -> str:
        context.finding("said by a")
        return "old"

    work = Counted(a=tells, x=1, b=look)
    run = onb.run(plan_of(HELD_UP), work.agents())
    answer(run, "checkpoint-1", "A")
    run.wait(20)
    assert run.results["b"] == [{"x": 1}, {}, []]
    work.taken()
    resumed = onb.resume(run.id, work.agents(a="new"), rerun=["a"])
    resumed.wait(20)
    assert work.taken() == {"a": 1}


def test_the_same_entries_in_another_order_are_another_result() -> None:
    """Who reads a ranking from a dict's order is done again when the order changed."""
    work = Counted(b=lambda context: next(iter(context.results["a"])))
    run = played(plan_of(CHAIN), work.agents(a={"x": 3, "y": 2}))
    work.taken()
    resumed = onb.resume(run.id, work.agents(a={"y": 2, "x": 3}), rerun=["a"])
    resumed.wait(20)
    assert resumed.results["b"] == "y"
    assert work.taken() == {"a": 1, "b": 1}


TRIED_AGAIN = """
name: Tried again
mode: fully_autonomous
on_failure: continue
phases:
- name: One
  tasks: [{agent: p, task: P}, {agent: o, task: O}]
- name: Two
  tasks:
  - {agent: child, task: C}
  - {agent: beside, task: B, depends_on: [o]}
  - {agent: hold, task: H, depends_on: []}
"""


class Mended:
    """Agents of which one fails until it is told better."""

    def __init__(self) -> None:
        self.well = threading.Event()
        self.over = threading.Event()
        self.work = Counted(
            p=self._p,
            o="O",
            child=lambda context: [dict(context.results), sorted(context.missing)],
            beside=lambda context: dict(context.results),
            hold=lambda context: self.over.wait(20),
        )

    def _p(self, context: onb.Context) -> str:
        if not self.well.is_set():
            raise ValueError("not yet")
        return "P"

    def run(self) -> onb.Run:
        """A run in which ``p`` came out well after ``child`` had done without it."""
        run = onb.run(plan_of(TRIED_AGAIN), self.work.agents())
        until(run, "child", "completed")
        self.well.set()
        run.retry("p")
        until(run, "p", "completed")
        self.over.set()
        run.wait(20)
        assert run.results["child"] == [{"o": "O"}, ["p"]]
        self.work.taken()
        return run


WITH_P = [{"p": "P", "o": "O"}, []]


@pytest.mark.parametrize("how", ["resume", "fork", "reuse"])
def test_what_was_done_without_what_came_later_is_done_again(how: str) -> None:
    """Who began before what failed was tried again was given something else; others were not."""
    mended = Mended()
    run, agents = mended.run(), mended.work.agents()
    late = ("run", "what it was given came out differently later")
    if how == "resume":
        assert seen(onb.resume(run.id, agents, dry_run=True))["child"] == late
        again = onb.resume(run.id, agents)
    elif how == "fork":
        assert seen(onb.fork(run.id, agents, dry_run=True))["child"] == late
        again = onb.fork(run.id, agents)
    else:
        again = onb.run(plan_of(TRIED_AGAIN), agents, reuse=run.id)
    again.wait(20)
    assert mended.work.taken() == {"child": 1}
    assert again.results["child"] == WITH_P
    after = seen(onb.resume(again.id, agents, dry_run=True))
    assert {action for action, _ in after.values()} == {"keep"}, "once is enough"


@pytest.mark.parametrize("well", [True, False])
def test_tried_again_when_the_process_died(well: bool) -> None:
    """What is tried again is compared with what had come of it before that."""
    mended = Mended()
    run = mended.run()
    cut(run, "agent_start", task="p", attempt=2)
    if not well:
        mended.well.clear()
    resumed = onb.resume(run.id, mended.work.agents())
    resumed.wait(20)
    again = {"p": 1, "hold": 1} | ({"child": 1} if well else {})
    assert mended.work.taken() == again


FROM_ONE = """
name: From one
mode: fully_autonomous
phases:
- name: One
  tasks:
  - {agent: load, task: L}
  - {agent: use, task: U, depends_on: [load]}
  - {agent: last, task: E, depends_on: [use]}
"""


@pytest.mark.parametrize("again", [onb.resume, onb.fork])
def test_what_can_not_be_compared_is_another_result_when_asked_for(again: Any) -> None:
    """Named in ``rerun``, it comes to something else for all that anybody knows."""
    work = Counted(load=lambda context: object(), use="same", last="end")
    run = played(plan_of(FROM_ONE), work.agents())
    work.taken()
    told = seen(again(run.id, work.agents(), rerun=["load"], dry_run=True))
    why = "load is done again, and what comes of it can't be compared"
    assert (told["use"], told["last"]) == (("run", why), ("run", why))
    second = again(run.id, work.agents(), rerun=["load"])
    second.wait(20)
    assert work.taken() == {"load": 1, "use": 1, "last": 1}
    assert {one for one, _ in seen(again(second.id, work.agents(), dry_run=True)).values()} == {
        "keep"
    }


@pytest.mark.parametrize("again", [onb.resume, onb.fork])
def test_made_again_because_it_is_not_there_it_is_taken_for_the_same(again: Any) -> None:
    """Somebody needs it: what was made of it stands, and the preview says what is assumed."""
    work = Counted(load=lambda context: object(), use="same", last="end")
    run = played(plan_of(FROM_ONE), work.agents())
    work.taken()
    preview = again(run.id, work.agents(), rerun=["last"], dry_run=True)
    use = next(one for one in preview.nodes if one.id == "use")
    assert use.action == "compare"
    assert "what load came to could not be stored" in use.assumed
    again(run.id, work.agents(), rerun=["last"]).wait(20)
    assert work.taken() == {"load": 1, "last": 1}
