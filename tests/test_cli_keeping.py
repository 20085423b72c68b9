"""The command line's housekeeping: ``check``, ``runs``, ``prune``, ``export``."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import orchestra_nb as onb
from orchestra_nb.cli import app
from orchestra_nb.cli import keeping as module
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import list_runs

from .engine.rig import choice, one_phase, task

AUTO = {"mode": "fully_autonomous"}
GO_ON = r"To go on with one that broke off, was stopped or failed: \S*orchestra-nb resume RUN"


async def spends(context: onb.Context) -> str:
    """Use a model, and return what needs a file."""
    context.usage(model="m", input_tokens=1_200, cost=1.37)
    return "x" * 5_000


def fails() -> None:
    """Fail."""
    raise ValueError("no")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run that completed and one that failed."""
    home = tmp_path_factory.mktemp("template")
    plan = one_phase(task("spends"), choice("d"), **AUTO)
    onb.run(plan.model_copy(update={"name": "Pricing"}), {"spends": spends}, home=home).wait(20)
    time.sleep(1.1)  # an id tells runs of different seconds apart
    plan = one_phase(task("fails"), **AUTO)
    onb.run(plan.model_copy(update={"name": "Research"}), {"fails": fails}, home=home).wait(20)
    return home


@pytest.fixture
def home(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the home of this test."""
    path = tmp_path / "home"
    shutil.copytree(template, path)
    monkeypatch.setenv("ORCHESTRA_HOME", str(path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def ids(home: Path) -> list[str]:
    """Ids of the runs, oldest first."""
    return [path.name for path in list_runs(home)]


def call(*arguments: str) -> Result:
    """Run a command in this process."""
    done = CliRunner().invoke(app, list(arguments))
    assert "Traceback" not in done.output, done.output
    return done


def said(*arguments: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    done = call(*arguments)
    return done.exit_code, done.output


# runs


def test_runs_is_a_table(home: Path, ids: list[str]) -> None:
    """One line a run, the newest first, the columns below each other."""
    code, output = said("runs")
    assert code == 0
    head, *rows, hint = output.splitlines()
    assert re.fullmatch(GO_ON, hint)
    assert head.split() == [
        "RUN", "PROJECT", "STATUS", "STARTED", "TOOK", "TASKS", "DECISIONS", "COST",
    ]  # fmt: skip
    assert [row.split()[0] for row in rows] == ids[::-1]
    stamp = time.strftime("%Y-%m-%d %H:%M", time.strptime(ids[0][:16], "%Y%m%dT%H%M%SZ"))
    assert re.split(r" {2,}", rows[1]) == [
        ids[0], "Pricing", "completed", stamp, "0:00", "1/1", "1", "$1.37",
    ]  # fmt: skip
    assert rows[1].index("completed") == head.index("STATUS")


def test_runs_that_go_on_come_first(home: Path, ids: list[str]) -> None:
    """A live run says what it is waiting for; filters and the limit say what they leave out."""
    run = onb.run(one_phase(choice("d", timeout=600)), home=home)
    try:
        while b"decision_opened" not in RunFolder(run.folder).log.read_bytes():
            time.sleep(0.005)
        first = said("runs", "--limit", "1")[1].splitlines()
        assert first[1].startswith(run.id)
        assert "1 (1 open)" in first[1]
        assert first[2] == "… and 2 more runs: --limit 0 shows all."
        assert len(first) == 3  # what goes on needs no going on with
        assert len(said("runs", "--limit", "0")[1].splitlines()) == 5
        head, failed, hint = said("runs", "--status", "failed")[1].splitlines()
        assert (head.split()[0], failed.split()[0]) == ("RUN", ids[1])
        assert re.fullmatch(GO_ON, hint)
        assert ids[0] in said("runs", "--project", "pric")[1]
    finally:
        run.stop()


def test_runs_where_there_are_none(home: Path, tmp_path: Path) -> None:
    """An empty home and filters that nothing passes say so."""
    assert said("runs", "--home", "nowhere") == (
        0, f"There are no runs in {tmp_path / 'nowhere'}.\n",
    )  # fmt: skip
    assert said("runs", "--status", "stopped") == (0, f"There are no such runs in {home}.\n")
    assert not (tmp_path / "nowhere").exists()


def test_runs_that_can_t_be_read_say_why(home: Path, ids: list[str]) -> None:
    """One broken run is a row with its reason below; the others are shown."""
    (home / "runs" / ids[0] / "orchestration-timeline.jsonl").unlink()
    code, output = said("runs")
    assert code == 0
    assert re.search(rf"{ids[0]} +unreadable", output)
    assert f"{ids[0]} can't be read: The log" in output


@pytest.mark.parametrize("cost", [(0.0, 1, "unknown"), (0.5, 2, "over $0.50"), (0.001, 0, "under")])
def test_costs_that_are_not_known(home: Path, ids: list[str], cost: tuple[float, int, str]) -> None:
    """What is not known is never shown as nothing."""
    log = home / "runs" / ids[0] / "orchestration-timeline.jsonl"
    lines = log.read_text().splitlines()
    end = json.loads(lines[-1]) | {"cost": cost[0], "unknown": cost[1], "tokens": 5}
    log.write_text("\n".join([*lines[:-1], json.dumps(end)]) + "\n")
    assert cost[2] in said("runs", "--project", "Pricing")[1]


# check


def test_check_takes_a_plan_or_a_run(home: Path, ids: list[str], tmp_path: Path) -> None:
    """One command for a plan's file, a run's id or its beginning, its folder, its archive."""
    (tmp_path / "plan.yaml").write_text("name: P\nphases: [{name: A, tasks: [{agent: a}]}]")
    assert said("check", "plan.yaml")[1].startswith("P: no faults.")
    call("export", ids[0], "run.zip")
    for what in (ids[0], ids[0][:16], str(home / "runs" / ids[0]), "run.zip"):
        code, output = said("check", what)
        assert code == 0, output
        assert output.splitlines() == [
            f"{ids[0]} (completed)",
            "  9 events, 1 file of results as written",
            f"{ids[0]}: no problems.",
        ]
    assert said("check", "latest")[1].startswith(ids[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nope"], "There is neither a file 'nope' nor a run of that id in"),
        (["check", ""], "There is neither"),
        (["check", "home"], "holds no run"),
        (["check", "nope.yaml"], "There is no plan 'nope.yaml'."),
        (["check", "mine.txt", "--repair"], "a plan is yours to edit"),
        (["check", "wrong.zip"], "is no archive of a run"),
        (["check", "latest", "--level", "2"], "--level is for plans"),
        (["check", "20"], "could be any of"),
        (["runs", "--status", "won"], "--status must be one of running, paused"),
        (["runs", "--limit", "-1"], "greater than or equal to 0"),
        (["prune"], "Say which runs may go"),
        (["prune", "--status", "won"], "--status must be one of"),
        (["prune", "--older-than", "30"], "an age with its unit, such as 12h or 30d, not '30'"),
        (["prune", "--older-than", "soon"], "an age with its unit"),
        (["prune", "--older-than", "0d"], "an age with its unit"),
        (["prune", "--keep", "1", "--yes", "--dry-run"], "leave one away"),
        (["export", "nope"], "There is no run 'nope'"),
        (["export", "latest", "mine.txt"], "exists"),
        (["timeline", "wrong.zip"], "is no archive of a run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_2(
    home: Path, ids: list[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    """What is wrong with the input is one message, and nothing is touched."""
    for name in ("mine.txt", "wrong.zip"):
        (tmp_path / name).write_text("mine")
    code, output = said(*arguments)
    assert code == 2
    assert message in output
    assert [path.name for path in list_runs(home)] == ids
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_check_names_problems_and_repairs_on_demand(home: Path, ids: list[str]) -> None:
    """Problems end with 1 and are marked where they can be repaired; repaired, it ends with 0."""
    folder = RunFolder(home / "runs" / ids[0])
    with folder.log.open("ab") as file:
        file.write(b'{"half')
    (folder.path / "notes.txt").touch()
    code, output = said("check", ids[0])
    assert code == 1
    assert "line 10: it ends in the middle of a line: 6 bytes hold no event (can be repaired)" in (
        output
    )
    assert "  note: notes.txt: no file of a run; left alone\n" in output
    assert output.endswith(f"{ids[0]}: 1 problem. --repair puts right what is marked so.\n")
    code, output = said("check", ids[0], "--repair")
    assert code == 0
    assert output.startswith(
        "Repaired: orchestration-timeline.jsonl: its torn end was moved to torn-1.jsonl.\n"
    )
    assert output.endswith(f"{ids[0]}: no problems.\n")


def test_what_can_t_be_repaired_stays_a_problem(home: Path, ids: list[str]) -> None:
    """A lost result is lost: a repair says what is left and ends with 1."""
    folder = RunFolder(home / "runs" / ids[0])
    (result,) = folder.results.iterdir()
    result.unlink()
    code, output = said("check", ids[0], "--repair")
    assert code == 1
    assert "results/0001.1.txt: it is missing; the result that a line of the log" in output
    assert "Repaired" not in output
    assert output.endswith(f"{ids[0]}: 1 problem.\n")


def test_a_run_that_goes_on_is_checked_but_not_repaired(home: Path) -> None:
    """Its owner is named, and nothing is touched."""
    run = onb.run(one_phase(choice("d", timeout=600)), home=home)
    try:
        code, output = said("check", run.id)
        assert code == 0
        assert f"{run.id} (running, going on in process {os.getpid()})" in output
        run.folder.chmod(0o755)
        code, output = said("check", run.id, "--repair")
        assert code == 2
        assert f"is being written by process {os.getpid()}" in output
        assert output.endswith("Nothing was repaired.\n")
    finally:
        run.stop()


# export


def test_export_and_read_again(home: Path, ids: list[str], tmp_path: Path) -> None:
    """The file is named after the run, and the timeline of both is the same."""
    code, output = said("export", ids[0])
    assert code == 0
    path = tmp_path / f"{ids[0]}.orchestra.zip"
    assert output.startswith(f"{path.name}: ")
    assert "It holds prompts and results in clear" in output
    assert said("timeline", path.name) == said("timeline", ids[0])
    assert said("decide", path.name, "d", "A")[0] == 1
    (tmp_path / "archives").mkdir()
    assert said("export", ids[0], "archives")[0] == 0
    assert (tmp_path / "archives" / path.name).read_bytes() == path.read_bytes()
    assert said("export", ids[0])[0] == 2
    assert said("export", ids[0], "--force")[0] == 0


# prune


def test_prune_lists_first(home: Path, ids: list[str]) -> None:
    """Without --yes nothing goes; the list says what would, how much, and how."""
    for extra in ([], ["--dry-run"]):
        code, output = said("prune", "--keep", "1", *extra)
        assert code == 0
        assert re.match(r"1 run of 2, \d+ kB, would go:\n", output)
        assert ids[0] in output
        assert ids[1] not in output
        assert output.endswith("Nothing was removed. To remove them, say it again with --yes.\n")
    assert [path.name for path in list_runs(home)] == ids


def test_prune_removes_with_yes(home: Path, ids: list[str]) -> None:
    """Then the runs are gone, and the rest is as it was."""
    code, output = said("prune", "--status", "completed", "--yes")
    assert (code, output.splitlines()[-1]) == (0, "1 run removed.")
    assert [path.name for path in list_runs(home)] == ids[1:]
    assert said("prune", "--older-than", "30d", "--yes") == (0, "None of 1 run would go.\n")


def test_prune_says_what_stays(home: Path, ids: list[str]) -> None:
    """A run that goes on, and one that another was forked from, are named with the reason."""
    log = RunFolder(home / "runs" / ids[1]).log
    lines = log.read_text().splitlines()
    start = json.loads(lines[0]) | {"parent": ids[0]}
    log.write_text("\n".join([json.dumps(start), *lines[1:]]) + "\n")
    code, output = said("prune", "--keep", "1", "--yes")
    assert code == 0
    assert output.splitlines() == [
        f"{ids[0]} stays: {ids[1]} was forked from it.",
        "--parents removes runs that others were forked from as well.",
        "None of 2 runs would go.",
    ]
    assert said("prune", "--keep", "1", "--parents", "--yes")[1].endswith("1 run removed.\n")


def test_prune_says_what_could_not_be_removed(
    home: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the disk holds on to is named, the others go, and the code is 1."""
    (home / "runs" / ids[0] / "lock").unlink()
    (home / "runs" / ids[0] / "lock").symlink_to("nowhere")
    code, output = said("prune", "--status", "completed", "--status", "failed", "--yes")
    assert code == 1
    assert f"{ids[0]} stays: " in output
    assert "1 run removed." in output
    assert "1 run could not be removed." in output


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (5_400, "5 kB"), (3e9, "3.0 GB")]
)
def test_sizes(size: float, shown: str) -> None:
    """Bytes as people say them."""
    spell: Callable[[float], str] = module._bytes
    assert spell(size) == shown


def test_a_thousand_runs_are_listed_from_their_ends(
    home: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, no log of a run that said its end is read whole."""
    for number in range(60):
        twin = home / "runs" / f"2026010{number % 9 + 1}T0000{number:02d}Z-twin-{number:04x}"
        shutil.copytree(home / "runs" / ids[0], twin)
    monkeypatch.setattr("orchestra_nb.housekeeping.glance._from_all", None)
    assert len(said("runs", "--limit", "0")[1].splitlines()) == 64
    more, hint = said("runs")[1].splitlines()[-2:]
    assert more == "… and 42 more runs: --limit 0 shows all."
    assert re.fullmatch(GO_ON, hint)
