"""Budgets in a run: who waits, who is asked, and what comes of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from orchestra_nb.agents.allowance import allowed, model_for
from orchestra_nb.agents.context import Context
from orchestra_nb.agents.prices import Price, Tokens
from orchestra_nb.commands import Answer, Autopilot, Stop
from orchestra_nb.plan import Plan, Task
from orchestra_nb.state import DecisionState

from .rig import Rig, choice, fold, one_phase, phases, task

PRICE = Price(1, 1, 1, 1, 1)
"""A million tokens cost a dollar."""


class Caller:
    """A worker that makes paid calls, each when it is let go.

    Args:
        calls: How many it makes.
        worst: Most tokens that one may take; a fifth of a dollar by default.
        real: What it takes; ``None``: the answer breaks off.
    """

    blocking = False
    retries = 0
    paid = True
    model = "big-1"

    def __init__(
        self, calls: int = 1, *, worst: int = 200_000, real: int | None = 50_000, free: bool = False
    ) -> None:
        self.calls, self.worst, self.real = calls, worst, real
        self.gate = threading.Event()
        if free:
            self.gate.set()
        self.begun = 0
        self.models: list[str] = []

    def cheaper(self, model: str) -> str | None:
        """The one there is."""
        return "small-1" if model == "big-1" else None

    async def __call__(self, context: Context, /) -> str:
        """Make the calls."""
        self.models.append(model_for(context, self.model))
        for _ in range(self.calls):
            async with allowed(
                context, model=self.model, price=PRICE, chars=lambda: 0,
                max_tokens=self.worst - 600,
            ) as allowance:  # fmt: skip
                self.begun += 1
                while not self.gate.is_set():
                    await asyncio.sleep(0.002)
                if self.real is None:
                    context.usage(model="big-1", input_tokens=1_000)
                    allowance.broke_off(Tokens(input=1_000))
                    continue
                context.usage(model="big-1", output_tokens=self.real, cost=self.real / 1e6)
        return "done"


def rig_of(plan: Plan, **workers: Caller) -> Rig:
    """A run whose tasks these do."""
    return Rig(plan, workers=dict(workers)).start()


def callers(count: int, **rest: Any) -> dict[str, Caller]:
    """Workers of so many tasks."""
    return {f"a{n}": Caller(**rest) for n in range(count)}


def tasks(count: int, **rest: Any) -> list[Task]:
    """Their tasks."""
    return [task(f"a{n}", **rest) for n in range(count)]


def let_go(workers: dict[str, Caller]) -> None:
    """Let all their calls end."""
    for worker in workers.values():
        worker.gate.set()


def begun(workers: dict[str, Caller]) -> int:
    """How many calls were made."""
    return sum(worker.begun for worker in workers.values())


def test_a_call_that_does_not_fit_waits_visibly_and_goes_when_one_is_over() -> None:
    """Five worst cases fit a dollar: the other three wait, in look.md's words, and finish."""
    workers = callers(8)
    rig = rig_of(one_phase(*tasks(8), budget={"usd": 1}), **workers)
    rig.until(lambda: begun(workers) == 5 and len(rig.events("agent_wait")) == 3)
    waiting = [one for one in rig.engine.state.tasks if one.status == "waiting"]
    assert {one.wait_cause for one in waiting} == {"budget"}
    assert waiting[0].wait_detail == "$0.00 of $1.00 used, $1.00 held for calls in flight"
    let_go(workers)
    rig.wait()
    assert rig.engine.state.status == "completed"
    assert rig.engine.state.usage.cost == pytest.approx(0.4)
    assert not rig.engine.state.decisions, "reservations are no use"


def test_tokens_are_capped_as_money_is() -> None:
    """A cap on tokens alone holds too, whatever they cost."""
    workers = callers(4)
    rig = rig_of(one_phase(*tasks(4), budget={"tokens": 400_000}), **workers)
    rig.until(lambda: begun(workers) == 2 and len(rig.events("agent_wait")) == 2)
    held = "0 of 400,000 tokens used, 400,000 tokens held for calls in flight"
    assert rig.task("a2").wait_detail == held
    let_go(workers)
    rig.wait()
    assert rig.engine.state.status == "completed"


