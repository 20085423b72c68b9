"""Budgets and the spend card in whole runs of Claude agents, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import orchestra_nb as onb
from orchestra_nb.cli import app
from orchestra_nb.state import DecisionState
from tests.messages_server import MessagesServer
from tests.messages_server.faults import OK, fault
from tests.messages_server.model import Body, Reply

WITHIN_S = 60.0
Start = Callable[..., onb.Run]


@pytest.fixture
def start(server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Give what starts a run of so many Claude agents at once."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)

    def start(count: int, *, agents: dict[str, Any] | None = None, **plan: Any) -> onb.Run:
        spend = plan.pop("spend", True)
        tasks = [onb.Task(agent=f"a{n}", task="Look") for n in range(count)]
        settings: dict[str, Any] = {"max_concurrency": 32, "on_failure": "continue"} | plan
        whole = onb.Plan(name="P", phases=[onb.Phase(name="One", tasks=tasks)], **settings)
        return onb.run(whole, agents, claude=True, spend=spend, home=tmp_path / "home")

    return start


def events(run: onb.Run, kind: str) -> list[dict[str, Any]]:
    """The run's events of a kind, as they are on disk."""
    lines = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def dear(tokens: int) -> Callable[[Body], Reply]:
    """Answers that are said to have used so many output tokens."""
    cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation": None}
    usage = {"input_tokens": 100, "output_tokens": tokens, **cache}
    return lambda body: Reply("Done.", usage=usage)


def card(run: onb.Run, purpose: str, *, reached: bool | None = None) -> DecisionState:
    """The open card of a purpose, once it is there."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        for one in run.decisions:
            wanted = reached is None or one.detail.get("reached") is reached
            if one.purpose == purpose and one.open and wanted:
                return one
        time.sleep(0.01)
    raise AssertionError(f"no card {purpose!r}: {run.decisions}")


def test_a_dollar_is_enough_for_eight_agents_of_five_cents(
    start: Start, server: MessagesServer
) -> None:
    """Their worst cases don't fit together; reservations starve nobody, and no card is about it."""
    server.reply, server.latency = dear(5_000), 0.2
    run = start(8, budget={"usd": 1.0})
    run.wait(WITHIN_S)
    assert run.status == "completed"
    assert run.state.usage.cost == pytest.approx(8 * 0.0502)
    waits = [one for one in events(run, "agent_wait") if one["cause"] == "budget"]
    assert waits, "at worst eight agents cost $1.28 and more"
    assert " of $1.00 used" in waits[0]["detail"]
    assert not run.decisions


