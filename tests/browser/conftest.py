"""JupyterLab for the tests in this folder: one server for the whole session."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.browser.lab import Lab, Notebook, write_notebook

OpenNotebook = Callable[..., Notebook]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Iterator[Lab]:
    """Give a running JupyterLab server."""
    with Lab.serve(tmp_path_factory.mktemp("lab"), kernels) as running:
        yield running


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
