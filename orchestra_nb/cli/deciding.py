"""Answers from elsewhere: ``decisions``, ``decide``, ``extend``, ``hold``."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CommandError, StoreError, Unanswered
from .base import (
    BAD_INPUT,
    NO_REPLY,
    TOO_LATE,
    Home,
    command_name,
    end,
    pairs,
    refuse,
    say,
    spoken_here,
)
from .finding import (
    DecisionName,
    RunName,
    Who,
    dead_runs,
    decision_of,
    live_runs,
    open_record,
    option_of,
    record_of,
    who_is,
)

if TYPE_CHECKING:
    from ..commands import Command
    from ..record import Record
    from ..state import DecisionState

__all__ = ["decide", "decisions", "extend", "hold"]


def decisions(home: Home = None) -> None:
    """List what waits for an answer, in all runs of this home, soonest first."""
    from ..views.words import count

    live = live_runs(home)
    records = [open_record(path) for path in live]
    asking = [(record, record.state.open_decisions()) for record in records]
    asking = [(record, waiting) for record, waiting in asking if waiting]
    asking.sort(key=lambda one: min(map(_when, one[1])))
    total = sum(len(waiting) for _, waiting in asking)
    if not total:
        say("Nothing needs you.")
    else:
        verb = "needs" if total == 1 else "need"
        many = f", in {count(len(asking), 'run')}" if len(asking) > 1 else ""
        say(f"{count(total, 'decision')} {verb} you{many}.")
    for record, waiting in asking:
        for line in _run_lines(record, waiting, home):
            say(line)
    for line in _dead_lines(home, live):
        say(line)


def _when(decision: DecisionState) -> float:
    return math.inf if decision.deadline is None else decision.deadline


def _run_lines(record: Record, waiting: list[DecisionState], home: Path | None) -> Iterator[str]:
    from ..views.words import cut

    state = record.state
    done, total = state.done
    yield ""
    paused = ", paused" if state.status == "paused" else ""
    yield f"{record.run_id}  {cut(state.project, 80)} ({done} of {total} agents{paused})"
    for decision in waiting:
        yield from _decision_lines(record, decision, home)


def _decision_lines(record: Record, decision: DecisionState, home: Path | None) -> Iterator[str]:
    from ..views.asked import answering, asked
    from ..views.detail import heading
    from ..views.words import cut

    yield ""
    asker = f", asked by {cut(decision.asker, 60)}" if decision.asker else ""
    yield f"  {cut(decision.title, 120)}  [{heading(decision)}{asker}]"
    yield from (f"    {line}" for line in asked(decision, record.now()))
    yield f"    {answering(decision, record.run_id, home, command_name())}"


def _dead_lines(home: Path | None, live: list[Path]) -> Iterator[str]:
    from ..views.words import count

    dead = dead_runs(home, live)
    if dead:
        at = "" if home is None else f" {shlex.join(['--home', str(home)])}"
        yield ""
        yield (
            f"{count(dead, 'run')} ended with open decisions, which can't be answered any more: "
            f"{command_name()} runs --status interrupted{at}"
        )


def decide(
    run: RunName,
    decision: DecisionName,
    option: Annotated[
        str, typer.Argument(metavar="OPTION", help="Key of an option, its whole text, or `other`.")
    ],
    note: Annotated[
        str | None, typer.Option("--note", help="A sentence for the agents; or why.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="Your own words, for `other`.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An answer of a form, an argument of a tool, result=… of a review, or usd=… "
            "of a budget. "
            "Repeat as needed.",
        ),
    ] = None,
    name: Who = None,
    home: Home = None,
) -> None:
    """Answer a decision of a run, whichever process runs it.

    DECISION is its whole id or its whole title, in capitals or not: nothing is guessed, since an
    answer can't be taken back. `orchestra-nb decisions` lists what is open.

    A form is answered by `decide RUN questions A --set NAME=VALUE`; what is not set keeps its
    default.
    """
    from ..commands import Answer
    from ..views.words import choice, cut

    record = record_of(run, home, who=who_is(name))
    card = decision_of(record.state, decision)
    given = pairs(settings or [], "--set", "latency=3000")
    if not card.open:
        _too_late(record, card, option)
    key = option_of(card, option, text)
    if text is not None and not _takes_text(card, key):
        refuse('--text goes with "other"; use --note')
    values = _values(card, given)
    command = Answer(decision=card.id, option=key, note=note, text=text, values=values)
    said = _ask(record, command, card)
    now = record.state.decisions[card.id]
    say(said if now.outcome is None else f"{cut(now.title, 120)} → {choice(now, now.outcome)}")


def extend(
    run: RunName,
    decision: DecisionName,
    duration: Annotated[
        str, typer.Argument(metavar="[DURATION]", help="How much more time, such as 5m or 1h30m.")
    ] = "5m",
    name: Who = None,
    home: Home = None,
) -> None:
    """Give a decision more time: 5 minutes if nothing else is said."""
    from ..commands import Extend
    from ..plan.durations import parse_duration
    from ..views.words import countdown, spell

    try:
        seconds = parse_duration(duration)
    except ValueError as error:
        refuse(f"DURATION {error}")
    if not 0 < seconds <= 86_400:
        refuse(f"DURATION must be more than nothing and at most a day, not {duration}")
    record = record_of(run, home, who=who_is(name))
    card = _open_card(record, decision)
    if card.timeout_s is None:
        refuse(f"{card.title} has no clock to extend: it waits for an answer.")
    _ask(record, Extend(decision=card.id, seconds=seconds), card)
    now = record.state.decisions[card.id]
    say(f"{spell(seconds)} more. {countdown(now, record.now())}")


def hold(
    run: RunName,
    decision: DecisionName,
    off: Annotated[bool, typer.Option("--off", help="Let the clock run again.")] = False,
    name: Who = None,
    home: Home = None,
) -> None:
    """Stop a decision's clock until somebody answers, or let it run again."""
    from ..commands import Hold
    from ..views.words import countdown

    record = record_of(run, home, who=who_is(name))
    card = _open_card(record, decision)
    _ask(record, Hold(decision=card.id, on=not off), card)
    say(countdown(record.state.decisions[card.id], record.now()))


