"""Find an installed package and read its sources, without importing it."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import os
import pkgutil
import re
import sys
import threading
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Literal

Kind = Literal["code", "test", "vendored"]

MAX_BYTES = 1_500_000
"""Larger files are almost always generated, and one would hold the GIL for a second."""

TEST_FOLDERS = {"test", "tests"}
VENDOR_FOLDERS = {"_vendor", "vendor", "_vendored", "vendored"}
UNDER_REVIEW = "<under review>"
WORD = re.compile(r"\w+")


class SourceError(Exception):
    """There is nothing to review; the message says what, where, and what to do."""


@dataclass(frozen=True)
class SourceFile:
    """One Python file of a package.

    Attributes:
        path: Where it is.
        shown: What to call it: the path from the package's name on, with slashes.
        module: Its dotted name.
        kind: Whether it is the package's own code, a test, or somebody else's code.
        size: Bytes.
    """

    path: Path
    shown: str
    module: str
    kind: Kind
    size: int

    @property
    def is_package(self) -> bool:
        """Whether the file is the `__init__.py` of a folder."""
        return self.path.name == "__init__.py"


@dataclass(frozen=True)
class Package:
    """An installed package: its Python files, sorted, and its compiled modules."""

    name: str
    files: tuple[SourceFile, ...]
    compiled: tuple[str, ...]

    @property
    def code(self) -> tuple[SourceFile, ...]:
        """The package's own files, without tests and vendored code."""
        return tuple(file for file in self.files if file.kind == "code")

    @property
    def tests(self) -> tuple[SourceFile, ...]:
        """The package's tests."""
        return tuple(file for file in self.files if file.kind == "test")


@dataclass(frozen=True)
class Source:
    """What reading a file gave: its lines, and a tree or the reason why there is none.

    The tree has no `if __name__ == "__main__":` in it: that never runs when a module is imported.
    """

    file: SourceFile
    lines: tuple[str, ...]
    tree: ast.Module | None
    problem: str | None

    def quote(self, first: int, last: int | None = None) -> list[str]:
        """Lines of the file as `"12  def f():"`, numbered from 1, both ends included."""
        last = first if last is None else min(last, len(self.lines))
        width = len(str(last))
        return [
            f"{number:>{width}}  {self.lines[number - 1][:160]}"
            for number in range(max(first, 1), last + 1)
            if number <= len(self.lines)
        ]


def find_package(name: str) -> Package:
    """Find an installed package by the name it is imported by.

    Args:
        name: Such as `"pandas"` or `"pandas.io"`. Neither it nor its parents are imported.

    Returns:
        The package with every Python file in it; a module of one file is a package of one.

    Raises:
        SourceError: It is not installed, or has no Python source.
    """
    name = name.strip()
    spec = _find_spec(name)
    files: list[SourceFile] = []
    compiled: list[str] = []
    if spec.submodule_search_locations is not None:
        for location in spec.submodule_search_locations:
            _walk(name, Path(location), files, compiled)
    elif spec.origin is not None and spec.origin.endswith(".py") and Path(spec.origin).is_file():
        path = Path(spec.origin)
        files.append(SourceFile(path, path.name, name, "code", path.stat().st_size))
    if not files:
        what = f"{len(compiled)} compiled modules" if compiled else (spec.origin or "nothing")
        raise SourceError(
            f"{name!r} has no Python source to review (found: {what}). "
            f"Choose a package written in Python, such as 'pandas' or 'rich'."
        )
    return Package(name, tuple(sorted(files, key=lambda file: file.shown)), tuple(compiled))


