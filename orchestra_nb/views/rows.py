"""Rows of a terminal picture: texts with a style, cut to the cells there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from . import words

__all__ = ["GLYPHS", "STYLES", "Row", "fit", "joined", "shown"]

Row: TypeAlias = list[tuple[str, str]]
"""Texts of one line, each with its style."""

STYLES: Final = {
    "pending": "dim",
    "ready": "dim",
    "running": "blue",
    "waiting": "yellow",
    "retrying": "yellow",
    "stalled": "yellow",
    "completed": "green",
    "failed": "red",
    "skipped": "dim",
    "cancelled": "dim",
    "paused": "yellow",
    "stopped": "yellow",
    "interrupted": "yellow",
}
GLYPHS: Final = {
    "pending": "○",
    "ready": "○",
    "running": "◐",
    "waiting": "◇",
    "retrying": "↻",
    "stalled": "?",
    "completed": "✓",
    "failed": "✗",
    "skipped": "»",
    "cancelled": "■",
    "paused": "‖",
    "stopped": "■",
    "interrupted": "■",
}


def fit(text: str, cells: int) -> str:
    """Text in exactly so many cells: padded, or cut with an ellipsis."""
    from rich.cells import cell_len, set_cell_size

    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return set_cell_size(text, cells)
    return set_cell_size(text[: 2 * cells], cells - 1).rstrip() + "…"


def shown(text: str, cells: int) -> str:
    """Foreign text as one line of at most so many cells."""
    return fit(words.cut(text, max(1, cells)), cells).rstrip()


def joined(parts: Sequence[str], width: int) -> str:
    """As many parts as fit, the first ones first."""
    line = parts[0]
    for part in parts[1:]:
        if len(line) + 3 + len(part) > width:
            break
        line += f" · {part}"
    return line
