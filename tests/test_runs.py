"""Runs from Python: who does what, what stops a run before it starts, how a process ends."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.events import Event
from orchestra_nb.plan import Agent, Input
from orchestra_nb.store import files
from orchestra_nb.store.reader import read_events

from .engine.rig import choice, fails, fields_of, fold, one_phase, phases, task

ROOT = Path(__file__).parent.parent
KEY = "sk-ant-api03-" + "Zq9" * 30


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, no key, and nobody's mode."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ORCHESTRA_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    return tmp_path / "home"


def log(run: onb.Run) -> list[Event]:
    """A run's log as a reader sees it."""
    lines, problems = read_events(run.folder / "orchestration-timeline.jsonl")
    found = list(lines)
    assert not problems
    return found


def refused(home: Path, plan: Any, agents: Any = None, **options: Any) -> str:
    """What a run says that can't start; nothing may have been written."""
    with pytest.raises((onb.SetupError, onb.PlanError)) as caught:
        onb.run(plan, agents, **options)
    assert not home.exists(), "something was written"
    return str(caught.value)


def wait_for(gate: threading.Event) -> Callable[[Event], None]:
    """A callback that takes its time."""

    def callback(event: Event) -> None:
        gate.wait(9)

    return callback


# Who does what.


def test_functions_are_found_by_agent_or_task() -> None:
    """A name in agents= is a task's id or its agent's name, in any case; the id wins."""
    plan = one_phase(task("expert", id="first"), task("expert", id="second"), task("Other"))
    checked = onb.check(plan, {"EXPERT": _expert, "second": _second, "other": lambda context: None})
    assert checked.runs["first"] == "a function (_expert)"
    assert checked.runs["second"] == "a function (_second)"
    assert checked.runs["Other"].startswith("a function (test_functions")
    assert repr(checked).startswith("test: level 3, full_interactive, 3 tasks run, 0 skipped\n")
    one = onb.check(one_phase(task("only")), {"only": lambda: None})
    assert ", 1 task runs, 0 skipped\n" in repr(one)


def _expert(context: onb.Context) -> str:
    return context.task


def _second(context: onb.Context) -> str:
    return context.task


def test_names_that_no_task_has_are_errors(home: Path) -> None:
    """A name in agents= that fits nothing is refused, with the one that was meant."""
    text = refused(home, one_phase(task("analyst")), {"analyst": _expert, "analist": _expert})
    assert "'analist', but no task is for it; did you mean 'analyst'?" in text


def test_everything_is_named_at_once(home: Path) -> None:
    """All that is wrong with agents= comes in one error."""
    text = refused(
        home,
        one_phase(task("a"), task("b"), task("c"), task("d")),
        {
            "a": 5,
            "b": lambda stranger, context: 1,
            "c": int,
            "C ": _expert,
            7: _expert,
            "x": _expert,
        },
    )
    for part in (
        "agents['a'] must be a function",
        "'stranger' that nothing fills",
        "agents['c'] must be a function",
        "names 'C ' twice",
        "a key 7 that is no text",
        "nobody does 'd'",
        "'x', but no task is for it",
    ):
        assert part in text, text


def test_tasks_without_a_function_need_claude_by_name(home: Path) -> None:
    """With functions given, nobody goes to Claude unasked."""
    plan = one_phase(task("a"), task("b"))
    assert "or claude=True to let Claude do" in refused(home, plan, {"a": _expert})
    assert "Claude can't be reached for b" in refused(home, plan, {"a": _expert}, claude=True)
    model = one_phase(task("a"), task("b"), agents={"B": Agent(model="claude-x")})
    assert "Claude can't be reached for b" in refused(home, model, {"a": _expert})


def test_without_a_key_three_ways_on_are_named(home: Path) -> None:
    """No function and no key: one error that says what to do."""
    text = refused(home, one_phase(task("a")))
    for way in ("ANTHROPIC_API_KEY", "agents=", "onb.rehearse("):
        assert way in text


def test_what_the_level_skips_needs_nobody() -> None:
    """A task that does not run needs no agent, and a function for it is no mistake."""
    plan = one_phase(task("a"), task("t", role="testing"), level=1)
    checked = onb.check(plan, {"a": _expert})
    assert (list(checked.runs), list(checked.skipped)) == (["a"], ["t"])
    assert list(onb.check(plan, {"a": _expert, "t": _expert}).runs) == ["a"]
    assert list(onb.check(plan, {"a": _expert, "t": _expert}, level=2).runs) == ["a", "t"]


