"""The page on reliability names tests that exist, for every promise."""

from __future__ import annotations

import ast
import re

import pytest

from tests.elsewhere import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()
PROMISES = [f"P{number}" for number in range(1, 14)]


def rows() -> list[tuple[str, str, str, str]]:
    """The table: number, promise, limits, tests."""
    table = PAGE.partition("| | promise | limits | tests |")[2].partition("\n\n")[0]
    found = []
    for line in table.splitlines()[2:]:
        number, promise, limits, tests = (cell.strip() for cell in line.strip("|").split(" | "))
        found.append((number, promise, limits, tests))
    return found


def names_in(path: str) -> set[str]:
    """Names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    }


def test_every_promise_has_its_row() -> None:
    """All thirteen promises stand there, once and in order."""
    assert [row[0] for row in rows()] == PROMISES


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_promise_names_its_limits_and_its_tests(row: tuple[str, str, str, str]) -> None:
    """A row says what is promised and what not, and each test that it names can fail."""
    _, promise, limits, tests = row
    assert promise.endswith(".")
    assert limits.endswith(".")
    named = re.findall(r"`([^`]+)`", tests)
    assert named
    assert re.sub(r"`[^`]+`|[, ]", "", tests) == ""
    for one in named:
        path, _, name = one.partition("::")
        assert name in names_in(path), f"there is no {one}"
