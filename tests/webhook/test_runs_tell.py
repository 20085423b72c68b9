"""Runs with a webhook: what another program hears, and that no run waits for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from tests.engine.rig import choice, one_phase, task

from .receiver import SECRET, Receiver

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, orchestra_nb as onb
plan = onb.Plan(name="x", phases=[onb.Phase(name="P", tasks=[
    onb.Decision(title="D", options=["x", "y"], recommend="A"),
])])
onb.configure(webhook=onb.Webhook(sys.argv[1], secret=sys.argv[2]))
run = onb.run(plan)
while not run.decisions:
    pass
"""


def hook(url: str) -> onb.Webhook:
    """A webhook to there."""
    return onb.Webhook(url, secret=SECRET)


def test_another_program_hears_the_story(receiver: Receiver, tmp_path: Path) -> None:
    """Opened, decided, the end: all there when wait() returns; no file holds the secret."""
    plan = one_phase(choice("d", context=f"ask {receiver.url} with {SECRET}"), task("x", "d"))
    run = onb.run(plan, {"x": print}, home=tmp_path, webhook=hook(receiver.url))
    (opened,) = receiver.until(1)
    answer = opened.json["data"]["answer"]
    assert answer == f"orchestra-nb decide {run.id} d OPTION"
    assert opened.json["data"]["decision"]["context"] == "ask [secret] with [secret]"
    run.answer("d", "B")
    run.wait(20)
    assert [one.type for one in receiver.received] == [
        "decision.opened", "decision.decided", "run.finished",
    ]  # fmt: skip
    for one in receiver.received:
        one.verify()
    for path in tmp_path.rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        for secret in (SECRET, SECRET.removeprefix("whsec_"), "t0ken-in-the-url"):
            assert secret.encode() not in text, path


def test_a_server_that_hangs_holds_up_nothing(receiver: Receiver, tmp_path: Path) -> None:
    """The run goes its way; only wait() stays for the last messages, a second at most."""
    receiver.hang.clear()
    plan = one_phase(choice("d"), task("x", "d"))
    started = time.monotonic()
    run = onb.run(plan, {"x": print}, home=tmp_path, webhook=hook(receiver.url))
    receiver.until(1)
    run.answer("d", "B")
    run.wait(20)
    waited = time.monotonic() - started
    assert run.status == "completed"
    assert run.state.ended_at is not None
    assert run.state.ended_at < waited - 0.9
    assert waited < run.state.ended_at + 4


def test_a_dead_server_fails_no_run(tmp_path: Path) -> None:
    """Where nobody listens the run completes all the same."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    plan = one_phase(choice("d"), task("x", "d"))
    run = onb.run(
        plan, {"x": print}, home=tmp_path, mode="fully_autonomous",
        webhook=hook(f"http://127.0.0.1:{port}"),
    )  # fmt: skip
    assert run.wait(20) is run.results
    assert run.status == "completed"


def test_rehearsals_tell_too(receiver: Receiver, tmp_path: Path) -> None:
    """A rehearsal's decisions are live, and the message says that it is one."""
    run = onb.rehearse(one_phase(task("a")), speed=1e6, home=tmp_path, webhook=hook(receiver.url))
    run.wait(20)
    (finished,) = receiver.until(1)
    assert finished.json["data"]["rehearsal"] is True


def test_what_is_no_webhook_is_refused(tmp_path: Path) -> None:
    """A URL alone starts nothing: a webhook has a secret."""
    with pytest.raises(onb.SetupError, match=r"must be an onb\.Webhook"):
        onb.run(
            one_phase(task("a")), {"a": print}, home=tmp_path,
            webhook="https://example.com",  # type: ignore[arg-type]
        )  # fmt: skip
    assert not (tmp_path / "runs").exists()


def test_the_end_of_the_process_is_told(receiver: Receiver, tmp_path: Path) -> None:
    """A script that ends with an open decision still says that its run was interrupted."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, receiver.url, SECRET],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    opened, finished = receiver.until(2)
    assert (opened.type, finished.type) == ("decision.opened", "run.finished")
    assert finished.json["data"]["status"] == "interrupted"
    finished.verify()
    assert SECRET not in done.stderr


def test_callbacks_hear_what_they_did_before(receiver: Receiver, tmp_path: Path) -> None:
    """A webhook takes nothing from on_event and on_decision."""
    events: list[str] = []
    asked: list[str] = []

    def answer(decision: Any) -> None:
        asked.append(decision.id)
        run.answer(decision.id, "B")

    run = onb.run(
        one_phase(choice("d")),
        home=tmp_path,
        webhook=hook(receiver.url),
        on_event=lambda event: events.append(event["event"]),
        on_decision=answer,
    )
    run.wait(20)
    assert asked == ["d"]
    assert (events[0], events[-1]) == ("orchestration_start", "orchestration_complete")
    assert "decision" in events
