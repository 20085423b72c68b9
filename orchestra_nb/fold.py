"""The one fold: ``apply(state, event)`` is all that ever changes a state.

It reads no clock, does no input or output and scans nothing; a live run, a replay and a resume all
fold with it.
"""

from __future__ import annotations

from collections.abc import Callable

from .events import Event
from .growing import task_added
from .reviving import agent_reused, disown, run_resumed, task_revived
from .settling import close_span, move, open_span, ready, settle
from .state import (
    Change,
    DecisionState,
    Finding,
    Outcome,
    RunStatus,
    State,
    TaskState,
    TaskStatus,
)

__all__ = ["HANDLERS", "apply"]


def _orchestration_start(state: State, e: Event, change: Change) -> None:
    state.id, state.project, state.level = e["run"], e["project"], e["level"]
    state.mode, state.timeline, state.rehearsal = e["mode"], e["timeline"], e["rehearsal"]
    state.wall, state.parent = e["wall"], e.get("parent", "")
    state.forked = bool((e.get("shares") or {}).get("outcomes"))
    state.functions = frozenset(e.get("functions", ()))
    state.autopilot = e["mode"] == "fully_autonomous"
    change.run = True
    for task in state.tasks:
        if task.unmet == 0:
            ready(state, task, e["t"], change)


def _orchestration_complete(state: State, e: Event, change: Change) -> None:
    state.status, state.ended_at, change.run = e["status"], e["t"], True


def _phase(state: State, e: Event, change: Change) -> None:
    phase = state.phases[e["phase"] - 1]
    if e["event"] == "phase_start":
        phase.started_at = e["t"]
    change.run = True


