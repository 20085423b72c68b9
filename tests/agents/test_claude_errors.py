"""Everything that can go wrong with a call is one readable line; none of it is a success."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestra_nb.agents.claude import Claude
from orchestra_nb.agents.claude_client import check_credentials
from orchestra_nb.agents.claude_errors import mask, masked, retry_after
from orchestra_nb.errors import AgentError
from tests.messages_server import Fault, MessagesServer, Reply, fault

from .conftest import KEY
from .recording import Recording, work

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic


def failure(server: MessagesServer, step: Fault | None = None, **options: Any) -> AgentError:
    """Let the next request go wrong, and return the error; its context must fit it."""
    if step is not None:
        server.script(step)
    context = options.pop("context", None) or Recording()
    with pytest.raises(AgentError) as caught:
        work(Claude(**options), context)
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(context.lines) == 1
    return caught.value


def test_a_rate_limit_says_how_long_to_wait(server: MessagesServer) -> None:
    """429 with retry-after is retryable, carries the wait and its cause, and cost nothing."""
    context = Recording()
    error = failure(server, fault(429, retry_after=2), context=context)
    assert str(error) == "Rate limited (429); retry after 2 s"
    assert (error.retryable, error.retry_after, error.cause) == (True, 2.0, "rate_limit")
    assert context.used == []
    assert context.lines[0]["error"] == str(error)
    assert len(server.bodies) == 1, "the SDK must not retry by itself"


def test_an_overloaded_service_is_retryable(server: MessagesServer) -> None:
    """529 is told apart from a rate limit and can be tried again."""
    error = failure(server, fault(529))
    assert str(error) == "The API is overloaded (529)"
    assert (error.retryable, error.retry_after, error.cause) == (True, None, "rate_limit")


@pytest.mark.parametrize(
    ("status", "retryable", "line"),
    [
        (400, False, "The API refused the request (400): scripted 400"),
        (401, False, "The API key was not accepted (401); set a valid ANTHROPIC_API_KEY"),
        (402, False, "The account can't pay for this request (402): scripted 402; add credit"),
        (403, False, "The API key may not do this (403): scripted 403"),
        (404, False, "Not found (404): scripted 404; check the model's name and the base URL"),
        (408, True, "The API gave up waiting (408): scripted 408"),
        (409, True, "The request collided with another one (409): scripted 409"),
        (413, False, "The request is too large (413): scripted 413; shorten the task"),
        (418, False, "The API refused this (418): scripted 418"),
        (500, True, "The API failed (500): scripted 500"),
        (502, True, "The API failed (502): scripted 502"),
    ],
)
def test_a_status_is_plain_words(
    server: MessagesServer, status: int, retryable: bool, line: str
) -> None:
    """Each status says what happened, and whether trying again may help."""
    error = failure(server, fault(status))
    assert str(error).startswith(line)
    assert error.retryable is retryable


def test_the_service_may_overrule_what_is_retryable(server: MessagesServer) -> None:
    """x-should-retry is obeyed both ways."""
    assert not failure(server, fault(500, should_retry=False)).retryable
    assert failure(server, fault(400, should_retry=True)).retryable


def test_a_cut_stream_has_an_unknown_cost(server: MessagesServer) -> None:
    """A stream cut in the middle is retryable; its usage is told with cost None, not 0."""
    server.reply = lambda body: Reply("abcdefghijkl" * 40)
    context = Recording()
    error = failure(server, fault("disconnect", after=6), context=context)
    assert str(error) == "The stream was cut after 36 characters; its cost is unknown"
    assert error.retryable
    (used,) = context.used
    assert used["cost"] is None
    assert used["input_tokens"] + used["cache_write_5m_tokens"] > 0
    assert used["request_id"].startswith("req_")
    assert context.lines[0]["reply"][0]["text"] == "abcdefghijkl" * 3


def test_a_reset_stream_is_told_like_a_cut_one(server: MessagesServer) -> None:
    """A TCP reset in the middle is the same to the person."""
    error = failure(server, fault("disconnect", after=6, rst=True))
    assert str(error).startswith("The stream was cut after ")
    assert error.retryable


def test_a_connection_that_drops_before_the_answer_costs_nothing(server: MessagesServer) -> None:
    """Without a response nothing is charged, and another attempt may help."""
    context = Recording()
    error = failure(server, fault("disconnect", after=-1), context=context)
    assert str(error).startswith("No connection to 127.0.0.1: ")
    assert error.retryable
    assert context.used == []


def test_nobody_listening_is_no_connection(server: MessagesServer) -> None:
    """A server that is not there is named."""
    server.stop()
    error = failure(server)
    assert str(error).startswith("No connection to 127.0.0.1: ")
    assert error.retryable


def test_a_clean_end_without_stop_reason_is_no_success(server: MessagesServer) -> None:
    """A stream that ends politely in the middle is incomplete, its cost unknown."""
    server.reply = lambda body: Reply("abcdefghijkl" * 40)
    context = Recording()
    error = failure(server, fault("truncate", after=8), context=context)
    assert str(error) == (
        "The stream ended after 60 characters without a stop reason: the answer is not complete; "
        "its cost is unknown"
    )
    assert error.retryable
    assert [used["cost"] for used in context.used] == [None]


def test_a_stalled_stream_is_given_up(server: MessagesServer) -> None:
    """A stream that falls silent longer than the client waits is told as stalled."""

    def impatient() -> AsyncAnthropic:
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(base_url=server.base_url, timeout=0.2, max_retries=0)

    error = failure(server, fault("stall", after=6, seconds=2), client=impatient)
    assert str(error).startswith("The stream stalled after ")
    assert error.retryable
    error = failure(server, fault("slow", seconds=2), client=impatient)
    assert str(error) == "No answer came in time: nothing came for 1 s"
    assert server.wait_idle()


@pytest.mark.parametrize(
    ("kind", "retryable", "cause"),
    [
        ("overloaded_error", True, "rate_limit"),
        ("rate_limit_error", True, "rate_limit"),
        ("api_error", True, None),
        ("invalid_request_error", False, None),
    ],
)
def test_an_error_inside_a_stream_is_judged_by_its_type(
    server: MessagesServer, kind: str, retryable: bool, cause: str | None
) -> None:
    """An error event arrives with status 200; its type decides."""
    context = Recording()
    error = failure(server, fault("sse_error", after=5, type=kind), context=context)
    assert str(error).startswith("The API broke off its answer after ")
    assert f"({kind})" in str(error)
    assert (error.retryable, error.cause) == (retryable, cause)
    assert context.used[0]["cost"] is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("html", "'text/html' instead of a stream"),
        ("empty", "'application/json' instead of a stream"),
        ("wrong_shape", "'application/json' instead of a stream"),
        ("no_start", "ended before it began"),
    ],
)
def test_a_body_that_is_no_stream_is_told_apart(
    server: MessagesServer, kind: str, words: str
) -> None:
    """A proxy's page, an empty body, foreign JSON and a headless stream are no answers."""
    error = failure(server, fault(kind))
    assert words in str(error)
    assert error.retryable


