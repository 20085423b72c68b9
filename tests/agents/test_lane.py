"""The arithmetic of admission, on a clock of its own: limits, refusals, coming back."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_nb.agents.lane import Lane, Ticket
from orchestra_nb.agents.limits import Cost, Figure, Gauge, Kind, read_figures

EPOCH = 1_800_000_000.0


def stamp(t: float) -> str:
    """A moment as the API writes it: whole seconds."""
    return datetime.fromtimestamp(math.floor(EPOCH + t), UTC).strftime("%FT%TZ")


def headers(at: float, **told: tuple[float, float, float]) -> dict[str, str]:
    """Headers of an answer: for each kind its limit, what is left, and when it is full again."""
    found = {"date": formatdate(EPOCH + at, usegmt=True)}
    for kind, (limit, left, full) in told.items():
        name = f"anthropic-ratelimit-{kind.replace('_', '-')}"
        found |= {
            f"{name}-limit": f"{limit:.0f}",
            f"{name}-remaining": f"{left:.0f}",
            f"{name}-reset": stamp(full),
        }
    return found


def lane() -> Lane:
    """A lane whose chance is always in the middle."""
    return Lane(chance=lambda: 0.5)


def admit(one: Lane, now: float, *, chars: int = 0, max_tokens: int = 0) -> Ticket:
    """Let a request go that may."""
    cost = one.cost(chars, max_tokens)
    assert one.ready_at(cost, now) <= now
    return one.admit(cost, chars, now)


def when(one: Lane, now: float, *, chars: int = 0, max_tokens: int = 0) -> float:
    """When the next request may go."""
    return one.ready_at(one.cost(chars, max_tokens), now)


# -- headers -------------------------------------------------------------------------------------


def test_headers_are_read_by_the_servers_clock() -> None:
    """Limits, what is left, and seconds until all is there again, whatever our clock says."""
    found = read_figures(headers(5.0, requests=(50, 49, 6.2), input_tokens=(30_000, 24_000, 17)))
    assert found == {"requests": Figure(50, 49, 1.0), "input-tokens": Figure(30_000, 24_000, 12.0)}


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"anthropic-ratelimit-requests-limit": "50"},
        {"anthropic-ratelimit-requests-remaining": "49"},
        {"anthropic-ratelimit-requests-limit": "0", "anthropic-ratelimit-requests-remaining": "0"},
        {"anthropic-ratelimit-requests-limit": "x", "anthropic-ratelimit-requests-remaining": "1"},
        {
            "anthropic-ratelimit-requests-limit": "inf",
            "anthropic-ratelimit-requests-remaining": "1",
        },
    ],
)
def test_headers_that_say_nothing_limit_nothing(bad: Mapping[str, str]) -> None:
    """Missing, broken and senseless figures are left out."""
    assert read_figures(bad) == {}


@pytest.mark.parametrize("reset", ["", "soon", "2026-11-22T10:00:00", "17"])
def test_a_time_that_cannot_be_read_is_not_known(reset: str) -> None:
    """What is left still counts."""
    told = headers(0, requests=(50, 49, 0)) | {"anthropic-ratelimit-requests-reset": reset}
    assert read_figures(told) == {"requests": Figure(50, 49, None)}
    del told["date"]
    assert read_figures(told) == {"requests": Figure(50, 49, None)}


# -- one limit -----------------------------------------------------------------------------------


def test_a_bucket_refills_steadily() -> None:
    """A minute's worth comes back in a minute, bit by bit, and never more than there is."""
    gauge = Gauge()
    gauge.hear("requests", Figure(60, 0, 60.0), 100.0, since=99.0)
    assert gauge.ready_at(1, 100.0) == 101.0
    assert gauge.ready_at(30, 100.0) == 130.0
    assert gauge.free(110.0) == 10.0
    assert gauge.free(1_000.0) == 60.0


def test_a_slow_answers_times_are_as_of_its_request() -> None:
    """What is full when a slow answer comes is no window: the figures are from its beginning."""
    gauge = Gauge()
    gauge.hear("input-tokens", Figure(30_000, 24_000, 1.0), 12.0, since=0.0)
    assert gauge.steady
    gauge.hear("input-tokens", Figure(30_000, 24_000, 1.0), 12.0, since=12.0)
    assert not gauge.steady


