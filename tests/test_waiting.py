"""Waiting for a run in a script: who is needed is told on stderr, once."""

from __future__ import annotations

import asyncio
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb import waiting
from orchestra_nb.state import DecisionState

WITHIN_S = 20.0
PLAN = onb.Plan(
    name="Script",
    phases=[onb.Phase(name="All", tasks=[onb.Task(agent="a"), onb.Task(agent="b")])],
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is open is told at once."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    monkeypatch.setattr(waiting, "TELL_AFTER_S", 0.0)
    monkeypatch.setattr(waiting, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Give a function that starts the plan; what still runs at the end is stopped."""
    runs: list[onb.Run] = []

    def start(**options: Any) -> onb.Run:
        agents = {"a": fails, "b": lambda: 7}
        runs.append(onb.run(PLAN, agents, **({"home": tmp_path / "my home"} | options)))
        return runs[-1]

    yield start
    for run in runs:
        run.stop()


def fails() -> None:
    """An agent that fails."""
    raise ValueError("boom\x1b[31m")


def told(capfd: pytest.CaptureFixture[str]) -> str:
    """What the waiting said until it told how to answer."""
    said = ""
    for _ in range(1_000):
        said += capfd.readouterr().err
        if "Or from another thread: run.answer(" in said:
            return said
        threading.Event().wait(0.01)
    raise AssertionError(f"nobody was told: {said!r}")


def waits(run: onb.Run) -> threading.Thread:
    """Somebody who waits for the run."""
    thread = threading.Thread(target=run.wait, args=(WITHIN_S,), daemon=True)
    thread.start()
    return thread


def test_who_is_needed_is_told_once(started: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """What is asked, how to answer it, and what is taken when nobody does."""
    run = started()
    threads = [waits(run), waits(run)]
    said = told(capfd)
    (opened,) = (d for d in run.state.decisions.values() if d.open)
    home = shlex.quote(str(run.folder.parent.parent))
    lines = said.splitlines()
    assert lines[0] == "orchestra_nb: a person is needed: a failed"
    assert lines[1] == f"  {opened.context}".replace("\x1b[31m", "")
    options = [line.partition("  (")[0] for line in lines[2:5]]
    assert options == ["  A  Retry", "  B  Go on without it", "  C  Stop"]
    assert "(recommended" in lines[3]
    assert lines[5].startswith("  10:00 left, then B is taken.")
    assert lines[6:] == [
        f"  In another terminal:    orchestra-nb decide {run.id} a/failed B --home {home}",
        "  Or from another thread: run.answer('a/failed', 'B')",
    ]
    run.answer("a/failed", "B")
    for thread in threads:
        thread.join(WITHIN_S)
    assert run.status == "failed"
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_each_decision_is_told(started: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """The next card about the same task is told too, also to who awaits the run."""
    run = started()

    async def main() -> None:
        await run

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert "a/failed B" in told(capfd)
    run.answer("a/failed", "A")
    assert "a/failed-2 B" in told(capfd)
    run.answer("a/failed-2", "B")
    thread.join(WITHIN_S)
    assert run.finished


def test_nobody_is_told_who_does_not_wait(
    started: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only whoever waits prints; what a callback answers at once is not worth a word."""
    monkeypatch.setattr(waiting, "TELL_AFTER_S", 1.0)
    go, answered = threading.Event(), threading.Event()

    def answer(decision: DecisionState) -> None:
        go.wait(WITHIN_S)
        run.answer(decision.id, "B")
        answered.set()

    run = started(on_decision=answer)
    assert capfd.readouterr().err == ""
    go.set()
    run.wait(WITHIN_S)
    assert answered.is_set()
    assert capfd.readouterr().err == ""


def test_where_the_home_is_the_usual_one_it_is_not_named(
    started: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    """The command can be copied as it is: it names the home only if that is another one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORCHESTRA_HOME", raising=False)
    run = started(home=None)
    waits(run)
    assert f"orchestra-nb decide {run.id} a/failed B\n" in told(capfd)


async def deploys(context: onb.Context) -> None:
    """An agent that asks before it calls a tool."""
    await context.approve("deploy", {"region": "eu", "count": 3})


@pytest.mark.parametrize(
    ("task", "settings", "told_of"),
    [
        (
            {"agent": "deploys"},
            {},
            [
                '  region = "eu"',
                "  count = 3",
                "Changed arguments go with --set region=VALUE (in Python values={…}, all of them).",
                'Refuse tells the agent why with --note "…" (in Python note="…").',
                "deploys/call-deploy OPTION",
                "run.answer('deploys/call-deploy', OPTION)",
            ],
        ),
        (
            {"agent": "writes", "review": True},
            {},
            [
                "  first draft\n",
                'Send back needs --note "…" (in Python note="…"): what should be better.',
                'Accept takes a result of your own with --set result=… (in Python values={"result"',
            ],
        ),
        (
            {"agent": "writes"},
            {"questions": [{"ask": "Which market?", "id": "market", "default": "B2B"}]},
            [
                "Which market? [B2B] (market)",
                "Answers go with --set market=VALUE (in Python values={'market': …}); what is left",
            ],
        ),
    ],
    ids=["approval", "review", "form"],
)
def test_all_is_shown_that_is_asked_about(
    task: dict[str, Any],
    settings: dict[str, Any],
    told_of: list[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What is to be approved, accepted or filled in stands there, and how to change it."""
    plan = onb.Plan.model_validate(
        {"name": "Script", "phases": [{"name": "All", "tasks": [task]}], **settings}
    )
    agents = {"deploys": deploys, "writes": lambda: "first draft"}
    run = onb.run(plan, {task["agent"]: agents[task["agent"]]}, home=tmp_path)
    try:
        waits(run)
        said = told(capfd)
    finally:
        run.stop()
    assert [line for line in told_of if line not in said] == []
