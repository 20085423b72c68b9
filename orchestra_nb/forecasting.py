"""``onb.forecast``: what a plan may cost and take, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .casting import Agents, workers_of
from .expenses import Expense, expenses_of
from .outlay import Outlay
from .plan import Budget, Plan
from .plan.durations import rough_duration
from .plan.graph import compile_plan
from .plan.text import money, named
from .runs import read
from .store.home import home as home_of
from .views.plan_table import PlanTable, Row, as_html
from .views.words import cut

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Forecast", "forecast"]

_WIDEST = 40
_MOST_ROWS = 60
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, repr=False)
class Forecast:
    """What a plan may cost and take.

    What is expected is a guess: from past attempts of the same agents where this home has some,
    else from the size of a prompt. The worst case of money and tokens is one full-length answer of
    each paid task; rounds of tools and further attempts come on top, up to the budget. A task that
    is done per item of a list counts as often as its ``expect`` says. Without one it is in no sum:
    its row says what one item takes (``per_item``, ``times``).

    Attributes:
        project: The plan's name.
        tasks: What each task that runs may use.
        usd: Expected US dollars, of the tasks where price and number are known.
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
        counts = {"tokens", "most_tokens", "times"}
        columns = {
            field.name: "float64" if field.name in numbers
            else "Int64" if field.name in counts else "bool" if field.name == "per_item" else "str"
            for field in fields(Expense)
        }  # fmt: skip
        rows = [asdict(row) for row in self.tasks]
        return DataFrame(rows, columns=list(columns)).astype(columns)

    def __repr__(self) -> str:
        lines = [f"Forecast of {self.project!r}: {self._head()}"]
        lines += [f"  {line}" for line in self._sums()]
        lines += self._table()
        return "\n".join([*lines, *(f"  {line}" for line in self._not_known())])

    def _repr_html_(self) -> str:
        return as_html(self._plan_table())

    def _head(self) -> str:
        paid = sum(bool(row.model) for row in self.tasks)
        many = "1 task runs" if len(self.tasks) == 1 else f"{len(self.tasks):,} tasks run"
        return f"{many}, {paid:,} of them paid"

    def _sums(self) -> list[str]:
        """What it comes to, one line each."""
        outlay = Outlay.of(self.tasks)
        lines = ["nothing is paid for that is known"]
        if outlay.paid:
            without = len(outlay.unpriced)
            rest = f" and the unknown cost of {without:,}" * (0 < without < len(outlay.paid))
            each = " for the rest" * bool(outlay.uncounted)
            lines = [
                f"{outlay.about()}{rest}, {self.tokens:,} tokens{each}{outlay.as_expected()}",
                f"at most {outlay.most()}{rest}, {self.most_tokens:,} tokens{each}, for one "
                "full-length answer each; rounds of tools and further attempts come on top",
            ]
        if self.seconds:
            lines.append(f"at least {rough_duration(self.seconds)} from start to end")
        if self.budget is not None:
            caps = [money(self.budget.usd)] if self.budget.usd is not None else []
            caps += [f"{self.budget.tokens:,} tokens"] if self.budget.tokens is not None else []
            lines.append(f"no call begins that the budget of {' and '.join(caps)} can't hold")
        return lines

    def _not_known(self) -> list[str]:
        """Whatever is not known, once, with the tasks of which it is not."""
        reasons: dict[str, list[str]] = {}
        for task, why in self.unknown.items():
            for one in why.split("; "):
                reasons.setdefault(one, []).append(cut(task, _WIDEST))
        return [
            f"not known of {named(tasks, _MOST_NAMED)}: {why}" for why, tasks in reasons.items()
        ]

    def _plan_table(self) -> PlanTable:
        rows: list[Row] = []
        for word, shape, own in (
            ("paid", "running", [row for row in self.tasks if row.model]),
            ("free", "pending", [row for row in self.tasks if not row.model]),
        ):
            for row in own[:_MOST_ROWS]:
                why = _told(row)
                if row.model:
                    why = f"{row.model}, at most {_usd(row.most_usd)}; {why}"
                rows.append(Row(word, shape, row.task, why, row.seconds, row.usd))
            if len(own) > _MOST_ROWS:
                more = f"… and {len(own) - _MOST_ROWS:,} more"
                rows.append(Row(word, shape, "", more))
        title = f"Forecast of {self.project}"
        first, *notes = self._sums()
        return PlanTable(
            title, f"{self._head()}: {first}", rows, [_begun(n) for n in notes + self._not_known()]
        )

    def _table(self) -> list[str]:
        table = [("task", "model", "about", "at most", "time", "from")]
        for row in self.tasks[:_MOST_ROWS]:
            table.append(
                (
                    row.task[:_WIDEST],
                    row.model[:_WIDEST] or "none",
                    _usd(row.usd),
                    _usd(row.most_usd),
                    "unknown" if row.seconds is None else rough_duration(row.seconds),
                    _told(row),
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


def _usd(amount: float | None) -> str:
    return "unknown" if amount is None else money(amount)


def _told(row: Expense) -> str:
    """From what a row's figures are known, and of how much they are."""
    if not row.per_item:
        return row.basis
    times = "number not known" if row.times is None else f"{row.times:,} expected"
    return "; ".join(filter(None, [f"per item, {times}", row.basis]))


def _begun(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


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
    outlay = Outlay.of(rows)
    seconds = {row.task: row.seconds or 0.0 for row in rows}
    known = [seconds.get(node.id, 0.0) for node in graph.nodes]
    return Forecast(
        project=ready.name,
        tasks=tuple(rows),
        usd=outlay.usd,
        most_usd=outlay.most_usd,
        tokens=outlay.tokens,
        most_tokens=outlay.most_tokens,
        seconds=graph.least_seconds(known) if any(known) else None,
        budget=ready.budget,
        unknown={row.task: row.unknown for row in rows if row.unknown},
    )
