"""Ended in the middle of calls: connections close at once, nothing finished is paid for again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestra_nb.cli.base import command_name
from tests.calls import STOP_S, Calls, calling
from tests.elsewhere import ROOT, WITHIN_S, command

SCRIPT = "import sys, orchestra_nb as onb; onb.run(sys.argv[1]).wait()"
BUSY_S = 2.0
"""A process may need so much longer to be gone; tests share the machine."""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Calls that hang."""
    with calling(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def running(calls: Calls, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a command in the middle of its calls, and the run's id."""
    with command(folder, "run", str(calls.plan)) as process:
        try:
            yield process, calls.until_hung(lambda: process.poll() is None)
        finally:
            process.kill()


@pytest.mark.alone
@pytest.mark.parametrize(
    ("number", "code", "last", "words"),
    [
        (signal.SIGTERM, 143, "run_interrupted", "was interrupted; what was finished is kept"),
        (signal.SIGINT, 130, "orchestration_complete", "was stopped; what was finished is kept"),
    ],
)
def test_a_command_that_is_ended(
    calls: Calls, tmp_path: Path, number: int, code: int, last: str, words: str
) -> None:
    """SIGTERM and Ctrl-C: closed and gone within 2 s, the log says so, and how to go on is said."""
    with running(calls, tmp_path) as (process, run_id):
        began = time.monotonic()
        process.send_signal(number)
        assert calls.closed_within(STOP_S)
        said, _ = process.communicate(timeout=WITHIN_S)
        assert time.monotonic() - began < STOP_S + BUSY_S
    assert process.returncode == code, said
    assert calls.events()[-1]["event"] == last
    assert f"Run {run_id} {words}" in said
    assert f"To go on with it: {command_name()} resume {run_id}" in said
    assert "Traceback" not in said
    calls.resumed(run_id)


def test_a_command_that_is_killed(calls: Calls, tmp_path: Path) -> None:
    """SIGKILL: nothing could be said, and yet only the calls that were cut are made again."""
    with running(calls, tmp_path) as (process, run_id):
        process.kill()
        process.communicate(timeout=WITHIN_S)
    assert calls.closed_within()
    calls.resumed(run_id)


@pytest.mark.alone
def test_a_script_that_is_interrupted(calls: Calls, tmp_path: Path) -> None:
    """Ctrl-C in `run.wait()` ends a script: its calls are closed and its log says so."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(calls.home)}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(calls.plan)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            run_id = calls.until_hung(lambda: process.poll() is None)
            process.send_signal(signal.SIGINT)
            assert calls.closed_within()
            _, said = process.communicate(timeout=WITHIN_S)
        finally:
            process.kill()
    assert said.count("KeyboardInterrupt") == 1, said
    assert calls.events()[-1]["event"] == "run_interrupted"
    calls.resumed(run_id)
