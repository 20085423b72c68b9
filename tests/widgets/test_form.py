"""The form before a run, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import final_html
from tests.conftest import AXE, NO_AXE

from . import form_scenes as scenes
from .form_scenes import FORM
from .scenes import HOSTILE
from .stage import Stage, axe
from .test_axe import CONTRAST

WHOLE = "Needs a whole number, such as 3000."


def start(stage: Stage) -> Locator:
    """The button that starts the run."""
    return stage.page.locator(".card .btn.main.wide")


def field(stage: Stage, ask: str) -> Locator:
    """The question that reads so, with its control."""
    return stage.page.locator(".field", has_text=ask)


def shown(stage: Stage) -> list[str]:
    """The questions that are asked now."""
    return stage.page.locator(".field:visible .ask > :first-child").all_inner_texts()


def drafted(stage: Stage, values: dict[str, Any]) -> dict[str, Any]:
    """The last draft, once it holds just these values."""
    stage.page.wait_for_function(
        "(wanted) => { const found = window.sent.filter((m) => m.body?.command === 'draft');"
        " return JSON.stringify(found.at(-1)?.body.values) === JSON.stringify(wanted) }",
        arg=values,
    )
    return stage.commands("draft")[-1]


def judge(stage: Stage, message: dict[str, Any], **faults: str) -> None:
    """The kernel's reply to a draft or an answer."""
    stage.push(
        {
            "type": "reply", "id": message["id"], "decision": FORM, "ok": not faults,
            "text": f"{len(faults)} not fit: {faults}" if faults else "", "faults": faults,
        }
    )  # fmt: skip


def deepest(stage: Stage) -> None:
    """Answer so that all three questions that follow are asked."""
    stage.page.get_by_label("yes", exact=True).check()
    stage.page.get_by_label("10 ms", exact=True).check()
    stage.page.get_by_label("How many concurrent users?").fill("3000")


def test_an_untouched_form_starts_with_the_defaults_in_one_click(stage: Stage) -> None:
    """Nothing is sent as an answer that nobody gave."""
    stage.show(scenes.asking(), 0.66)
    expect(start(stage)).to_have_text(re.compile(r"^Start with the defaults · 4:2\d$"))
    expect(stage.page.locator(".needs")).to_contain_text(
        "The run starts after the questions below."
    )
    expect(stage.page.locator(".state")).to_have_text("Questions")
    expect(stage.page.locator(".clockline")).to_contain_text(
        "left, then the run starts as filled in."
    )
    start(stage).click()
    assert [m["body"] for m in stage.commands("answer")] == [
        {
            "command": "answer", "option": "A", "text": None, "note": None, "values": {},
            "decision": FORM,
        }
    ]  # fmt: skip
    assert stage.commands("draft") == []
    expect(start(stage)).to_have_text("Sending…")


def test_what_is_filled_in_is_sent_as_it_was_typed(stage: Stage) -> None:
    """Text, boxes, radios, list and numbers; what equals the default is left to the default."""
    stage.show(scenes.asking(), 0.66)
    page = stage.page
    page.get_by_label("What is the primary goal?").fill("More revenue")
    page.get_by_label("Internal").check()
    page.get_by_label("Which cloud?").select_option("Hetzner")
    page.get_by_label("5", exact=True).check()
    page.get_by_label("3", exact=True).check()
    page.get_by_label("What uptime is promised").fill("99,9")
    page.get_by_label("Where are the old prices?").fill("data/prices.csv")
    expect(start(stage)).to_have_text(re.compile("^Start as filled in · "))
    start(stage).click()
    assert stage.commands("answer")[0]["body"]["values"] == {
        "goal": "More revenue",
        "audience": ["B2B", "Internal"],
        "cloud": "Hetzner",
        "uptime": "99,9",
    }


def test_no_box_of_several_is_an_answer_too(stage: Stage) -> None:
    """Whoever unchecks the default means none of them."""
    stage.show(scenes.asking(), 0.66)
    stage.page.get_by_label("B2B").uncheck()
    start(stage).click()
    assert stage.commands("answer")[0]["body"]["values"] == {"audience": []}


