"""A part of the fault sweep; ``make sweep`` does all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
@pytest.mark.timeout(400)
def test_every_promise_holds_after_a_fault(tmp_path: Path) -> None:
    """Whichever file operation fails or is the last, a resume comes to the same and pays once."""
    found = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.sweep", "--part", "--json", str(found)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    rows = json.loads(found.read_bytes())
    outcomes = {outcome for row in rows for outcome in row["outcomes"]}
    assert outcomes == {"completed", "died", "failed", "refused", "stopped"}
    failed = {row["name"] for row in rows if "failed" in row["outcomes"]}
    assert failed == {"resume/open/full", "resume/open/once"}  # of who needs what can't be read
    assert sum(row["cases"] for row in rows) > 250
