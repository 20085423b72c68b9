"""Claude agents over real HTTP: the conversation, its tools, its cost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from orchestra_nb.agents.claude import Claude
from orchestra_nb.agents.claude_client import client_for, close_clients
from orchestra_nb.agents.prices import Price, Prices
from orchestra_nb.errors import AgentError, DecisionClosed
from tests.messages_server import Body, MessagesServer, Reply, ToolCall, fault

from .conftest import KEY
from .recording import Recording, work


class Verdict(BaseModel):
    """What a structured answer looks like in these tests."""

    winner: str
    score: Annotated[int, Field(ge=0, le=10)]


def last_results(body: Body) -> list[dict[str, Any]]:
    """The tool results in a request's last turn."""
    return [b for b in body["messages"][-1]["content"] if b["type"] == "tool_result"]


def replies(server: MessagesServer, *answers: Reply) -> None:
    """Let the model give these answers, in order."""
    left = iter(answers)
    server.reply = lambda body: next(left)


def test_the_result_is_the_text_of_the_answer(server: MessagesServer) -> None:
    """An agent's result is what the model wrote, and the prompt said what to do."""
    server.reply = lambda body: Reply("Take Cassandra.\n")
    assert work(Claude(), Recording()) == "Take Cassandra."
    (body,) = server.bodies
    assert body["stream"] is True
    assert body["model"] == "claude-sonnet-5-5"
    assert "Compare three databases" in body["messages"][0]["content"][0]["text"]
    assert "output_config" not in body


def test_text_that_streams_is_shown_line_by_line(server: MessagesServer) -> None:
    """Progress is whole human lines, at most one a second, never pieces of a sentence."""
    server.delta_delay = 0.02
    sentences = [f"Sentence number {n} ends here." for n in range(40)]
    server.reply = lambda body: Reply("# Title\n\n" + " ".join(sentences))
    context = Recording()
    work(Claude(), context)
    assert 2 <= len(context.said) <= 5
    assert context.said[0] == "Title"
    assert set(context.said[1:]) <= set(sentences)


def test_structured_text_is_announced_and_not_shown(server: MessagesServer) -> None:
    """Progress of an answer in JSON says what is written and how much, never the JSON."""
    context = Recording()
    work(Claude(output=Verdict), context)
    assert context.said
    assert all(line.startswith("Writing Verdict (") for line in context.said)


def test_a_decision_goes_to_the_person_and_back(server: MessagesServer) -> None:
    """The model's request_decision opens a decision, and its outcome reaches the model."""
    given = {
        "title": "Which database?",
        "options": [{"key": "A", "text": "PostgreSQL"}, {"key": "B", "text": "Cassandra"}],
        "recommend": "A",
        "because": "simple",
        "category": "database",
    }
    replies(
        server, Reply("I ask.", [ToolCall("request_decision", given)]), Reply("With Cassandra.")
    )
    context = Recording()
    assert work(Claude(), context) == "With Cassandra."
    assert context.asked == [
        {
            "title": "Which database?",
            "options": {"A": "PostgreSQL", "B": "Cassandra"},
            "recommend": "A",
            "because": "simple",
            "context": "",
            "category": "database",
            "kind": "standard",
        }
    ]
    (result,) = last_results(server.bodies[1])
    assert json.loads(result["content"]) == {
        "option": "B",
        "text": "Cassandra",
        "note": "we know it",
        "decided_by": "user",
    }
    assert context.events[0][0] == "request_decision"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"title": "T", "options": []}, "options"),
        ({"options": [{"key": "A", "text": "x"}]}, "title"),
        ({"title": "T", "options": [{"key": "A", "text": "x"}], "recommend": "Z"}, "recommend"),
        ({"title": "T", "options": [{"key": "A", "text": "x"}] * 2, "recommend": "A"}, "same key"),
        ({"title": "T", "options": [{"key": "A", "text": "x"}]}, "recommend: Field required"),
        (["no object"], "whole"),
    ],
)
def test_a_decision_that_makes_no_sense_goes_back(
    server: MessagesServer, given: Any, why: str
) -> None:
    """A bad decision is an error the model reads; no person is asked."""
    replies(server, Reply(tools=[ToolCall("request_decision", given)]), Reply("Never mind."))
    context = Recording()
    assert work(Claude(), context) == "Never mind."
    assert not context.asked
    (result,) = last_results(server.bodies[1])
    assert result["is_error"] is True
    assert why in result["content"]


