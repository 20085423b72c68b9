"""What a resume keeps, compares, does again, asks, gives up and leaves out, in which words."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan

from .stage import Counted, answer, cut, folded, lines_of, played, seen, until

PLAN = """
name: Trial
mode: fully_autonomous
on_failure: continue
phases:
- name: First
  tasks:
  - {agent: a, task: Do a}
  - {agent: b, task: Do b}
- name: Second
  tasks:
  - {agent: c, task: Do c, depends_on: [a]}
  - {decision: Which way, id: way, options: {A: left, B: right}, recommend: A, depends_on: [c]}
  - {agent: d, task: Do d, depends_on: [way]}
  - {agent: e, task: Do e, depends_on: [b]}
"""
KEPT = ("keep", "done")
WAY = ("keep", "taken by policy: A - left")


def plan_of(text: str = PLAN, *changes: tuple[str, str]) -> Plan:
    """The plan with parts of its text replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Plan.parse(text, format="yaml")


@pytest.fixture
def work() -> Counted:
    """Agents whose results depend on what they are given."""
    return Counted(
        a={"x": 1}, b="b", c=lambda context: f"c of {context.results['a']}", d="d", e="e"
    )


@pytest.fixture
def run(work: Counted) -> onb.Run:
    """A run that came to its end."""
    done = played(plan_of(), work.agents())
    assert done.status == "completed"
    work.taken()
    return done


def again(run: onb.Run, agents: Any, **options: Any) -> tuple[dict[str, Any], Any]:
    """What a preview says and then what comes of it."""
    told = seen(onb.resume(run.id, agents, dry_run=True, **options))
    resumed = onb.resume(run.id, agents, **options)
    resumed.wait(20)
    return told, resumed


# Broken off.


def test_what_was_done_is_kept_and_the_rest_runs(run: onb.Run, work: Counted) -> None:
    """What was at work, and what had not started, is done; what was done is not."""
    cut(run, "agent_start", task="c")
    told, resumed = again(run, work.agents())
    assert told["a"] == KEPT
    assert told["c"] == ("run", "was at work when the run broke off")
    assert told["way"] == ("ask", "not asked yet")
    assert told["d"] == ("run", "not started yet")
    assert {"c", "d"} <= work.taken().keys() <= {"b", "c", "d", "e"}
    assert resumed.status == "completed"
    assert dict(resumed.results) == {"a": {"x": 1}, "b": "b", "c": "c of {'x': 1}", "d": "d",
                                     "e": "e"}  # fmt: skip


def test_a_run_that_is_all_done_but_for_its_end_gets_it(run: onb.Run, work: Counted) -> None:
    """A log that only lacks its last line is brought to its end; nobody works."""
    cut(run, after=len(lines_of(run)) - 1)
    assert onb.open(run.id).status == "interrupted"
    _, resumed = again(run, work.agents())
    assert resumed.status == "completed"
    assert work.taken() == {}


def test_ends_of_phases_that_the_log_does_not_tell_are_told(run: onb.Run, work: Counted) -> None:
    """A log cut off between the last task of a phase and the phase's end tells that end once."""
    done = [e["seq"] for e in lines_of(run) if e["event"] == "agent_complete"
            and e["phase"] == 1]  # fmt: skip
    cut(run, after=done[-1])
    _, resumed = again(run, work.agents())
    ends = [e["phase"] for e in lines_of(resumed) if e["event"] == "phase_complete"]
    assert sorted(ends) == [1, 2]


def test_a_resume_of_what_is_done_returns_the_record(run: onb.Run, work: Counted) -> None:
    """Where nothing is left to do nothing is written, and the run is shown as it was recorded."""
    before = lines_of(run)
    resumed = onb.resume(run.id, work.agents())
    assert resumed.finished
    assert resumed.results["a"] == {"x": 1}
    assert lines_of(run) == before
    told = onb.resume(run.id, dry_run=True)
    assert {one.action for one in told.nodes} == {"keep"}


