"""Without a front end a run in a kernel goes its way: the timeout decides, nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from orchestra_nb.cli import app
from tests.conftest import KERNELS

START = """
import orchestra_nb as onb
plan = onb.Plan(name="Alone", phases=[onb.Phase(name="All", tasks=[
    onb.Decision(title="Colour", options=["red", "blue"], recommend="B", timeout="1s"),
    onb.Task(agent="painter", depends_on=["colour"])])])
run = onb.run(plan, agents={"painter": lambda context: context.decisions["colour"].text})
"""


def begin(
    cells: list[str], kernels: Path, kernel: str, folder: Path
) -> tuple[Path, subprocess.Popen[str]]:
    """Begin to execute cells in a kernel with no front end; the notebook, and who executes it."""
    make: Any = nbformat.v4
    files: Any = nbformat
    notebook = make.new_notebook(cells=list(map(make.new_code_cell, cells)))
    path = folder / "alone.ipynb"
    files.write(notebook, path)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", f"--kernel_name={kernel}"]
    made = subprocess.Popen(
        [*command, str(path)],
        env={**os.environ, "JUPYTER_PATH": str(kernels), "JUPYTER_PREFER_ENV_PATH": "0"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return path, made


def result(path: Path, made: subprocess.Popen[str]) -> Any:
    """Give the notebook as it was written in the end."""
    files: Any = nbformat
    output, _ = made.communicate()
    assert made.returncode == 0, output
    return files.read(path, as_version=4)


def execute(cells: list[str], kernels: Path, kernel: str, folder: Path) -> Any:
    """Execute cells in a kernel with no front end; give the notebook as it was written."""
    return result(*begin(cells, kernels, kernel, folder))


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


@pytest.mark.parametrize("wait", ["results = await run", "results = run.wait()"])
def test_a_terminal_decides_while_a_cell_waits(kernels: Path, wait: str, tmp_path: Path) -> None:
    """An answer from another process counts while the cell is in its wait, and later cells see it.

    Nobody shows the card in this kernel: only the terminal knows of it.
    """
    start = START.replace('timeout="1s"', 'timeout="none"')
    cells = [
        start,
        f"open('waiting', 'w').close()\n{wait}",
        "print(results['painter'], results['colour'].by, results['colour'].who)",
    ]
    path, made = begin(cells, kernels, "ipykernel-7", tmp_path)
    while not (tmp_path / "waiting").exists() and made.poll() is None:
        time.sleep(0.05)
    decide = ["decide", "latest", "colour", "red", "--as", "maria"]
    done = CliRunner().invoke(app, [*decide, "--home", str(tmp_path / ".orchestra")])
    notebook = result(path, made)
    assert done.output == "Colour → A · red\n"
    assert notebook.cells[2].outputs[0]["text"] == "red remote maria\n"