def test_broken_json_in_a_stream_is_told(server: MessagesServer) -> None:
    """A line that can't be read ends the attempt with an unknown cost."""
    context = Recording()
    error = failure(server, fault("malformed", after=5), context=context)
    assert str(error).startswith("The stream was not readable (broken JSON) after ")
    assert error.retryable
    assert context.used[0]["cost"] is None


def test_events_from_the_future_are_ignored(server: MessagesServer) -> None:
    """Unknown events and deltas don't disturb an answer."""
    server.script(fault("unknown_event", after=5))
    server.reply = lambda body: Reply("The whole answer, all of it.")
    assert work(Claude(), Recording()) == "The whole answer, all of it."


def test_an_answer_cut_at_max_tokens_is_a_failure(server: MessagesServer) -> None:
    """A truncated answer names the limit; it was paid for, and that is told."""
    server.reply = lambda body: Reply("It was a long", stop_reason="max_tokens")
    context = Recording()
    error = failure(server, max_tokens=4096, context=context)
    assert str(error) == "Answer cut off at max_tokens (4,096); allow more of them"
    assert not error.retryable
    assert context.used[0]["cost"] > 0


def test_a_refusal_is_a_failure(server: MessagesServer) -> None:
    """A refusal says so, with the model's reason where there is one."""
    server.reply = lambda body: Reply(stop_reason="refusal")
    error = failure(server)
    assert str(error) == "Refused by the model: no text returned"
    assert not error.retryable
    details = {"type": "refusal", "category": "cyber", "explanation": "This could do harm."}
    server.reply = lambda body: Reply("I", stop_reason="refusal", stop_details=details)
    assert str(failure(server)) == "Refused by the model (cyber): This could do harm."


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_answer_is_a_failure(server: MessagesServer, text: str) -> None:
    """No text, or nothing but blanks, is no result."""
    server.reply = lambda body: Reply(text)
    error = failure(server)
    assert str(error) == "The answer was empty (end_turn)"
    assert error.retryable


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("model_context_window_exceeded", "context is full"),
        ("because", "unknown reason ('because')"),
    ],
)
def test_other_ends_are_failures_too(server: MessagesServer, reason: str, words: str) -> None:
    """A full context and reasons nobody knows yet are no successes."""
    server.reply = lambda body: Reply("So", stop_reason=reason)
    error = failure(server)
    assert words in str(error)
    assert not error.retryable


