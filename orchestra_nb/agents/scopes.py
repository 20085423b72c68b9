"""What a function names that is not its own, and what of that it changes.

Names are told apart by scope, as Python does it: a local variable, or one of a function within,
has nothing to do with a global of the same name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Chain", "Names", "names_of"]

Chain: TypeAlias = tuple[str, ...]
"""A name and attributes of it: ``tables.rates`` is ``("tables", "rates")``."""
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)
_MUTATORS = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem",
        "popleft", "remove", "reverse", "setdefault", "sort", "update",
    }
)  # fmt: skip
_WITHIN = frozenset({"get", "items", "setdefault", "values"})
"""Methods that give what a collection holds: who changes that changes the collection."""


@dataclass(slots=True)
class Names:
    """Names of a function.

    Attributes:
        reads: What it names from outside itself.
        changes: What it changes of that, in place.
        own: What it changes in place of its parameters.
        rebinds: Variables from outside itself that it binds anew.
        imports: Modules that it imports when it runs; with a dot before it for a relative one.
    """

    reads: set[Chain] = field(default_factory=set)
    changes: set[Chain] = field(default_factory=set)
    own: set[Chain] = field(default_factory=set)
    rebinds: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)


def names_of(node: _Function) -> Names:
    """What a function names and changes."""
    walker = _Walker()
    if not isinstance(node, ast.Lambda):
        for decorator in node.decorator_list:
            walker.visit(decorator)
    walker.function(node)
    return walker.names


@dataclass(slots=True)
class _Scope:
    of_class: bool
    bound: set[str]
    from_globals: set[str]
    aliases: dict[str, set[tuple[bool, Chain]]] = field(default_factory=dict)
    """Variable -> what it may be another name of: whether that is from outside, and which."""


class _Walker(ast.NodeVisitor):
    def __init__(self) -> None:
        self.names = Names()
        self._scopes: list[_Scope] = []
        self._parameters: set[str] = set()

    def function(self, node: _Function) -> None:
        """Walk a function in a scope of its own."""
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        parameters = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
        if not self._scopes:
            self._parameters = parameters
        self._within(body, parameters)

    def _within(
        self, body: Iterable[ast.AST], bound: Iterable[str] = (), *, of_class: bool = False
    ) -> None:
        body = list(body)
        scope = _Scope(of_class, set(bound), set())
        nonlocals: set[str] = set()
        for one in _same_scope(body):
            scope.bound.update(_bound(one))
            if isinstance(one, ast.Global):
                scope.from_globals.update(one.names)
            elif isinstance(one, ast.Nonlocal):
                nonlocals.update(one.names)
        rebound = scope.bound & (scope.from_globals | nonlocals)
        scope.bound -= rebound
        self._scopes.append(scope)
        self.names.rebinds.update(name for name in rebound if self._scope_of(name) is None)
        for one in body:
            self.visit(one)
        self._scopes.pop()

    def _scope_of(self, name: str) -> _Scope | None:
        for depth, scope in enumerate(reversed(self._scopes)):
            if name in scope.from_globals:
                return None
            if name in scope.bound and not (scope.of_class and depth):
                return scope
        return None

    # Scopes within.

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for one in [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]:
            if one is not None:
                self.visit(one)
        self.function(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._definition(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for one in [*node.args.defaults, *node.args.kw_defaults]:
            if one is not None:
                self.visit(one)
        self.function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for one in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(one)
        self._within(node.body, of_class=True)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        self._within([*node.generators, *ast.iter_child_nodes(node)])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    # What is read.

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and self._scope_of(node.id) is None:
            self.names.reads.add((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node)
        attributes: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            attributes.insert(0, inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self.visit(inner)
        elif self._scope_of(inner.id) is None:
            self.names.reads.add((inner.id, *attributes))

    def visit_Import(self, node: ast.Import) -> None:
        self.names.imports.update(one.name for one in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.names.imports.add("." * bool(node.level) + (node.module or ""))

    def visit_arg(self, node: ast.arg) -> None:
        """A hint does nothing."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self._alias(node.target, node.value)
            self.visit(node.value)

    # What is changed.

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._change(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
            self._change(node.func.value)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name) and target.id in self._parameters:
            self._change(target)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._alias(target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._alias(node.target, node.value)
        self.generic_visit(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.comprehension) -> None:
        for one in ast.walk(node.target):
            self._alias(one, node.iter)
        self.generic_visit(node)

    visit_For = visit_AsyncFor = visit_comprehension = _loop  # noqa: N815

    def _alias(self, target: ast.AST, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            scope = self._scope_of(target.id)
            if scope is not None:
                scope.aliases.setdefault(target.id, set()).update(self._objects(value))

    def _change(self, target: ast.expr) -> None:
        for outside, chain in self._objects(target):
            (self.names.changes if outside else self.names.own).add(chain)

    def _objects(self, expression: ast.expr) -> Iterator[tuple[bool, Chain]]:
        """What from outside, or of its parameters, an expression is, or is a part of."""
        chain = _chain(expression)
        if chain is None:
            return
        name, *attributes = chain[0]
        scope = self._scope_of(name)
        if scope is None:
            yield True, chain[0]
            return
        if scope is self._scopes[0] and name in self._parameters:
            yield False, chain[0]
        for outside, other in list(scope.aliases.get(name, ())):
            yield outside, (*other, *attributes)[:8]  # a loop may make longer and longer ones


def _chain(node: ast.expr) -> tuple[Chain, bool] | None:
    """The name and attributes that lead to an object, and whether to itself or what holds it."""
    if isinstance(node, ast.Name):
        return (node.id,), True
    if isinstance(node, ast.Attribute):
        inner = _chain(node.value)
        return ((*inner[0], node.attr), True) if inner and inner[1] else inner
    if isinstance(node, ast.Subscript):
        inner = _chain(node.value)
        return (inner[0], False) if inner else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = _chain(node.func.value) if node.func.attr in _WITHIN else None
        return (inner[0], False) if inner else None
    return None


def _same_scope(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes but those within functions, classes and comprehensions."""
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _SCOPES):
            todo += ast.iter_child_nodes(node)
        elif isinstance(node, _COMPREHENSIONS):  # `:=` in one binds around it
            todo += [one for one in ast.walk(node) if isinstance(one, ast.NamedExpr)]


def _bound(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [one.asname or one.name.partition(".")[0] for one in node.names]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []
