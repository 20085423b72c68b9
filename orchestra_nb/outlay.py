"""What paid tasks come to together: for a forecast, and for the card before a run pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .expenses import Expense
from .plan.text import money, named

__all__ = ["Outlay", "about", "spend_card"]

MOST_ROWS = 50
MOST_NAMED = 3


def about(usd: float) -> str:
    """``about $0.04``; what is under a cent is said to be that."""
    told = money(usd)
    return told if told.startswith("under") else f"about {told}"


@dataclass(frozen=True, slots=True)
class Outlay:
    """What paid tasks come to.

    Attributes:
        paid: The tasks that are paid for.
        usd: Expected US dollars of those whose number and price are known.
        most_usd: US dollars for one full-length answer of each of them.
        tokens: Expected tokens of those whose number is known.
        most_tokens: Tokens for one full-length answer of each of them.
    """

    paid: Sequence[Expense]
    usd: float
    most_usd: float
    tokens: int
    most_tokens: int

    @classmethod
    def of(cls, rows: Sequence[Expense]) -> Outlay:
        """Add up what is paid for."""
        paid = [row for row in rows if row.model]
        counted = [(row, row.times) for row in paid if row.times is not None]
        return cls(
            paid,
            sum(times * (row.usd or 0.0) for row, times in counted),
            sum(times * (row.most_usd or 0.0) for row, times in counted),
            sum(times * (row.tokens or 0) for row, times in counted),
            sum(times * (row.most_tokens or 0) for row, times in counted),
        )

    @property
    def unpriced(self) -> list[Expense]:
        """Tasks whose price is not known."""
        return [row for row in self.paid if row.usd is None]

    @property
    def uncounted(self) -> list[Expense]:
        """Tasks of which nobody knows how often they are done."""
        return [row for row in self.paid if row.times is None]

    @property
    def guessed(self) -> list[Expense]:
        """Tasks that are done as often as the plan expects, or more often."""
        return [row for row in self.paid if row.per_item and row.times is not None]

    def about(self) -> str:
        """What is expected: ``about $0.02, and about $0.02 per item of review (number not …)``."""
        if len(self.unpriced) == len(self.paid):
            return "unknown cost"
        own = len(self.paid) > len(self.uncounted)
        parts = [about(self.usd)] if own else []
        return " and ".join([*parts, *self._per_item(lambda row: row.usd, about)])

    def most(self) -> str:
        """The worst case of one exchange each, as :meth:`about`."""
        if len(self.unpriced) == len(self.paid):
            return "an unknown cost"
        own = len(self.paid) > len(self.uncounted)
        parts = [money(self.most_usd)] if own else []
        return " and ".join([*parts, *self._per_item(lambda row: row.most_usd, money)])

    def _per_item(
        self, amount: Callable[[Expense], float | None], tell: Callable[[float], str]
    ) -> list[str]:
        rows = self.uncounted
        if not rows:
            return []
        told = tell(sum(amount(row) or 0.0 for row in rows))
        if len(rows) == 1:
            return [f"{told} per item of {rows[0].task} (number not known)"]
        return [f"{told} for one item of each of {len(rows):,} lists (numbers not known)"]

    def as_expected(self) -> str:
        """``, with 6 items of review as the plan expects``; empty if no number is a guess."""
        if not self.guessed:
            return ""
        names = [f"{row.times:,} of {row.task}" for row in self.guessed]
        return f", with as many items as the plan expects ({named(names, MOST_NAMED)})"


def spend_card(
    expenses: Sequence[Expense],
    budget: Mapping[str, Any],
    project: str,
    *,
    used: tuple[float, int] = (0.0, 0),
) -> dict[str, Any]:
    """What the card before the first paid call says.

    Args:
        expenses: Of the tasks that may run.
        budget: Caps of the run.
        project: Name of the plan.
        used: Dollars and tokens that the run has used already.
    """
    outlay = Outlay.of(expenses)
    paid, unknown = outlay.paid, outlay.unpriced
    models = Counter(row.model for row in paid)
    caps = {"usd": budget.get("usd"), "tokens": budget.get("tokens")}
    many = "1 task calls" if len(paid) == 1 else f"{len(paid):,} tasks call"
    lists = len(outlay.uncounted) + len(outlay.guessed)
    each = ""
    if lists:
        which = "it" if len(paid) == 1 else f"{lists:,} of them"
        each = f", {which} once per item of a list that is not there yet"
    said = [f"{many} {', '.join(models)}{each}."]
    said.append(
        f"At most {outlay.most()} for one full-length answer each{outlay.as_expected()}; rounds of "
        "tools and further attempts come on top."
    )
    if unknown:
        said.append(f"Of {len(unknown):,} the cost is not known.")
    enough, fits = _enough(outlay, caps, used)
    said.append(f"{_capped(caps, used)}{enough}." if _capped(caps, used) else NO_CAP)
    because = "the worst case fits the budget" if _capped(caps, used) else STARTED
    rows = sorted(paid, key=lambda row: -(row.most_usd or 0.0) * (row.times or 1))
    expected = " expected" if not outlay.uncounted else ""
    return {
        "title": f"Start paid work: {outlay.about()}{expected}",
        "context": " ".join(said),
        "fits": fits,
        "because": because if fits else "",
        "project": project,
        "usd": round(outlay.usd, 6),
        "most_usd": round(outlay.most_usd, 6),
        "tokens": outlay.tokens,
        "most_tokens": outlay.most_tokens,
        "unknown": len(unknown),
        "about": outlay.about(),
        "most": outlay.most(),
        "enough": enough.removeprefix(": "),
        "budget": caps,
        "models": dict(models),
        "rows": [
            {
                "task": row.task, "model": row.model, "usd": row.usd, "most_usd": row.most_usd,
                **({"times": row.times} if row.per_item else {}),
            }
            for row in rows[:MOST_ROWS]
        ],
        "total": len(paid),
    }  # fmt: skip


NO_CAP = "No budget limits this run."
STARTED = "this run was started to be done"


def _spelt(kind: str, amount: float) -> str:
    return money(amount) if kind == "usd" else f"{amount:,.0f} tokens"


def _capped(caps: Mapping[str, Any], used: tuple[float, int]) -> str:
    parts = []
    for kind, gone in zip(caps, used, strict=True):
        if caps[kind] is not None:
            beside = f", {_spelt(kind, gone)} of it used" if gone else ""
            parts.append(f"{_spelt(kind, caps[kind])}{beside}")
    return f"Budget: {' and '.join(parts)}" if parts else ""


def _enough(outlay: Outlay, caps: Mapping[str, Any], used: tuple[float, int]) -> tuple[str, bool]:
    """Whether the caps suffice, in words; and whether even the worst case fits."""
    dearest = max((row.most_usd or 0.0 for row in outlay.paid), default=0.0)
    longest = max((row.most_tokens or 0 for row in outlay.paid), default=0)
    sums: dict[str, tuple[float, float, float]] = {
        "usd": (outlay.usd, outlay.most_usd, dearest),
        "tokens": (outlay.tokens, outlay.most_tokens, longest),
    }
    found: list[str] = []
    for kind, gone in zip(caps, used, strict=True):
        if caps[kind] is None:
            continue
        left = caps[kind] - gone
        expected, most, one = sums[kind]
        if expected > left:
            return f", expected {_spelt(kind, expected)}: it will not be enough", False
        if one > left:
            return f": it will not be enough, one call alone may come to {_spelt(kind, one)}", False
        if outlay.uncounted or (kind == "usd" and outlay.unpriced):
            found.insert(0, ": whether it is enough is not known")
        elif most > left:
            found.append(": enough for what is expected, not for the most")
        elif outlay.guessed:
            found.append(": enough for as many items as are expected")
    return (found[0], False) if found else (": enough for the most", True)
