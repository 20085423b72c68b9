"""Content keys of functions: what changes them, what does not, and where they are unknown."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
import itertools
import linecache
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchestra_nb.agents.codekeys import CodeKeys, code_key

_NUMBERS = itertools.count()


def module_of(folder: Path, source: str) -> ModuleType:
    """A module made of a source, in a file of its own as a notebook's cell is."""
    path = folder / f"cell_{next(_NUMBERS)}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("notebook", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def key_in(folder: Path, source: str, name: str = "work") -> str:
    """The key of a function in a module of that source."""
    return code_key(getattr(module_of(folder, source), name))


PLAIN = "def work(context):\n    return context.text + '!'\n"


@pytest.mark.parametrize(
    "same",
    [
        PLAIN,
        "# a comment\n\n\n" + PLAIN,
        "def work(context):\n    'Says it.'\n    return context.text + '!'\n",
        'def work(context) -> str:\n    # why\n    return (\n      context.text\n      + "!")\n',
        "def work(context: object):\n    pass\n    return context.text + '!'\n",
        "def other():\n    return 1\n\n" + PLAIN,
        "import json\nrows = [1, 2]\n" + PLAIN,
    ],
)
def test_what_does_nothing_does_not_count(tmp_path: Path, same: str) -> None:
    """Place, comments, formatting, docstring and hints of a function leave its key alone."""
    assert key_in(tmp_path, same) == key_in(tmp_path, PLAIN) != ""


@pytest.mark.parametrize(
    "edited",
    [
        "def work(context):\n    return context.text + '?'\n",
        "def work(context, loud=True):\n    return context.text + '!'\n",
        "async def work(context):\n    return context.text + '!'\n",
        "def work(context):\n    context.progress('on it')\n    return context.text + '!'\n",
        "def mark(f):\n    return f\n\n@mark\n" + PLAIN,
    ],
)
def test_an_edit_counts(tmp_path: Path, edited: str) -> None:
    """Another body, parameter or decorator gives another key."""
    assert "" != key_in(tmp_path, edited) != key_in(tmp_path, PLAIN)


def test_defaults_and_closures_count(tmp_path: Path) -> None:
    """A default and a value closed over are part of what a function is, functions among them."""
    source = "def make(n):\n    def work(context, loud={}):\n        return n\n    return work\n"
    quiet, loud = (module_of(tmp_path, source.format(one)).make for one in (False, True))
    assert code_key(quiet(1)) == code_key(quiet(1)) != code_key(quiet(2))
    assert code_key(quiet(1)) != code_key(loud(1))
    assert code_key(quiet({"a": [1, None, "x", Path("here")]})) != ""
    assert code_key(quiet(lambda c: 1)) != code_key(quiet(lambda c: 2))


def test_its_own_memory_does_not_count(tmp_path: Path) -> None:
    """What a function fills itself is not what it is: it has the same key after it ran."""
    source = (
        "def make():\n    calls = []\n    seen = {}\n    count = 0\n"
        "    def work(context, again=[]):\n        nonlocal count\n"
        "        count += 1\n        calls.append(context)\n        seen['x'] = count\n"
        "        again.append(1)\n        return count\n    return work\n"
    )
    make: Callable[[], Any] = module_of(tmp_path, source).make
    work = make()
    before = code_key(work)
    work(1)
    assert code_key(work) == before != ""


def test_helpers_and_constants_of_its_module_count(tmp_path: Path) -> None:
    """Functions that it calls and values that it names are part of what it is; others not."""
    source = (
        "LIMIT = {}\nrows = {}\nTABLE = [{}]\n\ndef deep():\n    return {}\n\n"
        "def helper():\n    return deep()\n\ndef unused():\n    return {}\n\n"
        "def work(context):\n    return helper(), LIMIT, rows, TABLE, work\n"
    )
    first = key_in(tmp_path, source.format(1, 1, 1, 1, 1))
    assert key_in(tmp_path, source.format(1, 1, 1, 1, 2)) == first != ""
    assert key_in(tmp_path, source.format(1, 2, 1, 1, 1)) != first
    assert key_in(tmp_path, source.format(1, 1, 2, 1, 1)) != first
    assert key_in(tmp_path, source.format(2, 1, 1, 1, 1)) != first
    assert key_in(tmp_path, source.format(1, 1, 1, 2, 1)) != first


def test_lambdas_of_one_line_are_told_apart() -> None:
    """Each of several lambdas in a line has the key of its own body."""
    # fmt: off
    one, two, same = lambda c: 1, lambda c: (lambda: 2), lambda c: 1
    # fmt: on
    assert code_key(one) == code_key(same)
    inner: Any = two
    assert len({code_key(one), code_key(two), code_key(inner(0)), ""}) == 4


def _shout(words: str, context: object) -> str:
    return f"{words} {context}"


def test_partials_count_with_their_arguments() -> None:
    """A partial is its function and what it fills in."""
    assert code_key(functools.partial(_shout, "a")) == code_key(functools.partial(_shout, "a"))
    assert code_key(functools.partial(_shout, "a")) != code_key(functools.partial(_shout, "b"))
    assert code_key(functools.partial(_shout, words="a")) != code_key(_shout)
    assert code_key(functools.partial(_shout, object())).endswith("~")  # type: ignore[arg-type]


