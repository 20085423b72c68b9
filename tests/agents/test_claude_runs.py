"""Runs with Claude agents, end to end: plan, engine, SDK, HTTP, and what is left on disk."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import orchestra_nb as onb
from orchestra_nb.agents import Price, Prices
from orchestra_nb.agents.prices import Tokens
from orchestra_nb.events import Event
from orchestra_nb.state import DecisionState, State, TaskState
from tests.messages_server import Body, MessagesServer, Reply, ToolCall, fault

from .conftest import KEY

Start = Callable[..., onb.Run]
WITHIN_S = 20.0


class Verdict(BaseModel):
    """What a structured answer looks like in these tests."""

    winner: str
    score: int


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Give a function that starts a run in a home of its own, from tasks or whole phases.

    Its failures ask nobody.
    """
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)

    def start(*tasks: dict[str, Any], plan: dict[str, Any] | None = None, **rest: Any) -> onb.Run:
        whole = {"name": "Demo", "phases": [{"name": "One", "tasks": list(tasks)}], **(plan or {})}
        parsed = onb.Plan.parse(json.dumps(whole), format="json")
        given: dict[str, Any] = {"home": tmp_path / "home", "on_failure": "continue", "spend": True}
        given |= rest
        return onb.run(parsed, given.pop("agents", None), **given)

    return start


def log(run: onb.Run, *kinds: str, task: str | None = None) -> list[Event]:
    """The run's events as they are on disk, of some kinds, of one task."""
    lines = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [e for e in found if e["event"] in kinds and task in (None, e.get("task"))]


def until(run: onb.Run, holds: Callable[[State], Any]) -> Any:
    """Watch a run until something holds; what it was."""
    end = time.monotonic() + WITHIN_S
    while not (found := holds(run.state)):
        assert time.monotonic() < end, f"it never came to that: {run!r}"
        time.sleep(0.01)
    return found


def in_status(task: str, status: str) -> Callable[[State], TaskState | None]:
    """Whether a task is in a status."""

    def holds(state: State) -> TaskState | None:
        found = state.task(task)
        return found if found.status == status else None

    return holds


def first_text(body: Body) -> str:
    """The first message of a request."""
    return str(body["messages"][0]["content"][0]["text"])


# -- the way of a task ---------------------------------------------------------------------------


def test_without_functions_claude_does_every_task(server: MessagesServer, start: Start) -> None:
    """A plan alone runs on Claude, and later tasks are given what earlier ones found."""
    plan = {
        "phases": [
            {"name": "One", "tasks": [{"agent": "alpha", "task": "Look"}, {"agent": "beta"}]},
            {"name": "Two", "tasks": [{"agent": "omega", "task": "Sum up"}]},
        ]
    }
    results = start(plan=plan).wait(WITHIN_S)
    assert set(results) == {"alpha", "beta", "omega"}
    assert results["alpha"].startswith("# Look")
    last = first_text(server.bodies[-1])
    assert f'<result task="alpha">\n{results["alpha"]}\n</result>' in last
    assert f'<result task="beta">\n{results["beta"]}\n</result>' in last
    assert 'phase="Two"' in last


def test_streaming_text_becomes_progress(server: MessagesServer, start: Start) -> None:
    """What the model writes is shown while it writes, in the log and in the state."""
    server.delta_delay = 0.02
    sentences = [f"Sentence number {n} ends here." for n in range(40)]
    server.reply = lambda body: Reply(" ".join(sentences))
    run = start({"agent": "alpha"})
    message = until(run, lambda state: state.task("alpha").message)
    assert message in sentences
    assert server.in_flight == 1, "the line was there before the answer was"
    run.wait(WITHIN_S)
    shown = log(run, "agent_progress")
    assert len(shown) >= 2
    assert {e["description"] for e in shown} <= set(sentences)
    assert shown[1]["t"] - shown[0]["t"] >= 0.99


