"""A plan compiled for execution: every dependency resolved to an index.

A task waits for other nodes and for *gates*. A gate stands for a whole phase, so that a phase of
100 tasks after a phase of 100 tasks costs 200 edges instead of 10,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import CommandError
from .each import ForEach
from .entries import Decision, Task
from .levels import skip_reason
from .model import Phase, Plan
from .names import Names
from .text import fold, there_are

__all__ = ["Graph", "Node", "compile_plan"]


@dataclass(slots=True)
class Node:
    """One thing that has to happen: a task, a decision, or the checkpoint after a phase.

    A task with a ``for_each`` is one task until its list is known; then it is a group: no work of
    its own, over when all its items are.

    Attributes:
        needs: Indexes of nodes that were listed: each must succeed.
        after: Indexes of nodes that only have to be settled.
        gates: Phase indexes (0-based) of which all must be settled and one have succeeded.
        when: Decision index -> the option keys of which one must have been chosen.
        skip: Why the project's level leaves it out, or ``None``.
        unmet: How many nodes and gates it waits for at the start.
        source: Of these and of templates: the index of the task whose result is the list.
        unseen: The same, unless they list it themselves: their agents get an item, not the list.
        items: Of a group: the indexes of its tasks, in the list's order.
        template: Of an item's task: the index of its group.
        item: A hash of that item; empty where it has none.
    """

    index: int
    id: str
    agent: str
    phase: int
    kind: Literal["task", "group", "decision", "checkpoint"]
    title: str
    spec: Task | Decision
    needs: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    gates: tuple[int, ...] = ()
    when: tuple[tuple[int, frozenset[str]], ...] = ()
    skip: str | None = None
    unmet: int = 0
    source: int | None = None
    unseen: int | None = None
    items: tuple[int, ...] = ()
    template: int | None = None
    item: str = ""

    @property
    def grows(self) -> bool:
        """Whether it is a template, a group or an item of one."""
        return self.source is not None

    @property
    def each(self) -> ForEach | None:
        """What it is done for each of, if it is a template."""
        return None if self.kind not in ("task", "group") else getattr(self.spec, "for_each", None)


class Graph:
    """The compiled plan; immutable by contract and safe to read from any thread.

    Attributes:
        nodes: All nodes by index, in the plan's order.
        index: Node id -> index.
        dependents: Per node, the nodes that wait for it.
        gated: Per phase, the nodes that wait for all of it.
        members: Per phase, its tasks (what "3 of 4" counts).
        in_gate: Per node, whether its phase's gate waits for it.
        order: All indexes, every node after what it waits for.
        shown: All indexes as people see them: the tasks of a group stand where it does.
    """

    def __init__(self, plan: Plan, nodes: list[Node]):
        self.plan = plan
        self.nodes = nodes
        self.index = {node.id: node.index for node in nodes}
        self._folded = {fold(node.id): node.index for node in nodes}
        self.phase_names = [phase.name for phase in plan.phases]
        count = len(plan.phases)
        self.members: list[list[int]] = [[] for _ in range(count)]
        self.gate_members: list[list[int]] = [[] for _ in range(count)]
        self.gated: list[list[int]] = [[] for _ in range(count)]
        self.dependents: list[list[int]] = [[] for _ in nodes]
        self.in_gate = [node.kind != "checkpoint" for node in nodes]
        for node in nodes:
            if node.kind == "task":
                self.members[node.phase - 1].append(node.index)
            if node.kind != "checkpoint":
                self.gate_members[node.phase - 1].append(node.index)
            waits = {*node.needs, *node.after, *(i for i, _ in node.when)}
            for other in waits:
                self.dependents[other].append(node.index)
            for gate in node.gates:
                self.gated[gate].append(node.index)
            node.unmet = len(waits) + len(node.gates)
        self.order = self._order()
        self.shown = self._shown()

    def grown(self, template: int, items: Sequence[tuple[str, str, str]]) -> Graph:
        """This graph with one task per item; indexes stay, new tasks are appended.

        Args:
            template: Index of a task with a ``for_each``.
            items: Id, text and hash of each item's task. One that is there already has the new
                text; one that is not named any more stays, and is no item of the group.
        """
        group = self.nodes[template]
        assert isinstance(group.spec, Task)
        nodes = self.nodes[:]
        plain = group.spec.model_copy(update={"for_each": None})
        indexes = []
        for name, text, item in items:
            old = self.index.get(name)
            index = len(nodes) if old is None else old
            indexes.append(index)
            made = replace(
                group, index=index, id=name, kind="task", title=text, items=(), template=template,
                item=item, spec=plain.model_copy(update={"id": name, "task": text}),
                after=tuple(i for i in group.after if i not in group.items),
            )  # fmt: skip
            if old is None:
                nodes.append(made)
            else:
                nodes[old] = made
        listed = tuple(indexes)
        first = (i for i in group.after if i not in group.items)
        nodes[template] = replace(group, kind="group", items=listed, after=(*first, *listed))
        return Graph(self.plan, nodes)

    def index_of(self, name: str) -> int:
        """Index of the node of that id, whatever its case.

        Raises:
            KeyError: If there is none.
        """
        return self._folded[fold(name)]

    def find(self, name: str) -> Node:
        """The node of that id, whatever its case.

        Raises:
            CommandError: If there is none; names those there are.
        """
        index = self._folded.get(fold(name))
        if index is None:
            raise CommandError(f"There is no task {there_are(name, self.index)}")
        return self.nodes[index]

    def _shown(self) -> list[int]:
        grown: dict[int, list[int]] = {}
        for node in self.nodes:
            if node.template is not None:
                grown.setdefault(node.template, []).append(node.index)
        if not grown:
            return list(range(len(self.nodes)))
        first = (node.index for node in self.nodes if node.template is None)
        return [one for index in first for one in (index, *grown.get(index, ()))]

    def _order(self) -> list[int]:
        unmet = [node.unmet for node in self.nodes]
        open_members = [len(members) for members in self.gate_members]
        ready = [i for i, count in enumerate(unmet) if count == 0]
        order: list[int] = []
        while ready:
            index = ready.pop()
            order.append(index)
            released = list(self.dependents[index])
            if self.in_gate[index]:
                gate = self.nodes[index].phase - 1
                open_members[gate] -= 1
                if open_members[gate] == 0:
                    released += self.gated[gate]
            for other in released:
                unmet[other] -= 1
                if unmet[other] == 0:
                    ready.append(other)
        return order

    def ranks(self, seconds: list[float]) -> list[float]:
        """Upward rank of each node: seconds from its start to the end of the longest path."""
        rank = [0.0] * len(self.nodes)
        gate_rank = [0.0] * len(self.members)
        for index in reversed(self.order):
            node = self.nodes[index]
            below = max((rank[i] for i in self.dependents[index]), default=0.0)
            if self.in_gate[index]:
                below = max(below, gate_rank[node.phase - 1])
            rank[index] = seconds[index] + below
            for gate in node.gates:
                gate_rank[gate] = max(gate_rank[gate], rank[index])
        return rank

    def least_seconds(self, seconds: list[float]) -> float:
        """The least time that nodes of these durations take in all.

        That is the longest path, or all work spread over the plan's slots if that is more.
        """
        longest = max(self.ranks(seconds), default=0.0)
        return max(longest, sum(seconds) / self.plan.max_concurrency)

    def parents(self, index: int) -> set[int]:
        """Everything a node waits for directly, a gate as its members."""
        node = self.nodes[index]
        found = {*node.needs, *node.after, *(i for i, _ in node.when)}
        for gate in node.gates:
            found.update(self.gate_members[gate])
        return found

    def ancestors(self, index: int) -> set[int]:
        """Everything that must have been settled before a node can start, as far as it may look.

        A checkpoint only holds up: nobody sees it, or through it. Who does one item of a list does
        not see the list: its work stands when others change.
        """
        seen: set[int] = set()
        todo = list(self.parents(index))
        gates_seen: set[int] = set()
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            node = self.nodes[one]
            if node.kind == "checkpoint":
                continue
            seen.add(one)
            todo += node.needs
            todo += node.after
            todo += (i for i, _ in node.when)
            for gate in node.gates:
                if gate not in gates_seen:
                    gates_seen.add(gate)
                    todo += self.gate_members[gate]
        unseen = self.nodes[index].unseen
        if unseen is not None:
            seen.discard(unseen)
        return seen


def compile_plan(plan: Plan) -> Graph:
    """Resolve a valid plan's dependencies."""
    nodes: list[Node] = []
    checkpoints: dict[int, int] = {}
    for number, phase in enumerate(plan.phases, start=1):
        for spec in phase.tasks:
            is_task = isinstance(spec, Task)
            nodes.append(
                Node(
                    index=len(nodes),
                    id=spec.id,
                    agent=spec.agent if isinstance(spec, Task) else "",
                    phase=number,
                    kind="task" if is_task else "decision",
                    title=spec.task if isinstance(spec, Task) else spec.title,
                    spec=spec,
                    skip=skip_reason(spec, plan.level),
                )
            )
        if _has_checkpoint(plan, phase, number):
            checkpoints[number] = len(nodes)
            nodes.append(_checkpoint(len(nodes), number, phase))
    taken = {fold(node.id): node.index for node in nodes}
    names = Names(plan.phases)
    for node in nodes:
        _resolve(node, names, taken, checkpoints)
    return Graph(plan, nodes)


