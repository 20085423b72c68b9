"""Content keys of functions: what a function does, as a hash, so that a change is seen.

What counts: its code without comments, formatting, docstrings and type hints; its defaults and the
values it closes over; and what it names: functions, classes and values of the user's, in its own
module or in others, and what these use in turn. What the standard library and installed packages
hold counts as unchanged.

What it changes itself is its memory and is not compared; neither is what is no plain data, such as
a connection. The key is partial then: it ends in ``~``, and what is not compared is told by name.
Without its source, or with one edited since it was imported, the key is unknown: nobody can say
that it changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .claude_errors import mask
from .following import Unknown, follow
from .sources import Sources

__all__ = ["CodeKeys", "code_key", "request_key", "unfollowed_of"]

_PARTIAL = "~"


class CodeKeys:
    """Keys of many functions: each source, and each function, is read once."""

    def __init__(self) -> None:
        self._sources = Sources()
        self._read: dict[int, tuple[Any, str, tuple[str, ...]]] = {}

    def of(self, given: Any) -> str:
        """The key of a function or a class; empty where it can't be known."""
        return self.read(given)[0]

    def read(self, given: Any) -> tuple[str, tuple[str, ...]]:
        """The key of a function or a class, and names of what it uses that is not compared."""
        if id(given) not in self._read:
            self._read[id(given)] = (given, *self._key(given))
        return self._read[id(given)][1:]

    def _key(self, given: Any) -> tuple[str, tuple[str, ...]]:
        try:
            shape, unfollowed = follow(given, self._sources)
        except Unknown:
            return "", ()
        text = mask(repr([shape, unfollowed]))
        key = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32]
        return f"{key}{_PARTIAL}" if unfollowed else key, unfollowed


def code_key(function: Callable[..., Any]) -> str:
    """What a function does, as a hash; empty where that can't be known.

    Args:
        function: A function, a method, a :func:`functools.partial`, or an object that is called.

    Returns:
        The hash; with ``~`` at its end where it uses what can't be compared.
    """
    return CodeKeys().of(function)


def request_key(request: Mapping[str, Any], code: Iterable[Any] = ()) -> str:
    """What a model is asked, as a hash, with the code it may call or its answer goes through.

    Args:
        request: The request, rid of secrets.
        code: Functions that its tools call, and the class of its answer.

    Returns:
        The hash; with ``~`` at its end where some of the code can't be compared.
    """
    keys = CodeKeys()
    known = [keys.of(one) for one in code if one is not None]
    text = json.dumps([request, known], sort_keys=True, default=repr)
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    partial = any(not one or one.endswith(_PARTIAL) for one in known)
    return f"{key}{_PARTIAL}" if partial else key


def unfollowed_of(code: Iterable[Any]) -> tuple[str, ...]:
    """Names of what functions and classes use that is not compared."""
    keys = CodeKeys()
    found: set[str] = set()
    for one in code:
        if one is not None:
            key, names = keys.read(one)
            found.update(names if key else (getattr(one, "__qualname__", type(one).__name__),))
    return tuple(sorted(found))
