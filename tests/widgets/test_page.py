"""The board in a real browser, on a page of its own: what clicks send, what moves, what is said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from . import scenes
from .stage import Stage

DATABASE = "database-technology"


def confirm(stage: Stage) -> Any:
    """The button that confirms."""
    return stage.page.locator(".card:visible .btn.main.wide")


def boxes(page: Page) -> Any:
    """Where everything that can be clicked in the card stands."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.card .option, .card .btn, .card input[type=text],"
        " .clockline, .track')].map((e) => { const r = e.getBoundingClientRect();"
        " return [r.x, r.y + scrollY, r.width, r.height].map(Math.round) })"
    )


def test_the_recommendation_is_preselected_and_agreeing_is_one_click(stage: Stage) -> None:
    """The button names the choice and carries the time that is left."""
    stage.show(scenes.deciding(), 18.7)
    expect(confirm(stage)).to_have_text(
        re.compile(r"^Confirm A · PostgreSQL with optimization · 7:2[0-4]$")
    )
    confirm(stage).click()
    answers = stage.commands("answer")
    assert len(answers) == 1
    assert answers[0]["body"] == {
        "command": "answer", "decision": DATABASE, "option": "A", "text": None, "note": None,
    }  # fmt: skip
    assert answers[0]["client"]
    expect(confirm(stage)).to_have_text("Sending…")
    expect(confirm(stage)).to_be_disabled()


def test_choosing_another_option_sends_nothing_and_moves_the_time_to_the_recommended_row(
    stage: Stage,
) -> None:
    """What will happen by itself is what carries the countdown."""
    stage.show(scenes.deciding(), 18.7)
    stage.page.locator(".option").nth(1).click()
    expect(confirm(stage)).to_have_text("Confirm B · Cassandra")
    expect(stage.page.locator(".option").first.locator(".ot")).to_have_text(re.compile(r"^7:2\d$"))
    assert stage.commands("answer") == []


def test_an_answer_is_repeated_until_it_is_acknowledged(stage: Stage) -> None:
    """A click is not lost because a kernel was busy."""
    stage.show(scenes.deciding(), 18.7)
    stage.page.evaluate("window.noacks = true")
    confirm(stage).click()
    stage.page.wait_for_timeout(3600)
    answers = stage.commands("answer")
    assert len(answers) == 3
    assert len({m["id"] for m in answers}) == 1
    expect(stage.page.locator(".then")).to_have_text(
        "Still sending. The kernel is busy; your answer counts when it arrives in time."
    )
    stage.push({"type": "ack", "id": answers[0]["id"]})
    stage.page.wait_for_timeout(2300)
    assert len(stage.commands("answer")) == 3


def test_the_card_becomes_a_record_when_the_engine_says_so(stage: Stage) -> None:
    """Only the outcome ends a card; the line of screen readers says it."""
    s = scenes.deciding()
    stage.show(s, 18.7)
    s.decide(18.8, DATABASE, "B", "user", note="We know it")
    stage.advance(18.8)
    expect(stage.page.locator(".card")).to_have_count(0)
    record = stage.page.locator(".record").first
    expect(record).to_contain_text("Database technology → B · Cassandra")
    expect(record).to_contain_text("You, at ")
    expect(record).to_contain_text("Note: “We know it”.")
    expect(stage.page.locator(".sr")).to_have_text("Database technology: B, by you.")
    expect(stage.page.locator(".needs")).to_contain_text("Nothing needs you.")


@pytest.mark.parametrize("told_first", [False, True])
def test_a_late_answer_is_told_on_the_record(stage: Stage, told_first: bool) -> None:
    """Somebody whose click came too late reads so where the card was, whatever arrives first."""
    s = scenes.deciding()
    stage.show(s, 18.7)
    stage.page.locator(".option").nth(1).click()
    confirm(stage).click()
    sent = stage.commands("answer")[0]
    said = "Too late: A was taken by timeout at 10:58. Your B was not used."
    reply = {"type": "reply", "id": sent["id"], "decision": DATABASE, "ok": False, "text": said}
    reply |= {"late": True, "faults": {}}
    if told_first:
        stage.push(reply)
    s.decide(26.1, DATABASE, "A", "timeout")
    stage.advance(26.1)
    if not told_first:
        stage.push(reply)
    expect(stage.page.locator(".late")).to_have_text(said)