def test_a_window_is_empty_until_it_ends() -> None:
    """A limit that comes back all at once lets nobody go before, all of it after."""
    gauge = Gauge()
    gauge.hear("requests", Figure(100, 0, 10.0), 0.0, since=0.0)
    assert gauge.ready_at(1, 0.0) == 11.0
    assert gauge.free(10.9) == 0
    assert gauge.free(11.0) == 100
    gauge.spend(100, 11.0)
    assert gauge.free(12.0) == 0


def test_more_than_there_ever_is_goes_when_all_is_there() -> None:
    """A request beyond the limit is not held up for ever: the provider says what comes of it."""
    gauge = Gauge()
    gauge.hear("input-tokens", Figure(6_000, 5_999, None), 0.0, since=0.0)
    assert 0 < gauge.ready_at(50_000, 0.0) < 0.1


def test_old_figures_hold_nobody_up() -> None:
    """A minute after the last word one is let through, and the next waits for its answer."""
    gauge = Gauge()
    gauge.hear("requests", Figure(1_000, 0, 86_400.0), 0.0, since=0.0)
    assert gauge.ready_at(1, 0.0) == 60.0
    gauge.hold(1, 60.0)
    assert gauge.ready_at(1, 60.0) == 120.0


def test_tokens_are_told_in_thousands() -> None:
    """Half a thousand may be missing from what was said to be left."""
    gauge = Gauge()
    gauge.hear("output-tokens", Figure(60_000, 1_000, None), 0.0, since=0.0)
    assert gauge.free(0.0) == 500
    gauge.hear("output-tokens", Figure(60_000, 60_000, None), 0.0, since=0.0)
    assert gauge.free(0.0) == 60_000


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    limit=st.integers(1, 5_000),
    left=st.floats(0, 1),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_what_was_said_is_never_exceeded(limit: int, left: float, gaps: list[float]) -> None:
    """With no further word, never more goes than was left and has been refilled since."""
    one, known = lane(), int(left * limit)
    told = headers(0, requests=(limit, known, 60 - known * 60 / limit))
    one.opened(one.admit(Cost(), 0, 0.0), told, 0.0)
    now, gone, probes = 0.0, 0, 0
    for gap in gaps:
        now += gap
        if when(one, now) <= now:
            one.admit(Cost(), 0, now)
            gone += 1
            probes = 1 + int(now / 60)  # a minute without news lets one through
    assert gone <= known + now * limit / 60 + probes + 1e-6


