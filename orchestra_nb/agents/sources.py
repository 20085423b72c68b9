"""The source of a function: found, checked to be what runs, and read for what it means.

Comments, formatting, docstrings, type hints and where it stands mean nothing to what a function
does; they are left out of its shape.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, TypeAlias

__all__ = ["Source", "Sources"]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUTURES = 0x1FF0000
"""The bits of a code object's flags that say with which __future__ imports it was made."""
_MUTATORS = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem",
        "popleft", "remove", "reverse", "setdefault", "sort", "update",
    }
)  # fmt: skip
_FILE_MAX = 2_000_000
"""A file of more characters than this was written by a program; nobody edits agents there."""


@dataclass(frozen=True, slots=True)
class Source:
    """What there is to know of a function's source.

    Attributes:
        shape: What it does, as text.
        reads: Names that occur in it.
        changes: Names, and attributes of its first parameter as ``.name``, that it changes
            itself: they are its memory, not what it is.
    """

    shape: str
    reads: frozenset[str]
    changes: frozenset[str]


class Sources:
    """Finds sources; each file is read once."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, int], list[tuple[_Function, CodeType]]] = {}
        self._found: dict[int, tuple[CodeType, Source | None]] = {}

    def of(self, function: FunctionType) -> Source | None:
        """The source of a function; ``None`` where there is none, or another one by now."""
        code = function.__code__
        known = self._found.get(id(code))
        if known is None:  # (The code is kept beside it: another one could get its id.)
            known = self._found[id(code)] = code, self._read(function)
        return known[1]

    def _read(self, function: FunctionType) -> Source | None:
        code = function.__code__
        flags = code.co_flags & _FUTURES
        key = code.co_filename, flags
        if key not in self._files:
            self._files[key] = list(_functions_in(function, flags))
        for node, compiled in self._files[key]:
            # Equal code is what proves that the file was not edited since it was imported.
            if compiled == code:
                return _source(node)
        return None


def _functions_in(function: FunctionType, flags: int) -> Iterator[tuple[_Function, CodeType]]:
    """Every function of the file a function comes from, as it is written and as compiled."""
    name = function.__code__.co_filename
    linecache.checkcache(name)
    text = "".join(linecache.getlines(name, function.__globals__))
    if not text or len(text) > _FILE_MAX:
        return
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # cells may await
    try:
        tree = ast.parse(text)
        module = compile(text, name, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    nodes: dict[tuple[int, str], list[_Function]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            nodes.setdefault((node.lineno, "<lambda>"), []).append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            nodes.setdefault((line, node.name), []).append(node)
    todo = [module]
    while todo:
        code = todo.pop()
        todo += [part for part in code.co_consts if isinstance(part, CodeType)]
        named = nodes.get((code.co_firstlineno, code.co_name), [])
        here = [node for node in named if len(named) == 1 or _is_at(node, code)]
        if len(here) == 1:
            yield here[0], code


def _is_at(node: _Function, code: CodeType) -> bool:
    """Whether code was compiled from this one of several functions of a line."""
    if not isinstance(node, ast.Lambda):
        return False
    body = node.body
    place = body.lineno, body.end_lineno, body.col_offset, body.end_col_offset
    return place in code.co_positions()


def _source(node: _Function) -> Source:
    own: Any = [node.body] if isinstance(node, ast.Lambda) else node.body
    shape = [type(node).__name__, _shape(node.args), _body(own)]
    if not isinstance(node, ast.Lambda):
        shape.append(_shape(node.decorator_list))
    names = frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))
    first = [arg.arg for arg in [*node.args.posonlyargs, *node.args.args][:1]]
    return Source(repr(shape), names, frozenset(_changes(node, first)))


def _shape(part: Any) -> Any:
    """A tree as plain data, the same in every version of Python that reads it the same way."""
    if isinstance(part, list):
        return [_shape(one) for one in part]
    if not isinstance(part, ast.AST):
        return part
    found: list[Any] = [type(part).__name__]
    for name, value in ast.iter_fields(part):
        constant = isinstance(part, ast.Constant) and name == "value"  # which may be None
        if not constant and (name in _HINTS or value is None or value == []):
            continue
        of_block = name == "body" and isinstance(value, list)
        found.append((name, _body(value) if of_block else _shape(value)))
    return found


_HINTS = frozenset({"annotation", "returns", "ctx", "kind", "type_comment", "type_params"})


def _body(statements: list[ast.AST]) -> list[Any]:
    """Statements without those that do nothing: docstrings, and what only fills a block."""
    return [_shape(one) for one in statements if not _does_nothing(one)]


def _does_nothing(node: ast.AST) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Pass)


def _changes(node: ast.AST, first: list[str]) -> Iterator[str]:
    """What a function assigns to outside itself, or calls a changing method of."""
    for one in ast.walk(node):
        target: ast.AST | None = None
        if isinstance(one, (ast.Nonlocal, ast.Global)):
            yield from one.names
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            target = one.func.value if one.func.attr in _MUTATORS else None
        elif isinstance(one, ast.Subscript) and not isinstance(one.ctx, ast.Load):
            target = one.value
        elif isinstance(one, ast.Attribute) and not isinstance(one.ctx, ast.Load):
            target = one
        elif isinstance(one, ast.AugAssign):
            target = one.target
        while isinstance(target, (ast.Subscript, ast.Attribute)):
            inner = target.value
            of_first = isinstance(inner, ast.Name) and inner.id in first
            if of_first and isinstance(target, ast.Attribute):
                yield f".{target.attr}"
            target = inner
        if isinstance(target, ast.Name):
            yield target.id
