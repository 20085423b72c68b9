"""Commands: what people and programs say to a run, carried out on the engine's loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .. import commands, events
from ..commands import Command, Reply
from ..errors import CommandError
from .decisions import Replier

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Order", "Orders"]


class Order:
    """A command with the place its reply goes to."""

    __slots__ = ("command", "reply")

    def __init__(self, command: Command, reply: Replier | None = None):
        self.command = command
        self.reply: Replier = reply or (lambda reply: None)


class Orders:
    """Carries commands out; what comes of one is an event like any other."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def obey(self, order: Order) -> None:
        """Do it, and reply once that is on disk."""
        try:
            self._do(order.command, order.reply)
        except CommandError as error:
            refused = Reply(False, str(error), error.faults, error.late)
            self._engine.when_durable(lambda: order.reply(refused))

    def _do(self, command: Command, reply: Replier) -> None:
        engine = self._engine
        name = getattr(command, "decision", None)
        if name is not None:
            command = replace(command, decision=engine.decisions.meant(name))  # type: ignore[arg-type]
        if isinstance(command, commands.Answer):
            engine.decisions.answer(command, reply)
            return
        if isinstance(command, commands.Touch):
            engine.decisions.touch(command)
            return
        if isinstance(command, commands.Shown):
            engine.decisions.shown(command)
            return
        if engine.over:
            raise CommandError(engine.ending(), late=True)
        who = command.who or command.source
        said = ""
        if isinstance(command, commands.Hold):
            engine.decisions.hold(command.decision, command.on)
        elif isinstance(command, commands.Extend):
            engine.decisions.extend(command.decision, command.seconds)
        elif isinstance(command, commands.Draft):
            engine.decisions.draft(command)
        elif isinstance(command, commands.Autopilot):
            self._autopilot(command, who)
        elif isinstance(command, commands.Note):
            if not command.text.strip():
                raise CommandError("A note needs some text")
            engine.emit(events.note(text=command.text, who=who))
        elif isinstance(command, commands.Skip):
            said = engine.steering.skip(command)
        elif isinstance(command, commands.Retry):
            said = engine.steering.retry(command)
        elif isinstance(command, commands.Edit):
            said = engine.steering.edit(command)
        elif isinstance(command, commands.Rate):
            said = engine.steering.rate(command)
        elif isinstance(command, commands.Level):
            said = engine.steering.change_level(command.level, who)
        elif isinstance(command, commands.Pause):
            self._pause(who)
        elif isinstance(command, commands.Unpause):
            self._unpause(who)
        else:
            engine.stop(f"stopped by {who}", who)
        engine.confirm(reply, said)

    def _autopilot(self, command: commands.Autopilot, who: str) -> None:
        engine = self._engine
        if command.decision is not None:
            engine.decisions.autopilot_of(command.decision, command.on, who)
            return
        if engine.plan.mode == "fully_autonomous" and not command.on:
            raise CommandError(
                "A fully autonomous run asks nothing; start it with mode='full_interactive' instead"
            )
        if command.on != engine.state.autopilot:
            switch = "on" if command.on else "off"
            engine.emit(
                events.plan_adjustment(
                    description=f"Autopilot {switch}", autopilot=command.on, who=who
                )
            )
        if command.on:
            engine.decisions.autopilot(who)

    def _pause(self, who: str) -> None:
        if self._engine.state.status == "running":
            self._engine.emit(events.run_paused(who=who))
            self._engine.decisions.pause(True)

    def _unpause(self, who: str) -> None:
        if self._engine.state.status == "paused":
            self._engine.emit(events.run_unpaused(who=who))
            self._engine.decisions.pause(False)
