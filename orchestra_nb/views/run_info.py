"""What views say about a run that its state does not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..plan.levels import load_levels
from ..state import State

__all__ = ["RunInfo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """What the board says about a run that its state does not know.

    Attributes:
        level_name: Name of the project level, such as ``Alpha Production``.
        slots: How many tasks may run at once.
        budget_usd: The cap in USD, or ``None``.
        variable: The name by which shown commands call the run.
        estimates: Expected seconds (P50) by task index; the plan's own estimates otherwise.
    """

    level_name: str = ""
    slots: int = 8
    budget_usd: float | None = None
    variable: str = "run"
    estimates: Mapping[int, float] | None = None

    @classmethod
    def of(
        cls,
        state: State,
        *,
        variable: str = "run",
        estimates: Mapping[int, float] | None = None,
    ) -> RunInfo:
        """What the run's plan says, and what was changed about it since."""
        plan = state.graph.plan
        level = load_levels().get(state.level)
        return cls(
            level_name=level.name if level else "",
            slots=plan.max_concurrency,
            budget_usd=state.budget.get("usd"),
            variable=variable,
            estimates=estimates,
        )
