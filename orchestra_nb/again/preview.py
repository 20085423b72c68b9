"""What a second beginning would do, as a table for people and as a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engine.protocols import Worker
from ..plan import Budget, Plan
from ..plan.durations import rough_duration
from ..state import State
from ..views.plan_table import PlanTable, Row, as_html, as_text
from ..views.words import count, money
from ..wiring import expected_s
from .outlook import Action, Outlook, Seen
from .past import Past

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["HEAD", "Expected", "Preview"]

_GROUPS: Mapping[Action, tuple[str, str, int]] = {
    "run": ("runs", "running", 30),
    "compare": ("compared", "waiting", 20),
    "ask": ("asked", "user", 20),
    "give up": ("given up", "failed", 20),
    "skip": ("left out", "skipped", 10),
    "keep": ("kept", "completed", 12),
}
"""Action -> its word, its glyph, and how many rows are shown."""
_MAY_RUN = ("run", "compare")
HEAD = ("level", "mode", "timeline", "budget", "max_concurrency", "on_failure")
"""What a run may be given another of than the plan says."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What something is expected to take and to cost.

    Attributes:
        tasks: How many tasks run.
        seconds: The least time on the clock, as far as it is known.
        cost: USD, as far as it is known.
        untimed: Of how many tasks nobody knows what they take.
        unpriced: Of how many paid tasks nobody knows what they cost.
    """

    tasks: int
    seconds: float
    cost: float
    untimed: int
    unpriced: int


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """What would become of each task and decision; nothing was started.

    Attributes:
        run: Id of the run.
        title: What would be done with it, such as ``Resuming <run>``.
        nodes: What becomes of each, in the plan's order.
        seconds: Id of a task that may run -> what it took before, or is expected to take.
        costs: Id of a task that may run -> what it cost before, USD; of those that did cost.
        sure: What runs in any case comes to.
        most: The same if everything that is compared runs too.
        gone: Ids of what the plan does not hold any more.
        bad_lines: How many lines of the log could not be read.
        head: What the plan's head says anew.
        owner: Process id of who is running it.
    """

    run: str
    title: str
    nodes: tuple[Seen, ...]
    seconds: Mapping[str, float]
    costs: Mapping[str, float]
    sure: Expected
    most: Expected
    gone: tuple[str, ...] = ()
    bad_lines: int = 0
    head: tuple[str, ...] = ()
    owner: int | None = None

    @classmethod
    def of(
        cls,
        past: Past,
        now: State,
        workers: Sequence[Worker | None],
        outlook: Outlook,
        *,
        title: str = "Resuming",
        owner: int | None = None,
    ) -> Preview:
        """The preview of an outlook.

        Args:
            past: The run as its log has it.
            now: The state from here on.
            workers: Who does each node.
            outlook: What becomes of each.
            title: What is done with the run, in a word.
            owner: Process id of who is running it, where that keeps it from being done.
        """
        graph = now.graph
        expected = expected_s(graph, past.folder.home, past.state.rehearsal)
        seconds, costs = {}, {}
        for task, seen in zip(now.tasks, outlook.nodes, strict=True):
            if seen.kind != "task" or seen.action not in _MAY_RUN:
                continue
            took = sum(end - start for kind, start, end in task.spans if kind == "run" and end)
            about = took if took and task.result is not None else expected[task.index] or took
            if about:
                seconds[task.id] = round(about, 3)
            if task.cost:
                costs[task.id] = task.cost

        def comes_to(*actions: str) -> Expected:
            runs = [
                one
                for one in zip(graph.nodes, outlook.nodes, workers, strict=True)
                if one[0].kind == "task" and one[1].action in actions
            ]
            ids = {node.id for node, _, _ in runs}
            paid = {node.id for node, _, worker in runs if getattr(worker, "paid", False)}
            spread = [seconds.get(n.id, 0.0) if n.id in ids else 0.0 for n in graph.nodes]
            return Expected(
                len(runs),
                graph.least_seconds(spread),
                sum(costs.get(name, 0.0) for name in ids),
                len(ids - seconds.keys()),
                len(paid - costs.keys()),
            )

        return cls(
            run=past.folder.id,
            title=f"{title} {past.folder.id}",
            nodes=tuple(outlook.nodes),
            seconds=seconds,
            costs=costs,
            sure=comes_to("run"),
            most=comes_to(*_MAY_RUN),
            gone=tuple(outlook.gone),
            bad_lines=past.problems.lost,
            head=tuple(_head(past.state.graph.plan, graph.plan)),
            owner=owner,
        )

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
        return as_text(self._table())

    def _repr_html_(self) -> str:
        return as_html(self._table())

    def _table(self) -> PlanTable:
        counts = Counter(one.action for one in self.nodes)
        sums = ", ".join(
            f"{counts[action]:,} {'run' if word == 'runs' else word}"
            for action, (word, _, _) in _GROUPS.items()
            if counts[action]
        )
        rows: list[Row] = []
        for action, (word, shape, most) in _GROUPS.items():
            # What is only assumed is what somebody should look at.
            own = sorted((n for n in self.nodes if n.action == action), key=lambda n: not n.assumed)
            rows += [self._row(one, word, shape) for one in own[:most]]
            more = len(own) - most
            if more > 0:
                rows.append(Row(word, shape, "", f"… and {more:,} more"))
        return PlanTable(self.title, sums or "nothing to do", rows, self._notes())

    def _row(self, one: Seen, word: str, shape: str) -> Row:
        assumed = f" (assumed unchanged: {one.assumed})" if one.assumed else ""
        why = f"{one.why}{assumed}"
        return Row(word, shape, one.id, why, self.seconds.get(one.id), self.costs.get(one.id))

    def _notes(self) -> list[str]:
        notes = []
        if self.owner is not None:
            notes.append(
                f"It is going on in process {self.owner}: this is how it stands now, and it can't "
                "be resumed before that process ends."
            )
        if self.most.tasks:
            notes.append(f"{_amount(self.sure, self.most)}{_unknown(self.most)}")
        if self.head:
            notes.append(f"The plan says anew: {', '.join(self.head)}.")
        if self.gone:
            notes.append(f"No longer in the plan: {_some(self.gone)}.")
        if self.bad_lines:
            notes.append(
                f"{count(self.bad_lines, 'line')} of the log can't be read; what they told is "
                "done again."
            )
        return [*notes, "Nothing was started."]


def _head(was: Plan, now: Plan) -> list[str]:
    """What the head of a plan says otherwise than before."""
    return [
        f"{name} {_said(getattr(now, name))} (was {_said(getattr(was, name))})"
        for name in HEAD
        if getattr(now, name) != getattr(was, name)
    ]


def _said(value: object) -> str:
    if not isinstance(value, Budget):
        return "none" if value is None else str(value)
    caps = [money(value.usd)] if value.usd is not None else []
    caps += [count(value.tokens, "token")] if value.tokens is not None else []
    return " and ".join(caps) or "none"


def _amount(sure: Expected, most: Expected) -> str:
    if most.tasks == sure.tasks:
        return f"{count(sure.tasks, 'task')} {_runs(sure.tasks)}{_about(sure)}."
    return (
        f"{count(sure.tasks, 'task')} {_runs(sure.tasks)} in any case{_about(sure)}; "
        f"{most.tasks:,} if everything compared comes out differently{_about(most)}."
    )


def _runs(number: int) -> str:
    return "runs" if number == 1 else "run"


def _about(expected: Expected) -> str:
    said = []
    if expected.seconds:
        said.append(f"at least {rough_duration(expected.seconds)}")
    if expected.cost:
        said.append(f"about {money(expected.cost)}")
    return f" ({', '.join(said)})" if said else ""


def _unknown(expected: Expected) -> str:
    said = ""
    if expected.untimed:
        said += f" How long {count(expected.untimed, 'task takes', 'tasks take')} is not known."
    if expected.unpriced:
        said += f" What {count(expected.unpriced, 'task costs', 'tasks cost')} is not known."
    return said


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 10:,} more" if len(ids) > 10 else ""
    return ", ".join(ids[:10]) + more
