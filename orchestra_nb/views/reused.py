"""Where a result or an outcome comes from that another run made."""

from __future__ import annotations

import json
import re

from ..plan.durations import clock
from ..state import DecisionState, Outcome, State, TaskState
from .words import OTHER, cut, plain

__all__ = ["can_undo", "fork_line", "from_run", "origin", "repeated", "reused"]

_TIME = re.compile(r"^\d{8}T\d{6}Z-")


def from_run(run_id: str) -> str:
    """A run in a few words: its name and number, without the time it was started."""
    return plain(_TIME.sub("", run_id))


def reused(task: TaskState) -> str:
    """Where a task's result comes from and what it took there; empty where it was made here."""
    if not task.reused:
        return ""
    took = f", took {clock(task.reused_s)} there" if task.reused_s >= 1 else ""
    return f"from {from_run(task.reused)}{took}"


def repeated(outcome: Outcome) -> str:
    """Where an outcome was repeated from, as a sentence; empty where it was made here."""
    return f"Repeated from {from_run(outcome.reused)}." if outcome.reused else ""


def can_undo(decision: DecisionState) -> bool:
    """Whether a fork can begin with another outcome: a decision of the plan, with other options."""
    return (
        decision.purpose == "decision"
        and decision.task is not None
        and decision.outcome is not None
        and any(option["key"] != decision.outcome.option for option in decision.options)
    )


def fork_line(state: State, decision: DecisionState) -> str:
    """Python that begins a fork with another option; empty where there can be none."""
    if not can_undo(decision) or decision.outcome is None:
        return ""
    others = [o["key"] for o in decision.options if o["key"] != decision.outcome.option]
    key = decision.recommend if decision.recommend in others else others[0]
    names = (json.dumps(plain(one), ensure_ascii=False) for one in (decision.id, key))
    agents = "agents, " if state.functions else ""
    return f"onb.fork({json.dumps(plain(state.id))}, {agents}decisions={{{': '.join(names)}}})"


def origin(state: State) -> str:
    """The run it comes from, and what is chosen otherwise; empty where it comes from none."""
    if not state.parent:
        return ""
    said = [
        f"{plain(name)}: {cut(one['text'] if one['option'] == OTHER else one['option'], 40)}"
        for name, one in state.said.items()
    ]
    if not (said or state.forked):
        return f"reuses {from_run(state.parent)}"
    chosen = f", with {', '.join(said)}" if said else ""
    return f"fork of {from_run(state.parent)}{chosen}"
