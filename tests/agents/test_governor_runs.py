"""Runs of many Claude agents against a server that limits them: real SDK, real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.agents.governor import Headroom, headroom
from tests.messages_server import Body, Fault, Limits, MessagesServer, Reply, ToolCall, fault

Start = Callable[..., onb.Run]
WITHIN_S = 40.0
FEW = "few at a time at first"
TOO_SLOW = 5.0
"""How much longer than the limits allow at best a run may take here; tests share the machine."""


@pytest.fixture
def start(server: MessagesServer, tmp_path: Path) -> Start:
    """Give a function that starts a run of so many independent Claude agents."""
    import anthropic.lib.streaming
    import anthropic.resources.messages  # noqa: F401  # seconds that are not what is measured

    server.latency, server.delta_chars = 0.05, 200

    def start(count: int = 40, *, text: str = "Look at part", **task: Any) -> onb.Run:
        tasks = [{"agent": f"agent-{n}", "task": f"{text} {n}", **task} for n in range(count)]
        plan = {"name": "Many", "max_concurrency": count, "mode": "fully_autonomous"}
        whole = {**plan, "phases": [{"name": "One", "tasks": tasks}]}
        parsed = onb.Plan.parse(json.dumps(whole), format="json")
        return onb.run(parsed, spend=True, home=tmp_path / "home", again=True)

    return start


def events(run: onb.Run, kind: str) -> list[dict[str, Any]]:
    """The run's events of a kind, as they are on disk."""
    lines = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def room(server: MessagesServer) -> Headroom:
    """What is left at a server."""
    (found,) = [one for one in headroom() if one.base_url.rstrip("/") == server.base_url]
    return found


def back_one_by_one(times: list[float]) -> None:
    """See that requests arrived with room between them, more of them as time goes on."""
    assert times
    for place, least in ((5, 0.25), (15, 0.4)):
        assert len(times) <= place or times[place] - times[0] > least


def until(holds: Callable[[], bool]) -> None:
    """Watch until something holds."""
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def done(run: onb.Run, server: MessagesServer) -> float:
    """Wait for a run in which nothing may fail; how long it took, and nothing stays reserved."""
    began = time.monotonic()
    run.wait(WITHIN_S)
    assert {task.status for task in run.state.tasks} == {"completed"}
    took = time.monotonic() - began
    # The run's end is the engine's word; its agents' loop may still be putting things away.
    until(lambda: (room(server).in_flight, room(server).waiting) == (0, 0))
    return took


def test_known_limits_are_kept(server: MessagesServer, start: Start) -> None:
    """24 agents, 4 requests a second, limits known: no 429, and no longer than it takes."""
    limits = server.limits = Limits(requests=240, requests_left=2)
    done(start(1), server)
    run = start(24)
    assert done(run, server) < 5.75 + TOO_SLOW
    assert limits.refusals == []
    assert len(server.bodies) == 25
    waits = [event for event in events(run, "agent_wait") if event["cause"] == "rate_limit"]
    limited = [event for event in waits if event["detail"] == "240 requests a minute"]
    assert limited
    assert all(event["until_s"] > event["t"] for event in limited)
    assert {event["detail"] for event in waits if event not in limited} <= {FEW}


def test_token_limits_are_kept(server: MessagesServer, start: Start) -> None:
    """40 agents of 1,100 tokens, 10,000 left and 10,000 a second: hardly a 429."""
    limits = server.limits = Limits(input=600_000, input_left=10_000)
    run = start(40, text=f"{'All of this matters. ' * 160}\nLook at part")
    assert done(run, server) < 4.5 + TOO_SLOW
    assert len(limits.refusals) <= 3


def test_output_is_limited_too(server: MessagesServer, start: Start) -> None:
    """Answers of 1,000 tokens, 60,000 a minute: the typical answer is learnt, not max_tokens."""
    limits = server.limits = Limits(output=60_000)
    server.reply = lambda body: Reply("word " * 800)
    assert done(start(12), server) < TOO_SLOW
    assert limits.refusals == []


def test_limits_that_are_not_told_are_learnt(server: MessagesServer, start: Start) -> None:
    """With no headers but retry-after few are refused, and who was told to wait does."""
    limits = server.limits = Limits(requests=240, requests_left=3, headers=False)
    run = start(24)
    assert done(run, server) < 5.25 + TOO_SLOW
    assert 1 <= len(limits.refusals) <= 20
    retries = events(run, "agent_retry")
    assert {event["cause"] for event in retries} == {"rate_limit"}
    assert len(retries) == len(limits.refusals)
    first = limits.refusals[0]
    back_one_by_one([seen.t for seen in server.requests if seen.t > first + 0.99])