def read(file: SourceFile, *, parse: bool = True) -> Source:
    """Read one file, and parse it; whatever is wrong with it becomes `Source.problem`.

    Args:
        file: Which one.
        parse: Whether the tree is needed; a caller that looks at lines alone saves most of the
            time without.
    """
    try:
        if file.path.stat().st_size > MAX_BYTES:
            return Source(file, (), None, f"larger than {MAX_BYTES / 1e6:.1f} MB, left out")
        data = file.path.read_bytes()
    except OSError as error:
        return Source(file, (), None, f"cannot be read: {error.strerror or error}")
    text, problem = _decode(data)
    # Not str.splitlines: it also splits at form feeds, which Python does not count as lines.
    lines = tuple(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n"))
    if not text:
        lines = ()
    if problem is not None or not parse:
        return Source(file, lines, None, problem)
    try:
        return Source(file, lines, _parse(text), None)
    except SyntaxError as error:
        place = f" (line {error.lineno})" if error.lineno else ""
        return Source(file, lines, None, f"does not parse: {error.msg}{place}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Source(file, lines, None, f"does not parse: {str(error) or type(error).__name__}")


def count_words(source: Source, names: Collection[str]) -> dict[str, int]:
    """How often each of the names stands in a file as a whole word, comments included."""
    found: dict[str, int] = {}
    for line in source.lines:
        for word in WORD.findall(line):
            if word in names:
                found[word] = found.get(word, 0) + 1
    return found


def _find_spec(name: str) -> ModuleSpec:
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise SourceError(f"{name!r} is not a name that can be imported.{_suggestion(name)}")
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError, AttributeError):
        spec = None
    # `find_spec("a.b")` would import a; asking the path finder imports nothing.
    for depth in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            spec = None
            break
        path = list(spec.submodule_search_locations)
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
    if spec is None:
        raise SourceError(
            f"No package {name!r} is installed for {sys.executable or 'this Python'}."
            f"{_suggestion(name)}"
        )
    return spec


def _suggestion(name: str) -> str:
    modules = {
        module: distributions
        for module, distributions in packages_distributions().items()
        if not module.startswith("_")
    }
    for module, distributions in modules.items():
        if _plain(name) in map(_plain, distributions):
            return f" The distribution {name!r} is imported as {module!r}: use that name."
    known = {*modules, *sys.stdlib_module_names, *(found.name for found in pkgutil.iter_modules())}
    close = difflib.get_close_matches(name, sorted(known), n=3)
    if close:
        return f" Did you mean {' or '.join(map(repr, close))}?"
    return " Install it, or choose one that is installed (`pip list` names them)."


def _plain(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _walk(name: str, root: Path, files: list[SourceFile], compiled: list[str]) -> None:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            each for each in folders if each != "__pycache__" and not each.startswith(".")
        )
        for each in sorted(names):
            path = Path(folder, each)
            # A name that is no text would break whatever shows it.
            inside = tuple(
                os.fsencode(part).decode("utf-8", "replace")
                for part in path.relative_to(root).parts
            )
            if each.endswith(tuple(EXTENSION_SUFFIXES)):
                compiled.append("/".join((*name.split("."), *inside)))
            if not each.endswith(".py") or not path.is_file():
                continue
            stems = [*inside[:-1]] if each == "__init__.py" else [*inside[:-1], each[:-3]]
            files.append(
                SourceFile(
                    path=path,
                    shown="/".join((*name.split("."), *inside)),
                    module=".".join((name, *stems)),
                    kind=_kind(inside),
                    size=path.stat().st_size,
                )
            )


def _kind(inside: tuple[str, ...]) -> Kind:
    folders, name = {*inside[:-1]}, inside[-1]
    if folders & VENDOR_FOLDERS:
        return "vendored"
    if folders & TEST_FOLDERS or name == "conftest.py":
        return "test"
    return "test" if name.startswith("test_") or name.endswith("_test.py") else "code"


def _decode(data: bytes) -> tuple[str, str | None]:
    """Text of a file as Python would read it, else a readable stand-in and what is wrong."""
    bom = data.startswith(b"\xef\xbb\xbf")
    declared = None
    for line in data.split(b"\n", 2)[:2]:
        found = re.match(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", line)
        if found:
            declared = found.group(1).decode("ascii")
            break
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    encoding = "utf-8-sig" if bom else declared or "utf-8"
    try:
        return data.decode(encoding), None
    except UnicodeDecodeError:
        if declared is None:
            problem = "is not UTF-8 and declares no encoding"
        else:
            problem = f"is not the {declared} it declares"
    except (LookupError, ValueError):
        problem = f"declares an unknown encoding, {declared!r}"
    return data.decode("latin-1"), problem


_parsing = threading.Lock()


def _parse(text: str) -> ast.Module:
    # A package's doubtful escapes are its own business: keep Python's warnings about them out
    # of the notebook. `catch_warnings` is not safe in threads, so one filter for the made-up
    # file name is put in place, and put back should somebody have reset the list.
    with _parsing:
        if not any(
            getattr(entry[3], "pattern", None) == UNDER_REVIEW for entry in warnings.filters
        ):
            warnings.filterwarnings("ignore", module=UNDER_REVIEW)
        # Before 3.11.4 two threads that parse at once fail with a SystemError.
        tree = ast.parse(text, UNDER_REVIEW)
    body: list[ast.stmt] = []
    for node in tree.body:
        body += node.orelse if isinstance(node, ast.If) and _is_script(node.test) else [node]
    tree.body = body
    return tree


def _is_script(test: ast.expr) -> bool:
    """Whether it is `__name__ == "__main__"`."""
    match test:
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return True
    return False
