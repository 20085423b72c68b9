"""What another program is told of a run's events."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..events import Event

__all__ = ["Messages"]

TEXT_MAX, CONTEXT_MAX = 500, 2_000


class Messages:
    """Turns a run's events into what a webhook tells.

    Args:
        run: Id of the run.
        project: Name of the plan.
        rehearsal: Whether agents are simulated.
    """

    def __init__(self, run: str, project: str, rehearsal: bool):
        self._about = {"run": run, "project": project, "rehearsal": rehearsal}
        self._opened: dict[str, dict[str, Any]] = {}
        self.over = False

    def of(self, events: Sequence[Event]) -> Iterator[dict[str, Any]]:
        """The messages of events that were written together."""
        # What is taken at once is opened and decided in one write: nobody is needed for it.
        at_once = {e["decision_id"] for e in events if e["event"] == "decision"}
        held = {e["decision_id"] for e in events if e["event"] == "decision_held"}
        for event in events:
            kind = event["event"]
            if kind == "decision_opened":
                key = event["decision_id"]
                opened = self._opened[key] = _decision(event, held=key in held)
                if key not in at_once:
                    yield self._message("decision.opened", event, **opened, answer=self._line(key))
            elif kind == "decision" and event["decision_id"] is not None:
                decision = self._opened.pop(event["decision_id"], None) or {
                    "decision": {"id": event["decision_id"], "title": _cut(event.get("question"))}
                }
                yield self._message("decision.decided", event, **decision, outcome=_outcome(event))
            elif kind == "decision_withdrawn" and event["decision_id"] in self._opened:
                decision = self._opened.pop(event["decision_id"])
                reason = _cut(event["reason"])
                yield self._message("decision.withdrawn", event, **decision, reason=reason)
            elif kind in ("orchestration_complete", "run_interrupted"):
                yield self.finished(event.get("status", "interrupted"), event["timestamp"])

    def finished(self, status: str, timestamp: str) -> dict[str, Any]:
        """The last message."""
        self.over = True
        return self._message("run.finished", {"timestamp": timestamp}, status=status)

    def _message(self, type: str, event: Event, **data: Any) -> dict[str, Any]:
        return {"type": type, "timestamp": event["timestamp"], "data": {**self._about, **data}}

    def _line(self, decision: str) -> str:
        """How to answer from a terminal; OPTION stands for the key of an option."""
        run = shlex.quote(str(self._about["run"]))
        return f"orchestra-nb decide {run} {shlex.quote(decision)} OPTION"


def _decision(event: Event, *, held: bool) -> dict[str, Any]:
    seconds = event["timeout_s"]
    deadline = None
    if seconds is not None and not held:
        opened = datetime.fromisoformat(event["timestamp"])
        stamp = (opened + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        deadline = stamp.replace("+00:00", "Z")
    return {
        "decision": {
            "id": event["decision_id"],
            "title": _cut(event["question"]),
            "purpose": event.get("purpose", "decision"),
            "kind": event["kind"],
            "category": event["category"],
            "agent": event["asker"],
            "context": _cut(event["context"], CONTEXT_MAX),
            "options": [
                {key: _cut(text) for key, text in option.items()} for option in event["options"]
            ],
            "recommend": event["recommend"],
            "because": _cut(event["because"]),
            "timeout_s": seconds,
            "deadline": deadline,
        }
    }


def _outcome(event: Event) -> dict[str, Any]:
    return {
        "option": event["option"],
        "text": _cut(event["choice"]),
        "by": event["by"],
        "who": event["who"],
        "note": _cut(event["note"], CONTEXT_MAX),
        "reason": _cut(event["reason"], CONTEXT_MAX),
        "waited_s": event["waited_s"],
    }


def _cut(text: object, most: int = TEXT_MAX) -> str:
    words = str(text or "")
    return words if len(words) <= most else f"{words[: most - 1]}…"
