"""Settings of this process that have nothing to do with one run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SetupError
from ..plan import use_config
from ..webhook.hook import Webhook

__all__ = ["Settings", "configure", "settings"]


@dataclass(slots=True)
class Settings:
    """What :func:`configure` has set.

    Attributes:
        home: Folder of all runs, ``None`` for ``ORCHESTRA_HOME`` or ``./.orchestra``.
        mirror: Folder that gets a copy of the newest run's plan and timeline.
        webhook: What hears of runs that name no webhook of their own.
    """

    home: Path | None = None
    mirror: Path | None = None
    webhook: Webhook | None = None


_UNSET: Any = object()  # told apart by identity: None takes a setting back
settings = Settings()


def configure(
    *,
    home: str | Path | None = _UNSET,
    mirror: str | Path | None = _UNSET,
    project_config: str | Path | None = _UNSET,
    webhook: Webhook | None = _UNSET,
) -> None:
    """Set where runs are kept and who hears of them, for all runs of this process from here on.

    Args:
        home: Folder of all runs. ``None``: ``ORCHESTRA_HOME``, else ``./.orchestra``.
        mirror: Folder that also gets ``orchestration-plan.md`` and
            ``orchestration-timeline.jsonl`` of the newest run, such as
            ``~/.claude/agent-workspaces``. ``None``: no copies.
        project_config: A project-level-config.json with levels, ``timeouts`` or ``auto_proceed`` of
            one's own; what it leaves out is as shipped. ``None``: the shipped one.
        webhook: Hears when a decision opens or ends, and when a run is over. ``None``: nobody does.

    Raises:
        PlanError: If the file can't be read or is not of that shape; lists every fault.
        SetupError: If the webhook is none.
    """
    if webhook not in (_UNSET, None) and not isinstance(webhook, Webhook):
        raise SetupError("webhook must be an onb.Webhook(url, secret=...), or None")
    if project_config is not _UNSET:
        use_config(project_config)
    if webhook is not _UNSET:
        settings.webhook = webhook
    if home is not _UNSET:
        settings.home = None if home is None else absolute(home)
    if mirror is not _UNSET:
        settings.mirror = None if mirror is None else absolute(mirror)


def absolute(path: str | Path) -> Path:
    """The path with ``~`` and the current folder filled in: both may change later."""
    return Path(os.path.abspath(Path(path).expanduser()))
