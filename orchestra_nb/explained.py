"""What a decision of a run waits and why: as it was asked, or as it would be asked now."""

from __future__ import annotations

from typing import Literal, cast

from .plan import Plan, clock
from .plan.explain import Explanation, Explanations, explain
from .plan.text import fold
from .plan.timeouts import Timeline, Timeout, in_words
from .state import DecisionState, State

__all__ = ["explain_run"]

_HELD = {
    "hold": "somebody said wait for me",
    "pause": "the run is paused",
    "typing": "somebody types",
    "here": "somebody is at the card",
    "asleep": "the machine slept, so everybody has a minute more",
}


def explain_run(
    plan: Plan, state: State, now: float, decision: str | None = None
) -> Explanation | Explanations:
    """Explain one decision of a run, or all, with the level, timeline and autopilot it has now.

    Args:
        plan: The plan as it runs.
        state: The run's state.
        now: The run's clock, seconds.
        decision: Id of a decision, asked already or still to come; all if absent.

    Raises:
        PlanError: If there is no such decision.
    """
    timeline = cast("Timeline", state.timeline)
    if decision is not None:
        asked = {fold(key): one for key, one in state.decisions.items()}.get(fold(decision))
        if asked is not None:
            return _asked(asked, now)
        return explain(
            plan,
            decision,
            level=state.level,
            timeline=timeline,
            autopilot=state.autopilot,
            autopilots=state.autopilots,
        )
    planned = explain(
        plan,
        level=state.level,
        timeline=timeline,
        autopilot=state.autopilot,
        autopilots=state.autopilots,
    )
    opened = {key: _asked(one, now) for key, one in state.decisions.items()}
    return Explanations(planned.head, {**planned, **opened})


def _asked(decision: DecisionState, now: float) -> Explanation:
    """A decision that was asked: its clock as it was reckoned then, and what came of it."""
    outcome = decision.outcome
    taken: Literal["policy", "autopilot"] | None = None
    if outcome is not None and outcome.waited_s == 0:
        taken = outcome.by if outcome.by in ("policy", "autopilot") else None
    lines = [("asked", f"no: {outcome.reason}" if outcome and taken else "yes")]
    lines.append(("clock", decision.sum))
    whole = decision.timeout_s
    if whole is not None and not decision.sum.startswith(in_words(whole)):
        lines.append(("added", f"{in_words(whole)} with what was added"))
    lines.append(("now", _now(decision, now)))
    return Explanation(
        decision.id,
        decision.title,
        taken,
        "",
        Timeout(whole, decision.sum),
        tuple(lines),
    )


def _now(decision: DecisionState, now: float) -> str:
    """How it stands."""
    outcome = decision.outcome
    if outcome is not None:
        who = f" ({outcome.who})" if outcome.who else ""
        after = f"after {clock(outcome.waited_s)}"
        if decision.timeout_s is not None:
            after += f" of {clock(decision.timeout_s)}"
        return f"{outcome}, by {outcome.by}{who}, {after}"
    if decision.withdrawn:
        return f"withdrawn: {decision.withdrawn}"
    if decision.held is not None:
        left = decision.remaining_s
        rest = "" if left is None else f"; {clock(left)} left after that"
        return f"held, {_HELD.get(decision.held, decision.held)}{rest}"
    if decision.deadline is None:
        return "it waits until somebody answers"
    then = f"{decision.recommend} - {decision.option_text(decision.recommend or '')}"
    return f"{clock(decision.deadline - now)} left, then {then} is taken"
