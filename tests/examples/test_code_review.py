"""The agents of the code review, on a package whose figures are known."""

from __future__ import annotations

import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from examples.code_review import agents, claude_agents, figures, list_modules, read_source
from examples.review.reading import ReviewStoppedError
from examples.review.report import code_block, code_span, write_report
from examples.review.sources import SourceError
from examples.review.tools import JOBS
from orchestra_nb.agents.claude_tools import user_tool
from orchestra_nb.plan import Plan

from .conftest import WritePackage
from .fake_context import FakeContext, FakeOutcome

PLAN = Path(__file__).parents[2] / "examples" / "code_review.yaml"
ANALYSTS = ("complexity-analyst", "import-analyst", "documentation-analyst", "error-analyst")
INVESTIGATORS = {
    "complexity-investigator": "complexity-analyst",
    "cycle-investigator": "import-analyst",
    "documentation-investigator": "documentation-analyst",
    "error-investigator": "error-analyst",
}

SPECIMEN: dict[str, str | bytes] = {
    "specimen/__init__.py": "'''A specimen.'''\nfrom .busy import busy\n",
    "specimen/busy.py": (
        "'''Busy.'''\n"
        "from . import lazy\n"
        "def busy(a, b):\n"
        "    for each in a:\n"
        "        if each and b:\n"
        "            try:\n"
        "                lazy.lazy(each)\n"
        "            except Exception:\n"
        "                pass\n"
    ),
    "specimen/lazy.py": (
        "'''Lazy.'''\n"
        "import specimen.busy\n"
        "def lazy(a):\n"
        "    '''Wait for ``` something.'''\n"
        "    assert a\n"
        "    busy(a)\n"
    ),
    "specimen/broken.py": "def broken(:\n",
    "specimen/tests/test_lazy.py": "def test_lazy(): lazy(1)\n",
}


def run(name: str, context: FakeContext, **results: Any) -> Any:
    """What an agent gives, as plain data that survives JSON."""
    result = agents[name](context, **results)
    if asyncio.iscoroutine(result):
        result = asyncio.run(result)
    assert json.loads(json.dumps(result)) is not None
    return result


def investigate(name: str) -> tuple[dict[str, Any], FakeContext]:
    """What an investigator gives for the specimen, from its analyst's result."""
    analyst, context = INVESTIGATORS[name], FakeContext()
    result = run(analyst, FakeContext())
    found: dict[str, Any] = run(name, context, **{analyst.replace("-", "_"): result})
    return found, context


def test_every_agent_of_the_plan_has_a_function_and_a_job_for_claude() -> None:
    """The plan, the functions and Claude's agents name the same ten."""
    plan = Plan.load(PLAN)
    named = {entry.agent for _, entry in plan.all() if hasattr(entry, "agent")}
    assert named == set(agents) == set(JOBS)


def test_the_survey_counts_files_and_names_what_it_cannot_read(
    write_package: WritePackage,
) -> None:
    """A file that does not parse is a blocker, and the survey goes on."""
    write_package(SPECIMEN)
    context = FakeContext()
    result = run("surveyor", context)
    assert (result["files"], result["lines"]) == (4, 18)
    assert (result["test_files"], result["test_lines"]) == (1, 1)
    assert result["version"] is None
    assert result["largest"][0] == {"file": "specimen/busy.py", "lines": 9}
    assert [each["file"] for each in result["problems"]] == ["specimen/broken.py"]
    assert len(context.blockers) == 1
    assert "specimen/broken.py does not parse: invalid syntax (line 1)" in context.blockers[0]
    assert [fraction for _, fraction in context.progresses] == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_many_broken_files_are_four_blockers(write_package: WritePackage) -> None:
    """Nobody reads a hundred of them; the rest is a number."""
    write_package({f"specimen/broken_{number:03}.py": "(" for number in range(100)})
    context = FakeContext()
    assert len(run("surveyor", context)["problems"]) == 100
    assert len(context.blockers) == 4
    assert context.blockers[-1].startswith("97 more files")


def test_the_analysts_measure_the_specimen(write_package: WritePackage) -> None:
    """Their figures are those counted by hand."""
    write_package(SPECIMEN)
    results = {name: run(name, FakeContext()) for name in ANALYSTS}
    worst = results["complexity-analyst"]["worst"]
    assert [(each["name"], each["complexity"]) for each in worst] == [("busy", 5), ("lazy", 1)]
    assert results["complexity-analyst"]["mean"] == 3.0
    assert results["import-analyst"]["cycles"] == [["specimen.busy", "specimen.lazy"]]
    assert results["import-analyst"]["at_import"] == 3
    documentation = results["documentation-analyst"]
    assert (documentation["names"], documentation["documented"]) == (5, 4)
    assert [each["name"] for each in documentation["undocumented"]] == ["busy"]
    assert results["error-analyst"]["counts"] == {
        "swallowed": 1,
        "bare": 0,
        "broad": 0,
        "no cause": 0,
        "assert": 1,
    }


