"""A run in JupyterLab, as a person meets it: the board is live, and a click there counts."""

from __future__ import annotations

import re

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


CHAIN = """
import orchestra_nb as onb

tasks = []
for i in range(COUNT):
    before = [f"choice-{i - 1}"] if i else []
    tasks.append(onb.Decision(title=f"Choice {i}", options={"A": "one", "B": "two"}, recommend="A",
                              depends_on=before, timeout="10m"))
plan = onb.Plan(name="Chain", phases=[onb.Phase(name="All", tasks=tasks)])
run = onb.run(plan, agents={})
"""


def chain(count: int) -> str:
    """The cell that asks one decision after the other."""
    return CHAIN.replace("COUNT", str(count))


def answer(notebook: Notebook, number: int, key: str = "B") -> None:
    """Answer the decision of that number once its card is there."""
    card = notebook.page.locator(f".onb .card[aria-label='Choice {number}']")
    card.wait_for()
    choose(notebook, key)
    notebook.page.mouse.move(2, 2)  # a record keeps its place while the pointer is there
    recorded(notebook, number, key)


def recorded(notebook: Notebook, number: int, key: str) -> None:
    """Wait until a record, live or static, says what was decided."""
    words = re.compile(rf"Choice {number}\s*→\s*{key}")
    notebook.page.locator(".jp-OutputArea-output", has_text=words).first.wait_for()


@pytest.mark.alone
def test_reloads_and_a_second_tab_lose_no_click(open_notebook: OpenNotebook) -> None:
    """After four page reloads and in a second tab the board is live, and a click there counts."""
    notebook = open_notebook([chain(7)])
    notebook.run_all()
    answer(notebook, 0)
    for number in range(1, 5):
        notebook.save()
        notebook.reload()
        answer(notebook, number)
    tab = notebook.second_tab()
    answer(tab, 5)
    # The first tab heard of it too, and its own clicks still count.
    recorded(notebook, 5, "B")
    answer(notebook, 6)
    by = "[d.outcome.option + d.outcome.by for d in run.decisions]"
    notebook.wait_for_kernel(by, str(["Buser"] * 7))
    assert not notebook.errors


def test_answers_are_recorded_while_another_cell_sleeps(open_notebook: OpenNotebook) -> None:
    """Clicks are decided while a cell is in time.sleep, beside functions that burn Python."""
    burn = """
import time
def burn(context):
    end = time.monotonic() + 20
    while not context.cancelled and time.monotonic() < end:
        sum(range(1000))
burners = onb.Plan(name="Burn", phases=[onb.Phase(name="p", tasks=[
    onb.Task(id=f"b{i}", agent="burn", depends_on=[]) for i in range(4)])])
from orchestra_nb import runs
burning = runs.start(burners, agents={"burn": burn})
"""
    sleep = (
        "import time\nend = time.monotonic() + 30\n"
        "while not run.finished and time.monotonic() < end:\n    time.sleep(5)\n"
        "burning.stop()\nprint('slept', run.status)"
    )
    notebook = open_notebook([chain(3), burn, sleep])
    notebook.run_all()
    notebook.wait_running(2)
    for number in range(3):
        answer(notebook, number)
    assert notebook.cell(2).locator(".jp-InputArea-prompt", has_text="[*]:").count() == 1
    notebook.output(2).get_by_text("slept completed").wait_for()


def test_run_all_twice_starts_one_run(open_notebook: OpenNotebook) -> None:
    """The same cell run again while its run goes on shows that run instead of starting another."""
    notebook = open_notebook([chain(1), "seen = [*globals().get('seen', []), run.id]"])
    notebook.run_all()
    notebook.wait_for_kernel("len(seen)", "1")
    notebook.run_all()
    notebook.wait_for_kernel("len(seen)", "2")
    assert notebook.kernel("print(len(set(seen)))").strip() == "1"
    answer(notebook, 0)
    notebook.wait_for_kernel("run.status", "completed")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("wait", WAITS, ids=["await", "wait"])
