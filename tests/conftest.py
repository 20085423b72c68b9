"""What all tests share: the kernels they may start."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The oldest and the newest supported ipykernel. The old one is a folder that shadows the new one.
KERNELS = {"ipykernel-7": None, "ipykernel-6": Path(sys.prefix) / "ipykernel6"}


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, which is all that the package supports."""
    return "asyncio"


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a Jupyter data folder whose kernels run this checkout, one for each of ``KERNELS``."""
    data = tmp_path_factory.mktemp("jupyter-data")
    for name, overlay in KERNELS.items():
        if overlay is not None and not overlay.is_dir():
            pytest.fail(f"{overlay.name} is not installed: run `make test` once", pytrace=False)
        path = [str(overlay)] if overlay is not None else []
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "env": {
                "PYTHONPATH": os.pathsep.join([*path, str(ROOT)]),
                # Without this debugpy complains on stderr about frozen modules.
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            },
        }
        folder = data / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return data