def test_keys_choose_confirm_and_leave(stage: Stage) -> None:
    """1 to 9 choose, Enter confirms, Esc leaves and decides nothing; typing is not choosing."""
    stage.show(scenes.deciding(), 18.7)
    page = stage.page
    page.get_by_role("button", name="Go to card").click()
    page.keyboard.press("3")
    expect(page.locator(".option input[type=radio]").nth(2)).to_be_checked()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    assert stage.commands("answer") == []
    page.get_by_label("Note").focus()
    page.keyboard.type("2 of us know it")
    expect(page.locator(".option input[type=radio]").nth(2)).to_be_checked()
    page.keyboard.press("Enter")
    answer = stage.commands("answer")[0]["body"]
    assert (answer["option"], answer["note"]) == ("C", "2 of us know it")


def test_other_takes_words_and_needs_some(stage: Stage) -> None:
    """An empty "Other…" can't be confirmed."""
    stage.show(scenes.deciding(), 18.7)
    page = stage.page
    page.locator(".option.other input[type=radio]").check()
    expect(confirm(stage)).to_be_disabled()
    page.get_by_label("Other: your own words").fill("SQLite will do")
    expect(confirm(stage)).to_have_text("Confirm “SQLite will do”")
    confirm(stage).click()
    answer = stage.commands("answer")[0]["body"]
    assert (answer["option"], answer["text"]) == ("other", "SQLite will do")


def test_without_a_recommendation_nothing_is_preselected_and_no_clock_runs(stage: Stage) -> None:
    """Nothing will happen by itself, so nothing says so."""
    s = scenes.begun()
    s.ask(18.6, DATABASE, "Database technology", recommend=None, because="", timeout_s=None)
    stage.show(s, 18.7)
    expect(stage.page.locator(".option input:checked")).to_have_count(0)
    expect(confirm(stage)).to_be_disabled()
    expect(confirm(stage)).to_have_text("Choose an option")
    expect(stage.page.locator(".time")).to_have_text("No clock")
    for part in (".option", ".clockline"):
        box = stage.page.locator(part).first.bounding_box()
        assert box
        assert box["width"] > 800
    stage.page.locator(".option").nth(1).click()
    expect(confirm(stage)).to_be_enabled()


def cut(stage: Stage, selector: str) -> int:
    """How many of these texts are cut."""
    found: int = stage.page.evaluate(
        "(selector) => [...document.querySelectorAll(selector)].filter((e) =>"
        " e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight).length",
        selector,
    )
    return found


@pytest.mark.parametrize("width", [600, 900])
def test_titles_are_not_cut(stage: Stage, width: int) -> None:
    """A long title takes another line, on the board and on the card."""
    s = scenes.begun()
    s.state.project = "Consolidated report of all subsidiaries for the board and the auditors, 2026"
    question = "How should the revenue of subsidiaries that changed their currency be translated?"
    s.ask(18.6, "rates", question, category="a category that is quite long for a category")
    stage.show(s, 18.7, width=width)
    expect(stage.page.locator(".card h3")).to_have_text(question)
    assert cut(stage, ".card h3, .card .cardhead .sub, .id h3") == 0


def test_findings_take_the_room_there_is(stage: Stage) -> None:
    """Few findings are shown whole; many get a line each, with the whole text in the title."""
    s = scenes.Scene()
    s.start(0.0, "business-analyst")
    s.found(1.0, "business-analyst", "Prices change weekly, not monthly, in all markets " * 2)
    stage.show(s, 2.0)
    high = stage.page.locator(".feed ol").evaluate("(e) => e.clientHeight")
    assert cut(stage, ".feed .text") == 0
    for n in range(4):
        s.found(1.1 + n / 10, "business-analyst", f"Finding {n} of four, which is not short at all")
    stage.advance(2.1)
    assert cut(stage, ".feed .text") > 0
    rows = stage.page.locator(".feed li").evaluate_all("(all) => all.map((e) => e.offsetHeight)")
    assert set(rows) == {26}
    assert stage.page.locator(".feed ol").evaluate("(e) => e.clientHeight") == high


