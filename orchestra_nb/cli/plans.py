"""What a plan is worth before it runs, and what the project levels are: ``levels``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PlanError
from .base import refuse, say, tried

if TYPE_CHECKING:
    from ..plan import Plan

__all__ = ["check_plan", "levels", "load"]


def load(path: Path) -> Plan:
    """The plan in a file; what is wrong with it ends the command."""
    from ..plan import Plan

    if not path.exists():
        refuse(f"There is no plan {str(path)!r}.")
    try:
        return Plan.load(path)
    except PlanError as error:
        refuse(f"{error}\nNothing was started.")


def check_plan(plan: Path, level: int | None) -> None:
    """Say what is wrong with a plan, or what of it would run."""
    declared = load(plan)
    view = tried(lambda: declared.for_level(declared.level if level is None else level))
    from ..plan.questions import will_ask
    from ..views.words import count, cut, spoken

    say(f"{cut(declared.name, 200)}: no faults.")
    asks = will_ask(declared)
    if asks:
        say("Before the run:")
    for question, words in asks.items():
        say(f"    asks {cut(question, 60)}: {cut(words, 200)}")
    say(f"Level {view.level.number} ({view.level.name}):")
    width = max((len(cut(spec.id, 60)) for _, spec in declared.all()), default=0)
    for number, phase in enumerate(declared.phases, start=1):
        say(f"  Phase {number}: {cut(phase.name, 100)}")
        for spec in phase.tasks:
            reason = view.skipped.get(spec.id)
            name = cut(spec.id, 60).ljust(width)
            estimate = getattr(spec, "estimate", None)
            about = f"skipped: {cut(reason, 200)}" if reason else "runs"
            if hasattr(spec, "options") and not reason:
                about = "is asked"
            elif estimate is not None and not reason:
                about = f"runs, about {spoken(estimate)}"
            say(f"    {name}  {about}")
    everything = len(view.runs) + len(view.skipped)
    say(f"{len(view.runs)} of {count(everything, 'entry', 'entries')} run at this level.")


def levels() -> None:
    """List the project levels."""
    from ..plan import load_levels

    for number, level in sorted(load_levels().items()):
        say(f"{number}  {level.name}: {level.description}")
        for key, value in level.characteristics.items():
            shown = value if isinstance(value, str) else ", ".join(value)
            say(f"     {key.replace('_', ' ')}: {shown}")
