"""Run folders: the log, its lock, results, transcripts, and what is made beside them."""

from __future__ import annotations

from .durations import read_durations
from .folder import RunFolder
from .home import find_run, home, list_runs
from .journal import FileJournal
from .masking import add_secret, mask
from .planfile import PlanFile
from .reader import Problems, read_events
from .results import load_result
from .settings import configure, settings

__all__ = [
    "FileJournal",
    "PlanFile",
    "Problems",
    "RunFolder",
    "add_secret",
    "configure",
    "find_run",
    "home",
    "list_runs",
    "load_result",
    "mask",
    "read_durations",
    "read_events",
    "settings",
]