def test_a_touched_decision_keeps_its_place_and_its_time(stage: Stage) -> None:
    """Its clock only stands still: the attention line goes on naming it and what is left."""
    s = scenes.deciding()
    s.ask(18.6, "region", "Cloud region", timeout_s=900.0)
    s.hold(18.65, DATABASE, "here", 20.65)
    stage.show(s, 18.7)
    expect(stage.page.locator(".needs")).to_contain_text("next: Database technology")
    expect(stage.page.locator(".needs .num")).to_have_text("7:27 left")
    expect(stage.page.locator(".item").first).to_contain_text("Database technology")


def lingering(stage: Stage) -> scenes.Scene:
    """Two cards, of which the one under the pointer was decided a moment ago."""
    s = scenes.deciding()
    s.ask(18.6, "region", "Cloud region", timeout_s=900.0)
    stage.show(s, 18.7)
    stage.page.locator(".card:visible .option").nth(1).hover()
    s.decide(18.8, DATABASE, "B", "user")
    stage.advance(18.8)
    return s


def test_after_a_record_the_next_decision_is_one_click_away(stage: Stage) -> None:
    """The button right below the record says what is next, and how long there is."""
    lingering(stage)
    button = stage.page.get_by_role("button", name=re.compile(r"^Next: Cloud region · 14:[45]\d$"))
    record = stage.page.locator(".pane .record").bounding_box()
    place = button.bounding_box()
    assert record
    assert place
    assert place["y"] - record["y"] < 110
    expect(stage.page.locator(".card:visible")).to_have_count(0)
    button.click()
    expect(stage.page.locator(".card:visible h3")).to_have_text("Cloud region")


def test_a_record_gives_way_to_the_next_card_though_the_pointer_stays(stage: Stage) -> None:
    """No clock runs out unseen; the pane stays as high until the pointer has left it."""
    lingering(stage)
    pane = stage.page.locator(".pane")
    before = pane.bounding_box()
    assert before
    expect(stage.page.locator(".card:visible h3")).to_have_text("Cloud region", timeout=2500)
    expect(pane.locator(".record")).to_have_count(0)
    after = pane.bounding_box()
    assert after
    assert (after["x"], after["y"], after["width"]) == (before["x"], before["y"], before["width"])
    assert after["height"] >= before["height"]
    stage.page.mouse.move(5, 5)
    expect(pane).to_have_css("min-height", "0px")


def test_a_record_with_nothing_after_it_stays_until_the_pointer_leaves(stage: Stage) -> None:
    """It gives way to a card that comes later, at once."""
    s = scenes.deciding()
    stage.show(s, 18.7)
    stage.page.locator(".card:visible .option").nth(1).hover()
    s.decide(18.8, DATABASE, "B", "user")
    stage.advance(18.8)
    stage.page.wait_for_timeout(1800)
    expect(stage.page.locator(".pane .record")).to_be_visible()
    expect(stage.page.get_by_role("button", name="Next:")).to_be_hidden()
    s.ask(18.9, "region", "Cloud region")
    stage.advance(18.9)
    expect(stage.page.locator(".card:visible h3")).to_have_text("Cloud region", timeout=1000)


def test_touching_and_typing_are_told_to_the_engine(stage: Stage) -> None:
    """The browser never holds the clock itself."""
    stage.show(scenes.deciding(), 18.7)
    assert stage.commands("touch") == []
    stage.page.get_by_label("Note").focus()
    stage.page.wait_for_timeout(500)
    assert [m["body"]["typing"] for m in stage.commands("touch")] == [False]
    stage.page.keyboard.type("abc")
    stage.page.wait_for_timeout(500)
    assert [m["body"]["typing"] for m in stage.commands("touch")] == [False, True]
    stage.page.wait_for_timeout(5200)
    touches = [m["body"]["typing"] for m in stage.commands("touch")]
    assert touches == [False, True, False]


def test_the_seconds_on_a_visible_card_are_counted(stage: Stage) -> None:
    """An outcome can say whether anybody could see the card at all."""
    stage.show(scenes.deciding(), 18.7)
    stage.page.locator(".card").scroll_into_view_if_needed()
    stage.page.wait_for_timeout(1800)
    shown = stage.commands("shown")
    assert shown
    assert 0.9 < shown[0]["body"]["seconds"] < 3


def test_nothing_in_the_card_moves_in_any_state_of_its_clock(stage: Stage) -> None:
    """Calm, warned, held and touched cards have equal boxes at 600, 900 and 1400 px."""
    for width in (600, 900, 1400):
        found = []
        for minutes, cause in ((18.7, ""), (25.2, ""), (25.7, ""), (18.7, "hold"), (18.7, "here")):
            s = scenes.deciding()
            if cause:
                s.hold(18.65, DATABASE, cause, 20.0)
            stage.show(s, minutes, width=width)
            found.append(boxes(stage.page))
        assert all(one == found[0] for one in found), width


