"""Growing plans as people meet them: what functions get, what each view shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.agents.context import Context
from orchestra_nb.agents.prompts import first_message
from orchestra_nb.errors import SetupError
from orchestra_nb.fold import apply
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, State
from orchestra_nb.store.reader import read_events
from orchestra_nb.views.plan_md import plan_md
from orchestra_nb.views.remaining import estimates_of, seconds_left, seconds_total
from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import final_html
from orchestra_nb.widgets.snapshot import delta, snapshot

PLAN = """
name: Reviews
mode: fully_autonomous
on_failure: continue
max_concurrency: 2
phases:
  - name: Look
    tasks:
      - {agent: scan}
      - {agent: structure, task: List the modules, depends_on: [scan], estimate: 1m}
      - agent: reviewer
        id: review
        task: "Review {{module.path}}"
        depends_on: []
        estimate: 10m
        for_each: {from: structure, as: module}
      - {agent: writer, task: Sum up, depends_on: [review], estimate: 2m}
"""
ITEMS = [{"path": "a.py"}, {"path": "b.py"}, {"path": "c.py"}]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and nobody's mode."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def plan(text: str = PLAN) -> Plan:
    """The plan."""
    return Plan.parse(text, format="yaml")


def reviewer(module: dict[str, str], scan: str) -> str:
    """Its item by the plan's name for it, and what came before the list."""
    return f"{module['path']} after {scan}"


AGENTS: dict[str, Any] = {
    "scan": lambda: "scanned",
    "structure": lambda: ITEMS,
    "reviewer": reviewer,
    "writer": lambda review: review,
}


def grown(until: str = "") -> State:
    """The state of a run right after an event of that kind, or at its end."""
    run = onb.run(plan(), AGENTS)
    run.wait(20)
    state, change = State(compile_plan(plan().filled())), Change()
    for event in read_events(run.folder / "orchestration-timeline.jsonl")[0]:
        apply(state, event, change)
        if event["event"] == until:
            break
    return state


def test_functions_get_their_item_and_the_list_of_results() -> None:
    """By the name that the plan gives it, as the very object."""
    run = onb.run(plan(), AGENTS)
    results = run.wait(20)
    wanted = ["a.py after scanned", "b.py after scanned", "c.py after scanned"]
    assert results["writer"] == results["review"] == wanted
    assert results["review-2"] == wanted[1]
    assert onb.open(run.id).results["review"] == wanted


def test_agents_may_be_given_by_the_templates_id() -> None:
    """As for any other task."""
    agents = {name: agent for name, agent in AGENTS.items() if name != "reviewer"}
    assert onb.run(plan(), agents | {"review": reviewer}).wait(20)["writer"]


def test_the_list_is_not_shown_unless_it_is_asked_for() -> None:
    """A parameter that asks for it is refused before the run, with what there is."""

    def nosy(module: Any, structure: Any) -> int:
        return len(structure)

    with pytest.raises(SetupError, match=r"'structure' that nothing fills.*module"):
        onb.check(plan(), AGENTS | {"reviewer": nosy})
    asks = plan(PLAN.replace("depends_on: []", "depends_on: [structure]"))
    assert onb.run(asks, AGENTS | {"reviewer": nosy}).wait(20)["writer"] == [3, 3, 3]


def test_check_says_what_a_template_becomes() -> None:
    """Before anything runs nobody knows how many."""
    runs = onb.check(plan(), AGENTS).runs
    assert runs["review"].endswith(", one task per item of structure's result")
    assert "one task per item" not in runs["writer"]


def test_a_rehearsal_makes_as_many_as_are_expected() -> None:
    """Three, unless the plan says otherwise; they say that they stand for items."""
    run = onb.rehearse(plan(PLAN.replace("{{module.path}}", "{{module}}")), speed=1e6)
    run.wait(20)
    assert [t.title for t in run.state.tasks if t.id.startswith("review-")] == [
        "Review module 1", "Review module 2", "Review module 3",
    ]  # fmt: skip
    more = PLAN.replace("{{module.path}}", "{{module}}").replace("as: module", "as: m, expect: 5")
    run = onb.rehearse(plan(more.replace("{{module}}", "{{m}}")), speed=1e6)
    run.wait(20)
    assert run.state.total == 8


