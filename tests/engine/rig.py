"""An engine on a clock of its own and a journal in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestra_nb.agents.context import Context
from orchestra_nb.agents.functions import Function
from orchestra_nb.commands import Command, Reply
from orchestra_nb.engine.engine import Engine
from orchestra_nb.engine.loops import loops
from orchestra_nb.engine.orders import Order
from orchestra_nb.engine.protocols import Job, Stored, Worker
from orchestra_nb.events import Event
from orchestra_nb.fold import apply
from orchestra_nb.plan import Decision, Phase, Plan, Task
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, DecisionState, State, TaskState

WITHIN_S = 10.0
WALL = 1_795_000_000.0


class Clock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.time


class MemoryJournal:
    """Keeps a log in memory, as the JSON that would be written.

    Attributes:
        lines: What was appended.
        fail: Raised by ``append``.
        held: While a list, syncs wait in it until ``release``.
        results: While a list, results wait in it.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.writes = 0
        self.fail: Exception | None = None
        self.sync_error: BaseException | None = None
        self.held: list[Callable[[BaseException | None], None]] | None = None
        self.results: list[Callable[[], None]] | None = None
        self.transcripts: list[dict[str, Any]] = []
        self.closed = False

    @property
    def lines(self) -> list[Event]:
        """The log as a reader would see it."""
        return [json.loads(text) for text in self.texts]

    def append(self, events: Sequence[Event]) -> None:
        """Keep the events, or fail."""
        if self.fail is not None:
            raise self.fail
        assert not self.closed, "written after its end"
        self.writes += 1
        self.texts += [json.dumps(event, allow_nan=False) for event in events]

    def sync(self, done: Callable[[BaseException | None], None]) -> None:
        """Be durable at once, or when a test says so."""
        if self.held is None:
            done(self.sync_error)
        else:
            self.held.append(done)

    def release(self) -> None:
        """Let the syncs that wait be over."""
        held, self.held = self.held or [], None
        for done in held:
            done(self.sync_error)

    def inline_result(self, value: object) -> Stored | None:
        """Small plain values stay in the log."""
        if value is None or isinstance(value, (str, int)):
            return {"kind": "json", "value": value}
        return None

    def put_result(
        self, index: int, attempt: int, value: object, done: Callable[[Stored], None]
    ) -> None:
        """Keep a value, at once or when a test says so."""
        stored: Stored = {"kind": "repr", "stored": False, "repr": repr(value)}
        if self.results is None:
            done(stored)
        else:
            self.results.append(lambda: done(stored))

    def transcript(self, index: int, attempt: int, entry: Mapping[str, Any]) -> None:
        """Keep a line."""
        self.transcripts.append(dict(entry))

    def close(self, timeout: float = 10.0) -> None:
        """Take nothing more."""
        self.closed = True


