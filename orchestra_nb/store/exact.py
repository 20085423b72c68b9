"""JSON of values that come back just as they were, and of no others.

A list, a dict with text keys, text, a finite number, ``True``, ``False``, ``None``; no subclasses,
no tuples (they would come back as lists). Everything else is :class:`InexactError`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from .masking import has_secret

__all__ = [
    "InexactError",
    "SecretError",
    "check_exact",
    "exact_bytes",
    "exact_pieces",
    "is_small",
]

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_DEEPEST = 100
#: What the C encoder gets at once: it holds the interpreter's lock until it is done.
_PIECE = 16_384
_ITEMS = 256
_SLICE = 1 << 18
#: 4,300 digits are as many as Python turns into text.
_MOST_BITS = 14_000
_PAIR = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")


class InexactError(Exception):
    """The value would not come back as it was; the text says why."""


class SecretError(Exception):
    """The value holds what may be a secret."""


def is_small(value: object, budget: int) -> bool:
    """Whether the value may fit into so many bytes of JSON; looks at no more of it than that.

    Raises:
        InexactError: If it would not come back as it was.
    """
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        kind = type(item)
        budget -= 1
        if kind is str:
            budget -= len(item)  # type: ignore[arg-type]
        elif item is None or kind is bool:
            pass
        elif kind is int:
            bits = item.bit_length()  # type: ignore[attr-defined]
            if bits > _MOST_BITS:
                raise InexactError("it holds a number of more than 4,000 digits")
            budget -= bits // 4
        elif kind is float:
            if not math.isfinite(item):  # type: ignore[arg-type]
                raise InexactError(f"it holds the number {item}")
        elif kind is list or kind is dict:
            if depth >= _DEEPEST:
                raise InexactError(f"it is nested more than {_DEEPEST} levels deep")
            budget -= len(item)  # type: ignore[arg-type]
            if budget < 0:
                return False
            if kind is dict:
                for key in item:  # type: ignore[attr-defined]
                    _check_key(key)
                    budget -= len(key)
                stack.extend((v, depth + 1) for v in item.values())  # type: ignore[attr-defined]
            else:
                stack.extend((v, depth + 1) for v in item)  # type: ignore[attr-defined]
        else:
            raise InexactError(f"it holds a {kind.__name__}")
        if budget < 0:
            return False
    return True


def check_exact(value: object) -> None:
    """Raise InexactError if the value would not come back as it was."""
    is_small(value, sys.maxsize)


def _check_key(key: object) -> None:
    if type(key) is not str:
        raise InexactError(f"it holds a key that is a {type(key).__name__}")


def exact_bytes(text: str) -> bytes:
    """JSON as UTF-8, half surrogates escaped.

    Raises:
        InexactError: If two halves would come back as one character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        if _PAIR.search(text):
            raise InexactError("it holds two half surrogates in a row") from None
        return text.encode("utf-8", "backslashreplace")


def exact_pieces(value: object, *, suspect: bool = True, depth: int = 0) -> Iterator[bytes]:
    """JSON of a value of any size in pieces, so that other threads get their turn.

    Args:
        value: The value.
        suspect: Whether to look for secrets.
        depth: Levels around it.

    Raises:
        InexactError: If it would not come back as it was.
        SecretError: If it holds what may be a secret.
    """
    if depth >= _DEEPEST:
        raise InexactError(f"it is nested more than {_DEEPEST} levels deep")
    if is_small(value, _PIECE):
        yield _piece(value, suspect)
    elif type(value) is str:
        yield from _long_text(value, suspect)
    elif type(value) is list:
        yield b"["
        yield from _items(value, depth, suspect)
        yield b"]"
    elif type(value) is dict:
        yield b"{"
        yield from _pairs(value, depth, suspect)
        yield b"}"


def _piece(value: object, suspect: bool) -> bytes:
    text = _encode(value)
    if suspect and has_secret(text):
        raise SecretError
    return exact_bytes(text)


def _long_text(value: str, suspect: bool) -> Iterator[bytes]:
    if suspect and has_secret(value):
        raise SecretError
    yield b'"'
    for start in range(0, len(value), _SLICE):
        try:
            yield _encode(value[start : start + _SLICE])[1:-1].encode()
        except UnicodeEncodeError:
            raise InexactError("it is a long text with half surrogates") from None
    yield b'"'


def _items(value: list[Any], depth: int, suspect: bool) -> Iterator[bytes]:
    for start in range(0, len(value), _ITEMS):
        if start:
            yield b","
        some = value[start : start + _ITEMS]
        if is_small(some, _PIECE):
            yield _piece(some, suspect)[1:-1]
            continue
        for number, item in enumerate(some):
            if number:
                yield b","
            yield from exact_pieces(item, suspect=suspect, depth=depth + 1)


def _pairs(value: dict[str, Any], depth: int, suspect: bool) -> Iterator[bytes]:
    pairs = iter(value.items())
    first = True
    while some := dict(islice(pairs, _ITEMS)):
        if not first:
            yield b","
        first = False
        if is_small(some, _PIECE):
            yield _piece(some, suspect)[1:-1]
            continue
        for number, (key, item) in enumerate(some.items()):
            _check_key(key)
            if number:
                yield b","
            yield _piece(key, suspect) + b":"
            yield from exact_pieces(item, suspect=suspect, depth=depth + 1)
