"""What a second beginning would do, as a table for people and as a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..plan.durations import rough_duration
from ..state import State
from .outlook import Outlook, Seen
from .past import Past

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Preview"]

_WORDS: Mapping[str, str] = {
    "keep": "kept",
    "compare": "compared",
    "run": "runs",
    "ask": "asked",
    "give up": "given up",
    "skip": "left out",
}


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """What would become of each task and decision.

    Attributes:
        run: Id of the run.
        nodes: What becomes of each, in the plan's order.
        costs: Id of a task that may run -> what it cost before, USD; of those that did cost.
        seconds: Id of a task that may run -> what it took before; of those that ended before.
        bad_lines: How many lines of the log could not be read.
    """

    run: str
    nodes: tuple[Seen, ...]
    costs: Mapping[str, float]
    seconds: Mapping[str, float]
    bad_lines: int = 0

    @classmethod
    def of(cls, past: Past, now: State, outlook: Outlook) -> Preview:
        """The preview of an outlook."""
        costs, seconds = {}, {}
        for task, seen in zip(now.tasks, outlook.nodes, strict=True):
            if seen.kind == "task" and seen.action in ("run", "compare"):
                if task.cost:
                    costs[task.id] = task.cost
                if task.started_at is not None and task.ended_at is not None:
                    seconds[task.id] = task.ended_at - task.started_at
        return cls(past.folder.id, tuple(outlook.nodes), costs, seconds, past.problems.lost)

    @property
    def frame(self) -> DataFrame:
        """One row a task or decision: id, kind, phase, action, why, assumed, seconds, cost."""
        from pandas import DataFrame

        columns = {
            "id": "str", "kind": "str", "phase": "int64", "action": "str", "why": "str",
            "assumed": "str", "seconds": "float64", "cost": "float64",
        }  # fmt: skip
        rows = [
            (
                one.id, one.kind, one.phase, one.action, one.why, one.assumed,
                self.seconds.get(one.id), self.costs.get(one.id),
            )
            for one in self.nodes
        ]  # fmt: skip
        return DataFrame(rows, columns=list(columns)).astype(columns)

    def __repr__(self) -> str:
        counts = Counter(one.action for one in self.nodes if one.kind == "task")
        head = ", ".join(f"{count} {_WORDS[action]}" for action, count in counts.items())
        lines = [f"Resuming {self.run}: {head}"]
        width = max((len(one.id) for one in self.nodes), default=0)
        for one in self.nodes:
            assumed = f" (assumed unchanged: {one.assumed})" if one.assumed else ""
            lines.append(f"  {one.id:{width}}  {_WORDS[one.action]:9} {one.why}{assumed}")
        if self.costs:
            lines.append(f"  what runs cost ${sum(self.costs.values()):,.2f} before")
        if self.seconds:
            lines.append(f"  and took {rough_duration(sum(self.seconds.values()))} of work")
        if self.bad_lines:
            lines.append(f"  {self.bad_lines} lines of its log can't be read; they are passed over")
        return "\n".join(lines)
