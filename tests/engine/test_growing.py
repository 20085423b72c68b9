"""Growing plans: one task per item of a result."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Edit, Level, Retry, Skip
from orchestra_nb.events import Event, task_added
from orchestra_nb.plan import Plan, Task
from orchestra_nb.state import SETTLED

from .rig import Rig, choice, fails, fields_of, fold, phases, task


def each(source: str = "structure", **settings: Any) -> Task:
    """A template: one review per module."""
    return Task(
        agent="review", task="Review {{module}}",
        for_each={"from": source, "as": "module"}, **settings,
    )  # fmt: skip


def plan(**settings: Any) -> Plan:
    """A list, one task per item of it, and a task that gets theirs."""
    return phases([task("structure", free=True), each(depends_on=[]), task("sum", "review")],
                  **settings)  # fmt: skip


def listed(*items: Any, **agents: Any) -> dict[str, Any]:
    """Agents: the list, a review that says its item, and a task that says what it got."""

    def review(context: Context) -> Any:
        return f"{context.item} seen"

    def total(review: Any) -> Any:
        return review

    return {"structure": lambda: list(items), "review": review, "sum": total} | agents


def same(rig: Rig) -> None:
    """The fold of the written log is the live state, in every field."""
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)


def added(rig: Rig) -> list[Event]:
    """The expansions of a log."""
    return [e for e in rig.journal.lines if e["event"] == "task_added"]


def test_one_task_per_item() -> None:
    """A list becomes tasks, which know their item; who waits for the template gets their list."""
    rig = Rig(plan(), listed("auth", "db")).start()
    rig.wait()
    assert rig.statuses() == {
        "structure": "completed", "review": "completed", "sum": "completed",
        "review-1": "completed", "review-2": "completed",
    }  # fmt: skip
    assert [t.title for t in rig.engine.state.tasks][3:] == ["Review auth", "Review db"]
    assert rig.engine.results["sum"] == ["auth seen", "db seen"]
    assert rig.engine.state.done == (4, 4)
    (event,) = added(rig)
    assert event["template"] == "review"
    assert [one["id"] for one in event["items"]] == ["review-1", "review-2"]
    done = next(e for e in rig.journal.lines if e.get("result", {}).get("kind") == "items")
    assert done["result"] == {"kind": "items", "tasks": ["review-1", "review-2"]}
    same(rig)


def test_the_very_objects() -> None:
    """Items and results are handed on as they are."""
    thing, made = object(), object()
    got: list[Any] = []

    def review(context: Context) -> object:
        got.append(context.item)
        return made

    rig = Rig(plan(), listed(thing, review=review))
    rig.start().wait()
    assert got == [thing]
    assert rig.engine.results["review"][0] is made


def test_a_secret_in_an_item_is_for_its_agent_alone() -> None:
    """The log and the board have it masked; the agent is told what is to be done."""
    told: list[str] = []

    def review(context: Context) -> None:
        told.append(context.text)

    def scrub(event: Event) -> Event:
        masked: Event = json.loads(json.dumps(event).replace("hunter2", "[masked]"))
        return masked

    rig = Rig(plan(), listed("hunter2", review=review), scrub=scrub).start()
    rig.wait()
    assert told == ["Review hunter2"]
    assert rig.task("review-1").title == "Review [masked]"
    assert "hunter2" not in "".join(t for t in rig.journal.texts if "task_added" in t)
    same(rig)


def test_who_needs_the_list_is_named_on_a_failures_card() -> None:
    """An item that fails takes along whoever needs its group."""

    def review(context: Context) -> None:
        if context.item == "b":
            raise ValueError("no")

    rig = Rig(plan(on_failure="ask"), listed("a", "b", review=review)).start()
    rig.until_open("review-2/failed")
    card = rig.engine.state.decisions["review-2/failed"]
    assert card.detail["dependents"] == ["sum"]
    rig.say(Answer(decision=card.id, option="B"))
    rig.wait()
    assert rig.task("sum").skip_cause == "failed"
    same(rig)


def test_another_level_takes_the_whole_group_along() -> None:
    """Out and back, with what has not started of it."""
    rig = Rig(
        phases(
            [choice("go", timeout="none", depends_on=[]), task("structure", free=True)],
            [each(depends_on=["go"], role="security"), task("sum", "review")],
            level=4,
        ),
        listed("a", "b"),
    ).start()
    rig.until_open("go")
    assert rig.say(Level(level=3))[0]
    rig.say(Answer(decision="go", option="A"))
    rig.until(lambda: rig.task("sum").status in SETTLED)
    rig.wait()
    assert rig.task("review").skip_cause == "level"
    assert added(rig) == []
    same(rig)


def test_no_items() -> None:
    """An empty list is done at once, and who waits for it goes on with an empty list."""
    rig = Rig(plan(), listed()).start()
    rig.wait()
    assert rig.engine.results["sum"] == []
    assert rig.engine.state.status == "completed"
    assert rig.engine.state.done == (2, 2)
    same(rig)


def test_nothing_to_do_for_none() -> None:
    """An item that is None gets no task; the others keep their numbers."""
    rig = Rig(plan(), listed("a", None, "c")).start()
    rig.wait()
    assert set(rig.statuses()) == {"structure", "review", "sum", "review-1", "review-3"}
    assert rig.engine.results["sum"] == ["a seen", "c seen"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (7, "The result of structure is of type int, and for_each needs a list"),
        (None, "The result of structure is nothing (None), and for_each needs a list"),
        ("I could not find any.", "is the text 'I could not find any.', and for_each needs a list"),
        (list(range(1_001)), "has 1,001 items; for_each makes at most 1,000 tasks"),
        (["x" * 30_000], "Item 1 of structure makes a text of 30,007 characters"),
    ],
)
def test_what_is_no_list(value: Any, words: str) -> None:
    """The template fails with one line; who needs it is skipped."""
    rig = Rig(plan(), listed(structure=lambda: value)).start()
    rig.wait()
    assert words in rig.task("review").error
    assert rig.task("sum").skip_cause == "failed"
    assert rig.engine.state.status == "failed"
    same(rig)


def test_an_item_that_fails() -> None:
    """The others go on; the group fails and says which did."""

    def review(context: Context) -> Any:
        if context.item == "b":
            raise ValueError("no")
        return context.item

    rig = Rig(plan(), listed("a", "b", "c", review=review)).start()
    rig.wait()
    assert rig.task("review").error == "1 of 3 failed: review-2"
    assert rig.task("review-3").status == "completed"
    assert (rig.task("sum").status, rig.task("sum").skip_cause) == ("skipped", "failed")
    assert rig.engine.state.done == (3, 4)
    same(rig)


def test_an_item_that_fails_is_tried_again() -> None:
    """A person's retry of an item brings back its group and who waits for it."""
    tries: list[str] = []

    def review(context: Context) -> Any:
        tries.append(context.task)
        if context.task == "review-1" and tries.count("review-1") == 1:
            raise ValueError("no")
        return context.item

    late = choice("later", timeout="none", depends_on=[])
    rig = Rig(
        phases([task("structure", free=True), each(depends_on=[]), task("sum", "review"), late]),
        listed("a", "b", review=review),
    ).start()
    rig.until(lambda: rig.task("sum").status == "skipped")
    assert rig.say(Retry(task="review-1"))[0]
    rig.until(lambda: rig.task("sum").status == "completed")
    assert rig.engine.results["sum"] == ["a", "b"]
    same(rig)
    rig.say(Answer(decision="later", option="A"))
    rig.wait()
    assert rig.engine.state.status == "completed"


