"""How long a decision waits for a person, and the sum that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from ..errors import Fault
from .durations import parse_duration, spell_duration
from .entries import Clock, Decision
from .fields import Amount, Duration, Value
from .text import clean, did_you_mean, fold, short, under

__all__ = [
    "SHORTEST_PART_S",
    "Bound",
    "Mode",
    "Reckoning",
    "Timeline",
    "Timeout",
    "Timeouts",
    "factor",
    "in_words",
    "is_asked",
    "taken_by",
    "timeout_for",
]

Mode: TypeAlias = Literal["full_interactive", "guided", "semi_autonomous", "fully_autonomous"]
Timeline: TypeAlias = Literal["urgent", "normal", "relaxed"]
Bound: TypeAlias = Literal["category", "longest", "shortest", "part"]

_KINDS = {"critical": 600.0, "standard": 300.0, "confirmation": 120.0, "urgent": 60.0}
_CATEGORIES = {"database": 600.0, "security": 900.0, "cost": 600.0, "api": 480.0}
_LEVELS = {"1": 0.4, "2": 0.6, "3": 1.0, "4": 1.4, "5": 2.0}
_TIMELINES = {"urgent": 0.4, "normal": 1.0, "relaxed": 2.0}
SHORTEST_PART_S = 30.0
"""What semi_autonomous waits at least."""


class Timeouts(Value):
    """The table of decision timeouts. What is given replaces the shipped figures one by one.

    Attributes:
        kinds: Kind of decision -> seconds.
        categories: Category -> seconds: base and minimum. New categories may be added.
        levels: Level, as text -> multiplier.
        timelines: Timeline -> multiplier.
        shortest: No sum is shorter, in seconds.
        longest: No sum is longer, in seconds.
        semi_autonomous: Part of the sum that this mode waits (at least 30 s).
        questions: The clock of the questions before the run, as it stands, in seconds, or ``none``
            for no clock; that of a critical decision if absent.
    """

    KIND: ClassVar[str] = "a table of timeouts"
    EXAMPLE: ClassVar[str] = "{kinds: {critical: 10m}, categories: {legal: 12m}}"

    kinds: dict[str, float] = _KINDS
    categories: dict[str, float] = _CATEGORIES
    levels: dict[str, float] = _LEVELS
    timelines: dict[str, float] = _TIMELINES
    shortest: Duration = 60.0
    longest: Duration = 1200.0
    semi_autonomous: Amount = 0.25
    questions: Clock | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            kinds: Mapping[str, object] | None = None,
            categories: Mapping[str, object] | None = None,
            levels: Mapping[Any, float] | None = None,
            timelines: Mapping[str, float] | None = None,
            shortest: float | str = 60.0,
            longest: float | str = 1200.0,
            semi_autonomous: float = 0.25,
            questions: float | str | None = None,
        ) -> None: ...

    @classmethod
    def prepare(cls, data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        """Put the given figures over the shipped ones."""
        tables = (
            ("kinds", _KINDS, False, True),
            ("categories", _CATEGORIES, True, True),
            ("levels", _LEVELS, False, False),
            ("timelines", _TIMELINES, False, False),
        )
        data = dict(data)
        for key, shipped, open_ended, spans in tables:
            given = data.pop(key, None)
            if given is None:
                continue
            if not isinstance(given, Mapping):
                faults.append(Fault(key, f"must be a mapping of figures, not {short(given)}"))
                continue
            data[key] = dict(shipped)
            for word, value in given.items():
                called, place = fold(clean(str(word))), under(key, str(word))
                if called not in shipped and not open_ended:
                    known = ", ".join(shipped)
                    message = f"unknown; there are {known}{did_you_mean(called, shipped)}"
                    faults.append(Fault(place, message))
                    continue
                try:
                    data[key][called] = _positive(parse_duration(value) if spans else value)
                except ValueError as error:
                    faults.append(Fault(place, str(error)))
        return data

    def faults(self) -> list[Fault]:
        """Limits the wrong way round."""
        found = []
        if self.shortest > self.longest:
            found.append(Fault("shortest", "is longer than longest; swap them"))
        if self.semi_autonomous > 1:
            found.append(Fault("semi_autonomous", "must be a part of the timeout: 1 or less"))
        for name, seconds in self.categories.items():
            if seconds > self.longest and seconds != _CATEGORIES.get(name):
                message = f"is above longest, {in_words(self.longest)}; raise that too"
                found.append(Fault(under("categories", name), message))
        return found


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1e9:
        raise ValueError(f"must be a number above 0, not {short(value)}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The figures behind a timeout that is reckoned; times in seconds.

    Attributes:
        kind_s: What the decision's kind has in the table.
        category: Its category, if the table has one of that name; else empty.
        least_s: What that category has: the sum is never shorter.
        base_s: The larger of the two, with which the sum begins.
        label: Whose figure that is: the kind's or the category's name.
        by_level: Multiplier of the level.
        by_timeline: Multiplier of the timeline.
        product_s: Base × level × timeline.
        whole_s: The same within its limits.
        bounds: The limits that changed it, in order.
        seconds: What the decision waits: the whole, or this mode's part of it.
    """

    kind_s: float
    category: str
    least_s: float | None
    base_s: float
    label: str
    by_level: float
    by_timeline: float
    product_s: float
    whole_s: float
    bounds: tuple[Bound, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long a decision waits.

    Attributes:
        seconds: The time, ``None`` when no timer runs.
        sum: How it came about, as the card prints it.
        reckoning: The figures of that sum, where there is one.
    """

    seconds: float | None
    sum: str
    reckoning: Reckoning | None = None


_NO_CLOCK = {
    "review": "no clock: a result waits until somebody looks at it",
    "approval": "no clock: nothing runs unapproved",
}


def timeout_for(
    decision: Decision,
    *,
    level: int,
    timeline: Timeline = "normal",
    mode: Mode = "full_interactive",
    timeouts: Timeouts | None = None,
    auto_proceed: bool = True,
    purpose: str = "decision",
) -> Timeout:
    """The timeout of a decision that is asked.

    Base × level × timeline, clamped; a category's figure is base and minimum; semi_autonomous
    waits a part of that. A timeout the decision names itself stands as it is.

    Args:
        decision: The decision.
        level: Level of the run, 1..5.
        timeline: Timeline of the run.
        mode: Mode of the run.
        timeouts: The table; the shipped one if absent.
        auto_proceed: The plan's; ``False`` means no decision ever times out.
        purpose: What kind of card it is: reviews and approvals say why they have no clock.
    """
    if purpose in _NO_CLOCK:
        return Timeout(None, _NO_CLOCK[purpose])
    if not auto_proceed:
        return Timeout(None, "no timeout: auto_proceed is false")
    if decision.timeout == "none":
        return Timeout(None, "no timeout: the decision says none")
    if decision.recommend is None:
        return Timeout(None, "no timeout: nothing is recommended")
    if decision.timeout is not None:
        seconds = float(decision.timeout)
        return Timeout(seconds, f"{in_words(seconds)}, as the decision says")
    table = timeouts or Timeouts()
    figures = _reckon(decision, table, level=level, timeline=timeline, mode=mode)
    limits = {
        "category": f", at least {_minutes(figures.least_s or 0.0)} for {figures.category}",
        "longest": f", capped at {_minutes(table.longest)}",
        "shortest": f", at least {_minutes(table.shortest)}",
    }
    words = (
        f"{in_words(figures.whole_s)} = {_minutes(figures.base_s)} ({figures.label})"
        f" × {factor(figures.by_level)} (level {level})"
        f" × {factor(figures.by_timeline)} ({timeline})"
    ) + "".join(limits[bound] for bound in figures.bounds if bound in limits)
    if mode == "semi_autonomous":
        part = f"{factor(table.semi_autonomous)} (semi-autonomous) × {in_words(figures.whole_s)}"
        if "part" in figures.bounds:
            part += f", at least {in_words(SHORTEST_PART_S)}"
        words = f"{in_words(figures.seconds)} = {part}; {words}"
    return Timeout(figures.seconds, words, figures)


def _reckon(
    decision: Decision, table: Timeouts, *, level: int, timeline: Timeline, mode: Mode
) -> Reckoning:
    kind_s = table.kinds[decision.kind]
    named = fold(decision.category or "")
    least = table.categories.get(named)
    base, label = kind_s, str(decision.kind)
    if least is not None and least >= base:
        base, label = least, named
    by_level, by_timeline = table.levels[str(level)], table.timelines[timeline]
    whole = product = base * by_level * by_timeline
    bounds: list[Bound] = []
    if least is not None and whole < least:
        whole = least
        bounds.append("category")
    if whole > table.longest:
        whole = table.longest
        bounds.append("longest")
    elif whole < table.shortest:
        whole = table.shortest
        bounds.append("shortest")
    seconds = whole
    if mode == "semi_autonomous":
        seconds = whole * table.semi_autonomous
        if seconds < SHORTEST_PART_S:
            seconds = SHORTEST_PART_S
            bounds.append("part")
    return Reckoning(
        kind_s,
        named if least is not None else "",
        least,
        base,
        label,
        by_level,
        by_timeline,
        product,
        whole,
        tuple(bounds),
        seconds,
    )


def is_asked(decision: Decision, *, mode: Mode) -> bool:
    """Whether a person is asked, or the recommendation is taken at once."""
    if decision.ask == "always" or decision.recommend is None:
        return True
    if mode == "guided":
        return decision.kind == "critical" or decision.category is not None
    return mode != "fully_autonomous"


def taken_by(
    decision: Decision, *, mode: Mode, autopilot: bool = False, own: bool | None = None
) -> Literal["policy", "autopilot"] | None:
    """Who takes the recommendation at once, so that nobody is asked; ``None``: a person is.

    Args:
        decision: The decision.
        mode: Mode of the run.
        autopilot: Whether autopilot is on.
        own: Whether a person switched it on or off for this very decision, if so.
    """
    if decision.recommend is None:
        return None
    if own is not None:
        return "autopilot" if own else None
    if decision.ask == "always":
        return None
    if autopilot and mode != "fully_autonomous":
        return "autopilot"
    return None if is_asked(decision, mode=mode) else "policy"


def in_words(seconds: float) -> str:
    """``10 min``, ``2.5 min``, ``45 s``."""
    if seconds >= 60 and round(seconds / 0.6, 6) % 1 == 0:
        return f"{_minutes(seconds)} min"
    return f"{seconds:g} s" if seconds < 60 else spell_duration(round(seconds))


def factor(value: float) -> str:
    """``0.4``, ``1.0``, ``0.25``."""
    one, more = f"{value:.1f}", f"{value:g}"
    return one if float(one) == value else more


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60, 2):g}"
