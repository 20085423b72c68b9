"""One place where everything that can go wrong with a call becomes one readable `AgentError`.

The SDK wraps only part of it: a stream cut in the middle is a bare transport error, a proxy's
HTML page an assertion, a clean end without a stop reason no error at all. `normalise` turns each
into a line that says what happened, whether another attempt may help, and what to do.

Every text that leaves this package passes `mask`: an API key is never in it.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..errors import AgentError, OrchestraError
from ..events import MASK
from ..plan.durations import rough_duration

if TYPE_CHECKING:
    import anthropic
    import httpx2

__all__ = ["MASK", "NO_CREDENTIALS", "explain", "judge", "mask", "masked", "normalise"]

NO_CREDENTIALS = (
    "No credentials for Claude were found. Three ways on: set the environment variable "
    "ANTHROPIC_API_KEY; or pass your own functions in agents={...}; or try the plan without a "
    "model with onb.rehearse(plan)."
)

_SECRETS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_IDENTITY_TOKEN")
_SHORTEST_SECRET = 6  # shorter values are placeholders; masking them would garble plain words
_KEY = re.compile(r"sk-ant-[\w-]{4,}|(?i:(?<=bearer ))[\w.~+/=-]{8,}")

# 499: something between here and the API hung up. A stop of ours ends in no status at all.
_RETRYABLE_STATUS = frozenset({408, 409, 429, 499})
_RETRYABLE_TYPES = frozenset(
    {"overloaded_error", "api_error", "rate_limit_error", "timeout_error", "conflict_error"}
)
_SPENT = frozenset(
    {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)
"""Codes of a 429 that no waiting helps against: they look like a rate limit and are none."""
_LONGEST_DETAIL = 300

_STATUS = {
    400: "The API refused the request (400)",
    401: "The API key was not accepted (401)",
    402: "The account can't pay for this request (402)",
    403: "The API key may not do this (403)",
    404: "Not found (404)",
    408: "The API gave up waiting (408)",
    409: "The request collided with another one (409)",
    412: "The API refused the request (412)",
    413: "The request is too large (413)",
    422: "The API refused the request (422)",
    429: "Rate limited (429)",
    431: "The request's headers are too large (431)",
    499: "The connection was closed on the way (499)",
    501: "The server can't do this (501)",
    503: "The API is not available (503)",
    504: "The API did not answer in time (504)",
    529: "The API is overloaded (529)",
}
_ADVICE = {
    401: "set a valid ANTHROPIC_API_KEY",
    402: "add credit to it",
    404: "check the model's name and the base URL",
    413: "shorten the task or the results it depends on",
    431: "is ANTHROPIC_CUSTOM_HEADERS too long?",
    501: "does ANTHROPIC_BASE_URL name a Messages API?",
}


def mask(text: str) -> str:
    """Hide API keys in `text`, and replace half surrogates, which no file or socket takes."""
    for name in _SECRETS:
        secret = os.environ.get(name, "").strip()
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    text = _KEY.sub(MASK, text)
    return text.encode("utf-8", "replace").decode()


def masked(value: Any) -> Any:
    """`mask` every text in a tree of JSON values."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(key)): masked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return value


