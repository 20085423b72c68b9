"""Looking at runs from the command line, also at those of other processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestra_nb.cli import app
from orchestra_nb.store.folder import RunFolder

from .elsewhere import CHOICE, ROOT, WITHIN_S, Elsewhere, command, plan_of, until
from .engine.rig import Rig, choice, fails, one_phase, task

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")

DECISION = "database-technology"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home and a name of one's own."""
    monkeypatch.setenv("ORCHESTRA_HOME", str(tmp_path / "home"))
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "maria")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Elsewhere]:
    """A run of another process that waits for an answer."""
    with Elsewhere(tmp_path, plan_of(CHOICE)) as run:
        yield run.until_asked(DECISION)


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a command and all it printed."""
    try:
        output = process.communicate(timeout=WITHIN_S)[0]
    finally:
        process.kill()
        process.wait()
    return process.returncode, output


# The timeline.


def recorded(home: Path, rig: Rig) -> RunFolder:
    """Put a rig's log into a folder, as its run would have."""
    folder = RunFolder.create(rig.plan, home=home)
    os.close(folder.open_log())
    folder.log.write_text("".join(f"{line}\n" for line in rig.journal.texts), encoding="utf-8")
    return folder


def test_a_timeline_reads_like_the_format_s_own(tmp_path: Path) -> None:
    """Symbols, words and times are those of the format's viewer; the bars of its tracker follow."""
    plan = one_phase(choice("d", timeout=60), task("a"), task("b", "a"), on_failure="continue")
    rig = Rig(plan, {"a": fails(ValueError("no table"))}, fake=True).start()
    rig.until(lambda: rig.task("b").status == "skipped")
    rig.advance(61)
    rig.wait()
    folder = recorded(tmp_path / "home", rig)
    done = call("timeline", folder.id)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "🕐 ORCHESTRATION TIMELINE",
        "=" * 60,
        "[00:00] 🎭 test (2 agents, level 3, full interactive mode)",
        "[00:00] 📂 Phase 1: P1",
        "[00:00] ⏱️  Decision required: D; 1:00, then A - first is taken",
        "[00:00] ▶️  Starting a",
        "[00:00] ❌ a failed: ValueError: no table",
        "[00:00] ⏭️  Skipped b: needs a, which failed",
        "[01:00] 💡 Decision: A - first (D; by timeout: nobody answered within 1:00)",
        "[01:00] 📁 Phase 1: P1 is over (1m)",
        "[01:00] 🏁 Over, with failures (1m)",
        "",
        "Phase 1: P1       [░░░░░░░░░░░░░░░] 0% (0/1 agents)",
        "Overall Progress: [░░░░░░░░░░░░░░░] 0% (0/1 agents)",
    ]


def test_a_terminal_without_unicode_gets_ascii_bars(run: Elsewhere, tmp_path: Path) -> None:
    """What an old encoding lacks becomes a question mark, bars stay bars, nothing breaks."""
    process = command(tmp_path, "timeline", run.id, encoding="ascii")
    code, output = ended(process)
    assert code == 0
    assert "? ORCHESTRATION TIMELINE" in output
    assert "[...............] 0% (0/0 agents)" in output


def test_a_timeline_can_be_followed(run: Elsewhere, tmp_path: Path) -> None:
    """With --follow events of another process appear as they happen, until the run is over."""
    process = command(tmp_path, "timeline", "latest", "--follow")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any("Decision required: Database technology" in line for line in lines)
    assert call("decide", run.id, DECISION, "C", "--as", "paul").exit_code == 0
    rest = list(lines)
    assert "❓ User Input: Database technology" in rest[0]
    assert "💬 Response: C - DynamoDB" in rest[1]
    assert re.search(
        r"💡 Decision: C - DynamoDB \(Database technology; by paul, from the command line, "
        r"after 0:\d\d of 10:00\)",
        rest[2],
    )
    assert "🏁 Completed" in rest[-4]
    assert rest[-1].startswith("Overall Progress:")
    assert ended(process)[0] == 0


def test_a_timeline_without_follow_does_not_wait(run: Elsewhere) -> None:
    """A run that goes on is printed as far as it is."""
    done = call("timeline", run.id)
    assert done.exit_code == 0
    assert "Decision required" in done.output
    assert "Overall Progress:" in done.output