def test_a_withdrawn_decision_is_told_to_the_model(server: MessagesServer) -> None:
    """A decision that closes without an outcome leaves the agent running."""
    given = {"title": "T", "options": [{"key": "A", "text": "x"}], "recommend": "A"}
    replies(server, Reply(tools=[ToolCall("request_decision", given)]), Reply("Alone then."))
    context = Recording(outcome=DecisionClosed("t", "the task moved on"))
    assert work(Claude(), context) == "Alone then."
    assert "withdrawn" in last_results(server.bodies[1])[0]["content"]


def test_findings_blockers_and_progress_reach_the_context(server: MessagesServer) -> None:
    """The three reporting tools do what they say, in one turn, in parallel."""
    calls = [
        ToolCall("record_finding", {"text": "Writes dominate"}),
        ToolCall("report_blocker", {"text": "No test data"}),
        ToolCall("report_progress", {"text": "Reading", "fraction": 0.4}),
    ]
    replies(server, Reply(tools=calls), Reply("Done."))
    context = Recording()
    assert work(Claude(), context) == "Done."
    assert ("finding", "Writes dominate") in context.events
    assert ("blocker", "No test data") in context.events
    assert "Reading" in context.said
    assert last_results(server.bodies[1])[0]["content"] == "Recorded."


def test_a_python_function_is_a_tool(server: MessagesServer) -> None:
    """The model sees schema and docstring of a function, and reads what it returns."""
    seen: dict[str, Any] = {}

    def convert(amount: float, currency: str = "EUR") -> dict[str, float]:
        """Convert an amount.

        Args:
            amount: In dollars, as
                a number.
            currency: Three letters.

        Returns:
            The converted amount.
        """
        seen.update(thread=threading.current_thread(), currency=currency)
        return {currency: amount * 2}

    replies(server, Reply(tools=[ToolCall("convert", {"amount": 3})]), Reply("6 euros."))
    context = Recording()
    assert work(Claude(tools=[convert]), context) == "6 euros."
    tool = server.bodies[0]["tools"][-1]
    assert tool["name"] == "convert"
    assert tool["description"] == "Convert an amount."
    assert tool["input_schema"]["properties"]["amount"]["description"] == "In dollars, as a number."
    assert tool["input_schema"]["required"] == ["amount"]
    assert json.loads(last_results(server.bodies[1])[0]["content"]) == {"EUR": 6.0}
    assert seen["thread"].daemon
    assert context.events == [("convert", "amount=3.0")]


def test_async_functions_and_the_context_work_in_tools(server: MessagesServer) -> None:
    """An async tool is awaited; a parameter named context gets it and stays out of the schema."""

    async def look(context, where: str) -> str:  # type: ignore[no-untyped-def]
        context.finding(f"looked at {where}")
        return "nothing"

    replies(server, Reply(tools=[ToolCall("look", {"where": "home"})]), Reply("Nothing there."))
    context = Recording()
    work(Claude(tools=[look]), context)
    assert ("finding", "looked at home") in context.events
    assert list(server.bodies[0]["tools"][-1]["input_schema"]["properties"]) == ["where"]


def test_a_tool_that_fails_is_told_in_one_line(server: MessagesServer) -> None:
    """An exception, a wrong argument and an unknown tool are errors the model can answer to."""

    def divide(a: int, b: int) -> float:
        """Divide."""
        return a / b

    def leave() -> None:
        """Leave."""
        raise SystemExit(3)

    calls = [
        ToolCall("divide", {"a": 1, "b": 0}),
        ToolCall("divide", {"a": "x", "b": 1}),
        ToolCall("nothing", {}),
        ToolCall("leave", {}),
    ]
    replies(server, Reply(tools=calls), Reply("Sorry."))
    assert work(Claude(tools=[divide, leave]), Recording()) == "Sorry."
    results = last_results(server.bodies[1])
    assert all(result["is_error"] for result in results)
    assert results[0]["content"] == "ZeroDivisionError: division by zero"
    assert results[1]["content"].startswith("The input does not fit: a: ")
    assert results[2]["content"].startswith("There is no tool 'nothing'")
    assert results[3]["content"] == "RuntimeError: SystemExit: 3"


