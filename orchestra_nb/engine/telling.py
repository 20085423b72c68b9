"""What a failed attempt says of itself, as text that can be kept."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from ..errors import AgentError
from ..plan.text import clean

__all__ = ["OURS", "TEXT_MAX", "TRACE_MAX", "Told", "one_line", "said_by", "tell"]

TEXT_MAX = 500
TRACE_MAX = 8_000
WORDS_MAX = 100_000
"""Of a longer message the traceback shows the beginning alone, and it is not kept in memory."""
FRAMES = 20
MOST_LOOKED = 200
"""Exceptions of a chain or group that are looked through for secrets."""
Scrub: TypeAlias = Callable[[str], str]
OURS = str(Path(__file__).parent.parent) + os.sep
"""Where this package's own code lies."""


@dataclass(frozen=True, slots=True)
class Told:
    """An exception in words that are rid of secrets.

    Attributes:
        text: One line.
        traceback: As Python prints it, the end of it.
        whole: Whether the exception itself may be handed on: it is small and holds no secret.
    """

    text: str
    traceback: str
    whole: bool


def tell(error: BaseException, scrub: Scrub) -> Told:
    """Put an exception into words. Calls foreign code: never on the engine's loop.

    Args:
        error: The exception, which may raise anything when it is asked for its words.
        scrub: Takes out secrets, before a text is cut: half a key is still one.
    """
    text = one_line(error, scrub)
    try:
        story = trace(error)
        masked = scrub(story)
        whole = masked == story and not _holds_secret(error, scrub)
    except BaseException as second:  # its notes, its cause, its members
        return Told(text, f"{text}\n(its traceback raised {type(second).__name__})", whole=False)
    return Told(text, clean(masked[-TRACE_MAX:]), whole)


def said_by(error: BaseException) -> str:
    """An exception's own words; a foreign ``__str__`` may raise anything."""
    try:
        return str(error)
    except BaseException as second:
        return f"its text raised {type(second).__name__}"


def _holds_secret(error: BaseException, scrub: Scrub) -> bool:
    """Whether a secret, or more than can be looked at, is anywhere in an exception.

    A traceback leaves out some of it: members of a large group, what ``from None`` hides.
    """
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        one = todo.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        words = [said_by(one), *(repr(part) for part in one.args), *getattr(one, "__notes__", ())]
        if sum(map(len, words)) > WORDS_MAX or len(seen) > MOST_LOOKED:
            return True
        if any(scrub(text) != text for text in words):
            return True
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return False


def one_line(error: BaseException, scrub: Scrub = lambda text: text) -> str:
    """An exception as a person reads it: kind and first line.

    Args:
        error: The exception.
        scrub: Takes out secrets, before the text is cut: half a key is still one.
    """
    words = clean(scrub(said_by(error)))
    if isinstance(error, AgentError):
        return words[:TEXT_MAX]
    lines = [line.strip() for line in words.strip().splitlines()] or [""]
    # "The plan has 2 faults:" alone would say nothing: what follows a colon belongs to it.
    first = "; ".join(lines[1:4]) if lines[0].endswith(":") and lines[1:] else lines[0]
    name = clean(type(error).__name__)
    return f"{name}: {first}"[:TEXT_MAX] if first else name[:TEXT_MAX]


def trace(error: BaseException) -> str:
    """The traceback from the first frame that is the agent's own, the last frames of it."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename.startswith(OURS):
        own = own.tb_next
    found: TracebackType | None = own if own is not None else error.__traceback__
    words = said_by(error)
    if len(words) > WORDS_MAX:
        frames = traceback.format_tb(found, limit=-FRAMES)
        return "".join([*frames, f"{type(error).__name__}: {words[:TEXT_MAX]} …\n"])
    return "".join(traceback.format_exception(type(error), error, found, limit=-FRAMES))
