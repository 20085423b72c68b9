"""One failing run with secrets wherever they fit: nothing it leaves behind holds any."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.messages_server import MessagesServer
from tests.messages_server.faults import Fault
from tests.webhook.receiver import SECRET, receiving

MARK = b"q9x"
"""It is in every secret, and in nothing else."""
KEY = "sk-ant-api03-" + "Zq9x" * 8
LEAKY = '''
import json, logging, os, sys, traceback
import orchestra_nb as onb
from orchestra_nb.errors import AgentError

KEY = os.environ["ANTHROPIC_API_KEY"]
SECRETS = [
    KEY, os.environ["BACKEND_API_KEY"], "sk-proj-" + "Zq9x" * 8, "ghp_" + "Zq9x" * 9,
    "Bearer Zq9xZq9xZq9xZq9x", "xoxb-" + "Zq9x" * 5, "AKIA" + "ZQ9X" * 4,
    "AIza" + "Zq9x" * 8 + "Zq9", "postgres://me:Zq9xpass@db/x",
    "eyJZq9xZq9x.eyJZq9xZq9x.Zq9xZq9xZq9x", "sk_live_" + "Zq9x" * 6,
    "-----BEGIN PRIVATE KEY-----\\n" + "Zq9x" * 12 + "\\n-----END PRIVATE KEY-----",
]
ALL = "; ".join(SECRETS)

def noted():
    error = ValueError(ALL)
    error.add_note(ALL)
    raise error

def chained():
    try:
        raise KeyError(ALL)
    except KeyError as error:
        raise RuntimeError(ALL) from error

def hidden():
    try:
        raise KeyError(ALL)
    except KeyError:
        raise RuntimeError("nothing to see") from None

def grouped():
    few = [ExceptionGroup("inner", [ValueError(ALL)])]
    raise ExceptionGroup("outer", [ValueError(str(n)) for n in range(40)] + few)

def literal():
    raise ValueError("in the source: %d" % len("sk-ant-api03-Zq9xZq9xZq9xZq9xZq9xZq9xZq9xZq9x"))

def cut(context):
    for secret in SECRETS:
        for most in (120, 500, 2_000):  # half of it would be left at the end of what is kept
            context.finding("x " * ((most - len(secret) // 2) // 2) + secret)
    raise ValueError("x " * 240 + ALL)

def tells(context):
    context.progress(ALL)
    context.finding(ALL)
    context.blocker(ALL)
    context.choice(ALL, because=ALL)
    context.log(ALL)
    context.tool_call("tool", ALL)
    context.transcript({"headers": {"authorization": ALL}, ALL: [ALL]})
    context.decide_sync(
        ALL, {"A": ALL, "B": "y"}, recommend="A", because=ALL, context=ALL, timeout="1s"
    )
    return {"list": [ALL] * 50, ALL: ALL}

def retried(context):
    raise AgentError(ALL, retryable=context.attempt < 2)

def odd():
    return (ALL, object())

def small():
    return KEY

def lookup(query: str) -> str:
    """Look something up."""
    raise ConnectionError(ALL)

names = "noted chained hidden grouped literal cut tells retried odd small".split()
tasks = [onb.Task(agent=name, task=ALL, retries=1 if name == "retried" else 0) for name in names]
model = onb.agents.Claude(system=ALL, tools=[lookup])
asked = onb.Decision(
    title="Which", options=["x", "y " + ALL], recommend="A", timeout="1s", context=ALL,
    because=ALL,
)
plan = onb.Plan(
    name="Leaky", overview=ALL, mode="full_interactive", on_failure="continue",
    inputs={"market": ALL},
    phases=[
        onb.Phase(name="All", tasks=[*tasks, asked, onb.Task(agent="model", task=ALL)]),
        onb.Phase(name="Then", tasks=[onb.Task(agent="late", task="{{market}}", depends_on=names)]),
    ],
)
agents = {name: globals()[name] for name in names} | {"model": model, "late": small}

def heard(event):
    print("event", json.dumps(event, default=str))

def start(**options):
    return onb.run(plan, agents, on_event=heard, spend=True, **options)

def shows(run):
    """Everything that a person looks at, and every exception as everybody prints it."""
    from orchestra_nb.views.run_info import RunInfo
    from orchestra_nb.widgets.snapshot import snapshot

    print(repr(run), repr(run.state), repr(run.results), repr(model), repr(run.decisions))
    print(json.dumps(snapshot(run.state, 1.0, run=RunInfo.of(run.state))))
    print(run.state.tasks, run.state.findings, run.state.decisions)
    failures = []
    for name in [*names, "model", "late"]:
        try:
            run.results[name]
        except Exception as error:
            failures.append(error)
    try:
        run.check()
    except Exception as error:
        failures.append(error)
    for error in failures:
        print("".join(traceback.format_exception(error)), repr(error), vars(error))
        logging.error("failed", exc_info=error)
        one = error
        while one is not None:
            print(repr(one), one.args, getattr(one, "__notes__", ()), getattr(one, "exceptions", 0))
            one = one.__cause__ or one.__context__
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the module of a careless person in it."""
    (tmp_path / "leaky.py").write_text(LEAKY)
    return tmp_path