def test_the_complexity_investigator_quotes_the_worst_functions(
    write_package: WritePackage,
) -> None:
    """The signature and the deepest lines, with their numbers, and who names them."""
    write_package(SPECIMEN)
    result, context = investigate("complexity-investigator")
    first = result["places"][0]
    assert (first["where"], first["what"]) == ("specimen/busy.py:3", "busy")
    assert first["code"][0] == "3  def busy(a, b):"
    assert "6              try:" in first["code"]
    assert first["why"].endswith("named 4 times elsewhere in the code, never in its tests")
    assert "1 of the 2 most complex functions are never named" in context.findings[0]


def test_the_cycle_investigator_names_the_import_to_cut(write_package: WritePackage) -> None:
    """Each import of the cycle is tried, and quoted with its line."""
    write_package(SPECIMEN)
    result, context = investigate("cycle-investigator")
    assert [place["where"] for place in result["places"]] == [
        "specimen/busy.py:2",
        "specimen/lazy.py:2",
    ]
    assert "2 of 2 modules would leave" in result["places"][0]["why"]
    assert result["places"][0]["code"][0] == "2  from . import lazy"
    assert context.findings[-1] == "1 pair of modules import each other directly."


def test_the_documentation_investigator_ranks_by_use(write_package: WritePackage) -> None:
    """The undocumented name comes with its definition."""
    write_package(SPECIMEN)
    result, _ = investigate("documentation-investigator")
    (place,) = result["places"]
    assert (place["where"], place["what"]) == ("specimen/busy.py:3", "function busy")


def test_the_error_investigator_quotes_the_lines_around(write_package: WritePackage) -> None:
    """The worst come first, with what was tried above the handler."""
    write_package(SPECIMEN)
    result, _ = investigate("error-investigator")
    first, second = result["places"]
    assert (first["where"], second["where"]) == ("specimen/busy.py:8", "specimen/lazy.py:5")
    assert first["code"][0] == "5          if each and b:"
    assert first["code"][-1] == "9                  pass"


def test_a_text_where_figures_are_needed_is_refused(write_package: WritePackage) -> None:
    """A function can't go on from what Claude wrote, and says so."""
    write_package(SPECIMEN)
    with pytest.raises(TypeError, match="Let one side do both"):
        agents["complexity-investigator"](FakeContext(), complexity_analyst="All is well.")


@pytest.mark.parametrize("name", ["surveyor", *ANALYSTS])
def test_a_stopped_run_stops_the_reading(write_package: WritePackage, name: str) -> None:
    """Between two files an agent looks whether it should stop."""
    write_package(SPECIMEN)
    context = FakeContext(stop_after=2)
    with pytest.raises(ReviewStoppedError, match="Stopped after 2 of"):
        run(name, context)
    assert len(context.progresses) == 2


@pytest.mark.parametrize("name", sorted(INVESTIGATORS))
def test_a_stopped_run_stops_the_closer_look(write_package: WritePackage, name: str) -> None:
    """The investigators look, too."""
    write_package(SPECIMEN)
    analyst = INVESTIGATORS[name]
    result = run(analyst, FakeContext())
    with pytest.raises(ReviewStoppedError):
        run(name, FakeContext(stop_after=1), **{analyst.replace("-", "_"): result})


@pytest.mark.parametrize(
    "files",
    [
        {"specimen/__init__.py": ""},
        {"specimen/__init__.py": "("},
        {"specimen/tests/test_it.py": "def test_it(): pass"},
        {"specimen.py": "x = 1\n"},
    ],
)
def test_a_package_with_nothing_in_it_is_reviewed(
    write_package: WritePackage, files: dict[str, str | bytes]
) -> None:
    """Empty, broken, tests only: every agent gives a result, and there is a report."""
    write_package(files)
    results = {name: run(name, FakeContext()) for name in ("surveyor", *ANALYSTS)}
    for name in INVESTIGATORS:
        results[name], _ = investigate(name)
    context = FakeContext(results=results, decisions={"focus": FakeOutcome("E")})
    assert run("report-writer", context).startswith("# Review of specimen\n")


