"""Phases and the plan: what people declare and everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    TypeAlias,
    cast,
    overload,
)

from pydantic import Field, SkipValidation

from ..errors import Fault, PlanError
from .entries import Decision, Entry, Task
from .fields import (
    Flag,
    Level15,
    Positive,
    Text,
    Title,
    Value,
    build,
    build_mapping,
    one_of,
)
from .levels import LevelView, for_level
from .names import Names
from .parts import Agent, Budget, Input, Option
from .questions import Question, plan_questions
from .text import fold, short, under
from .timeouts import Mode, Timeline, Timeouts

if TYPE_CHECKING:
    from .explain import Explanation, Explanations

__all__ = ["Checkpoints", "Decision", "Format", "OnFailure", "Option", "Phase", "Plan", "Task"]

Checkpoints: TypeAlias = Literal["marked", "each"]
OnFailure: TypeAlias = Literal["ask", "continue", "stop"]
Format: TypeAlias = Literal["yaml", "json", "markdown"]


class Phase(Value):
    """A label over some tasks and decisions; never a barrier of its own.

    Attributes:
        name: Its name.
        tasks: What belongs to it.
        checkpoint: Whether a decision after it holds back all later phases.
        budget: Caps on what all its tasks use together.
    """

    KIND: ClassVar[str] = "a phase"
    EXAMPLE: ClassVar[str] = "{name: Research, tasks: [...]}"

    name: Title
    tasks: SkipValidation[tuple[Task | Decision, ...]]
    checkpoint: Flag = False
    budget: SkipValidation[Budget | None] = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            name: str,
            tasks: object,
            checkpoint: bool = False,
            budget: Budget | Mapping[str, object] | None = None,
        ) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Make the budget, the tasks and decisions."""
        if "budget" in data:
            data = {**data, "budget": build(Budget, data["budget"], "budget", faults)}
        if "tasks" not in data:
            return data
        return {**data, "tasks": read_entries(data["tasks"], "tasks", faults)[0]}

    def __repr__(self) -> str:
        return f"Phase({short(self.name)}, {len(self.tasks)} tasks)"

    __str__ = __repr__


