"""Ties runs to boards: changes out, clicks in.

The engine's loop makes the messages (it owns the state) and sends them once what they say is on
disk. What the browser says arrives in some thread of the kernel, is read, and is posted.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..commands import Reply, from_json
from ..engine.engine import Engine
from ..engine.orders import Order
from ..errors import CommandError
from ..handle import Run
from ..plan import Plan
from ..state import Change, State
from ..views.remaining import seconds_left
from ..views.static_html import final_html, final_text
from ..widgets.board import Board
from ..widgets.snapshot import RunInfo, delta, snapshot
from . import kernel
from .ears import Afterwards, Ear
from .elsewhere import picture
from .forking import Forking, asks_to_fork
from .lookups import look, with_task
from .output import Outputs
from .places import Places
from .waiter import NotebookWaiter

__all__ = ["Attached", "Notebook", "current"]

EVERY_S = 0.1
"""State goes out ten times a second at most."""
AT_ONCE_S = 0.05
"""Decisions and ends don't wait for that, yet there are never more than 20 messages a second."""
CLOCK_S = 0.001
LEFT_EVERY_S = 10.0
PICTURE_EVERY_S, DECIDED_EVERY_S = 10.0, 1.0
"""The trait that late views and the saved notebook read is renewed this often at most; the second
when decisions changed: it holds every task, and each view says hello for a newer one anyway."""
ALIVE_EVERY_S = 10.0
"""Boards hear of a quiet run this often, so that they know the kernel is there."""
HELLO_WITHIN_S = 5.0
"""A front end that has not said hello by then shows text."""
REMEMBERED = 1_000
RETIRE_AFTER_S = 30.0
"""A click that comes this late after the end hears that the run is over, and no more."""


def final_bundle(state: State, info: RunInfo) -> dict[str, Any]:
    """What a cell holds of a run that is over: HTML and text, nothing live."""
    return {"text/html": final_html(state, run=info), "text/plain": final_text(state, run=info)}


