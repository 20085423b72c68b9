"""``orchestration-plan.md``: a run in the Markdown its readers and scripts know.

An export: nothing reads a run's statuses back from it. Foreign text is one line each and can't
look like a heading, a check box or a status; read as a plan it gives the run's plan again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from ..plan import Decision, Task, load_levels
from ..plan.durations import clock
from ..plan.graph import Graph, Node
from ..plan.text import slug
from ..state import State, TaskState
from . import words
from .bars import bars
from .remaining import estimates_of, seconds_total
from .reused import reused

__all__ = ["plan_md"]

_RUN: Final = {"running": "IN_PROGRESS"}
_STATUS: Final = {
    "pending": "WAITING",
    "ready": "PENDING",
    "running": "IN_PROGRESS",
    "waiting": "IN_PROGRESS",
    "retrying": "IN_PROGRESS",
}
_CUT: Final = 500

# Where these stand in foreign text, a script that searches the file would take it for a status.
_CHECKED = re.compile(r"\[(.)\]")
_STRUCTURE = re.compile(
    r"\W|\d+[.)]|"
    r"(?:generated|resumed|status|level|mode|timeline|on failure|rehearsal|checkpoint)\s*:",
    re.IGNORECASE,
)


def plan_md(state: State, *, now: float, wall: float) -> str:
    """The run as Markdown.

    Args:
        state: The run.
        now: Its time, seconds since its start.
        wall: Epoch seconds of the same moment.
    """
    began = state.wall or wall - now
    lines = [*_header(state, began), "", "## Project Overview", *_overview(state)]
    lines += ["", "## Execution Plan", *_phases(state, began)]
    lines += ["", "## Progress Metrics", *_metrics(state, now)]
    lines += ["", "## Key Decisions Made", *(list(_decisions(state)) or ["- None yet"])]
    lines += ["", "## Blockers & Issues", *(list(_blockers(state)) or ["- None yet"])]
    lines += ["", "## Status Visualization", "```", *bars(state, _text), "```", ""]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Foreign text as one line that no script takes for the run's own words."""
    line = words.plain(text)
    if "[" in line:
        line = _CHECKED.sub(r"[ \1 ]", line)
    if "IN_PROGRESS" in line:
        line = line.replace("IN_PROGRESS", "IN PROGRESS")
    if "Progress Metrics" in line:
        line = line.replace("Progress Metrics", "Progress metrics")
    return line


@lru_cache(maxsize=1024)
def _name(text: str) -> str:
    """A name between ``**``, which it can't end early."""
    return re.sub(r"\*{2,}", "*", _text(text)).strip("* ") or "?"


def _short(text: str) -> str:
    return _text(words.cut(text, _CUT))


def _header(state: State, began: float) -> Iterator[str]:
    level = load_levels()[state.level]
    generated = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began))
    yield f"# Orchestration Plan: {_text(state.project)}"
    yield f"Generated: {generated}"
    yield f"Status: {_RUN.get(state.status, state.status.upper())}"
    for at in state.resumed:
        yield f"Resumed: after {clock(at)}"
    yield f"Level: {state.level} ({level.name})"
    if state.mode != "full_interactive":
        yield f"Mode: {_text(state.mode)}"
    if state.timeline != "normal":
        yield f"Timeline: {_text(state.timeline)}"
    if state.graph.plan.on_failure != "ask":
        yield f"On failure: {state.graph.plan.on_failure}"
    if state.rehearsal:
        yield f"Rehearsal: {words.rehearsal_tag(state.rehearsal)}"


def _overview(state: State) -> Iterator[str]:
    overview = _text(state.graph.plan.overview)
    if overview:
        yield f"“{overview}”" if _STRUCTURE.match(overview) else overview


def _phases(state: State, began: float) -> Iterator[str]:
    members: list[list[Node]] = [[] for _ in state.phases]
    for node in (state.graph.nodes[index] for index in state.graph.shown):
        if node.kind != "checkpoint" and not node.items:  # a group's tasks stand for it
            members[node.phase - 1].append(node)
    declared = state.graph.plan.phases
    for phase, nodes in zip(state.phases, members, strict=True):
        done, total = phase.counts["completed"], phase.total - phase.counts["skipped"]
        yield ""
        yield f"### Phase {phase.number}: {_text(phase.name)} ({done}/{total} completed)"
        for position, node in enumerate(nodes):
            if position:
                yield ""
            yield from _entry(state.graph, node, state.tasks[node.index], began)
        if declared[phase.number - 1].checkpoint:
            yield from ("", "Checkpoint: true")


