"""Budgets: a call that is paid begins only where its worst case fits, and waits until it does.

What does not fit while nothing is in flight is put before a person: a cap is raised by nobody else.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import InvalidStateError
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import AgentError
from ..events import Event
from ..plan.parts import Budget as Caps
from ..plan.text import money
from ..state import TaskState
from .cap_cards import CapCards
from .ledger import KINDS, Account, Kind, Ledger, Reservation, nano
from .protocols import Job, Reserve, Settled, Waiting

if TYPE_CHECKING:
    from ..plan.graph import Node
    from .engine import Engine

__all__ = ["Budget"]


class Budget:
    """All caps of a run, and who stands in line for them.

    Attributes:
        accounts: By whose cap it is: empty for the run, ``phase 2``, ``task analyst``.
        final: Accounts whose caps stay as they are: what does not fit fails at once.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._ledger = Ledger()
        self._none: bool | None = None
        self._places: dict[Reserve, Reservation] = {}
        self._back: dict[int, Reserve] = {}
        self._shown: set[Reserve] = set()
        self._cards = CapCards(engine, self)
        self.accounts: dict[str, Account] = {}
        self.final: set[str] = set()

    # Whose call counts where.

    def ready(self, job: Job) -> None:
        """An attempt is about to begin: say whether it is capped, and which model it takes."""
        if self._engine.state.models:
            own = getattr(self._engine.workers[job.node.index], "model", "")
            job.model = self._engine.state.models.get(own, "")
        if self._none is None:
            self._none = not self._any()
        job.capped = not self._none and bool(self._accounts_of(job.node))

    def _any(self) -> bool:
        """Whether anything is capped at all: a plan without budgets pays nothing for this."""
        state = self._engine.state
        caps = [*state.budget.values(), *state.budgets]
        if any(cap is not None for cap in caps):
            return True
        entries = (entry for phase in state.graph.plan.phases for entry in (phase, *phase.tasks))
        return any(getattr(entry, "budget", None) is not None for entry in entries)

    def _accounts_of(self, node: Node) -> tuple[Account, ...]:
        """The accounts that count what a task uses, the run's first."""
        state = self._engine.state
        phase = state.graph.plan.phases[node.phase - 1]
        found = (
            self._account("", state.budget),
            self._account(f"phase {node.phase}", _caps(phase.budget)),
            self._account(f"task {node.id}", _caps(getattr(node.spec, "budget", None))),
        )
        return tuple(account for account in found if account is not None)

    def _account(self, key: str, declared: dict[str, Any]) -> Account | None:
        account = self.accounts.get(key)
        if account is None:
            caps = self._in_whole(self._engine.state.budgets.get(key, declared))
            if not caps:
                return None
            account = self.accounts[key] = Account(key, caps)
            for task in self._counted_by(key):
                usd, tokens = self._engine.state.counted.get(task.id, (0.0, 0))
                account.spent["usd"] += nano(task.cost) + nano(usd)
                account.spent["tokens"] += task.tokens + tokens
            self._cards.remember(account)
        return account

    def _counted_by(self, key: str) -> list[TaskState]:
        """The tasks whose use an account counts."""
        state = self._engine.state
        of, _, which = key.partition(" ")
        if of == "task":
            return [state.task(which)]
        return [task for task in state.tasks if not of or task.phase == int(which)]

    @staticmethod
    def _in_whole(caps: dict[str, Any]) -> dict[Kind, int]:
        usd, tokens = caps.get("usd"), caps.get("tokens")
        found: dict[Kind, int] = {} if usd is None else {"usd": nano(usd)}
        return found if tokens is None else {**found, "tokens": int(tokens)}

    # Calls.

    def on_reserve(self, reserve: Reserve) -> None:
        """An attempt wants to make a call."""
        job, engine = reserve.job, self._engine
        if job.ended or engine.stopping or reserve.future.done():
            reserve.future.cancel()
            return
        accounts = self._accounts_of(job.node)
        if reserve.usd is None and any("usd" in account.caps for account in accounts):
            self._fail(
                reserve,
                f"The price of {reserve.model!r} is not known, so no budget in dollars can hold: "
                "give the agent prices=onb.Prices({...}), or cap tokens instead",
            )
            return
        worst: dict[Kind, int] = {"usd": nano(reserve.usd or 0.0), "tokens": reserve.tokens}
        place = self._places[reserve] = Reservation(reserve, accounts, worst)
        self._ledger.enter(place)
        self._serve()

    def on_settled(self, settled: Settled) -> None:
        """A call is over, or is not made after all."""
        reserve = settled.reserve
        place = self._places.pop(reserve, None)
        if place is None:
            return
        self._ledger.leave(place)
        self._shown.discard(reserve)
        if self._back.get(reserve.job.node.index) is reserve:
            del self._back[reserve.job.node.index]
        if (settled.usd or settled.tokens) and not self._engine.over:
            node = reserve.job.node
            self._engine.emit(
                events.budget(
                    task=node.id,
                    agent=node.agent,
                    phase=node.phase,
                    usd=settled.usd,
                    tokens=settled.tokens,
                    description=(
                        f"{money(settled.usd)} counted for an answer that broke off: at worst, "
                        "its cost is not known"
                    ),
                )
            )
            self._count(place.accounts, nano(settled.usd), settled.tokens)
        self._cards.no_longer(reserve)
        if not self._engine.stopping:
            self._serve()

    def used(self, job: Job, event: Event) -> None:
        """A task used something; its own functions may say so too."""
        if job.capped:
            tokens = sum(event["tokens"].values())
            self._count(self._accounts_of(job.node), nano(event.get("cost") or 0.0), tokens)

    def _count(self, accounts: tuple[Account, ...], usd: int, tokens: int) -> None:
        self._ledger.spend(accounts, {"usd": usd, "tokens": tokens})
        for account in accounts:
            self._cards.look(account)

    def _serve(self) -> None:
        """Let in who fits; show who waits; ask about who never will."""
        admitted, refused = self._ledger.serve()
        for place in admitted:
            self._let_in(place.owner)
        for place in refused:
            self._refuse(place.owner, place)
        for place in self._ledger.line:
            if place.owner not in self._shown:
                self._show(place.owner, place)
        self._cards.ask()

    def _show(self, reserve: Reserve, place: Reservation) -> None:
        """The attempt waits, visibly and off its own time; it keeps its slot."""
        self._shown.add(reserve)
        account = place.short[0] if place.short else place.accounts[0]
        kind = place.short[1] if place.short else next(iter(account.caps))
        self._engine.attempts.on_waiting(
            Waiting(reserve.job, "budget", self._cards.used_words(account, kind))
        )

    def _let_in(self, reserve: Reserve) -> None:
        job = reserve.job
        if job.holds_slot or job.ended:
            self._go(reserve)
        else:  # it waited for a person without a slot
            self._back[job.node.index] = reserve
            self._engine.scheduler.put(job.node.index, back=True)

    def go_on(self, job: Job) -> None:
        """An attempt has its slot back."""
        reserve = self._back.pop(job.node.index, None)
        if reserve is not None:
            self._go(reserve)

    def _go(self, reserve: Reserve) -> None:
        if reserve in self._shown:
            self._shown.discard(reserve)
            self._engine.attempts.on_waiting(Waiting(reserve.job, None))
        with contextlib.suppress(InvalidStateError):
            reserve.future.set_result(None)

    # What does not fit.

    def _refuse(self, reserve: Reserve, place: Reservation) -> None:
        assert place.short is not None
        account, kind = place.short
        silent = self._engine.plan.mode == "fully_autonomous"
        if silent or account.key in self.final:
            self.give_up(reserve, account, kind)
            return
        if reserve not in self._shown:
            self._show(reserve, place)
        job = reserve.job
        if job.holds_slot:  # others can work while a person thinks
            job.holds_slot = False
            self._engine.scheduler.release()
        self._cards.refused(account, kind, reserve)

    def give_up(self, reserve: Reserve, account: Account, kind: Kind) -> None:
        """There will be no room for a call: its attempt fails, in one line."""
        self._fail(reserve, self._cards.refusal(account, kind, self._places[reserve].worst[kind]))

    def _fail(self, reserve: Reserve, why: str) -> None:
        place = self._places.pop(reserve, None)
        if place is not None:
            self._ledger.leave(place)
        self._shown.discard(reserve)
        with contextlib.suppress(InvalidStateError):
            reserve.future.set_exception(AgentError(why, cause="budget"))

    def again(self, refused: list[Reserve]) -> None:
        """A cap was raised: there may be room now."""
        self._ledger.enter_again([self._places[one] for one in refused if one in self._places])
        self._serve()

    def worst_of(self, reserve: Reserve) -> dict[Kind, int]:
        """What a call may come to."""
        place = self._places.get(reserve)
        return place.worst if place is not None else dict.fromkeys(KINDS, 0)

    def close(self) -> None:
        """The run comes to its end: nobody is asked about it any more."""
        self._cards.close()


def _caps(budget: Caps | None) -> dict[str, Any]:
    return {} if budget is None else budget.model_dump()
