"""Waiting in line for a provider: order, cancellation, deadlines, what people see."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from orchestra_nb.agents import governor
from orchestra_nb.agents.governor import Permit, admitted, headroom
from orchestra_nb.agents.lane import CHANCE
from orchestra_nb.agents.prices import Tokens
from orchestra_nb.errors import AgentError

from .recording import Recording
from .test_lane import headers
from .virtual import run

LIMITED = headers(0, requests=(60, 0, 60))
REFUSED = AgentError("Rate limited (429)", retryable=True, cause="rate_limit")


def refused(after: float) -> AgentError:
    """A refusal that names a time."""
    return AgentError(
        f"Rate limited (429); retry after {after:g} s",
        retryable=True,
        retry_after=after,
        cause="rate_limit",
    )


def client(key: str = "sk-secret-1", url: str = "http://provider") -> Any:
    """What a client shows of itself."""
    return SimpleNamespace(base_url=url, api_key=key, auth_token=None)


class Agents:
    """Agents that ask a provider at once, on a clock that takes no time."""

    def __init__(self) -> None:
        self.went: list[tuple[str, float]] = []
        self.contexts: dict[str, Recording] = {}
        self.errors: dict[str, BaseException] = {}

    async def ask(
        self,
        name: str,
        *,
        answer: Callable[[Permit], Any] = lambda permit: permit.opened({}),
        chars: int = 0,
        takes: float = 0.0,
        context: Recording | None = None,
        model: str = "m",
        who: Any = None,
    ) -> None:
        """One exchange; its answer comes after `takes` seconds."""
        context = self.contexts[name] = context or Recording()
        admission = admitted(
            who or client(), context.as_context, model=model, chars=chars, max_tokens=100
        )
        try:
            async with admission as permit:
                self.went.append((name, asyncio.get_running_loop().time()))
                await asyncio.sleep(takes)
                answer(permit)
        except AgentError as error:
            self.errors[name] = error

    @property
    def order(self) -> list[str]:
        """Who went, in that order."""
        return [name for name, _ in self.went]


def in_line(main: Callable[[Agents], Coroutine[Any, Any, None]]) -> Agents:
    """Let agents ask, and see that nothing of them stays."""
    agents = Agents()
    CHANCE.seed(0)  # pauses and departures are spread by chance

    async def whole() -> None:
        await main(agents)
        for room in headroom():
            if room.base_url == "http://provider":
                assert (room.in_flight, room.waiting) == (0, 0)
        for gate in governor._gates[asyncio.get_running_loop()].values():
            assert {gauge.held for gauge in gate.lane.gauges.values()} == {0}

    run(whole())
    return agents


async def empty(agents: Agents) -> None:
    """Let one agent hear that nothing is left, and one a second comes back."""
    await agents.ask("first", answer=lambda permit: permit.opened(LIMITED))
    del agents.went[:]


# -- the line ------------------------------------------------------------------------------------


def test_first_come_first_served() -> None:
    """Nobody overtakes: large requests and small ones go in the order in which they came."""

    async def main(agents: Agents) -> None:
        told = headers(0, requests=(60, 0, 60), input_tokens=(60_000, 1, 60))
        await agents.ask("first", answer=lambda permit: permit.opened(told))
        async with asyncio.TaskGroup() as group:
            for number, chars in enumerate([40_000, 4, 4, 80_000, 4, 4]):
                group.create_task(agents.ask(str(number), chars=chars))

    agents = in_line(main)
    assert agents.order[1:] == list("012345")
    times = dict(agents.went)
    assert times["0"] == pytest.approx(10, abs=0.1)
    assert times["3"] == pytest.approx(times["2"] + 20, abs=1.5)


def test_a_wait_is_visible_unless_it_is_short() -> None:
    """People see which limit is waited for and how long; a blink of waiting is no event."""

    async def main(agents: Agents) -> None:
        await empty(agents)
        await asyncio.sleep(0.8)
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(agents.ask(str(number)))

    agents = in_line(main)
    assert agents.contexts["0"].waits == []
    ((cause, until, detail),) = agents.contexts["2"].waits
    assert (cause, detail) == ("rate_limit", "60 requests a minute")
    assert until == pytest.approx(1.9, abs=0.01)
    assert agents.went[2][1] == pytest.approx(3.0)


def test_a_refusal_is_told_to_those_who_wait() -> None:
    """Who waits already sees the new cause and the new time."""

    async def main(agents: Agents) -> None:
        slow = asyncio.create_task(
            agents.ask("slow", takes=1.5, answer=lambda p: p.close(refused(20), {}, None))
        )
        await asyncio.sleep(0)
        await empty(agents)
        await asyncio.gather(slow, *(agents.ask(str(number)) for number in range(3)))

    agents = in_line(main)
    (_, _, before), (_, until, after) = agents.contexts["2"].waits[:2]
    assert (before, after) == ("60 requests a minute", "Rate limited (429)")
    assert until == pytest.approx(20)
    assert dict(agents.went)["2"] >= 21.5


def test_a_retry_after_on_a_success_means_nothing() -> None:
    """The Messages API sends one with every answer."""

    async def main(agents: Agents) -> None:
        await agents.ask("a", answer=lambda permit: permit.opened({"retry-after": "52"}))
        await agents.ask("b")

    assert in_line(main).went == [("a", 0.0), ("b", 0.0)]


def test_other_accounts_models_and_providers_do_not_wait() -> None:
    """Each has its own limits; the same key from another client has not."""

    async def main(agents: Agents) -> None:
        await agents.ask("a", answer=lambda p: p.close(refused(30), {}, None))
        await agents.ask("model", model="other")
        await agents.ask("key", who=client("sk-secret-2"))
        await agents.ask("url", who=client(url="http://elsewhere"))
        await agents.ask("same", who=client())

    agents = in_line(main)
    assert dict(agents.went) == {"a": 0, "model": 0, "key": 0, "url": 0, "same": 30}


def test_nothing_shows_the_key() -> None:
    """Accounts are told apart by a salted hash that no representation leads back from."""

    async def main(agents: Agents) -> None:
        await agents.ask("a", answer=lambda permit: permit.opened(LIMITED))
        (room,) = [one for one in headroom() if one.base_url == "http://provider"]
        assert "sk-secret" not in repr(room) + repr(governor._gates)
        assert len(room.account) == 12
        assert dict(room.limits) == {"requests": 60}
        assert dict(room.left) == {"requests": 0}
        assert (room.model, room.concurrency, room.paused_s) == ("m", None, 0)

    in_line(main)


def test_two_hundred_refused_at_once_do_not_come_back_as_a_herd() -> None:
    """529 to all for 2 s: a handful asks meanwhile; afterwards they leave one after the other."""

    async def main(agents: Agents) -> None:
        async def stubborn(name: str) -> None:
            answered: list[bool] = []

            def answer(permit: Permit) -> None:
                if asyncio.get_running_loop().time() < 2.0:
                    permit.close(REFUSED, {}, None)
                else:
                    permit.opened({})
                    answered.append(True)

            while not answered:
                await agents.ask(name, takes=0.05, answer=answer)
                await asyncio.sleep(0.5)  # the engine's delay, alike for all

        warm = headers(0, requests=(60_000, 60_000, 0))
        await agents.ask("warm", answer=lambda permit: permit.opened(warm))
        await asyncio.gather(*(stubborn(str(number)) for number in range(200)))

    agents = in_line(main)
    times = [time for _, time in agents.went[1:]]
    asked = [time for time in times if time < 2.0]
    wave = [time for time in asked if time < 0.5]
    assert len(asked) - len(wave) <= 3
    back = [time for time in times if time >= 2.0]
    assert max(sum(t <= u < t + 0.1 for u in back) for t in back) <= 60
    assert sum(t <= back[0] + 0.5 for t in back) <= 10, "few at first"
    assert back[-1] - back[0] > 1.0
    assert back[-1] < 8.0


# -- who can't wait ------------------------------------------------------------------------------


def test_a_wait_longer_than_the_task_has_left_fails_at_once() -> None:
    """In line, newly come and refused alike; those with time enough wait."""

    async def main(agents: Agents) -> None:
        raised: list[Any] = []

        def answer(permit: Permit) -> None:
            raised.append(permit.close(refused(40), {}, None))

        patient, hasty = Recording(seconds_left=60), Recording(seconds_left=20)
        await agents.ask("first", answer=lambda permit: permit.opened(LIMITED))
        async with asyncio.TaskGroup() as group:
            ask = agents.ask("refused", takes=0.1, answer=answer, context=Recording(seconds_left=5))
            group.create_task(ask)
            group.create_task(agents.ask("patient", context=patient))
            group.create_task(agents.ask("hasty", context=hasty))
            await asyncio.sleep(10)
            group.create_task(agents.ask("late", context=Recording(seconds_left=20)))
            group.create_task(agents.ask("in time", context=Recording(seconds_left=35)))
        assert str(raised[0]) == (
            "Rate limited (429); retry after 40 s, which is longer than the task has left (5 s)"
        )
        assert not raised[0].retryable

    agents = in_line(main)
    assert agents.order == ["first", "refused", "patient", "in time"]
    assert {name: str(error) for name, error in agents.errors.items()} == {
        "hasty": "Rate limited (429); retry after 40 s, which is longer than the task has left "
        "(20 s)",
        "late": "Rate limited (429); retry after 31 s, which is longer than the task has left "
        "(20 s)",
    }


def test_a_wait_beyond_reason_fails_everybody_in_line() -> None:
    """Told to come back in an hour, those who wait fail in one line; a later run may ask again."""

    async def main(agents: Agents) -> None:
        raised: list[Any] = []

        def answer(permit: Permit) -> None:
            raised.append(permit.close(refused(3_600), {}, None))

        await empty(agents)
        async with asyncio.TaskGroup() as group:
            group.create_task(agents.ask("a", takes=0.1, answer=answer))
            group.create_task(agents.ask("b"))
        await agents.ask("c")
        assert str(raised[0]) == str(agents.errors["b"])

    agents = in_line(main)
    assert str(agents.errors["b"]) == (
        "Rate limited (429); retry after 3,600 s, which is longer than any task waits (10 min)"
    )
    assert agents.order == ["a", "c"]


def test_an_outage_without_end_fails_in_the_end() -> None:
    """After ten minutes in which nothing got through, everybody fails in one line."""

    async def main(agents: Agents) -> None:
        raised: list[Any] = []

        def answer(permit: Permit) -> None:
            raised.append(permit.close(REFUSED, {}, None))

        await asyncio.gather(*(agents.ask(str(number), answer=answer) for number in range(60)))
        assert 600 < asyncio.get_running_loop().time() < 640
        assert str(raised[-1]).startswith("Rate limited (429); nothing got through for 1")

    agents = in_line(main)
    assert 15 < len(agents.went) < 60
    assert set(agents.order) | agents.errors.keys() == set(map(str, range(60)))
    assert {str(error)[:40] for error in agents.errors.values()} == {
        "Rate limited (429); nothing got through "
    }


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 1.0, 1.9999, 2.0, 3.0])
def test_cancelling_leaves_no_reservation(at: float) -> None:
    """Whenever an agent is cancelled, in line, let in or asking, nothing stays held."""

    async def main(agents: Agents) -> None:
        await empty(agents)
        tasks = [asyncio.create_task(agents.ask(str(n), takes=0.3)) for n in range(6)]
        await asyncio.sleep(at)
        for task in tasks[::2]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in ended[1::2]] == [type(None)] * 3

    agents = in_line(main)
    assert {"1", "3", "5"} <= set(agents.order)
    assert dict(agents.went)["5"] <= 6.0


def test_cancelled_in_the_moment_of_admission() -> None:
    """Let in and cancelled before it knows: the next one gets what it had."""

    async def main(agents: Agents) -> None:
        await empty(agents)
        loop = asyncio.get_running_loop()
        one = asyncio.create_task(agents.ask("one"))
        two = asyncio.create_task(agents.ask("two"))
        await asyncio.sleep(0)
        gate = next(iter(governor._gates[loop].values()))
        while not gate._line[0].future.done() and len(gate._line) == 2:
            await asyncio.sleep(0.001)
        one.cancel()
        await asyncio.gather(one, two, return_exceptions=True)

    assert in_line(main).order == ["two"]


def test_usage_settles_what_was_guessed() -> None:
    """Tokens read from the cache count against no limit; what is learnt is what counts."""

    async def main(agents: Agents) -> None:
        def answer(permit: Permit) -> None:
            permit.opened({})
            used = Tokens(input=40, output=90, cache_read=9_000, cache_write_5m=60)
            assert permit.close(None, {}, used) is None

        await agents.ask("a", chars=1_000, takes=1.0, answer=answer)
        (gate,) = governor._gates[asyncio.get_running_loop()].values()
        assert gate.lane.cost(1_000, 64_000)[1:] == (100, 90)

    in_line(main)


# -- functions -----------------------------------------------------------------------------------


def test_functions_touch_no_governor() -> None:
    """A run of plain functions does not even import it."""
    code = """
import sys, tempfile, orchestra_nb as onb
plan = onb.Plan(name="P", phases=[onb.Phase(name="One", tasks=[onb.Task(agent="a", task="Do")])])
with tempfile.TemporaryDirectory() as home:
    assert onb.run(plan, agents={"a": lambda context: 1}, home=home).wait(20) == {"a": 1}
print([name for name in sys.modules if name.endswith((".governor", ".lane", ".limits"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
