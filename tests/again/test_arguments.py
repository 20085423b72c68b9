"""What a second beginning is told wrongly is refused in a word, before anything is read."""

from __future__ import annotations

from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan

from .stage import Counted, lines_of, played

P1 = """
name: Back
mode: fully_autonomous
on_failure: continue
phases:
- name: One
  tasks:
  - {agent: z, task: Z, depends_on: []}
  - {decision: Which, id: which, options: {A: x, B: y}, recommend: A, depends_on: []}
"""
P2 = "\n".join(line for line in P1.splitlines() if "decision" not in line)


def fails(context: onb.Context) -> None:
    """Fail for an ordinary reason."""
    raise ValueError("no")


@pytest.fixture
def work() -> Counted:
    """An agent that fails."""
    return Counted(z=fails)


@pytest.fixture
def run(work: Counted) -> onb.Run:
    """A run that is over."""
    return played(Plan.parse(P1, format="yaml"), work.agents())


@pytest.mark.parametrize(
    "wrong",
    [
        {"rerun": 5}, {"rerun": None}, {"rerun": "z"}, {"seed": []}, {"seed": "x"}, {"home": 5},
        {"claude": "x"}, {"dry_run": "x"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("begin", ["resume", "fork"])
def test_other_types_are_refused(
    run: onb.Run, work: Counted, begin: str, wrong: dict[str, Any]
) -> None:
    """Each wrong type is one error that names the argument, and the log stays as it is."""
    before = lines_of(run)
    with pytest.raises(onb.SetupError, match=next(iter(wrong))):
        getattr(onb, begin)(run.id, work.agents(), **wrong)
    assert lines_of(run) == before


def test_a_run_stands_for_its_id(run: onb.Run, work: Counted) -> None:
    """A run that one has in hand need not be named."""
    assert onb.resume(run, work.agents(), dry_run=True).run == run.id
    assert onb.fork(run, work.agents(), dry_run=True).run == run.id


def test_an_unreadable_plan_is_named(run: onb.Run, work: Counted) -> None:
    """Whose plan can't be read, and where it is, is in the error."""
    (run.folder / "plan.json").write_text("{nope", "utf-8")
    with pytest.raises(onb.StoreError, match=rf"run {run.id}, .*plan\.json"):
        onb.resume(run.id, work.agents())


def test_a_decision_that_comes_back_is_not_asked_again(run: onb.Run, work: Counted) -> None:
    """What left the plan and came back has the outcome that it had: there is one in the log."""
    onb.resume(run.id, work.agents(), plan=Plan.parse(P2, format="yaml")).wait(20)
    again = onb.resume(run.id, work.agents(), plan=Plan.parse(P1, format="yaml"))
    again.wait(20)
    assert [e["decision_id"] for e in lines_of(run) if e["event"] == "decision"] == ["which"]
    assert again.state.task("which").status == "completed"


def test_who_ends_by_itself_has_not_crashed(run: onb.Run) -> None:
    """A failure of the usual kind lets the deaths before it be forgotten; giving up does not."""
    from orchestra_nb.fold import apply
    from orchestra_nb.state import Change

    failed = next(e for e in lines_of(run) if e["event"] == "agent_failed")
    for status, crashes in (("running", 0), ("ready", 2)):
        state = run.state.copy()
        task = state.task("z")
        task.status, task.crashes = status, 2  # type: ignore[assignment]
        apply(state, failed, Change())
        assert task.crashes == crashes


def test_open_takes_a_run(run: onb.Run) -> None:
    """A run in hand can be opened as it is."""
    assert onb.open(run).id == run.id
