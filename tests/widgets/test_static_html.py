"""The record that a saved notebook keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import orchestra_nb as onb
import orchestra_nb.widgets
from orchestra_nb.views.glyphs import PATHS
from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import MOST_BYTES, final_html, final_text
from tests.conftest import AXE, NO_AXE

from . import card_scenes, scenes
from .stage import Stage, axe

STATIC = Path(orchestra_nb.widgets.__file__).parent / "static"

TOPS = """(selector) => [...document.querySelectorAll(selector)]
    .filter((e) => e.offsetHeight > 1 && !e.matches('.sr'))
    .flatMap((e) => e.matches('.dock') ? [...e.querySelectorAll('.record')] : [e])
    .map((e) => e.getBoundingClientRect().top + scrollY)"""

BOXES = """() => [...document.querySelectorAll('.onb-end *')].map((e) => {
    const r = e.getBoundingClientRect();
    const c = getComputedStyle(e);
    return [e.tagName, Math.round(r.x), Math.round(r.y), Math.round(r.height), c.fontSize,
      c.fontWeight, c.textAlign, c.color, c.backgroundColor].join(' ');
  })"""

HOST = """
.jp-RenderedHTMLCommon { color: red; font: 20px/2 serif; }
.jp-RenderedHTMLCommon p { margin: 0 0 1em; }
.jp-RenderedHTMLCommon ul:not(.list-inline) { padding-left: 2em; list-style: disc; }
.jp-RenderedHTMLCommon ul { margin-bottom: 1em; }
.jp-ThemedContainer .jp-RenderedHTMLCommon pre { background: red; font-size: inherit;
  line-height: 2; color: red; padding: 0; }
.jp-RenderedHTMLCommon table { border-collapse: collapse; table-layout: fixed; margin: 0 auto 1em;
  font-size: 20px; color: red; }
.jp-RenderedHTMLCommon :is(td, th, tr) { vertical-align: middle; padding: .5em; line-height: normal;
  white-space: normal; }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon :is(td, th, tr) { text-align: right; }
.jp-RenderedHTMLCommon th { font-weight: bold; }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: red; }
.jp-RenderedHTMLCommon svg { max-width: 100%; height: auto; }
.jp-RenderedHTMLCommon dt { font-weight: bold; width: 20%; float: left; }
.jp-RenderedHTMLCommon > *:last-child { margin-bottom: .5em; }
"""
"""JupyterLab's own, where they would hurt; louder."""


class Balance(HTMLParser):
    """Checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Remember it."""
        assert tag != "script"
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must be the last one that was opened."""
        assert self.open.pop() == tag


def html_of(scene: scenes.Scene) -> str:
    """The static page of a scene."""
    return final_html(scene.state, run=RunInfo.of(scene.state))


def test_the_record_is_whole_html_with_no_script_and_no_outside_resource() -> None:
    """It must show in any host, offline."""
    for make in (scenes.finished, scenes.failed, scenes.hostile):
        page = html_of(make())
        balance = Balance()
        balance.feed(page)
        assert balance.open == []
        assert "http" not in page
        assert "url(" not in page


def test_the_same_state_gives_the_same_record() -> None:
    """A notebook that is run again does not change in every line."""
    one, two = scenes.failed(), scenes.failed()
    assert html_of(one) == html_of(two)
    text = final_text(one.state, run=RunInfo.of(one.state))
    assert text == final_text(two.state, run=RunInfo.of(two.state))
    assert "backend-expert failed: ValidationError" in text


def test_a_big_run_is_summed_up() -> None:
    """200 rows at most, the failed ones among them, and 300 kB in all."""
    s = scenes.many(2000)
    for task in s.state.tasks:
        task.message = "<" * 500
    page = html_of(s)
    assert len(page.encode()) <= MOST_BYTES
    assert page.count("<tr") == 201
    failed = s.state.counts["failed"]
    assert failed > 3
    assert page.count('class="w w-failed"') == failed
    assert "and 1,800 more tasks with no row here" in page


def test_hostile_strings_execute_nothing_in_the_record(chromium: Browser) -> None:
    """Whatever an agent wrote is only read."""
    page = chromium.new_page()
    page.set_content(html_of(scenes.hostile()).encode("utf-8", "replace").decode())
    page.wait_for_timeout(200)
    assert page.evaluate("window.__pwned") is None
    assert page.locator("img, script, a, iframe, svg:not(.g)").count() == 0
    attributes = page.evaluate(
        "() => [...document.querySelectorAll('.onb-end *')].flatMap((e) => e.getAttributeNames())"
    )
    assert not [name for name in attributes if name.startswith("on")]
    page.close()


def test_shapes_are_the_boards_own() -> None:
    """Nothing changes its look when the record takes the board's place."""
    drawn = re.sub(r'" \+\s+"', "", (STATIC / "board" / "glyphs.js").read_text(encoding="utf-8"))
    for parts in PATHS.values():
        assert all(f'"{path}"' in drawn for _, path in parts)


