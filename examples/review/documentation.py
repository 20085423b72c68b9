"""What a package's public names say about themselves."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from .complexity import FunctionNode
from .sources import Source

What = Literal["module", "class", "function", "method"]

PARAMETER_SECTION = re.compile(
    r"^\s*(?:(?:Args|Arguments|Parameters|Keyword Args|Keyword Arguments|Other Parameters)\s*:?\s*$"
    r"|:param\b|@param\b)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Name:
    """One public name.

    Attributes:
        what: What it is.
        name: Dotted name inside its module; the module's own name for a module.
        file: The file as shown to people.
        line: Where it is defined.
        documented: Whether it has a docstring, or a decorator that gives it one.
        missing: Parameters its docstring's section of parameters never mentions.
        listed: Whether the docstring has such a section.
    """

    what: What
    name: str
    file: str
    line: int
    documented: bool
    missing: tuple[str, ...] = ()
    listed: bool = False


def is_public(module: str) -> bool:
    """Whether no part of a dotted name says that it is private; `__main__` counts as private."""
    return not any(part.startswith("_") for part in module.split("."))


def public_names(source: Source) -> list[Name]:
    """The public names a file defines: itself, its classes and functions, and their methods.

    Names in private modules or classes are left out, as are overloads, setters, double
    underscores, and functions inside functions.
    """
    if source.tree is None or not is_public(source.file.module):
        return []
    found: list[Name] = []
    if source.tree.body:  # an empty `__init__.py` has nothing to say
        doc = ast.get_docstring(source.tree, clean=False)
        found.append(Name("module", source.file.module, source.file.shown, 1, bool(doc)))
    stack: list[tuple[str, ast.stmt]] = [("", node) for node in reversed(source.tree.body)]
    while stack:
        prefix, node = stack.pop()
        if isinstance(node, ast.If | ast.Try | ast.With):
            blocks = [*node.body, *getattr(node, "orelse", ())]
            stack.extend((prefix, child) for child in reversed(blocks))
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            name, where = f"{prefix}{node.name}", source.file.shown
            doc = ast.get_docstring(node, clean=False)
            found.append(Name("class", name, where, node.lineno, bool(doc) or _lent(node)))
            stack.extend((f"{name}.", child) for child in reversed(node.body))
        elif isinstance(node, FunctionNode) and not (node.name.startswith("_") or _is_repeat(node)):
            found.append(_function(prefix, node, source))
    return found


def _function(prefix: str, node: FunctionNode, source: Source) -> Name:
    doc = ast.get_docstring(node, clean=False) or ""
    listed = bool(PARAMETER_SECTION.search(doc))
    return Name(
        what="method" if prefix else "function",
        name=f"{prefix}{node.name}",
        file=source.file.shown,
        line=node.lineno,
        documented=bool(doc) or _lent(node),
        missing=_missing(node, doc, method=bool(prefix)) if listed else (),
        listed=listed,
    )


def _missing(node: FunctionNode, doc: str, *, method: bool) -> tuple[str, ...]:
    arguments = [*node.args.posonlyargs, *node.args.args]
    static = any(_decorator(each) == "staticmethod" for each in node.decorator_list)
    if method and not static:
        arguments = arguments[1:]
    names = [each.arg for each in (*arguments, *node.args.kwonlyargs)]
    said = set(re.findall(r"\w+", doc))
    return tuple(name for name in names if not name.startswith("_") and name not in said)


def _lent(node: FunctionNode | ast.ClassDef) -> bool:
    """Whether a decorator gives it its docstring, as pandas' `@doc` and `@Appender` do."""
    names = [_decorator(each) for each in node.decorator_list]
    return any("doc" in name.lower() or name in {"Appender", "Substitution"} for name in names)


def _is_repeat(node: FunctionNode) -> bool:
    """Whether it repeats a name that is documented elsewhere: an overload or a setter."""
    return any(
        _decorator(each) in {"overload", "setter", "deleter"} for each in node.decorator_list
    )


def _decorator(node: ast.expr) -> str:
    """The last part of a decorator's name: `"setter"` of `@size.setter`."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
