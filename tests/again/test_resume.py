"""Going on: people are asked anew, what was given is there, and the log tells one story."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import orchestra_nb as onb
from orchestra_nb.errors import LockedError
from orchestra_nb.plan import Plan
from tests.engine.rig import fields_of

from .stage import LOG, Counted, answer, cut, folded, lines_of, played, seen, until, wait_for

ASKED = """
name: Asked
mode: full_interactive
on_failure: continue
questions:
- {ask: How many users?, id: users, kind: integer, default: 1000}
phases:
- name: Only
  tasks:
  - {agent: a, task: Do a}
  - {decision: Which way, id: way, options: {A: left, B: right}, recommend: A, depends_on: [a]}
  - {agent: b, task: Do b, depends_on: [way]}
"""


def plan_of(text: str = ASKED) -> Plan:
    """The plan of a text."""
    return Plan.parse(text, format="yaml")


@pytest.fixture
def work() -> Counted:
    """Agents that count what they do."""
    return Counted(a="a", b=lambda context: dict(context.answers))


def decided(work: Counted) -> onb.Run:
    """A run that was asked everything, and is over."""
    run = onb.run(plan_of(), work.agents())
    answer(run, "questions", "A", values={"users": 3_000})
    answer(run, "way", "B", note="trust me")
    run.wait(20)
    assert run.status == "completed"
    work.taken()
    return run


# People.


def test_an_open_decision_is_asked_anew_with_its_id(work: Counted) -> None:
    """What nobody had answered is asked again; the log says so, and an answer counts once."""
    run = decided(work)
    cut(run, "decision_opened", decision_id="way")
    told = seen(onb.resume(run.id, work.agents(), dry_run=True))
    assert told["way"] == ("ask", "not answered; asked anew")
    resumed = onb.resume(run.id, work.agents())
    wait_for(lambda: (d := resumed.state.decisions.get("way")) and d.open, "way open")
    assert fields_of(folded(resumed)) == fields_of(resumed.state)
    answer(resumed, "way", "A")
    resumed.wait(20)
    assert work.taken() == {"b": 1}
    assert resumed.results["b"] == {"users": 3_000}
    opened = [e["seq"] for e in lines_of(resumed) if e["event"] == "decision_opened"
              and e["decision_id"] == "way"]  # fmt: skip
    outcomes = [e["option"] for e in lines_of(resumed) if e["event"] == "decision"
                and e["decision_id"] == "way"]  # fmt: skip
    assert len(opened) == 2
    assert outcomes == ["A"]


def test_recorded_outcomes_are_kept(work: Counted) -> None:
    """An answer that is in the log is not asked again, with its note, by whom and when."""
    run = decided(work)
    before = run.state.decisions["way"].outcome
    cut(run, "decision", decision_id="way")
    resumed = onb.resume(run.id, work.agents())
    resumed.wait(20)
    after = resumed.state.decisions["way"].outcome
    assert after == before
    assert after is not None
    assert (after.option, after.note) == ("B", "trust me")
    assert work.taken() == {"b": 1}


def test_an_open_form_is_asked_anew(work: Counted) -> None:
    """A run that broke off before its questions were answered asks them first."""
    run = decided(work)
    cut(run, "decision_opened", decision_id="questions")
    resumed = onb.resume(run.id, work.agents())
    wait_for(lambda: (d := resumed.state.decisions.get("questions")) and d.open, "the form open")
    assert work.taken() == {}
    answer(resumed, "questions", "A", values={"users": 7})
    answer(resumed, "way", "A")
    assert resumed.wait(20)["b"] == {"users": 7}


def test_an_answered_form_is_kept(work: Counted) -> None:
    """What was answered before the run is known to it from then on."""
    run = decided(work)
    cut(run, "decision", decision_id="questions")
    resumed = onb.resume(run.id, work.agents())
    answer(resumed, "way", "A")
    assert resumed.wait(20)["b"] == {"users": 3_000}
    asked = [e for e in lines_of(resumed) if e["event"] == "decision_opened"]
    assert [e["decision_id"] for e in asked] == ["questions", "way"]


REVIEWED = """
name: Reviewed
mode: full_interactive
on_failure: continue
phases:
- name: Only
  tasks:
  - {agent: a, task: Do a, review: true}
  - {agent: b, task: Do b, depends_on: [a]}
