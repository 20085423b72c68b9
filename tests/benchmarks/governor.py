"""Agents against a server that limits them: with the governor, and the same without it.

Each scenario is run twice over real HTTP with the real SDK, once as shipped and once with every
exchange let go at once, so that only the engine's retries are left. Printed: seconds until the
run ended beside what the limits allow at best, refusals, tasks that failed, attempts, and the most
requests that reached the server within 100 ms after the first refusal (the herd).

    python -m tests.benchmarks.governor [--agents 40] [--only name]

Ours to reach: nothing fails; nothing is refused where headers tell the limits, at most a fifth
where they don't; within 1.1 of the best where they tell, 1.25 and one pause where they don't.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import orchestra_nb as onb
from orchestra_nb.agents import claude
from tests.messages_server import Body, Fault, Limits, MessagesServer, fault

WITHIN_S = 180.0
KEY = "sk-ant-test-0123456789abcdef"


@dataclass(frozen=True)
class Scenario:
    """A server and what its agents do.

    Attributes:
        what: In a few words.
        text: The beginning of each task.
        together: The first request of each agent is refused with 529, all in one moment.
        server: Makes it.
        best: Seconds that the limits cost at least, given the requests and their tokens.
    """

    what: str
    server: Callable[[], MessagesServer]
    best: Callable[[int, int], float]
    text: str = "Look at part"
    together: bool = False


def limited(latency: float = 0.05, **limits: Any) -> MessagesServer:
    """A server with limits."""
    return MessagesServer(limits=Limits(**limits), latency=latency, delta_chars=200)


def overloaded(seconds: float) -> MessagesServer:
    """A server that answers nothing but 529 for so long."""
    server = limited()
    assert server.limits is not None
    server.limits.overloaded = time.monotonic() + seconds
    return server


SCENARIOS = {
    "requests": Scenario(
        "600 requests a minute, 10 left",
        lambda: limited(requests=600, requests_left=10),
        lambda requests, _: (requests - 10) / 10,
    ),
    "bursts": Scenario(
        "600 requests a minute, enforced as 10 a second",
        lambda: limited(requests=600, burst=10),
        lambda requests, _: (requests - 10) / 10,
    ),
    "silent": Scenario(
        "10 requests a second, no headers",
        lambda: limited(requests=600, requests_left=10, headers=False),
        lambda requests, _: (requests - 10) / 10,
    ),
    "tokens": Scenario(
        "300,000 input tokens a minute, 20,000 left",
        lambda: limited(input=300_000, input_left=20_000),
        lambda _, tokens: (tokens - 20_000) / 5_000,
        text=f"{'All of this matters. ' * 160}\nLook at part",
    ),
    "calls": Scenario(
        "600 requests a minute, 10 left; a tool call each",
        lambda: limited(requests=600, requests_left=10),
        lambda requests, _: (requests - 10) / 10,
        text='[[tool:report_progress {"text": "half"}]] Look at part',
    ),
    "together": Scenario("529 to all in one moment", limited, lambda *_: 0.0, together=True),
    "overloaded": Scenario("529 to all for 2 s", lambda: overloaded(2.0), lambda *_: 2.0),
}


@contextlib.asynccontextmanager
async def let_go(*_: Any, **__: Any) -> AsyncIterator[Any]:
    """Admission without a governor."""

    class Permit:
        def opened(self, headers: Any) -> None:
            pass

        def close(self, error: Any, headers: Any, tokens: Any) -> Any:
            return error

    yield Permit()


@contextlib.contextmanager
def governed(on: bool) -> Iterator[None]:
    """With the governor, or without."""
    if on:
        yield
    else:
        with mock.patch.object(claude, "admitted", let_go):
            yield


def plan_of(agents: int, text: str) -> onb.Plan:
    """Independent tasks."""
    tasks = [{"agent": f"agent-{i}", "task": f"{text} {i}"} for i in range(agents)]
    plan = {
        "name": "Limits",
        "max_concurrency": agents,
        "mode": "fully_autonomous",
        "phases": [{"name": "One", "tasks": tasks}],
    }
    return onb.Plan.parse(json.dumps(plan), format="json")


def herd(times: list[float], after: float) -> int:
    """The most requests within 100 ms after a moment."""
    late = [t for t in times if t > after]
    return max((sum(t <= u < t + 0.1 for u in late) for t in late), default=0)


def refuse_together(server: MessagesServer, agents: int) -> None:
    """Hold the first requests until all are there, and refuse them then."""
    limits = server.limits
    assert limits is not None
    server.gate = agents

    def refuse(body: Body) -> Fault | None:
        if len(server.bodies) > agents:
            return None
        limits.refusals.append(time.monotonic())
        return fault(529)

    server.fault = refuse


@dataclass(frozen=True)
class Row:
    """What came of one run."""

    seconds: float
    best: float
    requests: int
    refusals: int
    failed: int
    attempts: int
    herd: int


def measure(scenario: Scenario, agents: int, *, on: bool) -> Row:
    """One run of a scenario."""
    plan = plan_of(agents, scenario.text)
    with tempfile.TemporaryDirectory() as home, scenario.server() as server, governed(on):
        env = {"ANTHROPIC_BASE_URL": server.base_url, "ANTHROPIC_API_KEY": KEY}
        with mock.patch.dict(os.environ, env):
            if scenario.together:
                refuse_together(server, agents)
            began = time.monotonic()
            run = onb.run(plan, home=home, claude=True, spend=True)
            run.wait(WITHIN_S)
            seconds = time.monotonic() - began
        state = run.state
        assert server.limits is not None
        refusals = server.limits.refusals
        usage = state.usage.tokens
        sent = usage["input"] + usage["cache_write_5m"]
        return Row(
            seconds,
            scenario.best(state.usage.exchanges, sent),
            len(server.bodies),
            len(refusals),
            sum(task.status != "completed" for task in state.tasks),
            sum(task.attempt for task in state.tasks),
            herd([seen.t for seen in server.requests], min(refusals, default=began) + 0.05),
        )


def main() -> None:
    """Print two rows a scenario."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--agents", type=int, default=40)
    arguments.add_argument("--only", choices=SCENARIOS)
    options = arguments.parse_args()
    warm = Scenario("", limited, lambda *_: 0.0)
    measure(warm, 2, on=True)  # the SDK's import is not what is measured
    print(
        f"{'governor':<8}  {'seconds':>7}  {'best':>6}  {'requests':>8}  {'refused':>7}  "
        f"{'failed':>6}  {'attempts':>8}  {'herd':>4}"
    )
    for name, scenario in SCENARIOS.items():
        if options.only in (None, name):
            print(f"{name}: {options.agents} agents, {scenario.what}")
            for on in (True, False):
                row = measure(scenario, options.agents, on=on)
                print(
                    f"{'with' if on else 'without':<8}  {row.seconds:>7.2f}  {row.best:>6.2f}  "
                    f"{row.requests:>8}  {row.refusals:>7}  {row.failed:>6}  {row.attempts:>8}  "
                    f"{row.herd:>4}"
                )


if __name__ == "__main__":
    main()