def _entry(graph: Graph, node: Node, task: TaskState, began: float) -> Iterator[str]:
    spec = node.spec
    box = "x" if task.status == "completed" else " "
    if isinstance(spec, Task):
        yield f"- [{box}] **{_name(spec.agent)}**: {_text(task.title)}".rstrip()
    else:
        yield f"- [{box}] **{_name(spec.title)}**: {_text(spec.context)}".rstrip()
    yield f"  - Status: {_STATUS.get(task.status) or task.status.upper()}"
    if task.started_at is not None:
        yield f"  - Started: {words.time_of_day(began + task.started_at, seconds=True)}"
    yield f"  - Dependencies: {_dependencies(graph, node)}"
    if isinstance(spec, Task) and spec.estimate is not None:
        yield f"  - Estimated: {words.spell(spec.estimate)}"
    if task.ended_at is not None and task.started_at is not None:
        yield f"  - Completed: {words.time_of_day(began + task.ended_at, seconds=True)}"
        took = task.ended_at - task.started_at
        yield f"  - Actual: {words.spoken(took) if took < 10 else words.spell(round(took))}"
    if task.reused:
        yield f"  - Reused: {_text(reused(task))}"
    why = task.error if task.status == "failed" else task.reason
    if why:
        yield f"  - Reason: {_short(why)}"
    yield from _rest(spec, node)


def _rest(spec: Task | Decision, node: Node) -> Iterator[str]:
    """What the original format has no line for, and the plan needs."""
    if isinstance(spec, Decision):
        for option in spec.options:
            about = f" ({_text(option.description)})" if option.description else ""
            yield f"  - Option {_text(option.key)}: {_text(option.text)}{about}"
        if spec.recommend:
            because = f" because {_text(spec.because)}" if spec.because else ""
            yield f"  - Recommendation: {_text(spec.recommend)}{because}"
        if spec.category:
            yield f"  - Category: {_text(spec.category)}"
        if spec.kind != "standard":
            yield f"  - Kind: {spec.kind}"
    else:
        if spec.role:
            yield f"  - Role: {spec.role}"
        if spec.retries is not None:
            yield f"  - Retries: {spec.retries}"
        if spec.review:
            yield "  - Review: true"
        if spec.for_each:
            yield f"  - For each: {_text(spec.for_each.name)} of {_text(spec.for_each.source)}"
    if node.id != (spec.agent if isinstance(spec, Task) else slug(spec.title)):
        yield f"  - Id: {_text(node.id)}"
    if spec.when:
        pairs = (f"{_text(key)} = {', '.join(map(_text, keys))}" for key, keys in spec.when.items())
        yield f"  - When: {'; '.join(pairs)}"
    if spec.timeout is not None:
        shown = spec.timeout if isinstance(spec.timeout, str) else words.spell(spec.timeout)
        yield f"  - Timeout: {shown}"


def _dependencies(graph: Graph, node: Node) -> str:
    listed = node.spec.depends_on
    first = [] if node.source is None else [graph.nodes[node.source].id]
    if listed is None:
        first = [f"Phase {node.phase - 1} completion", *first] if node.phase > 1 else first
    names: list[str] = []
    for name in dict.fromkeys((*first, *(listed or ()))):
        index = graph.index.get(name)
        items = () if index is None else graph.nodes[index].items
        names += [graph.nodes[i].id for i in items] or [name]
    return ", ".join(map(_text, names)) or "None"


def _metrics(state: State, now: float) -> Iterator[str]:
    counts = state.counts
    estimates = estimates_of(state)
    known = seconds_total(state, estimates)
    total = words.spoken(known) if known else "unknown"
    if known and None in estimates:
        total = f"at least {total}"
    end = now if state.ended_at is None else state.ended_at
    yield f"- Total Agents: {state.total}"
    yield f"- Completed: {counts['completed']}"
    yield f"- In Progress: {counts['running'] + counts['waiting'] + counts['retrying']}"
    yield f"- Estimated Total Time: {total}"
    yield f"- Elapsed Time: {words.spoken(end)}"
    for status in ("failed", "skipped", "cancelled"):
        if counts[status]:
            yield f"- {words.STATUS_WORDS[status]}: {counts[status]}"
    usage = state.usage
    if usage.exchanges:
        yield f"- Tokens: {usage.tokens.total():,}"
        unknown = f" and {usage.unknown} exchanges of unknown cost" if usage.unknown else ""
        yield f"- Cost: {words.money(usage.cost)}{unknown}"


def _decisions(state: State) -> Iterator[str]:
    for decision in state.decisions.values():
        outcome = decision.outcome
        if outcome is None:
            continue
        sentence = words.outcome_sentence(decision, outcome, mode=state.mode)
        note = words.noted(decision, outcome, _CUT)
        chosen = words.choice(decision, outcome).replace(" · ", " - ", 1)
        yield f"- **{_name(decision.title)}**: {_text(f'{chosen}. {sentence} {note}'.rstrip())}"
    for finding in state.findings:
        if finding.kind != "blocker":
            yield f"- **{_name(finding.agent)}**: {_short(finding.text)}"


def _blockers(state: State) -> Iterator[str]:
    for finding in state.findings:
        if finding.kind == "blocker":
            yield f"- **{_name(finding.agent)}**: {_short(finding.text)}"
    for task in state.tasks:
        if task.status == "failed":
            yield f"- **{_name(task.id)}** failed: {_short(task.error)}"
        elif task.skip_cause == "failed" and task.kind == "task":
            yield f"- **{_name(task.id)}** was skipped: {_short(task.reason)}"
