"""Plain Python callables as agents."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import SetupError
from .context import Context

__all__ = ["Function", "argument_name"]


def argument_name(task: str) -> str:
    """The parameter that gets a task's result: ``business-analyst`` -> ``business_analyst``."""
    return re.sub(r"\W", "_", task)


def _is_async(function: Callable[..., Any]) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    call = getattr(function, "__call__", None)  # noqa: B004  its own method is what we look at
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


class Function:
    """A worker that calls a function.

    The function's parameters are filled by name: ``context`` with the context, a parameter named
    after a dependency with its result. A function with one other parameter gets the context in it,
    one without parameters gets nothing.

    Args:
        function: ``fn(context)``, ``fn()``, ``fn(business_analyst, context)``, or ``async def``.
    """

    retries = 0

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self.blocking = not _is_async(function)
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

    def bind(self, depends: Callable[[], Iterable[str]]) -> Function:
        """The worker of one task.

        Args:
            depends: Gives the ids whose results may be asked for; not called where the function
                takes the context alone.

        Raises:
            SetupError: If a parameter can't be filled.
        """
        if not self._parameters:
            return self
        bound = copy.copy(self)
        bound._call = _binder(self.function, self._parameters, depends())
        return bound

    def __call__(self, context: Context, /) -> Any:
        """Call the function: its value, or its coroutine."""
        return self._call(context)

    def __repr__(self) -> str:
        return f"Function({getattr(self.function, '__qualname__', self.function)!r})"


_BY_NAME = inspect.Parameter.KEYWORD_ONLY


def _binder(
    function: Callable[..., Any], parameters: list[inspect.Parameter], depends: Iterable[str]
) -> Callable[[Context], Any]:
    name = getattr(function, "__qualname__", repr(function))
    by_argument = {argument_name(task): task for task in depends}
    filled: dict[str, str | None] = {}
    for number, parameter in enumerate(parameters):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            if number == 0 and parameter.kind is parameter.VAR_POSITIONAL:
                return function
        elif parameter.name == "context":
            filled["context"] = None
        elif parameter.name in by_argument:
            filled[parameter.name] = by_argument[parameter.name]
        elif number == 0 and parameter.kind is not _BY_NAME and _alone(parameters):
            return function
        elif parameter.default is parameter.empty:
            known = ", ".join(["context", *by_argument])
            raise SetupError(
                f"{name}() has a parameter {parameter.name!r} that nothing fills. "
                f"Parameters may be named: {known}."
            )
    if any(p.kind is p.POSITIONAL_ONLY and p.name in filled for p in parameters):
        order = [p.name for p in parameters if p.name in filled]
        return lambda context: function(*(_value(context, filled[key]) for key in order))
    return lambda context: function(**{k: _value(context, task) for k, task in filled.items()})


def _alone(parameters: list[inspect.Parameter]) -> bool:
    """Whether only the first parameter has to be filled."""
    return all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters[1:]
    )


def _value(context: Context, task: str | None) -> Any:
    if task is None:
        return context
    return context.results.get(task)  # None for what was skipped
