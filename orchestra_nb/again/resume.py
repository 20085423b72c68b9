"""Taking a run up where it was left, in its own log."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.rehearsal import Rehearsal
from ..casting import Agents, functions_of, workers_of
from ..engine.beginnings import Before, Resumed
from ..engine.protocols import Worker
from ..errors import CommandError, Fault, PlanError, SetupError
from ..events import Event
from ..handle import Run
from ..hearing import Hearers
from ..plan import Plan, configured
from ..plan.graph import Graph
from ..record import login_name
from ..reviving import replan
from ..runs import check_names, collector_paused, live_runs, open_run
from ..settling import move
from ..state import Change, DecisionState, State
from ..store.folder import RunFolder
from ..store.journal import FileJournal
from ..store.masking import mask
from ..store.settings import settings
from ..webhook.hook import Webhook
from ..wiring import begin, declared_s
from .arguments import folder_of
from .outlook import Outlook, look_ahead
from .parent import Rest, rest_of
from .past import Past, read_past
from .preview import HEAD, Preview

__all__ = ["cast", "read_plan", "resume"]


@collector_paused()
def resume(
    run_id: Run | str | Path,
    agents: Agents | None = None,
    *,
    plan: Plan | str | Path | None = None,
    rerun: Collection[str] = (),
    dry_run: bool = False,
    claude: bool | None = None,
    home: str | Path | None = None,
    seed: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
    foreseen: Callable[[Preview, State], None] | None = None,
) -> Run | Preview:
    """Go on with a run; see :func:`orchestra_nb.resume` for the arguments.

    ``foreseen`` is called before anything starts: with what becomes of each task, and with what
    the log came to.
    """
    folder = folder_of(run_id, home=home, rerun=rerun, seed=seed, claude=claude, dry_run=dry_run)
    _refuse_live(folder)
    hearers = Hearers(on_event, on_decision, webhook or settings.webhook)
    hearers.check()
    if dry_run:
        again = _prepare(read_past(folder), agents, plan, rerun, claude)
        return Preview.of(again.past, again.now, again.workers, again.outlook, owner=folder.owner)
    # The lock first: what is read then is all there is, and stays so.
    journal = FileJournal(folder, mirror=settings.mirror)
    try:
        again = _prepare(read_past(folder), agents, plan, rerun, claude)
        past, outlook = again.past, again.outlook
        if foreseen is not None:
            foreseen(Preview.of(past, again.now, again.workers, outlook), past.state)
        if past.over and not outlook.again:
            journal.close()
            return open_run(folder.path.name, home=folder.home)
        _tell_lost(past)
        priors, shared = again.rest.take(folder, again.now.graph, again.workers)
        # Nobody has to wait for the first turn to see it go on, or to be refused a second time.
        again.now.status, again.now.ended_at = "running", None
        return begin(
            again.now,
            journal,
            again.workers,
            hearers,
            inputs=None,
            answers=again.now.answers,
            seed=seed,
            before=Before(
                priors={**outlook.priors, **priors},
                returned=outlook.returned,
                resumed=_resumed(again),
                shared=shared,
            ),
            functions=functions_of(agents),
        )
    except BaseException:
        journal.close()
        raise


def _refuse_live(folder: RunFolder) -> None:
    for run in live_runs():
        if run.folder.resolve() == folder.path.resolve():
            raise CommandError(
                f"The run {run.id} is going on in this process: onb.open({run.id!r}) shows it. "
                "Stop it first to take it up again"
            )


@dataclass(frozen=True, slots=True)
class _Again:
    """A run as it goes on: ``declared`` is the plan, ``now`` the state with the plan's graph."""

    past: Past
    declared: Plan
    now: State
    workers: list[Worker | None]
    outlook: Outlook
    rest: Rest