"""


def test_an_open_review_opens_again_without_the_agent(work: Counted) -> None:
    """A result that waited for a person waits for them again; its agent does not run."""
    run = onb.run(plan_of(REVIEWED), work.agents())
    answer(run, "a/review", "A")
    run.wait(20)
    work.taken()
    cut(run, "decision_opened", decision_id="a/review")
    told = seen(onb.resume(run.id, work.agents(), dry_run=True))
    assert told["a"] == ("ask", "its result waits for your review")
    resumed = onb.resume(run.id, work.agents())
    wait_for(lambda: resumed.state.open_decisions(), "a review")
    (card,) = resumed.state.open_decisions()
    assert card.detail["result"] == "a"
    resumed.answer(card.id, "A")
    resumed.wait(20)
    assert work.taken() == {"b": 1}
    assert resumed.results["a"] == "a"


AFTER = REVIEWED.replace("Do a, review: true}", "Do a}").replace(
    "task: Do b, depends_on: [a]}", "task: Do b, depends_on: [a], review: true}"
)


def _under_review(work: Counted, text: str, card: str) -> onb.Run:
    """A run that broke off while a result was reviewed."""
    run = onb.run(plan_of(text), work.agents(b=_of_a))
    answer(run, card, "A")
    run.wait(20)
    cut(run, "decision_opened", decision_id=card)
    work.taken()
    return run


def _of_a(context: onb.Context) -> str:
    return f"of {context.results['a']}"


def _another(context: onb.Context) -> str:
    return f"made of {context.results['a']}"


@pytest.mark.parametrize(
    ("changed", "action", "done", "result"),
    [
        ({"b": _another}, "run", {"b": 1}, "made of a"),
        ({"b": _of_a, "a": lambda context: "new"}, "compare", {"a": 1, "b": 1}, "of new"),
        ({"b": _of_a, "a": lambda context: "" + "a"}, "compare", {"a": 1}, "of a"),
        ({"b": _of_a}, "ask", {}, "of a"),
    ],
)
def test_a_result_under_review_stands_only_for_who_made_it_of_what(
    work: Counted, changed: dict[str, Any], action: str, done: dict[str, int], result: str
) -> None:
    """A changed function or input has its agent work again; else the result waits, as it was."""
    run = _under_review(work, AFTER, "b/review")
    agents = work.agents(**changed)
    assert seen(onb.resume(run.id, agents, dry_run=True))["b"][0] == action
    resumed = onb.resume(run.id, agents)
    wait_for(lambda: resumed.state.open_decisions(), "a review")
    resumed.answer(resumed.state.open_decisions()[0].id, "A")
    assert resumed.wait(20)["b"] == result
    assert work.taken() == done
    assert {one.action for one in onb.resume(run.id, agents, dry_run=True).nodes} == {"keep"}


def test_a_reviewed_result_that_is_sent_back_has_its_agent_work(work: Counted) -> None:
    """After a resume a comment reaches the agent itself."""
    heard: list[Any] = []

    def a(context: onb.Context) -> str:
        heard.append((context.comments, context.previous))
        return "better" if context.comments else "a"

    run = onb.run(plan_of(REVIEWED), work.agents(a=a))
    answer(run, "a/review", "A")
    run.wait(20)
    cut(run, "decision_opened", decision_id="a/review")
    work.taken()
    heard.clear()
    resumed = onb.resume(run.id, work.agents(a=a))
    wait_for(lambda: resumed.state.open_decisions(), "a review")
    first = resumed.state.open_decisions()[0].id
    resumed.answer(first, "B", note="be better")
    wait_for(lambda: [d for d in resumed.state.open_decisions() if d.id != first], "another")
    resumed.answer(resumed.state.open_decisions()[0].id, "A")
    assert resumed.wait(20)["a"] == "better"
    assert heard == [(("be better",), "a")]


def test_an_agent_that_was_asking_asks_again(work: Counted) -> None:
    """A task that waited for a person's word begins anew and asks anew; that is no crash."""

    def asks(context: onb.Context) -> str:
        return context.decide_sync("Which?", ["x", "y"], recommend="A", timeout=600).text

    run = onb.run(plan_of(REVIEWED.replace(", review: true", "")), work.agents(a=asks))
    answer(run, "a/which", "A")
    run.wait(20)
    cut(run, "decision_opened", decision_id="a/which")
    told = seen(onb.resume(run.id, work.agents(a=asks), dry_run=True))
    assert told["a"] == ("run", "was at work when the run broke off")
    resumed = onb.resume(run.id, work.agents(a=asks))
    wait_for(lambda: resumed.state.open_decisions(), "it asks again")
    resumed.answer(resumed.state.open_decisions()[0].id, "B")
    assert resumed.wait(20)["a"] == "y"
    assert resumed.state.task("a").crashes == 0


