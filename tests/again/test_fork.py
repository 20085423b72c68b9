"""Forks: what they share with their parent, what they do anew, and that they stand alone."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.plan import Plan

from .stage import folded, lines_of, seen
from .tally import Tally, until

PLAN = """
name: Shop
phases:
- name: Look
  tasks:
  - {agent: scout, task: Look around}
  - {agent: aside, task: Something else}
  - decision: Database technology
    options: {A: PostgreSQL, B: Cassandra, C: DynamoDB}
    recommend: A
    depends_on: [scout]
  - {agent: api, task: Build the API, depends_on: [database-technology]}
  - {agent: ring, task: Set up the ring, when: {database-technology: [B, C]}}
- name: End
  tasks:
  - {agent: report, task: Report, depends_on: [api]}
"""
WAITS = ("scout", "aside", "api", "report")


def decided(context: onb.Context) -> str:
    """A long text that tells what was decided."""
    words = ", ".join(str(outcome) for outcome in context.decisions.values())
    return f"{context.text} with {words}. " * 60


def looked(context: onb.Context) -> dict[str, Any]:
    """A small result, and something found."""
    context.finding("The shelves are empty")
    return {"shelves": 3}


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    """A count of what agents do."""
    return Tally(tmp_path / "calls.txt")


@pytest.fixture
def agents(tally: Tally) -> dict[str, Callable[[onb.Context], Any]]:
    """Agents for the plan, all counted."""
    works = {"scout": looked, "aside": decided, "api": decided, "ring": decided, "report": decided}
    return {name: tally.agent(does) for name, does in works.items()}


def shop(**changes: Any) -> Plan:
    """The plan, with other settings."""
    return Plan.parse(PLAN, format="yaml").with_(**changes)


@pytest.fixture
def run(agents: dict[str, Any], tally: Tally) -> onb.Run:
    """A run that is over: A, decided by a person."""
    started = onb.run(shop(), agents)
    until(started, lambda state: state.open_decisions())
    started.answer("database-technology", "A")
    started.wait(20)
    assert tally.taken() == dict.fromkeys(WAITS, 1)
    return started


def test_the_same_again_calls_nobody(run: onb.Run, tally: Tally) -> None:
    """A fork that changes nothing has every result and outcome, and no agent was called."""
    fork = run.fork()
    fork.wait(20)
    assert tally.taken() == {}
    assert dict(fork.results) == dict(run.results)
    assert fork.status == "completed"
    (outcome,) = [decision.outcome for decision in fork.decisions]
    (then,) = [decision.outcome for decision in run.decisions]
    assert outcome is not None
    assert then is not None
    assert (outcome.reused, outcome.by, outcome.wall, outcome.waited_s) == (
        run.id, then.by, then.wall, then.waited_s,
    )  # fmt: skip
    assert fork.state.parent == run.id
    assert [(f.agent, f.text) for f in fork.state.findings] == [("scout", "The shelves are empty")]
    assert fork.reused == ["scout", "aside", "api", "report"]
    assert f"4 of 5 tasks reused from {run.id}" in repr(fork)
    assert fork.state.usage.exchanges == 0
    assert [task.status for task in folded(fork).tasks] == [t.status for t in fork.state.tasks]


def test_another_choice_does_what_hangs_on_it(run: onb.Run, tally: Tally) -> None:
    """With another option only what depends on it runs; the choice is the user's, at once."""
    said = seen(run.fork(decisions={"database-technology": "B"}, dry_run=True))
    assert {name for name, (action, _) in said.items() if action == "keep"} == {
        "scout", "aside", "database-technology",
    }  # fmt: skip
    assert said["database-technology"][1] == "you say B - Cassandra"
    assert said["api"] == ("run", "what it waits for changed")
    assert said["report"][0] == "compare"
    assert tally.taken() == {}

    fork = run.fork(decisions={"Database technology": {"option": "B", "note": "Three nodes"}})
    fork.wait(20)
    assert tally.taken() == {"api": 1, "ring": 1, "report": 1}
    assert "B - Cassandra" in fork.results["api"]
    (decision,) = fork.decisions
    assert decision.outcome is not None
    assert (decision.outcome.by, decision.outcome.reused) == ("user", "")
    assert fork.state.notes == ["Three nodes"]
    assert run.state.decisions["database-technology"].outcome.option == "A"  # type: ignore[union-attr]


