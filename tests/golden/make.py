"""Makes the run folders that later releases must load: once a release, never afterwards.

    python -m tests.golden.make v1

They are real runs, on a clock that stands still: of functions, with people who answer. Nothing of
this machine is in them. What is there already is left alone; a folder that was released stays as
it is, whatever later versions write.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree

from .scenes import SCENES
from .summary import summary_of

__all__ = ["main"]

HERE = Path(__file__).parent


def main(arguments: Sequence[str]) -> None:
    """Make the runs of a release."""
    (release,) = arguments
    target = HERE / release
    if target.exists():
        raise SystemExit(f"{target} exists: what was released is not made anew")
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) / release
        for number, scene in enumerate(SCENES):
            scene(home, number)
            print(f"{scene.__name__}: done")
        (home / ".gitignore").unlink()  # it would hide them from git
        ids = sorted(path.name for path in (home / "runs").iterdir())
        summary = {run_id: summary_of(home, run_id) for run_id in ids}
        text = json.dumps(summary, indent=1, ensure_ascii=False)
        (home / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        copytree(home, target)
    print(f"{len(ids)} runs in {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
