"""Forms, approvals and reviews in JupyterLab, answered as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.browser.conftest import OpenNotebook
from tests.browser.lab import Lab, Notebook
from tests.conftest import ROOT

FORM = """
import orchestra_nb as onb

def echo(context):
    return dict(context.answers)

users = {"id": "users", "ask": "How many concurrent users?", "kind": "integer", "default": 100}
latency = {"id": "latency", "ask": "What is your latency requirement?",
           "options": ["1 s", "100 ms"], "default": "1 s", "follow_up": {"100 ms": [users]}}
live = {"id": "live", "ask": "Do you need real-time features?", "kind": "yes_no",
        "default": "no", "follow_up": {"yes": [latency]}}
goal = {"id": "goal", "ask": "What is the goal?", "default": "find out"}
plan = onb.Plan(name="Form", questions=[goal, live], timeouts={"questions": "TIMEOUT"},
                phases=[onb.Phase(name="All", tasks=[onb.Task(agent="echo")])])
run = onb.run(plan, agents={"echo": echo})
"""
CARD = ".onb .card[aria-label='Before the run']"


def log_of(notebook: Notebook) -> list[dict[str, object]]:
    """The log, as it stands on disk."""
    text = notebook.kernel("print((run.folder / 'orchestration-timeline.jsonl').read_text())")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_an_unanswered_form_starts_with_the_defaults(open_notebook: OpenNotebook) -> None:
    """A form nobody fills in starts the run with its defaults, and stores no answer."""
    notebook = open_notebook([FORM.replace("TIMEOUT", "2s"), "(await run)['echo']"])
    notebook.run_all()
    notebook.page.get_by_text("The run starts after the questions below.").wait_for()
    notebook.output(1).get_by_text("{'goal': 'find out', 'live': False}").wait_for()
    log = log_of(notebook)
    assert [e["by"] for e in log if e["event"] == "decision"] == ["timeout"]
    assert not [e for e in log if e["event"] == "user_input"]


def test_a_form_with_a_chain_of_questions(open_notebook: OpenNotebook) -> None:
    """Each answer brings the next question; wrong input is told beside its field."""
    notebook = open_notebook([FORM.replace("TIMEOUT", "10m"), "(await run)['echo']"])
    notebook.run_all()
    card = notebook.page.locator(CARD)
    latency = card.get_by_text("What is your latency requirement?")
    users = card.get_by_label("How many concurrent users?")
    card.wait_for()
    assert not latency.is_visible()
    card.locator("label.pill", has_text="yes").click()
    latency.wait_for()
    assert not users.is_visible()
    card.locator("label.pill", has_text="100 ms").click()
    users.fill("many")
    users.press("Tab")
    card.get_by_text("Needs a whole number, such as").wait_for()
    start = card.locator(".btn.main")
    start.click()
    card.get_by_text("Needs a whole number, such as").first.wait_for()
    notebook.page.get_by_text("The run starts after the questions below.").wait_for()
    card.locator("label.pill", has_text="no").click()
    assert not latency.is_visible()
    assert not users.is_visible()
    card.locator("label.pill", has_text="yes").click()
    users.fill("3000")
    start.click()
    words = "{'goal': 'find out', 'live': True, 'latency': '100 ms', 'users': 3000}"
    notebook.output(1).get_by_text(words).wait_for()
    told = [e["question"] for e in log_of(notebook) if e["event"] == "user_input"]
    assert "How many concurrent users?" in told
    assert "What is the goal?" not in told


APPROVAL = """
import orchestra_nb as onb

deleted = []

async def cleaner(context):
    outcome = await context.approve("delete_files", {"pattern": "*.tmp", "days": 30},
                                    description="Deletes files for good")
    if outcome.option != "A":
        return f"kept everything: {outcome.note}"
    deleted.append(outcome.values)
    return "deleted"

plan = onb.Plan(name="Cleaning", mode="fully_autonomous", phases=[
    onb.Phase(name="All", tasks=[onb.Task(agent="cleaner")])])
