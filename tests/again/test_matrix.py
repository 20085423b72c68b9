"""What counts as a change of an agent, and what becomes of it on a resume and on a fork."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.agents import Claude
from orchestra_nb.plan import Plan
from tests.messages_server import MessagesServer, Reply

from .tally import Tally

PLAN = """
name: Pair
mode: fully_autonomous
phases:
- name: One
  tasks: [{agent: first, task: Do the first}]
- name: Two
  tasks: [{agent: second, task: Do the second}]
"""
HEAD = """
from pathlib import Path
def told(name):
    with open(TALLY, "a") as file:
        file.write(name + "\\n")
"""
WORK = HEAD + 'def work(context):\n    told("first")\n    return "one"\n'
MAKER = (
    HEAD + "def make(n):\n    def work(context):\n        told('first')\n        return n\n"
    "    return work\n"
)
_CELLS = itertools.count()

BOTH = {"first": 1, "second": 1}
FIRST = {"first": 1}
NONE: dict[str, int] = {}


class Cells:
    """Runs sources as a notebook runs cells: each in a file of its own."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.tally = Tally(folder / "calls.txt")

    def run(self, source: str, name: str = "work") -> Any:
        """What a source calls by that name."""
        path = self._folder / f"cell_{next(_CELLS)}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location("cells", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        vars(module)["TALLY"] = str(self.tally.path)
        spec.loader.exec_module(module)
        return getattr(module, name)


@pytest.fixture
def cells(tmp_path: Path) -> Cells:
    """Sources to run, and a count of what was done."""
    return Cells(tmp_path)


def _edited(cells: Cells) -> tuple[Any, Any]:
    return cells.run(WORK), cells.run(WORK.replace("one", "uno"))


def _edited_to_the_same_result(cells: Cells) -> tuple[Any, Any]:
    return cells.run(WORK), cells.run(WORK.replace('"one"', '"o" + "ne"'))


def _only_words(cells: Cells) -> tuple[Any, Any]:
    words = WORK.replace(
        'def work(context):\n    told("first")\n',
        "def work(\n context: object\n) -> str:\n    'Work.'\n    # now\n    told( 'first' )\n",
    )
    assert words != WORK
    return cells.run(WORK), cells.run("\n\n# again\n" + words)


def _same_cell_again(cells: Cells) -> tuple[Any, Any]:
    return cells.run(WORK), cells.run(WORK)


def _default(cells: Cells) -> tuple[Any, Any]:
    source = WORK.replace("(context)", "(context, much={})").replace('"one"', "much")
    return cells.run(source.format(1)), cells.run(source.format(2))


def _closure(cells: Cells) -> tuple[Any, Any]:
    make = cells.run(MAKER, "make")
    return make(1), make(2)


def _same_closure(cells: Cells) -> tuple[Any, Any]:
    make = cells.run(MAKER, "make")
    return make({"n": [1, 2]}), make({"n": [1, 2]})


def _helper(cells: Cells) -> tuple[Any, Any]:
    source = WORK.replace('return "one"', "return helped()") + "def helped():\n    return {}\n"
    return cells.run(source.format(1)), cells.run(source.format(2))


def _lambda(cells: Cells) -> tuple[Any, Any]:
    source = HEAD + "one, two = (lambda c: told('first') or 1), (lambda c: told('first') or 2)\n"
    return cells.run(source, "one"), cells.run(source, "two")


def _same_lambda(cells: Cells) -> tuple[Any, Any]:
    source = HEAD + "work = lambda c: told('first') or 1\n"
    return cells.run(source), cells.run("# moved\n" + source)


def _partial(cells: Cells) -> tuple[Any, Any]:
    source = WORK.replace("(context)", "(much, context)").replace('"one"', "much")
    work = cells.run(source)
    return functools.partial(work, 1), functools.partial(work, 2)


def _same_partial(cells: Cells) -> tuple[Any, Any]:
    source = WORK.replace("(context)", "(much, context)").replace('"one"', "much")
    return functools.partial(cells.run(source), 1), functools.partial(cells.run(source), 1)


def _method(cells: Cells) -> tuple[Any, Any]:
    source = HEAD + (
        "class Agent:\n    def __init__(self, n):\n        self.n = n\n        self.seen = []\n"
        "    def work(self, context):\n        told('first')\n        self.seen.append(1)\n"
        "        return self.n\n"
    )
    kind = cells.run(source, "Agent")
    return kind(1).work, kind(2).work


def _method_that_remembers(cells: Cells) -> tuple[Any, Any]:
    one, _ = _method(cells)
    return one, one


def _async(cells: Cells) -> tuple[Any, Any]:
    source = WORK.replace("def work", "async def work")
    return cells.run(source), cells.run(source.replace("one", "uno"))