def test_a_tool_stop_without_a_tool_is_a_failure(server: MessagesServer) -> None:
    """A message that stops for a tool and names none does not loop."""
    server.reply = lambda body: Reply("Hm", stop_reason="tool_use")
    assert "called none" in str(failure(server))


def test_a_huge_answer_is_read(server: MessagesServer) -> None:
    """Two million characters are no problem."""
    server.script(fault("huge", chars=2_000_000))
    assert len(work(Claude(), Recording())) == 2_000_000


def test_the_services_words_are_masked(server: MessagesServer) -> None:
    """A server that quotes the key in its error does not get it into ours."""
    error = failure(server, fault(400, message=f"bad header Bearer {KEY}\nsecond line"))
    assert "bad header Bearer [secret] second line" in str(error)


# -- credentials -------------------------------------------------------------------------------


def test_no_key_names_three_ways_on(clean_env: None) -> None:
    """Without credentials the message names the key, functions and the rehearsal."""
    told = check_credentials()
    assert told is not None
    for way in ("ANTHROPIC_API_KEY", "agents=", "onb.rehearse(plan)"):
        assert way in told
    assert Claude().check() == told


def test_no_key_at_run_time_is_the_same_message(
    server: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK's own error for a missing key becomes the same words, and is final."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    error = failure(server)
    assert str(error) == str(check_credentials()).partition(" (ANTHROPIC_BASE_URL")[0]
    assert not error.retryable
    assert server.requests == []


def test_a_base_url_alone_is_no_credential(
    clean_env: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Local servers need a key too, any key, because the SDK sends nothing without."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:1")
    assert "a local server takes any" in str(check_credentials())


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_a_key_in_the_environment_counts(
    clean_env: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The key and the token both count; blanks and broken ones don't, and are not quoted."""
    monkeypatch.setenv(name, KEY)
    assert check_credentials() is None
    monkeypatch.setenv(name, "  ")
    assert f"{name} is blank" in str(check_credentials())
    monkeypatch.setenv(name, f"{KEY}\nsecond")
    told = str(check_credentials())
    assert "line break" in told
    assert KEY not in told


def test_a_key_with_a_line_break_is_not_quoted_by_the_error(
    server: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header that can't be sent is an error that would quote the key; ours does not."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{KEY}\n")
    error = failure(server)
    assert "ANTHROPIC_API_KEY" in str(error)
    assert not error.retryable


def test_a_profile_on_disk_counts(
    clean_env: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The active profile, or the one that is named, counts when its file is there."""
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    assert check_credentials() is not None
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.json").write_text("{}")
    assert check_credentials() is None
    (tmp_path / "active_config").write_text("work\n")
    assert check_credentials() is not None
    (tmp_path / "configs" / "work.json").write_text("{}")
    assert check_credentials() is None
    monkeypatch.setenv("ANTHROPIC_PROFILE", "other")
    assert "names 'other'" in str(check_credentials())


def test_workload_identity_counts(clean_env: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Federation needs rule, organisation and a token."""
    monkeypatch.setenv("ANTHROPIC_FEDERATION_RULE_ID", "rule")
    monkeypatch.setenv("ANTHROPIC_ORGANIZATION_ID", "org")
    assert check_credentials() is not None
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN_FILE", "/var/run/token")
    assert check_credentials() is None


# -- small parts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9", "retry-after-ms": "0"}, 9.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, None),
        ({"retry-after": "9", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "9", "retry-after-ms": "x"}, 9.0),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds come first, then seconds or a date; none, the past and nonsense are no wait."""
    assert retry_after(headers) == seconds


def test_masking_hides_keys_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are found by value and by form, in texts and in trees."""
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "plain-token-value")
    assert mask("a plain-token-value b") == "a [secret] b"
    assert mask("sk-ant-api03-AbC_d-9") == "[secret]"
    assert mask("Authorization: Bearer abcdefgh12345") == "Authorization: Bearer [secret]"
    tree = masked({"sk-ant-xyz12": ["Bearer abcdefgh12345", 1, None, ("sk-ant-xyz12",)]})
    assert json.dumps(tree) == '{"[secret]": ["Bearer [secret]", 1, null, ["[secret]"]]}'
    assert mask("half \ud800") == "half ?"


def test_short_placeholders_are_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key such as 'test' would garble every text that holds the word."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    assert mask("the tests pass") == "the tests pass"