def test_follow_ups_come_and_go_with_their_condition_three_deep(stage: Stage) -> None:
    """What was written in one that went is there when it comes back, and counts only then."""
    stage.show(scenes.asking(), 0.66)
    page = stage.page
    latency, users = "What is your latency requirement?", "How many concurrent users?"
    region = "In which region are they?"
    assert not {latency, users, region} & set(shown(stage))
    page.get_by_label("yes", exact=True).check()
    assert shown(stage)[2:5] == ["Do you need real-time features?", latency, "Which cloud?"]
    expect(page.locator(".sr[aria-live]")).to_have_text(f"1 more question: {latency}")
    page.get_by_label("10 ms", exact=True).check()
    page.get_by_label(users).fill("3000")
    assert shown(stage)[3:6] == [latency, users, region]
    asks = [field(stage, ask).locator(".ask") for ask in (latency, users, region)]
    lefts = [one.evaluate("(e) => e.getBoundingClientRect().x") for one in asks]
    assert lefts == sorted(set(lefts))
    page.get_by_label(region).fill("Europe")
    page.get_by_label("no", exact=True).check()
    assert not {latency, users, region} & set(shown(stage))
    drafted(stage, {})
    start(stage).click()
    assert stage.commands("answer")[0]["body"]["values"] == {}


def test_answers_to_questions_that_come_back_are_still_there(stage: Stage) -> None:
    """Changing one's mind twice costs nothing."""
    stage.show(scenes.asking(), 0.66)
    deepest(stage)
    stage.page.get_by_label("In which region are they?").fill("Europe")
    stage.page.get_by_label("no", exact=True).check()
    stage.page.get_by_label("yes", exact=True).check()
    start(stage).click()
    assert stage.commands("answer")[0]["body"]["values"] == {
        "real_time": "yes", "latency": "10 ms", "users": "3000", "region": "Europe",
    }  # fmt: skip


def test_typing_sends_one_draft_when_it_pauses(stage: Stage) -> None:
    """The engine knows what to start with when the time is over, without a flood of messages."""
    stage.show(scenes.asking(), 0.66)
    stage.page.get_by_label("What is the primary goal?").evaluate(
        "(e) => { for (const c of 'Revenue') { e.value += c;"
        " e.dispatchEvent(new Event('input', { bubbles: true })) } }"
    )
    drafted(stage, {"goal": "Revenue"})
    assert [m["body"] for m in stage.commands("draft")] == [
        {"command": "draft", "values": {"goal": "Revenue"}, "decision": FORM}
    ]
    stage.page.wait_for_function("window.sent.some((m) => m.body?.typing)")


def test_an_older_draft_is_never_repeated_after_a_newer_one(stage: Stage) -> None:
    """However slow the kernel is, what counts is what stands there."""
    stage.show(scenes.asking(), 0.66)
    stage.page.evaluate("window.noacks = true")
    goal = stage.page.get_by_label("What is the primary goal?")
    goal.fill("More")
    first = drafted(stage, {"goal": "More"})
    goal.fill("More revenue")
    second = drafted(stage, {"goal": "More revenue"})
    stage.page.wait_for_function(
        "(id) => window.sent.filter((m) => m.id === id).length > 1", arg=second["id"]
    )
    after = stage.commands("draft")
    newest = next(n for n, m in enumerate(after) if m["id"] == second["id"])
    assert first["id"] not in [m["id"] for m in after[newest:]]