def test_done_tasks_need_no_function(run: onb.Run, work: Counted) -> None:
    """Who did what is done may be left out; nobody can tell then whether it changed."""
    cut(run, "agent_start", task="d")
    agents = work.agents()
    told = onb.resume(run.id, {"d": agents["d"], "e": agents["e"]}, dry_run=True)
    by_id = {one.id: one for one in told.nodes}
    assert by_id["a"].assumed == "no function was given to compare it with"
    resumed = onb.resume(run.id, {"d": agents["d"], "e": agents["e"]})
    assert resumed.wait(20)["d"] == "d"


def test_a_missing_function_is_named_before_anything_starts(run: onb.Run, work: Counted) -> None:
    """What is to be done and has nobody refuses the resume; the log stays as it was."""
    cut(run, "agent_start", task="c")
    before = lines_of(run)
    agents = work.agents()
    del agents["d"]
    for dry_run in (True, False):
        with pytest.raises(onb.SetupError, match="nobody does 'd'"):
            onb.resume(run.id, agents, dry_run=dry_run)
    assert lines_of(run) == before
    assert work.taken() == {}


def test_who_is_only_compared_needs_a_function_too(run: onb.Run, work: Counted) -> None:
    """What may have to run is named as well, with why."""
    agents = work.agents()
    del agents["d"], agents["c"]
    with pytest.raises(onb.SetupError) as caught:
        onb.resume(run.id, agents, rerun=["a"])
    assert "nobody does 'c', which runs only if a comes out differently" in str(caught.value)
    assert "nobody does 'd'" in str(caught.value)


# Early cutoff.


def test_the_same_result_again_keeps_what_depends_on_it(run: onb.Run, work: Counted) -> None:
    """A task that is done again and comes to the same leaves its dependents as they are."""
    told, resumed = again(run, work.agents(), rerun=["a"])
    assert told["a"] == ("run", "asked for")
    assert told["c"] == ("compare", "runs only if a comes out differently")
    assert told["d"] == ("compare", "runs only if c comes out differently"), "through way"
    assert (told["b"], told["e"], told["way"]) == (KEPT, KEPT, WAY)
    assert work.taken() == {"a": 1}
    reused = [e["task"] for e in lines_of(resumed) if e["event"] == "agent_reused"]
    assert reused == ["c", "d"]
    task = resumed.state.task("c")
    assert (task.status, task.reused) == ("completed", "")


def test_another_result_does_again_just_what_depends_on_it(run: onb.Run, work: Counted) -> None:
    """What was given something else is done again; what stands beside it is not."""
    _, resumed = again(run, work.agents(a={"x": 2}), rerun=["a"])
    assert work.taken() == {"a": 1, "c": 1, "d": 1}
    assert resumed.results["c"] == "c of {'x': 2}"


def test_times_of_what_is_kept_stay(run: onb.Run, work: Counted) -> None:
    """What was compared and kept was done when it was done."""
    ended = {task.id: task.ended_at for task in run.state.tasks}
    _, resumed = again(run, work.agents(), rerun=["a"])
    now = {task.id: task.ended_at for task in resumed.state.tasks}
    assert now["c"] == pytest.approx(ended["c"], abs=1e-3)
    assert now["b"] == ended["b"]
    assert now["a"] > ended["a"]


# Changed plans.


