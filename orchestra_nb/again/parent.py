"""What a run has of the run that it shares results with, also when it goes on later."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..engine.protocols import Worker
from ..engine.repeats import Repeat, Shared
from ..engine.reuse import Prior
from ..errors import OrchestraError
from ..plan.graph import Graph, Node
from ..state import State, TaskState
from ..store.adopting import adopt_results
from ..store.folder import RunFolder
from ..store.home import find_run
from .changes import Changes, unstored
from .outlook import Outlook, Seen
from .past import Past, loader, read_past
from .sharing import outcomes_from, prior_of

__all__ = ["Rest", "priors_from", "rest_of", "shares_of", "taken_over"]


def shares_of(
    past: Past,
    *,
    rerun: Collection[str] = (),
    outcomes: bool = False,
    items: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """What ``orchestration_start`` says of what is shared; see ``events.orchestration_start``."""
    return {
        "before": past.state.seq + 1,
        "rerun": sorted(rerun),
        "outcomes": outcomes,
        "items": [dict(one) for one in items],
    }


def priors_from(past: Past, graph: Graph, rerun: Collection[str] = ()) -> dict[str, Prior]:
    """What all finished tasks of a run came to, for another run with a plan.

    Args:
        past: The run.
        graph: The other run's plan.
        rerun: Ids of tasks that are done again in any case.
    """
    state = past.state
    nobody: list[Worker | None] = [None] * len(state.graph.nodes)
    changes = Changes(past, state, nobody, past.inputs)
    another = past.declared.level != graph.plan.level
    found: dict[str, Prior] = {}
    for node in state.graph.nodes:
        task = state.tasks[node.index]
        if node.kind != "task" or task.status != "completed" or node.id in rerun:
            continue
        if changes.lacking(task) and not (unstored(task) and _last(graph, node.id)):
            continue
        prior = prior_of(past, changes, node, task)
        if prior is not None:
            found[node.id] = replace(prior, level=graph.plan.level) if another else prior
    return found


def _last(graph: Graph, name: str) -> bool:
    """Whether nothing comes after a task that might ask for its result."""
    index = graph.index.get(name)
    if index is None or graph.dependents[index]:
        return False
    return not (graph.in_gate[index] and graph.gated[graph.nodes[index].phase - 1])


def taken_over(
    source: RunFolder,
    target: RunFolder,
    priors: Mapping[str, Prior],
    graph: Graph,
    workers: Sequence[Worker | None],
) -> dict[str, Prior]:
    """Priors whose results are in the new run's own folder.

    Args:
        source: The folder of the run that made them.
        target: The folder of the new run.
        priors: Id of a task -> what it came to.
        graph: A graph with all of these tasks.
        workers: Who does the tasks of the new run, as far as these are there from the start.
    """
    wanted = [(graph.index[name], one.attempt, one.result) for name, one in priors.items()]
    results = adopt_results(source.path, target.path, wanted)
    found = {}
    for (name, one), stored in zip(priors.items(), results, strict=True):
        index = graph.index[name]
        template = graph.nodes[index].template
        index = index if template is None else template  # who does the template does its tasks
        worker = workers[index] if index < len(workers) else None
        found[name] = replace(
            one,
            result=stored,
            load=loader(target, stored, worker),
            drop=functools.partial(_drop, target, stored),
        )
    return found


def _drop(folder: RunFolder, stored: Mapping[str, Any]) -> None:
    """What was taken over and does not count is no file of this run."""
    if "file" in stored:
        with contextlib.suppress(OSError):
            (folder.path / stored["file"]).unlink()


# A run that broke off before it came to all of it.


@dataclass(slots=True)
class Rest:
    """What a run that goes on has still to compare with its parent.

    Attributes:
        parent: The parent, as of when the run began; ``None`` where that is not there any more.
        priors: Id of a task -> what it came to in the parent.
        dealt: Id of a task that is there -> the task of the parent whose prior it gets.
        later: Ids of priors of tasks that are not there before the plan has grown.
        outcomes: Id of a decision or checkpoint -> what came of it in the parent.
        items: As ``Shared`` has them.
    """

    parent: Past | None = None
    priors: dict[str, Prior] = field(default_factory=dict)
    dealt: dict[str, str] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)
    outcomes: dict[str, Repeat] = field(default_factory=dict)
    items: Sequence[Mapping[str, str]] = ()

    def take(
        self, folder: RunFolder, graph: Graph, workers: Sequence[Worker | None]
    ) -> tuple[dict[int, Prior], Shared]:
        """Take over what may be shared, into the run's folder.

        Returns:
            Index of a task -> what it came to in the parent, and what else is shared.
        """
        shared = Shared(outcomes=self.outcomes, items=self.items)
        if self.parent is None:
            return {}, shared
        names = {*self.dealt.values(), *self.later}
        priors = {name: one for name, one in self.priors.items() if name in names}
        was = self.parent.state.graph
        by_id = {node.id: workers[node.index] for node in graph.nodes}
        cast = [by_id.get(node.id) for node in was.nodes]
        taken = taken_over(self.parent.folder, folder, priors, was, cast)
        mine = {graph.index[name]: taken[other] for name, other in self.dealt.items()}
        return mine, replace(shared, later={name: taken[name] for name in self.later})


def rest_of(past: Past, now: State, outlook: Outlook, rerun: Collection[str]) -> Rest:
    """Find what a run has still to compare with its parent; the outlook then says so.

    Args:
        past: The run as its log has it.
        now: Its state with the plan's graph as it is from here on.
        outlook: What becomes of each node but for the parent; changed in place.
        rerun: Ids of tasks to do again in any case.
    """
    shares = past.shares
    if not now.parent or not shares:
        return Rest()
    again = {*rerun, *shares["rerun"]}
    open_ones = {
        seen.id: at
        for at, seen in enumerate(outlook.nodes)
        if _unjudged(now.graph.nodes[at], now.tasks[at], seen) and seen.id not in again
    }
    rest = Rest(items=shares["items"])
    if not open_ones:
        return rest
    try:
        folder = RunFolder.open(find_run(now.parent, where=past.folder.home))
        rest.parent = read_past(folder, before=shares["before"])
    except OrchestraError:
        for at in open_ones.values():
            seen = outlook.nodes[at]
            why = f"{seen.why}; {now.parent}, which might have it, can't be read any more"
            outlook.nodes[at] = replace(seen, why=why)
        return rest
    graph = now.graph
    rest.priors = priors_from(rest.parent, graph, again)
    rest.later = [name for name in rest.priors if name not in graph.index]
    if shares["outcomes"]:
        rest.outcomes = outcomes_from(rest.parent, graph)
    made = _by_item(rest)
    for name, at in open_ones.items():
        node, seen = graph.nodes[at], outlook.nodes[at]
        if node.kind != "task":
            if name in now.said or name in rest.outcomes:
                outlook.nodes[at] = replace(seen, **_question(now, name))
            continue
        other: str | None = name
        if node.template is not None and node.item:
            own = made.get((graph.nodes[node.template].id, node.item), [])
            other = own.pop(0) if own else None
        if other is not None and other in rest.priors:
            rest.dealt[name] = other
            why = f"runs only if anything differs from what {now.parent} has"
            outlook.nodes[at] = replace(seen, action="compare", why=why)
    return rest


def _unjudged(node: Node, task: TaskState, seen: Seen) -> bool:
    """Whether it was not compared yet: it was neither done, nor begun, nor left out."""
    if node.kind == "task":
        return seen.action == "run" and not task.attempt and not task.given
    return node.kind in ("decision", "checkpoint") and seen.action == "ask"


def _by_item(rest: Rest) -> dict[tuple[str, str], list[str]]:
    """The tasks of the parent by template and item: lists may have another order now."""
    assert rest.parent is not None
    nodes, made = rest.parent.state.graph.nodes, dict[tuple[str, str], list[str]]()
    for node in nodes:
        if node.template is not None and node.item and node.id in rest.priors:
            made.setdefault((nodes[node.template].id, node.item), []).append(node.id)
    return made


def _question(now: State, name: str) -> dict[str, Any]:
    said = now.said.get(name)
    if said is None:
        return {"action": "compare", "why": f"asked only if {now.parent} was given something else"}
    words = said["text"] if said["option"] == "other" else f"{said['option']} - {said['text']}"
    return {"action": "keep", "why": f"you say {words}"}