def test_the_plan_says_who_claude_is(server: MessagesServer, start: Start) -> None:
    """Model, system prompt and max_tokens of the plan's `agents:` are what is sent."""
    entry = {"model": "claude-haiku-5-5", "system": "You are a dry analyst.", "max_tokens": 777}
    start({"agent": "alpha"}, {"agent": "beta"}, plan={"agents": {"alpha": entry}}).wait(WITHIN_S)
    by_agent = {body["model"]: body for body in server.bodies}
    alpha, beta = by_agent["claude-haiku-5-5"], by_agent["claude-sonnet-5-5"]
    assert alpha["max_tokens"] == 777
    assert alpha["system"][-1]["text"] == "You are a dry analyst."
    assert beta["max_tokens"] == 16_000
    assert beta["system"][-1]["text"].startswith("You are beta.")


def test_the_plans_retries_hold_for_claude(server: MessagesServer, start: Start) -> None:
    """`retries:` of an `agents:` entry replaces Claude's own three."""
    server.script(*[fault(500, retry_after_ms=1)] * 2)
    run = start({"agent": "alpha"}, plan={"agents": {"alpha": {"retries": 1}}})
    run.wait(WITHIN_S)
    assert run.state.task("alpha").status == "failed"
    assert len(server.bodies) == 2


def test_claude_takes_what_has_no_function(server: MessagesServer, start: Start) -> None:
    """`claude=True` gives Claude the tasks without a function, and those only."""
    run = start(
        {"agent": "alpha"}, {"agent": "beta"}, agents={"alpha": lambda: "mine"}, claude=True
    )
    assert run.wait(WITHIN_S)["alpha"] == "mine"
    (body,) = server.bodies
    assert "You are beta." in body["system"][-1]["text"]


def test_an_agent_with_a_model_is_claude(server: MessagesServer, start: Start) -> None:
    """An `agents:` entry that names a model goes to Claude although functions were given."""
    run = start(
        {"agent": "alpha"},
        {"agent": "beta"},
        agents={"alpha": lambda: "mine"},
        plan={"agents": {"beta": {"model": "claude-haiku-5-5"}}},
    )
    run.wait(WITHIN_S)
    assert [body["model"] for body in server.bodies] == ["claude-haiku-5-5"]


def test_nobody_is_sent_to_claude_unasked(
    server: MessagesServer, start: Start, tmp_path: Path
) -> None:
    """With functions given, a task without one is an error that names `claude=True`."""
    with pytest.raises(onb.SetupError, match=r"nobody does 'beta'.*claude=True"):
        start({"agent": "alpha"}, {"agent": "beta"}, agents={"alpha": lambda: "mine"})
    assert not server.requests
    assert not (tmp_path / "home").exists()


def test_tools_and_models_go_through_a_run(server: MessagesServer, start: Start) -> None:
    """A Python tool is called and logged; an answer that fits a model is an instance of it."""
    asked: list[str] = []

    def exchange_rate(currency: str) -> float:
        """Today's rate of a currency to the euro."""
        asked.append(currency)
        return 1.25

    server.reply = lambda body: (
        Reply(json.dumps({"winner": "A", "score": 7}))
        if "output_config" in body
        else Reply(tools=[ToolCall("exchange_rate", {"currency": "USD"})])
        if len(body["messages"]) == 1
        else Reply("The rate is 1.25.")
    )
    agents = {
        "trader": onb.agents.Claude(tools=[exchange_rate]),
        "judge": onb.agents.Claude(output=Verdict),
    }
    run = start({"agent": "trader"}, {"agent": "judge", "depends_on": ["trader"]}, agents=agents)
    results = run.wait(WITHIN_S)
    assert results["judge"] == Verdict(winner="A", score=7)
    assert asked == ["USD"]
    (call,) = log(run, "tool_call")
    assert (call["tool"], call["description"]) == ("exchange_rate", "currency=USD")
    (ended,) = log(run, "agent_complete", task="judge")
    assert ended["result"]["kind"] == "model"


# -- decisions -----------------------------------------------------------------------------------