class Provider:
    """A bucket as the Messages API has it, and a clock."""

    def __init__(self, requests: float, tokens: float, left: float) -> None:
        self.size = {"requests": requests, "input-tokens": tokens}
        self.level = {kind: size * left for kind, size in self.size.items()}
        self.at, self.refused = 0.0, 0

    def take(self, tokens: int, now: float) -> tuple[bool, dict[str, str]]:
        """Whether a request is let through, and the headers of its answer."""
        for kind, size in self.size.items():
            self.level[kind] = min(size, self.level[kind] + (now - self.at) * size / 60)
        self.at = now
        wanted = {"requests": 1, "input-tokens": tokens}
        fits = all(self.level[kind] >= amount - 1e-6 for kind, amount in wanted.items())
        if fits:
            for kind, amount in wanted.items():
                self.level[kind] -= amount
        self.refused += not fits
        told: dict[str, tuple[float, float, float]] = {}
        for kind, size in self.size.items():
            left = math.floor(self.level[kind])
            rounded = left if kind == "requests" else round(left / 1000) * 1000
            full = now + (size - self.level[kind]) * 60 / size
            told[kind.replace("-", "_")] = (size, rounded, full)
        return fits, headers(now, **told)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    requests=st.integers(20, 600),
    tokens=st.integers(20_000, 400_000),
    left=st.floats(0.0, 1.0),
    sizes=st.lists(st.integers(0, 12_000), min_size=5, max_size=60),
    delays=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 3)), min_size=7, max_size=7),
)
def test_a_provider_that_tells_its_limits_never_refuses(
    requests: int, tokens: int, left: float, sizes: list[int], delays: list[tuple[float, float]]
) -> None:
    """With limits known and sizes guessed right, whatever the delays: no 429, nobody left."""
    provider, one = Provider(requests, tokens, left), lane()
    first = admit(one, 0.0)
    told: Mapping[str, str] = provider.take(0, 0.0)[1]
    provider.refused = 0
    one.opened(first, told, 0.0)
    one.settle(first, 0.0)
    now, number, waiting = 0.0, 0, list(sizes)
    events: list[tuple[float, int, str, Ticket, Mapping[str, str]]] = []
    while waiting or events:
        at = when(one, now, chars=waiting[0]) if waiting else math.inf
        if events and events[0][0] <= at:
            now, _, what, ticket, told = heapq.heappop(events)
            if what == "arrives":
                fits, told = provider.take(ticket.cost.input, now)
                assert fits, f"refused at {now}"
                answer = now + delays[number % 7][1]
                heapq.heappush(events, (answer, number, "answered", ticket, told))
            else:
                one.opened(ticket, told, now)
                one.settle(ticket, now)
        else:
            assert at < math.inf, "nothing would ever happen again"
            now = max(now, at)
            if when(one, now, chars=waiting[0]) > now:
                continue
            ticket = admit(one, now, chars=waiting.pop(0))
            heapq.heappush(events, (now + delays[number % 7][0], number, "arrives", ticket, {}))
        number += 1
    assert provider.refused == 0
    assert one.in_flight == 0
    assert all(gauge.held == 0 for gauge in one.gauges.values())


# -- what an exchange takes ----------------------------------------------------------------------


def test_max_tokens_is_not_reserved() -> None:
    """What answers typically come to is reckoned with, learnt from those that ended."""
    one = lane()
    assert one.cost(400, 64_000) == Cost(1, 100, 500)
    assert one.cost(0, 64_000).output < 64_000
    assert one.cost(0, 50).output == 50
    ticket = admit(one, 0.0, chars=1_000)
    one.opened(ticket, {}, 1.0)
    one.settle(ticket, 11.0, input=500, output=2_000)
    assert one.cost(400, 64_000) == Cost(1, 200, 2_000)


def test_a_long_answer_counts_by_the_minute() -> None:
    """Of an answer that takes four minutes a quarter is written in one."""
    one = lane()
    ticket = admit(one, 0.0)
    one.opened(ticket, {}, 0.0)
    one.settle(ticket, 240.0, input=0, output=20_000)
    assert one.cost(0, 64_000).output == 5_000


def test_answers_under_way_hold_what_they_will_write() -> None:
    """Output is held until an answer ends, then counted as it was, less what figures told since."""
    one = lane()
    first = admit(one, 0.0, max_tokens=1_000)
    one.opened(first, headers(0, output_tokens=(6_000, 6_000, 0)), 0.0)
    gauge = one.gauges["output-tokens"]
    assert gauge.free(0.0) == 5_500
    one.settle(first, 0.0, input=10, output=2_000)
    assert gauge.free(0.0) == 4_000
    assert gauge.held == 0
    second = admit(one, 10.0, max_tokens=1_000)
    one.opened(second, {}, 10.0)
    third = admit(one, 15.0, max_tokens=1_000)
    one.opened(third, headers(15, output_tokens=(6_000, 2_010, 55)), 15.0)
    one.settle(second, 20.0, input=10, output=1_000)  # half of it was written before 15
    assert gauge.free(20.0) == pytest.approx(2_010 + 500 - 500 - third.cost.output)


def test_figures_of_an_older_request_are_not_news() -> None:
    """What an answer that comes late tells is older than what is known, and it is counted off."""
    one = lane()
    slow, fast = admit(one, 0.0), admit(one, 1.0)
    one.opened(fast, headers(1, requests=(60, 10, 51)), 2.0)
    one.opened(slow, headers(0, requests=(60, 50, 10)), 9.0)
    assert one.gauges["requests"].free(9.0) == 10 + 7 - 1


