"""A Chromium for the board's own page; no Jupyter."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from .stage import Stage


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day in the texts are the kernel's local ones."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


@pytest.fixture(scope="module")
def stage_browser() -> Iterator[Browser]:
    """One browser for a module's tests."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def stage(stage_browser: Browser) -> Iterator[Stage]:
    """An empty page to show a board on; an error on it fails the test."""
    page = stage_browser.new_page(locale="en-US", timezone_id="UTC")
    stage = Stage(page)
    yield stage
    page.close()
    assert stage.errors == []
