"""``orchestration-plan.md``: rewritten after changes, but not all the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .encoding import to_bytes
from .files import replace_file
from .masking import mask

__all__ = ["PlanFile"]

_LEAST = 1.0
_MOST = 60.0
_SHARE = 0.02


class PlanFile:
    """Keeps a file like a text that changes, replacing it in one step.

    At most once a second; rarer when making it takes long, so that it takes at most 2 % of the
    time; but once a minute in any case while something changes.

    Args:
        path: The file.
        render: Makes the text, in the helper thread. If what it reads moves under it, it may
            raise RuntimeError: it is then called again a second later.
        wake: Tells the helper thread that there is something to do.
        copy: Gets the file's content as well.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        render: Callable[[], str],
        *,
        wake: Callable[[], None],
        copy: Callable[[bytes], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._path = path
        self._render = render
        self._wake = wake
        self._copy = copy
        self._clock = clock
        self._changed = False
        # A short run writes it once, at its end: making it may cost more than all its tasks.
        self._not_before = clock() + _LEAST

    def changed(self) -> None:
        """The text is another one now. Any thread, as often as you like."""
        if not self._changed:
            self._changed = True
            self._wake()

    def due_in(self, now: float) -> float | None:
        """Seconds until the file may be written, ``None`` if it is up to date."""
        return max(0.0, self._not_before - now) if self._changed else None

    def run(self, now: float) -> None:
        """Write the file now."""
        self._changed = False
        self._not_before = now + _MOST  # should render raise for good
        try:
            text = self._render()
        except RuntimeError:
            self._changed = True
            self._not_before = now + _LEAST
            return
        data = to_bytes(mask(text))
        try:
            replace_file(self._path, data)
            if self._copy is not None:
                self._copy(data)
        finally:
            spent = self._clock() - now
            self._not_before = now + min(_MOST, max(_LEAST, spent / _SHARE))