class Plan(Value):
    """A declared orchestration.

    Attributes:
        name: What is to be made.
        overview: A paragraph about it; every agent reads it.
        level: Project level, 1 (MVP) to 5 (Enterprise).
        mode: How much a person is asked.
        timeline: How pressing it is; lengthens or shortens decision timeouts.
        auto_proceed: ``False``: no decision ever times out.
        checkpoints: After the phases that ask for one, or after each.
        on_failure: When a task has failed for good: a person is asked (in the modes
            full_interactive and guided; the others go on), the rest goes on, or the run stops.
        budget: Caps on money and tokens.
        max_concurrency: How many tasks run at once.
        inputs: Values that ``{{name}}`` in a text stands for.
        agents: Who does the tasks when no function is given.
        questions: What is asked before the run starts.
        phases: The work.
        timeouts: The table of decision timeouts, if not the shipped one.

    Example::

        plan = Plan(name="Pricing", phases=[
            Phase(name="Research", tasks=[Task(agent="analyst", task="Compare", estimate="15m")]),
        ])

    Raises:
        PlanError: If anything is wrong with it; ``faults`` lists everything.
    """

    KIND: ClassVar[str] = "a plan"
    EXAMPLE: ClassVar[str] = "{name: Pricing, phases: [{name: Research, tasks: [...]}]}"
    ALIASES: ClassVar[Mapping[str, str]] = {"interactive_mode": "mode"}

    name: Title
    overview: Text = ""
    level: Level15 = 3
    mode: Annotated[Mode, one_of(Mode)] = "full_interactive"
    timeline: Annotated[Timeline, one_of(Timeline)] = "normal"
    auto_proceed: Flag = True
    checkpoints: Annotated[Checkpoints, one_of(Checkpoints)] = "marked"
    on_failure: Annotated[OnFailure, one_of(OnFailure)] = "ask"
    budget: SkipValidation[Budget | None] = None
    max_concurrency: Positive = 8
    inputs: SkipValidation[dict[str, Input]] = Field(default_factory=dict)
    agents: SkipValidation[dict[str, Agent]] = Field(default_factory=dict)
    questions: SkipValidation[tuple[Question, ...]] = ()
    phases: SkipValidation[tuple[Phase, ...]]
    timeouts: SkipValidation[Timeouts | None] = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            name: str,
            phases: object,
            overview: str = "",
            level: int = 3,
            mode: Mode = "full_interactive",
            timeline: Timeline = "normal",
            auto_proceed: bool = True,
            checkpoints: Checkpoints = "marked",
            on_failure: OnFailure = "ask",
            budget: Budget | Mapping[str, object] | None = None,
            max_concurrency: int = 8,
            inputs: Mapping[str, object] | None = None,
            agents: Mapping[str, object] | None = None,
            questions: object = (),
            timeouts: Timeouts | Mapping[str, object] | None = None,
            interactive_mode: bool | None = None,
        ) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Make all parts, then check what they say about each other."""
        from .checks import check

        data = dict(data)
        _read_mode(data, faults)
        for key, kind in (("budget", Budget), ("timeouts", Timeouts)):
            if key in data:
                data[key] = build(cast("type[Value]", kind), data[key], key, faults)
        if "inputs" in data:
            data["inputs"] = build_mapping(Input, _inputs(data["inputs"]), "inputs", faults)
        if "agents" in data:
            data["agents"] = build_mapping(Agent, data["agents"], "agents", faults)
        if "questions" in data:
            data["questions"] = plan_questions(data["questions"], faults)
        if "phases" not in data:
            return data
        phases, spoiled = _read_phases(data["phases"], faults)
        data["phases"] = check(data, phases, spoiled, faults)
        return data

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan from a ``.yaml``, ``.json`` or ``.md`` file.

        Raises:
            PlanError: If the file can't be read or the plan is not valid; lists every fault.
        """
        from .files import load

        return load(path)

    @classmethod
    def parse(cls, text: str, format: Format | None = None) -> Plan:
        """Read a plan from text; the format is guessed if absent.

        Raises:
            PlanError: If the plan is not valid; lists every fault.
        """
        from .files import parse

        return parse(text, format)

    def save(self, path: str | Path) -> Path:
        """Write the plan as YAML, JSON or Markdown, by the suffix. Returns the path."""
        from .files import save

        return save(self, path)

    def to_dict(self) -> dict[str, Any]:
        """The plan as a JSON-able mapping that ``Plan(**mapping)`` reads; defaults left out."""
        from .files import to_dict

        return to_dict(self)

    def for_level(self, level: int) -> LevelView:
        """What runs at a level, what is skipped, and why."""
        return for_level(self, level)

    @overload
    def explain(
        self,
        decision: None = None,
        *,
        level: int | None = None,
        timeline: Timeline | None = None,
        mode: Mode | None = None,
    ) -> Explanations: ...

    @overload
    def explain(
        self,
        decision: str,
        *,
        level: int | None = None,
        timeline: Timeline | None = None,
        mode: Mode | None = None,
    ) -> Explanation: ...

    def explain(
        self,
        decision: str | None = None,
        *,
        level: int | None = None,
        timeline: Timeline | None = None,
        mode: Mode | None = None,
    ) -> Explanation | Explanations:
        """How long a decision waits for a person and why, and whether it is asked at all.

        Args:
            decision: Id of a decision or a checkpoint, or ``questions`` for what is asked before
                the run. All of them, one a line, if absent.
            level: As if the plan had this level.
            timeline: As if it had this timeline.
            mode: As if it had this mode.

        Raises:
            PlanError: If there is no such decision, level, timeline or mode.
        """
        from .explain import explain

        given = {"level": level, "timeline": timeline, "mode": mode}
        changes = {key: value for key, value in given.items() if value is not None}
        plan = self.with_(**changes) if changes else self
        return explain(plan) if decision is None else explain(plan, decision)

    def filled(self, inputs: Mapping[str, object] | None = None) -> Plan:
        """A copy with ``{{name}}`` in its texts replaced by inputs or their defaults.

        Raises:
            PlanError: If an input is unknown or has no value.
        """
        from .filling import filled

        return filled(self, inputs or {})

    def with_(self, **overrides: Any) -> Self:
        """A copy with other settings, checked like any plan: ``plan.with_(level=5)``."""
        own = {key: getattr(self, key) for key in type(self).model_fields}
        if "interactive_mode" in overrides:
            own.pop("mode")
        return type(self)(**{**own, **overrides})

    def all(self) -> tuple[tuple[int, Entry], ...]:
        """Every task and decision in the plan's order, each with its phase number (from 1)."""
        return tuple(
            (number, entry)
            for number, phase in enumerate(self.phases, start=1)
            for entry in phase.tasks
        )

    def has_checkpoint(self, number: int) -> bool:
        """Whether a checkpoint follows the phase of that number (from 1)."""
        return self.checkpoints == "each" or self.phases[number - 1].checkpoint

    def phase_number(self, reference: str) -> int | None:
        """The number of the phase a ``depends_on`` entry stands for; ``None`` if it is an id."""
        names = Names(self.phases)
        return None if names.entry(reference) else names.phase(reference)

    def agent_for(self, name: str) -> Agent | None:
        """The ``agents`` entry of that name, whatever its case."""
        folded = fold(name)
        return next((item for key, item in self.agents.items() if fold(key) == folded), None)

    def __repr__(self) -> str:
        entries = [entry for _, entry in self.all()]
        decisions = sum(isinstance(entry, Decision) for entry in entries)
        lines = [
            f"Plan {short(self.name)}: level {self.level}, {self.mode}, "
            f"{_counted(len(entries) - decisions, 'task')}, {_counted(decisions, 'decision')}"
        ]
        for number, phase in enumerate(self.phases[:20], start=1):
            ids = ", ".join(short(entry.id)[1:-1] for entry in phase.tasks[:8])
            more = f", … {len(phase.tasks) - 8} more" if len(phase.tasks) > 8 else ""
            lines.append(f"  {number} {short(phase.name)[1:-1]}: {ids}{more}")
        if len(self.phases) > 20:
            lines.append(f"  … {len(self.phases) - 20} more phases")
        return "\n".join(lines)

    __str__ = __repr__


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _read_mode(data: dict[str, Any], faults: list[Fault]) -> None:
    if "interactive_mode" not in data:
        return
    asked = data.pop("interactive_mode")
    if not isinstance(asked, bool):
        faults.append(Fault("interactive_mode", f"must be true or false, not {short(asked)}"))
    elif "mode" in data:
        faults.append(Fault("interactive_mode", "says the same as 'mode'; keep one of them"))
    else:
        data["mode"] = "full_interactive" if asked else "fully_autonomous"


