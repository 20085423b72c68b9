"""Orchestrate AI agents from a notebook.

A plan declares phases, tasks, dependencies and decisions; agents run in parallel, by dependency,
on Claude or as plain functions; the cell shows a live board and asks when a person is needed::

    import orchestra_nb as onb

    run = onb.run("plan.yaml", agents={"analyst": analyse})
    results = await run

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import agents as agents
    from . import questions as questions
    from .agents.context import Context
    from .agents.prices import Price, Prices
    from .engine.protocols import Worker as Agent
    from .errors import (
        AgentError,
        CommandError,
        DecisionClosed,
        Fault,
        LockedError,
        OrchestraError,
        PlanError,
        RunFailed,
        SetupError,
        StoreError,
        TaskFailed,
    )
    from .forecasting import Forecast, forecast
    from .handle import Run
    from .launch import fork, open, rehearse, resume, run
    from .live import status
    from .plan import Agent as AgentSpec
    from .plan import Budget, Decision, Option, Phase, Plan, Question, Task, Timeouts
    from .runs import check
    from .state import Outcome
    from .store.settings import configure
    from .webhook.hook import Webhook

__all__ = [
    # Plans
    "Plan",
    "Phase",
    "Task",
    "Decision",
    "Option",
    "Question",
    "AgentSpec",
    "Budget",
    "Timeouts",
    "questions",
    "check",
    "forecast",
    "Forecast",
    # Running
    "run",
    "rehearse",
    "open",
    "resume",
    "fork",
    "status",
    "Run",
    "Outcome",
    # Agents
    "Agent",
    "Context",
    "agents",
    "Prices",
    "Price",
    # Settings
    "configure",
    "Webhook",
    # Errors
    "OrchestraError",
    "PlanError",
    "Fault",
    "SetupError",
    "StoreError",
    "LockedError",
    "AgentError",
    "TaskFailed",
    "RunFailed",
    "DecisionClosed",
    "CommandError",
]

_HOMES = {
    "plan": ("Plan", "Phase", "Task", "Decision", "Option", "Question", "Budget", "Timeouts"),
    "runs": ("check",),
    "forecasting": ("Forecast", "forecast"),
    "agents.prices": ("Price", "Prices"),
    "launch": ("run", "rehearse", "open", "resume", "fork"),
    "live": ("status",),
    "handle": ("Run",),
    "agents.context": ("Context",),
    "state": ("Outcome",),
    "store.settings": ("configure",),
    "webhook.hook": ("Webhook",),
    "errors": (
        "OrchestraError", "PlanError", "Fault", "SetupError", "StoreError", "AgentError",
        "TaskFailed", "RunFailed", "DecisionClosed", "CommandError",
        "LockedError",
    ),
}  # fmt: skip
_PLACES = {name: (home, name) for home, names in _HOMES.items() for name in names} | {
    "Agent": ("engine.protocols", "Worker"),
    "AgentSpec": ("plan", "Agent"),
    "agents": ("agents", None),
    "questions": ("questions", None),
}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{place[0]}", __name__)
    value = module if place[1] is None else getattr(module, place[1])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
