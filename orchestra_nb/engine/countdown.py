"""The honest countdown of one decision: a clock that people can hold, as values.

No timers and no threads here: callers say what time it is. That is what makes it testable.
"""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Cause", "Countdown"]

Cause = Literal["hold", "pause", "typing", "here", "asleep"]
_STRONGEST: tuple[Cause, ...] = ("hold", "pause", "typing", "here", "asleep")

TYPING_S = 30.0
"""A key press holds the clock until this long after it."""
HERE_S = 10.0
"""Focus or pointer hold it until this long after the browser last said so."""
HERE_MAX_S = 120.0
"""All that focus or pointer alone can hold it."""
ASLEEP_S = 60.0
"""What a decision gets when the machine slept through its deadline."""


class Countdown:
    """Time left of a decision.

    Attributes:
        seconds: The whole clock, with what was added; ``None`` without one.
        remaining: Seconds left, as of when it was last held or released.
    """

    __slots__ = ("_here_used", "_since", "_until", "held", "remaining", "running_since", "seconds")

    def __init__(self, seconds: float | None, now: float):
        self.seconds = seconds
        self.remaining = seconds
        self.running_since: float | None = now if seconds is not None else None
        self.held: Cause | None = None
        self._until: dict[Cause, float] = {}
        self._here_used = 0.0
        self._since = now

    def left(self, now: float) -> float | None:
        """Seconds left at ``now``; ``None`` without a clock."""
        if self.remaining is None:
            return None
        if self.running_since is None:
            return self.remaining
        return self.remaining - (now - self.running_since)

    def deadline(self) -> float | None:
        """When it runs out, ``None`` while it is held or without a clock."""
        if self.remaining is None or self.running_since is None:
            return None
        return self.running_since + self.remaining

    def until(self) -> float | None:
        """When a hold ends by itself next, ``None`` if only a person can end it, or none is on."""
        if self.held is None or self.held in ("hold", "pause"):
            return None
        return min(self._until.values())

    def here_until(self, now: float) -> float:
        """When a visit without typing stops holding the clock, if it goes on."""
        return now + max(0.0, HERE_MAX_S - self._here_used)

    def touch(self, now: float, *, typing: bool) -> bool:
        """Somebody is at the card. Whether this began a hold or changed its cause."""
        if self.remaining is None:
            return False
        before = self._shown()
        self._advance(now)
        if typing:
            self._until["typing"] = now + TYPING_S
        budget = HERE_MAX_S - self._here_used
        if budget > 0:
            self._until["here"] = now + min(HERE_S, budget)
        self._decide(now)
        return self._shown() != before

    def hold(self, now: float, on: bool) -> bool:
        """Wait for me, or not any more. Whether that changed anything."""
        return self._switch("hold", now, on)

    def pause(self, now: float, on: bool) -> bool:
        """The run was paused or goes on. Whether that changed anything."""
        return self._switch("pause", now, on)

    def asleep(self, now: float) -> bool:
        """The machine slept: a minute more before anything happens. Whether the cause changed."""
        if self.remaining is None:
            return False
        before = self._shown()
        self._advance(now)
        self._until["asleep"] = now + ASLEEP_S
        self._decide(now)
        return self._shown() != before

    def extend(self, now: float, seconds: float) -> None:
        """Add seconds to the clock."""
        if self.remaining is None or self.seconds is None:
            return
        self._advance(now)
        self.remaining += seconds
        self.seconds += seconds

    def tick(self, now: float) -> bool:
        """Let go of holds that are over. Whether the hold ended or changed its cause."""
        before = self._shown()
        self._advance(now)
        return self._shown() != before

    def _shown(self) -> tuple[Cause | None, float | None]:
        """What a view of a held clock shows; of a running one it knows the deadline."""
        return self.held, self.remaining if self.held is not None else None

    def _switch(self, cause: Cause, now: float, on: bool) -> bool:
        before = self._shown()
        self._advance(now)
        if on:
            self._until[cause] = math.inf
        else:
            self._until.pop(cause, None)
        self._decide(now)
        return self._shown() != before

    def _advance(self, now: float) -> None:
        """Book the time up to now, letting go of each hold when it was over."""
        while self._until:
            cause = min(self._until, key=self._until.__getitem__)
            end = self._until[cause]
            if end > now:
                break
            self._account(end)
            del self._until[cause]
            self._decide(end)
        self._account(now)

    def _account(self, now: float) -> None:
        """Book the time since the last call: off the clock, or on the visitor's allowance."""
        if self.held == "here":
            self._here_used += max(0.0, now - self._since)
        elif self.held is None and self.remaining is not None and self.running_since is not None:
            self.remaining = max(0.0, self.remaining - (now - self.running_since))
            self.running_since = now
        self._since = now

    def _decide(self, now: float) -> None:
        """Name the strongest hold that is on, and stop or start the clock."""
        self.held = next((cause for cause in _STRONGEST if cause in self._until), None)
        if self.remaining is None:
            return
        if self.held is not None:
            self.running_since = None
        elif self.running_since is None:
            self.running_since = now
