"""The answers inbox: how other processes speak to a run.

Whoever wants something puts ``answers/<id>.json``, a command's JSON, into the run's folder and
waits for ``answers/<id>.reply.json``. The process that runs it takes a request by renaming it, so
that it is either taken or still there to be taken back: never both.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final
from uuid import uuid4

from ..commands import Command, Reply, Shown, Source, Touch, from_json, to_json
from ..errors import CommandError, StoreError, Unanswered
from . import files
from .folder import RunFolder

__all__ = ["Inbox", "Obey", "ask", "tell"]

Obey = Callable[[Command, Callable[[Reply], None]], None]
"""Carries a command out; the reply is given later, in any thread."""

MOST_BYTES: Final = 256 * 1024
"""A request is no longer than that, and neither is a reply."""
ANSWERS_WITHIN_S: Final = 2.0
"""How long a request lies there before it is taken back."""
REPLY_WITHIN_S: Final = 5.0
"""How much longer one waits when the request was taken."""
LOOKS_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 0.01
_ALIVE_EVERY_S: Final = 0.25
_LOOKS_ON_S: Final = 3.0
"""After a change one looks so long without asking for the folder's time: clocks of file systems
are as coarse as two seconds."""
_LAST_REPLIES_S: Final = 0.5
_KEPT_S: Final = 30.0
"""A reply that nobody fetched goes after that."""
_MOST_AT_ONCE: Final = 500
_MOST_LOOKED_AT: Final = 10_000
_REQUEST = re.compile(r"([0-9a-f]{32})\.json")
_OURS = re.compile(r"\.?[0-9a-f]{32}\.[a-z0-9.]+")
_UNSEEN: Final = (
    "The run changed hands before this was seen, and it was not used. Look at the run, then say "
    "it again."
)


class Inbox:
    """The requests that others put into a run's folder, for the process that runs it.

    From :meth:`open` on one thread looks after the inboxes of all runs of the process. What a
    dead process left behind is not carried out: who asked is told so.

    Args:
        folder: The run's folder; the caller holds its lock.
        obey: What carries a command out.
    """

    def __init__(self, folder: RunFolder, obey: Obey):
        self._path = folder.answers
        self._obey = obey
        self._taking, self._counting = threading.Lock(), threading.Lock()
        self._unanswered = 0
        self._seen: int | None = None
        self._look_until = 0.0
        with contextlib.suppress(OSError, StoreError):
            self._clear()

    def open(self) -> None:
        """Have it looked after until :meth:`close`."""
        _postman.add(self)

    def close(self) -> None:
        """Take what is there a last time, and no more; every reply is there once this returns.

        (The process may end right after: who asked would not know what came of it.)
        """
        _postman.remove(self)
        self.collect()
        end = time.monotonic() + _LAST_REPLIES_S
        while self._unanswered and time.monotonic() < end:
            time.sleep(_PATIENCE_S)
        _postman.flush(max(0.0, end - time.monotonic()))

    def collect(self) -> None:
        """Take every request that is there and hand it on. Any thread; never raises.

        Once it returns, whatever was there before the call is handed on, also by another thread.
        """
        with self._taking, contextlib.suppress(OSError, StoreError):
            for count, name in enumerate(_requests(self._path)):
                if count == _MOST_AT_ONCE:  # the rest has to wait for the next look
                    self._seen = None
                    return
                self._take(name)

    def changed(self) -> bool:
        """Whether something may have come since the last time this was asked."""
        try:
            now = os.stat(self._path).st_mtime_ns
        except OSError:
            return False
        if now != self._seen:
            self._seen = now
            self._look_until = time.monotonic() + _LOOKS_ON_S
        return time.monotonic() < self._look_until

    def _take(self, name: str) -> None:
        taken = self._path / f"{name}.taken"
        try:
            os.rename(self._path / f"{name}.json", taken)
        except OSError:
            return  # taken back meanwhile
        try:
            command = _read_request(taken)
        except CommandError as error:
            refused = Reply(False, str(error), error.faults)
            _postman.deliver(self._path, name, refused)
            return
        finally:
            with contextlib.suppress(OSError):
                os.unlink(taken)
        if isinstance(command, (Touch, Shown)):  # these have no reply
            self._obey(command, _unheard)
            return

        def answer(reply: Reply) -> None:
            _postman.deliver(self._path, name, reply)
            with self._counting:
                self._unanswered -= 1

        with self._counting:
            self._unanswered += 1
        self._obey(command, answer)

    def _clear(self) -> None:
        """Judge what the last owner left: nothing of it is carried out."""
        for name in _requests(self._path):
            with contextlib.suppress(OSError):
                os.unlink(self._path / f"{name}.json")
                _postman.deliver(self._path, name, Reply(False, _UNSEEN))
        old = time.time() - _KEPT_S
        for entry in _entries(self._path):
            if _OURS.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    # Replies and what is being written may still find whom they are for.
                    gone = entry.name.endswith(".taken")
                    if gone or entry.stat(follow_symlinks=False).st_mtime < old:
                        os.unlink(entry.path)


def _unheard(reply: Reply) -> None:
    """Nobody waits for it."""


def _nothing() -> None:
    """Only to be woken."""


def _entries(path: Path) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return list(islice(entries, _MOST_LOOKED_AT))


def _requests(path: Path) -> Iterator[str]:
    """The names of the requests in a folder; what is no plain file is none."""
    for entry in _entries(path):
        match = _REQUEST.fullmatch(entry.name)
        with contextlib.suppress(OSError):
            if match is not None and entry.is_file(follow_symlinks=False):
                yield match[1]


def _read_request(path: Path) -> Command:
    """The command in a file that anybody may have written."""
    try:
        message = _read(path)
    except (OSError, StoreError, ValueError, RecursionError) as error:
        raise CommandError(f"The request can't be read: {error}") from None
    source: Source = "remote"
    if isinstance(message, dict) and message.pop("source", None) == "cli":
        source = "cli"
    return from_json(message, source=source)


def _read(path: Path) -> Any:
    """The JSON of a file of at most so many bytes."""
    # Not to be held up by a pipe that somebody put there.
    fd = files.open_file(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(fd, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is longer than {MOST_BYTES // 1024} kB")
    return json.loads(data.decode())


class _Postman:
    """The one thread that looks into the inboxes of this process's runs and writes replies."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._inboxes: list[Inbox] = []
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._old: deque[tuple[float, Path]] = deque()
        self._thread: threading.Thread | None = None

    def add(self, inbox: Inbox) -> None:
        """Look after it."""
        with self._changing:
            self._inboxes = [*self._inboxes, inbox]
        self._jobs.put(_nothing)
        self._wake()

    def remove(self, inbox: Inbox) -> None:
        """Look after it no more."""
        with self._changing:
            self._inboxes = [other for other in self._inboxes if other is not inbox]

    def deliver(self, path: Path, name: str, reply: Reply) -> None:
        """Write a reply. Any thread, without waiting for the disk."""
        self._jobs.put(lambda: self._write(path, name, reply))
        self._wake()

    def flush(self, timeout: float) -> None:
        """Wait until what was handed over so far is written."""
        written = threading.Event()
        self._jobs.put(written.set)
        self._wake()
        written.wait(timeout)

    def _wake(self) -> None:
        with self._changing:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="orchestra-answers", daemon=True
                )
                self._thread.start()

    def _work(self) -> None:
        while True:
            with contextlib.suppress(Empty):
                self._jobs.get(timeout=LOOKS_EVERY_S if self._inboxes else 1.0)()
                continue  # replies first: somebody waits for each
            for inbox in self._inboxes:
                if inbox.changed():
                    inbox.collect()
            self._tidy()
            with self._changing:
                if not self._inboxes and not self._old and self._jobs.empty():
                    self._thread = None
                    return

    def _write(self, path: Path, name: str, reply: Reply) -> None:
        said = {"ok": reply.ok, "text": reply.text, "faults": dict(reply.faults)}
        place = path / f"{name}.reply.json"
        with contextlib.suppress(OSError, StoreError):  # the asker hears nothing then, and says so
            files.replace_file(place, json.dumps(said | {"late": reply.late}).encode())
            self._old.append((time.monotonic() + _KEPT_S, place))

    def _tidy(self) -> None:
        """Remove replies that nobody fetched."""
        while self._old and self._old[0][0] <= time.monotonic():
            with contextlib.suppress(OSError):
                os.unlink(self._old.popleft()[1])


