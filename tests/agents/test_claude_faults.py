"""The table of docs/claude.md, row by row, over real HTTP with the real SDK, in one run.

Each row's fault is met twice: one that never ends, for how often it is tried again, how long that
takes and what a person reads of it; and one that passes, after which the task is done. Waits that
are ours are ten times shorter here; those that the service names are as long as it says.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import orchestra_nb as onb
from orchestra_nb.agents import lane
from orchestra_nb.agents.claude import Claude
from orchestra_nb.agents.claude_client import SILENCE_S
from orchestra_nb.engine import backoff
from orchestra_nb.state import DecisionState
from tests.messages_server import OK, Body, Fault, MessagesServer, Reply, fault

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

PAGE = Path(__file__).parents[2] / "docs" / "claude.md"
SCALE = 0.1
WITHIN_S = 45.0
SILENT_S = 1.5
ANSWER = "The whole answer, all of it."


@dataclass(frozen=True)
class Case:
    """How a row of the table is brought about.

    Attributes:
        step: What the server does.
        reply: What the model answers.
        scaled: The waits are ours, not the service's.
        once: It can also happen once and pass.
        requests: How many the server sees when it never ends; `None`: one an attempt.
        options: Of the agent.
        task: Of the task.
    """

    step: Fault | Callable[[], Fault] = OK
    reply: Reply = field(default_factory=lambda: Reply(ANSWER))
    scaled: bool = True
    once: bool = True
    requests: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)


def stops(reason: str, text: str = "So", **options: Any) -> Case:
    """An answer that ends for a reason."""
    return Case(reply=Reply(text, stop_reason=reason), options=options)


def in_two_seconds() -> Fault:
    """A refusal that names a moment."""
    return fault(429, retry_after=formatdate(time.time() + 2, usegmt=True))


def impatient() -> AsyncAnthropic:
    """A client for which silence is long sooner than for ours."""
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(timeout=SILENT_S, max_retries=0)


def keyless() -> AsyncAnthropic:
    """A client whose key is gone."""
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(max_retries=0)
    client.api_key = None
    return client


def broken_key() -> AsyncAnthropic:
    """A client whose key holds a line break."""
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(api_key="sk-ant-\nsecond-line", max_retries=0)


def statuses(*which: int) -> dict[str, Case]:
    """Rows that are nothing but a status."""
    return {f"status {status}": Case(fault(status)) for status in which}


def says(*kinds: str) -> dict[str, Case]:
    """Rows that are an ``event: error`` in a stream that had begun well."""
    return {
        f"the stream says `{kind}`": Case(fault("sse_error", after=4, type=kind)) for kind in kinds
    }


SPENT = fault(429, code="enforced_spend_limit_reached")
CASES: dict[str, Case] = {
    **statuses(400, 401, 402, 403, 404, 408, 409, 412, 413, 422, 431, 499),
    **statuses(429, 500, 501, 503, 504, 529),
    "429, a spending limit": Case(SPENT),
    "429, `retry-after-ms: 300`": Case(fault(429, retry_after_ms=300), scaled=False),
    "429, `retry-after: 2`": Case(fault(429, retry_after=2), scaled=False),
    "429, `retry-after:` a date 2 s ahead": Case(in_two_seconds, scaled=False),
    "429, `retry-after: 0`": Case(fault(429, retry_after=0)),
    "429, `retry-after: 3600`": Case(fault(429, retry_after=3600)),
    "429, `retry-after: 45`, the task has 30 s": Case(
        fault(429, retry_after=45), task={"timeout": 30}
    ),
    "503, `retry-after: 3600`": Case(fault(503, retry_after=3600)),
    "500, `x-should-retry: false`": Case(fault(500, should_retry=False)),
    "400, `x-should-retry: true`": Case(fault(400, should_retry=True)),
    "nobody listens": Case(once=False, requests=0, options={"base_url": "http://127.0.0.1:9"}),
    "cut before the answer": Case(fault("disconnect", after=-1)),
    "no answer begins": Case(fault("slow", seconds=9), options={"client": impatient}),
    "the stream falls silent": Case(
        fault("stall", after=4, seconds=9), options={"client": impatient}
    ),
    "the stream is cut": Case(fault("disconnect", after=4)),
    "the stream is reset": Case(fault("disconnect", after=4, rst=True)),
    **says("overloaded_error", "rate_limit_error", "api_error", "timeout_error", "conflict_error"),
    **says("invalid_request_error", "authentication_error", "billing_error"),
    **says("permission_error", "not_found_error", "an_unheard_of_error"),
    "the stream ends early, politely": Case(fault("truncate", after=4)),
    "the stream has no events": Case(fault("no_events")),
    "the stream has no first event": Case(fault("no_start")),
    "its first event is empty": Case(fault("odd_start")),
    "a line of it is broken JSON": Case(fault("malformed", after=4)),
    "200 with a page": Case(fault("html")),
    "200 with nothing": Case(fault("empty")),
    "200 with broken JSON": Case(fault("broken_json")),
    "200 with other JSON": Case(fault("wrong_shape")),
    "the answer is empty": stops("end_turn", ""),
    "a tool is to be called, but which": stops("tool_use"),
    "stop reason `max_tokens`": stops("max_tokens", max_tokens=4096),
    "stop reason `refusal`": stops("refusal", ""),
    "stop reason `model_context_window_exceeded`": stops("model_context_window_exceeded"),
    "stop reason `pause_turn`, again and again": Case(
        reply=Reply("So", stop_reason="pause_turn"), requests=3, options={"max_rounds": 2}
    ),
    "a stop reason nobody knows": stops("because"),
    "stop reason `stop_sequence`": stops("stop_sequence", ANSWER),
    "unknown events and deltas": Case(fault("unknown_event", after=4)),
    "2 million characters": Case(fault("huge", chars=2_000_000)),
    "no key any more": Case(once=False, requests=0, options={"client": keyless}),
    "a line break in the key": Case(once=False, requests=0, options={"client": broken_key}),
}


@dataclass(frozen=True)
class Row:
    """A row of the page: tried again how often, over after how many seconds, and the line."""

    again: int
    least: float
    most: float
    line: str

    @property
    def succeeds(self) -> bool:
        """Whether that is no failure at all."""
        return self.line == "the answer"


def rows() -> dict[str, Row]:
    """The page's table, by what happens."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("<!-- A test holds this table against a run. -->\n")[2]
    found = {}
    for line in table.partition("\n\n")[0].splitlines()[2:]:
        what, again, over, said = (cell.strip() for cell in line.strip("|").split(" | "))
        times = 0 if again == "no" else int(again)
        span = re.fullmatch(r"([\d.]+) to ([\d.]+) s", over)
        assert span or over == "at once", line
        least, most = map(float, span.groups()) if span else (0.0, 0.0)
        found[what] = Row(times, least, most, said.strip("`"))
    return found