QUESTION = {
    "title": "Which database?",
    "options": [{"key": "A", "text": "PostgreSQL"}, {"key": "B", "text": "Cassandra"}],
    "recommend": "A",
    "because": "it is simple",
    "category": "database",
}
ASKING = {
    "agent": "architect",
    "task": f"Choose [[tool:request_decision {json.dumps(QUESTION)}]]",
}


def test_the_model_asks_and_goes_on_with_the_answer(server: MessagesServer, start: Start) -> None:
    """A decision the model raises has the agent as asker; its answer reaches the model."""
    heard: list[DecisionState] = []
    run = start(ASKING, on_decision=heard.append)
    (decision,) = until(run, lambda state: heard)
    assert decision.asker == "architect"
    assert (decision.title, decision.recommend, decision.because) == (
        "Which database?",
        "A",
        "it is simple",
    )
    assert decision.timeout_s == 600, "the category's clock"
    task_now = run.state.task("architect")
    assert (task_now.status, task_now.wait_cause) == ("waiting", "human")
    assert not run.finished
    run.answer(decision.id, "B", note="we know it")
    report = run.wait(WITHIN_S)["architect"]
    assert "The person chose B: Cassandra. I follow that." in report
    (told,) = server.bodies[1]["messages"][-1]["content"]
    assert json.loads(told["content"]) == {
        "option": "B",
        "text": "Cassandra",
        "note": "we know it",
        "decided_by": "user",
    }
    (outcome,) = log(run, "decision")
    assert (outcome["option"], outcome["by"], outcome["agent"]) == ("B", "user", "architect")


def test_the_persons_own_words_reach_the_model(server: MessagesServer, start: Start) -> None:
    """An answer in free text is told to the model as it was written."""
    run = start(ASKING)
    (decision,) = until(run, lambda state: state.open_decisions())
    run.answer(decision.id, "other", text="SQLite will do")
    assert "The person chose other: SQLite will do." in run.wait(WITHIN_S)["architect"]


def test_what_a_person_sends_back_is_done_again(server: MessagesServer, start: Start) -> None:
    """The next request holds the result that was not accepted, and why it was not."""
    drafts = iter(["First draft.", "With sources.", "Done."])
    server.reply = lambda body: Reply(next(drafts))
    run = start({"agent": "alpha", "review": True}, {"agent": "beta", "depends_on": ["alpha"]})
    until(run, lambda state: state.decisions.get("alpha/review"))
    run.answer("alpha/review", "B", note="Name your sources")
    until(run, lambda state: state.decisions.get("alpha/review-2"))
    run.answer("alpha/review-2", "A")
    assert run.wait(WITHIN_S)["alpha"] == "With sources."
    first, second, after = (first_text(body) for body in server.bodies)
    assert "previous_result" not in first
    assert "<previous_result>\nFirst draft.\n</previous_result>" in second
    assert "<comments>\n- Name your sources\n</comments>" in second
    assert '<result task="alpha">\nWith sources.\n</result>' in after


def test_an_unattended_run_takes_the_models_recommendation(
    server: MessagesServer, start: Start
) -> None:
    """In the mode that asks nothing the model is told at once that the policy chose."""
    run = start(ASKING, mode="fully_autonomous")
    run.wait(WITHIN_S)
    (told,) = server.bodies[1]["messages"][-1]["content"]
    assert json.loads(told["content"])["decided_by"] == "policy"


def test_a_person_is_not_waited_for_on_the_tasks_time(server: MessagesServer, start: Start) -> None:
    """A task's timeout stands still while the model's question is open."""
    run = start({**ASKING, "timeout": 2})
    (decision,) = until(run, lambda state: state.open_decisions())
    time.sleep(2.2)
    run.answer(decision.id, "A")
    assert "architect" in run.wait(WITHIN_S)


# -- usage and cost ------------------------------------------------------------------------------


