"""Steering a run from Python, as people do it: `run.skip`, `run.retry`, `run.edit`, the level."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from tests.messages_server import Body, MessagesServer, Reply

WITHIN_S = 20.0


class Held:
    """An agent that works until it is let go."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, context: Any) -> str:
        """Work."""
        self.entered.set()
        assert self.opened.wait(WITHIN_S)
        return "held"


@pytest.fixture
def held() -> Iterator[Held]:
    """Give an agent that is let go at the end."""
    agent = Held()
    yield agent
    agent.opened.set()


@pytest.fixture
def start(tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch) -> Callable[..., onb.Run]:
    """Give what starts a run whose first task is at work until it is let go."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)

    def start(*tasks: onb.Task, agents: dict[str, Any], **options: Any) -> onb.Run:
        first = onb.Task(agent="first")
        phases = [onb.Phase(name="One", tasks=[first, *tasks])]
        plan = onb.Plan(name="Steered", level=3, on_failure="continue", phases=phases)
        run = onb.run(
            plan, {"first": held, **agents}, spend=True, home=tmp_path / "home", **options
        )
        assert held.entered.wait(WITHIN_S)
        return run

    return start


def after_first(agent: str, **settings: Any) -> onb.Task:
    """A task that waits for the first."""
    return onb.Task(agent=agent, task=f"do {agent}", depends_on=["first"], **settings)


def test_a_run_is_steered_by_its_handle(start: Callable[..., onb.Run], held: Held) -> None:
    """Skip, edit and a note count for what has not started; a failure is tried again."""
    told: dict[str, Any] = {}
    failures = [ValueError("no")]

    def b(context: Any) -> str:
        told.update(text=context.text, notes=context.notes)
        return "b"

    def flaky() -> str:
        if failures:
            raise failures.pop()
        return "at last"

    tasks = [onb.Task(agent="flaky", depends_on=[]), after_first("b"), after_first("c")]
    agents = {"flaky": flaky, "b": b, "c": lambda: "c"}
    run = start(*tasks, agents=agents)
    end = time.monotonic() + WITHIN_S
    while run.state.task("flaky").status != "failed":
        assert time.monotonic() < end
    run.skip("C")
    run.edit("b", "do it well")
    run.note("be kind")
    run.retry("flaky")
    held.opened.set()
    results = run.wait(WITHIN_S)
    assert dict(results) == {"first": "held", "flaky": "at last", "b": "b"}
    assert told == {"text": "do it well", "notes": ("be kind",)}
    assert run.status == "completed"
    with pytest.raises(onb.TaskFailed, match="c has no result: skipped"):
        results["c"]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda run: run.skip("frist"), "There is no task 'frist'; did you mean 'first'"),
        (
            lambda run: run.skip("first"),
            "'first' is at work; only what has not",
        ),
        (lambda run: run.retry("first"), "'first' is at work; only what failed or was left out"),
        (lambda run: run.edit("first", "x"), "only what has not started can be edited"),
        (lambda run: run.edit("b", ""), "'b' needs some text"),
        (lambda run: run.edit("b", 7), "edit: text must be text, not 7"),
        (lambda run: run.skip(None), "skip: task must be text, not"),
        (lambda run: run.change_level(9), "A level is a whole number from 1 to 5, not 9"),
        (lambda run: run.change_level(True), "level must be a whole number from 1 to 5, not true"),
        (lambda run: run.rate("b", True), "'b' has not started"),
    ],
)
def test_what_can_not_be_done_is_said(
    start: Callable[..., onb.Run], held: Held, call: Callable[[onb.Run], None], why: str
) -> None:
    """Each refusal is one clear error; the run is as it was."""
    run = start(after_first("b"), agents={"b": lambda: "b"})
    with pytest.raises(onb.CommandError, match=why):
        call(run)
    held.opened.set()
    assert set(run.wait(WITHIN_S)) == {"first", "b"}
    with pytest.raises(onb.CommandError, match=r"The run is over \(completed\)"):
        run.skip("b")


# Who does what another level brings back.


def test_a_higher_level_needs_somebody_for_its_work(
    start: Callable[..., onb.Run], held: Held
) -> None:
    """A run starts without agents for what its level leaves out; going up names them."""
    tasks = [after_first("audit", role="security"), after_first("law", min_level=5)]
    run = start(*tasks, agents={"audit": lambda: "sound"})
    with pytest.raises(onb.CommandError, match="Level 5 also needs law, and nobody does that"):
        run.change_level(5)
    assert run.state.level == 3
    run.change_level(4)
    held.opened.set()
    assert dict(run.wait(WITHIN_S)) == {"first": "held", "audit": "sound"}
    assert run.state.level == 4
    assert run.state.task("law").skip_cause == "level"


def test_work_that_is_left_out_needs_no_key(
    start: Callable[..., onb.Run], held: Held, clean_env: None
) -> None:
    """Claude is asked for a key when a task of his may run, not before; going up says so."""
    tasks = [after_first("audit", role="security")]
    run = start(*tasks, agents={}, claude=True)
    with pytest.raises(onb.CommandError, match="Level 4 also needs audit"):
        run.change_level(4)
    held.opened.set()
    assert set(run.wait(WITHIN_S)) == {"first"}


def test_claude_does_what_a_higher_level_brings_back(
    start: Callable[..., onb.Run], held: Held, server: MessagesServer
) -> None:
    """It is told the new level, and the text as it was edited."""
    tasks = [after_first("audit", role="security")]
    server.reply = lambda body: Reply("Audited.")
    run = start(*tasks, agents={}, claude=True)
    run.change_level(4)
    run.edit("audit", "look at the doors only")
    held.opened.set()
    assert run.wait(WITHIN_S)["audit"] == "Audited."
    body: Body = server.bodies[0]
    assert "Level 4 of 5" in body["system"][0]["text"]
    assert "look at the doors only" in body["messages"][0]["content"][0]["text"]


def test_a_rehearsal_changes_its_level(tmp_path: Path) -> None:
    """Everybody is simulated, those of another level too."""
    tasks = [
        onb.Task(agent="a", estimate=2),
        onb.Task(agent="audit", role="security", estimate=1, depends_on=["a"]),
    ]
    plan = onb.Plan(name="Try", level=3, phases=[onb.Phase(name="One", tasks=tasks)])
    run = onb.rehearse(plan, speed=10, seed=1, home=tmp_path)
    run.change_level(4)
    assert set(run.wait(WITHIN_S)) == {"a", "audit"}


def test_checking_names_only_what_would_run() -> None:
    """What the level leaves out is not listed as running, whoever could do it."""
    tasks = [onb.Task(agent="a"), onb.Task(agent="audit", role="security")]
    plan = onb.Plan(name="Check", level=3, phases=[onb.Phase(name="One", tasks=tasks)])
    checked = onb.check(plan, {"a": lambda: 1, "audit": lambda: 2})
    assert set(checked.runs) == {"a"}
    assert set(checked.skipped) == {"audit"}