def test_checking_starts_nothing(home: Path) -> None:
    """`check` finds out and writes nothing."""
    onb.check(one_phase(task("a")), {"a": _expert})
    assert not home.exists()


@pytest.mark.parametrize("retries", ["two", -1, None, 1.5])
def test_a_worker_of_ones_own_is_looked_at(home: Path, retries: Any) -> None:
    """An object with `blocking` and `retries` is a worker; its retries must be a number."""

    class Mine:
        blocking = False

        def __init__(self) -> None:
            self.retries = retries

        async def __call__(self, context: onb.Context) -> None:
            """Do nothing."""

    assert "retries must be 0 or more" in refused(home, one_phase(task("a")), {"a": Mine()})


# Bad input: a clear error, nothing started, nothing written.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inputs": {"stranger": 1}}, "no such input"),
        ({"inputs": {"market": None}}, "needs a value"),
        ({"inputs": ["market"]}, "inputs: must map names to values"),
        ({"level": 9}, "level"),
        ({"level": True}, "level"),
        ({"mode": "silent"}, "mode"),
        ({"timeline": "soon"}, "timeline"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"budget": {"usd": -1}}, "usd"),
        ({"seed": "luck"}, "seed must be a whole number, not 'luck'"),
        ({"on_event": 5}, "on_event must be a function, not 5"),
        ({"on_decision": "x"}, "on_decision must be a function, not 'x'"),
        ({"agents": ["a"]}, "agents must map names to functions; it is a list"),
        ({"agents": 5}, "agents must map names to functions; it is 5"),
    ],
)
def test_bad_options_are_refused(home: Path, options: dict[str, Any], said: str) -> None:
    """Each option is looked at before anything is written."""
    plan = one_phase(task("a"), inputs={"market": Input(default="B2B")})
    agents = options.pop("agents", {"a": _expert})
    assert said in refused(home, plan, agents, **options)


@pytest.mark.parametrize("plan", [None, 5, {"name": "x"}, b"x", ["plan.yaml"]])
def test_what_is_no_plan_is_refused(home: Path, plan: Any) -> None:
    """A plan is a Plan or the path of one."""
    assert "a plan is a Plan or the path of one" in refused(home, plan)


def test_a_file_that_is_not_there(home: Path, tmp_path: Path) -> None:
    """A path that leads nowhere is told as such."""
    assert "no.yaml" in refused(home, tmp_path / "no.yaml")


def test_an_invalid_file_names_all_faults(home: Path, tmp_path: Path) -> None:
    """Every fault of a file is in the one error, with its line."""
    path = tmp_path / "plan.yaml"
    path.write_text(
        "name: x\nlevel: 9\nphases:\n  - name: P\n    tasks:\n"
        "      - {agent: a, depends_on: [nobody], estimate: soon}\n"
    )
    with pytest.raises(onb.PlanError) as caught:
        onb.run(path)
    places = {fault.place for fault in caught.value.faults}
    assert {"level", "phases[0].tasks[0].depends_on", "phases[0].tasks[0].estimate"} <= places
    assert not home.exists()


def test_a_key_in_a_name_is_refused(home: Path) -> None:
    """Names are written as they are: one that holds a key stops the run."""
    text = refused(home, _named(KEY), {"a": _expert})
    assert KEY not in text
    assert "replace the key" in text


@pytest.mark.parametrize("kind", ["decision", "question"])
def test_a_key_in_what_ids_are_made_of_is_refused(home: Path, kind: str) -> None:
    """An id would spell the key in a way that nobody recognises."""
    key = "ghp_" + "Zq9x" * 9
    asked = [onb.Decision(title=f"Use {key}?", options=["x"])] if kind == "decision" else []
    questions = [onb.Question(ask=f"Is it {key}?", default="x")] if kind == "question" else []
    phases = [onb.Phase(name="P", tasks=[task("a"), *asked])]
    text = refused(home, onb.Plan(name="N", phases=phases, questions=questions), {"a": _expert})
    assert "[secret]" in text
    assert "zq9x" not in text.lower()


