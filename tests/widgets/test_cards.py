"""Cards by purpose on a page of their own: what they show, what they send, what stands still."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from . import card_scenes as cards
from .scenes import Scene, begun
from .stage import Stage

MAKERS: dict[str, Callable[[], Scene]] = {
    "checkpoint": cards.checkpoint,
    "overrun": cards.overrun,
    "approval": cards.approval,
    "review": cards.review,
    "failure": cards.failure,
    "budget": cards.budget,
    "spend": cards.spend,
}
ARGUMENTS = cards.APPROVAL["detail"]["arguments"]
EMAIL = "send-email-1"


def confirm(stage: Stage) -> Locator:
    """The button that confirms."""
    return stage.page.locator(".card:visible .btn.main.wide")


def option(stage: Stage, key: str) -> Locator:
    """The row of an option."""
    return stage.page.locator(f".card:visible .option:has(input[value='{key}'])")


def note(stage: Stage) -> Locator:
    """The field for words that go with the answer."""
    return stage.page.locator(".card:visible .note :is(input, textarea)")


def edit(stage: Stage) -> Locator:
    """The button that turns values into fields, and back."""
    return stage.page.locator(".card:visible .sheethead .btn")


def argument(stage: Stage, name: str) -> Locator:
    """The field of an argument."""
    return stage.page.get_by_label(name, exact=True).locator("visible=true")


def answers(stage: Stage) -> list[dict[str, Any]]:
    """The answers that were sent, without the kind of command."""
    return [
        {key: value for key, value in m["body"].items() if key != "command"}
        for m in stage.commands("answer")
    ]


def refuse(stage: Stage, decision: str, text: str, faults: dict[str, str]) -> None:
    """The engine's word that the last answer does not fit."""
    sent = stage.commands("answer")[-1]["id"]
    stage.push(
        {"type": "reply", "id": sent, "decision": decision, "ok": False, "text": text,
         "faults": faults}
    )  # fmt: skip


def boxes(stage: Stage) -> Any:
    """Where everything of the card stands that can be clicked, read or scrolled."""
    return stage.page.evaluate(
        "() => [...document.querySelectorAll('.card .option, .card .actions .btn:not([hidden]),"
        " .card .note textarea, .note input, .outlook, .facts, .sheet, .resultbox, .scrolls,"
        " .problem, .clockline, .track, .card')].filter((e) => e.offsetHeight).map((e) => {"
        " const r = e.getBoundingClientRect();"
        " return [r.x, r.y + scrollY, r.width, r.height].map(Math.round) })"
    )


