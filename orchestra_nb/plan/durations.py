"""Spans of time: read as people write them, written as the spec writes them."""

from __future__ import annotations

import math
import re

__all__ = ["clock", "format_duration", "parse_duration", "rough_duration", "spell_duration"]

_NUMBER = r"(\d+(?:\.\d+)?)\s*"
_SPAN = re.compile(
    rf"(?:{_NUMBER}(?:d|days?)[\s,]*)?"
    rf"(?:{_NUMBER}(?:h|hrs?|hours?)[\s,]*)?"
    rf"(?:{_NUMBER}(?:m|mins?|minutes?)[\s,]*)?"
    rf"(?:{_NUMBER}(?:s|secs?|seconds?)?)?",
    re.ASCII,
)
_UNITS = (86400.0, 3600.0, 60.0, 1.0)
_LONGEST = 366 * 86400.0
_HOW = "write 90s, 15m, 1h30m, '15 minutes' or a number of seconds"


def parse_duration(value: object) -> float:
    """Seconds of a duration such as ``15m``, ``1h30m``, ``90s``, ``15 minutes`` or ``90``.

    Raises:
        ValueError: If it is not a duration from 0 seconds to 366 days; says how to write one.
    """
    seconds: float
    if isinstance(value, str):
        written = value.strip().lower()
        found = _SPAN.fullmatch(written) if 0 < len(written) <= 100 else None
        if found is None:
            raise ValueError(_complaint(value))
        parts = zip(found.groups(), _UNITS, strict=True)
        seconds = math.fsum(float(count) * unit for count, unit in parts if count)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"must be a finite duration, not {value}; {_HOW}")
        if value > _LONGEST:
            raise ValueError("must not be longer than 366 days")
        seconds = float(value)
    else:
        raise ValueError(_complaint(value))
    if seconds < 0:
        raise ValueError(f"must not be negative; {_HOW}")
    if seconds > _LONGEST:
        raise ValueError("must not be longer than 366 days")
    return seconds


def _complaint(value: object) -> str:
    from .text import short

    if isinstance(value, str) and value.strip().startswith("-"):
        return f"must not be negative, as {short(value)} is; {_HOW}"
    return f"must be a duration, not {short(value)}; {_HOW}"


def format_duration(seconds: float) -> str:
    """The spec's short form: ``45s``, ``14m``, ``2h05m``; under 10 s with tenths (``2.5s``)."""
    if seconds < 9.95:
        tenths = f"{max(0.0, seconds):.1f}"
        return f"{tenths.removesuffix('.0')}s"
    if seconds < 59.5:
        return f"{round(seconds)}s"
    minutes = math.floor(seconds / 60 + 0.5)
    if minutes < 60:
        return f"{minutes}m"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def spell_duration(seconds: float) -> str:
    """A form that is read back, exact to the microsecond: ``1h30m``, ``1m30s``, ``0.25s``."""
    if seconds != int(seconds):
        return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
    left, spelled = int(seconds), ""
    for unit, letter in ((3600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, unit)
        if count:
            spelled += f"{count}{letter}"
    return spelled or "0s"


def rough_duration(seconds: float) -> str:
    """As people say it of what is not known exactly: ``30 s``, ``41 min``, ``2 h 05 min``."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = math.floor(seconds / 60 + 0.5)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float) -> str:
    """Whole seconds as a clock shows them: ``7:24``, ``1:02:03``. Parts of a second are dropped."""
    whole = max(0, math.floor(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
