"""What a fork shares with its parent, worked out before it begins.

A finished task is shared where nothing is *known* to differ: its worker, its text, or what came
before it. An outcome is repeated where the same is asked after the same. What follows on something
that is still to come is compared when that has come to its end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..engine.cards import Answered
from ..engine.growing import GONE
from ..engine.protocols import Worker
from ..engine.repeats import Repeat, asks_the_same
from ..engine.reuse import Prior
from ..engine.scheduler import verdict
from ..lineage import Lineages
from ..plan import Decision
from ..plan.graph import Graph, Node
from ..plan.levels import skip_reason
from ..plan.text import named
from ..state import DecisionState, Outcome, State, TaskState, TaskStatus
from .changes import Changes, unstored
from .outlook import STOP, Action, Seen, has_result, not_alike
from .past import Past
from .waves import Waves

__all__ = ["Sharing", "outcomes_from", "prior_of", "share"]

MOST_NAMED = 3
_OPEN: Collection[Action] = ("run", "compare", "ask")


@dataclass(slots=True)
class Sharing:
    """What becomes of each node of a fork.

    Attributes:
        nodes: What becomes of each, in the plan's order.
        priors: Id of a task -> what it came to in the parent.
        outcomes: Id of a decision or checkpoint -> what came of it in the parent.
        left_out: Id of what was left out by hand -> why.
    """

    nodes: list[Seen] = field(default_factory=list)
    priors: dict[str, Prior] = field(default_factory=dict)
    outcomes: dict[str, Repeat] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def share(
    past: Past,
    now: State,
    workers: Sequence[Worker | None],
    *,
    said: Mapping[str, Answered],
    inputs: Mapping[str, Any],
    rerun: Collection[str],
) -> Sharing:
    """Work out what a fork shares.

    Args:
        past: The parent as its log has it.
        now: A copy of its state with the plan, the texts and the notes of the fork.
        workers: Who does each node of it.
        said: Id of a decision -> the outcome that it gets in the fork.
        inputs: Values of the plan's inputs.
        rerun: Ids of tasks to do again in any case.
    """
    needed: set[str] = set()
    while True:
        sharer = _Sharer(past, now.copy(), workers, said, inputs, rerun, needed)
        sharing = sharer.share()
        more = sharer.needed()
        if not more:
            return sharing
        needed |= more


class _Sharer:
    def __init__(
        self,
        past: Past,
        now: State,
        workers: Sequence[Worker | None],
        said: Mapping[str, Answered],
        inputs: Mapping[str, Any],
        rerun: Collection[str],
        needed: Collection[str],
    ):
        self._past, self._now, self._workers = past, now, workers
        self._said, self._rerun, self._needed = said, rerun, needed
        self._changes = Changes(past, now, workers, inputs)
        self._was, self._is = Lineages(past.state), Lineages(now)
        self._seen: dict[int, Seen] = {}
        self._listed = {index for node in now.graph.nodes for index in node.items}
        self._waves = Waves(now.graph, self._seen, lambda index: self._seen[index].action in _OPEN)
        self._unlike: set[int] = set()  # done again, and their results can't be compared
        self._others = Waves(now.graph, self._seen, self._unlike.__contains__)
        self._sharing = Sharing()

    def share(self) -> Sharing:
        graph = self._now.graph
        for index in graph.order:
            node, task = graph.nodes[index], self._now.tasks[index]
            action, why, assumed = self._judge(node, task)
            self._seen[index] = Seen(node.id, node.kind, node.phase, action, why, assumed)
            done = task.status == "completed" and node.id not in self._needed
            if done and action == "run" and unstored(task):
                self._unlike.add(index)
            if action in _OPEN:
                self._becomes(task, "pending")
        self._sharing.nodes = [self._seen[node.index] for node in graph.nodes]
        return self._sharing

    def _judge(self, node: Node, task: TaskState) -> tuple[Action, str, str]:
        open_ones = self._waves.before(node)
        if node.template is not None and node.index not in self._listed:
            if has_result(task) and not self._changes.lacking(task):
                self._keep(node, task, sure=False)
            return "skip", GONE, ""
        if task.skip_cause == "hand":
            self._sharing.left_out[node.id] = task.reason
            return "skip", task.reason, ""
        if node.kind != "checkpoint" and task.status != "completed":
            out = skip_reason(node.spec, self._now.level)
            if out is not None:
                self._becomes(task, "skipped", "level", out)
                return "skip", out, ""
        skip = None if open_ones else verdict(self._now, node.index)
        if skip is not None:
            self._becomes(task, "skipped", skip.cause, skip.reason)
            return "skip", skip.reason, ""
        if node.kind == "group":
            return self._group(task, open_ones)
        if node.kind == "task":
            return self._task(node, task, open_ones)
        return self._question(node, task, open_ones)

    def _becomes(
        self, task: TaskState, status: TaskStatus, cause: str = "", reason: str = ""
    ) -> None:
        task.status, task.skip_cause, task.reason = status, cause, reason

    # Tasks.

    def _group(self, task: TaskState, open_ones: Sequence[str]) -> tuple[Action, str, str]:
        if task.status == "completed" and not open_ones:
            return "keep", "its items are shared", ""
        return "compare", "its list is read again, and its tasks compared", ""

    def _task(
        self, node: Node, task: TaskState, open_ones: Sequence[str]
    ) -> tuple[Action, str, str]:
        if node.id in self._rerun:
            return "run", "asked for", ""
        if task.status == "failed":
            return "run", f"failed: {task.error}".split("\n", 1)[0], ""
        unjudged = bool(task.given) and task.status in ("pending", "ready", "skipped")
        if task.status != "completed" and not unjudged:
            if task.attempt and task.status != "skipped":
                return "run", "had not ended", ""
            return "run", "had not started", ""
        lacking = self._changes.lacking(task)
        if lacking and (not unstored(task) or node.id in self._needed):
            return "run", lacking, ""
        differs, assumed = self._changes.of(node, task, open=bool(open_ones) or unjudged)
        if self._past.state.notes[: task.notes] != self._now.notes[: task.notes]:
            differs = differs or "a note that it was given does not hold any more"
        if differs:
            return "run", differs, ""
        unlike = self._others.before(node)
        if unlike and not self._changes.by_request(node, task):
            return "run", not_alike(unlike), ""
        self._keep(node, task, sure=not open_ones and not assumed)
        if open_ones:
            assumed = "; ".join(filter(None, [assumed, self._taken_for_same(open_ones)]))
            return "compare", f"runs only if {_listed(open_ones)} comes out differently", assumed
        if unjudged:
            return "compare", "had not been compared", assumed
        return "keep", "done", assumed

    def _taken_for_same(self, open_ones: Sequence[str]) -> str:
        """Whose result is made again only because it is not there, and can't be compared."""
        again = [name for name in open_ones if name in self._needed]
        return f"what {_listed(again)} came to could not be stored" if again else ""

    def _keep(self, node: Node, task: TaskState, *, sure: bool) -> None:
        prior = prior_of(self._past, self._changes, node, task)
        if prior is not None:
            self._sharing.priors[node.id] = replace(prior, sure=sure)

    def needed(self) -> set[str]:
        """Ids of what was kept without its result, and somebody may ask for that."""
        graph, tasks = self._now.graph, self._now.tasks
        needed: set[int] = set()
        gates: set[int] = set()
        found: set[str] = set()
        for index in reversed(graph.order):
            node, action = graph.nodes[index], self._seen[index].action
            if index in needed or (graph.in_gate[index] and node.phase - 1 in gates):
                needed.add(index)
                if action in ("keep", "compare") and node.kind == "task" and unstored(tasks[index]):
                    found.add(node.id)
            if index in needed or action in ("run", "compare"):
                needed.update(node.needs, node.items, (i for i, _ in node.when))
                gates.update(node.gates)
            if node.source is not None and node.kind == "group" and action != "skip":
                needed.add(node.source)  # its list is read again
        return found

    # Decisions and checkpoints.

    def _question(
        self, node: Node, task: TaskState, open_ones: Sequence[str]
    ) -> tuple[Action, str, str]:
        said = self._said.get(node.id)
        if said is not None:
            self._decide(node, task, said)
            return "keep", f"you say {_words(said)}", ""
        decision = self._past.state.decisions.get(node.id)
        if decision is None or decision.outcome is None:
            return "ask", "had not been decided", ""
        why = _another(node, decision, decision.outcome)
        if why:
            return "ask", why, ""
        index = self._past.state.graph.index.get(node.id)
        if index is None:
            return "ask", "came back to the plan", ""
        before = self._was.before(index)
        if not open_ones and before != self._is.before(node.index):
            return "ask", "what came before it changed", ""
        unlike = self._others.before(node)
        if unlike:
            return "ask", not_alike(unlike), ""
        self._sharing.outcomes[node.id] = _repeat(self._past, decision, before)
        if open_ones:
            why = f"asked only if {_listed(open_ones)} comes out differently"
            return "compare", why, ""
        return "keep", f"{decision.outcome}, as it was decided", ""

    def _decide(self, node: Node, task: TaskState, said: Answered) -> None:
        outcome = Outcome(said.key, said.text, said.by, who=said.who, note=said.note)
        known = self._now.decisions.get(node.id)
        assert isinstance(node.spec, Decision)
        self._now.decisions[node.id] = (
            replace(known, outcome=outcome, withdrawn="")
            if known is not None
            else _asked(node, node.spec, outcome)
        )
        self._becomes(task, "completed")


