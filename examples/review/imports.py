"""The module graph of a package and the cycles in it."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .complexity import FunctionNode
from .sources import Source, SourceFile

When = Literal["import", "call", "typing"]
"""When an import runs: as its module is imported, in a function's call, for type checkers only."""

Graph = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Import:
    """One import of a module of the package by another one."""

    importer: str
    imported: str
    file: str
    line: int
    when: When


def find_imports(source: Source, modules: Collection[str]) -> list[Import]:
    """The imports in one file that name modules of the same package.

    `from a import b` counts as an import of `a.b` where that is a module, else of `a`. That
    importing `a.b` also runs the `__init__` of `a` is left out: it would make every package
    one big cycle.

    Args:
        source: The file.
        modules: The names of all modules of the package.

    Returns:
        One entry for each imported module and line; a module importing itself is left out.
    """
    found: list[Import] = []
    if source.tree is None:
        return found
    stack: list[tuple[ast.AST, When]] = [(node, "import") for node in reversed(source.tree.body)]
    while stack:
        node, when = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in dict.fromkeys(_targets(node, source.file, modules)):
                if name != source.file.module:
                    where = source.file.shown
                    found.append(Import(source.file.module, name, where, node.lineno, when))
            continue
        if isinstance(node, FunctionNode):
            inside: When = "typing" if when == "typing" else "call"
            stack.extend((child, inside) for child in reversed(node.body))
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            stack.extend((child, when) for child in reversed(node.orelse))
            stack.extend((child, "typing") for child in reversed(node.body))
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            stack.extend((child, when) for child in reversed(list(ast.iter_child_nodes(node))))
    return found


def graph(imports: Iterable[Import], modules: Iterable[str]) -> dict[str, list[str]]:
    """Who imports whom, each pair once, in alphabetical order."""
    edges: dict[str, set[str]] = {module: set() for module in modules}
    for each in imports:
        edges.setdefault(each.importer, set()).add(each.imported)
    return {module: sorted(targets) for module, targets in sorted(edges.items())}


def cycles(edges: Graph) -> list[list[str]]:
    """The groups of modules that all reach one another (Tarjan), largest first, then by name."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    groups: list[list[str]] = []
    for start in edges:
        if start in index:
            continue
        # Written with a stack of its own: import chains can be longer than Python's recursion.
        work = [(start, iter(edges.get(start, ())))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(edges.get(target, ()))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    cut = stack.index(node)
                    group, stack[cut:] = sorted(stack[cut:]), []
                    on_stack.difference_update(group)
                    if len(group) > 1:
                        groups.append(group)
    return sorted(groups, key=lambda group: (-len(group), group))


def shortest_cycle(edges: Graph, start: str, within: Collection[str]) -> list[str]:
    """The shortest way from a module back to itself inside a group: `[a, b, a]`; `[]` if none."""
    before: dict[str, str] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for target in edges.get(node, ()):
            if target == start:
                path = [start, node]
                while node != start:
                    node = before[node]
                    path.append(node)
                return path[::-1]
            if target in within and target not in before:
                before[target] = node
                queue.append(target)
    return []


def without(edges: Graph, cut: tuple[str, str], within: Collection[str]) -> int:
    """How many modules of a group would still be in a cycle if one import were gone."""
    rest = {
        node: [t for t in edges.get(node, ()) if t in within and (node, t) != cut]
        for node in within
    }
    return sum(len(group) for group in cycles(rest))


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _targets(
    node: ast.Import | ast.ImportFrom, file: SourceFile, modules: Collection[str]
) -> list[str]:
    if isinstance(node, ast.Import):
        names = (_known(alias.name, modules) for alias in node.names)
        return [name for name in names if name]
    base = node.module or ""
    if node.level:
        parts = file.module.split(".")
        keep = len(parts) - node.level + (1 if file.is_package else 0)
        if keep <= 0:
            return []
        base = ".".join([*parts[:keep], *([base] if base else [])])
    found = []
    for alias in node.names:
        longer = f"{base}.{alias.name}"
        name = longer if longer in modules else _known(base, modules)
        if name:
            found.append(name)
    return found


def _known(name: str, modules: Collection[str]) -> str | None:
    """The module itself, or the nearest parent that is one of the package's Python modules."""
    while name:
        if name in modules:
            return name
        name = name.rpartition(".")[0]
    return None
