"""Starting runs as people do it: the board comes up by itself where there is a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from . import runs
from .again import fork as forks
from .again import resume as again
from .again.earlier import earlier
from .again.preview import Preview
from .events import Event
from .handle import Run
from .plan import Budget, Plan
from .state import DecisionState
from .webhook.hook import Webhook

if TYPE_CHECKING:
    from .notebook.attach import Notebook

__all__ = ["fork", "open", "rehearse", "resume", "run"]

Mode = Literal["full_interactive", "guided", "semi_autonomous", "fully_autonomous"]
Timeline = Literal["urgent", "normal", "relaxed"]
OnFailure = Literal["ask", "continue", "stop"]


def run(
    plan: Plan | str | Path,
    agents: Mapping[str, Any] | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    level: int | None = None,
    mode: Mode | None = None,
    timeline: Timeline | None = None,
    budget: Budget | Mapping[str, Any] | None = None,
    max_concurrency: int | None = None,
    on_failure: OnFailure | None = None,
    home: str | Path | None = None,
    seed: int | None = None,
    claude: bool | None = None,
    spend: bool = False,
    reuse: str | Path | None = None,
    again: bool = False,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run:
    """Start a plan and return at once; in a notebook the cell shows the live board.

    Example::

        run = onb.run("plan.yaml", agents={"analyst": analyse})
        results = await run

    Args:
        plan: A plan, or the path of a YAML, JSON or Markdown file.
        agents: Agent name or task id -> a function ``fn(context)``, an ``async def``, or
            ``onb.agents.Claude(...)``. Without any, Claude does every task.
        inputs: Values for the plan's inputs.
        answers: Answers to the plan's questions, by their ids or the questions themselves; what
            they answer is not asked.
        level: Project level 1..5; overrides the plan's.
        mode: How much a person is asked; overrides the plan's (and ``ORCHESTRA_MODE`` does where
            this is absent).
        timeline: How pressing it is; overrides the plan's.
        budget: Caps on money and tokens; overrides the plan's.
        max_concurrency: How many tasks run at once; overrides the plan's.
        on_failure: What follows when a task has failed for good: ``ask`` you whether to try again,
            go on without it or stop (in the modes full_interactive and guided), ``continue``
            without it, or ``stop`` the run; overrides the plan's.
        home: Folder of runs; ``.orchestra`` here by default.
        seed: Makes what is random (the spread of retries) the same each time.
        claude: ``True``: Claude does the tasks that have no function.
        spend: ``True`` lets the run spend money without asking. Otherwise a card shows what is
            expected and the worst case before the first call that is paid.
        reuse: ``"last"``: what the last run of the plan has done is not done again where nothing
            known differs; or the id of a run. Decisions are asked anew.
        again: In a notebook, the same plan from the same cell shows the run that is still going
            on; ``True`` starts another one.
        on_event: Called with each event once it is on disk, in a thread of its own.
        on_decision: Called with each decision a person is needed for, in the same thread.
        webhook: Where a signed POST goes when a decision opens, is decided or withdrawn, and when
            the run is over; the one of :func:`configure` by default.

    Raises:
        PlanError: If the plan is not valid, or an answer. Nothing was started.
        SetupError: If an agent is missing, unknown, or has no key. Nothing was started.
        StoreError: If the run's folder can't be made.
    """
    settings: dict[str, Any] = {
        "inputs": inputs,
        "answers": answers,
        "level": level,
        "mode": mode,
        "timeline": timeline,
        "max_concurrency": max_concurrency,
        "on_failure": on_failure,
        "home": home,
    }
    return _show(
        plan,
        ("run", _names(agents), budget, seed, claude, reuse, *settings.values()),
        again,
        lambda plan: runs.start(
            plan,
            agents,
            budget=budget,
            seed=seed,
            claude=claude,
            spend=spend,
            earlier=None if reuse is None else lambda plan: earlier(reuse, plan, home),
            on_event=on_event,
            on_decision=on_decision,
            webhook=webhook,
            **settings,
        ),
    )


def rehearse(
    plan: Plan | str | Path,
    *,
    speed: float = 60,
    seed: int | None = None,
    inputs: Mapping[str, Any] | None = None,
    answers: Mapping[str, Any] | None = None,
    level: int | None = None,
    mode: Mode | None = None,
    timeline: Timeline | None = None,
    max_concurrency: int | None = None,
    on_failure: OnFailure | None = None,
    home: str | Path | None = None,
    again: bool = False,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run:
    """Run a plan with simulated agents: no model is called, nothing is paid for.

    Each takes its estimated time divided by ``speed``, log-normally spread; decisions are live and
    have their real clocks. Every surface says REHEARSAL.

    Args:
        plan: A plan, or the path of one.
        speed: How many times faster than life; 60 turns a minute into a second.
        seed: The same seed gives the same durations.
        inputs: Values for the plan's inputs.
        answers: As for :func:`run`.
        level: Project level 1..5; overrides the plan's.
        mode: How much a person is asked; overrides the plan's.
        timeline: How pressing it is; overrides the plan's.
        max_concurrency: How many tasks run at once; overrides the plan's.
        on_failure: As for :func:`run`.
        home: Folder of runs.
        again: As for :func:`run`.
        on_event: As for :func:`run`.
        on_decision: As for :func:`run`.
        webhook: As for :func:`run`.

    Raises:
        PlanError: If the plan is not valid. Nothing was started.
    """
    settings: dict[str, Any] = {
        "speed": speed,
        "seed": seed,
        "inputs": inputs,
        "answers": answers,
        "level": level,
        "mode": mode,
        "timeline": timeline,
        "max_concurrency": max_concurrency,
        "on_failure": on_failure,
        "home": home,
    }
    return _show(
        plan,
        ("rehearse", *settings.values()),
        again,
        lambda plan: runs.rehearse(
            plan, on_event=on_event, on_decision=on_decision, webhook=webhook, **settings
        ),
    )


def open(run_id: Run | str | Path, *, home: str | Path | None = None) -> Run:
    """The run of that id again: live if this process runs it, else as it was recorded.

    Evaluate it in a cell to see its board, or what the board came to.

    Args:
        run_id: Id of a run, the beginning of one, or the file of one that was exported: that is
            read as it is, and nothing can be said to it.
        home: Folder of runs.

    Raises:
        StoreError: If there is no such run, its log is of a newer format, or the file is no run's.
    """
    found = runs.open_run(run_id, home=home)
    notebook = _notebook()
    if notebook is not None:
        notebook.present(found)
    return found


@overload
def resume(
    run_id: Run | str | Path,
    agents: Mapping[str, Any] | None = None,
    *,
    dry_run: Literal[True],
    plan: Plan | str | Path | None = None,
    rerun: Collection[str] = (),
    claude: bool | None = None,
    home: str | Path | None = None,
) -> Preview: ...


@overload
def resume(
    run_id: Run | str | Path,
    agents: Mapping[str, Any] | None = None,
    *,
    plan: Plan | str | Path | None = None,
    rerun: Collection[str] = (),
    dry_run: Literal[False] = False,
    claude: bool | None = None,
    home: str | Path | None = None,
    seed: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run: ...


def resume(
    run_id: Run | str | Path,
    agents: Mapping[str, Any] | None = None,
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
) -> Run | Preview:
    """Go on with a run that broke off, was stopped, or in which something failed.

    What is done is not done again, unless its function, its request to a model, its text or what it
    was given is known to have changed; what was at work is done again, what was asked is asked
    again, every outcome is kept. It goes on in the same log.

    Args:
        run_id: Id of the run, or the beginning of one.
        agents: As for :func:`run`; those whose work is done may be left out.
        plan: The plan as it is now, if it changed; only what depends on the change runs again.
        rerun: Ids of tasks to do again in any case.
        dry_run: ``True``: start nothing; return what would be kept, run and asked, and why.
        claude: As for :func:`run`.
        home: Folder of runs.
        seed: As for :func:`run`.
        on_event: As for :func:`run`.
        on_decision: As for :func:`run`.
        webhook: As for :func:`run`.

    Returns:
        The run; where nothing is left to do, as it was recorded. With ``dry_run`` a
        :class:`Preview`: it prints as a table, and has a ``frame``.

    Raises:
        PlanError: If the changed plan is not valid. Nothing was started.
        SetupError: If somebody is missing who does what is left. Nothing was started.
        CommandError: If it is going on in this process, or ``rerun`` names no task of it.
        LockedError: If another process runs it.
        StoreError: If there is no such run, or it can't be written.
    """
    found = again.resume(
        run_id,
        agents,
        plan=plan,
        rerun=rerun,
        dry_run=dry_run,
        claude=claude,
        home=home,
        seed=seed,
        on_event=on_event,
        on_decision=on_decision,
        webhook=webhook,
    )
    if isinstance(found, Run):
        found.cast = agents, claude
    notebook = _notebook()
    if notebook is not None and isinstance(found, Run):
        notebook.begun(found)
    return found


@overload
def fork(
    run_id: Run | str | Path,
    agents: Mapping[str, Any] | None = None,
    *,
    dry_run: Literal[True],
    decisions: Mapping[str, str | Mapping[str, str]] | None = None,
    tasks: Mapping[str, str] | None = None,
    at: float | str | None = None,
    plan: Plan | str | Path | None = None,
    rerun: Collection[str] = (),
    claude: bool | None = None,
    home: str | Path | None = None,
) -> Preview: ...


@overload
def fork(
    run_id: Run | str | Path,
    agents: Mapping[str, Any] | None = None,
    *,
    decisions: Mapping[str, str | Mapping[str, str]] | None = None,
    tasks: Mapping[str, str] | None = None,
    at: float | str | None = None,
    plan: Plan | str | Path | None = None,
    rerun: Collection[str] = (),
    dry_run: Literal[False] = False,
    claude: bool | None = None,
    spend: bool = False,
    home: str | Path | None = None,
    seed: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_decision: Callable[[DecisionState], None] | None = None,
    webhook: Webhook | None = None,
) -> Run: ...


def fork(
    run_id: Run | str | Path,
    agents: Mapping[str, Any] | None = None,
    *,
    decisions: Mapping[str, str | Mapping[str, str]] | None = None,
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
    """Begin another run from what one has: with other choices, other texts, or from a moment.

    What nothing known differs for is shared: results are not made again, outcomes are repeated.
    The run it comes from may be going on; it is not touched.

    Example::

        other = onb.fork(run.id, agents, decisions={"database-technology": "B"})

    Args:
        run_id: Id of the run, or the beginning of one.
        agents: As for :func:`run`; those whose work is shared may be left out.
        decisions: Id of a decision -> the key of another option, or a mapping with ``option`` and
            ``note``; for your own words ``{"option": "other", "text": ...}``.
        tasks: Id of a task -> another text.
        at: Share only what had happened by then: seconds since the start, a time such as ``"12m"``,
            or the id of a decision or a task, for the moment before its outcome or its start.
        plan: Another plan; only what depends on the change runs again.
        rerun: Ids of tasks to do again in any case.
        dry_run: ``True``: start nothing; return what would be shared and run, and why.
        claude: As for :func:`run`.
        spend: As for :func:`run`.
        home: Folder of runs.
        seed: As for :func:`run`.
        on_event: As for :func:`run`.
        on_decision: As for :func:`run`.
        webhook: As for :func:`run`.

    Returns:
        The new run, with a folder of its own. With ``dry_run`` a :class:`Preview`.

    Raises:
        CommandError: If there is no such decision, option, task or moment. Nothing was made.
        PlanError: If the other plan is not valid. Nothing was made.
        SetupError: If somebody is missing who does what is not shared. Nothing was made.
        StoreError: If there is no such run, or the new one's folder can't be made.
    """
    found = forks.fork(
        run_id,
        agents,
        decisions=decisions,
        tasks=tasks,
        at=at,
        plan=plan,
        rerun=rerun,
        dry_run=dry_run,
        claude=claude,
        spend=spend,
        home=home,
        seed=seed,
        on_event=on_event,
        on_decision=on_decision,
        webhook=webhook,
    )
    notebook = _notebook()
    if notebook is not None and isinstance(found, Run):
        notebook.forked(found)
    return found


Run.forks = staticmethod(fork)  # a run knows nothing of how others begin


def _names(agents: Any) -> list[str] | None:
    """A cell that runs again makes its functions anew: only their names can be compared."""
    return sorted(map(str, agents)) if isinstance(agents, Mapping) else None


def _show(plan: Any, asked: tuple[Any, ...], again: bool, begin: Callable[[Any], Run]) -> Run:
    """Begin a run; in a notebook, show its board, or the board of the one that goes on."""
    notebook = _notebook()
    if notebook is None or not isinstance(plan, (Plan, str, Path)):
        return begin(plan)  # it reads paths, and refuses other things
    if isinstance(plan, (str, Path)):
        plan = Plan.load(plan)
    return notebook.show(plan, repr(asked), again, begin)


def _notebook() -> Notebook | None:
    """The notebook this runs in; ``None`` in scripts, without importing anything for them."""
    if "ipykernel" not in sys.modules:
        return None
    from .notebook.attach import current

    return current()
