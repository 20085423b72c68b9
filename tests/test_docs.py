"""What the README and the docs show is true: plans load, marked Python runs, links lead somewhere.

A fence is marked by words after its language::

    ```python run          is run; the blocks of one page share their names, `await` is fine
    ```yaml plan.yaml      is a plan, and lies under this name where the page's Python runs

Any other YAML block that has phases is loaded as a plan too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestra_nb import Plan

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.name != "CHANGELOG.md"
)

FENCE = re.compile(r"^```(\w+)[ \t]*(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")
MAKE = re.compile(r"\bmake ([a-z]+)")

RUNNER = """
import ast, asyncio, inspect, pathlib, sys

async def main():
    names = {"__name__": "__main__"}
    for page in sys.argv[1:]:
        source = pathlib.Path(page).read_text(encoding="utf-8")
        code = compile(source, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.isawaitable(result):
            await result

asyncio.run(main())
"""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, the words after it, its text."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Give the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 2
        yield Block(match[1], tuple(match[2].split()), match[3], line)


def name(page: Path) -> str:
    """Give the page's path in the project, as a test's id."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_plans_load(page: Path) -> None:
    """Every plan that a page shows is valid."""
    for block in blocks(page):
        if block.language in ("yaml", "yml") and re.search(r"^phases:", block.text, re.MULTILINE):
            Plan.parse(block.text, format="yaml")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_marked_python_runs(page: Path, tmp_path: Path) -> None:
    """The Python that a page marks runs from top to bottom, beside the files the page names."""
    scripts = []
    for block in blocks(page):
        if block.language == "python" and "run" in block.words:
            scripts.append(tmp_path / f"{page.name}-line-{block.line}.py")
            scripts[-1].write_text(block.text, encoding="utf-8")
        elif block.language == "yaml" and block.words:
            (tmp_path / block.words[0]).write_text(block.text, encoding="utf-8")
    if scripts:
        done = subprocess.run(
            [sys.executable, "-c", RUNNER, *scripts],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_commands_exist(page: Path) -> None:
    """Links to files of the project lead somewhere; every `make` target is one."""
    text = page.read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []
    targets = re.findall(
        r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    code = "\n".join([*re.findall(r"`([^`\n]+)`", text), *(block.text for block in blocks(page))])
    assert set(MAKE.findall(code)) <= set(targets)