def _no_source(cells: Cells) -> tuple[Any, Any]:
    def made(value: int) -> Any:
        names: dict[str, Any] = {"tally": cells.tally}
        exec(f"def work(context):\n    tally.note('first')\n    return {value}", names)
        return names["work"]

    return made(1), made(2)


def _known_after_unknown(cells: Cells) -> tuple[Any, Any]:
    return _no_source(cells)[0], cells.run(WORK)


def _missing(cells: Cells) -> tuple[Any, Any]:
    return cells.run(WORK), None


MATRIX: list[tuple[Callable[[Cells], tuple[Any, Any]], dict[str, int], str, str]] = [
    (_edited, BOTH, "run", "its function changed"),
    (_edited_to_the_same_result, FIRST, "run", "its function changed"),
    (_only_words, NONE, "keep", ""),
    (_same_cell_again, NONE, "keep", ""),
    (_default, BOTH, "run", "its function changed"),
    (_closure, BOTH, "run", "its function changed"),
    (_same_closure, NONE, "keep", ""),
    (_helper, BOTH, "run", "its function changed"),
    (_lambda, BOTH, "run", "its function changed"),
    (_same_lambda, NONE, "keep", ""),
    (_partial, BOTH, "run", "its function changed"),
    (_same_partial, NONE, "keep", ""),
    (_method, BOTH, "run", "its function changed"),
    (_method_that_remembers, NONE, "keep", ""),
    (_async, BOTH, "run", "its function changed"),
    (_no_source, NONE, "keep", "nobody can tell whether its function changed"),
    (_known_after_unknown, NONE, "keep", "nobody can tell whether its function changed"),
    (_missing, NONE, "keep", "no function was given to compare it with"),
]


@pytest.mark.parametrize(
    ("change", "does", "action", "why"), MATRIX, ids=[row[0].__name__[1:] for row in MATRIX]
)
def test_functions(
    cells: Cells,
    change: Callable[[Cells], tuple[Any, Any]],
    does: dict[str, int],
    action: str,
    why: str,
) -> None:
    """A known change runs, alone or with what follows; what is the same or unknown does not."""
    before, after = change(cells)
    second = cells.run(
        WORK.replace('"first"', '"second"').replace('"one"', "str(context.results['first']) + '!'")
    )
    run = onb.run(Plan.parse(PLAN, format="yaml"), {"first": before, "second": second})
    run.wait(20)
    assert cells.tally.taken() == BOTH
    now = {"first": after, "second": second} if after is not None else {"second": second}
    for again in (onb.fork, onb.resume):  # the parent first: a resume changes it
        preview = again(run.id, now, dry_run=True)
        (first,) = [one for one in preview.nodes if one.id == "first"]
        assert first.action == action
        assert why in (first.why if action == "run" else first.assumed)
        found = again(run.id, now)
        found.wait(20)
        assert cells.tally.taken() == does, again
        assert found.status == "completed"


# -- Edits of what a function uses --------------------------------------------------------------

