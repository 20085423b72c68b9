"""What a run came to, at a glance: from the two ends of its log where those say it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from ..errors import OrchestraError
from ..events import Event
from ..follower import Follower
from ..plan.graph import compile_plan
from ..state import RunStatus
from ..store.ends import Ends, read_ends
from ..store.folder import RunFolder
from ..store.home import list_runs

__all__ = ["STATUSES", "Glance", "GlanceStatus", "glance", "glances", "owner_of"]

GlanceStatus: TypeAlias = Literal[RunStatus, "unreadable"]
STATUSES: Final[tuple[str, ...]] = (*get_args(RunStatus), "unreadable")
"""What a run's status may be here."""

_STAMP = re.compile(r"(\d{8}T\d{6}Z)-")


@dataclass(frozen=True, slots=True)
class Glance:
    """A run as one row of a list.

    Attributes:
        path: Its folder; the name is its id.
        status: The run's, or ``unreadable``; ``problem`` then says why.
        project: Name of the plan.
        started: Epoch seconds.
        took_s: Seconds on the run's clock until its end, or so far.
        done: Tasks that are done.
        total: Tasks that are not skipped.
        decisions: How many were asked.
        open: How many wait for an answer.
        tokens: Of all exchanges with models.
        cost: USD, as far as it is known.
        unknown: How many exchanges' cost is not known.
        rehearsal: Its speed, where it was one.
        owner: Pid of the process that runs it (0: not known), ``None`` when nobody does.
        parent: Id of the run that it was forked from.
        problem: Why it can't be read.
    """

    path: Path
    status: GlanceStatus
    project: str = ""
    started: float = 0.0
    took_s: float = 0.0
    done: int = 0
    total: int = 0
    decisions: int = 0
    open: int = 0
    tokens: int = 0
    cost: float = 0.0
    unknown: int = 0
    rehearsal: float | None = None
    owner: int | None = None
    parent: str | None = None
    problem: str = ""

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def live(self) -> bool:
        """Whether some process runs it."""
        return self.owner is not None


def glance(path: Path) -> Glance:
    """The run in a folder at a glance; never raises for what is in it."""
    folder = RunFolder(path)
    owner = owner_of(path)
    begun = _begun(path)
    try:
        ends = read_ends(folder.log)
        fields = _from_start(ends.start, begun) | (_from_ends(ends) or _from_all(folder))
    except (OrchestraError, OSError) as error:
        return Glance(path, "unreadable", started=begun, owner=owner, problem=str(error))
    return Glance(path, owner=owner, **fields)


def owner_of(path: Path) -> int | None:
    """Pid of the process that runs the run in a folder; ``None`` also where nobody can say."""
    try:
        return RunFolder(path).owner
    except (OrchestraError, OSError):  # a link, or somebody else's
        return None


def glances(
    home: str | Path | None = None,
    *,
    status: str | None = None,
    project: str | None = None,
    limit: int | None = None,
) -> tuple[list[Glance], int]:
    """The runs of a home: those that go on first, then the newest first.

    Args:
        home: The home.
        status: Only runs of this status.
        project: Only runs with this in their project's name, whatever its case.
        limit: At most so many.

    Returns:
        The runs, and how many more there are; those were not looked at where nothing is
        filtered.
    """
    paths = list_runs(home)[::-1]
    live = [path for path in paths if owner_of(path) is not None]
    rest = [path for path in paths if path not in set(live)]
    chosen: Iterable[Glance] = map(glance, [*live, *rest])
    if status is None and project is None:
        found = list(islice(chosen, limit))
        return found, len(paths) - len(found)
    wanted = (project or "").casefold()
    chosen = [
        one
        for one in chosen
        if (status is None or one.status == status) and wanted in one.project.casefold()
    ]
    return chosen[:limit], len(chosen) - len(chosen[:limit])


def _begun(path: Path) -> float:
    """When a run was started, as its id says."""
    match = _STAMP.match(path.name)
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M%S%z").timestamp() if match else 0.0
    except ValueError:
        return 0.0


def _from_start(start: Event | None, begun: float) -> dict[str, Any]:
    """What the first line says; it comes from a file."""
    start = start or {}
    project, parent, speed = start.get("project"), start.get("parent"), start.get("rehearsal")
    return {
        "project": project if isinstance(project, str) else "",
        "parent": parent if isinstance(parent, str) else None,
        "rehearsal": _number(speed) if speed else None,
        "started": _number(start.get("wall")) or begun,
    }


def _from_ends(ends: Ends) -> dict[str, Any] | None:
    """What the last line says, where it says all of it."""
    end = ends.end
    if end is None or "decisions" not in end or not isinstance(end.get("counts"), Mapping):
        return None
    counts = {key: int(_number(value)) for key, value in end["counts"].items()}
    status = end.get("status") if end["event"] == "orchestration_complete" else "interrupted"
    if status not in STATUSES:
        return None
    return {
        "status": status,
        "took_s": _number(end.get("duration_s", end.get("t"))),
        "done": counts.get("completed", 0),
        "total": sum(counts.values()) - counts.get("skipped", 0),
        "decisions": int(_number(end["decisions"])),
        "tokens": int(_number(end.get("tokens"))),
        "cost": _number(end.get("cost")),
        "unknown": int(_number(end.get("unknown"))),
    }


def _from_all(folder: RunFolder) -> dict[str, Any]:
    """The whole log, folded: of a run that goes on, or that nobody could say the end of."""
    follower = Follower(folder, compile_plan(folder.load_plan().filled()))
    state = follower.state
    done, total = state.done
    return {
        "status": state.status,
        "project": state.project,
        "took_s": follower.now(),
        "done": done,
        "total": total,
        "decisions": len(state.decisions),
        "open": len(state.open_decisions()) if follower.alive else 0,
        "tokens": sum(state.usage.tokens.values()),
        "cost": state.usage.cost,
        "unknown": state.usage.unknown,
    }


def _number(value: Any) -> float:
    """A figure of a file, 0 where it is none."""
    good = isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value < 1e15
    return value if good else 0.0
