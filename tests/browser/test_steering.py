"""A run steered by hand from its board in JupyterLab."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenNotebook

STEERED = """
import asyncio
import orchestra_nb as onb

gate = asyncio.Event()
got = {}

async def worker(context):
    got[context.task] = (context.text, list(context.notes))
    if context.task == "first":
        while not gate.is_set():
            await asyncio.sleep(0.05)
    if context.task == "broken" and context.attempt == 1:
        raise ValueError("not yet")
    return context.task

plan = onb.Plan(name="Steered", mode="guided", on_failure="continue", phases=[
    onb.Phase(name="Now", tasks=[
        onb.Task(agent="worker", id="done", depends_on=[]),
        onb.Task(agent="worker", id="broken", depends_on=[]),
        onb.Task(agent="worker", id="first", depends_on=[])]),
    onb.Phase(name="Later", tasks=[
        onb.Task(agent="worker", id="unwanted", depends_on=["first"]),
        onb.Task(agent="worker", id="reworded", task="As planned.\\nAll of it.",
                 depends_on=["first"]),
        onb.Task(agent="worker", id="audit", role="security", depends_on=["first"])])])
run = onb.run(plan, agents={"worker": worker})
"""


def test_tasks_and_run_are_steered_from_the_board(open_notebook: OpenNotebook) -> None:
    """Leave out, retry, edit, rate, a note, another level: each counts, and is an event."""
    notebook = open_notebook([STEERED])
    notebook.run_all()
    page = notebook.page
    board = notebook.output(0).locator(".onb")

    def menu(task: str) -> Locator:
        lane = board.locator(".rows .lane", has=page.locator(f".who .cut:text-is('{task}')"))
        lane.hover()
        lane.locator(".act").click()
        return board.locator(".pop")

    menu("unwanted").get_by_role("menuitem", name="Skip").click()
    expect(board.locator(".pop")).to_be_hidden()
    menu("broken").get_by_role("menuitem", name="Retry").click()
    expect(board.locator(".pop")).to_be_hidden()
    menu("done").get_by_role("menuitemradio", name="Good result").click()
    expect(board.get_by_role("img", name="Rated: good")).to_be_visible()
    menu("reworded").get_by_role("menuitem", name="Edit text…").click()
    area = board.get_by_role("textbox", name="Text of reworded")
    expect(area).to_have_value("As planned.\nAll of it.")
    area.fill("Only half of it.")
    board.get_by_role("button", name="Save").click()
    expect(board.locator(".pop")).to_be_hidden()
    board.get_by_role("button", name="Steer…").click()
    board.get_by_label("Note to the agents").fill("Be brief")
    board.get_by_role("button", name="Send").click()
    expect(board.locator(".pop")).to_contain_text("Sent.")
    board.get_by_label("Level").select_option("4")
    expect(board.locator(".pop")).to_contain_text("Brings back 1 task: audit.")
    board.get_by_role("button", name="Change level").click()
    expect(board.locator(".id .sub")).to_contain_text("Level 4 · Production Ready")
    page.keyboard.press("Escape")
    done = notebook.kernel("gate.set(); print(sorted(run.wait(20)))")
    assert done.strip() == "['audit', 'broken', 'done', 'first', 'reworded']"
    told = notebook.kernel("print(got['reworded'], run.state.task('unwanted').skip_cause)")
    assert told.strip() == "('Only half of it.', ['Be brief']) hand"
    expect(notebook.output(0).get_by_role("img", name="Rated: good")).to_be_visible()
