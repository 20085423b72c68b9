"""How much of what an agent says is kept: a loop that goes wild must not fill the log."""

from __future__ import annotations

from .. import events
from ..engine.protocols import Job, Said
from ..events import Event
from ..plan import clean

__all__ = ["LOG_MAX", "MOST_SAID", "cut", "log", "say"]

MOST_SAID = 1_000
"""Events of a kind (findings, blockers, choices, tool calls) of one attempt that are kept."""
LOG_MAX = 5_000_000
"""Characters of debug lines of one attempt that are kept."""
_WORDS = {
    "insight": "findings",
    "blocker": "blockers",
    "decision": "choices",
    "tool_call": "tool calls",
}


def cut(job: Job, text: object, most: int) -> str:
    """A text as it is kept: without secrets, not longer than that."""
    # Secrets go first: half a key is still one.
    return clean(job.scrub(str(text)[: 20 * most])[:most])


def say(job: Job, event: Event) -> None:
    """Tell the engine of an event, unless the attempt has told too many of its kind.

    Usage is always told: it is money.
    """
    kind = event["event"]
    words = _WORDS.get(kind)
    if words is not None:
        told = job.said[kind] = job.said.get(kind, 0) + 1
        if told > MOST_SAID:
            if told == MOST_SAID + 1:
                node = job.node
                text = f"More than {MOST_SAID:,} {words}: what followed is not kept"
                last = events.insight(task=node.id, agent=node.agent, phase=node.phase, text=text)
                job.post(Said(job, last))
            return
    job.post(Said(job, event))


def log(job: Job, text: str) -> None:
    """Write a debug line into the attempt's transcript, unless it has written too much."""
    before = job.said.get("log", 0)
    if before > LOG_MAX:
        return
    line = clean(str(text))[: LOG_MAX + 1]
    job.said["log"] = before + len(line) + 1
    if job.said["log"] > LOG_MAX:
        line = f"More than {LOG_MAX:,} characters: this and what followed is not kept"
    job.journal.transcript(job.node.index, job.attempt, {"log": line})
