"""Another run from what one has: with other choices, other texts, or from an earlier moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..casting import Agents, functions_of
from ..engine.beginnings import Before
from ..engine.cards import Answered
from ..engine.protocols import Worker
from ..engine.repeats import Shared
from ..errors import CommandError, SetupError
from ..events import Event
from ..handle import Run
from ..hearing import Hearers
from ..plan import Plan
from ..plan.graph import Graph, compile_plan
from ..plan.text import there_are
from ..record import login_name
from ..reviving import replan
from ..runs import check_names
from ..state import Change, DecisionState, State
from ..store.folder import RunFolder
from ..store.journal import FileJournal
from ..store.reader import read_events
from ..store.settings import settings
from ..webhook.hook import Webhook
from ..wiring import begin
from .arguments import folder_of
from .outlook import Outlook
from .parent import shares_of, taken_over
from .past import Past, read_past
from .preview import Preview
from .resume import cast, mask_texts, read_plan
from .sharing import Sharing, share
from .wishes import moment, outcomes_of, texts_of

__all__ = ["fork"]


def fork(
    run_id: Run | str | Path,
    agents: Agents | None = None,
    *,
    decisions: Mapping[str, Any] | None = None,
    tasks: Mapping[str, str] | None = None,
    at: float | str | None = None,
    plan: Plan | str | Path | None = None,
    rerun: Collection[str] = (),
    dry_run: bool = False,
    claude: bool | None = None,
    spend: bool = False,
    home: str | Path | None = None,
    seed: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run | Preview:
    """Begin another run from what one has; see :func:`orchestra_nb.fork` for the arguments."""
    parent = folder_of(
        run_id, home=home, rerun=rerun, seed=seed, claude=claude, dry_run=dry_run, spend=spend
    )
    hearers = Hearers(on_event, on_decision, webhook or settings.webhook)
    hearers.check()
    past = _as_of(parent, at)
    made = _prepare(past, agents, decisions, tasks, plan, rerun, claude)
    if dry_run:
        outlook = Outlook(nodes=made.sharing.nodes)
        return Preview.of(past, made.now, made.cast, outlook, title="Forking")
    folder = RunFolder.create(made.declared, home=parent.home)
    try:
        journal = FileJournal(folder, mirror=settings.mirror)
    except BaseException:
        folder.discard()
        raise
    try:
        before = _before(made, folder)
        state = State(made.graph)
        state.rehearsal = past.state.rehearsal
        run = begin(
            state,
            journal,
            made.workers,
            hearers,
            inputs=None,
            answers=past.state.answers,
            seed=seed,
            before=before,
            functions=functions_of(agents),
            spend=spend,
        )
    except BaseException:
        journal.close()
        folder.discard()
        raise
    run.cast = agents, claude
    return run


@dataclass(frozen=True, slots=True)
class _Made:
    """A fork as it will begin.

    ``now`` is what is known of it, with all that the parent's plan has grown to, ``cast`` who does
    each node of that.
    """

    past: Past
    declared: Plan
    graph: Graph
    workers: list[Worker | None]
    now: State
    cast: list[Worker | None]
    sharing: Sharing
    said: Mapping[str, Answered]
    texts: Mapping[str, str]
    notes: Sequence[tuple[str, str]]
    rerun: Collection[str]


def _as_of(folder: RunFolder, at: float | str | None) -> Past:
    """The parent as its log has it, up to a moment."""
    past = read_past(folder)
    if at is None:
        return past
    seconds, seq = moment(at, past.state.graph, read_events(folder.log)[0])
    return read_past(folder, until=seconds, before=seq)


def _prepare(
    past: Past,
    agents: Agents | None,
    decisions: object,
    tasks: object,
    plan: Plan | str | Path | None,
    rerun: Collection[str],
    claude: bool | None,
) -> _Made:
    """Find out all that can be known before anything is made."""
    declared = past.declared if plan is None else read_plan(plan, past)
    now = past.state.copy()
    if declared != past.declared:
        replan(now, declared.filled(), now.t, Change())
        mask_texts(now)
    graph = compile_plan(declared.filled())
    check_names(graph)
    faults: list[str] = []
    said = outcomes_of(graph, past.state, decisions, faults)
    wanted = texts_of(now.graph, tasks, faults)
    again = _named(now.graph, rerun, faults)
    if faults:
        raise CommandError("\n".join(["The run can't be forked:", *(f"  {f}" for f in faults)]))
    texts = _edited(past, now.graph, wanted) | wanted
    _word(now, wanted)
    notes = _notes(past, said)
    now.notes = [text for text, _ in notes]
    done = {
        task.id
        for task in now.tasks
        if task.status in ("completed", "skipped") and task.id not in again
    }
    workers = _cast(past, now.graph, agents, claude, done)
    sharing = share(past, now, workers, said=said, inputs=_inputs(declared), rerun=again)
    _check_cast(now.graph, workers, sharing)
    kept = {one.id for one in sharing.nodes if one.action in ("keep", "skip")}
    return _Made(
        past, declared, graph, _cast(past, graph, agents, claude, kept), now, workers, sharing,
        said, texts, notes, again,
    )  # fmt: skip


def _word(now: State, wanted: Mapping[str, str]) -> None:
    """Give tasks their texts; one for a template is one for all its tasks, but for its items."""
    graph = now.graph
    for name, text in wanted.items():
        task = now.tasks[graph.index[name]]
        if text != task.title:
            task.title = text
            for index in graph.nodes[task.index].items:
                now.tasks[index].title = text
    for name, text in wanted.items():  # what is said of one task counts
        now.tasks[graph.index[name]].title = text


def _inputs(plan: Plan) -> dict[str, Any]:
    return {key: item.default for key, item in plan.inputs.items()}


def _named(graph: Graph, names: Collection[str], faults: list[str]) -> set[str]:
    found = set()
    known = [node.id for node in graph.nodes if node.kind == "task"]
    for name in names:
        if name in known:
            found.add(name)
        else:
            faults.append(f"rerun names {there_are(str(name), known)}")
    return found


def _edited(past: Past, graph: Graph, wanted: Collection[str]) -> dict[str, str]:
    """Texts that were edited in the parent, of tasks that are as they were in the plan.

    Those of a template's tasks do not outlive another text for the template, which is ``wanted``.
    """
    before = past.state.graph
    found = {}
    for node in graph.nodes:
        index = before.index.get(node.id)
        if (
            node.kind not in ("task", "group")
            or index is None
            or before.nodes[index].title != node.title
        ):
            continue
        if node.template is not None and graph.nodes[node.template].id in wanted:
            continue
        text = past.state.tasks[index].title
        if node.id in past.edited and text != node.title:
            found[node.id] = text
    return found


def _notes(past: Past, said: Mapping[str, Answered]) -> list[tuple[str, str]]:
    """The parent's notes, without those of outcomes that are others now."""
    notes = list(past.notes)
    for name in said:
        decision = past.state.decisions.get(name)
        outcome = decision.outcome if decision is not None else None
        if outcome is not None and outcome.note and outcome.by in ("user", "remote"):
            mine = next((note for note in notes if note[0] == outcome.note), None)
            if mine is not None:
                notes.remove(mine)
    return notes


