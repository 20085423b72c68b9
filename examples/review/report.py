"""The report of a review, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .error_handling import MEANING
from .reading import plural

if TYPE_CHECKING:
    from orchestra_nb.state import Outcome

BY = {
    "user": "a person",
    "timeout": "the clock: nobody answered in time, so the recommendation was taken",
    "autopilot": "autopilot, which takes the recommendation",
    "policy": "the run's mode, which takes the recommendation without asking",
    "remote": "a person, from outside the notebook",
    "budget": "the budget",
    "agent": "an agent",
}
CLOSER = {
    "complexity-investigator": "Complexity hot spots",
    "cycle-investigator": "Import cycles",
    "documentation-investigator": "Documentation gaps",
    "error-investigator": "Error handling",
}


def write_report(
    *,
    package: str,
    results: Mapping[str, Any],
    missing: Mapping[str, str],
    outcome: Outcome | None,
) -> str:
    """One page on a package: what was decided, where to look first, and the figures.

    Args:
        package: Its name.
        results: What each agent of the plan gave; a text (Claude's) goes in as it is.
        missing: Agents that gave nothing, and why.
        outcome: The decision on what to look at first; None if there was none.

    Returns:
        Markdown. Names and lines from the source stand in code spans and code blocks.
    """
    survey = results.get("surveyor")
    version = survey.get("version") if isinstance(survey, Mapping) else None
    lines = [f"# Review of {package}{f' {version}' if version else ''}", ""]
    lines += _decided(outcome)
    closer = {name: results[name] for name in CLOSER if name in results}
    lines += _first_ten(closer, results)
    lines += ["## The figures", ""]
    sections = {
        "surveyor": ("Structure", _structure),
        "complexity-analyst": ("Complexity", _complexity),
        "import-analyst": ("Imports", _imports),
        "documentation-analyst": ("Documentation", _documentation),
        "error-analyst": ("Error handling", _errors),
    }
    for name, (title, section) in sections.items():
        result = results.get(name)
        lines += [f"### {title}", ""]
        if isinstance(result, Mapping):
            lines += [*section(result), ""]
        elif result is not None:
            lines += [str(result), ""]
        else:
            lines += [f"Not known: {missing.get(name, f'{name} gave no result')}.", ""]
    for name, result in closer.items():
        lines += [f"## A closer look: {CLOSER[name].lower()}", ""]
        lines += [*_closer(result), ""] if isinstance(result, Mapping) else [str(result), ""]
    return "\n".join(lines).rstrip() + "\n"


def code_span(text: str) -> str:
    """Text as a Markdown code span that nothing inside it can end."""
    text = re.sub(r"\s+", " ", text)
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{ticks}{text}{ticks}" if len(ticks) == 1 else f"{ticks} {text} {ticks}"


def code_block(lines: list[str]) -> list[str]:
    """Lines as a Markdown code block that nothing inside it can end."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(longest + 1, 3)
    return [f"{fence}text", *lines, fence]


def _decided(outcome: Outcome | None) -> list[str]:
    if outcome is None:
        return ["What to look at first was not decided.", ""]
    by = BY.get(outcome.by, outcome.by)
    lines = [f"Looked at first: **{outcome.text}**, decided by {by}."]
    if outcome.note:
        lines.append(f"The note with it: {code_span(outcome.note)}.")
    return [*lines, ""]


def _first_ten(closer: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    chosen = [result["places"] for result in closer.values() if isinstance(result, Mapping)]
    others = [list(_complex_places(results)), list(_lost_errors(results))]
    places: dict[str, str] = {}
    for group in (chosen, others):
        for place in _in_turn(group):
            if len(places) < 10:
                text = f"{code_span(place['what'])}: {place['why']}"
                places.setdefault(place["where"], text)
    if not places:
        return []
    rows = [
        f"{number}. {code_span(where)} {text}"
        for number, (where, text) in enumerate(places.items(), 1)
    ]
    title = "ten places" if len(rows) == 10 else "places"
    return [f"## The {title} to look at first", "", *rows, ""]


def _in_turn(groups: list[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The first of each group, then the second of each, and so on."""
    for number in range(max(map(len, groups), default=0)):
        yield from (group[number] for group in groups if number < len(group))


def _complex_places(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    result = results.get("complexity-analyst")
    for each in result["worst"][:10] if isinstance(result, Mapping) else ():
        why = f"complexity {each['complexity']} in {plural(each['lines'], 'line')}"
        yield {"where": f"{each['file']}:{each['line']}", "what": each["name"], "why": why}


def _lost_errors(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    result = results.get("error-analyst")
    for each in result["places"][:10] if isinstance(result, Mapping) else ():
        what = each["function"] or "at the top of the module"
        why = MEANING[each["fault"]]
        yield {"where": f"{each['file']}:{each['line']}", "what": what, "why": why}


def _closer(result: Mapping[str, Any]) -> list[str]:
    lines = [result["summary"], ""]
    for place in result["places"]:
        lines += [f"**{code_span(place['where'])}** {code_span(place['what'])}: {place['why']}."]
        lines += ["", *code_block(place["code"]), ""]
    return [*lines, result["advice"]]


def _structure(result: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{plural(result['files'], 'file')} with {plural(result['lines'], 'line')} of code; "
        f"{plural(result['test_files'], 'test file')} with {plural(result['test_lines'], 'line')}; "
        f"{plural(result['vendored_files'], 'vendored file')}; "
        f"{plural(result['compiled_modules'], 'compiled module')}.",
        "",
        "| where | files | lines |",
        "|---|---:|---:|",
    ]
    for each in result["folders"][:10]:
        lines.append(f"| {code_span(each['folder'])} | {each['files']:,} | {each['lines']:,} |")
    if result["problems"]:
        lines += ["", "Left out of the figures below:", ""]
        lines += [
            f"- {code_span(each['file'])} {each['problem']}" for each in result["problems"][:20]
        ]
        if len(result["problems"]) > 20:
            lines.append(f"- and {len(result['problems']) - 20} more")
    return lines


def _complexity(result: Mapping[str, Any]) -> list[str]:
    return [
        f"{plural(result['functions'], 'function')}, mean complexity {result['mean']:.1f}; "
        f"{result['over_10']:,} over 10, {result['over_25']:,} over 25.",
        "",
        "| function | where | complexity | lines | depth |",
        "|---|---|---:|---:|---:|",
        *(
            f"| {code_span(each['name'])} | {code_span(_where(each))} "
            f"| {each['complexity']} | {each['lines']:,} | {each['depth']} |"
            for each in result["worst"][:10]
        ),
    ]


def _imports(result: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{plural(result['modules'], 'module')}; {result['at_import']:,} imports among them run "
        f"as they are imported, {result['in_functions']:,} only in calls, "
        f"{result['for_types_only']:,} only for type checkers.",
        f"{plural(result['in_cycles'], 'module')} in {plural(len(result['cycles']), 'cycle')}; "
        f"{result['in_cycles_with_functions']:,} if imports inside functions are counted.",
    ]
    for group in result["cycles"][:3]:
        names = ", ".join(map(code_span, group[:8]))
        lines += ["", f"- {len(group)} modules: {names}{', ...' if len(group) > 8 else ''}"]
    return lines


def _documentation(result: Mapping[str, Any]) -> list[str]:
    return [
        f"{result['documented']:,} of {plural(result['names'], 'public name')} have a docstring "
        f"({result['coverage']:.0%}); {result['incomplete']:,} of those that list parameters "
        f"leave some out.",
        "",
        "| where | public names | documented |",
        "|---|---:|---:|",
        *(
            f"| {code_span(each['folder'])} | {each['names']:,} "
            f"| {each['documented'] / each['names']:.0%} |"
            for each in sorted(result["folders"], key=lambda each: -each["names"])[:10]
        ),
    ]


def _errors(result: Mapping[str, Any]) -> list[str]:
    return [
        "| kind | places | what it means |",
        "|---|---:|---|",
        *(
            f"| {fault} | {number:,} | {MEANING[fault]} |"
            for fault, number in result["counts"].items()
        ),
    ]


def _where(each: Mapping[str, Any]) -> str:
    return f"{each['file']}:{each['line']}"
