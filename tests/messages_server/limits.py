"""Rate limits as a provider has them: buckets that refill steadily, and what headers say."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from email.utils import formatdate

__all__ = ["Bucket", "Limits"]


class Bucket:
    """So many at once, and so many a second."""

    def __init__(self, size: float, per_s: float, level: float | None = None) -> None:
        self.size, self.per_s = size, per_s
        self.level = size if level is None else level
        self._at = time.monotonic()

    def refill(self) -> float:
        """What there is now."""
        now = time.monotonic()
        self.level = min(self.size, self.level + (now - self._at) * self.per_s)
        self._at = now
        return self.level

    def lacks(self, amount: float) -> float:
        """Seconds until so much will be there."""
        return max(0.0, (min(amount, self.size) - self.refill()) / self.per_s)

    def headers(self, kind: str, rounded: int = 1) -> dict[str, str]:
        """What an answer says of it; times are whole seconds."""
        level, name = self.refill(), f"anthropic-ratelimit-{kind}"
        full = time.time() + (self.size - level) / self.per_s
        return {
            f"{name}-limit": f"{self.size:.0f}",
            f"{name}-remaining": str(round(max(0.0, math.floor(level)) / rounded) * rounded),
            f"{name}-reset": datetime.fromtimestamp(math.floor(full), UTC).strftime("%FT%TZ"),
        }


class Limits:
    """What one key may send: buckets of a minute's worth, as the Messages API has them.

    Args:
        requests: Requests a minute.
        requests_left: How many of them are there at the start; by default all.
        burst: So many requests at once and no more, though the headers say there are: the same
            rate, enforced second by second.
        input: Input tokens a minute.
        input_left: How many of them are there at the start; by default all.
        output: Output tokens a minute; an answer that has begun is always finished.
        headers: Whether answers tell of it; refusals have ``retry-after`` anyhow.

    Attributes:
        overloaded: Until when, on the monotonic clock, everything is answered with 529.
        refusals: When requests were refused.
    """

    def __init__(
        self,
        *,
        requests: float | None = None,
        requests_left: float | None = None,
        burst: float | None = None,
        input: float | None = None,
        input_left: float | None = None,
        output: float | None = None,
        headers: bool = True,
    ) -> None:
        def minute(size: float | None, left: float | None = None) -> Bucket | None:
            return None if size is None else Bucket(size, size / 60, left)

        self._requests = minute(requests, requests_left)
        self._burst = Bucket(burst, requests / 60) if burst and requests else None
        self._input, self._output = minute(input, input_left), minute(output)
        self._telling = headers
        self.overloaded = -math.inf
        self.refusals: list[float] = []

    def refuse(self, tokens: int) -> tuple[int, int | None] | None:
        """Take a request of so many tokens, or say with which status and ``retry-after`` not."""
        now = time.monotonic()
        if now < self.overloaded:
            self.refusals.append(now)
            return 529, None
        wanted = ((self._requests, 1), (self._burst, 1), (self._input, tokens), (self._output, 1))
        buckets = [(bucket, amount) for bucket, amount in wanted if bucket is not None]
        wait = max((bucket.lacks(amount) for bucket, amount in buckets), default=0.0)
        if wait:
            self.refusals.append(now)
            return 429, math.ceil(wait)
        for bucket, amount in buckets:
            bucket.level -= amount if bucket is not self._output else 0
        return None

    def wrote(self, tokens: int) -> None:
        """Count off what an answer came to."""
        if self._output is not None:
            self._output.level -= tokens

    def headers(self) -> dict[str, str]:
        """What every answer says."""
        if not self._telling:
            return {}
        found = {"date": formatdate(usegmt=True)}
        for kind, bucket, rounded in (
            ("requests", self._requests, 1),
            ("input-tokens", self._input, 1000),
            ("output-tokens", self._output, 1000),
        ):
            if bucket is not None:
                found |= bucket.headers(kind, rounded)
        return found
