"""The source of a function: found, checked to be what runs, and read for what it means.

Comments, formatting, docstrings, type hints and where it stands mean nothing to what a function
does; they are left out of its shape.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from .scopes import Names, names_of

__all__ = ["Source", "Sources"]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUTURES = 0x1FF0000
"""The bits of a code object's flags that say with which __future__ imports it was made."""
_FILE_MAX = 2_000_000
"""A file of more characters than this was written by a program; nobody edits agents there."""


@dataclass(frozen=True, slots=True)
class Source:
    """What there is to know of a function's source.

    Attributes:
        shape: What it does, as text.
        names: What it names and changes that is not its own.
        first: Its first parameter; empty where it has none.
    """

    shape: str
    names: Names
    first: str


class Sources:
    """Finds sources; each file is looked for once."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, int], _File] = {}

    def of(self, function: FunctionType) -> Source | None:
        """The source of a function; ``None`` where there is none, or another one by now."""
        return self._file(function).source(function.__code__)

    def has_file(self, function: FunctionType) -> bool:
        """Whether there is a source to look in, be it another one by now."""
        at = function.__code__.co_filename
        return not at.startswith("<") or self._file(function).found

    def _file(self, function: FunctionType) -> _File:
        code = function.__code__
        key = code.co_filename, code.co_flags & _FUTURES
        if key not in self._files:
            linecache.checkcache(code.co_filename)
            text = "".join(linecache.getlines(code.co_filename, function.__globals__))
            self._files[key] = _file_of(text, *key)
        return self._files[key]


class _File:
    """What a text defines."""

    def __init__(self, text: str, name: str, flags: int):
        self.found = bool(text)
        self._codes: dict[CodeType, _Function] = {}
        for node, code in _functions_in(text, name, flags):
            self._codes.setdefault(code, node)
        self._sources: dict[CodeType, Source] = {}

    def source(self, code: CodeType) -> Source | None:
        # Equal code is what proves that the file was not edited since it was imported.
        node = self._codes.get(code)
        if node is None:
            return None
        if code not in self._sources:
            self._sources[code] = _source(node)
        return self._sources[code]


@functools.lru_cache(maxsize=64)
def _file_of(text: str, name: str, flags: int) -> _File:
    return _File(text, name, flags)


def _functions_in(text: str, name: str, flags: int) -> Iterator[tuple[_Function, CodeType]]:
    """Every function of a text, as it is written and as compiled."""
    if not text or len(text) > _FILE_MAX:
        return
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # cells may await
    try:
        tree = ast.parse(text)
        todo = [compile(text, name, "exec", flags, dont_inherit=True)]
        if not os.path.exists(name):
            # A cell, which IPython compiles statement by statement: a function that uses a module
            # imported in the same cell has other code than where both are compiled together.
            todo += [
                compile(ast.Module([one], []), name, "exec", flags, dont_inherit=True)
                for one in tree.body
            ]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    nodes: dict[tuple[int, str], list[_Function]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            nodes.setdefault((node.lineno, "<lambda>"), []).append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            nodes.setdefault((line, node.name), []).append(node)
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
    first = [arg.arg for arg in [*node.args.posonlyargs, *node.args.args][:1]]
    return Source(repr(shape), names_of(node), *first or [""])


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
