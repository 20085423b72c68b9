"""Find a Chromium for the browser tests, or install one.

``python -m tests.chromium`` says which one is used; with ``--install`` it gets one first
where there is none: by apt where that may be used, else with Playwright's own download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = (
    "No Chromium: install one (Debian: `apt-get install chromium`) or set CHROMIUM to its path. "
    "Without it the browser tests do not run; ORCHESTRA_NO_BROWSER=1 accepts that."
)

# Nothing but the local server is loaded, so the sandbox, which containers seldom allow, is not
# missed; the rest keeps Chromium from calling home.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """Give the path of a Chromium: $CHROMIUM, one on PATH, or Playwright's own."""
    if chosen := os.environ.get("CHROMIUM"):
        return shutil.which(chosen)
    for name in NAMES:
        if (found := shutil.which(name)) and _runs(found):
            return found
    return _of_playwright()


def install() -> None:
    """Try to get a Chromium; ``find()`` tells whether it worked."""
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "chromium"]):
            subprocess.run([apt, *step], env=environment, check=False, stdout=subprocess.DEVNULL)
    if find() is None:
        playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(playwright, check=False, stdout=sys.stderr)


def _runs(path: str) -> bool:
    """Whether this is a browser, not a placeholder that asks for another package manager."""
    command = [path, "--version"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def _of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> None:
    """Say which Chromium is used, after getting one where that was asked for."""
    if find() is None and "--install" in sys.argv[1:]:
        install()
    print(find() or MISSING)


if __name__ == "__main__":
    main()