def test_a_phase_and_a_task_have_caps_of_their_own() -> None:
    """What a phase has no room for waits, while another phase goes on."""
    plan = phases([task("a0"), task("a1"), task("a2")], [task("b", free=True)])
    capped = plan.phases[0].model_copy(update={"budget": {"usd": 0.5}})
    plan = plan.with_(phases=[{"name": "P1", "tasks": capped.tasks, "budget": {"usd": 0.5}},
                              plan.phases[1]])  # fmt: skip
    workers = {**callers(3), "b": Caller()}
    rig = rig_of(plan, **workers)
    rig.until(lambda: begun(workers) == 3 and rig.events("agent_wait"))
    assert rig.task("a2").status == "waiting"
    assert workers["b"].begun == 1
    let_go(workers)
    rig.wait()
    own = one_phase(task("a", budget={"usd": 0.3}))
    twice = {"a": Caller(2, free=True, real=150_000)}
    rig = rig_of(own, **twice)
    rig.until_open("budget/task-a")
    assert rig.decision("budget/task-a").detail["cap"] == 0.3
    rig.say(Answer(decision="budget/task-a", option="B"))
    rig.wait()
    assert "The budget of a has no room" in rig.task("a").error
    assert twice["a"].begun == 1


def used_up(**settings: Any) -> tuple[Rig, dict[str, Caller]]:
    """A run of three tasks whose budget has room for two, really used."""
    workers = callers(3, real=200_000, free=True)
    plan = one_phase(*tasks(3), budget={"usd": 0.5}, max_concurrency=2, **settings)
    return rig_of(plan, **workers), workers


def reached(rig: Rig) -> DecisionState:
    """The card about what has no room, once it is open."""
    cards = rig.engine.state.open_decisions
    rig.until(lambda: any(card.detail.get("reached") for card in cards()))
    (card,) = [card for card in cards() if card.detail.get("reached")]
    return card


def test_what_never_fits_is_put_before_a_person_and_a_raise_wakes_it() -> None:
    """The card names who waits and what is left; more than the cap has to be said, then it goes."""
    rig, workers = used_up()
    card = reached(rig)
    assert (card.purpose, card.recommend, card.timeout_s) == ("budget", None, None)
    assert card.title == "Budget: the next call may cost $0.20; $0.10 is left"
    assert card.context == "$0.40 of $0.50 used. 1 agent waits for room."
    assert [option["key"] for option in card.options] == ["A", "B", "C"]
    assert card.detail["waiting"] == ["a2"]
    assert rig.engine.scheduler.used == 0, "who waits for a person holds no slot"
    for wrong in (None, {"usd": 0.5}, {"usd": "much"}, {"usd": float("inf")}, {"usd": True}):
        reply = rig.reply(Answer(decision=card.id, option="A", values=wrong))
        none = "'much' is no number. " if wrong == {"usd": "much"} else ""
        assert reply.faults == {"usd": f"{none}Needs an amount above $0.50, such as $1.00."}, wrong
    assert not rig.reply(Answer(decision=card.id, option="A", values={"tokens": 9})).ok
    rig.say(Answer(decision=card.id, option="A", values={"usd": "$1.20"}, who="ann"))
    rig.wait()
    assert rig.engine.state.status == "completed"
    change = rig.event("plan_adjustment")
    assert change["description"] == "Budget $0.50 → $1.20"
    assert (change["budget"], change["who"]) == ({"usd": 1.2}, "ann")
    assert fold(rig.journal.lines, rig.plan).budget == {"usd": 1.2}
    assert workers["a2"].begun == 1


def test_going_on_without_the_rest_fails_it_in_one_line() -> None:
    """No second card, no retry: the tasks that had no room have failed, and say why."""
    rig, workers = used_up(on_failure="ask")
    card = reached(rig)
    rig.say(Answer(decision=card.id, option="B"))
    rig.wait()
    assert rig.statuses() == {"a0": "completed", "a1": "completed", "a2": "failed"}
    assert rig.task("a2").error.endswith(
        "The budget has no room: $0.40 of $0.50 used, and the next answer may come to $0.20"
    )
    assert workers["a2"].begun == 0


def test_a_run_that_asks_nobody_fails_what_has_no_room() -> None:
    """In the mode fully_autonomous nobody waits for ever, and no cap is raised."""
    rig, _ = used_up(mode="fully_autonomous")
    rig.wait()
    assert rig.task("a2").status == "failed"
    assert "The budget has no room" in rig.task("a2").error
    assert rig.engine.state.budget["usd"] == 0.5


