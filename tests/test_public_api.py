"""The public names: all there, documented, lazy, with the promised signatures."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb import errors

PACKAGE = Path(onb.__file__).parent
RUN = (
    "plan agents *inputs *answers *level *mode *timeline *budget *max_concurrency *on_failure "
    "*home *seed *claude *spend *reuse *again *on_event *on_decision *webhook"
)
SIGNATURES = {
    "run": RUN,
    "rehearse": (
        "plan *speed *seed *inputs *answers *level *mode *timeline *max_concurrency *on_failure "
        "*home *again *on_event *on_decision *webhook"
    ),
    "open": "run_id *home",
    "fork": (
        "run_id agents *decisions *tasks *at *plan *rerun *dry_run *claude *spend *home *seed "
        "*on_event *on_decision *webhook"
    ),
    "status": "*home",
    "check": "plan agents *inputs *answers *level *mode *timeline *claude",
    "questions.project": "",
    "configure": "*home *mirror *project_config *webhook",
    "Plan.load": "path",
    "Plan.parse": "text format",
    "Plan.save": "self path",
    "Plan.for_level": "self level",
    "Plan.explain": "self decision *level *timeline *mode",
    "Webhook": "url *secret",
    "Run.explain": "self decision",
    "Run.autopilot_for": "self decision on",
    "Run.wait": "self timeout",
    "Run.check": "self",
    "Run.stop": "self",
    "Run.pause": "self",
    "Run.unpause": "self",
    "Run.answer": "self decision option *note *text *values",
    "Run.hold": "self decision on",
    "Run.extend": "self decision seconds",
    "Run.note": "self text",
    "Context.progress": "self text fraction",
    "Context.finding": "self text",
    "Context.blocker": "self text",
    "Context.log": "self text",
    "Context.decide": (
        "self title options *recommend *because *context *category *kind *timeout *other"
    ),
    "Context.decide_sync": (
        "self title options *recommend *because *context *category *kind *timeout *other"
    ),
}


def named(path: str) -> Any:
    """A public name, such as ``Run.wait``."""
    found: Any = onb
    for part in path.split("."):
        found = (
            inspect.getattr_static(found, part) if inspect.isclass(found) else getattr(found, part)
        )
    return getattr(found, "__func__", found)


def spelt(function: Any) -> str:
    """Its parameters; those that must be named with a star."""
    parameters = inspect.signature(function).parameters.values()
    words = [f"*{p.name}" if p.kind is p.KEYWORD_ONLY else p.name for p in parameters]
    return " ".join(word for word in words if word != "cls")


@pytest.mark.parametrize("name", onb.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    """Every name in `__all__` resolves to something of ours that says what it is."""
    found = getattr(onb, name)
    text = inspect.getdoc(found)
    assert text
    assert text[0].isupper() or text[0] in "`'"
    assert inspect.getmodule(found).__name__.startswith("orchestra_nb")  # type: ignore[union-attr]


def test_the_names_are_a_table_of_contents() -> None:
    """No name twice, all of them and no others in dir(), strangers refused."""
    assert len(set(onb.__all__)) == len(onb.__all__)
    assert dir(onb) == sorted(onb.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'stranger'"):
        onb.stranger  # noqa: B018


def test_the_root_promises_what_it_loads() -> None:
    """What type checkers are told and what is imported at run time are the same names."""
    told = {
        alias.split(" as ")[-1].strip(" ,()")
        for line in (PACKAGE / "__init__.py")
        .read_text()
        .split("if TYPE_CHECKING:")[1]
        .split("__all__")[0]
        .replace("(", "")
        .splitlines()
        for alias in (line.split(" import ")[-1]).split(",")
        if alias.strip(" ,()")
    }
    assert set(onb.__all__) <= told


def test_all_errors_are_public_or_lead_to_one() -> None:
    """Whoever catches OrchestraError catches everything; each leaf says what it is for."""
    for name in errors.__all__:
        found = getattr(errors, name)
        assert found.__doc__
        if name != "Fault":
            assert issubclass(found, onb.OrchestraError)
            assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("path", SIGNATURES)
def test_signatures_are_kept(path: str) -> None:
    """Names and order of parameters, and which must be named, are a promise."""
    assert spelt(named(path)) == SIGNATURES[path]


@pytest.mark.parametrize("path", [path for path in SIGNATURES if path[0].islower()])
def test_options_are_documented(path: str) -> None:
    """Every argument of a public function is described in its docstring."""
    text = inspect.getdoc(named(path)) or ""
    for word in SIGNATURES[path].split():
        assert f"{word.strip('*')}: " in text, word


def test_public_classes_say_what_they_offer() -> None:
    """Every public method of Run and Context has a docstring."""
    for cls in (onb.Run, onb.Context, onb.Plan):
        for name, member in vars(cls).items():
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{cls.__name__}.{name}"


def test_names_are_imported_when_they_are_used() -> None:
    """The package itself loads nothing; a name loads its own module."""
    code = (
        "import sys, orchestra_nb as onb\n"
        "loaded = {m for m in sys.modules if m.startswith('orchestra_nb.')}\n"
        "print(sorted(loaded))\n"
        "onb.OrchestraError\n"
        "print('orchestra_nb.errors' in sys.modules, 'orchestra_nb.engine.engine' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True False"]


def test_the_package_is_typed() -> None:
    """Type checkers may rely on our annotations."""
    assert (PACKAGE / "py.typed").exists()
