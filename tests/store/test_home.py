"""Where runs are, what they are called, and what is refused."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestra_nb.errors import StoreError
from orchestra_nb.plan import Phase, Plan, Task
from orchestra_nb.store import masking
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import find_run, home, list_runs, make_home, make_run_folder
from orchestra_nb.store.settings import configure, settings

NOW = datetime(2026, 11, 22, 17, 41, 3, tzinfo=UTC)


def test_home_is_resolved_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument wins over configure(), that over the environment, that over this folder."""
    assert home() == tmp_path / ".orchestra"
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "env"))
    assert home() == tmp_path / "env"
    configure(home="set", mirror="~/copies")
    assert home() == tmp_path / "set"
    assert settings.mirror == Path("~/copies").expanduser()
    assert home("given") == tmp_path / "given"
    configure(home=None)
    assert home() == tmp_path / "env"
    assert settings.mirror is not None
    configure(mirror=None)
    assert settings.mirror is None


def test_asking_makes_nothing(tmp_path: Path) -> None:
    """Looking for runs where there are none leaves the disk as it is."""
    assert list_runs() == []
    with pytest.raises(StoreError, match="no run 'x'"):
        find_run("x")
    assert list(tmp_path.iterdir()) == []


def test_home_is_private_and_ignored(folder: RunFolder) -> None:
    """The home, its runs and each run are for the owner alone, and invisible to git."""
    assert (folder.home / ".gitignore").read_text() == "*\n"
    for path in (folder.home, folder.path.parent, folder.path, folder.results, folder.answers):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.plan_json.stat().st_mode) == 0o600


def test_gitignore_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the home before git is told to leave it alone."""
    seen: list[list[str]] = []
    real = os.mkdir

    def mkdir(path: str | Path, mode: int = 0o777) -> None:
        if home.is_dir():
            seen.append(sorted(os.listdir(home)))
        real(path, mode)

    monkeypatch.setattr(os, "mkdir", mkdir)
    make_home(home)
    assert seen == [[".gitignore"]]


def test_somebodys_folder_as_home(tmp_path: Path) -> None:
    """A project that is made the home keeps its own files visible to git."""
    (tmp_path / "README.md").write_text("mine")
    make_home(tmp_path)
    make_home(tmp_path)
    assert not (tmp_path / ".gitignore").exists()
    assert (tmp_path / "runs" / ".gitignore").read_text() == "*\n"


def test_home_that_can_not_be_made(tmp_path: Path) -> None:
    """A file in the way is named, with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Choose another one with"):
        make_home(tmp_path / "file" / "home")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Pricing", "pricing"),
        ("SaaS pricing optimizer", "saas-pricing-optimizer"),
        ("Ünïcode – straße", "unicode-strae"),
        ("価格", "run"),
        ("../../etc/passwd", "etc-passwd"),
        ("con", "con"),
        ("a. ", "a"),
        ("word " * 100, "word-word-word-word-word-word"),
        ("x" * 1000, "x" * 32),
        ("\ud800\0\n", "run"),
    ],
)
def test_run_ids(home: Path, name: str, slug: str) -> None:
    """An id is the time, the plan's name in safe ASCII, and four digits; at most 60 characters."""
    run = make_run_folder(name, where=home, now=NOW).name
    assert re.fullmatch(rf"20261122T174103Z-{slug}-[0-9a-f]{{4}}", run)
    assert len(run) <= 60
    assert [folder.name for folder in list_runs(home)] == [run]


def test_ids_are_unique(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is taken is tried again with other digits."""
    digits = iter(["aaaa", "aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("secrets.token_hex", lambda count: next(digits))
    first = make_run_folder("x", where=home, now=NOW)
    second = make_run_folder("x", where=home, now=NOW)
    assert (first.name[-4:], second.name[-4:]) == ("aaaa", "bbbb")


def test_find_run(home: Path) -> None:
    """A run is found by its id or the beginning of it, if only one begins so."""
    first = make_run_folder("x", where=home, now=NOW)
    later = make_run_folder("x", where=home, now=NOW.replace(day=23))
    assert find_run(first.name, where=home) == first
    assert find_run("20261123", where=home) == later
    for wrong in ("", "2027", "../x", str(first)):
        with pytest.raises(StoreError, match="There is no run"):
            find_run(wrong, where=home)
    with pytest.raises(StoreError, match=f"{first.name}, {later.name}"):
        find_run("2026", where=home)


def test_linked_runs_are_refused(home: Path, folder: RunFolder, tmp_path: Path) -> None:
    """A run's folder that is a link is not listed and not opened; linked runs are not used."""
    link = folder.path.parent / "20270101T000000Z-link-0000"
    link.symlink_to(tmp_path, target_is_directory=True)
    assert list_runs(home) == [folder.path]
    with pytest.raises(StoreError, match="symbolic link"):
        RunFolder.open(link)
    other = tmp_path / "other"
    other.mkdir()
    (other / "runs").symlink_to(folder.path.parent, target_is_directory=True)
    with pytest.raises(StoreError, match="symbolic link"):
        make_run_folder("x", where=other)
    for look in (list_runs, lambda where: find_run(folder.id, where=where)):
        with pytest.raises(StoreError, match="symbolic link"):
            look(other)
    with pytest.raises(StoreError, match="symbolic link"):
        RunFolder.open(other / "runs" / folder.id)


@pytest.mark.parametrize("use", [home, make_home, list_runs])
def test_a_linked_home_is_refused(
    use: Callable[[Path], object], folder: RunFolder, tmp_path: Path
) -> None:
    """A home that is a link is neither read nor written; one below a link is a home."""
    link = tmp_path / "link"
    link.symlink_to(folder.home, target_is_directory=True)
    with pytest.raises(StoreError, match=r"is a symbolic link\. Name the folder"):
        use(link)
    above = tmp_path / "above"
    above.symlink_to(folder.home.parent, target_is_directory=True)
    own = above / folder.home.name
    assert list_runs(own) == [own / "runs" / folder.id]


def test_run_folder_opens_again(folder: RunFolder, plan: Plan) -> None:
    """A run that was made is opened by its path, with the plan it was started with."""
    again = RunFolder.open(folder.path)
    assert again == folder
    assert again.load_plan() == plan
    assert again.owner is None


def test_folder_without_a_run(folder: RunFolder, tmp_path: Path) -> None:
    """A path that holds no run is named."""
    with pytest.raises(StoreError, match="There is no run in"):
        RunFolder.open(tmp_path / "nothing")
    folder.plan_json.unlink()
    with pytest.raises(StoreError, match=r"plan\.json is missing"):
        RunFolder.open(folder.path)
    with pytest.raises(StoreError, match="can't be read"):
        folder.load_plan()


def test_plan_is_kept_without_secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that somebody wrote into a plan does not get into the run's folder."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2-hunter2")
    task = Task(agent="a", task="Use hunter2-hunter2 and sk-ant-api03-abcdef")
    plan = Plan(name="Pricing", phases=[Phase(name="One", tasks=[task])])
    folder = RunFolder.create(plan, home=home)
    text = folder.plan_json.read_text()
    assert "hunter2" not in text
    assert "sk-ant" not in text
    assert text.count(masking.MASK) == 2
    assert folder.load_plan().name == "Pricing"
