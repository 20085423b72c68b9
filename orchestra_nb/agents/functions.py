"""Plain Python callables as agents."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

from ..errors import SetupError, TaskFailed
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
        depends: Ids whose results it may ask for by parameter.

    Raises:
        SetupError: If a parameter can't be filled.
    """

    retries = 0

    def __init__(self, function: Callable[..., Any], depends: tuple[str, ...] = ()):
        self.function = function
        self.blocking = not _is_async(function)
        self._call = _binder(function, depends)

    def __call__(self, context: Context, /) -> Any:
        """Call the function: its value, or its coroutine."""
        return self._call(context)

    def __repr__(self) -> str:
        return f"Function({getattr(self.function, '__qualname__', self.function)!r})"


def _binder(function: Callable[..., Any], depends: tuple[str, ...]) -> Callable[[Context], Any]:
    name = getattr(function, "__qualname__", repr(function))
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # built-ins that don't tell: they get the context
        return function
    if not parameters:
        return lambda context: function()
    by_argument = {argument_name(task): task for task in depends}
    filled: dict[str, str | None] = {}
    positional: str | None = None
    for number, parameter in enumerate(parameters):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name == "context":
            filled["context"] = None
        elif parameter.name in by_argument:
            filled[parameter.name] = by_argument[parameter.name]
        elif number == 0 and parameter.kind is not parameter.KEYWORD_ONLY and _alone(parameters):
            positional = parameter.name
        elif parameter.default is parameter.empty:
            known = ", ".join(["context", *by_argument])
            raise SetupError(
                f"{name}() has a parameter {parameter.name!r} that nothing fills. "
                f"Parameters may be named: {known}."
            )
    if positional is not None or (
        not filled and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    ):
        return function
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
    if task not in context.results:  # skipped: the function sees that there is nothing
        return None
    try:
        return context.results[task]
    except TaskFailed:
        return None
