"""Checkpoints that open by themselves: work that takes far longer than planned, and blockers.

They hold back nothing and never keep a run from ending; under autopilot and in the mode
fully_autonomous, where nobody is asked, they do not open at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import Event
from ..plan.durations import rough_duration
from ..state import Outcome
from .checkpoints import MOST_TOLD, TOLD_MAX, Told, compared
from .protocols import Job

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Alarms"]

LATE_FACTOR = 1.5
"""Own work may take this much of what was expected."""
LATE_S = 60.0
"""And at least so much more: the shortest clock of a card is a minute, so a person who is asked
about less would be asked about what is over before the answer."""
LOOK_AGAIN_S = 5.0
"""How often what waits is looked at: its own work may go on at any time."""
TITLE_MAX = 120


class Alarms:
    """Asks a person when something goes differently than planned.

    A rehearsal opens no card about time: its durations are dice that it rolled itself, and a
    person who is asked about them would learn nothing about the plan.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._late: str | None = None
        self._late_phases: set[int] = set()
        self._slept: dict[tuple[int, int], float] = {}
        self._blocked: str | None = None
        self._asked: list[Told] = []
        self._gathered: list[tuple[Job, Told]] = []

    def begin(self) -> None:
        """Look at the work now and then, if there is anything to compare it with."""
        engine = self._engine
        if engine.plan.mode != "fully_autonomous" and not engine.rehearsal and any(engine.seconds):
            # No task can be late before that: a timer of its own for each would cost every task.
            engine.timers.at(engine.t + LATE_S, self._look)

    def slept(self, seconds: float) -> None:
        """The machine slept: that was nobody's own work."""
        for job in self._engine.running.values():
            if not job.waits:
                key = (job.node.index, job.attempt)
                self._slept[key] = self._slept.get(key, 0.0) + seconds

    def close(self) -> None:
        """The run comes to its end: nobody is asked about it any more."""
        self._gathered.clear()
        for decision_id in (self._late, self._blocked):
            if decision_id is not None:
                self._engine.decisions.withdraw(decision_id, "the run came to its end")

    def _silent(self) -> bool:
        """Whether nobody is to be asked."""
        engine = self._engine
        if engine.stopping or engine.plan.mode == "fully_autonomous":
            return True
        return engine.state.autopilot

    # Time.

    def _look(self) -> None:
        engine = self._engine
        if engine.stopping:
            return
        again = engine.t + LATE_S  # whoever starts meanwhile can't be late before that
        for job in list(engine.running.values()):
            expected = engine.seconds[job.node.index]
            if not expected or job.node.phase in self._late_phases:
                continue
            room = max(expected * LATE_FACTOR, expected + LATE_S) - self._own_work(job)
            if job.waits:
                again = min(again, engine.t + max(room, LOOK_AGAIN_S))
            elif room > 1e-3:
                again = min(again, engine.t + room)
            elif self._late is None and not self._silent():
                self._open_late(job, expected)
        engine.timers.at(again, self._look)

    def _own_work(self, job: Job) -> float:
        """Seconds that an attempt has worked, without its waits."""
        worked, now = 0.0, self._engine.t
        for kind, start, end in reversed(self._engine.state.tasks[job.node.index].spans):
            if start < job.started:
                break
            if kind == "run":
                worked += (now if end is None else end) - start
        return worked - self._slept.get((job.node.index, job.attempt), 0.0)

    def _open_late(self, job: Job, expected: float) -> None:
        engine, node = self._engine, job.node
        self._late_phases.add(node.phase)
        worked = self._own_work(job)
        # Nobody knows how much longer it takes; half as long as planned is what its delay suggests.
        more = {node.index: expected / 2}
        left = engine.checkpoints.seconds_left(more=more)
        title = "This takes longer than planned"
        if left is not None:
            title += f": about {rough_duration(engine.t + left)} in all"
        self._late = engine.decisions.free_id(f"overrun-{node.phase}")
        engine.checkpoints.ask(
            self._late,
            purpose="overrun",
            phase=node.phase,
            title=title,
            context=(
                f"{node.id} has worked for {rough_duration(worked)}; "
                f"{rough_duration(expected)} were expected. Everything goes on meanwhile."
            ),
            because="half-done work is worth finishing",
            time=compared(worked, expected),
            more=more,
            about=node.id,
            then=lambda _: self._late_over(),
            closed=lambda _: self._late_over(),
        )

    def _late_over(self) -> None:
        self._late = None

    # Blockers.

    def blocker(self, job: Job, event: Event) -> None:
        """An agent reported what stands in its way."""
        if self._silent():
            return
        told = [event["agent"], event["description"][:TOLD_MAX]]
        if told not in self._asked and all(told != known for _, known in self._gathered):
            self._gathered.append((job, told))
        if self._blocked is None and self._gathered:
            self._open_blocked()

    def _open_blocked(self) -> None:
        engine = self._engine
        gathered, self._gathered = self._gathered, []
        self._asked = [told for _, told in gathered]
        first, (agent, text) = gathered[0]
        phase, tasks = first.node.phase, {job.node.id for job, _ in gathered}
        if len(gathered) == 1:
            short = " ".join(text.split())
            cut = short if len(short) <= TITLE_MAX else short[: TITLE_MAX - 1].rstrip() + "…"
            title = f"We found an unexpected issue: {cut}"
            context = f"{agent} reported it. How would you like to proceed?"
        else:
            title = f"We found {len(gathered)} unexpected issues"
            context = "How would you like to proceed?"
        self._blocked = engine.decisions.free_id("blocker")
        engine.checkpoints.ask(
            self._blocked,
            purpose="blocker",
            phase=phase,
            title=title,
            context=f"{context} Everything goes on meanwhile.",
            because="agents go on with what they can do without it",
            about=first.node.id if len(tasks) == 1 else "",
            blockers=self._asked[-MOST_TOLD:],
            then=self._blocked_over,
            closed=self._blocked_over,
        )

    def _blocked_over(self, _: Outcome | str) -> None:
        """What was reported meanwhile is for the next card."""
        self._blocked, self._asked = None, []
        if self._silent():
            self._gathered.clear()
        elif self._gathered:
            self._open_blocked()
