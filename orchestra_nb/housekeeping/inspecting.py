"""Whether a run's folder is whole: everything in it is looked at, nothing is touched."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ..errors import OrchestraError, PlanError, StoreError
from ..events import Event
from ..follower import Follower
from ..plan.graph import Graph, compile_plan
from ..store import files
from ..store.folder import RunFolder
from ..store.masking import has_secret, mask, refresh_secrets
from ..store.reader import Problems, read_events
from ..store.results import fault_of
from .tail import torn_tail

__all__ = ["Finding", "Inspection", "Mend", "inspect", "kind_of"]

Mend: TypeAlias = Literal["tail", "mode", "remove", "lock"]
"""What can be done about a finding: cut the tail off, tighten its mode, remove it, empty it."""

_FOLDERS: Final = ("results", "transcripts", "answers")
_NAMES: Final = re.compile(
    r"plan\.json|orchestration-timeline\.jsonl|orchestration-plan\.md|lock|torn-\d+\.jsonl"
    r"|results/\d{4,}\.\d+(-\d+)?\.(json|txt|bin)"
    r"|transcripts/\d{4,}\.\d+\.jsonl"
)
_TEMPORARY: Final = re.compile(r"(?:\w+/)?\.[^/]+\.\d+\.tmp")
_ANSWER: Final = re.compile(r"answers/[0-9a-f]{32}\.(?:json|taken|reply\.json)")
#: A secret that lies across two chunks is found if it is no longer than that.
_CHUNK: Final = 1 << 20
_OVERLAP: Final = 8192


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a run's folder.

    Attributes:
        place: The file, named from the run's folder on; of a log with the line.
        what: What is wrong, and what follows from it.
        harm: Whether something is lost, or open to others; else it is only worth knowing.
        mend: What ``--repair`` does about it, ``None`` where nothing can be done safely.
    """

    place: str
    what: str
    harm: bool = True
    mend: Mend | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(slots=True)
class Inspection:
    """What was found in a run's folder.

    Attributes:
        folder: The folder.
        owner: Pid of the process that runs the run (0: not known), ``None`` when nobody does.
        stamp: Size and time of the log when it was read.
        status: The run's, ``unreadable`` where its log or plan can't be read.
        events: How many events the log holds that can be used.
        results: How many files of results are what was written.
        findings: In the order of the folder.
        unnamed: How many more problems the log has than are named.
    """

    folder: RunFolder
    owner: int | None
    stamp: tuple[int, int] | None = None
    status: str = "unreadable"
    events: int = 0
    results: int = 0
    findings: list[Finding] = field(default_factory=list)
    unnamed: int = 0

    def add(self, place: str, what: str, *, harm: bool = True, mend: Mend | None = None) -> None:
        """Note a finding."""
        self.findings.append(Finding(place, what, harm, mend))

    @property
    def harmed(self) -> bool:
        """Whether anything was found that does harm."""
        return any(finding.harm for finding in self.findings)


def kind_of(name: str) -> Literal["run", "temporary", "answer", "foreign"]:
    """What a file is, from its name in the run's folder: one of the run's, or else."""
    if _NAMES.fullmatch(name):
        return "run"
    if _TEMPORARY.fullmatch(name):
        return "temporary"
    return "answer" if _ANSWER.fullmatch(name) else "foreign"


def inspect(path: Path) -> Inspection:
    """Look at everything in a run's folder. Nothing is changed, and nobody is kept waiting.

    Args:
        path: The folder. The run may go on meanwhile; what is only under way is no problem.

    Raises:
        StoreError: If it is no folder of a run: a link, or neither a plan nor a log in it.
    """
    folder = RunFolder(path)
    for part in (path, path.parent):
        if part.is_symlink():
            raise StoreError(f"{part} is a symbolic link. Check the run's own folder.")
    if not path.is_dir():
        raise StoreError(f"There is no run in {path}.")
    if not any(os.path.lexists(file) for file in (folder.plan_json, folder.log)):
        raise StoreError(f"{path} holds no run: neither plan.json nor a timeline is in it.")
    refresh_secrets()
    found = Inspection(folder, _owner(folder))
    held = list(_files(found, path, ""))
    graph = _graph(found)
    named = _log(found, graph)
    _results(found, named, held)
    for name in held:
        _secrets(found, name)
    _lock(found)
    return found


def _owner(folder: RunFolder) -> int | None:
    try:
        return folder.owner
    except (OrchestraError, OSError):
        return None  # the walk says what is wrong with the lock


def _files(found: Inspection, path: Path, under: str) -> Iterator[str]:
    """The regular files that a run has, by name; everything else is a finding."""
    try:
        if not under:
            _mode(found, "./", path.stat())
        with os.scandir(path) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        found.add(under or "./", f"it can't be looked into: {error.strerror}")
        return
    for entry in entries:
        name = under + entry.name
        try:
            about = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # gone meanwhile
        if entry.is_symlink():
            found.add(name, "a symbolic link; a run is kept in plain files, and this is not read")
        elif entry.is_dir(follow_symlinks=False):
            if under or entry.name not in _FOLDERS:
                found.add(f"{name}/", "no folder of a run; left alone", harm=False)
            else:
                _mode(found, name, about)
                yield from _files(found, path / entry.name, f"{entry.name}/")
        elif not stat.S_ISREG(about.st_mode):
            found.add(name, "no regular file; it is not read")
        elif _judged(found, name):
            _mode(found, name, about)
            yield name