_postman = _Postman()


def _forget() -> None:
    # Threads don't survive a fork, and the runs of the parent are none of the child's business.
    global _postman
    _postman = _Postman()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


# The other side: whoever wants something of a run.


def ask(folder: RunFolder, command: Command) -> Reply:
    """Have a command carried out by the process that runs the run, and wait for its reply.

    Args:
        folder: The run's folder.
        command: What is wanted. Its ``client`` is set where it is empty; what comes of an answer
            bears it in the log.

    Raises:
        Unanswered: If nobody runs the run, or there is no reply.
        CommandError: If the command is too long.
        StoreError: If it can't be put there.
    """
    name = uuid4().hex
    request = folder.answers / f"{name}.json"
    client = command.client or name
    _put(folder, request, replace(command, client=client))
    reply = folder.answers / f"{name}.reply.json"
    try:
        said = _await(folder, reply, ANSWERS_WITHIN_S)
        if said is not None:
            return said
        taken = not _take_back(request)
        if taken and (said := _await(folder, reply, REPLY_WITHIN_S)) is not None:
            return said
    finally:
        _take_back(request)  # where the asker was interrupted
    raise Unanswered(folder.id, owner=folder.owner, taken=taken, client=client)


def tell(folder: RunFolder, command: Command) -> None:
    """Have a command carried out that has no reply, such as that somebody types.

    Raises:
        Unanswered: If nobody runs the run.
        StoreError: If it can't be put there.
    """
    _put(folder, folder.answers / f"{uuid4().hex}.json", command)