@pytest.mark.parametrize("width", [600, 900, 1400])
@pytest.mark.parametrize("make", [scenes.finished, scenes.failed, scenes.many])
def test_nothing_jumps_when_the_record_takes_the_boards_place(
    stage: Stage, make: Callable[[], scenes.Scene], width: int
) -> None:
    """Its parts stand where those of the live board stood, within a line."""
    scene = make()
    if scene.state.ended_at is None:
        scene.end(26.0, "stopped")
    minutes = (scene.state.ended_at or 0) / 60
    stage.show(scene, minutes, width=width)
    live = stage.page.evaluate(TOPS, ".board > *")
    stage.page.evaluate(
        "html => { document.querySelector('#out').innerHTML = html }", html_of(scene)
    )
    static = stage.page.evaluate(TOPS, ".onb-end > *:not(style)")
    assert len(static) == len(live)
    assert max(abs(a - b) for a, b in zip(live, static, strict=True)) <= 24, (live, static)


def test_the_hosts_rules_do_not_reach_into_the_record(chromium: Browser) -> None:
    """JupyterLab's rules for rendered HTML are stronger than one class."""
    page = chromium.new_page()
    found = []
    for rules in ("", HOST):
        page.set_content(
            f"<style>{rules}</style><div class='jp-ThemedContainer'><div style='width:900px'"
            f" class='jp-RenderedHTMLCommon'>{html_of(scenes.failed())}</div></div>"
        )
        found.append(page.evaluate(BOXES))
    assert found[0] == found[1]
    page.close()


@pytest.mark.skipif(not AXE.exists(), reason=NO_AXE)
def test_axe_finds_nothing_in_the_record(stage: Stage) -> None:
    """What is kept can be read by everybody."""
    for make in (scenes.finished, scenes.failed, scenes.many):
        scene = make()
        for theme in ("light", "dark"):
            stage.show(scene, 63.5, theme=theme)
            stage.page.evaluate(
                "([html, theme]) => { document.body.dataset.jpThemeLight = theme === 'light';"
                " document.querySelector('#out').innerHTML = html }",
                [html_of(scene), theme],
            )
            assert axe(stage, ".onb-end") == []


def test_records_say_what_a_choice_meant() -> None:
    """The same words as on the board, with every note once."""
    page = html_of(card_scenes.decided())
    for said in (
        "<b>Call send_email?</b> → Approved with changes",
        "<b>Call send_email?</b> → Refused: The team has not read it yet",
        "→ Accepted with changes",
        "→ Sent back: Rank them, and say what is left out and why",
        "→ B · Adjust",
        "Note: “Leave out the EU store for now”.",
    ):
        assert page.count(said) == 1, said
    assert page.count("Note:") == 1
    text = final_text(card_scenes.decided().state, run=RunInfo.of(card_scenes.decided().state))
    assert "Decision: Call send_email? → Refused: The team has not read it yet" in text


def test_commands_of_the_record_exist_today() -> None:
    """It offers nothing that this release can't do."""
    page = html_of(scenes.finished())
    assert "run.results[&#x27;devops-sre-expert&#x27;]" in page
    named = set(re.findall(r"onb\.(\w+)\(", page))
    assert named >= {"open"}
    assert named <= set(onb.__all__), "what it offers is there"
