"""Plans that grew, taken up again: what was made of an item stands wherever the list has it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan
from tests.engine.rig import fields_of

from .stage import Counted, cut, folded, lines_of, played, seen

PLAN = """
name: Reviews
mode: fully_autonomous
on_failure: continue
max_concurrency: 2
phases:
  - name: Look
    tasks: [{agent: structure, task: List the modules}]
  - name: Review
    tasks:
      - agent: reviewer
        id: review
        task: "Review {{module}}"
        for_each: {from: structure, as: module}
  - name: Sum
    tasks: [{agent: writer, task: Sum up, depends_on: [review]}]
"""


def agents(*items: str, bad: set[str] | None = None) -> Counted:
    """Agents that list these items; the reviews of some fail once."""
    fails = bad or set()

    def review(context: onb.Context) -> str:
        if context.item in fails:
            fails.discard(context.item)
            raise ValueError("no")
        return f"{context.item} seen"

    return Counted(
        structure=list(items), reviewer=review, writer=lambda context: context.results["review"]
    )


def listing(*items: str) -> dict[str, Any]:
    """An agent that says a list."""
    return {"structure": lambda: list(items)}


def plan(**changes: Any) -> Plan:
    """The plan."""
    return Plan.parse(PLAN, format="yaml").with_(**changes)


def test_only_what_failed_is_done_again() -> None:
    """Items that succeeded stand, and the group has them all."""
    work = agents("a", "b", "c", bad={"b"})
    run = played(plan(), work.agents())
    assert run.status == "failed"
    work.taken()
    resumed = onb.resume(run.id, work.agents())
    assert isinstance(resumed, onb.Run)
    assert resumed.wait(20)["writer"] == ["a seen", "b seen", "c seen"]
    assert work.taken() == {"review-2": 1, "writer": 1}
    assert fields_of(folded(resumed)) == fields_of(resumed.state)


def test_another_list_keeps_what_was_made_of_its_items() -> None:
    """Found by what an item is, not by where it stands; only new items are done."""
    work = agents("a", "b", "c", "d")
    run = played(plan(), work.agents() | listing("a", "b", "c", "d"))
    assert work.taken() == {"review-1": 1, "review-2": 1, "review-3": 1, "review-4": 1, "writer": 1}
    other = work.agents() | listing("b", "x", "d", "a", "e")
    preview = onb.resume(run.id, other, rerun=["structure"], dry_run=True)
    assert seen(preview)["structure"] == ("run", "asked for")
    assert seen(preview)["review"][0] == "compare"
    resumed = onb.resume(run.id, other, rerun=["structure"])
    assert isinstance(resumed, onb.Run)
    results = resumed.wait(20)["writer"]
    assert results == ["b seen", "x seen", "d seen", "a seen", "e seen"]
    assert work.taken() == {"review-2": 1, "review-5": 1, "writer": 1}
    reused = [e["task"] for e in lines_of(resumed) if e["event"] == "agent_reused"]
    assert sorted(reused) == ["review-1", "review-3", "review-4"]
    assert fields_of(folded(resumed)) == fields_of(resumed.state)
    assert onb.open(resumed.id).results["review"] == results


def test_a_shorter_list_leaves_out_what_is_not_in_it_any_more() -> None:
    """Its tasks say so; the result has the rest."""
    work = agents("a", "b", "c")
    run = played(plan(), work.agents() | listing("a", "b", "c"))
    work.taken()
    resumed = onb.resume(run.id, work.agents() | listing("c"), rerun=["structure"])
    assert isinstance(resumed, onb.Run)
    assert resumed.wait(20)["writer"] == ["c seen"]
    assert work.taken() == {"writer": 1}
    reasons = {t.id: t.reason for t in resumed.state.tasks if t.status == "skipped"}
    assert reasons == {"review-2": "no longer in the list", "review-3": "no longer in the list"}
    assert resumed.status == "completed"
    assert fields_of(folded(resumed)) == fields_of(resumed.state)


def test_the_same_list_again_changes_nothing() -> None:
    """A list that was made anew and says the same makes no event, and nobody works again."""
    work = agents("a", "b")
    run = played(plan(), work.agents() | listing("a", "b"))
    work.taken()
    same = {"structure": lambda: ["a", "b"]}
    resumed = onb.resume(run.id, work.agents() | same, rerun=["structure"])
    assert isinstance(resumed, onb.Run)
    assert resumed.wait(20)["writer"] == ["a seen", "b seen"]
    assert work.taken() == {}
    assert sum(e["event"] == "task_added" for e in lines_of(resumed)) == 1


def test_a_list_that_can_not_be_read_any_more_fails_the_group() -> None:
    """And everything that waits for it; the run ends."""
    work = agents("a", "b")
    run = played(plan(), work.agents() | listing("a", "b"))
    resumed = onb.resume(run.id, work.agents() | {"structure": lambda: 7}, rerun=["structure"])
    assert isinstance(resumed, onb.Run)
    resumed.wait(20)
    assert resumed.status == "failed"
    assert "for_each needs a list" in resumed.state.task("review").error
    assert resumed.state.task("review-1").skip_cause == "failed"
    assert fields_of(folded(resumed)) == fields_of(resumed.state)


@pytest.mark.parametrize("after", range(1, 20))
def test_cut_anywhere_it_ends_as_it_would_have(after: int) -> None:
    """No item whose completion is in the log is done again."""
    work = agents("a", "b", "c")
    run = played(plan(max_concurrency=1), work.agents())
    assert after < len(lines_of(run))
    work.taken()
    cut(run, after=after)
    done = {e["task"] for e in lines_of(run) if e["event"] == "agent_complete"}
    resumed = onb.resume(run.id, work.agents())
    assert isinstance(resumed, onb.Run)
    assert resumed.wait(20)["writer"] == ["a seen", "b seen", "c seen"]
    calls = work.taken()
    assert set(calls.values()) <= {1}
    assert not done & calls.keys()
    assert fields_of(folded(resumed)) == fields_of(resumed.state)


def test_a_fork_shares_items_by_what_they_are() -> None:
    """A run of its own with another list does what is new in it."""
    work = agents("a", "b", "c")
    run = played(plan(), work.agents() | listing("a", "b", "c"))
    work.taken()
    forked = onb.fork(run.id, work.agents() | listing("c", "x"), rerun=["structure"])
    assert isinstance(forked, onb.Run)
    assert forked.wait(20)["writer"] == ["c seen", "x seen"]
    assert work.taken() == {"review-2": 1, "writer": 1}
    assert fields_of(folded(forked)) == fields_of(forked.state)


def test_another_text_of_the_template_is_another_task() -> None:
    """A changed plan does its items again, and keeps the list."""
    work = agents("a", "b")
    run = played(plan(), work.agents())
    work.taken()
    changed = Plan.parse(PLAN.replace("Review {{module}}", "Judge {{module}}"), format="yaml")
    resumed = onb.resume(run.id, work.agents(), plan=changed)
    assert isinstance(resumed, onb.Run)
    assert resumed.wait(20)["writer"] == ["a seen", "b seen"]
    assert set(work.taken()) >= {"review-1", "review-2"}
    assert resumed.state.task("review-2").title == "Judge b"
    assert fields_of(resumed.state)["total"] == 4


def test_a_record_reads_the_list_from_its_tasks(home: Path) -> None:
    """Each result is on disk once; a group's are read as one list."""
    big = "x" * 5_000
    run = played(
        plan(),
        {"structure": lambda: ["a", "b"], "reviewer": lambda: big, "writer": lambda review: 1},
    )
    kept = list((run.folder / "results").iterdir())
    assert len(kept) == 2
    record = onb.open(run.id)
    assert record.results["review"] == [big, big]
    assert list(itertools.islice(record.results["review"], 1)) == [big]


