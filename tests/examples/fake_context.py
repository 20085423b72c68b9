"""A stand-in for the orchestra's context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class FakeOutcome:
    """How a decision ended."""

    option: str = "A"
    text: str = "Complexity hot spots"
    by: str = "user"
    note: str = ""


@dataclass
class FakeContext:
    """Remembers what a function reported; `stop_after` that many progresses it is cancelled."""

    package: str = "specimen"
    results: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    stop_after: int | None = None
    progresses: list[tuple[str, float | None]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The plan's inputs."""
        return {"package": self.package}

    @property
    def cancelled(self) -> bool:
        """Whether `stop_after` progresses were made."""
        return self.stop_after is not None and len(self.progresses) >= self.stop_after

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Remember it."""
        self.progresses.append((text, fraction))

    def finding(self, text: str) -> None:
        """Remember it."""
        self.findings.append(text)

    def blocker(self, text: str) -> None:
        """Remember it."""
        self.blockers.append(text)