def _prepare(
    past: Past,
    agents: Agents | None,
    plan: Plan | str | Path | None,
    rerun: Collection[str],
    claude: bool | None,
) -> _Again:
    """Find out all that can be known before anything starts."""
    declared = past.declared if plan is None else read_plan(plan, past)
    now = past.state.copy()
    if declared != past.declared:
        change = Change()
        replan(now, declared.filled(), now.t, change)
        mask_texts(now)
        for number in change.phases_ended:  # they end when the run goes on
            now.phases[number - 1].ended_at = None
        for task in (now.tasks[index] for index in change.ready):  # and these become ready then
            task.ready_at = None
            move(now, task, "pending", change)
    graph = now.graph
    check_names(graph)
    named = _named(graph, rerun)
    idle = {
        task.index
        for task in now.tasks
        if task.status in ("completed", "skipped") and task.id not in named
    }
    workers = cast(past, graph, agents, claude, idle)
    inputs = {key: item.default for key, item in declared.inputs.items()}
    outlook = look_ahead(past, now, workers, inputs=inputs, rerun=named)
    rest = rest_of(past, now, outlook, named)
    _check_cast(graph, workers, outlook)
    return _Again(past, declared, now, workers, outlook, rest)


def mask_texts(state: State) -> None:
    """A plan's texts as logs hold them: what is compared with those has to be like them."""
    for task in state.tasks:
        task.title = mask(task.title)


def _resumed(again: _Again) -> Resumed:
    """What the log is told of it."""
    past, outlook = again.past, again.outlook
    told = {past.state.graph.phase_names[number - 1] for number in past.ended}
    changed = again.declared != past.declared
    return Resumed(
        who=login_name(),
        tasks=outlook.again,
        compare={again.now.tasks[index].id: prior.given for index, prior in outlook.priors.items()},
        crashed=outlook.crashed,
        given_up=outlook.given_up,
        plan=again.declared.to_dict() if changed else None,
        results=outlook.results,
        ended=[phase.number for phase in again.now.phases if phase.name in told],
    )


def _tell_lost(past: Past) -> None:
    """What lines of the log told that can't be read is done again: people should know."""
    lost = past.problems.lost
    if lost:
        lines, are = ("1 line", "is") if lost == 1 else (f"{lost} lines", "are")
        # With no place: it would be one in this package, and end up in saved notebooks.
        warnings.warn_explicit(
            f"{lines} of the log of {past.folder.id} can't be read and {are} passed over "
            f"({past.problems}); what they told is done again",
            UserWarning,
            "orchestra_nb",
            0,
        )


def read_plan(given: Any, past: Past) -> Plan:
    """A changed plan, with the values that the run's inputs have, and what the run overrode."""
    if not isinstance(given, (Plan, str, Path)):
        fault = f"a plan is a Plan or the path of one, not {type(given).__name__}"
        raise PlanError([Fault("", fault)])
    plan, before = given if isinstance(given, Plan) else Plan.load(given), past.declared
    kept = {name: getattr(before, name) for name in HEAD if name in (past.overrides or ())}
    if past.overrides is None and plan.budget is None:
        kept["budget"] = before.budget  # where nobody knows whose a cap was, it stays
    plan = configured(plan.with_(**kept) if kept else plan)
    known = {key: item.default for key, item in before.inputs.items() if key in plan.inputs}
    return plan.model_copy(update={"inputs": plan.filled(known).inputs})


def _named(graph: Graph, names: Collection[str]) -> set[str]:
    found = set()
    for name in names:
        node = graph.find(str(name))
        if node.kind != "task":
            raise SetupError(
                f"rerun names {node.id!r}, a {node.kind}: an outcome is kept. "
                "onb.fork() goes on from another choice"
            )
        found.add(node.id)
    return found


def cast(
    past: Past, graph: Graph, agents: Agents | None, claude: bool | None, idle: Collection[int]
) -> list[Worker | None]:
    """Who does each node when what a run did is gone on with; see ``casting.workers_of``."""
    speed = past.state.rehearsal
    if not speed:
        by_hand = past.state.functions
        return workers_of(graph, agents, claude, idle=idle, by_hand=by_hand)
    if agents:
        raise SetupError("It is a rehearsal: its agents are simulated, and agents= names some")
    return [
        Rehearsal(speed=speed, seed=0, estimate=declared_s(node)) if node.kind == "task" else None
        for node in graph.nodes
    ]


def _check_cast(graph: Graph, workers: Sequence[Worker | None], outlook: Outlook) -> None:
    """What is done again needs somebody, too."""
    missing = [
        f"  nobody does {node.id!r}, which {seen.why}: pass agents={{{node.agent!r}: ...}}"
        for node, seen, worker in zip(graph.nodes, outlook.nodes, workers, strict=True)
        if node.kind == "task" and seen.action in ("run", "compare") and worker is None
    ]
    if missing:
        raise SetupError("\n".join(["The run can't be resumed:", *missing]))
