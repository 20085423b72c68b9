"""The cards about caps: one when most of it is used, one when something does not fit any more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import events
from ..commands import Answer
from ..errors import CommandError
from ..plan import Decision
from ..plan.parts import Option
from ..plan.text import money, short
from ..state import SETTLED, Outcome
from .cards import Card, Values, note_of
from .ledger import Account, Kind, dollars, nano
from .protocols import Reserve

if TYPE_CHECKING:
    from .budget import Budget
    from .engine import Engine

__all__ = ["CapCards"]

WARN_TENTHS = 8
"""A person is asked when so many tenths of a cap are used."""
MOST_NAMED = 50
"""Ids of tasks that a card lists; it counts all."""
RAISE, GO_ON, STOP, CHEAPER = "A", "B", "C", "D"


class CapCards:
    """Asks about caps, at most one card an account at a time.

    What is recommended, where anything is, is to go on up to the cap: neither a timer nor a mode
    nor autopilot raises one.
    """

    def __init__(self, engine: Engine, budget: Budget):
        self._engine, self._budget = engine, budget
        self._asked: set[tuple[str, str, float]] = set()
        self._open: dict[str, tuple[str, bool]] = {}
        self._refused: dict[str, list[tuple[Reserve, Kind]]] = {}

    # When somebody is asked.

    def remember(self, account: Account) -> None:
        """What was asked before the run was resumed is not asked again."""
        for decision in self._engine.state.decisions.values():
            detail = decision.detail
            if decision.purpose != "budget" or decision.outcome is None or detail.get("reached"):
                continue
            if detail.get("account") == account.key:
                self._asked.add((account.key, detail["kind"], detail["cap"]))

    def look(self, account: Account) -> None:
        """Something was used: ask, once a cap, when that is most of it."""
        engine = self._engine
        if engine.stopping or engine.over or account.key in self._open:
            return
        for kind, cap in account.caps.items():
            asked = (account.key, kind, _figure(kind, cap))
            if account.spent[kind] * 10 >= cap * WARN_TENTHS and asked not in self._asked:
                self._asked.add(asked)
                self._ask(account, kind, reached=False)
                return

    def refused(self, account: Account, kind: Kind, reserve: Reserve) -> None:
        """A call does not fit, and nothing is in flight that could give something back."""
        self._refused.setdefault(account.key, []).append((reserve, kind))

    def ask(self) -> None:
        """Ask about what was refused."""
        for key, refused in list(self._refused.items()):
            decision_id, reached = self._open.get(key, ("", False))
            if not refused or reached:
                continue
            if decision_id:
                self._engine.decisions.withdraw(decision_id, "a call does not fit any more")
            self._ask(self._budget.accounts[key], refused[0][1], reached=True)

    def no_longer(self, reserve: Reserve) -> None:
        """Somebody does not wait any more."""
        for key, refused in self._refused.items():
            if any(one is reserve for one, _ in refused):
                refused[:] = [pair for pair in refused if pair[0] is not reserve]
                decision_id, reached = self._open.get(key, ("", False))
                if not refused and reached:
                    self._engine.decisions.withdraw(decision_id, "nobody waits for it any more")

    def close(self) -> None:
        """The run comes to its end."""
        for decision_id, _ in list(self._open.values()):
            self._engine.decisions.withdraw(decision_id, "the run came to its end")

    # The card.

    def _ask(self, account: Account, kind: Kind, *, reached: bool) -> None:
        engine, cap = self._engine, account.caps[kind]
        models = {} if reached else self._cheaper()
        sums = f"{_spelt(kind, account.spent[kind], '')} of {_spelt(kind, cap)}"
        options = [
            Option(key=RAISE, text="Raise the cap", description="you say to how much"),
            Option(
                key=GO_ON,
                text="Go on without the rest" if reached else "Go on up to the cap",
                description="what does not fit fails" if reached else "",
            ),
            Option(key=STOP, text="Stop", description="end the run, keep what is finished"),
        ]
        if models:
            words = ", ".join(f"{new} instead of {old}" for old, new in models.items())
            options.append(Option(key=CHEAPER, text="Cheaper model", description=words))
        waiting = [one.job.node.id for one, _ in self._refused.get(account.key, ())]
        name = self._name(account)
        worst = self._worst(account, kind)
        spec = Decision(
            title=f"{name[0].upper()}{name[1:]}{self._title(account, kind, sums, reached=reached)}",
            kind="critical",
            context=self._context(account, kind, waiting, sums),
            options=options,
            recommend=None if reached else GO_ON,
            because="" if reached else "the cap holds, and only you can raise it",
            ask="always" if reached else None,
            other=False,
        )
        detail = {
            "account": account.key,
            "name": name,
            "kind": kind,
            "used": _figure(kind, account.spent[kind]),
            "held": _figure(kind, account.held[kind]),
            "cap": _figure(kind, cap),
            "suggest": _figure(kind, _suggested(account, kind, worst)),
            "needs": _figure(kind, account.spent[kind] + account.held[kind] + worst),
            "reached": reached,
            "waiting": waiting[:MOST_NAMED],
            "total": len(waiting),
            "models": models,
            "outlook": self._outlook(account, kind, waiting, models, reached=reached),
        }

        def check(answer: Answer) -> Values | None:
            return _amount(answer, kind, account, worst)

        def then(outcome: Outcome) -> None:
            self._open.pop(account.key, None)
            self._act(account, kind, models, spec.title, outcome)

        def closed(reason: str) -> None:
            self._open.pop(account.key, None)

        card = Card(
            purpose="budget",
            phase=None,
            about=account.key.removeprefix("task ") if account.key.startswith("task ") else "",
            detail=detail,
            check=check,
            then=then,
            closed=closed,
        )
        wanted = "budget" + (f"/{account.key.replace(' ', '-', 1)}" if account.key else "")
        decision_id = engine.decisions.free_id(wanted)
        self._open[account.key] = decision_id, reached
        engine.decisions.open(decision_id, spec, card)

    def _act(
        self,
        account: Account,
        kind: Kind,
        models: dict[str, str],
        title: str,
        outcome: Outcome,
    ) -> None:
        engine, who = self._engine, outcome.who or outcome.by
        if outcome.option == RAISE and outcome.values is not None:
            self._raise(account, kind, outcome.values[kind], who)
        elif outcome.option == CHEAPER:
            words = ", ".join(f"{new} instead of {old}" for old, new in models.items())
            engine.emit(
                events.plan_adjustment(
                    description=f"Cheaper model from here on: {words}", models=models, who=who
                )
            )
        elif outcome.option == STOP:
            engine.stop(f"stopped at: {title}", who)
        elif self._refused.get(account.key):
            self._budget.final.add(account.key)
            for reserve, short in self._refused.pop(account.key):
                self._budget.give_up(reserve, account, short)

    def _raise(self, account: Account, kind: Kind, figure: float, who: str) -> None:
        engine = self._engine
        before = account.caps[kind]
        account.caps[kind] = nano(figure) if kind == "usd" else int(figure)
        caps = {one: _figure(one, cap) for one, cap in account.caps.items()}
        name = self._name(account)
        words = f"{name[0].upper()}{name[1:]} {_spelt(kind, before)} → "
        words += _spelt(kind, account.caps[kind])
        change = {"budget": caps} if not account.key else {"budget_of": {account.key: caps}}
        engine.emit(events.plan_adjustment(description=words, who=who, **change))
        self._budget.final.discard(account.key)
        self._budget.again([reserve for reserve, _ in self._refused.pop(account.key, ())])

    # Words.

    def used_words(self, account: Account, kind: Kind) -> str:
        """``$4.90 of $5.00 used``, with what calls in flight may come to."""
        used = f"{_spelt(kind, account.spent[kind], '')} of {_spelt(kind, account.caps[kind])} used"
        if account.held[kind]:
            used += f", {_spelt(kind, account.held[kind])} held for calls in flight"
        return used

    def refusal(self, account: Account, kind: Kind, worst: int) -> str:
        """Why a call is not made, in one line."""
        name = self._name(account)
        return (
            f"The {name} has no room: {self.used_words(account, kind)}, "
            f"and the next answer may come to {_spelt(kind, worst)}"
        )

    def _name(self, account: Account) -> str:
        if not account.key:
            return "budget"
        of, _, which = account.key.partition(" ")
        if of == "phase":
            which = self._engine.state.phases[int(which) - 1].name
        return f"budget of {which}"

    def _worst(self, account: Account, kind: Kind) -> int:
        """What a call may come to that has no room; 0 if there is none."""
        refused = self._refused.get(account.key, ())
        return max((self._budget.worst_of(reserve)[kind] for reserve, _ in refused), default=0)

    def _title(self, account: Account, kind: Kind, sums: str, *, reached: bool) -> str:
        """What is so, after the name of the budget: most is used, or a call does not fit."""
        if not reached:
            return f": {sums} used"
        left = account.caps[kind] - account.spent[kind]
        if left <= 0:
            return f" used up: {sums}"
        costs = "cost" if kind == "usd" else "take"
        are = "is" if kind == "usd" or left == 1 else "are"
        worst = _spelt(kind, self._worst(account, kind))
        return f": the next call may {costs} {worst}; {_spelt(kind, left)} {are} left"

    def _context(self, account: Account, kind: Kind, waiting: list[str], sums: str) -> str:
        if not waiting:
            return "Everything goes on meanwhile."
        many = "1 agent waits" if len(waiting) == 1 else f"{len(waiting):,} agents wait"
        engine = self._engine
        free = any(
            task.kind == "task"
            and task.status not in SETTLED
            and not getattr(engine.workers[task.index], "paid", False)
            for task in engine.state.tasks
        )
        goes_on = " What costs nothing goes on." if free else ""
        return f"{sums} used. {many} for room.{goes_on}"

    def _outlook(
        self,
        account: Account,
        kind: Kind,
        waiting: list[str],
        models: dict[str, str],
        *,
        reached: bool,
    ) -> dict[str, list[str]]:
        paid = len(self._to_start())
        left = f"When this was asked, {paid:,} paid task{'s' * (paid != 1)} had not started."
        goes = ["Calls go on while their worst case fits. Then you are asked again.", left]
        if reached:
            named = ", ".join(waiting[:3])
            more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
            goes = [f"{named}{more} fail, and what needs them is skipped.", left]
        outlook = {
            RAISE: ["Whoever waits goes on at once." if reached else "Nothing else changes.", left],
            GO_ON: goes,
            STOP: ["The run ends. What is finished is kept, and it can be resumed."],
        }
        if models:
            outlook[CHEAPER] = [
                *(f"{old} becomes {new}." for old, new in models.items()),
                "What is at work finishes with its own model; further attempts change.",
            ]
        return outlook

    def _to_start(self) -> list[int]:
        """Indexes of paid tasks that have not started."""
        engine = self._engine
        return [
            task.index
            for task in engine.state.tasks
            if task.status in ("pending", "ready")
            and getattr(engine.workers[task.index], "paid", False)
        ]

    def _cheaper(self) -> dict[str, str]:
        """Model of a worker that may still begin an attempt -> the next cheaper one."""
        engine, found = self._engine, {}
        for task in engine.state.tasks:
            worker: Any = engine.workers[task.index]
            own = getattr(worker, "model", None)
            if task.status in SETTLED or not isinstance(own, str) or own in found:
                continue
            cheaper = getattr(worker, "cheaper", None)
            new = cheaper(engine.state.models.get(own, own)) if callable(cheaper) else None
            if new:
                found[own] = new
        return found


def _suggested(account: Account, kind: Kind, worst: int) -> int:
    """To what a cap may be raised: twice as much, or what the next call needs, if that is more."""
    needs = account.spent[kind] + account.held[kind] + worst
    step = nano(0.01) if kind == "usd" else 1_000
    return max(2 * account.caps[kind], -(-needs // step) * step)


def _amount(answer: Answer, kind: Kind, account: Account, worst: int) -> Values | None:
    """To what a cap is raised.

    Raises:
        CommandError: If that is no amount, or not more than the cap.
    """
    if answer.option != RAISE:
        return None
    given, cap = answer.values or {}, account.caps[kind]
    unknown = [name for name in given if name != kind]
    if unknown:
        raise CommandError(f"This budget is in {kind!r}, not in {unknown[0]!r}")
    said = given.get(kind, answer.text or note_of(answer))
    example = _spelt(kind, _suggested(account, kind, worst), "")
    needs = f"Needs an amount above {_spelt(kind, cap)}, such as {example}."
    if isinstance(said, str):
        if said.strip() and not any(letter.isdigit() for letter in said):
            needs = f"{short(said)} is no number. {needs}"
        said = said.strip().removeprefix("$").removesuffix("tokens")
        said = said.replace(",", "").replace("_", "").strip()
    try:
        if isinstance(said, bool):
            raise ValueError
        figure = float(said)
        whole = nano(figure) if kind == "usd" else int(figure)
        fits = math.isfinite(figure) and cap < whole < 1e15 * (1e9 if kind == "usd" else 1)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise CommandError(f"Raise the cap: {needs}", faults={kind: needs})
    return {kind: _figure(kind, whole)}


def _figure(kind: Kind, amount: int) -> float:
    """An amount as people and logs have it."""
    return dollars(amount) if kind == "usd" else amount


def _spelt(kind: Kind, amount: int, unit: str = " tokens") -> str:
    return money(dollars(amount)) if kind == "usd" else f"{amount:,}{unit}"
