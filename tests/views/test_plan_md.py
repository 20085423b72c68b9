"""The run as orchestration-plan.md."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestra_nb import events
from orchestra_nb.plan import Plan
from orchestra_nb.plan.graph import Graph, compile_plan
from orchestra_nb.views.plan_md import plan_md

from .story import HOSTILE, WALL, Story, hostile, middle


def written(story: Story, now: float = 300.0) -> str:
    """The story's plan.md at that time."""
    return plan_md(story.state, now=now, wall=WALL + now)


def structure(graph: Graph) -> list[object]:
    """What a compiled plan does, without the words it was declared with."""
    return [
        (n.id, n.agent, n.phase, n.kind, n.needs, n.after, n.gates, n.when) for n in graph.nodes
    ]


def test_the_whole_format() -> None:
    """Header, phases, tasks, metrics, decisions, blockers and bars are as the format has them."""
    story = middle()
    story.decide(250, "database-technology", "B", note="we know it")
    assert (
        written(story)
        == """\
# Orchestration Plan: SaaS pricing optimizer
Generated: 2024-01-20 10:30:00
Status: IN_PROGRESS
Level: 3 (Alpha Production)

## Project Overview
Pricing optimisation tool with ML

## Execution Plan

### Phase 1: Research & Analysis (1/2 completed)
- [ ] **business-analyst**: Market research
  - Status: IN_PROGRESS
  - Started: 10:30:01
  - Dependencies: None
  - Estimated: 15 minutes

- [x] **data-analytics-expert**: Historical prices
  - Status: COMPLETED
  - Started: 10:30:01
  - Dependencies: None
  - Estimated: 10 minutes
  - Completed: 10:31:30
  - Actual: 1 minute 29 seconds

### Phase 2: Architecture & Design (1/2 completed)
- [x] **database-architect**: Compare databases
  - Status: COMPLETED
  - Started: 10:31:31
  - Dependencies: data-analytics-expert
  - Estimated: 20 minutes
  - Completed: 10:32:30
  - Actual: 59 seconds

- [x] **Database technology**: High write volume expected (10k/s)
  - Status: COMPLETED
  - Started: 10:32:30
  - Dependencies: database-architect
  - Completed: 10:34:10
  - Actual: 1 minute 40 seconds
  - Option A: PostgreSQL with optimization
  - Option B: Cassandra
  - Option C: DynamoDB (managed service)
  - Recommendation: A because balance of performance and maintainability
  - Category: database

- [ ] **backend-expert**: API development
  - Status: PENDING
  - Dependencies: database-technology
  - Estimated: 1 hour 30 minutes
  - When: database-technology = A, B

### Phase 3: Quality (0/1 completed)
- [ ] **qa-test-engineer**:
  - Status: WAITING
  - Dependencies: Phase 2 completion
  - Estimated: 1 minute 30 seconds

## Progress Metrics
- Total Agents: 5
- Completed: 2
- In Progress: 1
- Estimated Total Time: 2 hours 2 minutes
- Elapsed Time: 5 minutes

## Key Decisions Made
- **Database technology**: B - Cassandra. You, at 10:34 after 1:40 of 10:00. Note: “we know it”.
- **data-analytics-expert**: Competitors change prices weekly

## Blockers & Issues
- **data-analytics-expert**: No price history before 2025

## Status Visualization
```
Phase 1: Research & Analysis   [████████░░░░░░░] 50% (1/2 agents)
Phase 2: Architecture & Design [████████░░░░░░░] 50% (1/2 agents)
Phase 3: Quality               [░░░░░░░░░░░░░░░] 0% (waiting)
Overall Progress:              [██████░░░░░░░░░] 40% (2/5 agents)
```
"""
    )


def test_nothing_yet() -> None:
    """A run that has just started has no decisions and no blockers, in the original's words."""
    text = written(Story(), now=0.0)
    assert "## Key Decisions Made\n- None yet\n" in text
    assert "## Blockers & Issues\n- None yet\n" in text
    assert "- Elapsed Time: 0 seconds" in text