@pytest.mark.parametrize("width", [600, 900, 1400])
@pytest.mark.parametrize("name", list(MAKERS))
def test_choosing_typing_and_sending_move_nothing(stage: Stage, name: str, width: int) -> None:
    """Each card has its size from the first moment, whatever is chosen, written or refused."""
    stage.show(MAKERS[name](), 18.7, width=width)
    before = boxes(stage)
    rows = stage.page.locator(".card .option")
    for n in range(rows.count()):
        rows.nth(n).click()
        assert boxes(stage) == before, n
        note(stage).fill("Leave out the EU store\nfor now")
        assert boxes(stage) == before, n
        note(stage).fill("")
    rows.first.click()
    note(stage).fill("12")  # a raise has to be an amount
    confirm(stage).click()
    assert boxes(stage) == before
    decision = stage.commands("answer")[0]["body"]["decision"]
    refuse(stage, decision, "This does not fit.", {"note": "Needs other words."})
    expect(stage.page.locator(".note .fault")).to_be_visible()
    after = boxes(stage)
    moved = [n for n, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert [before[n][:2] for n in moved] == [after[n][:2] for n in moved]
    assert len(moved) <= 1, "only the field gives way to what is said of it"


@pytest.mark.parametrize("width", [600, 900, 1400])
def test_a_checkpoint_stands_still_in_all_states_of_its_clock(stage: Stage, width: int) -> None:
    """Calm, warned, held and touched cards have equal boxes."""
    found = []
    for minutes, cause in ((18.7, ""), (25.2, ""), (25.7, ""), (18.7, "hold"), (18.7, "here")):
        s = cards.checkpoint()
        if cause:
            s.hold(18.65, "checkpoint-1", cause, 20.0)
        stage.show(s, minutes, width=width)
        found.append(boxes(stage))
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("width", [600, 900])
@pytest.mark.parametrize("name", ["approval", "review"])
def test_editing_moves_nothing(stage: Stage, name: str, width: int) -> None:
    """Fields stand where the values stood, and messages take no room from others."""
    # Few arguments: their box is as high as they are.
    few = {"copies": 2, "attachments": [1, 2]}
    scene = cards.approval(arguments=few) if name == "approval" else cards.review()
    stage.show(scene, 18.7, width=width)
    before = boxes(stage)
    edit(stage).click()
    assert boxes(stage) == before
    if name == "approval":
        argument(stage, "attachments").fill("[")
        argument(stage, "copies").fill("two")
        expect(stage.page.locator(".argument .fault:visible")).to_have_count(2)
        assert boxes(stage) == before
    else:
        confirm(stage).click()
        refuse(stage, "review-4", "It does not fit.", {"result": "Needs a title. " * 20})
        expect(stage.page.locator(".resultbox .fault")).to_be_visible()
        assert boxes(stage) == before
    edit(stage).click()
    assert boxes(stage) == before


def test_a_checkpoint_shows_blockers_first_and_what_it_took(stage: Stage) -> None:
    """What was found, time and cost against what was expected, and who goes on."""
    stage.show(cards.checkpoint(), 18.7)
    card = stage.page.locator(".card")
    lines = card.locator(".found li").all_inner_texts()
    assert lines[0].split("\n")[-1] == "Blocker No price history before 2025-01 for the EU store"
    assert len(lines) == 3
    expect(card.locator(".figures")).to_contain_text("14:12expected 12 min (9 to 17 min)")
    expect(card.locator(".figures")).to_contain_text("$0.98of $5.00 budget")
    expect(card.locator(".figures")).to_contain_text("at least 47 min")
    expect(card).to_contain_text(
        "At work when this opened: product-strategy-expert, uiux-expert, ai-ml-expert."
    )
    at = card.locator(".scale").first.evaluate(
        "(e) => { const [band, now, line] = ['.band', '.now', '.line'].map((s) =>"
        " e.querySelector(s).getBoundingClientRect());"
        " return [band.left < line.left, line.left < now.right, now.right < band.right] }"
    )
    assert at == [True, True, True]


def test_an_overrun_says_so_in_words_and_offers_only_what_there_is(stage: Stage) -> None:
    """Nothing to leave out: no Simplify; a cost that is not known is not called one."""
    stage.show(cards.overrun(), 18.7)
    card = stage.page.locator(".card")
    expect(card.locator(".figures")).to_contain_text("over the expected 12 min")
    expect(card.locator(".figures")).to_contain_text(
        "at least $1.40no budget; 2 exchanges of unknown cost"
    )
    expect(card).to_contain_text("Nothing was reported.")
    assert card.locator("kbd").all_inner_texts() == ["A", "B", "D"]
    stage.page.keyboard.press("Tab")
    stage.page.get_by_role("button", name="Go to card").click()
    expect(card.locator(".hint")).to_have_text(
        "A, B, D or 1 to 3 choose, Enter confirms, Esc leaves"
    )
    stage.page.keyboard.press("d")
    expect(confirm(stage)).to_have_text("Confirm D · Stop")


def test_each_option_of_a_checkpoint_says_what_it_would_do(stage: Stage) -> None:
    """Simplify lists what would be left out, before anything is confirmed."""
    stage.show(cards.checkpoint(), 18.7)
    outlook = stage.page.locator(".outlook")
    expect(outlook).to_contain_text("6 tasks are still to start:")
    option(stage, "C").click()
    expect(outlook.locator("li")).to_have_text(
        [
            "security-specialist: runs from level 4",
            "qa-test-engineer: runs from level 3",
            "devops-sre-expert: needs qa-test-engineer",
        ]
    )
    expect(stage.page.get_by_role("radio", name="C Simplify")).to_have_accessible_description(
        re.compile(r"^Simplify: what it does Level 3 becomes 2 .* needs qa-test-engineer$")
    )
    option(stage, "D").click()
    expect(outlook).to_contain_text("6 tasks never start.")
    assert answers(stage) == []


def test_adjusting_needs_its_words(stage: Stage) -> None:
    """An adjustment that says nothing can't be confirmed; Enter in the field confirms it."""
    stage.show(cards.checkpoint(), 18.7)
    option(stage, "B").click()
    expect(confirm(stage)).to_have_text("Say what to adjust")
    expect(confirm(stage)).to_be_disabled()
    field = stage.page.get_by_label("What to adjust")
    field.focus()
    stage.page.keyboard.press("Enter")
    assert answers(stage) == []
    stage.page.keyboard.type("Leave out the EU store")
    stage.page.keyboard.press("Shift+Enter")
    stage.page.keyboard.type("for now")
    expect(confirm(stage)).to_have_text("Confirm B · Adjust")
    stage.page.keyboard.press("Enter")
    assert answers(stage) == [
        {"decision": "checkpoint-1", "option": "B", "text": None,
         "note": "Leave out the EU store\nfor now"}
    ]  # fmt: skip


def test_agreeing_with_a_checkpoint_is_one_click(stage: Stage) -> None:
    """The recommendation is chosen, and the button carries the time that is left."""
    stage.show(cards.checkpoint(), 18.7)
    expect(confirm(stage)).to_contain_text("Confirm A · Continue · 7:2")
    confirm(stage).click()
    assert answers(stage) == [
        {"decision": "checkpoint-1", "option": "A", "text": None, "note": None}
    ]


def test_an_approval_shows_the_call_and_decides_nothing_by_itself(stage: Stage) -> None:
    """Nothing is chosen, no clock runs, and every argument can be read."""
    stage.show(cards.approval(problem="to: nobody has this address"), 18.7)
    card = stage.page.locator(".card")
    expect(card.locator(".tool")).to_have_text("send_email")
    expect(card).to_contain_text("Sends one message from the project's own address.")
    expect(card.locator(".problemline")).to_have_text("to: nobody has this address")
    names = card.locator(".argument dt code").all_inner_texts()
    assert names == list(ARGUMENTS)
    shown = card.locator(".argument dd").all_inner_texts()
    assert shown[0] == "pricing-team@example.com"
    assert shown[2] == ARGUMENTS["body"]
    assert shown[3:5] == ["false", "2"]
    assert shown[5] == '[ "pricing", "usage" ]'
    assert '\n    "rows": 412,\n' in shown[6]
    expect(card.locator("input:checked")).to_have_count(0)
    expect(confirm(stage)).to_have_text("Choose an option")
    expect(confirm(stage)).to_be_disabled()
    expect(card.locator(".time")).to_have_text("No clock")
    expect(card.get_by_role("button", name="+5 min")).to_be_hidden()
    option(stage, "A").click()
    expect(confirm(stage)).to_have_text("Approve send_email")
    confirm(stage).click()
    assert answers(stage) == [{"decision": EMAIL, "option": "A", "text": None, "note": None}]


def test_a_changed_call_is_sent_whole(stage: Stage) -> None:
    """Texts stay texts, numbers numbers, structures structures; what was not touched goes along."""
    stage.show(cards.approval(), 18.7)
    edit(stage).click()
    expect(confirm(stage)).to_have_text("Approve send_email")
    argument(stage, "to").fill("007")
    argument(stage, "urgent").select_option("true")
    argument(stage, "copies").fill("3.5")
    argument(stage, "attachments").fill('[{"file": "b.csv"}, null]')
    expect(confirm(stage)).to_have_text("Approve with changes")
    confirm(stage).click()
    assert answers(stage) == [
        {"decision": EMAIL, "option": "A", "text": None, "note": None, "values": ARGUMENTS | {
            "to": "007", "urgent": True, "copies": 3.5,
            "attachments": [{"file": "b.csv"}, None]}}
    ]  # fmt: skip


def test_editing_without_changing_is_plain_approval(stage: Stage) -> None:
    """Looking into the fields sends no arguments; undone changes are not sent, nor lost."""
    stage.show(cards.approval(), 18.7)
    edit(stage).click()
    argument(stage, "subject").fill("Something else")
    edit(stage).click()
    expect(confirm(stage)).to_have_text("Approve send_email")
    expect(stage.page.locator(".argument dd").nth(1)).to_have_text("Usage pricing: what we found")
    edit(stage).click()
    expect(argument(stage, "subject")).to_have_value("Something else")
    edit(stage).click()
    confirm(stage).click()
    assert "values" not in answers(stage)[0]


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("attachments", "[1, 2", "This is not JSON."),
        ("attachments", '[\n  {"file": 1,}\n]', "This is not JSON: see line 2."),
        ("attachments", "", "Needs JSON, such as [1, 2]."),
        ("copies", "two", "Needs a number, such as 3000."),
        ("copies", "", "Needs a number, such as 3000."),
        ("copies", "9007199254740993", "Too large a number to be sent exactly."),
    ],
)
def test_an_argument_that_does_not_fit_says_so_beside_it(
    stage: Stage, name: str, typed: str, said: str
) -> None:
    """It can't be approved until it is mended; refusing it can."""
    stage.show(cards.approval(), 18.7)
    edit(stage).click()
    field = argument(stage, name)
    field.fill(typed)
    expect(field).to_have_accessible_description(said)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(confirm(stage)).to_have_text(f"Mend {name}")
    expect(confirm(stage)).to_be_disabled()
    option(stage, "B").click()
    expect(confirm(stage)).to_be_enabled()
    option(stage, "A").click()
    field.fill("[]" if name == "attachments" else "4")
    expect(field).to_have_accessible_description("")
    expect(confirm(stage)).to_have_text("Approve with changes")


