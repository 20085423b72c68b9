"""Finding cycles in what waits for what, in time linear in the plan."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import Fault
from .text import short

__all__ = ["Link", "find_cycles"]


@dataclass(slots=True)
class Link:
    """What one task or decision waits for.

    Attributes:
        id: Its id.
        place: Where it stands.
        phase: Index of its phase.
        needs: Ids it names.
        decisions: Ids its ``when`` names.
        source: Id its ``for_each`` names.
        phases: Indices of phases it names.
        implicit: Whether it waits for the whole phase before, naming nothing.
        free: Whether it waits for nothing, not even checkpoints.
    """

    id: str
    place: str
    phase: int
    needs: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    phases: list[int] = field(default_factory=list)
    source: str | None = None
    implicit: bool = False
    free: bool = False


def find_cycles(links: Sequence[Link], checkpoints: Sequence[bool]) -> list[Fault]:
    """A fault for each knot of tasks that wait for each other, with one way around spelled out.

    Args:
        links: All tasks and decisions, in the plan's order.
        checkpoints: For each phase, whether a checkpoint follows it.
    """
    graph = _Graph(links, checkpoints)
    return [graph.fault(knot) for knot in graph.knots()]


class _Graph:
    """Nodes: the links, then the end of each phase, then the gate before each phase.

    Ends and gates stand for "all of that phase" and "all checkpoints so far", so that a plan with
    n tasks a phase has n edges for that and not n².
    """

    def __init__(self, links: Sequence[Link], checkpoints: Sequence[bool]):
        self._links, self._checkpoints = links, checkpoints
        count, phases = len(links), len(checkpoints)
        self._end, self._gate = count, count + phases
        index: dict[str, int] = {}
        for node, link in enumerate(links):
            index.setdefault(link.id, node)
        self.needs: list[list[int]] = [[] for _ in range(count + 2 * phases)]
        held = False
        for phase in range(phases):
            gate = self.needs[self._gate + phase]
            if phase and held:
                gate.append(self._gate + phase - 1)
            if phase and checkpoints[phase - 1]:
                gate.append(self._end + phase - 1)
                held = True
        first_held = checkpoints.index(True) if True in checkpoints else phases
        for node, link in enumerate(links):
            needs = self.needs[node]
            names = [*link.needs, *link.decisions]
            if link.source is not None:
                names.append(link.source)
            needs.extend(index[name] for name in names if index[name] != node)
            needs.extend(self._end + phase for phase in link.phases)
            if link.implicit and link.phase:
                needs.append(self._end + link.phase - 1)
            if link.phase > first_held and not link.free:
                needs.append(self._gate + link.phase)
            self.needs[self._end + link.phase].append(node)

    def _in_knots(self) -> list[bool]:
        """Which nodes are left when everything that can run has run."""
        waiting = [len(needs) for needs in self.needs]
        dependents: list[list[int]] = [[] for _ in self.needs]
        for node, needs in enumerate(self.needs):
            for other in needs:
                dependents[other].append(node)
        ready = [node for node, count in enumerate(waiting) if not count]
        while ready:
            for other in dependents[ready.pop()]:
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
        return [count > 0 for count in waiting]

    def knots(self) -> list[list[int]]:
        """Strongly connected parts of more than one node, in the plan's order."""
        left = self._in_knots()
        if not any(left):
            return []
        order = [0] * len(self.needs)
        low = [0] * len(self.needs)
        on_stack = [False] * len(self.needs)
        stack: list[int] = []
        found: list[list[int]] = []
        number = 0
        for root, stuck in enumerate(left):
            if not stuck or order[root]:
                continue
            number += 1
            order[root] = low[root] = number
            stack.append(root)
            on_stack[root] = True
            path = [(root, iter(self.needs[root]))]
            while path:
                node, rest = path[-1]
                for other in rest:
                    if not left[other]:
                        continue
                    if not order[other]:
                        number += 1
                        order[other] = low[other] = number
                        stack.append(other)
                        on_stack[other] = True
                        path.append((other, iter(self.needs[other])))
                        break
                    if on_stack[other]:
                        low[node] = min(low[node], order[other])
                else:
                    path.pop()
                    if path:
                        low[path[-1][0]] = min(low[path[-1][0]], low[node])
                    if low[node] == order[node]:
                        part = []
                        while True:
                            member = stack.pop()
                            on_stack[member] = False
                            part.append(member)
                            if member == node:
                                break
                        if len(part) > 1:
                            found.append(sorted(part))
        return sorted(found)

    def fault(self, knot: Sequence[int]) -> Fault:
        """The shortest way around from the knot's first task, spelled out."""
        members = set(knot)
        start = knot[0]
        came: dict[int, int] = {}
        queue = deque([start])
        last = start
        while queue:
            node = queue.popleft()
            if start in self.needs[node]:
                last = node
                break
            for other in self.needs[node]:
                if other in members and other not in came and other != start:
                    came[other] = node
                    queue.append(other)
        way = [last]
        while way[-1] != start:
            way.append(came[way[-1]])
        way.reverse()
        return self._spelled(way)

    def _spelled(self, way: list[int]) -> Fault:
        words: list[str] = []
        named: str | None = None
        for step, node in enumerate(way):
            if node >= self._end:
                continue
            link = self._links[node]
            following = way[(step + 1) % len(way)]
            words.append(_shown(link.id) + self._reason(link, following))
            if named is None:
                named = self._field(link, following)
        first = self._links[way[0]]
        words.append(_shown(first.id))
        if len(words) > 22:
            words[10:-10] = [f"… {len(words) - 20} more …"]
        message = f"a cycle: {' -> '.join(words)}; none of them could ever start"
        return Fault(named or first.place, message)

    def _field(self, link: Link, following: int) -> str | None:
        """The place of the words that make it wait, if there are any."""
        if following < self._end and self._links[following].id in link.needs:
            return f"{link.place}.depends_on"
        if following < self._end and self._links[following].id == link.source:
            return f"{link.place}.for_each.from"
        if following < self._end:
            return f"{link.place}.when"
        return f"{link.place}.depends_on" if following - self._end in link.phases else None

    def _reason(self, link: Link, following: int) -> str:
        """Why it waits, where the plan's own words don't say it."""
        if following < self._end:
            return ""
        if following >= self._gate:
            phase = self._held_by(following - self._gate)
            return f" (phase {link.phase + 1} waits for the checkpoint after phase {phase + 1})"
        phase = following - self._end
        if phase in link.phases:
            return f" (waits for all of phase {phase + 1})"
        return f" (phase {link.phase + 1} waits for phase {phase + 1})"

    def _held_by(self, phase: int) -> int:
        return max(at for at in range(phase) if self._checkpoints[at])


def _shown(name: str) -> str:
    return short(name, 80)[1:-1]
