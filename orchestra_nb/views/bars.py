"""Progress bars in text, as the orchestration format draws them: 15 cells a phase."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ..state import State
from . import words

__all__ = ["bars"]

CELLS: Final = 15
LONGEST_LABEL: Final = 28


def bars(state: State, text: Callable[[str], str] = words.plain) -> Iterator[str]:
    """One line a phase, and one for the whole run.

    Args:
        state: The run.
        text: Makes foreign text fit for where the lines go.
    """
    rows: list[tuple[str, int, int, str]] = []
    for phase in state.phases:
        done, total = phase.counts["completed"], phase.total - phase.counts["skipped"]
        idle = phase.counts["pending"] + phase.counts["ready"]
        waits = "" if idle < total else "waiting" if total else "skipped"
        name = words.cut(text(phase.name), LONGEST_LABEL)
        rows.append((f"Phase {phase.number}: {name}", done, total, waits))
    rows.append(("Overall Progress:", *state.done, ""))
    width = max(len(label) for label, *_ in rows)
    for label, done, total, waits in rows:
        share = words.percent(done, total)
        filled = CELLS if share == 100 else min(CELLS - 1, (share * CELLS + 50) // 100)
        bar = "█" * filled + "░" * (CELLS - filled)
        yield f"{label.ljust(width)} [{bar}] {share}% ({waits or f'{done}/{total} agents'})"