def _named(name: str) -> onb.Plan:
    return onb.Plan(name=name, phases=[onb.Phase(name="P", tasks=[task("a")])])


def test_the_mode_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """ORCHESTRA_MODE counts where mode= is absent; a mode that is none is refused."""
    plan = one_phase(task("a"))
    agents = {"a": _expert}
    monkeypatch.setenv("ORCHESTRA_MODE", "fully_autonomous")
    assert onb.check(plan, agents).plan.mode == "fully_autonomous"
    assert onb.check(plan, agents, mode="guided").plan.mode == "guided"
    monkeypatch.setenv("ORCHESTRA_MODE", "psychic")
    with pytest.raises(onb.PlanError, match="psychic"):
        onb.check(plan, agents)
    monkeypatch.setenv("ORCHESTRA_MODE", "")
    assert onb.check(plan, agents).plan.mode == "full_interactive"


# Running.


def test_overrides_are_the_runs_own(tmp_path: Path) -> None:
    """Level, mode, timeline, limit and inputs given to a run win over the plan's."""
    seen: list[Any] = []

    def agent(context: onb.Context) -> None:
        seen.append((context.text, dict(context.inputs), context.level.number))

    plan = onb.Plan(
        name="t",
        inputs={"market": Input(default="B2B")},
        phases=[onb.Phase(name="P", tasks=[onb.Task(agent="a", task="look at {{market}}")])],
    )
    run = onb.run(
        plan, {"a": agent}, level=5, mode="guided", timeline="urgent", max_concurrency=2,
        inputs={"market": "B2C"}, home=tmp_path / "elsewhere",
    )  # fmt: skip
    run.wait(10)
    assert seen == [("look at B2C", {"market": "B2C"}, 5)]
    assert (run.plan.mode, run.plan.timeline, run.plan.max_concurrency) == ("guided", "urgent", 2)
    assert run.folder.is_relative_to(tmp_path / "elsewhere")
    assert (log(run)[0]["level"], log(run)[0]["mode"]) == (5, "guided")
    assert plan.level == 3


def test_the_log_on_disk_folds_to_the_state() -> None:
    """What was written is what happened, in every field."""

    def busy(context: onb.Context) -> dict[str, int]:
        context.progress("half", 0.5)
        context.finding("ä\ud800<b>")
        context.usage(model="m", input_tokens=3, cost=0.1)
        return {"n": context.decide_sync("Which?", ["x", "y"], recommend="B", timeout=0.05).shown_s}  # type: ignore[dict-item]

    plan = phases(
        [task("busy"), task("bad"), task("t", role="security")],
        [choice("d", timeout=1), task("x", when={"d": ["B"]}), task("y", "bad")],
    )
    run = onb.run(
        plan, {"busy": busy, "bad": fails(ValueError(KEY)), "x": busy, "y": busy, "t": busy}
    )
    run.wait(10)
    folded = fold(log(run), run.plan)
    assert fields_of(folded) == fields_of(run.state)
    assert run.state.id == run.id == folded.id


def test_on_event_hears_every_line_in_order() -> None:
    """Each event is heard once, in order, the last included, before wait() returns."""
    heard: list[Event] = []
    run = onb.run(
        phases([task("a")], [task("b")]), {"a": _expert, "b": _expert}, on_event=heard.append
    )
    run.wait(10)
    assert heard == log(run)
    assert heard[-1]["event"] == "orchestration_complete"


def test_on_decision_may_answer() -> None:
    """A callback may take its time and answer; what it gets does not move."""
    plan = one_phase(choice("d", recommend=None), task("x", "d"))
    given: list[Any] = []

    def decide(decision: Any) -> None:
        given.append(decision)
        time.sleep(0.02)
        run.answer(decision.id, "B")

    gate = threading.Event()
    run = onb.run(plan, {"x": _expert}, on_event=wait_for(gate), on_decision=decide)
    gate.set()
    run.wait(10)
    assert run.results["d"].option == "B"
    assert given[0].outcome is None


