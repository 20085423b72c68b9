"""The shapes of statuses as inline SVG, for records with no script: the same as the board's."""

from __future__ import annotations

from functools import cache
from typing import Final

__all__ = ["PATHS", "glyph"]

_RING: Final = "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z"
_DISC: Final = "M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 1 1 0-12.4z"
_LINES: Final = (("s", "M3 4.5h10M3 8h10M3 11.5h6"),)

PATHS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "pending": (("d", _RING),),
    "running": (("s", _RING), ("f", "M8 2.5a5.5 5.5 0 0 1 0 11z")),
    "waiting": (("s", _RING), ("s", "M6.3 6v4M9.7 6v4")),
    "completed": (("f", _DISC), ("k", "M5.1 8.2l2.1 2.1 3.8-4.4")),
    "skipped": (("s", "M3.5 4.2l3.8 3.8-3.8 3.8M8.5 4.2l3.8 3.8-3.8 3.8"),),
    "cancelled": (("s", _RING), ("s", "M5.4 8h5.2")),
    "failed": (
        ("f", "M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6h-5.2l-3.6-3.6v-5.2z"),
        ("k", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"),
    ),
    "paused": (("f", _DISC), ("k", "M6.3 5.4v5.2M9.7 5.4v5.2")),
    "stopped": (("f", _DISC), ("k", "M6 6h4v4H6z")),
    "blocker": (("f", "M8 1.6l6.8 12.2H1.2z"), ("k", "M8 6v3.7M8 11.7v.3")),
    "finding": (("f", "M8 5.6a2.4 2.4 0 1 1 0 4.8a2.4 2.4 0 1 1 0-4.8z"),),
    "user": (
        (
            "f",
            "M8 2.2a2.7 2.7 0 1 1 0 5.4a2.7 2.7 0 1 1 0-5.4z"
            "M2.8 13.8c0-3 2.3-4.8 5.2-4.8s5.2 1.8 5.2 4.8z",
        ),
    ),
    "timeout": (("s", _RING), ("s", "M8 4.9v3.3l2.3 1.5")),
    "remote": (("s", "M2.5 8h7M6.8 5.2L9.6 8l-2.8 2.8M12.8 3v10"),),
    "policy": _LINES,
    "edit": (("s", "M3 13l.8-3.2 6.9-6.9 2.4 2.4-6.9 6.9zM9.2 4.4l2.4 2.4"),),
    "up": (
        (
            "f",
            "M2.3 7.2h2.4v6.1H2.3zM5.8 7.1l2.3-4.9c1.1 0 1.7.8 1.5 1.8l-.4 2.1h3.2c.9 0 1.5.8 1.3"
            " 1.7l-.9 4.3c-.2.7-.7 1.2-1.4 1.2H5.8z",
        ),
    ),
    "down": (
        (
            "f",
            "M2.3 8.8h2.4V2.7H2.3zM5.8 8.9l2.3 4.9c1.1 0 1.7-.8 1.5-1.8l-.4-2.1h3.2c.9 0 1.5-.8 1.3"
            "-1.7l-.9-4.3c-.2-.7-.7-1.2-1.4-1.2H5.8z",
        ),
    ),
}
"""How and what: f is filled, s stroked, d dashed, k cut out in the ground's colour."""

_SAME: Final = {
    "ready": "pending",
    "retrying": "waiting",
    "interrupted": "stopped",
    "autopilot": "policy",
    "budget": "policy",
    "agent": "policy",
}


@cache
def glyph(name: str) -> str:
    """The shape of a status or of who decided, hidden from screen readers: a word says it too."""
    parts = PATHS.get(_SAME.get(name, name), PATHS["finding"])
    paths = "".join(f'<path class="{how}" d="{what}"/>' for how, what in parts)
    return f'<svg class="g" viewBox="0 0 16 16" aria-hidden="true">{paths}</svg>'
