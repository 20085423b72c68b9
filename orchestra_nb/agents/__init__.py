"""Agents: functions, Claude, simulated ones. ``onb.agents.Claude`` is the public one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .claude import Claude as Claude
    from .claude_tools import tool as tool
    from .prices import Price as Price
    from .prices import Prices as Prices

__all__ = ["Claude", "Price", "Prices", "tool"]


def __getattr__(name: str) -> Any:
    if name == "Claude":
        from .claude import Claude

        return Claude
    if name == "tool":
        from .claude_tools import tool

        return tool
    if name in ("Price", "Prices"):
        from . import prices

        return getattr(prices, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
