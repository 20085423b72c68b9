"""The runs that are kept: together they hold every kind of event and every kind of card."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from orchestra_nb.again.outlook import look_ahead
from orchestra_nb.again.parent import priors_from, shares_of, taken_over
from orchestra_nb.again.past import read_past
from orchestra_nb.again.sharing import outcomes_from
from orchestra_nb.agents.allowance import OVERHEAD_TOKENS, allowed, model_for
from orchestra_nb.agents.context import Context
from orchestra_nb.agents.functions import Function
from orchestra_nb.agents.prices import Price, Tokens
from orchestra_nb.commands import (
    Answer,
    Autopilot,
    Draft,
    Edit,
    Extend,
    Hold,
    Level,
    Note,
    Pause,
    Rate,
    Retry,
    Shown,
    Skip,
    Stop,
    Touch,
    Unpause,
)
from orchestra_nb.engine.beginnings import Before, Resumed
from orchestra_nb.engine.protocols import Worker
from orchestra_nb.engine.repeats import Shared
from orchestra_nb.expenses import Expense
from orchestra_nb.outlay import spend_card
from orchestra_nb.plan import Plan

from .stage import Cues, Stage, new_folder

__all__ = ["SCENES"]

# Compiled under a name of its own: a traceback in a log names no path of this machine.
_FAILING = """
def fails(context):
    raise ValueError("the source is not reachable")

def once(context):
    if context.attempt == 1:
        raise ConnectionError("connection lost")
    return "sources: " + "many papers, " * 100
"""
_agents: dict[str, Any] = {}
exec(compile(_FAILING, "agents.py", "exec"), _agents)


class Schema(BaseModel):
    """A result that is a model."""

    tables: list[str]
    comment: str = "x" * 1_200


LAUNCH = """
name: "SaaS pricing – Präzision 価格"
overview: A run with a bit of everything
level: 3
mode: full_interactive
budget: {usd: 5, tokens: 2_000_000}
inputs:
  market: {ask: "Which market?", default: B2B}
questions:
  - {ask: "How many users?", id: users, kind: integer, default: 1000, group: Scale}
  - ask: "Real-time features?"
    id: realtime
    kind: yes_no
    default: "no"
    group: Scale
    follow_up:
      yes: [{ask: "What latency?", id: latency, default: 100 ms}]
  - {ask: "Which regions?", id: regions, kind: several, options: [eu, us, asia], default: [eu]}
  - {ask: "How pressing is it?", id: pressing, sets: timeline}
phases:
  - name: Research & Analysis
    checkpoint: true
    tasks:
      - {agent: analyst, task: "Size the {{market}} market", estimate: 10m}
      - {agent: scout, task: Collect sources, estimate: 5m, retries: 1}
      - {agent: critic, task: Read the competition, estimate: 5m}
      - {agent: follower, task: Needs the critic, depends_on: [critic]}
  - name: Architecture & Design
    tasks:
      - decision: Database technology
        category: database
        context: High write volume expected (10k/s)
        options: {A: PostgreSQL, B: {text: Cassandra, description: wide columns}, C: DynamoDB}
        recommend: A
        because: the team knows it
      - {decision: Style, options: [plain, bold], recommend: A, depends_on: [database-technology]}
      - {decision: Hosting, options: [own, cloud], depends_on: [database-technology]}
      - decision: Font
        kind: confirmation
        options: [sans, serif]
        recommend: A
        depends_on: [style]
      - {agent: architect, task: Draft a schema, review: true, depends_on: [database-technology]}
      - {agent: cassandra-expert, task: Tune it, when: {database-technology: B}}
      - {agent: postgres-expert, task: Tune it, when: {database-technology: A}}
      - {agent: deployer, task: Deploy, depends_on: [database-technology]}
      - {agent: writer, task: Write it up, estimate: 2m, depends_on: [database-technology]}
      - {agent: auditor, task: Audit, role: security}
      - {agent: extra, task: Not needed, depends_on: [architect]}
      - {agent: closer, task: Wrap up, depends_on: [architect, deployer, writer]}