def test_autopilot_and_time_raise_no_cap() -> None:
    """Most of a cap is used: autopilot goes on up to it; what never fits waits all the same."""
    workers = callers(3, real=200_000, free=True)
    plan = one_phase(*tasks(3), budget={"usd": 0.5}, max_concurrency=1)
    rig = Rig(plan, workers=dict(workers))
    rig.engine.state.autopilot = True
    rig.start()
    rig.send(Autopilot(on=True))
    reached(rig)
    outcomes = {d.title: d.outcome for d in rig.engine.state.decisions.values() if d.outcome}
    assert {str(outcome) for outcome in outcomes.values()} <= {"B - Go on up to the cap"}
    assert rig.engine.state.budget["usd"] == 0.5
    rig.say(Stop())
    rig.wait()


def test_most_of_a_cap_is_said_once_and_again_after_a_raise() -> None:
    """At 80 % a card opens that holds nothing back; at 80 % of the new cap another."""
    again = {
        "a": Caller(10, worst=100_000, real=100_000),
        "b": Caller(9, worst=100_000, real=100_000),
    }
    plan = one_phase(task("a"), task("b", "a"), task("end", "d"), choice("d", timeout="none"),
                     budget={"usd": 1.2})  # fmt: skip
    rig = Rig(plan, workers=dict(again)).start()
    again["a"].gate.set()
    rig.until(lambda: "budget" in rig.engine.state.decisions)
    card = rig.decision("budget")
    assert [option["key"] for option in card.options] == ["A", "B", "C", "D"]
    assert (card.recommend, card.kind) == ("B", "critical")
    assert card.detail["used"] >= 0.8 * 1.2
    rig.until(lambda: again["b"].begun, "the card holds nothing back")
    rig.say(Answer(decision="budget", option="A", note="2"))
    again["b"].gate.set()
    rig.until(lambda: "budget-2" in rig.engine.state.decisions)
    assert rig.decision("budget-2").detail["cap"] == 2.0
    assert rig.engine.state.notes == [], "an amount is no note"
    rig.say(Stop())
    rig.wait()


def test_a_cap_is_spoken_of_once() -> None:
    """What is answered stays answered while more of the same cap is used."""
    workers = {"a": Caller(10, worst=100_000, real=100_000, free=True)}
    rig = rig_of(one_phase(task("a"), budget={"usd": 1.05}, mode="fully_autonomous"), **workers)
    rig.wait()
    assert rig.task("a").tokens == 1_000_000
    (card,) = rig.engine.state.decisions.values()
    assert card.outcome is not None
    assert (str(card.outcome), card.outcome.by) == ("B - Go on up to the cap", "policy")


def test_a_cheaper_model_is_for_attempts_that_begin_later() -> None:
    """What is at work keeps its model; what starts after the choice has the cheaper one."""
    workers = {
        "a": Caller(2, worst=100_000, real=450_000), "b": Caller(), "c": Caller(free=True),
    }  # fmt: skip
    plan = one_phase(task("a"), task("b", free=True), task("c", "a", "d"),
                     choice("d", timeout="none"), budget={"usd": 1.1})  # fmt: skip
    rig = Rig(plan, workers=dict(workers)).start()
    rig.until(lambda: workers["b"].begun == 1)
    workers["a"].gate.set()
    rig.until_open("budget")
    card = rig.decision("budget")
    assert card.detail["models"] == {"big-1": "small-1"}
    rig.say(Answer(decision="budget", option="D"))
    rig.say(Answer(decision="d", option="A"))
    rig.until(lambda: workers["c"].models)
    assert (workers["b"].models, workers["c"].models) == (["big-1"], ["small-1"])
    assert rig.event("plan_adjustment")["models"] == {"big-1": "small-1"}
    assert fold(rig.journal.lines, rig.plan).models == {"big-1": "small-1"}
    rig.say(Stop())
    rig.wait()


