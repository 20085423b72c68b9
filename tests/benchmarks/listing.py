"""What listing the runs of a home costs, beside reading the names of its folders.

    python -m tests.benchmarks.listing [--runs 1000] [--lines 5000] [--rounds 5]

Every other run has a long log: of a run that said its end only the two ends are read. Ours to
reach: 1,000 runs in 0.5 s, whatever the length of their logs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orchestra_nb as onb
from orchestra_nb.housekeeping.glance import glances


def make(home: Path, runs: int, lines: int) -> int:
    """Fill a home with copies of one run; how many bytes their logs have."""
    plan = onb.Plan(name="Listed", phases=[onb.Phase(name="P", tasks=[onb.Task(agent="a")])])
    run = onb.run(plan, {"a": lambda: 1}, home=home)
    run.wait(60)
    log = (run.folder / "orchestration-timeline.jsonl").read_bytes().splitlines(keepends=True)
    note = {"event": "note", "description": "y" * 80, "who": "user", "t": 0.0}
    middle = [json.dumps(note | {"seq": number}).encode() + b"\n" for number in range(lines)]
    total = 0
    for number in range(runs - 1):
        twin = run.folder.with_name(f"20260101T{number:06d}Z-listed-{number:04x}")
        shutil.copytree(run.folder, twin)
        data = b"".join([log[0], *(middle if number % 2 else ()), *log[1:]])
        total += (twin / "orchestration-timeline.jsonl").write_bytes(data)
    return total


def median_ms(call: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of a call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1_000)
    return statistics.median(times)


def main() -> None:
    """Print the floor, the first page and all."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--runs", type=int, default=1_000)
    arguments.add_argument("--lines", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        total = make(home, asked.runs, asked.lines)
        assert len(glances(home)[0]) == asked.runs
        print(f"{asked.runs:,} runs, logs of {total / 1e6:,.0f} MB")
        rows: dict[str, Callable[[], object]] = {
            "names alone": lambda: os.listdir(home / "runs"),
            "the newest 20": lambda: glances(home, limit=20),
            "all": lambda: glances(home),
        }
        for name, call in rows.items():
            print(f"{name:<14}  {median_ms(call, asked.rounds):>7.1f} ms")


if __name__ == "__main__":
    main()