def test_only_success_is_checked() -> None:
    """A failed, skipped or cancelled task has an empty box, its status and its reason."""
    story = middle()
    story.fail(300, "business-analyst", "Boom\nwith a second line")
    story.skip(300, "backend-expert", "failed", "needs business-analyst, which failed")
    story.skip(300, "qa-test-engineer", "hand", "not wanted")
    story.end(310, "failed")
    text = written(story)
    assert "Status: FAILED\n" in text
    assert "- [ ] **business-analyst**: Market research\n  - Status: FAILED\n" in text
    assert "  - Reason: Boom with a second line\n" in text
    assert "- [ ] **qa-test-engineer**:\n  - Status: SKIPPED\n" in text
    assert "- Failed: 1\n- Skipped: 2\n" in text
    assert "- **business-analyst** failed: Boom with a second line\n" in text
    assert "- **backend-expert** was skipped: needs business-analyst, which failed\n" in text
    assert "Phase 3: Quality               [░░░░░░░░░░░░░░░] 0% (skipped)" in text
    assert "Overall Progress:              [██████████░░░░░] 67% (2/3 agents)" in text


def test_rehearsal_says_so() -> None:
    """A rehearsal's file says that its agents were simulated; its total is of its speed."""
    text = written(Story(rehearsal=60))
    assert "Rehearsal: REHEARSAL simulated agents, ×60\n" in text
    assert "- Estimated Total Time: 2 minutes\n" in text


def test_unknown_estimates_are_said() -> None:
    """A total with tasks of unknown length is a least; without any estimate it is unknown."""
    tasks: list[dict[str, object]] = [{"agent": "a", "estimate": "10m"}, {"agent": "b"}]
    story = Story(Plan(name="x", phases=[{"name": "P", "tasks": tasks}]))
    assert "- Estimated Total Time: at least 10 minutes\n" in written(story)
    story = Story(Plan(name="x", phases=[{"name": "P", "tasks": tasks[1:]}]))
    assert "- Estimated Total Time: unknown\n" in written(story)


def monitored(path: Path) -> tuple[list[str], list[str]]:
    """What the original monitor's two greps print."""
    tasks = subprocess.run(["grep", "-E", r"^- \[.\]", path], capture_output=True, text=True)
    rest = subprocess.run(
        ["grep", "Progress Metrics", "-A", "5", path], capture_output=True, text=True, check=True
    )
    return tasks.stdout.splitlines(), rest.stdout.splitlines()


