"""Checkpoints: where a person looks at what there is and says how the run goes on.

Marked ones come after a phase and hold back later ones. Those that open by themselves (see
``alarms``) hold back nothing. Whatever is answered acts only on what has not started by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import events
from ..commands import Answer
from ..errors import CommandError
from ..plan import Decision
from ..plan.durations import rough_duration
from ..plan.graph import Node
from ..plan.levels import skip_reason
from ..plan.parts import Option
from ..state import SETTLED, Outcome, Purpose, TaskState
from .cards import Answered, Card, Values, note_of
from .failures import lost_with

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Checkpoints", "Left", "Told", "compared"]

MOST_TOLD = 20
"""The newest findings, and the tasks at work, that a card lists."""
MOST_DROPPED = 50
MOST_REASONS = 3
TOLD_MAX = 500
"""Characters of a finding on a card; the board and the log have all of it."""

Told = list[str]
"""What an agent said: its name and the text."""
Left = Callable[[Sequence[float]], float]
"""Seconds that a run still takes at least, given the seconds that each node takes."""


class Checkpoints:
    """Opens checkpoints and does what people say there."""

    def __init__(self, engine: Engine, left: Left | None):
        self._engine = engine
        self._left = left

    def reached(self, node: Node) -> None:
        """Everything a marked checkpoint waits for is settled."""
        engine = self._engine
        assert isinstance(node.spec, Decision)
        phase = engine.state.phases[node.phase - 1]
        engine.emit(events.checkpoint(decision_id=node.id, phase=phase.number, name=phase.name))
        self.ask(
            node.id,
            purpose="checkpoint",
            phase=phase.number,
            title=node.spec.title,
            context=node.spec.context,
            because=node.spec.because,
            time=self._time_of_phase(phase.number),
            answered=engine.repeats.answered(node),
        )

    def ask(
        self,
        decision_id: str,
        *,
        purpose: Purpose,
        phase: int,
        title: str,
        context: str,
        because: str,
        time: Mapping[str, float | None] | None = None,
        more: Mapping[int, float] | None = None,
        about: str = "",
        blockers: Sequence[Told] | None = None,
        then: Callable[[Outcome], None] | None = None,
        closed: Callable[[str], None] | None = None,
        answered: Answered | None = None,
    ) -> None:
        """Open a checkpoint's card.

        Args:
            decision_id: Its id.
            purpose: checkpoint, overrun or blocker.
            phase: Number of the phase whose findings it shows.
            title: What is asked.
            context: What one has to know.
            because: Why going on is recommended.
            time: What it took against what was expected; the phase's so far if absent.
            more: Index of a task at work -> how much longer it takes; else as :meth:`seconds_left`.
            about: Id of the task it is about.
            blockers: What it is about, if not all blockers of the phase.
            then: Called with the outcome, after it was acted on.
            closed: Called when there will be no outcome.
            answered: The outcome, where that is known already.
        """
        engine = self._engine
        simpler = self._simpler()
        options = [
            Option(key="A", text="Continue", description="as planned"),
            Option(key="B", text="Adjust", description="tell the later agents something"),
            Option(key="D", text="Stop", description="keep what there is"),
        ]
        if simpler is not None:
            simplify = Option(key="C", text="Simplify", description=f"level {simpler['level']}")
            options.insert(2, simplify)

        def act(outcome: Outcome) -> None:
            self._act(outcome, title, simpler)
            if then is not None:
                then(outcome)

        usage = engine.state.usage
        detail: dict[str, Any] = {
            "findings": self._told(phase, blockers=False),
            "blockers": list(blockers or self._blockers(phase)),
            "time": dict(time or self._time_of_phase(phase)),
            "left_s": _rounded(self.seconds_left(more=more)),
            "cost": {
                "usd": round(usage.cost, 6),
                "budget_usd": engine.state.budget.get("usd"),
                "unknown": usage.unknown,
            },
            "running": [task.id for task in self._at_work()[:MOST_TOLD]],
            "outlook": self._outlook(simpler, more, held=purpose == "checkpoint"),
        }
        if simpler is not None:
            detail["simplify"] = {key: simpler[key] for key in ("level", "tasks", "total")}
        spec = Decision(
            title=title,
            kind="critical",
            context=context,
            options=options,
            recommend="A",
            because=because,
            other=False,
        )
        card = Card(
            purpose=purpose,
            phase=phase,
            about=about,
            detail=detail,
            check=_needs_words,
            then=act,
            closed=closed,
            answered=answered,
        )
        engine.decisions.open(decision_id, spec, card)

    def seconds_left(
        self, *, without: Collection[int] = (), more: Mapping[int, float] | None = None
    ) -> float | None:
        """Seconds that the run still takes at least; ``None`` if nothing is known of that.

        Args:
            without: Indexes of nodes that would be left out.
            more: Index of a task at work -> how much longer it takes.
        """
        engine = self._engine
        if self._left is None or not any(engine.seconds):
            return None
        without = {*without, *self._lost()}
        seconds = [0.0 if i in without else s for i, s in enumerate(engine.seconds)]
        for index, rest in (more or {}).items():
            seconds[index] = engine.t - (engine.state.tasks[index].started_at or 0.0) + rest
        return self._left(seconds)

    def _act(self, outcome: Outcome, title: str, simpler: Mapping[str, Any] | None) -> None:
        engine = self._engine
        who = outcome.who or outcome.by
        engine.take_note(outcome)
        if outcome.option == "B":
            engine.emit(events.plan_adjustment(description=outcome.note, who=who))
        elif outcome.option == "C" and simpler is not None:
            # To the level that the card listed, if nobody went there or below meanwhile.
            if simpler["level"] < engine.state.level:
                engine.steering.change_level(simpler["level"], who)
        elif outcome.option == "D":
            engine.stop(f"stopped at: {title}", who)

    # What a card shows.

    def _simpler(self) -> dict[str, Any] | None:
        """What one level less would leave out, if there is such a level and it would."""
        engine, state = self._engine, self._engine.state
        level = state.level - 1
        if level < 1:
            return None
        out, back = engine.steering.at_level(level)
        if not out:
            return None
        nodes = state.graph.nodes
        return {
            "level": level,
            "tasks": [[nodes[i].id, skip_reason(nodes[i].spec, level)] for i in out[:MOST_DROPPED]],
            "total": len(out),
            "out": out,
            "back": [nodes[i].id for i in back],
        }

    def _told(self, phase: int, *, blockers: bool) -> list[Told]:
        """What agents of a phase told, the newest last."""
        tasks = self._engine.state.tasks
        found = [
            finding
            for finding in self._engine.state.findings
            if tasks[finding.task].phase == phase and (finding.kind == "blocker") is blockers
        ]
        return [[one.agent, one.text[:TOLD_MAX]] for one in found[-MOST_TOLD:]]

    def _blockers(self, phase: int) -> list[Told]:
        """What agents of a phase say blocks them, and what failed, which is the last to be cut."""
        tasks = self._engine.state.tasks
        members = [tasks[i] for i in self._engine.state.graph.members[phase - 1]]
        failed = [
            [task.agent, f"{task.id} failed: {task.error}"[:TOLD_MAX]]
            for task in members
            if task.status == "failed"
        ]
        return [*self._told(phase, blockers=True), *failed][-MOST_TOLD:]

    def _lost(self) -> list[int]:
        """Indexes of the tasks that are still to be skipped because of what failed."""
        state = self._engine.state
        failed = [task.index for task in state.tasks if _fell(task)]
        return lost_with(state, *failed) if failed else []

    def _skips(self, lost: Sequence[int]) -> list[str]:
        """The sentence on tasks that will be skipped, with the reason of the first few."""
        if not lost:
            return []
        graph, tasks, gone = self._engine.state.graph, self._engine.state.tasks, {*lost}
        reasons = []
        for index in lost[:MOST_REASONS]:
            node = graph.nodes[index]
            cause = next((tasks[i] for i in node.needs if _fell(tasks[i]) or i in gone), None)
            if cause is None:
                reasons.append(f"nothing of what {node.id} waits for succeeded")
            else:
                verb = "failed" if cause.status == "failed" else "will be skipped"
                verb = "was skipped" if cause.status == "skipped" else verb
                verb = "was cancelled" if cause.status == "cancelled" else verb
                reasons.append(f"{node.id} needs {cause.id}, which {verb}")
        more = [f"{len(lost) - MOST_REASONS:,} more"] if len(lost) > MOST_REASONS else []
        return [f"{len(lost):,} will be skipped: {'; '.join([*reasons, *more])}."]

    def _time_of_phase(self, phase: int) -> dict[str, float | None]:
        """What a phase took so far, and what what ran of it was expected to take."""
        engine, state = self._engine, self._engine.state
        began, ended = state.phases[phase - 1].started_at, state.phases[phase - 1].ended_at
        took = 0.0 if began is None else (engine.t if ended is None else ended) - began
        ran = {i for i in state.graph.members[phase - 1] if state.tasks[i].status != "skipped"}
        expected: float | None = None
        if ran and all(engine.seconds[i] for i in ran):
            seconds = [s if i in ran else 0.0 for i, s in enumerate(engine.seconds)]
            expected = state.graph.least_seconds(seconds)
        return compared(took, expected)

    def _at_work(self) -> list[TaskState]:
        """Tasks that have started and are not over."""
        tasks = self._engine.state.tasks
        return [t for t in tasks if t.status in ("running", "waiting", "retrying") and t.attempt]

    def _outlook(
        self, simpler: Mapping[str, Any] | None, more: Mapping[int, float] | None, *, held: bool
    ) -> dict[str, list[str]]:
        """What each option would do, in sentences."""
        state = self._engine.state
        busy = self._at_work()
        lost = self._lost()
        at_work, indexes = [task.id for task in busy], {*lost, *(task.index for task in busy)}
        to_start = [
            task.id
            for task in state.tasks
            if task.kind == "task" and task.status not in SETTLED and task.index not in indexes
        ]
        stops = ["The run ends. What is finished is kept."]
        if to_start:
            goes_on = [f"{_tasks(to_start)} {_are(to_start)} still to start: {_listed(to_start)}."]
            adjusts = [
                f"What you write reaches {_tasks(to_start)} that {_have(to_start)} not "
                "started, and is kept as a change of plan."
            ]
            stops.append(f"{_tasks(to_start)} never start{'s' * (len(to_start) == 1)}.")
        else:
            goes_on = ["Nothing is left to start."]
            adjusts = ["Nothing is left to start that could hear it; it is kept in the log."]
        if not held:
            goes_on.insert(0, "Nothing changes.")
        goes_on += self._skips(lost) + _left_words(self.seconds_left(more=more), more, "")
        if at_work:
            adjusts.append(f"{_listed(at_work)} {_are(at_work)} at work and won't hear of it.")
            stops.insert(1, f"{_listed(at_work)} {_are(at_work)} cancelled.")
        outlook = {"A": goes_on, "B": adjusts, "D": stops}
        if simpler is not None:
            outlook["C"] = self._simplified(simpler, more)
        return outlook

    def _simplified(
        self, simpler: Mapping[str, Any], more: Mapping[int, float] | None
    ) -> list[str]:
        engine, out, back = self._engine, simpler["out"], simpler["back"]
        ids = [engine.state.graph.nodes[i].id for i in out]
        said = [
            f"Level {engine.state.level} becomes {simpler['level']} for what has not started.",
            f"{_tasks(ids)} {_are(ids)} left out.",
        ]
        if back:
            said.append(f"{_tasks(back)} {'come' if len(back) > 1 else 'comes'} back in.")
        left = self.seconds_left(without={*out}, more=more)
        return said + _left_words(left, more, " then")


def compared(actual: float, expected: float | None) -> dict[str, float | None]:
    """Seconds that something took, beside those expected; the range of past runs is not known."""
    return {
        "actual_s": _rounded(actual),
        "expected_s": _rounded(expected),
        "low_s": None,
        "high_s": None,
    }


def _needs_words(answer: Answer) -> Values | None:
    """Adjusting without a word would change nothing."""
    if answer.option == "B" and not note_of(answer):
        raise CommandError(
            "Adjust needs a sentence for the agents that have not started",
            faults={"note": "Needs a sentence for the later agents, such as: B2B only."},
        )
    return None


def _fell(task: TaskState) -> bool:
    """Whether who lists it is skipped because of it."""
    return task.status in ("failed", "cancelled") or task.skip_cause == "failed"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _left_words(left: float | None, more: Mapping[int, float] | None, then: str) -> list[str]:
    """What is left, where that is known: the least, or about, where late work is reckoned."""
    if not left:
        return []
    return [f"{'About' if more else 'At least'} {rough_duration(left)} are left{then}."]


def _tasks(ids: Sequence[str]) -> str:
    return f"{len(ids):,} task{'s' * (len(ids) != 1)}"


def _are(ids: Sequence[str]) -> str:
    return "is" if len(ids) == 1 else "are"


def _have(ids: Sequence[str]) -> str:
    return "has" if len(ids) == 1 else "have"


def _listed(ids: Sequence[str], most: int = 3) -> str:
    """One id or more in a sentence: ``a, b, c and 4 more``."""
    if len(ids) > most:
        return f"{', '.join(ids[:most])} and {len(ids) - most:,} more"
    *first, last = ids
    return f"{', '.join(first)} and {last}" if first else last