def test_a_fault_is_told_when_its_field_is_left_not_while_it_is_written(stage: Stage) -> None:
    """And it goes as soon as the answer fits, wherever the focus is."""
    stage.show(scenes.asking(), 0.66)
    stage.page.get_by_label("yes", exact=True).check()
    stage.page.get_by_label("10 ms", exact=True).check()
    users = stage.page.get_by_label("How many concurrent users?")
    fault = field(stage, "How many concurrent users?").locator(".fault")
    users.press_sequentially("a few")
    before = {"real_time": "yes", "latency": "10 ms"}
    judge(stage, drafted(stage, before | {"users": "a few"}), users=WHOLE)
    expect(fault).to_be_hidden()
    users.blur()
    expect(fault).to_have_text(WHOLE)
    expect(users).to_have_attribute("aria-invalid", "true")
    described = (users.get_attribute("aria-describedby") or "").split()
    assert described[-1] == fault.get_attribute("id")
    users.focus()
    expect(fault).to_be_visible()
    users.fill("300")
    judge(stage, drafted(stage, before | {"users": "300"}))
    expect(fault).to_be_hidden()
    expect(users).not_to_have_attribute("aria-invalid", "true")


def test_a_refused_start_says_what_does_not_fit_and_leaves_the_focus(stage: Stage) -> None:
    """Each fault stands beside its field; the kernel's sentence about them is spoken."""
    stage.show(scenes.asking(), 0.66)
    stage.page.get_by_label("What uptime is promised").fill("all of it")
    start(stage).focus()
    stage.page.keyboard.press("Enter")
    needed = "Needs a number, such as 2.5."
    judge(stage, stage.commands("answer")[0], uptime=needed)
    expect(field(stage, "What uptime").locator(".fault")).to_have_text(needed)
    for place in (".then", ".sr[aria-live]"):
        expect(stage.page.locator(place)).to_have_text(f"1 not fit: {{'uptime': '{needed}'}}")
    assert stage.page.evaluate("document.activeElement.matches('.main.wide')")
    expect(start(stage)).to_be_enabled()
    expect(start(stage)).to_have_text(re.compile("^Start as filled in"))


@pytest.mark.parametrize("width", [600, 900, 1400])
def test_a_fault_beside_its_field_moves_nothing(stage: Stage, width: int) -> None:
    """What the mouse is over stays where it is."""
    stage.show(scenes.asking(), 0.66, width=width)
    deepest(stage)
    before = tops(stage)
    start(stage).click()
    judge(
        stage, stage.commands("answer")[0], users=WHOLE, uptime=WHOLE, goal="Needs text.",
        prices="Needs a path, such as data/prices.csv.", cloud="Needs one of: AWS, Azure.",
    )  # fmt: skip
    expect(stage.page.locator(".fault:visible")).to_have_count(5)
    assert tops(stage) == before


def tops(stage: Stage) -> Any:
    """Where everything that can be used in the form stands."""
    return stage.page.evaluate(
        "() => [...document.querySelectorAll('.card :is(input, select, .btn, .pill, .clockline)')]"
        ".map((e) => Math.round(e.getBoundingClientRect().top + scrollY))"
    )


def test_the_defaults_can_be_had_and_the_answers_back(stage: Stage) -> None:
    """A stray click on the way to the defaults loses nothing that was written."""
    stage.show(scenes.asking(), 0.66)
    page = stage.page
    expect(page.get_by_role("button", name="Use the defaults")).to_be_disabled()
    page.get_by_label("What is the primary goal?").fill("More revenue")
    deepest(stage)
    page.get_by_role("button", name="Use the defaults").click()
    expect(start(stage)).to_have_text(re.compile("^Start with the defaults"))
    assert stage.commands("answer") == []
    drafted(stage, {})
    page.get_by_role("button", name="Back to my answers").click()
    expect(page.get_by_label("What is the primary goal?")).to_have_value("More revenue")
    expect(page.get_by_label("How many concurrent users?")).to_have_value("3000")
    assert stage.commands("draft")[-1]["body"]["values"]["users"] == "3000"


