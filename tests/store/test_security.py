"""Whole runs with secrets and hostile names in them: what is on disk, and where."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

import orchestra_nb as onb
from orchestra_nb.cli import app
from orchestra_nb.errors import StoreError
from orchestra_nb.housekeeping.archive import export, unpack
from orchestra_nb.housekeeping.inspecting import inspect
from orchestra_nb.store.durations import read_durations
from orchestra_nb.store.folder import RunFolder
from orchestra_nb.store.home import list_runs
from tests.engine.rig import choice, one_phase, task

WITHIN_S = 20.0
SECRETS = {
    "anthropic": "sk-ant-api03-" + "Zq9x" * 8,
    "openai": "sk-proj-" + "Zq9x" * 8,
    "github": "ghp_" + "Zq9x" * 9,
    "bearer": "Bearer Zq9xZq9xZq9xZq9x",
    "slack": "xoxb-" + "Zq9x" * 5,
    "aws": "AKIA" + "ZQ9X" * 4,
    "google": "AIza" + "Zq9x" * 8 + "Zq9",
    "pem": "-----BEGIN PRIVATE KEY-----\nZq9x" + "Zq9x" * 10 + "\n-----END PRIVATE KEY-----",
    "environment": "Zq9x-from-the-environment",
}


class Model(BaseModel):
    """A result with a field."""

    text: str


class Leaky:
    """An agent that puts a secret wherever it can."""

    def __init__(self, secret: str):
        self.secret = secret

    async def tells(self, context: onb.Context) -> dict[str, Any]:
        """Tell it in every way, and return it."""
        text = f"see {self.secret}."
        context.progress(text)
        context.finding(text)
        context.blocker(text)
        context.choice(text, because=text)
        context.log(text)
        await context.decide(text, {"A": text, "B": "y"}, recommend="A", because=text, context=text)
        return {"list": [text] * 300, text: text}

    def fails(self) -> None:
        """Raise it, from an exception that holds it too."""
        try:
            raise KeyError(self.secret)
        except KeyError as error:
            raise ValueError(f"again {self.secret}") from error

    def model(self) -> Model:
        """Return it in a model."""
        return Model(text=f"{self.secret} " * 100)

    def text(self) -> str:
        """Return it in a text."""
        return f"{self.secret} " * 200

    def small(self) -> str:
        """Return it in what stands in the log."""
        return self.secret

    def odd(self) -> Any:
        """Return it in what can't be kept."""
        return (self.secret, object())

    def frame(self) -> Any:
        """Return it in a frame."""
        import pandas as pd

        return pd.DataFrame({"column": [self.secret] * 50})


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_nowhere(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told, asked, raised, returned or in the plan: no file, copy, archive or screen has it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRETS["environment"])
    onb.configure(mirror=tmp_path / "mirror")
    secret = SECRETS[kind]
    leaky = Leaky(secret)
    names = ["tells", "fails", "model", "text", "small", "odd", "frame"]
    tasks = [onb.Task(agent=name, task=f"Use {secret} well") for name in names]
    asked = onb.Decision(title="Which", options=["x", f"y {secret}"], recommend="A", context=secret)
    plan = onb.Plan(
        name="Leaky",
        overview=secret,
        on_failure="continue",
        mode="fully_autonomous",
        phases=[onb.Phase(name="P", tasks=[*tasks, asked])],
    )
    run = onb.run(plan, {name: getattr(leaky, name) for name in names}, home=home)
    run.note(f"by the way {secret}")
    run.wait(WITHIN_S)
    assert run.results["small"] == secret
    archive = tmp_path / "run.zip"
    export(RunFolder(run.folder), archive)
    copy = unpack(archive)
    files = [path for top in (tmp_path, copy.home) for path in top.rglob("*") if path.is_file()]
    assert len(files) >= 18
    for path in files:
        assert b"q9x" not in path.read_bytes().lower(), path
    screens = [
        CliRunner().invoke(app, [*line, "--home", str(home)]).output
        for line in (["timeline", run.id], ["check", run.id], ["runs"], ["decisions"])
    ]
    screens += [repr(run), repr(run.state), repr(run.decisions), repr(run.results)]
    with pytest.raises(onb.TaskFailed) as failed:
        run.results["fails"]
    assert "q9x" not in "\n".join([*screens, str(failed.value)]).lower()
    assert inspect(run.folder).findings == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_nothing_is_open_to_others(home: Path) -> None:
    """Whatever the umask: every folder of a home is 0700, every file 0600."""
    before = os.umask(0)
    try:
        run = onb.run(
            one_phase(task("a"), choice("d"), mode="fully_autonomous"),
            {"a": lambda: "x" * 5_000},
            home=home,
        )
        run.wait(WITHIN_S)
        export(RunFolder(run.folder), home / "run.zip")
    finally:
        os.umask(before)
    for path in (home, *home.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), (path, oct(mode))


