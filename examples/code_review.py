"""Review the source of an installed Python package: the functions behind `code_review.yaml`.

    import orchestra_nb as onb
    from examples.code_review import agents

    run = onb.run("examples/code_review.yaml", agents=agents, inputs={"package": "rich"})

`agents` maps the plan's agents to plain Python functions that need no key; each takes the
orchestra's context and returns its figures as plain data. `claude_agents(package)` gives
Claude the same jobs, with tools to read the source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any

from .review.closer_look import (
    complexity_investigator,
    cycle_investigator,
    documentation_investigator,
    error_investigator,
)
from .review.complexity import Function, measure
from .review.documentation import Name, public_names
from .review.error_handling import MEANING, Place, find_faults
from .review.imports import Import, cycles, find_imports, graph
from .review.reading import plural, read_each
from .review.report import write_report
from .review.sources import Package, Source, find_package
from .review.tools import claude_agents, figures, list_modules, read_source

if TYPE_CHECKING:
    from orchestra_nb.agents.context import Context

__all__ = [
    "agents",
    "claude_agents",
    "figures",
    "list_modules",
    "read_source",
]


def surveyor(context: Context) -> dict[str, Any]:
    """What there is: files, lines, sub-packages, the largest modules, what can't be read."""
    package = find_package(str(context.inputs["package"]))
    totals: Counter[str] = Counter()
    folders: dict[str, Counter[str]] = {}
    largest: list[tuple[int, str]] = []
    problems: list[dict[str, str]] = []
    for source in read_each(context, package.files, "Counting"):
        kind, lines = source.file.kind, len(source.lines)
        totals.update({f"{kind} files": 1, f"{kind} lines": lines})
        if source.problem is not None:
            problems.append({"file": source.file.shown, "problem": source.problem})
        if kind == "code":
            folders.setdefault(_folder(package, source), Counter()).update(files=1, lines=lines)
            largest.append((lines, source.file.shown))
    for each in problems[:3]:
        context.blocker(f"{each['file']} {each['problem']}; the review goes on without it.")
    if len(problems) > 3:
        context.blocker(f"{len(problems) - 3} more files can't be read; the report lists them.")
    largest.sort(key=lambda item: (-item[0], item[1]))
    code, tests = totals["code lines"], totals["test lines"]
    context.finding(
        f"{package.name} has {plural(totals['code files'], 'file')} with {code:,} lines of code"
        + (f", and {tests:,} lines of tests." if tests else "; its tests are not installed.")
    )
    if largest:
        share = sum(lines for lines, _ in largest[:10]) / max(code, 1)
        context.finding(
            f"The largest module is {largest[0][1]} with {plural(largest[0][0], 'line')}; "
            f"the ten largest hold {share:.0%} of the code."
        )
    return {
        "package": package.name,
        "version": _version(package.name),
        "files": totals["code files"],
        "lines": code,
        "test_files": totals["test files"],
        "test_lines": tests,
        "vendored_files": totals["vendored files"],
        "compiled_modules": len(package.compiled),
        "folders": [
            {"folder": name, "files": counts["files"], "lines": counts["lines"]}
            for name, counts in sorted(folders.items(), key=lambda item: -item[1]["lines"])
        ],
        "largest": [{"file": file, "lines": lines} for lines, file in largest[:15]],
        "problems": problems,
    }


def complexity_analyst(context: Context) -> dict[str, Any]:
    """How many ways lead through each function."""
    package = find_package(str(context.inputs["package"]))
    found: list[Function] = []
    for source in read_each(context, package.code, "Measuring"):
        found += measure(source)
    found.sort(key=lambda function: (-function.complexity, function.file, function.line))
    over_10 = sum(function.complexity > 10 for function in found)
    over_25 = sum(function.complexity > 25 for function in found)
    mean = sum(function.complexity for function in found) / max(len(found), 1)
    if over_25:
        context.finding(
            f"{over_25} of {plural(len(found), 'function')} have a complexity over 25, "
            f"where a change is hard to foresee; {over_10} are over 10."
        )
    if found:
        worst = found[0]
        context.finding(
            f"The most complex function is {worst.name} ({worst.file}:{worst.line}): complexity "
            f"{worst.complexity} in {plural(worst.lines, 'line')}; the mean is {mean:.1f}."
        )
    return {
        "functions": len(found),
        "mean": round(mean, 2),
        "over_10": over_10,
        "over_25": over_25,
        "worst": [{**asdict(function), "lines": function.lines} for function in found[:40]],
    }


def import_analyst(context: Context) -> dict[str, Any]:
    """Which modules import which, and where that goes round in a circle."""
    package = find_package(str(context.inputs["package"]))
    modules = {file.module for file in package.code}
    found: list[Import] = []
    for source in read_each(context, package.code, "Following"):
        found += find_imports(source, modules)
    at_import = [each for each in found if each.when == "import"]
    in_calls = [each for each in found if each.when == "call"]
    groups = cycles(graph(at_import, modules))
    with_calls = sum(map(len, cycles(graph([*at_import, *in_calls], modules))))
    imported = Counter(imported for _, imported in {(i.importer, i.imported) for i in at_import})
    if groups:
        context.finding(
            f"{plural(len(groups), 'group')} of modules import one another in a circle; "
            f"the largest holds {len(groups[0])} of {plural(len(modules), 'module')}."
        )
    elif modules:
        context.finding(f"No import cycle among {plural(len(modules), 'module')}.")
    if in_calls:
        context.finding(
            f"{plural(len(in_calls), 'import')} are put off into functions; counting them, "
            f"{with_calls} modules would be in cycles."
        )
    return {
        "modules": len(modules),
        "at_import": len(at_import),
        "in_functions": len(in_calls),
        "for_types_only": len(found) - len(at_import) - len(in_calls),
        "cycles": groups,
        "in_cycles": sum(map(len, groups)),
        "in_cycles_with_functions": with_calls,
        "most_imported": [{"module": name, "by": by} for name, by in imported.most_common(10)],
    }