def test_a_callback_that_fails_stops_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """A broken callback is printed where logs go; run and later calls go on."""
    count = 0

    def broken(event: Event) -> None:
        nonlocal count
        count += 1
        raise RuntimeError("broken callback")

    run = onb.run(one_phase(task("a")), {"a": _expert}, on_event=broken)
    run.wait(10)
    assert run.check()["a"] == "a"
    assert count == len(log(run))
    assert "broken callback" in capfd.readouterr().err


def test_a_callback_may_stop_and_wait() -> None:
    """A callback that stops the run does not hang with it."""
    over = threading.Event()

    def stop(decision: Any) -> None:
        run.stop()
        run.wait(5)
        over.set()

    gate = threading.Event()
    run = onb.run(one_phase(choice("d")), on_event=wait_for(gate), on_decision=stop)
    gate.set()
    began = time.monotonic()
    run.wait(5)
    assert over.wait(5)
    assert time.monotonic() - began < 3
    assert run.status == "stopped"


def test_a_key_in_an_error_is_shown_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """An exception with a key in it: masked in log, plan, state, results and their traceback."""
    run = onb.run(one_phase(task("a")), {"a": fails(ValueError(f"401 for {KEY}"))})
    run.wait(10)
    import traceback

    shown = [repr(run), repr(run.results), str(run.state.task("a"))]
    with pytest.raises(onb.TaskFailed) as caught:
        run.results["a"]
    shown.append("".join(traceback.format_exception(caught.value)))
    with pytest.raises(onb.RunFailed) as failed:
        run.check()
    shown.append("".join(traceback.format_exception(failed.value)))
    shown += [path.read_text() for path in run.folder.rglob("*") if path.is_file()]
    shown += list(capfd.readouterr())
    assert "ValueError: 401 for [secret]" in shown[2]
    assert not [text for text in shown if "Zq9Zq9" in text]


def test_a_disk_that_fills_up_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log can't be written the run ends, wait() raises, nothing more starts."""
    ran: list[str] = []
    gate = threading.Event()
    run = onb.run(
        one_phase(task("a"), task("b", "a")),
        {"a": lambda: gate.wait(9), "b": lambda: ran.append("b")},
    )

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    while run.state.task("a").status != "running":
        time.sleep(0.005)
    monkeypatch.setattr(files, "write_all", full)
    gate.set()
    with pytest.raises(onb.StoreError, match="No space left on device"):
        run.wait(10)
    with pytest.raises(onb.StoreError):
        run.check()
    assert (run.status, ran) == ("failed", [])
    with pytest.raises(onb.CommandError, match="No space left"):
        run.note("anybody?")


