"""Logs that something happened to are gone on with: what is good counts, what is bad is named."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from tests.engine.rig import one_phase, task

from .stage import LOG, Counted, cut, lines_of, played


@pytest.fixture
def work() -> Counted:
    """Three agents, one after the other."""
    return Counted(a="made by a", b=[1, 2], c=lambda context: len(context.results["b"]))


@pytest.fixture
def log(work: Counted) -> Path:
    """The log of a run that was killed when ``b`` was done."""
    plan = one_phase(task("a"), task("b", "a"), task("c", "b"))
    run = played(plan, work.agents())
    cut(run, "agent_complete", task="b")
    assert work.taken() == {"a": 1, "b": 1, "c": 1}
    return run.folder / LOG


def line(log: Path, number: int) -> bytes:
    """A line of a log, 1-based, without its end."""
    return log.read_bytes().splitlines()[number - 1]


def gone_on(log: Path, work: Counted) -> tuple[onb.Run, str]:
    """The run after its resume, and what was warned of; its old bytes are still there."""
    before = log.read_bytes()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        run = onb.resume(log.parent.name, work.agents())
        run.wait(20)
    assert run.status == "completed"
    assert log.read_bytes().startswith(before)
    return run, "; ".join(str(one.message) for one in heard)


def highest(log: Path) -> int:
    """The highest seq that a line of a log holds, read without any code of ours."""
    found = 0
    for one in log.read_bytes().replace(b"\xef\xbb\xbf", b"").split(b"\n"):
        with contextlib.suppress(ValueError, TypeError, KeyError):
            found = max(found, json.loads(one)["seq"])
    return found


def event(log: Path, seq: int, **fields: Any) -> bytes:
    """A whole line."""
    last = json.loads(line(log, 3))
    return json.dumps({"timestamp": last["timestamp"], **fields, "seq": seq, "t": 1.0}).encode()


Damage = Callable[[bytes, Path], bytes]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data, log: data + data.splitlines()[-1][:40], "cut off"),
        (lambda data, log: data + bytes(4096), "nothing but zeros"),
        (lambda data, log: data + bytes(700) + event(log, 50, event="new") + b"\n", "zeros around"),
        (lambda data, log: data + b'\xff\xfe{"event":\xc3(\n', "no UTF-8"),
        (lambda data, log: data + b"[1, 2]\n\n{}\n", "JSON, but no event"),
        (lambda data, log: data + event(log, 3, event="note") + b"\n", "event 3 after"),
        (lambda data, log: data + data.splitlines()[-1] + b"\n", "it repeats event"),
        (lambda data, log: b"\xef\xbb\xbf" + data, ""),
        (lambda data, log: data.replace(b"\n", b"\r\n"), ""),
        (lambda data, log: data + event(log, 50, event="hologram", shape=[1]) + b"\n", "missing"),
        (lambda data, log: data + event(log, 51, event="note") + b"\n", "does not fit the plan"),
    ],
    ids=[
        "torn", "zeros", "zeros before", "no UTF-8", "no event", "older again", "twice", "BOM",
        "CRLF", "unknown kind", "without a field",
    ],
)  # fmt: skip
def test_what_is_good_counts(log: Path, work: Counted, damage: Damage, said: str) -> None:
    """Nothing done is done again, bad lines are named, and new events come after all others."""
    log.write_bytes(damage(log.read_bytes(), log))
    lines, above = len(log.read_bytes().splitlines()), highest(log)
    preview = onb.resume(log.parent.name, work.agents(), dry_run=True)
    run, warned = gone_on(log, work)
    assert work.taken() == {"c": 1}
    assert run.results["c"] == 2
    new = [json.loads(one) for one in log.read_bytes().splitlines()[lines:]]
    assert [one["seq"] for one in new] == list(range(new[0]["seq"], new[-1]["seq"] + 1))
    assert new[0]["event"] == "run_resumed"
    assert new[0]["seq"] > above or said == "does not fit the plan"
    lost = said not in ("", "missing", "zeros around")
    assert (preview.bad_lines > 0) is lost
    if lost:
        assert "line" in warned
        assert said in warned
    else:
        assert warned == ""
    again = onb.open(run.id)
    assert (again.status, again.results["a"], again.results["c"]) == ("completed", "made by a", 2)


def test_what_a_lost_line_told_is_done_again(log: Path, work: Counted) -> None:
    """A completion that can't be read any more is none; the line is named, the rest stands."""
    lines = log.read_bytes().splitlines(keepends=True)
    (number,) = (n for n, one in enumerate(lines) if b'"agent_complete","agent":"a"' in one)
    lines[number] = lines[number][:50] + b"\n"
    log.write_bytes(b"".join(lines))
    run, warned = gone_on(log, work)
    assert f"line {number + 1}: it is no JSON" in warned
    assert work.taken() == {"a": 1, "c": 1}  # b was done, and is given the same for all one knows
    assert run.results["b"] == [1, 2]


