"""Follows a function to all that it uses: what that comes to as plain data, and where it ends.

Followed are the user's own functions, classes and values, in any module; what the standard library
and installed packages hold counts as unchanged. What can't be followed is told by name.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import math
import re
import types
import typing
import uuid
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from pydantic import BaseModel

from .members import functions_of, is_descriptor, state_of
from .scopes import Chain
from .sources import Source, Sources
from .whose import is_users, module_is_users

__all__ = ["Unknown", "follow"]

_DEEP = 200
"""Functions, and values within values, are followed this deep."""
_VALUES_MAX = 20_000
"""So many values are compared of one thing that a function uses."""
_FOLLOWED_MAX = 2_000
"""So many functions and classes are followed."""
_COLLECTIONS = (list, dict, set, frozenset, tuple, collections.deque)
_PLAIN: tuple[type, ...] = (
    bytes, complex, range, slice, type(...), type(NotImplemented), datetime.date,
    datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone, decimal.Decimal,
    fractions.Fraction, uuid.UUID, re.Pattern, types.GenericAlias, types.UnionType,
)  # fmt: skip
_WITHOUT_CONTENT = frozenset({"_thread", "asyncio.locks", "logging", "threading", "typing"})
"""Objects of these modules hold nothing that a result is made of: locks, loggers, hints."""
_BY_TEXT = frozenset({"__import__", "eval", "exec", "globals"})
"""What finds things by names that are made when it runs."""
_INITIAL = ("__init__", "__new__", "__post_init__")


class Unknown(Exception):
    """Nobody can tell what a function does."""


class _Unfollowed(Exception):
    """Something that can't be compared."""


def follow(given: Any, sources: Sources) -> tuple[Any, tuple[str, ...]]:
    """What a callable or a class does, as plain data, and names of what can't be compared.

    Raises:
        Unknown: If its own code is not there, or some file was edited since it was imported.
    """
    first = _Reader(sources, frozenset())
    try:
        found = first.root(given)
        if first.memory:
            # What it changes is known only now: leave that out.
            first = _Reader(sources, frozenset(first.memory))
            found = first.root(given)
    except (_Unfollowed, RecursionError) as error:
        raise Unknown(given) from error
    return found, tuple(sorted(first.unfollowed))


