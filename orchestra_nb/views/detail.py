"""What a card shows besides its question and its options, as lines of text.

One line a fact, the most important first, so that whoever has little room shows the first ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..plan.durations import rough_duration
from ..state import DecisionState
from . import words
from .filling import questions_of, visible

__all__ = ["as_json", "details", "heading", "outlook", "question_line", "spelt"]

_CUT = 300
_MOST = 20


def heading(decision: DecisionState) -> str:
    """What kind of card it is: ``critical · database``, ``checkpoint``, ``approval``."""
    if decision.purpose != "decision":
        return words.PURPOSE_WORDS.get(decision.purpose, words.cut(str(decision.purpose), 40))
    kind = words.cut(decision.kind, 40)
    return f"{kind} · {words.plain(decision.category)}" if decision.category else kind


def details(decision: DecisionState) -> list[str]:
    """The facts of a card. A plain decision has none; neither has a purpose that is not known."""
    tell = _TELL.get(decision.purpose)
    return list(tell(decision.detail, decision)) if tell is not None else []


def outlook(decision: DecisionState, key: str) -> str:
    """What an option would do, in a sentence or two; empty where that is not said."""
    found = decision.detail.get("outlook")
    said = found.get(key) if isinstance(found, Mapping) else None
    return " ".join(words.cut(one, _CUT) for one in _list(said) if isinstance(one, str))


def question_line(question: Mapping[str, Any], filled: Mapping[str, Any]) -> str:
    """A question of a form with its answer so far, or its default."""
    ask = words.cut(str(question.get("ask", "")), _CUT)
    indent = "  " * min(6, _whole(question.get("depth")))
    if filled.get(question["id"]):
        return f"{indent}{ask} {spelt(filled[question['id']])}"
    default = question.get("default")
    return f"{indent}{ask}" + ("" if default is None else f" [{spelt(default)}]")


def spelt(answer: Any) -> str:
    """An answer as people write it."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, (list, tuple)):
        return words.cut(", ".join(map(str, answer)), _CUT)
    return words.cut(str(answer), _CUT)