ROWS = rows()


@dataclass(frozen=True)
class Lived:
    """What came of a task: its events, and when its requests arrived."""

    events: list[dict[str, Any]]
    requests: list[float]

    def only(self, kind: str) -> dict[str, Any]:
        """Its one event of a kind."""
        (found,) = [event for event in self.events if event["event"] == kind]
        return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lived]]:
    """Every row lived through in one run, as ``model`` of its tasks, which share no limits."""
    patch = pytest.MonkeyPatch()
    for module, name in ((backoff, "BACKOFF_S"), (lane, "_BACKOFF_S")):
        patch.setattr(module, name, getattr(module, name) * SCALE)
    with MessagesServer() as server:
        patch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-0123456789abcdef")
        patch.setenv("ANTHROPIC_BASE_URL", server.base_url)
        seen: dict[str, int] = defaultdict(int)

        def step(body: Body) -> Fault | None:
            kind, _, number = body["model"].partition("-")
            seen[body["model"]] += 1
            if kind == "passes" and seen[body["model"]] > 1:
                return OK
            chosen = list(CASES.values())[int(number)].step
            return chosen if isinstance(chosen, Fault) else chosen()

        def reply(body: Body) -> Reply:
            kind, _, number = body["model"].partition("-")
            well = kind == "passes" and seen[body["model"]] > 1
            return Reply(ANSWER) if well else list(CASES.values())[int(number)].reply

        server.fault, server.reply = step, reply
        tasks: list[onb.Task] = []
        agents = {}
        for number, case in enumerate(CASES.values()):
            for kind in ("stays", "passes") if case.once else ("stays",):
                name = f"{kind}-{number}"
                agents[name] = Claude(model=name, **case.options)
                tasks.append(onb.Task(agent=name, task="Look", **case.task))
        plan = onb.Plan(
            name="Faults",
            mode="fully_autonomous",
            max_concurrency=len(tasks),
            phases=[onb.Phase(name="All", tasks=tasks)],
        )
        run = onb.run(plan, agents, spend=True, home=tmp_path_factory.mktemp("home"))
        run.wait(WITHIN_S)
        lines = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8").splitlines()
        told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in map(json.loads, lines):
            told[event.get("task", "")].append(event)
        arrived = defaultdict(list)
        for one in server.requests:
            arrived[one.body["model"]].append(one.t)
        yield {name: Lived(told[name], arrived[name]) for name in agents}
        run.stop()
    patch.undo()