@pytest.mark.parametrize(
    ("change", "says", "does"),
    [
        (("Do c,", "Do c well,"), {"c": ("run", "its text changed")}, {"c"}),
        (
            ("- {agent: b, task: Do b}", "- {agent: b, task: Do b}\n  - {agent: f, task: Do f}"),
            {"f": ("run", "new in the plan"), "e": KEPT},
            {"f"},
        ),
        (
            ("depends_on: [b]", "depends_on: [a]"),
            {"e": ("run", "what it waits for changed"), "d": KEPT},
            {"e"},
        ),
        (
            ("Trial", "Trial\nlevel: 4"),
            dict.fromkeys("abcde", ("run", "the level changed from 3 to 4")),
            set("abcde"),
        ),
        (("name: First", "name: Erst"), {"a": KEPT, "e": KEPT}, set()),
        (("A: left", "A: ahead"), {"way": ("keep", "taken by policy: A - left"), "d": KEPT}, set()),
        (
            ("{A: left, B: right}, recommend: A", "{B: right}, recommend: B"),
            {"way": ("keep", "taken by policy: A - left, which the plan does not offer any more")},
            set(),
        ),
        (("Do b}", "Do b, retries: 3}"), {"b": KEPT}, set()),
    ],
)
def test_a_changed_plan_does_again_what_depends_on_it(
    run: onb.Run,
    work: Counted,
    change: tuple[str, str],
    says: dict[str, tuple[str, str]],
    does: set[str],
) -> None:
    """A preview says what a change of the plan means, and just that is done."""
    agents = {**work.agents(f="f")} if change[1].count("agent: f") else work.agents()
    told, resumed = again(run, agents, plan=plan_of(PLAN, change))
    assert {key: told.get(key) for key in says} == says, told
    assert set(work.taken()) == does
    assert resumed.status == "completed"
    assert resumed.plan == resumed.state.graph.plan
    state = folded(resumed)
    assert [t.status for t in state.tasks] == [t.status for t in resumed.state.tasks]
    told = seen(onb.resume(run.id, agents, dry_run=True))
    assert {action for action, _ in told.values()} == {"keep"}, "it is settled then"


def test_a_checkpoint_that_is_new_is_asked(work: Counted) -> None:
    """A checkpoint that was added is asked; it is no input of what was done behind it."""
    run = played(plan_of(PLAN, ("fully_autonomous", "guided")), work.agents())
    work.taken()
    change = ("name: First", "name: First\n  checkpoint: true")
    plan = plan_of(PLAN, ("fully_autonomous", "guided"), change)
    told = seen(onb.resume(run.id, work.agents(), plan=plan, dry_run=True))
    assert told["checkpoint-1"] == ("ask", "not asked yet")
    assert {action for key, (action, _) in told.items() if key != "checkpoint-1"} == {"keep"}
    resumed = onb.resume(run.id, work.agents(), plan=plan)
    answer(resumed, "checkpoint-1", "A")
    resumed.wait(20)
    assert resumed.status == "completed"
    assert work.taken() == {}


def test_a_task_that_is_gone_is_said_so(run: onb.Run, work: Counted) -> None:
    """What the plan does not hold any more is named; all else is kept."""
    plan = plan_of(PLAN, ("  - {agent: e, task: Do e, depends_on: [b]}\n", ""))
    preview = onb.resume(run.id, work.agents(), plan=plan, dry_run=True)  # who did it may be named
    assert preview.gone == ("e",)
    assert "No longer in the plan: e." in repr(preview)
    assert {one.action for one in preview.nodes} == {"keep"}


def test_what_a_level_brings_back_runs(work: Counted) -> None:
    """A task that the level left out is done when the plan's new level wants it."""
    text = PLAN.replace("{agent: b, task: Do b}", "{agent: b, task: Do b, min_level: 4}")
    run = played(plan_of(text), work.agents())
    assert run.state.task("b").status == "skipped"
    work.taken()
    low = onb.resume(run.id, work.agents(), dry_run=True)
    assert seen(low)["b"] == ("skip", run.state.task("b").reason)
    told, resumed = again(run, work.agents(), plan=plan_of(text, ("Trial", "Trial\nlevel: 4")))
    assert told["b"] == ("run", "wanted at level 4")
    assert resumed.state.level == 4
    assert resumed.state.task("b").status == "completed"


