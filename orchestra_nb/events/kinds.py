"""What all events have in common."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

__all__ = ["FORMAT", "MASK", "By", "Event", "WaitCause"]

FORMAT: Final = 1
"""Version of the log's format, written in ``orchestration_start``."""
MASK: Final = "[secret]"
"""What stands in a log where a secret was."""

Event: TypeAlias = dict[str, Any]
By: TypeAlias = Literal["user", "timeout", "autopilot", "policy", "remote", "budget", "agent"]
WaitCause: TypeAlias = Literal["rate_limit", "human", "slot", "budget"]
