"""Forks and runs with ``reuse=`` that break off before they came to all that they may share."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan
from orchestra_nb.runs import interrupt

from .stage import Counted, answer, lines_of, played, seen, until

PLAN = """
name: Broken
mode: fully_autonomous
phases:
- name: One
  tasks:
  - {agent: slow, task: S}
  - {agent: x, task: X, depends_on: [slow]}
  - {agent: y, task: Y, depends_on: [x]}
  - decision: Which
    id: which
    options: {A: x, B: y}
    recommend: A
    depends_on: [slow]
  - {agent: z, task: Z, depends_on: [which]}
"""
LIST = """
name: Broken list
mode: fully_autonomous
phases:
- name: One
  tasks:
  - {agent: s, task: S}
  - {agent: rev, id: rev, task: "Review {{m}}", for_each: {from: s, as: m}}
"""


def plan(text: str = PLAN) -> Plan:
    """The plan."""
    return Plan.parse(text, format="yaml")


def which(context: onb.Context) -> str:
    """What was decided."""
    return str(context.decisions["which"].option)


WORK: dict[str, Any] = {"slow": 1, "x": 1, "y": 1, "z": which}


def broken_off(begin: Any, work: Counted, name: str, value: Any = 1, **others: Any) -> onb.Run:
    """A run that breaks off while a task is at work."""
    gate = threading.Event()

    def waits(context: onb.Context) -> Any:
        gate.wait(20)
        return value

    run: onb.Run = begin(work.agents(**others, **{name: waits}))
    until(run, name, "running")
    interrupt("the kernel was restarted")
    gate.set()
    return run


def resumed(run: onb.Run, agents: Any) -> onb.Run:
    """The run gone on with, to its end."""
    run = onb.resume(run.id, agents)
    run.wait(20)
    return run


def test_a_fork_that_breaks_off_shares_what_is_left_when_it_goes_on() -> None:
    """Resumed, it does what it had not done, has its new choice, and nothing else is done."""
    work = Counted(**WORK)
    run = played(plan(), work.agents())
    work.taken()
    fork = broken_off(
        lambda agents: onb.fork(run.id, agents, decisions={"which": "B"}, rerun=["slow"]),
        work,
        "slow",
    )
    work.taken()
    said = seen(onb.resume(fork.id, work.agents(), dry_run=True))
    assert {name: action for name, (action, _) in said.items()} == {
        "slow": "run", "x": "compare", "y": "compare", "which": "keep", "z": "compare",
    }  # fmt: skip
    assert said["which"][1] == "you say B - y"
    assert said["x"][1] == f"runs only if anything differs from what {run.id} has"
    fork = resumed(fork, work.agents())
    assert work.taken() == {"slow": 1, "z": 1}
    assert fork.reused == ["x", "y"]
    assert dict(fork.results) == {"slow": 1, "x": 1, "y": 1, "z": "B"}


def test_a_decision_is_repeated_when_a_fork_goes_on() -> None:
    """The outcome a person gave in the parent is not asked again after a resume of the fork."""
    work = Counted(**WORK)
    run = onb.run(plan().with_(mode="full_interactive"), work.agents())
    answer(run, "which", "B")
    run.wait(20)
    fork = broken_off(lambda agents: onb.fork(run.id, agents, rerun=["slow"]), work, "slow")
    work.taken()
    fork = resumed(fork, work.agents())
    outcome = fork.state.decisions["which"].outcome
    assert outcome is not None
    assert (outcome.option, outcome.by, outcome.reused) == ("B", "user", run.id)
    assert fork.reused == ["x", "y", "z"]


def test_a_run_that_reuses_and_breaks_off() -> None:
    """Resumed, it goes on to reuse results; decisions are its own."""
    work = Counted(**WORK)
    run = played(plan(), work.agents())
    other = plan(PLAN.replace("task: S", "task: S2"))
    again = broken_off(lambda agents: onb.run(other, agents, reuse=run.id), work, "slow")
    work.taken()
    again = resumed(again, work.agents())
    assert again.reused == ["x", "y", "z"]
    outcome = again.state.decisions["which"].outcome
    assert outcome is not None
    assert outcome.reused == ""


def test_what_was_to_be_done_again_is_not_shared_later() -> None:
    """A task named in a fork's ``rerun`` that it had not come to runs after a resume as well."""
    work = Counted(**WORK)
    run = played(plan(), work.agents())
    fork = broken_off(lambda a: onb.fork(run.id, a, rerun=["slow", "x"]), work, "slow")
    fork = resumed(fork, work.agents())
    assert fork.reused == ["y", "z"]


def test_with_the_parent_gone_it_runs_and_the_preview_says_why() -> None:
    """Nothing can be shared from a run that is gone, and nobody is left to wonder."""
    work = Counted(**WORK)
    run = played(plan(), work.agents())
    fork = broken_off(lambda agents: onb.fork(run.id, agents, rerun=["slow"]), work, "slow")
    shutil.rmtree(run.folder)
    said = seen(onb.resume(fork.id, work.agents(), dry_run=True))
    why = f"not started yet; {run.id}, which might have it, can't be read any more"
    assert said["x"] == ("run", why)
    fork = resumed(fork, work.agents())
    assert fork.status == "completed"
    assert fork.reused == []


@pytest.mark.parametrize("value", [["p", "q", "r"], ["r", "q", "p"]])
def test_items_go_their_way_over_a_break(value: list[str]) -> None:
    """Results, texts and skips of items are shared by a resumed fork, wherever they stand now."""
    work = Counted(s=["p", "q", "r"], rev=lambda context: context.text)
    run, rev = edited(work)

    def begin(agents: Any) -> Any:
        return onb.fork(run.id, agents, rerun=["s"])

    fork = broken_off(begin, work, "s", value, rev=rev)
    work.taken()
    fork = resumed(fork, work.agents(s=value, rev=rev))
    texts = {"p": "Review p", "q": None, "r": "Other text"}
    assert fork.results["rev"] == [texts[one] for one in value]
    assert work.taken() == {"s": 1}


def edited(work: Counted) -> tuple[onb.Run, Callable[[onb.Context], str]]:
    """A run in which an item was left out and one got another text, and who does them."""
    at, gate = threading.Event(), threading.Event()

    def rev(context: onb.Context) -> str:
        at.set()
        gate.wait(20)
        return context.text

    run = onb.run(plan(LIST).with_(max_concurrency=1), work.agents(rev=rev))
    assert at.wait(20)
    run.skip("rev-2")
    run.edit("rev-3", "Other text")
    gate.set()
    run.wait(20)
    assert run.results["rev"] == ["Review p", None, "Other text"]
    return run, rev


def test_what_a_fork_holds_is_said_before_its_form() -> None:
    """The first lines of a fork's log say its wishes, so that none is lost however it ends."""
    work = Counted(**WORK)
    run = played(plan(), work.agents())
    fork = onb.fork(run.id, work.agents(), decisions={"which": "B"}, tasks={"z": "Zed"})
    assert isinstance(fork, onb.Run)
    fork.wait(20)
    first = [line["event"] for line in lines_of(fork)[:3]]
    assert first == ["orchestration_start", "plan_adjustment", "task_edited"]