def test_refusing_a_call_tells_the_agent_why(stage: Stage) -> None:
    """The words go along; changed arguments do not."""
    stage.show(cards.approval(), 18.7)
    edit(stage).click()
    argument(stage, "to").fill("me@example.com")
    option(stage, "B").click()
    expect(confirm(stage)).to_have_text("Refuse")
    stage.page.get_by_label("Why (goes to the agent)").fill("The team has not read it yet")
    confirm(stage).click()
    assert answers(stage) == [
        {"decision": EMAIL, "option": "B", "text": None, "note": "The team has not read it yet"}
    ]


def test_faults_of_the_engine_stand_beside_their_fields(stage: Stage) -> None:
    """What the engine refuses is said where it is mended, and is spoken."""
    stage.show(cards.approval(), 18.7)
    edit(stage).click()
    argument(stage, "to").fill("nobody")
    confirm(stage).click()
    expect(confirm(stage)).to_have_text("Sending…")
    refuse(
        stage, EMAIL, "1 argument does not fit.", {"to": "Needs an address.", "note": "Too long."}
    )
    expect(argument(stage, "to")).to_have_accessible_description("Needs an address.")
    expect(note(stage)).to_have_accessible_description("Too long.")
    expect(stage.page.locator(".then")).to_have_text("1 argument does not fit.")
    expect(stage.page.locator(".sr")).to_have_text("1 argument does not fit.")
    expect(confirm(stage)).to_have_text("Approve with changes")
    argument(stage, "to").fill("nobody@example.com")
    expect(argument(stage, "to")).to_have_accessible_description("")
    note(stage).fill("short")
    expect(note(stage)).not_to_have_attribute("aria-invalid", "true")
    expect(stage.page.locator(".note .fault")).to_be_hidden()


