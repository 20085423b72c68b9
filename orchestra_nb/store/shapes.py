"""What the fields of events must be like to be folded and shown.

A field has one meaning and one shape in all kinds of events, so that a line can be judged without
knowing its kind. Fields that are not named here may be anything: nobody reads them unasked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from ..events import Event
from ..plan.timeouts import Mode, Timeline
from ..state import RunStatus

__all__ = ["misfit"]

_ENDED: Final = get_args(RunStatus)
_LATEST_WALL: Final = 1e11
"""Epoch seconds of the year 5138: what lies beyond can't be shown as a date everywhere."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_word(value: Any) -> bool:
    # One of ours, or of a newer version: these come as they are into attributes and messages.
    return isinstance(value, str) and len(value) <= 40 and value.isascii() and value.isprintable()


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 1 << 53


def _is_number(value: Any) -> bool:
    # Python reads NaN and Infinity where JSON has none.
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e15


def _is_wall(value: Any) -> bool:
    return _is_number(value) and 0 <= value < _LATEST_WALL


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_options(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(option, dict)
        and {"key", "text"} <= option.keys()
        and all(isinstance(item, str) for item in option.values())
        for option in value
    )


def _are_told(value: Any) -> bool:
    return isinstance(value, list) and all(_are_texts(one) and len(one) == 2 for one in value)


def _are_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _are_tokens(value: Any) -> bool:
    counts = value.values() if isinstance(value, dict) else (value,)
    return all(_is_whole(count) for count in counts)


def _are_caps(value: Any) -> bool:
    return isinstance(value, dict) and all(v is None or _is_number(v) for v in value.values())


def _are_caps_of(value: Any) -> bool:
    return isinstance(value, dict) and all(_are_caps(caps) for caps in value.values())


def _are_names(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _are_items(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and {"id", "text"} <= one.keys()
        and all(isinstance(item, str) for item in one.values())
        for one in value
    )


def _are_shares(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_whole(value.get("before"))
        and _are_texts(value.get("rerun"))
        and _is_flag(value.get("outcomes"))
        and isinstance(value.get("items"), list)
        and all(
            _are_named_texts(one)
            and {"id", "item"} <= one.keys()
            and ("text" in one or "reason" in one)
            for one in value["items"]
        )
    )


def _are_flags(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, bool) for item in value.values())


def _are_said(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _are_named_texts(one) and {"option", "text"} <= one.keys() for one in value.values()
    )


def _or_null(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


_TEXTS = (
    "agent", "asker", "because", "choice", "client", "context", "decision", "description", "error",
    "key", "model", "name", "note", "option", "parent", "project", "question", "question_id",
    "reason", "response", "reused", "run", "sum", "task", "template", "text", "tool", "traceback",
    "who",
)  # fmt: skip
_SHAPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_TEXTS, _is_text),
    **dict.fromkeys(("category", "decision_id", "recommend", "recommendation"), _or_null(_is_text)),
    **dict.fromkeys(("by", "kind", "purpose", "source", "status"), _is_word),
    "cause": _or_null(_is_word),
    **dict.fromkeys(("attempt", "notes"), _is_whole),
    "phase": _or_null(_is_whole),
    **dict.fromkeys(("delay_s", "duration_s", "opened", "shown_s", "waited_s"), _is_number),
    **dict.fromkeys(("cost", "fraction", "rehearsal", "remaining_s", "timeout_s", "until_s"),
                    _or_null(_is_number)),
    **dict.fromkeys(("autopilot", "good", "interactive", "other"), _is_flag),
    "wall": _is_wall,
    "level": lambda value: type(value) is int and 1 <= value <= 5,
    "mode": lambda value: value in get_args(Mode),
    "timeline": lambda value: value in get_args(Timeline),
    **dict.fromkeys(("crashed", "functions", "overrides", "tasks"), _are_texts),
    "compare": _are_named_texts,
    "told": _are_told,
    "items": _are_items,
    "plan": _is_mapping,
    "options": _are_options,
    "tokens": _are_tokens,
    "budget": _are_caps,
    "budget_of": _are_caps_of,
    "models": _are_names,
    "usd": _is_number,
    "autopilot_of": _are_flags,
    "said": _are_said,
    "shares": _are_shares,
    "result": _is_mapping,
    "values": _or_null(_is_mapping),
    "detail": lambda value: isinstance(value, (str, dict)),
}  # fmt: skip


def misfit(event: Event) -> str | None:
    """Name of a field that is not what it must be, ``None`` if all are."""
    for name, value in event.items():
        check = _SHAPES.get(name)
        if check is not None and not check(value):
            return name
    if event["event"] == "orchestration_complete" and event.get("status") not in _ENDED:
        return "status"
    # The one name with two meanings: a card's, and what a task waits for.
    if event["event"] == "decision_opened" and not isinstance(event.get("detail", {}), dict):
        return "detail"
    return None
