"""When the next request may go: limits, refusals, and how to come back after them.

One lane is one provider, account and model. It is pure arithmetic: callers say what time it is.

- Limits: no more is let go than the provider said is left, see :mod:`.limits`.
- Concurrency: a refusal (429 or 529) halves how many may be under way; each second without one
  lets one more in.
- Coming back: a refusal stops everybody, for as long as the provider says, else for longer each
  time. Then one goes first. Each answer that begins lets one more ask at the same time, and they
  leave one after the other: nobody comes back as a herd.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from ..engine.protocols import RETRY_AFTER_MAX_S
from .limits import KINDS, STALE_S, Cost, Gauge, Kind, read_figures

__all__ = ["CHANCE", "Lane", "Ticket"]

CHANCE = random.Random()
"""Chance of our own: the program's, which somebody may have seeded, is left alone."""
_START = 10
"""So many go at once before anything is known; those after them, one after the other."""
_SPREAD_S = 0.25
"""As many as may ask at the same time leave within this time, not at once."""
_UNANSWERED_S = 10.0
"""Who waits longer for an answer keeps nobody else from asking."""
_MORE_PER_S = 1.0
_BACKOFF_S, _BACKOFF_MAX_S = 1.0, 30.0
_FORGET_S = 60.0
"""A refusal is the first again when nobody asked for so long after the last."""
_LEARN = 0.2
"""Weight of the newest exchange in what is typical."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One exchange that was let go.

    Attributes:
        cost: What it is reckoned to take.
        chars: Characters that its input tokens were guessed from.
        before: What had been answered when it was let go.
        began: When it was let go.
        epoch: How many refusals there had been.
        first: It went alone, to see whether the provider answers again.
        opened: When its answer began.
        over: It is settled.
    """

    cost: Cost
    chars: int
    before: Cost
    began: float
    epoch: int
    first: bool
    opened: float | None = None
    over: bool = False