def test_a_paused_run_goes_on(work: Counted) -> None:
    """A resume is a person's word to go on: what was paused runs."""
    gate = threading.Event()
    run = onb.run(plan_of(REVIEWED.replace(", review: true", "")),
                  work.agents(a=lambda context: gate.wait(9)))  # fmt: skip
    until(run, "a", "running")
    run.pause()
    gate.set()
    until(run, "a", "completed")
    end = len(lines_of(run))
    run.stop()
    cut(run, after=end)
    resumed = onb.resume(run.id, work.agents(a=lambda context: gate.wait(9)))
    resumed.wait(20)
    assert resumed.status == "completed"


def test_autopilot_stays_on(work: Counted) -> None:
    """What a person left to the recommendations stays left to them."""
    run = onb.run(plan_of(), work.agents())
    run.autopilot = True
    run.wait(20)
    cut(run, "agent_start", task="a")
    resumed = onb.resume(run.id, work.agents())
    assert resumed.wait(20)["b"] == {"users": 1_000}
    outcome = resumed.state.decisions["way"].outcome
    assert outcome is not None
    assert outcome.by == "autopilot"


def test_what_others_said_to_a_dead_process_is_refused(work: Counted) -> None:
    """An answer that lay in the inbox when the process died is not carried out, and told so."""
    run = decided(work)
    cut(run, "decision_opened", decision_id="way")
    name = uuid.uuid4().hex
    said = {"type": "answer", "decision": "way", "option": "B", "client": name}
    (run.folder / "answers").mkdir(exist_ok=True)
    (run.folder / "answers" / f"{name}.json").write_text(json.dumps(said))
    resumed = onb.resume(run.id, work.agents())
    reply = run.folder / "answers" / f"{name}.reply.json"
    wait_for(reply.exists, "a reply")
    told = json.loads(reply.read_text())
    assert told["ok"] is False
    assert "changed hands" in told["text"]
    answer(resumed, "way", "A")
    resumed.wait(20)
    outcome = resumed.state.decisions["way"].outcome
    assert outcome is not None
    assert outcome.option == "A"


# Results.


class Table(BaseModel):
    """A result that is a model."""

    rows: list[str]
    comment: str = "x" * 2_000


def makes_table(context: onb.Context) -> Table:
    """Say by its annotation what it returns."""
    return Table(rows=["r"])


