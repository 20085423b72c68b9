"""The governor: all agents of a process share what a provider allows, and wait in line for it.

Before each exchange an agent is admitted; see :mod:`.lane` for when. Who has to wait waits first
come, first served, where people see it, off the task's own time. What the answer's head says, and
whether the provider refused, steers everybody who uses the same model on the same account.

A refused attempt is the engine's to repeat, after its own delay; if the provider is not ready by
then, the attempt waits the rest here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine.protocols import RETRY_AFTER_MAX_S
from ..errors import AgentError
from ..plan.durations import rough_duration
from .lane import Lane, Ticket
from .limits import Cost, Kind
from .prices import Tokens

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

    from .context import Context

__all__ = ["Headroom", "Permit", "admitted", "headroom"]

_UNSEEN_S = 0.3
"""A wait as short as this is not worth two lines of the log."""
_LOOK_AGAIN_S = 5.0
"""What a wait is expected to last is said anew this often at most."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """What is left of one provider's limits, for one model and account.

    Attributes:
        base_url: The provider.
        account: Tells accounts apart, within this process only; says nothing of the key.
        model: The model asked for.
        limits: What there is at most a minute, by kind: requests, tokens, input-tokens,
            output-tokens. Only kinds that the provider has named.
        left: What is left of them now.
        in_flight: Exchanges under way.
        concurrency: How many may be; `None`: as many as there are.
        waiting: Exchanges that wait.
        paused_s: Seconds until anybody may ask again.
    """

    base_url: str
    account: str
    model: str
    limits: Mapping[Kind, float]
    left: Mapping[Kind, float]
    in_flight: int
    concurrency: int | None
    waiting: int
    paused_s: float


def headroom() -> list[Headroom]:
    """What is left of every limit this process has met, as of now. From any thread."""
    return [
        gate.headroom(*key) for gates in list(_gates.values()) for key, gate in list(gates.items())
    ]


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody in line.

    Attributes:
        chars: Characters it will send.
        max_tokens: What it may be answered.
        seconds_left: What its task has left, if it has a timeout.
        before: Requests and characters that ever stood in line before it.
        future: Its ticket.
    """

    chars: int
    max_tokens: int
    seconds_left: float | None
    before: tuple[int, int]
    future: asyncio.Future[Ticket]