def test_what_may_not_be_in_a_figure_is_counted_off() -> None:
    """What was answered since a request was sent may have been counted after its figures."""
    one = lane()
    before, after = admit(one, 0.0), admit(one, 1.0)
    one.opened(before, headers(2, requests=(60, 8, 54)), 2.0)
    one.opened(after, headers(1, requests=(60, 9, 52)), 3.0)  # as of 1: without the other one
    assert one.gauges["requests"].free(3.0) == 8


def test_a_failed_request_gives_back_what_it_held() -> None:
    """No answer, no charge."""
    one = lane()
    first = admit(one, 0.0)
    one.opened(first, headers(0, requests=(60, 2, 58), input_tokens=(60_000, 9_001, 51)), 0.0)
    one.settle(first, 0.0)
    before = one.gauges["input-tokens"].free(0.0)
    second = admit(one, 0.0, chars=20_000)
    assert one.gauges["input-tokens"].free(0.0) == before - 5_000
    one.settle(second, 0.0)
    one.settle(second, 0.0)
    assert one.gauges["input-tokens"].free(0.0) == before
    assert one.in_flight == 0


# -- refusals ------------------------------------------------------------------------------------


def busy(one: Lane, count: int, now: float = 0.0) -> list[Ticket]:
    """So many exchanges under way, all answered."""
    tickets = [one.admit(Cost(), 0, now) for _ in range(count)]
    for ticket in tickets:
        one.opened(ticket, {}, now)
    return tickets


def test_all_may_go_while_nothing_is_known() -> None:
    """Ten at once, then one every 25 ms: nobody waits for a first answer."""
    one, now = lane(), 0.0
    gone: list[float] = []
    while len(gone) < 30:
        now = when(one, now)
        one.admit(Cost(), 0, now)
        gone.append(now)
    assert gone[:10] == [0.0] * 10
    assert gone[10] > 0
    assert gone[-1] == pytest.approx(0.5)


def test_a_refusal_halves_the_concurrency_once() -> None:
    """All that went before the stop say one and the same thing."""
    one = lane()
    tickets = busy(one, 10)
    asking = [one.admit(Cost(), 0, 1.0) for _ in range(10)]
    assert one.concurrency(1.0) == math.inf
    for ticket in asking:
        one.refused(ticket, {}, 1.0, retry_after=2.0)
    assert one.resume_at == 3.0
    assert one.concurrency(3.0) == 10
    assert one.in_flight == len(tickets)
    for ticket in tickets:
        one.settle(ticket, 3.0)
    one.refused(admit(one, 3.0), {}, 3.0, retry_after=1.0)
    assert one.concurrency(4.0) == 10, "one that asks in vain says nothing of how many may"


def test_a_pause_leaves_the_programs_chance_alone() -> None:
    """How long a pause lasts is drawn from numbers that no program has seeded."""
    random.seed(7)
    expected = random.random()
    random.seed(7)
    one = Lane()
    one.refused(admit(one, 0.0), {}, 0.0)
    assert one.resume_at > 0.0
    assert random.random() == expected


def test_each_second_without_a_refusal_lets_one_more_in() -> None:
    """Concurrency grows by one a second, from when the provider takes requests again."""
    one = lane()
    busy(one, 8)
    one.refused(one.admit(Cost(), 0, 1.0), {}, 1.0, retry_after=2.0)
    assert one.concurrency(3.0) == 4.5
    assert one.concurrency(13.0) == 14.5
    assert when(one, 3.0) == pytest.approx(3.0 + 9 - 4.5)


def test_nobody_goes_before_the_time_the_provider_named() -> None:
    """Retry-After holds for all, also when a later refusal names an earlier time."""
    one = lane()
    first, second = admit(one, 0.0), admit(one, 0.0)
    one.refused(first, {}, 1.0, retry_after=30.0)
    one.refused(second, {}, 1.5, retry_after=2.0)
    assert when(one, 1.5) == 31.0


