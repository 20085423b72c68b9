"""A run as plain lines, one a change: for logs, pipes and terminals that can't redraw."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias

from ..plan.durations import clock, format_duration
from ..state import DecisionState, State, TaskState
from . import words
from .asked import facts
from .reused import reused

__all__ = ["Lines"]

_SYMBOLS: Final = {
    "start": "▶️ ",
    "done": "✅",
    "failed": "❌",
    "skipped": "⏭️ ",
    "cancelled": "⏹️ ",
    "decision": "💡",
    "choice": "💡",
    "blocker": "🚫",
    "question": "❓",
    "clock": "⏱️ ",
    "wait": "⏳",
    "insight": "🔎",
    "run": "🎭",
}
_ASCII: Final = {
    "start": ">",
    "done": "+",
    "failed": "x",
    "skipped": "-",
    "cancelled": "-",
    "decision": "*",
    "choice": "*",
    "blocker": "!",
    "question": "?",
    "clock": ":",
    "wait": "~",
    "insight": "i",
    "run": "=",
}
_CUT, _FACTS, _CONTEXT = 300, 8, 5
# What happened in one moment, in the order of cause and effect.
_HEAD, _END, _ASK, _DECIDE, _BEGIN = range(5)
Told: TypeAlias = tuple[float, int, str]
How: TypeAlias = Callable[[DecisionState], list[str]]


class Lines:
    """Says what changed between two looks at a run.

    Args:
        unicode: Whether the reader can show more than ASCII.
        since: What the run had come to before it went on: of that nothing is said.
    """

    def __init__(self, *, unicode: bool = True, since: State | None = None):
        self._symbols = _SYMBOLS if unicode else _ASCII
        # By id: a run that goes on with another plan, or that grew, has others by index.
        self._tasks: dict[str, tuple[str, int]] = {}
        # By when it opened, too: what was open when a run broke off is asked anew.
        self._asked: set[tuple[str, float]] = set()
        self._settled: set[tuple[str, float]] = set()
        self._old: set[tuple[str, str, str, float]] = set()
        self._findings = 0
        self._status = ""
        self._begun = since is not None
        self._broke_off: set[str] = set()
        if since is not None:
            self._pass_over(since)

    def _pass_over(self, since: State) -> None:
        self._tasks = {task.id: (task.status, task.attempt) for task in since.tasks}
        self._asked = {(one.id, one.opened_at) for one in since.decisions.values()}
        self._settled = self._asked.copy()
        self._old = {(one.kind, one.text, one.agent, one.at) for one in since.findings}
        self._status = since.status
        self._broke_off = {task.id for task in since.tasks if task.attempt}

    def changes(self, state: State, *, how: How | None = None) -> list[str]:
        """The lines for everything new since the last call, in the order it happened.

        Args:
            state: The run.
            how: Says of an open decision how it is answered from here; not said if absent.
        """
        found: list[Told] = []
        if not self._begun and state.id:
            self._begun = True
            found.append((0.0, _HEAD, self._head(state)))
        for task in state.tasks:
            now = (task.status, task.attempt)
            if task.kind == "task" and self._tasks.get(task.id) != now:
                found += self._task(task, self._tasks.get(task.id, ("pending", 0)))
                self._tasks[task.id] = now
        for decision in state.decisions.values():
            found += self._decision(decision, state, how)
        for finding in state.findings[self._findings :]:
            if (finding.kind, finding.text, finding.agent, finding.at) in self._old:
                continue
            kind = words.FINDING_WORDS.get(finding.kind, "Finding")
            text = f"{kind}: {words.cut(finding.text, _CUT)} ({words.cut(finding.agent, 60)})"
            found.append((finding.at, _HEAD, self._line(finding.at, finding.kind, text)))
        self._findings = len(state.findings)
        found.sort(key=lambda item: item[:2])
        lines = [line for _, _, line in found]
        if state.status != self._status:
            if self._status or state.status != "running":
                word = {"running": "goes on"}.get(state.status, state.status)
                lines.append(self._line(state.t, "run", f"The run {_verb(word)}"))
            self._status = state.status
        return lines

    def _line(self, at: float, kind: str, text: str) -> str:
        minutes, seconds = divmod(int(at), 60)
        return f"[{minutes:02d}:{seconds:02d}] {self._symbols[kind]} {text}"

    def _head(self, state: State) -> str:
        tag = f" {words.rehearsal_tag(state.rehearsal)}" if state.rehearsal else ""
        about = f"{words.count(state.total, 'agent')}, level {state.level}"
        text = f"{words.cut(state.project, 200)} ({about}), run {words.plain(state.id)}{tag}"
        return self._line(0.0, "run", text)

    def _task(self, task: TaskState, before: tuple[str, int]) -> list[Told]:
        name = words.cut(task.id, 200)
        found: list[Told] = []

        def say(at: float | None, kind: str, text: str) -> None:
            moment = at or 0.0
            order = _BEGIN if kind in ("start", "wait") else _END
            found.append((moment, order, self._line(moment, kind, text)))

        if task.started_at is not None and before[1] == 0 and task.attempt:
            say(task.started_at, "start", f"Starting {name}")
        elif task.id in self._broke_off and task.attempt > before[1]:
            self._broke_off.discard(task.id)
            last = task.spans[-1][1] if task.spans else task.started_at
            say(last, "start", f"Starting {name} (attempt {task.attempt})")
        took = format_duration((task.ended_at or 0.0) - (task.started_at or 0.0))
        match task.status:
            case "completed" if task.attempt == before[1] and task.id in self._broke_off:
                text = f"Kept {name}: what comes before it came out the same"
                say(task.ended_at, "done", text)
            case "completed" if task.reused:
                say(task.ended_at, "done", f"Reused {name}, {reused(task)}")
            case "completed":
                say(task.ended_at, "done", f"Completed {name} ({took})")
            case "failed":
                say(task.ended_at, "failed", f"{name} failed: {words.cut(task.error, _CUT)}")
            case "skipped":
                say(task.ended_at, "skipped", f"Skipped {name}: {words.cut(task.reason, _CUT)}")
            case "cancelled":
                say(task.ended_at, "cancelled", f"Cancelled {name}")
            case "waiting" | "retrying" if before[0] != task.status:
                at = task.message_at or 0.0
                say(at, "wait", f"{name}: {words.wait_sentence(task, at)}")
        return found

    def _decision(self, decision: DecisionState, state: State, how: How | None) -> list[Told]:
        found: list[Told] = []
        title = words.cut(decision.title, 200)
        key = decision.id, decision.opened_at
        if key not in self._asked:
            self._asked.add(key)
            at = decision.opened_at
            if decision.open:
                asked = [self._line(at, "question", f"Decision required: {title}")]
                story = decision.context[:2_000].splitlines()[:_CONTEXT]
                asked += [f"          {words.cut(line, 300)}" for line in story if line.strip()]
                asked += [f"          {line}" for line in facts(decision, _FACTS)]
                asked += self._options(decision)
                asked += [f"          {line}" for line in (how(decision) if how else [])]
                asked.append(self._line(at, "clock", words.countdown(decision, at)))
                found += [(at, _ASK, line) for line in asked]
        outcome = decision.outcome
        if outcome is not None and key not in self._settled:
            self._settled.add(key)
            text = f"Decision: {title}: {words.choice(decision, outcome)}. "
            text += words.outcome_sentence(decision, outcome, mode=state.mode)
            text = f"{text} {words.noted(decision, outcome, _CUT)}".rstrip()
            found.append((outcome.at, _DECIDE, self._line(outcome.at, "decision", text)))
        elif decision.withdrawn and key not in self._settled:
            self._settled.add(key)
            text = f"{title} was withdrawn: {words.cut(decision.withdrawn, _CUT)}"
            found.append((state.t, _DECIDE, self._line(state.t, "cancelled", text)))
        return found

    def _options(self, decision: DecisionState) -> list[str]:
        lines = []
        for option in decision.options:
            text = f"          {words.cut(option['key'], 20)}. {words.cut(option['text'], 200)}"
            if option["key"] == decision.recommend:
                because = words.cut(decision.because, 200)
                text += f" (recommended: {because})" if because else " (recommended)"
            elif option.get("description"):
                text += f" ({words.cut(option['description'], 200)})"
            lines.append(text)
        return lines


def _verb(status: str) -> str:
    return {"paused": "is paused", "goes on": "goes on"}.get(status, f"is over: {status}")


def summary(state: State, folder: str) -> list[str]:
    """What a finished run leaves: how it ended, figures, what failed, where everything is."""
    done, total = state.done
    end = state.t if state.ended_at is None else state.ended_at
    figures = [f"{done:,} of {words.count(total, 'agent')}"]
    if skipped := state.counts["skipped"]:
        figures.append(f"{skipped:,} skipped")
    figures.append(clock(math.floor(end)))
    used = sum(state.usage.tokens.values())
    if used:
        figures += [f"{words.tokens(used)} tokens", words.money(state.usage.cost)]
    status = words.STATUS_WORDS.get(state.status, state.status)
    lines = [f"{status}: {', '.join(figures)}."]
    for task in state.tasks:
        if task.status == "failed":
            lines.append(f"{words.cut(task.id, 200)} failed: {words.cut(task.error, _CUT)}")
    lines.append(f"Everything is in {folder}")
    return lines
