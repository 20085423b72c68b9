"""The figures, on sources small enough to count by hand."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from examples.review.complexity import FunctionNode, complexity, functions, measure
from examples.review.documentation import public_names
from examples.review.error_handling import find_faults
from examples.review.imports import cycles, find_imports, graph, shortest_cycle, without
from examples.review.sources import Source, SourceFile


def source(text: str, module: str = "specimen.part", name: str = "part.py") -> Source:
    """A file as if it had been read."""
    file = SourceFile(Path(name), f"specimen/{name}", module, "code", len(text))
    return Source(file, tuple(text.splitlines()), ast.parse(text), None)


def function(text: str) -> FunctionNode:
    """The first function of a text."""
    return next(node for _, node in functions(ast.parse(text)))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", 1),
        ("if a: pass\n elif b: pass\n else: pass", 3),
        ("for a in b: pass\n else: pass", 2),
        ("while a and b or c: pass", 4),
        ("try: pass\n except A: pass\n except B: pass\n finally: pass", 3),
        ("return a if b else c", 2),
        ("return [a for a in b if a if c]", 4),
        ("return {a: b for a in c for b in a}", 3),
        ("with a: pass\n assert b", 1),
        ("match a:\n  case 1: pass\n  case [x]: pass\n  case _: pass", 3),
        ("match a:\n  case _ if b: pass", 2),
        ("def inner():\n  if a: pass", 1),
        ("return lambda: a or b", 2),
    ],
)
def test_complexity_counts_the_choices(body: str, expected: int) -> None:
    """Each way that can be chosen counts once; a function inside counts on its own."""
    assert complexity(function(f"def f():\n {body}\n")) == expected


def test_functions_are_named_by_where_they_stand() -> None:
    """Methods, nested functions, and functions under `if` and `try` are all found."""
    tree = ast.parse(
        "class A:\n"
        " def m(self):\n"
        "  def inner(): pass\n"
        " class B:\n"
        "  async def n(self): pass\n"
        "try:\n"
        " def f(): pass\n"
        "except E:\n"
        " def g(): pass\n"
        "else:\n"
        " if x:\n"
        "  def h(): pass\n"
        "match y:\n"
        " case 1:\n"
        "  def i(): pass\n"
    )
    names = [name for name, _ in functions(tree)]
    assert names == ["A.m", "A.m.inner", "A.B.n", "f", "g", "h", "i"]


def test_an_elif_is_as_deep_as_its_if() -> None:
    """Depth is what a reader has to keep in mind."""
    text = "def f():\n if a:\n  pass\n elif b:\n  for c in d:\n   pass\n elif e:\n  pass\n"
    (found,) = measure(source(text))
    assert (found.depth, found.deepest) == (2, 5)
    assert (found.line, found.end, found.lines, found.complexity) == (1, 8, 8, 5)
    assert found.choices == {"if": 3, "loop": 1}


def test_imports_are_told_by_when_they_run() -> None:
    """At import, in a call, or for type checkers only; relative ones are resolved."""
    text = (
        "import specimen.a, os\n"
        "from .b import thing\n"
        "from . import c, VERSION\n"
        "from .. import beyond\n"
        "if TYPE_CHECKING:\n"
        " from specimen import d\n"
        "else:\n"
        " from specimen.e import x\n"
        "try:\n"
        " import specimen.f.unknown\n"
        "except ImportError:\n"
        " import specimen.g\n"
        "class A:\n"
        " from . import h\n"
        " def m(self):\n"
        "  from specimen.i import y\n"
    )
    modules = {"specimen", "specimen.part", *(f"specimen.{letter}" for letter in "abcdefghi")}
    found = find_imports(source(text), modules)
    assert [(each.imported.removeprefix("specimen"), each.line, each.when) for each in found] == [
        (".a", 1, "import"),
        (".b", 2, "import"),
        (".c", 3, "import"),
        ("", 3, "import"),
        (".d", 6, "typing"),
        (".e", 8, "import"),
        (".f", 10, "import"),
        (".g", 12, "import"),
        (".h", 14, "import"),
        (".i", 16, "call"),
    ]


def test_a_package_imports_relative_to_itself() -> None:
    """One dot in an `__init__.py` is the package, in a module the package it is in."""
    modules = {"specimen", "specimen.inner", "specimen.inner.a", "specimen.b"}
    init = source("from .a import x\nfrom ..b import y\nfrom . import z\n", "specimen.inner")
    package = Source(
        SourceFile(Path("__init__.py"), "specimen/inner/__init__.py", "specimen.inner", "code", 1),
        init.lines,
        init.tree,
        None,
    )
    names = [each.imported for each in find_imports(package, modules)]
    assert names == ["specimen.inner.a", "specimen.b"]


def test_cycles_are_groups_that_reach_one_another() -> None:
    """Two known cycles are found, the larger first; a chain is none."""
    edges = {
        "a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["e"], "e": ["d"], "f": ["a"], "g": [],
    }  # fmt: skip
    assert cycles(edges) == [["a", "b", "c"], ["d", "e"]]


def test_a_chain_longer_than_the_recursion_limit_has_cycles_found() -> None:
    """Deep graphs do not break the search."""
    ring = {str(number): [str((number + 1) % 5_000)] for number in range(5_000)}
    assert [len(group) for group in cycles(ring)] == [5_000]


def test_the_shortest_way_round_is_found() -> None:
    """Of two ways back the shorter one counts, within the group."""
    edges = {"a": ["b", "x"], "b": ["c"], "c": ["a", "d"], "d": ["a"], "x": ["a"]}
    assert shortest_cycle(edges, "a", {"a", "b", "c", "d"}) == ["a", "b", "c", "a"]
    assert shortest_cycle(edges, "a", {"a", "b", "c", "d", "x"}) == ["a", "x", "a"]
    assert shortest_cycle({"a": ["b"]}, "a", {"a", "b"}) == []


def test_what_a_cut_leaves_is_counted() -> None:
    """Without the import that both cycles share nothing is left; without another, some is."""
    edges = {"a": ["b"], "b": ["c", "a"], "c": ["a"]}
    assert without(edges, ("a", "b"), {"a", "b", "c"}) == 0
    assert without(edges, ("b", "c"), {"a", "b", "c"}) == 2


def test_a_module_imported_twice_is_one_edge() -> None:
    """The graph has each pair once, and every module."""
    found = find_imports(source("import specimen.a\nimport specimen.a\n"), {"specimen.a"})
    edges = graph(found, ["specimen.a", "specimen.part"])
    assert edges == {"specimen.a": [], "specimen.part": ["specimen.a"]}


def test_undocumented_public_names_are_found() -> None:
    """Private names, overloads, setters and functions inside functions don't count."""
    text = (
        "class A:\n"
        " '''Documented.'''\n"
        " def m(self): pass\n"
        " def _private(self): pass\n"
        " def __len__(self): return 0\n"
        " @property\n"
        " def size(self):\n"
        "  '''Documented.'''\n"
        " @size.setter\n"
        " def size(self, value): pass\n"
        "class _B:\n"
        " def n(self): pass\n"
        "@overload\n"
        "def f(a): ...\n"
        "def f(a):\n"
        " def inner(): pass\n"
        "@doc('shared')\n"
        "def g(): pass\n"
        "if x:\n"
        " def h(): pass\n"
    )
    found = [(each.what, each.name, each.documented) for each in public_names(source(text))]
    assert found == [
        ("module", "specimen.part", False),
        ("class", "A", True),
        ("method", "A.m", False),
        ("method", "A.size", True),
        ("function", "f", False),
        ("function", "g", True),
        ("function", "h", False),
    ]
    assert public_names(source("def f(): pass\n", "specimen._hidden")) == []
    assert public_names(source("", "specimen")) == []


