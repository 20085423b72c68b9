"""A plan, a run folder and a journal on a real disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra_nb.plan import Phase, Plan, Task
from orchestra_nb.store import masking
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.settings import settings


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings, keys or home of another one."""
    monkeypatch.setattr(settings, "home", None)
    monkeypatch.setattr(settings, "mirror", None)
    monkeypatch.setattr(masking, "_secrets", masking._secrets)
    monkeypatch.setattr(masking, "_marks", masking._marks)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("ORCHESTRA_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the runs of this test are."""
    return tmp_path / "home"


@pytest.fixture
def plan() -> Plan:
    """The smallest of plans."""
    return Plan(name="Pricing", phases=[Phase(name="One", tasks=[Task(agent="a", task="Do it")])])


@pytest.fixture
def folder(plan: Plan, home: Path) -> RunFolder:
    """A new run's folder."""
    return RunFolder.create(plan, home=home)


@pytest.fixture
def journal(folder: RunFolder) -> Iterator[FileJournal]:
    """The folder's journal, closed afterwards."""
    journal = FileJournal(folder)
    yield journal
    journal.close()
