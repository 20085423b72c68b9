"""How long a decision waits for a person, and the sum that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from ..errors import Fault
from .durations import parse_duration, spell_duration
from .entries import Decision
from .fields import Amount, Duration, Value
from .text import clean, did_you_mean, fold, short, under

__all__ = ["Mode", "Timeline", "Timeout", "Timeouts", "is_asked", "timeout_for"]

Mode: TypeAlias = Literal["full_interactive", "guided", "semi_autonomous", "fully_autonomous"]
Timeline: TypeAlias = Literal["urgent", "normal", "relaxed"]

_KINDS = {"critical": 600.0, "standard": 300.0, "confirmation": 120.0, "urgent": 60.0}
_CATEGORIES = {"database": 600.0, "security": 900.0, "cost": 600.0, "api": 480.0}
_LEVELS = {"1": 0.4, "2": 0.6, "3": 1.0, "4": 1.4, "5": 2.0}
_TIMELINES = {"urgent": 0.4, "normal": 1.0, "relaxed": 2.0}
_SHORTEST_QUARTER = 30.0


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
        return found


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1e9:
        raise ValueError(f"must be a number above 0, not {short(value)}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long a decision waits.

    Attributes:
        seconds: The time, ``None`` when no timer runs.
        sum: How it came about, as the card prints it.
    """

    seconds: float | None
    sum: str


def timeout_for(
    decision: Decision,
    *,
    level: int,
    timeline: Timeline = "normal",
    mode: Mode = "full_interactive",
    timeouts: Timeouts | None = None,
    auto_proceed: bool = True,
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
    """
    if not auto_proceed:
        return Timeout(None, "no timeout: auto_proceed is false")
    if decision.timeout == "none":
        return Timeout(None, "no timeout: the decision says none")
    if decision.recommend is None:
        return Timeout(None, "no timeout: nothing is recommended")
    if decision.timeout is not None:
        seconds = float(decision.timeout)
        return Timeout(seconds, f"{_time(seconds)}, as the decision says")
    table = timeouts or Timeouts()
    label: str = decision.kind
    base = table.kinds[label]
    category = fold(decision.category or "")
    least = table.categories.get(category)
    if least is not None and least >= base:
        base, label = least, category
    by_level, by_timeline = table.levels[str(level)], table.timelines[timeline]
    seconds = base * by_level * by_timeline
    words = (
        f"{_minutes(base)} ({label}) × {_factor(by_level)} (level {level})"
        f" × {_factor(by_timeline)} ({timeline})"
    )
    if least is not None and seconds < least:
        seconds, words = least, f"{words}, at least {_minutes(least)} for {category}"
    if seconds > table.longest:
        seconds, words = table.longest, f"{words}, capped at {_minutes(table.longest)}"
    elif seconds < table.shortest:
        seconds, words = table.shortest, f"{words}, at least {_minutes(table.shortest)}"
    if mode != "semi_autonomous":
        return Timeout(seconds, f"{_time(seconds)} = {words}")
    part = seconds * table.semi_autonomous
    whole = f"{_factor(table.semi_autonomous)} (semi-autonomous) × {_time(seconds)}"
    if part < _SHORTEST_QUARTER:
        part, whole = _SHORTEST_QUARTER, f"{whole}, at least {_time(_SHORTEST_QUARTER)}"
    return Timeout(part, f"{_time(part)} = {whole}; {_time(seconds)} = {words}")


def is_asked(decision: Decision, *, mode: Mode) -> bool:
    """Whether a person is asked, or the recommendation is taken at once."""
    if decision.ask == "always" or decision.recommend is None:
        return True
    if mode == "guided":
        return decision.kind == "critical" or decision.category is not None
    return mode != "fully_autonomous"


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60, 2):g}"


def _time(seconds: float) -> str:
    """``10 min``, ``2.5 min``, ``45 s``."""
    if seconds >= 60 and round(seconds / 0.6, 6) % 1 == 0:
        return f"{_minutes(seconds)} min"
    return f"{seconds:g} s" if seconds < 60 else spell_duration(round(seconds))


def _factor(value: float) -> str:
    one, more = f"{value:.1f}", f"{value:g}"
    return one if float(one) == value else more
