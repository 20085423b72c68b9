"""What the engine needs from others, as Protocols; it imports neither store nor agents."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..errors import DecisionClosed
from ..events import Event, WaitCause
from ..plan import Decision
from ..plan.graph import Node
from ..state import Change, Outcome, Purpose, State
from .telling import Told

__all__ = [
    "OVER",
    "RETRY_AFTER_MAX_S",
    "Ask",
    "Blocking",
    "Finished",
    "Job",
    "Journal",
    "Listener",
    "Progress",
    "Reserve",
    "Said",
    "Settled",
    "Stored",
    "TakenBack",
    "Wait",
    "Waiting",
    "Worker",
]

OVER = "the task is over"
"""Why a question of a task that ended has no answer."""
RETRY_AFTER_MAX_S = 600.0
"""A service that asks for a longer wait fails the attempt instead."""
Wait = tuple[WaitCause, str, float | None]
"""What an attempt waits for: cause, words for people, the run's ``t`` at which it should end."""
Stored = dict[str, Any]
"""Where a result is, as ``agent_complete`` carries it; see ``store.results``."""


class Journal(Protocol):
    """Durable storage of one run. Called from the engine's loop unless said otherwise."""

    def append(self, events: Sequence[Event]) -> None:
        """Write the events with one write.

        Raises:
            OSError: If they could not be written whole; the run then stops.
        """

    def sync(self, done: Callable[[BaseException | None], None]) -> None:
        """Make everything appended so far durable in a helper thread, then call ``done`` there."""

    def inline_result(self, value: object) -> Stored | None:
        """How a small value is kept in the log itself, or ``None`` if it needs a file."""

    def put_result(
        self, index: int, attempt: int, value: object, done: Callable[[Stored], None]
    ) -> None:
        """Keep a value in a file, durably, in a helper thread, then call ``done`` there.

        Never fails: what can't be kept is described (``stored: false``).
        """

    def transcript(self, index: int, attempt: int, entry: Mapping[str, Any]) -> None:
        """Add a line to a task's transcript. Any thread; never raises."""

    def close(self, timeout: float = ...) -> None:
        """Write out everything, release the lock, within so many seconds."""


class Worker(Protocol):
    """Runs one task. Called with an :class:`orchestra_nb.agents.Context`.

    Attributes:
        blocking: Whether the call must have a thread of its own.
        retries: How many attempts may follow a retryable failure.

    One that spends money has an attribute ``paid``, true, and names its ``model``; a method
    ``cheaper(model)`` may name a cheaper one, which it is then told by ``context``'s job.

    A worker may say what it is, so that a resumed run can tell whether it changed: by an attribute
    ``key`` (text; empty: unknown), or by a method ``key_of(context)`` where that depends on what
    it is given; that one sets ``context.key`` when it starts. An attribute
    ``unfollowed`` may name what it uses that its key does not hold.
    """

    blocking: bool
    retries: int

    def __call__(self, context: Any, /) -> Awaitable[Any] | Any:
        """The task's result."""


class Listener(Protocol):
    """Hears of changes on the engine's loop; must be quick and must not raise."""

    def __call__(self, state: State, change: Change, /) -> None:
        """``change`` is reused after the call."""