class Attached:
    """One run, its board, and every cell that shows it."""

    def __init__(self, run: Run, variable: str):
        self.run = run
        engine = run._engine
        assert isinstance(engine, Engine), "a record has nothing live to show"
        self._engine = engine
        self._estimates = [s or None for s in self._engine.seconds]
        info = {i: s for i, s in enumerate(self._engine.seconds) if s}
        state = run.state
        self._info = RunInfo.of(state, variable=variable, estimates=info)
        self._outputs = Places(lambda: self.board)
        self._forking = Forking(run, self._show_below)
        self._change = Change()
        self._flush_at: float | None = None
        self._flushed = self._pictured = -1.0
        self._picture_waits = False
        self._left: tuple[float, float | None] = (float("-inf"), None)
        self._met = False
        self._handled: OrderedDict[str, None] = OrderedDict()
        self._sent = state.seq
        self._told = len(state.findings)
        self._concluded = False
        #: The execution that shows the run already.
        self.shown_in = ""
        ear = Ear(self._hear)
        self._ear = ear
        self.board = Board(self._snapshot(state), on_message=lambda message: ear.hear(message))

    def show(self) -> None:
        """Show the run in the cell that runs now."""
        self.shown_in = kernel.current_execution()
        if self.run.finished:
            self._outputs.show(final_bundle(self.run.state, self._info))
            return
        self._outputs.show(self._live())

    def evaluated(self) -> None:
        """Show the run where it is a cell's value, unless that cell shows it already."""
        if not self.shown_in or self.shown_in != kernel.current_execution():
            self.show()

    def _show_below(self, fork: Run) -> None:
        """Show a fork of the run below it, in every cell that shows the run."""
        attached = getattr(fork._show, "__self__", None)
        if isinstance(attached, Attached):
            self._outputs.put_below(attached._outputs, attached._live())

    def begin(self) -> None:
        """Listen, and look after front ends that show text only."""
        self._engine.listen(self._on_change)
        self._engine.call(self._picture)
        self._engine.call(lambda: self._engine.later(HELLO_WITHIN_S, self._tell_in_words))
        self._engine.call(self._stay_alive)
        self._engine.call(self._conclude)  # it may have ended before anybody listened

    # Out: on the engine's loop.

    def _on_change(self, state: State, change: Change) -> None:
        mine = self._change
        mine.tasks |= change.tasks
        mine.decisions |= change.decisions
        mine.run |= change.run
        mine.graph |= change.graph
        if state.ended_at is not None:  # whoever waits for the run finds its cells already static
            self._flush_at = self._engine.t
            self._flush()
            return
        due = self._flushed + (AT_ONCE_S if change.decisions else EVERY_S)
        if self._flush_at is None or due < self._flush_at:
            self._flush_at = max(due, self._engine.t)
            self._engine.later(max(0.0, due - self._engine.t), self._flush)

    def _flush(self) -> None:
        if self._flush_at is None or self._engine.t < self._flush_at - CLOCK_S:
            return  # an earlier one took it along; what came since has its own
        self._flush_at = None
        engine, state, change = self._engine, self._engine.state, self._change
        # Counted, not summed up: a picture that was sent may have had the newest ones already.
        change.findings, self._told = len(state.findings) - self._told, len(state.findings)
        self._look_again(state)
        now = self._flushed = engine.now()
        important = bool(change.decisions)
        message = delta(
            state, change, now, base=self._sent, run=self._info, left_s=self._time_left(state, now)
        )
        self._sent = state.seq
        change.clear()
        engine.when_durable(lambda: self.board.push(message))
        self._renew_picture(now, important=important)
        self._conclude()

    def _conclude(self) -> None:
        """Once the run is over, every cell that shows it becomes static."""
        state, engine = self._engine.state, self._engine
        if state.ended_at is None or self._concluded:
            return
        self._concluded = True
        final = final_bundle(state, self._info)
        engine.when_durable(lambda: self._outputs.replace(final, for_good=True))
        engine.later(RETIRE_AFTER_S, self._retire)

    def say_again(self) -> None:
        """Repeat the static end from the cell that waited for it, where no front end is known.

        What executes notebooks drops what a thread displays between two cells.
        """
        if not self._met:
            self._outputs.repeat()

    def _retire(self) -> None:
        """Let go of the run: a widget lives as long as its kernel, results must not."""
        self._ear.hear = Afterwards(self.board).hear

    def _stay_alive(self) -> None:
        if self._engine.state.ended_at is None:
            self.board.push({"type": "alive", "now": self._engine.now()})
            self._engine.later(ALIVE_EVERY_S, self._stay_alive)

    def _renew_picture(self, now: float, *, important: bool) -> None:
        due = self._pictured + (DECIDED_EVERY_S if important else PICTURE_EVERY_S)
        if self._engine.state.ended_at is not None or now >= due:
            self._picture()
        elif important and not self._picture_waits:
            self._picture_waits = True
            self._engine.later(due - now, self._picture)

    def _picture(self) -> None:
        """Renew the whole picture for views that come late."""
        self._pictured, self._picture_waits = self._engine.now(), False
        picture = self._snapshot(self._engine.state)
        self._engine.when_durable(lambda: self.board.refresh(picture))

    def _look_again(self, state: State) -> None:
        """Level and budget may be others now."""
        self._info = RunInfo.of(state, variable=self._info.variable, estimates=self._info.estimates)

    def _snapshot(self, state: State) -> dict[str, Any]:
        self._look_again(state)
        now = self.run.now()
        picture = snapshot(state, now, run=self._info, left_s=self._time_left(state, now))
        # What was filled in before a page was reloaded counts: it must be there to be seen.
        for one in picture["decisions"]:
            if one["purpose"] == "form" and one["outcome"] is None:
                drafted = self._engine.decisions.drafted(one["id"])
                one["draft"] = self._engine.scrubbed(drafted)  # a page keeps what it is given
        return picture

    def _time_left(self, state: State, now: float) -> float | None:
        """Seconds left at least; worked out anew every ten seconds."""
        at, left = self._left
        if now - at >= LEFT_EVERY_S:
            known = any(self._estimates)
            left = seconds_left(state, now, self._estimates) if known else None
            self._left = (now, left)
        return left

    def _tell_in_words(self) -> None:
        if self._met or self._engine.state.ended_at is not None:
            return
        bundle = self._live(self._words(self._engine.state))
        self._engine.when_durable(lambda: self._outputs.replace(bundle))
        self._engine.later(HELLO_WITHIN_S, self._tell_in_words)

    # What cells hold.

    def _live(self, words: str | None = None) -> dict[str, Any]:
        bundle: Any = self.board._repr_mimebundle_() or {}
        data: dict[str, Any] = dict(bundle[0] if isinstance(bundle, tuple) else bundle)
        data["text/plain"] = words if words is not None else repr(self.board)
        return data

    def _words(self, state: State) -> str:
        text = final_text(state, run=self._info)
        if any(d.open for d in state.decisions.values()):
            text += "\nNo clicks here: answer with run.answer(decision, option)."
        return text

    # In: any thread, any order, any repetition.

    def _hear(self, message: dict[str, Any]) -> None:
        kind, key = message.get("type"), message.get("id")
        if kind == "ping":
            self.board.push(
                {"type": "pong", "id": key, "t0": message.get("t0"), "now": self.run.now()}
            )
        elif kind == "hello":
            self._met = True
            self._engine.call(self._welcome)
        elif kind == "look":
            self._engine.call(
                lambda: self.board.push({"type": "told", "id": key, **look(self._engine, message)})
            )
        elif kind == "command":
            self.board.push({"type": "ack", "id": key})
            if not isinstance(key, str) or key in self._handled:
                return
            self._handled[key] = None
            if len(self._handled) > REMEMBERED:
                self._handled.popitem(last=False)
            self._command(key, message)

    def _welcome(self) -> None:
        """A view came: bring it, and all others, to the same picture."""
        state = self._engine.state
        self._change.clear()
        self._flush_at = None
        self._sent, self._told = state.seq, len(state.findings)
        message = {"type": "snapshot", "snapshot": self._snapshot(state)}
        self._engine.when_durable(lambda: self.board.push(message))

    def _command(self, key: str, message: dict[str, Any]) -> None:
        body = message.get("body")
        decision = body.get("decision") if isinstance(body, dict) else None

        def reply(came: Reply) -> None:
            self.board.push(
                {
                    "type": "reply",
                    "id": key,
                    "decision": decision,
                    "ok": came.ok,
                    "text": came.text,
                    "faults": dict(came.faults),
                    "late": came.late,
                }
            )

        if isinstance(body, dict) and asks_to_fork(body):
            self._forking.ask(body, reply)
            return
        try:
            if isinstance(body, dict):
                client = str(message.get("client", ""))
                body = with_task(self._engine.state.graph, body) | {"client": client}
            command = from_json(body, source="board")
        except CommandError as error:
            reply(Reply(False, str(error), error.faults))
            return
        self._engine.post(Order(command, reply))


