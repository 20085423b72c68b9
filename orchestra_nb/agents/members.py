"""What a class and an object hold: the functions of an attribute, and attributes in any place."""

from __future__ import annotations

import enum
import functools
import inspect
from types import FunctionType, MethodType
from typing import Any

__all__ = ["functions_of", "is_descriptor", "state_of"]


def functions_of(value: Any) -> list[FunctionType]:
    """The functions of a class's attribute."""
    if isinstance(value, property):
        found: list[Any] = [value.fget, value.fset, value.fdel]
    elif isinstance(value, (staticmethod, classmethod, MethodType)):
        found = [value.__func__]
    else:
        found = [value.func if isinstance(value, functools.cached_property) else value]
    return [one for one in map(_unwrapped, found) if isinstance(one, FunctionType)]


def _unwrapped(value: Any) -> Any:
    """The function behind functools.cache and pydantic's marks."""
    inner = getattr(value, "__wrapped__", None) or getattr(value, "wrapped", None)
    keeps = isinstance(value, (FunctionType, type)) or inner is None
    return value if keeps else _unwrapped(getattr(inner, "__func__", inner))


def is_descriptor(value: Any) -> bool:
    """Whether it only says where an attribute lies: in a slot, or at a place of a tuple."""
    return inspect.isdatadescriptor(value) and not isinstance(value, (type, enum.Enum))


def state_of(given: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots among them."""
    found = dict(getattr(given, "__dict__", None) or {})
    for base in type(given).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(given, name):
                found.setdefault(name, getattr(given, name))
    return found