@pytest.mark.parametrize("place", ["of its own", "at the end"])
def test_two_outcomes_in_a_log_are_one(work: Counted, place: str) -> None:
    """Of two lines that claim the same seq the first counts, also in the log gone on with."""
    run = played(one_phase(task("a"), task("b", "a")), Counted(a=1, b=2).agents())
    cut(run, "agent_complete", task="a")
    log = run.folder / LOG
    data = log.read_bytes()
    forged = data.splitlines()[-1].replace(b'"value":1', b'"value":7')
    log.write_bytes(data + forged + b"\n" * (place == "of its own"))
    work = Counted(a=1, b=lambda context: context.results["a"])
    run, warned = gone_on(log, work)
    assert "repeats event" in warned
    assert (work.taken(), run.results["b"]) == ({"b": 1}, 1)


def test_a_newer_format_is_left_alone(log: Path, work: Counted) -> None:
    """A log of a version to come is refused, and not a byte of its folder changes."""
    data = log.read_bytes().replace(b'"format":1', b'"format":9', 1)
    log.write_bytes(data)
    for dry in (True, False):
        with pytest.raises(onb.StoreError, match="Install a newer one"):
            onb.resume(log.parent.name, work.agents(), dry_run=dry)
    assert log.read_bytes() == data
    assert work.taken() == {}


@pytest.mark.parametrize("left", [0, 1, 40])
def test_a_log_without_a_beginning_is_refused(log: Path, work: Counted, left: int) -> None:
    """Where nothing whole is in the log there is nothing to go on from, and it says so."""
    data = log.read_bytes()[:left]
    log.write_bytes(data)
    with pytest.raises(onb.StoreError, match="nothing to go on from"):
        onb.resume(log.parent.name, work.agents())
    assert log.read_bytes() == data
    log.unlink()
    with pytest.raises(onb.StoreError):
        onb.resume(log.parent.name, work.agents())


LONG = """
import sys, warnings
import orchestra_nb as onb

def most():  # (ru_maxrss would count whoever started this process)
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

onb.resume
before = most()
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    run = onb.resume(sys.argv[1], {name: (lambda: 1) for name in "abc"})
run.wait(30)
print(run.status, (most() - before) * 1024, len(run.results), str(heard[0].message))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured with /proc")
@pytest.mark.parametrize("filler", [b"\0", b"z"], ids=["zeros", "text"])
def test_a_line_of_100_mb(log: Path, filler: bytes) -> None:
    """It is passed over and named, and takes no more memory than the longest line of ours may."""
    before = lines_of(log.parent)
    with log.open("ab") as file:
        for _ in range(100):
            file.write(filler * 1_000_000)
    done = subprocess.run(
        [sys.executable, "-c", LONG, log.parent.name], capture_output=True, text=True, check=True
    )
    status, grown, results, said = done.stdout.split(maxsplit=3)
    assert (status, results) == ("completed", "3")
    assert "it is longer than 64 MB" in said
    assert int(grown) < 160_000_000
    assert lines_of(log.parent)[: len(before)] == before


def test_what_was_not_stored_is_no_other_result(work: Counted) -> None:
    """Made again because somebody needs it, it leaves alone what was made of it before."""
    plan = one_phase(task("a"), task("b", "a"), task("c", "a", "b"))
    agents = work.agents(a=object())
    run = played(plan, agents)
    cut(run, "agent_complete", task="b")
    work.taken()
    onb.resume(run.id, agents).wait(20)
    assert work.taken() == {"a": 1, "c": 1}
