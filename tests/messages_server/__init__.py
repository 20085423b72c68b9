"""A local server that speaks the Messages API: for tests, notebooks and trying things out.

Run it alone with ``python -m tests.messages_server --port 8765`` and point
``ANTHROPIC_BASE_URL`` at what it prints.
"""

from __future__ import annotations

from .faults import OK, Fault, fault
from .limits import Limits
from .model import Body, Reply, ToolCall, report
from .server import MessagesServer, Seen

__all__ = [
    "OK",
    "Body",
    "Fault",
    "Limits",
    "MessagesServer",
    "Reply",
    "Seen",
    "ToolCall",
    "fault",
    "report",
]
