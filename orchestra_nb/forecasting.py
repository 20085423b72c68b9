"""``onb.forecast``: what a plan may cost and take, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .casting import Agents, workers_of
from .expenses import Expense, expenses_of
from .plan import Budget, Plan
from .plan.durations import rough_duration
from .plan.graph import compile_plan
from .plan.text import money
from .runs import read
from .store.home import home as home_of

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Forecast", "forecast"]

_WIDEST = 40
_MOST_ROWS = 60


@dataclass(frozen=True, slots=True, repr=False)
class Forecast:
    """What a plan may cost and take.

    What is expected is a guess: from past attempts of the same agents where this home has some,
    else from the size of a prompt. The worst case of money and tokens is one full-length answer of
    each paid task; rounds of tools and further attempts come on top, up to the budget.

    Attributes:
        project: The plan's name.
        tasks: What each task that runs may use.
        usd: Expected US dollars, of the tasks where that is known.
        most_usd: US dollars for one full-length answer of each, at the dearest prices that apply.
        tokens: Expected tokens.
        most_tokens: Tokens for one full-length answer of each.
        seconds: Expected seconds from start to end, at least; ``None``: nothing is known.
        budget: The run's caps, if it has any.
        unknown: Task id -> what is not known of it, and why.
    """

    project: str
    tasks: tuple[Expense, ...]
    usd: float
    most_usd: float
    tokens: int
    most_tokens: int
    seconds: float | None
    budget: Budget | None
    unknown: Mapping[str, str]

    @property
    def frame(self) -> DataFrame:
        """One row a task: what :class:`orchestra_nb.expenses.Expense` holds."""
        from pandas import DataFrame

        numbers = {"seconds", "most_seconds", "usd", "most_usd"}
        counts = {"tokens", "most_tokens"}
        columns = {
            field.name: "float64" if field.name in numbers
            else "Int64" if field.name in counts else "str"
            for field in fields(Expense)
        }  # fmt: skip
        rows = [asdict(row) for row in self.tasks]
        return DataFrame(rows, columns=list(columns)).astype(columns)

    def __repr__(self) -> str:
        paid = [row for row in self.tasks if row.model]
        many = "1 task runs" if len(self.tasks) == 1 else f"{len(self.tasks):,} tasks run"
        head = f"Forecast of {self.project!r}: {many}, {len(paid):,} of them paid"
        lines = [head, f"  {self._sum(len(paid))}"]
        if self.seconds:
            lines.append(f"  at least {rough_duration(self.seconds)} from start to end")
        if self.budget is not None:
            caps = [money(self.budget.usd)] if self.budget.usd is not None else []
            caps += [f"{self.budget.tokens:,} tokens"] if self.budget.tokens is not None else []
            lines.append(f"  no call begins that the budget of {' and '.join(caps)} can't hold")
        lines += self._table()
        for task, why in list(self.unknown.items())[:_MOST_ROWS]:
            lines.append(f"  not known of {task}: {why}")
        return "\n".join(lines)

    def _sum(self, paid: int) -> str:
        if not paid:
            return "nothing is paid for that is known"
        without = sum(row.usd is None for row in self.tasks)
        about, most = money(self.usd), money(self.most_usd)
        if without == paid:
            about = most = "unknown cost"
        elif without:
            about, most = (f"{sum_} and the unknown cost of {without:,}" for sum_ in (about, most))
        return (
            f"about {about}, {self.tokens:,} tokens; at most {most}, {self.most_tokens:,} tokens "
            "for one full-length answer each, rounds of tools and further attempts come on top"
        )

    def _table(self) -> list[str]:
        table = [("task", "model", "about", "at most", "time", "from")]
        for row in self.tasks[:_MOST_ROWS]:
            table.append(
                (
                    row.task[:_WIDEST],
                    row.model[:_WIDEST] or "none",
                    "unknown" if row.usd is None else money(row.usd),
                    "unknown" if row.most_usd is None else money(row.most_usd),
                    "unknown" if row.seconds is None else rough_duration(row.seconds),
                    row.basis,
                )
            )
        widths = [max(len(line[column]) for line in table) for column in range(5)]
        lines = []
        for line in table:
            cells = [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
            cells += [line[column].rjust(widths[column]) for column in (2, 3, 4)]
            lines.append(("  " + "  ".join([*cells, line[5]])).rstrip())
        more = len(self.tasks) - _MOST_ROWS
        return [*lines, f"  and {more:,} more tasks"] if more > 0 else lines


def forecast(
    plan: Plan | str | Path,
    agents: Agents | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    level: int | None = None,
    budget: Budget | Mapping[str, Any] | None = None,
    max_concurrency: int | None = None,
    claude: bool | None = None,
    home: str | Path | None = None,
) -> Forecast:
    """What a plan may cost and take, without starting anything. No key is needed.

    Args:
        plan: A plan, or the path of one.
        agents: As for :func:`run`.
        inputs: Values of the plan's inputs.
        level: Overrides the plan's.
        budget: Overrides the plan's.
        max_concurrency: Overrides the plan's.
        claude: As for :func:`run`.
        home: Folder of runs, where past attempts are noted.

    Raises:
        PlanError: If the plan is not valid.
        SetupError: If an agent is missing or unknown.
    """
    _, ready = read(plan, inputs, level=level, budget=budget, max_concurrency=max_concurrency)
    graph = compile_plan(ready)
    workers = workers_of(graph, agents, claude, keyless=True)
    rows = expenses_of(graph, workers, home_of(home))
    seconds = {row.task: row.seconds or 0.0 for row in rows}
    known = [seconds.get(node.id, 0.0) for node in graph.nodes]
    return Forecast(
        project=ready.name,
        tasks=tuple(rows),
        usd=sum(row.usd or 0.0 for row in rows),
        most_usd=sum(row.most_usd or 0.0 for row in rows),
        tokens=sum(row.tokens or 0 for row in rows),
        most_tokens=sum(row.most_tokens or 0 for row in rows),
        seconds=graph.least_seconds(known) if any(known) else None,
        budget=ready.budget,
        unknown={row.task: row.unknown for row in rows if row.unknown},
    )