"""


def launch(home: Path, number: int) -> None:
    """Forms, checkpoints, blockers, overruns, approvals, reviews, failures; steering by hand."""
    cues = Cues()

    def analyst(context: Context) -> dict[str, Any]:
        context.progress("reading the market", 0.5)
        cues.wait("analyst")
        context.finding("B2B buyers accept usage pricing above 50 seats")
        context.tool_call("search", "prices of rivals")
        context.usage(model="claude-sonnet-5-5", input_tokens=12_000, output_tokens=900, cost=0.21)
        context.usage(model="unknown-model", input_tokens=10, cost=None)
        context.log("the market was read")
        return {"segments": 3, "prices": [9.5, 19.0, None], "ok": True}

    async def deployer(context: Context) -> pd.DataFrame:
        first = await context.approve(
            "deploy", {"region": "eu", "count": 3}, description="Starts servers"
        )
        second = await context.approve("drop", {"table": "users"})
        context.choice("two regions", because="latency")
        said = [f"{first.option} {first.values}", f"{second.option} {second.note}"]
        return pd.DataFrame({"answer": said, "n": [1, 2]})

    def architect(context: Context) -> dict[str, Any]:
        return {"tables": ["users"], "comments": list(context.comments)}

    def writer(context: Context) -> str:
        context.blocker("the style guide is missing")
        cues.wait("writer")
        return "# Report\n\n" + "Everything is fine. " * 200

    agents: dict[str, Callable[..., Any]] = {
        "analyst": analyst,
        "scout": _agents["once"],
        "critic": _agents["fails"],
        "architect": architect,
        "cassandra-expert": lambda: Schema(tables=["events"]),
        "deployer": deployer,
        "writer": writer,
        "closer": lambda: b"\x00\xff" * 1_000,
    }
    plan = Plan.parse(LAUNCH, format="yaml")
    stage = Stage(home, plan, agents, number=number, inputs={"market": "B2B"})
    stage.start()
    maria: dict[str, Any] = {"who": "maria", "source": "board", "client": "board-1"}

    stage.until_open("questions")
    stage.do(Draft(decision="questions", values={"users": "3000"}, **maria))
    stage.advance(30)
    values = {"users": "3000", "realtime": "yes", "latency": "20 ms", "regions": ["eu", "asia"]}
    stage.do(Answer(decision="questions", option="A", values=values, **maria))

    stage.until_status("analyst", "running")
    stage.until_status("critic", "waiting")
    stage.advance(60)
    stage.until_status("scout", "completed")
    stage.do(Note(text="Mind the smaller customers", **maria))
    (asked,) = [one.id for one in stage.engine.state.open_decisions() if one.purpose == "failure"]
    stage.do(Answer(decision=asked, option="A", **maria))
    stage.until_status("critic", "waiting")
    (asked,) = [one.id for one in stage.engine.state.open_decisions() if one.purpose == "failure"]
    stage.do(Answer(decision=asked, option="B", note="we know enough", **maria))
    stage.advance(540)
    cues.give("analyst")
    stage.until_status("analyst", "completed")
    _checkpoint(stage, maria)
    _design(stage, cues, maria)
    stage.finish()


def _checkpoint(stage: Stage, maria: dict[str, Any]) -> None:
    stage.until(lambda: _open(stage, "checkpoint"))
    (asked,) = _open(stage, "checkpoint")
    stage.advance(20)
    stage.do(Rate(task="analyst", good=True, note="useful", **maria))
    stage.do(Answer(decision=asked, option="B", note="Keep it small", **maria))


def _open(stage: Stage, purpose: str) -> list[str]:
    return [one.id for one in stage.engine.state.open_decisions() if one.purpose == purpose]


def _design(stage: Stage, cues: Cues, maria: dict[str, Any]) -> None:
    stage.until_open("database-technology")
    stage.send(Shown(decision="database-technology", seconds=12.0, **maria))
    stage.send(Touch(decision="database-technology", typing=True, **maria))
    stage.advance(45)
    stage.do(
        Extend(decision="database-technology", seconds=300, **maria),
        Hold(decision="database-technology", **maria),
    )
    stage.advance(1_200)
    stage.do(Hold(decision="database-technology", on=False, **maria))
    stage.do(Pause(**maria))
    stage.advance(60)
    stage.do(Unpause(**maria))
    stage.do(
        Answer(
            decision="database-technology",
            option="B",
            note="many writes",
            who="paul",
            source="cli",
            client="0" * 32,
        )
    )
    stage.until(lambda: _open(stage, "review"))
    stage.until(lambda: _open(stage, "blocker"))
    stage.until(lambda: _open(stage, "approval"))
    stage.do(Skip(task="extra", **maria), Edit(task="closer", text="Wrap up quickly", **maria))
    stage.do(Autopilot(decision="font", on=True, **maria))

    (asked,) = _open(stage, "approval")
    edited = {"region": "us", "count": 1}
    stage.do(Answer(decision=asked, option="A", values=edited, **maria))
    stage.until(lambda: _open(stage, "approval") not in ([], [asked]))
    (asked,) = _open(stage, "approval")
    stage.do(Answer(decision=asked, option="B", note="never drop users", **maria))
    (asked,) = _open(stage, "blocker")
    stage.do(Answer(decision=asked, option="A", **maria))
    (asked,) = _open(stage, "review")
    stage.do(Answer(decision=asked, option="B", note="Name the keys", **maria))
    stage.until(lambda: _open(stage, "review") not in ([], [asked]))
    (asked,) = _open(stage, "review")
    result = {"tables": ["users", "events"], "comments": ["as discussed"]}
    stage.do(Answer(decision=asked, option="A", values={"result": result}, **maria))
    stage.do(Answer(decision="hosting", option="other", text="on a ship", **maria))
    stage.until_status("architect", "completed")

    stage.advance(360)  # the style is taken by timeout, and the writer is late
    stage.until(lambda: _open(stage, "overrun"))
    (asked,) = _open(stage, "overrun")
    stage.do(Answer(decision=asked, option="A", **maria))
    cues.give("writer")
    stage.until_status("writer", "completed")


STOPPED = """
name: Stopped in the middle
mode: guided
on_failure: continue
phases:
  - name: Only
    tasks:
      - {agent: quick, task: Be quick}
      - {agent: slow, task: Be slow, depends_on: [quick]}
      - {agent: later, task: Never begins, depends_on: [slow]}
      - decision: Which way
        category: api
        options: [left, right]
        recommend: B
        depends_on: [quick]
      - {decision: Colour, options: [red, blue], recommend: B}
      - {agent: tester, task: Test, role: testing}
      - {agent: retried, task: Try again, retries: 3}