def test_a_rehearsal_needs_no_field_of_an_item() -> None:
    """What stands for an item has every field that the text names."""
    run = onb.rehearse(plan(), speed=1e6)
    run.wait(20)
    assert run.status == "completed"


def test_claude_is_shown_each_result_once() -> None:
    """Under its own id, and not again in the list."""
    seen: list[str] = []

    def writer(context: Context) -> None:
        seen.append(first_message(context))

    onb.run(plan(), AGENTS | {"writer": writer}).wait(20)
    (text,) = seen
    for name in ("scan", "structure", "review-1", "review-3"):
        assert text.count(f'<result task="{name}">') == 1
    assert '<result task="review">' not in text


def test_who_waits_is_told_what_is_missing() -> None:
    """An item that was left out is named with its reason, by itself."""
    seen: list[dict[str, str]] = []
    run = onb.run(
        plan(PLAN.replace("[review], estimate", "[Look], estimate").replace(
            "      - {agent: writer", "  - name: Sum\n    tasks:\n      - {agent: writer"
        )),
        AGENTS | {
            "reviewer": lambda module: 1 / 0 if module["path"] == "b.py" else 1,
            "writer": lambda context: seen.append(context.missing),
        },
    )  # fmt: skip
    run.wait(20)
    assert list(seen[0]) == ["review-2"]


def test_the_board_gets_more_rows_in_their_place() -> None:
    """A delta after an expansion has all columns; without one it has none."""
    state = grown(until="task_added")
    info = RunInfo.of(state)
    message = delta(state, Change(tasks={4, 5, 6}, graph=True), 1.0, base=1, run=info)
    columns = message["tasks"]
    assert columns["name"] == [
        "scan", "structure", "review", "writer", "review-1", "review-2", "review-3",
    ]  # fmt: skip
    assert columns["shown"] == [0, 1, 4, 5, 6, 3]
    assert columns["kind"] == [0, 0, 1, 0, 0, 0, 0]
    assert columns["expected"][4] == 600.0
    assert columns["expected"][2] is None
    assert {row[0] for row in message["rows"]} == {4, 5, 6}
    assert columns == snapshot(state, 1.0, run=info)["tasks"]
    assert "tasks" not in delta(state, Change(tasks={4}), 1.0, base=1, run=info)


def test_a_plan_that_grows_takes_longer() -> None:
    """Also by estimates that were read before it grew."""
    state = grown(until="task_added")
    before = State(compile_plan(plan()))
    old = estimates_of(before)
    assert seconds_total(before, old) == 60 + 600 + 120
    assert seconds_total(state, old) == seconds_total(state, estimates_of(state)) == (
        pytest.approx(max(60 + 600 + 120, (60 + 3 * 600 + 120) / 2))
    )  # fmt: skip
    assert seconds_left(state, state.t, old) == pytest.approx((3 * 600 + 120) / 2)


def test_records_show_items_where_their_template_stood() -> None:
    """plan.md and the static record; the template itself is no task any more."""
    state = grown()
    text = plan_md(state, now=state.t, wall=0.0)
    names = [line for line in text.splitlines() if line.startswith("- [")]
    assert names == [
        "- [x] **scan**:", "- [x] **structure**: List the modules",
        "- [x] **reviewer**: Review a.py", "- [x] **reviewer**: Review b.py",
        "- [x] **reviewer**: Review c.py", "- [x] **writer**: Sum up",
    ]  # fmt: skip
    assert "Dependencies: review-1, review-2, review-3" in text
    assert "(6/6 completed)" in text
    page = final_html(state, run=RunInfo.of(state))
    assert page.index("review-1") < page.index("review-3") < page.rindex("writer")


def test_before_its_list_is_there_a_plan_md_says_what_it_is_made_of() -> None:
    """So that it can be read back as a plan."""
    state = State(compile_plan(plan()))
    text = plan_md(state, now=0.0, wall=0.0)
    assert "  - For each: module of structure" in text
    again = Plan.parse(text, format="markdown")
    assert again.phases[0].tasks[2].for_each == plan().phases[0].tasks[2].for_each  # type: ignore[union-attr]
