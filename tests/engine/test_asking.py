"""Agents that ask while they run: many things at once, and whether a tool may be called."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.commands import Answer, Autopilot, Hold, Stop
from orchestra_nb.engine.orders import Order
from orchestra_nb.errors import DecisionClosed
from orchestra_nb.state import Outcome

from .rig import WITHIN_S, Rig, choice, fields_of, fold, one_phase, phases, task


def same(rig: Rig) -> None:
    """The fold of the written log is the live state, in every field."""
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)


def answer(rig: Rig, decision: str, option: str = "A", **more: Any) -> None:
    """Decide, as a person on the board."""
    ok, said = rig.say(Answer(decision=decision, option=option, source="board", **more))
    assert ok, said


async def three(context: Context) -> list[str]:
    """Ask three things at once."""
    asked = (context.decide(title, ["x", "y"]) for title in ("One", "Two", "Three"))
    return [outcome.option for outcome in await asyncio.gather(*asked)]


# Many questions at once.


def test_an_agent_that_asks_holds_no_slot_until_all_is_answered() -> None:
    """With one slot the others work, also after the first of several answers."""
    plan = one_phase(
        task("asks"), task("b"), choice("later"), task("c", "later"), max_concurrency=1
    )
    rig = Rig(plan, {"asks": three}).start()
    for name in ("one", "two", "three"):
        rig.until_open(f"asks/{name}")
    rig.until(lambda: rig.task("b").status == "completed")
    answer(rig, "asks/two", "B")
    answer(rig, "later")
    rig.until(lambda: rig.task("c").status == "completed")
    assert rig.task("asks").status == "waiting"
    assert rig.engine.scheduler.used == 0
    answer(rig, "asks/three")
    answer(rig, "asks/one")
    rig.wait()
    assert rig.engine.results["asks"] == ["A", "B", "A"]
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    same(rig)


def test_the_row_names_a_question_that_is_still_open() -> None:
    """One wait after the other, and one end: what is shown is never an answered question."""
    rig = Rig(one_phase(task("asks")), {"asks": three}).start()
    rig.until_open("asks/three")
    answer(rig, "asks/one")
    answer(rig, "asks/three")
    assert rig.task("asks").wait_detail == "Two"
    answer(rig, "asks/two")
    rig.wait()
    waits = [(event["cause"], event["detail"]) for event in rig.events("agent_wait")]
    assert waits == [("human", "One"), ("human", "Two"), (None, "")]
    same(rig)


def test_a_part_of_an_agent_goes_on_with_its_answer_at_once() -> None:
    """An answer is handed over while another question is open, though every slot is taken."""
    heard, gate = threading.Event(), threading.Event()

    async def asks(context: Context) -> None:
        async def first() -> None:
            await context.decide("One", ["x"])
            heard.set()

        await asyncio.gather(first(), context.decide("Two", ["x"]))

    plan = one_phase(task("asks"), task("b"), max_concurrency=1)
    rig = Rig(plan, {"asks": asks, "b": lambda: gate.wait(WITHIN_S)}).start()
    rig.until_open("asks/two")
    rig.until(lambda: rig.task("b").status == "running")
    answer(rig, "asks/one")
    assert heard.wait(WITHIN_S)
    assert rig.task("asks").status == "waiting"
    answer(rig, "asks/two")
    rig.turn()
    assert rig.task("asks").status == "waiting", "the last answer comes with a slot"
    gate.set()
    rig.wait()
    assert rig.engine.scheduler.used == 0


def test_a_question_that_comes_while_an_answer_waits_for_a_slot() -> None:
    """The answer is handed over, and the agent waits for the new question without a slot."""
    gate, ask_more = threading.Event(), asyncio.Event()

    async def asks(context: Context) -> list[str]:
        async def second() -> Outcome:
            await ask_more.wait()
            return await context.decide("Two", ["x", "y"])

        both = await asyncio.gather(context.decide("One", ["x", "y"]), second())
        return [outcome.option for outcome in both]

    plan = one_phase(task("asks"), task("b"), task("c"), max_concurrency=1)
    rig = Rig(plan, {"asks": asks, "b": lambda: gate.wait(WITHIN_S)}).start()
    rig.until(lambda: rig.task("b").status == "running")
    rig.until_open("asks/one")
    answer(rig, "asks/one", "B")
    assert rig.engine.scheduler.queued == 2
    rig.engine.loops.agents.loop.call_soon_threadsafe(ask_more.set)
    rig.until_open("asks/two")
    gate.set()
    rig.until(lambda: rig.task("c").status == "completed")
    assert rig.task("asks").status == "waiting"
    answer(rig, "asks/two")
    rig.wait()
    assert rig.engine.results["asks"] == ["B", "A"]
    assert rig.engine.scheduler.used == rig.engine.scheduler.queued == 0
    same(rig)


def test_threads_of_one_function_may_ask() -> None:
    """A function whose threads each ask gets every answer where it was asked."""

    def asks(context: Context) -> list[str]:
        def one(number: int) -> str:
            return context.decide_sync(f"Number {number}", ["x", "y"]).option

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(8)))

    rig = Rig(one_phase(task("asks")), {"asks": asks}).start()
    for number in reversed(range(8)):
        rig.until_open(f"asks/number-{number}")
        answer(rig, f"asks/number-{number}", "AB"[number % 2])
    rig.wait()
    assert rig.engine.results["asks"] == ["A", "B"] * 4


def test_a_hundred_questions_of_one_agent() -> None:
    """All are open at once under ids of their own, and all are answered by their clocks."""

    async def asks(context: Context) -> int:
        asked = (context.decide("Same?", ["x"], recommend="A", timeout=60) for _ in range(100))
        outcomes = await asyncio.gather(*asked)
        return sum(outcome.by == "timeout" for outcome in outcomes)

    plan = one_phase(task("asks", timeout=5), task("b"), max_concurrency=1)
    rig = Rig(plan, {"asks": asks}, fake=True).start()
    rig.until_open("asks/same-100")
    assert len(rig.engine.state.open_decisions()) == 100
    rig.advance(61.0)
    rig.wait()
    assert rig.engine.results["asks"] == 100
    assert len({event["decision_id"] for event in rig.events("decision")}) == 100
    same(rig)


def test_the_tasks_time_stands_still_while_anything_is_open() -> None:
    """A wait for a person and one for a rate limit overlap: neither is the task's own work."""
    limited, over = asyncio.Event(), asyncio.Event()

    async def asks(context: Context) -> None:
        async def service() -> None:
            async with context.waiting("rate_limit", detail="next try soon"):
                limited.set()
                await over.wait()

        async def person() -> None:
            await limited.wait()
            await context.decide("One", ["x"])

        await asyncio.gather(service(), person())

    plan = one_phase(task("asks", timeout=5), task("b"), max_concurrency=1)
    rig = Rig(plan, {"asks": asks}, fake=True).start()
    rig.until_open("asks/one")
    rig.until(lambda: rig.task("b").status == "completed", "b in the slot of one that asks")
    rig.advance(100.0)
    assert rig.task("asks").wait_cause == "rate_limit"
    rig.engine.loops.agents.loop.call_soon_threadsafe(over.set)
    rig.until(lambda: rig.task("asks").wait_cause == "human")
    rig.advance(100.0)
    answer(rig, "asks/one")
    rig.wait()
    assert rig.task("asks").status == "completed"
    assert rig.engine.scheduler.used == 0
    causes = [event["cause"] for event in rig.events("agent_wait")]
    assert causes == ["rate_limit", "human", None]
    same(rig)


