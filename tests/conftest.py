"""What all tests share: the kernels they may start, and the browser."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import chromium as chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent

# There is no lock file, so that no registry stands in the repository: `npm ci` would refuse.
AXE = ROOT / "tests" / "js" / "node_modules" / "axe-core" / "axe.min.js"
NO_AXE = "axe-core is not installed: run `make javascript`, which needs Node.js"

# The oldest and the newest supported ipykernel. The old one is a folder that shadows the new one.
KERNELS = {"ipykernel-7": None, "ipykernel-6": Path(sys.prefix) / "ipykernel6"}


find_chromium = cache(chromium_path.find)
_left_out = False


def pytest_configure() -> None:
    """Hear Ctrl-C, with all that we start, also where a shell runs us in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that need a browser last, and leave them out where there is none.

    Last, because Playwright keeps an event loop running in this thread: ``asyncio.run`` does not
    work any more once it has started.
    """
    for item in items:
        if _needs_browser(item):
            item.add_marker(pytest.mark.browser)
            if find_chromium() is None:
                item.add_marker(pytest.mark.skip(reason=chromium_path.MISSING))
    items.sort(key=_needs_browser)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember whether a browser test was left out; with workers only their reports tell."""
    global _left_out
    _left_out |= report.skipped and chromium_path.MISSING in str(report.longrepr)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where browser tests were left out, unless that was accepted."""
    accepted = os.environ.get("ORCHESTRA_NO_BROWSER") == "1"
    if _left_out and not accepted and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let no worker's test run beside one that is to be alone; waiting is not the test's time."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    # Windows has no such locks; there the tests run one after the other.
    import fcntl

    workers: Path = item.config._tmp_path_factory.getbasetemp().parent  # type: ignore[attr-defined]
    with (workers / "door").open("w") as door, (workers / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)  # who waits to be alone keeps everybody else out
        if item.get_closest_marker("alone"):
            fcntl.flock(room, fcntl.LOCK_EX)
        else:
            fcntl.flock(room, fcntl.LOCK_SH)
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            return (yield)
        finally:  # in words: a process that a test forked may still hold the files
            fcntl.flock(room, fcntl.LOCK_UN)
            fcntl.flock(door, fcntl.LOCK_UN)


def _needs_browser(item: pytest.Item) -> bool:
    return "chromium" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give a running Chromium, the only one: Playwright can be started once in a thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(chromium_path.ARGUMENTS)
        )
        yield browser
        browser.close()


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, which is all that the package supports."""
    return "asyncio"


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a Jupyter data folder whose kernels run this checkout, one for each of ``KERNELS``."""
    data = tmp_path_factory.mktemp("jupyter-data")
    for name, overlay in KERNELS.items():
        if overlay is not None and not overlay.is_dir():
            pytest.fail(f"{overlay.name} is not installed: run `make test` once", pytrace=False)
        path = [str(overlay)] if overlay is not None else []
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "env": {
                "PYTHONPATH": os.pathsep.join([*path, str(ROOT)]),
                # Without this debugpy complains on stderr about frozen modules.
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            },
        }
        folder = data / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return data
