"""A run as one file: what is in it, and that no forged one does any harm."""

from __future__ import annotations

import gc
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import StoreError
from orchestra_nb.housekeeping import archive as module
from orchestra_nb.housekeeping.archive import export, is_archive, unpack
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.store.folder import RunFolder
from tests.engine.rig import choice, one_phase

from .conftest import Home

RUN = "20261122T174103Z-pricing-7f3a"
LOG = "orchestration-timeline.jsonl"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where archives are unpacked in this test."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.fixture
def archived(home: Home, tmp_path: Path) -> Path:
    """A run with a result, exported."""
    path = tmp_path / "run.orchestra.zip"
    export(home.folder("completed"), path)
    return path


def test_what_is_in_it(home: Home, archived: Path) -> None:
    """The files of the run under their own names and what it is; no lock, no answers, no links."""
    folder = home.folder("completed")
    with zipfile.ZipFile(archived) as found:
        assert found.namelist() == [
            "orchestra.json",
            "orchestration-plan.md",
            LOG,
            "plan.json",
            "results/0001.1.txt",
            "transcripts/0001.1.jsonl",
        ]
        assert json.loads(found.read("orchestra.json")) == {"format": 1, "run": folder.id}
        for name in found.namelist()[1:]:
            assert found.read(name) == (folder.path / name).read_bytes()
            assert not name.startswith("/")
        assert {one.external_attr >> 16 for one in found.infolist()} == {stat.S_IFREG | 0o600}
        assert {one.date_time for one in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    if os.name != "nt":
        assert stat.S_IMODE(archived.stat().st_mode) == 0o600


def test_the_same_run_gives_the_same_bytes(home: Home, archived: Path, tmp_path: Path) -> None:
    """Neither the time nor the place of the export is in the archive."""
    again = tmp_path / "elsewhere" / "again.orchestra.zip"
    again.parent.mkdir()
    moved = home.path.rename(tmp_path / "moved")
    os.utime(moved / "runs" / home.runs["completed"].name / "plan.json", (1, 1))
    export(RunFolder(moved / "runs" / home.runs["completed"].name), again)
    assert again.read_bytes() == archived.read_bytes()
    assert str(tmp_path).encode() not in archived.read_bytes()


def test_what_is_no_file_of_a_run_stays_behind(home: Home, tmp_path: Path) -> None:
    """Foreign files, links, questions and torn ends are not handed on."""
    folder = home.folder("completed")
    (tmp_path / "secret").write_text("mine")
    (folder.path / "notes.txt").write_text("mine")
    (folder.results / "0009.1.txt").symlink_to(tmp_path / "secret")
    (folder.answers / ("0" * 32 + ".json")).write_text("mine")
    (folder.path / "torn-1.jsonl").write_text("mine")
    path = tmp_path / "run.zip"
    export(folder, path)
    with zipfile.ZipFile(path) as found:
        assert not [name for name in found.namelist() if b"mine" in found.read(name)]
        assert "results/0009.1.txt" not in found.namelist()


def test_it_opens_as_the_run_does(home: Home, archived: Path) -> None:
    """State, decisions and results are the run's own; the folder behind it is whole."""
    ours = onb.open(home.runs["completed"].name, home=home.path)
    for name in (archived, str(archived)):
        opened = onb.open(name)  # type: ignore[arg-type,unused-ignore]
        assert (opened.id, opened.status, opened.finished) == (ours.id, "completed", True)
        assert opened.state.tasks == ours.state.tasks
        assert opened.state.decisions == ours.state.decisions
        assert opened.results["spends"] == "x" * 5_000
        assert inspect(opened.folder).findings == []


def test_nothing_can_be_said_to_it(archived: Path) -> None:
    """Commands, thumbs too, are refused: they would be lost with the copy."""
    opened = onb.open(archived)
    with pytest.raises(onb.CommandError, match="stays as it is"):
        opened.note("x")
    with pytest.raises(onb.CommandError, match="stays as it is"):
        opened.rate("spends", True)


def test_the_copy_goes_with_the_run(archived: Path, temporary: Path) -> None:
    """Nothing is left in the temporary folder once nobody holds the run."""
    opened = onb.open(archived)
    folder = opened.folder
    assert folder.is_relative_to(temporary)
    assert stat.S_IMODE(folder.parent.parent.stat().st_mode) == 0o700 or os.name == "nt"
    del opened
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_the_copy_goes_with_the_process(archived: Path, temporary: Path) -> None:
    """A script that ends with an open archive leaves nothing behind; its forked child does."""
    code = (
        "import os, sys, orchestra_nb as onb\n"
        f"run = onb.open({str(archived)!r})\n"
        "if hasattr(os, 'fork'):\n"
        "    import warnings; warnings.simplefilter('ignore')\n"
        "    if os.fork() == 0: sys.exit()\n"
        "    os.wait()\n"
        "print(run.folder.is_dir())\n"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "True"
    assert list(temporary.iterdir()) == []


def test_a_run_that_goes_on_is_exported_as_far_as_it_is(home: Home, tmp_path: Path) -> None:
    """Of a log that grows the whole lines are taken; read again, the run is interrupted."""
    run = onb.run(one_phase(choice("d", timeout=600)), home=home.path)
    try:
        while b"decision_opened" not in RunFolder(run.folder).log.read_bytes():
            time.sleep(0.005)
        path = tmp_path / "live.zip"
        with RunFolder(run.folder).log.open("ab") as file:
            file.write(b'{"half')
        export(RunFolder(run.folder), path)
        with zipfile.ZipFile(path) as found:
            assert found.read(LOG).endswith(b"}\n")
        assert onb.open(path).status == "interrupted"
    finally:
        run.stop()


def test_a_file_that_is_there_stays(home: Home, tmp_path: Path) -> None:
    """Nothing is overwritten unasked, and a failed export leaves the old file."""
    path = tmp_path / "mine.zip"
    path.write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        export(home.folder("completed"), path)
    result = home.folder("completed").results / "0001.1.txt"
    result.unlink()
    result.mkdir()
    export(home.folder("completed"), path, replace=True)
    assert zipfile.is_zipfile(path)
    with pytest.raises(StoreError, match="can't be exported"):
        export(home.folder("completed"), tmp_path / "no" / "where.zip")
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".")) == []


