"""Answers from the command line, for runs of other processes."""

from __future__ import annotations

import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestra_nb.cli import app
from orchestra_nb.commands import Answer, Reply, Stop
from orchestra_nb.store import answers

from .elsewhere import CHOICE, Elsewhere, command, plan_of, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")

DECISION = "database-technology"
QUICK = {**CHOICE, "decision": "Quick one", "timeout": "1s"}
OPEN_END = {"decision": "Which way", "options": {"A": "left", "B": "right"}, "other": False}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home and a name of one's own."""
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "maria")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Elsewhere]:
    """A run of another process that asks two things."""
    with Elsewhere(tmp_path, plan_of(CHOICE, OPEN_END)) as run:
        yield run.until_asked(DECISION, "which-way")


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """The same, for tests that leave it as it is."""
    with Elsewhere(tmp_path_factory.mktemp("asking"), plan_of(CHOICE, OPEN_END)) as run:
        yield run.until_asked(DECISION, "which-way")


def call(*arguments: str) -> Result:
    """Run a command in this process, which does not run the run."""
    return CliRunner().invoke(app, list(arguments))


def said(done: Result) -> tuple[int, str]:
    """Exit code and what was printed."""
    assert "Traceback" not in done.output, done.output
    return done.exit_code, done.output.rstrip("\n")


# Deciding.


def test_an_answer_counts_where_the_run_runs(run: Elsewhere) -> None:
    """An answer from another process is recorded as one: by whom, through which door, why."""
    done = call("decide", run.id, DECISION, "b", "--note", "we know it")
    assert said(done) == (0, "Database technology → B · Cassandra")
    outcome = run.decided(DECISION)
    assert (outcome["option"], outcome["by"], outcome["source"]) == ("B", "remote", "cli")
    assert (outcome["who"], outcome["note"]) == ("maria", "we know it")
    until(lambda: not list(run.folder.answers.iterdir()))


def test_names_can_be_short_and_words(run: Elsewhere) -> None:
    """The beginning of a run, `latest`, a title, the words of an option, another name."""
    assert said(call("decide", run.id[:20], "WHICH WAY", "Right", "--as", "paul"))[0] == 0
    assert run.decided("which-way")["who"] == "paul"
    assert said(call("decide", "latest", DECISION.upper(), "= ignored"))[0] == 2
    done = call("decide", "latest", DECISION.upper(), "other", "--text", "SQLite will do")
    assert said(done) == (0, "Database technology → “SQLite will do”")
    assert run.end() == "completed"


def test_a_process_of_its_own_decides(run: Elsewhere, tmp_path: Path) -> None:
    """The command that `decisions` prints answers the decision, run as it stands there."""
    listed = call("decisions").output
    line = next(line for line in listed.splitlines() if f" {DECISION} " in line)
    words = shlex.split(line)
    assert words[1:] == ["decide", run.id, DECISION, "A"]
    process = command(tmp_path, *words[1:])
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "Database technology → A · PostgreSQL\n")
    assert run.decided(DECISION)["by"] == "remote"


