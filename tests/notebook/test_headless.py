"""Without a front end a run in a kernel goes its way: the timeout decides, nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import KERNELS

START = """
import orchestra_nb as onb
plan = onb.Plan(name="Alone", phases=[onb.Phase(name="All", tasks=[
    onb.Decision(title="Colour", options=["red", "blue"], recommend="B", timeout="1s"),
    onb.Task(agent="painter", depends_on=["colour"])])])
run = onb.run(plan, agents={"painter": lambda context: context.decisions["colour"].text})
"""


def execute(cells: list[str], kernels: Path, kernel: str, folder: Path) -> Any:
    """Execute cells in a kernel with no front end; give the notebook as it was written."""
    make: Any = nbformat.v4
    files: Any = nbformat
    notebook = make.new_notebook(cells=list(map(make.new_code_cell, cells)))
    path = folder / "alone.ipynb"
    files.write(notebook, path)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", f"--kernel_name={kernel}"]
    made = subprocess.run(
        [*command, str(path)],
        env={**os.environ, "JUPYTER_PATH": str(kernels), "JUPYTER_PREFER_ENV_PATH": "0"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return files.read(path, as_version=4)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("wait", ["results = await run", "results = run.wait()"])
def test_the_timeout_decides(kernels: Path, kernel: str, wait: str, tmp_path: Path) -> None:
    """Nobody answers: the recommendation is taken, later cells see it, the record is static."""
    cells = [START, wait, "print(results['painter'], results['colour'].by, run.status)"]
    notebook = execute(cells, kernels, kernel, tmp_path)
    assert notebook.cells[2].outputs[0]["text"] == "blue timeout completed\n"
    shown = notebook.cells[0].outputs[0]["data"]
    assert set(shown) == {"text/html", "text/plain"}
    assert "Colour" in shown["text/html"]
    assert "0x" not in shown["text/plain"]
