"""What can go wrong on purpose: one `Fault` is one thing that happens to one request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["OK", "Fault", "Kind", "fault", "marked"]

Kind = Literal[
    "ok",
    "status",
    "slow",
    "stall",
    "disconnect",
    "truncate",
    "sse_error",
    "malformed",
    "unknown_event",
    "no_start",
    "no_events",
    "odd_start",
    "html",
    "empty",
    "broken_json",
    "wrong_shape",
    "huge",
]

_MARK = re.compile(r"\[\[fault:(\S+?)((?:\s+\w+=\S+?)*)\]\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted step.

    Attributes:
        kind: What happens:

            - ``status``: an HTTP error of `status` with `message`, `type`, `retry_after`,
              `retry_after_ms`, `should_retry`; `code` is a stable name of its cause.
            - ``slow``: `seconds` pass before the head of the response.
            - ``stall``: `seconds` pass after `after` events of the stream.
            - ``disconnect``: the connection is cut after `after` events (-1: before the head),
              with a TCP reset when `rst`.
            - ``truncate``: the stream ends cleanly after `after` events, without message_stop.
            - ``sse_error``: an ``event: error`` of `type` inside a stream of status 200.
            - ``malformed``: a line of broken JSON after `after` events.
            - ``unknown_event``: an event and a delta of unknown type after `after` events.
            - ``no_start``: the message_start event is missing.
            - ``no_events``: a stream that ends before its first event.
            - ``odd_start``: a stream whose message has neither content nor usage.
            - ``html``, ``empty``, ``broken_json``, ``wrong_shape``: status 200 with a body that is
              no stream.
            - ``huge``: a text of `chars` characters in deltas of 4 kB.
        times: How many requests a marker in a prompt breaks before it lets one through.
    """

    kind: Kind = "ok"
    status: int = 200
    after: int = 3
    seconds: float = 1.0
    rst: bool = False
    chars: int = 1_000_000
    type: str | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | str | None = None
    retry_after_ms: float | None = None
    should_retry: bool | None = None
    times: int = 1_000_000


OK = Fault()


def fault(kind: Kind | int | str, **options: Any) -> Fault:
    """Make a `Fault` from its kind, or from an HTTP status: ``fault(429, retry_after=2)``."""
    if str(kind).isdigit():
        return Fault("status", status=int(kind), **options)
    return Fault(kind, **options)  # type: ignore[arg-type]  # kinds in prompts are plain text


def marked(text: str) -> tuple[str, Fault] | None:
    """Find a marker such as ``[[fault:429 retry_after=1 times=2]]``; return it with its fault."""
    found = _MARK.search(text)
    if found is None:
        return None
    options: dict[str, Any] = {}
    for pair in found[2].split():
        key, _, value = pair.partition("=")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return found[0], fault(found[1], **options)