# Forged ones.


def made(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], manifest: Any = None) -> Path:
    """An archive with these files beside those that it needs."""
    said = {"format": 1, "run": RUN} if manifest is None else manifest
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("orchestra.json", data)
        archive.writestr("plan.json", b"{}")
        archive.writestr(LOG, b"")
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    """A symbolic link in an archive."""
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


def untouched(temporary: Path, path: Path) -> list[str]:
    """What there is besides the archive itself."""
    around = [one.name for one in temporary.parent.iterdir() if one not in (temporary, path)]
    return [*around, *map(str, temporary.rglob("*"))]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "../../../../../../../../tmp/evil.txt",
        "/tmp/evil.txt",
        "C:\\evil.txt",
        "results/../../evil.txt",
        "results\\0001.1.txt",
        "results/0001.1.txt/x",
        "results/evil.sh",
        "results/",
        "lock",
        "answers/00000000000000000000000000000000.json",
        ".plan.json.1.tmp",
        "torn-1.jsonl",
        "PLAN.JSON",
        "plan.json ",
        "",
    ],
)
def test_foreign_names_are_refused(tmp_path: Path, temporary: Path, name: str) -> None:
    """Only names of a run's files are unpacked: none leads out of its folder."""
    path = made(tmp_path / "forged.zip", (zipfile.ZipInfo(name), b"evil"))
    with pytest.raises(StoreError, match=r"refused: .* is no file of a run"):
        onb.open(path)
    assert untouched(temporary, path) == []


def test_links_are_refused(tmp_path: Path, temporary: Path) -> None:
    """A link under the name of a result is no result."""
    path = made(tmp_path / "forged.zip", link("results/0001.1.txt", "/etc/passwd"))
    with pytest.raises(StoreError, match="no file of a run"):
        unpack(path)
    assert untouched(temporary, path) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_doubled_files_are_refused(tmp_path: Path) -> None:
    """A name that comes twice could show one thing and unpack another."""
    path = made(tmp_path / "forged.zip", ("plan.json", b'{"name": "x"}'))
    with pytest.raises(StoreError, match="a file twice"):
        unpack(path)