def test_a_held_key_sends_a_refused_answer_once(stage: Stage) -> None:
    """Enter goes on repeating while the engine says no."""
    stage.show(cards.failure(), 18.7)
    stage.page.get_by_role("button", name="Go to card").click()
    stage.page.keyboard.down("Enter")
    refuse(stage, "failure-7", "Not now.", {})
    expect(stage.page.locator(".then")).to_have_text("Not now.")
    stage.page.keyboard.down("Enter")
    assert len(answers(stage)) == 1
    stage.page.keyboard.up("Enter")
    stage.page.keyboard.press("Enter")
    assert len(answers(stage)) == 2


def test_what_cannot_be_shown_as_it_is_cannot_be_changed(stage: Stage) -> None:
    """A hidden character is named where it stands; a call that is cut is not rewritten."""
    stage.show(cards.approval(arguments={"to": "me\u202e@example.com"}), 18.7)
    expect(stage.page.locator(".argument dd")).to_have_text("me‹U+202E›@example.com")
    expect(edit(stage)).to_be_hidden()
    expect(stage.page.locator(".sheet")).to_contain_text("can’t be changed here")


def test_enter_in_a_long_field_begins_a_line(stage: Stage) -> None:
    """A long text can be written without confirming anything; Esc leaves it."""
    stage.show(cards.approval(), 18.7)
    edit(stage).click()
    argument(stage, "body").fill("One")
    stage.page.keyboard.press("End")
    stage.page.keyboard.press("Enter")
    stage.page.keyboard.type("B 2")
    assert answers(stage) == []
    expect(argument(stage, "body")).to_have_value("One\nB 2")
    expect(stage.page.get_by_role("radio", name="A Approve")).to_be_checked()
    stage.page.keyboard.press("Escape")
    assert stage.page.evaluate("document.activeElement === document.body")
    expect(argument(stage, "body")).to_have_value("One\nB 2")
    stage.page.wait_for_function("window.sent.some((m) => m.body?.typing)")