def test_choosing_and_sending_move_nothing(stage: Stage) -> None:
    """The mouse stays over what it was over."""
    stage.show(scenes.deciding(), 18.7)
    before = boxes(stage.page)
    stage.page.locator(".option").nth(1).click()
    stage.page.wait_for_timeout(300)
    assert boxes(stage.page) == before
    confirm(stage).click()
    assert boxes(stage.page) == before


def test_a_second_decision_waits_with_its_list_until_the_pointer_has_left(stage: Stage) -> None:
    """The inbox comes up beside the card, but not under a hand."""
    s = scenes.deciding()
    stage.show(s, 18.7)
    stage.page.locator(".option").nth(1).hover()
    before = boxes(stage.page)
    s.ask(18.71, "region", "Cloud region", asker="devops-sre-expert")
    stage.advance(18.71)
    expect(stage.page.locator(".needs")).to_contain_text("2 decisions need you")
    shown = stage.page.evaluate("() => document.querySelectorAll('.card:not([hidden])').length")
    assert shown == 1
    assert boxes(stage.page)[: len(before)] == before
    expect(stage.page.locator(".list")).to_be_hidden()
    stage.page.mouse.move(5, 5)
    expect(stage.page.locator(".list")).to_be_visible()
    stage.page.locator(".item", has_text="Cloud region").click()
    expect(stage.page.locator(".card:visible h3")).to_have_text("Cloud region")
    stage.page.get_by_role("button", name="Wait for me: all 2").click()
    assert {m["body"]["decision"] for m in stage.commands("hold")} == {DATABASE, "region"}


def test_the_controls_of_the_run_send_their_commands(stage: Stage) -> None:
    """Autopilot, pause, stop, five minutes more, wait for me."""
    stage.show(scenes.deciding(), 18.7)
    for name in ("Autopilot", "Pause", "Stop", "+5 min", "Wait for me"):
        stage.page.get_by_role("button", name=name, exact=True).click()
    bodies = [m["body"] for m in stage.commands() if m["body"]["command"] not in ("touch", "shown")]
    assert bodies == [
        {"command": "autopilot", "on": True},
        {"command": "pause"},
        {"command": "stop"},
        {"command": "extend", "seconds": 300, "decision": DATABASE},
        {"command": "hold", "on": True, "decision": DATABASE},
    ]


def test_a_gap_in_the_deltas_asks_for_the_whole_picture(stage: Stage) -> None:
    """A message that was dropped on the way costs nothing but another."""
    s = scenes.deciding()
    stage.show(s, 18.7)
    hellos = "window.sent.filter((m) => m.type === 'hello').length"
    before = stage.page.evaluate(hellos)
    stage.seq += 5
    s.say(18.8, "uiux-expert", "later")
    stage.advance(18.8)
    assert stage.page.evaluate(hellos) == before + 1


def test_two_views_of_one_model_are_both_right(stage: Stage) -> None:
    """The same output in a second place has a client id of its own."""
    s = scenes.deciding()
    stage.show(s, 18.7)
    stage.page.evaluate(
        "() => { const el = document.createElement('div'); el.id = 'two';"
        " el.style.width = '900px'; document.body.append(el);"
        " window.widget.render({ model: window.model, el }) }"
    )
    stage.page.wait_for_timeout(400)
    stage.page.locator("#two .btn.main.wide").click()
    stage.page.locator("#out .btn.main.wide").click()
    assert len({m["client"] for m in stage.commands("answer")}) == 2
    s.decide(18.8, DATABASE, "A", "user")
    stage.advance(18.8)
    expect(stage.page.locator(".card")).to_have_count(0)
    expect(stage.page.locator(".record")).to_have_count(4)


def test_without_a_kernel_the_view_says_so_and_its_clock_stands_still(stage: Stage) -> None:
    """A saved page must not look alive."""
    stage.show(scenes.deciding(), 18.7, mute=True)
    expect(stage.page.locator(".needs")).to_contain_text(
        "Not connected to the kernel; this view shows 10:50. If it was restarted: onb.resume('",
        timeout=8000,
    )
    time = stage.page.locator(".time").inner_text()
    stage.page.wait_for_timeout(1200)
    assert stage.page.locator(".time").inner_text() == time
    expect(confirm(stage)).to_be_disabled()