def documentation_analyst(context: Context) -> dict[str, Any]:
    """Which public names have a docstring, and which parameters those leave out."""
    package = find_package(str(context.inputs["package"]))
    found: list[Name] = []
    folders: dict[str, Counter[str]] = {}
    for source in read_each(context, package.code, "Leafing through"):
        names = public_names(source)
        found += names
        done = sum(name.documented for name in names)
        folders.setdefault(_folder(package, source), Counter()).update(
            names=len(names), documented=done
        )
    documented = sum(name.documented for name in found)
    coverage = documented / max(len(found), 1)
    order = {"class": 0, "function": 1, "method": 2}
    bare = sorted(
        (name for name in found if not name.documented and name.what in order),
        key=lambda name: (order[name.what], name.file, name.line),
    )
    gaps = sorted((name for name in found if name.missing), key=lambda name: -len(name.missing))
    if found:
        context.finding(
            f"{coverage:.0%} of {plural(len(found), 'public name')} have a docstring; "
            f"{plural(len(found) - documented, 'name')} have none."
        )
    if gaps:
        context.finding(
            f"Of {sum(name.listed for name in found):,} docstrings that list parameters "
            f"{len(gaps):,} leave some out; that of {gaps[0].name} "
            f"({gaps[0].file}:{gaps[0].line}) leaves out {', '.join(gaps[0].missing)}."
        )
    often = Counter(name.name.rpartition(".")[2] for name in found if name.what != "module")
    kinds = Counter(name.what for name in found)
    kinds_documented = Counter(name.what for name in found if name.documented)
    return {
        "names": len(found),
        "documented": documented,
        "coverage": round(coverage, 4),
        "kinds": {
            kind: {"names": kinds[kind], "documented": kinds_documented[kind]} for kind in kinds
        },
        "folders": [
            {"folder": name, "names": counts["names"], "documented": counts["documented"]}
            for name, counts in sorted(folders.items())
            if counts["names"]
        ],
        "incomplete": len(gaps),
        "undocumented": [
            {
                "name": name.name,
                "what": name.what,
                "file": name.file,
                "line": name.line,
                "unique": often[name.name.rpartition(".")[2]] == 1,
            }
            for name in bare[:400]
        ],
        "missing_parameters": [
            {"name": name.name, "file": name.file, "line": name.line, "missing": name.missing}
            for name in gaps[:50]
        ],
    }


def error_analyst(context: Context) -> dict[str, Any]:
    """Where errors get lost."""
    package = find_package(str(context.inputs["package"]))
    found: list[Place] = []
    for source in read_each(context, package.code, "Checking"):
        found += find_faults(source)
    counts = Counter(place.fault for place in found)
    order = list(MEANING)
    found.sort(key=lambda place: (order.index(place.fault), place.file, place.line))
    if counts["swallowed"]:
        context.finding(
            f"Any error is dropped without a trace in {plural(counts['swallowed'], 'place')}."
        )
    if counts["bare"]:
        context.finding(
            f"Everything is caught, Ctrl-C included, in {plural(counts['bare'], 'place')}."
        )
    if counts["no cause"]:
        context.finding(
            f"A new error is raised without its cause in {plural(counts['no cause'], 'place')}."
        )
    if counts["assert"]:
        context.finding(
            f"`python -O` would leave out {plural(counts['assert'], 'check')} made by assertions."
        )
    if not found:
        context.finding(f"No lost error in {plural(len(package.code), 'file')}.")
    return {
        "counts": {fault: counts[fault] for fault in order},
        "files": len(package.code),
        "places": [asdict(place) for place in found[:60]],
    }


async def report_writer(context: Context) -> str:
    """Everything on one page, in Markdown."""
    context.progress("Writing the report", 0.5)
    report = write_report(
        package=str(context.inputs["package"]),
        results=dict(context.results),
        missing=context.missing,
        outcome=context.decisions.get("focus"),
    )
    context.progress(f"Wrote {plural(report.count(chr(10)), 'line')}", 1.0)
    return report


agents: dict[str, Callable[..., Any]] = {
    "surveyor": surveyor,
    "complexity-analyst": complexity_analyst,
    "import-analyst": import_analyst,
    "documentation-analyst": documentation_analyst,
    "error-analyst": error_analyst,
    "complexity-investigator": complexity_investigator,
    "cycle-investigator": cycle_investigator,
    "documentation-investigator": documentation_investigator,
    "error-investigator": error_investigator,
    "report-writer": report_writer,
}
"""Who does what: the plan's agents and their functions."""


def _folder(package: Package, source: Source) -> str:
    """The sub-package a file belongs to: `pandas/core` for everything below it."""
    folders = source.file.shown.split("/")[:-1]
    return "/".join(folders[: package.name.count(".") + 2]) or source.file.shown


def _version(package: str) -> str | None:
    distributions = metadata.packages_distributions().get(package.partition(".")[0], [])
    return metadata.version(distributions[0]) if distributions else None