@pytest.mark.parametrize(
    "name",
    [
        "../../evil",
        "/etc/evil",
        "a/b",
        "C:\\evil",
        "con",
        "nul.txt",
        "COM1",
        "..",
        ".",
        "~root",
        "x\u202ey",
        "é" * 70,
        "x" * 200,
        "a\0b",
        "a\nb",
        "\u2215etc",
        "-rf",
        "$HOME",
    ],
)
def test_names_never_leave_the_home(name: str, home: Path, tmp_path: Path) -> None:
    """However an agent, a task, a plan or a decision is called: a run stays in its folder."""
    ready = onb.Task(agent=name, id="a-task")
    plan = onb.Plan(
        name=name,
        mode="fully_autonomous",
        phases=[
            onb.Phase(
                name=name, tasks=[ready, onb.Decision(title=name, options=["x"], recommend="A")]
            )
        ],
    )
    run = onb.run(plan, {name: lambda: "x" * 5_000}, home=home)
    run.wait(WITHIN_S)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert sorted(path.name for path in home.iterdir()) == [".gitignore", "durations.jsonl", "runs"]
    assert list_runs(home) == [run.folder]
    assert run.folder.name.isascii()
    assert inspect(run.folder).findings == []


@pytest.mark.parametrize("command", ["timeline", "watch", "export", "decide", "hold"])
@pytest.mark.parametrize(
    "name", ["../other/runs/{id}", "{path}", "runs/{id}", "..", "*", "con", "x" * 5_000]
)
def test_ids_never_leave_the_home(command: str, name: str, home: Path, tmp_path: Path) -> None:
    """An id that is a path finds nothing, though a run lies there."""
    run = onb.run(one_phase(task("a")), {"a": lambda: 1}, home=tmp_path / "other")
    run.wait(WITHIN_S)
    onb.run(one_phase(task("a")), {"a": lambda: 1}, home=home).wait(WITHIN_S)
    wanted = name.format(id=run.id, path=run.folder)
    rest = {"decide": ["d", "A"], "hold": ["d"]}.get(command, [])
    done = CliRunner().invoke(app, [command, wanted, *rest, "--home", str(home)])
    assert done.exit_code == 2
    assert "There is no run" in done.output
    with pytest.raises(StoreError, match="There is no run"):
        onb.open(wanted, home=home)


@pytest.mark.parametrize("command", ["timeline", "watch", "export", "check", "runs"])
def test_a_linked_home_is_refused_at_every_door(command: str, home: Path, tmp_path: Path) -> None:
    """No command reads runs through a link in the place of their home."""
    run = onb.run(one_phase(task("a")), {"a": lambda: 1}, home=home)
    run.wait(WITHIN_S)
    link = tmp_path / "link"
    link.symlink_to(home)
    line = [command] if command == "runs" else [command, run.id]
    done = CliRunner().invoke(app, [*line, "--home", str(link)])
    assert done.exit_code == 2
    assert "is a symbolic link" in " ".join(done.output.split())
    with pytest.raises(StoreError, match="is a symbolic link"):
        onb.open(run.id, home=link)
    with pytest.raises(StoreError, match="is a symbolic link"):
        onb.run(one_phase(task("a")), {"a": lambda: 1}, home=link)


@pytest.mark.parametrize("part", ["log", "plan_json", "lock", "results"])
def test_linked_parts_are_not_read(part: str, home: Path, tmp_path: Path) -> None:
    """A run with a link in it shows nothing of what the link leads to."""
    run = onb.run(one_phase(task("a")), {"a": lambda: "x" * 5_000}, home=home)
    run.wait(WITHIN_S)
    path: Path = getattr(RunFolder(run.folder), part)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    if part == "results":
        assert run.folder.is_dir()
    else:
        with pytest.raises(StoreError, match="symbolic link"):
            onb.open(run.id, home=home)
    found = inspect(run.folder)
    assert path.name in [one.place for one in found.findings if "symbolic link" in one.what]


def test_linked_durations_are_not_read(home: Path, tmp_path: Path) -> None:
    """The index of durations is a plain file too."""
    onb.run(one_phase(task("a")), {"a": lambda: 1}, home=home).wait(WITHIN_S)
    assert set(read_durations(home)) == {"a"}
    (home / "durations.jsonl").rename(tmp_path / "elsewhere")
    (home / "durations.jsonl").symlink_to(tmp_path / "elsewhere")
    assert read_durations(home) == {}
