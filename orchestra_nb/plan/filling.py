"""``{{name}}`` in the texts of a plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Fault, PlanError
from .entries import Decision, Entry, Task
from .forms import flat
from .parts import Agent, Option, plain
from .questions import Question
from .text import did_you_mean, short, under

if TYPE_CHECKING:
    from .model import Phase, Plan

__all__ = ["filled", "placeholders"]

_PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d][\w-]*)\s*\}\}")

# Which fields are texts. Ids, names of agents and references are not: they must stay what they are.
_PLAN = ("name", "overview")
_PHASE = ("name",)
_TASK = ("task",)
_DECISION = ("title", "context", "because")
_OPTION = ("text", "description")
_QUESTION = ("ask",)
_AGENT = ("system",)


def placeholders(data: Mapping[str, Any], phases: Sequence[Phase]) -> Iterator[tuple[str, str]]:
    """Every (place, name) of a ``{{name}}`` in a plan's fields."""

    def within(place: str, value: object, fields: Sequence[str]) -> Iterator[tuple[str, str]]:
        for key in fields:
            words = value.get(key) if isinstance(value, Mapping) else getattr(value, key)
            if isinstance(words, str) and "{{" in words:
                for match in _PLACEHOLDER.finditer(words):
                    yield (f"{place}.{key}" if place else key), match[1]

    yield from within("", data, _PLAN)
    for name, agent in (data.get("agents") or {}).items():
        yield from within(under("agents", name), agent, _AGENT)
    for asked in flat(data.get("questions") or ()):
        yield from within(asked.place, asked.question, _QUESTION)
    for at, phase in enumerate(phases):
        yield from within(f"phases[{at}]", phase, _PHASE)
        for index, entry in enumerate(phase.tasks):
            place = f"phases[{at}].tasks[{index}]"
            if isinstance(entry, Task):
                yield from within(place, entry, _TASK)
                continue
            yield from within(place, entry, _DECISION)
            for option in entry.options:
                yield from within(f"{under(f'{place}.options', option.key)}", option, _OPTION)


def filled(plan: Plan, inputs: Mapping[str, object]) -> Plan:
    """The plan with its inputs filled in; see ``Plan.filled``."""
    faults: list[Fault] = []
    values: dict[str, Any] = {name: item.default for name, item in plan.inputs.items()}
    for name, value in inputs.items():
        place = under("inputs", str(name))
        if name not in values:
            known = ", ".join(short(item) for item in values) or "none"
            message = f"the plan has no such input; there are: {known}"
            faults.append(Fault(place, message + did_you_mean(str(name), values)))
            continue
        try:
            values[name] = plain(value)
        except ValueError as error:
            faults.append(Fault(place, str(error)))
    broken = {fault.place for fault in faults}
    for name, value in values.items():
        if value is None and under("inputs", name) not in broken:
            ask = plan.inputs[name].ask
            asked = f" ({short(ask)})" if ask else ""
            message = f"needs a value{asked}; pass inputs={{{short(name)}: ...}} or give a default"
            faults.append(Fault(under("inputs", name), message))
    if faults:
        raise PlanError(faults, source="inputs")
    texts = {
        name: value if isinstance(value, str) else str(value) for name, value in values.items()
    }
    return _replaced(plan, values, lambda words: _fill(words, texts))


def _fill(words: str, texts: Mapping[str, str]) -> str:
    """One pass: what an input says is not looked at again."""
    if "{{" not in words:
        return words
    return _PLACEHOLDER.sub(lambda match: texts.get(match[1], match[0]), words)


def _replaced(plan: Plan, values: Mapping[str, Any], fill: Callable[[str], str]) -> Plan:
    def own(value: Any, fields: Sequence[str], **more: object) -> dict[str, Any]:
        return {**{key: fill(getattr(value, key)) for key in fields}, **more}

    def option(item: Option) -> Option:
        return item.model_copy(update=own(item, _OPTION))

    def entry(item: Entry) -> Entry:
        if isinstance(item, Decision):
            options = tuple(option(each) for each in item.options)
            return item.model_copy(update=own(item, _DECISION, options=options))
        # Most plans have thousands of tasks without inputs before they have one with.
        return item.model_copy(update=own(item, _TASK)) if "{{" in item.task else item

    def question(item: Question) -> Question:
        follow = {key: tuple(map(question, more)) for key, more in item.follow_up.items()}
        return item.model_copy(update=own(item, _QUESTION, follow_up=follow))

    def agent(item: Agent) -> Agent:
        return item.model_copy(update=own(item, _AGENT))

    phases = tuple(
        phase.model_copy(update=own(phase, _PHASE, tasks=tuple(map(entry, phase.tasks))))
        for phase in plan.phases
    )
    inputs = {
        name: item.model_copy(update={"default": values[name]})
        for name, item in plan.inputs.items()
    }
    agents = {name: agent(item) for name, item in plan.agents.items()}
    questions = tuple(map(question, plan.questions))
    changes = own(plan, _PLAN, phases=phases, inputs=inputs, agents=agents, questions=questions)
    return plan.model_copy(update=changes)
