"""What reaches a node of that which comes before it and is still to come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from ..plan.graph import Graph, Node

if TYPE_CHECKING:
    from .outlook import Seen

__all__ = ["Waves"]

Names: TypeAlias = tuple[str, ...]


class Waves:
    """Hands on the names of what may come out differently, to all that may look at it.

    What is handed on is the same tuple for all that it reaches alone, such as all that wait for a
    phase: nothing is copied for each of them.

    Args:
        graph: The plan's.
        seen: Index -> what becomes of a node; filled while they are asked for, in the graph's
            order.
        open: Whether a node that was judged may come out differently.
    """

    def __init__(self, graph: Graph, seen: Mapping[int, Seen], open: Callable[[int], bool]):
        self._graph, self._seen, self._open = graph, seen, open
        self._gates: dict[int, Names] = {}
        self._through: dict[int, Names] = {}

    def before(self, node: Node) -> Names:
        """What it is given, directly or through others, that may come out differently."""
        direct = sorted({*node.needs, *node.items, *(i for i, _ in node.when)})
        found = _merged([*map(self._of, direct), *map(self._gate, node.gates)])
        if found:
            self._through[node.index] = found
        return found

    def _gate(self, gate: int) -> Names:
        if gate not in self._gates:
            self._gates[gate] = _merged(map(self._of, self._graph.gate_members[gate]))
        return self._gates[gate]

    def _of(self, index: int) -> Names:
        """Itself, if it may come out differently; else what it hands on of what came before it.

        A checkpoint is nothing that anybody is given.
        """
        seen = self._seen[index]
        if seen.kind == "checkpoint":
            return ()
        return (seen.id,) if self._open(index) else self._through.get(index, ())


def _merged(parts: Iterable[Names]) -> Names:
    """All names once; the very tuple where there is only one."""
    once = {id(names): names for names in parts if names}
    if len(once) == 1:
        (names,) = once.values()
        return names
    return tuple(dict.fromkeys(chain.from_iterable(once.values())))
