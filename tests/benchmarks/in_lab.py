"""JupyterLab and Chromium for benchmarks that need them."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests import chromium
from tests.browser.lab import Lab
from tests.conftest import ROOT

__all__ = ["in_lab"]


@contextmanager
def in_lab() -> Iterator[tuple[Browser, Lab]]:
    """Give a browser and a JupyterLab server with this environment's kernel, ``ipykernel-7``."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        kernel = home / "data" / "kernels" / "ipykernel-7"
        kernel.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec: dict[str, object] = {"argv": argv, "display_name": "7", "language": "python"}
        spec["env"] = {"PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(home / "notebooks" / "o")}
        (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "0")
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.ARGUMENTS)
        )
        with Lab.serve(home, home / "data") as lab:
            yield browser, lab
        browser.close()
