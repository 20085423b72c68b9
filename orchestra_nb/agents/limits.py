"""What a provider's limits leave: read from its headers, reckoned on until it speaks again.

The Messages API refills its buckets steadily and says in each answer what was left as the request
came in. Between two answers a gauge reckons with that refill and with what was sent since.
Times are seconds on a monotonic clock that callers give; nothing here waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple

__all__ = ["KINDS", "STALE_S", "Cost", "Figure", "Gauge", "Kind", "read_figures"]

Kind = Literal["requests", "tokens", "input-tokens", "output-tokens"]
KINDS: Final[tuple[Kind, ...]] = ("requests", "tokens", "input-tokens", "output-tokens")

STALE_S = 60.0
"""Limits are per minute: what was said longer ago says nothing any more."""
_ROUNDED_TO = 1_000
"""Tokens left are told to the nearest thousand."""
_CLOCK_SLACK_S = 2.0
"""Times in headers are whole seconds, and there are two of them."""


class Cost(NamedTuple):
    """What one exchange takes of each limit.

    Attributes:
        requests: Requests.
        input: Tokens sent that count against the limit; cached ones don't.
        output: Tokens written.
    """

    requests: int = 1
    input: int = 0
    output: int = 0

    def head(self, kind: Kind) -> int:
        """What the provider has counted once it begins to answer."""
        return self.requests if kind == "requests" else 0 if kind == "output-tokens" else self.input

    def tail(self, kind: Kind) -> int:
        """What it counts while it writes."""
        return self.output if kind in ("tokens", "output-tokens") else 0


class Figure(NamedTuple):
    """What the headers of one answer say about one limit.

    Attributes:
        limit: What there is at most.
        left: What is left.
        full_in: Seconds, from the answer on, until all is there again; `None` when not known.
    """

    limit: float
    left: float
    full_in: float | None = None


def read_figures(headers: Mapping[str, str]) -> dict[Kind, Figure]:
    """Read the ``anthropic-ratelimit-*`` headers of an answer; what can't be read is left out."""
    found: dict[Kind, Figure] = {}
    # The server's own clock: ours may be off by more than a limit lasts.
    now = _http_date(headers.get("date"))
    for kind in KINDS:
        name = f"anthropic-ratelimit-{kind}"
        limit, left = (
            _number(headers.get(f"{name}-limit")),
            _number(headers.get(f"{name}-remaining")),
        )
        if limit is None or left is None or limit <= 0:
            continue
        reset = _timestamp(headers.get(f"{name}-reset"))
        found[kind] = Figure(
            limit, min(left, limit), None if reset is None or now is None else reset - now
        )
    return found


class Gauge:
    """One limit: how much may be sent, and when.

    Attributes:
        limit: What there is at most; infinite while nobody has said.
        held: What was let go but is in no figure of the provider's yet.
    """

    __slots__ = ("_at", "_full_at", "_heard", "_left", "_steady", "held", "limit")

    def __init__(self) -> None:
        self.limit = self._left = math.inf
        self.held = 0
        self._at = 0.0
        self._heard = -math.inf
        self._full_at = math.inf
        self._steady = True

    @property
    def known(self) -> bool:
        """Whether the provider has named this limit."""
        return self.limit < math.inf

    @property
    def steady(self) -> bool:
        """Whether it refills bit by bit, not all at once."""
        return self._steady

    def hear(
        self, kind: Kind, figure: Figure, now: float, *, since: float, unsure: float = 0
    ) -> None:
        """Take the provider's word.

        Args:
            kind: Which limit this is.
            figure: What was said.
            now: When it was heard.
            since: When the request was sent; the figure is as of some time between.
            unsure: What was counted between, and may or may not be in the figure.
        """
        self.limit, self._left, full_in = figure
        self._at = self._heard = now
        # Times in headers are whole seconds: what is said to be full now may be so in a second.
        self._full_at = math.inf if full_in is None else now + max(0.0, full_in) + 1.0
        self._steady = True
        if full_in is not None:
            # A bucket that fills steadily within a minute is full when the missing part of that
            # minute is over. One that says another time is filled at that time, all at once.
            missing = (self.limit - self._left) * STALE_S / self.limit
            slack = _CLOCK_SLACK_S
            if kind != "requests":
                slack += _ROUNDED_TO * STALE_S / self.limit
            self._steady = missing - (now - since) - slack <= full_in <= missing + slack
        if kind != "requests" and self._left < self.limit and self._left % _ROUNDED_TO == 0:
            self._left -= _ROUNDED_TO / 2
        self._left -= unsure

    def left(self, now: float) -> float:
        """What is left, what was let go meanwhile not counted off."""
        if not self.known:
            return math.inf
        if self._steady:
            return min(self.limit, self._left + max(0.0, now - self._at) * self.limit / STALE_S)
        return self.limit if now >= self._full_at else self._left

    def free(self, now: float) -> float:
        """What may be let go now."""
        return self.left(now) - self.held

    def spend(self, amount: float, now: float) -> None:
        """Count off what the provider will have counted, though it said nothing."""
        if self.known and amount:
            self._left = self.left(now) - amount
            self._at = now
            if now >= self._full_at:
                self._full_at = math.inf

    def hold(self, amount: int, now: float) -> None:
        """Reckon with what is let go now."""
        if self.free(now) < min(amount, self.limit):
            self._heard = now  # let go on suspicion: the next one waits for the answer
        self.held += amount

    def ready_at(self, amount: int, now: float) -> float:
        """When so much may be let go if nothing else happens; `inf`: not before it does."""
        need = min(amount, self.limit)  # more than there ever is goes when all of it is there
        missing = need - self.free(now)
        if missing <= 0:
            return now
        if need + self.held > self.limit:
            at = math.inf
        elif self._steady:
            at = now + missing * STALE_S / self.limit
        else:
            at = self._full_at
        # Never held up for good by old figures: one is let through, and its answer is news.
        return min(at, max(now, self._heard + STALE_S))

    def expect(self, amount: int, now: float) -> float:
        """Seconds that it will take, roughly, until so much has been let go."""
        if not self.known:
            return 0.0
        return max(0.0, (amount - self.free(now)) * STALE_S / self.limit)


def _number(raw: str | None) -> float | None:
    try:
        value = float(raw) if raw is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _timestamp(raw: str | None) -> float | None:
    try:
        found = datetime.fromisoformat(raw) if raw else None
    except ValueError:
        return None
    return found.timestamp() if found is not None and found.tzinfo is not None else None


def _http_date(raw: str | None) -> float | None:
    try:
        return parsedate_to_datetime(raw).timestamp() if raw else None
    except ValueError:
        return None