def test_following_a_run_whose_process_dies(run: Elsewhere, tmp_path: Path) -> None:
    """Who follows a run hears when nobody runs it any more."""
    process = command(tmp_path, "timeline", run.id, "-f")
    assert process.stdout is not None
    assert any("Decision required" in line for line in iter(process.stdout.readline, ""))
    run.kill()
    code, output = ended(process)
    assert (code, f"Nobody runs {run.id} any more" in output) == (3, True)


def test_the_viewer_of_the_format_reads_our_log(run: Elsewhere) -> None:
    """What the format's viewer needs of each event is there, under its names."""
    needed = {
        "agent_start": {"agent"},
        "agent_complete": {"agent", "duration"},
        "decision": {"decision"},
        "user_input": {"question", "response"},
    }
    call("decide", run.id, DECISION, "B")
    run.end()
    for event in run.events(*needed):
        assert needed[event["event"]] <= event.keys()
        assert event["timestamp"].endswith("Z")


# Watching.


def test_watching_without_a_terminal(run: Elsewhere, tmp_path: Path) -> None:
    """Into a pipe go the lines of the newest live run until it is over, and its summary."""
    process = command(tmp_path, "watch")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert f"run {run.id}" in next(lines)
    assert any("Decision required: Database technology" in line for line in lines)
    assert call("decide", run.id, DECISION, "B").exit_code == 0
    code, output = ended(process)
    assert code == 0
    assert "Decision: Database technology: B · Cassandra. maria, from the command line" in output
    assert output.endswith(f"Everything is in {run.folder.path}\n")


def test_watching_what_dies(run: Elsewhere, tmp_path: Path) -> None:
    """When its process is killed, the watcher says that nobody runs the run, and ends with 3."""
    process = command(tmp_path, "watch", run.id[:30])
    assert process.stdout is not None
    assert any("Decision required" in line for line in iter(process.stdout.readline, ""))
    run.kill()
    code, output = ended(process)
    assert code == 3
    assert "The run is over: interrupted" in output
    assert f"Nobody runs {run.id} any more: its process ended." in output


def test_watching_when_nothing_goes_on(run: Elsewhere) -> None:
    """Without a live run the newest one is shown as it ended, which is said."""
    call("decide", run.id, DECISION, "B")
    assert run.end() == "completed"
    done = call("watch")
    assert done.exit_code == 0
    assert done.output.startswith("No run goes on here. This is the newest one.\n")
    assert "Done: 0 of 0 agents" in done.output


class Terminal:
    """A command of ours in a pseudo terminal, with a person's hands on it."""

    def __init__(self, folder: Path, *arguments: str):
        import pty

        self.seen = ""
        self.hands, inside = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        environment |= {"ORCHESTRA_HOME": str(folder / "home"), "COLUMNS": "100"}
        environment |= {"LINES": "40", "PYTHONIOENCODING": "utf-8"}
        # A terminal tells Ctrl-C to whom it controls, and only they may read keys.
        own = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{own}\nfrom orchestra_nb.cli import main; main()", *arguments],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environment,
            start_new_session=True,
        )
        os.close(inside)

    def until(self, true: Callable[[], object]) -> None:
        """Read what is shown until something holds."""
        import select

        end = time.monotonic() + WITHIN_S
        while not true():
            assert time.monotonic() < end, self.seen[-2000:]
            if select.select([self.hands], [], [], 0.05)[0]:
                try:
                    data = os.read(self.hands, 65536)
                except OSError:
                    data = b""
                if not data:  # the command has ended
                    return
                self.seen += data.decode("utf-8", "replace")

    def shows(self, text: str) -> None:
        """Wait until a text is shown."""
        self.until(lambda: text in self.seen)
        assert text in self.seen, self.seen[-2000:]

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.hands, text.encode())

    def end(self) -> int:
        """Wait for the end of the command; its exit code."""
        self.until(lambda: False)
        return self.process.wait(WITHIN_S)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.hands)