def explain(error: ValidationError, *, most: int = 5) -> str:
    """A validation error in one line: place and message, never the value."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [
        f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults
    ]
    more = f" (and {len(lines) - most} more)" if len(lines) > most else ""
    return mask("; ".join(lines[:most]) + more)


def normalise(
    error: Exception,
    *,
    opened: bool = False,
    started: bool = False,
    heard: int = 0,
    content_type: str = "",
) -> AgentError | OrchestraError:
    """Turn whatever a call raised into the error the engine understands.

    Args:
        error: What was raised. Our own errors come back as they are.
        opened: The response's head had arrived with status 200.
        started: The stream's first event had arrived, so the call will be paid for.
        heard: Characters of text that had arrived.
        content_type: Of the response, when it was opened.
    """
    if isinstance(error, OrchestraError):
        return error
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return _status(error, started=started, heard=heard)
    if opened and not started:
        return _no_stream(error, content_type)
    if started:
        return _broken(error, heard)
    if isinstance(error, anthropic.APITimeoutError):
        return AgentError(f"No answer came in time{_waited(error.__cause__)}", retryable=True)
    if isinstance(error, (anthropic.APIConnectionError, httpx2.TransportError)):
        return _unreachable(error)
    return _refused_here(error)


def _status(error: anthropic.APIStatusError, *, started: bool, heard: int) -> AgentError:
    status, kind = error.status_code, error.type or ""
    detail = _short(error.api_message or "").rstrip(".")
    if error.error_code in _SPENT:
        text = f"The account's spending limit is reached ({status})"
        text += f": {detail}" if detail else ""
        return AgentError(mask(f"{text}; raise the limit, then try again"))
    known = status in _RETRYABLE_STATUS or status >= 500 or kind in _RETRYABLE_TYPES
    retryable = known and status != 501
    headers = error.response.headers
    hopeless = False
    if (told := headers.get("x-should-retry")) in ("true", "false"):
        hopeless = retryable and told == "false"
        retryable = told == "true"
    limited = status in (429, 529) or kind in ("rate_limit_error", "overloaded_error")
    wait = retry_after(headers) if retryable else None
    if status < 300:  # an error event inside a stream that had begun with 200
        text = f"The API broke off its answer after {heard:,} characters ({kind or 'error'})"
    else:
        text = _STATUS.get(status) or (
            f"The API failed ({status})" if status >= 500 else f"The API refused this ({status})"
        )
    if detail and status not in (401, 429, 529):
        text += f": {detail}"
    if started:
        text += "; its cost is unknown"
    if advice := _ADVICE.get(status):
        text += f"; {advice}"
    if hopeless:
        text += "; the API says that trying again would not help"
    if wait is not None:
        text += f"; retry after {_seconds(wait)}"
    cause = "rate_limit" if limited and retryable else None
    return AgentError(mask(text), retryable=retryable, retry_after=wait, cause=cause)


def _no_stream(error: Exception, content_type: str) -> AgentError:
    kind = content_type.partition(";")[0].strip()
    if kind == "text/event-stream":
        return AgentError(
            "The answer ended before it began: a stream without a first event; its cost is unknown",
            retryable=True,
        )
    what = f"{kind!r} instead of a stream" if kind else "no stream"
    return AgentError(
        f"The server answered with {mask(what)}; is ANTHROPIC_BASE_URL right, or is a proxy "
        "in between?",
        retryable=True,
    )


def _broken(error: Exception, heard: int) -> AgentError:
    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return AgentError(
            f"The stream stalled after {heard:,} characters{_waited(error)}; its cost is unknown",
            retryable=True,
        )
    if isinstance(error, httpx2.TransportError):
        what = "The stream was cut"
    elif isinstance(error, ValueError):
        what = "The stream was not readable (broken JSON)"
    elif isinstance(error, EOFError):
        what = f"The stream was not readable ({error})"
    else:
        what = f"The stream was not readable ({type(error).__name__})"
    return AgentError(f"{what} after {heard:,} characters; its cost is unknown", retryable=True)


def _waited(error: BaseException | None) -> str:
    """How long nothing had come when the client gave up."""
    request = getattr(error, "_request", None)
    seconds = (request.extensions.get("timeout") or {}).get("read") if request else None
    return f": nothing came for {rough_duration(seconds)}" if seconds else ""


def _unreachable(error: Exception) -> AgentError:
    import httpx2

    request = getattr(error, "request", None) if not isinstance(error, httpx2.HTTPError) else None
    where = f" to {request.url.host}" if request is not None else ""
    cause = error.__cause__ or error
    if isinstance(cause, httpx2.LocalProtocolError):
        # Its text quotes the header that could not be sent, which holds the key.
        return AgentError(
            "The request could not be sent: a header is not valid; is there a line break or a "
            "space in ANTHROPIC_API_KEY?"
        )
    why = _short(str(cause)) or type(cause).__name__
    ask = "is the network up, and ANTHROPIC_BASE_URL right?"
    return AgentError(mask(f"No connection{where}: {why.rstrip('.')}; {ask}"), retryable=True)


def _refused_here(error: Exception) -> AgentError:
    """The SDK itself refused: nothing was sent, so another attempt would end the same way."""
    import anthropic

    text = str(error)
    if "Could not resolve authentication method" in text:
        return AgentError(NO_CREDENTIALS)
    if isinstance(error, anthropic.CredentialsError):
        return AgentError(mask(f"The credentials for Claude could not be loaded: {_short(text)}"))
    return AgentError(
        mask(f"The request could not be sent ({type(error).__name__}): {_short(text)}")
    )


def judge(
    stop_reason: str | None, text: str, *, max_tokens: int, details: Any = None
) -> AgentError | None:
    """Say why a message that arrived whole is still no success; `None` when it is one.

    Args:
        stop_reason: The message's.
        text: Its text, all blocks joined.
        max_tokens: What the request allowed.
        details: The message's ``stop_details``.
    """
    match stop_reason:
        case "end_turn" | "stop_sequence":
            if text.strip():
                return None
            return AgentError(f"The answer was empty ({stop_reason})", retryable=True)
        case "max_tokens":
            return AgentError(f"Answer cut off at max_tokens ({max_tokens:,}); allow more of them")
        case "refusal":
            why = _short(str(getattr(details, "explanation", None) or ""))
            category = getattr(details, "category", None)
            said = f"{len(text):,} characters of text discarded" if text else "no text returned"
            line = f"Refused by the model{f' ({category})' if category else ''}: {why or said}"
            return AgentError(mask(line))
        case "model_context_window_exceeded":
            return AgentError(
                "The model's context is full; shorten the task or the results it depends on"
            )
        case None:
            return AgentError(
                f"The stream ended after {len(text):,} characters without a stop reason: the "
                "answer is not complete; its cost is unknown",
                retryable=True,
            )
        case other:
            return AgentError(f"The answer ended for an unknown reason ({mask(_short(other))!r})")


def retry_after(headers: httpx2.Headers | Mapping[str, str]) -> float | None:
    """Seconds the service asks to wait: milliseconds first, then seconds or an HTTP date.

    None, or a moment that is over, is no wait that it asks for.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        raw = headers.get(name)
        if raw is None:
            continue
        try:
            wait = float(raw) / unit
        except ValueError:
            try:
                wait = parsedate_to_datetime(raw).timestamp() - time.time()
            except ValueError:
                continue
        if math.isfinite(wait) and wait > 0:
            return wait
    return None


def _seconds(wait: float) -> str:
    return f"{wait:,.0f} s" if wait >= 10 or wait == int(wait) else f"{wait:.1f} s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_DETAIL else f"{line[:_LONGEST_DETAIL]}…"