def environment(folder: Path, server: MessagesServer, **more: str) -> dict[str, str]:
    """What stands in the environment of whoever runs it."""
    return {
        **os.environ,
        "ANTHROPIC_API_KEY": KEY,
        "BACKEND_API_KEY": "Zq9x-of-somebody-else-1",
        "ANTHROPIC_BASE_URL": server.base_url,
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(folder),
        **more,
    }


def refusing() -> MessagesServer:
    """An API that shows the key in what it answers."""
    return MessagesServer().script(*[Fault(kind="status", status=401, message=f"no: {KEY}")] * 9)


def clean(what: str, data: bytes) -> None:
    """No secret is in it."""
    at = data.lower().find(MARK)
    assert at < 0, f"{what}: {data[max(0, at - 300) : at + 60]!r}"


def left_in(folder: Path) -> list[Path]:
    """The files of a run and around it, but for what the person wrote."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("leaky.py", "run.ipynb")
    ]


def test_a_run_in_a_notebook_leaves_no_secret(folder: Path, kernels: Path) -> None:
    """Not in its files, its executed notebook, its output, its webhook or a terminal's screens."""
    cells = [
        "from leaky import *\nrun = start(home='home', webhook=onb.Webhook("
        "__import__('os').environ['HOOK'], secret=__import__('os').environ['HOOK_SECRET']))\nrun",
        "results = run.wait(90)",
        "shows(run)",
        "again = onb.open(run.id, home='home'); print(again, again.results); again",
    ]
    make: Any = nbformat.v4
    files: Any = nbformat
    path = folder / "run.ipynb"
    files.write(make.new_notebook(cells=list(map(make.new_code_cell, cells))), path)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", "--allow-errors"]
    with refusing() as server, receiving() as hook:
        env = environment(
            folder,
            server,
            HOOK=f"{hook.url}&key=Zq9xZq9xZq9x",
            HOOK_SECRET=SECRET,
            JUPYTER_PATH=str(kernels),
            JUPYTER_PREFER_ENV_PATH="0",
        )
        done = subprocess.run(
            [*command, "--kernel_name=ipykernel-7", str(path)],
            env=env,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )
        assert len(server.bodies) == 1
        said = [one.body for one in hook.received]
    notebook = json.loads(path.read_text())
    outputs = json.dumps([cell["outputs"] for cell in notebook["cells"]])
    assert '"error"' not in outputs, outputs[-3_000:]
    assert outputs.count("[secret]") > 100
    clean("the notebook", json.dumps([outputs, notebook["metadata"]]).encode())
    clean("what jupyter said", done.stdout)
    assert said
    for body in said:
        clean("the webhook", body)
    (run,) = (folder / "home" / "runs").iterdir()
    for line in (
        ["timeline", run.name],
        ["check", run.name],
        ["runs"],
        ["decisions"],
        ["watch", run.name],
        ["export", run.name, str(folder / "run.zip")],
    ):
        shown = subprocess.run(
            [sys.executable, "-m", "orchestra_nb", *line, "--home", str(folder / "home")],
            env=env,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert shown.returncode in (0, 1), shown.stdout
        clean(" ".join(line), shown.stdout)
    found = left_in(folder)
    assert len(found) >= 10
    for one in found:
        clean(str(one), one.read_bytes())


def test_a_script_says_no_secret(folder: Path) -> None:
    """What a script prints about its failing run, and what it dies of, holds none."""
    lines = [
        "from leaky import *",
        "run = start(home='home')",
        "results = run.wait(90)",
        "shows(run)",
        "run.results['chained']",
    ]
    with refusing() as server:
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(lines)],
            env=environment(folder, server),
            cwd=folder,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 1
    assert b"chained has no result" in done.stderr
    clean("stdout", done.stdout)
    clean("stderr", done.stderr)
    for one in left_in(folder):
        clean(str(one), one.read_bytes())
