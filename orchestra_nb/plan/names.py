"""Resolving what ``depends_on`` and ``when`` refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .text import fold, slug

if TYPE_CHECKING:
    from .model import Phase, Plan

__all__ = ["Names", "phase_number"]

_PHASE = re.compile(r"phase\s+(\d{1,6})(?:\s*:.*)?", re.DOTALL)
_ENDING = re.compile(r"\s+(?:completion|complete|completed)$")
_AMBIGUOUS = 0


class Names:
    """The names of a plan: ids first, then phases.

    Ids are compared after NFC and case folding; a decision may also be called by its title. A phase
    is called by its name, ``Phase 2`` or ``Phase 2 completion``.
    """

    def __init__(self, phases: Iterable[Phase]):
        self._ids: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        self._phases: dict[str, int] = {}
        self._count = 0
        for number, phase in enumerate(phases, start=1):
            self._count = number
            called = fold(phase.name)
            self._phases[called] = _AMBIGUOUS if called in self._phases else number
            for entry in phase.tasks:
                self._ids.setdefault(entry.id, entry.id)
                self._folded.setdefault(fold(entry.id), entry.id)

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
        folded = fold(reference)
        for wanted in (folded, _ENDING.sub("", folded)):
            if wanted in self._phases:
                return self._phases[wanted]
            found = _PHASE.fullmatch(wanted)
            if found and 1 <= int(found[1]) <= self._count:
                return int(found[1])
        return None

    def known(self) -> tuple[str, ...]:
        """All ids, for suggestions."""
        return tuple(self._ids)


def phase_number(reference: str, plan: Plan) -> int | None:
    """The number (from 1) of the phase that is meant; ``None`` if it is an id."""
    names = Names(plan.phases)
    return None if names.entry(reference) else names.phase(reference)