def test_529_to_all_at_once_makes_no_herd(server: MessagesServer, start: Start) -> None:
    """All agents are cut off in the middle of their work: few ask meanwhile, none starts anew."""
    limits = server.limits = Limits()
    count, calls = 40, [0]

    def reply(body: Body) -> Reply:
        if body["messages"][-1]["content"][0]["type"] == "tool_result":
            return Reply("Done.")
        calls[0] += 1
        if calls[0] == count:
            limits.overloaded = time.monotonic() + 2.0
        return Reply("", tools=[ToolCall("report_progress", {"text": "half"})])

    server.reply = reply
    run = start(count)
    assert done(run, server) < 12.0
    assert calls == [count], "no conversation was begun again"
    assert {task.attempt for task in run.state.tasks} == {1}
    assert len(limits.refusals) <= count + 3, "once each, then hardly anybody asks"
    back_one_by_one([seen.t for seen in server.requests if seen.t > limits.overloaded])


@pytest.mark.parametrize(
    "step", [fault(529), fault(429), fault(429, retry_after=1)], ids=["529", "429", "told"]
)
def test_all_refused_at_once_come_back_one_by_one(
    server: MessagesServer, start: Start, step: Fault
) -> None:
    """30 first requests are refused in one moment: half as many may ask, then more again."""
    count = server.gate = 30
    server.fault = lambda body: step if len(server.bodies) <= count else None
    run = start(count)
    until(lambda: len(server.bodies) == count and room(server).concurrency is not None)
    shrunk = room(server).concurrency
    assert shrunk is not None
    done(run, server)
    assert len(server.bodies) == 2 * count, "each asked twice, nobody in vain"
    assert [task.attempt for task in run.state.tasks] == [2] * count
    first, last = server.requests[0].t, server.requests[count].t
    assert last - first > 0.75
    back_one_by_one([seen.t for seen in server.requests[count:]])
    assert shrunk <= count * 2 / 3, "half, and one more each second since"
    until(lambda: (room(server).concurrency or 0) > shrunk)


def test_runs_share_what_there_is(server: MessagesServer, start: Start) -> None:
    """A run that is told to wait makes the others wait, too."""
    server.script(fault(429, retry_after=1))
    first, second = start(1), start(3)
    done(first, server)
    done(second, server)
    refused = server.requests[0].t
    later = [seen.t - refused for seen in server.requests if seen.t - refused > 0.3]
    assert min(later) >= 1.0


def test_a_wait_longer_than_the_timeout_fails_in_one_line(
    server: MessagesServer, start: Start
) -> None:
    """Retry-After beyond what the task has left is not waited for."""
    server.script(fault(429, retry_after=30))
    began = time.monotonic()
    run = start(1, timeout=20)
    run.wait(WITHIN_S)
    assert time.monotonic() - began < 15
    (failed,) = events(run, "agent_failed")
    assert failed["error"].startswith(
        "Rate limited (429); retry after 30 s, which is longer than the task has left ("
    )


def test_a_wait_beyond_reason_fails_in_one_line(server: MessagesServer, start: Start) -> None:
    """An hour is not waited for, by nobody."""
    server.script(fault(429, retry_after=3_600))
    run = start(1)
    run.wait(WITHIN_S)
    (failed,) = events(run, "agent_failed")
    assert failed["error"] == (
        "Rate limited (429); retry after 3,600 s, which is longer than any task waits (10 min)"
    )


def test_waiting_in_line_is_off_the_tasks_time(server: MessagesServer, start: Start) -> None:
    """Tasks of 3 s in a line of 5 s all get done."""
    server.limits = Limits(requests=240, requests_left=4)
    assert done(start(24, timeout=3), server) > 4.5


def test_a_stop_does_not_wait(server: MessagesServer, start: Start) -> None:
    """A run that waits for a rate limit is stopped at once, and leaves the line."""
    server.script(fault(429, retry_after=60))
    refused = start(1)
    until(lambda: refused.state.tasks[0].status == "retrying")
    run = start(5)
    until(lambda: room(server).waiting == 5)
    until(lambda: {task.wait_cause for task in run.state.tasks} == {"rate_limit"})
    began = time.monotonic()
    run.stop()
    run.wait(WITHIN_S)
    assert time.monotonic() - began < 2
    assert run.status == "stopped"
    refused.stop()
    until(lambda: (room(server).in_flight, room(server).waiting) == (0, 0))
    assert len(server.requests) == 1
    assert events(run, "usage") == []