def test_what_the_level_leaves_out_is_not_done_again(work: Counted) -> None:
    """Asking for a task that the level leaves out changes nothing; the preview says why."""
    text = PLAN.replace("{agent: b, task: Do b}", "{agent: b, task: Do b, min_level: 4}")
    run = played(plan_of(text), work.agents())
    work.taken()
    told, _ = again(run, work.agents(), rerun=["b"])
    assert told["b"] == ("skip", run.state.task("b").reason)
    assert work.taken() == {}


def test_a_run_in_a_changed_plan_is_opened_as_it_went_on(run: onb.Run, work: Counted) -> None:
    """The record of such a run has the plan that it went on with."""
    new = ("task: Do b}", "task: Do b}\n  - {agent: f, task: Do f}")
    _, resumed = again(run, work.agents(f="f"), plan=plan_of(PLAN, new))
    opened = onb.open(run.id)
    assert [task.id for task in opened.state.tasks] == [task.id for task in resumed.state.tasks]
    assert opened.plan == resumed.plan
    assert opened.results["f"] == "f"
    assert "5 of" not in repr(opened)


def test_a_changed_input_is_named(work: Counted) -> None:
    """A plan whose input has another default value does again what was told it."""
    text = PLAN.replace("phases:", "inputs:\n  market: {ask: Which, default: EU}\nphases:", 1)
    run = played(plan_of(text), work.agents())
    work.taken()
    same = seen(onb.resume(run.id, work.agents(), plan=plan_of(text), dry_run=True))
    assert same["a"] == KEPT
    # The run's own values stay, whatever defaults the new plan has.
    other = text.replace("default: EU", "default: US")
    told = seen(onb.resume(run.id, work.agents(), plan=plan_of(other), dry_run=True))
    assert told["a"] == KEPT
    more = text.replace("phases:", "  size: {ask: How big, default: 3}\nphases:", 1)
    told = seen(onb.resume(run.id, work.agents(), plan=plan_of(more), dry_run=True))
    assert told["a"] == ("run", "the input size changed")


def test_a_plan_that_is_not_valid_is_refused(run: onb.Run, work: Counted) -> None:
    """A changed plan is checked like any other, before anything starts."""
    before = lines_of(run)
    with pytest.raises(onb.PlanError, match="nobody"):
        text = PLAN.replace("depends_on: [b]", "depends_on: [nobody]")
        onb.resume(run.id, work.agents(), plan=plan_of(text))
    with pytest.raises(onb.PlanError, match="a Plan or the path of one, not int"):
        onb.resume(run.id, work.agents(), plan=5)  # type: ignore[call-overload]
    assert lines_of(run) == before


# Failures.


def fails(context: onb.Context) -> Any:
    """Fail."""
    raise ValueError("no luck")


def test_what_failed_is_tried_again_with_what_fell_because_of_it(work: Counted) -> None:
    """A failed task runs again, and what was skipped because of it after it."""
    run = played(plan_of(), work.agents(b=fails))
    assert run.status == "failed"
    work.taken()
    told, resumed = again(run, work.agents())
    assert told["b"] == ("run", "failed: ValueError: no luck")
    assert told["e"] == ("compare", "runs only if b comes out differently")
    assert told["a"] == KEPT
    assert work.taken() == {"b": 1, "e": 1}
    assert resumed.status == "completed"


def test_what_was_let_go_stays_so_in_a_run_that_had_not_ended(work: Counted) -> None:
    """Who went on without a failed task is kept to that, but in a run that came to its end."""
    plan = plan_of(PLAN, ("fully_autonomous", "guided"), ("continue", "ask"))
    run = onb.run(plan, work.agents(b=fails), on_decision=lambda d: None)
    answer(run, "b/failed", "B")
    run.wait(20)
    end = len(lines_of(run))
    told = seen(onb.resume(run.id, work.agents(), dry_run=True))
    assert told["b"][0] == "run"
    cut(run, after=end - 1)
    told = seen(onb.resume(run.id, work.agents(), dry_run=True))
    assert told["b"] == ("skip", "failed, and you went on without it")
    assert told["e"][0] == "skip"


