"""What the reviewing agents share: reading file after file, and words for numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .sources import Source, SourceFile, read

if TYPE_CHECKING:
    from orchestra_nb.agents.context import Context


class ReviewStoppedError(Exception):
    """The run was stopped while files were being read."""


def read_each(
    context: Context,
    files: Sequence[SourceFile],
    doing: str,
    *,
    end: float = 1,
    parse: bool = True,
) -> Iterator[Source]:
    """Read files one after the other, telling the board, until the run is stopped.

    Args:
        context: The agent's context.
        files: What to read.
        doing: What for, in a word or two: `"Measuring"`.
        end: The fraction of the agent's work that is done after the last file.
        parse: Whether the trees are needed.

    Yields:
        Each file as read, in order.

    Raises:
        ReviewStoppedError: The run was stopped.
    """
    for number, file in enumerate(files):
        if context.cancelled:
            raise ReviewStoppedError(f"Stopped after {number} of {len(files)} files.")
        fraction = end * number / len(files)
        context.progress(f"{doing} {file.shown} ({number + 1:,} of {len(files):,})", fraction)
        yield read(file, parse=parse)


def times(number: int) -> str:
    """`never`, `once`, `1,200 times`."""
    return {0: "never", 1: "once"}.get(number, f"{number:,} times")


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `1,200 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