@dataclass
class Agent:
    """An agent as an object."""

    tone: str
    seen: list[str] = field(default_factory=list)

    def __call__(self, context: str) -> str:
        """Remember, then speak."""
        self.seen.append(context)
        self.last = context
        return self.say(context)

    def say(self, context: str) -> str:
        """Say it."""
        return f"{self.tone} {context}"


def test_objects_and_methods_count_with_their_attributes() -> None:
    """An object that is called is its class's code and its attributes, without its memory."""
    agent = Agent("dry")
    before = code_key(agent), code_key(agent.say)
    assert "" not in before
    agent("x")
    assert code_key(agent) == before[0]
    assert code_key(Agent("warm")) != before[0]
    assert code_key(Agent("warm").say) != before[1]


@pytest.mark.parametrize(
    "given",
    [print, len, str.upper, eval("lambda context: 1"), functools.partial(print, 1), object()],
)
def test_what_has_no_source_is_unknown(given: Any) -> None:
    """Built-ins, and functions made of text, have no key: nobody can say that they changed."""
    assert code_key(given) == ""


def test_what_can_not_be_compared_is_told(tmp_path: Path) -> None:
    """A value closed over that is no plain data makes the key partial, and is named."""
    source = "def make(n):\n    def work(context):\n        return n\n    return work\n"
    make: Callable[[object], Any] = module_of(tmp_path, source).make
    loop: list[object] = []
    loop.append(loop)
    for value in (object(), iter("ab"), "a".join, loop, list(range(200_000))):
        key, unfollowed = CodeKeys().read(make(value))
        assert key.endswith("~"), value
        assert unfollowed == ("n",)
    for value in ({1, 2}, {1: 2}, open, Agent, 2.5, b"x"):
        assert len(code_key(make(value))) == 32, value


@pytest.mark.parametrize(
    ("source", "unfollowed"),
    [
        ("rows = [1]\ndef work(c):\n    rows.append(c)\n    return rows\n", ("rows",)),
        ("n = 0\ndef work(c):\n    global n\n    n += 1\n    return n\n", ("n",)),
        ("rows = []\ndef work(c):\n    mine = rows\n    mine.append(c)\n", ("rows",)),
        ("rows = []\ndef fill(c):\n    rows.append(c)\ndef work(c):\n    fill(c)\n", ("rows",)),
        ("rows = []\ndef work(c):\n    rows = []\n    rows.append(c)\n", ()),
        ("rows = []\ndef work(c):\n    (lambda rows: rows.append(c))([])\n    rows\n", ()),
        ("rows = []\ndef work(c):\n    [rows.pop() for rows in [[1]]]\n    rows\n", ()),
        ("class A:\n    n = 0\ndef work(c):\n    A.n += 1\n", ("A.n",)),
        ("def work(c):\n    return eval('1')\n", ("eval()",)),
        ("import threading\nlock = threading.Lock()\ndef work(c):\n    return lock\n", ()),
        ("db = iter([])\ndef work(c):\n    return next(db)\n", ("db",)),
    ],
)
def test_memory_is_told_by_scope(tmp_path: Path, source: str, unfollowed: tuple[str, ...]) -> None:
    """What a function changes is not compared and is named; what only has its name is compared."""
    module = module_of(tmp_path, source)
    before = CodeKeys().read(module.work)
    assert before[0] != ""
    assert before[1] == unfollowed
    with contextlib.suppress(StopIteration):
        module.work(1)
    assert CodeKeys().read(module.work) == before


def test_a_helper_edited_since_its_import_is_unknown(tmp_path: Path) -> None:
    """What a helper in an edited file did nobody can tell, so nobody says that it changed."""
    helper = module_of(tmp_path, "def help():\n    return 1\n")
    module = module_of(tmp_path, "def work(context):\n    return help()\n")
    vars(module)["help"] = helper.help
    assert len(code_key(module.work)) == 32
    Path(str(helper.__file__)).write_text("def help():\n    return 23\n")
    assert code_key(module.work) == ""


def test_a_file_edited_since_its_import_is_unknown(tmp_path: Path) -> None:
    """What runs is the old code: the new source says nothing about it."""
    module = module_of(tmp_path, PLAIN)
    assert code_key(module.work) != ""
    path = Path(str(module.__file__))
    path.write_text(PLAIN.replace("!", "?"))
    os.utime(path, (1, 1))
    linecache.checkcache(str(path))
    assert code_key(module.work) == ""


def test_a_key_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that closes over the API key has the same content key with another one."""
    source = "def make(n):\n    def work(context):\n        return n\n    return work\n"
    make = module_of(tmp_path, source).make
    keys = []
    for secret in (
        "sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa",
        "sk-ant-api03-bbbbbbbbbbbbbbbbbbbbbbbb",
    ):
        monkeypatch.setenv("ANTHROPIC_API_KEY", secret)
        keys.append(code_key(make(secret)))
    assert keys[0] == keys[1] != ""


def test_a_cell_that_imports_what_its_function_uses() -> None:
    """A cell is compiled statement by statement; a function of it has a key all the same."""
    text = "import time\n\ndef fetch(context):\n    time.sleep(0)\n    return 'one'\n"
    keys = []
    for number, source in enumerate([text, text, text.replace("one", "two")]):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for statement in ast.parse(source).body:
            exec(compile(ast.Module([statement], []), name, "exec"), namespace)
        keys.append(code_key(namespace["fetch"]))
    assert keys[0]
    assert keys[0] == keys[1] != keys[2]