def test_a_result_is_accepted_with_one_click(stage: Stage) -> None:
    """The card shows it whole, with its attempt and what was said of earlier ones."""
    stage.show(cards.review(), 18.7)
    card = stage.page.locator(".card")
    expect(card.locator("pre.result")).to_have_text(cards.REVIEW["detail"]["result"])
    expect(card).to_contain_text("Result of attempt 2")
    expect(card.locator(".comments li")).to_have_text(
        ["“Rank them, and say what is left out and why”"]
    )
    expect(confirm(stage)).to_have_text("Accept")
    confirm(stage).click()
    assert answers(stage) == [{"decision": "review-4", "option": "A", "text": None, "note": None}]


def test_a_result_that_was_changed_takes_the_place_of_the_agents(stage: Stage) -> None:
    """The text goes as it stands in the field."""
    stage.show(cards.review(), 18.7)
    edit(stage).click()
    expect(confirm(stage)).to_have_text("Accept")
    field = stage.page.get_by_label("Result", exact=True).locator("visible=true")
    field.fill("1. Price rules\n\n  2. Audit trail ")
    expect(confirm(stage)).to_have_text("Accept with changes")
    confirm(stage).click()
    sent = answers(stage)[0]
    assert (sent["option"], sent["values"]) == (
        "A",
        {"result": "1. Price rules\n\n  2. Audit trail "},
    )


def test_a_structured_result_must_stay_one(stage: Stage) -> None:
    """JSON is read before it is sent."""
    stage.show(cards.review(format="json", result={"a": [1]}), 18.7)
    edit(stage).click()
    field = stage.page.get_by_label("Result", exact=True).locator("visible=true")
    expect(field).to_have_value('{\n  "a": [\n    1\n  ]\n}')
    field.fill('{"a": [1, 2]')
    expect(confirm(stage)).to_have_text("The result is not JSON")
    expect(confirm(stage)).to_be_disabled()
    expect(field).to_have_accessible_description("This is not JSON.")
    field.fill('{"a": [1, 2]}')
    confirm(stage).click()
    assert answers(stage)[0]["values"] == {"result": {"a": [1, 2]}}


def test_sending_back_needs_a_comment(stage: Stage) -> None:
    """The next attempt must know what to do better."""
    stage.show(cards.review(), 18.7)
    option(stage, "B").click()
    expect(confirm(stage)).to_have_text("Say what to do better")
    expect(confirm(stage)).to_be_disabled()
    stage.page.get_by_label("Comment (goes to the agent)").fill("Say who was asked")
    expect(confirm(stage)).to_have_text("Send back with comment")
    confirm(stage).click()
    sent = answers(stage)[0]
    assert (sent["option"], sent["note"]) == ("B", "Say who was asked")
    assert "values" not in sent


def test_a_result_that_is_too_long_says_where_it_is(stage: Stage) -> None:
    """What is shown in part can be accepted or sent back, not rewritten."""
    stage.show(cards.review(editable=False, result=None, preview="x" * 4000), 18.7)
    expect(stage.page.locator(".sheet")).to_contain_text(
        "Shown in part; the whole is in results/0004.2.txt."
    )
    expect(edit(stage)).to_be_hidden()


