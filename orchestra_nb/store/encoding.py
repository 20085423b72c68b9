"""Events as lines of JSON: one line each, always valid, whatever is in them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .masking import has_secret, mask, mask_value

__all__ = ["encode_events", "encode_line", "to_bytes"]

_encode: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_DEEPEST = 50
_LONGEST_REPR = 500


def to_bytes(text: str) -> bytes:
    r"""UTF-8; half a surrogate becomes ``\udXXX``, which in JSON means just that."""
    return text.encode("utf-8", "backslashreplace")


def encode_events(events: Sequence[dict[str, Any]]) -> bytes:
    """The lines of some events.

    What JSON can't say (NaN, foreign objects) and secrets are replaced **in the events too**, so
    that what is folded after writing is what will be read back.
    """
    try:
        text = "\n".join([_encode(event) for event in events])
    except (TypeError, ValueError, RecursionError):
        for event in events:
            event.update(_plain_mapping(event))
        text = "\n".join([_encode(event) for event in events])
    if has_secret(text):
        for event in events:
            # The kind is ours, and has to survive a key that is spelt like it.
            event.update({key: mask_value(event[key]) for key in event if key != "event"})
        text = "\n".join([_encode(event) for event in events])
    return to_bytes(text + "\n")


def encode_line(entry: Mapping[Any, Any]) -> bytes:
    """One line of a file that is not the log; the entry itself is left as it is.

    Its names are anybody's: they may be no text, and hold secrets.
    """
    named = {mask(key if isinstance(key, str) else _short_repr(key)): key for key in entry}
    return encode_events([{name: entry[key] for name, key in named.items()}])


def _plain_mapping(value: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    return {
        key if isinstance(key, str) else _short_repr(key): _plain(item, depth + 1)
        for key, item in value.items()
    }


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return _plain_mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth + 1) for item in value]
    return _short_repr(value)


def _short_repr(value: object) -> str:
    try:
        return repr(value)[:_LONGEST_REPR]
    except BaseException as error:  # a foreign __repr__ may raise anything
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