METHOD = "class A:\n    word = {}\n    def work(self, c):\n        return self.word\n"
CALLED = "class A:\n    word = {}\n    def __call__(self, c):\n        return self.word\n"
HELP = "def help():\n    return {}\n"
PUT = (
    "def put(q):\n    def work(c):\n        q.pop() if len(q) > 9 else None\n        return q[0]\n"
)
USES: dict[str, tuple[str, str]] = {
    "a number": ("limit = {}\ndef work(c):\n    return limit\n", ""),
    "a list": ("WORDS = [{}]\ndef work(c):\n    return WORDS\n", ""),
    "a dict": ("CFG = {{'a': {}}}\ndef work(c):\n    return CFG['a']\n", ""),
    "a frozen set": ("S = frozenset([{}])\ndef work(c):\n    return sorted(S)\n", ""),
    "a tuple": ("S = ([{}],)\ndef work(c):\n    return S[0]\n", ""),
    "a text": ("Prompt = '{}'\ndef work(c):\n    return Prompt\n", ""),
    "a private text": ("_prompt = '{}'\ndef work(c):\n    return _prompt\n", ""),
    "an attribute of a called class": (f"{CALLED}work = A()\n", ""),
    "an attribute of a method's class": (f"{METHOD}work = A().work\n", ""),
    "a property": (
        "class A:\n    @property\n    def p(self):\n        return {}\n"
        "    def __call__(self, c):\n        return self.p\nwork = A()\n",
        "",
    ),
    "a helper class": (
        "class H:\n    def run(self):\n        return {}\ndef work(c):\n    return H().run()\n",
        "",
    ),
    "another method of a class": (
        "class A:\n    @staticmethod\n    def h():\n        return {}\n    @classmethod\n"
        "    def go(cls, c):\n        return cls.h()\nwork = A.go\n",
        "",
    ),
    "an attribute that a static method names": (
        "class A:\n    X = {}\n    @staticmethod\n    def go(c):\n        return A.X\n"
        "work = A.go\n",
        "",
    ),
    "a cached helper": (
        f"import functools\n@functools.cache\n{HELP}def work(c):\n    return help()\n",
        "",
    ),
    "a wrapped helper": (
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def both():\n"
        f"        return f() * 2\n    return both\n@twice\n{HELP}def work(c):\n    return help()\n",
        "",
    ),
    "a partial": (
        "import functools\ndef h(n):\n    return n\ng = functools.partial(h, {})\n"
        "def work(c):\n    return g()\n",
        "",
    ),
    "a helper that it marks": (
        f"{HELP}def work(c):\n    help.calls = 1\n    return help()\n",
        "",
    ),
    "a default that it fills": (
        "def work(c, o={{'a': {}}}):\n    o.setdefault('z', 1)\n    return o['a']\n",
        "",
    ),
    "a list that it empties": (f"{PUT}    return work\nwork = put([{{}}])\n", "it uses q, which"),
    "a lambda": ("h = lambda: {}\ndef work(c):\n    return h()\n", ""),
    "a helper by a name that is local elsewhere": (
        f"{HELP}def work(c):\n    def inner():\n        help = dict()\n"
        "        help.update(a=1)\n    return help()\n",
        "",
    ),
    "a helper of another module": (
        "import helping_{}\nhelping = helping_{}\ndef work(c):\n    return helping.help()\n",
        "",
    ),
    "a helper from another module": (
        "from helping_{} import help\ndef work(c):\n    return help()\n",
        "",
    ),
    "a pydantic model": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    x: int = {}\n"
        "def work(c) -> M:\n    return M()\n",
        "",
    ),
    "a validator": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    x: int = 1\n"
        "    @pydantic.field_validator('x')\n    def ok(cls, v):\n        return v + {}\n"
        "def work(c) -> M:\n    return M()\n",
        "",
    ),
    "a global by text": (
        "T = {{'k': {}}}\ndef work(c):\n    return globals()['T']['k']\n",
        "it uses globals(), which is not compared",
    ),
    "helpers in a list": (f"{HELP}H = [help]\ndef work(c):\n    return H[0]()\n", ""),
    "an enum": (
        "import enum\nclass E(enum.Enum):\n    A = {}\ndef work(c):\n    return E.A.value\n",
        "",
    ),
    "an async function": ("async def work(c):\n    return {}\n", ""),
    "a constant of its own": ("def work(c):\n    return f'a {}'\n", ""),
    "a default": ("def work(c, n={}):\n    return n\n", ""),
    "a module imported when it runs": (
        "import helping_{} as _\ndef work(c):\n    import helping\n    return helping.help()\n",
        "it uses helping, which is not compared",
    ),
    "an object": (
        "class DB:\n    def __init__(self):\n        self.n = {}\ndb = DB()\n"
        "def work(c):\n    return vars(db)['n']\n",
        "",
    ),
}


