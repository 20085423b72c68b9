"""What a second beginning keeps, compares and does again, and why: worked out before it begins.

A finished task is kept unless something is *known* to differ: its worker, its text, or what came
before it. What follows on something that is done again is compared when that has come to its end:
if the same came out, it is kept too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from ..engine.growing import GONE
from ..engine.protocols import Worker
from ..engine.reuse import Prior, Returned
from ..engine.scheduler import verdict
from ..plan import Decision
from ..plan.graph import Node
from ..plan.levels import skip_reason
from ..state import SETTLED, DecisionState, Outcome, Purpose, State, TaskState
from .changes import Changes, unstored
from .past import Past
from .waves import Waves

__all__ = [
    "CRASHES_MAX",
    "Action",
    "STOP",
    "Outlook",
    "Seen",
    "has_result",
    "look_ahead",
    "not_alike",
]

Action: TypeAlias = Literal["keep", "compare", "run", "ask", "give up", "skip"]
CRASHES_MAX = 3
"""A task at work each time when the process died this often is not tried again unasked."""
STOP = "D"
"""Key of the option that ends a run at a checkpoint."""
MOST_NAMED = 3
_MOVES: Collection[Action] = ("run", "compare", "ask")
_AT_WORK = "was at work when the run broke off"
_NOT_BEGUN = ("pending", "ready", "skipped", "cancelled")
Judgement: TypeAlias = tuple[Action, str, str]
Names: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What becomes of one node.

    Attributes:
        id: Its id.
        kind: task, group, decision or checkpoint.
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
        gone: Ids of what the plan does not hold any more.
    """

    nodes: list[Seen] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    given_up: dict[str, str] = field(default_factory=dict)
    priors: dict[int, Prior] = field(default_factory=dict)
    returned: dict[int, Returned] = field(default_factory=dict)
    results: dict[str, Callable[[], object]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


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
    same = now.graph is past.state.graph
    changes = Changes(past, now, workers, inputs, same=same)
    return _Looker(past, now, workers, changes, rerun).look()


class _Looker:
    def __init__(
        self,
        past: Past,
        now: State,
        workers: Sequence[Worker | None],
        changes: Changes,
        rerun: Collection[str],
    ):
        self._past, self._now, self._workers = past, now, workers
        self._changes, self._rerun = changes, rerun
        self._seen: dict[int, Seen] = {}
        self._forced: dict[int, str] = {}
        self._listed = {index for node in now.graph.nodes for index in node.items}
        self._sim = now.copy()  # as far as it is known how everything ends
        self._perhaps: set[int] = set()
        self._unlike: set[int] = set()  # done again, and their results can't be compared
        self._cards: dict[int, list[DecisionState]] = {}
        for card in past.state.decisions.values():
            if card.about is not None:
                self._cards.setdefault(card.about, []).append(card)

    def look(self) -> Outlook:
        state, graph = self._now, self._now.graph
        while True:
            self._seen.clear()
            self._perhaps.clear()
            self._unlike.clear()
            waves = Waves(graph, self._seen, lambda index: self._seen[index].action in _MOVES)
            others = Waves(graph, self._seen, self._unlike.__contains__)
            for index in graph.order:
                node, task = graph.nodes[index], state.tasks[index]
                moved, unlike = waves.before(node), others.before(node)
                self._seen[index] = seen = self._judge(node, task, moved, unlike)
                # What was broken off was judged then: `given` says with what it is compared.
                done = task.status == "completed" and index not in self._forced
                if done and seen.action == "run" and unstored(task):
                    self._unlike.add(index)
                self._simulate(task, seen.action)
            if not self._needed():
                break
        was = self._past.state.graph.nodes
        out = Outlook(
            nodes=[self._seen[node.index] for node in graph.nodes],
            gone=[node.id for node in was if node.id not in graph.index],
        )
        for node in graph.nodes:
            self._note(out, node, state.tasks[node.index], self._seen[node.index])
        return out

    # One node.

    def _judge(self, node: Node, task: TaskState, moved: Names, unlike: Names) -> Seen:
        if node.kind == "task":
            judged = self._task(node, task, moved, unlike)
        elif node.kind == "group":
            judged = self._group(task, moved)
        else:
            judged = self._question(node, task, moved)
        if judged[0] in _MOVES and task.status in _NOT_BEGUN:
            judged = self._as_far_as_known(node, judged)
        return Seen(node.id, node.kind, node.phase, *judged)

    def _as_far_as_known(self, node: Node, judged: Judgement) -> Judgement:
        """The same, unless what it waits for leaves it out, or may do so."""
        skip = verdict(self._sim, node.index)
        if skip is not None:
            self._sim.tasks[node.index].skip_cause = skip.cause
            return "skip", skip.reason, ""
        if judged[0] == "compare":  # it was left out
            self._perhaps.add(node.index)
        if judged[0] != "run" or node.id in self._rerun:
            return judged
        tasks, seen = self._now.tasks, self._seen
        unsure = [seen[i].id for i, _ in node.when if seen[i].action in _MOVES]
        unsure += [
            seen[i].id
            for i in node.needs
            if i in self._perhaps or (seen[i].action == "run" and tasks[i].status == "failed")
        ]
        if not unsure:
            return judged
        self._perhaps.add(node.index)
        return "compare", f"may run: that depends on {_listed(unsure)}", ""

    def _simulate(self, task: TaskState, action: Action) -> None:
        """Let those that wait for it find what it comes to, as far as that is known."""
        sim = self._sim.tasks[task.index]
        if action in _MOVES:
            sim.status, sim.skip_cause = "pending", ""
        elif action == "give up":
            sim.status, sim.skip_cause = "failed", ""
        elif action == "skip" and task.status not in ("completed", "failed"):
            sim.status = "skipped"
            sim.skip_cause = sim.skip_cause or task.skip_cause or "level"

    def _question(self, node: Node, task: TaskState, moved: Names) -> Judgement:
        if task.status == "completed":
            return "keep", self._answered(node), ""
        if task.status == "skipped":
            back = self._back(node, task, moved)
            return ("ask", back[1], "") if back is not None else ("skip", task.reason, "")
        card = self._past.state.decisions.get(node.id)
        asked = card is not None and card.outcome is None
        return "ask", "not answered; asked anew" if asked else "not asked yet", ""

    def _answered(self, node: Node) -> str:
        card = self._past.state.decisions.get(node.id)
        outcome = card.outcome if card is not None else None
        if outcome is None or not isinstance(node.spec, Decision):
            return "answered"
        if node.kind == "checkpoint":  # what it offered depended on the moment
            past = "; from here on the run goes past it" if outcome.option == STOP else ""
            return f"{_taken(outcome)}: {outcome}{past}"
        known = outcome.option == "other" or any(
            option.key == outcome.option for option in node.spec.options
        )
        gone = "" if known else ", which the plan does not offer any more"
        return f"{_taken(outcome)}: {outcome}{gone}"

    def _group(self, task: TaskState, moved: Names) -> Judgement:
        if task.status == "skipped" and not moved:
            return "skip", task.reason, ""
        if task.status == "completed" and not moved:
            return "keep", "done", ""
        return "compare", "its list is read again, and its tasks compared", ""

    def _task(self, node: Node, task: TaskState, moved: Names, unlike: Names) -> Judgement:
        if self._gone(node):
            if task.status == "completed" and moved:
                return "compare", "runs only if it is in the list again", ""
            return "keep" if task.status == "completed" else "skip", GONE, ""
        if node.id in self._rerun:
            left_out = skip_reason(node.spec, self._now.level)
            return ("skip", left_out, "") if left_out else ("run", "asked for", "")
        if task.status == "skipped":
            back = self._back(node, task, moved)
            if back is None:
                return "skip", task.reason, ""
            if not task.given:
                return back
        if task.status == "failed":
            return self._failed(task)
        unjudged = bool(task.given) and task.status in ("pending", "ready", "skipped")
        if task.status != "completed" and not unjudged:
            return self._unfinished(node, task, moved)
        if node.index in self._forced:
            return "run", self._forced[node.index], ""
        # Of what broke off before it could be compared, what it was given then is known as a hash.
        differs, assumed = self._changes.of(node, task, open=bool(moved) or unjudged)
        if differs:
            return "run", differs, ""
        if unlike and not self._changes.by_request(node, task):
            return "run", not_alike(unlike), ""
        if moved:
            assumed = "; ".join(filter(None, [assumed, self._taken_for_same(moved)]))
            return "compare", _only_if(moved), assumed
        if unjudged:
            return "compare", "was to be compared when the run broke off", assumed
        return "keep", "done", assumed

    def _taken_for_same(self, moved: Names) -> str:
        """Whose result is made again only because it is not there, and can't be compared."""
        index = self._now.graph.index
        again = [name for name in moved if index[name] in self._forced]
        again = [name for name in again if unstored(self._now.tasks[index[name]])]
        return f"what {_listed(again)} came to could not be stored" if again else ""

    def _gone(self, node: Node) -> bool:
        """Whether it was made for an item of an earlier list."""
        return node.template is not None and node.index not in self._listed

    def _back(self, node: Node, task: TaskState, moved: Names) -> Judgement | None:
        """Why something that was left out is, or may be, done after all; ``None``: it is not."""
        if task.skip_cause == "level":
            out = node.kind == "checkpoint" or skip_reason(node.spec, self._now.level) is not None
            return None if out else ("run", f"wanted at level {self._now.level}", "")
        if task.skip_cause not in ("failed", "when"):
            return None
        if self._changes.waits_differ(node, task):
            return "run", "what it waits for changed in the plan", ""
        return ("compare", _only_if(moved), "") if moved else None

    def _failed(self, task: TaskState) -> Judgement:
        if task.crashes >= CRASHES_MAX:
            return "give up", task.error, ""
        let_go = any(card.outcome.option == "B" for card in self._about(task, "failure")
                     if card.outcome is not None)  # fmt: skip
        if let_go and not self._past.over:
            return "skip", "failed, and you went on without it", ""
        return "run", f"failed: {_first_line(task.error)}", ""

    def _unfinished(self, node: Node, task: TaskState, moved: Names) -> Judgement:
        left_out = skip_reason(node.spec, self._now.level)
        if left_out is not None and task.status in ("pending", "ready"):
            return "skip", left_out, ""
        if self._changes.before(task) is None:
            return "run", "new in the plan", ""
        if task.status == "running":
            if self._past.died and task.crashes + 1 >= CRASHES_MAX:
                return "give up", _gave_up(task), ""
            return "run", _AT_WORK, ""
        made = self._under_review(task)
        if made is not None:
            differs, assumed = self._changes.of(node, _made_by(task, made), open=bool(moved))
            if differs:
                return "run", f"{differs}, before its result was reviewed", ""
            if moved:
                return "compare", _only_if(moved), assumed
            return "ask", "its result waits for your review", ""
        if any(card.open for card in self._about(task, "failure")):
            return "run", f"failed: {_first_line(task.error)}", ""
        if task.status in ("waiting", "retrying"):
            return "run", _AT_WORK, ""
        return "run", "was stopped" if task.status == "cancelled" else "not started yet", ""

    def _about(self, task: TaskState, purpose: Purpose) -> list[DecisionState]:
        """The cards about a task, as the log has it."""
        old = self._changes.before(task)
        cards = [] if old is None else self._cards.get(old.index, [])
        return [card for card in cards if card.purpose == purpose]

    def _under_review(self, task: TaskState) -> Mapping[str, Any] | None:
        """The card with the result that a person was looking at."""
        if task.status != "waiting":
            return None
        for card in self._about(task, "review"):
            stored: Mapping[str, Any] = card.detail.get("stored") or {}
            if card.open and stored.get("kind") != "repr":
                return card.detail
        return None

    # What is needed.

    def _needed(self) -> bool:
        """Whether tasks have to run again only because their results are not there."""
        graph, tasks = self._now.graph, self._now.tasks
        needed: set[int] = set()
        gates: set[int] = set()
        found = False
        for index in reversed(graph.order):
            node = graph.nodes[index]
            seen = self._seen[index]
            if graph.in_gate[index] and node.phase - 1 in gates:
                needed.add(index)
            there = seen.action in ("keep", "compare") and has_result(tasks[index])
            if there and node.kind == "task" and index in needed and index not in self._forced:
                why = self._changes.lacking(tasks[index])
                if why:
                    self._forced[index] = f"{why}, and is needed"
                    found = True
            if index in needed or index in self._forced or seen.action in ("run", "compare"):
                needed.update(node.needs, node.items, (i for i, _ in node.when))
                gates.update(node.gates)
        return found

    # What follows for the run.

    def _note(self, out: Outlook, node: Node, task: TaskState, seen: Seen) -> None:
        old = self._changes.before(task)
        if self._past.died and old is not None and old.status == "running":
            out.crashed.append(node.id)
        if seen.action == "give up":
            if task.status not in SETTLED:
                out.given_up[node.id] = seen.why
                out.again.append(node.id)
        elif seen.action in _MOVES:
            out.again.append(node.id)
        if node.kind != "task":
            return
        if seen.action == "keep":
            out.results[node.id] = self._changes.load(task)
        elif (seen.action == "compare" or self._gone(node)) and has_result(task):
            prior = self._changes.prior(node, task)
            if prior is not None:
                out.priors[node.index] = prior
        made = self._under_review(task) if seen.action in ("ask", "compare") else None
        prior = None if made is None else self._changes.prior(node, task)
        if made is not None and prior is not None:
            prior = replace(prior, key=_made_by(task, made).key)
            load = self._changes.load(task, made.get("stored"))
            out.returned[node.index] = Returned(load, prior)


def has_result(task: TaskState) -> bool:
    """Whether it was done, also where what it came to was to be compared and was not."""
    return task.status == "completed" or bool(task.given)


def _made_by(task: TaskState, card: Mapping[str, Any]) -> TaskState:
    """A task whose result is reviewed, with the key of who made that.

    It is unknown where a request held what a person had said of the result before it.
    """
    made = copy(task)
    made.key = "" if task.comments else card.get("key", "")
    return made


def _gave_up(task: TaskState) -> str:
    return (
        f"Was at work each of the {task.crashes + 1} times the process died; not tried again by "
        f"itself. To try it all the same: onb.resume(..., rerun=[{task.id!r}])"
    )


def _taken(outcome: Outcome) -> str:
    """How an outcome came about: what nobody said is no answer."""
    by = {"timeout": "taken when nobody answered", "autopilot": "taken by autopilot",
          "policy": "taken by policy", "budget": "taken by the budget"}  # fmt: skip
    return by.get(outcome.by, "answered")


def _first_line(error: str) -> str:
    return error.strip().split("\n", 1)[0]


def not_alike(names: Names) -> str:
    """Why something runs after what is done again and comes to what nobody can compare."""
    return f"{_listed(names)} is done again, and what comes of it can't be compared"


def _only_if(names: Names) -> str:
    return f"runs only if {_listed(names)} comes out differently"


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(names[:MOST_NAMED])
    return first if len(names) <= MOST_NAMED else f"{first} or {len(names) - MOST_NAMED:,} more"
