"""The honest countdown of one decision: a clock that people can hold, as values.

No timers and no threads here: callers say what time it is. That is what makes it testable.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Cause", "Countdown"]

Cause = Literal["hold", "pause", "typing", "here", "asleep"]

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
        """When the hold ends by itself, ``None`` if only a person can end it, or none is on."""
        if self.held is None or not self._until or self.held in ("hold", "pause"):
            return None
        return max(self._until.values())

    def here_until(self, now: float) -> float:
        """When a visit without typing stops holding the clock, if it goes on."""
        return now + max(0.0, HERE_MAX_S - self._here_used)

    def touch(self, now: float, *, typing: bool) -> bool:
        """Somebody is at the card. Whether this began a hold or changed its cause."""
        if self.remaining is None:
            return False
        self._account(now)
        if typing:
            self._until["typing"] = now + TYPING_S
        budget = HERE_MAX_S - self._here_used
        if budget > 0:
            self._until["here"] = now + min(HERE_S, budget)
        return self._decide(now)

    def hold(self, now: float, on: bool) -> bool:
        """Wait for me, or not any more. Whether that changed anything."""
        return self._switch("hold", now, on)

    def pause(self, now: float, on: bool) -> bool:
        """The run was paused or goes on. Whether that changed anything."""
        return self._switch("pause", now, on)

    def asleep(self, now: float) -> bool:
        """The machine slept: a minute more before anything happens."""
        if self.remaining is None:
            return False
        self._until["asleep"] = now + ASLEEP_S
        return self._decide(now)

    def extend(self, now: float, seconds: float) -> None:
        """Add seconds to the clock."""
        if self.remaining is None or self.seconds is None:
            return
        self._account(now)
        self.remaining += seconds
        self.seconds += seconds

    def tick(self, now: float) -> bool:
        """Let go of holds that are over. Whether the hold ended or changed its cause."""
        self._account(now)
        for cause in [cause for cause, end in self._until.items() if end <= now]:
            del self._until[cause]
        return self._decide(now)

    def _switch(self, cause: Cause, now: float, on: bool) -> bool:
        self._account(now)
        if on:
            self._until[cause] = float("inf")
        else:
            self._until.pop(cause, None)
        return self._decide(now)

    def _account(self, now: float) -> None:
        """Book the time since the last call: off the clock, or on the visitor's allowance."""
        if self.held == "here":
            self._here_used += now - self._since
        elif self.held is None and self.remaining is not None and self.running_since is not None:
            self.remaining = max(0.0, self.remaining - (now - self.running_since))
            self.running_since = now
        self._since = now

    def _decide(self, now: float) -> bool:
        before = self.held
        order: tuple[Cause, ...] = ("hold", "pause", "typing", "here", "asleep")
        self.held = next((cause for cause in order if cause in self._until), None)
        if self.remaining is not None:
            if self.held is None and before is not None:
                self.running_since = now
            elif self.held is not None and before is None:
                self._hold_now(now)
        self._since = now
        return self.held != before

    def _hold_now(self, now: float) -> None:
        if self.running_since is not None and self.remaining is not None:
            self.remaining = max(0.0, self.remaining - (now - self.running_since))
        self.running_since = None
