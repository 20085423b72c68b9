"""The two loops of a process, each in a daemon thread of its own.

The engine's loop runs our code alone, so that no agent can stop a countdown; agents' coroutines
and API streams share the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass

__all__ = ["LoopThread", "Loops", "loops", "on_own_thread"]


class LoopThread:
    """A daemon thread that runs an asyncio loop until the process ends."""

    def __init__(self, name: str):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            # A task that an agent started may raise SystemExit, which asyncio lets through.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()


@dataclass(frozen=True, slots=True)
class Loops:
    """The engine's loop and the agents' loop."""

    engine: LoopThread
    agents: LoopThread


_loops: Loops | None = None
_making = threading.Lock()


def loops() -> Loops:
    """The process's loops, started when first asked for."""
    global _loops
    with _making:
        if _loops is None:
            _loops = Loops(LoopThread("orchestra-engine"), LoopThread("orchestra-agents"))
        return _loops


def on_own_thread() -> bool:
    """Whether the caller runs on one of our loops, where nothing may block."""
    if _loops is None:
        return False
    here = threading.current_thread()
    return here in (_loops.engine.thread, _loops.agents.thread)


def _forget() -> None:
    # Threads don't survive a fork: a child that starts a run of its own gets new loops.
    global _loops, _making
    _loops, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
