"""A home with one run of each ending, made once and copied for each test."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import orchestra_nb as onb
from orchestra_nb import wiring
from orchestra_nb.store.folder import RunFolder
from tests.engine.rig import choice, one_phase, task

WITHIN_S = 20.0


async def spends(context: onb.Context) -> str:
    """Use a model, ask, and return what needs a file."""
    context.usage(model="m", input_tokens=1_200, output_tokens=34, cost=0.25)
    context.usage(model="m", input_tokens=6, cost=None)
    context.log("said")
    await context.decide("Which?", ["x", "y"], recommend="A")
    return "x" * 5_000


def fails() -> None:
    """Fail."""
    raise ValueError("no")


@dataclass(frozen=True)
class Home:
    """A home, and the folder of the run of each ending in it, in the order they were made."""

    path: Path
    runs: dict[str, Path]

    def folder(self, ending: str) -> RunFolder:
        """The run of that ending."""
        return RunFolder(self.runs[ending])


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The runs: completed, failed, stopped, interrupted, and one that was killed."""
    home = tmp_path_factory.mktemp("template")
    gate = threading.Event()
    made = {}

    def start(plan: onb.Plan, name: str) -> onb.Run:
        agents = {"spends": spends, "fails": fails, "holds": lambda: gate.wait(WITHIN_S)}
        used = {one.agent for one in plan.phases[0].tasks if isinstance(one, onb.Task)}
        named = plan.model_copy(update={"name": name})
        run = onb.run(named, {agent: agents.get(agent, fails) for agent in used}, home=home)
        made[name.lower()] = run.folder
        return run

    auto = {"mode": "fully_autonomous"}
    start(one_phase(task("spends"), choice("d"), **auto), "Completed").wait(WITHIN_S)
    start(one_phase(task("spends"), task("fails"), task("b", "fails"), **auto), "Failed").wait(
        WITHIN_S
    )
    waiting = one_phase(task("holds"), choice("d", timeout=600))
    for ending in ("Stopped", "Interrupted", "Killed"):
        run = start(waiting, ending)
        end = time.monotonic() + WITHIN_S
        log = RunFolder(run.folder).log
        while b"decision_opened" not in log.read_bytes() or b"agent_start" not in log.read_bytes():
            assert time.monotonic() < end
            time.sleep(0.005)
        if ending == "Stopped":
            run.stop()
        elif ending == "Interrupted":
            wiring.live.pop(run.id)[1].interrupt("the process ended")
        else:
            so_far = log.read_bytes()
            run.stop()
            log.write_bytes(so_far)
    gate.set()
    return made


@pytest.fixture
def home(template: dict[str, Path], tmp_path: Path) -> Home:
    """A copy of them all."""
    path = tmp_path / "home"
    source = next(iter(template.values())).parent.parent
    shutil.copytree(source, path)
    path.chmod(0o700)
    return Home(path, {ending: path / "runs" / folder.name for ending, folder in template.items()})
