"""A kernel dies in the middle of a run: a new one goes on with it, and its board is live."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Literal

import pytest

from tests.browser.conftest import OpenNotebook
from tests.browser.lab import Notebook

PLAN = """
import asyncio, os
import orchestra_nb as onb

def note(word):
    with open("notes.txt", "a") as file:
        file.write(word + " ")

async def quick(context):
    note("quick")
    context.finding("the sky is blue")
    return "quick"

async def slow(context):
    note("slow")
    if not os.path.exists("again"):
        await asyncio.sleep(600)
    return "slow"

async def after(context):
    note("after")
    return f"went with {context.decisions['database'].option}"

agents = {"quick": quick, "slow": slow, "after": after}
plan = onb.Plan(name="Survivor", phases=[
    onb.Phase(name="Look", tasks=[onb.Task(agent="quick"), onb.Task(agent="slow")]),
    onb.Phase(name="Choose", tasks=[
        onb.Decision(title="Database", options={"A": "PostgreSQL", "B": "Cassandra"},
                     recommend="A", because="it is known", depends_on=["quick"], timeout="10m"),
        onb.Task(agent="after", depends_on=["database"]),
    ]),
])
"""
RUN = "run = onb.run(plan, agents)"
THEMES: tuple[Literal["light", "dark"], ...] = ("dark", "light")
PREVIEW = "onb.resume(RUN_ID, agents, dry_run=True)"
RESUME = "run = onb.resume(RUN_ID, agents)"


def kill(notebook: Notebook) -> None:
    """Kill the kernel as the system does; the server starts another one."""
    pid = notebook.kernel("import os; print(os.getpid())").strip()
    os.kill(int(pid), signal.SIGKILL)
    notebook.page.locator(".jp-Dialog button", has_text="Ok").click(timeout=60_000)
    notebook.wait_for_kernel(f"__import__('os').getpid() != {pid}", "True", timeout=60)


@pytest.mark.alone
def test_a_new_kernel_goes_on_with_a_run(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """What was done is shown as done, the open decision is clicked, and a record is left."""
    notebook = open_notebook([PLAN, RUN, PLAN, PREVIEW, RESUME, "run.results['after']"])
    for cell in (0, 1):
        notebook.run_cell(cell)
    notebook.page.locator(".onb .card").first.wait_for()
    run_id = notebook.kernel("print(run.id)").strip()
    kill(notebook)
    notebook.kernel(f"RUN_ID = {run_id!r}; open('again', 'w').close()")
    for cell in (2, 3):
        notebook.run_cell(cell)
        notebook.wait_finished(cell)
    table = notebook.output(3).locator(".onb-plan")
    table.get_by_text("was at work when the run broke off").wait_for()
    table.get_by_text("not answered; asked anew").wait_for()
    notebook.run_cell(4)
    board = notebook.output(4).locator(".onb").first
    board.locator(".card").first.wait_for()
    for theme in THEMES:
        notebook.theme(theme)
        notebook.page.locator(".jp-MainAreaWidget-loading, #jupyterlab-splash").wait_for(
            state="hidden"
        )
        board.scroll_into_view_if_needed()
        notebook.screenshot(tmp_path / f"{theme}.png")
    card = board.locator(".card").first
    card.locator(".option:has(input[value='B'])").click()
    card.locator(".btn.main").click()
    notebook.output(4).get_by_text("Finished: 3 of 3 tasks").wait_for()
    notebook.run_cell(5)
    notebook.output(5).get_by_text("went with B").wait_for()
    words = (notebook.lab.root / "notes.txt").read_text().split()
    assert sorted(words) == ["after", "quick", "slow", "slow"]
    assert notebook.kernel("print(run.status, run.id)").split() == ["completed", run_id]
