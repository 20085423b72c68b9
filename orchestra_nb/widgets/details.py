"""What a decision's card shows besides its options, made fit to travel: printable and bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MOST_ITEMS", "MOST_TEXT", "printable"]

MOST_TEXT: Final = 20_000
"""Characters of one text."""
MOST_ITEMS: Final = 200
"""Entries of one list or mapping."""
_MOST_IN_ALL: Final = 60_000
_DEEPEST: Final = 12
_EXACT: Final = 2**53
"""Larger whole numbers are others once a browser has read them."""

# Controls but tab and line breaks, direction overrides, half surrogates, characters with no width
# that nobody needs in order to write: what could make a text look like another one.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]|\r(?!\n)"
)


def printable(value: Any) -> tuple[Any, bool]:
    """A JSON-able copy whose texts can be shown, and whether it is exactly the value.

    Hidden characters are named where they stand (``‹U+202E›``): whoever approves a text reads all
    of it. What is too long is cut with an ellipsis.

    Returns:
        The copy, and ``False`` where it was cut or a character was named: what a person makes of it
        could not take the value's place.
    """
    copier = _Copier()
    return copier.copy(value, 0), copier.exact


class _Copier:
    """Copies one value; what it may hold in all is counted down."""

    def __init__(self) -> None:
        self.exact = True
        self.room = _MOST_IN_ALL

    def copy(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if abs(value) <= _EXACT else self._as_text(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else self._as_text(value)
        if depth >= _DEEPEST or self.room <= 0:
            return self._cut()
        if isinstance(value, Mapping):
            kept = [(str(key), value[key]) for key in self._kept(list(value))]
            return {self.text(key): self.copy(item, depth + 1) for key, item in kept}
        if isinstance(value, (list, tuple)):
            return [self.copy(item, depth + 1) for item in self._kept(value)]
        return self._as_text(value)

    def text(self, text: str) -> str:
        limit = max(0, min(MOST_TEXT, self.room))
        self.room -= min(len(text), limit) + 8  # what stands around it counts too
        named = _HIDDEN.sub(_name, text[:limit])
        if len(text) <= limit and named == text:
            return text
        self.exact = False
        return named if len(text) <= limit else named.rstrip() + "…"

    def _kept(self, items: Any) -> Any:
        if len(items) > MOST_ITEMS:
            self.exact = False
        return items[:MOST_ITEMS]

    def _as_text(self, value: object) -> str:
        self.exact = False
        return self.text(str(value))

    def _cut(self) -> str:
        self.exact = False
        return "…"


def _name(found: re.Match[str]) -> str:
    return f"‹U+{ord(found[0]):04X}›"
