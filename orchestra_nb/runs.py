"""The knot: plan, agents, store and engine tied into a run. Knows nothing of notebooks."""

from __future__ import annotations

import atexit
import gc
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from .agents.rehearsal import Rehearsal
from .casting import Agents, functions_of, workers_of
from .engine.beginnings import Before
from .engine.protocols import Worker
from .engine.steering import unmanned
from .errors import Fault, PlanError, SetupError
from .events import Event
from .expenses import check_prices
from .handle import Run
from .hearing import Hearers
from .plan import Plan, configured
from .plan.forms import flat, given
from .plan.graph import Graph, compile_plan
from .plan.notes import notes_of
from .plan.questions import will_ask
from .plan.text import named, short
from .plan.timeouts import Mode
from .record import Record
from .state import DecisionState, State
from .store.folder import RunFolder
from .store.home import find_run
from .store.journal import FileJournal
from .store.masking import mask, refresh_secrets
from .store.settings import settings
from .views.ending import going_on
from .webhook.courier import flush
from .webhook.hook import Webhook
from .wiring import begin, declared_s, live

__all__ = [
    "Checked",
    "check",
    "check_names",
    "check_settings",
    "collector_paused",
    "interrupt",
    "live_runs",
    "open_run",
    "rehearse",
    "start",
]

MODES = get_args(Mode)
Earlier = Callable[[Graph, Sequence["Worker | None"], RunFolder], Before]
"""Gives a run that is being made what there is for it already."""
FLUSH_S = 1.0
"""A process that ends waits this long for what its webhooks still have to send."""


@dataclass(frozen=True, slots=True)
class Checked:
    """All that can be known before a run starts.

    Attributes:
        plan: The plan as it would run: overrides and inputs in place.
        runs: Id of each task that runs -> who does it.
        skipped: Id of each task that the level leaves out -> why.
        asks: Id of each question that is asked before it -> the question, with its default and,
            for one that follows on another, on which answer.
        notes: What the plan or the answers say without effect: where, and why.
    """

    plan: Plan
    runs: Mapping[str, str]
    skipped: Mapping[str, str]
    asks: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        head = f"{self.plan.name}: level {self.plan.level}, {self.plan.mode}"
        run = "1 task runs" if len(self.runs) == 1 else f"{len(self.runs)} tasks run"
        lines = [f"{head}, {run}, {len(self.skipped)} skipped"]
        lines += [f"  {task}: {who}" for task, who in self.runs.items()]
        lines += [f"  {task}: skipped, {why}" for task, why in self.skipped.items()]
        lines += [f"  asks {question}: {words}" for question, words in self.asks.items()]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def check(
    plan: Plan | str | Path,
    agents: Agents | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    level: int | None = None,
    mode: str | None = None,
    timeline: str | None = None,
    claude: bool | None = None,
) -> Checked:
    """Find out everything that would stop a run, without starting anything.

    Args:
        plan: A plan, or the path of one.
        agents: As for ``run``.
        inputs: Values of the plan's inputs.
        answers: Answers to the plan's questions; what they answer is not asked.
        level: Overrides the plan's.
        mode: Overrides the plan's.
        timeline: Overrides the plan's.
        claude: As for ``run``.

    Raises:
        PlanError: If the plan is not valid, or an answer; lists every fault.
        SetupError: If an agent is missing, unknown, or has no key.
    """
    _, ready = read(plan, inputs, level=level, mode=mode, timeline=timeline)
    graph = compile_plan(ready)
    known = given(flat(ready.questions), answers)
    workers = workers_of(graph, agents, claude)
    _check_answers(graph, workers, known)
    check_prices(graph, workers)
    cast = zip(graph.nodes, workers, strict=True)
    who = ((n, repr(w)) for n, w in cast if w is not None and n.skip is None)
    runs = {n.id: words if n.each is None else f"{words}, {n.each}" for n, words in who}
    skipped = {n.id: n.skip for n in graph.nodes if n.skip is not None}
    return Checked(ready, runs, skipped, will_ask(ready, known), tuple(notes_of(ready, known)))