def test_a_board_that_lost_its_kernel_can_not_fork(stage: Stage) -> None:
    """Undo is there while a kernel is; once that is gone nobody could do it."""
    lingering(stage)
    undo = stage.page.locator(".record .undo .link").first
    expect(undo).to_be_enabled()
    stage.page.evaluate("window.mute = true; window.model.fire('comm:close')")
    expect(undo).to_be_disabled()


def test_hostile_strings_are_only_text(stage: Stage) -> None:
    """No field of a plan or of an agent can run anything or break the board."""
    stage.show(scenes.hostile(), 18.7)
    for item in stage.page.locator(".item").all():
        item.click()
    stage.page.wait_for_timeout(300)
    assert stage.page.evaluate("window.__pwned") is None
    assert stage.page.locator("#out img, #out script, #out a, #out iframe").count() == 0
    over = stage.page.evaluate(
        "() => { const el = document.querySelector('.board');"
        " return el.scrollWidth - el.clientWidth }"
    )
    assert over <= 0


def test_2000_tasks_draw_only_what_is_seen(stage: Stage) -> None:
    """The page holds a dozen rows, and a delta of ten is taken in within a frame."""
    s = scenes.many(2000)
    stage.show(s, 26.0)
    page = stage.page
    assert page.locator(".lane").count() < 20
    page.get_by_role("tab", name=re.compile("^Done")).click()
    page.locator(".virtual").evaluate("(el) => { el.scrollTop = el.scrollHeight }")
    page.wait_for_timeout(200)
    assert page.locator(".lane:visible").count() <= 11
    expect(page.locator(".lane:visible").last).to_contain_text("reviewer-")
    took = []
    running = [t.id for t in s.state.tasks if t.status == "running"]
    for n in range(12):
        for task in running[:10]:
            s.say(26.01 + n / 100, task, f"step {n}")
        took.append(advance_timed(stage, 26.01 + n / 100))
    assert sorted(took)[6] < 16, took


def advance_timed(stage: Stage, minutes: float) -> float:
    """Milliseconds the page spends on a delta."""
    stage.page.evaluate(
        "() => { if (window.timed) return; window.timed = true; const fire = window.model.fire;"
        " window.model.fire = (n, v) => { const t = performance.now(); fire(n, v);"
        " window.took = performance.now() - t } }"
    )
    stage.advance(minutes)
    return float(stage.page.evaluate("window.took"))


def test_the_theme_follows_the_host(stage: Stage) -> None:
    """It is measured again when the host changes it."""
    stage.show(scenes.running(), 24.6)
    root = stage.page.locator(".onb")
    expect(root).to_have_attribute("data-theme", "light")
    expect(root).to_have_attribute("data-lm-suppress-shortcuts", "true")
    stage.theme("dark")
    expect(root).to_have_attribute("data-theme", "dark")


def test_a_paused_run_says_what_goes_on(stage: Stage) -> None:
    """Pausing is not stopping."""
    s = scenes.running()
    s.fold(24.5, {"event": "run_paused", "who": ""})
    stage.show(s, 24.6)
    expect(stage.page.locator(".needs")).to_contain_text(
        "Paused: nothing new starts, the 5 agents at work finish, decision clocks stand still."
    )
    stage.page.get_by_role("button", name="Resume").click()
    assert stage.commands("unpause")


@pytest.mark.parametrize("make", [scenes.finished, scenes.failed])
def test_a_run_that_is_over_has_no_live_controls(stage: Stage, make: Any) -> None:
    """Commands to go on with are code."""
    stage.show(make(), 63.5, mute=True)
    expect(stage.page.locator(".onb .btn:visible")).to_have_count(0)
    expect(stage.page.locator(".code")).to_contain_text("onb.open(")
    expect(stage.page.locator(".saved")).to_have_text("Saved view. Nothing here is live.")


def test_warnings_are_spoken_once(stage: Stage) -> None:
    """Screen readers hear of 60 seconds in the words of the look."""
    stage.show(scenes.deciding(), 25.08)
    expect(stage.page.locator(".sr")).to_have_text(
        "Database technology: 60 seconds left, then A is taken.", timeout=4000
    )
