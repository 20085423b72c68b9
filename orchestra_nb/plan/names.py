"""Resolving what ``depends_on`` and ``when`` refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .text import fold, slug

if TYPE_CHECKING:
    from .model import Phase, Plan

__all__ = ["Names", "phase_number"]

_PHASE = re.compile(r"phase\s+(\d{1,6})(?:\s*:.*)?", re.DOTALL)
_ENDING = re.compile(r"\s+(?:completion|complete|completed)$")
_AMBIGUOUS = 0


class _Phases:
    """Phases by name and number."""

    def __init__(self, titles: Sequence[str]):
        self._count = len(titles)
        self._numbers: dict[str, int] = {}
        for number, title in enumerate(titles, start=1):
            called = fold(title)
            self._numbers[called] = _AMBIGUOUS if called in self._numbers else number

    def number(self, reference: str) -> int | None:
        folded = fold(reference)
        for wanted in (folded, _ENDING.sub("", folded)):
            if wanted in self._numbers:
                return self._numbers[wanted]
            found = _PHASE.fullmatch(wanted)
            if found and 1 <= int(found[1]) <= self._count:
                return int(found[1])
        return None


class Names:
    """The names of a plan: ids first, then phases.

    Ids are compared after NFC and case folding; a decision may also be called by its title. A phase
    is called by its name, ``Phase 2`` or ``Phase 2 completion``.
    """

    def __init__(self, phases: Iterable[Phase]):
        self._ids: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        titles = []
        for phase in phases:
            titles.append(phase.name)
            for entry in phase.tasks:
                self._ids.setdefault(entry.id, entry.id)
                self._folded.setdefault(fold(entry.id), entry.id)
        self._phases = _Phases(titles)

    def entry(self, reference: str) -> str | None:
        """The id that is meant, or ``None``."""
        exact = self._ids.get(reference)
        if exact is not None:
            return exact
        return self._folded.get(fold(reference))

    def titled(self, reference: str) -> str | None:
        """The id whose slug is meant: ``Database technology`` -> ``database-technology``."""
        return self._folded.get(slug(reference))

    def phase(self, reference: str) -> int | None:
        """The number (from 1) of the phase that is meant; 0 if two have that name, or ``None``."""
        return self._phases.number(reference)

    def known(self) -> tuple[str, ...]:
        """All ids, for suggestions."""
        return tuple(self._ids)


def phase_number(reference: str, plan: Plan) -> int | None:
    """The number (from 1) of the phase that a reference means if it means no id."""
    return _Phases([phase.name for phase in plan.phases]).number(reference)
