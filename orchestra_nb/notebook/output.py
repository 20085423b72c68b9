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

    def show(self, bundle: Mapping[str, Any]) -> None:
        """Display a mimebundle in the cell that runs now."""
        from IPython.display import display

        display_id = uuid.uuid4().hex
        display(bundle, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]
        self._ids.append(display_id)

    def replace(self, bundle: Mapping[str, Any]) -> None:
        """Put another mimebundle in every place. Any thread."""
        from IPython.display import update_display

        for display_id in self._ids:
            update_display(bundle, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]