def outcomes_from(past: Past, graph: Graph) -> dict[str, Repeat]:
    """What came of the decisions and checkpoints of a plan in an earlier run.

    They are repeated where the same came before them, which is seen when they are reached.
    """
    was, found = Lineages(past.state), {}
    for node in graph.nodes:
        index = past.state.graph.index.get(node.id)
        decision = past.state.decisions.get(node.id)
        if node.kind not in ("decision", "checkpoint") or index is None or decision is None:
            continue
        if decision.outcome is not None and not _another(node, decision, decision.outcome):
            found[node.id] = _repeat(past, decision, was.before(index))
    return found


def _repeat(past: Past, decision: DecisionState, before: str) -> Repeat:
    assert decision.outcome is not None
    return Repeat(decision.outcome.reused or past.folder.id, decision, before)


def _another(node: Node, decision: DecisionState, outcome: Outcome) -> str:
    """Why an outcome does not answer what is asked now; empty where it does."""
    if node.kind == "checkpoint":
        return "the run was stopped there" if outcome.option == STOP else ""
    assert isinstance(node.spec, Decision)
    return "" if asks_the_same(decision, node.spec) else "the question changed"


def prior_of(past: Past, changes: Changes, node: Node, task: TaskState) -> Prior | None:
    """What a finished task came to, for another run: with all that its agent told."""
    prior, old = changes.prior(node, task), changes.before(task)
    if prior is None or old is None:
        return None
    told = [
        [one.kind, one.text]
        for one in past.state.findings
        if one.task == old.index and not one.ours
    ]
    if not old.reused:
        return replace(prior, told=told)
    return replace(prior, told=told, run=old.reused, seconds=old.reused_s)


def _asked(node: Node, spec: Decision, outcome: Outcome) -> DecisionState:
    """A decision that the parent never came to, as if it had been asked."""
    return DecisionState(
        id=node.id, title=spec.title, task=node.index, kind=spec.kind, category=spec.category,
        context=spec.context, options=[], recommend=spec.recommend, because=spec.because,
        other=spec.other, asker="", opened_at=0.0, timeout_s=None, sum="", deadline=None,
        outcome=outcome,
    )  # fmt: skip


def _words(said: Answered) -> str:
    return said.text if said.key == "other" else f"{said.key} - {said.text}"


def _listed(names: Sequence[str]) -> str:
    return named(names, MOST_NAMED)
