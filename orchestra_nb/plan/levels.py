"""Project levels: what each asks of an agent, and which work it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Fault, PlanError
from .entries import Entry, Task
from .fields import build
from .text import clean, did_you_mean, short, under
from .timeouts import Timeouts

if TYPE_CHECKING:
    from .model import Plan

__all__ = [
    "Level",
    "LevelView",
    "ProjectConfig",
    "configured",
    "for_level",
    "load_config",
    "load_levels",
    "skip_reason",
    "use_config",
]

_FILE = "project-level-config.json"
_in_use: ProjectConfig | None = None
_ROLE_FROM = {"testing": 2, "documentation": 2, "security": 4, "compliance": 4}


@dataclass(frozen=True, slots=True)
class Level:
    """One project level.

    Attributes:
        number: 1 (MVP) to 5 (Enterprise).
        name: ``Alpha Production``.
        description: One sentence.
        characteristics: What the work should be like: ``testing`` -> ``comprehensive``.
        agent_instructions: What agents are told: ``focus``, ``skip``, ``time_allocation``.
    """

    number: int
    name: str
    description: str = ""
    characteristics: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    agent_instructions: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Level({self.number}, {self.name!r})"


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """What a project-level-config.json says.

    Attributes:
        levels: Number -> level, all five.
        timeouts: Its table of timeouts, if it has one.
        auto_proceed: Whether decisions may time out, if it says so.
    """

    levels: Mapping[int, Level]
    timeouts: Timeouts | None = None
    auto_proceed: bool | None = None


@dataclass(frozen=True, slots=True)
class LevelView:
    """What of a plan runs at a level.

    Attributes:
        level: The level.
        runs: Ids that run (a ``when`` may still skip them).
        skipped: Id -> why it does not run at this level.
    """

    level: Level
    runs: tuple[str, ...]
    skipped: Mapping[str, str]

    def __repr__(self) -> str:
        head = f"Level {self.level.number} ({self.level.name}): "
        lines = [f"{head}{len(self.runs)} run, {len(self.skipped)} skipped"]
        lines += [f"  runs   {short(item)[1:-1]}" for item in self.runs]
        lines += [f"  skips  {short(item)[1:-1]}: {why}" for item, why in self.skipped.items()]
        return "\n".join(lines)


def skip_reason(spec: Entry, level: int) -> str | None:
    """Why a task or decision does not run at a level; ``None`` when it does.

    ``min_level`` overrides the level its role would start at; ``max_level`` ends it.
    """
    role = spec.role if isinstance(spec, Task) else None
    if spec.max_level is not None and level > spec.max_level:
        return f"runs up to level {spec.max_level}, this is level {level}"
    if spec.min_level is not None:
        if level < spec.min_level:
            return f"runs from level {spec.min_level}, this is level {level}"
        return None
    if role is not None and level < _ROLE_FROM[role]:
        return f"{role} runs from level {_ROLE_FROM[role]}, this is level {level}"
    return None


def for_level(plan: Plan, level: int) -> LevelView:
    """What of the plan runs at that level, and why the rest does not."""
    if type(level) is not int or not 1 <= level <= 5:
        message = f"must be a whole number from 1 to 5, not {short(level)}"
        raise PlanError([Fault("level", message)])
    skipped = {}
    for _, spec in plan.all():
        reason = skip_reason(spec, level)
        if reason is not None:
            skipped[spec.id] = reason
    runs = tuple(spec.id for _, spec in plan.all() if spec.id not in skipped)
    return LevelView(load_levels()[level], runs, skipped)


def configured(plan: Plan) -> Plan:
    """The plan with what the project-level-config.json in use says of timeouts.

    Its table counts where the plan has none; where either says that nothing proceeds by itself,
    nothing does.
    """
    config = load_config()
    changes: dict[str, Any] = {}
    if plan.timeouts is None and config.timeouts is not None:
        changes["timeouts"] = config.timeouts
    if plan.auto_proceed and config.auto_proceed is False:
        changes["auto_proceed"] = False
    return plan.model_copy(update=changes) if changes else plan


def use_config(path: str | Path | None) -> None:
    """Let a user's project-level-config.json count in this process; ``None``: the shipped one.

    Raises:
        PlanError: If it can't be read or is not of that shape; the one in use stays.
    """
    global _in_use
    _in_use = None if path is None else load_config(path)


def load_levels(path: str | Path | None = None) -> dict[int, Level]:
    """The five levels: the shipped ones, with a user's file of the same shape laid over them."""
    return dict(load_config(path).levels)