@dataclass(slots=True, eq=False)
class Job:
    """One attempt of a task, handed to a worker as its context.

    Everything here may be read from the agent's thread: mappings that the engine goes on filling
    hold only settled ancestors' entries that no longer change.
    """

    node: Node
    attempt: int
    state: State
    results: Mapping[str, Any]
    inputs: Mapping[str, Any]
    answers: Mapping[str, Any]
    notes: tuple[str, ...]
    post: Callable[[Any], None]
    journal: Journal
    #: What is to be done, as last edited, and the level as of now.
    text: str = ""
    level: int = 3
    #: What it is done for, of one task per item of a list.
    item: Any = None
    #: Why a person sent back what earlier attempts returned, and what the last one did.
    comments: tuple[str, ...] = ()
    previous: Any = None
    #: Takes secrets out of a text.
    scrub: Callable[[str], str] = str
    #: How much it has said, by kind of event.
    said: dict[str, int] = field(default_factory=dict)
    #: What its worker is, as a hash; empty where that can't be known.
    key: str = ""
    #: The process it belongs to; a forked child is another.
    pid: int = 0
    started: float = 0.0
    cancelled: bool = False
    #: Set by the crew: whether a thread carries it, and the asyncio task that does.
    threaded: bool = False
    handle: Any = None
    #: Seconds of own work left before the task's timeout, and since when they run.
    budget_s: float | None = None
    since: float | None = None
    #: The run's clock, set for those with a timeout.
    now: Callable[[], float] | None = None
    #: Whether a budget counts what it uses; the model it is to use instead of its own, if any.
    capped: bool = False
    model: str = ""
    holds_slot: bool = True
    asks: int = 0
    #: Its work is over: its result is on the way to the disk, or a person judges what came of it.
    finished: bool = False
    ended: bool = False
    #: What it says it is doing; ``saying``: the engine was told to look.
    latest: tuple[str, float | None] = ("", None)
    saying: bool = False
    #: What it waits for besides its own work, in the order in which that began.
    waits: list[Wait] = field(default_factory=list)

    def seconds_left(self) -> float | None:
        """Seconds of own work left before the task's timeout, ``None`` without one."""
        left, since = self.budget_s, self.since
        if left is None or since is None or self.now is None:
            return left
        return max(0.0, left - (self.now() - since))


@dataclass(slots=True, eq=False)
class Ask:
    """A running agent asks a person; the engine settles ``future``."""

    job: Job
    decision: Decision
    future: Future[Outcome]
    purpose: Purpose = "decision"
    detail: Mapping[str, Any] = field(default_factory=dict)
    waiting: bool = False

    def settle(self, outcome: Outcome) -> None:
        """Hand the agent its answer, if it still waits for one."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_result(outcome)

    def close(self, decision_id: str, reason: str) -> None:
        """Tell the agent that there will be no answer, if it still waits for one."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(DecisionClosed(decision_id, reason))


@dataclass(slots=True)
class TakenBack:
    """An agent gave up waiting for an answer."""

    ask: Ask


@dataclass(slots=True)
class Progress:
    """An agent said what it is doing: look at ``job.latest``.

    One is on its way at most, however often an agent speaks.
    """

    job: Job


@dataclass(slots=True)
class Said:
    """A finding, a blocker, a tool call or usage: an event made by the context."""

    job: Job
    event: Event


@dataclass(slots=True)
class Waiting:
    """A wait of an agent that is not its own work began, or ended (``cause=None``)."""

    job: Job
    cause: Literal["rate_limit", "budget"] | None
    detail: str = ""
    seconds: float | None = None


@dataclass(slots=True, eq=False)
class Reserve:
    """An attempt wants to make a call that is paid; ``future`` ends once it may.

    ``usd`` and ``tokens`` are the worst that may come of it; ``usd`` is ``None`` where the price of
    ``model`` is not known.
    """

    job: Job
    model: str
    usd: float | None
    tokens: int
    future: Future[None]


@dataclass(slots=True)
class Settled:
    """That call is over, or will not be made.

    What its usage did not tell is counted besides: ``usd`` and ``tokens``, of an answer that broke
    off all that it may have come to.
    """

    reserve: Reserve
    usd: float = 0.0
    tokens: int = 0


@dataclass(slots=True)
class Blocking:
    """An attempt's coroutine has blocked the agents' loop; ``place`` is where, in its own code."""

    job: Job
    place: str


@dataclass(slots=True)
class Finished:
    """An attempt ended with a value or an error; ``told`` is an agent's error in words."""

    job: Job
    value: Any = None
    error: BaseException | None = None
    told: Told | None = None