def test_a_group_that_failed_is_tried_again() -> None:
    """Its failed items are, and nothing else of it."""
    tries: list[str] = []

    def review(context: Context) -> Any:
        tries.append(context.task)
        if tries.count("review-1") == 1 and context.task == "review-1":
            raise ValueError("no")

    late = choice("later", timeout="none", depends_on=[])
    rig = Rig(
        phases([task("structure", free=True), each(depends_on=[]), late]),
        listed("a", "b", review=review),
    ).start()
    rig.until(lambda: rig.task("review").status == "failed")
    assert rig.say(Retry(task="review"))[0]
    rig.until(lambda: rig.task("review").status == "completed")
    assert sorted(tries) == ["review-1", "review-1", "review-2"]
    same(rig)
    rig.say(Answer(decision="later", option="A"))
    rig.wait()


def test_skipping_the_group_skips_what_has_not_started() -> None:
    """One word leaves out all the rest; they give None."""
    go, begun = threading.Event(), threading.Event()

    def review(context: Context) -> str:
        begun.set()
        go.wait(10)
        return "done"

    rig = Rig(plan(max_concurrency=1), listed("a", "b", "c", review=review)).start()
    assert begun.wait(10)
    assert rig.say(Edit(task="review-3", text="Look at c"))[0]
    assert rig.say(Skip(task="review", who="Ana"))[1] == "2 of 3 tasks of review are left out."
    go.set()
    rig.wait()
    assert rig.engine.results["sum"] == ["done", None, None]
    assert rig.task("review-3").title == "Look at c"
    assert rig.engine.state.done == (3, 3)
    same(rig)


def test_an_edited_template_makes_edited_tasks() -> None:
    """Before the list is there a template's text can be edited like any other's."""
    late = choice("go", timeout="none", depends_on=[])
    rig = Rig(phases([late, task("structure", "go"), each(depends_on=[])]), listed("a")).start()
    rig.until_open("go")
    assert rig.say(Edit(task="review", text="Judge {{module}} harshly"))[0]
    rig.say(Answer(decision="go", option="A"))
    rig.wait()
    assert rig.task("review-1").title == "Judge a harshly"
    same(rig)


def test_a_list_that_is_skipped_skips_its_template() -> None:
    """Nothing failed: the run goes on without both."""
    rig = Rig(
        phases(
            [task("structure", free=True, min_level=5), each(depends_on=[]), task("sum", "review")]
        ),
        listed("a"),
    ).start()
    rig.wait()
    assert rig.task("review").reason == "needs the list of structure, which was skipped"
    assert rig.engine.state.status == "completed"


