"""The prompt cache behind the server: what of a request is new to it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .model import Body, count_tokens

__all__ = ["PromptCache"]


class PromptCache:
    """Remembers what lay before each cache mark."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def counted(self, body: Body) -> int:
        """Input tokens that count against a limit: those that would not be read from here."""
        seen = set(self._seen)
        usage = self.usage(body)
        self._seen = seen  # nothing is kept of what is only asked about
        return int(usage["input_tokens"] + usage["cache_creation_input_tokens"])

    def usage(self, body: Body) -> dict[str, Any]:
        """Input tokens by class.

        What lies before a cache mark is written once; a later request that begins in the same way
        and has a mark at or after that place reads it.
        """
        total = count_tokens([body.get("tools"), body.get("system"), body.get("messages")])
        read = marked_size = 0
        prefix: list[Any] = [body.get("tools")]
        places: list[tuple[bytes, int, bool]] = []
        system = body.get("system")
        blocks: list[dict[str, Any]] = list(system) if isinstance(system, list) else []
        for turn in body["messages"]:
            blocks += turn["content"] if isinstance(turn["content"], list) else [turn]
        for block in blocks:
            prefix.append({k: v for k, v in block.items() if k != "cache_control"})
            place = hashlib.sha256(json.dumps(prefix).encode()).digest()
            places.append((place, count_tokens(prefix), "cache_control" in block))
        while places and not places[-1][2]:
            places.pop()
        for place, size, is_marked in places:
            if place in self._seen:
                read = size
            if is_marked:
                self._seen.add(place)
                marked_size = size
        written = marked_size - read
        return {
            "input_tokens": max(0, total - read - written),
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written,
                "ephemeral_1h_input_tokens": 0,
            },
        }
