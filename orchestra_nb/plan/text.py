"""Foreign text at the border: made safe to encode, folded for comparing, shortened for messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["clean", "did_you_mean", "fold", "money", "named", "seen", "short", "slug", "under"]

_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = re.compile(
    "[\u061c\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_NOT_WORD = re.compile(r"[\W_]+")
_PLAIN_KEY = re.compile(r"[\w-]{1,80}")
_SLUG_LENGTH = 80


def clean(text: str) -> str:
    """The text with half surrogates as U+FFFD, so that it can always be written as UTF-8."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def seen(text: str) -> str:
    """The text in one line, with nothing in it that people can't see and thus can't type."""
    return _UNSEEN.sub("", _BREAKS.sub(" ", clean(text))).strip()


def fold(text: str) -> str:
    """The form in which names are compared: stripped, NFC, case folded."""
    text = text.strip()
    if text.isascii():
        return text.lower()
    # Folding can undo the composition, so it is composed again.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def slug(title: str) -> str:
    """An id made from a title: ``Database technology`` -> ``database-technology``."""
    words = _NOT_WORD.sub("-", fold(title[: 4 * _SLUG_LENGTH])).strip("-")
    return words[:_SLUG_LENGTH].rstrip("-") or "decision"


def short(value: object, limit: int = 60) -> str:
    """The repr of a value, cut for a message; control characters come out escaped."""
    if isinstance(value, str):
        whole = repr(clean(value[: limit + 1]))
        return whole if len(value) <= limit else f"{repr(clean(value[:limit]))[:-1]}…'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None or isinstance(value, (bool, int, float)):
        whole = str(value).lower() if isinstance(value, bool) else repr(value)
        return whole if len(whole) <= limit else whole[:limit] + "…"
    return f"a {type(value).__name__}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'level'?)`` when a known word is close, else nothing."""
    import difflib

    folded = {fold(item): item for item in known}
    close = difflib.get_close_matches(fold(word[:200]), list(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def named(ids: Iterable[str], most: int = 20) -> str:
    """Ids in a row, some of them where there are many: a plan may have ten thousand."""
    every = list(ids)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def there_are(word: str, known: Iterable[str], most: int = 20) -> str:
    """A word that is not known, what it may have meant, and what there is."""
    every = list(known)
    guess = did_you_mean(word, every)
    return f"{short(word)}{guess}{' There' if guess else '; there'} are {named(every, most)}"


def under(place: str, key: str | int) -> str:
    """The place one step further into a plan: ``phases`` -> ``phases[0]`` -> ``phases[0].name``."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{place}[{short(key)}]"
    return f"{place}.{key}" if place else key


def money(usd: float) -> str:
    """``$1.37``; what is paid but less than a cent reads ``under $0.01``."""
    if 0 < usd < 0.005:
        return "under $0.01"
    return f"${usd:,.2f}"