def _check_answers(graph: Graph, workers: list[Worker | None], answers: Mapping[str, Any]) -> None:
    """An answer may bring work back that nobody can do."""
    for one in flat(graph.plan.questions):
        if one.question.sets == "level" and one.id in answers:
            missing = unmanned(graph, workers, int(answers[one.id]))
            if missing:
                raise SetupError(
                    f"answers[{one.id!r}]: level {answers[one.id]} also needs {named(missing)}, "
                    "and nobody does that: pass agents= for it, or claude=True"
                )


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection while a run is made.

    Ten thousand tasks are a hundred thousand objects that all stay: the collector would only look
    at them again and again, which costs more than making them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@collector_paused()
def start(
    plan: Plan | str | Path,
    agents: Agents | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    level: int | None = None,
    mode: str | None = None,
    timeline: str | None = None,
    budget: Any = None,
    max_concurrency: int | None = None,
    on_failure: str | None = None,
    home: str | Path | None = None,
    seed: int | None = None,
    claude: bool | None = None,
    spend: bool = False,
    earlier: Callable[[Plan], Earlier | None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run:
    """Start a run; see :func:`orchestra_nb.run` for the arguments.

    ``earlier`` finds what a run of the plan may take from an earlier one.
    """
    overrides = _overridden(
        level=level,
        mode=mode,
        timeline=timeline,
        budget=budget,
        max_concurrency=max_concurrency,
        on_failure=on_failure,
    )
    declared, ready = read(plan, inputs, **overrides)
    graph = compile_plan(ready)
    known = given(flat(ready.questions), answers)
    workers = workers_of(graph, agents, claude)
    hearers = Hearers(on_event, on_decision, webhook or settings.webhook)
    named = functions_of(agents)
    found = None if earlier is None else earlier(ready)
    run = _start(
        declared, graph, workers, inputs, known, home, seed, None, hearers, named, spend=spend,
        earlier=found, overrides=overrides,
    )  # fmt: skip
    run.cast = agents, claude
    return run


@collector_paused()
def rehearse(
    plan: Plan | str | Path,
    *,
    speed: float = 60,
    seed: int | None = None,
    inputs: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    level: int | None = None,
    mode: str | None = None,
    timeline: str | None = None,
    max_concurrency: int | None = None,
    on_failure: str | None = None,
    home: str | Path | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run:
    """Start a rehearsal; see :func:`orchestra_nb.rehearse` for the arguments."""
    pace: Any = speed
    if isinstance(pace, bool) or not isinstance(pace, (int, float)) or not 0 < pace <= 1e6:
        raise SetupError(f"speed must be a number above 0, not {speed!r}")
    overrides = _overridden(
        level=level,
        mode=mode,
        timeline=timeline,
        max_concurrency=max_concurrency,
        on_failure=on_failure,
    )
    declared, ready = read(plan, inputs, **overrides)
    graph = compile_plan(ready)
    known = given(flat(ready.questions), answers)
    seed = secrets.randbits(32) if seed is None else seed
    workers: list[Worker | None] = [
        Rehearsal(speed=float(speed), seed=seed, estimate=declared_s(node))
        if node.kind == "task"
        else None
        for node in graph.nodes
    ]
    hearers = Hearers(on_event, on_decision, webhook or settings.webhook)
    return _start(
        declared, graph, workers, inputs, known, home, seed, float(speed), hearers,
        overrides=overrides,
    )  # fmt: skip


def open_run(run_id: Run | str | Path, *, home: str | Path | None = None) -> Run:
    """The run of that id; see :func:`orchestra_nb.open`."""
    if isinstance(run_id, Run):
        home, run_id = run_id.folder.parent.parent, run_id.id
    for run in live_runs():
        if run.id == run_id:
            return run
    record = _archived(Path(run_id)) if os.path.isfile(run_id) else None
    if record is None:
        record = Record(RunFolder.open(find_run(str(run_id), where=home)))
    return Run(record, record.folder.path)


def _archived(path: Path) -> Record | None:
    """The run in a file, if it is meant as an archive: something may be called like a run."""
    from .housekeeping.archive import is_archive
    from .housekeeping.archived import ArchivedRecord

    return ArchivedRecord(path) if is_archive(path) else None


def live_runs() -> list[Run]:
    """Runs of this process that are not over."""
    pid = os.getpid()
    found = [run for run, engine in tuple(live.values()) if engine.pid == pid]
    return [run for run in found if not run.finished and run.status != "interrupted"]


def _overridden(**overrides: Any) -> dict[str, Any]:
    """What a run is given instead of what the plan's head says; the environment counts too."""
    if overrides.get("mode") is None and (wanted := os.environ.get("ORCHESTRA_MODE")):
        if wanted not in MODES:
            fault = f"must be one of {', '.join(MODES)}, not {short(wanted)}"
            raise PlanError([Fault("ORCHESTRA_MODE", fault)])
        overrides["mode"] = wanted
    return {key: value for key, value in overrides.items() if value is not None}


def read(given: Any, inputs: Mapping[str, Any] | None, **overrides: Any) -> tuple[Plan, Plan]:
    """The plan read and overridden: with its inputs' values as defaults, and filled in."""
    if isinstance(given, (str, Path)):
        plan = Plan.load(given)
    elif isinstance(given, Plan):
        plan = given
    else:
        raise PlanError(
            [Fault("", f"a plan is a Plan or the path of one, not {type(given).__name__}")]
        )
    changes = _overridden(**overrides)
    if changes:
        plan = plan.with_(**changes)
    plan = configured(plan)
    if inputs is not None and not isinstance(inputs, Mapping):
        raise PlanError([Fault("inputs", f"must map names to values; it is {short(inputs)}")])
    ready = plan.filled(inputs)
    # Kept as declared: a value that holds braces itself could not be read back once filled in.
    return plan.model_copy(update={"inputs": ready.inputs}), ready


def check_names(graph: Graph) -> None:
    """Names are kept as they are: one with a secret in it could not be written down."""
    refresh_secrets()
    names = [graph.plan.name, *graph.phase_names, *(node.id for node in graph.nodes)]
    for asked in flat(graph.plan.questions):  # ids are made of these words
        names += [asked.id, asked.question.ask]
    names += [node.title for node in graph.nodes if node.kind == "decision"]
    bad = [masked for name in names if (masked := mask(name)) != name]
    if bad:
        raise SetupError(
            f"A key or a token stands in the plan, in the name {', '.join(map(repr, bad))}. "
            "Take it out, and replace the key: others may have seen it."
        )


def check_settings(seed: Any, home: Any) -> None:
    """Refuse a seed or a home that is none."""
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise SetupError(f"seed must be a whole number, not {short(seed)}")
    if home is not None and not isinstance(home, (str, os.PathLike)):
        raise SetupError(f"home must be the path of a folder, not {short(home)}")


def _start(
    declared: Plan,
    graph: Graph,
    workers: list[Worker | None],
    inputs: Mapping[str, Any] | None,
    answers: Mapping[str, Any],
    home: str | Path | None,
    seed: int | None,
    rehearsal: float | None,
    hearers: Hearers,
    functions: Sequence[str] = (),
    *,
    spend: bool = False,
    earlier: Earlier | None = None,
    overrides: Iterable[str] = (),
) -> Run:
    hearers.check()
    check_names(graph)
    _check_answers(graph, workers, answers)
    check_settings(seed, home)
    if not rehearsal:
        check_prices(graph, workers)
    folder = RunFolder.create(declared, home=home)
    journal = None
    try:
        journal = FileJournal(folder, mirror=settings.mirror)
        before = Before() if earlier is None else earlier(graph, workers, folder)
        state = State(graph)
        state.rehearsal = rehearsal
        return begin(
            state,
            journal,
            workers,
            hearers,
            inputs=inputs,
            answers=answers,
            seed=seed,
            functions=functions,
            spend=spend,
            before=replace(before, overrides=sorted(overrides)),
        )
    except BaseException:  # whatever it is: no lock is left, and no folder of what never began
        if journal is not None:
            journal.close()
        folder.discard()
        raise


def interrupt(reason: str) -> None:
    """End every run of this process, as its log will say; it takes a second a run at most."""
    for run in live_runs():
        live.pop(run.id)[1].interrupt(reason)


def _at_exit() -> None:
    ended = live_runs()
    interrupt("the process ended")
    if not hasattr(sys, "ps1") and "ipykernel" not in sys.modules:
        for run in ended:
            sys.stderr.write(
                f"orchestra_nb: the script ended while run {run.id} was going on; it was stopped. "
                "Use run.wait() to wait for its end. To go on with it: "
                f"{going_on(run.state)}\n"
            )
    flush(FLUSH_S)


atexit.register(_at_exit)