def _form(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    group = ""
    for one in visible(questions_of(decision), {}):
        if one.get("group") and one["group"] != group:
            group = one["group"]
            yield words.cut(str(group), _CUT)
        own = "" if one["id"] == one.get("ask") else f" ({words.cut(one['id'], 60)})"
        yield f"{question_line(one, {})}{own}"


def _checkpoint(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    for agent, text in _pairs(detail.get("blockers")):
        yield f"Blocker: {text} ({agent})"
    yield from _took(detail)
    for agent, text in reversed(_pairs(detail.get("findings"))):  # the newest first
        yield f"Finding: {text} ({agent})"
    running = [words.cut(str(one), 60) for one in _list(detail.get("running"))]
    if running:
        more = f" and {len(running) - 5} more" if len(running) > 5 else ""
        yield f"At work: {', '.join(running[:5])}{more}."
    simplify = detail.get("simplify")
    if isinstance(simplify, Mapping):
        for task, reason in _pairs(simplify.get("tasks")):
            yield f"C leaves out {task}: {reason}"


def _took(detail: Mapping[str, Any]) -> Iterator[str]:
    time, cost = _mapping(detail.get("time")), _mapping(detail.get("cost"))
    actual, expected = _number(time.get("actual_s")), _number(time.get("expected_s"))
    if actual is not None:
        low, high = _number(time.get("low_s")), _number(time.get("high_s"))
        band = (
            ""
            if low is None or high is None
            else f" ({rough_duration(low)} to {rough_duration(high)})"
        )
        beside = "" if expected is None else f", expected {rough_duration(expected)}{band}"
        left = _number(detail.get("left_s"))
        rest = f"; {words.at_least(left)} left" if left else ""
        yield f"Took {rough_duration(actual)}{beside}{rest}."
    usd, budget = _number(cost.get("usd")), _number(cost.get("budget_usd"))
    if usd is not None and (usd or budget or cost.get("unknown")):
        more = " and what is not known" if cost.get("unknown") else ""
        yield f"Cost {words.money(usd)}{more}" + (f" of {words.money(budget)}." if budget else ".")


def _approval(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    problem, description = detail.get("problem"), detail.get("description")
    if isinstance(problem, str) and problem:
        yield f"Problem: {words.cut(problem, _CUT)}"
    about = f": {words.cut(description, _CUT)}" if isinstance(description, str) else ""
    yield f"Tool {words.cut(str(detail.get('tool', '')), 100)}{about.rstrip(': ')}"
    for name, value in _mapping(detail.get("arguments")).items():
        yield f"  {words.cut(str(name), 60)} = {as_json(value)}"


def as_json(value: Any) -> str:
    """A value on one line, as it would be typed again."""
    try:
        return words.cut(json.dumps(value, ensure_ascii=False), _CUT)
    except (TypeError, ValueError):
        return words.cut(str(value), _CUT)


def _review(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    attempt = _whole(detail.get("attempt"))
    if attempt > 1:
        yield f"Attempt {attempt}."
    for comment in _list(detail.get("comments"))[-3:]:
        yield f"Sent back before: “{words.cut(str(comment), _CUT)}”."
    preview = detail.get("preview")
    if isinstance(preview, str):
        lines = [line for line in preview[:20_000].splitlines() if line.strip()]
        yield from (f"  {words.cut(line, _CUT)}" for line in lines)


def _failure(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    error = detail.get("error")
    if isinstance(error, str) and error and error.split("\n")[0] not in decision.context:
        yield f"Error: {words.cut(error, _CUT)}"
    attempts = _whole(detail.get("attempts"))
    if attempts and not decision.context:
        yield f"{words.count(attempts, 'attempt')} so far."
    needing = [words.cut(str(one), 60) for one in _list(detail.get("dependents"))]
    total = max(len(needing), _whole(detail.get("total")))
    if needing:
        more = f" and {total - 5} more" if total > 5 else ""
        verb = "needs" if total == 1 else "need"
        count = words.count(total, "task")
        yield f"{count} {verb} its result: {', '.join(needing[:5])}{more}."


def _amount(kind: Any, figure: float | None) -> str:
    """An amount of a cap: money, or tokens."""
    if figure is None:
        return "unknown"
    return words.money(figure) if kind == "usd" else f"{figure:,.0f} tokens"


def _budget(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    kind = detail.get("kind")
    used, cap, held = (_number(detail.get(key)) for key in ("used", "cap", "held"))
    if used is not None and cap is not None:
        more = f", {_amount(kind, held)} held for calls in flight" if held else ""
        yield f"Used {_amount(kind, used)} of {_amount(kind, cap)}{more}."
    waiting = [words.cut(str(one), 60) for one in _list(detail.get("waiting"))]
    total = max(len(waiting), _whole(detail.get("total")))
    if waiting:
        more = f" and {total - 5} more" if total > 5 else ""
        yield f"Without room: {', '.join(waiting[:5])}{more}."
    for old, new in _mapping(detail.get("models")).items():
        yield f"Cheaper model: {words.cut(str(new), 60)} instead of {words.cut(str(old), 60)}"


def _about(usd: float) -> str:
    told = words.money(usd)
    return told if told.startswith("under") else f"about {told}"


def _spend(detail: Mapping[str, Any], decision: DecisionState) -> Iterator[str]:
    total, unknown = _whole(detail.get("total")), _whole(detail.get("unknown"))
    for name, sum_, count, told in (
        ("Expected:", "usd", "tokens", "about"),
        ("At most", "most_usd", "most_tokens", "most"),
    ):
        usd, tokens = _number(detail.get(sum_)), _whole(detail.get(count))
        if usd is not None:
            amount = _about(usd) if told == "about" else words.money(usd)
            said = detail.get(told)
            amount = words.cut(said, _CUT) if isinstance(said, str) else amount
            known = amount if unknown < total else "an unknown cost"
            rest = (
                f", {words.count(unknown, 'task')} of unknown cost" if 0 < unknown < total else ""
            )
            yield f"{name} {known}, {words.tokens(tokens)} tokens{rest}."
    for row in _list(detail.get("rows")):
        if isinstance(row, Mapping):
            usd = _number(row.get("usd"))
            about = "unknown" if usd is None else _about(usd)
            if "times" in row:
                times = row["times"]
                about += f" × {times:,}" if isinstance(times, int) else " per item"
            task, model = (words.cut(str(row.get(key, "")), 60) for key in ("task", "model"))
            yield f"  {task}: {about} ({model})"


_TELL = {
    "form": _form,
    "checkpoint": _checkpoint,
    "overrun": _checkpoint,
    "blocker": _checkpoint,
    "approval": _approval,
    "review": _review,
    "failure": _failure,
    "budget": _budget,
    "spend": _spend,
}


# A log may hold anything.


def _list(value: Any) -> list[Any]:
    found = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    return list(value)[:50] if found else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _pairs(value: Any) -> list[tuple[str, str]]:
    return [
        (words.cut(str(one[0]), 60), words.cut(str(one[1]), _CUT))
        for one in _list(value)
        if isinstance(one, Sequence) and not isinstance(one, str) and len(one) == 2
    ][-_MOST:]


def _number(value: Any) -> float | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if fits and 0 <= value < 1e12 else None


def _whole(value: Any) -> int:
    return int(_number(value) or 0)
