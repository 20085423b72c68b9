"""What an agent sees of the run, and how it speaks to it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import operator
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal, TypeAlias

from .. import events
from ..engine.loops import on_own_thread
from ..engine.protocols import Progress, Waiting
from ..plan import Decision, clean
from ..state import Outcome
from .asking import approval, ask
from .saying import cut, log, say
from .seen import Results, Seen

__all__ = ["Context", "Options", "Results"]

Options: TypeAlias = Mapping[str, str] | Sequence[str]
TEXT_MAX = 500
FINDING_MAX = 2_000
DAY_S = 86_400.0


class Context(Seen):
    """What a function or a model's agent gets as its ``context``.

    It may be read and written from any thread or loop. What it holds are the task's *ancestors'*
    results, findings and decisions, so that the order of finishing changes nothing.

    Attributes:
        task: Id of the task.
        agent: Name of the agent.
        text: What is to be done, inputs filled in.
        attempt: 1 for the first try.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Context of {self.task!r}, attempt {self.attempt}>"

    # What is said.

    @property
    def key(self) -> str:
        """What its worker is, as a hash: where nothing of it changed, its result stands.

        Settable by a worker that finds it out when it starts (see ``key_of`` of a worker).
        """
        return self._job.key

    @key.setter
    def key(self, key: str) -> None:
        self._job.key = str(key)

    def _of(self) -> dict[str, Any]:
        node = self._job.node
        return {"task": node.id, "agent": node.agent, "phase": node.phase}

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Say what you are doing; shown at most once a second, cut at 500 characters.

        Args:
            text: A short line.
            fraction: How much is done, 0..1, where that is known.
        """
        if fraction is not None:
            fraction = float(fraction)
            fraction = None if math.isnan(fraction) else min(1.0, max(0.0, fraction))
        job = self._job
        job.latest = cut(job, text, TEXT_MAX), fraction
        if not job.saying:  # a loop that reports each row must not flood the engine
            job.saying = True
            job.post(Progress(job))

    def finding(self, text: str) -> None:
        """Tell people and later agents something worth knowing."""
        text = cut(self._job, text, FINDING_MAX)
        say(self._job, events.insight(**self._of(), text=text))

    def blocker(self, text: str) -> None:
        """Tell people and later agents what stands in your way."""
        text = cut(self._job, text, FINDING_MAX)
        say(self._job, events.blocker(**self._of(), text=text))

    def choice(self, text: str, because: str = "") -> None:
        """Tell people and later agents what you chose yourself, and why.

        It is a decision in the log, by this agent; nobody is asked.
        """
        text, because = (cut(self._job, part, FINDING_MAX) for part in (text, because))
        event = events.decision(
            decision_id=None, text=text, option="", by="agent", reason=because, **self._of()
        )
        say(self._job, event)

    def log(self, text: str) -> None:
        """Write a line into the task's transcript; nobody is shown it."""
        log(self._job, text)

    def transcript(self, entry: Mapping[str, Any]) -> None:
        """Add a mapping to the task's transcript."""
        self._job.journal.transcript(self._job.node.index, self.attempt, entry)

    def tool_call(self, name: str, summary: str, *, refused: bool = False) -> None:
        """Log that a tool was used, or that a person refused that."""
        name, summary = cut(self._job, name, TEXT_MAX), cut(self._job, summary, TEXT_MAX)
        event = events.tool_call(**self._of(), name=name, summary=summary, refused=refused)
        say(self._job, event)

    def usage(
        self,
        *,
        model: str,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cache_read_tokens: int = 0,
        cache_write_5m_tokens: int = 0,
        cache_write_1h_tokens: int = 0,
        cost: float | None = None,
        request_id: str | None = None,
    ) -> None:
        """Log what an exchange with a model used; ``cost`` in USD, ``None`` when not known.

        Raises:
            TypeError: If a number of tokens is not a whole number.
            ValueError: If a figure is negative or not finite.
        """
        tokens = {
            "input": operator.index(input_tokens),
            "output": operator.index(output_tokens),
            "cache_read": operator.index(cache_read_tokens),
            "cache_write_5m": operator.index(cache_write_5m_tokens),
            "cache_write_1h": operator.index(cache_write_1h_tokens),
        }
        price = None if cost is None else float(cost)
        if min(tokens.values()) < 0 or (price is not None and not 0 <= price < math.inf):
            raise ValueError(f"usage can't be negative or endless: {tokens}, cost {cost!r}")
        event = events.usage(
            **self._of(),
            tokens=tokens,
            model=clean(str(model)[:TEXT_MAX]),
            cost=price,
            request_id=None if request_id is None else clean(str(request_id)[:TEXT_MAX]),
        )
        say(self._job, event)

    @contextlib.asynccontextmanager
    async def waiting(
        self,
        cause: Literal["rate_limit", "budget"],
        *,
        until_s: float | None = None,
        detail: str = "",
    ) -> AsyncIterator[None]:
        """A wait that is not the task's own work: visible, and off its timeout.

        Args:
            cause: What is waited for.
            until_s: Seconds it is expected to last.
            detail: A few words for people.
        """
        if cause not in ("rate_limit", "budget"):
            raise ValueError(f"cause must be 'rate_limit' or 'budget', not {cause!r}")
        seconds = None if until_s is None else min(DAY_S, max(0.0, float(until_s)))
        self._job.post(Waiting(self._job, cause, clean(str(detail)[:TEXT_MAX]), seconds))
        try:
            yield
        finally:
            self._job.post(Waiting(self._job, None))

    # What is asked.

    async def decide(
        self,
        title: str,
        options: Options,
        *,
        recommend: str | None = None,
        because: str = "",
        context: str = "",
        category: str | None = None,
        kind: Literal["critical", "standard", "confirmation", "urgent"] = "standard",
        timeout: float | str | None = None,
        other: bool = True,
    ) -> Outcome:
        """Ask a person; the slot is given back meanwhile and the task's timeout stands still.

        Args:
            title: What is to be decided.
            options: ``{"A": "words"}``, or a list of words.
            recommend: Key of the option that is taken when nobody answers; without it there is
                no timeout.
            because: Why that one.
            context: What one has to know to decide.
            category: database, security, cost, api: a longer clock.
            kind: How critical it is; sets the clock.
            timeout: A clock of your own, as seconds or "90s".
            other: Whether free text may be answered (``outcome.option == "other"``).

        Returns:
            The outcome: ``.option``, ``.text``, ``.note``, ``.by``.

        Raises:
            PlanError: If the question is not well formed.
            DecisionClosed: If the run stopped, or the task was over, before there was an answer.
        """
        future = self._ask(
            title, options, recommend, because, context, category, kind, timeout, other
        )
        return await asyncio.wrap_future(future)

    def decide_sync(
        self,
        title: str,
        options: Options,
        *,
        recommend: str | None = None,
        because: str = "",
        context: str = "",
        category: str | None = None,
        kind: Literal["critical", "standard", "confirmation", "urgent"] = "standard",
        timeout: float | str | None = None,
        other: bool = True,
    ) -> Outcome:
        """:meth:`decide` for plain functions: blocks this thread until there is an outcome."""
        if on_own_thread():
            raise RuntimeError("decide_sync() would block every agent: use 'await decide(...)'")
        future = self._ask(
            title, options, recommend, because, context, category, kind, timeout, other
        )
        return future.result()

    async def approve(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        description: str = "",
        problem: str = "",
    ) -> Outcome:
        """Ask whether something may be done before it is; nobody but a person says yes.

        There is no timeout, and it is asked in every mode and under autopilot. Like
        :meth:`decide` it gives the slot back and stops the task's clock meanwhile.

        Args:
            tool: Name of what would be called.
            arguments: What it would be called with; a person may change them.
            description: What it does.
            problem: What was wrong with arguments that a person gave before.

        Returns:
            The outcome: ``.option`` is "A" where it is approved, "B" where it is refused, with
            the reason in ``.note``. ``.values`` are the changed arguments, all of them, or
            ``None``.

        Raises:
            DecisionClosed: If the run stopped, or the task was over, before there was an answer.
        """
        decision, detail = approval(tool, arguments, description, problem)
        return await asyncio.wrap_future(ask(self._job, decision, "approval", detail))

    def approve_sync(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        description: str = "",
        problem: str = "",
    ) -> Outcome:
        """:meth:`approve` for plain functions: blocks this thread until there is an outcome."""
        if on_own_thread():
            raise RuntimeError("approve_sync() would block every agent: use 'await approve(...)'")
        decision, detail = approval(tool, arguments, description, problem)
        return ask(self._job, decision, "approval", detail).result()

    def _ask(
        self,
        title: str,
        options: Options,
        recommend: str | None,
        because: str,
        context: str,
        category: str | None,
        kind: str,
        timeout: float | str | None,
        other: bool,
    ) -> Future[Outcome]:
        decision = Decision(
            title=title,
            options=options,
            recommend=recommend,
            because=because,
            context=context,
            category=category,
            kind=kind,  # type: ignore[arg-type]
            timeout=timeout,
            other=other,
        )
        return ask(self._job, decision)
