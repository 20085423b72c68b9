"""What a machine that sleeps does to open decisions: SIGSTOP for a minute, then SIGCONT.

    python -m tests.benchmarks.sleep [--decisions 100] [--seconds 60]

A process has decisions open whose clocks run out while it is stopped. What is decided when it goes
on, how long it takes until every card says that the machine slept, and when the decisions end that
nobody answers. Ours to reach: nothing decided on waking, all held within 0.2 s, all decided 60 s
later within a second. The control row takes the minute away, which is what plain timers do.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orchestra_nb as onb
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import find_run

SCRIPT = """
import sys
import orchestra_nb as onb
from orchestra_nb.engine import core

if sys.argv[3] == "plain":
    core.ASLEEP_AFTER_S = 1e9
tasks = [
    onb.Decision(id=f"d{i}", title=f"Choice {i}", options=["x", "y"], recommend="A",
                 timeout=5 + i / 10, depends_on=[])
    for i in range(int(sys.argv[1]))
]
run = onb.run(onb.Plan(name="Sleep", phases=[onb.Phase(name="P", tasks=tasks)]), home=sys.argv[2])
print(run.id, flush=True)
run.wait()
"""


def measure(name: str, count: int, seconds: float) -> None:
    """Let one process sleep and print its row."""
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(count), home, name],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(onb.__file__).parent.parent)},
            text=True,
        )
        assert process.stdout is not None
        folder = RunFolder.open(find_run(process.stdout.readline().strip(), where=home))
        while len(of(folder, "decision_opened")) < count:
            time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
        time.sleep(2.0)
        at_once = len(of(folder, "decision"))
        process.communicate()
        held = [e for e in of(folder, "decision_held") if e["cause"] == "asleep"]
        outcomes = of(folder, "decision")
        opened = {e["decision_id"]: e["t"] + e["timeout_s"] for e in of(folder, "decision_opened")}
        due = max(opened.values())
        print(f"{name}: {count} decisions, stopped for {seconds:g} s")
        print(f"  decided within 2 s of waking  {at_once}")
        print(f"  held as asleep                {len(held)}")
        if held:
            spread = max(e["t"] for e in held) - min(e["t"] for e in held)
            waits = [e["t"] - held[0]["t"] for e in outcomes]
            print(f"  from the first hold to the last {spread * 1000:.0f} ms")
            print(f"  decided after                 {min(waits):.2f} to {max(waits):.2f} s")
        else:
            print(f"  the last was due at {due:.1f} s, all decided at {outcomes[0]['t']:.1f} s")
        print(f"  outcomes                      {len({e['decision_id'] for e in outcomes})}")


def of(folder: RunFolder, kind: str) -> list[dict[str, Any]]:
    """Events of a kind in a log that is being written."""
    lines = folder.log.read_text(encoding="utf-8").splitlines(keepends=True)
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return [event for event in events if event["event"] == kind]


def main() -> None:
    """Measure ours beside plain timers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    for name in ("ours", "plain"):
        measure(name, given.decisions, given.seconds)


if __name__ == "__main__":
    main()