def test_one_of_several_questions_is_taken_back() -> None:
    """The agent goes on waiting for the others, without a slot."""
    give_up = asyncio.Event()

    async def asks(context: Context) -> str:
        async def hasty() -> None:
            asked = asyncio.ensure_future(context.decide("One", ["x"]))
            await give_up.wait()
            asked.cancel()

        _, outcome = await asyncio.gather(hasty(), context.decide("Two", ["x"]))
        return outcome.option

    rig = Rig(one_phase(task("asks"), max_concurrency=1), {"asks": asks}).start()
    rig.until_open("asks/one")
    rig.until_open("asks/two")
    rig.engine.loops.agents.loop.call_soon_threadsafe(give_up.set)
    rig.until(lambda: rig.decision("asks/one").withdrawn)
    rig.turn()
    assert (rig.task("asks").status, rig.task("asks").wait_detail) == ("waiting", "Two")
    assert rig.engine.scheduler.used == 0
    answer(rig, "asks/two")
    rig.wait()
    assert rig.engine.results["asks"] == "A"
    assert rig.engine.scheduler.used == 0


def test_a_stop_closes_every_question() -> None:
    """Whoever asked hears that there will be no answer; nobody waits on."""
    closed: list[str] = []

    def asks(context: Context) -> None:
        def one(number: int) -> None:
            try:
                context.decide_sync(f"Number {number}", ["x"])
            except DecisionClosed as error:
                closed.append(error.reason)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(4)))

    rig = Rig(one_phase(task("asks")), {"asks": asks}).start()
    for number in range(4):
        rig.until_open(f"asks/number-{number}")
    rig.say(Stop())
    rig.wait()
    assert closed == ["the run was stopped"] * 4


