"""The state of a run: what its log comes to.

A state has one owner (the engine's loop, or one reader) and is changed in place, by ``fold.apply``
alone; everybody else gets a copy.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from .events import By
from .plan.graph import Graph

__all__ = [
    "SETTLED",
    "Change",
    "DecisionState",
    "Finding",
    "Outcome",
    "PhaseState",
    "Purpose",
    "RunStatus",
    "SpanKind",
    "State",
    "TaskState",
    "TaskStatus",
    "Usage",
]

TaskStatus: TypeAlias = Literal[
    "pending", "ready", "running", "waiting", "retrying",
    "completed", "failed", "skipped", "cancelled",
]  # fmt: skip
RunStatus: TypeAlias = Literal["running", "paused", "completed", "failed", "stopped", "interrupted"]
SETTLED: frozenset[str] = frozenset({"completed", "failed", "skipped", "cancelled"})
Purpose: TypeAlias = Literal[
    "decision", "form", "checkpoint", "overrun", "blocker", "approval", "review", "failure",
    "budget", "spend",
]  # fmt: skip
SpanKind: TypeAlias = Literal["run", "failed", "rate_limit", "human", "slot", "budget"]


@dataclass(slots=True)
class TaskState:
    """One task, decision or checkpoint of the plan.

    Times are the run's ``t`` in seconds. ``spans`` are ``[kind, start, end or None]`` in order,
    what the task's time went into; ``unmet`` counts the dependencies that are not settled;
    ``title`` is its text, as last edited; ``comments`` are those with which its result was sent
    back; ``rating`` is the last thumb. ``level`` and ``notes`` are the project level and how many
    notes there were when its attempt started, ``key`` says what its worker was; ``crashes`` counts
    how often the process died while it was at work; ``reused`` is the run its result comes from,
    where it took ``reused_s`` seconds;
    ``given`` says that it has a result, which counts if it is given what this hash says;
    ``unstored`` is the key of who made the result before this one, where that was not stored.
    ``before`` is the status in which it was over before it was to be done again. ``began`` and
    ``turned`` are numbers of events: its last attempt began with the one (or was found to need
    none), with the other it came to another end than before.
    """

    index: int
    id: str
    agent: str
    phase: int
    kind: Literal["task", "group", "decision", "checkpoint"]
    title: str
    unmet: int
    status: TaskStatus = "pending"
    attempt: int = 0
    ready_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    message: str = ""
    message_at: float | None = None
    fraction: float | None = None
    wait_cause: str | None = None
    wait_detail: str = ""
    wait_until: float | None = None
    error: str = ""
    reason: str = ""
    skip_cause: str = ""
    tokens: int = 0
    cost: float = 0.0
    result: dict[str, Any] | None = None
    spans: list[list[Any]] = field(default_factory=list)
    comments: tuple[str, ...] = ()
    rating: bool | None = None
    level: int = 0
    notes: int = 0
    key: str = ""
    crashes: int = 0
    reused: str = ""
    reused_s: float = 0.0
    grown_at: float | None = None
    given: str = ""
    unstored: str | None = None
    before: TaskStatus | None = None
    began: int = 0
    turned: int = 0


@dataclass(slots=True)
class PhaseState:
    """A phase: how many of its tasks are in each status.

    ``number`` is 1-based; ``unsettled`` also counts its decisions.
    """

    number: int
    name: str
    total: int
    counts: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(slots=True, frozen=True, repr=False)
class Outcome:
    """How a decision ended: the choice, by whom, when.

    ``waited_s`` and ``shown_s`` are seconds since it opened and on a visible card, ``at`` the
    run's ``t``, ``wall`` epoch seconds; ``values`` what was filled in or edited; ``source`` the
    door a person's answer came through: board, python, cli or remote; ``reused`` the run that it
    was made in, where it is repeated from there.
    """

    option: str
    text: str
    by: By
    who: str = ""
    note: str = ""
    reason: str = ""
    at: float = 0.0
    wall: float = 0.0
    waited_s: float = 0.0
    shown_s: float = 0.0
    values: Mapping[str, Any] | None = None
    source: str = ""
    reused: str = ""

    def __str__(self) -> str:
        return f"{self.option} - {self.text}" if self.text != self.option else self.text

    def __repr__(self) -> str:
        note = f", note {self.note!r}" if self.note else ""
        return f"<Outcome {str(self)!r} by {self.by}{note}>"


@dataclass(slots=True, repr=False)
class DecisionState:
    """A decision that was opened, and its outcome once there is one.

    ``options`` are ``{"key", "text", "description"}``; ``deadline`` is the run's ``t`` (``None``:
    no clock, or held); ``timeout_s`` the whole clock with what was added; ``sum`` how it was
    computed, for people. ``purpose`` says what kind of card it is and ``detail`` what that card
    shows besides (JSON-able, its keys belong to the purpose); ``about`` is the task it is about.
    """

    id: str
    title: str
    task: int | None
    kind: str
    category: str | None
    context: str
    options: list[dict[str, str]]
    recommend: str | None
    because: str
    other: bool
    asker: str
    opened_at: float
    timeout_s: float | None
    sum: str
    deadline: float | None
    remaining_s: float | None = None
    held: str | None = None
    held_until: float | None = None
    outcome: Outcome | None = None
    withdrawn: str = ""
    purpose: Purpose = "decision"
    about: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        how = f"{self.outcome}, by {self.outcome.by}" if self.outcome else self.withdrawn or "open"
        return f"<Decision {self.id!r}: {how}>"

    @property
    def open(self) -> bool:
        """Whether somebody can still answer."""
        return self.outcome is None and not self.withdrawn

    def option_text(self, key: str) -> str:
        """Words of an option, or the key itself for free text."""
        return next((o["text"] for o in self.options if o["key"] == key), key)


@dataclass(slots=True, frozen=True)
class Finding:
    """What an agent told: ``kind`` is ``insight``, ``blocker`` or ``choice`` (one of its own).

    ``ours``: what people are told of the agent; other agents are not.
    """

    kind: str
    text: str
    agent: str
    task: int
    at: float
    ours: bool = False


@dataclass(slots=True)
class Usage:
    """Tokens by class and cost in USD; ``unknown`` counts exchanges whose cost is not known."""

    tokens: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    unknown: int = 0
    exchanges: int = 0


@dataclass(slots=True)
class Change:
    """What an event changed: tasks and decisions by key, who became ready, phases that ended.

    ``graph``: nodes came, went or have other indexes; what was sized by it is to be made anew.
    """

    tasks: set[int] = field(default_factory=set)
    decisions: set[str] = field(default_factory=set)
    findings: int = 0
    run: bool = False
    graph: bool = False
    ready: list[int] = field(default_factory=list)
    phases_ended: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.run or self.tasks or self.decisions or self.findings)

    def clear(self) -> None:
        """Forget everything, keeping the object."""
        self.tasks.clear()
        self.decisions.clear()
        self.ready.clear()
        self.phases_ended.clear()
        self.findings, self.run, self.graph = 0, False, False


class State:
    """Everything that is known about a run, folded from its events.

    Attributes:
        graph: The compiled plan.
        tasks: One entry a node of the graph, by index.
        phases: One entry a phase.
        decisions: Every opened decision by id, in the order they opened.
        findings: Insights, blockers and agents' own choices, oldest first.
        answers: Question id -> answer, or default; of the questions that are asked. Empty until it
            is known which these are.
        budget: Caps of the run: ``usd``, ``tokens``.
        budgets: Caps that were changed, by whose they are: ``phase 2``, ``task analyst``.
        models: Model -> the one that is used instead.
        counted: Task id -> USD and tokens that budgets count for what no usage told.
        autopilots: Decision id -> whether autopilot was switched on or off for that one alone.
        said: Decision id -> the outcome it gets as soon as it is reached: option, text, note.
        functions: The names that were given in ``agents=``.
        parent: Id of the run whose results this one may share.
        forked: Whether it was forked from that one: its outcomes are repeated too.
        resumed: When it was taken up again, seconds since the run's start; once a time.
        revivals: How often something that was over became something to be done.
        status: The run's status.
        t: Time of the last event, seconds since the run's start.
    """

    __slots__ = (
        "adjustments", "answers", "autopilot", "autopilots", "budget", "budgets", "counted",
        "counts", "decisions", "ended_at", "findings", "forked", "functions", "graph", "id",
        "level", "mode", "models", "notes", "parent", "phases", "project", "rehearsal",
        "resumed", "revivals", "said", "seq", "status", "t", "tasks", "timeline", "total",
        "unsettled", "usage", "wall",
    )  # fmt: skip

    def __init__(self, graph: Graph):
        plan = graph.plan
        self.graph = graph
        self.id = self.parent = ""
        self.forked = False
        self.functions: frozenset[str] = frozenset()
        self.resumed: tuple[float, ...] = ()
        self.revivals = 0
        self.project = plan.name
        self.level: int = plan.level
        self.mode: str = plan.mode
        self.timeline: str = plan.timeline
        self.rehearsal: float | None = None
        self.status: RunStatus = "running"
        self.wall = 0.0
        self.t = 0.0
        self.seq = 0
        self.ended_at: float | None = None
        self.autopilot = False
        self.autopilots: dict[str, bool] = {}
        self.said: dict[str, dict[str, str]] = {}
        self.decisions: dict[str, DecisionState] = {}
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.adjustments: list[str] = []
        self.answers: dict[str, Any] = {}
        self.budget: dict[str, Any] = plan.budget.model_dump() if plan.budget else {}
        self.budgets: dict[str, dict[str, Any]] = {}
        self.models: dict[str, str] = {}
        self.counted: dict[str, tuple[float, int]] = {}
        self.usage = Usage()
        self.tasks = [
            TaskState(n.index, n.id, n.agent, n.phase, n.kind, n.title, n.unmet)
            for n in graph.nodes
        ]
        self.phases = [
            PhaseState(i + 1, name, len(members), Counter(pending=len(members)), len(gate))
            for i, (name, members, gate) in enumerate(
                zip(graph.phase_names, graph.members, graph.gate_members, strict=True)
            )
        ]
        self.total = sum(phase.total for phase in self.phases)
        self.counts: Counter[str] = Counter(pending=self.total)
        self.unsettled = len(self.tasks)

    def __repr__(self) -> str:
        done, total = self.done
        return f"<State of {self.id or self.project!r}: {self.status}, {done} of {total} tasks>"

    def copy(self) -> State:
        """A picture of the state that does not move; the plan's graph is shared.

        To be made where the state is owned.
        """
        twin = copy.copy(self)
        twin.decisions = {key: copy.copy(d) for key, d in self.decisions.items()}
        twin.findings = self.findings[:]
        twin.notes = self.notes[:]
        twin.adjustments = self.adjustments[:]
        twin.answers, twin.budget = self.answers.copy(), self.budget.copy()
        twin.autopilots, twin.said = self.autopilots.copy(), self.said.copy()
        twin.budgets, twin.models = self.budgets.copy(), self.models.copy()
        twin.counted = self.counted.copy()
        twin.usage = replace(self.usage, tokens=self.usage.tokens.copy())
        twin.tasks = [_copy_task(task) for task in self.tasks]
        twin.phases = [replace(phase, counts=phase.counts.copy()) for phase in self.phases]
        twin.counts = self.counts.copy()
        return twin

    def task(self, task_id: str) -> TaskState:
        """The task of that id (case does not matter)."""
        return self.tasks[self.graph.index_of(task_id)]

    @property
    def done(self) -> tuple[int, int]:
        """Finished and not skipped: the same figures on every surface."""
        return self.counts["completed"], self.total - self.counts["skipped"]

    @property
    def totals(self) -> dict[str, Any]:
        """What the end of a log says that it came to.

        ``counts`` of tasks by status, ``decisions`` asked, ``tokens``, ``cost`` in USD, and how
        many exchanges' cost is ``unknown``.
        """
        return {
            "counts": {key: count for key, count in sorted(self.counts.items()) if count},
            "decisions": len(self.decisions),
            "tokens": sum(self.usage.tokens.values()),
            "cost": round(self.usage.cost, 6),
            "unknown": self.usage.unknown,
        }

    def open_decisions(self) -> list[DecisionState]:
        """Decisions that wait for an answer, soonest deadline first, held ones last."""
        waiting = [d for d in self.decisions.values() if d.open]
        return sorted(waiting, key=lambda d: (d.deadline is None, d.deadline or 0.0, d.opened_at))


def _copy_task(task: TaskState) -> TaskState:
    twin = copy.copy(task)
    twin.spans = [span[:] for span in task.spans]
    return twin