def test_a_list_that_fails_fails_its_template() -> None:
    """As for anything that is needed."""
    rig = Rig(plan(), listed(structure=fails(ValueError("no")))).start()
    rig.wait()
    assert (rig.task("review").status, rig.task("review").skip_cause) == ("skipped", "failed")


def test_a_template_of_a_template() -> None:
    """Its list is the results of the other's items."""
    second = Task(
        agent="fix", task="Fix {{finding}}", for_each={"from": "review", "as": "finding"},
        depends_on=[],
    )  # fmt: skip
    rig = Rig(
        phases([task("structure", free=True), each(depends_on=[]), second]),
        listed("a", "b", fix=lambda context: context.text),
    ).start()
    rig.wait()
    assert rig.engine.results["fix"] == ["Fix a seen", "Fix b seen"]
    same(rig)


def test_the_gate_of_a_phase_waits_for_the_items() -> None:
    """What waits for the phase sees all of them over."""
    seen: list[Any] = []

    def after(context: Context) -> None:
        seen.append(sorted(context.results))

    rig = Rig(
        phases([task("structure", free=True), each(depends_on=[])], [task("after")]),
        listed("a", "b", after=after),
    ).start()
    rig.wait()
    assert seen == [["review", "review-1", "review-2", "structure"]]
    assert [e["phase"] for e in rig.journal.lines if e["event"] == "phase_complete"] == [1, 2]


def test_no_task_starts_twice_and_all_run_at_once() -> None:
    """A thousand items are a thousand attempts; one event says them all."""
    rig = Rig(plan(max_concurrency=50), listed(*range(1_000), review=_nothing)).start()
    rig.wait()
    assert len(added(rig)) == 1
    assert sum(e["event"] == "agent_start" for e in rig.journal.lines) == 1_002
    assert len(rig.engine.results["review"]) == 1_000
    same(rig)


async def _nothing() -> None:
    """An agent that is done at once."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(["ok", "bad"]), max_size=6),
    st.sampled_from([1, 3]),
    st.booleans(),
    st.sampled_from(["continue", "stop", "ask"]),
)
def test_any_growing_plan_folds_to_its_state(
    items: list[str], slots: int, checkpoint: bool, on_failure: str
) -> None:
    """Whatever becomes of the items, every line of the log folds to what the state was."""

    def review(context: Context) -> str:
        if context.item == "bad":
            raise ValueError("no")
        return "good"

    settings: dict[str, Any] = {"max_concurrency": slots, "on_failure": on_failure}
    settings["timeouts"] = {"kinds": {"critical": 2}, "shortest": 1}
    settings["checkpoints"] = "each" if checkpoint else "marked"
    grown = phases(
        [task("structure", free=True), each(depends_on=[], retries=1)],
        [task("after"), task("sum", "review")],
        **settings,
    )
    rig = Rig(grown, listed(*items, review=review), fake=True)
    rig.start().advance_to_end()
    assert rig.engine.failure() is None
    same(rig)
    lines = rig.journal.lines
    for cut in range(0, len(lines) + 1, 3):
        state = fold(lines[:cut], rig.plan)
        assert sum(state.counts.values()) == state.total
        assert state.unsettled >= 0


def test_the_list_said_again() -> None:
    """Another list: what changed is to be done again, the rest stays, what is new is added."""
    rig = Rig(plan(), listed("a", "b")).start()
    rig.wait()
    lines = rig.journal.lines
    first = next(e for e in lines if e["event"] == "task_added")["items"]
    again = [first[0], first[1] | {"text": "Review x", "item": "other"},
             {"id": "review-3", "text": "Review y", "item": "y"}]  # fmt: skip
    event = task_added(template="review", items=again)
    more = event | {"seq": len(lines) + 1, "t": 99.0, "timestamp": ""}
    state = fold([*lines, more], rig.plan)
    assert [(t.id, t.title, t.status) for t in state.tasks if t.id.startswith("review-")] == [
        ("review-1", "Review a", "completed"),
        ("review-2", "Review x", "ready"),
        ("review-3", "Review y", "ready"),
    ]
    assert state.task("sum").status == "completed"
    fewer = fold([*lines, more | {"items": first[:1]}], rig.plan)
    assert [fewer.graph.nodes[i].id for i in fewer.graph.nodes[1].items] == ["review-1"]


def test_a_forged_list_takes_nobodys_place() -> None:
    """An expansion that names a task of the plan, or no template, changes nothing."""
    rig = Rig(plan(), listed("a")).start()
    rig.wait()
    lines = rig.journal.lines
    before = fields_of(fold(lines, rig.plan))
    for template, name in (("review", "sum"), ("sum", "x")):
        event = task_added(template=template, items=[{"id": name, "text": "t"}])
        forged = event | {"seq": lines[-1]["seq"], "t": lines[-1]["t"]}
        assert fields_of(fold([*lines, forged], rig.plan)) == before
