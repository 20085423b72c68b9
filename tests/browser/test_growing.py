"""A plan that grows in JupyterLab: rows come while one looks at the board."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import OpenNotebook

START = """
import asyncio
import orchestra_nb as onb

known, go, rest = asyncio.Event(), asyncio.Event(), asyncio.Event()

async def until(event):
    while not event.is_set():
        await asyncio.sleep(0.05)

async def structure(context):
    context.progress("reading the repository", 0.3)
    await until(known)
    return [f"src/module_{n:02}.py" for n in range(1, 13)]

async def reviewer(context):
    context.progress(f"reading {context.item}", 0.4)
    await until(go if int(context.task.partition("-")[2]) <= 4 else rest)
    if context.task == "review-3":
        raise ValueError("this file can't be read")
    context.finding(f"{context.item} is well kept")
    return context.item

plan = onb.Plan(name="Reviewing", max_concurrency=5, on_failure="continue", phases=[
    onb.Phase(name="Look", tasks=[
        onb.Task(agent="structure", task="List the modules", estimate="2m"),
        onb.Task(agent="reviewer", id="review", task="Review {{module}}", estimate="3m",
                 for_each={"from": "structure", "as": "module"}),
    ]),
    onb.Phase(name="Report", tasks=[
        onb.Task(agent="writer", task="Sum up", depends_on=["review"], estimate="1m"),
        onb.Task(agent="archivist", task="Keep it"),
    ]),
])
run = onb.run(plan, agents={"structure": structure, "reviewer": reviewer,
                            "writer": lambda: None, "archivist": lambda: None})
"""


MANY = """
import asyncio
import orchestra_nb as onb

known, rest = asyncio.Event(), asyncio.Event()

async def structure():
    while not known.is_set():
        await asyncio.sleep(0.05)
    return list(range(60))

async def reviewer():
    while not rest.is_set():
        await asyncio.sleep(0.05)

plan = onb.Plan(name="Many", max_concurrency=5, phases=[onb.Phase(name="Look", tasks=[
    onb.Task(agent="structure"),
    onb.Task(agent="reviewer", id="review", for_each={"from": "structure", "as": "module"}),
])])
run = onb.run(plan, agents={"structure": structure, "reviewer": reviewer})
"""


def test_rows_become_lanes_when_they_are_too_many(open_notebook: OpenNotebook) -> None:
    """A board of two rows is one of sixty tasks: lanes by slot, and tabs with their counts."""
    notebook = open_notebook([MANY, "known.set()", "rest.set()", "run.wait();"])
    notebook.run_cell(0)
    board = notebook.page.locator(".onb .board").first
    board.locator(".lane .who", has_text="structure").wait_for()
    notebook.run_cell(1)
    board.locator(".lanes.many").wait_for()
    board.get_by_role("tab", name="Running 5").wait_for()
    board.get_by_text("1 of 61").first.wait_for()
    notebook.run_cell(2)
    notebook.run_cell(3)
    notebook.wait_finished(3)
    notebook.output(0).get_by_text("Finished: 61 of 61 tasks").wait_for()


def test_rows_come_while_the_run_goes_on(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """A list becomes rows at its template's place; a row that has the focus keeps it."""
    notebook = open_notebook([START, "known.set()", "go.set()", "rest.set()", "run.wait();"])
    notebook.run_cell(0)
    board = notebook.page.locator(".onb .board").first
    names = board.locator(".lanes .lane .who .cut")
    names.filter(has_text="structure").wait_for()
    assert names.all_inner_texts() == ["structure", "review", "writer", "archivist"]
    row = board.locator(".lane", has_text="archivist").get_by_role("button")
    row.focus()

    notebook.run_cell(1)
    names.filter(has_text="review-12").wait_for()
    reviews = [f"review-{n}" for n in range(1, 13)]
    assert names.all_inner_texts() == ["structure", *reviews, "writer", "archivist"]
    row.focus()
    notebook.run_cell(2)
    board.locator(".lane.s-done", has_text="review-4").wait_for()
    board.get_by_text("4 of 15").first.wait_for()
    for theme in ("light", "dark"):
        notebook.theme(theme)
        notebook.screenshot(tmp_path / f"growing-{theme}.png", ".onb .board")

    notebook.run_cell(3)
    notebook.run_cell(4)
    notebook.wait_finished(4)
    notebook.output(0).get_by_text("review-12").first.wait_for()
    notebook.screenshot(tmp_path / "growing-over.png")