def _has_checkpoint(plan: Plan, phase: Phase, number: int) -> bool:
    if plan.mode == "fully_autonomous":
        return False
    return phase.checkpoint or (plan.checkpoints == "each" and number < len(plan.phases))


def _checkpoint(index: int, number: int, phase: Phase) -> Node:
    title = f"Checkpoint after phase {number}, {phase.name}"
    spec = Decision(
        id=f"checkpoint-{number}",
        title=title,
        kind="critical",
        context=f"Phase {number} is over. Later phases wait for this.",
        options={"A": "Continue"},  # what else can be done shows when it is reached
        recommend="A",
        other=False,
    )
    return Node(index, spec.id, "", number, "checkpoint", title, spec, gates=(number - 1,))


def _resolve(
    node: Node,
    names: Names,
    taken: dict[str, int],
    checkpoints: dict[int, int],
) -> None:
    if node.kind == "checkpoint":
        return
    spec = node.spec
    needs: list[int] = []
    gates: set[int] = set()
    after: set[int] = set()
    if spec.depends_on is None:
        if node.phase > 1:
            gates.add(node.phase - 2)
    else:
        for name in spec.depends_on:
            index = taken.get(fold(name))
            if index is not None:
                needs.append(index)
                continue
            number = names.phase(name)
            assert number  # checks.py refused everything else
            gates.add(number - 1)
    if spec.depends_on is None or spec.depends_on:
        after.update(index for number, index in checkpoints.items() if number < node.phase)
    node.when = tuple((taken[fold(key)], frozenset(options)) for key, options in spec.when.items())
    if node.each is not None:
        node.source = taken[fold(node.each.source)]
        node.unseen = None if node.source in needs else node.source
        needs.append(node.source)
    node.needs = tuple(dict.fromkeys(i for i in needs if i not in dict(node.when)))
    node.after = tuple(sorted(after - set(node.needs)))
    node.gates = tuple(sorted(gates))
