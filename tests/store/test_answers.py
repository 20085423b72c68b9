"""The answers inbox: what other processes want of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from orchestra_nb.commands import Answer, Command, Hold, Note, Reply, Touch, to_json
from orchestra_nb.engine.orders import Order
from orchestra_nb.errors import CommandError, StoreError, Unanswered
from orchestra_nb.plan import Decision
from orchestra_nb.store import answers
from orchestra_nb.store.answers import Inbox, ask, tell
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.journal import FileJournal

from ..engine.rig import Rig, choice, one_phase
from .disk import replaced

ROOT = Path(__file__).parent.parent.parent
ANSWER = Answer(decision="d", option="B", source="cli", who="maria")
YES = Reply(True, "D: B, by you.")


class Owner:
    """A process that runs a run, as far as its inbox is concerned."""

    def __init__(self, folder: RunFolder, reply: Reply | None = YES):
        self.heard: list[Command] = []
        self.reply = reply
        self.inbox = Inbox(folder, self.obey)

    def obey(self, command: Command, reply: Callable[[Reply], None]) -> None:
        """Hear a command, and reply if there is something to be said."""
        self.heard.append(command)
        if self.reply is not None:
            reply(self.reply)


@pytest.fixture
def folder(folder: RunFolder, journal: FileJournal) -> RunFolder:
    """A run's folder that this process owns."""
    assert journal.folder is folder
    return folder


@pytest.fixture
def owner(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Owner]:
    """An owner that looks into its inbox, more often than others."""
    monkeypatch.setattr(answers, "LOOKS_EVERY_S", 0.01)
    owner = Owner(folder)
    owner.inbox.open()
    yield owner
    owner.inbox.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks gives up soon."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 0.05)
    monkeypatch.setattr(answers, "REPLY_WITHIN_S", 0.05)


class Clock:
    """Stands in for ``time``: says what a test wants."""

    def __init__(self, now: list[float]):
        self._now = now

    def monotonic(self) -> float:
        """The one time in the list."""
        return self._now[0]

    def time(self) -> float:
        """The real one: files bear it."""
        return time.time()


def names(folder: RunFolder) -> list[str]:
    """What lies in the inbox."""
    return sorted(path.name for path in folder.answers.iterdir())


def put(folder: RunFolder, message: Any, name: str | None = None) -> Path:
    """Lay a request down as any program might."""
    path = folder.answers / f"{name or uuid4().hex}.json"
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    path.write_bytes(data)
    return path


def reply_to(request: Path) -> dict[str, Any]:
    """The reply to a request, as soon as it is there."""
    place = request.with_suffix(".reply.json")
    until(place.exists)
    found: dict[str, Any] = json.loads(place.read_bytes())
    return found


def until(true: Callable[[], object]) -> None:
    """Wait for something, ten seconds at most."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_command_is_carried_out_and_answered(folder: RunFolder, owner: Owner) -> None:
    """Who asks hears what came of it, the log will know which request it was, nothing is left."""
    assert ask(folder, ANSWER) == YES
    (heard,) = owner.heard
    assert isinstance(heard, Answer)
    assert (heard.decision, heard.option, heard.who, heard.source) == ("d", "B", "maria", "cli")
    assert len(heard.client) == 32
    assert names(folder) == []


def test_every_field_of_a_reply_comes_through(folder: RunFolder, owner: Owner) -> None:
    """Faults and lateness reach the one who asked."""
    owner.reply = Reply(False, "No.", {"latency": "Needs a whole number."}, True)
    assert ask(folder, ANSWER) == owner.reply


@pytest.mark.parametrize("source", ["board", "python", "remote", "nonsense", 7, None])
def test_nobody_comes_through_another_door(folder: RunFolder, source: object) -> None:
    """What is not from the command line is from elsewhere, whatever it says; who is kept."""
    owner = Owner(folder)
    put(folder, to_json(ANSWER) | {"source": source})
    owner.inbox.collect()
    assert [(heard.source, heard.who) for heard in owner.heard] == [("remote", "maria")]


def test_requests_are_private_and_whole(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    """A request is for its owner's eyes alone, and is durable before it gets its name."""
    synced: list[int] = []
    seen: list[tuple[int, int, bool]] = []

    def fsync(fd: int) -> None:
        synced.append(os.fstat(fd).st_ino)
        os.fsync(fd)

    def rename(source: Path, target: Path) -> None:
        found = os.stat(source)
        seen.append((found.st_mode & 0o777, found.st_size, found.st_ino in synced))
        os.replace(source, target)

    replaced(monkeypatch, fsync=fsync, replace=rename)
    with pytest.raises(Unanswered):
        ask(folder, ANSWER)
    ((mode, size, durable),) = seen
    assert (mode, durable) == (0o600, True)
    assert size > 50