def test_the_page_lists_what_is_tried_here() -> None:
    """The table and the cases are the same faults, in the same order."""
    assert list(ROWS) == list(CASES)


@pytest.mark.parametrize("what", CASES)
def test_a_fault_that_stays(lived: dict[str, Lived], what: str) -> None:
    """It is tried again as often, and takes as long, and says in the end, what the page says."""
    case, row = CASES[what], ROWS[what]
    one = lived[f"stays-{list(CASES).index(what)}"]
    retries = [event for event in one.events if event["event"] == "agent_retry"]
    assert len(retries) == row.again
    assert len(one.requests) == (row.again + 1 if case.requests is None else case.requests)
    if row.succeeds:
        assert one.only("agent_complete")["status"] == "success"
        return
    said = one.only("agent_failed")["error"]
    assert re.fullmatch(re.escape(row.line).replace("…", ".+"), said), said
    scale = SCALE if case.scaled else 1.0
    # What it is told to pause is never too long, and the server sees that it is never too short.
    assert sum(event["delay_s"] for event in retries) <= (row.most + 0.5) * scale
    if len(one.requests) > 1 and case.requests is None:
        took = one.requests[-1] - one.requests[0]
        assert (row.least - 0.5) * scale <= took


@pytest.mark.parametrize("what", [w for w, case in CASES.items() if case.once and ROWS[w].again])
def test_a_fault_that_passes(lived: dict[str, Lived], what: str) -> None:
    """What is tried again is done with the second request, and the first says what was wrong."""
    one = lived[f"passes-{list(CASES).index(what)}"]
    assert one.only("agent_complete")["attempt"] == 2
    assert len(one.requests) == 2
    said = one.only("agent_retry")["error"]
    assert re.fullmatch(re.escape(ROWS[what].line).replace("…", ".+"), said), said


def test_a_line_says_how_long_nothing_came() -> None:
    """The page names the silence after which a connection is given up."""
    assert f"{SILENCE_S / 60:.0f} min" in PAGE.read_text(encoding="utf-8")


def test_a_revoked_key_is_replaced_while_the_run_waits(
    server: MessagesServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key that stops to count in the middle of a run: the next attempt takes the new one."""

    def revoked(body: Body) -> Fault | None:
        sent = server.requests[-1].headers["authorization"]
        return fault(401) if len(server.bodies) > 1 and "renewed" not in sent else None

    def renew(decision: DecisionState) -> None:
        said.append(decision.context)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-renewed-0123456789")
        run.answer(decision.id, "A")

    server.fault = revoked
    said: list[str] = []
    tasks = [[onb.Task(agent=name, task="Look")] for name in ("first", "second")]
    phases = [onb.Phase(name=one[0].agent, tasks=one) for one in tasks]
    run = onb.run(
        onb.Plan(name="Keys", phases=phases), home=tmp_path, on_decision=renew, spend=True
    )
    run.wait(WITHIN_S)
    assert run.status == "completed"
    (line,) = said
    assert line.startswith("The API key was not accepted (401); set a valid ANTHROPIC_API_KEY")
    assert len(server.bodies) == 3
