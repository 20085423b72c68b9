"""Whose code something is: the user's, or of the standard library or an installed package."""

from __future__ import annotations

import functools
import importlib.util
import sys
import sysconfig
from pathlib import Path
from types import FunctionType

__all__ = ["is_users", "module_is_users"]

_INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_users(given: FunctionType | type) -> bool:
    """Whether a function or a class is the user's own."""
    if isinstance(given, FunctionType):
        name = given.__code__.co_filename
        return _file_is_users(name) if not name.startswith("<") else module_is_users(
            given.__module__ or ""
        )  # fmt: skip
    return module_is_users(given.__module__)


def module_is_users(name: str) -> bool:
    """Whether a module is the user's own: its file lies outside of what is installed."""
    top = name.partition(".")[0]
    if top == "__main__":
        return True
    if top in sys.stdlib_module_names or top == __name__.partition(".")[0]:
        return False
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
        file = spec.origin if spec is not None else None
    return file is None or _file_is_users(file)


@functools.lru_cache(maxsize=4096)
def _file_is_users(file: str) -> bool:
    if file.startswith("<") or file in ("built-in", "frozen"):
        return not file.startswith("<frozen") and file not in ("built-in", "frozen")
    path = Path(file)
    if not _INSTALLED.isdisjoint(path.parts):
        return False
    return not any(path.is_relative_to(one) for one in _homes())


@functools.cache
def _homes() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    own = Path(__file__).parent.parent
    return (own, *{Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