"""


def stopped(home: Path, number: int) -> None:
    """A guided run, moved to level 1 and back, tried again, held, and stopped."""

    async def slow() -> None:
        await asyncio.sleep(3_600)

    agents = {"quick": lambda: "done", "slow": slow, "tester": slow, "retried": _agents["fails"]}
    stage = Stage(home, Plan.parse(STOPPED, format="yaml"), agents, number=number)
    stage.start()
    stage.until_open("which-way")
    stage.until_status("retried", "retrying")
    stage.do(Hold(decision="which-way"), Level(level=1), Level(level=2))
    stage.advance(30)
    stage.do(Skip(task="later"), Retry(task="later"))
    stage.do(Stop(who="maria", source="board"))
    stage.finish()


def interrupted(home: Path, number: int) -> None:
    """A process that ended under its run, and said so."""
    _cut_short(home, number, lambda stage: stage.engine.interrupt("the process ended"))


def crashed(home: Path, number: int) -> None:
    """A process that was killed in the middle of a line."""

    def kill(stage: Stage) -> None:
        so_far = stage.folder.log.read_bytes()
        stage.engine.interrupt("the process ended")
        stage.folder.log.write_bytes(so_far + so_far.splitlines()[-1][:60])

    _cut_short(home, number, kill)


def _cut_short(home: Path, number: int, cut: Callable[[Stage], None]) -> None:
    cues = Cues()
    plan = Plan.parse(STOPPED.replace("Stopped in the middle", "Cut short"), format="yaml")
    agents = {
        "quick": lambda: "x" * 2_000,
        "slow": lambda: cues.wait("slow"),
        "tester": lambda: None,
        "retried": lambda: (1, 2),
    }
    stage = Stage(home, plan, agents, number=number)
    stage.start()
    stage.until_open("which-way")
    stage.until_status("slow", "running")
    stage.until_status("tester", "completed")
    stage.until_status("retried", "completed")
    stage.advance(90)
    cut(stage)
    cues.give("slow")
    stage.engine.ended.set()
    stage.finish()


ALONE = """
name: Nobody is asked
mode: fully_autonomous
level: 1
on_failure: continue
questions:
  - {ask: "How many users?", id: users, kind: integer, default: 1000}
phases:
  - name: First
    checkpoint: true
    tasks:
      - {agent: a, task: Begin, review: true}
      - {agent: b, task: Fail}
      - {agent: c, task: Needs b, depends_on: [b]}
  - name: Second
    tasks:
      - {decision: Which, options: [x, y], recommend: B}
      - {agent: d, task: Go on, when: {which: A}}
  - name: Third
    tasks:
      - {agent: e, task: Only at level 4, min_level: 4}
