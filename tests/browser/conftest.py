"""JupyterLab and Chromium for the tests in this folder: one of each for the whole session."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium as chromium_path
from tests.browser.lab import Lab, Notebook, write_notebook

HERE = Path(__file__).parent

OpenNotebook = Callable[..., Notebook]

find_chromium = cache(chromium_path.find)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a browser, and leave them out where there is none."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if find_chromium() is None:
                item.add_marker(pytest.mark.skip(reason=chromium_path.MISSING))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where browser tests were left out, unless that was accepted."""
    accepted = os.environ.get("ORCHESTRA_NO_BROWSER") == "1"
    left_out = any(item.get_closest_marker("browser") for item in session.items)
    if left_out and find_chromium() is None and not accepted and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Iterator[Lab]:
    """Give a running JupyterLab server."""
    with Lab.serve(tmp_path_factory.mktemp("lab"), kernels) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give a running Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(chromium_path.ARGUMENTS)
        )
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(
    lab: Lab, chromium: Browser, request: pytest.FixtureRequest
) -> Iterator[OpenNotebook]:
    """Give a function that opens a notebook in a fresh browser profile.

    ``open_notebook(cells, *, kernel="ipykernel-7", theme="light", height=1200)``: ``cells`` is the
    code of each cell, or the path of a notebook to copy.
    """
    opened: list[Notebook] = []

    def open_(
        cells: Sequence[str] | Path,
        *,
        kernel: str = "ipykernel-7",
        theme: Literal["light", "dark"] = "light",
        height: int = 1200,
    ) -> Notebook:
        stem = re.sub(r"\W+", "-", request.node.name).strip("-")
        name = f"{stem}-{len(opened)}.ipynb"
        write_notebook(lab.root / name, cells, kernel)
        context = chromium.new_context(viewport={"width": 1400, "height": height})
        context.set_default_timeout(20_000)
        notebook = Notebook(context.new_page(), lab, name)
        opened.append(notebook)
        notebook.theme(theme)  # the server keeps the last one
        return notebook

    yield open_
    for notebook in opened:
        context = notebook.page.context
        notebook.close()
        context.close()