# An agent's own choices.


def test_an_agents_own_choice_is_a_decision_in_the_log() -> None:
    """It is by the agent, in the words of the timeline; nobody is asked."""

    def chooses(context: Context) -> None:
        context.choice("Focus on B2B", because="that is where the money is")
        context.choice("Keep it short")

    seen: list[Any] = []

    def later(context: Context) -> None:
        seen.append(context.findings)

    plan = one_phase(task("chooses"), task("later", "chooses"), task("apart"))
    rig = Rig(plan, {"chooses": chooses, "later": later, "apart": later}).run()
    first, second = rig.events("decision")
    assert (first["agent"], first["decision"]) == ("chooses", "Focus on B2B")
    assert (first["by"], first["decision_id"], first["task"]) == ("agent", None, "chooses")
    assert first["reason"] == "that is where the money is"
    assert second["decision"] == "Keep it short"
    assert not rig.engine.state.decisions
    told = [(finding.kind, finding.text) for finding in rig.engine.state.findings]
    why = "Focus on B2B (that is where the money is)"
    assert told == [("choice", why), ("choice", "Keep it short")]
    assert sorted(seen) == [(), (("chooses", why), ("chooses", "Keep it short"))]
    same(rig)


# Approval.

CALL = {"path": "/tmp/x", "times": 2}


def approving(**options: Any) -> tuple[Rig, list[Outcome]]:
    """A run whose agent asks whether it may delete something."""
    outcomes: list[Outcome] = []

    async def deletes(context: Context) -> str:
        outcome = await context.approve("delete", CALL, description="Delete a file.")
        outcomes.append(outcome)
        return outcome.option

    plan = options.pop("plan", None) or phases(
        [task("deletes", timeout=5)], [task("b", free=True)], max_concurrency=1,
        mode=options.pop("mode", "full_interactive"),
    )  # fmt: skip
    rig = Rig(plan, {"deletes": deletes}, fake=True, **options).start()
    rig.until_open("deletes/call-delete")
    return rig, outcomes


@pytest.mark.parametrize(
    "mode", ["full_interactive", "guided", "semi_autonomous", "fully_autonomous"]
)
def test_approval_is_asked_in_every_mode_and_waits_for_a_person(mode: str) -> None:
    """Neither time nor autopilot approves; the slot is free and the task's clock stands still."""
    rig, outcomes = approving(mode=mode)
    rig.until(lambda: rig.task("b").status == "completed")
    card = rig.decision("deletes/call-delete")
    assert (card.purpose, card.asker, card.kind) == ("approval", "deletes", "critical")
    assert (card.recommend, card.timeout_s, card.deadline, card.other) == (None, None, None, False)
    assert [option["text"] for option in card.options] == ["Approve", "Refuse"]
    assert card.sum == "no clock: nothing runs unapproved"
    assert card.detail == {
        "tool": "delete", "description": "Delete a file.", "arguments": CALL, "problem": "",
    }  # fmt: skip
    rig.say(Autopilot(on=True))
    ok, said = rig.say(Autopilot(on=True, decision=card.id))
    assert (ok, said) == (False, "'deletes/call-delete' has no recommendation to take")
    rig.advance(100_000.0)
    assert rig.decision(card.id).open
    assert rig.asked == [card.id]
    answer(rig, card.id)
    rig.wait()
    (outcome,) = outcomes
    assert (outcome.option, outcome.by, outcome.values) == ("A", "user", None)
    same(rig)


