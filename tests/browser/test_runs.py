"""A run in JupyterLab, as a person meets it: the board is live, and a click there counts."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenNotebook
from tests.browser.lab import Notebook
from tests.conftest import KERNELS

START = """
import asyncio
import orchestra_nb as onb

async def quick(context):
    context.progress("looking around", 0.5)
    context.finding("the sky is blue")
    await asyncio.sleep(0.2)
    return "quick"

async def after(context):
    return f"went with {context.decisions['database'].option}"

async def slow(context):
    await asyncio.sleep(0.5)

plan = onb.Plan(name="Choosing", phases=[
    onb.Phase(name="Look", tasks=[onb.Task(agent="quick"), onb.Task(agent="slow")]),
    onb.Phase(name="Choose", tasks=[
        onb.Decision(title="Database", options={"A": "PostgreSQL", "B": "Cassandra"},
                     recommend="A", because="it is known", depends_on=["quick"], timeout=TIMEOUT),
        onb.Task(agent="after", depends_on=["database"]),
    ]),
])
run = onb.run(plan, agents={"quick": quick, "slow": slow, "after": after})
"""
WAITS = ["results = await run", "results = run.wait()"]


def start(timeout: str = "'10m'") -> str:
    """The cell that starts the run, with the decision's timeout."""
    return START.replace("TIMEOUT", timeout)


def choose(notebook: Notebook, key: str) -> None:
    """Choose an option on the card and confirm it, with the mouse."""
    card = notebook.page.locator(".onb .card").first
    card.locator(f".option:has(input[value='{key}'])").click()
    card.locator(".btn.main").click()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("wait", WAITS, ids=["await", "wait"])
def test_a_click_lands_while_the_cell_waits(
    open_notebook: OpenNotebook, kernel: str, wait: str
) -> None:
    """Run All: B and Confirm land while the cell waits; kernel and later cells see B."""
    notebook = open_notebook(
        [start(), wait, "print(results['after'], run.status)", "print('last')"], kernel=kernel
    )
    notebook.run_all()
    choose(notebook, "B")
    notebook.output(2).get_by_text("went with B completed").wait_for()
    notebook.output(3).get_by_text("last").wait_for()
    assert notebook.kernel("print(results['database'].by)").strip() == "user"
    notebook.output(0).get_by_text("Finished: 3 of 3 tasks").wait_for()
