"""What people want of a fork, read: other outcomes, other texts, a moment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..commands import Answer
from ..engine.cards import Answered, note_of
from ..engine.meant import chosen
from ..errors import CommandError
from ..events import Event
from ..plan import Decision
from ..plan.durations import parse_duration
from ..plan.graph import Graph, Node
from ..plan.text import clean, fold, short, there_are
from ..state import State

__all__ = ["moment", "outcomes_of", "texts_of"]

_FIELDS = ("option", "note", "text")


def outcomes_of(
    graph: Graph, state: State, given: object, faults: list[str]
) -> dict[str, Answered]:
    """The outcomes that decisions get; those that they had already are no new ones.

    Args:
        graph: The fork's plan.
        state: The parent.
        given: As ``decisions=`` has them.
        faults: Gets what is wrong.
    """
    found: dict[str, Answered] = {}
    for name, wish in _mapping(given, "decisions", faults).items():
        node = _node(graph, name, "decisions", faults, state)
        if node is None:
            continue
        if not isinstance(node.spec, Decision) or node.kind != "decision":
            what = "a checkpoint: it is asked when it is reached"
            if node.kind in ("task", "group"):
                what = "a task; tasks={...} gives it another text"
            faults.append(f"decisions names {node.id!r}, {what}")
            continue
        said = _answer(node.id, node.spec, wish, faults)
        if said is None:
            continue
        if node.id in found:
            faults.append(f"decisions names {node.id!r} twice")
        was = state.decisions.get(node.id)
        outcome = was.outcome if was is not None else None
        same = outcome is not None and (outcome.option, outcome.text) == (said.key, said.text)
        if not same or (outcome is not None and said.note not in ("", outcome.note)):
            found[node.id] = said
    return found


def _answer(name: str, spec: Decision, wish: object, faults: list[str]) -> Answered | None:
    fields: dict[str, Any] = {"option": wish} if isinstance(wish, str) else {}
    if isinstance(wish, Mapping):
        fields = dict(wish)
        strange = [key for key in fields if key not in _FIELDS]
        if strange:
            faults.append(f"decisions[{name!r}] has {strange[0]!r}; it takes option, note, text")
            return None
    if not fields or not all(isinstance(one, str) for one in fields.values()):
        faults.append(
            f"decisions[{name!r}] is {short(wish)}; it takes the key of an option, "
            'or {"option": ..., "note": ...}'
        )
        return None
    fields = {key: clean(value) for key, value in fields.items()}
    command = Answer(decision=name, option=fields.get("option") or "other")
    command = Answer(
        decision=name, option=command.option, text=fields.get("text"), note=fields.get("note")
    )
    try:
        key, text = chosen(command, spec)
    except CommandError as error:
        faults.append(f"decisions: {error}")
        return None
    return Answered(key=key, text=text, by="user", note=note_of(command), source="python")


def texts_of(graph: Graph, given: object, faults: list[str]) -> dict[str, str]:
    """The texts that tasks get."""
    found: dict[str, str] = {}
    for name, text in _mapping(given, "tasks", faults).items():
        node = _node(graph, name, "tasks", faults, None)
        if node is None:
            continue
        if node.kind in ("decision", "checkpoint"):
            faults.append(f"tasks names {node.id!r}, a {node.kind}")
        elif not isinstance(text, str) or not text.strip():
            faults.append(f"tasks[{name!r}] needs a text, not {short(text)}")
        else:
            found[node.id] = clean(text)
    return found


def _mapping(given: object, what: str, faults: list[str]) -> Mapping[Any, Any]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    faults.append(f"{what} maps ids; it is {short(given)}")
    return {}


def _node(
    graph: Graph, name: object, what: str, faults: list[str], state: State | None
) -> Node | None:
    """The node that is called by its id, or a decision by its title."""
    if isinstance(name, str):
        index = graph.index.get(name)
        if index is None:
            wanted = fold(name)
            index = next((node.index for node in graph.nodes if fold(node.id) == wanted), None)
        if index is None and state is not None:
            index = next(
                (n.index for n in graph.nodes
                 if n.kind == "decision" and fold(n.title) == wanted), None,
            )  # fmt: skip
        if index is not None:
            return graph.nodes[index]
        asked = None if state is None else state.decisions.get(name)
        if asked is not None:
            faults.append(
                f"{what} names {name!r}, which {asked.asker or 'the run'} asked by itself: it is "
                "asked again when that is done again (rerun=[...])"
            )
            return None
    kinds = ("decision",) if state is not None else ("task", "group")
    known = [node.id for node in graph.nodes if node.kind in kinds]
    word = name if isinstance(name, str) else repr(name)
    faults.append(f"{what} names {there_are(word, known)}" if known else f"{what} names {word!r}")
    return None


def moment(at: object, graph: Graph, events: Iterable[Event]) -> tuple[float | None, int | None]:
    """The last ``t`` that counts, or the first ``seq`` that does not.

    Args:
        at: A time, a duration, or the id of what came right after that moment.
        graph: The parent's plan.
        events: Its log.

    Raises:
        CommandError: If there is no such moment.
    """
    if isinstance(at, (int, float)) and not isinstance(at, bool):
        if not (math.isfinite(at) and at >= 0):
            raise CommandError(f"at must be seconds since the run's start, not {at!r}")
        return float(at), None
    if not isinstance(at, str):
        raise CommandError(f"at must be seconds, a time such as '12m', or an id, not {short(at)}")
    wanted = fold(at)
    node = next((n for n in graph.nodes if wanted in (fold(n.id), fold(n.title))), None)
    if node is None:
        try:
            return parse_duration(at), None
        except ValueError:
            known = [one.id for one in graph.nodes]
            raise CommandError(
                f"at must be seconds, a time such as '12m', or an id; {there_are(at, known)}"
            ) from None
    for event in events:
        began = event["event"] in ("agent_start", "agent_reused") and event.get("task") == node.id
        decided = event["event"] == "decision" and event.get("decision_id") == node.id
        if began or decided:
            return None, event["seq"]
    verb = "started" if node.kind in ("task", "group") else "been decided"
    raise CommandError(f"at names {node.id!r}, which has not {verb} in that run")