class Lane:
    """Admission to one model of one account.

    Attributes:
        gauges: The limits.
        in_flight: Exchanges under way.
        resume_at: Until when everybody waits.
        told_until: The same, as far as the provider named it.
        why: What the last refusal said.
        epoch: Refusals so far, those that came together counted once.
    """

    def __init__(self, chance: Callable[[], float] = CHANCE.random) -> None:
        self.gauges: dict[Kind, Gauge] = {kind: Gauge() for kind in KINDS}
        self.in_flight = 0
        self.resume_at = self.told_until = -math.inf
        self.why = ""
        self.epoch = 0
        self._down_since: float | None = None
        self._chance = chance
        self._asking: dict[Ticket, None] = {}
        self._ramp = _START
        self._window = math.inf
        self._streak = 0
        self._let_go = 0
        self._next_at = -math.inf
        self._figures_of = -math.inf
        self._answered = Cost(0)
        self._tokens_per_char = 0.25
        self._output, self._seconds = 500.0, 10.0
        self._learnt = False

    # Before an exchange.

    def cost(self, chars: int, max_tokens: int) -> Cost:
        """What a request will take, guessed from what others took.

        Args:
            chars: Characters it adds to what the provider has cached.
            max_tokens: What it may write. Few write that much: what is typical is reckoned with.
        """
        # Of a long answer only what is written within a minute counts against a minute's limit.
        output = self._output * min(1.0, STALE_S / self._seconds)
        return Cost(1, math.ceil(chars * self._tokens_per_char), math.ceil(min(max_tokens, output)))

    def ready_at(self, cost: Cost, now: float) -> float:
        """When a request may go: `now`, later, or `inf` for not before something happens."""
        if now < self.resume_at:
            return self.resume_at
        at = now
        self._give_up_on(now)
        if self._let_go >= _START:
            at = max(at, self._next_at)
        if self.epoch and len(self._asking) >= self._ramp:
            at = max(at, next(iter(self._asking)).began + _UNANSWERED_S)
        missing = self.in_flight + 1 - self.concurrency(now)
        if missing > 0:
            at = max(at, now + missing / _MORE_PER_S)
        for kind, gauge in self.gauges.items():
            at = max(at, gauge.ready_at(cost.head(kind) + cost.tail(kind), now))
        return at

    def admit(self, cost: Cost, chars: int, now: float) -> Ticket:
        """Let a request go; its cost is held until its answer says more."""
        first = self.epoch > 0 and self._ramp == 1
        ticket = Ticket(cost, chars, self._answered, now, self.epoch, first)
        for kind, gauge in self.gauges.items():
            gauge.hold(cost.head(kind) + cost.tail(kind), now)
        self.in_flight += 1
        self._asking[ticket] = None
        self._let_go += 1
        self._next_at = now + _SPREAD_S / self._ramp * (0.5 + self._chance())
        return ticket

    def concurrency(self, now: float) -> float:
        """How many exchanges may be under way; `inf` until the provider refused one."""
        return self._window + max(0.0, now - self.resume_at) * _MORE_PER_S

    def down_s(self, now: float) -> float:
        """Seconds since which the provider has refused everything; 0 while it answers."""
        return 0.0 if self._down_since is None else now - self._down_since

    def outlook(self, ahead: Cost, cost: Cost, now: float) -> tuple[float | None, str]:
        """What a request waits for that has others before it: seconds, roughly, and words."""
        pause = max(0.0, self.resume_at - now)
        slowest, wait = None, 0.0
        for kind, gauge in self.gauges.items():
            before = ahead.head(kind) + ahead.tail(kind)
            expected = gauge.expect(before + cost.head(kind) + cost.tail(kind), now)
            if expected > wait:
                slowest, wait = kind, expected
        if pause:
            return max(pause, wait), self.why
        if slowest is not None:
            gauge = self.gauges[slowest]
            words = f"{gauge.limit:,.0f} {slowest.replace('-', ' ')}"
            return wait, f"{words} a minute" if gauge.steady else words
        return None, "few at a time after a refusal" if self.epoch else "few at a time at first"

    # During and after it.

    def opened(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        """The answer began: the provider takes requests."""
        self._asking.pop(ticket, None)
        ticket.opened = now
        told, cost = self._hear(ticket, headers, now), ticket.cost
        for kind, gauge in self.gauges.items():
            gauge.held -= cost.head(kind)
            if kind not in told:
                gauge.spend(cost.head(kind), now)
        requests, sent, _ = self._answered
        self._answered = Cost(requests + cost.requests, sent + cost.input)
        if ticket.epoch == self.epoch:
            self._ramp += 1
            self._down_since = None

    def refused(
        self,
        ticket: Ticket,
        headers: Mapping[str, str],
        now: float,
        *,
        retry_after: float | None = None,
        why: str = "",
    ) -> None:
        """The provider answered 429 or 529, or broke off its answer for the same reasons.

        Args:
            ticket: Whose request it was.
            headers: Of the answer.
            now: When.
            retry_after: Seconds it asks to wait, if it does.
            why: What it said, for people.
        """
        if ticket.opened is None:
            self._hear(ticket, headers, now)
        told = retry_after if retry_after and retry_after <= RETRY_AFTER_MAX_S else None
        if told is not None:
            self.told_until = max(self.told_until, now + told)
        if ticket.epoch == self.epoch:  # the others that went before the stop say nothing new
            self.epoch += 1
            if self._down_since is None or now - self.resume_at > _FORGET_S:
                self._down_since, self._streak = now, 0
            self._streak += 1
            if not ticket.first:
                self._window = max(1.0, self.in_flight / 2)
            self._ramp = 1
            self.why = why
            pause = min(_BACKOFF_MAX_S, _BACKOFF_S * 2.0 ** (self._streak - 1))
            pause *= 0.75 + self._chance() / 2
            self.resume_at = max(self.resume_at, now + (pause if told is None else told))
        elif told is not None:
            self.resume_at = max(self.resume_at, now + told)
        self.settle(ticket, now)

    def settle(
        self, ticket: Ticket, now: float, *, input: int | None = None, output: int | None = None
    ) -> None:
        """The exchange is over, one way or the other: nothing of it stays held.

        Args:
            ticket: The exchange; a second time does nothing.
            now: When.
            input: Tokens it sent that count, when known.
            output: Tokens it wrote, when known.
        """
        if ticket.over:
            return
        ticket.over = True
        self.in_flight -= 1
        self._asking.pop(ticket, None)
        cost = ticket.cost
        for kind, gauge in self.gauges.items():
            gauge.held -= cost.tail(kind) + (cost.head(kind) if ticket.opened is None else 0)
        if ticket.opened is None:
            return
        seconds = now - ticket.opened
        written = cost.output if output is None else output
        # What was written before the newest figures is in them.
        fresh = now - max(ticket.opened, self._figures_of)
        share = min(1.0, fresh / seconds) if seconds > 0 else 1.0
        for kind in ("tokens", "output-tokens"):
            self.gauges[kind].spend(written * share, now)
        if input is not None and output is not None:
            self._learn(ticket.chars, input, output, seconds)

    def _hear(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> Set[Kind]:
        """Take the headers' figures, unless those of a later request are known; say which.

        They are as of some moment since the request was let go. What was answered in that time
        may have been counted after that moment: it is counted off again, to be safe.
        """
        if ticket.began < self._figures_of:
            return frozenset()
        figures = read_figures(headers)
        if figures:
            self._figures_of = ticket.began
        for kind, figure in figures.items():
            unsure = self._answered.head(kind) - ticket.before.head(kind)
            self.gauges[kind].hear(kind, figure, now, since=ticket.began, unsure=unsure)
        return figures.keys()

    def _learn(self, chars: int, input: int, output: int, seconds: float) -> None:
        weight = _LEARN if self._learnt else 1.0
        self._learnt = True
        self._output += weight * (output - self._output)
        self._seconds += weight * (max(seconds, 0.1) - self._seconds)
        if chars:
            ratio = min(1.0, max(0.02, input / chars))
            self._tokens_per_char += weight * (ratio - self._tokens_per_char)

    def _give_up_on(self, now: float) -> None:
        while self._asking:
            oldest = next(iter(self._asking))
            if now - oldest.began < _UNANSWERED_S:
                return
            del self._asking[oldest]
