"""Sweep faults over every file operation of a run, and of its resume.

    python -m tests.sweep [--part] [--jobs 2] [--only write/torn] [--json FILE] [--into FOLDER]

Each case is a run (or a resume) with one fault in a process of its own, a resume in a fresh one,
and a look at the disk in yet another. ``--part`` takes the first 12 of each kind, then each 7th.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from .rows import all_rows, sweep


def main() -> int:
    """Print a line a kind of fault: how many there were, and what came of them."""
    arguments = argparse.ArgumentParser(prog="tests.sweep", description=__doc__.partition("\n")[0])
    arguments.add_argument("--part", action="store_true", help="the first 12, then each 7th")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--only", default="", help="rows whose name holds this")
    arguments.add_argument("--json", type=Path, help="write what was found there, too")
    arguments.add_argument("--into", type=Path, help="an empty folder; what went wrong stays there")
    options = arguments.parse_args()
    rows = [row for row in all_rows() if options.only in row.name]
    began = time.monotonic()
    print(f"{'fault':<24}  {'cases':>5}  what came of them", flush=True)
    with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
        into = options.into or Path(folder)
        for row in sweep(rows, into, jobs=options.jobs, part=options.part):
            outcomes = ", ".join(f"{count} {what}" for what, count in sorted(row.outcomes.items()))
            print(f"{row.name:<24}  {row.cases:>5}  {outcomes}", flush=True)
            for wrong in row.wrong:
                print(f"    {wrong}", flush=True)
    cases, broken = sum(row.cases for row in rows), sum(len(row.wrong) for row in rows)
    words = "every promise held" if not broken else f"{broken} promises were broken"
    print(f"{cases} cases in {time.monotonic() - began:.0f} s: {words}")
    if options.json is not None:
        options.json.write_text(json.dumps([row.data() for row in rows]), encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
