"""The arithmetic of caps."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import given

from orchestra_nb.engine.ledger import KINDS, Account, Kind, Ledger, Reservation, dollars, nano


def wants(*accounts: Account, usd: int = 0, tokens: int = 0) -> Reservation:
    """A reservation that counts against these accounts."""
    return Reservation(None, accounts, {"usd": usd, "tokens": tokens})


def served(ledger: Ledger, *ones: Reservation) -> list[str]:
    """Let them stand in line, one after the other; where each stands then."""
    for one in ones:
        ledger.enter(one)
        ledger.serve()
    return [one.status for one in ones]


def test_what_fits_is_let_in_and_the_rest_waits_its_turn() -> None:
    """Who does not fit waits, and nobody passes; when a call is over the next goes."""
    ledger, run = Ledger(), Account("", {"usd": 10})
    big, small = wants(run, usd=8), wants(run, usd=8)
    tiny = wants(run, usd=1)
    assert served(ledger, big, small, tiny) == ["held", "waiting", "waiting"]
    ledger.leave(big)
    ledger.spend((run,), {"usd": 1, "tokens": 7})
    assert ledger.serve() == ([small, tiny], [])
    assert (run.spent, run.held["usd"], run.in_flight) == ({"usd": 1, "tokens": 7}, 9, 2)


def test_nothing_is_refused_while_a_call_is_in_flight() -> None:
    """It may come to less than its worst; only when none is in flight there is no hope."""
    ledger, run = Ledger(), Account("", {"usd": 10})
    first, second = wants(run, usd=6), wants(run, usd=6)
    assert served(ledger, first, second) == ["held", "waiting"]
    ledger.spend((run,), {"usd": 6, "tokens": 0})
    assert ledger.serve() == ([], []), "the first call is in flight"
    ledger.leave(first)
    assert ledger.serve() == ([], [second])
    assert second.short == (run, "usd")
    run.caps["usd"] = 12
    ledger.enter_again([second])
    assert ledger.serve() == ([second], [])


def test_a_phase_that_is_full_holds_up_no_other() -> None:
    """Who waits for a phase's cap lets those of other phases pass, and none of its own."""
    ledger, run = Ledger(), Account("", {"usd": 100})
    one, two = Account("phase 1", {"usd": 5}), Account("phase 2", {"usd": 5})
    ones = [wants(run, one, usd=4), wants(run, one, usd=4), wants(run, one, usd=1)]
    assert served(ledger, *ones, wants(run, two, usd=4)) == ["held", "waiting", "waiting", "held"]


def test_a_phase_without_calls_refuses_while_others_call() -> None:
    """What no call of its own account could give back never fits."""
    ledger, run = Ledger(), Account("", {"usd": 100})
    phase = Account("phase 2", {"tokens": 5})
    assert served(ledger, wants(run, usd=4), wants(run, phase, tokens=6)) == ["held", "refused"]


def test_who_leaves_the_line_makes_room() -> None:
    """A place in line that is given up holds nobody up."""
    ledger, run = Ledger(), Account("", {"usd": 10})
    held, waits, small = wants(run, usd=6), wants(run, usd=6), wants(run, usd=3)
    assert served(ledger, held, waits, small) == ["held", "waiting", "waiting"]
    ledger.leave(waits)
    assert ledger.serve() == ([small], [])


def test_money_does_not_drift() -> None:
    """Ten times ten cents is a dollar."""
    assert dollars(sum(nano(0.1) for _ in range(10))) == 1.0


@st.composite
def scripts(draw: st.DrawFn) -> tuple[dict[str, dict[Kind, int]], list[tuple[int, int, int]]]:
    """Caps of a run and two phases, and calls: phase, worst case, what it really came to."""
    caps: dict[str, dict[Kind, int]] = {}
    for key in ("", "phase 1", "phase 2"):
        kinds = draw(st.sets(st.sampled_from(KINDS)))
        caps[key] = {kind: draw(st.integers(0, 60)) for kind in kinds}
    call = st.tuples(st.integers(1, 2), st.integers(0, 25), st.integers(0, 25))
    calls = draw(st.lists(call, max_size=25))
    return caps, [(phase, worst, min(worst, real)) for phase, worst, real in calls]


@given(scripts(), st.data())
def test_no_cap_is_exceeded_and_nobody_is_forgotten(
    script: tuple[dict[str, dict[Kind, int]], Sequence[tuple[int, int, int]]], data: st.DataObject
) -> None:
    """Whatever the order of ends: spent and held stay below each cap; all are served or refused.

    Who is refused would not have fitted; what is held at the end is nothing.
    """
    caps, calls = script
    ledger = Ledger()
    accounts = {key: Account(key, dict(own)) for key, own in caps.items()}
    real: dict[Reservation, int] = {}
    flying: list[Reservation] = []
    refused: list[Reservation] = []

    def serve() -> None:
        admitted, no = ledger.serve()
        flying.extend(admitted)
        refused.extend(no)
        for one in no:
            account, kind = one.short or (accounts[""], "usd")
            assert account.spent[kind] + one.worst[kind] > account.caps[kind]
        for account in accounts.values():
            for kind, cap in account.caps.items():
                assert account.spent[kind] + account.held[kind] <= cap or not account.in_flight

    for phase, worst, came in calls:
        one = wants(accounts[""], accounts[f"phase {phase}"], usd=worst, tokens=worst)
        real[one] = came
        ledger.enter(one)
        serve()
        ends: bool = data.draw(st.booleans())
        if flying and ends:
            over = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
            ledger.leave(over)
            ledger.spend(over.accounts, {"usd": real[over], "tokens": real[over]})
            serve()
    while flying:
        over = flying.pop(0)
        ledger.leave(over)
        ledger.spend(over.accounts, {"usd": real[over], "tokens": real[over]})
        serve()
    assert ledger.line == []
    assert {one.status for one in real} <= {"over", "refused"}
    for account in accounts.values():
        assert (account.in_flight, account.held) == (0, {"usd": 0, "tokens": 0})
        for kind, cap in account.caps.items():
            assert account.spent[kind] <= cap
