"""Steering a run by hand from the board, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import AXE, NO_AXE

from . import form_scenes, scenes
from .scenes import HOSTILE
from .stage import Stage, axe
from .test_axe import CONTRAST


def lane(stage: Stage, task: str) -> Locator:
    """The row of a task."""
    name = stage.page.locator(".who .cut", has_text=re.compile(f"^{task}"))
    return stage.page.locator(".rows .lane:visible", has=name)


def open_menu(stage: Stage, task: str) -> Locator:
    """Open the menu of a task's row by mouse."""
    lane(stage, task).hover()
    lane(stage, task).locator(".act").click()
    return stage.page.locator(".pop [role=menu]")


def items(menu: Locator) -> list[str]:
    """What a menu offers, without the small print."""
    return [
        text.split("\n")[0].strip()
        for text in menu.locator(".menuitem").all_inner_texts()
    ]  # fmt: skip


def row_of(stage: Stage, task: str) -> int:
    """The index of a task in the picture."""
    return stage.scene.state.graph.index_of(task)


def steering(stage: Stage) -> list[dict[str, Any]]:
    """The commands about tasks and the run that were sent."""
    kinds = {"skip", "retry", "edit", "rate", "note", "level"}
    return [m for m in stage.commands() if m["body"]["command"] in kinds]


def looks(stage: Stage) -> list[dict[str, Any]]:
    """What was asked of the kernel besides."""
    found: list[dict[str, Any]] = stage.page.evaluate(
        "window.sent.filter((m) => m.type === 'look')"
    )
    return found


def reply(stage: Stage, ok: bool = True, text: str = "") -> None:
    """The kernel's word on the last command about a task or the run."""
    sent = steering(stage)[-1]
    stage.push(
        {"type": "reply", "id": sent["id"], "decision": None, "ok": ok, "text": text, "faults": {}}
    )


@pytest.mark.parametrize(
    ("task", "offered"),
    [
        ("qa-test-engineer", ["Skip", "Edit text…"]),
        ("security-specialist", ["Skip", "Try now"]),
        ("ai-ml-expert", ["Retry", "Edit text…"]),
        ("devops-sre-expert", ["Retry", "Edit text…"]),
        ("data-analytics-expert", ["Good result", "Poor result"]),
    ],
)
def test_a_menu_offers_what_is_possible_now(stage: Stage, task: str, offered: list[str]) -> None:
    """Pending, retrying, failed, left out by hand, done."""
    stage.show(form_scenes.steered(), 24.6)
    assert items(open_menu(stage, task)) == offered


def test_a_running_task_has_no_button(stage: Stage) -> None:
    """Nothing of it can be changed; it is not even in the tab order."""
    stage.show(form_scenes.steered(), 24.6)
    lane(stage, "product-strategy-expert").hover()
    expect(lane(stage, "product-strategy-expert").locator(".act")).to_be_hidden()


@pytest.mark.parametrize(
    ("task", "item", "body"),
    [
        ("qa-test-engineer", "Skip", {"command": "skip"}),
        ("ai-ml-expert", "Retry", {"command": "retry"}),
        ("security-specialist", "Try now", {"command": "retry"}),
        ("data-analytics-expert", "Good result", {"command": "rate", "good": True}),
        ("business-analyst", "Poor result", {"command": "rate", "good": False}),
    ],
)
def test_an_item_sends_its_command_and_closes_when_it_is_done(
    stage: Stage, task: str, item: str, body: dict[str, Any]
) -> None:
    """One click, one command; the focus goes back to the row."""
    stage.show(form_scenes.steered(), 24.6)
    menu = open_menu(stage, task)
    menu.get_by_text(item).click()
    assert [m["body"] for m in steering(stage)] == [
        {**body, "task": task, "row": row_of(stage, task)}
    ]
    expect(stage.page.locator(".pop .said")).to_have_text("Sending…")
    expect(menu.locator(".menuitem:enabled")).to_have_count(0)
    reply(stage)
    expect(stage.page.locator(".pop")).to_be_hidden()
    expect(lane(stage, task).locator(".act")).to_be_focused()