def test_a_dead_run_is_not_asked(folder: RunFolder, journal: FileJournal) -> None:
    """Where nobody runs the run, the refusal comes at once and nothing is written."""
    journal.close()
    began = time.monotonic()
    for say in (ask, tell):
        with pytest.raises(Unanswered, match="Nobody runs") as caught:
            say(folder, ANSWER)
        assert (caught.value.owner, caught.value.taken) == (None, False)
    assert time.monotonic() - began < 1
    assert names(folder) == []


def test_what_nobody_took_is_taken_back(folder: RunFolder, impatient: None) -> None:
    """A process that lives and does not look has not used the request."""
    with pytest.raises(Unanswered, match=r"taken back: process \d+ is busy") as caught:
        ask(folder, ANSWER)
    assert (caught.value.owner, caught.value.taken) == (os.getpid(), False)
    assert names(folder) == []


def test_what_was_taken_may_have_counted(
    folder: RunFolder, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a reply to what was taken it is said that it may have counted, and how to know."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 0.5)
    monkeypatch.setattr(answers, "REPLY_WITHIN_S", 0.05)
    owner.reply = None
    with pytest.raises(Unanswered, match="whether it counted stands in its log") as caught:
        ask(folder, ANSWER)
    assert caught.value.taken
    assert [heard.client for heard in owner.heard] == [caught.value.client]


def test_a_reply_may_take_longer_once_it_was_taken(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two seconds are for being heard; what was heard gets more time."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 0.3)
    owner = Owner(folder, None)

    def obey(command: Command, reply: Callable[[Reply], None]) -> None:
        threading.Timer(0.6, reply, [YES]).start()

    owner.inbox = Inbox(folder, obey)
    owner.inbox.open()
    assert ask(folder, ANSWER) == YES
    owner.inbox.close()


DYING = """
import os, signal, sys
from orchestra_nb.store.answers import Inbox
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.lock import RunLock
folder = RunFolder.open(sys.argv[1])
lock = RunLock(folder.lock)
inbox = Inbox(folder, lambda command, reply: os.kill(os.getpid(), signal.SIGKILL))
print("ready", flush=True)
while True:
    inbox.collect()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_an_owner_that_dies_between_take_and_reply(plan: Any, home: Path) -> None:
    """Who asked hears at once that the process died and took the request with it."""
    folder = RunFolder.create(plan, home=home)
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(folder.path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        began = time.monotonic()
        with pytest.raises(Unanswered) as caught:
            ask(folder, ANSWER)
        assert time.monotonic() - began < 1.5
        assert (caught.value.taken, caught.value.owner) == (True, None)
        process.wait(5)
        assert process.returncode == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()


HOSTILE: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{decide: B", "can't be read"),
    "nothing": (b"", "can't be read"),
    "bytes": (b"\xff\xfe\x00", "can't be read"),
    "zeros": (bytes(5000), "can't be read"),
    "huge": (b'{"command": "note", "text": "' + b"x" * 300_000 + b'"}', "longer than 256 kB"),
    "deep": (b"[" * 100_000, "can't be read"),
    "number": (7, "A command is a mapping, not int"),
    "list": ([], "A command is a mapping, not list"),
    "unknown": ({"command": "format"}, "Unknown command"),
    "no name": ({"command": ["answer"]}, "Unknown command"),
    "missing": ({"command": "answer"}, "answer needs decision and option"),
    "types": ({"command": "hold", "decision": 7}, "hold: decision must be text"),
    "flag": ({"command": "extend", "decision": "d", "seconds": True}, "extend: seconds must be"),
    "values": ({"command": "answer", "decision": "d", "option": "A", "values": []}, "values"),
    "not a number": (
        b'{"command": "answer", "decision": "d", "option": "A", "values": {"x": NaN}}',
        "values",
    ),
    "long": ({"command": "note", "text": "x" * 20_000}, "longer than 10,000 characters"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_makes_no_sense_is_refused(folder: RunFolder, owner: Owner, case: str) -> None:
    """Whatever stands in a request, its writer is told, and the next one is carried out."""
    message, said = HOSTILE[case]
    request = put(folder, message)
    reply = reply_to(request)
    assert reply["ok"] is False
    assert said in reply["text"]
    assert ask(folder, ANSWER) == YES
    assert len(owner.heard) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are different there")
def test_what_is_no_plain_file_is_left_alone(folder: RunFolder, tmp_path: Path) -> None:
    """Links, pipes, folders and other names are neither followed, nor waited for, nor removed."""
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps(to_json(ANSWER)))
    (folder.answers / f"{uuid4().hex}.json").symlink_to(elsewhere)
    (folder.answers / f"{uuid4().hex}.json").mkdir()
    os.mkfifo(folder.answers / f"{uuid4().hex}.json")
    for name in ("note", "../up", uuid4().hex.upper(), f".{uuid4().hex}", f"{uuid4().hex}.x"):
        put(folder, to_json(ANSWER), name)
    there = names(folder)
    owner = Owner(folder)
    owner.inbox.collect()
    assert owner.heard == []
    assert names(folder) == there
    assert elsewhere.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links are different there")
def test_a_linked_inbox_is_not_used(folder: RunFolder, tmp_path: Path) -> None:
    """Who finds a link where the folder should be writes nothing through it."""
    folder.answers.rmdir()
    folder.answers.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="not a plain folder"):
        ask(folder, ANSWER)


@pytest.mark.skipif(sys.platform == "win32", reason="links are different there")
def test_a_reply_is_not_written_through_a_link(
    folder: RunFolder, owner: Owner, tmp_path: Path
) -> None:
    """A link that waits where the reply goes is replaced, and what it pointed at stays."""
    target = tmp_path / "precious"
    target.write_text("mine")
    name = uuid4().hex
    (folder.answers / f"{name}.reply.json").symlink_to(target)
    request = put(folder, to_json(ANSWER), name)
    until(lambda: not request.with_suffix(".reply.json").is_symlink())
    assert reply_to(request)["ok"] is True
    assert target.read_text() == "mine"


@pytest.mark.parametrize("data", [b"{", b"7", b'{"ok": 1}', b"x" * 300_000, b"\xff"])
def test_a_reply_that_is_none(folder: RunFolder, data: bytes) -> None:
    """A reply that can't be read is a refusal that says so."""

    def answer() -> None:
        until(lambda: any(not name.startswith(".") for name in names(folder)))
        name = next(name for name in names(folder) if not name.startswith("."))
        temporary = folder.answers / "reply"
        temporary.write_bytes(data)
        temporary.rename(folder.answers / name.replace(".json", ".reply.json"))

    thread = threading.Thread(target=answer)
    thread.start()
    reply = ask(folder, ANSWER)
    thread.join()
    assert not reply.ok
    assert "reply" in reply.text


def test_fifty_askers_at_once(folder: RunFolder) -> None:
    """Each hears about its own request, exactly one of them decides, nothing is left over."""
    decided: list[str] = []

    def obey(command: Command, reply: Callable[[Reply], None]) -> None:
        assert isinstance(command, Answer)
        decided.append(command.who)
        first = len(decided) == 1
        reply(Reply(first, f"{command.who}, {'in time' if first else 'late'}", late=not first))

    inbox = Inbox(folder, obey)
    inbox.open()
    said: dict[str, Reply] = {}

    def one(who: str) -> None:
        said[who] = ask(folder, Answer(decision="d", option="B", who=who, source="cli"))

    threads = [threading.Thread(target=one, args=[f"asker-{n}"]) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    inbox.close()
    assert sorted(decided) == sorted(said)
    assert len(said) == 50
    assert all(reply.text.startswith(f"{who}, ") for who, reply in said.items())
    assert [reply.ok for reply in said.values()].count(True) == 1
    assert names(folder) == []


def test_a_request_is_taken_or_taken_back(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However asker and owner meet, a request that was taken back was not carried out."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 0.01)
    owner = Owner(folder)
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            owner.inbox.collect()
            time.sleep(0.013)

    thread = threading.Thread(target=collect)
    outcomes = []
    for n in range(30):
        if n == 1:
            thread.start()
        if n == 29:
            monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 10.0)
        try:
            ask(folder, Note(text=str(n)))
            outcomes.append(True)
        except Unanswered as error:
            outcomes.append(error.taken)
    stop.set()
    thread.join()
    assert set(outcomes) == {True, False}
    heard = {heard.text for heard in owner.heard if isinstance(heard, Note)}
    assert heard == {str(n) for n, carried_out in enumerate(outcomes) if carried_out}


def test_what_a_dead_owner_left_is_not_honoured(folder: RunFolder) -> None:
    """Requests from before are refused with the reason; what was half done is cleared away."""
    waiting = put(folder, to_json(ANSWER))
    old = time.time() - 3600
    taken = folder.answers / f"{uuid4().hex}.taken"
    stale = folder.answers / f"{uuid4().hex}.reply.json"
    torn = folder.answers / f".{uuid4().hex}.json.77.tmp"
    fresh = folder.answers / f"{uuid4().hex}.reply.json"
    foreign = folder.answers / "README"
    for path in (taken, stale, torn, fresh, foreign):
        path.write_text("{}")
    for path in (stale, torn, foreign):
        os.utime(path, (old, old))
    owner = Owner(folder)
    reply = reply_to(waiting)
    assert (reply["ok"], "changed hands" in reply["text"]) == (False, True)
    owner.inbox.collect()
    assert owner.heard == []
    assert not waiting.exists()
    assert [p.exists() for p in (taken, stale, torn, fresh, foreign)] == [
        *(False, False, False, True, True)
    ]


def test_a_quiet_folder_costs_one_look_at_its_time(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read while nothing changed; a change of the same clock tick is not missed."""
    now = [100.0]
    monkeypatch.setattr("orchestra_nb.store.answers.time", Clock(now))
    inbox = Inbox(folder, lambda command, reply: None)
    assert inbox.changed()
    before = os.stat(folder.answers)
    put(folder, to_json(ANSWER))
    os.utime(folder.answers, ns=(before.st_atime_ns, before.st_mtime_ns))  # a coarse clock
    now[0] += 2.0
    assert inbox.changed()
    now[0] += 1.5
    assert not inbox.changed()
    put(folder, to_json(ANSWER))
    assert inbox.changed()


def test_many_requests_are_taken_in_turns(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood is carried out in portions, and none of it is forgotten."""
    monkeypatch.setattr(answers, "_MOST_AT_ONCE", 3)
    owner = Owner(folder)
    for _ in range(7):
        put(folder, to_json(ANSWER))
    sizes = []
    while owner.inbox.changed() and len(owner.heard) < 7:
        before = len(owner.heard)
        owner.inbox.collect()
        sizes.append(len(owner.heard) - before)
    assert sizes == [3, 3, 1]


def test_an_inbox_that_is_gone_harms_nobody(folder: RunFolder) -> None:
    """Without its folder the inbox is empty, and looking into it raises nothing."""
    owner = Owner(folder)
    folder.answers.rmdir()
    owner.inbox.collect()
    assert not owner.inbox.changed()
    Owner(folder).inbox.collect()


def test_a_reply_that_nobody_fetches_goes(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who died waiting leaves nothing behind for long."""
    monkeypatch.setattr(answers, "_KEPT_S", 0.0)
    monkeypatch.setattr(answers, "_postman", answers._Postman())
    owner = Owner(folder)
    owner.inbox.open()
    put(folder, to_json(ANSWER))
    until(lambda: owner.heard and not names(folder))
    owner.inbox.close()


def test_a_full_disk_is_said(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can't write a request hears why, and leaves nothing half written."""

    def write(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    replaced(monkeypatch, write=write)
    with pytest.raises(StoreError, match="No space left on device"):
        ask(folder, ANSWER)
    assert names(folder) == []


def test_too_long_a_command_is_refused_before_it_is_sent(folder: RunFolder) -> None:
    """A request longer than its reader accepts is not written at all."""
    with pytest.raises(CommandError, match="longer than 256 kB"):
        ask(folder, Answer(decision="d", option="A", values={"x": "y" * 300_000}))
    assert names(folder) == []


def test_touches_have_no_reply(folder: RunFolder, owner: Owner) -> None:
    """That somebody types is told without waiting, and leaves no reply behind."""
    tell(folder, Touch(decision="d", typing=True))
    until(lambda: owner.heard)
    assert isinstance(owner.heard[0], Touch)
    until(lambda: not names(folder))


def test_the_last_look_is_at_the_end(folder: RunFolder) -> None:
    """What came while the run ended is still answered, by how it ended."""
    owner = Owner(folder, Reply(False, "The run is over (completed)", late=True))
    owner.inbox.open()
    answers._postman.remove(owner.inbox)  # it does not look any more
    request = put(folder, to_json(ANSWER))
    owner.inbox.close()
    assert reply_to(request)["late"] is True


def test_replies_are_there_before_the_end(folder: RunFolder) -> None:
    """Once an inbox is closed every reply is on disk: the process may end right after."""

    def obey(command: Command, reply: Callable[[Reply], None]) -> None:
        threading.Timer(0.1, reply, [YES]).start()

    inbox = Inbox(folder, obey)
    requests = [put(folder, to_json(ANSWER)) for _ in range(3)]
    inbox.close()
    assert all(path.with_suffix(".reply.json").exists() for path in requests)


def test_the_thread_ends_when_there_is_nothing_to_look_after(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without live runs has no thread for them."""
    monkeypatch.setattr(answers, "_KEPT_S", 0.0)
    monkeypatch.setattr(answers, "_postman", answers._Postman())
    owner = Owner(folder)
    owner.inbox.open()
    thread = answers._postman._thread
    assert thread is not None
    owner.inbox.close()
    thread.join(10)
    assert not thread.is_alive()
    owner.inbox.open()
    assert ask(folder, ANSWER) == YES
    owner.inbox.close()


# With an engine.


def with_inbox(folder: RunFolder, *decisions: Decision) -> tuple[Rig, Inbox]:
    """A run on a fake clock that looks into its inbox only when a timer is due."""
    inboxes: list[Inbox] = []
    rig = Rig(one_phase(*decisions), fake=True, look=lambda: inboxes[0].collect())
    inboxes.append(Inbox(folder, lambda command, reply: rig.engine.post(Order(command, reply))))
    return rig.start(), inboxes[0]


def test_an_answer_just_before_the_deadline_beats_the_timer(plan: Any, home: Path) -> None:
    """What lies in the inbox when a decision's time runs out came before: it counts."""
    folder = RunFolder.create(plan, home=home)
    rig, inbox = with_inbox(folder, choice("d", timeout=60), choice("e", timeout=60))
    rig.advance(59.9)
    request = put(folder, to_json(ANSWER))
    rig.advance(0.2)
    outcome = rig.decision("d").outcome
    assert outcome is not None
    assert (outcome.option, outcome.by, outcome.who) == ("B", "remote", "maria")
    other = rig.decision("e").outcome
    assert other is not None
    assert (other.option, other.by) == ("A", "timeout")
    assert reply_to(request)["ok"] is True
    late = put(folder, to_json(ANSWER))
    inbox.collect()
    rig.turn()
    assert "Already decided: B, by maria" in reply_to(late)["text"]
    assert reply_to(late)["late"] is True


def test_who_was_first_is_named_for_those_elsewhere(plan: Any, home: Path) -> None:
    """To another process "you" would be somebody else: the outcome says where it was decided."""
    folder = RunFolder.create(plan, home=home)
    rig, inbox = with_inbox(folder, choice("d", timeout=60))
    rig.say(Answer(decision="d", option="A"))
    late = put(folder, to_json(ANSWER))
    inbox.collect()
    assert "Already decided: A, by somebody where it runs, at " in reply_to(late)["text"]


def test_a_hold_just_before_the_deadline_counts_too(plan: Any, home: Path) -> None:
    """Wait for me, put there in time, keeps the recommendation from being taken."""
    folder = RunFolder.create(plan, home=home)
    rig, _ = with_inbox(folder, choice("d", timeout=60))
    rig.advance(59.9)
    put(folder, to_json(Hold(decision="d")))
    rig.advance(10)
    assert rig.decision("d").open
    assert rig.decision("d").held == "hold"


def test_a_broken_inbox_does_not_stop_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in the last look, the deadline is kept."""

    def look() -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "__stderr__", None)
    rig = Rig(one_phase(choice("d", timeout=60)), fake=True, look=look).start()
    rig.advance(61)
    outcome = rig.decision("d").outcome
    assert outcome is not None
    assert outcome.by == "timeout"