class _Reader:
    """Reads one function with all that belongs to it."""

    def __init__(self, sources: Sources, without: frozenset[Any]):
        self._sources, self._without = sources, without
        self.memory: set[Any] = set()
        self.unfollowed: set[str] = set()
        self._known: dict[int, int] = {}
        self._kept: list[Any] = []  # an id is somebody's only as long as they are there
        self._home = ""
        self._depth = self._values = 0

    def root(self, given: Any) -> Any:
        """What was asked for."""
        if isinstance(given, type):
            return self._class(given)
        inner = given
        while isinstance(inner, functools.partial):
            inner = inner.func
        if isinstance(inner, MethodType):
            inner = inner.__func__
        at = inner if isinstance(inner, FunctionType) else type(inner)
        self._home = at.__module__ or ""
        return self._callable(given)

    def _callable(self, given: Any) -> Any:
        if isinstance(given, FunctionType):
            return self._function(given)
        if isinstance(given, functools.partial):
            arguments = [self._slot("an argument", one) for one in given.args]
            named = {key: self._slot(key, one) for key, one in sorted(given.keywords.items())}
            return ["partial", self._callable(given.func), arguments, named]
        if isinstance(given, MethodType):
            if isinstance(given.__self__, type):
                return ["classmethod", self._callable(given.__func__), self._class(given.__self__)]
            return ["method", self._callable(given.__func__), self._object(given.__self__)]
        wrapped = getattr(given, "__wrapped__", None)
        if wrapped is not None and not isinstance(given, type):  # functools.cache and its like
            return [type(given).__name__, self._callable(wrapped)]
        called = getattr(type(given), "__call__", None)  # noqa: B004  the method itself is wanted
        if isinstance(called, FunctionType):
            return ["object", self._object(given), self._function(called)]
        raise _Unfollowed(given)

    def _is_users(self, given: Any) -> bool:
        at = given.__globals__.get("__name__") if isinstance(given, FunctionType) else None
        return is_users(given) or (bool(self._home) and (at or given.__module__) == self._home)

    def _again(self, given: Any) -> Any:
        """What is told of something that was followed before; it may use itself."""
        if id(given) in self._known:
            return ["again", self._known[id(given)]]
        if len(self._known) >= _FOLLOWED_MAX:
            raise _Unfollowed(given)
        self._known[id(given)] = len(self._known)
        self._kept.append(given)
        return None

    def _function(self, function: FunctionType) -> Any:
        if not self._is_users(function) and self._known:
            return ["outside", function.__module__, function.__qualname__]
        again = self._again(function)
        if again:
            return again
        source = self._sources.of(function)
        if source is None:
            if self._sources.has_file(function):
                raise Unknown(function)  # edited since it was imported
            raise _Unfollowed(function)
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        defaults = function.__defaults__ or ()
        given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
        given |= function.__kwdefaults__ or {}
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        self._remember(function, source, given, cells)
        for name in sorted(source.names.imports):
            if name.startswith(".") or module_is_users(name):
                self.unfollowed.add(name)
        return [
            source.shape,
            {key: self._slot(key, given[key]) for key in sorted(given)},
            {key: self._cell(key, cells[key]) for key in sorted(cells)},
            list(self._globals(function, source, cells)),
            self._returned(function),
        ]

    # What a function changes itself.

    def _remember(
        self,
        function: FunctionType,
        source: Source,
        defaults: Mapping[str, Any],
        cells: Mapping[str, CellType],
    ) -> None:
        known = function.__globals__
        for name in source.names.rebinds:
            self._note_memory(cells.get(name, known), name, told=name)
        for chain in source.names.changes:
            name = chain[0]
            try:
                first = cells[name].cell_contents if name in cells else known.get(name)
            except ValueError:  # not filled yet
                continue
            self._note_change(first, chain)
        for chain in source.names.own:
            self._note_change(defaults.get(chain[0]), chain)

    def _note_memory(self, owner: Any, name: str = "", *, told: str) -> None:
        self.unfollowed.add(told)  # also where there is nothing yet
        self._kept.append(owner)
        self.memory.add((id(owner), name))

    def _note_change(self, value: Any, chain: Chain) -> None:
        told = ".".join(chain)
        for number, name in enumerate(chain[1:], 2):
            space = getattr(value, "__dict__", None)
            if space is None:
                return
            if number == len(chain):
                self._note_memory(
                    space if isinstance(value, ModuleType) else value, name, told=told
                )
            value = space.get(name)
        if isinstance(value, _COLLECTIONS):
            self._note_memory(value, told=told)

    def _is_memory(self, owner: Any, name: str = "") -> bool:
        return (id(owner), name) in self._without

    # What a function uses.

    def _cell(self, name: str, cell: CellType) -> Any:
        try:
            value = cell.cell_contents
        except ValueError:  # not filled yet
            return ["empty"]
        return self._slot(name, value, memory=self._is_memory(cell, name))

    def _globals(
        self, function: FunctionType, source: Source, cells: Mapping[str, CellType]
    ) -> Iterator[Any]:
        """What it names of its module, and by that of others."""
        told: set[str] = set()
        for chain in sorted(source.names.reads):
            owner: Any = function.__globals__
            name = chain[0]
            if name in cells:
                continue
            if name not in owner:
                if name in _BY_TEXT:
                    self.unfollowed.add(f"{name}()")
                continue
            value, key = owner[name], name
            for attribute in chain[1:]:
                if not isinstance(value, ModuleType) or not module_is_users(value.__name__):
                    break
                if attribute not in vars(value):
                    break
                owner, key = vars(value), attribute
                name, value = f"{name}.{attribute}", owner[attribute]
            if name not in told and not self._is_memory(owner, key):
                told.add(name)
                yield [name, self._slot(name, value)]

    def _returned(self, function: FunctionType) -> Any:
        """The pydantic model that it says it returns: results are read back as that."""
        said = function.__annotations__.get("return")
        if isinstance(said, str):
            said = function.__globals__.get(said)
        is_model = isinstance(said, type) and issubclass(said, BaseModel)
        return self._class(typing.cast(type, said)) if is_model else None

    def _slot(self, name: str, value: Any, *, memory: bool = False) -> Any:
        """A value by the name it is used by: where it can't be compared, the rest still can."""
        before, self._values = self._values, 0
        try:
            if memory:
                raise _Unfollowed(value)
            return self._value(value)
        except (_Unfollowed, RecursionError):
            self.unfollowed.add(name)
            kind = type(value)
            if kind.__module__ == "builtins" or isinstance(value, type) or not is_users(kind):
                return ["not compared"]
            return ["not compared", self._class(kind)]
        finally:
            self._values = before

    # Values.

    def _value(self, value: Any) -> Any:
        self._values += 1
        if self._values > _VALUES_MAX or self._depth > _DEEP:
            raise _Unfollowed(value)
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else repr(value)
        self._depth += 1
        try:
            return self._compound(value)
        finally:
            self._depth -= 1

    def _compound(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, enum.Enum):
            return ["member", self._class(kind), value.name]
        if isinstance(value, _COLLECTIONS):
            if self._is_memory(value):
                raise _Unfollowed(value)
            return [kind.__name__, self._collection(value)]
        if isinstance(value, PurePath):
            return ["path", str(value)]
        if kind in _PLAIN:
            return [kind.__name__, repr(value)]
        if isinstance(value, ModuleType):
            if module_is_users(value.__name__):
                raise _Unfollowed(value)
            return ["module", value.__name__]
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, (FunctionType, functools.partial, MethodType)):
            return self._part(value)
        if isinstance(value, (types.BuiltinFunctionType, types.BuiltinMethodType)):
            if value.__self__ is None or isinstance(value.__self__, (ModuleType, type)):
                return ["outside", value.__module__, value.__qualname__]
            raise _Unfollowed(value)
        if kind.__module__ in _WITHOUT_CONTENT:
            return ["object of", kind.__module__, kind.__name__]
        if dataclasses.is_dataclass(value) or isinstance(value, BaseModel):
            state = sorted(state_of(value).items())
            return [self._class(kind), [[k, self._value(one)] for k, one in state]]
        if getattr(value, "__wrapped__", None) is not None:
            return self._part(value)
        raise _Unfollowed(value)

    def _part(self, value: Any) -> Any:
        if isinstance(value, MethodType) and not isinstance(value.__self__, type):
            raise _Unfollowed(value)  # somebody else's object
        if isinstance(value, functools.partial) and _is_builtin(value):
            raise _Unfollowed(value)
        return self._callable(value)

    def _collection(self, value: Any) -> Any:
        if isinstance(value, dict):
            pairs = [[self._value(key), self._value(one)] for key, one in value.items()]
            return sorted(pairs, key=lambda pair: repr(pair[0]))
        parts = [self._value(one) for one in value]
        return sorted(parts, key=repr) if isinstance(value, (set, frozenset)) else parts

    # Classes and objects.

    def _object(self, given: Any) -> Any:
        """The object that is called, or whose method is: its class, and its attributes."""
        kind = type(given)
        changed = self._changed_by_methods(kind)
        shape = self._class(kind)
        # Also those that are not there yet: it is the same object after it was called.
        self.unfollowed.update(f"self.{name}" for name in changed)
        attributes = [
            [name, self._slot(f"self.{name}", value)]
            for name, value in sorted(state_of(given).items())
            if name not in changed and not self._is_memory(given, name)
        ]
        return [shape, attributes]

    def _changed_by_methods(self, kind: type) -> set[str]:
        """Attributes of an object, or its class, that its methods change."""
        found: set[str] = set()
        for base in kind.__mro__:
            if not self._is_users(base):
                continue
            for name, value in vars(base).items():
                for function in functions_of(value):
                    source = None if name in _INITIAL else self._sources.of(function)
                    if source is not None:
                        own = source.names.own
                        found |= {c[1] for c in own if len(c) > 1 and c[0] == source.first}
        return found

    def _class(self, kind: type) -> Any:
        """What a class is: its methods, attributes and fields, and those of its bases."""
        if not self._is_users(kind):
            return ["outside", kind.__module__, kind.__qualname__]
        again = self._again(kind)
        if again:
            return again
        changed = self._changed_by_methods(kind)
        bases = [self._class(base) for base in kind.__bases__]
        is_enum = issubclass(kind, enum.Enum)
        found: list[Any] = []
        for name, value in sorted(vars(kind).items()):
            functions = functions_of(value)
            for function in functions:
                if self._sources.of(function) is None and not self._sources.has_file(function):
                    continue  # made by a decorator, such as those of a dataclass
                found.append([name, self._slot(f"{kind.__name__}.{name}", function)])
            if functions or name.startswith(("__", "_abc_")) or is_descriptor(value):
                continue
            if is_enum and (name.startswith("_") or isinstance(value, kind)):
                continue
            if name not in changed and not self._is_memory(kind, name):
                found.append([name, self._slot(f"{kind.__name__}.{name}", value)])
            elif name in changed:
                self.unfollowed.add(f"{kind.__name__}.{name}")
        if is_enum:
            members = typing.cast(type[enum.Enum], kind).__members__.items()
            found += [
                [name, self._slot(f"{kind.__name__}.{name}", one.value)] for name, one in members
            ]
        return ["class", kind.__name__, bases, found, self._fields(kind)]

    def _fields(self, kind: type) -> Any:
        """Fields of pydantic models, dataclasses and named tuples."""
        if issubclass(kind, BaseModel):
            return [
                [name, self._hint(one.annotation), one.alias, one.description]
                + [
                    self._slot(f"{kind.__name__}.{name}", part)
                    for part in (one.get_default(), one.default_factory, one.is_required())
                ]
                + [self._constraint(f"{kind.__name__}.{name}", part) for part in one.metadata]
                for name, one in sorted(kind.model_fields.items())
            ]
        if dataclasses.is_dataclass(kind):
            factories = {one.name: one.default_factory for one in dataclasses.fields(kind)}
            return [
                [name, None if one is dataclasses.MISSING else self._slot(name, one)]
                for name, one in sorted(factories.items())
            ]
        return getattr(kind, "_fields", None) if issubclass(kind, tuple) else None

    def _hint(self, hint: Any) -> Any:
        parts = typing.get_args(hint)
        if parts:
            return [repr(typing.get_origin(hint)), [self._hint(one) for one in parts]]
        return self._class(hint) if isinstance(hint, type) else repr(hint)

    def _constraint(self, name: str, constraint: Any) -> Any:
        function = getattr(constraint, "func", None)
        if isinstance(function, FunctionType):
            return [type(constraint).__name__, self._slot(name, function)]
        said = repr(constraint)
        if " at 0x" in said:
            self.unfollowed.add(name)
            return ["not compared"]
        return said


def _is_builtin(value: Any) -> bool:
    """Whether what a partial or a method calls has no source anywhere."""
    while isinstance(value, functools.partial):
        value = value.func
    return isinstance(value, (types.BuiltinFunctionType, type))