@pytest.mark.parametrize("what", USES)
def test_an_edit_of_what_it_uses_is_seen_or_told(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """An edit makes a task run, or is listed as assumed unchanged; without one it is kept."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, says in (("helping_1", 1), ("helping_2", 2), ("helping", 3)):
        (tmp_path / f"{name}.py").write_text(HELP.format(says))
        monkeypatch.delitem(sys.modules, name, raising=False)
    source, assumed = USES[what]
    before, same, after = (cells.run(source.replace("{}", str(n)).format()) for n in (1, 1, 2))
    plan = Plan.parse(PLAN.partition("- name: Two")[0], format="yaml")
    run = onb.run(plan, {"first": before})
    run.wait(20)
    (kept,) = onb.resume(run.id, {"first": same}, dry_run=True).nodes
    assert (kept.action, assumed in kept.assumed) == ("keep", True), kept
    (seen,) = onb.resume(run.id, {"first": after}, dry_run=True).nodes
    if assumed:
        assert (seen.action, assumed in seen.assumed) == ("keep", True), seen
    else:
        assert (seen.action, seen.why) == ("run", "its function changed")


def test_a_missing_function_that_has_work_is_named(cells: Cells) -> None:
    """Resume and fork refuse, before anything, where nobody does what is left."""

    def fails(context: onb.Context) -> None:
        raise ValueError("no")

    agents = {"first": cells.run(WORK), "second": fails}
    run = onb.run(Plan.parse(PLAN, format="yaml"), agents)
    run.wait(20)
    log = (run.folder / "orchestration-timeline.jsonl").read_bytes()
    for again in (onb.fork, onb.resume):
        with pytest.raises(onb.SetupError, match="nobody does 'second'"):
            again(run.id, {"first": agents["first"]})
    assert (run.folder / "orchestration-timeline.jsonl").read_bytes() == log


# -- Claude ------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MessagesServer]:
    """A server that counts what it is asked."""
    with MessagesServer(lambda body: Reply("Done.")) as running:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-0123456789abcdef")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.base_url)
        yield running


TOOL = 'def rate(currency: str) -> float:\n    """Today\'s rate."""\n    return {}\n'


def _claude(cells: Cells, **changed: Any) -> Claude:
    tools = [cells.run(TOOL.format(changed.pop("rate", 1.0)), "rate")]
    return Claude(**{"tools": tools, "system": "Be careful.", **changed})


CLAUDE: list[tuple[str, dict[str, Any], dict[str, str], dict[str, int]]] = [
    ("the same", {}, {}, NONE),
    ("another model", {"model": "claude-haiku-5"}, {}, FIRST),
    ("another system", {"system": "Be bold."}, {}, FIRST),
    ("more tokens", {"max_tokens": 9_000}, {}, FIRST),
    ("effort", {"effort": "low"}, {}, FIRST),
    ("a tool's code", {"rate": 2.0}, {}, FIRST),
    ("the text", {}, {"Do the first": "Do the first well"}, FIRST),
    ("the overview", {}, {"name: Pair": "name: Pair\noverview: For a shop"}, BOTH),
    ("retries", {}, {"task: Do the first": "task: Do the first, retries: 5"}, NONE),
]


@pytest.mark.parametrize(("what", "worker", "plan", "does"), CLAUDE, ids=[c[0] for c in CLAUDE])
def test_requests(
    cells: Cells,
    server: MessagesServer,
    what: str,
    worker: dict[str, Any],
    plan: dict[str, str],
    does: dict[str, int],
) -> None:
    """A Claude task runs again where its request or its tools' code changed, and only there."""
    text = PLAN
    for old, new in plan.items():
        text = text.replace(old, new)
    agents = {"first": _claude(cells), "second": _claude(cells)}
    run = onb.run(Plan.parse(PLAN, format="yaml"), agents, spend=True)
    run.wait(20)
    assert run.status == "completed", run.state.tasks
    now = {"first": _claude(cells, **worker), "second": _claude(cells)}
    every: list[Any] = [onb.fork, onb.resume]
    for again in every:
        before = len(server.bodies)
        options: dict[str, Any] = {"spend": True} if again is onb.fork else {}
        if plan:
            options["plan"] = Plan.parse(text, format="yaml")
        found = again(run.id, now, **options)
        found.wait(20)
        asked = [_asked(body) for body in server.bodies[before:]]
        assert sorted(asked) == sorted(does), (what, again)


def test_what_a_tool_uses_is_compared_or_told(cells: Cells, server: MessagesServer) -> None:
    """A Claude task runs again where what its tool uses changed; its memory is told."""
    source = (
        "class H:\n    n = {}\nseen = []\ndef rate(currency: str) -> float:\n"
        '    """Today\'s rate."""\n    seen.append(currency)\n    return H().n\n'
    )
    one, same, other = (Claude(tools=[cells.run(source.format(n), "rate")]) for n in (1, 1, 2))
    plan = Plan.parse(PLAN.partition("- name: Two")[0], format="yaml")
    run = onb.run(plan, {"first": one}, spend=True)
    run.wait(20)
    (kept,) = onb.resume(run.id, {"first": same}, dry_run=True).nodes
    assert (kept.action, kept.assumed) == ("keep", "it uses seen, which is not compared")
    (seen,) = onb.resume(run.id, {"first": other}, dry_run=True).nodes
    assert (seen.action, seen.why) == ("run", "its request to the model changed")


def _asked(body: Any) -> str:
    text = json.dumps(body["messages"][0])
    return "first" if "Do the first" in text.split("<task")[-1] else "second"


def test_the_result_before_it_is_part_of_a_request(cells: Cells, server: MessagesServer) -> None:
    """A Claude task runs again where another result comes before it, not where the same does."""
    agents: dict[str, Any] = {"first": cells.run(WORK), "second": _claude(cells)}
    run = onb.run(Plan.parse(PLAN, format="yaml"), agents, spend=True)
    run.wait(20)
    before = len(server.bodies)
    same = cells.run(WORK.replace('"one"', '"o" + "ne"'))
    onb.fork(run.id, agents | {"first": same}, spend=True).wait(20)
    assert len(server.bodies) == before
    other = cells.run(WORK.replace('"one"', '"uno"'))
    onb.fork(run.id, agents | {"first": other}, spend=True).wait(20)
    assert len(server.bodies) == before + 1
