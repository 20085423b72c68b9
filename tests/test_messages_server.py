"""The local Messages server itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.messages_server import Body, Limits, MessagesServer, Reply, fault, report
from tests.messages_server.faults import marked
from tests.messages_server.rules import refuse

_BODY: Body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}


def post(url: str, body: Any, *, key: str = "sk-x") -> tuple[int, Any]:
    """One request without the SDK."""
    headers = {"content-type": "application/json", **({"x-api-key": key} if key else {})}
    request = urllib.request.Request(
        f"{url}/v1/messages", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_it_answers_without_streaming_too() -> None:
    """Without stream the whole message comes at once, and the request is recorded."""
    with MessagesServer(lambda body: Reply("Hello")) as server:
        status, message = post(server.base_url, _BODY)
    assert status == 200
    assert message["content"][0]["text"] == "Hello"
    assert message["stop_reason"] == "end_turn"
    assert server.bodies == [_BODY]
    assert server.in_flight == 0


def test_it_refuses_what_the_api_refuses() -> None:
    """No key is 401, a wrong body 400, an unknown path 404."""
    with MessagesServer() as server:
        assert post(server.base_url, _BODY, key="")[0] == 401
        assert post(server.base_url, {**_BODY, "temperature": 0.2})[0] == 400
        assert post(f"{server.base_url}/elsewhere", _BODY)[0] == 404


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"messages": []}, "messages: Field required"),
        ({"top_p": 1}, "top_p"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "first message"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "non-empty"),
        (
            {
                "messages": [
                    {"role": "user", "content": "x"},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t"}]},
                ]
            },
            "without tool_result: t",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
                ]
            },
            "without tool_use: t",
        ),
        ({"system": [{"type": "text", "text": "x", "cache_control": {}}] * 5}, "maximum of 4"),
    ],
)
def test_bodies_are_judged_like_the_api_does(change: Body, reason: str) -> None:
    """Mistakes in a conversation are found, so that tests of agents can fail."""
    assert reason in str(refuse({**_BODY, **change}))
    assert refuse(_BODY) is None


def test_a_prompt_can_carry_a_fault() -> None:
    """A marker breaks as many requests as it says."""
    body = {**_BODY, "messages": [{"role": "user", "content": "x [[fault:529 times=2]]"}]}
    with MessagesServer() as server:
        assert [post(server.base_url, body)[0] for _ in range(3)] == [529, 529, 200]
    assert marked("no marker") is None
    assert marked("[[fault:disconnect after=2 rst=true]]") == (
        "[[fault:disconnect after=2 rst=true]]",
        fault("disconnect", after=2, rst=True),
    )


def test_the_default_report_is_about_the_task() -> None:
    """The answer names task and sources, and is the same for the same request."""
    first = (
        '<result task="analyst">\n…\n</result>\n<decision id="db" by="user">\nB. Cassandra\n'
        "</decision>\n<task>\nCompare databases.\n</task>"
    )
    body = {**_BODY, "messages": [{"role": "user", "content": first}]}
    text = report(body).text
    assert text.startswith("# Compare databases\n")
    assert "what analyst found" in text
    assert "The decision stands: B. Cassandra." in text
    assert report(body) == report(body)


def test_it_runs_alone() -> None:
    """Started as a module it prints its base URL and serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.messages_server", "--latency", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert post(url, _BODY)[0] == 200
    finally:
        process.terminate()
        process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def test_tools_of_the_user_are_called_once_with_an_example() -> None:
    """The default model uses what it is offered, but the orchestra's own tools only when told."""
    kind = {"type": "object", "properties": {"size": {"enum": [3, 4]}, "of": {"type": "string"}}}
    mine = {"name": "measure", "description": "Measure.", "input_schema": kind}
    ours = {"name": "record_finding", "input_schema": {"type": "object"}}
    body: Body = {**_BODY, "tools": [ours, mine]}
    (call,) = report(body).tools
    assert (call.name, call.input) == ("measure", {"size": 3, "of": "An example of"})
    turn = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "measure"}]}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "12 m"}
    body["messages"] = [*body["messages"], turn, {"role": "user", "content": [result]}]
    after = report(body)
    assert not after.tools
    assert "I was told: 12 m" in after.text


def test_it_limits_what_a_key_may_send() -> None:
    """Over the limit is 429 with retry-after; every answer tells what is left; 529 while down."""
    body = json.dumps(_BODY).encode()
    limits = Limits(requests=60, requests_left=2, input=60_000)
    with MessagesServer(limits=limits) as server:
        url = f"{server.base_url}/v1/messages"
        request = urllib.request.Request(url, body, {"x-api-key": "sk-x"}, method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            told = answer.headers
        assert told["anthropic-ratelimit-requests-limit"] == "60"
        assert told["anthropic-ratelimit-requests-remaining"] == "1"
        assert told["anthropic-ratelimit-input-tokens-remaining"] == "60000"
        assert post(server.base_url, _BODY)[0] == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        with refused.value as error:
            assert (error.code, error.headers["retry-after"]) == (429, "1")
        limits.overloaded = time.monotonic() + 60
        assert post(server.base_url, _BODY)[0] == 529
    assert len(limits.refusals) == 2