def test_a_refusal_is_said_where_the_click_was(stage: Stage) -> None:
    """The sentence of the kernel, in the menu and for screen readers."""
    stage.show(form_scenes.steered(), 24.6)
    open_menu(stage, "qa-test-engineer").get_by_text("Skip").click()
    said = "'qa-test-engineer' is at work; only what has not started can be left out"
    reply(stage, ok=False, text=said)
    expect(stage.page.locator(".pop .refused")).to_have_text(said)
    expect(stage.page.locator(".sr[aria-live]")).to_have_text(said)


def test_the_menu_goes_by_key_alone(stage: Stage) -> None:
    """Arrows between rows and items, Enter acts, Esc closes and gives the focus back."""
    stage.show(form_scenes.steered(), 24.6)
    page = stage.page
    acts = page.locator(".rows .act:not([hidden])")
    tabbable = page.locator('.rows .act:not([hidden])[tabindex="0"]')
    expect(tabbable).to_have_count(1)
    tabbable.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(acts.nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(acts.nth(1)).to_be_focused()
    expect(acts.nth(1)).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    menu = page.locator(".pop [role=menu]")
    expect(menu.locator(".menuitem").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.locator(".menuitem").nth(1)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(acts.nth(1)).to_be_focused()
    assert steering(stage) == []
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert [m["body"]["command"] for m in steering(stage)] == ["rate"]


def test_opening_a_menu_moves_nothing_and_stays_in_the_board(stage: Stage) -> None:
    """For every row, at every width; what is clicked is 28 px high at least."""
    for width in (600, 900, 1400):
        stage.show(form_scenes.steered(), 24.6, width=width)
        before = boxes(stage.page)
        board = box(stage.page.locator(".board"))
        for act in stage.page.locator(".rows .act:not([hidden])").all():
            assert box(act)[3] >= 28
            act.evaluate("(e) => e.click()")
            x, y, w, h = box(stage.page.locator(".pop"))
            assert board[0] <= x
            assert x + w <= board[0] + board[2]
            assert board[1] <= y
            assert y + h <= board[1] + board[3]
            assert min(box(one)[3] for one in stage.page.locator(".menuitem").all()) >= 28
            assert boxes(stage.page) == before
        stage.page.mouse.click(5, 5)
        expect(stage.page.locator(".pop")).to_be_hidden()


def box(found: Locator) -> tuple[float, float, float, float]:
    """Left, top, width, height."""
    place = found.bounding_box()
    assert place
    return place["x"], place["y"], place["width"], place["height"]


def boxes(page: Page) -> Any:
    """Where the parts of the board and the rows stand."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.board > :not(.pop, .sr), .lane, .lane > *')]"
        ".map((e) => { const r = e.getBoundingClientRect();"
        " return [r.x, r.y + scrollY, r.width, r.height].map(Math.round) })"
    )


def test_what_is_no_longer_possible_is_switched_off_in_place(stage: Stage) -> None:
    """A task that starts under an open menu takes its items with it, not their places."""
    s = form_scenes.steered()
    stage.show(s, 24.6)
    menu = open_menu(stage, "frontend-expert")
    before = menu.bounding_box()
    s.start(24.7, "frontend-expert")
    stage.advance(24.7)
    expect(menu.locator(".menuitem:enabled")).to_have_count(0)
    assert menu.bounding_box() == before
    stage.page.keyboard.press("Escape")
    expect(lane(stage, "frontend-expert").locator(".act")).to_be_focused()


def test_a_text_is_fetched_when_it_is_edited_and_sent_whole(stage: Stage) -> None:
    """Long plans do not travel for nothing; what is saved is what was written."""
    stage.show(form_scenes.steered(), 24.6)
    page, task = stage.page, "qa-test-engineer"
    assert "Tests" not in page.evaluate("JSON.stringify(window.model.state.snapshot.tasks)")
    open_menu(stage, task).get_by_text("Edit text…").click()
    editor = page.get_by_role("dialog", name=f"Edit the text of {task}")
    area = editor.get_by_role("textbox")
    expect(area).to_be_focused()
    expect(area).not_to_be_editable()
    look = looks(stage)[-1]
    assert (look["what"], look["row"]) == ("text", row_of(stage, task))
    stage.push({"type": "told", "id": look["id"], "text": "Test it.\nAll of it.", "note": ""})
    expect(area).to_have_value("Test it.\nAll of it.")
    expect(editor.get_by_role("button", name="Save")).to_be_disabled()
    area.fill("Test the prices only.")
    editor.get_by_role("button", name="Save").click()
    assert [m["body"] for m in steering(stage)] == [
        {
            "command": "edit", "task": task, "row": row_of(stage, task),
            "text": "Test the prices only.",
        }
    ]  # fmt: skip
    reply(stage, ok=False, text="'qa-test-engineer' is at work")
    expect(editor.locator(".refused")).to_have_text("'qa-test-engineer' is at work")
    expect(area).to_have_value("Test the prices only.")
    editor.get_by_role("button", name="Save").click()
    reply(stage)
    expect(editor).to_have_count(0)
    expect(lane(stage, task).locator(".act")).to_be_focused()


def test_a_text_that_was_begun_is_there_again(stage: Stage) -> None:
    """Esc closes and loses nothing; Cancel does."""
    stage.show(form_scenes.steered(), 24.6)
    page = stage.page

    def edit() -> Locator:
        open_menu(stage, "qa-test-engineer").get_by_text("Edit text…").click()
        stage.push({"type": "told", "id": looks(stage)[-1]["id"], "text": "As it was", "note": ""})
        return page.locator(".editor textarea")

    edit().fill("Half a sen")
    page.keyboard.press("Escape")
    expect(page.locator(".pop")).to_be_hidden()
    expect(edit()).to_have_value("Half a sen")
    expect(page.locator(".pop .said")).to_have_text("As you left it; not saved yet.")
    page.get_by_role("button", name="Cancel").click()
    expect(edit()).to_have_value("As it was")


def test_a_task_that_starts_while_its_text_is_edited_says_so(stage: Stage) -> None:
    """Nobody goes on writing what can't be saved."""
    s = form_scenes.steered()
    stage.show(s, 24.6)
    open_menu(stage, "frontend-expert").get_by_text("Edit text…").click()
    stage.push({"type": "told", "id": looks(stage)[-1]["id"], "text": "Screens", "note": ""})
    stage.page.locator(".editor textarea").fill("Three screens")
    s.start(24.7, "frontend-expert")
    stage.advance(24.7)
    expect(stage.page.locator(".pop .refused")).to_have_text(
        "This task has started: its text can’t be changed any more."
    )
    expect(stage.page.get_by_role("button", name="Save")).to_be_disabled()


def test_rows_show_thumbs_and_edited_texts(stage: Stage) -> None:
    """A shape each, with words for whoever can't see it; a new one comes with the delta."""
    s = form_scenes.steered()
    stage.show(s, 24.6)
    good = lane(stage, "business-analyst").get_by_role("img", name="Rated: good")
    expect(good).to_be_visible()
    poor = lane(stage, "competitive-intelligence").get_by_role("img", name="Rated: poor")
    expect(poor).to_be_visible()
    expect(lane(stage, "frontend-expert").get_by_role("img", name="edited by hand")).to_be_visible()
    expect(lane(stage, "qa-test-engineer").get_by_role("img")).to_have_count(0)
    form_scenes.by_hand(s, "rate", 24.7, "data-analytics-expert", good=True)
    form_scenes.by_hand(s, "edit", 24.7, "qa-test-engineer", text="Prices only")
    stage.advance(24.7)
    expect(lane(stage, "data-analytics").get_by_role("img", name="Rated: good")).to_be_visible()
    expect(lane(stage, "qa-test-engineer").get_by_role("img")).to_be_visible()
    menu = open_menu(stage, "data-analytics-expert")
    checked = menu.get_by_role("menuitemradio", checked=True)
    expect(checked).to_have_text("Good result")


def test_2000_tasks_have_the_same_menu(stage: Stage) -> None:
    """Arrow keys go on to rows that are out of sight."""
    s = scenes.many(2000)
    stage.show(s, 26.0)
    page = stage.page
    page.get_by_role("tab", name=re.compile("^Pending")).click()
    acts = page.locator(".virtual .act:not([hidden])")
    acts.first.focus()
    names = page.locator(".virtual .lane:visible .who .cut")
    first = int(names.first.inner_text().removeprefix("reviewer-"))
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    task = f"reviewer-{first + 20:04}"
    expect(page.locator(".pop .poptitle")).to_have_text(task)
    page.get_by_role("menuitem", name="Skip").click()
    assert steering(stage)[0]["body"] == {
        "command": "skip", "task": task, "row": row_of(stage, task),
    }  # fmt: skip
    reply(stage)
    expect(page.locator(".pop")).to_be_hidden()


def test_scrolling_a_row_away_closes_its_menu(stage: Stage) -> None:
    """A menu never stands at another row than its own."""
    stage.show(scenes.many(2000), 26.0)
    stage.page.get_by_role("tab", name=re.compile("^Pending")).click()
    stage.page.locator(".virtual .act:not([hidden])").first.evaluate("(e) => e.click()")
    expect(stage.page.locator(".pop")).to_be_visible()
    stage.page.locator(".virtual").evaluate("(e) => { e.scrollTop = 400 }")
    expect(stage.page.locator(".pop")).to_be_hidden()


# The whole run.


def steer(stage: Stage) -> Locator:
    """Open the panel for the whole run."""
    stage.page.get_by_role("button", name="Steer…").click()
    return stage.page.get_by_role("dialog", name="Steer the run")


def levels(stage: Stage, **changes: Any) -> None:
    """The kernel says what each level would change."""
    names = ["MVP/Prototype", "Beta/Development", "Alpha Production", "Production Ready",
             "Enterprise Ready"]  # fmt: skip
    found = [
        {"level": n, "name": name, "out": [[], 0], "back": [[], 0]} | changes.get(f"to_{n}", {})
        for n, name in enumerate(names, start=1)
    ]
    stage.push({"type": "told", "id": looks(stage)[-1]["id"], "levels": found})


def test_a_note_goes_to_the_agents_that_have_not_started(stage: Stage) -> None:
    """It says to how many; Enter sends it."""
    stage.show(form_scenes.steered(), 24.6)
    panel = steer(stage)
    expect(panel).to_contain_text("Goes to the 2 agents that have not started.")
    field = panel.get_by_label("Note to the agents")
    expect(field).to_be_focused()
    expect(panel.get_by_role("button", name="Send")).to_be_disabled()
    field.fill("  Prices in euros, please ")
    stage.page.keyboard.press("Enter")
    assert [m["body"] for m in steering(stage)] == [
        {"command": "note", "text": "Prices in euros, please"}
    ]
    reply(stage)
    expect(panel).to_contain_text("Sent.")
    expect(field).to_have_value("")
    field.fill("More")
    stage.page.keyboard.press("Enter")
    reply(stage, ok=False, text="The run is over (stopped)")
    expect(panel.locator(".refused")).to_have_text("The run is over (stopped)")
    expect(field).to_have_value("More")


def test_another_level_says_first_what_it_would_change(stage: Stage) -> None:
    """What would be left out is listed before anything is sent."""
    s = form_scenes.steered()
    stage.show(s, 24.6)
    panel = steer(stage)
    select = panel.get_by_label("Level")
    change = panel.get_by_role("button", name="Change level")
    expect(change).to_be_disabled()
    out = {"out": [["qa-test-engineer", "docs", "audit"], 12]}
    levels(stage, to_2=out, to_5={"back": [["compliance"], 1]})
    expect(select.locator("option").nth(2)).to_have_text("3 · Alpha Production (now)")
    select.select_option("2")
    expect(panel).to_contain_text("Leaves out 12 tasks: qa-test-engineer, docs, audit and 9 more.")
    select.select_option("5")
    expect(panel).to_contain_text("Brings back 1 task: compliance.")
    change.click()
    assert [m["body"] for m in steering(stage)] == [{"command": "level", "level": 5}]
    reply(stage)
    s.fold(24.7, {"event": "plan_adjustment", "description": "Level 3 → 5", "level": 5})
    stage.advance(24.7)
    expect(stage.page.locator(".id .sub")).to_contain_text("Level 5 · Enterprise Ready")
    expect(panel).to_contain_text("Level 5 from here on.")
    expect(panel).to_contain_text("The run is at this level.")
    stage.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(stage.page.get_by_role("button", name="Steer…")).to_be_focused()


def test_a_run_that_is_over_offers_no_steering(stage: Stage) -> None:
    """Thumbs stay to be seen; an open box closes."""
    s = form_scenes.steered()
    stage.show(s, 24.6)
    open_menu(stage, "business-analyst")
    s.end(24.7, "stopped")
    stage.advance(24.7)
    expect(stage.page.locator(".pop")).to_be_hidden()
    lane(stage, "business-analyst").hover()
    expect(stage.page.locator(".act:visible")).to_have_count(0)
    expect(lane(stage, "business-analyst").get_by_role("img", name="Rated")).to_be_visible()
    expect(stage.page.get_by_role("button", name="Steer…")).to_be_hidden()


def test_without_a_kernel_nothing_can_be_steered(stage: Stage) -> None:
    """A saved page has no button that does nothing."""
    stage.show(form_scenes.steered(), 24.6, mute=True)
    stage.page.wait_for_function("document.querySelector('.onb').classList.contains('still')")
    lane(stage, "business-analyst").hover()
    expect(stage.page.locator(".act:visible")).to_have_count(0)
    expect(stage.page.get_by_role("button", name="Steer…")).to_be_disabled()


def test_hostile_names_and_texts_are_only_text(stage: Stage) -> None:
    """In menus, editors and what levels change."""
    s = form_scenes.steered()
    stage.show(s, 24.6)
    names = "window.model.state.snapshot.tasks.name"
    stage.page.evaluate(f"(text) => {{ {names}.fill(text) }}", HOSTILE[0])
    stage.push({"type": "snapshot", "snapshot": stage.page.evaluate("model.state.snapshot")})
    stage.page.locator(".rows .act:not([hidden])").last.evaluate("(e) => e.click()")
    expect(stage.page.locator(".pop .poptitle")).to_have_text(HOSTILE[0])
    stage.page.get_by_role("menuitem", name="Edit text…").click()
    for text in (HOSTILE[0], HOSTILE[8]):
        stage.push({"type": "told", "id": looks(stage)[-1]["id"], "text": text, "note": HOSTILE[1]})
    stage.page.keyboard.press("Escape")
    steer(stage)
    levels(stage, to_2={"name": HOSTILE[8], "out": [[HOSTILE[0], "x" * 60], 2]})
    stage.page.get_by_label("Level").select_option("2")
    expect(stage.page.locator(".what2")).to_contain_text(HOSTILE[0])
    assert stage.page.evaluate("window.__pwned") is None
    assert stage.page.locator("#out img, #out script, #out a, #out iframe").count() == 0


def opened(stage: Stage, what: str) -> None:
    """Open one of the boxes."""
    if what == "steer":
        steer(stage)
        levels(stage, to_2={"out": [["qa-test-engineer"], 1]})
        stage.page.get_by_label("Level").select_option("2")
        return
    task = "business-analyst" if what == "thumbs" else "qa-test-engineer"
    menu = open_menu(stage, task)
    if what == "editor":
        menu.get_by_text("Edit text…").click()
        stage.push({"type": "told", "id": looks(stage)[-1]["id"], "text": "Tests", "note": ""})
        stage.page.locator(".editor textarea").fill("Other tests")
    if what == "refused":
        menu.get_by_text("Skip").click()
        reply(stage, ok=False, text="It is at work")


BOXES = ["menu", "thumbs", "refused", "editor", "steer"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("what", BOXES)
def test_every_text_has_a_contrast_of_4_5(stage: Stage, what: str, theme: str) -> None:
    """Measured as rendered."""
    stage.show(form_scenes.steered(), 24.6, theme=theme)
    opened(stage, what)
    worst: list[Any] = stage.page.evaluate(CONTRAST)
    assert worst[0][0] >= 4.5, worst


@pytest.mark.skipif(not AXE.exists(), reason=NO_AXE)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("what", BOXES)
def test_axe_finds_nothing(stage: Stage, what: str, theme: str) -> None:
    """Roles, names, labels of rows, menus, editor and panel."""
    stage.show(form_scenes.steered(), 24.6, theme=theme)
    opened(stage, what)
    assert axe(stage, ".onb") == []
