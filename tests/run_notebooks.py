"""``python -m tests.run_notebooks``: run every notebook, compare the outputs marked for it.

Nobody sits before these notebooks, so decisions are taken by autopilot; Claude is a local server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.messages_server import MessagesServer

ROOT = Path(__file__).parent.parent

# The notebooks that talk to the Messages API; the others must run without any key.
CLAUDE = frozenset({"02_claude.ipynb"})


def run(notebook: Path, environment: dict[str, str]) -> int:
    """Run one notebook under nbval; give pytest's exit code."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(ROOT)),
        *("-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"),
        *("--nbval-cell-timeout", "120", "--nbval-sanitize-with", str(ROOT / "tests/nbval.cfg")),
        str(notebook),
    ]
    print(f"== {notebook.relative_to(ROOT)}", flush=True)
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Run all; give how many failed."""
    failed = 0
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANTHROPIC_")}
    environment |= {"ORCHESTRA_MODE": "fully_autonomous", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    with tempfile.TemporaryDirectory() as home, MessagesServer() as server:
        environment["ORCHESTRA_HOME"] = home
        claude = {
            **environment,
            "ANTHROPIC_BASE_URL": server.base_url,
            "ANTHROPIC_API_KEY": "a-key-for-the-local-server",
        }
        for notebook in sorted(ROOT.glob("notebooks/*.ipynb")):
            chosen = claude if notebook.name in CLAUDE else environment
            failed += run(notebook, chosen) != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
