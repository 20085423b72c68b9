"""The record that a saved notebook keeps."""

from __future__ import annotations

from html.parser import HTMLParser

from playwright.sync_api import Browser

from orchestra_nb.views.run_info import RunInfo
from orchestra_nb.views.static_html import MOST_BYTES, final_html, final_text

from . import scenes


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
    assert page.locator("img, script, svg, a, iframe").count() == 0
    page.close()


def test_commands_of_the_record_exist_today() -> None:
    """It offers nothing that this release can't do."""
    page = html_of(scenes.finished())
    assert "run.results[&#x27;devops-sre-expert&#x27;]" in page
    assert "onb.open(" in page
    assert "fork" not in page