def test_usage_and_cost_are_in_log_and_state(server: MessagesServer, start: Start) -> None:
    """Tokens by class and their cost are logged for each exchange and summed in the state."""
    counts = {
        "input_tokens": 1_000_000,
        "output_tokens": 100_000,
        "cache_read_input_tokens": 1_000_000,
        "cache_creation_input_tokens": 200_000,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 100_000,
            "ephemeral_1h_input_tokens": 100_000,
        },
    }
    server.reply = lambda body: Reply("Done.", usage=counts)
    run = start({"agent": "alpha"}, {"agent": "beta", "depends_on": ["alpha"]})
    run.wait(WITHIN_S)
    tokens = {
        "input": 1_000_000,
        "output": 100_000,
        "cache_read": 1_000_000,
        "cache_write_5m": 100_000,
        "cache_write_1h": 100_000,
    }
    first, second = log(run, "usage")
    assert first["tokens"] == second["tokens"] == tokens
    cost = first["cost"]
    assert cost == Prices().cost("claude-sonnet-5-5", Tokens(**tokens))
    assert cost == pytest.approx(2 + 1 + 0.1 + 0.25 + 0.4)
    assert first["model"] == "claude-sonnet-5-5"
    assert first["request_id"].startswith("req_")
    usage = run.state.usage
    assert usage.cost == pytest.approx(2 * cost)
    assert (usage.exchanges, usage.unknown) == (2, 0)
    assert usage.tokens == {name: 2 * count for name, count in tokens.items()}
    assert run.state.task("alpha").cost == cost
    assert run.state.task("alpha").tokens == sum(tokens.values())


def test_own_prices_count(server: MessagesServer, start: Start) -> None:
    """A price table handed to the worker replaces the built-in figures."""
    server.reply = lambda body: Reply("Done.", usage={"output_tokens": 1_000_000})
    prices = Prices({"claude-sonnet-5-5": Price(0, 3, 0, 0, 0)})
    run = start({"agent": "alpha"}, agents={"alpha": onb.agents.Claude(prices=prices)})
    run.wait(WITHIN_S)
    assert run.state.usage.cost == 3


def test_a_model_without_a_price_costs_unknown(server: MessagesServer, start: Start) -> None:
    """The cost of a model that is in no table is unknown, and its tokens count."""
    entry = {"alpha": {"model": "llama-of-the-house"}}
    run = start({"agent": "alpha"}, plan={"agents": entry})
    run.wait(WITHIN_S)
    (used,) = log(run, "usage")
    assert used["cost"] is None
    assert (run.state.usage.unknown, run.state.usage.cost) == (1, 0)
    assert run.state.usage.tokens["output"] > 0


# -- failures ------------------------------------------------------------------------------------


def test_a_rate_limit_is_survived_and_visible(server: MessagesServer, start: Start) -> None:
    """429 with retry-after: the task waits that long, says why, costs nothing, and succeeds."""
    server.script(fault(429, retry_after=1))
    run = start({"agent": "alpha"})
    task = until(run, in_status("alpha", "retrying"))
    assert task.wait_cause == "rate_limit"
    assert task.error == "Rate limited (429); retry after 1 s"
    assert task.wait_until is not None
    run.wait(WITHIN_S)
    (retry,) = log(run, "agent_retry")
    assert (retry["cause"], retry["attempt"]) == ("rate_limit", 1)
    assert 1 <= retry["delay_s"] < 1.5
    first, second = (seen.t for seen in server.requests)
    assert second - first >= 1
    state = run.state
    assert run.status == "completed"
    assert [kind for kind, *_ in state.task("alpha").spans] == ["failed", "rate_limit", "run"]
    assert (state.usage.exchanges, state.usage.unknown) == (1, 0)


