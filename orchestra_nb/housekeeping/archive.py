"""A run as one file, to keep or to hand on: ``<run>.orchestra.zip``.

The archive holds what the run's folder holds, under the same names, and ``orchestra.json``, which
says what it is. The same run gives the same bytes. Nothing in an archive is believed: what is no
file of a run, by its name, kind or size, is refused before anything is unpacked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..errors import StoreError
from ..plan.text import short
from ..store import files
from ..store.folder import RunFolder
from ..store.home import RUN_ID
from .inspecting import kind_of

__all__ = ["ARCHIVE_SUFFIX", "MOST_BYTES", "MOST_FILES", "export", "is_archive", "unpack"]

ARCHIVE_SUFFIX: Final = ".orchestra.zip"
ARCHIVE_FORMAT: Final = 1
MOST_BYTES: Final = 1 << 30
"""An archive that holds more is not unpacked."""
MOST_FILES: Final = 100_000
_MANIFEST: Final = "orchestra.json"
_MOST_MANIFEST: Final = 65_536
_CHUNK: Final = 1 << 20
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_FLAGS: Final = 0x0800 | 0x0008 | 0x0006
"""Names in UTF-8, sizes behind the data, how well it is packed; others are encryption and such."""
_LEFT_OUT: Final = re.compile(r"lock|torn-\d+\.jsonl")


def export(folder: RunFolder, target: Path, *, replace: bool = False) -> int:
    """Write a run into one file, as it is on disk: masked, readable by the owner alone.

    A run that goes on is exported as far as it is, up to the last whole line of its log.

    Args:
        folder: The run's folder.
        target: The file.
        replace: Whether a file that is there may go.

    Returns:
        How many bytes its files have, unpacked.

    Raises:
        StoreError: If the file is there, or something can't be read or written.
    """
    if not replace and os.path.lexists(target):
        raise StoreError(f"{target} exists. Name another file, or replace it with --force.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    total = 0
    try:
        temporary.unlink(missing_ok=True)
        fd = files.new_file(temporary)
        try:
            with (
                os.fdopen(fd, "wb") as out,
                zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                manifest = {"format": ARCHIVE_FORMAT, "run": folder.id}
                with archive.open(_entry(_MANIFEST), "w") as entry:
                    entry.write(json.dumps(manifest).encode() + b"\n")
                for name in _names(folder):
                    total += _add(archive, folder, name)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"The run can't be exported to {target}: {error}") from error
    return total


def _names(folder: RunFolder) -> Iterator[str]:
    """The files of a run that others need, in a fixed order; links are left out."""
    for under in ("", "results/", "transcripts/"):
        place = folder.path / under
        if not place.is_dir() or place.is_symlink():
            continue
        for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
            name = under + entry.name
            if _belongs(name) and entry.is_file(follow_symlinks=False):
                yield name


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o600) << 16
    return entry


def _add(archive: zipfile.ZipFile, folder: RunFolder, name: str) -> int:
    """Add a file; of a log that somebody writes the lines that are whole."""
    grows = name == folder.log.name and folder.owner is not None
    size = 0
    with os.fdopen(files.open_file(folder.path / name, os.O_RDONLY), "rb") as source:
        left = os.fstat(source.fileno()).st_size
        entry = _entry(name)
        with archive.open(entry, "w", force_zip64=left >= zipfile.ZIP64_LIMIT) as target:
            rest = b""
            while left > 0 and (data := source.read(min(_CHUNK, left))):
                left -= len(data)
                if grows:
                    whole, newline, rest = (rest + data).rpartition(b"\n")
                    data = whole + newline
                target.write(data)
                size += len(data)
    return size


def is_archive(path: Path) -> bool:
    """Whether a path is meant as an archive: a file, by its name or its first bytes."""
    if not os.path.isfile(path):  # Path.is_file raises for what is no name at all
        return False
    if path.name.lower().endswith(".zip"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def unpack(path: Path) -> RunFolder:
    """Unpack an archive into a new private folder, the home of this one run.

    The caller removes that home.

    Raises:
        StoreError: If it is no archive of a run, a newer version wrote it, or something in it is
            none of a run's files. Then nothing is left behind.
    """
    home: Path | None = None
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check(path, entries)
            run_id = _run_of(path, archive)
            home = Path(tempfile.mkdtemp(prefix="orchestra-"))
            return _unpacked(archive, entries, home / "runs" / run_id)
    except BaseException as error:
        if home is not None:
            shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, StoreError) or not isinstance(error, Exception):
            raise
        if isinstance(error, OSError):
            raise StoreError(f"{path} can't be unpacked: {error}") from error
        # Foreign bytes make zipfile raise almost anything.
        raise StoreError(f"{path} is no archive of a run, or damaged: {error}") from error


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what no run has, before anything is read."""
    names = [entry.filename for entry in entries]
    if _MANIFEST not in names:
        raise StoreError(
            f"{path} is no archive of a run: {_MANIFEST} is missing. Archives are made by "
            "orchestra-nb export RUN."
        )
    if len(entries) > MOST_FILES:
        raise StoreError(f"{path} is refused: it holds more than {MOST_FILES:,} files.")
    for entry in entries:
        mode = entry.external_attr >> 16
        if (
            not (entry.filename == _MANIFEST or _belongs(entry.filename))
            or stat.S_IFMT(mode) not in (0, stat.S_IFREG)
            or entry.flag_bits & ~_FLAGS
            or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        ):
            raise StoreError(f"{path} is refused: {short(entry.filename)} is no file of a run.")
    if len(set(names)) < len(names):
        raise StoreError(f"{path} is refused: it holds a file twice.")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise StoreError(
            f"{path} is refused: it unpacks to {total:,} bytes, and at most {MOST_BYTES:,} are. "
            "If you trust it, unpack it yourself into the runs folder of a home."
        )


def _belongs(name: str) -> bool:
    return kind_of(name) == "run" and not _LEFT_OUT.fullmatch(name)


def _run_of(path: Path, archive: zipfile.ZipFile) -> str:
    """The run's id, which becomes the name of a folder."""
    with archive.open(_MANIFEST) as file:
        data = file.read(_MOST_MANIFEST)
    try:
        manifest: Any = json.loads(data)
    except (ValueError, RecursionError):
        manifest = None
    version = manifest.get("format") if isinstance(manifest, dict) else None
    if type(version) is int and version > ARCHIVE_FORMAT:
        raise StoreError(
            f"{path} is an archive of format {version}; this version of orchestra_nb reads up to "
            f"{ARCHIVE_FORMAT}. Install a newer one."
        )
    run_id = manifest.get("run") if isinstance(manifest, dict) else None
    if version != ARCHIVE_FORMAT or not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise StoreError(f"{path} is no archive of a run: {_MANIFEST} does not name one.")
    return run_id


def _unpacked(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], path: Path) -> RunFolder:
    folder = RunFolder(path)
    for place in (path.parent, path, folder.results, folder.transcripts, folder.answers):
        files.make_folder(place)
    for entry in entries:
        if entry.filename != _MANIFEST:
            with archive.open(entry) as source:
                fd = files.new_file(path / entry.filename)
                with os.fdopen(fd, "wb") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
    return RunFolder.open(path)
