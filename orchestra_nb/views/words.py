"""The words and figures that every surface shares, so that they read the same everywhere."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from ..plan.durations import clock, rough_duration
from ..plan.text import clean, money
from ..state import DecisionState, Outcome, TaskState

__all__ = [
    "FINDING_WORDS",
    "MODE_WORDS",
    "OTHER",
    "PURPOSE_WORDS",
    "STALLED_AFTER",
    "STATUS_WORDS",
    "WAIT_WORDS",
    "age",
    "at_least",
    "choice",
    "count",
    "countdown",
    "cut",
    "money",
    "noted",
    "options_listed",
    "outcome_sentence",
    "percent",
    "plain",
    "rehearsal_tag",
    "seconds_left",
    "spell",
    "spoken",
    "stalled",
    "time_of_day",
    "tokens",
    "wait_sentence",
    "why_again",
    "with_changes",
]

STATUS_WORDS: Final[Mapping[str, str]] = {
    "pending": "Pending",
    "ready": "Pending",
    "running": "Running",
    "waiting": "Waiting",
    "retrying": "Retrying",
    "completed": "Done",
    "failed": "Failed",
    "skipped": "Skipped",
    "cancelled": "Cancelled",
    "paused": "Paused",
    "stopped": "Stopped",
    "interrupted": "Interrupted",
}
"""Word of a task's or a run's status."""

WAIT_WORDS: Final[Mapping[str, str]] = {
    "rate_limit": "Rate limit",
    "slot": "No free slot",
    "human": "Waits for you",
    "budget": "Budget",
}
"""Word of what a task waits for."""

MODE_WORDS: Final[Mapping[str, str]] = {
    "full_interactive": "full interactive",
    "guided": "guided",
    "semi_autonomous": "semi-autonomous",
    "fully_autonomous": "fully autonomous",
}
"""How a mode is named in running text."""

STALLED_AFTER: Final = 120.0
"""Seconds without a sign of life after which a running agent may be stalled."""

OTHER: Final = "other"
"""Option key of an answer in free text."""

PURPOSE_WORDS: Final[Mapping[str, str]] = {
    "decision": "decision",
    "form": "questions",
    "checkpoint": "checkpoint",
    "overrun": "over its estimate",
    "blocker": "blocker",
    "approval": "approval",
    "review": "review",
    "failure": "failure",
    "budget": "budget",
    "spend": "paid work",
}
"""What a person is asked for."""

FINDING_WORDS: Final[Mapping[str, str]] = {
    "insight": "Finding",
    "blocker": "Blocker",
    "choice": "Choice",
}
"""What an agent told; a choice is one of its own."""

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # operating system commands: titles, links
    r"|\x1b[PX^_][^\x1b\x9c]*(?:\x1b\\|\x9c)"  # device control, messages
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[ -/]*[0-~]"
)
_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+\s*")
# Direction overrides could make a line read differently from what it says.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(text: str) -> str:
    """Foreign text as one line that no terminal or file takes for anything but text.

    Line breaks become spaces; escape sequences, control characters and direction overrides go;
    half surrogates become U+FFFD.
    """
    if text.isprintable():
        return text
    text = _ESCAPES.sub("", clean(text))
    text = _BREAKS.sub(" ", text)
    return _UNSEEN.sub("", text.replace("\t", " ")).strip()


def cut(text: str, limit: int) -> str:
    """Foreign text as one line of at most ``limit`` characters, an ellipsis where it was cut."""
    line = plain(text[: 4 * limit])
    if len(line) <= limit and len(text) <= 4 * limit:
        return line
    return line[: limit - 1].rstrip() + "…"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 task``, ``2 tasks``, ``1,200 tasks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(done: int, total: int) -> int:
    """Finished of not skipped in whole percent; 100 only when nothing is missing."""
    if total <= 0:
        return 0
    if done >= total:
        return 100
    return min(99, math.floor(100 * done / total + 0.5))


def tokens(number: int) -> str:
    """``950``, ``412 k``, ``1.24 M`` (without the word)."""
    if number < 1000:
        return str(number)
    if number < 9_950:
        return f"{number / 1000:.1f} k"
    if number < 999_500:
        return f"{number / 1000:.0f} k"
    return f"{number / 1_000_000:.2f} M"


def at_least(seconds: float) -> str:
    """What is left, never promised to be all: ``at least 41 min``."""
    return f"at least {rough_duration(seconds)}"


def age(seconds: float) -> str:
    """How old a sign of life is, in steps that don't flicker: ``now``, ``10 s``, ``2 min``."""
    if seconds < 10:
        return "now"
    if seconds < 30:
        return "10 s"
    if seconds < 60:
        return "30 s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    return f"{int(seconds // 3600)} h"


def spoken(seconds: float) -> str:
    """A duration in words, rounded: ``45 seconds``, ``5 minutes``, ``2 hours 5 minutes``."""
    if 0 < seconds < 9.95:
        return _unit(float(f"{max(seconds, 0.1):.1f}"), "second")
    if seconds < 59.5:
        return _unit(round(max(0.0, seconds)), "second")
    minutes = math.floor(seconds / 60 + 0.5)
    if minutes < 60:
        return _unit(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    return _unit(hours, "hour") + (f" {_unit(rest, 'minute')}" if rest else "")


def spell(seconds: float) -> str:
    """A duration in words, exact, as a plan reads it back: ``1 hour 30 minutes``."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    rest = seconds - 3600 * hours - 60 * minutes
    parts = [_unit(n, word) for n, word in ((hours, "hour"), (minutes, "minute")) if n]
    if rest or not parts:
        parts.append(_unit(round(rest, 6), "second"))
    return " ".join(parts)


def _unit(number: float, word: str) -> str:
    shown = f"{number:.6f}".rstrip("0").rstrip(".")
    return f"{shown} {word}" if number == 1 else f"{shown} {word}s"


def time_of_day(wall: float, *, seconds: bool = False) -> str:
    """Local time of an epoch second: ``10:50``, or ``10:50:07``."""
    return _clock_face(int(wall), seconds)


@lru_cache(maxsize=1024)
def _clock_face(wall: int, seconds: bool) -> str:
    return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(wall))


def rehearsal_tag(speed: float) -> str:
    """What every surface of a rehearsal says."""
    return f"REHEARSAL simulated agents, ×{speed:g}"


def stalled(task: TaskState, now: float) -> bool:
    """Whether a running agent has given no sign of life for a long time."""
    return (
        task.status == "running"
        and task.message_at is not None
        and now - task.message_at >= STALLED_AFTER
    )


def wait_sentence(task: TaskState, now: float) -> str:
    """What a waiting or retrying task waits for, with the time left where it is known."""
    words = WAIT_WORDS.get(task.wait_cause or "", "Retrying")
    detail = plain(task.wait_detail)
    if task.wait_until is not None and task.wait_until > now:
        left = clock(math.ceil(task.wait_until - now))
        detail = f"{detail}, next try in {left}" if detail else f"next try in {left}"
    why = why_again(task) if words == "Retrying" else ""
    if why:
        detail = f"{detail} after: {cut(why, 200)}" if detail else cut(why, 200)
    return f"{words}: {detail}" if detail else words


def why_again(task: TaskState) -> str:
    """Why there is another attempt: the error of the last one, or the comment it came back with."""
    if task.error or not task.comments:
        return task.error
    return f"sent back: {task.comments[-1]}"


def seconds_left(decision: DecisionState, now: float) -> float | None:
    """What is left on a decision's clock; ``None`` when it has none."""
    if decision.deadline is not None:
        return max(0.0, decision.deadline - now)
    return decision.remaining_s if decision.held and decision.held != "hold" else None


_HELD: Final[Mapping[str, str]] = {
    "typing": "Clock paused while you type.",
    "here": "Clock paused while you are here.",
    "pause": "Clock paused with the run.",
    "asleep": "Clock paused: this machine was asleep.",
}


def countdown(decision: DecisionState, now: float) -> str:
    """What happens if nobody acts, such as ``7:24 left, then A is taken``."""
    if decision.held:
        return _HELD.get(decision.held, "Waiting for you. What does not need it goes on.")
    left = seconds_left(decision, now)
    if left is None:
        return "No clock: this waits for an answer. What does not need it goes on."
    shown = clock(math.ceil(left))
    then = f"then {plain(decision.recommend)} is taken." if decision.recommend else "then it ends."
    if decision.purpose == "form":
        then = "then the run starts as filled in."
    return f"{'Only ' if left <= 60 else ''}{shown} left, {then}"


def outcome_sentence(decision: DecisionState, outcome: Outcome, *, mode: str = "") -> str:
    """By whom a decision was taken, when, and after how long of how long."""
    at = time_of_day(outcome.wall)
    whole = f" of {clock(decision.timeout_s)}" if decision.timeout_s is not None else ""
    who = cut(outcome.who, 120)
    reason = cut(decision.because, 500).rstrip(". ")
    because = f" Because: {reason}." if reason else ""
    match outcome.by:
        case "user" | "remote":
            name = who or ("You" if outcome.by == "user" else "Another program")
            if outcome.source == "cli":
                name = f"{who or 'Somebody'}, from the command line"
            return f"{name}, at {at} after {clock(outcome.waited_s)}{whole}."
        case "timeout":
            within = f" within {clock(decision.timeout_s)}" if decision.timeout_s else ""
            if decision.purpose == "form":
                return f"Nobody answered{within}, so the run started as filled in at {at}."
            return f"Nobody answered{within}, so the recommendation was taken at {at}.{because}"
        case "autopilot":
            return f"Autopilot took the recommendation at {at}.{because}"
        case "policy":
            if mode == "guided":
                return "Guided mode takes the recommendation for uncategorised decisions, at once."
            name = MODE_WORDS.get(mode, "This").capitalize()
            return f"{name} mode takes the recommendation, at once."
        case "budget":
            return f"The budget decided at {at}."
        case _:  # an agent; or somebody that a newer version knows
            return f"{who or cut(decision.asker, 120) or 'An agent'} chose at {at}."


def choice(decision: DecisionState, outcome: Outcome) -> str:
    """What was chosen: ``B · Cassandra``, free text in quotes, or what it meant for a purpose."""
    text = cut(outcome.text, 500)
    if outcome.option == OTHER:
        return f"“{text}”"
    said = _DONE.get((decision.purpose, outcome.option))
    if said is not None:
        changed = outcome.option == "A" and outcome.values
        told = f": {cut(outcome.note, 500)}" if outcome.option == "B" and outcome.note else ""
        return (with_changes(decision.purpose, outcome.option) if changed else said) + told
    key = plain(outcome.option)
    for kind, figure in (outcome.values or {}).items() if decision.purpose == "budget" else ():
        if isinstance(figure, (int, float)):
            text += f" to {money(figure) if kind == 'usd' else f'{figure:,.0f} tokens'}"
    return f"{key} · {text}" if text and text != key else key


_DONE: Final[Mapping[tuple[str, str], str]] = {
    ("approval", "A"): "Approved",
    ("approval", "B"): "Refused",
    ("review", "A"): "Accepted",
    ("review", "B"): "Sent back",
}


def with_changes(purpose: str, option: str) -> str:
    """``Approved with changes``; empty where nothing can be changed."""
    said = _DONE.get((purpose, option), "") if option == "A" else ""
    return f"{said} with changes" if said else ""


def noted(decision: DecisionState, outcome: Outcome, limit: int = 500) -> str:
    """The note of an outcome as a sentence, unless ``choice`` says it already."""
    told = (decision.purpose, outcome.option) in _DONE and outcome.option == "B"
    return f"Note: “{cut(outcome.note, limit)}”." if outcome.note and not told else ""


def options_listed(decision: DecisionState) -> str:
    """The keys one can type: ``A, B or C``."""
    *most, last = [plain(option["key"]) for option in decision.options] or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last