def _agent_start(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    move(state, task, "running", change)
    t = e["t"]
    task.attempt, task.level, task.notes = e["attempt"], state.level, e.get("notes", 0)
    task.began = state.seq
    if task.started_at is None:
        task.started_at = t
        close_span(task, t)
        ready_at = t if task.ready_at is None else task.ready_at
        since = max([ready_at, *(span[2] for span in task.spans[-1:])])
        if t - since > 0.05:
            task.spans.append(["slot", since, t])
    if task.given:
        disown(state, task)
    task.message_at = t
    task.wait_cause = task.wait_until = task.fraction = None
    open_span(task, "run", t)


def _agent_progress(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    task.message, task.message_at = e["description"], e["t"]
    if e["fraction"] is not None:
        task.fraction = e["fraction"]
    change.tasks.add(task.index)


def _in_vain(task: TaskState) -> None:
    """The attempt that goes on has failed."""
    if task.spans and task.spans[-1][2] is None and task.spans[-1][0] == "run":
        task.spans[-1][0] = "failed"


def _agent_retry(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    move(state, task, "retrying", change)
    task.message_at, task.wait_detail = e["t"], ""
    if e["cause"] == "review":  # sent back by a person: nothing failed
        task.comments += (e["error"],)
        task.error = ""
        task.wait_cause = task.wait_until = None
        close_span(task, e["t"])
        return
    _in_vain(task)
    task.error = e["error"]
    task.wait_cause = e["cause"]
    task.wait_until = e["t"] + e["delay_s"]
    if e["cause"]:
        open_span(task, e["cause"], e["t"])
    else:
        close_span(task, e["t"])


def _agent_wait(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    cause, t = e["cause"], e["t"]
    if task.status == "ready":  # it has not begun: something else has to be said first
        _not_yet(task, e, change)
        return
    if e.get("error"):  # it failed, and a person says what comes of that
        task.error = e["error"]
        _in_vain(task)
    task.wait_cause, task.wait_detail, task.wait_until = cause, e["detail"], e["until_s"]
    task.message_at = t
    move(state, task, "waiting" if cause else "running", change)
    open_span(task, cause or "run", t)


def _not_yet(task: TaskState, e: Event, change: Change) -> None:
    """A task that could begin waits for a person; or does not any more."""
    task.wait_cause, task.wait_detail = e["cause"], e["detail"]
    change.tasks.add(task.index)
    if e["cause"]:
        since = task.ready_at if task.ready_at is not None else e["t"]
        task.spans.append([e["cause"], since, None])
    else:
        close_span(task, e["t"])


def _agent_complete(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    if task.result is not None:  # it was done before
        task.unstored = task.key if task.result.get("kind") == "repr" else None
    task.result, task.key = e["result"], e.get("key", "")
    task.error, task.crashes = "", 0
    settle(state, task, "completed", e["t"], change)


def _agent_failed(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    task.error = e["error"]
    if task.status in ("running", "waiting"):  # it ended by itself: it was not given up
        task.crashes = 0
    _in_vain(task)
    settle(state, task, "failed", e["t"], change)


def _agent_skipped(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    task.reason, task.skip_cause = e["reason"], e["cause"]
    settle(state, task, "skipped", e["t"], change)


def _task_edited(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    task.title = e["text"]
    change.tasks.add(task.index)


def _rating(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    task.rating = e["good"]
    change.tasks.add(task.index)


def _agent_cancelled(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    task.reason = e["reason"]
    settle(state, task, "cancelled", e["t"], change)


def _finding(state: State, e: Event, change: Change) -> None:
    index = state.graph.index[e["task"]]
    ours = e.get("by") == "engine"
    finding = Finding(e["event"], e["description"], e["agent"], index, e["t"], ours)
    state.findings.append(finding)
    change.findings += 1


def _usage(state: State, e: Event, change: Change) -> None:
    task = state.tasks[state.graph.index[e["task"]]]
    total = state.usage
    total.tokens.update(e["tokens"])
    total.exchanges += 1
    task.tokens += sum(e["tokens"].values())
    if e.get("cost") is None:
        total.unknown += 1
    else:
        total.cost += e["cost"]
        task.cost += e["cost"]
    change.run = True


def _budget(state: State, e: Event, change: Change) -> None:
    usd, tokens = state.counted.get(e["task"], (0.0, 0))
    state.counted[e["task"]] = usd + e["usd"], tokens + e["tokens"]
    change.run = True


def _decision_opened(state: State, e: Event, change: Change) -> None:
    key = e["decision_id"]
    timeout = e["timeout_s"]
    state.decisions[key] = DecisionState(
        id=key,
        title=e["question"],
        task=state.graph.index.get(key),
        kind=e["kind"],
        category=e["category"],
        context=e["context"],
        options=e["options"],
        recommend=e["recommend"],
        because=e["because"],
        other=e["other"],
        asker=e["asker"],
        opened_at=e["t"],
        timeout_s=timeout,
        sum=e["sum"],
        deadline=None if timeout is None else e["t"] + timeout,
        purpose=e.get("purpose", "decision"),
        about=state.graph.index.get(e.get("task", "")),
        detail=e.get("detail") or {},
    )
    index = state.graph.index.get(key)
    if index is not None:
        task = state.tasks[index]
        task.started_at = e["t"]
        task.wait_cause = "human"
        move(state, task, "waiting", change)
        open_span(task, "human", e["t"])
    change.decisions.add(key)


def _decision_held(state: State, e: Event, change: Change) -> None:
    decision = state.decisions.get(e["decision_id"])
    if decision is None:  # its opening is the line that the log lost
        return
    if e.get("remaining_s") is not None:
        decision.remaining_s = e["remaining_s"]
    elif decision.deadline is not None:
        decision.remaining_s = max(0.0, decision.deadline - e["t"])
    decision.held, decision.held_until, decision.deadline = e["cause"], e["until_s"], None
    change.decisions.add(decision.id)


def _decision_released(state: State, e: Event, change: Change) -> None:
    decision = state.decisions.get(e["decision_id"])
    if decision is None:
        return
    remaining = e["remaining_s"]
    if e["cause"] == "extended":
        decision.timeout_s = e["timeout_s"]
    decision.remaining_s = remaining
    if e["cause"] != "extended" or decision.held is None:
        decision.held = decision.held_until = None
        decision.deadline = None if remaining is None else e["t"] + remaining
    change.decisions.add(decision.id)


def _settle_decision(state: State, key: str, status: TaskStatus, e: Event, change: Change) -> None:
    index = state.graph.index.get(key)
    if index is not None:
        task = state.tasks[index]
        if status == "skipped":
            task.reason, task.skip_cause = e["reason"], e["cause"]
        settle(state, task, status, e["t"], change)
    change.decisions.add(key)


def _decision_withdrawn(state: State, e: Event, change: Change) -> None:
    key = e["decision_id"]
    if key in state.decisions:
        state.decisions[key].withdrawn = e["reason"]
        state.decisions[key].deadline = None
    status: TaskStatus = "cancelled" if e["cause"] == "stop" else "skipped"
    _settle_decision(state, key, status, e, change)


def _decision(state: State, e: Event, change: Change) -> None:
    key = e["decision_id"]
    if key is None:
        index = state.graph.index[e["task"]]
        why = f" ({e['reason']})" if e.get("reason") else ""
        choice = Finding("choice", e["decision"] + why, e["agent"], index, e["t"])
        state.findings.append(choice)
        change.findings += 1
        return
    decision = state.decisions.get(key)
    if decision is None:
        _settle_decision(state, key, "completed", e, change)
        return
    if not decision.open:
        return
    decision.outcome = Outcome(
        option=e["option"],
        text=e["choice"],
        by=e["by"],
        who=e["who"],
        note=e["note"],
        reason=e["reason"],
        at=e["t"],
        wall=e["wall"],
        waited_s=e["waited_s"],
        shown_s=e["shown_s"],
        values=e.get("values"),
        source=e.get("source", ""),
        reused=e.get("reused", ""),
    )
    if decision.purpose == "form":
        state.answers = dict(e.get("values") or {})
        change.run = True
        for task in state.tasks:  # till now they waited for the answers, not for a slot
            if task.status == "ready":
                task.ready_at = e["t"]
    decision.deadline = decision.held = decision.held_until = None
    _settle_decision(state, key, "completed", e, change)


def _user_input(state: State, e: Event, change: Change) -> None:
    if "question_id" in e:
        state.answers[e["question_id"]] = e["value"]
        change.run = True


def _note(state: State, e: Event, change: Change) -> None:
    state.notes.append(e["description"])
    change.run = True


def _plan_adjustment(state: State, e: Event, change: Change) -> None:
    state.adjustments.append(e["description"])
    state.autopilot = e.get("autopilot", state.autopilot)
    state.autopilots |= e.get("autopilot_of") or {}
    state.said |= e.get("said") or {}
    state.level = e.get("level", state.level)
    state.timeline = e.get("timeline", state.timeline)
    state.budget = e.get("budget", state.budget)
    state.budgets |= e.get("budget_of") or {}
    state.models |= e.get("models") or {}
    change.run = True


def _status_of(status: RunStatus) -> Callable[[State, Event, Change], None]:
    def handler(state: State, e: Event, change: Change) -> None:
        state.status = status
        change.run = True

    return handler


def _nothing(state: State, e: Event, change: Change) -> None:
    """Events that are evidence only."""


HANDLERS: dict[str, Callable[[State, Event, Change], None]] = {
    "orchestration_start": _orchestration_start,
    "orchestration_complete": _orchestration_complete,
    "phase_start": _phase,
    "phase_complete": _phase,
    "phase_skipped": _phase,
    "agent_start": _agent_start,
    "agent_progress": _agent_progress,
    "agent_retry": _agent_retry,
    "agent_wait": _agent_wait,
    "agent_complete": _agent_complete,
    "agent_failed": _agent_failed,
    "agent_skipped": _agent_skipped,
    "agent_cancelled": _agent_cancelled,
    "task_added": task_added,
    "task_revived": task_revived,
    "run_resumed": run_resumed,
    "agent_reused": agent_reused,
    "task_edited": _task_edited,
    "rating": _rating,
    "insight": _finding,
    "blocker": _finding,
    "tool_call": _nothing,
    "usage": _usage,
    "budget": _budget,
    "decision_opened": _decision_opened,
    "decision_held": _decision_held,
    "decision_released": _decision_released,
    "decision_withdrawn": _decision_withdrawn,
    "decision": _decision,
    "user_input": _user_input,
    "checkpoint": _nothing,
    "note": _note,
    "plan_adjustment": _plan_adjustment,
    "run_paused": _status_of("paused"),
    "run_unpaused": _status_of("running"),
    "run_stopped": _status_of("stopped"),
    "run_interrupted": _status_of("interrupted"),
}


def apply(state: State, event: Event, change: Change) -> None:
    """Fold one event into the state.

    Args:
        state: Changed in place.
        event: An event with ``seq`` and ``t``; kinds of newer versions are passed over.
        change: Gets what was changed; collects over several calls.
    """
    state.seq, state.t = event["seq"], event["t"]
    handler = HANDLERS.get(event["event"])
    if handler is not None:
        handler(state, event, change)
