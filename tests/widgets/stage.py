"""A page with the board on it and a fake of anywidget's model, for tests and screenshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

from orchestra_nb.widgets.board import joined, stylesheet
from orchestra_nb.widgets.snapshot import RunInfo, delta, snapshot
from tests.conftest import AXE

from .scenes import Scene

LAB = {
    "light": (
        "--jp-layout-color0:#fff;--jp-layout-color1:#fff;--jp-ui-font-color1:rgba(0,0,0,.87);"
        "--jp-brand-color1:#1976d2;"
    ),
    "dark": (
        "--jp-layout-color0:#111;--jp-layout-color1:#212121;"
        "--jp-ui-font-color1:rgba(255,255,255,.87);--jp-brand-color1:#2196f3;"
    ),
}
"""JupyterLab's own variables in its two themes, as far as the board reads them."""

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stage</title><style>
:root { --jp-ui-font-size1: 13px; --jp-code-font-family: "DejaVu Sans Mono", monospace;
  --jp-ui-font-family: system-ui, -apple-system, "Segoe UI", helvetica, arial, sans-serif; }
body { margin: 0; padding: 16px; background: var(--jp-layout-color0); }
</style><style id="css"></style></head><body><main id="out"></main></body></html>"""

_START = """async ({ esm, width, snapshot, mute }) => {
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const heard = {};
  window.sent = [];
  window.mute = mute;
  window.widget = (await import(url)).default;
  window.T0 = performance.now() / 1000;
  window.t = () => snapshot.now + performance.now() / 1000 - window.T0;
  window.model = {
    state: { snapshot },
    get: (key) => window.model.state[key],
    on: (name, f) => { (heard[name] ||= []).push(f); },
    off: (name, f) => { heard[name] = (heard[name] || []).filter((g) => g !== f); },
    fire: (name, value) => { for (const f of [...(heard[name] || [])]) f(value); },
    send: (message) => {
      window.sent.push(JSON.parse(JSON.stringify(message)));
      if (window.mute) return;
      const answer = (m) => setTimeout(() => window.model.fire("msg:custom", m), 1);
      const { type, id, t0 } = message;
      if (type === "hello") answer({ type: "snapshot", snapshot: window.model.state.snapshot });
      if (type === "ping") answer({ type: "pong", id, t0, now: window.t() });
      if (type === "command" && !window.noacks) answer({ type: "ack", id });
    },
  };
  const out = document.getElementById("out");
  out.style.width = width + "px";
  window.stop = window.widget.render({ model: window.model, el: out });
}"""


class Stage:
    """The board on a page of its own."""

    def __init__(self, page: Page):
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)
        self.seq = 0

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def show(
        self,
        scene: Scene,
        minutes: float,
        *,
        theme: str = "light",
        width: int = 900,
        left_s: float | None = None,
        mute: bool = False,
    ) -> None:
        """Render the scene as of that minute; ``mute``: no kernel answers."""
        self.scene = scene
        picture = snapshot(scene.state, 60 * minutes, run=RunInfo.of(scene.state), left_s=left_s)
        self.seq = scene.state.seq
        scene.change.clear()
        self.page.set_viewport_size({"width": width + 32, "height": 900})
        self.page.set_content(_PAGE)
        self.theme(theme)
        self.page.evaluate(
            "css => { document.getElementById('css').textContent = css }", stylesheet()
        )
        wire = json.loads(json.dumps(picture))
        self.page.evaluate(
            _START, {"esm": joined(), "width": width, "snapshot": wire, "mute": mute}
        )
        self.page.wait_for_timeout(500)

    def theme(self, name: str) -> None:
        """Change the host's theme."""
        self.page.evaluate("css => document.documentElement.style.cssText = css", LAB[name])

    def push(self, message: dict[str, Any]) -> None:
        """A message from the kernel."""
        self.page.evaluate("m => window.model.fire('msg:custom', m)", message)

    def advance(self, minutes: float) -> None:
        """Send what changed in the scene since the last picture or delta."""
        state = self.scene.state
        message = delta(
            state, self.scene.change, 60 * minutes, base=self.seq, run=RunInfo.of(state)
        )
        self.seq = state.seq
        self.scene.change.clear()
        self.push(json.loads(json.dumps(message)))

    def commands(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The commands that were sent, repeats included."""
        sent: list[dict[str, Any]] = self.page.evaluate("window.sent")
        return [
            m for m in sent
            if m["type"] == "command" and (kind is None or m["body"]["command"] == kind)
        ]  # fmt: skip

    def shot(self, path: Path | str) -> None:
        """A picture of the whole board."""
        self.page.locator("#out").screenshot(path=str(path))


def axe(stage: Stage, selector: str) -> list[Any]:
    """What axe finds inside: the rule, and the elements that break it."""
    stage.page.add_script_tag(path=AXE)
    found: list[Any] = stage.page.evaluate(
        "async (selector) => (await axe.run(selector, { rules: { region: { enabled: false } } }))"
        ".violations.map((v) => [v.id, v.nodes.map((n) => [n.html.slice(0, 160),"
        " n.failureSummary])])",
        selector,
    )
    return found
