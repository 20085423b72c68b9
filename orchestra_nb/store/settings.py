"""Settings of this process that have nothing to do with one run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Settings", "configure", "settings"]


@dataclass(slots=True)
class Settings:
    """What :func:`configure` has set.

    Attributes:
        home: Folder of all runs, ``None`` for ``ORCHESTRA_HOME`` or ``./.orchestra``.
        mirror: Folder that gets a copy of the newest run's plan and timeline.
    """

    home: Path | None = None
    mirror: Path | None = None


_UNSET = Path()  # told apart by identity: None takes a setting back
settings = Settings()


def configure(*, home: str | Path | None = _UNSET, mirror: str | Path | None = _UNSET) -> None:
    """Set where runs are kept, for all runs started from here on in this process.

    Args:
        home: Folder of all runs. ``None``: ``ORCHESTRA_HOME``, else ``./.orchestra``.
        mirror: Folder that also gets ``orchestration-plan.md`` and
            ``orchestration-timeline.jsonl`` of the newest run, such as
            ``~/.claude/agent-workspaces``. ``None``: no copies.
    """
    if home is not _UNSET:
        settings.home = None if home is None else absolute(home)
    if mirror is not _UNSET:
        settings.mirror = None if mirror is None else absolute(mirror)


def absolute(path: str | Path) -> Path:
    """The path with ``~`` and the current folder filled in: both may change later."""
    return Path(os.path.abspath(Path(path).expanduser()))
