"""Lineages: what a node came to, with all that came before it, as one hash.

An agent may see the results of everything before it, so what it was given is the lineages of what
it waits for. A task that is done again and comes to the same result has the same lineage as before:
what depends on it need not be done again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .state import SETTLED, State, TaskState

__all__ = ["LOST", "TURNED", "Lineages", "digest", "outdated"]

LOST = "?"
"""The lineage of what has no end in a log, and of all after it: the line that told it is lost."""

TURNED = "!"
"""Equal to nothing that is given: what came before it is known to be another thing by now."""


def digest(*parts: Any) -> str:
    """A short hash of JSON-able values; equal values give equal hashes in every process."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def outdated(state: State) -> frozenset[int]:
    """Indexes of the tasks that began before something they were given came out differently.

    That is so where what had failed, or was left out, was tried again later.
    """
    graph, tasks = state.graph, state.tasks
    if not any(task.turned for task in tasks):
        return frozenset()
    latest = [0] * len(tasks)  # of it, and of all that came before it
    gates: dict[int, int] = {}
    found = set()
    for index in graph.order:
        node, task = graph.nodes[index], tasks[index]
        before = [latest[i] for i in (*node.needs, *node.items, *(i for i, _ in node.when))]
        for gate in node.gates:
            if gate not in gates:
                gates[gate] = max((latest[i] for i in graph.gate_members[gate]), default=0)
            before.append(gates[gate])
        turned = max(before, default=0)
        if node.kind != "checkpoint":  # that hands on nothing
            latest[index] = max(turned, task.turned)
        if task.kind == "task" and task.began < turned:
            found.add(index)
    return frozenset(found)


class Lineages:
    """The lineages of a state's nodes, each computed once.

    They hold for nodes that are settled; when something is to be done again, they are forgotten.
    """

    def __init__(self, state: State):
        self._state = state
        self._revivals = state.revivals
        self._of: dict[int, str] = {}
        self._gates: dict[tuple[int, int | None], str] = {}
        self._told: dict[int, list[list[str]]] = {}
        self._heard = 0

    def of(self, index: int) -> str:
        """What a settled node came to, and what came before it."""
        self._look()
        todo = [index]
        while todo:  # not by recursion: chains may be as long as a plan
            one = todo[-1]
            if one in self._of:
                todo.pop()
                continue
            missing = [i for i in self._parents(one) if i not in self._of]
            if missing:
                todo += missing
            else:
                todo.pop()
                before = self._before(one)
                own = self._own(one)
                known = own is not None and before != LOST
                self._of[one] = digest(*(own or ()), before) if known else LOST
        return self._of[index]

    def before(self, index: int) -> str:
        """What a node is given, all that it waits for being settled."""
        self._look()
        for parent in self._parents(index):
            self.of(parent)
        return self._before(index)

    def _look(self) -> None:
        if self._state.revivals != self._revivals:
            self._revivals = self._state.revivals
            self._of.clear()
            self._gates.clear()
            self._told.clear()
            self._heard = 0
        findings = self._state.findings
        for finding in findings[self._heard :]:
            if not finding.ours:
                self._told.setdefault(finding.task, []).append([finding.kind, finding.text])
        self._heard = len(findings)

    def _parents(self, index: int) -> list[int]:
        """What it waits for; of a phase, once: it is the same for all that wait for it."""
        graph = self._state.graph
        node = graph.nodes[index]
        parents = [*node.needs, *node.items, *(i for i, _ in node.when)]
        for gate in node.gates:
            if (gate, None) not in self._gates:
                parents += graph.gate_members[gate]
        return parents

    def _before(self, index: int) -> str:
        graph = self._state.graph
        node = graph.nodes[index]
        # A checkpoint is a barrier, not something that was found: one more changes no input.
        direct = {i for i in node.needs if graph.nodes[i].kind != "checkpoint"}
        direct.update(i for i, _ in node.when)
        direct.update(node.items)
        unseen = node.unseen if node.template is not None else None
        seen = sorted((graph.nodes[i].id, self._seen(i, unseen)) for i in direct)
        gates = [self._gate(gate, unseen) for gate in node.gates]
        if LOST in gates or any(lineage == LOST for _, lineage in seen):
            return LOST
        return digest(seen, gates)

    def _seen(self, index: int, unseen: int | None) -> str:
        """Of a list that is not shown to who does one item of it, only what came before counts."""
        return self._of[index] if index != unseen else self._before(index)

    def _gate(self, gate: int, unseen: int | None = None) -> str:
        graph = self._state.graph
        if unseen is not None and graph.nodes[unseen].phase - 1 != gate:
            unseen = None
        found = self._gates.get((gate, unseen))
        if found is None:
            nodes, members = graph.nodes, graph.gate_members[gate]
            seen = sorted((nodes[i].id, self._seen(i, unseen)) for i in members)
            found = LOST if any(lineage == LOST for _, lineage in seen) else digest(seen)
            self._gates[gate, unseen] = found
        return found

    def _own(self, index: int) -> list[Any] | None:
        state = self._state
        task = state.tasks[index]
        if task.status not in SETTLED:
            # What is tried again: who began before that was given its failure.
            tried = task.before is not None and task.before != "completed"
            return [task.id, task.before] if tried else None
        if task.kind in ("task", "group"):
            if task.status != "completed":
                return [task.id, task.status]
            return [task.id, "completed", self._result(task), self._told.get(index, [])]
        decision = state.decisions.get(task.id)
        outcome = decision.outcome if decision is not None else None
        if outcome is None:
            return [task.id, task.status]
        values = dict(outcome.values) if outcome.values else None
        return [task.id, outcome.option, outcome.text, outcome.note, values]

    def _result(self, task: TaskState) -> list[Any]:
        stored = task.result or {}
        kind = stored.get("kind")
        # What was not stored nobody can compare: taken for the same where its worker was.
        if kind == "repr":
            return ["repr", task.key, task.title]
        was = task.unstored
        if was is not None and (was == task.key or not (was and task.key)):
            return ["repr", was, task.title]
        if kind == "json" and "value" in stored:
            # In its own order: a ranking the other way round is another one.
            return ["json", json.dumps(stored["value"], default=repr)]
        return [kind, stored.get("sha256")]