def test_a_person_may_change_what_a_tool_is_called_with() -> None:
    """The agent gets the changed arguments as they were given; the log has no secret in them."""

    def scrub(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("hunter2", "[secret]")
        return {k: scrub(v) for k, v in value.items()} if isinstance(value, dict) else value

    rig, outcomes = approving(scrub=scrub)
    answer(rig, "deletes/call-delete", values={"path": "/tmp/hunter2", "times": 1})
    rig.wait()
    assert outcomes[0].values == {"path": "/tmp/hunter2", "times": 1}
    assert rig.event("decision")["values"] == {"path": "/tmp/[secret]", "times": 1}
    assert "hunter2" not in str(rig.journal.texts)
    same(rig)


def test_a_refusal_carries_its_reason_to_the_agent_alone() -> None:
    """It is no note to the others, and nothing that was typed into the arguments is kept."""
    rig, outcomes = approving()
    answer(rig, "deletes/call-delete", "B", note="not that one", values={"path": "/"})
    rig.wait()
    (outcome,) = outcomes
    assert (outcome.option, outcome.note, outcome.values) == ("B", "not that one", None)
    assert not rig.events("note")
    assert rig.event("user_input")["response"] == "B - Refuse"


def test_an_approval_can_be_held_and_has_no_answer_of_ones_own() -> None:
    """Hold does no harm where there is no clock; free text is no answer."""
    rig, _ = approving()
    assert rig.say(Hold(decision="deletes/call-delete"))[0]
    ok, said = rig.say(Answer(decision="deletes/call-delete", option="other", text="maybe"))
    assert not ok
    assert said.endswith("it has A, B")
    answer(rig, "deletes/call-delete", "B")
    rig.wait()


def test_a_stop_while_approval_is_asked_does_nothing_more() -> None:
    """The agent hears that there will be no answer."""
    rig, outcomes = approving()
    rig.say(Stop())
    rig.wait()
    assert outcomes == []
    assert rig.task("deletes").status == "cancelled"


def test_an_approval_is_on_disk_before_anything_is_done() -> None:
    """What it allows can't be taken back: after a crash it would be asked for and done again."""
    rig, outcomes = approving()
    rig.journal.held = []
    rig.engine.post(Order(Answer(decision="deletes/call-delete", option="A")))
    rig.turn()
    assert rig.event("decision", decision_id="deletes/call-delete")
    assert outcomes == []
    rig.journal.release()
    rig.wait()
    assert [outcome.option for outcome in outcomes] == ["A"]


@pytest.mark.parametrize("ends", ["stop", "disk"])
def test_an_approval_that_came_with_the_end_allows_nothing(ends: str) -> None:
    """Neither of a run that is stopped before it is on disk, nor of one whose disk is full."""
    heard: list[object] = []

    def agent(context: Context) -> None:
        try:
            heard.append(context.approve_sync("delete", {}).option)
        except DecisionClosed as closed:
            heard.append(closed.reason)

    rig = Rig(one_phase(task("a")), {"a": agent}).start()
    rig.until_open("a/call-delete")
    if ends == "stop":
        rig.journal.held = []
        rig.engine.post(Order(Answer(decision="a/call-delete", option="A")))
        rig.engine.post(Order(Stop()))
        rig.turn()
        rig.journal.release()
    else:
        rig.journal.fail = OSError("disk full")
        rig.engine.post(Order(Answer(decision="a/call-delete", option="A")))
    rig.wait()
    rig.until(lambda: heard)
    lost = "the run stopped: its log can't be written"
    assert heard == ["the run was stopped" if ends == "stop" else lost]


def test_functions_ask_for_approval_too() -> None:
    """A plain function blocks until there is an answer; what JSON can't say is shown in words."""

    def deletes(context: Context) -> str:
        given = {"which": {1}, "much": float("inf"), "who": object, "half": ["\ud800"]}
        outcome = context.approve_sync("delete", given, problem="!")
        return f"{outcome.option} {outcome.note}"

    rig = Rig(one_phase(task("deletes")), {"deletes": deletes}).start()
    rig.until_open("deletes/call-delete")
    detail = rig.decision("deletes/call-delete").detail
    assert detail["problem"] == "!"
    assert detail["arguments"] == {
        "which": [1], "much": "Infinity", "who": "<class 'object'>", "half": "['\\ud800']",
    }  # fmt: skip
    answer(rig, "deletes/call-delete", note="go")
    rig.wait()
    assert rig.engine.results["deletes"] == "A go"
    same(rig)


def test_blocking_for_approval_is_refused_where_it_would_block_all() -> None:
    """A coroutine is told what to await instead."""

    async def deletes(context: Context) -> None:
        context.approve_sync("delete", {})

    rig = Rig(one_phase(task("deletes")), {"deletes": deletes}).run()
    assert "use 'await approve(...)'" in rig.task("deletes").error


# A run told something by its own agent.


def test_what_an_agent_can_not_have_stands_in_its_transcript(tmp_path: Any) -> None:
    """A coroutine can't wait for the reply to a command; what was refused is not lost."""
    from orchestra_nb.handle import Run

    runs: list[Run] = []

    async def steers(context: Context) -> None:
        runs[0].skip("done")
        runs[0].note("carried out")

    plan = one_phase(task("done"), task("steers", "done"))
    rig = Rig(plan, {"steers": steers})
    runs.append(Run(rig.engine, tmp_path))
    rig.run()
    rig.until(lambda: rig.journal.transcripts)
    (line,) = rig.journal.transcripts
    assert line["log"].startswith("skip was refused: 'done' is done; only what has not started")
    assert rig.engine.state.notes == ["carried out"]


def test_an_agent_that_waits_elsewhere_hears_of_a_refusal(tmp_path: Any) -> None:
    """From a thread of its own a command raises as it does anywhere."""
    from orchestra_nb.errors import CommandError
    from orchestra_nb.handle import Run

    runs: list[Run] = []

    async def steers(context: Context) -> str:
        with pytest.raises(CommandError, match="There is no task 'nope'"):
            await asyncio.to_thread(runs[0].skip, "nope")
        await asyncio.to_thread(runs[0].skip, "last")
        return "heard"

    plan = one_phase(task("steers"), task("last", "steers"))
    rig = Rig(plan, {"steers": steers})
    runs.append(Run(rig.engine, tmp_path))
    rig.run()
    assert rig.engine.results["steers"] == "heard"
    assert rig.task("last").skip_cause == "hand"


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"path": "/"}, {"times": "Is missing: give every argument of the call, also as it was."}),
        (
            CALL | {"tmies": 3},
            {"tmies": "The call has no argument 'tmies'; did you mean 'times'?"},
        ),
        (CALL | {"times": "often"}, {"times": "Needs a number, such as 3."}),
        (CALL | {"times": True}, {"times": "Needs a number, such as 3."}),
        (CALL | {"path": 3}, {"path": "Needs text."}),
    ],
)
@pytest.mark.parametrize("source", ["board", "python", "cli", "remote"])
def test_what_a_call_does_not_take_is_refused(
    source: Any, values: dict[str, Any], faults: dict[str, str]
) -> None:
    """Other names than the call's, and values of another kind, are refused through every door."""
    rig, outcomes = approving()
    name = "deletes/call-delete"
    reply = rig.reply(Answer(decision=name, option="A", values=values, source=source))
    assert not reply.ok
    assert reply.text.startswith("The arguments do not fit: ")
    assert dict(reply.faults) == faults
    assert rig.decision(name).open
    answer(rig, name, values={"path": "/x", "times": 2.5})
    rig.wait()
    assert outcomes[0].values == {"path": "/x", "times": 2.5}


def test_arguments_must_be_a_mapping() -> None:
    """An agent that offers something else for approval hears so at once."""

    def deletes(context: Context) -> None:
        context.approve_sync("rm", "notadict")  # type: ignore[arg-type]

    rig = Rig(one_phase(task("deletes")), {"deletes": deletes}).run()
    said = "arguments must be a mapping of names to values, not 'notadict'"
    assert rig.task("deletes").error == f"TypeError: approve: {said}"
