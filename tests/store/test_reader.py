"""Reading logs that something happened to."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra_nb.errors import StoreError
from orchestra_nb.store import reader
from orchestra_nb.store.reader import read_events

from .disk import event, read

L = [json.dumps(event(n)).encode() for n in range(6)]


@pytest.fixture
def log(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes a log of bytes."""

    def make(data: bytes) -> Path:
        path = tmp_path / "log.jsonl"
        path.write_bytes(data)
        return path

    return make


@pytest.mark.parametrize(
    ("data", "seqs", "lost", "said"),
    [
        (b"", [], 0, ""),
        (L[1] + b"\n" + L[2] + b"\n", [1, 2], 0, ""),
        (L[1] + b"\r\n\r\n  \n" + L[2] + b"\r\n", [1, 2], 0, ""),
        (b"\xef\xbb\xbf" + L[1] + b"\n", [1], 0, ""),
        (L[1] + b"\n" + L[2], [1, 2], 0, ""),
        (L[1] + b"\n" + L[2][:-9], [1], 1, "line 2: it is no JSON, perhaps cut off"),
        (L[1] + b"\n" + L[2][:-9] + b"\n" + L[3], [1, 3], 1, "line 3: event 2 is missing"),
        (L[1] + b"\n\0\0\0\0\n" + L[2], [1, 2], 1, "line 2: it holds nothing but zeros"),
        (L[1] + b"\n\0\0\0" + L[2], [1, 2], 0, "line 2: it had zeros around it"),
        (L[1] + b"\n" + b"[" * 10**5 + b"\n" + L[2], [1, 2], 1, "line 2: it is no JSON"),
        (L[1] + b"\n" + b"9" * 10**5 + b"\n" + L[2], [1, 2], 1, "line 2"),
        (b'[1]\n7\n{"seq":1}\n' + L[1], [1], 3, "line 3: it is JSON, but no event"),
        (b'{"event":"x","t":1}\n{"event":"x","seq":true,"t":1}\n', [], 2, "seq or t is missing"),
        (L[1] + b'\n{"event":"x","seq":2,"t":NaN}\n', [1], 1, "seq or t is missing"),
        (
            L[1] + b'\n{"event":"x","seq":2,"t":2,"phase":"P"}\n',
            [1],
            1,
            "line 2: its phase is none",
        ),
        (L[1] + b"\n" + L[1] + b"\n" + L[2], [1, 2], 1, "line 2: it repeats event 1"),
        (L[2] + b"\n" + L[1], [2], 1, "line 2: event 1 after 2"),
        (L[1] + b"\n" + L[5], [1, 5], 0, "line 2: events 2 to 4 are missing"),
    ],
    ids=str,
)
def test_damaged_logs(
    log: Callable[[bytes], Path], data: bytes, seqs: list[int], lost: int, said: str
) -> None:
    """Whatever is in a line, it costs no other line, and is named by its number."""
    events, problems = read(log(data))
    assert [e["seq"] for e in events] == seqs
    assert problems.lost == lost
    assert said in str(problems)
    assert bool(problems) == bool(said)


def test_bad_utf8_is_kept_and_named(log: Callable[[bytes], Path]) -> None:
    """A line with bytes that are no text is kept, with a mark where they were."""
    events, problems = read(log(L[1].replace(b'"x"', b'"a\xff"')))
    assert events[0]["description"] == "a\ufffd"
    assert str(problems) == "line 1: it holds bytes that are no UTF-8"
    assert problems.lost == 0


def test_unknown_kinds_are_kept(log: Callable[[bytes], Path]) -> None:
    """Events of a newer version come through with all their fields."""
    given = event(1, event="hologram", beam=[1, {"x": None}])
    assert read(log(json.dumps(given).encode()))[0] == [given]


def test_newer_format_is_refused(log: Callable[[bytes], Path]) -> None:
    """A log of a format that does not exist yet is refused, with what to do."""
    newer, ours = (event(1, event="orchestration_start", format=n) for n in (2, 1))
    events, _ = read_events(log(json.dumps(newer).encode()))
    with pytest.raises(StoreError, match=r"has format 2; .* Install a newer one"):
        next(events)
    assert read(log(json.dumps(ours).encode()))[0] == [ours]


def test_missing_and_linked_logs(log: Callable[[bytes], Path], tmp_path: Path) -> None:
    """A log that is not there or is a link is a StoreError."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(StoreError):
            read(path)
    link = tmp_path / "link"
    link.symlink_to(log(b""))
    with pytest.raises(StoreError, match="symbolic link"):
        read(link)


def test_many_problems_are_counted(log: Callable[[bytes], Path]) -> None:
    """Of very many bad lines a hundred are named and all are counted."""
    _, problems = read(log(b"x\n" * 1000))
    assert problems.count == problems.lost == 1000
    assert len(problems.named) == 100
    assert str(problems).endswith("and 900 more")


def test_memory_is_bounded(log: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A long log, and a line without an end, take no more memory than a line may."""
    monkeypatch.setattr(reader, "_LONGEST_LINE", 1 << 16)
    lines = b"\n".join(json.dumps(event(n)).encode() for n in range(1, 20_001))
    path = log(b"z" * 3_000_000 + b"\n" + lines)
    tracemalloc.start()
    try:
        events, problems = read_events(path)
        count = sum(1 for _ in events)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert "line 1: it is longer than" in str(problems)
    assert peak < 1_000_000