def test_a_long_tool_answer_is_shortened_visibly(server: MessagesServer) -> None:
    """What a tool returns beyond the limit is cut out with its length."""

    def dump() -> str:
        """Dump."""
        return "a" * 200_000 + "end"

    replies(server, Reply(tools=[ToolCall("dump", {})]), Reply("Long."))
    work(Claude(tools=[dump]), Recording())
    content = last_results(server.bodies[1])[0]["content"]
    assert "150,003 of 200,003 characters left out here" in content
    assert content.endswith("end")
    assert len(content) < 51_000


def test_functions_that_cannot_be_tools_are_refused_when_the_agent_is_made() -> None:
    """A wrong tool is a clear error before anything runs."""

    class Odd:
        pass

    def odd(thing: Odd) -> None:
        """Odd."""

    def record_finding(text: str) -> None:
        """Take a name that is ours."""

    with pytest.raises(TypeError, match=r"odd\(\) can't be a tool"):
        Claude(tools=[odd])
    with pytest.raises(ValueError, match="two tools are named 'record_finding'"):
        Claude(tools=[record_finding])
    with pytest.raises(TypeError, match="'<lambda>' can't be a tool"):
        Claude(tools=[lambda: 1])


@pytest.mark.parametrize(
    "wrong", [{"model": ""}, {"max_tokens": 0}, {"max_rounds": -1}, {"output": dict}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """Each setting is checked when the agent is made."""
    with pytest.raises((TypeError, ValueError)):
        Claude(**wrong)


def test_tool_rounds_have_an_end(server: MessagesServer) -> None:
    """A model that calls tools for ever is stopped with a clear line."""
    server.reply = lambda body: Reply(tools=[ToolCall("report_progress", {"text": "again"})])
    with pytest.raises(AgentError, match="Stopped after 3 rounds of tool calls") as caught:
        work(Claude(max_rounds=3), Recording())
    assert not caught.value.retryable
    assert len(server.bodies) == 4


def test_an_empty_answer_after_tools_is_asked_for_once(server: MessagesServer) -> None:
    """A model that falls silent after its tools is asked for the answer, once."""
    tool = Reply(tools=[ToolCall("report_progress", {"text": "on it"})])
    replies(server, tool, Reply(), Reply("The answer."))
    assert work(Claude(), Recording()) == "The answer."
    assert server.bodies[2]["messages"][-1]["content"][-1]["text"].startswith("Write your final")


def test_usage_and_cost_are_told_by_class(server: MessagesServer) -> None:
    """Every exchange reports tokens by class and what they cost."""
    counts = {
        "input_tokens": 1000,
        "output_tokens": 200,
        "cache_read_input_tokens": 5000,
        "cache_creation_input_tokens": 700,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
    }
    server.reply = lambda body: Reply("Fine.", usage=counts)
    context = Recording()
    work(Claude(), context)
    (used,) = context.used
    assert used.pop("request_id").startswith("req_")
    assert used.pop("cost") == pytest.approx(
        (1000 * 2 + 200 * 10 + 5000 * 0.1 + 400 * 2.5 + 300 * 4) / 1e6
    )
    assert used == {
        "model": "claude-sonnet-5-5",
        "input_tokens": 1000,
        "output_tokens": 200,
        "cache_read_tokens": 5000,
        "cache_write_5m_tokens": 400,
        "cache_write_1h_tokens": 300,
    }


def test_an_unknown_model_has_an_unknown_cost(server: MessagesServer) -> None:
    """A model without a price reports its tokens and cost None; own prices give it one."""
    context = Recording()
    work(Claude(model="local-7b"), context)
    assert context.used[0]["cost"] is None
    assert context.used[0]["output_tokens"] > 0
    context = Recording()
    work(Claude(model="local-7b", prices=Prices({"local-7b": Price(1, 1, 1, 1, 1)})), context)
    assert context.used[0]["cost"] > 0


def test_agents_of_one_run_share_the_cache(server: MessagesServer) -> None:
    """The second agent reads from the cache what the first one wrote: the shared prefix."""
    first, second = Recording(), Recording(agent="backend-expert", text="Build the API")
    work(Claude(), first)
    work(Claude(system="You build APIs."), second)
    assert first.used[0]["cache_write_5m_tokens"] > 100
    assert second.used[0]["cache_read_tokens"] == first.used[0]["cache_write_5m_tokens"]
    shared, own = server.bodies[1]["system"]
    assert shared == server.bodies[0]["system"][0]
    assert shared["cache_control"] == {"type": "ephemeral"}
    assert own == {"type": "text", "text": "You build APIs."}


def test_a_conversation_is_cached_from_its_second_exchange_on(server: MessagesServer) -> None:
    """With tools, later exchanges read what earlier ones sent; one mark moves along."""
    tool = Reply(tools=[ToolCall("report_progress", {"text": "on it"})])
    replies(server, tool, tool, Reply("Done."))
    context = Recording()
    work(Claude(), context)
    assert "cache_control" not in json.dumps(server.bodies[0]["messages"])
    assert json.dumps(server.bodies[2]["messages"]).count("cache_control") == 1
    assert context.used[2]["cache_read_tokens"] > context.used[1]["cache_read_tokens"] > 0


def test_structured_output_is_an_instance(server: MessagesServer) -> None:
    """With output= the result is an instance, and the schema went to the API."""
    result = work(Claude(output=Verdict, effort="low"), Recording())
    assert result == Verdict(winner="An example winner", score=1)
    config = server.bodies[0]["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["schema"]["additionalProperties"] is False


def test_structured_output_in_a_fence_is_read(server: MessagesServer) -> None:
    """Servers that don't enforce the schema often wrap JSON in a Markdown fence."""
    server.reply = lambda body: Reply('```json\n{"winner": "B", "score": 7}\n```')
    assert work(Claude(output=Verdict), Recording()) == Verdict(winner="B", score=7)


def test_structured_output_is_repaired_once(server: MessagesServer) -> None:
    """An answer that breaks a rule the API does not enforce is sent back with the reason."""
    replies(server, Reply('{"winner": "B", "score": 99}'), Reply('{"winner": "B", "score": 9}'))
    context = Recording()
    assert work(Claude(output=Verdict), context).score == 9
    ask = server.bodies[1]["messages"][-1]["content"][0]["text"]
    assert "score: Input should be less than or equal to 10" in ask
    assert len(context.used) == 2


def test_structured_output_that_stays_wrong_fails(server: MessagesServer) -> None:
    """After one repair the failure is final; both exchanges are paid and told."""
    server.reply = lambda body: Reply("I would rather write prose.")
    context = Recording()
    with pytest.raises(AgentError, match="did not fit Verdict, not even repaired") as caught:
        work(Claude(output=Verdict), context)
    assert not caught.value.retryable
    assert [used["cost"] is not None for used in context.used] == [True, True]


def test_every_exchange_is_in_the_transcript(server: MessagesServer) -> None:
    """A transcript line has request, reply, usage, time and the service's id."""
    tool = Reply("Wait.", [ToolCall("report_progress", {"text": "on it"})])
    replies(server, tool, Reply("Done."))
    context = Recording()
    work(Claude(), context)
    one, two = context.lines
    assert (one["exchange"], two["exchange"]) == (1, 2)
    assert one["request"]["system"][0]["text"].startswith("# Project: Pricing optimizer")
    assert [block["type"] for block in one["reply"]] == ["text", "tool_use"]
    assert [m["role"] for m in two["request"]["messages"]] == ["assistant", "user"]
    assert two["stop_reason"] == "end_turn"
    assert two["error"] is None
    assert two["request_id"].startswith("req_")
    assert two["duration_s"] >= 0
    json.dumps(context.lines)


def test_the_key_is_nowhere(server: MessagesServer) -> None:
    """A key in a task, a tool's answer, its error or the model's words is hidden everywhere."""

    def leak() -> str:
        """Leak."""
        return f"key {KEY}"

    def fail() -> str:
        """Fail."""
        raise ValueError(f"bad key {KEY}")

    replies(
        server,
        Reply(f"The key is {KEY}. ", [ToolCall("leak", {}), ToolCall("fail", {})]),
        Reply(tools=[ToolCall("record_finding", {"text": KEY})]),
        Reply(f"It was {KEY}."),
    )
    context = Recording(text=f"Use {KEY} please", results={"a": KEY})
    result = work(Claude(tools=[leak, fail]), context)
    assert result == "It was [secret]."
    everything = json.dumps([result, context.lines, context.used, context.said, context.events])
    assert KEY not in everything
    assert KEY not in json.dumps(server.bodies)
    assert any(KEY in seen.headers["authorization"] for seen in server.requests)


def test_hostile_text_survives(server: MessagesServer) -> None:
    """Half a surrogate, ANSI codes and a megabyte on one line go through as text."""
    odd = "\ud800 \x1b[31m <script>"
    server.reply = lambda body: Reply("x" * 1_000_000 + " \x1b[31m")
    server.delta_chars = 4096
    context = Recording(text=odd, notes=(odd,), results={odd: odd})
    result = work(Claude(system=odd), context)
    assert len(result) > 1_000_000
    assert all(len(line) <= 200 for line in context.said)


def test_cancelling_closes_the_connection(server: MessagesServer) -> None:
    """Twenty cancelled agents leave nothing in flight, and their cost is told as unknown."""
    server.delta_delay = 0.05
    server.reply = lambda body: Reply("word " * 2000)
    contexts = [Recording() for _ in range(20)]

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(Claude()(context.as_context)) for context in contexts]
        while server.in_flight < 20 or not all(context.said for context in contexts):
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert server.wait_idle()
        await close_clients()
        return ends

    server.reply = lambda body: Reply("A first line.\n" + "word " * 2000)
    ends = asyncio.run(asyncio.wait_for(main(), 10))
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    assert all(context.used[0]["cost"] is None for context in contexts)
    assert "Cancelled after" in contexts[0].lines[0]["error"]


def test_a_hundred_agents_share_one_client(server: MessagesServer) -> None:
    """A hundred streams run at once on the one client of their loop."""
    server.gate = 100
    clients = set()

    async def one() -> Any:
        clients.add(await client_for())
        return await Claude()(Recording().as_context)

    async def main() -> list[Any]:
        results = await asyncio.gather(*(one() for _ in range(100)))
        await close_clients()
        return results

    results = asyncio.run(asyncio.wait_for(main(), 15))
    assert all(results)
    assert len(clients) == 1
    assert server.max_in_flight == 100


def test_a_client_is_closed_when_its_loop_ends(server: MessagesServer) -> None:
    """Each loop has its own client, and nobody has to close it."""

    async def main() -> Any:
        return await client_for()

    first, second = asyncio.run(main()), asyncio.run(main())
    assert first is not second
    assert first.is_closed()
    assert second.is_closed()


def test_a_paused_turn_goes_on(server: MessagesServer) -> None:
    """When the API pauses a long turn, the same conversation is sent again."""
    replies(server, Reply("So far.", stop_reason="pause_turn"), Reply("And done."))
    assert work(Claude(), Recording()) == "And done."
    assert server.bodies[1]["messages"][-1]["content"][0]["text"] == "So far."


def test_a_marker_in_a_task_raises_a_decision(server: MessagesServer) -> None:
    """The default model calls the tool a task's marker names, then reports."""
    options = [{"key": "A", "text": "x"}, {"key": "B", "text": "y"}]
    given = {"title": "Which?", "options": options, "recommend": "A"}
    context = Recording(text=f"Compare databases [[tool:request_decision {json.dumps(given)}]]")
    report = work(Claude(), context)
    assert context.asked[0]["title"] == "Which?"
    assert report.startswith("# Compare databases")
    assert "looked at this as database architect" in report
    assert "The person chose B: Cassandra." in report


def test_making_a_worker_does_not_import_the_sdk() -> None:
    """The SDK takes seconds to import; that waits for the first call."""
    code = "import sys; from orchestra_nb.agents import Claude; Claude(); Claude().check(); "
    code += "sys.exit('anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_repr_names_model_tools_and_shape() -> None:
    """A worker is readable."""

    def search(query: str) -> str:
        """Search."""
        return query

    assert repr(Claude()) == "Claude('claude-sonnet-5-5')"
    worker = Claude(tools=[search], output=Verdict)
    assert repr(worker) == "Claude('claude-sonnet-5-5', tools=[search], output=Verdict)"


def test_the_first_request_is_the_same_for_the_same_task() -> None:
    """What is sent depends on nothing but the task and what it was given."""
    decisions = {"db": SimpleNamespace(option="A", text="PostgreSQL", note=None, by="user")}
    one = Claude().request(Recording(decisions=decisions).as_context)
    assert one == Claude().request(Recording(decisions=decisions).as_context)


def test_rate_limits_can_be_tried_again_by_the_caller(server: MessagesServer) -> None:
    """After a failed attempt the same worker works: it keeps nothing between attempts."""
    server.script(fault(429, retry_after=2))
    claude = Claude()
    with pytest.raises(AgentError):
        work(claude, Recording())
    assert work(claude, Recording())