def test_the_parents_own_choice_is_no_other_one(run: onb.Run, tally: Tally) -> None:
    """A fork that names the option which was taken shares everything."""
    run.fork(decisions={"database-technology": "A"}).wait(20)
    assert tally.taken() == {}


def test_a_note_goes_with_its_choice(agents: dict[str, Any], tally: Tally) -> None:
    """Notes are carried over; the one on a choice that is another now is not."""
    run = onb.run(shop(), agents)
    until(run, lambda state: state.open_decisions())
    run.note("For all")
    run.answer("database-technology", "A", note="Tune the vacuum")
    run.wait(20)
    tally.taken()
    same, other = run.fork(), run.fork(decisions={"database-technology": "B"})
    same.wait(20), other.wait(20)
    assert same.state.notes == ["For all", "Tune the vacuum"]
    assert other.state.notes == ["For all"]
    assert tally.taken() == {"api": 1, "ring": 1, "report": 1}


def test_a_task_with_another_text(run: onb.Run, tally: Tally) -> None:
    """An edited task runs with its text; what follows runs where its input differs."""
    fork = run.fork(tasks={"API": "Build half of it"})
    fork.wait(20)
    assert tally.taken() == {"api": 1, "report": 1}
    assert fork.results["api"].startswith("Build half of it")
    again = fork.fork()
    again.wait(20)
    assert tally.taken() == {}
    assert again.state.task("api").title == "Build half of it"


def test_from_an_earlier_moment(run: onb.Run, tally: Tally) -> None:
    """Only what had happened by then is shared: the decision is asked anew."""
    said = seen(run.fork(at="database-technology", dry_run=True))
    assert said["database-technology"] == ("ask", "had not been decided")
    assert said["scout"] == ("keep", "done")
    assert said["api"] == ("run", "had not started")
    assert {one[0] for one in seen(run.fork(at=0, dry_run=True)).values()} == {"run", "ask"}
    assert seen(run.fork(at="scout", dry_run=True))["scout"] == ("run", "had not started")
    assert seen(run.fork(at=3600, dry_run=True)) == seen(run.fork(dry_run=True))
    assert seen(run.fork(at="1h", dry_run=True)) == seen(run.fork(dry_run=True))
    fork = run.fork(at="database-technology")
    until(fork, lambda state: state.open_decisions())
    fork.answer("database-technology", "C")
    fork.wait(20)
    assert "scout" not in tally.taken()


def test_a_live_run_is_forked(agents: dict[str, Any], tally: Tally) -> None:
    """A fork of a run that goes on shares what is done; neither hears of the other."""
    gate = threading.Event()

    def waits(context: onb.Context) -> str:
        assert gate.wait(20)
        return decided(context)

    run = onb.run(shop(), agents | {"api": tally.agent(waits)})
    until(run, lambda state: state.open_decisions())
    run.answer("database-technology", "A")
    until(run, lambda state: state.task("api").status == "running")
    until(run, lambda state: state.task("aside").status == "completed")
    fork = run.fork(decisions={"database-technology": "B"})
    until(fork, lambda state: state.task("api").status == "running")
    assert fork.reused == ["scout", "aside"]
    assert run.status == fork.status == "running"
    gate.set()
    run.wait(20), fork.wait(20)
    assert tally.taken() == {"scout": 1, "aside": 1, "api": 2, "ring": 1, "report": 2}
    assert "A - PostgreSQL" in run.results["api"]
    assert "B - Cassandra" in fork.results["api"]


def test_a_fork_of_a_fork_names_who_made_it(run: onb.Run, tally: Tally) -> None:
    """What is shared twice still says in which run it was made, and how long it took there."""
    second = run.fork(decisions={"database-technology": "B"})
    second.wait(20)
    third = second.fork()
    third.wait(20)
    assert tally.taken() == {"api": 1, "ring": 1, "report": 1}
    assert third.state.parent == second.id
    made = {task.id: task.reused for task in third.state.tasks if task.kind == "task"}
    assert made["scout"] == made["aside"] == run.id
    assert made["api"] == made["ring"] == made["report"] == second.id
    took = run.state.task("scout")
    assert took.ended_at is not None
    assert took.started_at is not None
    assert third.state.task("scout").reused_s == pytest.approx(
        took.ended_at - took.started_at, abs=1e-5
    )