def test_bombs_are_refused(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What unpacks to more than a limit is refused before anything is written."""
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    bomb = made(tmp_path / "bomb.zip", ("results/0001.1.txt", bytes(200_000)))
    assert bomb.stat().st_size < 2_000
    with pytest.raises(StoreError, match="unpacks to 200,055 bytes, and at most 100,000 are"):
        unpack(bomb)
    monkeypatch.setattr(module, "MOST_FILES", 10)
    files = [(f"results/{n:04d}.1.txt", b"") for n in range(10)]
    with pytest.raises(StoreError, match="more than 10 files"):
        unpack(made(tmp_path / "many.zip", *files))
    assert list(temporary.iterdir()) == []


def test_a_bomb_that_lies_about_its_size(tmp_path: Path, temporary: Path) -> None:
    """No more is written than a file says it has; what does not fit is damaged."""
    path = made(tmp_path / "liar.zip", ("results/0001.1.txt", bytes(5_000_000)))
    data = bytearray(path.read_bytes())
    real = (5_000_000).to_bytes(4, "little")
    assert data.count(real) == 2
    path.write_bytes(data.replace(real, (10).to_bytes(4, "little")))
    with pytest.raises(StoreError, match="damaged"):
        unpack(path)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"format": 2, "run": RUN}, "Install a newer one"),
        ({"format": 1, "run": "../../evil"}, "does not name one"),
        ({"format": 1, "run": RUN + "/.."}, "does not name one"),
        ({"format": 1, "run": 7}, "does not name one"),
        ({"format": "1", "run": RUN}, "does not name one"),
        ([], "does not name one"),
        (b"\xff{", "does not name one"),
        (b"[" * 60_000, "does not name one"),
        (b" " * 1_000_000 + b"{}", "does not name one"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_forged_manifests(tmp_path: Path, temporary: Path, manifest: Any, said: str) -> None:
    """The id becomes a folder's name: nothing but an id of ours is taken for one."""
    with pytest.raises(StoreError, match=said):
        unpack(made(tmp_path / "forged.zip", manifest=manifest))
    assert list(temporary.iterdir()) == []


def wrong() -> Iterator[tuple[str, bytes]]:
    """Files that are no archives of runs."""
    yield "empty", b""
    yield "text", b"not a zip at all"
    yield "cut off", b"PK\x03\x04" + bytes(40)
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("plan.json", "{}")
    yield "other zip", plain.getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("orchestra.json", json.dumps({"format": 1, "run": RUN}))
    yield "bzip2", packed.getvalue()
    without = io.BytesIO()
    with zipfile.ZipFile(without, "w") as archive:
        archive.writestr("orchestra.json", json.dumps({"format": 1, "run": RUN}))
    yield "no plan", without.getvalue()
    secret = bytearray(without.getvalue())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        secret[secret.index(mark) + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    yield "encrypted", bytes(secret)


@pytest.mark.parametrize(("data"), [data for _, data in wrong()], ids=[name for name, _ in wrong()])
def test_what_is_no_archive_of_a_run(tmp_path: Path, temporary: Path, data: bytes) -> None:
    """Another file is refused with one clear error, and leaves nothing behind."""
    path = tmp_path / "wrong.zip"
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"wrong\.zip|holds no run"):
        onb.open(path)
    assert list(temporary.iterdir()) == []


def test_damaged_archives(archived: Path, temporary: Path) -> None:
    """Whatever byte was flipped: the run is read as it was, or the archive is refused."""
    data = archived.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        archived.write_bytes(data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :])
        try:
            opened = onb.open(archived)
            assert opened.results["spends"] == "x" * 5_000
        except onb.OrchestraError:
            continue
    del opened
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_what_is_taken_for_an_archive(archived: Path, tmp_path: Path) -> None:
    """A file by its name or its first bytes; an id of a run never."""
    other = tmp_path / "noname"
    other.write_bytes(archived.read_bytes())
    plan = tmp_path / "plan.yaml"
    plan.write_text("name: x")
    (tmp_path / "folder.zip").mkdir()
    found = [is_archive(path) for path in (archived, other, plan, tmp_path / "folder.zip")]
    assert found == [True, True, False, False]
    assert not is_archive(Path(RUN))
