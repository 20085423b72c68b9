"""Cyclomatic complexity of functions, from their syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .sources import Source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

BLOCKS = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar,
    ast.Match,
)  # fmt: skip


@dataclass(frozen=True)
class Function:
    """One function and its figures.

    Attributes:
        name: Dotted name inside its module, such as `"DataFrame.merge"`.
        file: The file as shown to people.
        line: Its first line (of `def`, not of a decorator).
        end: Its last line.
        complexity: 1 + one for each way through it that can be chosen, see `complexity`.
        depth: How deep blocks are nested in it; an `elif` is as deep as its `if`.
        deepest: A line at that depth.
        choices: What the choices are: word -> how many.
    """

    name: str
    file: str
    line: int
    end: int
    complexity: int
    depth: int
    deepest: int
    choices: dict[str, int]

    @property
    def lines(self) -> int:
        """How long it is."""
        return self.end - self.line + 1


def functions(tree: ast.Module) -> Iterator[tuple[str, FunctionNode]]:
    """Every function of a module with its dotted name, nested ones and methods included."""
    stack: list[tuple[str, ast.stmt]] = [("", node) for node in reversed(tree.body)]
    while stack:
        prefix, node = stack.pop()
        inside = prefix
        if isinstance(node, FunctionNode | ast.ClassDef):
            inside = f"{prefix}{node.name}."
            if isinstance(node, FunctionNode):
                yield f"{prefix}{node.name}", node
        stack.extend((inside, child) for child in reversed(list(statements(node))))


def statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """The statements directly inside a statement, in order."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for child in getattr(node, field, ()):
            if isinstance(child, ast.stmt):
                yield child
            else:
                yield from child.body


def measure(source: Source) -> list[Function]:
    """Every function of a parsed file with its figures; none if it did not parse."""
    if source.tree is None:
        return []
    return [_measure(name, node, source.file.shown) for name, node in functions(source.tree)]


def complexity(node: FunctionNode) -> int:
    """Cyclomatic complexity of one function.

    It is 1, plus 1 for each `if`, `elif`, `for`, `while`, `except`, conditional expression,
    `and`, `or`, `for` and `if` of a comprehension, and `case` other than a bare `case _`.
    Functions defined inside are measured on their own.
    """
    return 1 + sum(_choices(node)[0].values())


def _measure(name: str, node: FunctionNode, file: str) -> Function:
    choices, depth, deepest = _choices(node)
    return Function(
        name=name,
        file=file,
        line=node.lineno,
        end=node.end_lineno or node.lineno,
        complexity=1 + sum(choices.values()),
        depth=depth,
        deepest=deepest,
        choices=choices,
    )


def _choices(function: FunctionNode) -> tuple[dict[str, int], int, int]:
    """Words for the choices with their numbers, the depth of nesting, and where it is deepest."""
    counts: dict[str, int] = {}
    depth, deepest = 0, function.lineno
    # A stack of our own: generated code nests expressions deeper than Python's recursion.
    stack: list[tuple[ast.AST, int]] = [(node, 0) for node in function.body]
    while stack:
        node, level = stack.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            continue
        if isinstance(node, BLOCKS):
            level += 1
            if level > depth:
                depth, deepest = level, node.lineno
        found = _choice(node)
        if found is not None:
            counts[found[0]] = counts.get(found[0], 0) + found[1]
        if (
            isinstance(node, ast.If)
            and len(node.orelse) == 1
            and isinstance(node.orelse[0], ast.If)
        ):
            stack.append((node.orelse[0], level - 1))
            stack.append((node.test, level))
            stack.extend((child, level) for child in node.body)
        else:
            stack.extend((child, level) for child in ast.iter_child_nodes(node))
    return counts, depth, deepest


def _choice(node: ast.AST) -> tuple[str, int] | None:
    match node:
        case ast.If():
            return "if", 1
        case ast.For() | ast.AsyncFor() | ast.While():
            return "loop", 1
        case ast.ExceptHandler():
            return "except", 1
        case ast.IfExp():
            return "conditional expression", 1
        case ast.BoolOp():
            return "and/or", len(node.values) - 1
        case ast.comprehension():
            return "comprehension", 1 + len(node.ifs)
        case ast.match_case(pattern=ast.MatchAs(pattern=None, name=None), guard=None):
            return None
        case ast.match_case():
            return "case", 1
    return None
