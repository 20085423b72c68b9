"""Claude tasks whose calls hang at a local server, which counts how often each task asks."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from tests.messages_server import Body, Fault, MessagesServer, fault

__all__ = ["HUNG", "QUICK", "STOP_S", "Calls", "calling"]

QUICK = ("quick-1", "quick-2", "quick-3")
HUNG = ("slow-1", "slow-2", "slow-3")
STOP_S = 2.0
"""Within so long every connection of a run that is stopped is closed."""
WITHIN_S = 40.0
PLAN = {
    "name": "Calls",
    "mode": "fully_autonomous",
    "phases": [
        {"name": name, "tasks": [{"agent": one, "task": f"Look at {one}"} for one in tasks]}
        for name, tasks in (("First", QUICK), ("Then", HUNG), ("Last", ("report",)))
    ],
}
_TASK = re.compile(r"<task[^>]*>\s*Look at ([\w-]+)")


class Calls:
    """A server, and a plan of which three tasks get their answers and the next three hang.

    Attributes:
        server: It; its faults are these.
        folder: Where the plan and the home are.
        plan: The plan's file.
        hanging: Whether calls of the slow tasks hang in the middle of their streams.
    """

    def __init__(self, server: MessagesServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.plan = folder / "plan.json"
        self.plan.write_text(json.dumps(PLAN), encoding="utf-8")
        self.hanging = True
        server.fault = self._fault

    def _fault(self, body: Body) -> Fault | None:
        hangs = self.hanging and _task(body) in HUNG
        return fault("stall", after=4, seconds=60) if hangs else None

    @property
    def home(self) -> Path:
        """The home."""
        return self.folder / "home"

    def asked(self) -> Mapping[str, int]:
        """How many requests the server got for each task."""
        return Counter(_task(body) for body in self.server.bodies)

    def until_hung(self, lives: Callable[[], bool] = lambda: True) -> str:
        """Wait until the first three are done and the others in the middle of their calls.

        Args:
            lives: Whether whoever makes the calls still can.

        Returns:
            The run's id.
        """
        asked = dict.fromkeys(QUICK + HUNG, 1)
        self.until(lambda: not lives() or self.server.in_flight == len(HUNG), self.asked)
        self.until(lambda: not lives() or self.asked() == asked, self.asked)
        (run,) = (self.home / "runs").iterdir()
        return run.name

    def until(self, holds: Callable[[], bool], said: Callable[[], object] = str) -> None:
        """Wait for something; what is said when it does not come."""
        end = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < end, said()
            time.sleep(0.01)

    def closed_within(self, seconds: float = STOP_S) -> bool:
        """Whether every connection is closed by then."""
        return self.server.wait_idle(seconds)

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """The log's whole lines, of these kinds or all."""
        (log,) = self.home.glob("runs/*/orchestration-timeline.jsonl")
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in whole if not kinds or event["event"] in kinds]

    def resumed(self, run_id: str) -> None:
        """Resume the run here, where nothing hangs any more; see who had to ask again.

        The finished never do, the cut ones once, and what had not begun asks for the first time.
        """
        self.hanging = False
        run = onb.resume(run_id, home=self.home)
        run.wait(WITHIN_S)
        assert run.status == "completed"
        expected = dict.fromkeys(QUICK, 1) | dict.fromkeys(HUNG, 2) | {"report": 1}
        assert self.asked() == expected


def _task(body: Body) -> str:
    """The task a request is about."""
    found = _TASK.search(body["messages"][0]["content"][-1]["text"])
    assert found is not None
    return found[1]


@contextmanager
def calling(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Give the server and the plan; who is started meanwhile finds them in the environment."""
    with MessagesServer() as server:
        patch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-0123456789abcdef")
        patch.setenv("ANTHROPIC_BASE_URL", server.base_url)
        yield Calls(server, folder)
