"""Tools that ask a person before they run: plan, engine, SDK and HTTP, end to end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from pydantic import BaseModel, Field

import orchestra_nb as onb
from orchestra_nb.agents.claude_tools import call_tool
from orchestra_nb.events import Event
from orchestra_nb.state import DecisionState, Outcome, State
from tests.messages_server import Body, MessagesServer, Reply, ToolCall

from .conftest import KEY

WITHIN_S = 20.0
Run = onb.Run


class Spot(BaseModel):
    """A value that is no JSON."""

    line: int
    word: str = "x"


class Deleter:
    """A tool that only notes what it would have done."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def tool(self, *, confirm: bool = True) -> Any:
        """It as a tool of an agent."""

        def delete_file(path: str, times: Annotated[int, Field(ge=1)] = 1) -> str:
            """Delete a file for good.

            Args:
                path: Which one.
                times: How often.
            """
            self.calls.append((path, times))
            return f"deleted {path}"

        return onb.agents.tool(delete_file, confirm=confirm)


class Work:
    """A run whose one agent calls a tool and then says what it was told."""

    def __init__(self, server: MessagesServer, home: Path) -> None:
        self.server, self.home = server, home
        self.deleter = Deleter()

    def start(self, *calls: ToolCall, **options: Any) -> Run:
        """Start it; the model calls the tool so, all in one turn."""
        self.calls(*calls)
        agents = {"cleaner": onb.agents.Claude(tools=[self.deleter.tool()])}
        task: dict[str, Any] = {"agent": "cleaner", **options.pop("task", {})}
        plan = {"name": "Demo", "phases": [{"name": "One", "tasks": [task]}], **options}
        parsed = onb.Plan.parse(json.dumps(plan), format="json")
        return onb.run(parsed, agents, spend=True, home=self.home)

    def calls(self, *calls: ToolCall) -> None:
        """Have the model make these calls first."""

        def reply(body: Body) -> Reply:
            return Reply("Now.", tools=calls) if len(body["messages"]) == 1 else Reply("All done.")

        self.server.reply = reply

    def told(self) -> list[dict[str, Any]]:
        """The results of its calls, as the model got them."""
        return list(self.server.bodies[1]["messages"][-1]["content"])


@pytest.fixture
def work(server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Give what starts such a run."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    return Work(server, tmp_path / "home")


def log(run: Run, *kinds: str) -> list[Event]:
    """Events of some kinds as they are on disk."""
    lines = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line))["event"] in kinds]


def card(run: Run, holds: Callable[[DecisionState], Any] = lambda decision: True) -> DecisionState:
    """Wait for an open decision, and give it."""

    def found(state: State) -> DecisionState | None:
        return next(filter(holds, state.open_decisions()), None)

    end = time.monotonic() + WITHIN_S
    while (decision := found(run.state)) is None:
        assert time.monotonic() < end, f"nothing was asked: {run!r}"
        time.sleep(0.01)
    return decision


DELETE = ToolCall("delete_file", {"path": "/tmp/x"})


def test_a_tool_runs_once_a_person_approves(work: Work) -> None:
    """The call is shown first, whole; then the tool runs with the very arguments."""
    run = work.start(DELETE)
    asked = card(run)
    assert (asked.purpose, asked.asker, asked.title) == (
        "approval", "cleaner", "Call delete_file?",
    )  # fmt: skip
    assert asked.detail == {
        "tool": "delete_file",
        "description": "Delete a file for good.",
        "arguments": {"path": "/tmp/x", "times": 1},
        "problem": "",
    }
    assert work.deleter.calls == []
    assert log(run, "tool_call") == []
    run.answer(asked.id, "A")
    assert run.wait(WITHIN_S)["cleaner"] == "All done."
    assert work.deleter.calls == [("/tmp/x", 1)]
    (result,) = work.told()
    assert result["content"] == "deleted /tmp/x"
    assert "is_error" not in result
    (call,) = log(run, "tool_call")
    assert (call["tool"], call["description"]) == ("delete_file", "path=/tmp/x")
    assert "status" not in call