def _put(folder: RunFolder, request: Path, command: Command) -> None:
    data = json.dumps(to_json(command)).encode()
    if len(data) > MOST_BYTES:
        raise CommandError(f"That is longer than {MOST_BYTES // 1024} kB; nothing was sent")
    if folder.owner is None:
        raise Unanswered(folder.id, owner=None)
    try:
        files.make_folder(folder.answers)
        files.replace_file(request, data, durable=True)
    except OSError as error:
        raise StoreError(f"The run in {folder.path} can't be told anything: {error}") from error


def _take_back(request: Path) -> bool:
    try:
        os.unlink(request)
    except OSError:
        return False
    return True


def _await(folder: RunFolder, place: Path, seconds: float) -> Reply | None:
    """The reply, as soon as it is there; ``None`` after so long, or when the owner is dead."""
    began = looked = time.monotonic()
    while True:
        reply = _reply(place)
        now = time.monotonic()
        if reply is not None or now - began >= seconds:
            return reply
        if now - looked >= _ALIVE_EVERY_S:
            looked = now
            if folder.owner is None:
                return _reply(place)  # written just before the end
        time.sleep(_PATIENCE_S)


def _reply(place: Path) -> Reply | None:
    try:
        said = _read(place)
    except FileNotFoundError:
        return None
    except (OSError, StoreError, ValueError, RecursionError) as error:
        said, why = None, f"The reply can't be read: {error}"
    else:
        why = "The reply is none"
    with contextlib.suppress(OSError):
        os.unlink(place)
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return Reply(False, why)
    faults = said.get("faults")
    return Reply(
        said.get("ok") is True,
        said["text"],
        {str(k): str(v) for k, v in faults.items()} if isinstance(faults, dict) else {},
        said.get("late") is True,
    )
