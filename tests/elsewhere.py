"""A run in another process, for tests that speak to it from here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from orchestra_nb.store.folder import RunFolder

ROOT = Path(__file__).parent.parent
WITHIN_S = 20.0

SCRIPT = """
import sys
import orchestra_nb as onb

async def deploys(context):
    outcome = await context.approve("deploy", {"region": "eu", "count": 3})
    return [outcome.option, dict(outcome.values or {}), outcome.note]

def writes(context):
    return "first draft"

agents = {"deploys": deploys, "writes": writes}
plan = onb.Plan.load(sys.argv[1])
used = {task.agent for phase in plan.phases for task in phase.tasks if hasattr(task, "agent")}
run = onb.run(plan, {name: agents[name] for name in agents if name in used})
print(run.id, flush=True)
run.wait()
print(run.status, flush=True)
"""

CHOICE: dict[str, Any] = {
    "decision": "Database technology",
    "category": "database",
    "options": {"A": "PostgreSQL", "B": "Cassandra", "C": "DynamoDB"},
    "recommend": "A",
    "because": "the team knows it",
}


def plan_of(*tasks: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A plan of one phase."""
    return {"name": "Elsewhere", "phases": [{"name": "Only", "tasks": [*tasks]}], **settings}


class Elsewhere:
    """A process that runs a plan.

    Args:
        folder: Where its plan and its home are.
        plan: The plan, as YAML would say it.

    Attributes:
        id: Id of the run.
        folder: The run's folder.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]):
        path = folder / "plan.yaml"
        path.write_text(yaml.safe_dump(plan), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        environment["ORCHESTRA_HOME"] = str(folder / "home")
        environment.pop("ORCHESTRA_MODE", None)
        said = folder / "stderr"
        with said.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, str(path)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        assert self.process.stdout is not None
        self.id = self.process.stdout.readline().strip()
        assert self.id[:1].isdigit(), said.read_text(encoding="utf-8")
        self.folder = RunFolder.open(folder / "home" / "runs" / self.id)

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """What its log holds of these kinds."""
        lines = self.folder.log.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in whole if event["event"] in kinds]

    def decided(self, decision: str) -> dict[str, Any]:
        """The outcome of a decision, as soon as it is in the log."""
        until(lambda: any(e["decision_id"] == decision for e in self.events("decision")))
        return next(e for e in self.events("decision") if e["decision_id"] == decision)

    def until_asked(self, *decisions: str) -> Elsewhere:
        """Wait until these decisions were opened."""
        until(lambda: {e["decision_id"] for e in self.events("decision_opened")} >= {*decisions})
        return self

    def end(self) -> str:
        """Wait for the end; how the run ended."""
        return self.process.communicate(timeout=WITHIN_S)[0].strip()


def until(true: Callable[[], object]) -> None:
    """Wait for something."""
    end = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def command(folder: Path, *arguments: str, encoding: str = "utf-8") -> subprocess.Popen[str]:
    """Start a command of ours in a process of its own, with the home in that folder."""
    line: Sequence[str] = [
        sys.executable, "-c", "from orchestra_nb.cli import main; main()", *arguments,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    environment["ORCHESTRA_HOME"] = str(folder / "home")
    return subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding=encoding,
        env=environment,
    )