def test_claude_has_three_more_attempts(server: MessagesServer, start: Start) -> None:
    """An overloaded API is asked four times in all."""
    server.script(*[fault(529, retry_after_ms=1)] * 3)
    run = start({"agent": "alpha"})
    run.wait(WITHIN_S)
    assert run.status == "completed"
    assert run.state.task("alpha").attempt == 4
    assert [e["cause"] for e in log(run, "agent_retry")] == ["rate_limit"] * 3


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (fault("disconnect", after=8), "The stream was cut after"),
        (fault("disconnect", after=8, rst=True), "The stream was cut after"),
        (fault("sse_error", after=8), "The API broke off its answer after"),
    ],
    ids=["closed", "reset", "error event"],
)
def test_a_cut_stream_is_retried_and_its_cost_unknown(
    server: MessagesServer, start: Start, cut: Any, said: str
) -> None:
    """What a broken answer cost is null in the log and counted as unknown, never as zero."""
    server.script(cut)
    run = start({"agent": "alpha"})
    report = run.wait(WITHIN_S)["alpha"]
    assert report.endswith("start with the first point.")
    (retry,) = log(run, "agent_retry")
    assert retry["error"].startswith(said)
    assert "its cost is unknown" in retry["error"]
    broken, whole = log(run, "usage")
    assert broken["cost"] is None
    assert whole["cost"] > 0
    usage = run.state.usage
    assert (usage.unknown, usage.exchanges, usage.cost) == (1, 2, whole["cost"])


def test_a_clean_end_without_a_stop_reason_is_no_success(
    server: MessagesServer, start: Start
) -> None:
    """A stream that ends politely in the middle is retried, then fails in one readable line."""
    server.script(*[fault("truncate", after=8)] * 2)
    run = start({"agent": "alpha", "retries": 1}, {"agent": "omega", "depends_on": ["alpha"]})
    results = run.wait(WITHIN_S)
    line = (
        "The stream ended after 60 characters without a stop reason: the answer is not complete; "
        "its cost is unknown"
    )
    (retry,) = log(run, "agent_retry")
    (failed,) = log(run, "agent_failed")
    assert retry["error"] == failed["error"] == line
    assert failed["traceback"] == ""
    with pytest.raises(onb.TaskFailed, match="alpha has no result: failed") as caught:
        results["alpha"]
    assert line in str(caught.value)
    assert isinstance(caught.value.__cause__, onb.AgentError)
    assert run.status == "failed"
    with pytest.raises(onb.RunFailed, match="without a stop reason"):
        run.check()
    assert run.state.task("omega").status == "skipped"
    usage = run.state.usage
    assert (usage.unknown, usage.exchanges, usage.cost) == (2, 2, 0)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply("Half a sent", stop_reason="max_tokens"), "cut off at max_tokens (16,000)"),
        (Reply("No.", stop_reason="refusal"), "Refused by the model"),
        (Reply("Too", stop_reason="model_context_window_exceeded"), "context is full"),
    ],
    ids=["max_tokens", "refusal", "context"],
)
def test_what_no_retry_helps_fails_at_once(
    server: MessagesServer, start: Start, reply: Reply, said: str
) -> None:
    """A cut, refused or overfull answer is a failure told apart, paid for once."""
    server.reply = lambda body: reply
    run = start({"agent": "alpha"})
    run.wait(WITHIN_S)
    assert said in run.state.task("alpha").error
    assert len(server.bodies) == 1
    assert (run.state.usage.exchanges, run.state.usage.unknown) == (1, 0)


def test_one_failing_agent_leaves_the_others_alone(server: MessagesServer, start: Start) -> None:
    """A task that fails costs its dependents only."""
    run = start(
        {"agent": "alpha", "task": "Fail [[fault:400 message=odd]]"},
        {"agent": "beta"},
        {"agent": "gamma", "depends_on": ["alpha"]},
    )
    assert set(run.wait(WITHIN_S)) == {"beta"}
    assert run.state.task("alpha").error == "The API refused the request (400): odd"
    assert run.state.task("gamma").status == "skipped"


# -- the key -------------------------------------------------------------------------------------