def test_a_refused_call_never_runs(work: Work) -> None:
    """The reason goes to the model as an error, which can go on; the log has the refusal."""
    run = work.start(DELETE)
    run.answer(card(run).id, "B", note="use the bin instead")
    assert run.wait(WITHIN_S)["cleaner"] == "All done."
    assert work.deleter.calls == []
    (result,) = work.told()
    assert result["is_error"] is True
    assert result["content"] == "The person refused this call: use the bin instead"
    (call,) = log(run, "tool_call")
    assert (call["tool"], call["status"]) == ("delete_file", "refused")
    (outcome,) = log(run, "decision")
    assert (outcome["option"], outcome["note"]) == ("B", "use the bin instead")
    assert not log(run, "note")


def test_a_refusal_needs_no_reason(work: Work) -> None:
    """Without one the model is told that much."""
    run = work.start(DELETE)
    run.answer(card(run).id, "B")
    run.wait(WITHIN_S)
    assert work.told()[0]["content"] == "The person refused this call."


def test_a_person_changes_the_arguments(work: Work) -> None:
    """The tool is called with what the person wants, and the log says what that was."""
    run = work.start(DELETE)
    run.answer(card(run).id, "A", values={"path": "/tmp/y", "times": 3})
    run.wait(WITHIN_S)
    assert work.deleter.calls == [("/tmp/y", 3)]
    assert log(run, "tool_call")[0]["description"] == "path=/tmp/y, times=3"
    assert log(run, "decision")[0]["values"] == {"path": "/tmp/y", "times": 3}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"path": "/tmp/y", "times": 0}, "times: Input should be greater than or equal to 1"),
        ({"path": "/tmp/y", "times": 1.5}, "times: Input should be a valid integer"),
    ],
)
def test_arguments_that_do_not_fit_are_asked_again(
    work: Work, values: dict[str, Any], problem: str
) -> None:
    """The next card says which is wrong and why, and has kept what was typed."""
    run = work.start(DELETE)
    first = card(run)
    run.answer(first.id, "A", values=values)
    second = card(run, lambda decision: decision.id != first.id)
    assert second.detail["problem"].startswith(problem)
    assert second.detail["arguments"] == values
    assert work.deleter.calls == []
    run.answer(second.id, "A", values={"path": "/tmp/z", "times": 2})
    run.wait(WITHIN_S)
    assert work.deleter.calls == [("/tmp/z", 2)]
    assert len(log(run, "tool_call")) == 1


def test_bad_arguments_approved_as_they_are_stay_bad(work: Work) -> None:
    """Confirming the second card unread asks a third time; a refusal still ends it."""
    run = work.start(DELETE)
    seen: list[str] = []
    for values in ({"path": "/tmp/y", "times": 0}, None):
        asked = card(run, lambda decision: decision.id not in seen)
        seen.append(asked.id)
        run.answer(asked.id, "A", values=values)
    third = card(run, lambda decision: decision.id not in seen)
    assert third.detail["problem"].startswith("times:")
    run.answer(third.id, "B")
    run.wait(WITHIN_S)
    assert work.deleter.calls == []


def test_what_does_not_fit_before_a_person_sees_it_goes_back_to_the_model(work: Work) -> None:
    """Nobody is asked about a call that could not be made."""
    run = work.start(ToolCall("delete_file", {"path": 7}))
    run.wait(WITHIN_S)
    assert not log(run, "decision_opened")
    assert "path: Input should be a valid string" in work.told()[0]["content"]


