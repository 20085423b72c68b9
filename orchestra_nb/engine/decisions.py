"""Decisions: opening, clocks, answers, at most one outcome each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import commands, events
from ..commands import Reply
from ..errors import CommandError
from ..events import By
from ..plan import Decision, timeout_for
from ..plan.timeouts import taken_by
from ..state import DecisionState, Outcome
from .cards import OTHER, Answered, Card, Values, note_of, opened, reason_of
from .countdown import Countdown
from .late import too_late
from .meant import chosen, decision_meant, nowhere_open, successor
from .protocols import Ask
from .timers import Timer

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Decisions", "Replier"]

Replier = Callable[[Reply], None]


class _Open:
    """What the engine keeps of a decision while it is open."""

    __slots__ = ("card", "countdown", "draft", "shown_s", "spec", "timer")

    def __init__(self, spec: Decision, card: Card, countdown: Countdown):
        self.spec = spec
        self.card = card
        self.countdown = countdown
        self.timer: Timer | None = None
        self.shown_s = 0.0
        self.draft: Values | None = None


class Decisions:
    """All open decisions of a run."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._open: dict[str, _Open] = {}
        self._winners: dict[str, commands.Answer] = {}

    def __len__(self) -> int:
        return len(self._open)

    def free_id(self, wanted: str) -> str:
        """An id that no decision and no task has: the wanted one, or that with a number."""
        # The log has it rid of secrets: whoever looks for it must find it there.
        first = found = self._engine.scrubbed(wanted)
        taken, planned = self._engine.state.decisions, self._engine.state.graph.index
        number = 2
        while found in taken or found in planned:
            found = f"{first}-{number}"
            number += 1
        return found

    def open(self, decision_id: str, spec: Decision, card: Card) -> None:
        """Ask for a decision, or settle it at once where mode or autopilot say so."""
        engine = self._engine
        plan, state = engine.plan, engine.state
        timeout = timeout_for(
            spec,
            level=state.level,
            timeline=state.timeline,  # type: ignore[arg-type]
            mode=plan.mode,
            timeouts=plan.timeouts,
            auto_proceed=plan.auto_proceed,
            purpose=card.purpose,
        )
        entry = _Open(spec, card, Countdown(timeout.seconds, engine.t))
        self._open[decision_id] = entry
        engine.emit(opened(decision_id, spec, card, timeout))
        if card.answered is not None:
            self._answered(decision_id, card.answered)
            return
        by = self._at_once(decision_id, spec)
        if by is not None:
            self._take_recommendation(decision_id, by, who="")
            return
        if state.status == "paused":
            entry.countdown.pause(engine.t, True)
            self._say_held(decision_id, entry)
        self._arm(decision_id, entry)
        engine.asked(decision_id)

    def _at_once(self, decision_id: str, spec: Decision) -> By | None:
        state = self._engine.state
        own = state.autopilots.get(decision_id)
        return taken_by(spec, mode=self._engine.plan.mode, autopilot=state.autopilot, own=own)

    def meant(self, name: str) -> str:
        """The id of the decision that is meant; the name itself where nothing is called that.

        Raises:
            CommandError: If it could be any of several.
        """
        state = self._engine.state
        if name in self._open or name in state.decisions:
            return name
        return decision_meant(name, self._titles(), [*state.decisions, *state.graph.index])

    def _titles(self) -> dict[str, str]:
        return {key: entry.spec.title for key, entry in self._open.items()}

    def answer(self, command: commands.Answer, reply: Replier) -> None:
        """A person's choice."""
        entry = self._open.get(command.decision)
        if entry is None:
            self._late(command, reply)
            return
        if self._engine.over:  # interrupted: its log is at its end
            raise CommandError(self._engine.ending(), late=True)
        spec = entry.spec
        key, text = chosen(command, spec)
        command = replace(command, option=key)
        values = command.values
        if entry.card.check is not None:
            values = entry.card.check(command)
        by: By = "remote" if command.source in ("cli", "remote") else "user"
        self._winners[command.decision] = command
        self._settle(
            command.decision, key, text, by, who=command.who, note=note_of(command),
            client=command.client, source=command.source, values=values,
        )  # fmt: skip
        self._engine.confirm(reply, f"{spec.title}: {key}, by you.")

    def draft(self, command: commands.Draft) -> None:
        """What a form holds so far; a fault in it is said, and it counts all the same.

        Raises:
            CommandError: If something in it does not fit; ``faults`` say what.
        """
        entry = self._find(command.decision)
        entry.draft = command.values
        if entry.card.check is not None:
            entry.card.check(
                commands.Answer(
                    decision=command.decision,
                    option=entry.spec.options[0].key,
                    values=command.values,
                )
            )

    def drafted(self, decision_id: str) -> Values | None:
        """What an open form holds so far, if anybody filled something in."""
        entry = self._open.get(decision_id)
        return None if entry is None else entry.draft

    def _late(self, command: commands.Answer, reply: Replier) -> None:
        decision = self._engine.state.decisions.get(command.decision)
        if decision is None:
            raise nowhere_open(command.decision, self._titles())
        said = too_late(command, decision, self._winners.get(decision.id))
        # Nobody hears of an outcome before it is on disk, the one who came too late neither.
        if said.ok:
            self._engine.confirm(reply, said.text)
        else:
            if command.source != "cli":  # which looks for what is open itself
                told = said.text + successor(decision, self._engine.state.decisions.values())
                said = replace(said, text=told)
            self._engine.when_durable(lambda: reply(said))

    def hold(self, decision_id: str, on: bool) -> None:
        """Wait for me."""
        entry = self._find(decision_id)
        if entry.countdown.hold(self._engine.t, on):
            self._say(decision_id, entry)

    def extend(self, decision_id: str, seconds: float) -> None:
        """More time."""
        entry = self._find(decision_id)
        if not 0 < seconds <= 86_400:
            raise CommandError(f"A clock can be extended by up to a day, not by {seconds!r} s")
        if entry.countdown.seconds is None:
            raise CommandError(f"{decision_id!r} has no timeout to extend")
        entry.countdown.extend(self._engine.t, seconds)
        self._engine.emit(
            events.decision_released(
                decision_id=decision_id,
                cause="extended",
                remaining_s=self._left(entry),
                timeout_s=entry.countdown.seconds,
            )
        )
        self._arm(decision_id, entry)

    def touch(self, command: commands.Touch) -> None:
        """Somebody is at the card."""
        entry = self._open.get(command.decision)
        if entry is not None and not self._engine.over:
            if entry.countdown.touch(self._engine.t, typing=command.typing):
                self._say(command.decision, entry)
            else:
                self._arm(command.decision, entry)

    def shown(self, command: commands.Shown) -> None:
        """A card was visible for so long."""
        entry = self._open.get(command.decision)
        if entry is not None and 0 < command.seconds <= 60:
            entry.shown_s += command.seconds

    def pause(self, on: bool) -> None:
        """A paused run stops its decisions' clocks."""
        for decision_id, entry in self._open.items():
            if entry.countdown.pause(self._engine.t, on):
                self._say(decision_id, entry)

    def asleep(self) -> None:
        """The machine slept past a deadline: everybody gets a minute more."""
        for decision_id, entry in self._open.items():
            if entry.countdown.asleep(self._engine.t):
                self._say(decision_id, entry)
            else:
                self._arm(decision_id, entry)

    def autopilot(self, who: str) -> None:
        """Take the recommendations of the open decisions that have one."""
        own = self._engine.state.autopilots
        for key, entry in list(self._open.items()):
            if entry.spec.recommend is None or own.get(key) is False:
                continue
            if entry.spec.ask != "always":
                self._take_recommendation(key, "autopilot", who)

    def autopilot_of(self, decision_id: str, on: bool, who: str) -> None:
        """Take the recommendation of one decision, now or when it comes up; or ask it anyway.

        Raises:
            CommandError: If there is no such decision to come, or nothing is recommended.
        """
        state = self._engine.state
        index = state.graph.index.get(decision_id)
        spec: object = None
        if decision_id in self._open:
            spec = self._open[decision_id].spec
        elif index is not None and state.tasks[index].status in ("pending", "ready"):
            spec = state.graph.nodes[index].spec
        if not isinstance(spec, Decision):
            raise CommandError(f"There is no open decision {decision_id!r}, and none to come")
        if spec.recommend is None:
            raise CommandError(f"{decision_id!r} has no recommendation to take")
        if state.autopilots.get(decision_id) != on:
            self._engine.emit(
                events.plan_adjustment(
                    description=f"Autopilot {'on' if on else 'off'} for {spec.title}",
                    autopilot_of={decision_id: on},
                    who=who,
                )
            )
        if on and decision_id in self._open:
            self._take_recommendation(decision_id, "autopilot", who)

    def withdraw_all(self, reason: str) -> None:
        """The run ends: nobody is asked any more."""
        for decision_id in list(self._open):
            self._withdraw(decision_id, reason, "stop")

    def withdraw_of(self, job: object, reason: str) -> None:
        """An agent that asked is over."""
        for decision_id, entry in list(self._open.items()):
            if entry.card.ask is not None and entry.card.ask.job is job:
                self._withdraw(decision_id, reason, "asker")

    def withdraw_ask(self, ask: Ask, reason: str) -> None:
        """The agent that asked no longer wants to know."""
        for decision_id, entry in list(self._open.items()):
            if entry.card.ask is ask:
                self._withdraw(decision_id, reason, "asker")

    def withdraw(self, decision_id: str, reason: str) -> None:
        """What a decision was about is over."""
        if decision_id in self._open:
            self._withdraw(decision_id, reason, "over")

    def _withdraw(self, decision_id: str, reason: str, cause: str) -> None:
        entry = self._open.pop(decision_id)
        if entry.timer is not None:
            entry.timer.cancel()
        phase = self._engine.state.graph.index.get(decision_id)
        number = self._engine.state.tasks[phase].phase if phase is not None else None
        self._engine.emit(
            events.decision_withdrawn(
                decision_id=decision_id, phase=number, reason=reason, cause=cause
            )
        )
        if entry.card.ask is not None:
            entry.card.ask.close(decision_id, reason)
        if entry.card.closed is not None:
            entry.card.closed(reason)

    def _find(self, decision_id: str) -> _Open:
        entry = self._open.get(decision_id)
        if entry is None:
            raise nowhere_open(decision_id, self._titles())
        return entry

    def _left(self, entry: _Open) -> float | None:
        left = entry.countdown.left(self._engine.t)
        return None if left is None else round(left, 3)

    def _say(self, decision_id: str, entry: _Open) -> None:
        """A hold began, changed or ended."""
        if entry.countdown.held is not None:
            self._say_held(decision_id, entry)
        else:
            self._engine.emit(
                events.decision_released(
                    decision_id=decision_id, cause="released", remaining_s=self._left(entry)
                )
            )
        self._arm(decision_id, entry)

    def _say_held(self, decision_id: str, entry: _Open) -> None:
        held = entry.countdown.held
        assert held is not None
        until = entry.countdown.here_until(self._engine.t) if held == "here" else None
        self._engine.emit(
            events.decision_held(
                decision_id=decision_id, cause=held, until_s=until, remaining_s=self._left(entry)
            )
        )

    def _arm(self, decision_id: str, entry: _Open) -> None:
        """Wake when something happens next: the deadline, or the end of a hold."""
        when = entry.countdown.deadline()
        if when is None:
            when = entry.countdown.until()
        if entry.timer is not None:
            if entry.timer.when == when:
                return
            entry.timer.cancel()
            entry.timer = None
        if when is not None:
            entry.timer = self._engine.timers.at(when, lambda: self._due(decision_id))

    def _due(self, decision_id: str) -> None:
        entry = self._open.get(decision_id)
        if entry is None:
            return
        entry.timer = None
        changed = entry.countdown.tick(self._engine.t)
        deadline = entry.countdown.deadline()
        if deadline is not None and deadline <= self._engine.t:
            self._take_recommendation(decision_id, "timeout", who="")
        elif changed:
            self._say(decision_id, entry)
        else:
            self._arm(decision_id, entry)

    def _answered(self, decision_id: str, known: Answered) -> None:
        self._settle(
            decision_id, known.key, known.text, known.by, who=known.who, note=known.note,
            source=known.source, values=known.values, as_then=known.as_then,
        )  # fmt: skip

    def _take_recommendation(self, decision_id: str, by: By, who: str) -> None:
        entry = self._open[decision_id]
        option = next(o for o in entry.spec.options if o.key == entry.spec.recommend)
        values = entry.card.fill(entry.draft)
        self._settle(decision_id, option.key, option.text, by, who=who, values=values)

    def _settle(
        self,
        decision_id: str,
        key: str,
        text: str,
        by: By,
        *,
        who: str,
        note: str = "",
        client: str = "",
        source: str = "",
        values: Values | None = None,
        as_then: Mapping[str, Any] | None = None,
    ) -> None:
        """The one outcome of a decision: its entry goes, so that there can be no other."""
        entry = self._open.pop(decision_id)
        if entry.timer is not None:
            entry.timer.cancel()
        engine, spec = self._engine, entry.spec
        asked: DecisionState = engine.state.decisions[decision_id]
        total = entry.countdown.seconds
        words = text if key == OTHER else f"{key} - {text}"
        waited = engine.t - asked.opened_at
        if by in ("user", "remote") and entry.card.purpose != "form" and not as_then:
            # (Of a form each answer is told.)
            engine.emit(
                events.user_input(decision_id=decision_id, question=spec.title, response=words)
            )
        rest: dict[str, Any] = {
            "agent": asked.asker,
            "who": who,
            "client": client,
            "source": source,
            "opened": asked.opened_at,
            "shown_s": round(min(entry.shown_s, waited), 3),
            "waited_s": round(waited, 3),
            "timeout_s": total,
            "sum": asked.sum,
            "options": asked.options,
            "recommendation": spec.recommend,
            "reason": reason_of(by, spec, total),
            "note": note,
            "wall": engine.wall(),
            "question": spec.title,
            "choice": text,
            "values": values,
        } | dict(as_then or {})
        engine.emit(events.decision(decision_id=decision_id, text=words, option=key, by=by, **rest))
        outcome: Outcome | None = asked.outcome
        assert outcome is not None
        if entry.card.ask is not None:
            if values is not None:  # whoever asked gets what was filled in, secrets and all
                outcome = replace(outcome, values=values)
            engine.attempts.resume_after(entry.card.ask, outcome)
        if entry.card.then is not None and not as_then:
            entry.card.then(outcome)