def test_the_key_is_nowhere(server: MessagesServer, start: Start, tmp_path: Path) -> None:
    """Whatever quotes the key (a tool, the model, the API, the plan), no file and no text has it.

    The messages a person, the model and the log see say `[secret]` in its place.
    """

    def read_settings(name: str) -> str:
        """Read a setting."""
        return f"{name} is {os.environ['ANTHROPIC_API_KEY']}"

    def broken() -> str:
        """Fail."""
        raise OSError(f"no access with {KEY}")

    def reply(body: Body) -> Reply:
        text = first_text(body)
        if "output_config" in body:
            return Reply(json.dumps({"winner": f"the one with {KEY}", "score": 1}))
        if "Quote" not in text:
            return Reply(f"# My report on {KEY}\n\nI was told it is {KEY}. " + "x" * 2_000)
        if len(body["messages"]) > 1:
            return Reply(f"It is {KEY}.")
        calls = [
            ToolCall("read_settings", {"name": KEY}),
            ToolCall("broken"),
            ToolCall("record_finding", {"text": f"I found {KEY}"}),
            ToolCall("report_blocker", {"text": f"{KEY} does not work"}),
            ToolCall("report_progress", {"text": f"Trying {KEY}"}),
            ToolCall("request_decision", {**QUESTION, "title": f"Keep {KEY}?", "context": KEY}),
            ToolCall(KEY),
        ]
        return Reply(f"I use {KEY} now.\n", tools=calls, thinking=f"The key is {KEY}")

    server.reply = reply
    plan = {"mode": "fully_autonomous", "overview": f"Use {KEY}"}
    tasks = [
        {"agent": "refused", "depends_on": []},
        {"agent": "quoting", "task": f"Quote {KEY}"},
        {"agent": "writing"},
        {"agent": "judging"},
        {"agent": "last", "task": f"End {KEY}", "depends_on": ["quoting", "writing", "judging"]},
    ]
    events: list[Event] = []
    with MessagesServer() as refusing:
        refusing.script(fault(403, message=f"invalid x-api-key {KEY}"))
        agents = {
            "quoting": onb.agents.Claude(tools=[read_settings, broken], system=f"Key: {KEY}"),
            "judging": onb.agents.Claude(output=Verdict),
            "refused": onb.agents.Claude(base_url=refusing.base_url),
        }
        run = start(*tasks, plan=plan, agents=agents, claude=True, on_event=events.append)
        results = run.wait(WITHIN_S)
    with pytest.raises(onb.TaskFailed) as caught:
        results["refused"]
    assert str(caught.value).endswith("may not do this (403): invalid x-api-key [secret])")
    assert results["quoting"] == "It is [secret]."
    assert results["judging"].winner == "the one with [secret]"
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} >= {"transcripts", "results", run.id}
    leaks = [str(path) for path in files if KEY.encode() in path.read_bytes()]
    assert not leaks
    state = run.state
    seen = [repr(run), repr(results), repr(state), repr(agents), str(caught.value)]
    seen += [repr(caught.value.__cause__), repr(events), repr(state.findings)]
    seen += [repr(state.decisions), repr(state.tasks), repr(run.decisions)]
    assert not [text for text in seen if KEY in text]
    assert not [body for body in server.bodies if KEY in json.dumps(body)]
    sent = {seen.headers.get("authorization") for seen in server.requests}
    assert sent == {f"Bearer {KEY}"}, "it was sent where it belongs"


@pytest.mark.parametrize(
    "plan",
    [
        {"name": f"Use {KEY}"},
        {"phases": [{"name": KEY, "tasks": [{"agent": "alpha"}]}]},
        {"phases": [{"name": "One", "tasks": [{"agent": KEY}]}]},
        {"phases": [{"name": "One", "tasks": [{"decision": f"{KEY}?", "options": ["a", "b"]}]}]},
    ],
    ids=["plan", "phase", "agent", "decision"],
)
def test_a_key_can_not_be_a_name(
    server: MessagesServer, start: Start, tmp_path: Path, plan: dict[str, Any]
) -> None:
    """A key in a name of the plan, which nothing could mask, is an error that hides it."""
    with pytest.raises(onb.SetupError, match=r"A key or a token stands in the plan") as caught:
        start({"agent": "alpha"}, plan=plan)
    assert KEY not in str(caught.value)
    assert not (tmp_path / "home").exists()


