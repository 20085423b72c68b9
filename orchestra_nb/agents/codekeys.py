"""Content keys of functions: what a function does, as a hash, so that a change is seen.

What counts: its code without comments, formatting, docstrings and type hints; its defaults and the
values it closes over; functions of its own module that it names, and theirs in turn; and its
module's constants that it names (names in capitals that hold text, numbers, or tuples of these).
What it changes itself is its memory and does not count. Other modules, classes and globals are not
compared.

Where any of that can't be told (no source, or a source edited since it was imported; a value that
is neither plain data nor a function), the key is unknown: nobody can say that it changed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import FunctionType, MethodType, ModuleType
from typing import Any

from .claude_errors import mask
from .sources import Source, Sources

__all__ = ["CodeKeys", "code_key", "request_key"]

_DEEP = 200
"""Functions, and values within values, are followed this deep."""
_VALUES_MAX = 100_000
"""So many values are compared; what closes over more is unknown."""


class _UnknownError(Exception):
    """Something that can't be compared."""


class CodeKeys:
    """Keys of many functions: each source is read once."""

    def __init__(self) -> None:
        self._sources = Sources()

    def of(self, function: Callable[..., Any]) -> str:
        """The key of a function; empty where it can't be known."""
        try:
            shape = repr(_Reader(self._sources).callable(function))
        except (_UnknownError, RecursionError):
            return ""
        return hashlib.sha256(mask(shape).encode()).hexdigest()[:32]


def code_key(function: Callable[..., Any]) -> str:
    """What a function does, as a hash; empty where that can't be known.

    Args:
        function: A function, a method, a :func:`functools.partial`, or an object that is called.
    """
    return CodeKeys().of(function)


def request_key(
    request: Mapping[str, Any], functions: Sequence[Callable[..., Any] | None] = ()
) -> str:
    """What a model is asked, as a hash, with the code of the functions it may call.

    Args:
        request: The request, rid of secrets.
        functions: What its tools call; code that can't be known is not compared.
    """
    keys = CodeKeys()
    code = [keys.of(one) for one in functions if one is not None]
    text = json.dumps([request, code], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class _Reader:
    """Reads one function with all that belongs to it."""

    def __init__(self, sources: Sources):
        self._sources = sources
        self._known: dict[int, int] = {}
        self._depth = self._values = 0

    def callable(self, given: Any) -> Any:
        """Anything that can be called, as plain data."""
        if isinstance(given, FunctionType):
            return self._function(given)
        if isinstance(given, functools.partial):
            arguments = [self._value(one) for one in given.args]
            named = {key: self._value(one) for key, one in sorted(given.keywords.items())}
            return ["partial", self.callable(given.func), arguments, named]
        if isinstance(given, MethodType):
            if isinstance(given.__self__, type):
                return ["classmethod", self.callable(given.__func__)]
            return ["method", self.callable(given.__func__), self._object(given.__self__)]
        wrapped = getattr(given, "__wrapped__", None)
        if wrapped is not None and not isinstance(given, type):  # functools.cache and its like
            return [type(given).__name__, self.callable(wrapped)]
        if isinstance(_method_of(type(given)), FunctionType):
            return ["object", self._object(given)]
        raise _UnknownError(given)

    def _function(self, function: FunctionType) -> Any:
        if id(function) in self._known:  # it calls itself, perhaps through others
            return ["again", self._known[id(function)]]
        self._known[id(function)] = len(self._known)
        source = self._sources.of(function)
        if source is None:
            raise _UnknownError(function)
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        defaults = function.__defaults__ or ()
        given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
        given |= function.__kwdefaults__ or {}
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        return [
            source.shape,
            {key: self._value(given[key]) for key in sorted(given) if key not in source.changes},
            {key: self._cell(cells[key]) for key in sorted(cells) if key not in source.changes},
            list(self._globals(function, source)),
        ]

    def _cell(self, cell: Any) -> Any:
        try:
            return self._value(cell.cell_contents)
        except ValueError:  # not filled yet
            return ["empty"]

    def _globals(self, function: FunctionType, source: Source) -> Iterator[Any]:
        """Functions and constants of its own module that it names."""
        known = function.__globals__
        for name in sorted(source.reads - source.changes):
            value = known.get(name)
            module = getattr(value, "__module__", None)
            if isinstance(value, FunctionType):
                if module == function.__module__:
                    yield [name, self._helper(value)]
            elif name.isupper() and _is_constant(value):
                yield [name, self._value(value)]

    def _helper(self, function: FunctionType) -> Any:
        """A function that is called: where it can't be known, the rest still can."""
        try:
            return self._value(function)
        except _UnknownError:
            return ["unknown"]

    def _object(self, given: Any) -> Any:
        """An object that is called: the code of its class, and its attributes."""
        kind = type(given)
        changes: set[str] = set()
        methods: dict[str, Any] = {}
        for base in reversed(kind.__mro__):
            if base.__module__ != kind.__module__:
                continue
            for name, method in vars(base).items():
                if isinstance(method, (staticmethod, classmethod)):
                    method = method.__func__
                if not isinstance(method, FunctionType):
                    continue
                source = self._sources.of(method)
                if source is None or method.__globals__.get("__name__") != kind.__module__:
                    continue  # made by a decorator, such as those of a dataclass
                methods[name] = self._helper(method)
                if name not in ("__init__", "__post_init__"):
                    changes |= source.changes
        called = _method_of(kind)
        if isinstance(called, FunctionType) and "__call__" not in methods:
            methods["__call__"] = self._function(called)
        state = getattr(given, "__dict__", None)
        if state is None:
            raise _UnknownError(given)  # its attributes are in slots, or nowhere
        kept = {key: value for key, value in state.items() if f".{key}" not in changes}
        return [methods, {key: self._value(value) for key, value in sorted(kept.items())}]

    def _value(self, value: Any) -> Any:
        """Plain data, or a function."""
        self._values += 1
        if self._values > _VALUES_MAX:
            raise _UnknownError(value)
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else repr(value)
        if self._depth > _DEEP:
            raise _UnknownError(value)
        self._depth += 1
        try:
            return self._compound(value)
        finally:
            self._depth -= 1

    def _compound(self, value: Any) -> Any:
        if type(value) in (list, tuple):
            return [self._value(one) for one in value]
        if isinstance(value, Mapping) and type(value) is dict:
            if not all(type(key) is str for key in value):
                raise _UnknownError(value)
            return {key: self._value(value[key]) for key in sorted(value)}
        if isinstance(value, PurePath):
            return ["path", str(value)]
        if isinstance(value, ModuleType):
            return ["module", value.__name__]
        if isinstance(value, (FunctionType, functools.partial, MethodType)):
            return self.callable(value)
        raise _UnknownError(value)


def _method_of(kind: type) -> Any:
    """What calling an object of a class calls."""
    return getattr(kind, "__call__", None)  # noqa: B004  the method itself is wanted


def _is_constant(value: Any) -> bool:
    """Whether nobody can have changed it in place: a list may be somebody's memory."""
    if type(value) is tuple:
        return all(map(_is_constant, value))
    return type(value) in (bool, int, float, str)