def test_results_of_kept_tasks_are_what_they_were() -> None:
    """Models, frames, bytes and long texts reach who runs after a resume as they were."""
    heard: dict[str, Any] = {}

    def reader(context: onb.Context) -> str:
        heard.update(context.results)
        return "read"

    made: dict[str, Any] = {
        "model": makes_table,
        "frame": lambda: pd.DataFrame({"n": [1, 2], "s": ["x", None]}),
        "raw": lambda: b"\x00\xff" * 2_000,
        "text": lambda: "ä" * 5_000,
        "none": lambda: None,
    }
    tasks = [onb.Task(agent=name, task=name) for name in made]
    last = onb.Task(agent="reader", task="read", depends_on=list(made))
    plan = Plan(name="kinds", mode="fully_autonomous",
                phases=[onb.Phase(name="P", tasks=[*tasks, last])])  # fmt: skip
    run = played(plan, made | {"reader": reader})
    before, heard = dict(heard), {}
    cut(run, "agent_start", task="reader")
    resumed = onb.resume(run.id, made | {"reader": reader})
    results = resumed.wait(20)
    for found in (heard, results):
        assert found["model"] == before["model"]
        assert isinstance(found["model"], Table)
        assert found["frame"].equals(before["frame"])
        assert (found["raw"], found["text"], found["none"]) == (
            before["raw"], before["text"], None,
        )  # fmt: skip


# One story.


def test_figures_are_of_the_whole_run() -> None:
    """Cost, tokens, decisions and time count from the first process on."""

    def spends(context: onb.Context) -> str:
        context.usage(model="m", input_tokens=10, output_tokens=5, cost=0.25)
        return context.task

    plan = plan_of(REVIEWED.replace(", review: true", ""))
    run = played(plan, {"a": spends, "b": spends})
    cut(run, "agent_start", task="b")
    t = lines_of(run)[-1]["t"]
    resumed = onb.resume(run.id, {"a": spends, "b": spends})
    assert resumed.now() >= t
    resumed.wait(20)
    end = lines_of(resumed)[-1]
    assert end["event"] == "orchestration_complete"
    assert end["cost"] == pytest.approx(0.5)
    assert end["tokens"] == 30
    assert end["counts"] == {"completed": 2}
    assert end["duration_s"] >= t
    assert resumed.state.wall == run.state.wall


def test_lines_that_cannot_be_read_are_passed_over_and_said(work: Counted) -> None:
    """A damaged line costs what it told; a preview and a warning say so, and the run goes on."""
    run = played(plan_of(REVIEWED.replace(", review: true", "")), work.agents())
    work.taken()
    path = run.folder / LOG
    lines = path.read_bytes().splitlines(keepends=True)
    (at,) = [n for n, line in enumerate(lines) if b'"agent_complete"' in line and b'"a"' in line]
    lines[at] = lines[at][:40] + b"\n"
    path.write_bytes(b"".join(lines[:-1]))
    preview = onb.resume(run.id, work.agents(), dry_run=True)
    assert "1 line of the log can't be read" in repr(preview)
    with pytest.warns(UserWarning, match="1 line of the log of .* can't be read"):
        resumed = onb.resume(run.id, work.agents())
    resumed.wait(20)
    assert resumed.status == "completed"
    assert work.taken()["a"] == 1


def test_a_torn_line_is_left_as_it_is(work: Counted) -> None:
    """The old bytes of a log are the beginning of the new one, also where it was torn."""
    run = played(plan_of(REVIEWED.replace(", review: true", "")), work.agents())
    path = run.folder / LOG
    torn = path.read_bytes()[:-30]
    path.write_bytes(torn)
    with pytest.warns(UserWarning, match="perhaps cut off"):
        resumed = onb.resume(run.id, work.agents())
    resumed.wait(20)
    assert path.read_bytes().startswith(torn)
    assert onb.open(run.id).status == "completed"


def test_a_rehearsal_goes_on_as_one() -> None:
    """Simulated agents go on; real ones are refused."""
    plan = Plan.parse(REVIEWED.replace(", review: true", ", estimate: 1s"), format="yaml")
    run = onb.rehearse(plan, speed=1_000, mode="fully_autonomous")
    run.wait(20)
    cut(run, "agent_start", task="a")
    with pytest.raises(onb.SetupError, match="It is a rehearsal"):
        onb.resume(run.id, {"a": lambda: None})
    resumed = onb.resume(run.id)
    resumed.wait(20)
    assert resumed.status == "completed"
    assert resumed.state.rehearsal == 1_000