def load_config(path: str | Path | None = None) -> ProjectConfig:
    """Read a project-level-config.json; what it leaves out is as shipped.

    Args:
        path: The file; the one in use if absent, which is the shipped one unless
            :func:`use_config` named another.

    Raises:
        PlanError: If the file can't be read or is not of that shape; lists every fault.
    """
    shipped = _shipped()
    if path is None:
        return _in_use or shipped
    faults: list[Fault] = []
    try:
        data = json.loads(Path(path).read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlanError([Fault("", f"can't be read: {reason}")], source=str(path)) from None
    config = _config(data, shipped.levels, faults)
    if faults:
        raise PlanError(faults, source=str(path))
    return config


@cache
def _shipped() -> ProjectConfig:
    from importlib.resources import files

    text = files(__package__).joinpath(_FILE).read_text("utf-8")
    return _config(json.loads(text), {}, [])


def _config(data: Any, base: Mapping[int, Level], faults: list[Fault]) -> ProjectConfig:
    if not isinstance(data, dict):
        faults.append(Fault("", f"must be a mapping with 'levels', not {short(data)}"))
        return ProjectConfig(base)
    levels = dict(base)
    known = ("levels", "timeouts", "auto_proceed")
    for key in data:
        if key not in known:
            faults.append(Fault(under("", key), f"unknown key{did_you_mean(key, known)}"))
    given = data.get("levels", {})
    if not isinstance(given, dict):
        faults.append(Fault("levels", f"must be a mapping from 1..5 to levels, not {short(given)}"))
        given = {}
    for key, item in given.items():
        place = under("levels", key)
        if key not in ("1", "2", "3", "4", "5"):
            faults.append(Fault(place, "unknown level; there are 1, 2, 3, 4 and 5"))
        elif not isinstance(item, dict):
            faults.append(Fault(place, f"must be a mapping with 'name', not {short(item)}"))
        else:
            levels[int(key)] = _level(int(key), item, levels.get(int(key)), place, faults)
    timeouts = data.get("timeouts")
    auto = data.get("auto_proceed")
    if auto is not None and not isinstance(auto, bool):
        faults.append(Fault("auto_proceed", f"must be true or false, not {short(auto)}"))
        auto = None
    table = None if timeouts is None else build(Timeouts, timeouts, "timeouts", faults)
    return ProjectConfig(levels, table, auto)


def _level(
    number: int, item: dict[str, Any], base: Level | None, place: str, faults: list[Fault]
) -> Level:
    if base is None:
        base = Level(number, f"Level {number}")
    names = ("name", "description")
    tables = ("characteristics", "agent_instructions")
    for key in item:
        if key not in (*names, *tables):
            guess = did_you_mean(key, (*names, *tables))
            faults.append(Fault(under(place, key), f"unknown key of a level{guess}"))
    words = {key: getattr(base, key) for key in names}
    for key in names:
        value = item.get(key, words[key])
        if isinstance(value, str):
            words[key] = clean(value)
        else:
            faults.append(Fault(under(place, key), f"must be text, not {short(value)}"))
    found: dict[str, dict[str, str | tuple[str, ...]]] = {}
    for key in tables:
        value = item.get(key)
        found[key] = dict(getattr(base, key))
        if isinstance(value, dict):
            found[key] = _table(value, under(place, key), faults)
        elif value is not None:
            faults.append(Fault(under(place, key), f"must be a mapping, not {short(value)}"))
    return Level(number, words["name"], words["description"], **found)


def _table(
    data: dict[str, Any], place: str, faults: list[Fault]
) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for key, value in data.items():
        if isinstance(value, str):
            found[clean(key)] = clean(value)
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            found[clean(key)] = tuple(clean(item) for item in value)
        else:
            message = f"must be text or a list of texts, not {short(value)}"
            faults.append(Fault(under(place, key), message))
    return found