def _judged(found: Inspection, name: str) -> bool:
    """Whether a file is one that a run keeps."""
    kind = kind_of(name)
    if kind == "foreign":
        found.add(name, "no file of a run; left alone", harm=False)
    elif kind == "temporary" and found.owner is None:
        found.add(name, "left by a write that did not end", harm=False, mend="remove")
    elif kind == "answer" and found.owner is None:
        found.add(name, "a command or its reply that nobody took", harm=False, mend="remove")
    return kind == "run"


def _mode(found: Inspection, name: str, about: os.stat_result) -> None:
    mode = stat.S_IMODE(about.st_mode)
    if os.name != "nt" and mode & 0o077:
        wanted = 0o700 if stat.S_ISDIR(about.st_mode) else 0o600
        said = f"others may look into it: its mode is {mode:04o}, not {wanted:04o}"
        found.add(name, said, mend="mode")


def _graph(found: Inspection) -> Graph | None:
    try:
        return compile_plan(found.folder.load_plan().filled())
    except OrchestraError as error:
        fault = error.__cause__ or error
        said = str(error)
        if isinstance(fault, PlanError):
            faults = "; ".join(map(str, fault.faults[:3]))
            said = f"it is no plan, so the run can't be shown: {faults}"
        found.add("plan.json", said)
    return None


def _log(found: Inspection, graph: Graph | None) -> dict[str, dict[str, Any]]:
    """Read the log; which files of results its lines name, and what they say of them."""
    folder, named = found.folder, dict[str, dict[str, Any]]()
    torn = torn_tail(folder.log) if found.owner is None else None

    def hear(event: Event) -> None:
        found.events += 1
        named.update({str(stored["file"]): stored for stored in _stored(event)})

    try:
        about = os.stat(folder.log)
        found.stamp = (about.st_size, about.st_mtime_ns)
        if graph is None:
            events, problems = read_events(folder.log)
            for event in events:
                hear(event)
        else:
            follower = Follower(folder, graph, hear)
            found.status, problems = follower.state.status, follower.problems
    except OSError as error:
        found.add(folder.log.name, f"it can't be read: {error.strerror}")
        return named
    except StoreError as error:
        found.add(folder.log.name, str(error))
        return named
    _lines(found, problems, torn.line if torn is not None else None)
    if torn is not None:
        said = f"it ends in the middle of a line: {torn.size} bytes hold no event"
        found.add(f"{folder.log.name}, line {torn.line}", said, mend="tail")
    return named


def _stored(event: Event) -> Iterator[dict[str, Any]]:
    """What an event says of files with results: its task's own, or one that waits for review."""
    detail = event.get("detail")
    for stored in (event.get("result"), detail.get("stored") if isinstance(detail, dict) else None):
        if isinstance(stored, dict) and "file" in stored:
            yield stored


def _lines(found: Inspection, problems: Problems, torn: int | None) -> None:
    log = found.folder.log.name
    for problem in problems.named:
        if problem.line != torn:
            found.add(f"{log}, line {problem.line}", problem.why)
    found.unnamed = problems.count - len(problems.named)


def _results(found: Inspection, named: dict[str, dict[str, Any]], held: list[str]) -> None:
    for name, stored in named.items():
        if not (name.startswith("results/") and _NAMES.fullmatch(name)):
            found.add(found.folder.log.name, f"it names {name!r} as a result, which it can't be")
            continue
        fault = fault_of(found.folder.path, stored)
        if fault:
            found.add(name, f"it {fault}; the result that a line of the log names is lost")
        else:
            found.results += 1
    if found.owner is None:
        for name in held:
            if name.startswith("results/") and name not in named:
                said = "no line of the log names it: its task did not get to its end"
                found.add(name, said, harm=False)


def _secrets(found: Inspection, name: str) -> None:
    try:
        with os.fdopen(files.open_file(found.folder.path / name, os.O_RDONLY), "rb") as file:
            before = b""
            while chunk := file.read(_CHUNK):
                text = (before + chunk).decode("utf-8", "replace")
                if has_secret(text) and mask(text) != text:
                    said = "it holds what looks like a key or a token; whoever can read it has it"
                    found.add(name, said)
                    return
                before = chunk[-_OVERLAP:]
    except FileNotFoundError:
        return  # gone meanwhile
    except (OSError, StoreError) as error:
        found.add(name, f"it can't be read: {error}")


def _lock(found: Inspection) -> None:
    lock = found.folder.lock
    try:
        said = lock.read_bytes()[:20].strip() if not lock.is_symlink() else b""
    except OSError:
        return
    if said and found.owner is None:
        pid = said.decode("ascii", "replace")
        said_of = f"it names process {pid}, which does not run the run: it ended without a word"
        found.add(lock.name, said_of, harm=False, mend="lock")
