"""Processes that end, sleep, fork and race: what is left of a run is gone on with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.errors import LockedError
from orchestra_nb.store.home import list_runs

from .stage import LOG, lines_of

ROOT = Path(__file__).parents[2]
WITHIN_S = 50.0
HEAD = """
import os, pathlib, signal, sys, threading, time
import orchestra_nb as onb

def called(task):
    fd = os.open("calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, task.encode() + b"\\n")
    os.close(fd)

def plan(*agents, **settings):
    before = [(), *((one,) for one in agents)]
    tasks = [onb.Task(agent=one, depends_on=last) for one, last in zip(agents, before)]
    return onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=tasks)], **settings)

"""


def started(tmp_path: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    """A script in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(script), *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str], *, code: int = 0) -> list[str]:
    """What a script printed, once it has ended with that code."""
    out, errors = process.communicate(timeout=WITHIN_S)
    assert process.returncode == code, errors
    return out.split()


def calls(tmp_path: Path) -> list[str]:
    """What was really called, in order, over all processes."""
    path = tmp_path / "calls"
    return path.read_text().split() if path.exists() else []


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def whole(log: Path) -> list[dict[str, Any]]:
    """All events of a log: none is damaged, none is missing, and time never goes back."""
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    ts = [one["t"] for one in events]
    assert ts == sorted(ts)
    return events


def only_run(tmp_path: Path) -> Path:
    """The folder of the only run."""
    (run,) = list_runs(tmp_path / "home")
    return run


def test_an_interrupt_ends_an_awaiting_script_and_leaves_its_run(tmp_path: Path) -> None:
    """Ctrl-C in `await run` ends the waiting; the script goes on, and so does the run."""
    process = started(
        tmp_path,
        """
        import asyncio
        go, runs = threading.Event(), []
        async def main():
            runs.append(onb.run(plan("a"), {"a": lambda context: go.wait(30)}))
            await runs[0]
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted", runs[0].status)
        go.set()
        print(runs[0].wait(10)["a"], runs[0].status)
        """,
    )
    assert said(process) == ["interrupted", "running", "True", "completed"]


def test_a_script_that_ends_under_its_run_leaves_one_to_go_on_with(tmp_path: Path) -> None:
    """What was done stays done, what was at work runs again, and that was no crash."""
    process = started(
        tmp_path,
        """
        at_work = threading.Event()
        def b(context):
            called("b")
            at_work.set()
            time.sleep(60)
        run = onb.run(plan("a", "b", "c"), {"a": lambda: called("a"), "b": b, "c": lambda: 0})
        at_work.wait(30)
        """,
    )
    said(process)
    before = whole(only_run(tmp_path) / LOG)
    assert before[-1]["event"] == "run_interrupted"
    run = onb.resume(
        only_run(tmp_path).name,
        {name: lambda context: context.task for name in "abc"},
        home=tmp_path / "home",
    )
    assert [run.wait(20)[task] for task in "bc"] == ["b", "c"]
    assert calls(tmp_path) == ["a", "b"]
    (resumed,) = (one for one in whole(run.folder / LOG) if one["event"] == "run_resumed")
    assert (resumed["tasks"], resumed["crashed"]) == (["b", "c"], [])


RESUMES = """
from orchestra_nb.errors import LockedError

def b(context):
    called("b")
    while not os.path.exists("go"):
        time.sleep(0.01)

agents = {"a": lambda: called("a"), "b": b}
print("ready", flush=True)
sys.stdin.readline()
try:
    run = onb.resume(sys.argv[1], agents)
except LockedError as error:
    print("refused", error.pid, flush=True)
else:
    print("resumed", os.getpid(), flush=True)
    run.wait(30)
"""


