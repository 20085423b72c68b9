"""Undo on a board: another run from the choice that a record names, with the run's own agents."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..commands import Reply
from ..errors import OrchestraError
from ..handle import Run

__all__ = ["Forking", "asks_to_fork"]


def asks_to_fork(body: dict[str, Any]) -> bool:
    """Whether a view asks for a fork."""
    return body.get("command") == "fork"


class Forking:
    """Makes the forks that views ask for, each of them once.

    Args:
        run: The run that the board shows.
        shown: Called with each fork, to show it.
    """

    def __init__(self, run: Run, shown: Callable[[Run], None]):
        self._run, self._shown = run, shown
        self._lock = threading.Lock()
        self._under_way: set[tuple[str, str]] = set()

    def ask(self, body: dict[str, Any], reply: Callable[[Reply], None]) -> None:
        """Fork with another option of a decision. Any thread; never blocks it."""
        decision, option = body.get("decision"), body.get("option")
        if not isinstance(decision, str) or not isinstance(option, str):
            reply(Reply(False, "A fork needs a decision and an option"))
            return
        wish = decision, option
        with self._lock:
            if wish in self._under_way:  # a second click, or another view, meant the same
                reply(Reply(False, "This fork is being made already", late=True))
                return
            self._under_way.add(wish)

        def make() -> None:
            try:
                fork = self._run.fork(decisions={decision: {"option": option}})
                self._shown(fork)
                came = Reply(True, f"A fork with {option} runs below: onb.open({fork.id!r})")
            except OrchestraError as error:
                came = Reply(False, str(error))
            finally:
                with self._lock:
                    self._under_way.discard(wish)
            reply(came)

        threading.Thread(target=make, name="orchestra-fork", daemon=True).start()