def test_a_secret_in_the_arguments_is_not_shown_and_not_lost(work: Work) -> None:
    """Masked on the card and in the log; the tool gets the real one where it was left as it was."""
    run = work.start(ToolCall("delete_file", {"path": f"/tmp/{KEY}"}))
    first = card(run)
    assert first.detail["arguments"]["path"] == "/tmp/[secret]"
    run.answer(first.id, "A", values={"path": "/tmp/[secret]/more", "times": 1})
    second = card(run, lambda decision: decision.id != first.id)
    assert second.detail["problem"].startswith("path: [secret] stands for something")
    run.answer(second.id, "A", values={"path": "/tmp/[secret]", "times": 2})
    run.wait(WITHIN_S)
    assert work.deleter.calls == [(f"/tmp/{KEY}", 2)]
    assert KEY not in (run.folder / "orchestration-timeline.jsonl").read_text("utf-8")


def test_several_calls_are_asked_together(work: Work) -> None:
    """Each call of a turn has a card of its own; each result goes to its call."""
    names = ["/tmp/a", "/tmp/b", "/tmp/c"]
    run = work.start(*(ToolCall("delete_file", {"path": name}) for name in names))
    card(run, lambda decision: len(run.state.open_decisions()) == 3)
    cards = {d.detail["arguments"]["path"]: d.id for d in run.state.open_decisions()}
    run.answer(cards["/tmp/b"], "B", note="keep it")
    run.answer(cards["/tmp/c"], "A")
    run.answer(cards["/tmp/a"], "A")
    run.wait(WITHIN_S)
    assert sorted(work.deleter.calls) == [("/tmp/a", 1), ("/tmp/c", 1)]
    contents = [result["content"] for result in work.told()]
    assert contents == [
        "deleted /tmp/a",
        "The person refused this call: keep it",
        "deleted /tmp/c",
    ]


def test_what_a_person_says_with_an_approval_reaches_the_model(work: Work) -> None:
    """A note on the card is for the agent, beside the tool's answer."""
    run = work.start(DELETE)
    run.answer(card(run).id, "A", note="and no others")
    run.wait(WITHIN_S)
    said = "deleted /tmp/x\n\nThe person allowed this call and said: and no others"
    assert work.told()[0]["content"] == said


def test_a_mode_that_asks_nothing_asks_for_approval(work: Work) -> None:
    """Neither the mode nor autopilot lets a tool run."""
    run = work.start(DELETE, mode="fully_autonomous")
    asked = card(run)
    assert asked.timeout_s is None
    assert run.state.autopilot
    run.answer(asked.id, "A")
    run.wait(WITHIN_S)
    assert len(work.deleter.calls) == 1


def test_the_tasks_time_stands_still_meanwhile(work: Work) -> None:
    """A person may take longer than the task's own timeout."""
    run = work.start(DELETE, task={"timeout": 2})
    asked = card(run)
    assert run.state.task("cleaner").wait_cause == "human"
    time.sleep(2.2)
    run.answer(asked.id, "A")
    assert run.wait(WITHIN_S)["cleaner"] == "All done."


def test_a_run_that_was_stopped_calls_nothing(work: Work) -> None:
    """A card that was open when the run stopped is withdrawn; a later click runs nothing."""
    run = work.start(DELETE)
    asked = card(run)
    run.stop()
    assert run.finished
    with pytest.raises(onb.CommandError):
        run.answer(asked.id, "A")
    assert work.deleter.calls == []
    assert run.state.decisions[asked.id].withdrawn
    assert not log(run, "tool_call")


def test_an_approval_and_a_stop_at_once_call_nothing_twice(work: Work) -> None:
    """Whatever comes first, the tool runs at most once, and never after the stop."""
    run = work.start(DELETE)
    asked = card(run)
    approving = threading.Thread(target=lambda: _try(run, asked.id))
    approving.start()
    run.stop()
    approving.join(WITHIN_S)
    calls = list(work.deleter.calls)
    time.sleep(0.2)
    assert work.deleter.calls == calls
    assert len(calls) == len(log(run, "tool_call")) <= 1