"""


def alone(home: Path, number: int) -> None:
    """A fully autonomous run at level 1: all by policy, with a failure and what it costs."""
    agents = {"a": lambda: "fine", "b": _agents["fails"]}
    stage = Stage(home, Plan.parse(ALONE, format="yaml"), agents, number=number)
    stage.start()
    stage.finish()


def autopilot(home: Path, number: int) -> None:
    """A rehearsal in which autopilot is switched on while something is asked."""
    text = "name: Rehearsed\nphases: [{name: P, tasks: [{agent: a}, {decision: D, options: [x, y], "
    text += "recommend: A}, {decision: E, options: [x, y], recommend: B, depends_on: [d]}]}]\n"
    plan = Plan.parse(text, format="yaml")
    stage = Stage(home, plan, {"a": lambda: None}, number=number, rehearsal=60.0)
    stage.start()
    stage.until_open("d")
    stage.advance(5)
    stage.do(Autopilot(on=True, who="maria", source="board"))
    stage.finish()


GROWING = """
name: It grows
on_failure: continue
mode: fully_autonomous
phases:
  - name: Look
    tasks:
      - {agent: structure, task: List the modules}
      - agent: review
        task: Review {{module.path}}
        depends_on: []
        for_each: {from: structure, as: module}
      - {agent: fix, task: "Fix {{finding}}", depends_on: [], for_each: {from: review, as: finding}}
  - name: Report
    tasks:
      - {agent: writer, task: Sum up, depends_on: [review]}
"""


def growing(home: Path, number: int) -> None:
    """A plan that grows twice, by a list that an agent found and by what was made of it."""
    agents = {
        "structure": lambda: [{"path": f"src/{name}.py"} for name in "abc"],
        "review": lambda context: context.item["path"].upper(),
        "fix": _agents["fails"],
        "writer": lambda review: review,
    }
    stage = Stage(home, Plan.parse(GROWING, format="yaml"), agents, number=number)
    stage.start()
    stage.finish()


RESUMED = """
name: Taken up again
mode: full_interactive
on_failure: continue
phases:
  - name: Only
    tasks:
      - {agent: first, task: Begin}
      - {agent: second, task: Go on, depends_on: [first]}
      - {decision: Which way, options: [left, right], recommend: B, depends_on: [first]}
      - {decision: Colour, options: [red, blue], recommend: A, timeout: none}
      - {agent: third, task: Come to the end, depends_on: [which-way, second]}
"""


def resumed(home: Path, number: int) -> None:
    """A process that was killed; another one keeps, compares, does again and asks anew."""
    cues = Cues()
    plan = Plan.parse(RESUMED, format="yaml")
    stage = Stage(
        home, plan, {"first": lambda: "1", "second": lambda: "2", "third": lambda: cues.wait("3")},
        number=number,
    )  # fmt: skip
    stage.start()
    stage.until_open("which-way")
    stage.do(Answer(decision="which-way", option="A", who="maria", source="board"))
    stage.until_status("third", "running")
    stage.advance(90)
    so_far = stage.folder.log.read_bytes()
    stage.engine.interrupt("the process ended")
    cues.give("3")
    stage.engine.ended.set()
    stage.finish()
    stage.folder.log.write_bytes(so_far)  # it was killed, and said nothing

    past = read_past(stage.folder)
    agents = {"first": lambda: "1", "second": lambda: "2", "third": lambda: "3"}
    workers = [
        Function(agents[node.agent]) if node.kind == "task" else None
        for node in past.state.graph.nodes
    ]
    outlook = look_ahead(past, past.state.copy(), workers, inputs={}, rerun={"first"})
    resumed = Resumed(
        who="maria", tasks=outlook.again, crashed=outlook.crashed, results=outlook.results,
        compare={past.state.tasks[i].id: prior.given for i, prior in outlook.priors.items()},
        ended=past.ended,
    )  # fmt: skip
    again = Stage(
        home, plan, agents, number=number, folder=stage.folder, state=past.state.copy(),
        start_t=past.state.t, before=Before(priors=outlook.priors, resumed=resumed),
    )  # fmt: skip
    again.start()
    again.until_open("colour")
    again.advance(20)
    again.do(Answer(decision="colour", option="B", who="maria", source="board"))
    again.finish()


class _Calls:
    """A worker that makes a paid call, at a dollar for a million tokens.

    Args:
        worst: Most tokens that it may take.
        real: What it takes; ``None``: the answer breaks off.
    """

    blocking = False
    retries = 0
    paid = True
    model = "big-1"

    def __init__(self, worst: int, real: int | None) -> None:
        self._worst, self._real = worst, real

    def cheaper(self, model: str) -> str | None:
        """The one there is."""
        return "small-1" if model == "big-1" else None

    async def __call__(self, context: Context, /) -> str:
        """Make the call."""
        model = model_for(context, self.model)
        async with allowed(
            context, model=model, price=Price(1, 1, 1, 1, 1), chars=lambda: 0,
            max_tokens=self._worst - OVERHEAD_TOKENS,
        ) as allowance:  # fmt: skip
            if self._real is None:
                context.usage(model=model, input_tokens=1_000)
                allowance.broke_off(Tokens(input=1_000))
            else:
                context.usage(model=model, output_tokens=self._real, cost=self._real / 1e6)
        return f"by {model}"


PAID = """
name: It costs
mode: full_interactive
budget: {usd: 1}
phases:
  - name: Only
    tasks:
      - {agent: free, task: Cost nothing}
      - {agent: researcher, task: Break off in the middle of an answer}
      - {agent: reviewer, task: Use most of the budget, depends_on: [researcher]}
      - {decision: Go on, options: ["yes", "no"], timeout: none, depends_on: [reviewer]}
      - {agent: writer, task: Find no room, depends_on: [go-on]}
