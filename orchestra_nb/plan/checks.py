"""What the parts of a plan say about each other: references, ids, inputs, agents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Fault
from .cycles import Link, find_cycles
from .each import item_ids
from .entries import Decision, Entry, Task
from .filling import placeholders
from .names import Names
from .questions import FORM
from .text import did_you_mean, fold, short, under

if TYPE_CHECKING:
    from .model import Phase

__all__ = ["check"]

_OTHER = "other"
_MOST_GUESSES = 10
_CHECKPOINT = re.compile(r"checkpoint-\d+")


def check(
    data: Mapping[str, Any],
    phases: list[Phase] | None,
    spoiled: set[tuple[int, int]],
    faults: list[Fault],
) -> tuple[Phase, ...]:
    """Check a plan's parts against each other.

    Args:
        data: The plan's fields; children are made, plain fields may still be wrong.
        phases: The phases, ``None`` when there is no list of them.
        spoiled: (phase, task) indices of entries that stand in for faulty ones.
        faults: Where faults are added.

    Returns:
        The phases, with every reference to an id spelled as that id.
    """
    if phases is None:
        return ()
    return _Check(data, phases, spoiled, faults).phases()


class _Check:
    def __init__(
        self,
        data: Mapping[str, Any],
        phases: list[Phase],
        spoiled: set[tuple[int, int]],
        faults: list[Fault],
    ):
        self._data, self._given, self._spoiled, self._faults = data, phases, spoiled, faults
        self._names = Names(phases)
        self._decisions = {
            entry.id: entry
            for phase in phases
            for entry in phase.tasks
            if isinstance(entry, Decision)
        }
        self._doubtful = {phases[at].tasks[index].id for at, index in spoiled}
        self._guesses = 0
        self._items: dict[str, str] = {}  # place of a text -> what it may call its item

    def phases(self) -> tuple[Phase, ...]:
        self._shape()
        self._ids()
        made = []
        links: list[Link] = []
        for at, phase in enumerate(self._given):
            tasks = []
            for index, entry in enumerate(phase.tasks):
                place = f"phases[{at}].tasks[{index}]"
                link = Link(entry.id, place, at)
                links.append(link)
                tasks.append(self._resolved(entry, place, link))
            changed = any(new is not old for new, old in zip(tasks, phase.tasks, strict=True))
            made.append(phase.model_copy(update={"tasks": tuple(tasks)}) if changed else phase)
        self._faults.extend(find_cycles(links, self._checkpoints()))
        self._item_ids()
        self._texts()
        self._agents()
        return tuple(made)

    def _fault(self, place: str, message: str) -> None:
        self._faults.append(Fault(place, message))

    def _guess(self, word: str, known: tuple[str, ...]) -> str:
        # Looking for a close name reads all names: worth it for the first few faults only.
        self._guesses += 1
        return did_you_mean(word, known) if self._guesses <= _MOST_GUESSES else ""

    def _checkpoints(self) -> list[bool]:
        each = self._data.get("checkpoints") == "each"
        return [each or phase.checkpoint for phase in self._given]

    def _shape(self) -> None:
        if not self._given:
            self._fault("phases", "has no phase; a plan needs at least one")
        known = {fault.place for fault in self._faults}
        for at, phase in enumerate(self._given):
            place = f"phases[{at}].tasks"
            if not phase.tasks and place not in known:
                self._fault(place, "has no task; give the phase one or leave it out")

    def _ids(self) -> None:
        taken: dict[str, tuple[Entry, str]] = {}
        for at, phase in enumerate(self._given):
            for index, entry in enumerate(phase.tasks):
                if entry.id == "?" and (at, index) in self._spoiled:
                    continue
                place = f"phases[{at}].tasks[{index}]"
                if _CHECKPOINT.fullmatch(fold(entry.id)):
                    message = f"{short(entry.id)} is what a checkpoint is called; choose another"
                    self._fault(under(place, "id"), message)
                elif fold(entry.id) == FORM and self._data.get("questions"):
                    message = f"{short(entry.id)} is what the plan's questions are called"
                    self._fault(under(place, "id"), f"{message}; choose another")
                first, where = taken.setdefault(fold(entry.id), (entry, place))
                if where == place:
                    continue
                if first.id == entry.id and _goes_by_agent(entry) and _goes_by_agent(first):
                    message = (
                        f"{short(entry.id)} already has a task at {where}; give this one its "
                        f"own id, such as id: {_free(entry.id)}"
                    )
                    self._fault(place, message)
                else:
                    same = "" if first.id == entry.id else " (upper and lower case are the same)"
                    message = f"{short(entry.id)} is already the id of {where}{same}; change one"
                    self._fault(under(place, "id"), message)

    def _resolved(self, entry: Entry, place: str, link: Link) -> Entry:
        changes: dict[str, Any] = {}
        if entry.depends_on is None:
            link.implicit = True
        else:
            depends = self._depends(entry.depends_on, under(place, "depends_on"), link)
            if depends != entry.depends_on:
                changes["depends_on"] = depends
            link.free = not entry.depends_on
        if isinstance(entry, Task) and entry.for_each is not None:
            source = self._for_each(entry, under(place, "for_each"), link)
            if source is not None:
                changes["for_each"] = entry.for_each.model_copy(update={"source": source})
            self._items[under(place, "task")] = entry.for_each.name
        if entry.when:
            when = self._when(entry.when, under(place, "when"), link)
            if when != entry.when:
                changes["when"] = when
        return entry.model_copy(update=changes) if changes else entry

    def _depends(self, given: tuple[str, ...], place: str, link: Link) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for reference in given:
            wanted = self._names.entry(reference)
            if wanted is None:
                number = self._names.phase(reference)
                if number is not None:
                    self._phase(reference, number, place, link)
                    found[reference] = None
                    continue
                wanted = self._names.titled(reference)
            if wanted is None:
                self._unknown(reference, place)
            elif wanted == link.id:
                self._fault(place, f"{short(link.id)} waits for itself; leave it out")
            else:
                link.needs.append(wanted)
                found[wanted] = None
        return tuple(found)

    def _for_each(self, entry: Task, place: str, link: Link) -> str | None:
        """The id of the task whose result is listed, if it is another than is written."""
        each = entry.for_each
        assert each is not None
        if each.name in (self._data.get("inputs") or {}):
            message = f"{short(each.name)} is an input of the plan; give the items another name"
            self._fault(under(place, "as"), message)
        if each.source == "?":
            return None
        where, names = under(place, "from"), self._names
        wanted = names.entry(each.source)
        if wanted is None and names.phase(each.source) is not None:
            self._fault(where, f"{short(each.source)} is a phase; name the task that gives a list")
        elif wanted is None and each.source in (self._data.get("inputs") or {}):
            message = f"{short(each.source)} is an input; name a task that makes a list of it"
            self._fault(where, message)
        elif wanted is None and names.titled(each.source) is None:
            tasks = tuple(name for name in names.known() if name not in self._decisions)
            guess = self._guess(each.source, tasks)
            self._fault(where, f"no task is called {short(each.source)}{guess}")
        elif wanted is None or wanted in self._decisions:
            self._fault(where, f"{short(each.source)} is a decision; name a task that gives a list")
        elif wanted == link.id:
            self._fault(where, f"{short(link.id)} waits for itself; name another task")
        else:
            link.source = wanted
            return wanted if wanted != each.source else None
        return None

    def _item_ids(self) -> None:
        """No id may be what an item of a template will be called."""
        taken = {"checkpoint": "checkpoints"}
        for at, phase in enumerate(self._given):
            for index, entry in enumerate(phase.tasks):
                if isinstance(entry, Task) and entry.for_each is not None:
                    place = f"phases[{at}].tasks[{index}]"
                    if fold(entry.id) in taken:
                        message = "its items would be called as checkpoints are; choose another id"
                        self._fault(place, message)
                        continue
                    ids = item_ids(fold(entry.id))
                    for name in self._names.known():
                        if ids.fullmatch(fold(name)):
                            message = (
                                f"its items are called {short(entry.id)[1:-1]}-1, -2 and so on, "
                                f"and {short(name)} is another task's id; change one of them"
                            )
                            self._fault(place, message)

    def _phase(self, reference: str, number: int, place: str, link: Link) -> None:
        if number == 0:
            message = f"two phases are called {short(reference)}; write their number: Phase 2"
            self._fault(place, message)
        elif number - 1 == link.phase:
            message = f"{short(reference)} is the phase it is in; it would wait for itself"
            self._fault(place, message)
        else:
            link.phases.append(number - 1)

    def _unknown(self, reference: str, place: str) -> None:
        if fold(reference) in ("none", "nothing"):
            self._fault(place, "unknown id 'none'; write [] for what starts at once")
            return
        guess = self._guess(reference, self._names.known())
        self._fault(place, f"no task, decision or phase is called {short(reference)}{guess}")

    def _when(
        self, given: Mapping[str, tuple[str, ...]], place: str, link: Link
    ) -> dict[str, tuple[str, ...]]:
        found = {}
        for reference, options in given.items():
            here = under(place, reference)
            wanted = self._names.entry(reference) or self._names.titled(reference)
            decision = self._decisions.get(wanted) if wanted else None
            if wanted is None:
                guess = self._guess(reference, tuple(self._decisions))
                self._fault(here, f"no decision is called {short(reference)}{guess}")
            elif wanted == link.id:
                self._fault(here, f"{short(link.id)} waits for itself; leave it out")
            elif decision is None and wanted not in self._doubtful:
                self._fault(here, f"{short(wanted)} is a task; when names decisions only")
            else:
                link.decisions.append(wanted)
                found[wanted] = self._options(decision, options, here)
        return found

    def _options(
        self, decision: Decision | None, given: tuple[str, ...], place: str
    ) -> tuple[str, ...]:
        if decision is None or decision.id in self._doubtful:
            return given
        found: dict[str, None] = {}
        for key in given:
            option = decision.option(key)
            if option is not None:
                found[option.key] = None
            elif decision.other and fold(key) == _OTHER:
                found[_OTHER] = None
            else:
                known = ", ".join(item.key for item in decision.options[:20])
                message = (
                    f"{short(key)} is not an option of {short(decision.id)}; there are {known}"
                )
                self._fault(place, message)
        return tuple(found)

    def _texts(self) -> None:
        inputs = self._data.get("inputs", {})
        for place, name in placeholders(self._data, self._given):
            if name not in inputs and name != self._items.get(place):
                known = ", ".join(short(item) for item in inputs) or "none"
                message = (
                    f"{{{{{name}}}}} stands for an input that is not declared; add it under "
                    f"inputs (there are: {known}{self._guess(name, tuple(inputs))})"
                )
                self._fault(place, message)

    def _agents(self) -> None:
        agents: Mapping[str, Any] = self._data.get("agents") or {}
        used = {
            fold(entry.agent): entry.agent
            for phase in self._given
            for entry in phase.tasks
            if isinstance(entry, Task)
        }
        taken: dict[str, str] = {}
        for name in agents:
            place = under("agents", name)
            if taken.setdefault(fold(name), name) != name:
                self._fault(place, f"{short(name)} is there twice (upper and lower case)")
            elif fold(name) not in used and not self._spoiled:
                guess = self._guess(name, tuple(used.values()))
                self._fault(place, f"no task has the agent {short(name)}{guess}")


def _goes_by_agent(entry: Entry) -> bool:
    return isinstance(entry, Task) and entry.id == entry.agent


def _free(name: str) -> str:
    return short(f"{name[:190]}-2")[1:-1]
