"""A run read from an archive: a record of it that stays as it is."""

from __future__ import annotations

import os
import shutil
import weakref
from pathlib import Path
from typing import Any

from ..commands import Command, Reply
from ..errors import CommandError
from ..record import Record
from .archive import unpack

__all__ = ["ArchivedRecord"]


class ArchivedRecord(Record):
    """A record whose files are a copy: nothing can be said to it.

    Args:
        path: The archive.
        how: For :class:`~orchestra_nb.record.Record`.

    Raises:
        StoreError: If it is no archive of a run; see :func:`~.archive.unpack`.
    """

    def __init__(self, path: Path, **how: Any):
        folder = unpack(path)
        # The copy goes with the record, at the latest with the process.
        weakref.finalize(self, _discard, folder.home, os.getpid())
        self._archive = path
        super().__init__(folder, **how)

    def ask(self, command: Command) -> Reply:
        """Refuse the command.

        Raises:
            CommandError: Always.
        """
        raise CommandError(f"The run was read from {self._archive}, which stays as it is")


def _discard(home: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves its parent's alone
        shutil.rmtree(home, ignore_errors=True)
