"""Starting runs as people do it: the board comes up by itself where there is a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import runs
from .events import Event
from .handle import Run
from .plan import Budget, Plan
from .state import DecisionState
from .webhook.hook import Webhook

if TYPE_CHECKING:
    from .notebook.attach import Notebook

__all__ = ["open", "rehearse", "run"]

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
        ("run", _names(agents), budget, seed, claude, *settings.values()),
        again,
        lambda plan: runs.start(
            plan,
            agents,
            budget=budget,
            seed=seed,
            claude=claude,
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


def open(run_id: str | Path, *, home: str | Path | None = None) -> Run:
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