"""


def paid(home: Path, number: int) -> None:
    """Paid work that is let start, an answer that breaks off, a cheaper model and a raised cap."""
    plan = Plan.parse(PAID, format="yaml")
    workers: dict[str, Worker] = {
        "researcher": _Calls(200_000, None),
        "reviewer": _Calls(700_000, 650_000),
        "writer": _Calls(300_000, 250_000),
    }
    rows = [
        Expense(task=name, agent=name, model="big-1", tokens=250_000, usd=0.25,
                most_tokens=300_000, most_usd=0.3)
        for name in workers
    ]  # fmt: skip
    stage = Stage(
        home, plan, {"free": lambda: "free"}, number=number, workers=workers,
        spend=lambda: spend_card(rows, {"usd": 1.0}, plan.name),
    )  # fmt: skip
    stage.start()
    maria: dict[str, Any] = {"who": "maria", "source": "board", "client": "board-1"}
    stage.until_open("spend")
    stage.until_status("free", "completed")
    stage.advance(30)
    stage.do(Answer(decision="spend", option="A", **maria))
    stage.until_open("budget")
    stage.until_open("go-on")
    stage.advance(30)
    stage.do(Answer(decision="budget", option="D", **maria))
    stage.do(Answer(decision="go-on", option="A", **maria))
    stage.until(lambda: _open(stage, "budget"), "a call without room")
    (asked,) = _open(stage, "budget")
    stage.advance(30)
    stage.do(Answer(decision=asked, option="A", values={"usd": "$2"}, **maria))
    stage.finish()


FORKED = """
name: Forked
mode: full_interactive
phases:
  - name: Only
    tasks:
      - {agent: scout, task: Look around}
      - {decision: Which way, options: [left, right], recommend: A, depends_on: [scout]}
      - {agent: aside, task: Something else, depends_on: []}
      - {agent: builder, task: Build, depends_on: [which-way]}
"""


def forked(home: Path, number: int) -> None:
    """A run, and another one that takes its results and its choice but for what is done again."""
    plan = Plan.parse(FORKED, format="yaml")
    agents = {
        "scout": lambda: "the long way round, " * 100,
        "aside": lambda: {"n": 1},
        "builder": lambda context: f"{context.task} built",
    }
    first = Stage(home, plan, agents, number=number, before=Before(overrides=["level"]))
    first.start()
    first.until_open("which-way")
    first.advance(40)
    first.do(Answer(decision="which-way", option="B", who="maria", source="board"))
    first.finish()

    past, rerun = read_past(first.folder), {"aside"}
    folder = new_folder(home, plan, number + 1)
    found = priors_from(past, first.graph, rerun)
    priors = taken_over(past.folder, folder, found, first.graph, [None] * len(first.graph.nodes))
    before = Before(
        priors={first.graph.index[name]: one for name, one in priors.items()},
        parent=past.folder.id,
        shares=shares_of(past, rerun=rerun, outcomes=True),
        shared=Shared(outcomes=outcomes_from(past, first.graph), who="maria"),
        overrides=past.overrides,
    )
    second = Stage(home, plan, agents, number=number + 1, folder=folder, before=before)
    second.start()
    second.finish()


SCENES: tuple[Callable[[Path, int], None], ...] = (
    launch,
    stopped,
    interrupted,
    crashed,
    alone,
    autopilot,
    growing,
    resumed,
    paid,
    forked,  # the last: it makes two runs
)
