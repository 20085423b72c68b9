"""What a second beginning keeps, compares and does again, and why: worked out before it begins.

A finished task is kept unless something is *known* to differ: its worker, its text, or what came
before it. What follows on something that is done again is compared when that has come to its end:
if the same came out, it is kept too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from ..agents.context import Context
from ..engine.protocols import Job, Worker
from ..engine.reuse import Prior, Returned, Values, given_to
from ..lineage import Lineages
from ..plan.graph import Node
from ..plan.levels import skip_reason
from ..state import SETTLED, State, TaskState
from .past import Past, loader

__all__ = ["CRASHES_MAX", "Action", "Outlook", "Seen", "look_ahead"]

Action: TypeAlias = Literal["keep", "compare", "run", "ask", "give up", "skip"]
CRASHES_MAX = 3
"""A task at work each time when the process died this often is not tried again unasked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What becomes of one node.

    Attributes:
        id: Its id.
        kind: task, decision or checkpoint.
        phase: Number of its phase, 1-based.
        action: keep; compare (it runs only if what comes before it comes out differently); run;
            ask; give up (not tried again unasked); skip.
        why: One line for people.
        assumed: Why it is only assumed to be unchanged; empty where that is known, or it runs.
    """

    id: str
    kind: str
    phase: int
    action: Action
    why: str
    assumed: str = ""


@dataclass(slots=True)
class Outlook:
    """What a second beginning does.

    Attributes:
        nodes: What becomes of each node, in the plan's order.
        again: Ids of all that is to be done, or judged.
        crashed: Ids of tasks that were at work when the process died.
        given_up: Id -> why it is not tried again.
        priors: Index -> what to compare with when its time comes.
        returned: Index -> the worker that gives what was made and not yet reviewed.
        results: Id of a task that is kept -> gives its result.
    """

    nodes: list[Seen] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    given_up: dict[str, str] = field(default_factory=dict)
    priors: dict[int, Prior] = field(default_factory=dict)
    returned: dict[int, Returned] = field(default_factory=dict)
    results: dict[str, Callable[[], object]] = field(default_factory=dict)

    def of(self, action: Action) -> list[Seen]:
        """The nodes of which this becomes."""
        return [one for one in self.nodes if one.action == action]


def look_ahead(
    past: Past,
    now: State,
    workers: Sequence[Worker | None],
    *,
    inputs: Mapping[str, Any],
    rerun: Collection[str],
) -> Outlook:
    """Work out what a resume of a run does.

    Args:
        past: The run as its log has it.
        now: The same state, with the plan's graph as it is from here on.
        workers: Who does each node from here on.
        inputs: Values of the plan's inputs from here on.
        rerun: Ids of tasks to do again in any case.
    """
    return _Looker(past, now, workers, inputs, rerun).look()


class _Looker:
    def __init__(
        self,
        past: Past,
        now: State,
        workers: Sequence[Worker | None],
        inputs: Mapping[str, Any],
        rerun: Collection[str],
    ):
        self._past, self._now, self._workers = past, now, workers
        self._inputs, self._rerun = inputs, rerun
        self._was, self._is = Lineages(past.state), Lineages(now)
        self._outlook = Outlook()
        self._seen: dict[int, Seen] = {}
        self._forced: dict[int, str] = {}
        self._values = Values()
        self._gates: dict[int, list[str]] = {}

    def look(self) -> Outlook:
        state, graph = self._now, self._now.graph
        for task in state.tasks:
            if task.kind == "task" and task.status == "completed":
                worker = self._workers[task.index]
                self._values.owe(task.id, loader(self._past.folder, task.result, worker))
        while True:
            self._seen.clear()
            self._gates.clear()
            for index in graph.order:
                self._seen[index] = self._judge(graph.nodes[index], state.tasks[index])
            if not self._needed():
                break
        out = self._outlook
        out.nodes = [self._seen[node.index] for node in graph.nodes]
        for node in graph.nodes:
            self._note(node, state.tasks[node.index], self._seen[node.index])
        return out

    # One node.

    def _judge(self, node: Node, task: TaskState) -> Seen:
        action, why, assumed = (
            self._task(node, task) if node.kind == "task" else self._question(node, task)
        )
        return Seen(node.id, node.kind, node.phase, action, why, assumed)

    def _moved(self, node: Node) -> list[str]:
        """What it waits for that may come out differently."""
        direct = [*node.needs, *(i for i, _ in node.when)]
        moved = [self._seen[i].id for i in direct if self._seen[i].action in _MOVES]
        for gate in node.gates:
            if gate not in self._gates:  # once a phase: it is the same for all that wait for it
                members = (self._seen[i] for i in self._now.graph.gate_members[gate])
                self._gates[gate] = [one.id for one in members if one.action in _MOVES]
            moved += self._gates[gate]
        return moved

    def _question(self, node: Node, task: TaskState) -> tuple[Action, str, str]:
        if task.status == "completed":
            return "keep", "answered", ""
        if task.status == "skipped" and not (
            task.skip_cause in ("failed", "when") and self._moved(node)
        ):
            return "skip", task.reason, ""
        return "ask", "not answered", ""

    def _task(self, node: Node, task: TaskState) -> tuple[Action, str, str]:
        moved = self._moved(node)
        if node.id in self._rerun:
            return "run", "asked for", ""
        if task.status == "skipped":
            if task.skip_cause in ("failed", "when") and moved:
                return "run", f"{_listed(moved)} may come out differently", ""
            return "skip", task.reason, ""
        if task.status == "failed":
            return self._failed(node, task)
        unjudged = bool(task.given) and task.status in ("pending", "ready")
        if task.status != "completed" and not unjudged:
            return self._unfinished(node, task)
        if node.index in self._forced:
            return "run", self._forced[node.index], ""
        # Of what broke off before it could be compared, what it was given then is known as a hash.
        differs, assumed = self._differs(node, task, moved or ([node.id] if unjudged else []))
        if differs:
            return "run", differs, ""
        if unjudged:
            return "compare", "was to be compared when the run broke off", assumed
        if moved:
            return "compare", f"runs only if {_listed(moved)} comes out differently", assumed
        return "keep", "done", assumed

    def _failed(self, node: Node, task: TaskState) -> tuple[Action, str, str]:
        if task.crashes >= CRASHES_MAX:
            return "give up", task.error, ""
        if not self._past.over and any(
            card.purpose == "failure" and card.about == task.index and _let_go(card.outcome)
            for card in self._past.state.decisions.values()
        ):
            return "skip", "failed, and you went on without it", ""
        return "run", f"failed: {task.error}", ""

    def _unfinished(self, node: Node, task: TaskState) -> tuple[Action, str, str]:
        left_out = skip_reason(node.spec, self._now.level)
        if left_out is not None and task.status in ("pending", "ready"):
            return "skip", left_out, ""
        if task.status == "running":
            if self._past.died and task.crashes + 1 >= CRASHES_MAX:
                return "give up", _gave_up(task), ""
            return "run", "was at work when the run broke off", ""
        if self._review(task) is not None:
            return "ask", "its result waits for your review", ""
        if task.status in ("waiting", "retrying"):
            return "run", "was at work when the run broke off", ""
        return "run", "was stopped" if task.status == "cancelled" else "not started", ""

    def _review(self, task: TaskState) -> Mapping[str, Any] | None:
        """Where the result is that a person was looking at."""
        if task.status != "waiting":
            return None
        for card in self._past.state.decisions.values():
            if card.purpose == "review" and card.about == task.index and card.open:
                stored: Mapping[str, Any] = card.detail.get("stored") or {}
                return stored if stored.get("kind") != "repr" else None
        return None

    # What differs.

    def _differs(self, node: Node, task: TaskState, moved: list[str]) -> tuple[str, str]:
        """Why a finished task is known to differ, or why that is only assumed not to be so."""
        old = self._before(task)
        if old is None:
            return "new in the plan", ""
        worker = self._workers[node.index]
        key_of = getattr(worker, "key_of", None)
        if key_of is not None and task.key:
            if moved:
                return "", ""  # its request is made of what is still to come
            key = self._request_key(node, task, key_of)
            if key and key != task.key:
                return "its request is another one", ""
            return "", "" if key else "its request can't be made again"
        key = getattr(worker, "key", "")
        if key and task.key and key != task.key:
            return "its function changed", ""
        what = self._changed_input(node, task, old, moved)
        if what:
            return what, ""
        if worker is None:
            return "", "nobody is given who would do it"
        return "", "" if key and task.key else "nobody can tell whether its function changed"

    def _before(self, task: TaskState) -> TaskState | None:
        index = self._past.state.graph.index.get(task.id)
        return None if index is None else self._past.state.tasks[index]

    def _changed_input(self, node: Node, task: TaskState, old: TaskState, moved: list[str]) -> str:
        was, now = self._past.state, self._now
        if task.title != old.title:
            return "its text changed"
        if self._level(task) != old.level:
            return f"the level changed from {old.level} to {self._level(task)}"
        if dict(self._inputs) != self._past.inputs:
            names = {k for k in {*self._inputs, *self._past.inputs}
                     if self._inputs.get(k) != self._past.inputs.get(k)}  # fmt: skip
            return f"the input {_listed(sorted(names))} changed"
        if was.answers != now.answers:
            return "answers to the plan's questions changed"
        if not moved and self._was.before(old.index) != self._is.before(node.index):
            return "what it waits for changed"
        return ""

    def _level(self, task: TaskState) -> int:
        """The level to compare at: what changed while the run went on is no change since."""
        declared, now = self._past.declared.level, self._now.graph.plan.level
        return task.level if declared == now else now

    def _request_key(self, node: Node, task: TaskState, key_of: Callable[[Any], str]) -> str:
        state = self._now
        job = Job(
            node=node,
            attempt=task.attempt,
            state=state,
            results=self._values,
            inputs=self._inputs,
            answers=state.answers,
            notes=tuple(state.notes[: task.notes]),
            post=lambda message: None,
            journal=cast(Any, None),  # nothing runs: it only reads
            text=task.title,
            level=self._level(task),
        )
        try:
            return key_of(Context(job))
        except Exception:  # a result that can't be read any more: then nobody knows
            return ""

    # What is needed.

    def _needed(self) -> bool:
        """Whether tasks have to run again only because their results are not there."""
        graph, tasks = self._now.graph, self._now.tasks
        needed: set[int] = set()
        gates: set[int] = set()
        found = False
        for index in reversed(graph.order):
            node, task = graph.nodes[index], tasks[index]
            seen = self._seen[index]
            if graph.in_gate[index] and node.phase - 1 in gates:
                needed.add(index)
            if seen.action == "keep" and node.kind == "task" and index in needed:
                why = self._lacking(task)
                if why and index not in self._forced:
                    self._forced[index] = why
                    found = True
            if index in needed or index in self._forced or seen.action in ("run", "compare"):
                needed.update(node.needs, (i for i, _ in node.when))
                gates.update(node.gates)
        return found

    def _lacking(self, task: TaskState) -> str:
        stored = task.result or {}
        if stored.get("kind") == "repr":
            return f"its result could not be stored ({stored.get('why')}), and is needed"
        file = stored.get("file")
        if isinstance(file, str) and not (self._past.folder.path / file).is_file():
            return f"its result in {file} is missing, and is needed"
        return ""

    # What follows for the run.

    def _note(self, node: Node, task: TaskState, seen: Seen) -> None:
        out, old = self._outlook, self._before(task)
        if self._past.died and old is not None and old.status == "running":
            out.crashed.append(node.id)
        if seen.action == "give up":
            if task.status not in SETTLED:
                out.given_up[node.id] = seen.why
                out.again.append(node.id)
        elif seen.action in ("run", "compare", "ask"):
            out.again.append(node.id)
        if node.kind != "task":
            return
        worker = self._workers[node.index]
        if seen.action == "keep":
            out.results[node.id] = loader(self._past.folder, task.result, worker)
        elif seen.action == "compare" and old is not None:
            out.priors[node.index] = self._prior(task, old, worker)
        stored = self._review(task)
        if stored is not None and seen.action == "ask":
            load = loader(self._past.folder, stored, worker)
            out.returned[node.index] = Returned(load, getattr(worker, "key", ""))

    def _prior(self, task: TaskState, old: TaskState, worker: Worker | None) -> Prior:
        was = self._past.state
        given = old.given or given_to(
            was,
            self._was,
            old.index,
            text=old.title,
            level=old.level,
            notes=old.notes,
            inputs=self._past.inputs,
        )
        return Prior(
            run=self._past.folder.id,
            attempt=old.attempt,
            result=dict(old.result or {}),
            key=old.key,
            given=given,
            notes=old.notes,
            level=self._level(task),
            seconds=sum(end - start for kind, start, end in old.spans if kind == "run" and end),
            tokens=old.tokens,
            cost=old.cost,
            told=[],  # this log has it
            load=loader(self._past.folder, task.result, worker),
        )


_MOVES = ("run", "compare", "ask")


def _let_go(outcome: Any) -> bool:
    return outcome is not None and outcome.option == "B"


def _gave_up(task: TaskState) -> str:
    return (
        f"Was at work each of the {task.crashes + 1} times the process died; not tried again by "
        f"itself. To try it all the same: onb.resume(..., rerun=[{task.id!r}])"
    )


def _listed(names: list[str]) -> str:
    first = ", ".join(names[:3])
    return first if len(names) <= 3 else f"{first} or {len(names) - 3} more"
