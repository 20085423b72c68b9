"""Steering by hand: what people change about a run while it goes on.

It acts only on what has not started. Each change is an event; said twice it changes nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import events
from ..commands import Answer, Edit, Rate, Retry, Skip
from ..errors import CommandError
from ..plan.graph import Graph, Node
from ..plan.levels import skip_reason
from ..plan.text import named
from ..rating import doing, rating_of
from ..state import Purpose, TaskState
from .protocols import Worker

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Steering", "unmanned"]


class Steering:
    """Changes to a run's plan, each an event.

    Attributes:
        texts: Index -> the text of a task that was edited, as its agent gets it. (The state holds
            it too, but rid of secrets.)
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self.texts: dict[int, str] = {}

    def set_off(self) -> None:
        """Leave out what the level skips, before anything starts."""
        engine, state = self._engine, self._engine.state
        as_planned = state.level == engine.plan.level
        for node in state.graph.nodes:
            if node.kind == "checkpoint":
                continue
            reason = node.skip if as_planned else skip_reason(node.spec, state.level)
            waiting = state.tasks[node.index].status in ("pending", "ready")
            if reason is not None and waiting and not engine.reuse.knows(node.index):
                engine.skip(node, "level", reason)

    # One task.

    def skip(self, command: Skip) -> str:
        """Leave out what has not started; what waits for it goes on without its result.

        Raises:
            CommandError: If there is no such task, or it has started.
        """
        node, task = self._find(command.task)
        engine = self._engine
        if node.kind == "group":
            return self._skip_items(node, command)
        if task.status == "skipped" and task.skip_cause == "hand":
            return f"{node.id} was left out already."
        card = self._card(task, "failure")
        if card is not None:
            engine.decisions.withdraw(card, "the task was left out by hand")
        elif task.status not in ("pending", "ready", "retrying"):
            asked = task.status == "waiting" and node.kind != "task"
            rest = "; answer it" if asked else "; only what has not started can be left out"
            raise CommandError(f"{node.id!r} {doing(task)}{rest}", late=True)
        engine.attempts.forget(node.index)
        engine.skip(node, "hand", f"left out by {command.who or 'hand'}")
        return f"{node.id} is left out."

    def _skip_items(self, group: Node, command: Skip) -> str:
        """Leave out what has not started of a group; it is over when the rest is."""
        engine, state = self._engine, self._engine.state
        rest = [i for i in group.items if state.tasks[i].status in ("pending", "ready", "retrying")]
        if not rest:
            raise CommandError(f"Nothing of {group.id!r} is left that has not started", late=True)
        for index in rest:
            engine.attempts.forget(index)
            engine.skip(state.graph.nodes[index], "hand", f"left out by {command.who or 'hand'}")
        return f"{len(rest)} of {len(group.items)} tasks of {group.id} are left out."

    def retry(self, command: Retry) -> str:
        """Do again what failed or was left out, together with what was skipped because of it.

        Raises:
            CommandError: If there is no such task, or it is at work, done, or not wanted at this
                level.
        """
        node, task = self._find(command.task)
        engine, state = self._engine, self._engine.state
        who = command.who or command.source
        card = self._card(task, "failure")
        if card is not None:
            answer = Answer(
                decision=card, option="A", client=command.client, source=command.source,
                who=command.who,
            )  # fmt: skip
            engine.decisions.answer(answer, lambda reply: None)
            return f"{node.id} is tried again."
        if task.status == "retrying":
            if engine.attempts.try_now(node.index):
                engine.emit(
                    events.task_revived(tasks=[node.id], reason="tried at once by hand", who=who)
                )
            return f"{node.id} is tried as soon as there is a free slot."
        if task.status in ("pending", "ready"):
            if task.attempt:  # said twice: it is about to be tried again
                return f"{node.id} is tried again."
            raise CommandError(
                f"{node.id!r} has not started yet; it starts by itself once what it waits for is "
                "over"
            )
        if self._card(task, "review") is not None:
            raise CommandError(f"{node.id!r} {doing(task)}; send it back there")
        if task.status != "failed" and task.skip_cause not in ("hand", "failed"):
            raise CommandError(f"{node.id!r} {doing(task)}{_instead(task)}", late=True)
        again = self._causes_of(node.index)
        for one in (state.graph.nodes[index] for index in sorted(again)):
            out = skip_reason(one.spec, state.level)
            if out is not None:
                raise CommandError(f"{one.id!r} {out}; change the level to bring it back")
        self._revive(again, "tried again by hand", who)
        return f"{node.id} is tried again."

    def edit(self, command: Edit) -> str:
        """Another text for a task that has not started, or that is tried again after a failure.

        Raises:
            CommandError: If there is no such task, it has started, or there is no text, or the
                sign for a secret in it.
        """
        node, task = self._find(command.task)
        text = command.text.strip()
        if node.kind != "task":
            raise CommandError(f"{node.id!r} is a {node.kind}; only a task's text can be edited")
        if not text:
            raise CommandError(f"{node.id!r} needs some text")
        if events.MASK in text:
            raise CommandError(
                f"{events.MASK} stands for something that is not shown; write all of it"
            )
        at_rest = task.status in ("pending", "ready", "skipped", "failed")
        if not at_rest and self._card(task, "failure") is None:
            raise CommandError(
                f"{node.id!r} {doing(task)}; only what has not started can be edited", late=True
            )
        if text != self.texts.get(node.index, node.title):
            self.texts[node.index] = text
            self._engine.emit(
                events.task_edited(
                    task=node.id,
                    agent=node.agent,
                    phase=node.phase,
                    text=text,
                    who=command.who or command.source,
                )
            )
        return f"{node.id} has another text."

    def rate(self, command: Rate) -> str:
        """A thumb for what an agent did.

        Raises:
            CommandError: If there is no such task, or nothing to rate yet.
        """
        self._engine.emit(rating_of(self._engine.state, command))
        return ""

    def _find(self, task: str) -> tuple[Node, TaskState]:
        engine = self._engine
        if engine.stopping:
            raise CommandError("The run is being stopped; nothing more starts", late=True)
        node = engine.state.graph.find(task)
        return node, engine.state.tasks[node.index]

    def _card(self, task: TaskState, purpose: Purpose) -> str | None:
        """The open decision about a task that failed, or about its result."""
        if task.status != "waiting":
            return None
        cards = self._engine.state.decisions.values()
        found = (c for c in cards if c.purpose == purpose and c.about == task.index and c.open)
        return next((card.id for card in found), None)

    # What is to be done again.

    def _causes_of(self, index: int) -> set[int]:
        """A node, and the failures because of which it was skipped."""
        graph, tasks = self._engine.state.graph, self._engine.state.tasks
        found, todo = {index}, [index]
        while todo:
            one = todo.pop()
            node = graph.nodes[one]
            if tasks[one].skip_cause != "failed" and node.kind != "group":
                continue
            listed = {*node.needs, *node.items}
            for gate in node.gates:
                members = graph.gate_members[gate]
                if all(tasks[i].status != "completed" for i in members):
                    listed.update(members)
            for i in listed - found:
                if tasks[i].status == "failed" or tasks[i].skip_cause == "failed":
                    found.add(i)
                    todo.append(i)
        return found

    def _revive(self, indexes: set[int], reason: str, who: str) -> None:
        """Do nodes after all, and what was skipped only because of them."""
        engine, graph = self._engine, self._engine.state.graph
        todo = [*indexes]
        while todo:
            one = todo.pop()
            waiting = graph.dependents[one]
            if graph.in_gate[one]:
                waiting = waiting + graph.gated[graph.nodes[one].phase - 1]
            for index in waiting:
                if index not in indexes and self._fell(index):
                    indexes.add(index)
                    todo.append(index)
        for index in indexes:
            engine.attempts.forget(index)
            engine.errors.pop(graph.nodes[index].id, None)
        ids = [graph.nodes[index].id for index in sorted(indexes)]
        engine.emit(events.task_revived(tasks=ids, reason=reason, who=who))

    def _fell(self, index: int) -> bool:
        """Whether a node was skipped because of others, which may now be done after all."""
        state = self._engine.state
        node, task = state.graph.nodes[index], state.tasks[index]
        if node.kind == "group" and task.status in ("completed", "failed"):
            return True  # one of its tasks is done after all
        if task.status != "skipped" or skip_reason(node.spec, state.level) is not None:
            return False
        if task.skip_cause == "when":
            for dep, options in node.when:
                decision = state.decisions.get(state.graph.nodes[dep].id)
                if decision and decision.outcome and decision.outcome.option not in options:
                    return False
            return True
        return task.skip_cause == "failed" or (
            node.kind == "checkpoint" and task.skip_cause == "level"
        )

    # The level.

    def change_level(self, level: int, who: str) -> str:
        """Another level for what has not started: some is left out, some comes back.

        Raises:
            CommandError: If there is no such level, or nobody could do what comes back.
        """
        engine, state = self._engine, self._engine.state
        if not 1 <= level <= 5:
            raise CommandError(f"A level is a whole number from 1 to 5, not {level!r}")
        if engine.stopping:
            raise CommandError("The run is being stopped; nothing more starts", late=True)
        if level == state.level:
            return f"The run is at level {level}."
        if missing := self.unmanned(level):
            raise CommandError(
                f"Level {level} also needs {named(missing)}, and nobody does that: pass agents= "
                f"for it, or claude=True, when you start a run. It stays at level {state.level}"
            )
        out, back = self.at_level(level)
        words = f"Level {state.level} → {level}"
        engine.emit(events.plan_adjustment(description=words, level=level, who=who))
        for index in out:
            node = state.graph.nodes[index]
            reason = skip_reason(node.spec, level)
            assert reason is not None
            engine.attempts.forget(index)
            engine.skip(node, "level", reason)
        if back:
            self._revive(set(back), words, who)
        return f"{words}: {len(out)} left out, {len(back)} brought back."

    def at_level(self, level: int) -> tuple[list[int], list[int]]:
        """What another level would leave out, and what it would bring back: indexes."""
        state = self._engine.state
        out, back = [], []
        for node in state.graph.nodes:
            if node.kind == "checkpoint":
                continue
            task, skipped = state.tasks[node.index], skip_reason(node.spec, level) is not None
            if skipped and task.status in ("pending", "ready"):
                out.append(node.index)
            elif not skipped and task.status == "skipped" and task.skip_cause == "level":
                back.append(node.index)
        return out, back

    def unmanned(self, level: int) -> list[str]:
        """Ids of the tasks that would run at a level and that nobody can do."""
        return unmanned(self._engine.state.graph, self._engine.workers, level)


def unmanned(graph: Graph, workers: Sequence[Worker | None], level: int) -> list[str]:
    """Ids of the tasks that would run at a level and that nobody can do."""
    return [
        node.id
        for node in graph.nodes
        if node.kind == "task"
        and workers[node.index] is None
        and skip_reason(node.spec, level) is None
    ]


def _instead(task: TaskState) -> str:
    """What to do instead of trying it again."""
    if task.skip_cause == "level":
        return "; change the level to bring it back"
    if task.skip_cause == "when":
        return "; its condition does not hold"
    return "; only what failed or was left out can be tried again"