def test_without_a_key_nothing_starts(
    server: MessagesServer, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key: one error that names three ways on; no folder, no request, no SDK."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(onb.SetupError) as caught:
        start({"agent": "alpha"}, {"agent": "beta"})
    message = str(caught.value)
    for way in ("ANTHROPIC_API_KEY", "agents={...}", "onb.rehearse(plan)", "alpha, beta"):
        assert way in message
    assert not (tmp_path / "home").exists()
    assert not server.requests


def test_check_finds_a_missing_key(
    server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`onb.check` says the same without starting anything, and who does what when all is well."""
    plan = onb.Plan.parse('{"name": "P", "phases": [{"name": "1", "tasks": [{"agent": "a"}]}]}')
    assert "claude-sonnet-5-5" in onb.check(plan).runs["a"]
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(onb.SetupError, match="No credentials for Claude"):
        onb.check(plan)


# -- the end -------------------------------------------------------------------------------------


def test_a_stop_closes_twenty_streams(server: MessagesServer, start: Start) -> None:
    """`run.stop()` with 20 answers under way closes every connection within two seconds."""
    server.gate, server.delta_delay = 20, 0.05
    server.reply = lambda body: Reply("A sentence that goes on. " * 400)
    tasks = [{"agent": f"agent-{n}"} for n in range(20)]
    run = start(*tasks, max_concurrency=20)
    until(run, lambda state: sum(bool(t.message) for t in state.tasks) == 20)
    assert server.in_flight == 20
    began = time.monotonic()
    run.stop()
    assert server.wait_idle(2.0 - (time.monotonic() - began))
    assert time.monotonic() - began < 2
    assert run.finished
    assert run.status == "stopped"
    assert {task.status for task in run.state.tasks} == {"cancelled"}
    usage = run.state.usage
    assert usage.cost == 0
    assert len(server.bodies) == 20, "nothing was tried again"


def test_what_a_stopped_answer_used_is_in_the_log(server: MessagesServer, start: Start) -> None:
    """An answer that a stop broke off was paid for: its cost is unknown, and its text kept."""
    server.delta_delay = 0.05
    server.reply = lambda body: Reply("A sentence that goes on. " * 400)
    run = start({"agent": "alpha"})
    until(run, lambda state: state.task("alpha").message)
    run.stop()
    (used,) = log(run, "usage")
    assert used["cost"] is None
    assert run.state.usage.unknown == 1
    (file,) = (run.folder / "transcripts").iterdir()
    (line,) = map(json.loads, file.read_text("utf-8").splitlines())
    assert line["reply"][0]["text"].startswith("A sentence that goes on.")
    assert line["error"].startswith("Cancelled after")


# -- the transcript ------------------------------------------------------------------------------


def test_the_transcript_has_every_exchange(server: MessagesServer, start: Start) -> None:
    """One line an exchange: what was new in the request, the reply, usage, cost, time."""
    run = start(ASKING, mode="fully_autonomous")
    results = run.wait(WITHIN_S)
    (file,) = (run.folder / "transcripts").iterdir()
    assert file.name == "0001.1.jsonl"
    first, second = map(json.loads, file.read_text("utf-8").splitlines())
    assert (first["exchange"], first["stop_reason"]) == (1, "tool_use")
    assert first["request"]["system"][0]["text"].find("# Project: Demo") >= 0
    assert {tool["name"] for tool in first["request"]["tools"]} >= {"request_decision"}
    assert first["reply"][1]["name"] == "request_decision"
    assert list(second["request"]) == ["messages"]
    assert second["request"]["messages"][-1]["content"][0]["type"] == "tool_result"
    assert second["reply"][0]["text"].strip() == results["architect"]
    assert first["cost"] + second["cost"] == pytest.approx(run.state.usage.cost)
    assert second["duration_s"] >= 0