run = onb.run(plan, agents={"cleaner": cleaner})
"""


def test_a_refused_call_never_runs(open_notebook: OpenNotebook) -> None:
    """Even a fully autonomous run asks before such a call; refused, the agent is told why."""
    notebook = open_notebook([APPROVAL, "print((await run)['cleaner'], deleted)"])
    notebook.run_all()
    card = notebook.page.locator(".onb .card")
    card.get_by_text("delete_files").first.wait_for()
    card.get_by_text("*.tmp").first.wait_for()
    card.locator(".option", has_text="Refuse").click()
    card.locator(".note input, .note textarea").fill("they are needed")
    card.locator(".btn.main").click()
    notebook.output(1).get_by_text("kept everything: they are needed []").wait_for()


def test_a_call_is_approved_with_changes(open_notebook: OpenNotebook) -> None:
    """Arguments that a person changed are those the call gets."""
    notebook = open_notebook([APPROVAL, "print((await run)['cleaner'], deleted)"])
    notebook.run_all()
    card = notebook.page.locator(".onb .card")
    card.get_by_text("delete_files").first.wait_for()
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("pattern").fill("*.log")
    card.get_by_role("button", name="Approve with changes").click()
    notebook.output(1).get_by_text("deleted [{'pattern': '*.log', 'days': 30}]").wait_for()


REVIEW = """
import orchestra_nb as onb

def writer(context):
    return f"Draft {context.attempt}. {' '.join(context.comments)} (was: {context.previous})"

def reader(context, writer):
    return f"read: {writer}"

plan = onb.Plan(name="Writing", phases=[onb.Phase(name="All", tasks=[
    onb.Task(agent="writer", review=True), onb.Task(agent="reader", depends_on=["writer"])])])
run = onb.run(plan, agents={"writer": writer, "reader": reader})
"""


def test_a_result_is_sent_back_twice(open_notebook: OpenNotebook) -> None:
    """Each further attempt sees comment and result before; others get what was accepted."""
    notebook = open_notebook([REVIEW, "print((await run)['reader'])"])
    notebook.run_all()
    card = notebook.page.locator(".onb .card")
    for attempt, comment in ((1, "Shorter."), (2, "Louder.")):
        card.get_by_text(f"Draft {attempt}.").first.wait_for()
        card.locator(".option", has_text="Send back").click()
        card.locator(".note input, .note textarea").fill(comment)
        card.get_by_role("button", name="Send back with comment").click()
        notebook.page.mouse.move(2, 2)  # a record keeps its place while the pointer is there
    card.get_by_text("Draft 3. Shorter. Louder. (was: Draft 2.").first.wait_for()
    card.get_by_role("button", name="Edit").click()
    card.locator("textarea.result").fill("The last word.")
    card.get_by_role("button", name="Accept with changes").click()
    notebook.output(1).get_by_text("read: The last word.").wait_for()
    kinds = [e["event"] for e in log_of(notebook)]
    assert kinds.count("agent_start") == 4
    assert kinds.count("agent_retry") == 2


ASK = """
import orchestra_nb as onb

plan = onb.Plan(name="Asking", phases=[onb.Phase(name="All", tasks=[
    onb.Decision(title="Database", options={"A": "PostgreSQL", "B": "Cassandra"}, recommend="A"),
])])
run = onb.run(plan, agents={})
"""


def command_line(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``orchestra-nb`` as another process, with the home the lab's kernels use."""
    home = Path(lab.root).parent / "orchestra"
    environment = {**os.environ, "ORCHESTRA_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [str(Path(sys.executable).parent / "orchestra-nb"), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_another_process_answers_while_the_cell_waits(
    lab: Lab, open_notebook: OpenNotebook
) -> None:
    """``orchestra-nb decide`` counts while a cell is in ``await run``; the card says who it was."""
    notebook = open_notebook([ASK, "outcome = (await run)['database']\nprint(repr(outcome))"])
    notebook.run_all()
    notebook.page.locator(".onb .card[aria-label='Database']").wait_for()
    notebook.wait_running(1)
    listed = command_line(lab, "decisions")
    assert "Database" in listed.stdout, listed
    wrong = command_line(lab, "decide", "latest", "database", "Z")
    assert (wrong.returncode, "Cassandra" in wrong.stderr) == (2, True), wrong
    said = command_line(lab, "decide", "latest", "database", "B", "--as", "maria")
    assert said.returncode == 0, said
    notebook.output(1).get_by_text("<Outcome 'B - Cassandra' by remote>").wait_for()
    notebook.page.get_by_text("maria, from the command line").first.wait_for()
    late = command_line(lab, "decide", "latest", "database", "A")
    assert late.returncode in (1, 3), late
