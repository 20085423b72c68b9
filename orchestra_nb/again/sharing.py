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
from ..engine.protocols import Worker
from ..engine.repeats import Repeat, asks_the_same
from ..engine.reuse import Prior
from ..engine.scheduler import verdict
from ..lineage import Lineages
from ..plan import Decision
from ..plan.graph import Node
from ..plan.levels import skip_reason
from ..plan.text import named
from ..state import DecisionState, Outcome, State, TaskState, TaskStatus
from .changes import Changes
from .outlook import Action, Seen
from .past import Past

__all__ = ["Sharing", "prior_of", "share"]

MOST_NAMED = 3
_OPEN = ("run", "compare", "ask")
STOP = "D"
"""Key of the option that ends a run at a checkpoint: nobody forks a run to have it end there."""


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
        now: A copy of its state with the plan, the texts and the notes of the fork; it is changed
            to what is known of the fork.
        workers: Who does each node of it.
        said: Id of a decision -> the outcome that it gets in the fork.
        inputs: Values of the plan's inputs.
        rerun: Ids of tasks to do again in any case.
    """
    return _Sharer(past, now, workers, said, inputs, rerun).share()


class _Sharer:
    def __init__(
        self,
        past: Past,
        now: State,
        workers: Sequence[Worker | None],
        said: Mapping[str, Answered],
        inputs: Mapping[str, Any],
        rerun: Collection[str],
    ):
        self._past, self._now, self._workers = past, now, workers
        self._said, self._rerun = said, rerun
        self._changes = Changes(past, now, workers, inputs)
        self._was, self._is = Lineages(past.state), Lineages(now)
        self._seen: dict[int, Seen] = {}
        self._gates: dict[int, list[str]] = {}
        self._through: dict[int, list[str]] = {}
        self._sharing = Sharing()

    def share(self) -> Sharing:
        graph = self._now.graph
        for index in graph.order:
            node, task = graph.nodes[index], self._now.tasks[index]
            action, why, assumed = self._judge(node, task)
            self._seen[index] = Seen(node.id, node.kind, node.phase, action, why, assumed)
            if action in _OPEN:
                self._becomes(task, "pending")
        self._sharing.nodes = [self._seen[node.index] for node in graph.nodes]
        return self._sharing

    def _judge(self, node: Node, task: TaskState) -> tuple[Action, str, str]:
        open_ones = self._open_before(node)
        if open_ones:
            self._through[node.index] = open_ones
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

    def _open_before(self, node: Node) -> list[str]:
        """What it is given, directly or through others, of which nobody knows how it comes out."""
        found = []
        for index in sorted({*node.needs, *node.items, *(i for i, _ in node.when)}):
            found += self._open(index)
        for gate in node.gates:
            if gate not in self._gates:  # once a phase: it is the same for all that wait for it
                members = self._now.graph.gate_members[gate]
                self._gates[gate] = [name for index in members for name in self._open(index)]
            found += self._gates[gate]
        return list(dict.fromkeys(found))

    def _open(self, index: int) -> list[str]:
        """Itself, if it is still to come; else what it hands on of what came before it."""
        seen = self._seen[index]
        if seen.kind == "checkpoint":  # nothing that anybody is given
            return []
        return [seen.id] if seen.action in _OPEN else self._through.get(index, [])

    # Tasks.

    def _group(self, task: TaskState, open_ones: list[str]) -> tuple[Action, str, str]:
        if task.status == "completed" and not open_ones:
            return "keep", "its items are shared", ""
        return "compare", "its list is read again, and its tasks compared", ""

    def _task(self, node: Node, task: TaskState, open_ones: list[str]) -> tuple[Action, str, str]:
        if node.id in self._rerun:
            return "run", "asked for", ""
        if task.status == "failed":
            return "run", f"failed: {task.error}".split("\n", 1)[0], ""
        if task.status != "completed":
            if task.attempt and task.status != "skipped":
                return "run", "had not ended", ""
            return "run", "had not started", ""
        lacking = self._changes.lacking(task)
        if lacking:
            return "run", lacking, ""
        differs, assumed = self._changes.of(node, task, open=bool(open_ones))
        if self._past.state.notes[: task.notes] != self._now.notes[: task.notes]:
            differs = differs or "a note that it was given does not hold any more"
        if differs:
            return "run", differs, ""
        self._keep(node, task)
        if open_ones:
            return "compare", f"runs only if {_listed(open_ones)} comes out differently", assumed
        return "keep", "done", assumed

    def _keep(self, node: Node, task: TaskState) -> None:
        prior = prior_of(self._past, self._changes, node, task)
        if prior is not None:
            self._sharing.priors[node.id] = prior

    # Decisions and checkpoints.

    def _question(
        self, node: Node, task: TaskState, open_ones: list[str]
    ) -> tuple[Action, str, str]:
        said = self._said.get(node.id)
        if said is not None:
            self._decide(node, task, said)
            return "keep", f"you say {_words(said)}", ""
        decision = self._past.state.decisions.get(node.id)
        if decision is None or decision.outcome is None:
            return "ask", "had not been decided", ""
        why = self._another(node, decision, decision.outcome)
        if why:
            return "ask", why, ""
        index = self._past.state.graph.index[node.id]
        before = self._was.before(index)
        if not open_ones and before != self._is.before(node.index):
            return "ask", "what came before it changed", ""
        run = decision.outcome.reused or self._past.folder.id
        self._sharing.outcomes[node.id] = Repeat(run, decision, before)
        if open_ones:
            why = f"asked only if {_listed(open_ones)} comes out differently"
            return "compare", why, ""
        return "keep", f"{decision.outcome}, as it was decided", ""

    def _another(self, node: Node, decision: DecisionState, outcome: Outcome) -> str:
        """Why an outcome does not answer what is asked now; empty where it does."""
        if node.kind == "checkpoint":
            return "the run was stopped there" if outcome.option == STOP else ""
        assert isinstance(node.spec, Decision)
        return "" if asks_the_same(decision, node.spec) else "the question changed"

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


def _listed(names: list[str]) -> str:
    return named(names, MOST_NAMED)
