"""Secrets are replaced before anything is written.

``mask`` takes out API keys, bearer tokens and the values of the environment variables that carry
them. Looking is cheap (a few substring searches), so every line of a log passes through it.
"""

from __future__ import annotations

import os
import re
from typing import Any

__all__ = ["MASK", "add_secret", "has_secret", "mask", "mask_value", "refresh_secrets"]

MASK = "[secret]"

_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
#: Shorter values are words such as "test" or "dummy": taking them out would garble the text and
#: protect nothing.
_SHORTEST = 8
_KEY = re.compile(r"sk-ant-[\w-]{4,}", re.ASCII)
#: A token has a digit somewhere; "bearer authentication-scheme" is prose.
_BEARER = re.compile(r"(\b[Bb]earer +)(?=[A-Za-z._~+/=-]*\d)[\w.~+/=-]{16,}", re.ASCII)
#: One of these is in every text that holds a secret, also when the text is JSON.
_marks: tuple[str, ...] = ("sk-ant-", "Bearer ", "bearer ")
_secrets: tuple[str, ...] = ()


def add_secret(value: str | None) -> None:
    """Mask this text from now on, such as a key that was handed over in Python."""
    global _secrets, _marks
    value = (value or "").strip()
    if len(value) < _SHORTEST or value in _secrets:
        return
    # Longest first, so that a secret that holds another one goes as a whole.
    _secrets = tuple(sorted((*_secrets, value), key=len, reverse=True))
    # JSON escapes some characters: the mark is the longest run without any.
    mark = max(re.split(r'["\\\x00-\x1f]+', value), key=len)
    if mark not in _marks:
        _marks = (*_marks, mark)


def refresh_secrets() -> None:
    """Learn the keys that stand in the environment now; earlier ones stay masked."""
    for name in _VARIABLES:
        add_secret(os.environ.get(name))


def has_secret(text: str) -> bool:
    """Whether a text, or JSON made of it, may hold a secret: quick, and rather yes than no."""
    # A plain loop: a generator inside any() would cost more than the searches.
    for mark in _marks:  # noqa: SIM110
        if mark in text:
            return True
    return False


def mask(text: str) -> str:
    """The text with every secret as ``[secret]``."""
    if not has_secret(text):
        return text
    for secret in _secrets:
        text = text.replace(secret, MASK)
    return _BEARER.sub(rf"\1{MASK}", _KEY.sub(MASK, text))


def mask_value(value: Any) -> Any:
    """Plain data (as JSON knows it; tuples become lists) with every text in it masked."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask_value(key): mask_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_value(item) for item in value]
    return value