def test_a_failure_says_why_and_who_is_left_out(stage: Stage) -> None:
    """Going on without it is recommended and happens when nobody acts."""
    stage.show(cards.failure(), 18.7)
    card = stage.page.locator(".card")
    expect(card.locator(".problem pre")).to_contain_text("ValidationError: PriceRule.valid_from")
    expect(card.locator(".problem")).to_contain_text(
        "3 attempts failed. Without its result 2 tasks would be skipped: qa-test-engineer,"
        " devops-sre-expert."
    )
    assert card.inner_text().count("ValidationError: PriceRule") == 1
    expect(confirm(stage)).to_contain_text("Confirm B · Go on without it · 7:2")
    stage.page.get_by_role("button", name="Go to card").click()
    stage.page.keyboard.press("a")
    expect(confirm(stage)).to_have_text("Confirm A · Retry")
    stage.page.keyboard.press("Enter")
    assert [one["option"] for one in answers(stage)] == ["A"]


def test_records_say_what_a_choice_meant(stage: Stage) -> None:
    """In words, by whom, and with the reason where there is one."""
    stage.show(cards.decided(), 18.7)
    records = stage.page.locator(".record")
    for n, said in enumerate(
        (
            "ai-ml-expert failed → B · Go on without it",
            "Review: product-strategy-expert → Accepted with changes",
            "Review: uiux-expert → Sent back: Rank them, and say what is left out and",
            "Call send_email? → Refused: The team has not read it yet",
            "Call send_email? → Approved with changes",
            "Checkpoint after phase 1, Research & Analysis → B · Adjust",
        )
    ):
        expect(records.nth(n)).to_contain_text(said)
    expect(records.nth(3)).not_to_contain_text("Note:")
    expect(records.nth(5)).to_contain_text("Note: “Leave out the EU store for now”.")


@pytest.mark.parametrize(
    ("given", "opened", "option_", "values", "closed"),
    [
        (cards.CHECKPOINT, "Decision: It. 10 minutes, then A.", "C", None, "It: C, by you."),
        (cards.FAILURE, "Decision: It. 10 minutes, then B.", "B", None, "It: B, by you."),
        (cards.APPROVAL, "Approval: It. No clock.", "A", {"to": ""},
         "It: Approved with changes, by you."),
        (cards.REVIEW, "Review: It. No clock.", "B", None, "It: Sent back: Shorter, by you."),
    ],
)  # fmt: skip
def test_screen_readers_hear_of_each_purpose(
    stage: Stage, given: dict[str, Any], opened: str, option_: str, values: Any, closed: str
) -> None:
    """A card that opens, and what came of it, in one live line."""
    s = begun()
    stage.show(s, 18.7)
    live = stage.page.locator(".sr[aria-live]")
    s.ask(18.71, "it", "It", **given)
    stage.advance(18.71)
    expect(live).to_have_text(opened)
    s.decide(18.8, "it", option_, "user", note="Shorter", values=values)
    stage.advance(18.8)
    expect(live).to_have_text(closed)


def test_several_cards_that_open_at_once_are_announced_together(stage: Stage) -> None:
    """The last one does not drown the others."""
    s = begun()
    stage.show(s, 18.7)
    s.ask(18.71, "two", "Cloud region", timeout_s=900.0)
    s.ask(18.71, "one", "Database technology")
    stage.advance(18.71)
    expect(stage.page.locator(".sr[aria-live]")).to_have_text(
        "2 new decisions, Database technology first."
    )


def test_hostile_strings_are_only_text_on_every_card(stage: Stage) -> None:
    """No field of a detail can run anything, pollute an object or break the board."""
    stage.show(cards.hostile(), 18.7, width=600)
    for n, item in enumerate(stage.page.locator(".item").all()):
        item.click()
        for row in stage.page.locator(".card:visible .option input[type=radio]").all()[:3]:
            row.check()
        if n % 4 == 1 and edit(stage).is_visible():
            edit(stage).click()
    assert stage.page.evaluate("window.__pwned") is None
    assert stage.page.evaluate("({}).polluted") is None
    assert stage.page.locator("#out img, #out script, #out a, #out iframe").count() == 0
    over = stage.page.evaluate(
        "() => [...document.querySelectorAll('.board, .card, .sheet, .facts')]"
        ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className)"
    )
    assert over == []


