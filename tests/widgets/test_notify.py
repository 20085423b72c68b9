"""Notifications of the browser, with a stand-in for them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from . import form_scenes, scenes
from .stage import Stage

STUB = """({ permission, hidden, dismissed }) => {
  window.told = [];
  window.asks = 0;
  window.focused = 0;
  window.focus = () => { window.focused += 1; };
  window.store = dismissed ? { "orchestra-nb.notify": "no" } : {};
  Object.defineProperty(window, "localStorage", { configurable: true, value: {
    getItem: (key) => window.store[key] ?? null,
    setItem: (key, value) => { window.store[key] = String(value); } } });
  window.Notification = class {
    static permission = permission;
    static requestPermission() { window.asks += 1; return Promise.resolve(permission); }
    constructor(title, options) {
      this.title = title; this.options = options; this.closed = false; window.told.push(this);
    }
    close() { this.closed = true; }
  };
  Object.defineProperty(document, "visibilityState",
    { configurable: true, get: () => (window.hiddenTab ? "hidden" : "visible") });
  window.hiddenTab = hidden;
}"""

TOLD = "window.told.map((n) => [n.title, n.options.body])"


@pytest.fixture
def tab(stage: Stage) -> Any:
    """Show a board in a tab with a stand-in for notifications."""

    def show(
        scene: scenes.Scene, minutes: float, permission: str = "granted", *, hidden: bool = True,
        dismissed: bool = False,
    ) -> Stage:  # fmt: skip
        given = {"permission": permission, "hidden": hidden, "dismissed": dismissed}
        stage.page.evaluate(STUB, given)
        stage.show(scene, minutes)
        return stage

    return show


def test_a_decision_that_opens_in_a_hidden_tab_is_told_once(tab: Any) -> None:
    """With its title and what will happen; a click brings its card."""
    s = scenes.begun()
    stage = tab(s, 18.7)
    s.ask(18.7, "region", "Cloud region", timeout_s=900.0)
    stage.advance(18.7)
    stage.page.wait_for_function("window.told.length > 0")
    (told,) = stage.page.evaluate(TOLD)
    assert told[0] == "Cloud region"
    assert re.fullmatch(
        r"1(5:00|4:5\d) left, then A · PostgreSQL with optimization is taken\.", told[1]
    )
    s.ask(18.8, "cache", "Cache", timeout_s=60.0)
    stage.advance(18.8)
    stage.page.wait_for_timeout(600)
    assert [title for title, _ in stage.page.evaluate(TOLD)] == ["Cloud region", "Cache"]
    assert stage.page.evaluate("document.title") == "Stage"
    stage.page.evaluate("window.hiddenTab = false; window.told[1].onclick()")
    assert stage.page.evaluate("window.focused") == 1
    expect(stage.page.locator(".card:visible h3")).to_have_text("Cache")
    assert stage.page.evaluate("document.activeElement.closest('.card') !== null")
    s.decide(18.9, "region", "A", "user")
    stage.advance(18.9)
    assert stage.page.evaluate("window.told[0].closed") is True


def test_a_decision_that_was_seen_is_told_of_in_its_last_minute_only(tab: Any) -> None:
    """Whoever left the tab hears of it in time."""
    stage = tab(scenes.deciding(), 25.0, hidden=False)
    stage.page.evaluate("window.hiddenTab = true")
    stage.page.wait_for_timeout(400)
    assert stage.page.evaluate(TOLD) == []
    stage.page.wait_for_function("window.told.length > 0", timeout=10_000)
    stage.page.wait_for_timeout(600)
    (told,) = stage.page.evaluate(TOLD)
    assert told[0] == "Database technology"
    assert re.fullmatch(r"(1:00|0:5\d) left, then A · PostgreSQL with .* is taken\.", told[1])


def test_the_form_is_told_in_its_own_words(tab: Any) -> None:
    """Nothing is taken: the run starts."""
    stage = tab(form_scenes.asking(), 0.66)
    told = stage.page.evaluate(TOLD)
    assert [title for title, _ in told] == ["Before the run"]
    assert re.fullmatch(r"4:2\d left, then the run starts as filled in\.", told[0][1])


@pytest.mark.parametrize(("permission", "hidden"), [("denied", True), ("granted", False)])
def test_denied_or_in_sight_nothing_is_told(tab: Any, permission: str, hidden: bool) -> None:
    """And nothing is asked."""
    stage = tab(scenes.deciding(), 18.7, permission, hidden=hidden)
    stage.page.wait_for_timeout(400)
    assert stage.page.evaluate(TOLD) == []
    assert stage.page.evaluate("window.asks") == 0
    expect(stage.page.locator(".notify")).to_be_hidden()


def test_permission_is_asked_for_by_a_click_and_once(tab: Any) -> None:
    """The button is gone afterwards, whatever the browser was told, also after a reload."""
    stage = tab(scenes.running(), 24.6, "default", hidden=False)
    assert stage.page.evaluate("window.asks") == 0
    stage.page.get_by_role("button", name="Notify me").click()
    assert stage.page.evaluate("window.asks") == 1
    expect(stage.page.locator(".notify")).to_be_hidden()
    assert stage.page.evaluate("window.store") == {"orchestra-nb.notify": "no"}
    stage = tab(scenes.running(), 24.6, "default", hidden=False, dismissed=True)
    expect(stage.page.locator(".notify")).to_be_hidden()


def test_the_offer_can_be_sent_away(tab: Any) -> None:
    """Without being asked anything."""
    stage = tab(scenes.running(), 24.6, "default", hidden=False)
    stage.page.get_by_role("button", name="Don’t offer notifications").click()
    expect(stage.page.locator(".notify")).to_be_hidden()
    assert stage.page.evaluate("window.asks") == 0
    assert stage.page.evaluate("window.store") == {"orchestra-nb.notify": "no"}