class Notebook:
    """The notebook this process serves: which cell shows which run."""

    def __init__(self) -> None:
        self._by_cell: list[tuple[tuple[str, str, str], weakref.ref[Attached]]] = []

    def show(self, plan: Plan, asked: str, again: bool, begin: Callable[[Plan], Run]) -> Run:
        """Start a run and show it, or show the one this cell started and that still goes on.

        Args:
            plan: The plan as it was given.
            asked: What else was asked for: the same plan at another level is another run.
            again: Start another one in any case.
            begin: Starts the run.
        """
        key = (kernel.current_cell(), plan.model_dump_json(), asked)
        if not again:
            here = kernel.current_execution()
            for attached in self._going_on(key):
                if attached.shown_in != here:  # a cell may start the same run twice
                    attached.show()
                    return attached.run
        run = begin(plan)
        attached = self.attach(run)
        self._by_cell.append((key, weakref.ref(attached)))
        attached.show()
        return run

    def _going_on(self, key: tuple[str, str, str]) -> list[Attached]:
        """Runs that were started so and are not over, oldest first; others are forgotten."""
        found = [(k, ref, ref()) for k, ref in self._by_cell]
        live = [(k, ref, a) for k, ref, a in found if a is not None and not a.run.finished]
        self._by_cell = [(k, ref) for k, ref, _ in live]
        return [attached for k, _, attached in live if k == key]

    def present(self, run: Run) -> None:
        """See to it that a run that was opened shows itself when a cell evaluates it."""
        if run._show is None and isinstance(run._engine, Engine):
            self.attach(run)
        elif run._show is None:
            run._show = lambda: Outputs().show(picture(run))

    def begun(self, run: Run) -> None:
        """Show a run that was taken up; of one with nothing left to do say so."""
        if isinstance(run._engine, Engine):
            self.attach(run).show()
            return
        self.present(run)
        sys.stdout.write(f"Nothing is left to do: the run is {run.status}, and nothing changed.\n")

    def forked(self, run: Run) -> None:
        """Show a fork in the cell that began it; what a board began is shown below that board."""
        if threading.current_thread() is threading.main_thread():
            self.attach(run).show()
        else:  # no cell has a name for what a board began
            self.attach(run, variable=f"onb.open({run.id!r})")

    def attach(self, run: Run, *, variable: str = "run") -> Attached:
        """Give a run its board and this notebook's way of waiting."""
        attached = Attached(run, variable)
        run._waiter = NotebookWaiter(run, attached.say_again)
        run._show = attached.evaluated
        attached.begin()
        return attached


_notebook: Notebook | None = None


def current() -> Notebook | None:
    """The notebook of this process, ``None`` outside a kernel."""
    global _notebook
    if kernel.current_kernel() is None:
        return None
    if _notebook is None:
        _notebook = Notebook()
    return _notebook
