"""The countdown as a value: what holds it, for how long, and what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_nb.engine.countdown import Countdown


def test_runs_out_on_time() -> None:
    """An untouched clock is due when its seconds are over."""
    clock = Countdown(60.0, 5.0)
    assert (clock.deadline(), clock.left(25.0), clock.held, clock.until()) == (65, 40, None, None)


def test_hold_lasts_until_it_is_let_go() -> None:
    """A hold stops the clock without limit; letting go gives back what was left."""
    clock = Countdown(60.0, 0.0)
    assert clock.hold(20.0, True)
    assert (clock.deadline(), clock.until(), clock.left(5_000.0)) == (None, None, 40)
    assert not clock.hold(21.0, True)
    assert clock.hold(100.0, False)
    assert clock.deadline() == 140


def test_a_key_press_holds_for_thirty_seconds() -> None:
    """The clock goes on 30 s after the last key."""
    clock = Countdown(60.0, 0.0)
    assert clock.touch(10.0, typing=True)
    assert not clock.touch(30.0, typing=True)
    assert clock.held == "typing"
    clock.tick(59.9)
    assert clock.held == "typing"
    assert clock.tick(60.0)
    assert clock.deadline() == 110


def test_typing_has_no_limit() -> None:
    """Whoever goes on typing is never overtaken."""
    clock = Countdown(60.0, 0.0)
    for second in range(0, 3_600, 20):
        clock.tick(float(second))
        clock.touch(float(second), typing=True)
    assert (clock.held, clock.left(3_600.0)) == ("typing", 60)


def test_being_here_holds_for_ten_seconds() -> None:
    """Ten seconds after the browser last said that somebody is there the clock goes on."""
    clock = Countdown(60.0, 0.0)
    assert clock.touch(0.0, typing=False)
    assert clock.until() == 10
    assert clock.tick(10.0)
    assert clock.deadline() == 70


@pytest.mark.parametrize("ticks", [True, False], ids=["with timers", "without"])
def test_being_here_holds_for_two_minutes_in_all(ticks: bool) -> None:
    """Focus and hover alone can't hold a clock for more than two minutes altogether."""
    clock = Countdown(60.0, 0.0)
    for second in range(0, 175, 5):
        while ticks and (until := clock.until()) is not None and until <= second:
            clock.tick(until)
        clock.touch(float(second), typing=False)
    clock.tick(175.0)
    assert clock.held is None
    assert clock.deadline() == 180


@pytest.mark.parametrize("ticks", [True, False], ids=["with timers", "without"])
def test_hover_does_not_prolong_a_key_press(ticks: bool) -> None:
    """After one key press the mouse alone gives its two minutes, no more."""
    clock = Countdown(60.0, 0.0)
    clock.touch(0.0, typing=True)
    for second in range(5, 205, 5):
        while ticks and (until := clock.until()) is not None and until <= second:
            clock.tick(until)
        clock.touch(float(second), typing=False)
    assert clock.deadline() == 30 + 120 + 60


def test_until_is_the_next_change() -> None:
    """With two holds on, the one that ends first is the next thing to happen."""
    clock = Countdown(60.0, 0.0)
    clock.touch(0.0, typing=True)
    assert clock.until() == 10
    assert not clock.tick(10.0)
    assert clock.until() == 30


def test_sleep_gives_a_minute_more() -> None:
    """A clock that ran out while the machine slept stands for 60 s and is due then."""
    clock = Countdown(60.0, 0.0)
    assert clock.asleep(500.0)
    assert (clock.held, clock.left(500.0), clock.until()) == ("asleep", 0, 560)
    assert clock.tick(560.0)
    assert clock.deadline() == 560


def test_sleep_under_a_hold_changes_nothing_visible() -> None:
    """A person's hold is stronger than the minute after a sleep."""
    clock = Countdown(60.0, 0.0)
    clock.hold(10.0, True)
    assert not clock.asleep(500.0)
    assert (clock.held, clock.left(500.0)) == ("hold", 50)
    clock.hold(510.0, False)
    assert (clock.held, clock.left(510.0)) == ("asleep", 50)
    clock.tick(560.0)
    assert clock.deadline() == 610


def test_extending_adds_to_the_clock_running_or_held() -> None:
    """+5 min lengthens what is left and the whole clock, and lets no hold go."""
    clock = Countdown(60.0, 0.0)
    clock.extend(10.0, 300.0)
    assert (clock.deadline(), clock.seconds) == (360, 360)
    clock.hold(10.0, True)
    clock.extend(20.0, 300.0)
    assert (clock.held, clock.left(20.0), clock.seconds) == ("hold", 650, 660)


def test_pause_and_hold_are_independent() -> None:
    """Going on after a pause does not end somebody's hold."""
    clock = Countdown(60.0, 0.0)
    clock.hold(10.0, True)
    assert not clock.pause(20.0, True)
    assert not clock.pause(30.0, False)
    assert clock.held == "hold"
    clock.hold(40.0, False)
    assert clock.deadline() == 90


def test_without_a_clock_nothing_runs_out() -> None:
    """A decision without a timeout has no deadline, touched or not."""
    clock = Countdown(None, 0.0)
    assert not clock.touch(1.0, typing=True)
    assert not clock.asleep(1.0)
    clock.extend(1.0, 60.0)
    assert clock.hold(2.0, True)
    assert clock.hold(3.0, False)
    assert (clock.deadline(), clock.left(9.0), clock.seconds) == (None, None, None)


STEP = st.tuples(
    st.sampled_from(["tick", "typing", "here", "hold", "free", "pause", "go", "asleep", "extend"]),
    st.floats(0.0, 200.0, allow_nan=False),
)


@given(st.lists(STEP, max_size=40))
def test_time_is_never_lost_or_invented(steps: list[tuple[str, float]]) -> None:
    """Whatever happens, what is left shrinks only while the clock runs, and never below zero."""
    clock, now = Countdown(100.0, 0.0), 0.0
    for step, seconds in steps:
        before = clock.left(now) or 0.0
        now += seconds
        if step in ("typing", "here"):
            clock.touch(now, typing=step == "typing")
        elif step in ("hold", "free"):
            clock.hold(now, step == "hold")
        elif step in ("pause", "go"):
            clock.pause(now, step == "pause")
        elif step == "asleep":
            clock.asleep(now)
        elif step == "extend":
            clock.extend(now, 10.0)
            before += 10.0
        else:
            clock.tick(now)
        left = clock.left(now)
        assert left is not None
        assert max(0.0, before - seconds) - 1e-6 <= left + (10.0 if step == "extend" else 0.0)
        assert 0.0 <= left <= before + 1e-6
        assert (clock.deadline() is None) == (clock.held is not None)
        assert clock.until() is None or clock.until() > now  # type: ignore[operator]
