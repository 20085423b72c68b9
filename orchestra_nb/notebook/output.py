"""A run's displays in notebook cells: live while it runs, static for good at its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

__all__ = ["Outputs"]


class Outputs:
    """Every place a run was displayed; all show the same thing.

    A display can be replaced from any thread, also when its cell is long over: that is how a saved
    notebook comes to tell the story without a kernel.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._final: Mapping[str, Any] | None = None

    def show(self, bundle: Mapping[str, Any]) -> None:
        """Display a mimebundle in the cell that runs now; what is shown for good wins over it."""
        from IPython.display import display, update_display

        display_id = uuid.uuid4().hex
        self._ids.append(display_id)
        shown = bundle if self._final is None else self._final
        display(shown, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]
        # A run may end meanwhile, and what is not displayed yet can't be replaced.
        if self._final is not None and self._final is not shown:
            update_display(self._final, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]

    def reopen(self) -> None:
        """What was shown for good gives way to something else once more."""
        self._final = None

    def repeat(self) -> None:
        """Put what is shown for good in every place once more. From a cell."""
        if self._final is not None:
            self.replace(self._final, for_good=True)

    def replace(self, bundle: Mapping[str, Any], *, for_good: bool = False) -> None:
        """Put another mimebundle in every place. Any thread.

        Args:
            bundle: What to show.
            for_good: Nothing else is shown from now on, in new places neither.
        """
        from IPython.display import update_display

        if for_good:
            self._final = bundle
        elif self._final is not None:
            return
        for display_id in tuple(self._ids):
            update_display(bundle, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]
