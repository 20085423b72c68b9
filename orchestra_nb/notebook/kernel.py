"""The kernel this process is, if it is one, and which of its cells runs now."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["current_cell", "current_execution", "current_kernel"]


def current_kernel() -> Any:
    """The running ipykernel, or ``None``."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def current_cell() -> str:
    """What tells the running cell from others: its id, where the front end sends one."""
    kernel = current_kernel()
    parent = kernel.get_parent("shell")
    cell = parent.get("metadata", {}).get("cellId")
    return str(cell or parent.get("content", {}).get("code", ""))


def current_execution() -> str:
    """What tells this execution of a cell from others."""
    kernel = current_kernel()
    parent = kernel.get_parent("shell") if kernel is not None else {}
    return str(parent.get("header", {}).get("msg_id", ""))
