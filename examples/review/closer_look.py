"""The four agents of which the decision picks: each reads the worst places of one kind.

A parameter named after a task (`complexity_analyst`) gets that task's result. Each agent gives
`{"about": ..., "summary": ..., "places": [...], "advice": ...}`; a place has `where`
(`file:line`), `what`, `why`, and `code`, real lines of the source with their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .error_handling import MEANING
from .imports import Import, find_imports, graph, shortest_cycle, without
from .reading import ReviewStoppedError, plural, read_each, times
from .sources import Package, Source, count_words, find_package, read

if TYPE_CHECKING:
    from orchestra_nb.agents.context import Context

PLACES = 10


def complexity_investigator(context: Context, complexity_analyst: Any) -> dict[str, Any]:
    """Read the most complex functions: what makes them so, who uses them, are they tested."""
    package = find_package(str(context.inputs["package"]))
    worst = _figures(complexity_analyst, "complexity-analyst")["worst"][: PLACES + 5]
    names = {_last(each["name"]) for each in worst}
    used, tested = Counter[str](), Counter[str]()
    files = [*package.code, *package.tests]
    for source in read_each(context, files, "Looking for uses in", end=0.95, parse=False):
        target = tested if source.file.kind == "test" else used
        target.update(count_words(source, names))
    places = []
    for each in worst[:PLACES]:
        source = _open(package, each["file"])
        last = _last(each["name"])
        choices = sorted(each["choices"].items(), key=lambda item: -item[1])
        why = f"complexity {each['complexity']} in {plural(each['lines'], 'line')}: " + ", ".join(
            f"{number} × {word}" for word, number in choices[:4]
        )
        if each["depth"]:
            why += f"; nested {plural(each['depth'], 'level')} deep at line {each['deepest']}"
        if not last.startswith("__"):
            why += f"; named {_elsewhere(used, last)} elsewhere in the code"
            why += f", {times(tested[last])} in its tests" if package.tests else ""
        places.append(
            {
                "where": f"{each['file']}:{each['line']}",
                "what": each["name"],
                "why": why,
                "code": _code(source, (each["line"], 3), (each["deepest"] - 2, 5)),
            }
        )
    unnamed = [each for each in worst[:PLACES] if not tested[_last(each["name"])]]
    if package.tests and worst:
        context.finding(
            f"{len(unnamed)} of the {len(places)} most complex functions are never named in "
            f"the tests" + (f", such as {unnamed[0]['name']}." if unnamed else ".")
        )
    if worst:
        deepest = max(worst, key=lambda each: each["depth"])
        context.finding(
            f"Of the most complex functions {deepest['name']} is nested deepest: "
            f"{plural(deepest['depth'], 'level')} at {deepest['file']}:{deepest['deepest']}."
        )
    return {
        "about": "Complexity hot spots",
        "summary": f"Read the {len(places)} most complex functions, and looked for their names "
        f"in {plural(len(files), 'file')}.",
        "places": places,
        "advice": "Begin with functions that are long and rarely named in tests: write a test "
        "for what they do today, then split them where the nesting is deepest.",
    }


def cycle_investigator(context: Context, import_analyst: Any) -> dict[str, Any]:
    """Read the import cycles: the shortest ones, and which import to cut first."""
    package = find_package(str(context.inputs["package"]))
    groups = _figures(import_analyst, "import-analyst")["cycles"]
    members = {module for group in groups for module in group}
    modules = {file.module for file in package.code}
    files = [file for file in package.code if file.module in members]
    lines: dict[tuple[str, str], list[Import]] = {}
    for source in read_each(context, files, "Following", end=0.4):
        for each in find_imports(source, modules):
            if each.when == "import":
                lines.setdefault((each.importer, each.imported), []).append(each)
    edges = graph((each for found in lines.values() for each in found), members)
    ranked = []
    for group in groups[:3]:
        within = set(group)
        inside = [pair for pair in sorted(lines) if within.issuperset(pair)][:1_000]
        for number, pair in enumerate(inside):
            if context.cancelled:
                raise ReviewStoppedError("Stopped while looking for the import to cut.")
            text = f"Cutting {pair[0]} → {pair[1]} ({number + 1:,} of {len(inside):,})"
            context.progress(text, 0.4 + 0.55 * number / len(inside))
            freed = len(group) - without(edges, pair, within)
            back = shortest_cycle({**edges, pair[0]: [pair[1]]}, pair[0], within)
            ranked.append((-freed, len(back), pair, back, len(group)))
    ranked.sort()
    places = []
    for negative, _, pair, back, size in ranked[:PLACES]:
        first = lines[pair][0]
        more = len(lines[pair]) - 1
        places.append(
            {
                "where": f"{first.file}:{first.line}",
                "what": f"{pair[0]} imports {pair[1]}",
                "why": f"without this import {-negative} of {size} modules would leave the "
                f"cycle; the shortest way round: {' → '.join(back)}"
                + (f"; {plural(more, 'more line')} there import the same" if more else ""),
                "code": _open(package, first.file).quote(first.line, first.line + 2),
            }
        )
    pairs = sum(1 for _, length, *_ in ranked if length == 3)
    if ranked:
        negative, _, pair, _, size = ranked[0]
        context.finding(
            f"The import to cut first: {pair[0]} → {pair[1]}; "
            f"without it {-negative} of {size} modules leave the cycle."
        )
        context.finding(f"{plural(pairs // 2, 'pair')} of modules import each other directly.")
    else:
        context.finding("There is no import cycle to cut.")
    return {
        "about": "Import cycles",
        "summary": f"Tried {plural(len(ranked), 'import')} inside "
        f"{plural(len(groups[:3]), 'cycle')}: how many modules are freed when it goes?",
        "places": places,
        "advice": "Cut the imports that free most modules: move what both sides need to a module "
        "below them, or import for type checkers only. Imports put off into functions hide a "
        "cycle, they do not remove it.",
    }


def documentation_investigator(context: Context, documentation_analyst: Any) -> dict[str, Any]:
    """Read the undocumented names that are used most, and parameters left out."""
    package = find_package(str(context.inputs["package"]))
    result = _figures(documentation_analyst, "documentation-analyst")
    # A name that is defined in several places can't be counted for one of them.
    single = [each for each in result["undocumented"] if each["unique"]]
    names = {_last(each["name"]) for each in single}
    used: Counter[str] = Counter()
    for source in read_each(context, package.code, "Looking for uses in", end=0.95, parse=False):
        used.update(count_words(source, names))
    # Methods last: attributes of other classes often have the same name.
    single.sort(key=lambda each: (each["what"] == "method", -used[_last(each["name"])]))
    places = [
        {
            "where": f"{each['file']}:{each['line']}",
            "what": f"{each['what']} {each['name']}",
            "why": f"no docstring; named {_elsewhere(used, _last(each['name']))} elsewhere in "
            f"the code",
            "code": _code(_open(package, each["file"]), (each["line"], 4)),
        }
        for each in single[: PLACES - 3]
    ]
    for each in result["missing_parameters"][: PLACES - len(places)]:
        places.append(
            {
                "where": f"{each['file']}:{each['line']}",
                "what": each["name"],
                "why": f"its docstring lists parameters but not {', '.join(each['missing'])}",
                "code": _code(_open(package, each["file"]), (each["line"], 4)),
            }
        )
    if single:
        first = single[0]
        context.finding(
            f"{first['name']} ({first['file']}:{first['line']}) has no docstring, and is named "
            f"{_elsewhere(used, _last(first['name']))} elsewhere in the code."
        )
    return {
        "about": "Documentation gaps",
        "summary": f"Ranked {plural(len(single), 'undocumented name')} that are defined only once "
        f"by how often the code names them, methods last.",
        "places": places,
        "advice": "One sentence on each of these names helps most readers; then complete the "
        "lists of parameters.",
    }


def error_investigator(context: Context, error_analyst: Any) -> dict[str, Any]:
    """Read the places where errors get lost, with the lines around them."""
    package = find_package(str(context.inputs["package"]))
    result = _figures(error_analyst, "error-analyst")
    worst = result["places"][:PLACES]
    places = []
    for number, each in enumerate(worst):
        if context.cancelled:
            raise ReviewStoppedError(f"Stopped after {number} of {len(worst)} places.")
        context.progress(f"Reading {each['file']}:{each['line']}", number / len(worst))
        lines = min(each["end"] - each["line"] + 1, 4)
        before = 0 if each["fault"] == "assert" else 3
        places.append(
            {
                "where": f"{each['file']}:{each['line']}",
                "what": each["function"] or "at the top of the module",
                "why": MEANING[each["fault"]],
                "code": _code(
                    _open(package, each["file"]), (each["line"] - before, before + lines)
                ),
            }
        )
    by_file = Counter(each["file"] for each in result["places"] if each["fault"] != "assert")
    for file, number in by_file.most_common(1):
        context.finding(f"{file} loses most errors: {plural(number, 'place')}.")
    if not worst:
        context.finding("There is no lost error to read.")
    return {
        "about": "Error handling",
        "summary": f"Read the {plural(len(worst), 'worst place')} with the lines around them.",
        "places": places,
        "advice": "Catch the error that is expected and name it; let the others through, or log "
        "them; raise new ones `from` the old one.",
    }


def _figures(result: Any, agent: str) -> Mapping[str, Any]:
    if isinstance(result, Mapping):
        return result
    raise TypeError(
        f"The result of {agent!r} is {type(result).__name__}, not figures. Let one side do both: "
        f"functions from `agents`, or Claude from `claude_agents()`."
    )


def _elsewhere(used: Counter[str], name: str) -> str:
    """How often a name is used: all but the one time that defines it."""
    return times(max(used[name] - 1, 0))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _open(package: Package, shown: str) -> Source:
    return read(next(file for file in package.files if file.shown == shown))


def _code(source: Source, *parts: tuple[int, int]) -> list[str]:
    """Lines of a file from (first line, how many), with a gap where lines were left out."""
    code: list[str] = []
    until = 0
    for first, many in parts:
        first, last = max(first, until + 1, 1), first + many - 1
        if last < first:
            continue
        if until and first > until + 1:
            code.append("...")
        code += source.quote(first, last)
        until = last
    return code
