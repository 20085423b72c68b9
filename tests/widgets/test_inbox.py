"""Many open decisions: their list, its keys, and the way from one card to the next."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from . import card_scenes as cards
from . import scenes
from .stage import Stage


def confirm(stage: Stage) -> Locator:
    """The button that confirms."""
    return stage.page.locator(".card:visible .btn.main.wide")


def title(stage: Stage) -> Locator:
    """Title of the card that is shown."""
    return stage.page.locator(".card:visible h3")


def chosen(stage: Stage) -> str:
    """Key of the option that is chosen on the shown card."""
    return stage.page.locator(".card:visible .option input:checked").input_value()


def seconds_left(stage: Stage) -> float:
    """What the decision on the database has left by the page's clock, over 7 minutes."""
    left: float = stage.page.evaluate("18.7 * 60 + 24 - window.t()")
    return left


def test_the_soonest_comes_first_and_the_held_one_last(stage: Stage) -> None:
    """Each row says what is asked, by whom, of what kind, and how long there is."""
    stage.show(cards.inbox(), 18.7)
    items = stage.page.locator(".item")
    expect(items).to_have_count(12)
    assert [items.nth(n).locator("b").inner_text() for n in range(10)] == [
        one[1] for one in cards.INBOX
    ]
    earliest = seconds_left(stage)
    shown = items.nth(4).inner_text()
    latest = seconds_left(stage)
    row = re.fullmatch(r"Database technology\s*database-architect · database\s*7:(\d\d)", shown)
    assert row, shown
    assert latest - 1 < int(row[1]) <= earliest + 1
    expect(items.nth(10)).to_have_text("Call send_email?business-analyst · approval–")
    expect(items.nth(11)).to_have_text(
        "Delete the old price tabledatabase-architect · databaseheld"
    )
    expect(stage.page.locator(".inboxhead")).to_contain_text("12 open decisions, soonest first")
    expect(title(stage)).to_have_text("Cache for price lookups")


def test_keys_lead_through_the_list_and_back(stage: Stage) -> None:
    """Arrows, Home and End move, Enter goes into the card, Esc comes back; nothing is decided."""
    stage.show(cards.inbox(), 18.7)
    page = stage.page
    page.locator(".list").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(title(stage)).to_have_text("Chart library")
    page.keyboard.press("End")
    expect(title(stage)).to_have_text("Delete the old price table")
    expect(page.locator(".item").last).to_be_in_viewport()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(title(stage)).to_have_text("Cache for price lookups")
    active = page.locator(".list").get_attribute("aria-activedescendant")
    assert page.locator(f"[id='{active}']").get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")
    expect(page.locator(".card:visible .option input").first).to_be_focused()
    page.keyboard.press("b")
    assert chosen(stage) == "B"
    page.keyboard.press("3")
    assert chosen(stage) == "C"
    page.keyboard.press("4")
    expect(page.get_by_label("Other: your own words").locator("visible=true")).to_be_focused()
    page.keyboard.type("a 1")
    page.keyboard.press("Escape")
    expect(page.locator(".list")).to_be_focused()
    assert stage.commands("answer") == []
    page.keyboard.press("Enter")
    expect(page.get_by_label("Other: your own words").locator("visible=true")).to_have_value("a 1")


@pytest.mark.parametrize("width", [600, 900, 1400])
def test_the_hint_says_the_keys_that_work(stage: Stage, width: int) -> None:
    """It is seen while focus is in the card, at every width."""
    stage.show(cards.inbox(), 18.7, width=width)
    hint = stage.page.locator(".card:visible .hint")
    assert hint.evaluate("(e) => getComputedStyle(e).visibility") == "hidden"
    stage.page.get_by_role("button", name="Go to card").click()
    expect(hint).to_have_text("A to C or 1 to 4 choose, Enter confirms, Esc leaves")
    expect(hint).to_be_visible()
    for key, option in (("a", "A"), ("C", "C"), ("1", "A"), ("3", "C")):
        stage.page.keyboard.press(key)
        assert chosen(stage) == option


def test_a_key_that_is_held_down_decides_one_thing(stage: Stage) -> None:
    """Enter goes on repeating after the first card is gone; the next one is not confirmed."""
    s = cards.inbox()
    stage.show(s, 18.7)
    page = stage.page
    page.get_by_role("button", name="Go to card").click()
    page.keyboard.down("Enter")
    assert [m["body"]["decision"] for m in stage.commands("answer")] == ["cache"]
    s.decide(18.71, "cache", "A", "user")
    stage.advance(18.71)
    expect(page.locator(".list")).to_be_focused()
    for _ in range(5):
        page.keyboard.down("Enter")
    expect(title(stage)).to_have_text("Retry policy of the importer", timeout=4000)
    for _ in range(5):
        page.keyboard.down("Enter")
    assert len({m["body"]["decision"] for m in stage.commands("answer")}) == 1
    expect(page.locator(".list")).to_be_focused()