def test_after_a_refusal_one_goes_first_then_few_then_all() -> None:
    """One asks alone; each answer lets one more ask; they leave one after the other."""
    one = lane()
    tickets = [one.admit(Cost(), 0, 0.0) for _ in range(80)]
    for ticket in tickets:
        one.refused(ticket, {}, 0.0, retry_after=1.0)
    now = 1.0
    gone: list[float] = []
    asking: list[Ticket] = []
    while len(gone) < 40:
        at = when(one, now)
        if asking and asking[0].began + 0.05 < at:  # each is answered 50 ms later
            ticket = asking.pop(0)
            now = ticket.began + 0.05
            one.opened(ticket, {}, now)
            one.settle(ticket, now)
        else:
            now = at
            asking.append(one.admit(Cost(), 0, now))
            gone.append(now)
    assert gone[0] == 1.0
    assert gone[1] >= 1.25
    assert gone[3] >= 1.45
    assert max(sum(t <= u < t + 0.1 for u in gone) for t in gone) <= 12
    assert 1.9 < gone[-1] < 3.0


def test_without_a_named_time_pauses_grow_while_all_is_refused() -> None:
    """One second, two, four … thirty at most; an answer makes the next refusal the first again."""
    one, now, pauses = lane(), 0.0, []
    for _ in range(8):
        ticket = admit(one, now)
        one.refused(ticket, {}, now)
        pauses.append(one.resume_at - now)
        now = one.resume_at
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    ticket = admit(one, now)
    one.opened(ticket, {}, now)
    assert one.down_s(now) == 0
    one.refused(admit(one, now + 1), {}, now + 1)
    assert one.resume_at == now + 2


def test_a_refusal_long_after_the_last_is_the_first_again() -> None:
    """Who stopped asking in the middle of an outage starts anew the next day."""
    one = lane()
    one.refused(admit(one, 0.0), {}, 0.0)
    one.refused(admit(one, 1.0), {}, 1.0)
    one.refused(admit(one, 86_400.0), {}, 86_400.0)
    assert one.resume_at == 86_401.0
    assert one.down_s(86_400.0) == 0


def test_an_answer_that_does_not_come_holds_up_nobody_for_long() -> None:
    """Ten seconds after the first one asked in silence, another may."""
    one = lane()
    one.refused(admit(one, 0.0), {}, 0.0, retry_after=1.0)
    admit(one, 1.0)
    assert when(one, 1.0) == 11.0
    admit(one, 11.0)
    assert when(one, 11.0) == 21.0


def test_a_broken_off_answer_counts_as_a_refusal() -> None:
    """An overloaded API may say so in the middle of an answer."""
    one = lane()
    (ticket,) = busy(one, 1)
    one.refused(ticket, {}, 5.0)
    assert when(one, 5.0) == 6.0
    assert one.in_flight == 0


def test_a_time_beyond_reason_pauses_only_for_a_moment() -> None:
    """Who is told to come back tomorrow fails; others may try for themselves."""
    one = lane()
    one.refused(admit(one, 0.0), {}, 0.0, retry_after=86_400.0)
    assert one.told_until == -math.inf
    assert when(one, 0.0) == 1.0


def test_the_outlook_names_what_is_short() -> None:
    """People read which limit they wait for, and how long, with those in line before them."""
    one = lane()
    kinds: dict[Kind, str] = {
        "requests": "60,000 requests a minute",
        "input-tokens": "60,000 input tokens a minute",
    }
    assert one.outlook(Cost(0), Cost(), 0.0) == (None, "few at a time at first")
    for kind, words in kinds.items():
        one = lane()
        told = headers(0, **{kind.replace("-", "_"): (60_000, 1, 60)})
        one.opened(admit(one, 0.0), told, 0.0)
        wait, said = one.outlook(Cost(9_000, 90_000), Cost(1, 10_000), 0.0)
        assert said == words
        assert wait == (9 if kind == "requests" else 99.999)
    one.refused(admit(one, 60.0), {}, 60.0, retry_after=200.0, why="Rate limited (429)")
    assert one.outlook(Cost(0), Cost(), 61.0) == (199.0, "Rate limited (429)")