def _cast(
    past: Past, graph: Graph, agents: Agents | None, claude: bool | None, done: Collection[str]
) -> list[Worker | None]:
    return cast(past, graph, agents, claude, {n.index for n in graph.nodes if n.id in done})


def _check_cast(graph: Graph, workers: Sequence[Worker | None], sharing: Sharing) -> None:
    """What is done anew needs somebody."""
    missing = [
        f"  nobody does {node.id!r}, which {_needs(seen.action, seen.why)}: "
        f"pass agents={{{node.agent!r}: ...}}"
        for node, seen, worker in zip(graph.nodes, sharing.nodes, workers, strict=True)
        if node.kind == "task" and seen.action in ("run", "compare") and worker is None
    ]
    if missing:
        raise SetupError("\n".join(["The run can't be forked:", *missing]))


def _needs(action: str, why: str) -> str:
    return why if action == "compare" else f"has to run ({why})"


# What it finds when it begins.


def _before(made: _Made, folder: RunFolder) -> Before:
    past, graph, state = made.past, made.graph, made.past.state
    items = _of_items(made)
    priors = taken_over(past.folder, folder, made.sharing.priors, made.now.graph, made.workers)
    return Before(
        priors={graph.index[name]: one for name, one in priors.items() if name in graph.index},
        parent=past.folder.id,
        shares=shares_of(past, rerun=made.rerun, outcomes=True, items=items),
        overrides=past.overrides,
        shared=Shared(
            said=made.said,
            outcomes=made.sharing.outcomes,
            notes=made.notes,
            texts={name: text for name, text in made.texts.items() if name in graph.index},
            settings={
                "level": state.level,
                "timeline": state.timeline,
                "budget": dict(state.budget),
                "budget_of": dict(state.budgets),
            }
            if made.declared == past.declared
            else {},
            later={name: one for name, one in priors.items() if name not in graph.index},
            items=items,
            left_out={
                name: why for name, why in made.sharing.left_out.items() if name in graph.index
            },
            who=login_name(),
        ),
    )


def _of_items(made: _Made) -> list[dict[str, str]]:
    """What holds for tasks that are not there before the plan has grown."""
    found = []
    for node in made.now.graph.nodes:
        if node.id in made.graph.index:
            continue
        one = {"id": node.id, "item": node.item}
        if node.id in made.sharing.left_out:
            found.append(one | {"reason": made.sharing.left_out[node.id]})
        elif node.id in made.texts:
            found.append(one | {"text": made.texts[node.id]})
    return found
