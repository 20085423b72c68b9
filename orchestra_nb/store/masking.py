"""Secrets are replaced before anything is written.

``mask`` takes out API keys and tokens of a known form, bearer tokens, private keys, and the values
of the environment variables that carry our own. Looking is cheap (a few substring searches), so
every line of a log passes through it. ``docs/security.md`` lists the forms.
"""

from __future__ import annotations

import os
import re
from typing import Any

from ..events import MASK

__all__ = ["MASK", "add_secret", "has_secret", "mask", "mask_value", "refresh_secrets"]

_OURS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_IDENTITY_TOKEN")
#: Variables that carry somebody's key, by their name.
_THEIRS = re.compile(r"(?:(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET(?:_KEY)?|TOKEN)|PASSWORD|PASSWD)$")
#: Shorter values are words such as "test" or "dummy": taking them out would garble the text and
#: protect nothing. Of a variable that we don't know, more is asked.
_SHORTEST, _SHORTEST_OF_THEIRS = 8, 16
_KEY = re.compile(
    r"sk-ant-[\w-]{4,}"
    r"|sk-(?:proj|svcacct|admin|or-v1)-[\w-]{16,}"
    # No boundary before it, since JSON spells a line break with a letter; so "task-" and an id of
    # one case must not look like it.
    r"|sk-(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{40,}"
    r"|gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}"
    r"|xox[abeprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}"
    r"|(?<=hooks\.slack\.com/services/)[\w/]{20,}"
    r"|(?<![0-9A-Z])A(?:KIA|SIA)[0-9A-Z]{16}(?![0-9A-Z])"
    r"|AIza[\w-]{35}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{40,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{8,999}\.eyJ[\w-]{8,}\.[\w-]{8,}"
    # Its base64, also where line breaks are spelt out; a header that only prose names stays.
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\+[nr]|\s)*"
    r"(?:[A-Za-z-]{1,40}: [^\r\n\\]{,200}(?:\\+[nr]|[\r\n])+){,9}[A-Za-z0-9+/=]{20,}"
    r"(?:\\+[nr]|[\sA-Za-z0-9+/=])*(?:-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----)?",
    re.ASCII,
)
#: Where a word begins, also after a line break that JSON spells with a letter.
_START = r"(?:(?<![A-Za-z])|(?<=\\[nrt]))"
#: Between a name and its value, as headers, files and JSON have it.
_IS = r"[\"' \\]{,9}[:=][\"' \\]{,9}"
#: What follows a word that says so. A bearer token has a digit somewhere, "bearer
#: authentication-scheme" is prose; a password in a URL is no placeholder such as ``{password}``.
#: Each begins with a hint, which makes looking for it quick.
_TOLD = tuple(
    (hint, re.compile(form, re.ASCII))
    for hint, form in (
        ("earer ", rf"({_START}[Bb]earer +)(?=[A-Za-z._~+/=-]*\d)[\w.~+/=-]{{16,}}"),
        ("://", r"(://[^\s:/@\"'<>\\]*:)[^\s/@\"'<>\\{}$*\[\]]{3,}(?=@)"),
        ("asic ", rf"((?i:uthorization){_IS}[Bb]asic +)[\w+/=]{{8,}}"),
        *(
            (hint, rf"([Xx]-{hint}[Kk][Ee][Yy]{_IS})(?=[A-Za-z._~+/=-]*\d)[\w.~+/=-]{{16,}}")
            for hint in ("api-", "Api-", "API-")
        ),
        *(
            (hint, rf"({hint}{_IS})[A-Za-z0-9+/]{{40}}(?![\w+/])")
            for hint in ("secret_access_key", "SECRET_ACCESS_KEY")
        ),
    )
)
_SK = re.compile(r"sk-(?:proj|svcacct|admin|or-v1)-|sk-[A-Za-z0-9]{40}")
#: One of these is in every text that holds a secret of another known form; each group is looked
#: for only where its first word, which is rare or quick to look for, is in the text.
_HINTS = (
    ("-----B", ("-----BEGIN",)),
    ("sk-ant-", ("sk-ant-",)),
    ("gh", ("ghp_", "gho_", "ghs_", "ghu_", "ghr_")),
    ("hub_", ("github_pat_",)),
    ("A", ("AKIA", "ASIA", "AIza", "pypi-AgE")),
    ("G", ("GOCSPX-", "SG.")),
    ("x", ("xox", "xapp-")),
    ("eyJ", (".eyJ",)),
    ("k_", ("k_live_", "k_test_")),
    ("hf_", ("hf_",)),
    ("npm_", ("npm_",)),
    ("ya29.", ("ya29.",)),
    ("glpat-", ("glpat-",)),
    ("slack.com", ("slack.com/services",)),
)
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
    for name in _OURS:
        add_secret(os.environ.get(name))
    for name, value in os.environ.items():
        if _THEIRS.search(name.upper()) and _is_random(value):
            add_secret(value)


def _is_random(value: str) -> bool:
    """Whether a value looks like a key, and not like a word, a path or a number."""
    return (
        len(value) >= _SHORTEST_OF_THEIRS
        and not value.startswith(("/", "."))
        and not any(character.isspace() for character in value)
        and any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
    )


def has_secret(text: str) -> bool:
    """Whether a text, or JSON made of it, may hold a secret: quick, and rather yes than no."""
    # Every line of every log comes through here.
    for first, hints in _HINTS:
        if first in text:
            for hint in hints:
                if hint in text:
                    return True
    # These are in many harmless texts too, and so are looked at closer.
    if "sk-" in text and _SK.search(text):
        return True
    for hint, form in _TOLD:
        if hint in text and form.search(text):
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
    text = _KEY.sub(MASK, text)
    for hint, form in _TOLD:
        if hint in text:
            text = form.sub(rf"\1{MASK}", text)
    return text


def mask_value(value: Any) -> Any:
    """Plain data (as JSON knows it; tuples become lists) with every text in it masked."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask_value(key): mask_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_value(item) for item in value]
    return value
