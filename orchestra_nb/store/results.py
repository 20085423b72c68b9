"""Results of tasks: how each kind of value is kept, and read back.

What ``agent_complete`` says of a result is one of::

    {"kind": "none"}
    {"kind": "json", "value": ...}                          small, in the log itself
    {"kind": K, "file": "results/0003.1.json", "size": bytes, "sha256": hex, ...}
    {"kind": "repr", "stored": false, "why": ..., "repr": at most 4 kB}

with K one of ``json``, ``text``, ``bytes``, ``model`` (pydantic; ``class`` names it), ``frame``
(pandas.DataFrame), ``figure`` (plotly). A value is kept only if it comes back as it was; there is
one exception, ``"masked": true``, when secrets were taken out. Nothing is ever pickled, and reading
imports no code that the file names.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import reprlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.protocols import Stored
from ..errors import StoreError
from . import files
from .exact import (
    InexactError,
    SecretError,
    check_exact,
    exact_bytes,
    exact_pieces,
    is_small,
)
from .masking import has_secret, mask, mask_value

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "ResultJob",
    "fault_of",
    "inline_result",
    "keep_results",
    "load_result",
    "not_stored",
]

_INLINE = 1024
_REPR = 4096
_BUFFER = 1 << 20
_FILE = re.compile(r"results/\d{4,}\.\d+(-\d+)?\.(json|txt|bin)")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

_repr = reprlib.Repr()
_repr.maxlist = _repr.maxtuple = _repr.maxdict = _repr.maxset = _repr.maxfrozenset = 50
_repr.maxstring = _repr.maxother = _REPR


@dataclass(frozen=True, slots=True)
class ResultJob:
    """A value to be kept for attempt ``attempt`` of the task with this 0-based index."""

    folder: Path
    index: int
    attempt: int
    value: object
    done: Callable[[Stored], None]


def inline_result(value: object) -> Stored | None:
    """How a small value is kept in the log itself, or ``None`` if it needs a file."""
    if value is None:
        return {"kind": "none"}
    kind = type(value)
    if kind is bool:
        return {"kind": "json", "value": value}
    if kind is str and len(value) > _INLINE:  # type: ignore[arg-type]
        return None
    try:
        if not is_small(value, _INLINE):
            return None
        text = _encode(value)
        data = exact_bytes(text)
    except InexactError:
        return None
    if len(data) > _INLINE:
        return None
    # The log's event lives on, so it gets a value of its own.
    own = json.loads(data) if kind is list or kind is dict else value
    if has_secret(text) and (masked := mask_value(own)) != own:
        return {"kind": "json", "value": masked, "masked": True}
    return {"kind": "json", "value": own}


def not_stored(value: object, why: str) -> Stored:
    """What is said of a value that can't be kept."""
    try:
        text = _repr.repr(value)
    except BaseException as error:  # a foreign __repr__ may raise anything
        text = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    text = mask(text).encode("utf-8", "backslashreplace")[:_REPR].decode("utf-8", "ignore")
    return {"kind": "repr", "stored": False, "why": why, "repr": text}


def keep_results(jobs: Sequence[ResultJob]) -> None:
    """Keep some values durably, then tell each job's ``done``; never raises."""
    kept = [(job, _keep(job)) for job in jobs]
    failed: OSError | None = None
    try:
        for folder in {job.folder for job in jobs}:
            files.sync_folder(folder / "results")
    except OSError as error:
        failed = error
    for job, stored in kept:
        if failed is not None and "file" in stored:
            stored = not_stored(job.value, f"its file could not be made durable: {failed}")
        with contextlib.suppress(Exception):  # one listener's fault must not cost the others
            job.done(stored)


def _keep(job: ResultJob) -> Stored:
    try:
        try:
            return _keep_as(job, job.value, suspected=False)
        except SecretError:
            return _keep_as(job, job.value, suspected=True)
    except InexactError as error:
        return not_stored(job.value, str(error))
    except BaseException as error:  # values, models and disks can raise anything
        return not_stored(job.value, f"it could not be kept: {type(error).__name__}: {error}")


def _keep_as(job: ResultJob, value: Any, *, suspected: bool) -> Stored:
    """Keep a value by its kind; ``suspected``: it may hold secrets, which are taken out."""
    kind = type(value)
    if kind is bytes:
        return _write(job, "bytes", "bin", _slices(value))
    if kind is str and _encodable(value):
        text, note = _clean(value, suspected=suspected)
        return _write(job, "text", "txt", _encoded(text)) | note
    if _is_a("pydantic", value):
        text, note = _model_json(value, suspected=suspected)
        note["class"] = f"{kind.__module__}:{kind.__qualname__}"
        return _write(job, "model", "json", _encoded(text)) | note
    if _is_a("plotly", value):
        text, note = _figure_json(value, suspected=suspected)
        return _write(job, "figure", "json", _encoded(text)) | note
    if _is_a("pandas", value):
        from .frames import frame_data

        name, data = "frame", frame_data(value)
    else:
        name, data = "json", value
    if not suspected:
        return _write(job, name, "json", exact_pieces(data))
    check_exact(data)  # masking makes a copy that could hide what is not
    own = mask_value(data)
    note = {} if own == data else {"masked": True}
    return _write(job, name, "json", exact_pieces(own, suspect=False)) | note


def _is_a(package: str, value: object) -> bool:
    """Whether a class of the package is among the value's, without importing the package."""
    return any(base.__module__.partition(".")[0] == package for base in type(value).__mro__)


