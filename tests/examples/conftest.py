"""Packages to review that a test writes, and a context that remembers what it was told."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.review.sources import Package, find_package

WritePackage = Callable[[dict[str, str | bytes]], Package]


@pytest.fixture
def write_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WritePackage:
    """Write files below `tmp_path`, make them importable, and find the package `specimen`."""

    def write(files: dict[str, str | bytes]) -> Package:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        return find_package("specimen")

    return write
