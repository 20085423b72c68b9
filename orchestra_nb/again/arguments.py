"""What a second beginning is told, checked before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import SetupError
from ..handle import Run
from ..plan.text import short
from ..runs import check_settings
from ..store.folder import RunFolder
from ..store.home import find_run

__all__ = ["folder_of"]


def folder_of(
    run: Any, *, home: Any, rerun: Any, seed: Any, claude: Any, **flags: Any
) -> RunFolder:
    """The folder of the run that is meant, if all that was said with it can be meant.

    Args:
        run: A run, its id, or the beginning of one.
        home: Folder of runs.
        rerun: Ids of tasks.
        seed: A whole number, or ``None``.
        claude: A truth value, or ``None``.
        flags: Truth values, by name.

    Raises:
        SetupError: If something is of another type.
        StoreError: If there is no such run.
    """
    check_settings(seed, home)
    for name, flag in {"claude": claude, **flags}.items():
        if not isinstance(flag, bool) and not (name == "claude" and flag is None):
            raise SetupError(f"{name} must be True or False, not {short(flag)}")
    if isinstance(rerun, str):
        raise SetupError(f"rerun takes a list of ids; for one task pass rerun=[{rerun!r}]")
    if not isinstance(rerun, (list, tuple, set, frozenset, dict)):
        raise SetupError(f"rerun takes a list of ids, not {short(rerun)}")
    if isinstance(run, Run):
        return RunFolder.open(run.folder)
    if not isinstance(run, (str, Path)):
        raise SetupError(f"A run is named by its id, not {short(run)}")
    return RunFolder.open(find_run(str(run), where=home))
