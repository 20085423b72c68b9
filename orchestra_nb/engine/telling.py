"""What a failed attempt says of itself, as text that can be kept."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from ..errors import AgentError
from ..plan.text import clean

__all__ = ["TEXT_MAX", "TRACE_MAX", "one_line", "said_by", "trace"]

TEXT_MAX = 500
TRACE_MAX = 8_000
FRAMES = 20
_OURS = str(Path(__file__).parent.parent) + "/"


def said_by(error: BaseException) -> str:
    """An exception's own words; a foreign ``__str__`` may raise anything."""
    try:
        return str(error)
    except Exception as second:
        return f"its text raised {type(second).__name__}"


def one_line(error: BaseException, scrub: Callable[[str], str] = lambda text: text) -> str:
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
    while own is not None and own.tb_frame.f_code.co_filename.startswith(_OURS):
        own = own.tb_next
    found: TracebackType | None = own if own is not None else error.__traceback__
    lines = traceback.format_exception(type(error), error, found, limit=-FRAMES)
    return clean("".join(lines))