def _inputs(data: object) -> object:
    """``{name: value}`` is short for ``{name: {default: value}}``."""
    if not isinstance(data, Mapping):
        return data
    return {
        key: item if item is None or isinstance(item, (Mapping, Input)) else {"default": item}
        for key, item in data.items()
    }


def read_entries(
    data: object, place: str, faults: list[Fault]
) -> tuple[tuple[Entry, ...], frozenset[int]]:
    """Tasks and decisions, and the indices of those that only stand in for a faulty one."""
    if not isinstance(data, (list, tuple)):
        faults.append(Fault(place, f"must be a list of tasks and decisions, not {short(data)}"))
        return (), frozenset()
    made: list[Entry] = []
    spoiled = set()
    for index, item in enumerate(data):
        before = len(faults)
        made.append(_entry(item, under(place, index), faults))
        if len(faults) > before:
            spoiled.add(index)
    return tuple(made), frozenset(spoiled)


def _entry(item: object, place: str, faults: list[Fault]) -> Entry:
    if isinstance(item, (Task, Decision)):
        return item
    if not isinstance(item, Mapping):
        message = f"must be a task such as {Task.EXAMPLE} or a decision, not {short(item)}"
        faults.append(Fault(place, message))
        return Task(agent="?")
    decides = "agent" not in item and not {"decision", "title", "options"}.isdisjoint(item)
    cls: type[Task] | type[Decision] = Decision if decides or "decision" in item else Task
    start = len(faults)
    made = build(cls, item, place, faults)
    if made is not None:
        return made
    # What is right in a faulty entry still takes part in the checks of the whole plan.
    wrong = {fault.place[len(place) + 1 :].split(".")[0].split("[")[0] for fault in faults[start:]}
    rest = {key: value for key, value in item.items() if key not in wrong}
    if cls is Task:
        return _stand_in(Task, {"agent": "?", **rest})
    named = {} if "decision" in rest or "title" in rest else {"title": "?"}
    return _stand_in(Decision, {"options": ["?"], **named, **rest})


def _stand_in(cls: type[Task] | type[Decision], data: dict[str, Any]) -> Entry:
    try:
        return cls.model_validate(data)
    except PlanError:
        return Task(agent="?")


def _read_phases(
    data: object, faults: list[Fault]
) -> tuple[list[Phase] | None, set[tuple[int, int]]]:
    """The phases, and (phase, task) indices of stand-ins; ``None`` if it is no list."""
    spoiled: set[tuple[int, int]] = set()
    if not isinstance(data, (list, tuple)):
        faults.append(Fault("phases", f"must be a list of phases, not {short(data)}"))
        return None, spoiled
    phases: list[Phase] = []
    for index, item in enumerate(data):
        place = under("phases", index)
        if isinstance(item, Phase):
            phases.append(item)
            continue
        tasks: tuple[Entry, ...] = ()
        if isinstance(item, Mapping) and item.get("tasks") is not None:
            tasks, bad = read_entries(item["tasks"], under(place, "tasks"), faults)
            spoiled.update((index, position) for position in bad)
            item = {**item, "tasks": tasks}
        made = build(Phase, item, place, faults)
        phases.append(made or Phase(name=f"Phase {index + 1}", tasks=tasks))
    return phases, spoiled
