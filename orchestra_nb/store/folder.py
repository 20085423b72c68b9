"""The folder of one run: which file is where."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import PlanError, StoreError
from ..plan import Plan
from .encoding import to_bytes
from .files import make_folder, open_to_append, read_bytes, replace_file
from .home import make_run_folder
from .lock import lock_owner
from .masking import has_secret, mask_value, refresh_secrets

__all__ = ["RunFolder"]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run. Made by :meth:`create` or :meth:`open`."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def home(self) -> Path:
        """The home it lies in."""
        return self.path.parent.parent

    @property
    def log(self) -> Path:
        """The append-only log."""
        return self.path / "orchestration-timeline.jsonl"

    @property
    def plan_json(self) -> Path:
        """The plan, as it was started."""
        return self.path / "plan.json"

    @property
    def plan_md(self) -> Path:
        """The plan with its progress, for people."""
        return self.path / "orchestration-plan.md"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.path / "lock"

    @property
    def results(self) -> Path:
        """Results that are files."""
        return self.path / "results"

    @property
    def transcripts(self) -> Path:
        """What was said between tasks and models."""
        return self.path / "transcripts"

    @property
    def answers(self) -> Path:
        """Where other processes put their commands."""
        return self.path / "answers"

    @property
    def owner(self) -> int | None:
        """Pid of the process that writes the run now, ``None`` if nobody does."""
        return lock_owner(self.lock)

    @classmethod
    def create(
        cls, plan: Plan, *, home: str | Path | None = None, now: datetime | None = None
    ) -> RunFolder:
        """A new folder with the plan in it, durable.

        Raises:
            StoreError: If it can't be made.
        """
        folder = cls(make_run_folder(plan.name, where=home, now=now))
        refresh_secrets()
        data = plan.to_dict()
        text = json.dumps(data, ensure_ascii=False)
        if has_secret(text):
            text = json.dumps(mask_value(data), ensure_ascii=False)
        try:
            folder._make_subfolders()
            replace_file(folder.plan_json, to_bytes(text + "\n"), durable=True)
        except OSError as error:
            folder.discard()
            raise StoreError(f"The run's folder {folder.path} can't be written: {error}") from error
        return folder

    def discard(self) -> None:
        """Remove the folder of a run that never began, as far as the disk lets us."""
        shutil.rmtree(self.path, ignore_errors=True)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The folder of a run that exists.

        Raises:
            StoreError: If it is none of ours: not there, a link, without a plan.
        """
        folder = cls(Path(path))
        for part in (folder.path, folder.path.parent):
            if part.is_symlink():
                raise StoreError(f"{part} is a symbolic link. Open the run's own folder.")
        if not folder.path.is_dir():
            raise StoreError(f"There is no run in {folder.path}.")
        if not folder.plan_json.is_file():
            raise StoreError(f"{folder.path} holds no run: plan.json is missing.")
        return folder

    def load_plan(self) -> Plan:
        """The plan as it was started.

        Raises:
            StoreError: If its file can't be read, or holds no plan.
        """
        try:
            return Plan.parse(read_bytes(self.plan_json).decode(), format="json")
        except (OSError, UnicodeDecodeError, PlanError) as error:
            raise StoreError(
                f"The plan of run {self.id}, {self.plan_json}, can't be read: {error}"
            ) from error

    def open_log(self) -> int:
        """A descriptor that appends to the log; the caller holds the lock."""
        self._make_subfolders()
        return open_to_append(self.log)

    def _make_subfolders(self) -> None:
        for path in (self.results, self.transcripts, self.answers):
            make_folder(path)
