"""Secrets are replaced before anything is written.

``mask`` takes out API keys and tokens of a known form, bearer tokens, private keys, and the values
of the environment variables that carry our own. Looking is cheap (a few substring searches), so
every line of a log passes through it. ``docs/security.md`` lists the forms.
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
_KEY = re.compile(
    r"sk-ant-[\w-]{4,}"
    r"|sk-proj-[\w-]{16,}"
    r"|gh[pos]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|xox[abeprs]-[\w-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bAIza[\w-]{35}"
    # Its base64, also where line breaks are spelt out; a header that only prose names stays.
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\+[nr]|\s)*[A-Za-z0-9+/=]{20,}"
    r"(?:\\+[nr]|[\sA-Za-z0-9+/=])*(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----)?",
    re.ASCII,
)
#: A token has a digit somewhere; "bearer authentication-scheme" is prose.
_BEARER = re.compile(r"(\b[Bb]earer +)(?=[A-Za-z._~+/=-]*\d)[\w.~+/=-]{16,}", re.ASCII)
#: One of these is in every text that holds a secret of the user's, also when the text is JSON.
_marks: tuple[str, ...] = ()
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
    # Spelt out, rare letters first: every line of every log comes through here.
    if (
        "sk-ant-" in text
        or "earer " in text
        or "-----BEGIN" in text
        or "sk-proj-" in text
        or "ghp_" in text
        or "gho_" in text
        or "ghs_" in text
        or "github_pat_" in text
        or ("K" in text and "AKIA" in text)
        or ("z" in text and "AIza" in text)
        or ("x" in text and "xox" in text)
    ):
        return True
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