def _clean(text: str, *, suspected: bool) -> tuple[str, Stored]:
    if not has_secret(text):
        return text, {}
    if not suspected:
        raise SecretError
    masked = mask(text)
    return masked, ({} if masked == text else {"masked": True})


def _clean_json(text: str, *, suspected: bool) -> tuple[str, Stored]:
    if not has_secret(text):
        return text, {}
    if not suspected:
        raise SecretError
    data = json.loads(text)
    masked = mask_value(data)
    return (text, {}) if masked == data else (_encode(masked), {"masked": True})


def _model_json(value: Any, *, suspected: bool) -> tuple[str, Stored]:
    text = value.model_dump_json(by_alias=True, round_trip=True)
    try:
        same = type(value).model_validate_json(text) == value
    except Exception as error:
        raise InexactError(f"its model refuses its own JSON: {error}") from error
    if not same:
        raise InexactError("its model makes something else of its JSON")
    return _clean_json(text, suspected=suspected)


def _figure_json(value: Any, *, suspected: bool) -> tuple[str, Stored]:
    from plotly.basedatatypes import BaseFigure

    if not isinstance(value, BaseFigure):
        raise InexactError(f"it is a {type(value).__name__}, not a figure")
    return _clean_json(value.to_json(), suspected=suspected)


def _encodable(text: str) -> bool:
    """Whether the text is UTF-8: one with half surrogates is kept as JSON, which can say them."""
    try:
        for start in range(0, len(text), _BUFFER):
            text[start : start + _BUFFER].encode()
    except UnicodeEncodeError:
        return False
    return True


def _encoded(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), _BUFFER):
        yield text[start : start + _BUFFER].encode()


def _slices(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _BUFFER):
        yield data[start : start + _BUFFER]


def _write(job: ResultJob, kind: str, suffix: str, pieces: Iterator[bytes]) -> Stored:
    """Write a new file, durable but for its name in the folder."""
    path, fd = _new_file(job, suffix)
    digest, size = hashlib.sha256(), 0
    try:
        try:
            buffer = bytearray()
            for piece in pieces:
                buffer += piece
                if len(buffer) >= _BUFFER:
                    size += _flush(fd, buffer, digest.update)
            size += _flush(fd, buffer, digest.update)
            files.sync_file(fd)
        finally:
            os.close(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return {
        "kind": kind,
        "file": f"results/{path.name}",
        "size": size,
        "sha256": digest.hexdigest(),
    }


def _flush(fd: int, buffer: bytearray, update: Callable[[bytes], None]) -> int:
    data = bytes(buffer)
    buffer.clear()
    update(data)
    files.write_all(fd, data)
    return len(data)


def _new_file(job: ResultJob, suffix: str) -> tuple[Path, int]:
    """A file of its own: one that is there may be what an earlier line of the log names."""
    folder = job.folder / "results"
    stem = f"{job.index + 1:04d}.{job.attempt}"
    for number in itertools.count(1):
        path = folder / (f"{stem}.{suffix}" if number == 1 else f"{stem}-{number}.{suffix}")
        with contextlib.suppress(FileExistsError):
            return path, files.new_file(path)
    raise AssertionError("unreachable")


def load_result(folder: Path, stored: Stored, *, model: type[BaseModel] | None = None) -> object:
    """Read a result back.

    Args:
        folder: The run's folder.
        stored: What the log says of it.
        model: Class of a result of the kind ``model``. Without it the plain data is returned: no
            class is ever imported because a file names it.

    Raises:
        StoreError: If it was not stored, is missing, or is not what was written.
    """
    kind = stored.get("kind")
    if kind == "none":
        return None
    if kind == "json" and "value" in stored:
        return stored["value"]
    if kind == "repr":
        raise StoreError(f"The result was not stored: {stored.get('why')}.")
    data = _read(folder, stored)
    try:
        if kind == "bytes":
            return data
        if kind == "text":
            return data.decode()
        if kind == "model" and model is not None:
            return model.model_validate_json(data)
        if kind in ("json", "model"):
            return json.loads(data)
        if kind == "frame":
            from .frames import frame_from_data

            return frame_from_data(json.loads(data))
        if kind == "figure":
            from plotly.io import from_json

            return from_json(data.decode())
    except Exception as error:
        raise StoreError(f"The result in {stored['file']} can't be read: {error}") from error
    raise StoreError(f"A result of the kind {kind!r} can't be read by this version.")


def _read(folder: Path, stored: Stored) -> bytes:
    name = stored.get("file")
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        raise StoreError(f"The log names {name!r} as a result's file, which it can't be.")
    try:
        data = files.read_bytes(folder / name)
    except OSError as error:
        raise StoreError(f"The result in {name} can't be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != stored.get("sha256"):
        raise StoreError(f"The result in {name} is not what was written: its checksum differs.")
    return data


def fault_of(folder: Path, stored: Stored) -> str:
    """What is wrong with the file of a result; empty if it is what was written, or there is none.

    Args:
        folder: The run's folder.
        stored: What the log says of the result.
    """
    name = stored.get("file")
    if name is None:
        return ""
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        return "is none that a run has"
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(files.open_file(folder / name, os.O_RDONLY), "rb") as file:
            while chunk := file.read(_BUFFER):
                digest.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        return "is missing"
    except (OSError, StoreError) as error:
        return f"can't be read: {error}"
    if size != stored.get("size"):
        return f"has {size} bytes, not the {stored.get('size')} that were written"
    if digest.hexdigest() != stored.get("sha256"):
        return "is not what was written: its checksum differs"
    return ""
