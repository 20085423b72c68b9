"""What people do by mistake: each gets a sentence that helps, and harms nothing."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import orchestra_nb as onb
from orchestra_nb.cli import app
from orchestra_nb.errors import SetupError

PLAN = onb.Plan(name="Small", phases=[onb.Phase(name="All", tasks=[onb.Task(agent="worker")])])


def steps(context: Any) -> Iterator[int]:
    """A generator, which somebody took for an agent."""
    yield 1


async def asynchronous(context: Any) -> AsyncIterator[int]:
    """The same, as a coroutine's sister."""
    yield 1


class Steps:
    """A callable object that is one too."""

    def __call__(self, context: Any) -> Iterator[int]:
        """Yield a step."""
        yield 1


@pytest.mark.parametrize("agent", [steps, asynchronous, Steps(), functools.partial(steps)])
def test_a_generator_is_refused(agent: Any, tmp_path: Path) -> None:
    """Calling a generator runs none of its code: it would count as done with nothing done."""
    with pytest.raises(SetupError, match="is a generator"):
        onb.run(PLAN, {"worker": agent}, home=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_home_must_be_a_path() -> None:
    """A home that is no path is refused in our words."""
    home: Any = 5
    with pytest.raises(SetupError, match="home must be the path of a folder, not 5"):
        onb.run(PLAN, {"worker": lambda: 1}, home=home)


def test_a_callback_that_exits_costs_the_others_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """``sys.exit`` in a callback is reported like any fault, and later events still come."""
    heard: list[str] = []

    def on_event(event: dict[str, Any]) -> None:
        heard.append(event["event"])
        raise SystemExit(3)

    onb.run(PLAN, {"worker": lambda: 1}, home=tmp_path, on_event=on_event).wait()
    assert heard[0] == "orchestration_start"
    assert heard[-1] == "orchestration_complete"
    assert "SystemExit: 3" in capfd.readouterr().err


def test_stopping_what_ends_by_itself_is_no_error(tmp_path: Path) -> None:
    """A stop that comes between the last task and the end of the run finds nothing to do."""
    for _ in range(20):
        run = onb.run(PLAN, {"worker": lambda: 1}, home=tmp_path)
        while run.status == "running":
            pass
        run.stop()
        assert run.finished
        assert run.status == "completed"


def test_results_of_many_tasks_are_shown_in_a_line(tmp_path: Path) -> None:
    """Neither the repr nor the error for an unknown task lists thousands of names."""
    tasks = [onb.Task(agent=f"worker-{number}") for number in range(1_000)]
    plan = onb.Plan(name="Large", phases=[onb.Phase(name="All", tasks=tasks)])

    async def worker() -> None:
        """Do nothing."""

    results = onb.run(plan, {task.agent: worker for task in tasks}, home=tmp_path).wait()
    assert repr(results).endswith(" and 950 more)")
    with pytest.raises(KeyError, match="and 950 more"):
        results["nobody"]


def test_an_agent_that_awaits_a_run_hears_what_to_do(tmp_path: Path) -> None:
    """Awaiting a run on the agents' loop is refused; a thread may wait for another run."""

    def start() -> onb.Run:
        return onb.run(PLAN, {"worker": lambda: 7}, home=tmp_path)

    async def wrong() -> Any:
        return (await start())["worker"]

    async def right() -> Any:
        return (await asyncio.to_thread(start().wait))["worker"]

    run = onb.run(PLAN, {"worker": wrong}, home=tmp_path, on_failure="continue")
    run.wait()
    assert "asyncio.to_thread(run.wait)" in run.state.task("worker").error
    assert onb.run(PLAN, {"worker": right}, home=tmp_path).wait()["worker"] == 7


def test_a_wrong_mode_of_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mode that came from ORCHESTRA_MODE is not called a fault of the plan's own."""
    monkeypatch.setenv("ORCHESTRA_MODE", "psychic")
    with pytest.raises(onb.PlanError) as caught:
        onb.run(PLAN, {"worker": lambda: 1}, home=tmp_path)
    assert [fault.place for fault in caught.value.faults] == ["ORCHESTRA_MODE"]
    assert "guided" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "name"),
    [("raise ValueError('no')", "agents"), ("def make():\n    raise ValueError('no')", "make")],
)
def test_a_fault_in_the_module_of_agents_is_bad_input(
    code: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command shows where the user's code broke, and does not call it a failed task."""
    monkeypatch.chdir(tmp_path)
    module = f"broken_{name}"
    (tmp_path / f"{module}.py").write_text(code)
    PLAN.save(tmp_path / "plan.yaml")
    done = CliRunner().invoke(app, ["run", "plan.yaml", "--agents", f"{module}:{name}"])
    assert done.exit_code == 2
    assert "Traceback" in done.output
    assert done.output.strip().endswith("raised ValueError")
    assert not (tmp_path / ".orchestra").exists()