def test_the_original_monitor_reads_it(tmp_path: Path) -> None:
    """The greps of monitor-progress.sh find one line a task and the five metrics in order."""
    path = tmp_path / "orchestration-plan.md"
    path.write_text(written(middle()), encoding="utf-8")
    tasks, summary = monitored(path)
    assert [line[:5] for line in tasks] == ["- [ ]", "- [x]", "- [x]", "- [ ]", "- [ ]", "- [ ]"]
    assert [line.partition(":")[0] for line in summary] == [
        "## Progress Metrics",
        "- Total Agents",
        "- Completed",
        "- In Progress",
        "- Estimated Total Time",
        "- Elapsed Time",
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_nothing_can_forge_a_line(text: str, tmp_path: Path) -> None:
    """Whatever a plan or an agent writes, the file has the lines of an innocent run."""

    def skeleton(lines: Iterable[str]) -> list[str]:
        return [re.split(r"\*\*|:|“", line)[0] for line in lines]

    innocent = written(hostile("word")).split("\n")
    forged = written(hostile(text)).encode("utf-8").decode("utf-8").split("\n")
    bars = innocent.index("```")
    assert skeleton(forged)[9:bars] == skeleton(innocent)[9:bars]
    assert len(forged) == len(innocent)
    assert all(line.isprintable() for line in forged)
    path = tmp_path / "orchestration-plan.md"
    path.write_text("\n".join(forged), encoding="utf-8")
    tasks, summary = monitored(path)
    checked = [line for line in tasks if "[x]" in line]
    assert len(tasks) == 4
    assert len(checked) == 2
    assert not [line for line in tasks if "IN_PROGRESS" in line]
    assert len(summary) == 6


@pytest.mark.parametrize("overview", ["# Heading", "- [x] **a**: b", "Status: COMPLETED", "1. x"])
def test_an_overview_is_only_words(overview: str) -> None:
    """An overview that looks like structure is put in quotes."""
    phases = [{"name": "P", "tasks": [{"agent": "a"}]}]
    story = Story(Plan(name="x", overview=overview, phases=phases))
    quoted = overview.replace("[x]", "[ x ]")
    assert f"## Project Overview\n“{quoted}”\n" in written(story)


def test_it_loads_as_the_same_plan() -> None:
    """Read as a plan, the file gives the run's tasks, decisions and dependencies again."""
    story = middle()
    story.end(900)
    again = Plan.parse(written(story), format="markdown")
    assert structure(compile_plan(again)) == structure(story.state.graph)
    declared, loaded = story.plan.all(), again.all()
    assert [spec.id for _, spec in loaded] == [spec.id for _, spec in declared]
    assert (again.name, again.overview) == (story.plan.name, story.plan.overview)


def test_all_settings_load_again() -> None:
    """Ids, roles, timeouts, checkpoints, mode and timeline survive the way through the file."""
    plan = Plan(
        name="x",
        mode="guided",
        timeline="urgent",
        on_failure="continue",
        level=2,
        phases=[
            {
                "name": "P",
                "checkpoint": True,
                "tasks": [
                    {
                        "agent": "a",
                        "role": "testing",
                        "timeout": "90s",
                        "retries": 2,
                        "review": True,
                    },
                    {"agent": "a", "id": "second", "depends_on": [], "estimate": "2h5m7s"},
                ],
            },
            {
                "name": "Q",
                "tasks": [
                    {
                        "decision": "Go on?",
                        "id": "go",
                        "kind": "urgent",
                        "options": ["yes", "no"],
                        "timeout": "none",
                        "depends_on": ["P"],
                    },
                    {"agent": "b", "when": {"go": ["A"]}, "depends_on": []},
                ],
            },
        ],
    )
    again = Plan.parse(written(Story(plan)), format="markdown")
    assert structure(compile_plan(again)) == structure(compile_plan(plan))
    for (_, spec), (_, loaded) in zip(plan.all(), again.all(), strict=True):
        assert loaded.timeout == spec.timeout
        assert getattr(loaded, "role", None) == getattr(spec, "role", None)
        assert getattr(loaded, "estimate", None) == getattr(spec, "estimate", None)
        assert getattr(loaded, "retries", None) == getattr(spec, "retries", None)
        assert getattr(loaded, "kind", None) == getattr(spec, "kind", None)
        assert getattr(loaded, "review", None) == getattr(spec, "review", None)
    assert (again.mode, again.timeline, again.level) == ("guided", "urgent", 2)
    assert again.on_failure == "continue"


def test_ten_thousand_tasks() -> None:
    """10,000 tasks are written in well under a second."""
    phases = [
        {"name": f"P{p}", "tasks": [{"agent": f"a{p}-{t}", "task": "Work"} for t in range(1000)]}
        for p in range(10)
    ]
    story = Story(Plan(name="big", phases=phases))
    began = time.process_time()
    text = written(story)
    assert time.process_time() - began < 0.5
    assert text.count("\n- [ ] ") == 10_000


def test_an_edited_task_is_listed_with_its_new_text() -> None:
    """The plan file says what the agent is told, not what it would have been."""
    story = middle()
    name, text = "qa-test-engineer", "Test the\nprices only"
    story.tell(210, events.task_edited(task=name, agent=name, phase=3, text=text, who="maria"))
    assert "- [ ] **qa-test-engineer**: Test the prices only" in written(story)
