"""One answer to a question of a plan: what it means, or what would fit.

The same code reads what a person types, what a program gives and what a plan says as a default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .text import clean, fold, seen

if TYPE_CHECKING:
    from .questions import Question

__all__ = ["example", "is_blank", "leading", "read", "spell", "typed"]

LONGEST_TEXT = 4_000
LONGEST_PATH = 1_000
_BIGGEST = 2**53
_MOST_LISTED = 20
_WHOLE = re.compile(r"[-+]?[0-9]{1,16}")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,16}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,3})?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_YES = frozenset({"yes", "y", "true"})
_NO = frozenset({"no", "n", "false"})


def is_blank(raw: object) -> bool:
    """Whether nothing was answered, so that the default counts."""
    return raw is None or (isinstance(raw, str) and not raw.strip())


def read(question: Question, raw: object) -> Any:
    """The value of an answer that is not blank.

    Args:
        question: The question.
        raw: As typed: text, for ``several`` also a list of texts; or already of its type.

    Returns:
        ``text``, ``choice``, ``path``: text. ``number``: an int or a float. ``integer``: an int.
        ``several``: a list of texts in the order of the options. ``yes_no``: a bool.

    Raises:
        ValueError: If it does not fit; its message says what is needed, for a person.
    """
    return _READERS[question.kind](question, raw)


def _text(question: Question, raw: object) -> str:
    words = _words(raw)
    if words is None:
        raise ValueError("Needs text, such as a short sentence.")
    if len(words) > LONGEST_TEXT:
        raise ValueError(f"Needs at most {LONGEST_TEXT:,} characters; this has {len(words):,}.")
    return words


def _path(question: Question, raw: object) -> str:
    if isinstance(raw, os.PathLike):
        raw = os.fspath(raw)
    words = clean(raw).strip() if isinstance(raw, str) else ""
    if not words or len(words) > LONGEST_PATH or _CONTROL.search(words):
        raise ValueError("Needs a path, such as data/prices.csv.")
    return words


def _number(question: Question, raw: object) -> int | float:
    value: object = raw
    if isinstance(raw, str):
        words = raw.strip()
        if _WHOLE.fullmatch(words):
            value = int(words)
        elif question.kind == "number" and _NUMBER.fullmatch(words):
            value = float(words)
    kinds = (int,) if question.kind == "integer" else (int, float)
    if isinstance(value, kinds) and not isinstance(value, bool):
        low = -_BIGGEST if question.min is None else question.min
        high = _BIGGEST if question.max is None else question.max
        if low <= value <= high:  # neither is true of what is not finite
            return float(value) if isinstance(value, float) else int(value)
    raise ValueError(_needed_number(question))


def _needed_number(question: Question) -> str:
    what = "a whole number" if question.kind == "integer" else "a number"
    low, high = question.min, question.max
    if low is not None and high is not None:
        return f"Needs {what} from {spell(low)} to {spell(high)}."
    if low is not None:
        what += f" of at least {spell(low)}"
    elif high is not None:
        what += f" of at most {spell(high)}"
    return f"Needs {what}, such as {example(question)}."


def _choice(question: Question, raw: object) -> str:
    found = _option(question, raw)
    if found is None:
        raise ValueError(f"Needs one of: {_listed(question)}.")
    return found


def _several(question: Question, raw: object) -> list[str]:
    items: Iterable[object]
    if isinstance(raw, (list, tuple, set, frozenset)):
        items = raw
    elif isinstance(raw, str) and _option(question, raw) is None:
        items = [part for part in raw.split(",") if part.strip()]
    else:
        items = [raw]
    found = {_option(question, item) for item in items}
    if None in found:
        raise ValueError(f"Needs some of: {_listed(question)}.")
    return [option for option in question.options if option in found]


def _yes_no(question: Question, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = fold(raw) if isinstance(raw, str) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("Needs yes or no.")


_READERS: dict[str, Callable[[Question, object], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _number,
    "choice": _choice,
    "several": _several,
    "yes_no": _yes_no,
    "path": _path,
}


def _words(raw: object) -> str | None:
    """Text; a number as it would be typed."""
    if isinstance(raw, str):
        return clean(raw).strip()
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and abs(raw) <= _BIGGEST:
        return str(raw)
    return None


def _option(question: Question, raw: object) -> str | None:
    """The option that is meant, whatever its case."""
    words = _words(raw)
    if words is None:
        return None
    words = seen(words) or words
    if words in question.options:
        return words
    folded = fold(words)
    return next((option for option in question.options if fold(option) == folded), None)


def _listed(question: Question) -> str:
    options = question.options
    more = f" and {len(options) - _MOST_LISTED} more" if len(options) > _MOST_LISTED else ""
    return ", ".join(option[:60] for option in options[:_MOST_LISTED]) + more


def spell(value: object) -> str:
    """An answer as a person says it: ``yes``, ``B2B, B2C``, ``3000``."""
    if value is None:
        return "no answer"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none of them"
    return str(value)


def typed(value: object) -> str | list[str] | None:
    """An answer as it would be typed into a form."""
    if value is None or isinstance(value, list):
        return value
    return spell(value)


def example(question: Question) -> str:
    """An answer that would do; empty where anything does."""
    if question.kind in ("choice", "several"):
        return question.options[0] if question.options else ""
    words = {"integer": "3000", "number": "2.5", "yes_no": "yes", "path": "data/prices.csv"}
    found = words.get(question.kind, "")
    if question.kind in ("integer", "number"):
        low, high = question.min, question.max
        if low is not None and float(found) < low:
            return spell(low)
        if high is not None and float(found) > high:
            return spell(high)
    return found


def leading(question: Question, answer: str) -> Any:
    """The value for which ``follow_up`` names questions.

    Raises:
        ValueError: If it is no answer to the question.
    """
    return _choice(question, answer) if question.kind == "several" else read(question, answer)
