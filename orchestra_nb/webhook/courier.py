"""Delivers a run's messages: in order, in a thread of its own, for a bounded time."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..events import Event
from .hook import Webhook
from .messages import Messages

__all__ = ["Courier", "flush"]

GIVE_UP_S = 120.0
"""A message is tried again for this long; and all that is left when the run is over."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
MOST_WAITING = 1_000
"""When more messages wait, the oldest are dropped."""

_CHANCE = random.Random()  # the program's own, which somebody may have seeded, is left alone


class Courier:
    """Delivers a run's messages, in order, in one daemon thread that is started when needed.

    Args:
        webhook: Where to.
        messages: Makes them.
        mask: Takes secrets out of plain data.
    """

    def __init__(
        self,
        webhook: Webhook,
        messages: Messages,
        mask: Callable[[Any], Any] = lambda data: data,
    ):
        self._webhook, self._messages, self._mask = webhook, messages, mask
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=MOST_WAITING)
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._until: float | None = None
        self._complained = False

    # On the engine's loop.

    def hear(self, events: Sequence[Event]) -> None:
        """Tell of these events, which are on disk."""
        self._put(self._messages.of(events))

    def close(self, status: str) -> None:
        """The run is over: send what is left, for a while."""
        if not self._messages.over:  # its log could not be written any more
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self._put([self._messages.finished(status, now)])
        self.finish()

    def finish(self) -> None:
        """Nothing more comes: send what waits at once, and give up after a while."""
        with self._news:
            if self._until is None:
                self._until = time.monotonic() + GIVE_UP_S
            self._news.notify()

    def _put(self, messages: Iterable[dict[str, Any]]) -> None:
        made = [
            (f"msg_{uuid.uuid4().hex}", json.dumps(self._mask(message)).encode())
            for message in messages
        ]
        if not made:
            return
        with self._news:
            self._waiting.extend(made)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="orchestra-webhook", daemon=True
                )
                _busy.add(self)
                self._thread.start()
            self._news.notify()

    def all_sent(self) -> bool:
        """After ``close``: whether everything was sent or given up."""
        return self._thread is None or not self._thread.is_alive()

    # In its own thread.

    def _work(self) -> None:
        try:
            while (message := self._next()) is not None:
                if not self._deliver(*message):
                    return
        finally:
            _busy.discard(self)

    def _next(self) -> tuple[str, bytes] | None:
        with self._news:
            while not self._waiting and self._until is None:
                self._news.wait()
            return self._waiting.popleft() if self._waiting else None

    def _deliver(self, id: str, body: bytes) -> bool:
        """Send a message until it arrives or there is no more use in it; whether to go on."""
        from .post import GONE, post  # what it imports is for those who have a webhook

        end = time.monotonic() + GIVE_UP_S
        tries = 0
        while True:
            closed = self._until is not None
            timestamp = int(time.time())
            headers = {
                "content-type": "application/json",
                "user-agent": "orchestra-nb",
                "webhook-id": id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": self._webhook.sign(id, timestamp, body),
            }
            trouble, after = post(self._webhook.url, body, headers)
            tries += 1
            if not trouble:
                return True
            if trouble == GONE:
                self._complain("wants no more messages (410)")
                return False
            wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (tries - 1))
            wait = max(after, wait * (0.5 + _CHANCE.random()))  # no two of us come back at once
            limit = end if self._until is None else min(end, self._until)
            if time.monotonic() + wait > limit:
                self._complain(f"did not take a message in {tries} tries; the last said {trouble}")
                return self._until is None or time.monotonic() < self._until
            self._rest(wait, closed)

    def _rest(self, seconds: float, closed: bool) -> None:
        """Wait before the next try; the end of the run is a reason to try at once.

        Args:
            seconds: How long.
            closed: Whether the run was over when the last try began; it may have ended meanwhile.
        """
        end = time.monotonic() + seconds
        with self._news:
            while (left := end - time.monotonic()) > 0 and closed is (self._until is not None):
                self._news.wait(left)

    def _complain(self, what: str) -> None:
        if not self._complained and sys.__stderr__ is not None:
            self._complained = True
            sys.__stderr__.write(f"orchestra_nb: the webhook at {self._webhook.place} {what}\n")


_busy: set[Courier] = set()


def flush(within: float) -> None:
    """Before the process ends: let couriers send what they have, for so many seconds at most."""
    end = time.monotonic() + within
    couriers = tuple(_busy)
    for courier in couriers:
        courier.finish()
    for courier in couriers:
        thread = courier._thread
        if thread is not None:
            thread.join(max(0.0, end - time.monotonic()))
