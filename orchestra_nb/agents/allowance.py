"""What a budget allows: each call waits until its worst case fits, and says what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ..engine.protocols import Reserve, Settled
from .prices import Price, Tokens

if TYPE_CHECKING:
    from .context import Context

__all__ = ["CHARS_PER_TOKEN", "OVERHEAD_TOKENS", "Allowance", "allowed", "model_for", "worst_case"]

CHARS_PER_TOKEN = 2.0
"""So few characters of a request come to a token at worst. (English has about four; what is not
ASCII counts as it is sent, six characters each.)"""
OVERHEAD_TOKENS = 600
"""What a provider adds to a request with tools."""


def worst_case(chars: int, max_tokens: int, price: Price | None) -> tuple[int, float | None]:
    """Most tokens that an exchange may take, and what they cost at the dearest price that applies.

    Args:
        chars: Characters of the whole request as it is sent.
        max_tokens: Most tokens of the answer.
        price: Of the model; without one the cost is ``None``: unknown.
    """
    read = math.ceil(chars / CHARS_PER_TOKEN) + OVERHEAD_TOKENS
    if price is None:
        return read + max_tokens, None
    # Whether what is sent is written to the cache, read from it or neither is not known before.
    dearest = max(price.input, price.cache_write_5m, price.cache_read)
    return read + max_tokens, (read * dearest + max_tokens * price.output) / 1e6


def model_for(context: Context, own: str) -> str:
    """The model an attempt uses: its worker's own, unless a cheaper one was decided on."""
    job = getattr(context, "_job", None)
    return (job.model if job is not None else "") or own


class Allowance:
    """Leave to make one call. Until it is told otherwise, the call may have cost the worst.

    Attributes:
        usd: The worst it may cost; ``None``: unknown.
        tokens: Most tokens it may take.
    """

    def __init__(self, usd: float | None, tokens: int) -> None:
        self.usd, self.tokens = usd, tokens
        self._rest: tuple[float, int] = (0.0, 0)

    def broke_off(self, told: Tokens | None) -> None:
        """An answer did not end: beside the tokens that were told it may have cost the worst."""
        known = told or Tokens()
        said = sum(getattr(known, name) for name in Tokens.__dataclass_fields__)
        self._rest = self.usd or 0.0, max(0, self.tokens - said)

    @property
    def rest(self) -> tuple[float, int]:
        """USD and tokens that no usage told."""
        return self._rest


@contextlib.asynccontextmanager
async def allowed(
    context: Context,
    *,
    model: str,
    price: Price | None,
    chars: Callable[[], int],
    max_tokens: int,
) -> AsyncIterator[Allowance]:
    """Wait until a budget has room for an exchange; afterwards nothing of it stays reserved.

    Without a budget nobody waits, and nothing is reckoned.

    Args:
        context: The agent's.
        model: The model that is asked.
        price: Its price, if that is known.
        chars: Counts the characters of the whole request.
        max_tokens: What the answer may have.

    Raises:
        AgentError: If there is no room, and there will be none.
    """
    job = getattr(context, "_job", None)
    if job is None or not job.capped:
        yield Allowance(None, 0)
        return
    tokens, usd = worst_case(chars(), max_tokens, price)
    future: Future[None] = Future()
    reserve = Reserve(job, model, usd, tokens, future)
    allowance = Allowance(usd, tokens)
    job.post(reserve)
    try:
        await asyncio.wrap_future(future)
        yield allowance
    finally:
        job.post(Settled(reserve, *allowance.rest))
