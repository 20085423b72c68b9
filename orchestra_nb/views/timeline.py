"""A log as lines for people, one event after another: the orchestration format's own viewer.

Its symbols and words are kept; what that format did not know has lines in the same style.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..events import Event
from ..plan.durations import clock, format_duration
from . import words
from .reused import from_run

__all__ = ["HEAD", "Timeline"]

HEAD: Final = ("🕐 ORCHESTRATION TIMELINE", "=" * 60)
_CUT = 500
_NAME = 120

_ASKED: Final[Mapping[str, str]] = {
    "decision": "⏱️  Decision required: ",
    "form": "❓ Questions: ",
    "checkpoint": "🚩 ",
    "overrun": "🚩 ",
    "blocker": "🚩 ",
    "approval": "🔐 Approval required: ",
    "review": "👀 ",
    "failure": "❗ What now: ",
    "budget": "💰 ",
    "spend": "💰 ",
}
_HELD: Final[Mapping[str, str]] = {
    "hold": "waits for an answer, its clock stands still",
    "asleep": "gets a minute more: this machine was asleep",
}
_ENDS: Final[Mapping[str, str]] = {
    "completed": "🏁 Completed",
    "failed": "🏁 Over, with failures",
    "stopped": "🏁 Stopped",
}


class Timeline:
    """Makes lines of events; remembers what it needs to name decisions."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._purposes: dict[str, str] = {}
        self._timeouts: dict[str, float] = {}
        self._held: dict[str, str] = {}

    def lines(self, event: Event) -> list[str]:
        """The lines of one event, each with its time; none for what is evidence only.

        Args:
            event: Any mapping: what it lacks, or holds of a strange type, is left out.
        """
        tell = _TELL.get(str(event.get("event")))
        if tell is None:
            return []
        at = int(_number(event.get("t")))
        stamp = f"[{at // 60:02d}:{at % 60:02d}]"
        return [f"{stamp} {line}" for line in tell(self, event)]

    # The run.

    def _start(self, e: Event) -> Iterator[str]:
        agents = words.count(int(_number(e.get("total_agents"))), "agent")
        mode = words.MODE_WORDS.get(_text(e, "mode"), _text(e, "mode"))
        tag = f" {words.rehearsal_tag(_number(e['rehearsal']))}" if e.get("rehearsal") else ""
        about = f"{agents}, level {_text(e, 'level')}, {mode} mode"
        yield f"🎭 {_text(e, 'project')} ({about}){tag}"

    def _complete(self, e: Event) -> Iterator[str]:
        yield f"{_ENDS.get(_text(e, 'status'), '🏁 Over')} ({_text(e, 'duration')})"

    def _paused(self, e: Event) -> Iterator[str]:
        yield f"⏸️  Paused{_by(e)}"

    def _unpaused(self, e: Event) -> Iterator[str]:
        yield f"▶️  The run goes on{_by(e)}"

    def _stopped(self, e: Event) -> Iterator[str]:
        yield f"🛑 Stopping: {_text(e, 'reason')}"

    def _interrupted(self, e: Event) -> Iterator[str]:
        yield f"⚠️  Interrupted: {_text(e, 'reason')}"

    def _phase(self, e: Event) -> Iterator[str]:
        name = f"Phase {_text(e, 'phase')}: {_text(e, 'name')}"
        match e["event"]:
            case "phase_start":
                yield f"📂 {name}"
            case "phase_complete":
                yield f"📁 {name} is over ({_text(e, 'duration')})"
            case _:
                yield f"⏭️  {name} was skipped"

    def _note(self, e: Event) -> Iterator[str]:
        yield f"📝 Note: {_text(e, 'description')}{_by(e)}"

    def _adjusted(self, e: Event) -> Iterator[str]:
        yield f"🔧 Plan: {_text(e, 'description')}{_by(e)}"

    # Agents.

    def _agent_start(self, e: Event) -> Iterator[str]:
        attempt = int(_number(e.get("attempt")))
        yield f"▶️  Starting {_agent(e)}" + (f" (attempt {attempt})" if attempt > 1 else "")

    def _added(self, e: Event) -> Iterator[str]:
        items = e.get("items")
        many = len(items) if isinstance(items, list) else 0
        yield f"➕ {words.count(many, 'task')} of {_text(e, 'template')}"

    def _agent_complete(self, e: Event) -> Iterator[str]:
        result = e.get("result")
        if isinstance(result, dict) and result.get("kind") == "items":
            yield f"✅ All of {_text(e, 'task')} is done ({_text(e, 'duration')})"
            return
        yield f"✅ Completed {_agent(e)} ({_text(e, 'duration') or 'N/A'})"

    def _reused(self, e: Event) -> Iterator[str]:
        took = f", took {_text(e, 'duration')} there" if e.get("duration") else ""
        run = e.get("run")
        yield f"♻️  Reused {_agent(e)} from {from_run(run) if isinstance(run, str) else '?'}{took}"

    def _resumed(self, e: Event) -> Iterator[str]:
        tasks = e.get("tasks")
        many = words.count(len(tasks) if isinstance(tasks, list) else 0, "task")
        yield f"▶️  Resumed by {_text(e, 'who') or 'somebody'}: {many} to be done or judged"

    def _agent_retry(self, e: Event) -> Iterator[str]:
        if e.get("cause") == "review":
            yield f"↩️  Sent back to {_agent(e)}: {_text(e, 'error')}"
            return
        delay = format_duration(_number(e.get("delay_s")))
        yield f"🔁 {_agent(e)} is tried again in {delay}: {_text(e, 'error')}"

    def _agent_wait(self, e: Event) -> Iterator[str]:
        cause = e.get("cause")
        if not cause:
            return
        detail = f": {_text(e, 'detail')}" if e.get("detail") else ""
        yield f"⏳ {_agent(e)}: {words.WAIT_WORDS.get(_text(e, 'cause'), 'Waits')}{detail}"

    def _counted(self, e: Event) -> Iterator[str]:
        yield f"💰 {_agent(e)}: {_text(e, 'description')}"

    def _agent_failed(self, e: Event) -> Iterator[str]:
        attempts = int(_number(e.get("attempt")))
        after = f" after {attempts} attempts" if attempts > 1 else ""
        yield f"❌ {_agent(e)} failed{after}: {_text(e, 'error')}"

    def _agent_skipped(self, e: Event) -> Iterator[str]:
        yield f"⏭️  Skipped {_agent(e)}: {_text(e, 'reason')}"

    def _agent_cancelled(self, e: Event) -> Iterator[str]:
        yield f"⏹️  Cancelled {_agent(e)}: {_text(e, 'reason')}"

    def _revived(self, e: Event) -> Iterator[str]:
        tasks = e.get("tasks")
        named = [words.cut(str(t), 60) for t in tasks[:10]] if isinstance(tasks, list) else []
        yield f"🔁 To be done after all: {', '.join(named)}{_by(e)}"

    def _edited(self, e: Event) -> Iterator[str]:
        yield f"✏️  {_agent(e)} is to: {_text(e, 'text')}{_by(e)}"

    def _rated(self, e: Event) -> Iterator[str]:
        note = f": {_text(e, 'note')}" if e.get("note") else ""
        yield f"{'👍' if e.get('good') is True else '👎'} {_agent(e)}{note}{_by(e)}"

    def _insight(self, e: Event) -> Iterator[str]:
        yield f"🔎 Finding: {_text(e, 'description')} ({_agent(e)})"

    def _blocker(self, e: Event) -> Iterator[str]:
        yield f"🚫 Blocker: {_text(e, 'description')} ({_agent(e)})"

    def _tool(self, e: Event) -> Iterator[str]:
        did = "was refused" if e.get("status") == "refused" else "used"
        yield f"🔨 {_agent(e)} {did} {_text(e, 'tool')}: {_text(e, 'description')}".rstrip(": ")

    # People.

    def _opened(self, e: Event) -> Iterator[str]:
        key, title = str(e.get("decision_id")), _text(e, "question", _NAME)
        self._titles[key] = title
        timeout = e.get("timeout_s")
        purpose = self._purposes[key] = str(e.get("purpose", "decision"))
        asked = f"{_ASKED.get(purpose, _ASKED['decision'])}{title}"
        who = f" (asked by {_text(e, 'asker', _NAME)})" if e.get("asker") else ""
        if timeout is None:
            yield f"{asked}{who}; it waits for an answer"
            return
        self._timeouts[key] = _number(timeout)
        then = "the run starts as filled in" if purpose == "form" else _recommended(e)
        yield f"{asked}{who}; {clock(_number(timeout))}, then {then}"

    def _holds(self, e: Event) -> Iterator[str]:
        key, cause = str(e.get("decision_id")), str(e.get("cause"))
        self._held[key] = cause
        if cause in _HELD:
            yield f"⏸️  {self._title(key)} {_HELD[cause]}"

    def _released(self, e: Event) -> Iterator[str]:
        key = str(e.get("decision_id"))
        left = "" if e.get("remaining_s") is None else f", {clock(_number(e['remaining_s']))} left"
        if e.get("cause") == "extended":
            self._timeouts[key] = _number(e.get("timeout_s"))
            yield f"⏱️  {self._title(key)} has more time{left}"
        elif self._held.pop(key, "") in _HELD:
            yield f"⏱️  The clock of {self._title(key)} runs again{left}"

    def _withdrawn(self, e: Event) -> Iterator[str]:
        key = str(e.get("decision_id"))
        how = "was withdrawn" if key in self._titles else "is not asked"
        yield f"⏹️  {self._title(key)} {how}: {_text(e, 'reason')}"

    def _decided(self, e: Event) -> Iterator[str]:
        key = e.get("decision_id")
        if key is None:
            why = f": {_text(e, 'reason')}" if e.get("reason") else ""
            yield f"💡 Decision: {_text(e, 'decision')} ({_agent(e)} chose{why})"
            return
        title = self._title(str(key))
        note = f" Note: “{_text(e, 'note')}”." if e.get("note") else ""
        chosen = _text(e, "decision")
        if e.get("values"):
            done = words.with_changes(self._purposes.get(str(key), ""), _text(e, "option"))
            chosen = done or chosen
        yield f"💡 Decision: {chosen} ({title}; {self._by_whom(str(key), e)}){note}"

    def _by_whom(self, key: str, e: Event) -> str:
        timeout = self._timeouts.get(key)
        whole = "" if timeout is None else f" of {clock(timeout)}"
        after = f" after {clock(_number(e.get('waited_s')))}{whole}"
        who = _text(e, "who", _NAME)
        match e.get("by"):
            case "timeout":
                within = f" within {clock(timeout)}" if timeout else ""
                return f"by timeout: nobody answered{within}"
            case "autopilot":
                return "by autopilot" + (f", switched on by {who}" if who else "")
            case "policy":
                return "by policy: this mode takes the recommendation"
            case "budget":
                return "by the budget"
            case "remote" if e.get("source") == "cli":
                return f"by {who or 'somebody'}, from the command line,{after}"
            case "remote":
                return f"by {who or 'another program'},{after}"
            case "agent":
                return f"by {who or 'an agent'}"
            case _:
                return f"by {who or 'you'},{after}"

    def _said(self, e: Event) -> Iterator[str]:
        yield f"❓ User Input: {_text(e, 'question')}"
        yield f"💬 Response: {_text(e, 'response')}"

    def _title(self, key: str) -> str:
        return self._titles.get(key) or words.cut(key, _NAME)


