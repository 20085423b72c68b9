"""Who hears what the views of a board say: a run that goes on, or what is left of one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ..widgets.board import Board

__all__ = ["Afterwards", "Ear"]


class Ear:
    """Who hears what a board's views say; another one when the run is long over."""

    def __init__(self, hear: Callable[[dict[str, Any]], None]):
        self.hear = hear


class Afterwards:
    """Answers views of a run that is long over, from its last picture alone."""

    def __init__(self, board: Board):
        self._board = weakref.ref(board)

    def hear(self, message: dict[str, Any]) -> None:
        """Answer a view. Any thread."""
        kind, key = message.get("type"), message.get("id")
        board = self._board()
        if board is None:
            return
        picture = board.snapshot
        if kind == "ping":
            board.push({"type": "pong", "id": key, "t0": message.get("t0"), "now": picture["now"]})
        elif kind == "hello":
            board.push({"type": "snapshot", "snapshot": picture})
        elif kind == "command":
            body = message.get("body")
            decision = body.get("decision") if isinstance(body, dict) else None
            text = f"The run is over ({picture['totals']['status']})"
            board.push({"type": "ack", "id": key})
            board.push(
                {"type": "reply", "id": key, "decision": decision, "ok": False, "text": text}
            )
