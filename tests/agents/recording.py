"""A stand-in for an agent's context that writes down what an agent says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from orchestra_nb.agents.claude import Claude
from orchestra_nb.agents.claude_client import close_clients
from orchestra_nb.agents.context import Context


class _Given(dict[str, object]):
    """Results as a context has them."""

    def each(self) -> Iterator[tuple[str, object]]:
        """Each task with its result."""
        yield from self.items()


@dataclass
class Recording:
    """Has what the worker reads, and records what it says, in order."""

    text: str = "Compare three databases for 10k writes/s"
    agent: str = "database-architect"
    phase: str = "Architecture"
    project: str = "Pricing optimizer"
    overview: str = "Pricing optimisation with ML"
    results: Mapping[str, object] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    plan: Any = field(default_factory=lambda: SimpleNamespace(questions=()))
    notes: tuple[str, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    comments: tuple[str, ...] = ()
    previous: Any = None
    said: list[str] = field(default_factory=list)
    used: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    waits: list[tuple[str, float | None, str]] = field(default_factory=list)
    seconds_left: float | None = None
    outcome: Any = field(
        default_factory=lambda: SimpleNamespace(
            option="B", text="Cassandra", note="we know it", by="user"
        )
    )
    level: Any = field(
        default_factory=lambda: SimpleNamespace(
            number=3,
            name="Alpha Production",
            description="Production ready for early adopters",
            characteristics={"code_quality": "production", "testing": "comprehensive"},
            agent_instructions={"focus": "robustness", "skip": ["white label", "SSO"]},
        )
    )

    def __post_init__(self) -> None:
        self.results = _Given(self.results)

    def progress(self, text: str, fraction: float | None = None) -> None:
        """What the agent does now, into `said`."""
        self.said.append(text)

    def finding(self, text: str) -> None:
        """A finding, into `events`."""
        self.events.append(("finding", text))

    def blocker(self, text: str) -> None:
        """A blocker, into `events`."""
        self.events.append(("blocker", text))

    def log(self, text: str) -> None:
        """A line for the transcript, into `events`."""
        self.events.append(("log", text))

    def tool_call(self, name: str, summary: str) -> None:
        """A tool's use, into `events`."""
        self.events.append((name, summary))

    def usage(self, **counts: Any) -> None:
        """Tokens and cost, into `used`."""
        self.used.append(counts)

    def transcript(self, line: dict[str, Any]) -> None:
        """An exchange, into `lines`."""
        self.lines.append(line)

    async def decide(self, title: str, options: Mapping[str, str], **more: Any) -> Any:
        """A decision, into `asked`; its answer is `outcome`."""
        self.asked.append({"title": title, "options": dict(options), **more})
        await asyncio.sleep(0)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    @contextlib.asynccontextmanager
    async def waiting(
        self, cause: str, *, until_s: float | None = None, detail: str = ""
    ) -> AsyncIterator[None]:
        """A wait, into `waits`."""
        self.waits.append((cause, until_s, detail))
        yield

    @property
    def as_context(self) -> Context:
        """Typed as what it stands for."""
        return cast(Context, self)


def work(claude: Claude, context: Recording) -> Any:
    """Do one task on an event loop of its own."""

    async def main() -> Any:
        try:
            return await asyncio.wait_for(claude(context.as_context), 10)
        finally:
            await close_clients()

    return asyncio.run(main())