def test_an_answer_that_broke_off_counts_at_its_worst() -> None:
    """Its cost is not known, so the budget takes the reserved worst; the log says so."""
    workers = {"a": Caller(1, real=None, free=True), "b": Caller()}
    plan = one_phase(task("a"), task("b", "a"), budget={"usd": 0.39}, mode="fully_autonomous")
    rig = rig_of(plan, **workers)
    rig.wait()
    counted = rig.event("budget")
    assert (counted["usd"], counted["tokens"], counted["task"]) == (0.2, 199_000, "a")
    assert rig.engine.state.counted == {"a": (0.2, 199_000)}
    assert rig.task("b").status == "failed", "$0.20 of $0.39 used: another $0.20 has no room"
    assert fold(rig.journal.lines, rig.plan).counted == {"a": (0.2, 199_000)}


def test_who_gives_up_its_place_lets_the_next_one_pass() -> None:
    """A waiting call whose run's task is given up does not block the line."""
    workers = {"a": Caller(worst=300_000), "b": Caller(worst=900_000), "c": Caller(worst=300_000)}
    plan = one_phase(task("a"), task("b", free=True), task("c", free=True), budget={"usd": 1})
    rig = Rig(plan, workers=dict(workers)).start()
    rig.until(lambda: rig.task("b").status == "waiting" and rig.task("c").status == "waiting")
    job = rig.engine.running[rig.graph.index["b"]]
    rig.engine.post(lambda: rig.engine.crew.cancel(job))
    rig.until(lambda: workers["c"].begun == 1)
    assert rig.task("b").status == "failed"
    let_go(workers)
    rig.wait()


def test_a_stop_ends_who_waits_and_withdraws_the_card() -> None:
    """Nobody is left behind, and the log says where the cap stands."""
    rig, _ = used_up()
    card = reached(rig)
    rig.say(Answer(decision=card.id, option="C"))
    rig.wait()
    assert rig.engine.state.status == "stopped"
    assert rig.task("a2").status == "cancelled"


def test_a_price_that_is_not_known_is_refused_under_a_cap_in_dollars() -> None:
    """A budget that came with the answers can't have been checked before: the call says it."""

    class Unpriced(Caller):
        async def __call__(self, context: Context, /) -> str:
            async with allowed(context, model="x", price=None, chars=lambda: 1, max_tokens=1):
                return "called"

    rig = rig_of(one_phase(task("a"), budget={"usd": 1}), a=Unpriced())
    rig.wait()
    assert "The price of 'x' is not known" in rig.task("a").error
    rig = rig_of(one_phase(task("a"), budget={"tokens": 10_000}), a=Unpriced())
    rig.wait()
    assert rig.task("a").status == "completed"


def test_what_functions_say_they_used_counts_too() -> None:
    """A function with calls of its own is part of the same account."""

    def spends(context: Context) -> None:
        context.usage(model="own", output_tokens=10, cost=0.45)

    rig = Rig(one_phase(task("f"), task("a", "f"), budget={"usd": 0.5}, mode="fully_autonomous"),
              {"f": spends}, workers={"a": Caller(free=True)})  # fmt: skip
    rig.run()
    assert rig.statuses() == {"f": "completed", "a": "failed"}
    assert str(rig.decision("budget").outcome) == "B - Go on up to the cap"


def test_a_suggested_raise_is_enough_for_the_next_call() -> None:
    """Nothing was spent, and nothing is said to be used up; twice the cap would not do either."""
    rig = rig_of(one_phase(task("a"), budget={"usd": 0.05}), a=Caller(free=True))
    card = reached(rig)
    assert card.title == "Budget: the next call may cost $0.20; $0.05 is left"
    assert (card.detail["suggest"], card.detail["needs"]) == (0.2, pytest.approx(0.2))
    rig.say(Answer(decision=card.id, option="A", values={"usd": card.detail["suggest"]}))
    rig.wait()
    assert rig.task("a").status == "completed"


def test_tokens_are_counted_in_sentences_as_people_do() -> None:
    """Thousands have commas, in what is asked for too, and what is left are many."""
    rig = rig_of(one_phase(task("a"), budget={"tokens": 120_000}), a=Caller(free=True))
    card = reached(rig)
    assert card.title == "Budget: the next call may take 200,000 tokens; 120,000 tokens are left"
    reply = rig.reply(Answer(decision=card.id, option="A", values={"tokens": "9,000"}))
    assert reply.faults == {"tokens": "Needs an amount above 120,000 tokens, such as 240,000."}
    rig.say(Answer(decision=card.id, option="A", values={"tokens": "240,000 tokens"}))
    rig.wait()
    assert rig.engine.state.budget["tokens"] == 240_000
