"""The live board of a run: one widget, one comm."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import anywidget
import traitlets

__all__ = ["PARTS", "Board", "free_routing"]

PARTS: Final = (
    "dom.js",
    "glyphs.js",
    "words.js",
    "clock.js",
    "wire.js",
    "picture.js",
    "forecast.js",
    "theme.js",
    "bars.js",
    "strip.js",
    "popover.js",
    "menu.js",
    "steer.js",
    "notify.js",
    "head.js",
    "agents.js",
    "stream.js",
    "record.js",
    "undo.js",
    "countdown.js",
    "options.js",
    "presence.js",
    "note.js",
    "card.js",
    "figures.js",
    "checkpoint_card.js",
    "argument.js",
    "approval_card.js",
    "review_card.js",
    "failure_card.js",
    "budget_card.js",
    "spend_card.js",
    "field.js",
    "form_card.js",
    "cards.js",
    "dock.js",
    "board.js",
    "main.js",
)
"""The parts of the widget's one module, in the order in which they are joined.

A widget's module is loaded from a blob, where nothing relative can be imported; so the parts share
one scope, and only the last one exports.
"""


STYLES: Final = ("orchestra.css", "cards.css", "purposes.css", "form.css", "steer.css")
"""The parts of the one stylesheet, in order; all of it under ``.onb``."""


def joined() -> str:
    """The widget's one ES module."""
    folder = files(__package__) / "static" / "board"
    return "\n".join((folder / part).read_text(encoding="utf-8") for part in PARTS)


def stylesheet() -> str:
    """The stylesheet of every widget."""
    folder = files(__package__) / "static"
    return "\n".join((folder / part).read_text(encoding="utf-8") for part in STYLES)


def free_routing(comm: Any) -> None:
    """Let the kernel take a browser's message in whichever shell the browser chose.

    ipykernel 7.4 sends it to the shell that published last on the comm instead: after a page reload
    that shell may no longer exist, and clicks are lost for good. Older kernels do not.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_the_browser_chose


def _as_the_browser_chose(data: Any, default: Any) -> Any:
    return default


class Board(anywidget.AnyWidget):
    """The board of one run.

    What travels: ``snapshot`` is the whole picture as of when it was last set, so that late views
    and saved notebooks have one. All else is messages. To the browser: ``delta``, ``snapshot``,
    ``pong``, ``ack``, ``reply``, ``told``. From the browser, each with the view's ``client`` id:
    ``hello``, ``ping``; ``command`` with the JSON of :mod:`orchestra_nb.commands`, repeated until
    it is acknowledged; ``look`` for what is too much for the picture, repeated until it is told.

    Args:
        snapshot: The picture to begin with, from :func:`orchestra_nb.widgets.snapshot.snapshot`.
        on_message: Called with each message of a browser, in any thread; must only parse and post.

    Example:
        >>> board = Board(snapshot(state, now, run=RunInfo.of(state)), on_message=inbox.put)
        >>> board.push(delta(state, change, now, base=41, run=info))
    """

    _esm = joined()
    _css = stylesheet()

    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(
        self, snapshot: dict[str, Any], *, on_message: Callable[[dict[str, Any]], None]
    ) -> None:
        self._on_message = on_message
        super().__init__(snapshot=snapshot)
        self.on_msg(self._heard)
        free_routing(self.comm)

    def push(self, message: dict[str, Any]) -> None:
        """Send a message to every open view. Any thread; nothing happens without a front end."""
        comm = self.comm
        if comm is not None:
            free_routing(comm)
            self.send(message)

    def refresh(self, snapshot: dict[str, Any]) -> None:
        """Set the picture that late views and the saved notebook get. Any thread."""
        if self.comm is not None:
            free_routing(self.comm)
        self.snapshot = snapshot

    def _heard(self, _widget: object, content: object, _buffers: object) -> None:
        if isinstance(content, dict):
            self._on_message(content)

    def __repr__(self) -> str:
        run = (self.snapshot or {}).get("run", {}).get("id", "")
        return f"<Board of run {run}>"