@pytest.mark.parametrize("value", [412, {"segments": ["smb", "enterprise"], "currency": "USD"}])
def test_the_message_about_an_only_argument_is_read_whole(stage: Stage, value: object) -> None:
    """Beside a list too, where a host has widths of its own for terms; its name has its room."""
    s = cards.approval(arguments={"path": value})
    s.ask(18.6, "region", "Cloud region")
    stage.show(s, 18.7)
    stage.page.add_style_tag(content=".jp-RenderedHTMLCommon dl dt { float: left; width: 20% }")
    stage.page.locator("#out").evaluate("(e) => e.classList.add('jp-RenderedHTMLCommon')")
    stage.page.locator(".item", has_text="Call send_email?").click()
    edit(stage).click()
    argument(stage, "path").fill("{\n[1,")
    told = stage.page.locator(".argument .fault:visible")
    expect(told).to_have_count(1)
    box = stage.page.locator(".card:visible .scrolls").bounding_box()
    message = told.bounding_box()
    assert box
    assert message
    assert message["y"] >= box["y"]
    assert message["y"] + message["height"] <= box["y"] + box["height"]
    name = stage.page.locator(".card:visible .argument code")
    assert name.evaluate("(e) => e.scrollWidth <= e.clientWidth && e.clientWidth > 80")


def test_a_card_with_no_recommendation_says_that_autopilot_leaves_it(stage: Stage) -> None:
    """Only while autopilot is on, and only there; the clock line stays where it is."""
    usual = "Waiting for you. The other agents keep running."
    for on, make in ((False, cards.approval), (True, cards.approval), (True, cards.review)):
        s = make()
        if on:
            s.fold(18.0, {"event": "plan_adjustment", "description": "", "autopilot": True})
        stage.show(s, 18.7)
        leaves = on and make is cards.approval
        expect(stage.page.locator(".clockline .then")).to_have_text(
            "No recommendation: autopilot leaves this to you." if leaves else usual
        )


# A budget, and paid work.


def test_a_cap_is_raised_by_an_amount_that_is_written(stage: Stage) -> None:
    """Raise needs an amount, which is sent as a value; what was wrong with it stands beside it."""
    stage.show(cards.budget(), 18.7)
    card = stage.page.locator(".card:visible")
    expect(card.locator(".figures")).to_contain_text(
        "$4.02of $5.00; $0.48 held for calls in flight"
    )
    expect(confirm(stage)).to_contain_text("Confirm B · Go on up to the cap")
    option(stage, "D").click()
    expect(confirm(stage)).to_contain_text("Confirm D · Cheaper model")
    option(stage, "A").click()
    expect(confirm(stage)).to_have_text("Say to how much")
    expect(confirm(stage)).to_be_disabled()
    asked = "needed; more than $5.00, such as $10.00"
    expect(note(stage)).to_have_attribute("placeholder", asked)
    for wrong, said in (("4", "More than $5.00 is needed"), ("abc", "That is no number")):
        note(stage).fill(wrong)
        expect(confirm(stage)).to_have_text(said)
        expect(confirm(stage)).to_be_disabled()
    note(stage).fill("12.50")
    expect(confirm(stage)).to_have_text("Raise the cap to $12.50")
    confirm(stage).click()
    (sent,) = [one["body"] for one in stage.commands("answer")][:1]
    assert (sent["option"], sent["values"], sent["note"]) == ("A", {"usd": "12.50"}, None)
    assert not stage.errors


def test_what_would_be_spent_is_shown_before_it_is(stage: Stage) -> None:
    """Expected, at most, the budget, and each paid task; agreeing is one click."""
    stage.show(cards.spend(), 18.7)
    facts = stage.page.locator(".card:visible .facts")
    expect(facts.locator(".sums")).to_contain_text("about $0.09")
    expect(facts.locator(".sums")).to_contain_text("$1.12 for one full-length answer each")
    expect(facts.locator(".paid li")).to_have_count(4)
    expect(facts.locator(".paid")).to_contain_text("uiux-expertclaude-sonnet-5-5unknown")
    confirm(stage).click()
    assert stage.commands("answer")[0]["body"]["option"] == "A"
    assert not stage.errors