@pytest.mark.parametrize(
    ("doc", "missing"),
    [
        ("Adds.", ()),
        ("Adds.\n\n    Args:\n        first: One.\n", ("second",)),
        ("Adds.\n\n    Parameters\n    ----------\n    first, second : int\n", ()),
        ("Adds.\n\n    :param second: Two.\n", ("first",)),
    ],
)
def test_parameters_that_a_list_leaves_out_are_found(doc: str, missing: tuple[str, ...]) -> None:
    """Only a docstring that lists parameters can leave one out."""
    text = f"'''.'''\ndef f(first, *rest, second=1, _inner=0, **more):\n    '''{doc}'''\n"
    assert public_names(source(text))[1].missing == missing


def test_self_is_no_parameter_but_that_of_a_static_method_is() -> None:
    """The first parameter of a method is left out, whatever its name."""
    doc = "'''Do.\n\n  Args:\n   other: It.\n  '''"
    text = f"class A:\n def m(this, other):\n  {doc}\n @staticmethod\n def s(a, other):\n  {doc}\n"
    found = public_names(source(text))
    assert [each.missing for each in found if each.what == "method"] == [(), ("a",)]


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("except: pass", ["swallowed"]),
        ("except Exception: ...", ["swallowed"]),
        ("except (ValueError, BaseException):\n  'never mind'", ["swallowed"]),
        ("except builtins.Exception: pass", ["swallowed"]),
        ("except: log()", ["bare"]),
        ("except:\n  log()\n  raise", []),
        ("except Exception: log()", ["broad"]),
        ("except Exception as e: raise A from e", []),
        ("except Exception as e: raise A(e)", ["no cause"]),
        ("except KeyError: raise A", ["no cause"]),
        ("except KeyError: raise A from None", []),
        ("except KeyError as e: raise e", []),
        ("except KeyError: pass", []),
        ("except KeyError:\n  def later(): raise A", []),
        ("except KeyError:\n  if x: raise A()", ["no cause"]),
        ("except KeyError: assert x", ["assert"]),
    ],
)
def test_lost_errors_are_found(handler: str, expected: list[str]) -> None:
    """What a handler does with an error decides which fault it is, if any."""
    found = find_faults(source(f"def f():\n try: g()\n {handler}\n"))
    assert [place.fault for place in found] == expected
    assert all(place.function == "f" and place.line >= 3 for place in found)