def test_keys_answer_a_run_of_another_process(run: Elsewhere, tmp_path: Path) -> None:
    """The live board of another process's run takes answers from the keyboard."""
    with Terminal(tmp_path, "watch") as terminal:
        terminal.shows("Database technology")
        terminal.type("+\r")
        terminal.shows("5 minutes more.")
        terminal.type("b fine with me\r")
        outcome = run.decided(DECISION)
        assert terminal.end() == 0
    assert (outcome["option"], outcome["note"]) == ("B", "fine with me")
    assert (outcome["by"], outcome["source"], outcome["who"]) == ("remote", "cli", "maria")
    assert outcome["timeout_s"] == 900
    assert "Done: 0 of 0 agents" in terminal.seen
    assert run.end() == "completed"


def test_ctrl_c_leaves_and_the_run_goes_on(run: Elsewhere, tmp_path: Path) -> None:
    """Ctrl-C ends the watching only, and says so; typing before it has held the clock."""
    with Terminal(tmp_path, "watch", run.id) as terminal:
        terminal.shows("Database technology")
        terminal.type("b")
        until(lambda: run.events("decision_held"))
        assert run.events("decision_held")[0]["cause"] == "typing"
        terminal.type("\x03")
        terminal.shows(f"Run {run.id} goes on. To look again: orchestra-nb watch {run.id}")
        assert terminal.end() == 0
    assert run.process.poll() is None
    assert run.events("run_stopped", "decision") == []


def test_a_form_is_answered_question_by_question(tmp_path: Path) -> None:
    """At the terminal each question is asked in turn; what does not fit is asked again."""
    plan = plan_of(
        {"agent": "writes", "task": "Write"},
        questions=[
            {"ask": "Which market?", "id": "market", "options": ["B2B", "B2C"], "default": "B2B"},
            {"ask": "Real time?", "id": "realtime", "kind": "yes_no", "default": False,
             "follow_up": {"yes": [{"ask": "Latency?", "id": "latency", "kind": "integer"}]}},
        ],
    )  # fmt: skip
    with Elsewhere(tmp_path, plan) as run:
        run.until_asked("questions")
        with Terminal(tmp_path, "watch", run.id) as terminal:
            terminal.shows("Question 1 of 2")
            terminal.type("2\r")
            terminal.shows("Real time?")
            terminal.type("yes\r")
            terminal.shows("Latency?")
            terminal.type("soon\r")
            terminal.shows("Needs a whole number, such as 3000.")
            terminal.type("250\r")
            terminal.shows("start begins with these answers.")
            terminal.type("start\r")
            values = run.decided("questions")["values"]
            assert values == {"market": "B2C", "realtime": True, "latency": 250}
            assert terminal.end() == 0


# Being ended.


def test_a_terminal_is_put_back_when_the_watcher_is_ended(run: Elsewhere, tmp_path: Path) -> None:
    """A watcher that the system ends leaves the terminal as it was, and the run alone."""
    import termios

    with Terminal(tmp_path, "watch") as terminal:
        terminal.shows("Database technology")
        terminal.until(lambda: not termios.tcgetattr(terminal.hands)[3] & termios.ECHO)
        terminal.process.terminate()
        assert terminal.process.wait(WITHIN_S) == 143
        assert termios.tcgetattr(terminal.hands)[3] & termios.ECHO
    assert run.process.poll() is None


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_that_is_ended_by_the_system_says_so(tmp_path: Path, times: int) -> None:
    """SIGTERM, sent once or twice, leaves a log that ends with run_interrupted, and code 143."""
    plan = ROOT / "examples" / "pricing.yaml"
    process = command(tmp_path, "run", str(plan), "--rehearse", "--speed", "60")
    assert process.stdout is not None
    first = process.stdout.readline()
    found = re.search(r"run (\S+)", first)
    assert found is not None
    for _ in range(times):
        process.send_signal(signal.SIGTERM)
    code, output = ended(process)
    assert code == 143, output
    assert f"Run {found[1]} was interrupted; what was finished is kept in" in output
    assert "Traceback" not in output
    log = tmp_path / "home" / "runs" / found[1] / "orchestration-timeline.jsonl"
    assert '"event":"run_interrupted"' in log.read_text(encoding="utf-8").splitlines()[-1]
