"""A preview says what would happen, why, and what it is expected to take and cost."""

from __future__ import annotations

from typing import Any

import orchestra_nb as onb
from orchestra_nb.again.preview import Preview
from orchestra_nb.views.plan_table import PlanTable, Row, as_html, as_text

from .stage import Counted, cut, lines_of, played
from .test_outlook import PLAN, plan_of

DTYPES = {
    "id": "str", "kind": "str", "phase": "int64", "action": "str", "why": "str",
    "assumed": "str", "seconds": "float64", "cost": "float64",
}  # fmt: skip


def spends(context: onb.Context) -> str:
    """Cost something."""
    context.usage(model="m", input_tokens=10, output_tokens=5, cost=0.25)
    return context.task


def previewed(run: onb.Run, agents: Any, **options: Any) -> Preview:
    """A preview; it starts and writes nothing."""
    before = lines_of(run)
    preview = onb.resume(run.id, agents, dry_run=True, **options)
    assert lines_of(run) == before
    return preview


def a_run() -> tuple[onb.Run, Counted]:
    """A run and its agents, some of which cost something."""
    work = Counted(a=spends, b="b", c=spends, d=spends, e="e")
    return played(plan_of(), work.agents(), max_concurrency=1), work


def test_what_is_expected_is_told_for_sure_and_at_most() -> None:
    """Money and time are what tasks took before; what never ran has the plan's estimate."""
    run, work = a_run()
    new = ("task: Do b}", "task: Do b}\n  - {agent: f, task: Do f, estimate: 12m}")
    preview = previewed(run, work.agents(f="f"), rerun=["a"], plan=plan_of(PLAN, new))
    assert (preview.sure.tasks, preview.most.tasks) == (2, 4)
    assert (preview.sure.cost, preview.most.cost) == (0.25, 0.75)
    assert preview.seconds["f"] == 720
    assert round(preview.sure.seconds) == 720  # and what the other one really took
    assert preview.sure.untimed == 0
    assert set(preview.costs) == {"a", "c", "d"}
    assert "2 tasks run in any case (at least 12 min, about $0.25); 4 if everything" in repr(
        preview
    )


def test_what_nobody_knows_is_said() -> None:
    """A task that never ended and has no estimate takes nobody knows how long."""
    run, work = a_run()
    cut(run, "agent_start", task="d")
    preview = previewed(run, work.agents())
    assert "d" not in preview.seconds
    assert preview.sure.untimed == 1
    assert "How long 1 task takes is not known." in repr(preview)


def test_paid_work_without_a_price_is_said(monkeypatch: Any) -> None:
    """What a model was never asked has no cost that anybody knows before."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-of-nobody")
    run, work = a_run()
    cut(run, "agent_start", task="d")
    agents = work.agents()
    agents["d"] = onb.agents.Claude()
    assert "What 1 task costs is not known." in repr(previewed(run, agents))


def test_the_table_is_aligned_and_grouped() -> None:
    """What runs comes first; the columns stand under one another."""
    run, work = a_run()
    cut(run, "agent_start", task="d")
    lines = repr(previewed(run, work.agents())).splitlines()
    assert lines[0].startswith(f"Resuming {run.id}: ")
    words = [line[2:8].strip() for line in lines[1:]]
    assert words.index("runs") < words.index("kept")
    rows = [line for line in lines if line.endswith((" done", "when the run broke off"))]
    assert len({line.index("done" if "done" in line else "was at work") for line in rows}) == 1
    assert lines[-1] == "  Nothing was started."


def test_large_plans_are_summarised() -> None:
    """Of many that share a fate a few are shown and the rest is counted."""
    names = [f"agent-{n}" for n in range(60)]
    plan = onb.Plan(name="many", mode="fully_autonomous", phases=[onb.Phase(
        name="P", tasks=[onb.Task(agent=name, task="x") for name in names])])  # fmt: skip
    run = played(plan, {name: lambda: None for name in names})
    text = repr(previewed(run, {name: lambda: None for name in names}))
    assert f"Resuming {run.id}: 60 kept" in text
    assert "… and 48 more" in text
    assert len(text.splitlines()) < 20


def test_what_is_only_assumed_comes_first_and_says_so() -> None:
    """Kept work that nobody can compare is what a person should look at."""
    run, work = a_run()
    agents = work.agents()
    del agents["e"]
    lines = repr(previewed(run, agents)).splitlines()
    kept = next(line for line in lines if line.startswith("  kept"))
    assert "done (assumed unchanged: " in kept


def test_the_frame_has_the_same_columns_whatever_happens() -> None:
    """One row a node; the dtypes do not hang on what there is to say."""
    run, work = a_run()
    for options in ({}, {"rerun": ["a"]}):
        frame = previewed(run, work.agents(), **options).frame
        assert {key: str(kind) for key, kind in frame.dtypes.items()} == DTYPES
        assert list(frame.id) == ["a", "b", "c", "way", "d", "e"]
    assert list(frame.action) == ["run", "keep", "compare", "keep", "compare", "keep"]
    assert frame.cost[0] == 0.25
    assert frame.seconds.isna().tolist() == [False, True, False, True, False, True]


def test_foreign_text_is_only_text() -> None:
    """Errors and names are cut, on one line, and escaped."""
    row = Row("runs", "running", "<i>id</i>", "failed: <script>\x1b[31mred\nmore", 90.0, 0.5)
    table = PlanTable('A "title" <b></b>', "1 runs", [row], ["<u>note</u>"])
    html, text = as_html(table), as_text(table)
    for tag in ("<i>", "<script>", "<b></b>", "<u>"):
        assert tag not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in text + html
    assert len(text.splitlines()) == 3
    assert "about 2 min  $0.50" in text


def test_it_is_shown_in_a_notebook() -> None:
    """The HTML has no script and nothing from outside, and names what the text names."""
    run, work = a_run()
    preview = previewed(run, work.agents(), rerun=["a"])
    html = preview._repr_html_()
    assert "<script" not in html
    assert "http" not in html
    assert "var(--jp-layout-color0" in html
    for word in (run.id, "runs only if a comes out differently", "asked for", "$0.25"):
        assert word in html