def test_a_fork_stands_alone(run: onb.Run, tally: Tally) -> None:
    """With the parent gone a fork has all its results, here and in a fork of its own."""
    kept = dict(run.results)
    fork = run.fork()
    fork.wait(20)
    shutil.rmtree(run.folder)
    again = onb.open(fork.id)
    assert dict(again.results) == kept
    last = fork.fork()
    last.wait(20)
    assert dict(last.results) == kept
    assert tally.taken() == {}


def test_results_are_copied_where_there_are_no_links(
    run: onb.Run, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk without hard links files are copied."""

    def refuses(*args: object, **rest: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", refuses)
    fork = run.fork()
    fork.wait(20)
    assert dict(fork.results) == dict(run.results)
    shared = [p for p in (fork.folder / "results").iterdir() if p.stat().st_nlink == 1]
    assert len(shared) == 3


def test_a_result_that_is_gone_is_made_again(run: onb.Run, tally: Tally) -> None:
    """A task whose file is missing runs; who follows it is compared, and shared."""
    stored = run.state.task("aside").result
    assert stored is not None
    (run.folder / stored["file"]).unlink()
    action, why = seen(run.fork(dry_run=True))["aside"]
    assert action == "run"
    assert stored["file"] in why
    run.fork().wait(20)
    assert tally.taken() == {"aside": 1}


CHECKED = """
name: Checked
mode: fully_autonomous
phases:
- name: One
  checkpoint: true
  tasks: [{agent: scout, task: Look}]
- name: Two
  tasks: [{agent: api, task: Build}]
"""


def test_checkpoints_that_said_go_on_are_repeated(agents: dict[str, Any], tally: Tally) -> None:
    """A checkpoint that let the run go on is not asked again; one that stopped it is."""
    plan = Plan.parse(CHECKED, format="yaml").with_(mode="full_interactive")
    own = {name: agents[name] for name in ("scout", "api")}
    run = onb.run(plan, own)
    (card,) = until(run, lambda state: state.open_decisions())
    run.answer(card.id, "A")
    run.wait(20)
    fork = run.fork(tasks={"api": "Build less"})
    fork.wait(20)
    assert fork.decisions[0].outcome is not None
    assert fork.decisions[0].outcome.reused == run.id
    stopped = onb.run(plan, own)
    (card,) = until(stopped, lambda state: state.open_decisions())
    stopped.answer(card.id, "D")
    stopped.wait(20)
    assert stopped.status == "stopped"
    tally.taken()
    fork = stopped.fork()
    (card,) = until(fork, lambda state: state.open_decisions())
    fork.answer(card.id, "A")
    fork.wait(20)
    assert fork.status == "completed"
    assert tally.taken() == {"api": 1}


ASKED = """
name: Asked
level: 3
questions: [{ask: Which market?, id: market, default: B2B}]
phases:
- name: One
  tasks: [{agent: scout, task: Look}, {agent: api, task: Build}]
"""


def test_answers_and_settings_are_carried_over(agents: dict[str, Any], tally: Tally) -> None:
    """A fork is not asked again what was answered, and goes on at the level the run had."""
    gate = threading.Event()

    def waits(context: onb.Context) -> str:
        assert gate.wait(20)
        return "built"

    run = onb.run(
        Plan.parse(ASKED, format="yaml"), {"scout": agents["scout"], "api": tally.agent(waits)}
    )
    (form,) = until(run, lambda state: state.open_decisions())
    run.answer(form.id, values={"market": "B2C"})
    until(run, lambda state: state.task("scout").status == "completed")
    run.change_level(2)
    gate.set()
    run.wait(20)
    tally.taken()
    fork = run.fork()
    fork.wait(20)
    assert tally.taken() == {}
    assert fork.decisions == []
    assert fork.state.answers == {"market": "B2C"}
    assert fork.state.level == 2


def test_what_was_left_out_by_hand_stays_so(agents: dict[str, Any], tally: Tally) -> None:
    """A task that a person skipped is skipped in the fork; the run goes on the same way."""
    run = onb.run(shop(), agents)
    until(run, lambda state: state.open_decisions())
    run.skip("report")
    run.answer("database-technology", "A")
    run.wait(20)
    tally.taken()
    fork = run.fork()
    fork.wait(20)
    assert tally.taken() == {}
    assert fork.state.task("report").skip_cause == "hand"


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"decisions": {"databse-technology": "B"}}, "did you mean 'database-technology'?"),
        ({"decisions": {"database-technology": "Z"}}, "has no option 'Z'; it has A, B, C"),
        ({"decisions": {"database-technology": 2}}, "takes the key of an option"),
        ({"decisions": {"database-technology": {"choice": "B"}}}, "takes option, note, text"),
        ({"decisions": {"api": "B"}}, "a task; tasks={...} gives it another text"),
        ({"decisions": ["B"]}, "decisions maps ids"),
        ({"tasks": {"apii": "x"}}, "did you mean 'api'?"),
        ({"tasks": {"api": "  "}}, "needs a text"),
        ({"tasks": {"database-technology": "x"}}, "a decision"),
        ({"rerun": ["apii"]}, "did you mean 'api'?"),
        ({"at": "apii"}, "did you mean 'api'?"),
        ({"at": "ring"}, "has not started in that run"),
        ({"at": -1}, "must be seconds since the run's start"),
    ],
)
def test_strange_wishes_make_nothing(
    run: onb.Run, home: Path, wishes: dict[str, Any], words: str
) -> None:
    """Unknown names and options are refused with one clear error, and no folder is made."""
    before = sorted(home.glob("runs/*"))
    with pytest.raises(onb.CommandError) as caught:
        run.fork(**wishes)
    assert words in str(caught.value)
    assert sorted(home.glob("runs/*")) == before


def test_who_is_missing_is_named(run: onb.Run, home: Path) -> None:
    """Agents whose work is shared may be left out; one that has to work is named."""
    before = sorted(home.glob("runs/*"))
    with pytest.raises(onb.SetupError, match="nobody does 'api'"):
        onb.fork(run.id, decisions={"database-technology": "B"})
    assert sorted(home.glob("runs/*")) == before
    shared = onb.fork(run.id)
    shared.wait(20)
    assert dict(shared.results) == dict(run.results)


def test_a_decision_after_something_else_is_asked_anew(run: onb.Run, tally: Tally) -> None:
    """An outcome is repeated only after the same: with another finding before it, people decide."""
    given = run.cast[0]
    assert given is not None
    closer = {**given, "scout": tally.agent(lambda context: {"shelves": 4})}
    fork = run.fork(closer, tasks={"scout": "Look closer"})
    until(fork, lambda state: state.open_decisions())
    fork.answer("database-technology", "A")
    fork.wait(20)
    assert tally.taken() == {"scout": 1, "api": 1, "report": 1}


def test_the_log_says_all_of_it(run: onb.Run) -> None:
    """Each shared result is an event that names its run, its own file, and what it took there."""
    fork = run.fork()
    fork.wait(20)
    events = lines_of(fork)
    assert events[0]["parent"] == run.id
    reused = {event["task"]: event for event in events if event["event"] == "agent_reused"}
    assert set(reused) == {*WAITS}
    for event in reused.values():
        assert event["run"] == run.id
        if "file" in event["result"]:
            assert (fork.folder / event["result"]["file"]).is_file()
    assert not [e for e in events if e["event"] in ("agent_start", "user_input")]
    (outcome,) = [event for event in events if event["event"] == "decision"]
    assert outcome["reused"] == run.id
    json.dumps(events)


def test_a_review_is_not_asked_twice(agents: dict[str, Any], tally: Tally) -> None:
    """A result that a person accepted, or changed, is shared as it was accepted."""
    task = onb.Task(agent="api", task="Build", review=True)
    plan = Plan(name="Reviewed", phases=[onb.Phase(name="One", tasks=[task])])
    run = onb.run(plan, {"api": agents["api"]})
    (card,) = until(run, lambda state: state.open_decisions())
    run.answer(card.id, "A", values={"result": "changed by hand"})
    run.wait(20)
    tally.taken()
    fork = run.fork()
    fork.wait(20)
    assert tally.taken() == {}
    assert fork.results["api"] == "changed by hand"


def test_a_rehearsal_is_forked_as_one() -> None:
    """A fork of a rehearsal is a rehearsal; its decision comes out as it is told to."""
    run = onb.rehearse(shop(), speed=100_000, mode="fully_autonomous")
    run.wait(20)
    fork = run.fork(decisions={"database-technology": "B"})
    fork.wait(20)
    assert fork.state.rehearsal == run.state.rehearsal
    assert "scout" in fork.reused
    assert fork.state.task("ring").status == "completed"


GROWING = """
name: Growing
mode: fully_autonomous
phases:
- name: One
  tasks:
  - {agent: lister, task: "List: a b c"}
  - {agent: maker, task: "Make {{module}}", for_each: {from: lister, as: module}}
  - {decision: Style, options: {A: plain, B: fancy}, recommend: A, depends_on: [maker]}
  - {agent: ender, task: End, depends_on: [style, maker]}
"""


def test_a_plan_that_grew_is_shared_item_by_item(tally: Tally) -> None:
    """Each item's result is shared; with another list only what is new in it is made."""
    plan = Plan.parse(GROWING, format="yaml")
    made: dict[str, Any] = {
        "maker": tally.agent(lambda context: context.text * 200),
        "ender": tally.agent(lambda context: str(context.results["maker"])),
    }
    made["lister"] = tally.agent(lambda context: context.text.split(":")[1].split())
    run = onb.run(plan, made)
    run.wait(20)
    assert run.status == "completed"
    assert tally.taken() == {"lister": 1, "maker-1": 1, "maker-2": 1, "maker-3": 1, "ender": 1}
    fork = run.fork(decisions={"style": "B"})
    fork.wait(20)
    assert tally.taken() == {"ender": 1}
    assert fork.results["maker"] == run.results["maker"]
    other = Plan.parse(GROWING.replace("a b c", "a x c"), format="yaml")
    onb.run(other, made, reuse="last").wait(20)
    assert tally.taken() == {"lister": 1, "maker-2": 1, "ender": 1}


def test_what_does_not_count_leaves_nothing(agents: dict[str, Any], run: onb.Run) -> None:
    """A result that was taken over and differs in the end leaves no file: the folder is whole."""
    fork = run.fork(tasks={"api": "Build half of it"})
    fork.wait(20)
    named = {
        event["result"]["file"] for event in lines_of(fork) if "file" in (event.get("result") or {})
    }
    assert {f"results/{path.name}" for path in (fork.folder / "results").iterdir()} == named
    assert inspect(fork.folder).findings == []


def test_a_fork_that_breaks_off_keeps_its_wishes(agents: dict[str, Any], tally: Tally) -> None:
    """A new choice that was not reached yet holds when the fork is resumed."""
    gate = threading.Event()

    def waits(context: onb.Context) -> dict[str, Any]:
        assert gate.wait(20)
        return looked(context)

    run = onb.run(shop(), agents | {"scout": tally.agent(waits)})
    until(run, lambda state: state.task("scout").status == "running")
    fork = run.fork(decisions={"database-technology": {"option": "B", "note": "Three nodes"}})
    until(fork, lambda state: state.task("scout").status == "running")
    fork.stop()
    gate.set()
    run.stop()
    resumed = onb.resume(fork.id, agents)
    resumed.wait(20)
    assert resumed.status == "completed"
    (decision,) = [one for one in resumed.decisions if one.outcome is not None]
    assert decision.outcome is not None
    assert (decision.outcome.option, decision.outcome.by) == ("B", "user")
    assert resumed.state.notes == ["Three nodes"]
    assert "B - Cassandra" in resumed.results["api"]


LIST = """
name: Reviews
mode: fully_autonomous
phases:
- name: One
  tasks:
  - {agent: s, task: S}
  - {agent: rev, id: rev, task: "Review {{m}}", for_each: {from: s, as: m}}
  - {agent: w, task: W, depends_on: [rev]}
"""


@pytest.fixture
def reviews(tally: Tally) -> dict[str, Callable[[onb.Context], Any]]:
    """Agents for the list, all counted."""
    works: dict[str, Callable[[onb.Context], Any]] = {
        "s": lambda context: ["p", "q", "r"],
        "rev": lambda context: context.text,
        "w": lambda context: context.results["rev"],
    }
    return {name: tally.agent(does) for name, does in works.items()}


def listed(agents: dict[str, Any]) -> onb.Run:
    """A run with a list that is over."""
    run = onb.run(Plan.parse(LIST, format="yaml"), agents)
    run.wait(20)
    return run


def test_another_text_for_a_template(reviews: dict[str, Any], tally: Tally) -> None:
    """It is one for all its tasks, and the preview says that these run."""
    run = listed(reviews)
    tally.taken()
    said = seen(run.fork(tasks={"rev": "Check {{m}}"}, dry_run=True))
    assert {said[f"rev-{n}"] for n in (1, 2, 3)} == {("run", "its text changed")}
    assert (said["s"][0], said["w"][0]) == ("keep", "compare")
    fork = run.fork(tasks={"rev": "Check {{m}}"})
    fork.wait(20)
    assert fork.results["w"] == ["Check p", "Check q", "Check r"]
    assert seen(run.fork(tasks={"rev": "Review {{m}}"}, dry_run=True))["rev-1"][0] == "keep"


def test_another_text_for_one_item(reviews: dict[str, Any], tally: Tally) -> None:
    """A task made of an item is named like any other, and only it runs."""
    run = listed(reviews)
    tally.taken()
    assert seen(run.fork(tasks={"rev-2": "Look at q"}, dry_run=True))["rev-2"][0] == "run"
    fork = run.fork(tasks={"rev-2": "Look at q"})
    fork.wait(20)
    assert fork.results["w"] == ["Review p", "Look at q", "Review r"]
    assert sum(tally.taken().values()) == 2
    both = run.fork(tasks={"rev-2": "Look at q", "rev": "Check {{m}}"})
    both.wait(20)
    assert both.results["w"] == ["Check p", "Look at q", "Check r"]
    again = fork.fork(rerun=["s"])
    again.wait(20)
    assert again.results["w"] == ["Review p", "Look at q", "Review r"]


def test_a_result_that_could_not_be_stored_and_nobody_needs(tally: Tally) -> None:
    """It is shared while nobody asks for it; where somebody may, its task runs."""
    plan = Plan.parse(
        """
name: Leaf
mode: fully_autonomous
phases:
- name: One
  tasks:
  - {agent: leaf, task: L}
  - {agent: a, task: A}
  - {agent: after, task: After, depends_on: [leaf]}
  - {agent: last, task: Last, depends_on: [a]}
""",
        format="yaml",
    )
    works: dict[str, Any] = {
        "leaf": lambda context: object(), "a": lambda context: 1, "after": lambda context: 2,
        "last": lambda context: object(),
    }  # fmt: skip
    agents = {name: tally.agent(does) for name, does in works.items()}
    run = onb.run(plan, agents)
    run.wait(20)
    tally.taken()
    fork = run.fork(tasks={"a": "Another"})
    fork.wait(20)
    assert fork.reused == ["leaf", "after", "last"]
    assert tally.taken() == {"a": 1}
    (event,) = [e for e in lines_of(fork) if e.get("task") == "leaf"]
    assert event["result"]["kind"] == "repr"
    fork = run.fork(tasks={"after": "Another"})
    fork.wait(20)
    assert tally.taken() == {"leaf": 1, "after": 1}
    again = onb.run(plan, agents, reuse=run.id)
    again.wait(20)
    assert "last" in again.reused
    assert tally.taken() == {"leaf": 1}


def test_what_is_only_assumed_is_listed(tally: Tally) -> None:
    """The preview's text names each task whose function nobody could compare."""
    plan = Plan.parse(
        "{name: Bare, mode: fully_autonomous, phases: [{name: P, tasks: [{agent: a, task: A}]}]}",
        format="yaml",
    )
    run = onb.run(plan, {"a": tally.agent(decided)})
    run.wait(20)
    text = repr(onb.fork(run.id, dry_run=True))
    assert "assumed unchanged: no function was given to compare it with" in text
