"""What it takes to go on with a large run: seconds and memory from ``onb.resume()`` to a start.

A run of so many tasks of which half are done, in the log of a process that was killed. In a fresh
process: seconds until ``resume()`` returns, until the first agent is called, and what memory grew
by (Linux); ``dry_run`` beside it, and as the floor a bare ``json.loads`` of each line of the log.

    python -m tests.benchmarks.resume [--tasks 10000] [--rounds 5]

Ours to reach: at 10,000 tasks an agent starts within 1.5 s, with less than 150 MB more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orchestra_nb as onb

LOG = "orchestration-timeline.jsonl"
MEASURE = """
import json, sys, threading, time
from pathlib import Path
import orchestra_nb as onb

onb.resume, onb.run
run_id, home, what = sys.argv[1:]
called, until = [], threading.Event()

async def worker(context):
    if not called:
        called.append(time.perf_counter())
    return {"module": context.task, "lines": [1, 2, 3]}

def memory():
    status = Path("/proc/self/status")  # (ru_maxrss would count whoever started this process)
    lines = status.read_text().splitlines() if status.exists() else ()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)

before, began = memory(), time.perf_counter()
if what == "floor":
    with open(f"{home}/runs/{run_id}/orchestration-timeline.jsonl", "rb") as log:
        events = [json.loads(line) for line in log]
elif what == "dry":
    onb.resume(run_id, {"worker": worker}, home=home, dry_run=True)
else:
    run = onb.resume(run_id, {"worker": worker}, home=home)
ended = time.perf_counter()
if what == "resume":
    while not called:
        time.sleep(0.001)
grown = memory() - before
first = called[0] if called else ended
print(json.dumps([ended - began, first - began, grown]))
if what == "resume":
    run.stop()
"""


def plan_of(count: int) -> onb.Plan:
    """Chains of ten tasks: each waits for the one before it."""
    tasks = [
        onb.Task(
            id=f"t{i}",
            agent="worker",
            task=f"Look at module {i}",
            depends_on=[f"t{i - 1}"] if i % 10 else [],
        )
        for i in range(count)
    ]
    return onb.Plan(name="Resume", phases=[onb.Phase(name="All", tasks=tasks)], max_concurrency=64)


def half_done(count: int, home: Path) -> str:
    """Id of a run whose process was killed when half of its tasks were done."""

    async def worker(context: Any) -> dict[str, Any]:
        return {"module": context.task, "lines": [1, 2, 3]}

    run = onb.run(plan_of(count), {"worker": worker}, home=home)
    run.wait()
    log = run.folder / LOG
    lines, completed = [], 0
    for line in log.read_bytes().splitlines(keepends=True):
        lines.append(line)
        completed += b'"agent_complete"' in line
        if completed == count // 2:
            break
    log.write_bytes(b"".join(lines))
    (run.folder / "lock").write_bytes(b"")
    return run.id


def main() -> None:
    """Print a row for each: median seconds of the rounds, and memory."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--tasks", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run = half_done(options.tasks, home)
        log = home / "runs" / run / LOG
        data = log.read_bytes()
        events = data.count(b"\n")
        print(f"{options.tasks:,} tasks, half done: {events:,} events, {len(data) / 1e6:.1f} MB")
        print(f"{'what':<12}  {'s':>6}  {'first start s':>13}  {'MB':>5}")
        for what, name in (("floor", "json.loads"), ("dry", "dry_run"), ("resume", "resume")):
            rows = []
            for _ in range(options.rounds):
                rows.append(_measured(run, home, what))
                log.write_bytes(data)
            took, first, grown = (statistics.median(column) for column in zip(*rows, strict=True))
            until = f"{first:>13.2f}" if what == "resume" else f"{'':>13}"
            print(f"{name:<12}  {took:>6.2f}  {until}  {grown:>5.0f}")


def _measured(run: str, home: Path, what: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, run, str(home), what],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
