"""``onb.run(plan, reuse="last")``: a new run takes what the last one of its plan has done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan

from .tally import Tally, until

PLAN = """
name: Shop
phases:
- name: Look
  tasks:
  - {agent: scout, task: Look around}
  - {agent: aside, task: Something else}
  - {decision: Which way, id: way, options: {A: left, B: right}, recommend: A, depends_on: [scout]}
  - {agent: api, task: Build, depends_on: [way]}
"""


def shop(text: str = PLAN, **changes: Any) -> Plan:
    """The plan."""
    return Plan.parse(text, format="yaml").with_(**changes)


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    """A count of what agents do."""
    return Tally(tmp_path / "calls.txt")


@pytest.fixture
def agents(tally: Tally) -> dict[str, Any]:
    """Agents for the plan, all counted."""
    return {name: tally.agent(lambda context: context.text) for name in ("scout", "aside", "api")}


def played(plan: Plan, agents: dict[str, Any], answer: str = "A", **options: Any) -> onb.Run:
    """A run whose one decision was answered."""
    run = onb.run(plan, agents, **options)
    until(run, lambda state: state.open_decisions())
    run.answer("way", answer)
    run.wait(20)
    return run


def test_the_last_run_is_reused_and_people_decide_anew(
    agents: dict[str, Any], tally: Tally
) -> None:
    """Results are shared, the decision is asked again; what follows the same choice is shared."""
    first = played(shop(), agents)
    assert tally.taken() == {"scout": 1, "aside": 1, "api": 1}
    same = played(shop(), agents, reuse="last")
    assert tally.taken() == {}
    assert same.state.parent == first.id
    assert repr(same).endswith(f"3 of 3 tasks reused from {first.id}>")
    other = played(shop(), agents, "B", reuse="last")
    assert tally.taken() == {"api": 1}
    assert other.state.parent == same.id
    assert {task.reused for task in other.state.tasks if task.reused} == {first.id}


def test_a_changed_plan_shares_what_it_can(agents: dict[str, Any], tally: Tally) -> None:
    """Only a task whose text changed runs, and what follows on another result."""
    played(shop(), agents)
    tally.taken()
    played(shop(PLAN.replace("Something else", "Something new")), agents, reuse="last")
    assert tally.taken() == {"aside": 1}
    played(shop(PLAN, level=2), agents, reuse="last")
    assert tally.taken() == {"scout": 1, "aside": 1, "api": 1}


def test_a_run_is_named(agents: dict[str, Any], tally: Tally) -> None:
    """A run's id says which one; of a rehearsal, or another plan, the last takes nothing."""
    first = played(shop(), agents)
    onb.run(shop(name="Other"), agents, mode="fully_autonomous").wait(20)
    onb.rehearse(shop(), speed=100_000, mode="full_interactive").stop()
    tally.taken()
    assert played(shop(), agents, reuse="last").state.parent == first.id
    assert played(shop(), agents, reuse=first.id).state.parent == first.id
    assert tally.taken() == {}


def test_one_that_broke_off_is_reused(agents: dict[str, Any], tally: Tally) -> None:
    """A run that was stopped, or in which something failed, has what it has done."""

    def fails(context: onb.Context) -> None:
        raise ValueError("no")

    broken = played(shop(on_failure="continue"), agents | {"api": fails})
    assert broken.status == "failed"
    assert tally.taken() == {"scout": 1, "aside": 1}
    played(shop(), agents, reuse="last")
    assert tally.taken() == {"api": 1}


def test_nothing_to_reuse_is_a_plain_run(agents: dict[str, Any], tally: Tally) -> None:
    """Without an earlier run everything is done; a run of that id that is not there is an error."""
    run = played(shop(), agents, reuse="last")
    assert run.state.parent == ""
    assert tally.taken() == {"scout": 1, "aside": 1, "api": 1}
    with pytest.raises(onb.StoreError):
        onb.run(shop(), agents, reuse="20260101T000000Z-shop-0000")
    with pytest.raises(onb.SetupError, match="'last' or the id of a run"):
        onb.run(shop(), agents, reuse=3)  # type: ignore[arg-type]