def test_an_interrupt_ends_only_the_waiting(
    open_notebook: OpenNotebook, kernel: str, wait: str
) -> None:
    """Interrupting the waiting cell leaves the run going; the message says how to stop it."""
    notebook = open_notebook([chain(1), wait, "print('now', run.status)"], kernel=kernel)
    notebook.run_cell(0)
    notebook.page.locator(".onb .card").wait_for()
    notebook.run_cell(1)
    notebook.wait_running(1)
    notebook.page.wait_for_timeout(500)
    notebook.interrupt()
    notebook.wait_finished(1)
    notebook.output(1).get_by_text("run.stop() ends it").first.wait_for()
    notebook.run_cell(2)
    notebook.output(2).get_by_text("now running").wait_for()
    answer(notebook, 0)
    notebook.wait_for_kernel("run.status", "completed")


HOSTILE = r"""
import orchestra_nb as onb

BAD = [
    "<img src=x onerror=\"window.__pwned=1\">",
    "<script>window.__pwned=1</script>",
    "[click](javascript:window.__pwned=1)",
    "\x1b[31mred\x1b[0m\x07",
    "x" * 1_000_000,
    "half \ud800 a surrogate",
]

async def agent(context):
    for bad in BAD:
        context.progress(bad, 0.1)
        context.finding(bad)
        context.blocker(bad)
        context.log(bad)
    outcome = await context.decide(
        BAD[0] + " which?", {"A": BAD[1], "B": BAD[0]}, recommend="A",
        because=BAD[0], context=" ".join(BAD[:4]), category="<b>x</b>", timeout=2)
    raise ValueError(BAD[0] + BAD[3] + outcome.text)

plan = onb.Plan(
    name=BAD[0] + BAD[1] + BAD[5], overview=BAD[1],
    timeouts={"kinds": {"critical": 2}, "shortest": 1},  # blockers and the failure are cards too
    phases=[
        onb.Phase(name=BAD[0] + BAD[3], tasks=[
            onb.Task(id="<b onmouseover=alert(1)>x</b>", agent=BAD[1][:100], task=BAD[0]),
            onb.Decision(title=BAD[1], context=BAD[0] + BAD[2] + BAD[3], because=BAD[0],
                         options=[BAD[0], BAD[1], BAD[2]], recommend="A", timeout=2)])])
run = onb.run(plan, agents={BAD[1][:100]: agent})
"""


def test_hostile_text_is_only_text(open_notebook: OpenNotebook) -> None:
    """Markup, links, ANSI, a 1 MB line and half a surrogate in every field execute nothing."""
    notebook = open_notebook([HOSTILE, "results = await run", "print(run.status)\nrun"])
    notebook.run_all()
    notebook.page.locator(".onb .card").first.wait_for()
    notebook.output(2).get_by_text("failed", exact=True).first.wait_for()
    notebook.page.wait_for_timeout(500)
    assert notebook.page.evaluate("window.__pwned") is None
    assert (
        notebook.page.locator(".jp-OutputArea-output img, .jp-OutputArea-output script").count()
        == 0
    )
    assert notebook.page.locator(".jp-OutputArea-output a[href^='javascript']").count() == 0
    assert not notebook.errors
    saved = notebook.save()
    assert len(str(saved)) < 700_000
    notebook.reload()
    notebook.page.wait_for_timeout(500)
    assert notebook.page.evaluate("window.__pwned") is None


def test_the_saved_notebook_tells_the_story(open_notebook: OpenNotebook) -> None:
    """At the end the board is static HTML and text: it is there after reopening with no kernel."""
    notebook = open_notebook([chain(1), "results = await run", "'done'"])
    notebook.run_all()
    answer(notebook, 0)
    notebook.output(2).get_by_text("done").wait_for()
    notebook.output(0).get_by_text("Choice 0").first.wait_for()
    saved = notebook.save()
    data = saved.cells[0].outputs[0]["data"]
    assert set(data) == {"text/html", "text/plain"}
    assert len(data["text/html"]) < 300_000
    assert "Choice 0" in data["text/html"]
    assert "<script" not in data["text/html"]
    notebook.command("kernelmenu:shutdown")
    notebook.page.wait_for_timeout(300)
    notebook.reload()
    notebook.output(0).get_by_text("Choice 0").first.wait_for()
