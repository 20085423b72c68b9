"""Who hears of a run besides its boards: the user's callbacks, and a webhook."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from .callbacks import Callbacks
from .errors import SetupError
from .events import Event
from .plan.text import short
from .state import DecisionState, State
from .store.masking import add_secret, mask_value
from .webhook.courier import Courier
from .webhook.hook import Webhook
from .webhook.messages import Messages

__all__ = ["Hearers", "Hearing"]


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who wants to hear of a run.

    Attributes:
        on_event: Called with each event.
        on_decision: Called with each decision a person is needed for.
        webhook: Gets a POST for each decision, and one when the run is over.
    """

    on_event: Callable[[Event], None] | None = None
    on_decision: Callable[[DecisionState], None] | None = None
    webhook: Webhook | None = None

    def check(self) -> None:
        """Refuse what can't hear; what a webhook keeps secret is masked from here on.

        Raises:
            SetupError: If one of them is of the wrong kind.
        """
        for name in ("on_event", "on_decision"):
            callback = getattr(self, name)
            if callback is not None and not callable(callback):
                raise SetupError(f"{name} must be a function, not {short(callback)}")
        if self.webhook is not None and not isinstance(self.webhook, Webhook):
            raise SetupError(
                f"webhook must be an onb.Webhook(url, secret=...), not {short(self.webhook)}"
            )
        for secret in self.webhook.secrets if self.webhook is not None else ():
            add_secret(secret)


class Hearing:
    """Tells a run's hearers; what they do is no business of the run."""

    def __init__(self, hearers: Hearers, state: State):
        self._hearers, self._state = hearers, state
        self._callbacks = Callbacks()
        self._courier: Courier | None = None
        if hearers.webhook is not None:
            about = Messages(state.id, state.project, state.rehearsal is not None)
            self._courier = Courier(hearers.webhook, about, mask_value)

    @property
    def on_events(self) -> Callable[[list[Event]], None] | None:
        """Takes events that are on disk; ``None`` when nobody wants them."""
        wanted = self._hearers.on_event is not None or self._courier is not None
        return self._hear_events if wanted else None

    @property
    def on_asked(self) -> Callable[[str], None] | None:
        """Takes the id of a decision a person is needed for."""
        return self._hear_decision if self._hearers.on_decision is not None else None

    def _hear_events(self, events: list[Event]) -> None:
        if self._courier is not None:
            self._courier.hear(events)
        if self._hearers.on_event is not None:
            for event in events:
                self._callbacks.put(self._hearers.on_event, event)

    def _hear_decision(self, decision_id: str) -> None:
        decision = self._state.decisions[decision_id]
        if self._hearers.on_decision is not None and decision.open:
            # A copy: the run goes on changing its own.
            self._callbacks.put(self._hearers.on_decision, copy.copy(decision))

    def close(self) -> None:
        """The run is over."""
        self._callbacks.close()
        if self._courier is not None:
            self._courier.close(self._state.status)

    def all_heard(self) -> bool:
        """After ``close``: whether everybody has heard everything, or never will."""
        sent = self._courier is None or self._courier.all_sent()
        return sent and self._callbacks.all_heard()