def test_an_approval_that_comes_with_the_stop_calls_nothing(work: Work) -> None:
    """Approved while the run is being stopped: the tool is not called any more."""

    class Stopping:
        """A context whose run stops as the approval comes."""

        cancelled = False

        async def approve(self, *args: Any, **more: Any) -> Outcome:
            self.cancelled = True
            return Outcome("A", "Approve", "user")

    tools = {"delete_file": work.deleter.tool()}
    answer = asyncio.run(call_tool(tools, cast(Any, Stopping()), "delete_file", DELETE.input))
    assert answer.failed
    assert answer.text == "delete_file was withdrawn: the run was stopped"
    assert work.deleter.calls == []


def _try(run: Run, decision: str) -> None:
    try:
        run.answer(decision, "A")
    except onb.CommandError:
        return


def test_an_unconfirmed_tool_asks_nobody(work: Work) -> None:
    """`tool(function)` alone is the function; the model is told which tools are confirmed."""
    plain = onb.agents.tool(work.deleter.tool(confirm=False))
    run = work.start(DELETE)
    run.answer(card(run).id, "A")
    run.wait(WITHIN_S)
    (sent,) = (t for t in work.server.bodies[0]["tools"] if t["name"] == "delete_file")
    assert "The person is asked before each call" in sent["description"]
    assert plain.param()["description"] == "Delete a file for good."


def test_values_that_json_has_not_are_judged_as_json(
    server: MessagesServer, tmp_path: Path
) -> None:
    """A model among the arguments is shown as JSON, and is a model again when it is changed."""
    seen: list[Any] = []

    async def mark(spot: Spot, deep: bool = False) -> str:
        """Mark a spot."""
        seen.append((spot, deep))
        return "marked"

    server.reply = lambda body: (
        Reply(tools=[ToolCall("mark", {"spot": {"line": 3}})])
        if len(body["messages"]) == 1
        else Reply("Done.")
    )
    plan = onb.Plan(name="Demo", phases=[onb.Phase(name="One", tasks=[onb.Task(agent="marker")])])
    agents = {"marker": onb.agents.Claude(tools=[onb.agents.tool(mark, confirm=True)])}
    run = onb.run(plan, agents, spend=True, home=tmp_path / "home")
    asked = card(run)
    assert asked.detail["arguments"] == {"spot": {"line": 3, "word": "x"}, "deep": False}
    run.answer(asked.id, "A", values={"spot": {"line": 4, "word": "y"}, "deep": True})
    run.wait(WITHIN_S)
    assert seen == [(Spot(line=4, word="y"), True)]


# Choices of its own.


def test_the_models_own_choice_is_recorded(server: MessagesServer, tmp_path: Path) -> None:
    """`record_decision` asks nobody; the choice is on record, for people and later agents."""
    given = {"text": "Focus on B2B", "because": "the money is there"}
    server.reply = lambda body: (
        Reply(tools=[ToolCall("record_decision", given)])
        if len(body["messages"]) == 1 and "You are analyst" in body["system"][-1]["text"]
        else Reply("Done.")
    )
    tasks = [onb.Task(agent="analyst"), onb.Task(agent="writer", depends_on=["analyst"])]
    plan = onb.Plan(name="Demo", phases=[onb.Phase(name="One", tasks=tasks)])
    run = onb.run(plan, spend=True, home=tmp_path / "home")
    run.wait(WITHIN_S)
    (choice,) = log(run, "decision")
    assert (choice["agent"], choice["decision"], choice["by"]) == (
        "analyst", "Focus on B2B", "agent",
    )  # fmt: skip
    assert choice["decision_id"] is None
    last = str(server.bodies[-1]["messages"][0]["content"][0]["text"])
    assert "- analyst: Focus on B2B (the money is there)" in last
    markdown = (run.folder / "orchestration-plan.md").read_text("utf-8")
    assert "- **analyst**: Focus on B2B (the money is there)" in markdown
    assert run.decisions == []