def test_of_two_resumes_at_once_one_wins(tmp_path: Path) -> None:
    """The other is refused with the winner's pid; nothing is done twice."""
    process = started(
        tmp_path,
        """
        def b(context):
            called("b")
            os.kill(os.getpid(), signal.SIGKILL)
        onb.run(plan("a", "b"), {"a": lambda: called("a"), "b": b}).wait(30)
        """,
    )
    said(process, code=-signal.SIGKILL)
    run = only_run(tmp_path)
    racers = []
    for _ in range(3):
        racer = subprocess.Popen(
            [sys.executable, "-c", HEAD + RESUMES, run.name],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRA_HOME": str(tmp_path / "home")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
        racers.append(racer)
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    until(lambda: calls(tmp_path).count("b") == 2)
    reader = onb.open(run.name, home=tmp_path / "home")
    assert reader.status == "running"
    until(lambda: sum(racer.poll() is None for racer in racers) == 1)  # before there is an end
    (tmp_path / "go").touch()
    words = sorted(racer.communicate(timeout=WITHIN_S)[0].split() for racer in racers)
    winner = words[-1][1]
    assert words == [["refused", winner], ["refused", winner], ["resumed", winner]]
    assert calls(tmp_path) == ["a", "b", "b"]
    assert whole(run / LOG)[-1]["status"] == "completed"


def test_a_wall_clock_set_back_moves_nothing(tmp_path: Path) -> None:
    """An hour back within a run and again before its resume: t goes on, durations are right."""
    script = """
        real, back = time.time, [0.0]
        time.time = lambda: real() - back[0]
        import orchestra_nb.runs
        back[0] = float(sys.argv[1])
        def a(context):
            back[0] += 3600
            time.sleep(0.05)
        def b(context):
            context.decide_sync("Which?", ["x", "y"], recommend="A", timeout=1)
            if len(sys.argv) < 3:
                (log,) = pathlib.Path("home/runs").glob("*/*.jsonl")
                while b'"event":"decision"' not in log.read_bytes():  # an agent hears of it first
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGKILL)
        agents = {"a": a, "b": b}
        if len(sys.argv) < 3:
            onb.run(plan("a", "b"), agents).wait(30)
        run = onb.resume(sys.argv[2], agents)
        run.wait(30)
        print(run.status, run.now() < 60)
        """
    said(started(tmp_path, script, "0"), code=-signal.SIGKILL)
    run = only_run(tmp_path)
    cut = len(whole(run / LOG))
    assert said(started(tmp_path, script, "7200", run.name)) == ["completed", "True"]
    events = whole(run / LOG)
    stamps = [one["timestamp"] for one in events]
    assert stamps[cut] < stamps[0]  # the wall clock did go back
    assert all(0 <= one["duration_s"] < 30 for one in events if "duration_s" in one)
    outcomes = [one for one in events if one["event"] == "decision"]
    assert [one["by"] for one in outcomes] == ["timeout", "timeout"]
    assert all(0.9 < one["waited_s"] < 30 for one in outcomes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
def test_processes_that_agents_fork_leave_the_run_alone(tmp_path: Path) -> None:
    """A pool that forks, and a child that runs on or dies: the log is the parent's alone."""
    process = started(
        tmp_path,
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore")
        def square(number):
            return number * number
        def pool(context):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                context.finding("pooled")
                return pool.map(square, [1, 2, 3])
        def child(context):
            pid = os.fork()
            if pid == 0:
                context.finding("from the child")
                os.kill(os.getpid(), signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        def outlives(context):
            def work():
                context.progress("still here")
                time.sleep(0.5)
            child = multiprocessing.get_context("fork").Process(target=work)
            child.start()
            return child.pid > 0
        run = onb.run(plan("pool", "child", "outlives"),
                      {"pool": pool, "child": child, "outlives": outlives})
        results = run.wait(30)
        print(results["pool"], results["child"], results["outlives"], run.status)
        """,
    )
    assert said(process) == ["[1,", "4,", "9]", "-9", "True", "completed"]
    events = whole(only_run(tmp_path) / LOG)
    told = [one["description"] for one in events if one["event"] == "insight"]
    assert (told, events[-1]["event"]) == (["pooled"], "orchestration_complete")


def test_what_ended_the_process_three_times_is_left_alone(tmp_path: Path) -> None:
    """It is not tried a fourth time unasked, says how to, and does the rest; asked, it runs."""
    script = """
        def bad(context):
            called("bad")
            if len(sys.argv) < 3:
                os._exit(9)
            return "fine"
        agents = {"bad": bad, "next": lambda: 1, "other": lambda: called("other")}
        tasks = [onb.Task(agent="bad"), onb.Task(agent="next", depends_on=["bad"])]
        tasks += [onb.Task(agent="other", depends_on=[])]
        if len(sys.argv) == 1:
            phases = [onb.Phase(name="P", tasks=tasks)]
            other = onb.Plan(name="t", phases=phases, on_failure="continue", max_concurrency=1)
            run = onb.run(other, agents)
        else:
            run = onb.resume(sys.argv[1], agents, rerun=sys.argv[2:])
        run.wait(30)
        print(run.status, run.state.task("bad").error)
        """
    said(started(tmp_path, script), code=9)
    run = only_run(tmp_path).name
    said(started(tmp_path, script, run), code=9)
    said(started(tmp_path, script, run), code=9)
    words = " ".join(said(started(tmp_path, script, run)))
    assert words.startswith("failed Was at work each of the 3 times the process died")
    assert re.search(r"onb\.resume\(.*rerun=\['bad'\]\)", words)
    assert calls(tmp_path).count("bad") == 3
    assert calls(tmp_path).count("other") == 1
    assert said(started(tmp_path, script, run, "bad"))[0] == "completed"
    assert calls(tmp_path).count("bad") == 4
    whole(only_run(tmp_path) / LOG)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal there")
def test_a_process_that_sleeps_keeps_its_run(tmp_path: Path) -> None:
    """Stopped for 7 s it is alive: nobody takes its run over, and its timeouts did not run out."""
    process = started(
        tmp_path,
        """
        def a(context):
            print("at-work", flush=True)
            end = time.monotonic() + 9
            while time.monotonic() < end and not os.path.exists("go"):
                time.sleep(0.01)
        tasks = [onb.Task(agent="a", timeout=1)]
        run = onb.run(onb.Plan(name="t", phases=[onb.Phase(name="P", tasks=tasks)]), {"a": a})
        run.wait(30)
        print(run.status, flush=True)
        """,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at-work\n"
    process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(LockedError) as caught:
            onb.resume(only_run(tmp_path).name, {"a": lambda: 1}, home=tmp_path / "home")
        assert caught.value.pid == process.pid
        assert onb.open(only_run(tmp_path).name, home=tmp_path / "home").status == "running"
        time.sleep(max(0.0, 7.0 - (time.monotonic() - began)))
    finally:
        process.send_signal(signal.SIGCONT)
    (tmp_path / "go").touch()
    assert said(process) == ["completed"]
    assert lines_of(only_run(tmp_path))[-1]["status"] == "completed"