def test_items_that_left_the_list_are_nobodys_work() -> None:
    """They never run for no item; a list that can't be read, or is empty, costs no result."""
    seen_items: list[Any] = []

    def review(context: onb.Context) -> str:
        seen_items.append(context.item)
        return f"{context.item} seen"

    work = Counted(
        reviewer=review,
        writer=lambda context: context.results["review"],
    )
    lists: list[Any] = [["a", "b", "c"]]
    both = work.agents() | {"structure": _says(lists)}
    run = played(plan(), both)
    assert sorted(seen_items) == ["a", "b", "c"]
    for said, status in [(["a"], "completed"), ("no list", "failed"), ([], "completed"),
                         (["a"], "completed"), (["c", "a", "b"], "completed")]:  # fmt: skip
        lists[0] = said
        resumed = onb.resume(run.id, both, rerun=["structure"])
        assert isinstance(resumed, onb.Run)
        resumed.wait(20)
        assert resumed.state.task("review").status == status
        assert len(seen_items) == 3
        assert fields_of(folded(resumed)) == fields_of(resumed.state)
        told = seen(onb.resume(run.id, both, rerun=["structure"], dry_run=True))
        gone = [name for name in told if told[name] == ("skip", "no longer in the list")]
        listed = said if isinstance(said, list) else ["a"]
        assert len(gone) == 3 - len(listed)
    assert resumed.results["writer"] == ["c seen", "a seen", "b seen"]


def _says(lists: list[Any]) -> Any:
    """An agent that says what a list holds first: nobody can tell that it changed."""

    class Says:
        def __call__(self, context: onb.Context) -> Any:
            return lists[0]

    return Says()


def test_a_fork_shares_what_was_made_of_items_that_left_the_list() -> None:
    """What was made of an item is there when a fork's list has it again."""
    work = agents("a", "b", "c")
    run = played(plan(), work.agents() | listing("a", "b", "c"))
    resumed = onb.resume(run.id, work.agents() | listing("c"), rerun=["structure"])
    assert isinstance(resumed, onb.Run)
    resumed.wait(20)
    work.taken()
    longer = work.agents() | listing("c", "b")
    told = seen(onb.fork(run.id, longer, rerun=["structure"], dry_run=True))
    assert told["review-2"] == ("skip", "no longer in the list")
    fork = onb.fork(run.id, longer, rerun=["structure"])
    assert isinstance(fork, onb.Run)
    assert fork.wait(20)["writer"] == ["c seen", "b seen"]
    assert work.taken() == {"writer": 1}
