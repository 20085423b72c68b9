"""What an earlier run came to: its log read back and folded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import StoreError
from ..follower import fold_line
from ..plan import Plan
from ..plan.graph import compile_plan
from ..state import Change, State
from ..store.folder import RunFolder
from ..store.reader import Problems, read_events
from ..store.results import load_result

__all__ = ["Past", "loader", "read_past"]


@dataclass(frozen=True, slots=True)
class Past:
    """A run as its log has it.

    Attributes:
        folder: The run's folder.
        declared: The plan as it was given last, with the values of its inputs.
        state: What the log comes to.
        problems: What was wrong with lines of the log; those were passed over.
        died: Whether its process ended without a word: it was killed, or crashed.
        ended: Numbers of the phases whose end it tells.
        notes: Notes, and who gave them.
        edited: Ids of the tasks whose text was edited.
        overrides: Fields of the plan's head that the run was given others of; ``None`` where the
            log does not say.
        shares: What it took from another run when it began, as ``orchestration_start`` says.
    """

    folder: RunFolder
    declared: Plan
    state: State
    problems: Problems
    died: bool
    ended: frozenset[int]
    notes: tuple[tuple[str, str], ...] = ()
    edited: frozenset[str] = frozenset()
    overrides: tuple[str, ...] | None = None
    shares: Mapping[str, Any] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it came to its end, or was stopped."""
        return self.state.status in ("completed", "failed", "stopped")

    @property
    def inputs(self) -> dict[str, Any]:
        """The plan's inputs and their values."""
        return {key: item.default for key, item in self.declared.inputs.items()}


def read_past(folder: RunFolder, *, until: float | None = None, before: int | None = None) -> Past:
    """Read a run's log back.

    Args:
        folder: The run's folder; its log may be growing.
        until: The run's ``t`` after which nothing counts.
        before: The ``seq`` from which on nothing counts.

    Raises:
        StoreError: If there is no log, it holds no beginning, or a newer version wrote it.
    """
    declared = folder.load_plan()
    state = State(compile_plan(declared.filled()))
    state.id = folder.id
    events, problems = read_events(folder.log)
    change = Change()
    last, ended, notes, edited = "", set(), [], set()
    overrides = None
    shares: Mapping[str, Any] = {}
    for event in events:
        change.clear()
        late = until is not None and event["t"] > until
        if state.seq and (late or (before is not None and event["seq"] >= before)):
            break  # (The first line says that it began: that is always before.)
        if fold_line(state, event, change, problems):
            if event["event"] == "rating":
                continue  # that is said at any time, also of a run that is over
            last = event["event"]
            if last == "orchestration_start":
                shares = event.get("shares") or {}
            if last in ("phase_complete", "phase_skipped"):
                ended.add(event["phase"])
            elif last == "note":
                notes.append((event["description"], event["who"]))
            elif last == "task_edited":
                edited.add(event["task"])
            elif last == "run_resumed" and "plan" in event:
                declared = Plan(**event["plan"])
                ended.clear()  # phases may be others now
            elif last == "orchestration_start" and "overrides" in event:
                overrides = tuple(event["overrides"])
    if not state.seq:
        raise StoreError(f"The log {folder.log} holds no event; there is nothing to go on from.")
    return Past(
        folder,
        declared,
        state,
        problems,
        last not in _LAST_WORDS,
        frozenset(ended),
        tuple(notes),
        frozenset(edited),
        overrides,
        shares,
    )


_LAST_WORDS = {"orchestration_complete", "run_interrupted"}


def loader(
    folder: RunFolder, stored: Mapping[str, Any] | None, worker: object
) -> Callable[[], object]:
    """What gives a stored result; a model's, where the worker says of which class."""
    where = dict(stored or {})
    return lambda: load_result(folder.path, where, model=getattr(worker, "output", None))