def test_the_form_can_be_filled_in_by_key_alone(stage: Stage) -> None:
    """Enter goes on to the next question and starts nothing before the button is reached."""
    stage.show(scenes.asking(), 0.66)
    page = stage.page
    page.get_by_label("What is the primary goal?").focus()
    page.keyboard.type("More revenue")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")  # from no to yes
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")  # from 100 ms to 10 ms
    page.keyboard.press("Enter")
    page.keyboard.type("3000")
    page.keyboard.press("Enter")
    page.keyboard.type("Europe")
    page.keyboard.press("Enter")
    page.keyboard.type("H")  # Hetzner, in a list
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.get_by_label("What uptime is promised")).to_be_focused()
    assert stage.commands("answer") == []
    page.keyboard.press("Enter")
    expect(start(stage)).to_be_focused()
    page.keyboard.press("Enter")
    assert stage.commands("answer")[0]["body"]["values"] == {
        "goal": "More revenue", "real_time": "yes", "latency": "10 ms", "users": "3000",
        "region": "Europe", "cloud": "Hetzner",
    }  # fmt: skip


def test_escape_leaves_the_form_and_starts_nothing(stage: Stage) -> None:
    """As in every card."""
    stage.show(scenes.asking(), 0.66)
    stage.page.get_by_label("What is the primary goal?").focus()
    stage.page.keyboard.press("Escape")
    assert stage.page.evaluate("document.activeElement === document.body")
    assert stage.commands("answer") == []


def test_phases_and_agents_come_when_the_run_starts(stage: Stage) -> None:
    """Before there is nothing to see of them; the form's answers stay as a record."""
    s = scenes.asking()
    stage.show(s, 0.66)
    page = stage.page
    expect(page.locator(".phases")).to_be_hidden()
    expect(page.locator(".lanes")).to_be_hidden()
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    start(stage).hover()
    s.decide(0.8, FORM, "A", "user", values=scenes.ANSWERS)
    s.start(0.8, "business-analyst")
    stage.advance(0.8)
    expect(page.locator(".lanes")).to_be_visible()
    expect(page.locator(".state")).to_have_text("Running")
    record = page.locator(".record")
    expect(record).to_contain_text("Before the run → 5 of 9 answered")
    expect(record).to_contain_text("Started as filled in by you, at 10:32 after 0:46 of 5:00.")
    answers = dict(
        zip(record.locator("dt").all_inner_texts(), record.locator("dd").all_inner_texts(),
            strict=True)
    )  # fmt: skip
    assert answers["Who is the target audience?"] == "B2B, Internal"
    assert answers["Do you need real-time features?"] == "yes"
    assert answers["Which cloud?"] == "no answer"
    assert "In which region are they?" not in answers
    expect(record.locator("dd.asdefault")).to_have_text(
        ["500", "no answer", "data/prices.csv", "3"]
    )
    assert page.locator("canvas.strip").evaluate("(e) => e.width > 0")


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("timeout", "Nobody answered within 5:00, so the run started with the defaults at 10:32."),
        ("autopilot", "Autopilot started the run with the defaults at 10:32."),
        ("policy", "Guided mode starts with the defaults, at once."),
    ],
)
def test_a_record_says_who_started_the_run_with_what(stage: Stage, by: str, said: str) -> None:
    """Nobody is said to have answered who did not."""
    defaults = {
        "goal": None, "audience": ["B2B"], "real_time": False, "cloud": None,
        "prices": "data/prices.csv", "level": "3", "uptime": 99.5,
    }  # fmt: skip
    stage.show(scenes.started(by, defaults), 1.0)
    record = stage.page.locator(".record")
    expect(record).to_contain_text("Before the run → the defaults")
    expect(record.locator(".sub")).to_have_text(said)


def test_what_was_drafted_is_there_after_a_reload(stage: Stage) -> None:
    """What would count when the time is over can be seen, and is not sent again."""
    stage.show(scenes.asking(), 0.66)
    stage.page.evaluate(
        "() => { window.stop(); window.model.state.snapshot.decisions[0].draft ="
        " { goal: 'More revenue', real_time: 'yes', audience: ['B2C'] };"
        " window.stop = window.widget.render({ model: window.model,"
        " el: document.getElementById('out') }) }"
    )
    expect(stage.page.get_by_label("What is the primary goal?")).to_have_value("More revenue")
    expect(stage.page.get_by_label("B2C")).to_be_checked()
    expect(stage.page.get_by_label("B2B")).not_to_be_checked()
    expect(field(stage, "What is your latency requirement?")).to_be_visible()
    expect(start(stage)).to_have_text(re.compile("^Start as filled in"))
    assert stage.commands("draft") == []