def _open_card(record: Record, decision: str) -> DecisionState:
    card = decision_of(record.state, decision)
    if not card.open:
        _too_late(record, card, "")
    return card


def _too_late(record: Record, card: DecisionState, option: str) -> Any:
    """End: it was decided already, or withdrawn."""
    from ..commands import Answer
    from ..engine.late import too_late

    command = Answer(decision=card.id, option=option or "answer", source="cli")
    end(too_late(command, card, None).text + _next(record, card), TOO_LATE)


def _next(record: Record, card: DecisionState) -> str:
    """Which open card asks the same again; empty if none does."""
    from ..engine.meant import successor

    return successor(card, record.state.open_decisions())


def _takes_text(card: DecisionState, key: str) -> bool:
    """Whether words of one's own are part of choosing this option."""
    from ..views.words import OTHER

    adjusts = card.purpose in ("checkpoint", "overrun", "blocker") and key == "B"
    return key == OTHER or adjusts


def _values(card: DecisionState, given: list[tuple[str, str]]) -> dict[str, Any] | None:
    """What ``--set`` says, as the card's purpose wants it."""
    from ..views.filling import arguments_of, edited, questions_of, result_of

    if not given:
        return None
    if card.purpose == "form":
        known = [question["id"] for question in questions_of(card)]
        _check_names(given, known)
        values: dict[str, Any] = {}
        for name, value in given:  # what is said twice of several is both
            values[name] = f"{values[name]}, {value}" if name in values else value
        return values
    if card.purpose == "approval":
        arguments = arguments_of(card)
        _check_names(given, list(arguments))
        return arguments | {name: edited(arguments[name], value) for name, value in given}
    if card.purpose == "review":
        _check_names(given, ["result"])
        try:
            return {"result": result_of(card, given[-1][1])}
        except ValueError as error:
            refuse(f"--set result: {error}")
    if card.purpose == "budget":
        _check_names(given, [str(card.detail.get("kind", "usd"))])
        return dict(given)
    refuse(f"--set is for forms, approvals, reviews and budgets; {card.title} is none. Use --note.")


def _check_names(given: list[tuple[str, str]], known: list[str]) -> None:
    from ..plan.text import did_you_mean
    from ..views.words import cut

    for name, _ in given:
        if name not in known:
            listed = "".join(f"\n  {cut(each, 80)}" for each in known[:40])
            hint = did_you_mean(name, known)
            refuse(f"--set: nothing here is called {name!r}{hint}\nThere are:{listed}")


def _ask(record: Record, command: Command, card: DecisionState) -> str:
    """Have it carried out; what was said. What came instead ends the command."""
    try:
        reply = record.ask(command)
    except Unanswered as error:
        if error.taken and record.counted(error.client):
            say("It counted. The process that ran the run ended right after.")
            return card.title
        end(_unanswered(record, error), NO_REPLY)
    except CommandError as error:
        end(spoken_here(str(error)), TOO_LATE if error.late else BAD_INPUT)
    except StoreError as error:
        end(str(error), NO_REPLY)
    if reply.ok:
        return reply.text
    state = record.state
    if reply.late or not state.decisions[card.id].open:
        end(spoken_here(reply.text) + _next(record, card), TOO_LATE)
    said = reply.text
    new = {name: fault for name, fault in reply.faults.items() if fault not in said}
    faults = "".join(f"\n  {name}: {fault}" for name, fault in new.items())
    end(spoken_here(reply.text) + faults, BAD_INPUT)


def _unanswered(record: Record, error: Unanswered) -> str:
    if error.taken:
        return f"{error}: orchestra-nb timeline {record.run_id}"
    if error.owner is None:
        return f"Nobody runs {record.run_id} any more: its process ended. Nothing was sent."
    return f"{error}. Try again, or look: orchestra-nb watch {record.run_id}"
