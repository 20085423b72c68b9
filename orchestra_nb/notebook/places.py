"""Where a run is shown: its own cells, and below the run that it was forked from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from .output import Outputs

__all__ = ["Places"]

Bundle = Mapping[str, Any]
_GAP = '<div style="height:12px"></div>'


class Places:
    """Every cell that shows a run, with its forks below it.

    Args:
        board: Gives the run's widget, for cells that show several.
    """

    def __init__(self, board: Callable[[], Any]) -> None:
        self._board = board
        self._outputs = Outputs()
        self._below: list[Places] = []
        self._above: Places | None = None
        self._bundle: Bundle = {"text/plain": ""}
        self._over = False
        self._lock = threading.RLock()

    def show(self, bundle: Bundle) -> None:
        """Display the run in the cell that runs now; what is shown for good wins over it."""
        with self._lock:
            if not self._over:
                self._bundle = bundle
            shown = self._composed()
        self._outputs.show(shown)

    def repeat(self) -> None:
        """Put what is shown for good in every place once more. From a cell."""
        self._outputs.repeat()

    def replace(self, bundle: Bundle, *, for_good: bool = False) -> None:
        """Put another mimebundle in every place. Any thread.

        Args:
            bundle: What to show of this run.
            for_good: Nothing else is shown of it from now on.
        """
        with self._lock:
            if self._over and not for_good:
                return
            self._bundle, self._over = bundle, self._over or for_good
        self._renew()

    def put_below(self, fork: Places, bundle: Bundle) -> None:
        """Show a fork of this run below it, wherever this one is shown. Any thread."""
        with self._lock:
            fork._above = self
            if not fork._over:
                fork._bundle = bundle
            self._below.append(fork)
            self._outputs.reopen()
        self._renew()

    def _renew(self) -> None:
        with self._lock:
            self._outputs.replace(self._composed(), for_good=all(p._over for p in self._all()))
        if self._above is not None:
            self._above._renew()

    def _all(self) -> list[Places]:
        return [self, *(one for fork in self._below for one in fork._all())]

    def _composed(self) -> Bundle:
        """One mimebundle of the run and its forks; widgets only while any of them is live."""
        every = self._all()
        if len(every) == 1:
            return self._bundle
        text = "\n\n".join(str(one._bundle.get("text/plain", "")) for one in every)
        if all(one._over for one in every):
            page = _GAP.join(str(one._bundle.get("text/html", "")) for one in every)
            return {"text/html": page, "text/plain": text}
        from ipywidgets import HTML, VBox

        # (Our own HTML: every foreign text in it is escaped.)
        box = VBox([HTML(one._bundle["text/html"]) if one._over else one._board() for one in every])
        made: Any = box._repr_mimebundle_() or {}
        data = dict(made[0] if isinstance(made, tuple) else made)
        return {**data, "text/plain": text}