# Who may.


def test_a_run_that_goes_on_here_is_not_resumed(work: Counted) -> None:
    """In the process that runs it the refusal names what shows it."""
    gate = threading.Event()
    plan = plan_of(REVIEWED.replace(", review: true", ""))
    run = onb.run(plan, work.agents(a=lambda context: gate.wait(9)))
    for dry_run in (True, False):
        with pytest.raises(onb.CommandError, match=r"going on in this process: onb.open"):
            onb.resume(run.id, work.agents(), dry_run=dry_run)
    gate.set()
    run.wait(20)


def test_one_process_at_a_time(work: Counted, home: Path) -> None:
    """Another process that runs it is named by its pid; nothing is written."""
    run = played(plan_of(REVIEWED.replace(", review: true", "")), work.agents())
    cut(run, "agent_start", task="b")
    code = (
        "import sys; from pathlib import Path; from orchestra_nb.store.lock import RunLock\n"
        "lock = RunLock(Path(sys.argv[1])); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run.folder / "lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        before = lines_of(run)
        with pytest.raises(LockedError) as caught:
            onb.resume(run.id, work.agents())
        assert caught.value.pid == other.pid
        assert str(other.pid) in str(caught.value)
        assert lines_of(run) == before
        assert onb.resume(run.id, work.agents(), dry_run=True).nodes, "readers always may"
        other.communicate()
    assert onb.resume(run.id, work.agents()).wait(20)["b"] == {}


def test_a_refused_resume_lets_go_of_the_run(work: Counted) -> None:
    """After a refusal nobody holds the run: the next resume goes on."""
    run = played(plan_of(REVIEWED.replace(", review: true", "")), work.agents())
    cut(run, "agent_start", task="b")
    with pytest.raises(onb.SetupError):
        onb.resume(run.id, {"a": lambda: "a"})
    assert (run.folder / "lock").read_bytes() == b""
    assert onb.resume(run.id, work.agents()).wait(20)["b"] == {}


def test_a_process_killed_in_the_middle_is_gone_on_with(tmp_path: Path, home: Path) -> None:
    """Really killed: the next process keeps what was done and does what was at work."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "import orchestra_nb as onb\n"
        "plan = onb.Plan(name='killed', mode='fully_autonomous', phases=[onb.Phase(name='P', "
        "tasks=[onb.Task(agent='a', task='a'), "
        "onb.Task(agent='b', task='b', depends_on=['a'])])])\n"
        "def note(word):\n"
        "    with open(sys.argv[1], 'a') as file: file.write(word)\n"
        "def a(): note('a'); return 'A'\n"
        "def b(a):\n"
        "    note('b')\n"
        "    if sys.argv[2] == 'die': os.kill(os.getpid(), 9)\n"
        "    return a + 'B'\n"
        "agents = {'a': a, 'b': b}\n"
        "if sys.argv[2] == 'die': onb.run(plan, agents).wait()\n"
        "else: print(onb.resume(sys.argv[3], agents).wait()['b'])\n"
    )
    notes = tmp_path / "notes"
    args = [sys.executable, str(script), str(notes)]
    assert subprocess.run([*args, "die"], check=False, timeout=60).returncode == -9
    (run_id,) = os.listdir(home / "runs")
    told = subprocess.run([*args, "go", run_id], capture_output=True, check=True, timeout=60)
    assert told.stdout == b"AB\n"
    assert notes.read_text() == "abb"
    assert [
        e["crashed"] for e in lines_of(home / "runs" / run_id) if e["event"] == "run_resumed"
    ] == [["b"]]
    assert onb.open(run_id).state.task("b").crashes == 0, "it ended by itself since"
