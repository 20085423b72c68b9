"""Who may import whom, and what an import of the package costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "orchestra_nb"

VALUES = {
    "errors", "plan", "events", "commands", "state", "settling", "regraph", "reviving",
    "growing", "fold",
    "lineage", "rating",
}  # fmt: skip
HEADLESS = VALUES | {"engine", "agents", "store", "views", "webhook", "hearing", "handle"}

# Room -> the rooms, or single modules of a room, that it may import, under TYPE_CHECKING too.
# A room is a module or a folder of the package; "" is the package itself. The drawing in
# docs/design.md shows the same.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "plan": {"errors"},
    "questions": {"plan"},
    "events": {"errors", "plan"},
    "commands": {"errors", "plan"},
    "state": {"errors", "plan", "events"},
    "settling": {"state"},
    "regraph": {"plan", "settling", "state"},
    "reviving": {"plan", "events", "regraph", "settling", "state"},
    "growing": {"events", "regraph", "settling", "state"},
    "fold": {"events", "growing", "reviving", "settling", "state"},
    "lineage": {"state"},
    "rating": {"errors", "events", "commands", "state"},
    "engine": VALUES,
    "agents": {*VALUES, "engine.protocols", "engine.loops"},
    "webhook": {"errors", "events"},
    "store": {
        "errors",
        "plan",
        "events",
        "commands",
        "state",
        "engine.protocols",
        "webhook.hook",
    },
    "views": {"errors", "plan", "events", "state"},
    "callbacks": set(),
    "hearing": {*VALUES, "callbacks", "store", "webhook"},
    "explained": {"plan", "state"},
    "results": {*VALUES},
    "waiting": {"results", "state", "views"},
    "handle": {*VALUES, "engine", "explained", "results", "waiting"},
    "follower": {*VALUES, "store"},
    "afterwards": {*VALUES, "store"},
    "record": {*VALUES, "store", "engine.loops", "engine.orders", "afterwards", "follower"},
    "housekeeping": {*VALUES, "store", "follower", "record"},
    "casting": {*VALUES, "engine.protocols", "agents"},
    "expenses": {*VALUES, "engine.protocols", "store"},
    "outlay": {*VALUES, "expenses"},
    "wiring": HEADLESS | {"afterwards", "expenses", "outlay"},
    "runs": HEADLESS | {"afterwards", "record", "casting", "expenses", "housekeeping", "wiring"},
    "forecasting": {*VALUES, "store", "casting", "expenses", "outlay", "runs", "views"},
    "again": HEADLESS | {"casting", "follower", "record", "wiring", "runs"},
    "live": {*VALUES, "store", "views", "follower", "housekeeping", "runs"},
    "widgets": {"errors", "plan", "state", "commands", "views"},
    "notebook": {*VALUES, "engine.engine", "engine.orders", "views", "widgets", "handle"},
    "launch": {*HEADLESS, "again", "runs", "notebook"},
    "cli": {*HEADLESS, "again", "follower", "record", "runs", "launch", "housekeeping"},
    "__main__": {"cli"},
    "": {*HEADLESS, "forecasting", "questions", "runs", "launch", "live"},
}

HEAVY = {"IPython", "anthropic", "anywidget", "ipywidgets", "pandas", "plotly", "rich", "typer"}


def room_of(module: str) -> str:
    """Give the room of a module that is named from the package on."""
    return module.partition(".")[0]


def imports_of(path: Path, package: Path) -> Iterator[str]:
    """Give the modules of the package that a file imports, named from the package on."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    here = parts[:-1]  # of a module its package, of an __init__ the package itself
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found = [
                f"{module}.{alias.name}"
                if is_module(package.parent, module, alias.name)
                else module
                for alias in node.names
            ]
        else:
            continue
        for name in found:
            root, _, rest = name.partition(".")
            if root == package.name:
                yield rest


def is_module(root: Path, package: str, name: str) -> bool:
    """Whether ``from package import name`` imports a module, not something in one."""
    path = root.joinpath(*package.split("."), name)
    return path.is_dir() or path.with_suffix(".py").exists()


def breaches(package: Path, rules: dict[str, set[str]]) -> list[str]:
    """Give one line for each import that the rules don't allow."""
    found = []
    for path in sorted(package.rglob("*.py")):
        own = ".".join(path.relative_to(package).with_suffix("").parts)
        room = "" if own == "__init__" else room_of(own)
        for module in imports_of(path, package):
            allowed = room_of(module) == room or any(
                module == rule or module.startswith(f"{rule}.") for rule in rules.get(room, ())
            )
            if not allowed:
                found.append(f"{path.relative_to(package)} imports {module or 'the package'}")
    return found


def test_every_room_has_a_rule() -> None:
    """A new module or folder of the package says whom it may import."""
    rooms = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))
    }
    assert rooms - {"__init__"} == MAY_IMPORT.keys() - {""}


def test_rooms_import_only_whom_they_may() -> None:
    """Every import inside the package, relative or absolute, is one that the table allows."""
    assert breaches(PACKAGE, MAY_IMPORT) == []


def test_rules_have_no_cycle() -> None:
    """The table itself allows no two rooms to import each other, not even around a corner."""
    order: list[str] = []
    open_rooms: list[str] = []

    def visit(room: str) -> None:
        assert room not in open_rooms, f"cycle: {' -> '.join([*open_rooms, room])}"
        if room in order:
            return
        open_rooms.append(room)
        for rule in sorted(MAY_IMPORT[room]):
            if room_of(rule) != room:
                visit(room_of(rule))
        order.append(open_rooms.pop())

    for room in MAY_IMPORT:
        visit(room)


@pytest.mark.parametrize(
    "line",
    [
        "from ..engine import core",
        "from .. import engine",
        "import sample.engine.core",
        "from sample.engine.core import thing",
        "if TYPE_CHECKING:\n    from ..engine.core import thing",
        "def late():\n    from ..engine import core",
    ],
)
def test_no_way_of_importing_escapes(tmp_path: Path, line: str) -> None:
    """Relative, absolute, late and type-only imports are all seen."""
    package = tmp_path / "sample"
    for room in ("plan", "engine"):
        (package / room).mkdir(parents=True)
    (package / "engine" / "core.py").write_text("thing = 1\n")
    (package / "plan" / "model.py").write_text(f"{line}\nfrom . import model\n")
    assert len(breaches(package, {"plan": {"errors"}, "engine": set()})) == 1
    assert breaches(package, {"plan": {"engine"}, "engine": set()}) == []


def test_import_stays_light() -> None:
    """``import orchestra_nb`` loads none of the heavy libraries."""
    code = "import sys, orchestra_nb; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert HEAVY.isdisjoint(out.stdout.split())


def test_every_public_name_can_be_had() -> None:
    """What ``__all__`` promises is there, once, and no more than that is listed."""
    import orchestra_nb as onb

    assert len(onb.__all__) == len(set(onb.__all__))
    for name in onb.__all__:
        assert getattr(onb, name) is not None, name
    assert set(onb.__all__) <= set(dir(onb))


def test_package_says_that_it_is_typed() -> None:
    """Type checkers of users look at the annotations."""
    assert (PACKAGE / "py.typed").exists()
