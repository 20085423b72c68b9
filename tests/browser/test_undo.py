"""Undo on a decision's record, in JupyterLab: a fork below the run, and a line in the record."""

from __future__ import annotations

import re
from pathlib import Path

from tests.browser.conftest import OpenNotebook

RUN = """
import asyncio
import orchestra_nb as onb

calls = []

async def scout(context):
    calls.append("scout")
    return "looked"

async def api(context):
    calls.append("api")
    while calls.count("api") < 2:  # till the fork's has begun
        await asyncio.sleep(0.05)
    return str(context.decisions["database"])

options = {"A": "PostgreSQL", "B": "Cassandra", "C": "DynamoDB"}
plan = onb.Plan(name="Undo", phases=[onb.Phase(name="All", tasks=[
    onb.Task(agent="scout"),
    onb.Decision(title="Database", options=options, recommend="A", depends_on=["scout"]),
    onb.Task(agent="api", depends_on=["database"]),
    onb.Task(agent="last", depends_on=["api"]),
])])
agents = {"scout": scout, "api": api, "last": lambda context: "done"}
run = onb.run(plan, agents)
"""
AWAIT = "results = await run"
COUNT = "len(list(run.folder.parent.glob('*-undo-*')))"


def test_undo_forks_below(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """A double click on Fork makes one fork, shown below, while a cell awaits the run.

    It shares what is done before the decision, and at the end both tell their story.
    """
    notebook = open_notebook([RUN, AWAIT, "results['api']"], height=1600)
    notebook.run_all()
    board = notebook.page.locator(".onb")
    board.locator(".card .btn.main").first.click()
    record = board.locator(".record", has_text="PostgreSQL").first
    record.get_by_role("button", name="Undo: fork from here").click()
    record.locator("label.pill", has_text="Cassandra").click()
    fork = record.get_by_role("button", name="Fork with B · Cassandra")
    fork.wait_for()
    notebook.page.mouse.move(0, 0)
    for theme in ("light", "dark"):
        notebook.theme(theme)
        notebook.page.locator("#jupyterlab-splash").wait_for(state="detached")
        notebook.screenshot(tmp_path / f"undo-{theme}.png", ".onb .board")
        assert notebook.axe(".onb .record", rules=["color-contrast"]) == []
    fork.dblclick()
    notebook.wait_finished(2)
    notebook.output(2).get_by_text("A - PostgreSQL").wait_for()
    ends = notebook.output(0).locator(".onb-end")
    ends.nth(1).locator(".record", has_text="Cassandra").wait_for()
    assert ends.count() == 2
    notebook.screenshot(tmp_path / "undo-over.png")
    ends.first.get_by_text('decisions={"database": "B"})').wait_for()
    assert notebook.kernel(f"print({COUNT}, calls.count('scout'), calls.count('api'))") == "2 1 2\n"


def test_the_new_board_is_below_the_old_one(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """Both boards are live in the same output; each answers for its own run."""
    slow = RUN.replace('calls.count("api") < 2', "'go' not in calls")
    notebook = open_notebook([slow], height=2000)
    notebook.run_all()
    board = notebook.page.locator(".onb")
    board.locator(".card .btn.main").first.click()
    record = board.locator(".record", has_text="PostgreSQL").first
    record.get_by_role("button", name="Undo: fork from here").click()
    record.locator("label.pill", has_text="DynamoDB").click()
    record.get_by_role("button", name="Fork with C · DynamoDB").click()
    boards = notebook.output(0).locator(".onb .board")
    boards.nth(1).locator(".record", has_text="DynamoDB").wait_for()
    boards.nth(0).locator(".record", has_text="PostgreSQL").wait_for()
    boards.nth(1).get_by_text(re.compile("^from undo-")).first.wait_for()
    notebook.screenshot(tmp_path / "undo-two.png")
    assert boards.count() == 2
    boards.nth(1).get_by_role("button", name="Stop").click()
    notebook.output(0).locator(".onb-end").wait_for()
    notebook.screenshot(tmp_path / "undo-one-over.png")
    notebook.kernel("calls.append('go')")
    notebook.output(0).locator(".onb-end").nth(1).wait_for()
    assert notebook.kernel("print(run.status)") == "completed\n"
    assert not notebook.errors