class Rig:
    """Runs a plan with functions; what a test needs to steer and to look.

    Args:
        plan: The plan, ready to run.
        agents: Agent name -> function; those without one do nothing.
        fake: Whether the clock stands still until :meth:`advance`.
        journal: Where the log goes.
        state: What the run begins with, if not from nothing.
        options: For the engine.
    """

    def __init__(
        self,
        plan: Plan,
        agents: Mapping[str, Any] | None = None,
        *,
        fake: bool = False,
        workers: Mapping[str, Worker] | None = None,
        journal: MemoryJournal | None = None,
        state: State | None = None,
        **options: Any,
    ) -> None:
        self.plan = plan
        self.graph = compile_plan(plan)
        self.journal = journal or MemoryJournal()
        self.clock: Callable[[], float] = Clock() if fake else time.monotonic
        given = agents or {}
        own = workers or {}
        found: list[Worker | None] = []
        for node in self.graph.nodes:
            if node.kind != "task":
                found.append(None)
                continue
            worker = own.get(node.id)
            if worker is None:
                function = given.get(node.id, given.get(node.agent, nothing))
                parents = [self.graph.nodes[i].id for i in self.graph.parents(node.index)]
                worker = Function(function).bind(lambda parents=parents: parents)  # type: ignore[misc]
            found.append(worker)
        self.asked: list[str] = []
        self.attempts: list[tuple[str, str]] = []
        settings: dict[str, Any] = {
            "inputs": {},
            "answers": {},
            "seconds": [0.0] * len(found),
            "run_id": "run-1",
            "seed": 1,
            "on_asked": self.asked.append,
            "on_attempt": self._attempt,
            "wall": lambda: WALL,
        }
        self.engine = Engine(
            State(self.graph) if state is None else state,
            self.journal,
            loops(),
            workers=found,
            context_of=Context,
            clock=self.clock,
            **(settings | options),
        )

    def _attempt(self, job: Job, seconds: float, status: str) -> None:
        self.attempts.append((job.node.id, status))

    # Steering.

    def start(self) -> Rig:
        """Begin the run."""
        self.engine.start()
        self.turn()
        return self

    def run(self) -> Rig:
        """Begin the run and wait for its end."""
        self.engine.start()
        return self.wait()

    def wait(self) -> Rig:
        """Wait for the end of the run."""
        assert self.engine.ended.wait(WITHIN_S), f"still going on: {self.statuses()}"
        return self

    def turn(self) -> None:
        """Wait until the engine has handled everything that was posted so far."""
        for _ in range(2):  # what a turn posts to itself is handled in the next
            done = threading.Event()
            self.engine.post(done.set)
            assert done.wait(WITHIN_S), "the engine's loop is stuck"

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at each timer as a machine that is awake does."""
        clock = self._fake()
        end = clock.time + seconds
        while True:
            self.turn()
            due = self.engine.timers.next()
            at = end if due is None else max(clock.time, due - self.engine.now() + clock.time)
            if at >= end:
                break
            clock.time = at + 1e-6
        clock.time = max(clock.time, end)
        self.turn()

    def advance_to_end(self) -> Rig:
        """Let time pass until the run is over."""
        end = time.monotonic() + WITHIN_S
        while not self.engine.ended.is_set():
            assert time.monotonic() < end, f"still going on: {self.statuses()}"
            self.advance(1.0)
            time.sleep(0.001)
        return self

    def sleep(self, seconds: float) -> None:
        """Let time pass while the machine sleeps."""
        self._fake().time += seconds
        self.turn()

    def _fake(self) -> Clock:
        assert isinstance(self.clock, Clock), "only a fake clock can be moved"
        return self.clock

    def say(self, command: Command) -> tuple[bool, str]:
        """Send a command; whether it was carried out, and what is said of that."""
        reply = self.reply(command)
        return reply.ok, reply.text

    def reply(self, command: Command) -> Reply:
        """Send a command; its reply."""
        said: list[Reply] = []
        done = threading.Event()

        def reply(came: Reply) -> None:
            said.append(came)
            done.set()

        self.engine.post(Order(command, reply))
        assert done.wait(WITHIN_S), f"no reply to {command!r}"
        assert len(said) == 1, "one reply to each command"
        return said[0]

    def send(self, command: Command) -> None:
        """Send a command that has no reply."""
        self.engine.post(Order(command))
        self.turn()

    def until(self, condition: Callable[[], object], what: str = "it") -> None:
        """Wait until something holds."""
        end = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < end, f"{what} never happened: {self.statuses()}"
            self.turn()
            time.sleep(0.002)

    def until_open(self, decision: str) -> None:
        """Wait until a decision is open."""
        self.until(
            lambda: (found := self.engine.state.decisions.get(decision)) and found.open, decision
        )

    # Looking.

    def events(self, *kinds: str) -> list[Event]:
        """Events of these kinds in the log, in order."""
        return [line for line in self.journal.lines if line["event"] in kinds]

    def kinds(self) -> list[str]:
        """The kinds of all events, in order."""
        return [line["event"] for line in self.journal.lines]

    def event(self, kind: str, **fields: object) -> Event:
        """The one event of that kind with these fields."""
        found = [e for e in self.events(kind) if fields.items() <= e.items()]
        assert len(found) == 1, f"{len(found)} events {kind!r} with {fields}: {self.kinds()}"
        return found[0]

    def task(self, task: str) -> TaskState:
        """The state of a task."""
        return self.engine.state.task(task)

    def decision(self, decision: str) -> DecisionState:
        """The state of a decision."""
        return self.engine.state.decisions[decision]

    def statuses(self) -> dict[str, str]:
        """Status of every node."""
        return {task.id: task.status for task in self.engine.state.tasks}

    def started(self) -> list[str]:
        """Ids of the tasks that started, in order."""
        return [event["task"] for event in self.events("agent_start")]


def nothing() -> None:
    """An agent with nothing to do."""


def one_phase(*entries: Task | Decision, **settings: Any) -> Plan:
    """A plan of one phase."""
    return phases([*entries], **settings)


def phases(*groups: Sequence[Task | Decision], **settings: Any) -> Plan:
    """A plan with these tasks in phases named P1, P2, ...

    Its failures ask nobody, unless it says otherwise.
    """
    made = [Phase(name=f"P{n}", tasks=list(group)) for n, group in enumerate(groups, start=1)]
    return Plan(name="test", phases=made, **({"on_failure": "continue"} | settings))


def task(agent: str, *depends_on: str, free: bool = False, **settings: Any) -> Task:
    """A task that waits for what is named; without names for the phase before, unless free."""
    if depends_on or free:
        settings["depends_on"] = list(depends_on)
    return Task(agent=agent, task=f"do {agent}", **settings)


def choice(id: str, *depends_on: str, **settings: Any) -> Decision:
    """A decision between A and B; A is recommended."""
    if depends_on:
        settings["depends_on"] = list(depends_on)
    given = {"title": id.title(), "options": {"A": "first", "B": "second"}, "recommend": "A"}
    return Decision(id=id, **(given | settings))


def fold(lines: Sequence[Event], plan: Plan) -> State:
    """The state that a log says."""
    state, change = State(compile_plan(plan)), Change()
    for line in lines:
        apply(state, line, change)
    return state


def fields_of(state: State) -> dict[str, Any]:
    """Everything a state holds, to be compared."""
    return {name: getattr(state, name) for name in State.__slots__ if name != "graph"}


def fails(error: BaseException) -> Callable[[], None]:
    """An agent that raises."""

    def agent() -> None:
        raise error

    return agent