def test_a_disk_that_forgets_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed fsync is as bad as a failed write."""

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, "sync_file", broken)
    run = onb.run(one_phase(choice("d")))
    with pytest.raises(onb.StoreError, match="Input/output error"):
        run.wait(10)


def test_a_home_that_can_t_be_made(tmp_path: Path) -> None:
    """Where no folder can be made the error says so, and nothing runs."""
    (tmp_path / "file").write_text("")
    with pytest.raises(onb.StoreError, match="file"):
        onb.run(one_phase(task("a")), {"a": _expert}, home=tmp_path / "file" / "home")


def test_two_runs_of_a_process_keep_apart() -> None:
    """Two runs of one plan have folders, logs and results of their own."""
    plan = one_phase(task("a"))
    first = onb.run(plan, {"a": lambda: 1})
    second = onb.run(plan, {"a": lambda: 2})
    assert first.id != second.id
    assert (first.wait(10)["a"], second.wait(10)["a"]) == (1, 2)
    assert {line["run"] for line in log(first) + log(second) if "run" in line} == {
        first.id, second.id,
    }  # fmt: skip


# How a process ends.


def script(
    text: str, home: Path, timeout: float = 20
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a script; what it printed and how long its last second took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(home)},
    )
    return done, time.monotonic() - began


def last_log(home: Path) -> list[Event]:
    """The log of the one run in a home."""
    (path,) = home.glob("runs/*/orchestration-timeline.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_script_that_ends_with_a_live_run_says_so(home: Path) -> None:
    """The run is interrupted in its log, stderr names run.wait(), the exit takes no time."""
    done, _ = script(
        """
        import asyncio, time, orchestra_nb as onb
        async def slow(context): await asyncio.sleep(60)
        def stuck(context): time.sleep(60)
        run = onb.run(onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=[
            onb.Task(agent="slow"), onb.Task(agent="stuck"),
            onb.Decision(title="Which?", options=["x"])])]), {"slow": slow, "stuck": stuck})
        while len(run.decisions) < 1: time.sleep(0.01)
        import atexit
        began = time.monotonic()
        atexit.register(lambda: None)
        atexit._run_exitfuncs()
        print(f"{time.monotonic() - began:.2f}")
        """,
        home,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.2
    assert done.stderr.count("the script ended while run") == 1
    assert "Use run.wait() to wait for its end." in done.stderr
    assert "To go on with it: onb.resume(" in done.stderr
    kinds = [line["event"] for line in last_log(home)]
    assert kinds[-1] == "run_interrupted"


def test_a_script_that_fails_ends_as_fast(home: Path) -> None:
    """An exception in a script that has a live run is not held up by the run."""
    done, seconds = script(
        """
        import time, orchestra_nb as onb
        run = onb.run(onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=[
            onb.Task(agent="stuck")])]), {"stuck": lambda context: time.sleep(60)})
        raise SystemExit(3)
        """,
        home,
    )
    assert done.returncode == 3
    assert seconds < 15
    assert last_log(home)[-1]["event"] == "run_interrupted"


def test_an_interrupt_ends_only_the_waiting(home: Path) -> None:
    """Ctrl-C in wait() raises there; the run goes on until the script ends."""
    done, _ = script(
        """
        import os, signal, threading, time, orchestra_nb as onb
        go = threading.Event()
        run = onb.run(onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=[
            onb.Task(agent="a")])]), {"a": lambda context: go.wait(30)})
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            run.wait()
        except KeyboardInterrupt:
            print(run.status)
        go.set()
        print(run.wait(10)["a"])
        """,
        home,
    )
    assert done.stdout.split() == ["running", "True"], done.stderr
    assert last_log(home)[-1]["event"] == "orchestration_complete"


def test_a_forked_child_never_writes(home: Path) -> None:
    """A child that an agent forks may talk to its context in vain; the log stays whole."""
    done, _ = script(
        """
        import os, sys, time, warnings, orchestra_nb as onb
        warnings.simplefilter("ignore")
        def agent(context):
            while "run" not in globals():  # onb.run() has not returned yet
                time.sleep(0.01)
            pid = os.fork()
            if pid == 0:
                context.finding("from the child")
                context.progress("from the child")
                said = []
                for call in (
                    lambda: context.decide_sync("Which?", ["x"]), lambda: run.wait(5),
                    lambda: run.note("x"), lambda: run.state,
                ):
                    try:
                        call()
                        said.append("fine")
                    except Exception as error:
                        said.append(type(error).__name__)
                os.write(1, (" ".join(said) + "\\n").encode())
                sys.exit(0)
            os.waitpid(pid, 0)
            return "parent"
        run = onb.run(onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=[
            onb.Task(agent="a")])]), {"a": agent})
        print(run.wait(15)["a"])
        """,
        home,
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == "parent", done.stderr
    assert "RuntimeError RuntimeError CommandError fine" in lines
    log = last_log(home)
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))
    assert "from the child" not in str(log)
    assert log[-1]["event"] == "orchestration_complete"


def test_an_agent_neither_waits_for_its_own_run_nor_hangs_in_a_stop(tmp_path: Path) -> None:
    """A function that waits for its own run is refused; one that stops it goes on at once."""
    started = threading.Event()
    runs: list[onb.Run] = []
    went_on: list[bool] = []

    def waits() -> None:
        started.wait(10)
        runs[0].wait()

    def stops() -> None:
        started.wait(10)
        while runs[0].state.task("waits").status != "failed":
            time.sleep(0.01)
        runs[0].stop()
        went_on.append(True)

    tasks = [onb.Task(agent="waits"), onb.Task(agent="stops")]
    plan = onb.Plan(name="Own", on_failure="continue", phases=[onb.Phase(name="a", tasks=tasks)])
    runs.append(onb.run(plan, agents={"waits": waits, "stops": stops}, home=tmp_path))
    started.set()
    runs[0].wait(20)
    assert "its own run" in runs[0].state.task("waits").error
    assert went_on == [True]
    assert "abandoned" not in runs[0].state.task("stops").reason