class Gate:
    """One lane with its line, on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lane: Lane | None = None) -> None:
        self._loop = loop
        self.lane = lane or Lane()
        self._line: deque[_Waiter] = deque()
        self._came = self._went = (0, 0)
        self._wake: asyncio.TimerHandle | None = None
        self._news: asyncio.Future[None] = loop.create_future()

    # In line.

    async def enter(self, context: Context, chars: int, max_tokens: int) -> Ticket:
        """Wait for one's turn.

        Raises:
            AgentError: If the provider names a time that the task doesn't have.
        """
        waits: set[asyncio.Future[Any]]
        waiter = _Waiter(
            chars, max_tokens, context.seconds_left, self._came, self._loop.create_future()
        )
        self._came = (self._came[0] + 1, self._came[1] + chars)
        self._line.append(waiter)
        try:
            pause = self.lane.told_until - self._loop.time()
            self._check(waiter, _too_long(self.lane.why, pause, waiter.seconds_left))
            self._pump()
            if not waiter.future.done():
                await asyncio.wait({waiter.future}, timeout=_UNSEEN_S)
            while not waiter.future.done():
                expected, why = self._outlook(waiter)
                again = None if expected is None else max(expected, _LOOK_AGAIN_S)
                waits = {waiter.future, self._news}
                async with context.waiting("rate_limit", until_s=expected, detail=why):
                    await asyncio.wait(waits, timeout=again, return_when="FIRST_COMPLETED")
            return waiter.future.result()
        except asyncio.CancelledError:
            self._leave(waiter.future)
            raise

    def _leave(self, future: asyncio.Future[Ticket]) -> None:
        """Somebody goes away; if it was let in meanwhile, it gives that back."""
        if future.cancel():
            self._pump()
        elif not future.cancelled() and future.exception() is None:
            self.settle(future.result())

    def _outlook(self, waiter: _Waiter) -> tuple[float | None, str]:
        lane = self.lane
        cost = lane.cost(waiter.chars, waiter.max_tokens)
        requests, chars = (b - w for b, w in zip(waiter.before, self._went, strict=True))
        ahead = Cost(requests, lane.cost(chars, 0).input, requests * cost.output)
        return lane.outlook(ahead, cost, self._loop.time())

    def _pump(self) -> None:
        """Let in who may go, in order, and look again when the next one may."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        while self._line:
            waiter = self._line[0]
            if not waiter.future.done():
                now = self._loop.time()
                cost = self.lane.cost(waiter.chars, waiter.max_tokens)
                at = self.lane.ready_at(cost, now)
                if at > now:
                    if at < math.inf:
                        self._wake = self._loop.call_at(at, self._pump)
                    return
                waiter.future.set_result(self.lane.admit(cost, waiter.chars, now))
            self._line.popleft()
            self._went = (self._went[0] + 1, self._went[1] + waiter.chars)

    def _check(self, waiter: _Waiter, error: AgentError | None) -> None:
        """Somebody in line has no hope."""
        if error is not None and not waiter.future.done():
            waiter.future.set_exception(error)

    # What answers say.

    def opened(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        """An answer began."""
        self.lane.opened(ticket, headers, self._loop.time())
        self._pump()

    def refused(
        self,
        ticket: Ticket,
        headers: Mapping[str, str],
        error: AgentError,
        seconds_left: float | None,
    ) -> AgentError:
        """The provider refused, or broke off, for want of capacity; returns what to raise."""
        lane, now = self.lane, self._loop.time()
        epoch, told = lane.epoch, error.retry_after or 0.0
        why, _, _ = str(error).partition(";")
        lane.refused(ticket, headers, now, retry_after=error.retry_after, why=why)
        down = _down(why, lane.down_s(now))
        for waiter in self._line:
            self._check(waiter, down or _too_long(why, told, waiter.seconds_left))
        self._pump()
        if lane.epoch > epoch:
            self._news.set_result(None)
            self._news = self._loop.create_future()
        return down or _too_long(why, told, seconds_left) or error

    def settle(self, ticket: Ticket, tokens: Tokens | None = None) -> None:
        """An exchange is over."""
        now = self._loop.time()
        if tokens is None:
            self.lane.settle(ticket, now)
        else:
            # Tokens read from the cache count against no limit.
            sent = tokens.input + tokens.cache_write_5m + tokens.cache_write_1h
            self.lane.settle(ticket, now, input=sent, output=tokens.output)
        self._pump()

    def headroom(self, base_url: str, account: str, model: str) -> Headroom:
        """What is left, as of now."""
        lane, now = self.lane, self._loop.time()
        most = lane.concurrency(now)
        known = {kind: gauge for kind, gauge in lane.gauges.items() if gauge.known}
        return Headroom(
            base_url,
            account,
            model,
            {kind: gauge.limit for kind, gauge in known.items()},
            {kind: max(0.0, gauge.free(now)) for kind, gauge in known.items()},
            lane.in_flight,
            int(most) if most < math.inf else None,
            sum(not waiter.future.done() for waiter in list(self._line)),
            max(0.0, lane.resume_at - now),
        )


class Permit:
    """Leave to make one exchange; tell it how that went."""

    def __init__(self, gate: Gate, ticket: Ticket, context: Context) -> None:
        self._gate, self._ticket, self._context = gate, ticket, context

    def opened(self, headers: Mapping[str, str]) -> None:
        """The answer's head is there."""
        self._gate.opened(self._ticket, headers)

    def close(
        self, error: Exception | None, headers: Mapping[str, str], tokens: Tokens | None
    ) -> Exception | None:
        """The exchange ended.

        Args:
            error: Why it failed.
            headers: Of its answer.
            tokens: What it used, when that is final.

        Returns:
            The error to raise: another one when to wait makes no sense.
        """
        if not isinstance(error, AgentError) or error.cause != "rate_limit":
            self._gate.settle(self._ticket, tokens)
            told = getattr(error, "retry_after", None) or 0.0
            return _too_long(str(error).rpartition(";")[0], told, None) or error
        return self._gate.refused(self._ticket, headers, error, self._context.seconds_left)


@contextlib.asynccontextmanager
async def admitted(
    client: AsyncAnthropic, context: Context, *, model: str, chars: int, max_tokens: int
) -> AsyncIterator[Permit]:
    """Wait until an exchange may be made; afterwards nothing of it stays reserved.

    Args:
        client: Whose provider and account it is.
        context: The agent's; shows the wait.
        model: The model asked for.
        chars: Characters the request adds to what the provider has cached.
        max_tokens: What the answer may have.

    Raises:
        AgentError: If the provider named a time that the task doesn't have.
    """
    gate = _gate(client, model)
    ticket = await gate.enter(context, chars, max_tokens)
    try:
        yield Permit(gate, ticket, context)
    finally:
        gate.settle(ticket)


def _too_long(why: str, wait: float, left: float | None) -> AgentError | None:
    """The error of an attempt that is told to wait longer than it can; `None` if it can.

    Args:
        why: What the provider said.
        wait: Seconds it asks to wait.
        left: Seconds the task has left, if it has a timeout.
    """
    if wait > RETRY_AFTER_MAX_S:
        most = f"any task waits ({rough_duration(RETRY_AFTER_MAX_S)})"
    elif left is not None and wait > max(left, 0.0):
        most = f"the task has left ({rough_duration(left)})"
    else:
        return None
    return AgentError(f"{why}; retry after {wait:,.0f} s, which is longer than {most}")


def _down(why: str, seconds: float) -> AgentError | None:
    """The error of everybody once the provider has refused everything for long."""
    if seconds <= RETRY_AFTER_MAX_S:
        return None
    return AgentError(f"{why}; nothing got through for {rough_duration(seconds)}")


_SALT = os.urandom(16)
_gates: dict[asyncio.AbstractEventLoop, dict[tuple[str, str, str], Gate]] = {}


def _gate(client: AsyncAnthropic, model: str) -> Gate:
    """The running loop's gate to a model: all runs of the process share the agents' loop."""
    loop = asyncio.get_running_loop()
    gates = _gates.get(loop)
    if gates is None:
        for ended in [other for other in list(_gates) if other.is_closed()]:
            _gates.pop(ended, None)
        gates = _gates[loop] = {}
    key = (str(client.base_url), _account(client), model)
    gate = gates.get(key)
    if gate is None:
        gate = gates[key] = Gate(loop)
    return gate


def _account(client: Any) -> str:
    """A name for the client's credentials that says nothing of them."""
    secret = client.api_key or client.auth_token
    if not secret:  # a profile or a workload's identity
        secret = "\n".join(
            os.environ.get(name, "") for name in ("ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR")
        )
    return hashlib.blake2b(secret.encode(), key=_SALT, digest_size=6).hexdigest()
