"""What ``import orchestra_nb`` costs, beside ``from pydantic import BaseModel``.

    python -m tests.benchmarks.import_time [--rounds 15]

Fresh interpreters, alternating. Ours to reach: 1.3 times pydantic's at most. The second row is the
first use of a name, which is when the plan's code is imported.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

STATEMENTS = {
    "from pydantic import BaseModel": "from pydantic import BaseModel",
    "import orchestra_nb": "import orchestra_nb",
    "orchestra_nb.Plan": "import orchestra_nb; orchestra_nb.Plan",
    "orchestra_nb.run": "import orchestra_nb; orchestra_nb.run",
}
HEAVY = ("pandas", "plotly", "anthropic", "ipywidgets", "anywidget", "IPython", "rich", "typer")


def measure(statement: str) -> float:
    """Milliseconds of a statement in a fresh interpreter."""
    code = (
        "import sys, time; began = time.perf_counter()\n"
        f"{statement}\n"
        "print((time.perf_counter() - began) * 1000)\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(made.stdout)


def main() -> None:
    """Print minimum and median of each statement, and the ratio to pydantic's."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=15)
    rounds = arguments.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            times[name].append(measure(statement))
    peer = statistics.median(times["from pydantic import BaseModel"])
    print(f"{'statement':<32}  {'min ms':>7}  {'median ms':>9}  {'ratio':>6}")
    for name, each in times.items():
        median = statistics.median(each)
        print(f"{name:<32}  {min(each):>7.1f}  {median:>9.1f}  {median / peer:>6.2f}")


if __name__ == "__main__":
    main()
