"""Places where a package loses errors, or the way back to their cause."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from .complexity import FunctionNode
from .sources import Source

Fault = Literal["swallowed", "bare", "broad", "no cause", "assert"]

MEANING: dict[Fault, str] = {
    "swallowed": "any error is caught and dropped without a trace",
    "bare": "a bare except catches even Ctrl-C and SystemExit",
    "broad": "every kind of error is caught, and none is raised again",
    "no cause": "a new error is raised without `from`, so the first one is only context",
    "assert": "a check that vanishes under `python -O`",
}
"""The kinds of fault, the worst first, and what each one means."""


@dataclass(frozen=True)
class Place:
    """One fault: where it is and what it is; `end` is the last line worth reading with it."""

    fault: Fault
    file: str
    line: int
    end: int
    function: str


def find_faults(source: Source) -> list[Place]:
    """The faults in one parsed file, by line; none if it did not parse."""
    found: list[Place] = []
    if source.tree is None:
        return found
    file = source.file.shown
    # With each statement: the function it is in, and the handler it runs in, if any.
    stack: list[tuple[ast.AST, str, ast.ExceptHandler | None]] = [(source.tree, "", None)]
    while stack:
        node, function, handler = stack.pop()
        inside = handler
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                function = f"{function}.{node.name}" if function else node.name
                if isinstance(node, FunctionNode):
                    inside = None
            case ast.ExceptHandler():
                inside = node
                fault = _handler_fault(node)
                if fault is not None:
                    found.append(Place(fault, file, node.lineno, _end(node), function))
            case ast.Raise() if handler is not None and _loses_cause(node, handler):
                found.append(Place("no cause", file, node.lineno, _end(node), function))
            case ast.Assert():
                found.append(Place("assert", file, node.lineno, _end(node), function))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                stack.append((child, function, inside))
    return sorted(found, key=lambda place: (place.line, place.fault))


def _handler_fault(node: ast.ExceptHandler) -> Fault | None:
    caught = _names(node.type)
    if caught and not {"Exception", "BaseException"} & caught:
        return None
    if all(_does_nothing(statement) for statement in node.body):
        return "swallowed"
    if any(isinstance(each, ast.Raise) for statement in node.body for each in ast.walk(statement)):
        return None
    return "broad" if caught else "bare"


def _names(node: ast.expr | None) -> set[str]:
    """The names of the exceptions an `except` catches; empty for a bare one."""
    if node is None:
        return set()
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    return {
        each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "?") for each in nodes
    }


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass | ast.Continue | ast.Break)


def _loses_cause(node: ast.Raise, handler: ast.ExceptHandler) -> bool:
    if node.exc is None or node.cause is not None:
        return False
    again = isinstance(node.exc, ast.Name) and node.exc.id == handler.name
    return not again and isinstance(node.exc, ast.Name | ast.Attribute | ast.Call)


def _end(node: ast.stmt | ast.ExceptHandler) -> int:
    return node.end_lineno or node.lineno
