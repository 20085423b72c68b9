"""What is known to differ from when a task was done, and whether its result is still there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ..agents.context import Context
from ..engine.protocols import Job, Worker
from ..engine.reuse import Prior, Values, given_to
from ..lineage import LOST, TURNED, Lineages, outdated
from ..plan.graph import Node
from ..plan.text import named
from ..state import State, TaskState
from ..store.results import fault_of
from .past import Past, loader

__all__ = ["Changes", "unstored"]

_UNKNOWN = "nobody can tell whether its function changed"
_NAMED = 4
"""So many names of what is not compared are told."""


class Changes:
    """Compares a run as its log has it with what it would be done with from here on.

    Args:
        past: The run.
        now: The same state with the plan's graph as it is from here on.
        workers: Who does each node from here on.
        inputs: Values of the plan's inputs from here on.
        same: Whether nothing but workers and inputs can differ: then nothing else is compared.
    """

    def __init__(
        self,
        past: Past,
        now: State,
        workers: Sequence[Worker | None],
        inputs: Mapping[str, Any],
        *,
        same: bool = False,
    ):
        self._same = same
        self._past, self._now, self._workers = past, now, workers
        self._inputs = inputs
        self._was, self._is = Lineages(past.state), Lineages(now)
        self._outdated = outdated(past.state)
        self._to_all = self._said_to_all()
        self._level_changed = past.declared.level != now.graph.plan.level
        self._lacks: dict[int, str] = {}
        self._values = Values()
        for task in now.tasks:
            if task.kind == "task" and task.status == "completed":
                self._values.owe(task.id, self.load(task))

    def load(self, task: TaskState, stored: Mapping[str, Any] | None = None) -> Callable[[], Any]:
        """What gives a result: a task's own, if none is named."""
        worker = self._workers[task.index]
        return loader(self._past.folder, task.result if stored is None else stored, worker)

    def before(self, task: TaskState) -> TaskState | None:
        """The same task as the log has it, ``None`` for what is new in the plan."""
        index = self._past.state.graph.index.get(task.id)
        return None if index is None else self._past.state.tasks[index]

    def of(self, node: Node, task: TaskState, *, open: bool) -> tuple[str, str]:
        """Why a task is known to differ; if it is not, why that is only assumed.

        Args:
            node: It.
            task: What became of it.
            open: Whether what it waits for may come out differently; then only the rest counts.
        """
        old = self.before(task)
        if old is None:
            return "new in the plan", ""
        worker = self._workers[node.index]
        key_of = getattr(worker, "key_of", None)
        if key_of is not None and self.by_request(node, task):
            if open:
                return "", ""  # its request is made of what is still to come
            key = self._request_key(node, task, key_of)
            if key and key != task.key:
                return "its request to the model changed", ""
            if key:
                return "", _uses(worker)
            return self._outdated_by(old), "its request can't be made again to compare it"
        key = getattr(worker, "key", "")
        if key and task.key and key != task.key:
            return "its function changed", ""
        changed = self._input(node, task, old, open=open)
        if changed:
            return changed, ""
        if worker is None:
            return "", "no function was given to compare it with"
        if not (key and task.key):
            return "", _UNKNOWN
        # Of what is kept all that came before it is kept too: that is known.
        lost = open and (old.given or self._was.before(old.index)) == LOST
        return "", "the log lost what came before it" if lost else _uses(worker)

    def by_request(self, node: Node, task: TaskState) -> bool:
        """Whether a task is compared by the request that its agent makes, with all it is given."""
        return bool(task.key) and getattr(self._workers[node.index], "key_of", None) is not None

    def waits_differ(self, node: Node, task: TaskState) -> bool:
        """Whether the plan says anew what a node waits for."""
        old = self.before(task)
        if old is None:
            return True
        was, now = self._past.state.graph, self._now.graph
        other = was.nodes[old.index]
        if was is now:
            return False

        def waits(graph: Any, one: Node) -> tuple[Any, ...]:
            ids = {graph.nodes[i].id for i in one.needs}
            when = {(graph.nodes[i].id, *options) for i, options in one.when}
            gates = {graph.phase_names[gate] for gate in one.gates}
            return ids, when, gates

        return waits(was, other) != waits(now, node)

    def level(self, task: TaskState) -> int:
        """The level to compare at: what changed while the run went on is no change since."""
        return self._now.graph.plan.level if self._level_changed else task.level

    def _said_to_all(self) -> str:
        """What changed of that which every agent is told."""
        was, now = self._past.inputs, self._inputs
        names = sorted(k for k in {*was, *now} if k not in was or was[k] != now.get(k))
        if names:
            return f"the input{'s' * (len(names) > 1)} {named(names)} changed"
        if self._past.state.answers != self._now.answers:
            return "the answers to the plan's questions changed"
        return ""

    def _input(self, node: Node, task: TaskState, old: TaskState, *, open: bool) -> str:
        if task.title != old.title:
            return "its text changed"
        if self._outdated_by(old):
            return self._outdated_by(old)
        if self.level(task) != old.level:
            return f"the level changed from {old.level} to {self.level(task)}"
        if self._to_all:
            return self._to_all
        if open or self._same:
            return ""
        if self._was.before(old.index) != self._is.before(node.index):
            return "what it waits for changed"
        return ""

    def _outdated_by(self, old: TaskState) -> str:
        """Whether it is known to have been given another thing than what is there now."""
        # What was to be compared when the run broke off: what it was given then is known.
        late = not old.given and old.index in self._outdated
        return "what it was given came out differently later" if late else ""

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
            level=self.level(task),
        )
        try:
            return key_of(Context(job))
        except Exception:  # a result that can't be read any more: then nobody knows
            return ""

    # Whether a result is still there.

    def lacking(self, task: TaskState) -> str:
        """Why the result of a finished task can't be had any more; empty where it can."""
        if task.index not in self._lacks:
            self._lacks[task.index] = self._find_lack(task)
        return self._lacks[task.index]

    def _find_lack(self, task: TaskState) -> str:
        stored = task.result or {}
        if stored.get("kind") == "repr":
            return f"its result could not be stored ({stored.get('why')})"
        if stored.get("kind") == "model" and not fault_of(self._past.folder.path, stored):
            try:
                self.load(task)()
            except Exception:
                return "its result does not fit the model's class any more"
        fault = fault_of(self._past.folder.path, stored)
        return f"its result in {stored.get('file')} {fault}" if fault else ""

    def prior(self, node: Node, task: TaskState) -> Prior | None:
        """What a finished task came to, to be compared when its time comes."""
        was, old = self._past.state, self.before(task)
        if old is None:
            return None
        late = TURNED if old.index in self._outdated else ""
        given = (
            old.given
            or late
            or given_to(
                was,
                self._was,
                old.index,
                text=old.title,
                level=old.level,
                notes=old.notes,
                inputs=self._past.inputs,
            )
        )
        return Prior(
            run=self._past.folder.id,
            attempt=old.attempt,
            result=dict(old.result or {}),
            key=old.key,
            given=given,
            notes=old.notes,
            level=self.level(task),
            seconds=sum(end - start for kind, start, end in old.spans if kind == "run" and end),
            tokens=old.tokens,
            cost=old.cost,
            told=[],  # this log has it
            load=self.load(task),
            item=was.graph.nodes[old.index].item,
        )


def _uses(worker: Worker | None) -> str:
    """What can't be compared of that which a worker uses; empty where all was."""
    names = getattr(worker, "unfollowed", ())
    if not names:
        return ""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    is_are = "are" if len(names) > 1 else "is"
    return f"it uses {', '.join(names[:_NAMED])}{more}, which {is_are} not compared"


def unstored(task: TaskState) -> bool:
    """Whether a task is done and its result could not be stored: it counts while nobody asks."""
    return (task.result or {}).get("kind") == "repr"
