"""A real JupyterLab server, and a notebook in it as a person sees it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
import pytest
from playwright.sync_api import Dialog, Locator, Page

from tests.conftest import AXE, NO_AXE

# No news, no update check, no dialog: nothing may cover the page or ask the network.
SETTINGS = {
    "apputils-extension/notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
    "docmanager-extension/plugin": {"autosave": False},
}

_SAVE_SETTING = """([name, value]) =>
    window.jupyterapp.serviceManager.settings.save(name, JSON.stringify(value))"""

_READY = """() => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.isReady
        && panel.sessionContext.session?.kernel?.connectionStatus === 'connected';
}"""

# Just after an error the kernel aborts what is sent: then the code has not run, and is sent again.
_EXECUTE = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    for (;;) {
        const future = kernel.requestExecute({code, store_history: false, stop_on_error: false});
        let text = '';
        future.onIOPub = message => {
            if (message.header.msg_type === 'stream') text += message.content.text;
            if (message.header.msg_type === 'error') text += message.content.traceback.join('\\n');
        };
        const reply = await future.done;
        if (reply.content.status !== 'aborted') return {text, status: reply.content.status};
    }
}"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab server.

    Attributes:
        url: Where it answers.
        root: The folder it shows; notebooks are written here.
        log: What the server and its kernels said.
    """

    url: str
    root: Path
    log: Path

    @classmethod
    @contextmanager
    def serve(cls, home: Path, kernels: Path) -> Iterator[Lab]:
        """Run a server that knows the kernels of a Jupyter data folder; stop it at the end.

        Args:
            home: An empty folder for everything the server keeps.
            kernels: The data folder that the ``kernels`` fixture made.
        """
        root = home / "notebooks"
        root.mkdir()
        for name, settings in SETTINGS.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings), encoding="utf-8")
        environment = {
            **os.environ,
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(kernels),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "ORCHESTRA_HOME": str(home / "orchestra"),
        }
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={root}"),
            *("--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"),
            "--LabApp.news_url=none",
        ]
        log = home / "server.log"
        with log.open("wb") as out:
            server = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            yield cls(url=_wait_for(server, home / "runtime", log), root=root, log=log)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait until the server answers, however loaded the machine is; give its address."""
    for _ in range(900):
        if server.poll() is not None:
            break
        for info in runtime.glob("jpserver-*.json"):
            try:
                url = str(json.loads(info.read_text(encoding="utf-8"))["url"]).rstrip("/")
                with urllib.request.urlopen(f"{url}/api/status", timeout=5):
                    return url
            except (OSError, ValueError):
                pass  # not there yet, or half written
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")


class Notebook:
    """One notebook in one browser tab.

    ``page`` is Playwright's, for everything that is not here. Selectors are looked up in the whole
    page, as a person would.
    """

    def __init__(self, page: Page, lab: Lab, name: str, *, query: str = "") -> None:
        self.page = page
        self.lab = lab
        self.name = name
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", _accept)
        page.goto(f"{lab.url}/lab{query or f'/tree/{name}?reset'}")
        self.ready()

    def ready(self) -> None:
        """Wait until the notebook is open and its kernel connected, busy or not."""
        self.page.wait_for_function(_READY, timeout=60_000)

    def command(self, name: str, **arguments: Any) -> None:
        """Execute a JupyterLab command; does not wait for its end."""
        script = "([name, args]) => { window.jupyterapp.commands.execute(name, args) }"
        self.page.evaluate(script, [name, arguments])

    def run_all(self) -> None:
        """Run all cells; does not wait for their end."""
        self.command("notebook:run-all-cells")

    def run_cell(self, number: int) -> None:
        """Run one cell, counted from 0; does not wait for its end."""
        script = "n => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n }"
        self.page.evaluate(script, number)
        self.command("notebook:run-cell")

    def wait_running(self, number: int) -> None:
        """Wait until a cell is queued or runs.

        (The kernel's status does not tell: ipykernel 7.4 says idle after a subshell was made.)
        """
        self._prompt(number, "[*]:").wait_for()

    def wait_finished(self, number: int) -> None:
        """Wait until a cell has run to its end, or to its error."""
        self._prompt(number, re.compile(r"\[\d+\]:")).wait_for()

    def _prompt(self, number: int, text: str | re.Pattern[str]) -> Locator:
        return self.cell(number).locator(".jp-InputArea-prompt", has_text=text)

    def interrupt(self) -> None:
        """Interrupt the kernel."""
        self.command("notebook:interrupt-kernel")

    def cell(self, number: int) -> Locator:
        """Give a cell, counted from 0."""
        return self.page.locator(".jp-Notebook-cell").nth(number)

    def output(self, number: int) -> Locator:
        """Give the output area of a cell, counted from 0."""
        return self.cell(number).locator(".jp-OutputArea")

    def kernel(self, code: str) -> str:
        """Run code in the kernel, without a cell; give what it printed.

        Raises:
            AssertionError: The code failed; with its traceback.
        """
        self.ready()
        reply = self.page.evaluate(_EXECUTE, code)
        assert reply["status"] == "ok", reply["text"]
        return str(reply["text"])

    def wait_for_kernel(self, expression: str, expected: str, *, timeout: float = 20) -> None:
        """Ask the kernel until the printed expression is what is expected."""
        end = time.monotonic() + timeout
        while (printed := self.kernel(f"print({expression})").strip()) != expected:
            assert time.monotonic() < end, f"{expression} is {printed!r}, not {expected!r}"
            time.sleep(0.1)

    def save(self) -> nbformat.NotebookNode:
        """Save the notebook; give what stands in the file."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        return _read(self.lab.root / self.name)

    def reload(self) -> None:
        """Reload the page; the kernel lives on, unsaved outputs do not."""
        self.page.reload()
        self.ready()

    def second_tab(self) -> Notebook:
        """Open the same notebook, with the same kernel, in another tab."""
        page = self.page.context.new_page()
        page.set_viewport_size(self.page.viewport_size or {"width": 1400, "height": 1200})
        query = f"/workspaces/tab{len(self.page.context.pages)}/tree/{self.name}?reset"
        return Notebook(page, self.lab, self.name, query=query)

    def theme(self, name: Literal["light", "dark"]) -> None:
        """Change JupyterLab's theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name.capitalize()}")
        light = "true" if name == "light" else "false"
        self.page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")

    def comms_over_subshells(self, how: Literal["disabled", "perComm", "perCommTarget"]) -> None:
        """Choose the way JupyterLab routes widget messages; reload for it to take effect."""
        name = "@jupyterlab/apputils-extension:kernels-settings"
        self.page.evaluate(_SAVE_SETTING, [name, {"commsOverSubshells": how}])

    def output_width(self, pixels: int) -> None:
        """Make outputs this wide, by hiding the side bar and sizing the window."""
        if self.page.locator("#jp-left-stack:visible").count():
            self.command("application:toggle-left-area")
            self.page.locator("#jp-left-stack").wait_for(state="hidden")
        size = self.page.viewport_size
        output = self.page.locator(".jp-OutputArea-output").first
        assert size is not None
        for _ in range(3):  # scroll bars come and go with the size
            now = output.evaluate("element => element.getBoundingClientRect().width")
            if round(now) == pixels:
                return
            size = {"width": size["width"] + pixels - round(now), "height": size["height"]}
            self.page.set_viewport_size(size)
            self.page.wait_for_timeout(300)

    def screenshot(self, path: Path, selector: str | None = None) -> Path:
        """Save a picture of the page, or of the first element that matches."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if selector is None:
            self.page.screenshot(path=path)
        else:
            self.page.locator(selector).first.screenshot(path=path)
        return path

    def axe(self, selector: str, *, rules: Sequence[str] = ()) -> list[str]:
        """Check accessibility inside a selector with axe-core; give one line for each fault.

        Args:
            selector: What to check.
            rules: Only these rules of axe, such as ``color-contrast``; by default all.
        """
        if not AXE.exists():
            pytest.fail(NO_AXE)
        self.page.add_script_tag(path=AXE)
        script = """async ([selector, rules]) => {
            const only = rules.length ? {runOnly: {type: 'rule', values: rules}} : {};
            const found = await axe.run(selector, {...only, resultTypes: ['violations']});
            return found.violations.flatMap(fault => fault.nodes.map(
                node => `${fault.id}: ${node.html} (${node.failureSummary})`));
        }"""
        return [str(line) for line in self.page.evaluate(script, [selector, list(rules)])]

    def close(self) -> None:
        """End the kernel and close the tab."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()


def _read(path: Path) -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def _accept(dialog: Dialog) -> None:
    dialog.accept()


def write_notebook(path: Path, cells: Sequence[str] | Path, kernel: str) -> None:
    """Write the cells' code, or a copy of another notebook, as a notebook for a kernel."""
    if isinstance(cells, Path):
        shutil.copy(cells, path)
        notebook = _read(path)
    else:
        code = [nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
        notebook = nbformat.v4.new_notebook(cells=code)  # type: ignore[no-untyped-call]
    notebook.metadata["kernelspec"] = {
        "name": kernel,
        "display_name": kernel,
        "language": "python",
    }
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
