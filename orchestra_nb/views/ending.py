"""How a run ended, in the words that the board and the static record share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from ..state import DecisionState, Outcome, State, TaskState
from .answers import answered_line
from .reused import repeated
from .words import count, cut, outcome_sentence, plain, time_of_day

__all__ = ["Ending", "ending", "going_on", "record_line"]

_MOST_PROBLEMS: Final = 3
_SHARES: Final = (
    ("run", "working"),
    ("failed", "failed attempts"),
    ("human", "waiting for you"),
    ("rate_limit", "rate limit"),
    ("budget", "budget"),
    ("slot", "no free slot"),
)
_BY: Final = {
    "user": "by you",
    "timeout": "by timeout",
    "autopilot": "by autopilot",
    "policy": "by policy",
    "remote": "from elsewhere",
    "budget": "by the budget",
    "agent": "by an agent",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run in words.

    Attributes:
        line: One sentence or three: what came of it.
        problems: Title, first line of the error, what it meant for others.
        shares: Kind of time, whole percent of the agents' time, its words.
        next: Python to go on with.
    """

    line: str
    problems: tuple[tuple[str, str, str], ...]
    shares: tuple[tuple[str, int, str], ...]
    next: tuple[str, ...]


def ending(state: State, *, variable: str = "run") -> Ending:
    """Say how a run ended.

    Args:
        state: The state of a run that is over.
        variable: The name by which the shown commands call the run.
    """
    return Ending(_line(state), _problems(state), _shares(state), _next(state, variable))


def record_line(state: State, decision: DecisionState, outcome: Outcome) -> str:
    """By whom a decision was taken, when, and for what reason, as its record says it."""
    if decision.purpose == "form":
        return answered_line(decision, outcome, mode=state.mode)
    # The log's reason repeats what the sentence says; the record only adds the plan's own.
    said = replace(outcome, reason=decision.because, who=cut(outcome.who, 80))
    return f"{outcome_sentence(decision, said, mode=state.mode)} {repeated(outcome)}".rstrip()


def _line(state: State) -> str:
    counts = state.counts
    done, total = state.done
    if state.status == "completed":
        sentence = f"Finished: {done:,} of {count(total, 'task')}."
    elif state.status == "failed" and counts["failed"]:
        parts = [f"{count(counts['failed'], 'task')} failed"]
        needing = sum(t.skip_cause == "failed" for t in state.tasks if t.kind == "task")
        if needing:
            were = "was" if needing == 1 else "were"
            parts.append(f"{needing:,} that need{'s' * (needing == 1)} it {were} skipped")
        parts.append(f"{done:,} finished")
        sentence = ", ".join(parts) + "."
    else:
        word = {
            "stopped": "Stopped",
            "interrupted": "Interrupted",
            "failed": "Failed",
            "running": "Running",
            "paused": "Paused",
        }
        sentence = f"{word.get(state.status, 'Ended')}: {done:,} of {count(total, 'task')} done."
    return " ".join(filter(None, (sentence, _decided(state))))


def _decided(state: State) -> str:
    by = Counter(d.outcome.by for d in state.decisions.values() if d.outcome)
    if not by:
        return ""
    parts = [f"{number} {_BY.get(who, who)}" for who, number in by.items()]
    return f"{count(by.total(), 'decision')}: {', '.join(parts)}."


def _problems(state: State) -> tuple[tuple[str, str, str], ...]:
    failed = [task for task in state.tasks if task.status == "failed"]
    shown = [_problem(state, task) for task in failed[:_MOST_PROBLEMS]]
    if len(failed) > _MOST_PROBLEMS:
        more = count(len(failed) - _MOST_PROBLEMS, "more task")
        shown.append((f"{more} failed", "", "Their rows say why."))
    return tuple(shown)


def _problem(state: State, task: TaskState) -> tuple[str, str, str]:
    lines = [line for line in task.error[:4000].splitlines() if line.strip()]
    at = time_of_day(state.wall + (task.ended_at or 0.0))
    tries = count(max(1, task.attempt), "attempt")
    said = f"{tries}, the last at {at}." if task.attempt > 1 else f"{tries}, ended at {at}."
    needing = _needing(state, task)
    others = state.counts["completed"]
    if needing:
        need = "task that needs" if needing == 1 else "tasks that need"
        were = "was" if needing == 1 else "were"
        said += f" {needing:,} {need} its result {were} skipped; the other {others:,} finished."
    return f"{cut(task.id, 120)} failed", cut(lines[0], 500) if lines else "", said


def _needing(state: State, task: TaskState) -> int:
    """Tasks that were skipped because of this one, however far down."""
    seen: set[int] = set()
    todo = list(state.graph.dependents[task.index])
    while todo:
        index = todo.pop()
        other = state.tasks[index]
        if index in seen or other.status != "skipped" or other.skip_cause != "failed":
            continue
        seen.add(index)
        todo += state.graph.dependents[index]
    return sum(state.tasks[i].kind == "task" for i in seen)


def _shares(state: State) -> tuple[tuple[str, int, str], ...]:
    spent: Counter[str] = Counter()
    for task in state.tasks:
        if task.kind == "task":
            for kind, start, end in task.spans:
                if end is not None:
                    spent[kind] += end - start
    whole = spent.total()
    if not whole:
        return ()
    shown = [(kind, words) for kind, words in _SHARES if 200 * spent[kind] >= whole]
    whole = sum(spent[kind] for kind, _ in shown)
    exact = [100 * spent[kind] / whole for kind, _ in shown]
    parts = [int(part) for part in exact]
    # The biggest rests are rounded up, so that what is read adds up to what the bar shows.
    by_rest = sorted(range(len(parts)), key=lambda i: parts[i] - exact[i])
    for i in by_rest[: 100 - sum(parts)]:
        parts[i] += 1
    shares = tuple((kind, part, words) for (kind, words), part in zip(shown, parts, strict=True))
    return shares if len(shares) > 1 else ()  # "100 % working" says nothing


def _next(state: State, variable: str) -> tuple[str, ...]:
    done = [t for t in state.tasks if t.kind == "task" and t.status == "completed"]
    last = max(done, key=lambda t: (t.ended_at or 0.0, t.index), default=None)
    lines = [f"{variable}.results[{plain(last.id)!r}]"] if last else []
    if state.status in ("interrupted", "stopped", "failed"):
        lines.insert(0, going_on(state))
    return (*lines, f"onb.open({state.id!r})")


def going_on(state: State) -> str:
    """The line that takes a run up again."""
    agents = ", agents" if state.functions else ""
    return f"onb.resume({state.id!r}{agents})"