# Refusals: 2.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decide", "2099", DECISION, "A"], "There is no run '2099' in "),
        (["decide", "", DECISION, "A"], "There is no run '' in "),
        (["decide", "RUN", "datbse", "A"], "There is no decision 'datbse' in RUN. Open are:"),
        (["decide", "RUN", DECISION, "Post"], "'Post' is no option of this decision; there are:"),
        (["decide", "RUN", DECISION, "Z"], "'Z' is no option of this decision; there are:"),
        (["decide", "RUN", DECISION, ""], "'' is no option of this decision; there are:"),
        (["decide", "RUN", "which-way", "other", "--text", "up"], "'other' is no option"),
        (["decide", "RUN", DECISION, "other"], 'An answer of your own needs words: --text "…"'),
        (["decide", "RUN", "database", "A"], "in RUN; did you mean database-technology? Open are:"),
        (["hold", "RUN", "which-ways"], "; did you mean which-way? Open are:"),
        (["decide", "RUN", "which wa", "A"], "; did you mean 'Which way'? Open are:"),
        (["decide", "RUN", "", "A"], "There is no decision '' in RUN. Open are:"),
        (
            ["decide", "RUN", DECISION, "A", "--text", "cheap"],
            '--text goes with "other"; use --note',
        ),
        (["decide", "RUN", DECISION, "A", "--set", "x=1"], "--set is for forms, approvals"),
        (["decide", "RUN", DECISION, "A", "--set", "x"], "--set 'x' is not NAME=VALUE"),
        (["decide", "RUN", DECISION, "A", "--as", " "], "--as needs a name"),
        (["decide", "RUN", DECISION, "A", "--note", "x" * 20_000], "longer than 10,000"),
        (["extend", "RUN", DECISION, "soon"], "DURATION must be a duration, not 'soon'"),
        (["extend", "RUN", DECISION, "0"], "DURATION must be more than nothing"),
        (["extend", "RUN", DECISION, "2d"], "DURATION must be more than nothing and at most a day"),
        (["extend", "RUN", "which-way"], "Which way has no clock to extend"),
        (["hold", "RUN", "nothing"], "There is no decision 'nothing' in RUN. Open are:"),
        (["timeline", "2099"], "There is no run '2099' in "),
        (["watch", "2099"], "There is no run '2099' in "),
        (["decide", "RUN", DECISION], "Missing argument 'OPTION'"),
    ],
)
def test_what_does_not_fit_is_2(
    asking: Elsewhere, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the input is said with what there is instead; nothing is decided."""
    monkeypatch.setenv("ORCHESTRA_HOME", str(asking.folder.home))
    done = call(*(word.replace("RUN", asking.id) for word in arguments))
    code, output = said(done)
    assert (code, message.replace("RUN", asking.id) in output) == (2, True), output
    assert asking.events("decision") == []


def test_what_there_is_is_named(run: Elsewhere, tmp_path: Path) -> None:
    """An unknown run, decision or option comes with the list of those that exist."""
    assert run.id in call("decide", "2099", DECISION, "A").output
    listed = call("decide", run.id, "databse", "A").output
    assert f"\n  {DECISION}  Database technology\n  which-way  Which way" in listed
    options = call("decide", run.id, DECISION, "Z").output
    assert "\n  A  PostgreSQL\n  B  Cassandra\n  C  DynamoDB\n  other  in your own" in options
    with Elsewhere(tmp_path, plan_of(OPEN_END)) as other:
        both = call("decide", "20", DECISION, "A")
        assert both.exit_code == 2
        assert run.id in both.output
        assert other.id in both.output


def test_an_empty_home(tmp_path: Path) -> None:
    """Where no run ever was, nothing needs anybody, and a named run is an error."""
    assert said(call("decisions")) == (0, "Nothing needs you.")
    for arguments in (["decide", "latest", "x", "A"], ["watch"], ["timeline", "latest"]):
        code, output = said(call(*arguments))
        assert (code, output) == (
            2,
            f"There are no runs in {tmp_path / 'home'}. Another place is named with --home DIR.",
        )


# Too late: 1.


def test_what_is_decided_stays_decided(run: Elsewhere) -> None:
    """Who comes second hears what was chosen, by whom and when; the outcome stands."""
    assert call("decide", run.id, DECISION, "B", "--as", "paul").exit_code == 0
    for arguments in (["decide", run.id, DECISION, "A"], ["extend", run.id, DECISION],
                      ["hold", run.id, DECISION]):  # fmt: skip
        code, output = said(call(*arguments))
        assert code == 1
        assert re.fullmatch(r"Already decided: B, by paul, at \d\d:\d\d\.", output)
    assert len(run.events("decision")) == 1


def test_the_timer_was_first(tmp_path: Path) -> None:
    """Who comes after the deadline hears that the recommendation was taken, and when."""
    with Elsewhere(tmp_path, plan_of(QUICK, OPEN_END)) as run:
        run.decided("quick-one")
        code, output = said(call("decide", run.id, "quick-one", "B"))
        assert code == 1
        assert re.fullmatch(
            r"Too late: A was taken by timeout at \d\d:\d\d\. Your B was not used\.", output
        )


def test_the_owner_has_the_last_word(run: Elsewhere) -> None:
    """Two who saw the same open card and answered at once: one of them is late."""
    first = command(run.folder.home.parent, "decide", run.id, DECISION, "A", "--as", "one")
    second = command(run.folder.home.parent, "decide", run.id, DECISION, "B", "--as", "two")
    outputs = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert sorted([first.returncode, second.returncode]) == [0, 1], outputs
    assert len(run.events("decision")) == 1
    loser = outputs[0 if first.returncode else 1]
    winner = "two" if first.returncode else "one"
    assert f"by {winner}, at " in loser


def test_fifty_at_once(run: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fifty answers at the same moment one counts, and everybody else hears whose it was."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 20.0)
    replies: dict[str, Reply] = {}

    def answer(who: str) -> None:
        command = Answer(decision=DECISION, option="ABC"[len(replies) % 3], who=who, source="cli")
        replies[who] = answers.ask(run.folder, command)

    threads = [threading.Thread(target=answer, args=[f"asker-{n}"]) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (winner,) = [who for who, reply in replies.items() if reply.ok]
    assert run.decided(DECISION)["who"] == winner
    assert len(run.events("decision")) == 1
    late = [reply for who, reply in replies.items() if who != winner]
    assert len(late) == 49
    assert all(reply.late and f"by {winner}, at " in reply.text for reply in late)
    assert list(run.folder.answers.iterdir()) == []


def test_after_the_end(run: Elsewhere) -> None:
    """A decision that went with its run is too late to answer."""
    answers.ask(run.folder, Stop(source="cli"))
    assert run.end() == "stopped"
    code, output = said(call("decide", run.id, DECISION, "B"))
    assert (code, output) == (1, "Database technology was withdrawn: the run was stopped.")
    assert said(call("decisions")) == (0, "Nothing needs you.")


# Nobody there: 3.


def test_a_dead_owner_is_3(run: Elsewhere) -> None:
    """Once its process was killed a run can't be told anything, and nothing is left for it."""
    run.kill()
    began = time.monotonic()
    for arguments in (["decide", run.id, DECISION, "B"], ["hold", run.id, DECISION]):
        code, output = said(call(*arguments))
        assert code == 3
        assert output == f"Nobody runs {run.id} any more: its process ended. Nothing was sent."
    assert time.monotonic() - began < 2
    assert list(run.folder.answers.iterdir()) == []
    assert said(call("decide", run.id, DECISION, "Z"))[0] == 2
    code, listed = said(call("decisions"))
    assert code == 0
    said_first, _, closing = listed.splitlines()
    assert said_first == "Nothing needs you."
    words = "1 run ended with open decisions, which can't be answered any more: "
    assert closing.startswith(words)
    shown = call(*shlex.split(closing.removeprefix(words))[1:])
    assert (shown.exit_code, run.id in shown.output) == (0, True)


def test_a_stopped_owner_is_3(run: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not reply has not used the answer; later it takes another one."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 0.3)
    run.process.send_signal(signal.SIGSTOP)
    code, output = said(call("decide", run.id, DECISION, "B"))
    assert code == 3
    assert f"did not reply, so this was taken back: process {run.process.pid}" in output
    assert list(run.folder.answers.iterdir()) == []
    run.process.send_signal(signal.SIGCONT)
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 10.0)
    assert said(call("decide", run.id, DECISION, "C"))[0] == 0
    assert run.decided(DECISION)["option"] == "C"


def test_what_counted_all_the_same_is_found_in_the_log(
    run: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the reply got lost and the answer did not, the log says that it counted."""
    monkeypatch.setattr(answers, "ANSWERS_WITHIN_S", 3.0)
    monkeypatch.setattr(answers, "REPLY_WITHIN_S", 1.0)
    monkeypatch.setattr(answers, "_reply", lambda place: None)
    code, output = said(call("decide", run.id, DECISION, "B"))
    assert code == 0
    assert output.endswith("Database technology → B · Cassandra")
    code, output = said(call("hold", run.id, "which-way"))
    assert code == 3
    assert "whether it counted stands in its log: orchestra-nb timeline" in output


# More time, wait for me.


def test_clocks_can_be_lengthened_and_stopped(run: Elsewhere) -> None:
    """`extend` adds to the clock, `hold` stops it, `hold --off` lets it run again."""
    code, output = said(call("extend", run.id, DECISION))
    assert code == 0
    assert re.fullmatch(r"5 minutes more\. (15:00|14:\d\d) left, then A is taken\.", output)
    code, output = said(call("extend", run.id, DECISION, "1h30m"))
    assert re.match(r"1 hour 30 minutes more\. 1:4[45]:\d\d left", output)
    waiting = (0, "Waiting for you. What does not need it goes on.")
    assert said(call("hold", run.id, DECISION)) == waiting
    assert run.events("decision_held")[-1]["cause"] == "hold"
    assert "left, then A is taken." in said(call("hold", run.id, DECISION, "--off"))[1]
    assert said(call("hold", run.id, "which-way")) == waiting


# What is open.


def test_all_open_decisions_of_all_runs(run: Elsewhere, tmp_path: Path) -> None:
    """`decisions` lists every run's, soonest first, with options, time left and the command."""
    form = plan_of(questions=[{"ask": "Which market?", "id": "market", "default": "B2B"}])
    form["phases"][0]["tasks"] = [{"agent": "writes", "task": "Write"}]
    with Elsewhere(tmp_path, form) as other:
        other.until_asked("questions")
        code, output = said(call("decisions", "--home", str(tmp_path / "home")))
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == "3 decisions need you, in 2 runs."
    assert f"{run.id}  Elsewhere (0 of 0 agents)" in lines
    at = lines.index("  Database technology  [standard · database]")
    assert lines[at + 1 : at + 5] == [
        "    A  PostgreSQL  (recommended: the team knows it)",
        "    B  Cassandra",
        "    C  DynamoDB",
        "    other  in your own words, with --text",
    ]
    assert re.fullmatch(r"    (10:00|9:\d\d) left, then A is taken\.", lines[at + 5])
    assert lines[at + 6].endswith(
        f" decide {run.id} {DECISION} A --home {shlex.quote(str(tmp_path / 'home'))}"
    )
    assert "    No clock: this waits for an answer. What does not need it goes on." in lines
    assert "  Before the run  [questions]" in lines
    assert "    Which market? [B2B] (market)" in lines


def test_errors_hold_no_control_characters(tmp_path: Path) -> None:
    """A title with escape sequences is only text in a message about it."""
    title = "Which\x1b]0;mine\x07 \x1b[2Jway\x9b2J"
    with Elsewhere(tmp_path, plan_of(OPEN_END | {"decision": title, "id": "way"})) as run:
        run.until_asked("way")
        code, out = said(call("extend", run.id, "way"))
        assert (code, out) == (2, "Which way has no clock to extend: it waits for an answer.")


def test_what_can_t_be_read_is_passed_over(run: Elsewhere, tmp_path: Path) -> None:
    """A damaged folder among the runs does not keep the others from being listed."""
    broken = tmp_path / "home" / "runs" / "20200101T000000Z-broken-0000"
    broken.mkdir()
    assert "2 decisions need you." in call("decisions").output
    (broken / "orchestration-timeline.jsonl").write_text("{")
    assert "2 decisions need you." in call("decisions").output


# Forms, approvals, reviews, checkpoints.


def test_a_form_is_filled_in(tmp_path: Path) -> None:
    """`--set` answers questions; what does not fit is named, what is left out keeps its default."""
    plan = plan_of(
        {"agent": "writes", "task": "Write"},
        questions=[
            {"ask": "Which market?", "id": "market", "default": "B2B"},
            {"ask": "Which regions?", "id": "regions", "kind": "several",
             "options": ["EU", "US", "Asia"]},
            {"ask": "Real time?", "id": "realtime", "kind": "yes_no", "default": False,
             "follow_up": {"yes": [{"ask": "Latency?", "id": "latency", "kind": "integer"}]}},
        ],
    )  # fmt: skip
    with Elsewhere(tmp_path, plan) as run:
        run.until_asked("questions")
        decide = ["decide", run.id, "questions", "start"]
        code, output = said(call(*decide, "--set", "realtime=yes", "--set", "latency=soon"))
        assert code == 2
        assert output.count("Latency? Needs a whole number, such as 3000.") == 1
        code, output = said(call(*decide, "--set", "latncy=3"))
        assert code == 2
        assert "nothing here is called 'latncy'; did you mean 'latency'?" in output
        assert "\nThere are:\n  market\n  regions\n" in output
        filled = ["realtime=yes", "latency=250", "regions=eu", "regions=Asia"]
        code, output = said(call(*decide, *(w for each in filled for w in ("--set", each))))
        assert code == 0
        assert run.decided("questions")["values"] == {
            "market": "B2B", "regions": ["EU", "Asia"], "realtime": True, "latency": 250,
        }  # fmt: skip
        assert run.end() == "completed"


def test_a_call_is_edited_or_refused(tmp_path: Path) -> None:
    """An argument is changed in its own type; a refusal carries its reason."""
    plan = plan_of({"agent": "deploys", "task": "Deploy"})
    with Elsewhere(tmp_path, plan) as run:
        run.until_asked("deploys/call-deploy")
        code, output = said(call("decide", run.id, "deploys/call-deploy", "A", "--set", "zone=x"))
        assert code == 2
        assert "nothing here is called 'zone'\nThere are:\n  region\n  count" in output
        decide = ["decide", run.id, "deploys/call-deploy", "approve"]
        done = call(*decide, "--set", "region=7", "--set", "count=5")
        assert said(done) == (0, "Call deploy? → Approved with changes")
        assert run.decided("deploys/call-deploy")["values"] == {"region": "7", "count": 5}
    with Elsewhere(tmp_path, plan) as run:
        run.until_asked("deploys/call-deploy")
        done = call("decide", run.id, "deploys/call-deploy", "b", "--note", "not now")
        assert said(done) == (0, "Call deploy? → Refused: not now")


def test_a_result_is_sent_back_and_edited(tmp_path: Path) -> None:
    """A review is sent back with a comment, then accepted with words of one's own."""
    plan = plan_of({"agent": "writes", "task": "Write", "review": True})
    with Elsewhere(tmp_path, plan) as run:
        run.until_asked("writes/review")
        assert "first draft" in call("decisions").output
        assert said(call("decide", run.id, "writes/review", "B"))[0] == 2
        done = call("decide", run.id, "writes/review", "B", "--note", "longer")
        assert said(done) == (0, "Review: writes → Sent back: longer")
        until(lambda: len(run.events("decision_opened")) == 2)
        second = run.events("decision_opened")[-1]["decision_id"]
        code, output = said(call("decide", run.id, "writes/review", "A"))
        assert (code, output.endswith(f". Open now: {second}")) == (1, True), output
        code, output = said(call("decide", run.id, "review: writes", "A"))
        assert (code, f"  {second}  Review: writes (open)" in output) == (2, True), output
        done = call("decide", run.id, second, "accept", "--set", "result=A long text")
        assert said(done)[0] == 0
        assert run.decided(second)["values"] == {"result": "A long text"}
        assert run.end() == "completed"


@pytest.mark.parametrize("words", ["--note", "--text"])
def test_a_checkpoint_is_adjusted(tmp_path: Path, words: str) -> None:
    """Adjusting needs words; with them it is recorded and the run goes on."""
    plan = plan_of({"agent": "writes", "task": "Write"})
    plan["phases"][0]["checkpoint"] = True
    with Elsewhere(tmp_path, plan) as run:
        run.until_asked("checkpoint-1")
        code, output = said(call("decide", run.id, "checkpoint-1", "adjust"))
        assert (code, "Adjust needs a sentence" in output) == (2, True)
        code, output = said(call("decide", run.id, "checkpoint-1", "B", words, "B2B only"))
        assert code == 0
        assert run.end() == "completed"
        assert run.events("plan_adjustment")[-1]["description"] == "B2B only"


# Words.


@pytest.mark.parametrize(
    ("python", "here"),
    [
        (
            "nobody does 'x': pass agents={'x': ...}, or claude=True to let Claude do what has "
            "no function",
            "nobody does 'x': put 'x' into the mapping that --agents names",
        ),
        (
            "nobody does that: pass agents= for it, or claude=True",
            "nobody does that: give a function for it with --agents",
        ),
        ("pass inputs={'market': ...} or give a default", "pass --input market=VALUE or give a"),
        ("it has A, B, other (with text=...)", "it has A, B, other (with --text)"),
        ("start it with mode='full_interactive' instead", "start it with --mode full_interactive"),
        ("with onb.configure(home=...) or ORCHESTRA_HOME", "with --home DIR or ORCHESTRA_HOME"),
    ],
)
def test_errors_speak_the_command_line(python: str, here: str) -> None:
    """What a message tells a Python user to write is said as an option."""
    from orchestra_nb.cli.base import spoken_here

    assert here in spoken_here(python)


def test_missing_agents_are_named_as_options(tmp_path: Path) -> None:
    """A run that can't start for want of functions says what --agents lacks."""
    (tmp_path / "plan.yaml").write_text(
        "name: x\ninputs: {who: {ask: Who?}}\nphases: [{name: P, tasks: [{agent: a, task: b}]}]\n"
    )
    done = call("run", str(tmp_path / "plan.yaml"), "--rehearse")
    assert done.exit_code == 2
    assert "pass --input who=VALUE" in done.output
    assert "inputs={" not in done.output


def test_the_help_says_how_commands_end() -> None:
    """Exit codes are in the help, and every command says what it does."""
    output = " ".join(call("--help").output.split())
    assert "or the answer came too late; 2 the input was not valid" in output
    assert "3 nobody runs the run any more, or it did not reply" in output
    for name in ("decisions", "decide", "extend", "hold", "watch", "timeline"):
        done = call(name, "--help")
        assert done.exit_code == 0
        assert "RUN" in done.output or name == "decisions"
