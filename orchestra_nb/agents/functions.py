"""Plain Python callables as agents."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any, get_type_hints

from pydantic import BaseModel

from ..errors import SetupError
from .codekeys import CodeKeys
from .context import Context

__all__ = ["Function", "argument_name"]


def argument_name(task: str) -> str:
    """The parameter that gets a task's result: ``business-analyst`` -> ``business_analyst``."""
    return re.sub(r"\W", "_", task)


def _is(kind: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    """Whether a function, or what a partial or a callable object calls, is of some kind."""
    while isinstance(function, functools.partial):
        function = function.func
    call = getattr(function, "__call__", None)  # noqa: B004  its own method is what we look at
    return kind(function) or kind(call)


class Function:
    """A worker that calls a function.

    The function's parameters are filled by name: ``context`` with the context, a parameter named
    after something the task waits for with its result or outcome. A function with one other
    parameter gets the context in it, one without parameters gets nothing.

    Args:
        function: ``fn(context)``, ``fn()``, ``fn(business_analyst, context)``, or ``async def``.
        keys: Works out its content key.

    Attributes:
        key: What the function does, as a hash; empty where that can't be known.
        unfollowed: Names of what it uses that is not compared.
    """

    retries = 0

    def __init__(self, function: Callable[..., Any], *, keys: CodeKeys | None = None):
        self.function = function
        self.key, self.unfollowed = (keys or CodeKeys()).read(function)
        self.blocking = not _is(inspect.iscoroutinefunction, function)
        self._yields = _is(inspect.isgeneratorfunction, function) or _is(
            inspect.isasyncgenfunction, function
        )
        self._call: Callable[[Context], Any] = function
        self._parameters: list[inspect.Parameter] = []
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # built-ins that don't tell: they get the context
            return
        if not parameters:
            self._call = lambda context: function()
        elif [p.name for p in parameters] != ["context"] or parameters[0].kind is _BY_NAME:
            self._parameters = parameters

    def bind(self, depends: Callable[[], Iterable[str]], item: str = "") -> Function:
        """The worker of one task.

        Args:
            depends: Gives the ids whose results may be asked for; not called where the function
                takes the context alone.
            item: What the task calls the item it is done for.

        Raises:
            SetupError: If a parameter can't be filled, or calling it would run none of its code.
        """
        if self._yields:
            name = getattr(self.function, "__qualname__", repr(self.function))
            raise SetupError(
                f"{name}() is a generator: it holds a yield, so calling it runs none of its code. "
                "Return the result instead, and tell of steps with context.progress()."
            )
        if not self._parameters:
            return self
        bound = copy.copy(self)
        bound._call = _binder(self.function, self._parameters, depends(), item)
        return bound

    def __call__(self, context: Context, /) -> Any:
        """Call the function: its value, or its coroutine."""
        return self._call(context)

    @property
    def output(self) -> type[BaseModel] | None:
        """The pydantic model that it says it returns: its results are read back as that."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        if not inspect.isroutine(function):
            function = type(function).__call__
        try:
            said = get_type_hints(function).get("return")
        except Exception:  # names that are not there, or none that hints are for
            return None
        return said if isinstance(said, type) and issubclass(said, BaseModel) else None

    def __repr__(self) -> str:
        return f"a function ({getattr(self.function, '__qualname__', self.function)})"


_ITEM = ""  # no task's id
_BY_NAME = inspect.Parameter.KEYWORD_ONLY


def _binder(
    function: Callable[..., Any],
    parameters: list[inspect.Parameter],
    depends: Iterable[str],
    item: str,
) -> Callable[[Context], Any]:
    name = getattr(function, "__qualname__", repr(function))
    by_argument: dict[str, str] = {}
    unclear: dict[str, str] = {}
    for task in depends:
        first = by_argument.setdefault(argument_name(task), task)
        if first != task:
            unclear[argument_name(task)] = f"{first!r} or {task!r}"
    if item:
        by_argument[argument_name(item)] = _ITEM
        unclear.pop(argument_name(item), None)
    filled: dict[str, str | None] = {}
    for number, parameter in enumerate(parameters):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            if number == 0 and parameter.kind is parameter.VAR_POSITIONAL:
                return function
        elif parameter.name == "context":
            filled["context"] = None
        elif parameter.name in unclear:
            raise SetupError(
                f"{name}() has a parameter {parameter.name!r} that may mean "
                f"{unclear[parameter.name]}; take context.results[...] instead."
            )
        elif parameter.name in by_argument:
            filled[parameter.name] = by_argument[parameter.name]
        elif parameter.default is not parameter.empty:
            continue
        elif number == 0 and parameter.kind is not _BY_NAME and _alone(parameters):
            return function
        else:
            known = ", ".join(["context", *by_argument])
            raise SetupError(
                f"{name}() has a parameter {parameter.name!r} that nothing fills. "
                f"Parameters may be named: {known}."
            )
    if any(p.kind is p.POSITIONAL_ONLY and p.name in filled for p in parameters):
        return _by_place(function, parameters, filled)
    return lambda context: function(**{k: _value(context, task) for k, task in filled.items()})


def _by_place(
    function: Callable[..., Any], parameters: list[inspect.Parameter], filled: dict[str, str | None]
) -> Callable[[Context], Any]:
    """Fill parameters that have no name for callers (``def fn(context, /)``)."""
    placed = [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
    while placed and placed[-1].name not in filled:
        placed.pop()
    named = {k: task for k, task in filled.items() if k not in {p.name for p in placed}}

    def call(context: Context) -> Any:
        values = (
            _value(context, filled[p.name]) if p.name in filled else p.default for p in placed
        )
        return function(*values, **{k: _value(context, task) for k, task in named.items()})

    return call


def _alone(parameters: list[inspect.Parameter]) -> bool:
    """Whether only the first parameter has to be filled."""
    return all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters[1:]
    )


def _value(context: Context, task: str | None) -> Any:
    if task is None:
        return context
    if task == _ITEM:
        return context.item
    outcome = context.decisions.get(task)
    return context.results.get(task) if outcome is None else outcome  # None for what was skipped
