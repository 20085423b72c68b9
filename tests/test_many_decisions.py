"""A hundred decisions at once: every clock is kept, on the real clock and the real disk."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb

COUNT = 100


def plan_of(burners: int) -> onb.Plan:
    """A hundred decisions with clocks from 1 to 3 s, each with a task that depends on it.

    Args:
        burners: How many functions burn Python meanwhile.
    """
    tasks: list[Any] = [onb.Task(id=f"b{number}", agent="burn") for number in range(burners)]
    for number in range(COUNT):
        tasks.append(
            onb.Decision(
                id=f"d{number}", title=f"Choice {number}", options=["x", "y"], recommend="A",
                timeout=1 + number / 50, depends_on=[],
            )
        )  # fmt: skip
        tasks.append(onb.Task(id=f"t{number}", agent="after", depends_on=[f"d{number}"]))
    return onb.Plan(name="Many", phases=[onb.Phase(name="P", tasks=tasks)])


@pytest.mark.alone
@pytest.mark.parametrize("burners", [0, 4], ids=["idle", "busy"])
def test_all_time_out_within_a_second_of_their_time(tmp_path: Path, burners: int) -> None:
    """Each has one outcome, by timeout, in its second, also while functions burn Python."""
    after = 0

    def burn() -> None:
        while after < COUNT:
            sum(range(1_000))

    def count() -> None:
        nonlocal after
        after += 1

    agents = {"after": count} | ({"burn": burn} if burners else {})
    run = onb.run(plan_of(burners), agents, home=tmp_path)
    run.wait(50)
    assert run.status == "completed"
    lines = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    opened = {e["decision_id"]: e for e in events if e["event"] == "decision_opened"}
    outcomes = [e for e in events if e["event"] == "decision"]
    assert Counter(e["decision_id"] for e in outcomes) == dict.fromkeys(opened, 1)
    assert len(outcomes) == COUNT
    for outcome in outcomes:
        start = opened[outcome["decision_id"]]
        late = outcome["t"] - start["t"] - start["timeout_s"]
        assert outcome["by"] == "timeout"
        assert -0.001 <= late < 1.0, (outcome["decision_id"], late)
    started = {e["task"]: e["t"] for e in events if e["event"] == "agent_start"}
    for outcome in outcomes:
        waited = started[outcome["decision_id"].replace("d", "t")] - outcome["t"]
        assert 0 <= waited < 1.0
