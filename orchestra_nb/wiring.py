"""One run's engine, wired: its folder, its inbox, its listeners, and the run in a person's hand."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .afterwards import rate_afterwards
from .agents.context import Context
from .agents.rehearsal import DEFAULT_ESTIMATE_S
from .engine.beginnings import Before
from .engine.engine import Engine
from .engine.loops import loops
from .engine.orders import Order
from .engine.protocols import Job, Worker
from .expenses import expenses_of
from .handle import Run
from .hearing import Hearers, Hearing
from .outlay import spend_card
from .plan import Task
from .plan.graph import Graph, Node
from .plan.levels import skip_reason
from .state import SETTLED, Change, State
from .store.answers import Inbox
from .store.durations import Used, read_durations
from .store.journal import FileJournal
from .store.masking import mask, mask_value
from .views.plan_md import plan_md
from .views.remaining import seconds_left

__all__ = ["begin", "declared_s", "expected_s", "live"]

live: dict[str, tuple[Run, Engine]] = {}
"""Runs of this process by id: one that nobody holds goes on."""


def declared_s(node: Node) -> float | None:
    """What the plan says a task takes, seconds."""
    return node.spec.estimate if isinstance(node.spec, Task) else None


def expected_s(graph: Graph, home: Path, rehearsal: float | None) -> list[float]:
    """Expected seconds of each node: the median of past attempts, else the plan's estimate."""
    past = {} if rehearsal else read_durations(home)
    usual = {agent: statistics.median(took) for agent, took in past.items() if len(took) >= 3}
    speed = rehearsal or 1.0
    seconds = []
    for node in graph.nodes:
        declared = declared_s(node)
        if node.kind != "task":
            seconds.append(0.0)
        elif node.agent in usual:
            seconds.append(usual[node.agent])
        elif rehearsal and declared is None:
            seconds.append(DEFAULT_ESTIMATE_S / speed)
        else:
            seconds.append((declared or 0.0) / speed)
    return seconds


def _any_paid(workers: Sequence[Worker | None]) -> bool:
    return any(getattr(worker, "paid", False) for worker in workers)


def _used(job: Job, worker: Any, noted: dict[str, tuple[int, float]]) -> Used | None:
    """What an attempt used of a model since this was last noted of its task."""
    if not getattr(worker, "paid", False):
        return None
    task = job.state.task(job.node.id)
    tokens, cost = noted.get(task.id, (0, 0.0))
    noted[task.id] = task.tokens, task.cost
    model = job.model or getattr(worker, "model", "")
    return Used(model, task.tokens - tokens, (task.cost - cost) or None)


def begin(
    state: State,
    journal: FileJournal,
    workers: list[Worker | None],
    hearers: Hearers,
    *,
    inputs: Mapping[str, Any] | None,
    answers: Mapping[str, Any],
    seed: int | None,
    before: Before | None = None,
    functions: Sequence[str] = (),
    spend: bool = False,
) -> Run:
    """Wire a run's engine and start it.

    Args:
        state: The run's state before anything happens.
        journal: Holds the run's lock; whoever called made it.
        workers: Who does each node.
        hearers: Who wants to hear of things.
        inputs: Values of the plan's inputs, as they were given.
        answers: Answers to the plan's questions that are known.
        seed: Makes what is random the same each time.
        before: What there is already.
        functions: The names that were given in ``agents=`` and are not Claude's.
        spend: Whether it may spend money without being asked.
    """
    folder, graph, rehearsal = journal.folder, state.graph, state.rehearsal
    plan = graph.plan
    seconds = expected_s(graph, folder.home, rehearsal)
    state.id = folder.id
    for task in state.tasks:  # events are rid of secrets on their way; this comes from the plan
        task.title = mask(task.title)
    hearing = Hearing(hearers, state)
    noted: dict[str, tuple[int, float]] = {}

    def note_duration(job: Job, seconds: float, status: str) -> None:
        journal.duration(
            agent=job.node.agent,
            task=job.text,
            seconds=seconds,
            status=status,
            level=job.level,
            declared=declared_s(job.node),
            used=_used(job, engine.workers[job.node.index], noted),
        )

    def forecast() -> Mapping[str, Any]:
        todo = [task.index for task in state.tasks if task.status not in SETTLED]
        now = state.graph
        out = [i for i in todo if skip_reason(now.nodes[i].spec, state.level) is None]
        rows = expenses_of(now, engine.workers, folder.home, only=out)
        used = state.usage.cost, sum(state.usage.tokens.values())
        return spend_card(rows, state.budget, state.project, used=used)

    inbox = Inbox(folder, lambda command, reply: engine.post(Order(command, reply)))

    def look() -> None:
        if len(engine.decisions):
            inbox.collect()

    engine = Engine(
        state,
        journal,
        loops(),
        workers=workers,
        context_of=Context,
        inputs={**{key: item.default for key, item in plan.inputs.items()}, **(inputs or {})},
        answers=answers,
        seconds=seconds,
        run_id=folder.id,
        rehearsal=rehearsal,
        seed=seed,
        scrub=mask_value,
        on_events=hearing.on_events,
        on_asked=hearing.on_asked,
        on_attempt=None if rehearsal else note_duration,
        left=lambda seconds: seconds_left(state, engine.t, seconds),
        look=look,
        before=before,
        functions=functions,
        spend=None if spend or rehearsal or not _any_paid(workers) else forecast,
        start_t=state.t,
    )
    run = Run(
        engine,
        folder.path,
        heard=hearing.all_heard,
        afterwards=lambda command: rate_afterwards(folder, state, command),
    )
    text = journal.keep_plan_file(lambda: plan_md(state, now=run.now(), wall=engine.wall()))

    def on_change(state: State, change: Change) -> None:
        text.changed()

    def on_end() -> None:
        inbox.close()
        hearing.close()
        if live.get(run.id, (None,))[0] is run:  # not one that has taken it up again since
            live.pop(run.id)

    engine.listen(on_change)
    engine.on_end = on_end
    inbox.open()
    live[run.id] = (run, engine)  # a run that nobody holds goes on
    engine.start()
    return run