def test_hostile_questions_are_only_text(stage: Stage) -> None:
    """No question, option, default or group can run anything or break the board."""
    stage.show(scenes.hostile_form(), 0.66)
    page = stage.page
    for control in page.locator(".field input[type=text]").all():
        control.fill(HOSTILE[0])
    assert page.evaluate("window.__pwned") is None
    assert page.locator("#out img, #out script, #out a, #out iframe").count() == 0
    wide = page.evaluate(
        "() => { const el = document.querySelector('.board');"
        " return el.scrollWidth - el.clientWidth }"
    )
    assert wide <= 0


def answered_wrongly(stage: Stage) -> None:
    """All follow-ups are open, and two answers do not fit."""
    deepest(stage)
    start(stage).click()
    judge(stage, stage.commands("answer")[0], users=WHOLE, audience="Needs some of: B2B, B2C.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_of_the_form_has_a_contrast_of_4_5(stage: Stage, theme: str) -> None:
    """Placeholders, hints and faults too."""
    stage.show(scenes.asking(), 0.66, theme=theme)
    answered_wrongly(stage)
    worst: list[Any] = stage.page.evaluate(CONTRAST)
    assert worst[0][0] >= 4.5, worst


@pytest.mark.skipif(not AXE.exists(), reason=NO_AXE)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_form(stage: Stage, theme: str) -> None:
    """Labels, groups, faults and what they belong to."""
    stage.show(scenes.asking(), 0.66, theme=theme)
    assert axe(stage, ".onb") == []
    answered_wrongly(stage)
    assert axe(stage, ".onb") == []
    s = scenes.started()
    stage.show(s, 1.0, theme=theme)
    assert axe(stage, ".onb") == []


@pytest.mark.parametrize("width", [600, 900, 1400])
def test_the_static_record_tells_the_same(stage: Stage, width: int) -> None:
    """Answers, thumbs and marks stand in the saved notebook where they stood on the board."""
    s = scenes.decided_form()
    page = stage.page
    stage.show(s, 3.0, width=width)
    live = [page.locator(f".record {tag}").all_inner_texts() for tag in ("dt", "dd", ".sub")]
    top = page.locator(".record").evaluate("(e) => e.getBoundingClientRect().top")
    html = final_html(s.state, run=RunInfo.of(s.state))
    page.evaluate("html => { document.querySelector('#out').innerHTML = html }", html)
    found = [page.locator(f".record {tag}").all_inner_texts() for tag in ("dt", "dd", ".sub")]
    assert found == live
    assert abs(page.locator(".record").evaluate("(e) => e.getBoundingClientRect().top") - top) <= 24
    for name, words in (("business-analyst", "Rated: good"), ("frontend-expert", "Rated: poor")):
        row = page.locator("tr", has_text=name).first
        expect(row.get_by_role("img", name=words)).to_be_visible()
    assert page.locator(".hand [role=img]").count() == 2
    if AXE.exists():
        assert axe(stage, ".onb-end") == []


def test_hostile_answers_are_only_text_in_the_static_record(stage: Stage) -> None:
    """Whatever was typed."""
    s = scenes.decided_form(goal=HOSTILE[0], cloud=HOSTILE[8], prices="x" * 3000)
    stage.page.set_content(final_html(s.state, run=RunInfo.of(s.state)))
    assert stage.page.evaluate("window.__pwned") is None
    assert stage.page.locator("img, script, svg:not(.g)").count() == 0
    expect(stage.page.locator("dd").nth(5)).to_be_visible()
