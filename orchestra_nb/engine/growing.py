"""A plan grows: a task with a ``for_each`` becomes one task per item of another's result.

It is no work of its own then, but a group: it is over when its tasks are, and its result is the
list of theirs. On disk that list names the tasks, whose results are kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import AgentError, OrchestraError
from ..plan.each import fill_item, hash_of, items_of, rehearsed
from ..plan.graph import Node
from ..plan.text import fold, named
from ..state import TaskState

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["GONE", "Growing"]

GONE = "no longer in the list"
MOST_NAMED = 5


class Growing:
    """Sees to templates, groups and their items when they become ready."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._items: dict[int, Any] = {}
        self._read: dict[int, float | None] = {}  # template -> when the list that was read was made

    def begin(self) -> None:
        """A run that goes on: what was done as a group has its result of its tasks."""
        state = self._engine.state
        for node in state.graph.nodes:
            if node.kind == "group" and state.tasks[node.index].status == "completed":
                self._give(node)

    def sees_to(self, node: Node) -> bool:
        """Whether there is nothing to start for a node that became ready: that was seen to."""
        state = self._engine.state
        if node.template is None:
            if node.kind == "task" or self._stale(node):
                self._expand(node)
            if state.tasks[node.index].status == "ready":  # there is nothing left to wait for
                self._close(state.graph.nodes[node.index])
            return True
        group = state.graph.nodes[node.template]
        listed = node.index in group.items
        if self._stale(group) and (listed or not self._engine.settled(group.index)):
            self._expand(group)
            listed = node.index in state.graph.nodes[node.template].items
        # It may be another one by now, or none of the group any more: of an earlier list too.
        if not listed and state.tasks[node.index].status == "ready":
            self._engine.skip(state.graph.nodes[node.index], "when", GONE)
        return state.tasks[node.index].status != "ready"

    def item(self, index: int) -> Any:
        """The very item of a task; ``None`` for what is none."""
        state = self._engine.state
        node = state.graph.nodes[index]
        if node.template is None:
            return None
        if index not in self._items:  # of a run that goes on
            group = state.graph.nodes[node.template]
            try:
                for number, item in self._list(group):
                    known = state.graph.index.get(f"{group.id}-{number}")
                    if known is not None:
                        self._items[known] = item
            except (ValueError, OrchestraError):
                return None
        return self._items.get(index)

    # Reading the list.

    def _source(self, node: Node) -> TaskState:
        assert node.source is not None
        return self._engine.state.tasks[node.source]

    def _stale(self, group: Node) -> bool:
        """Whether the list was made anew since it was read."""
        made, task = self._source(group).ended_at, self._engine.state.tasks[group.index]
        if made is None or task.grown_at is None:
            return True
        return made > task.grown_at and self._read.get(group.index) != made

    def _list(self, node: Node) -> list[tuple[int, Any]]:
        """The items with their numbers, from 1; ``None`` is nothing to be done.

        Raises:
            ValueError: If there is no list; says what came.
            OrchestraError: If the result can't be read.
        """
        engine, each = self._engine, node.each
        assert each is not None
        if engine.rehearsal:
            found: list[Any] = list(rehearsed(each))
        else:
            try:
                found = items_of(engine.results.get(self._source(node).id))
            except ValueError as error:
                raise ValueError(f"The result of {self._source(node).id} {error}") from None
        return [(at, item) for at, item in enumerate(found, start=1) if item is not None]

    def _expand(self, node: Node) -> None:
        """Make the tasks, or say why there are none."""
        engine, graph = self._engine, self._engine.state.graph
        try:
            items = self._list(node)
            texts = [self._text(node, number, item) for number, item in items]
            ids = self._ids(node, [number for number, _ in items])
        except (ValueError, OrchestraError) as error:
            self._refuse(node, str(error))
            return
        self._read[node.index] = self._source(node).ended_at
        added = [
            {"id": name, "text": text, "item": hash_of(item)}
            for name, text, (_, item) in zip(ids, texts, items, strict=True)
        ]
        before = [graph.nodes[i] for i in node.items]
        same = [(n.id, n.title, n.item) for n in before] == [
            (name, engine.scrubbed(text), one["item"])
            for name, text, one in zip(ids, texts, added, strict=True)
        ]
        if node.kind == "group" and same and all(n.item for n in before):
            self._keep(ids, texts, items)
            return
        engine.emit(events.task_added(template=node.id, items=added))
        self._keep(ids, texts, items)
        self._grow(node)
        was, graph = graph, engine.state.graph
        now = {graph.index[one["id"]]: one["item"] for one in added}
        if engine.reuse:  # also what was made of items that had left the list before
            known = (n for n in was.nodes if n.template == node.index)
            other = [n.index for n in known if not n.item or now.get(n.index) != n.item]
            engine.reuse.deal(node.id, now, other)
        engine.repeats.deal(node.id, now)
        if engine.spending is not None:
            engine.spending.grown(graph.nodes[node.index])
        for gone in before:
            if gone.id not in ids and not engine.settled(gone.index):
                engine.attempts.forget(gone.index)
                engine.skip(gone, "when", GONE)

    def _text(self, node: Node, number: int, item: object) -> str:
        each = node.each
        assert each is not None
        text = self._engine.steering.texts.get(node.index, node.title)
        try:
            return fill_item(text, each, item, simulated=bool(self._engine.rehearsal))
        except ValueError as error:
            raise ValueError(f"Item {number} of {self._source(node).id} {error}") from None

    def _ids(self, node: Node, numbers: Sequence[int]) -> list[str]:
        graph = self._engine.state.graph
        ids = [f"{node.id}-{number}" for number in numbers]
        own = {graph.nodes[i].id for i in node.items}
        taken = {fold(name) for name in graph.index if name not in own} if ids else set()
        for name in ids:
            known = graph.index.get(name)
            if known is not None and graph.nodes[known].template == node.index:
                continue
            if fold(name) in taken:
                raise ValueError(f"{name!r} is already the id of another task of the plan")
        return ids

    def _keep(self, ids: list[str], texts: list[str], items: list[tuple[int, Any]]) -> None:
        """The very items, and texts as they were before they were rid of secrets."""
        state, steering = self._engine.state, self._engine.steering
        for name, text, (_, item) in zip(ids, texts, items, strict=True):
            index = state.graph.index[name]
            self._items[index] = item
            if text != state.graph.nodes[index].title:
                steering.texts[index] = text

    def _grow(self, node: Node) -> None:
        """What is kept by index knows the new tasks; they are done by whoever does the template."""
        engine, graph = self._engine, self._engine.state.graph
        more = len(graph.nodes) - len(engine.seconds)
        seconds = engine.seconds[node.items[0] if node.items else node.index]
        engine.workers += [engine.workers[node.index]] * more
        engine.seconds += [seconds] * more
        engine.seconds[node.index] = 0.0
        engine.scheduler.grown(graph, engine.seconds)

    def _refuse(self, node: Node, error: str) -> None:
        """There can be no tasks: what needs them is skipped."""
        engine = self._engine
        error = engine.scrubbed(error)
        engine.errors[node.id] = AgentError(error)
        engine.starts.begin_phase(node.phase)
        engine.emit(
            events.agent_failed(
                task=node.id, agent=node.agent, phase=node.phase, attempt=1, seconds=0.0,
                error=error,
            )
        )  # fmt: skip
        for index in node.items:
            if not engine.settled(index):
                engine.attempts.forget(index)
                engine.skip(engine.state.graph.nodes[index], "failed", f"needs {node.id}'s list")
        if engine.plan.on_failure == "stop":
            engine.stop(f"{node.id} failed", "")

    # Its end.

    def _close(self, group: Node) -> None:
        """All its tasks are over, and so is the group."""
        engine, state = self._engine, self._engine.state
        tasks = [state.tasks[i] for i in group.items]
        lost = [
            t.id for t in tasks
            if t.status in ("failed", "cancelled") or t.skip_cause == "failed"
        ]  # fmt: skip
        began = min((t.started_at for t in tasks if t.started_at is not None), default=engine.t)
        common: dict[str, Any] = {
            "task": group.id, "agent": group.agent, "phase": group.phase, "attempt": 1,
            "seconds": engine.t - began,
        }  # fmt: skip
        if lost:
            text = f"{len(lost)} of {len(tasks)} failed: {named(lost, MOST_NAMED)}"
            engine.errors[group.id] = AgentError(text)
            engine.emit(events.agent_failed(error=text, **common))
            return
        engine.starts.begin_phase(group.phase)
        self._give(group)
        result = {"kind": "items", "tasks": [t.id for t in tasks]}
        engine.emit(events.agent_complete(result=result, **common))

    def _give(self, group: Node) -> None:
        results = self._engine.results
        names = [self._engine.state.graph.nodes[i].id for i in group.items]
        results.owe(group.id, lambda: [results.get(name) for name in names])
