"""What is to be done again, and what need not be: the part of the fold for second beginnings."""

from __future__ import annotations

from .events import Event
from .plan import Plan
from .plan.graph import compile_plan
from .regraph import regraph
from .settling import begin_anew, close_span, move, recount, settle
from .state import SETTLED, Change, Finding, State, TaskState

__all__ = ["agent_reused", "disown", "replan", "run_resumed", "task_revived"]


def task_revived(state: State, e: Event, change: Change) -> None:
    """Tasks that were over or left out are to be done after all."""
    for name in e["tasks"]:
        task = state.tasks[state.graph.index[name]]
        if task.status in SETTLED:
            begin_anew(state, task, change)
        elif task.status == "retrying":  # its next try comes at once
            task.wait_cause = task.wait_until = None
            close_span(task, e["t"])
            change.tasks.add(task.index)
    state.revivals += 1
    recount(state, e["t"], change)
    change.run = True


def run_resumed(state: State, e: Event, change: Change) -> None:
    """Another process goes on: what it lists is to be done, what was asked is asked anew."""
    if "plan" in e:
        replan(state, Plan(**e["plan"]).filled(), e["t"], change)
    for name in e["crashed"]:
        state.tasks[state.graph.index[name]].crashes += 1
    for decision in state.decisions.values():
        if decision.open:
            decision.withdrawn = "the process ended; asked anew"
            decision.deadline = decision.held = decision.held_until = None
            change.decisions.add(decision.id)
    again: set[int] = set()
    compare = e.get("compare") or {}
    for name in e["tasks"]:
        task = state.tasks[state.graph.index[name]]
        if name in compare:
            task.given = compare[name]
        else:
            task.given = ""
            again.add(task.index)
        close_span(task, e["t"])
        if task.status in SETTLED:
            begin_anew(state, task, change)
        elif task.status != "pending":
            task.ready_at = None
            task.wait_cause = task.wait_until = None
            move(state, task, "pending", change)
    if again:  # an agent that begins anew tells anew what it finds
        state.findings = [one for one in state.findings if one.task not in again]
    state.functions = frozenset(e["functions"])
    state.resumed = (*state.resumed, e["t"])
    state.revivals += 1
    state.status, state.ended_at = "running", None
    recount(state, e["t"], change)
    change.run = True


def replan(state: State, plan: Plan, t: float, change: Change) -> None:
    """From here on it is another plan; what its head says anew counts from here on too.

    Args:
        state: Changed in place.
        plan: With the values of its inputs filled in.
        t: The run's ``t``.
        change: Gets what was changed.
    """
    before = state.graph.plan
    regraph(state, compile_plan(plan), t, change)
    state.project = plan.name
    state.level = plan.level if plan.level != before.level else state.level
    state.timeline = plan.timeline if plan.timeline != before.timeline else state.timeline
    state.mode = plan.mode
    if plan.budget != before.budget:
        state.budget = plan.budget.model_dump() if plan.budget else {}


def agent_reused(state: State, e: Event, change: Change) -> None:
    """A task is done with a result that was there already."""
    task = state.tasks[state.graph.index[e["task"]]]
    task.attempt, task.result, task.key = e["attempt"], e["result"], e["key"]
    task.level, task.notes, task.began = e["level"], e["notes"], state.seq
    task.reused = e["run"] if e["run"] != state.id else ""
    task.reused_s = e["duration_s"] if task.reused else 0.0
    task.error = task.given = ""
    for kind, text in e["told"]:
        state.findings.append(Finding(kind, text, task.agent, task.index, e["t"]))
        change.findings += 1
    settle(state, task, "completed", e["t"], change)
    if not task.reused and task.spans:  # it was done when it was done
        task.ended_at = task.spans[-1][2]


def disown(state: State, task: TaskState) -> None:
    """A result that was to be compared does not count: its agent begins anew."""
    unstored = (task.result or {}).get("kind") == "repr"
    task.unstored = task.key if unstored else None
    task.given, task.result = "", None
    state.findings = [one for one in state.findings if one.task != task.index]