def test_a_failure_that_was_being_asked_about_is_tried_again(work: Counted) -> None:
    """Nobody had said what follows: the resume tries it, and asks anew if it fails again."""
    plan = plan_of(PLAN, ("fully_autonomous", "guided"), ("continue", "ask"))
    run = onb.run(plan, work.agents(b=fails))
    answer(run, "b/failed", "B")
    run.wait(20)
    cut(run, "decision_opened", decision_id="b/failed")
    work.taken()
    told, resumed = again(run, work.agents())
    assert told["b"] == ("run", "failed: ValueError: no luck")
    assert "b" in work.taken()
    assert resumed.status == "completed"


def test_crashes_are_counted(work: Counted) -> None:
    """A task at work each of three times that the process died is not tried unasked."""
    run = played(plan_of(), work.agents(), max_concurrency=1)
    cut(run, "agent_start", task="c")
    for crash in (1, 2):
        onb.resume(run.id, work.agents()).wait(20)
        starts = [e["seq"] for e in lines_of(run) if e["event"] == "agent_start"
                  and e["task"] == "c"]  # fmt: skip
        cut(run, after=starts[-1])
        assert folded(run).task("c").crashes == crash
    work.taken()
    told, resumed = again(run, work.agents())
    action, why = told["c"]
    assert action == "give up"
    assert "each of the 3 times the process died" in why
    assert "onb.resume(..., rerun=['c'])" in why
    assert "c" not in work.taken()
    assert resumed.status == "failed"
    assert resumed.state.task("c").error == why
    told = seen(onb.resume(run.id, work.agents(), dry_run=True))
    assert told["c"][0] == "give up"
    told, resumed = again(run, work.agents(), rerun=["c"])
    assert told["c"] == ("run", "asked for")
    assert resumed.status == "completed"


def test_an_interrupted_process_is_no_crash(work: Counted) -> None:
    """A process that says that it ends did not die of what was at work."""
    gate = threading.Event()
    run = onb.run(plan_of(), work.agents(c=lambda context: gate.wait(9)))
    until(run, "c", "running")
    run._engine.interrupt("the process ended")  # type: ignore[attr-defined]
    gate.set()
    from orchestra_nb.wiring import live

    live.pop(run.id)
    told, resumed = again(run, work.agents())
    assert told["c"] == ("run", "was at work when the run broke off")
    assert resumed.state.task("c").crashes == 0


def test_a_stopped_run_goes_on(work: Counted) -> None:
    """What a stop cancelled is done; the run comes to its end."""
    gate = threading.Event()
    run = onb.run(plan_of(), work.agents(c=lambda context: gate.wait(9)))
    until(run, "c", "running")
    run.stop()
    gate.set()
    assert run.status == "stopped"
    work.taken()
    told, resumed = again(run, work.agents())
    assert told["c"] == ("run", "was stopped")
    assert told["way"][0] == "ask"
    assert resumed.status == "completed"
    assert "a" not in work.taken()


# Results that are not there.


def test_unstored_results_run_again_only_if_needed(work: Counted) -> None:
    """What could not be kept is done again when somebody who runs may ask for it."""
    run = played(plan_of(), work.agents(b=lambda context: threading.Lock()))
    stored = run.state.task("b").result
    assert stored
    assert stored["kind"] == "repr"
    work.taken()
    agents = work.agents(b=lambda context: threading.Lock())
    told = seen(onb.resume(run.id, agents, rerun=["a"], dry_run=True))
    assert told["b"] == KEPT
    told = seen(onb.resume(run.id, agents, rerun=["e"], dry_run=True))
    action, why = told["b"]
    assert action == "run"
    assert why.startswith("its result could not be stored (")
    assert why.endswith("), and is needed")


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_lost_results_run_again_only_if_needed(work: Counted, how: str) -> None:
    """A result whose file is gone, or is another one, is made again where it is needed."""
    run = played(plan_of(), work.agents(b="b" * 5_000))
    (path,) = (run.folder / "results").iterdir()
    if how == "missing":
        path.unlink()
    else:
        path.write_text("c" * 5_000)
    work.taken()
    agents = work.agents(b="b" * 5_000)
    assert seen(onb.resume(run.id, agents, rerun=["a"], dry_run=True))["b"] == KEPT
    told, resumed = again(run, agents, rerun=["e"])
    assert told["b"][0] == "run"
    words = "is missing" if how == "missing" else "is not what was written"
    assert words in told["b"][1]
    assert work.taken() == {"b": 1, "e": 1}
    assert resumed.results["b"] == "b" * 5_000


