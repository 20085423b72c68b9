"""What an agent sees of the run: what came before it, and what is said to all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ..engine.protocols import Job
from ..errors import TaskFailed
from ..plan import Level, Plan, load_levels
from ..state import Outcome

__all__ = ["Results", "Seen"]


class Results(Mapping[str, Any]):
    """Results of the tasks that came before this one, by task id; read-only by contract.

    Holds every ancestor that succeeded. One that did not is in ``context.missing``.
    """

    def __init__(self, job: Job, ancestors: Mapping[str, int]):
        self._job, self._ancestors = job, ancestors

    def __getitem__(self, task: str) -> Any:
        if task in self._ancestors and task in self._job.results:
            return self._job.results[task]
        state = self._job.state
        if task in state.graph.index:
            if task not in self._ancestors:
                raise KeyError(
                    f"{task!r} is not something {self._job.node.id!r} waits for; "
                    "add it to depends_on"
                )
            found = state.task(task)
            raise TaskFailed(task, found.status, found.error or found.reason)
        raise KeyError(f"there is no task {task!r}")

    def __contains__(self, task: object) -> bool:
        return task in self._ancestors and task in self._job.results

    def __iter__(self) -> Iterator[str]:
        return (task for task in self._ancestors if task in self._job.results)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Results({', '.join(self)})"

    def each(self) -> Iterator[tuple[str, Any]]:
        """Every result once: of a list of results only the parts."""
        nodes = self._job.state.graph.nodes
        for task, index in self._ancestors.items():
            if nodes[index].kind != "group" and task in self._job.results:
                yield task, self._job.results[task]


class Seen:
    """The half of a context that is read.

    It holds what came *before* the task, in the plan's order, so that the order of finishing
    changes nothing.

    Attributes:
        task: Id of the task.
        agent: Name of the agent.
        text: What is to be done, inputs filled in.
        attempt: 1 for the first try.
    """

    __slots__ = ("__dict__", "_job", "agent", "attempt", "task", "text")

    def __init__(self, job: Job):
        self._job = job
        self.task = job.node.id
        self.agent = job.node.agent
        self.text = job.text
        self.attempt = job.attempt

    @property
    def plan(self) -> Plan:
        """The plan as it runs."""
        return self._job.state.graph.plan

    @property
    def project(self) -> str:
        """The plan's name."""
        return self.plan.name

    @property
    def overview(self) -> str:
        """The plan's overview."""
        return self.plan.overview

    @property
    def phase(self) -> str:
        """Name of the task's phase."""
        return self._job.state.graph.phase_names[self._job.node.phase - 1]

    @property
    def level(self) -> Level:
        """The project level as this attempt started, with what it asks of agents."""
        return load_levels()[self._job.level]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The plan's inputs and their values."""
        return self._job.inputs

    @property
    def answers(self) -> Mapping[str, Any]:
        """Answers to the plan's questions by question id, each of its question's type.

        Holds those that were asked; ``None`` where there is neither an answer nor a default.
        """
        return self._job.answers

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes that people gave before this attempt started."""
        return self._job.notes

    @property
    def comments(self) -> tuple[str, ...]:
        """Why a person sent this task's results back, the newest last."""
        return self._job.comments

    @property
    def item(self) -> Any:
        """What this task is done for, of one per item of a list; ``None`` for any other."""
        return self._job.item

    @property
    def previous(self) -> Any:
        """The result that was sent back last, ``None`` if none was."""
        return self._job.previous

    @property
    def cancelled(self) -> bool:
        """Whether the run stops or the task ran out of time: end soon."""
        return self._job.cancelled

    @property
    def seconds_left(self) -> float | None:
        """Seconds of own work left before the task's timeout, ``None`` without one."""
        return self._job.seconds_left()

    @cached_property
    def _ancestors(self) -> dict[str, int]:
        graph = self._job.state.graph
        found = sorted(graph.ancestors(self._job.node.index))
        return {graph.nodes[i].id: i for i in found}

    @cached_property
    def results(self) -> Results:
        """Results by task id."""
        return Results(self._job, self._ancestors)

    @cached_property
    def missing(self) -> dict[str, str]:
        """Direct dependencies without a result: id -> why."""
        state = self._job.state
        graph, node = state.graph, self._job.node
        wanted = graph.parents(node.index)
        wanted.update(i for one in tuple(wanted) for i in graph.nodes[one].items)
        for name in getattr(node.spec, "depends_on", None) or ():
            with contextlib.suppress(KeyError):  # a phase's name
                wanted.add(graph.index_of(name))
        return {
            task.id: f"{task.status}: {task.error or task.reason}".rstrip(": ")
            for task in (state.tasks[i] for i in sorted(wanted))
            if task.kind == "task" and task.status != "completed"
        }

    @cached_property
    def decisions(self) -> dict[str, Outcome]:
        """Outcomes of the decisions before this task: id -> outcome."""
        decisions = self._job.state.decisions
        found = {}
        for name in self._ancestors:
            decision = decisions.get(name)
            if decision is not None and decision.outcome is not None:
                found[name] = decision.outcome
        return found

    @cached_property
    def findings(self) -> tuple[tuple[str, str], ...]:
        """Findings and blockers of the tasks before this one: (agent, text), in plan order."""
        before = set(self._ancestors.values())
        found = [one for one in self._job.state.findings if one.task in before and not one.ours]
        found.sort(key=lambda one: one.task)  # of one task they stay as they were told
        return tuple((one.agent, one.text) for one in found)