def test_the_next_card_cannot_be_confirmed_by_the_same_double_click(stage: Stage) -> None:
    """The record stands where the button was."""
    s = cards.inbox()
    stage.show(s, 18.7)
    page = stage.page
    confirm(stage).scroll_into_view_if_needed()
    box = confirm(stage).bounding_box()
    assert box
    page.mouse.click(box["x"] + 20, box["y"] + 10)
    s.decide(18.71, "cache", "A", "user")
    stage.advance(18.71)
    page.mouse.click(box["x"] + 20, box["y"] + 10)
    assert [m["body"]["decision"] for m in stage.commands("answer")] == ["cache"]
    page.mouse.move(2, 2)
    expect(title(stage)).to_have_text("Retry policy of the importer")
    page.mouse.click(box["x"] + 20, box["y"] + 10)
    assert [m["body"]["decision"] for m in stage.commands("answer")] == ["cache", "retry-policy"]


def test_a_card_that_comes_up_under_the_pointer_takes_no_click_at_first(stage: Stage) -> None:
    """A click meant for the record decides nothing; a moment later the same click does."""
    s = cards.inbox()
    stage.show(s, 18.7)
    page = stage.page
    confirm(stage).scroll_into_view_if_needed()
    confirm(stage).hover()
    s.decide(18.71, "cache", "A", "user")
    stage.advance(18.71)
    expect(title(stage)).to_have_text("Retry policy of the importer", timeout=2500)
    confirm(stage).dispatch_event("click")
    assert stage.commands("answer") == []
    expect(confirm(stage)).to_be_enabled()
    confirm(stage).click()
    assert [m["body"]["decision"] for m in stage.commands("answer")] == ["retry-policy"]
    assert page.locator(".card:visible").count() == 1


def test_waiting_for_all_holds_those_that_have_a_clock(stage: Stage) -> None:
    """One click ends every countdown; what is held or has none is left alone."""
    stage.show(cards.inbox(), 18.7)
    stage.page.get_by_role("button", name="Wait for me: all 12").click()
    held = [m["body"] for m in stage.commands("hold")]
    assert {one["decision"] for one in held} == {one[0] for one in cards.INBOX}
    assert all(one["on"] for one in held)


def test_with_one_left_there_is_no_all(stage: Stage) -> None:
    """The list stays while the pointer is in the card; its button counts nothing then."""
    s = scenes.deciding()
    s.ask(18.6, "region", "Cloud region")
    stage.show(s, 18.7)
    stage.page.locator(".card:visible .note").hover()
    s.decide(18.71, "region", "A", "user")
    stage.advance(18.71)
    expect(stage.page.locator(".inboxhead .btn")).to_have_text("Wait for me")


def test_unsent_words_survive_a_visit_to_another_card(stage: Stage) -> None:
    """Each card keeps what was written and chosen on it."""
    stage.show(cards.inbox(), 18.7)
    page = stage.page
    page.locator(".card:visible .option").nth(1).click()
    page.locator(".card:visible .note input").fill("Redis is there already")
    page.locator(".item").nth(3).click()
    expect(title(stage)).to_have_text("Currency rounding")
    page.locator(".item").first.click()
    assert chosen(stage) == "B"
    expect(page.locator(".card:visible .note input")).to_have_value("Redis is there already")


def test_options_with_letters_of_their_own_are_chosen_by_them(stage: Stage) -> None:
    """Keys that don't begin at A, and numbers that are keys, mean what stands before the option."""
    s = scenes.begun()
    named = [{"key": key, "text": f"Option {key}", "description": ""} for key in "xyq"]
    s.ask(18.6, "letters", "Letters", options=named, recommend="x", other=False)
    stage.show(s, 18.7)
    page = stage.page
    page.get_by_role("button", name="Go to card").click()
    expect(page.locator(".hint")).to_contain_text("x, y, q or 1 to 3 choose")
    page.keyboard.press("q")
    assert chosen(stage) == "q"
    numbers = [{"key": key, "text": f"Option {key}", "description": ""} for key in "312"]
    s = scenes.begun()
    s.ask(18.6, "numbers", "Numbers", options=numbers, recommend="3")
    stage.show(s, 18.7)
    page.get_by_role("button", name="Go to card").click()
    expect(page.locator(".hint")).to_contain_text("3, 1, 2 choose")
    page.keyboard.press("1")
    assert chosen(stage) == "1"
