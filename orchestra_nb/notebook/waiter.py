"""Waiting for a run in a notebook's cell, with clicks working meanwhile."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable

from ..handle import Run
from . import kernel
from .pump import NO_PUMP, KernelPump

__all__ = ["NotebookWaiter"]


class NotebookWaiter:
    """Waits in a cell with clicks working; an interrupt ends only the waiting.

    Args:
        run: The run.
        waited: Called when a wait is over.
    """

    def __init__(self, run: Run, waited: Callable[[], None]):
        self._run = run
        self._waited = waited
        self._pump = KernelPump()

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block the cell until ``done()``."""
        self._refuse_in_callback()
        if not self._pump.available and not done():
            sys.stderr.write(f"{NO_PUMP}\n")
        try:
            ended = self._pump.wait(lambda: done() or self._stuck(), timeout)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(_GOES_ON)
            raise
        self._waited()
        return ended

    async def wait_async(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Await in the cell until ``done()``."""
        try:
            ended = await self._pump.wait_async(done, timeout)
        except asyncio.CancelledError as interrupt:
            interrupt.add_note(_GOES_ON)
            raise
        self._waited()
        return ended

    def _refuse_in_callback(self) -> None:
        here = threading.current_thread()
        if here is not threading.main_thread() and not here.name.startswith("subshell"):
            return  # a thread of the user's own: the kernel's message is none of its business
        here_runs = kernel.current_kernel()
        parent = here_runs.get_parent("shell") if here_runs is not None else {}
        if str(parent.get("header", {}).get("msg_type", "")).startswith("comm_"):
            raise RuntimeError(
                "run.wait() in a widget's callback would hold up all other clicks; "
                "use on_event= to hear of the end"
            )

    def _stuck(self) -> bool:
        """Whether blocking would hang: clicks can't arrive, and a decision has no timeout."""
        if self._pump.available or self._run.autopilot:
            return False
        for decision in list(self._run._engine.state.decisions.values()):
            if decision.open and decision.timeout_s is None:
                raise RuntimeError(
                    f"{decision.title!r} has no timeout, and clicks can't arrive while this cell "
                    "waits: use `await run`, or answer with run.answer() first"
                )
        return False


_GOES_ON = "Only the waiting ended: the run goes on. run.stop() ends it."