_TELL: Final[Mapping[str, Callable[[Timeline, Event], Iterator[str]]]] = {
    "orchestration_start": Timeline._start,
    "orchestration_complete": Timeline._complete,
    "run_paused": Timeline._paused,
    "run_unpaused": Timeline._unpaused,
    "run_stopped": Timeline._stopped,
    "run_interrupted": Timeline._interrupted,
    "phase_start": Timeline._phase,
    "phase_complete": Timeline._phase,
    "phase_skipped": Timeline._phase,
    "note": Timeline._note,
    "plan_adjustment": Timeline._adjusted,
    "agent_start": Timeline._agent_start,
    "agent_complete": Timeline._agent_complete,
    "agent_reused": Timeline._reused,
    "run_resumed": Timeline._resumed,
    "agent_retry": Timeline._agent_retry,
    "agent_wait": Timeline._agent_wait,
    "budget": Timeline._counted,
    "agent_failed": Timeline._agent_failed,
    "agent_skipped": Timeline._agent_skipped,
    "agent_cancelled": Timeline._agent_cancelled,
    "task_added": Timeline._added,
    "task_revived": Timeline._revived,
    "task_edited": Timeline._edited,
    "rating": Timeline._rated,
    "insight": Timeline._insight,
    "blocker": Timeline._blocker,
    "tool_call": Timeline._tool,
    "decision_opened": Timeline._opened,
    "decision_held": Timeline._holds,
    "decision_released": Timeline._released,
    "decision_withdrawn": Timeline._withdrawn,
    "decision": Timeline._decided,
    "user_input": Timeline._said,
}


def _text(event: Event, key: str, most: int = _CUT) -> str:
    value = event.get(key)
    return "" if value is None else words.cut(str(value), most)


def _agent(event: Event) -> str:
    """The agent, with the task where that has another name."""
    agent, task = _text(event, "agent", _NAME), _text(event, "task", _NAME)
    return f"{agent} ({task})" if agent and task and task != agent else agent or task


def _by(event: Event) -> str:
    who = _text(event, "who", _NAME)
    return f" (by {who})" if who else ""


def _recommended(event: Event) -> str:
    key = _text(event, "recommend")
    options = event.get("options")
    found = [o for o in options if isinstance(o, dict)] if isinstance(options, list) else []
    text = next((str(o.get("text", "")) for o in found if o.get("key") == key), "")
    chosen = f"{key} - {words.cut(text, _NAME)}" if text else key
    return f"{chosen} is taken" if key else "it ends"


def _number(value: Any) -> float:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if fits and 0 <= value < 1e12 else 0.0
