"""What caps allow: accounts, and reservations in line for them. Pure arithmetic.

Money is counted in whole billionths of a dollar, so that no sum drifts. A reservation holds the
worst that may come of a call until the call is over; what it really came to is spent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

__all__ = ["KINDS", "Account", "Kind", "Ledger", "Reservation", "dollars", "nano"]

Kind: TypeAlias = Literal["usd", "tokens"]
KINDS: Final[tuple[Kind, ...]] = ("usd", "tokens")
_NANO: Final = 1_000_000_000


def nano(usd: float) -> int:
    """Dollars as whole billionths."""
    return round(usd * _NANO)


def dollars(amount: int) -> float:
    """Whole billionths as dollars."""
    return amount / _NANO


@dataclass(slots=True, eq=False)
class Account:
    """What one cap, or a cap of each kind, is counted against.

    Attributes:
        key: Whose it is: empty for the run.
        caps: What may be used of each kind that is capped.
        spent: What was used.
        held: What calls in flight may come to at worst.
        in_flight: How many there are.
    """

    key: str
    caps: dict[Kind, int]
    spent: dict[Kind, int] = field(default_factory=lambda: {"usd": 0, "tokens": 0})
    held: dict[Kind, int] = field(default_factory=lambda: {"usd": 0, "tokens": 0})
    in_flight: int = 0

    def short_of(self, worst: dict[Kind, int]) -> Kind | None:
        """The kind of which so much does not fit; ``None`` if all of it does."""
        for kind, cap in self.caps.items():
            if self.spent[kind] + self.held[kind] + worst[kind] > cap:
                return kind
        return None


@dataclass(slots=True, eq=False)
class Reservation:
    """Somebody wants to make a call.

    Attributes:
        owner: Whoever wants it.
        accounts: Whatever it counts against; the run's first, where that has a cap.
        worst: What it may come to.
        status: Where it stands; ``over`` when it is done with.
        short: The account, and the kind, that has no room for it.
    """

    owner: Any
    accounts: tuple[Account, ...]
    worst: dict[Kind, int]
    status: Literal["new", "waiting", "held", "refused", "over"] = "new"
    short: tuple[Account, Kind] | None = None


class Ledger:
    """The line before the accounts: first come, first served.

    Who waits for an account lets nobody behind it take of that account; others pass. What does
    not fit while nothing is in flight on the account that is short can only be refused: what is
    spent never gets less.
    """

    def __init__(self) -> None:
        self.line: list[Reservation] = []

    def enter(self, one: Reservation) -> None:
        """Stand in line, at its end."""
        one.status = "waiting"
        self.line.append(one)

    def enter_again(self, refused: Iterable[Reservation]) -> None:
        """There may be room for what was refused: it came before whoever waits now."""
        again = list(refused)
        for one in again:
            one.status, one.short = "waiting", None
        self.line[:0] = again

    def leave(self, one: Reservation) -> None:
        """It is done with, whether its call was made or not."""
        if one.status == "waiting":
            self.line.remove(one)
        elif one.status == "held":
            for account in one.accounts:
                account.in_flight -= 1
                for kind in KINDS:
                    account.held[kind] -= one.worst[kind]
        one.status = "over"

    def spend(self, accounts: Iterable[Account], amounts: dict[Kind, int]) -> None:
        """Something was used."""
        for account in accounts:
            for kind in KINDS:
                account.spent[kind] += amounts[kind]

    def serve(self) -> tuple[list[Reservation], list[Reservation]]:
        """Let in who fits, refuse who never will; returns both, in order."""
        admitted: list[Reservation] = []
        refused: list[Reservation] = []
        rest: list[Reservation] = []
        waited_for: set[Account] = set()
        for position, one in enumerate(self.line):
            short = next(((a, kind) for a in one.accounts if (kind := a.short_of(one.worst))), None)
            hopeless = [a for a in one.accounts if not a.in_flight and a.short_of(one.worst)]
            if hopeless:
                kind = hopeless[0].short_of(one.worst)
                assert kind is not None
                one.status, one.short = "refused", (hopeless[0], kind)
                refused.append(one)
                continue
            if short is None and waited_for.isdisjoint(one.accounts):
                one.status, one.short = "held", None
                for account in one.accounts:
                    account.in_flight += 1
                    for kind in KINDS:
                        account.held[kind] += one.worst[kind]
                admitted.append(one)
                continue
            one.short = short
            rest.append(one)
            waited_for.update(a for a in one.accounts if a.short_of(one.worst))
            if any(not account.key for account in waited_for):
                # The run's account is everybody's: nobody passes.
                rest += self.line[position + 1 :]
                break
        self.line = rest
        return admitted, refused
