"""What a run was given instead of what its plan's head says goes on with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.plan import Plan
from orchestra_nb.runs import live_runs

from .stage import LOG, Counted, lines_of, played

HEAD = """
name: Head
level: 2
on_failure: continue
phases:
- name: One
  tasks:
  - {agent: a, task: Do a}
  - {agent: guard, task: Guard, role: security, depends_on: []}
  - {agent: c, task: Do c}
"""
GIVEN: Mapping[str, Any] = {
    "level": 4, "mode": "fully_autonomous", "budget": {"usd": 1.0}, "max_concurrency": 2,
    "timeline": "urgent",
}  # fmt: skip


def plan_of(text: str = HEAD, *changes: tuple[str, str]) -> Plan:
    """The plan of a text, with other words in it."""
    for old, new in changes:
        text = text.replace(old, new)
    return Plan.parse(text, format="yaml")


def fails(context: onb.Context) -> None:
    """Fail for an ordinary reason."""
    raise ValueError("no")


@pytest.fixture
def work() -> Counted:
    """Agents of which the last one fails."""
    return Counted(a="a", guard="guard", c=fails)


def forget_overrides(run: onb.Run) -> None:
    """Make a log one of a version that did not tell what was overridden."""
    lines = [json.loads(line) for line in (run.folder / LOG).read_text("utf-8").splitlines()]
    assert "overrides" in lines[0]
    del lines[0]["overrides"]
    (run.folder / LOG).write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")


def test_a_changed_plan_leaves_what_the_run_was_given(work: Counted) -> None:
    """Level, mode, timeline and caps given to run() hold on under a plan that is passed anew."""
    run = played(plan_of(), work.agents(), **GIVEN)
    work.taken()
    changed = plan_of(HEAD, ("Do c", "Do c better"))
    again = onb.resume(run.id, work.agents(), plan=changed)
    again.wait(20)
    state = again.state
    assert work.taken() == {"c": 1}
    assert (state.level, state.mode, state.timeline) == (4, "fully_autonomous", "urgent")
    assert (state.budget["usd"], again.plan.max_concurrency) == (1.0, 2)


def test_a_fork_with_a_plan_keeps_them_for_its_own_resumes(work: Counted) -> None:
    """A fork has what its parent was given, and a resume of the fork has it still."""
    run = played(plan_of(), work.agents(), **GIVEN)
    changed = plan_of(HEAD, ("Do c", "Do c better"))
    fork = onb.fork(run.id, work.agents(), plan=changed)
    fork.wait(20)
    assert (fork.state.level, fork.state.budget["usd"]) == (4, 1.0)
    again = onb.resume(fork.id, work.agents(), plan=plan_of())
    again.wait(20)
    assert (again.state.level, again.state.budget["usd"]) == (4, 1.0)


def test_what_was_not_overridden_is_the_plans(work: Counted) -> None:
    """A head that says anew what the run was not given another of counts, and is named."""
    run = played(plan_of(HEAD, ("level: 2", "level: 2\nbudget: {usd: 2}")), work.agents())
    changed = plan_of(HEAD, ("level: 2", "level: 3"))
    preview = onb.resume(run.id, work.agents(), plan=changed, dry_run=True)
    assert "The plan says anew: level 3 (was 2), budget none (was $2.00)." in repr(preview)
    again = onb.resume(run.id, work.agents(), plan=changed)
    again.wait(20)
    assert (again.state.level, again.state.budget) == (3, {})


def test_a_cap_of_an_old_log_stays(work: Counted) -> None:
    """Where a log does not tell whose a cap was, a plan without any does not take it away."""
    run = played(plan_of(), work.agents(), budget={"usd": 1.0}, level=4)
    forget_overrides(run)
    again = onb.resume(run.id, work.agents(), plan=plan_of())
    again.wait(20)
    assert (again.state.level, again.state.budget["usd"]) == (2, 1.0)


def test_a_rating_is_no_last_word(work: Counted) -> None:
    """A process that died after a thumb was given died all the same."""
    from orchestra_nb.again.past import read_past
    from orchestra_nb.store.folder import RunFolder

    run = played(plan_of(), work.agents())
    lines = (run.folder / LOG).read_text("utf-8").splitlines()
    kept = lines[: next(i for i, line in enumerate(lines) if '"agent_start"' in line) + 1]
    at = json.loads(kept[-1])
    thumb = {key: at[key] for key in ("timestamp", "seq", "t", "phase")} | {
        "event": "rating", "task": "a", "agent": "a", "good": True, "note": "", "who": "me",
    }  # fmt: skip
    thumb["seq"] += 1
    (run.folder / LOG).write_text("\n".join([*kept, json.dumps(thumb)]) + "\n", "utf-8")
    assert read_past(RunFolder.open(run.folder)).died


def test_a_resumed_run_is_going_on_at_once(work: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first turn it reads as running, and a second resume of it is refused."""
    from orchestra_nb.engine.engine import Engine

    run = played(plan_of(), work.agents())
    begun: list[Engine] = []
    start = Engine.start
    with monkeypatch.context() as patched:
        patched.setattr(Engine, "start", lambda engine: begun.append(engine))
        again = onb.resume(run.id, work.agents())
        assert again.status == "running"
        assert [one.id for one in live_runs()] == [run.id]
        with pytest.raises(onb.CommandError, match="going on in this process"):
            onb.resume(run.id, work.agents())
    start(begun[0])
    again.wait(20)
    assert [e["event"] for e in lines_of(run)].count("run_resumed") == 1


def test_a_preview_says_who_runs_it(tmp_path: Path, work: Counted) -> None:
    """What another process is running can't be resumed, and the preview of that says so."""
    plan = tmp_path / "plan.json"
    plan_of().save(plan)
    code = (
        "import sys, orchestra_nb as onb\n"
        "def waits(context): sys.stdin.read()\n"
        "run = onb.run(sys.argv[1], dict.fromkeys(['a', 'guard', 'c'], waits))\n"
        "print(run.id, flush=True)\n"
        "run.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(plan)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        run_id = other.stdout.readline().strip()
        preview = onb.resume(run_id, work.agents(), dry_run=True)
        other.communicate("")
    assert preview.owner == other.pid
    assert f"It is going on in process {other.pid}" in repr(preview)


def test_a_text_with_a_secret_is_no_changed_text(work: Counted) -> None:
    """The plan in a log is masked: the same plan passed anew differs in nothing."""
    secret = "sk-ant-api03-" + "A1b2C3d4" * 10
    plan = plan_of(HEAD, ("Do a", f"Do a with {secret}"))
    run = played(plan, work.agents())
    for preview in (
        onb.resume(run.id, work.agents(), plan=plan, dry_run=True),
        onb.fork(run.id, work.agents(), plan=plan, dry_run=True),
    ):
        assert [one.action for one in preview.nodes] == ["keep", "skip", "run"]