# What people did.


def test_what_was_left_out_by_hand_stays_out(work: Counted) -> None:
    """A task that a person skipped is not brought back."""
    gate = threading.Event()
    run = onb.run(plan_of(), work.agents(c=lambda context: gate.wait(9)))
    until(run, "c", "running")
    run.skip("d")
    gate.set()
    run.wait(20)
    cut(run, after=len(lines_of(run)) - 1)
    told, resumed = again(run, work.agents())
    assert told["d"][0] == "skip"
    assert "left out by" in told["d"][1]
    assert resumed.state.task("d").status == "skipped"


def test_edited_texts_and_notes_stay(work: Counted) -> None:
    """An agent that starts after a resume gets its text as edited and the notes that were given."""
    gate = threading.Event()
    waits = lambda context: gate.wait(9)  # noqa: E731  the same one again
    run = onb.run(plan_of(), work.agents(c=waits))
    until(run, "c", "running")
    run.edit("d", "Do d differently")
    run.note("Mind the budget")
    run.pause()
    gate.set()
    until(run, "c", "completed")
    run.stop()
    heard: list[Any] = []

    def tells(context: onb.Context) -> None:
        heard.append((context.text, context.notes))

    told, resumed = again(run, work.agents(c=waits, d=tells))
    assert told["c"] == KEPT, "a note given after it started is none of its inputs"
    assert heard == [("Do d differently", ("Mind the budget",))]
    assert resumed.state.task("d").title == "Do d differently"


def test_a_level_changed_in_the_run_stays(work: Counted) -> None:
    """The level that a person changed to is the run's; what was done before it is kept."""
    text = PLAN.replace("{agent: e, task: Do e,", "{agent: e, task: Do e, max_level: 3,")
    gate = threading.Event()
    run = onb.run(plan_of(text), work.agents(b=lambda context: gate.wait(9)))
    until(run, "a", "completed")
    run.change_level(4)
    gate.set()
    run.wait(20)
    cut(run, after=len(lines_of(run)) - 1)
    told, resumed = again(run, work.agents())
    assert told["a"] == KEPT
    assert told["e"][0] == "skip"
    assert resumed.state.level == 4


def test_rerun_is_for_tasks(run: onb.Run, work: Counted) -> None:
    """A decision, an unknown name and a bare text in rerun= are refused with what to do."""
    with pytest.raises(onb.SetupError, match=r"'way', a decision: an outcome is kept"):
        onb.resume(run.id, work.agents(), rerun=["way"])
    with pytest.raises(onb.SetupError, match=r"pass rerun=\['a'\]"):
        onb.resume(run.id, work.agents(), rerun="a")
    with pytest.raises(onb.CommandError, match="no task 'nobody'"):
        onb.resume(run.id, work.agents(), rerun=["nobody"])


def test_a_resume_of_a_resume(run: onb.Run, work: Counted) -> None:
    """However often a run breaks off, what was done at any time is kept."""
    for task in ("a", "c", "d"):
        cut(run, "agent_start", task=task)
        done = {e["task"] for e in lines_of(run) if e["event"] == "agent_complete"}
        resumed = onb.resume(run.id, work.agents())
        resumed.wait(20)
        assert not done & set(work.taken())
        run = resumed
    assert run.status == "completed"
    assert Path(run.folder / "plan.json").is_file()
