"""A page of its own for the board; no Jupyter."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from .stage import Stage


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day in the texts are the kernel's local ones."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def stage(chromium: Browser) -> Iterator[Stage]:
    """An empty page to show a board on; an error on it fails the test."""
    page = chromium.new_page(locale="en-US", timezone_id="UTC")
    stage = Stage(page)
    yield stage
    page.close()
    assert stage.errors == []