@pytest.mark.parametrize("output", [16_000, 40_000], ids=["as reserved", "more than that"])
def test_twenty_agents_at_once_stay_below_the_cap(
    start: Start, server: MessagesServer, output: int
) -> None:
    """P12: what was spent exceeds the cap by no more than what was in flight when it was reached.

    Answers that are dearer than an answer can be are scripted, too.
    """
    server.reply, server.latency = dear(output), 0.1
    run = start(20, budget={"usd": 1.0}, mode="fully_autonomous")
    run.wait(WITHIN_S)
    each = (100 * 2 + output * 10) / 1e6
    begun = int(1.0 // 0.17)  # so many worst cases fit at once
    cost = run.state.usage.cost
    assert cost <= 1.0 if output == 16_000 else cost <= 1.0 + begun * each
    failed = [task for task in run.state.tasks if task.status == "failed"]
    assert failed
    assert all("The budget has no room" in task.error for task in failed)
    assert len(server.requests) == round(cost / each), "who was refused asked nobody"
    assert len(failed) == 20 - round(cost / each)


def test_a_cap_on_tokens_holds(start: Start, server: MessagesServer) -> None:
    """Tokens are counted whatever they cost: also of a model without a price."""
    server.reply = dear(16_000)
    agents = {f"a{n}": onb.agents.Claude(model="own-1") for n in range(6)}
    run = start(6, agents=agents, budget={"tokens": 50_000}, mode="fully_autonomous")
    run.wait(WITHIN_S)
    assert sum(run.state.usage.tokens.values()) == 2 * 16_100
    assert [task.status for task in run.state.tasks].count("completed") == 2


def test_a_raise_lets_who_waits_go_on(start: Start, server: MessagesServer) -> None:
    """The same attempt makes its call: nothing is begun anew, nothing is paid twice."""
    server.reply = dear(16_000)
    run = start(4, budget={"usd": 0.55})
    asked = card(run, "budget", reached=True)
    assert asked.title == "Budget: the next call may cost $0.17; $0.07 is left"
    assert asked.detail["suggest"] == 1.1
    run.answer(asked.id, "A", values={"usd": 2})
    run.wait(WITHIN_S)
    assert run.status == "completed"
    assert len(server.requests) == 4
    assert {task.attempt for task in run.state.tasks} == {1}


def test_a_cap_is_raised_from_a_terminal(start: Start, server: MessagesServer) -> None:
    """`decide --set usd=` raises it; what is no more than the cap is refused with an example."""
    server.reply = dear(16_000)
    run = start(2, budget={"usd": 0.2}, max_concurrency=1)
    asked = card(run, "budget", reached=True)
    home = str(run.folder.parent.parent)

    def decide(value: str) -> tuple[int, str]:
        answer = ["decide", run.id, asked.id, "A", "--set", value, "--home", home]
        done = CliRunner().invoke(app, answer)
        return done.exit_code, done.output

    code, text = decide("usd=0.2")
    assert (code, text.count("Needs an amount above $0.20, such as $0.40.")) == (2, 1)
    code, text = decide("usd=abc")
    assert (code, "'abc' is no number." in text) == (2, True)
    code, text = decide("tokens=7")
    assert (code, "nothing here is called 'tokens'" in text) == (2, True)
    said = "Budget: the next call may cost $0.17; $0.04 is left → A · Raise the cap to $1.00\n"
    assert decide("usd=1") == (0, said)
    run.wait(WITHIN_S)
    assert run.status == "completed"


def test_an_answer_that_breaks_off_counts_at_its_worst(
    start: Start, server: MessagesServer
) -> None:
    """Its cost is not known: the budget takes the worst, and what does not fit then is refused."""
    server.reply = dear(100)
    server.script(fault("disconnect"), OK)
    agents = {"a0": onb.agents.Claude()}
    run = start(1, agents=agents, budget={"usd": 0.3}, mode="fully_autonomous")
    run.wait(WITHIN_S)
    (counted,) = events(run, "budget")
    assert 0.16 < counted["usd"] < 0.2
    assert run.state.usage.unknown == 1
    assert "The budget has no room" in run.state.task("a0").error


def test_a_cheaper_model_is_asked_for(start: Start, server: MessagesServer) -> None:
    """After the choice, what begins asks for the cheaper model, and is reckoned at its price."""
    server.reply, server.latency = dear(16_000), 0.05
    run = start(8, budget={"usd": 1.0}, max_concurrency=1)
    asked = card(run, "budget", reached=False)
    assert asked.detail["models"] == {"claude-sonnet-5-5": "claude-haiku-5-5"}
    run.answer(asked.id, "D")
    run.wait(WITHIN_S)
    assert run.status == "completed"
    models = {event["model"] for event in events(run, "usage")}
    assert models == {"claude-sonnet-5-5", "claude-haiku-5-5"}
    assert run.state.usage.cost < 1.0


def test_a_cap_in_dollars_needs_prices(start: Start, server: MessagesServer) -> None:
    """Nothing is started; the message names task and model, and what to do. A price helps."""
    agents = {"a0": onb.agents.Claude(model="own-1")}
    with pytest.raises(onb.SetupError, match="'a0' uses 'own-1', whose price is not known") as said:
        start(1, agents=agents, budget={"usd": 1})
    assert "prices=onb.Prices(" in str(said.value)
    assert "cap tokens" in str(said.value)
    prices = onb.Prices({"own-1": onb.Price(1, 1, 1, 1, 1)})
    agents = {"a0": onb.agents.Claude(model="own-1", prices=prices)}
    run = start(1, agents=agents, budget={"usd": 1})
    run.wait(WITHIN_S)
    assert run.state.usage.cost > 0


# Before money is spent.


def test_nothing_paid_starts_before_somebody_lets_it(start: Start, server: MessagesServer) -> None:
    """A function runs meanwhile; the card shows what is expected, the worst case, the budget."""
    run = start(3, agents={"a0": lambda: "free"}, spend=False, budget={"usd": 5})
    asked = card(run, "spend")
    end = time.monotonic() + WITHIN_S
    while run.state.task("a0").status != "completed":
        assert time.monotonic() < end
        time.sleep(0.01)
    assert len(server.requests) == 0
    assert [task.attempt for task in run.state.tasks] == [1, 0, 0]
    assert (asked.kind, asked.recommend, asked.timeout_s) == ("critical", "A", 600.0)
    assert asked.context.startswith("2 tasks call claude-sonnet-5-5. At most $0.3")
    assert asked.context.endswith("Budget: $5.00: enough for the most.")
    assert [row["task"] for row in asked.detail["rows"]] == ["a1", "a2"]
    assert asked.because == "the worst case fits the budget"
    run.answer(asked.id, "A")
    run.wait(WITHIN_S)
    assert (run.status, len(server.requests)) == ("completed", 2)


def test_a_worst_case_beyond_the_budget_is_not_recommended(start: Start) -> None:
    """Then there is no clock either: a person says it, or nothing is spent."""
    run = start(3, spend=False, budget={"usd": 0.2})
    asked = card(run, "spend")
    assert (asked.recommend, asked.timeout_s) == (None, None)
    run.answer(asked.id, "B")
    run.wait(WITHIN_S)
    assert run.status == "stopped"
    assert not events(run, "usage")


def test_who_asks_nobody_is_recorded(start: Start) -> None:
    """In the mode fully_autonomous the policy starts; with spend=True no card opens at all."""
    run = start(1, spend=False, mode="fully_autonomous", budget={"usd": 0.01, "tokens": 99})
    run.wait(WITHIN_S)
    (asked,) = [one for one in run.decisions if one.purpose == "spend"]
    assert asked.outcome is not None
    assert (asked.outcome.option, asked.outcome.by) == ("A", "policy")
    run = start(1)
    run.wait(WITHIN_S)
    assert not run.decisions


def test_rehearsals_and_functions_are_free(start: Start, server: MessagesServer) -> None:
    """Nobody is asked where nothing is paid."""
    run = start(1, agents={"a0": lambda: 1}, spend=False)
    run.wait(WITHIN_S)
    assert not run.decisions
    plan = onb.Plan(name="P", phases=[onb.Phase(name="One", tasks=[onb.Task(agent="a")])])
    rehearsal = onb.rehearse(plan, home=run.folder.parent.parent)
    rehearsal.wait(WITHIN_S)
    assert not rehearsal.decisions


# Beforehand.


def test_a_forecast_learns_from_the_past(start: Start, server: MessagesServer) -> None:
    """At first it reckons with a prompt's size; after three attempts with what they used."""
    server.reply = dear(5_000)
    plan = onb.Plan(
        name="P", phases=[onb.Phase(name="One", tasks=[onb.Task(agent="a0", task="Look")])]
    )
    for _ in range(3):
        run = start(1)
        run.wait(WITHIN_S)
    home = run.folder.parent.parent
    first = onb.forecast(plan, home=home.parent / "other")
    then = onb.forecast(plan, home=home)
    assert first.tasks[0].basis == "its prompt; an answer of 1,500 tokens is assumed"
    assert then.tasks[0].basis == "3 past attempts"
    assert then.tokens == 5_100
    assert then.usd == pytest.approx(0.0502)
    assert first.tokens < first.most_tokens
    assert "about $0.05, 5,100 tokens\n  at most $0.1" in repr(then)
    assert list(then.frame["usd"]) == [pytest.approx(0.0502)]


def test_a_forecast_says_what_it_does_not_know(clean_env: None, tmp_path: Path) -> None:
    """No key is needed; a model without a price and a task without an estimate are named."""
    plan = onb.Plan(
        name="P",
        budget={"usd": 2},
        phases=[onb.Phase(name="One", tasks=[onb.Task(agent="a"), onb.Task(agent="f")])],
    )
    agents = {"a": onb.agents.Claude(model="own-1"), "f": lambda: 1}
    told = onb.forecast(plan, agents, home=tmp_path)
    assert (told.tasks[0].usd, told.tasks[1].usd) == (None, 0.0)
    assert told.seconds is None
    assert "its cost: 'own-1' has no known price" in told.unknown["a"]
    assert told.unknown["f"] == "how long it takes: no estimate, and fewer than 3 past attempts"
    assert "about unknown cost" not in repr(told).replace("about unknown cost,", "")
    assert "no call begins that the budget of $2.00 can't hold" in repr(told)


# Afterwards.


def test_a_resumed_run_knows_what_was_spent_and_asks_for_no_leave_again(
    start: Start, server: MessagesServer
) -> None:
    """The cap counts what was used before; the leave to spend was given; a raise finishes it."""
    server.reply = dear(16_000)
    run = start(2, spend=False, budget={"usd": 0.2}, max_concurrency=1)
    run.answer(card(run, "spend").id, "A")
    run.answer(card(run, "budget", reached=True).id, "C")
    run.wait(WITHIN_S)
    assert (run.status, len(server.requests)) == ("stopped", 1)
    again = onb.resume(run.id, home=run.folder.parent.parent)
    assert isinstance(again, onb.Run)
    asked = card(again, "budget", reached=True)
    assert asked.title == "Budget: the next call may cost $0.17; $0.04 is left"
    again.answer(asked.id, "A", values={"usd": 1})
    again.wait(WITHIN_S)
    assert (again.status, len(server.requests)) == ("completed", 2)
    assert [one.purpose for one in again.decisions].count("spend") == 1
    assert again.state.budget["usd"] == 1.0


def test_a_leave_that_came_with_the_run_holds_for_its_resumption(
    start: Start, server: MessagesServer
) -> None:
    """A run with spend=True that was stopped asks nobody when it is resumed."""
    server.reply = dear(16_000)
    run = start(2, budget={"usd": 0.2}, max_concurrency=1)
    run.answer(card(run, "budget", reached=True).id, "C")
    run.wait(WITHIN_S)
    again = onb.resume(run.id, home=run.folder.parent.parent)
    assert isinstance(again, onb.Run)
    again.answer(card(again, "budget", reached=True).id, "A", values={"usd": 1})
    again.wait(WITHIN_S)
    assert again.status == "completed"
    assert all(one.purpose == "budget" for one in again.decisions)