def test_a_package_that_is_not_installed_fails_the_survey() -> None:
    """The first agent says so; nothing else is needed."""
    with pytest.raises(SourceError, match="No package 'not_here_at_all' is installed"):
        run("surveyor", FakeContext("not_here_at_all"))


def test_the_report_says_who_decided_and_where_to_look_first(
    write_package: WritePackage,
) -> None:
    """The chosen places come first, then the worst others, each place once."""
    write_package(SPECIMEN)
    results = {name: run(name, FakeContext()) for name in ("surveyor", *ANALYSTS)}
    results["error-investigator"], _ = investigate("error-investigator")
    outcome = FakeOutcome("D", "Error handling", "timeout", "be `quick`")
    report = run("report-writer", FakeContext(results=results, decisions={"focus": outcome}))
    assert "Looked at first: **Error handling**, decided by the clock: nobody answered" in report
    assert "The note with it: `` be `quick` ``." in report
    listed = [line for line in report.splitlines() if line[:2] in {"1.", "2.", "3.", "4.", "5."}]
    assert [line.split("`")[1] for line in listed] == [
        "specimen/busy.py:8",
        "specimen/lazy.py:5",
        "specimen/busy.py:3",
        "specimen/lazy.py:3",
    ]
    assert "## A closer look: error handling" in report
    assert "hot spots" not in report
    assert "5          if each and b:" in report


def test_the_report_names_what_is_missing() -> None:
    """A report without results says why there are none; a text goes in as it is."""
    report = write_report(
        package="specimen",
        results={"import-analyst": "No cycles, says Claude."},
        missing={"surveyor": "surveyor failed: disk on fire"},
        outcome=None,
    )
    assert "Not known: surveyor failed: disk on fire." in report
    assert "Not known: error-analyst gave no result." in report
    assert "No cycles, says Claude." in report
    assert "What to look at first was not decided." in report


def test_source_cannot_leave_its_place_in_the_report() -> None:
    """Back-ticks and line breaks in names and lines end neither span nor block."""
    assert code_span("a``b\n# c") == "``` a``b # c ```"
    assert code_block(["x = '''", "```"]) == ["````text", "x = '''", "```", "````"]


def test_claude_lists_and_reads_modules(write_package: WritePackage) -> None:
    """The tools give text with numbers, say what is wrong, and never too much."""
    write_package({**SPECIMEN, "specimen/long.py": "x = 1\n" * 1_000})
    assert "specimen.tests.test_lazy  1 lines  (test)" in list_modules("specimen").splitlines()
    assert list_modules("specimen", "specimen.b").splitlines() == [
        "specimen.broken  1 lines",
        "specimen.busy  9 lines",
    ]
    assert read_source("specimen.busy", 3, 4).splitlines() == [
        "specimen/busy.py, 9 lines",
        "3  def busy(a, b):",
        "4      for each in a:",
    ]
    assert "does not parse" in read_source("specimen.broken")
    assert len(read_source("specimen.long", 1, 1_000).splitlines()) == 401
    assert "list_modules names those it has" in read_source("specimen.nowhere")


@pytest.mark.parametrize(
    ("what", "key", "first"),
    [
        ("complexity", "worst", "busy specimen/busy.py:3 complexity 5, 7 lines"),
        ("imports", "lines", "specimen/busy.py:2 imports specimen.lazy"),
        ("documentation", "places", "function busy specimen/busy.py:3"),
        ("errors", "places", "swallowed specimen/busy.py:8 in busy"),
    ],
)
def test_claude_gets_the_figures(
    write_package: WritePackage, what: Any, key: str, first: str
) -> None:
    """The same figures as the functions', with the worst place first."""
    write_package(SPECIMEN)
    assert json.loads(figures("specimen", what))[key][0] == first


def test_claude_tools_describe_themselves() -> None:
    """A model sees what a tool does, and the type and meaning of every parameter."""
    for function in (list_modules, read_source, figures):
        param = user_tool(function).param()
        assert param["description"]
        properties = param["input_schema"]["properties"]
        assert set(properties) == set(inspect.signature(function).parameters)
        assert all(each["description"] and each["type"] for each in properties.values())


def test_claude_takes_every_job_of_the_plan(write_package: WritePackage) -> None:
    """Claude's agents have the tools and know the package; one that is not there is refused."""
    write_package(SPECIMEN)
    made = claude_agents("specimen")
    assert set(made) == set(agents)
    for worker in made.values():
        assert "'specimen'" in worker.system
        assert "tools=[list_modules, read_source, figures]" in repr(worker)
    assert claude_agents("specimen", model="claude-x")["surveyor"].model == "claude-x"
    with pytest.raises(SourceError):
        claude_agents("not_here_at_all")
