"""The honest countdown against a model of it: whatever people and machines do, in any order.

The model knows nothing of the engine. It counts half seconds, one after the other, and asks each
time what the rules say: a key press holds the clock for 30 s, somebody at the card for 10 s and for
120 s in all, "wait for me" and a pause until they end, a sleep of the machine for 60 s.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestra_nb.commands import (
    Answer,
    Autopilot,
    Command,
    Draft,
    Extend,
    Hold,
    Pause,
    Reply,
    Stop,
    Touch,
    Unpause,
)
from orchestra_nb.engine.cards import Card
from orchestra_nb.engine.orders import Order
from orchestra_nb.plan import Decision

from .rig import Clock, Rig, choice, one_phase

# In half seconds.
TYPING, HERE, HERE_IN_ALL, ASLEEP, STALL = 60, 20, 240, 120, 10
TABS = ("tab-1", "tab-2", "")
MOST = 6


@dataclass
class One:
    """A decision as the rules see it; times in half seconds."""

    id: str
    left: int | None
    always: bool
    asked_at: int
    option: str = ""
    by: str = ""
    client: str = ""
    decided_at: int = 0
    total: int | None = None
    values: dict[str, Any] | None = None
    draft: dict[str, Any] | None = None
    autopilot: bool | None = None
    wait_for_me: bool = False
    typing: int = 0
    here: int = 0
    asleep: int = 0
    here_left: int = HERE_IN_ALL

    @property
    def open(self) -> bool:
        """Whether it has no outcome."""
        return not self.by

    @property
    def recommended(self) -> bool:
        """Whether there is something that could be taken."""
        return self.left is not None or self.total == 0

    def held(self, paused: bool) -> bool:
        """Whether its clock stands still."""
        return bool(paused or self.wait_for_me or self.typing or self.here or self.asleep)

    def settle(self, option: str, by: str, now: int, client: str = "") -> None:
        """Its one outcome."""
        assert self.open
        self.option, self.by, self.client, self.decided_at = option, by, client, now
        if by != "user":
            self.values = self.draft


@dataclass
class Model:
    """What the rules make of a run."""

    now: int = 0
    paused: bool = False
    autopilot: bool = False
    all: dict[str, One] = field(default_factory=dict)

    def open_ones(self) -> list[One]:
        """Those without an outcome."""
        return [one for one in self.all.values() if one.open]

    def ask(self, id: str, left: int | None, always: bool) -> None:
        """A decision opens."""
        one = self.all[id] = One(id, left, always, self.now, total=left)
        if self.autopilot and one.recommended and not always:
            one.settle("A", "autopilot", self.now)

    def half_second(self) -> None:
        """Half a second goes by for everybody."""
        self.now += 1
        for one in self.open_ones():
            if one.left is not None and not one.held(self.paused):
                one.left = max(0, one.left - 1)
            if one.here and not (self.paused or one.wait_for_me or one.typing):
                one.here_left -= 1
            one.typing = max(0, one.typing - 1)
            one.here = max(0, one.here - 1)
            one.asleep = max(0, one.asleep - 1)

    def run_out(self) -> None:
        """Clocks at zero that nothing holds: the recommendation is taken."""
        for one in self.open_ones():
            if one.left == 0 and not one.held(self.paused):
                one.settle("A", "timeout", self.now)

    def next_change(self) -> int | None:
        """Half seconds until something happens by itself."""
        found = []
        for one in self.open_ones():
            if one.left is None or self.paused or one.wait_for_me:
                continue
            ends = [end for end in (one.typing, one.here, one.asleep) if end]
            found.append(min(ends) if ends else one.left)
        return min(found, default=None)

    def wake_late(self) -> None:
        """The machine slept."""
        for one in self.open_ones():
            if one.left is not None:
                one.asleep = ASLEEP

    def touch(self, one: One, typing: bool) -> None:
        """Somebody is at the card."""
        if not one.open or one.left is None:
            return
        if typing:
            one.typing = TYPING
        one.here = max(one.here, 0) if one.here_left <= 0 else min(HERE, one.here_left)

    def switch(self, on: bool) -> None:
        """Autopilot for the run."""
        self.autopilot = on
        for one in self.open_ones():
            if on and one.recommended and not one.always and one.autopilot is not False:
                one.settle("A", "autopilot", self.now)

    def click(self, one: One, option: str, client: str) -> tuple[bool, str]:
        """An answer; what the one who gave it is to hear."""
        title = one.id.title()
        if one.open:
            one.settle(option, "user", self.now, client)
            return True, f"{title}: {option}, by you."
        if one.by == "timeout":
            return False, "Too late: A was taken by timeout at "
        if one.by == "autopilot":
            return False, "Already decided: A, by autopilot, at "
        mine = bool(client) and client == one.client
        if mine and option == one.option:
            return True, f"{title}: {option}, by you."
        elsewhere = " in another tab" if client and one.client and not mine else ""
        return False, f"Already decided: {one.option}, by you{elsewhere}, at "


HALVES = st.integers(0, 400)
DECISIONS: Bundle[str] = Bundle("decisions")


class Countdowns(RuleBasedStateMachine):
    """The engine beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(one_phase(choice("end", recommend=None)), fake=True).start()
        self.model = Model()
        self.told: list[tuple[str, Reply]] = []
        self.logged: dict[str, Any] = {}
        self.read = 0

    def teardown(self) -> None:
        """End the run."""
        self.rig.say(Stop())
        self.rig.wait()

    # What is asked.

    @initialize(target=DECISIONS, halves=st.tuples(HALVES, HALVES))
    def begin(self, halves: tuple[int, int]) -> Any:
        """Two decisions with clocks are open from the start."""
        return multiple(*[self._ask(max(2, half), False) for half in halves])

    @precondition(lambda self: len(self.model.all) < MOST)
    @rule(
        target=DECISIONS,
        clock=st.one_of(st.none(), st.integers(2, 400), st.just(1200)),
        always=st.booleans(),
    )
    def ask(self, clock: int | None, always: bool) -> str:
        """Another decision opens, with or without a clock."""
        return self._ask(clock, always)

    def _ask(self, clock: int | None, always: bool) -> str:
        name = f"d{len(self.model.all)}"
        spec: Decision = choice(
            name,
            recommend=None if clock is None else "A",
            timeout=None if clock is None else clock / 2,
            ask="always" if always else None,
        )
        self.rig.engine.post(lambda: self.rig.engine.decisions.open(name, spec, Card()))
        self.rig.turn()
        self.model.ask(name, clock, always)
        return name

    # Time.

    @rule(halves=HALVES)
    def wait(self, halves: int) -> None:
        """Time goes by while the machine is awake."""
        self._wait(halves)

    def _wait(self, halves: int) -> None:
        self.rig.advance(halves / 2)
        for _ in range(halves):
            self.model.half_second()
            self.model.run_out()

    @rule(halves=st.integers(1, 4000))
    def sleep(self, halves: int) -> None:
        """The machine sleeps, or stalls for a moment."""
        self._stall(halves, [])

    @precondition(lambda self: self.model.next_change() is not None)
    @rule(late=st.sampled_from([1, STALL - 1, STALL + 1, 2 * STALL]))
    def oversleep(self, late: int) -> None:
        """The machine wakes somewhat after something was due: a stall, or a sleep."""
        due = self.model.next_change()
        assert due is not None
        self._stall(due + late, [])

    @rule(
        decision=DECISIONS, halves=st.integers(1, 1000), option=st.sampled_from("AB"),
        client=st.sampled_from(TABS),
    )  # fmt: skip
    def click_while_it_stalls(self, decision: str, halves: int, option: str, client: str) -> None:
        """An answer that lies in the inbox when the machine wakes comes before any timer."""
        self._stall(halves, [self._answer(decision, option, client)])
        one = self.model.all[decision]
        self._compare(self.told.pop()[1], self.clicked)
        assert not one.open

    @rule(decision=DECISIONS, halves=st.integers(1, 1000), typing=st.booleans())
    def touch_while_it_stalls(self, decision: str, halves: int, typing: bool) -> None:
        """So does a touch, which takes nothing from the minute that all get after a sleep."""
        self._stall(halves, [Touch(decision=decision, typing=typing)])

    def _stall(self, halves: int, commands: list[Command]) -> None:
        model, clock = self.model, self.rig.clock
        assert isinstance(clock, Clock)
        due = model.next_change()
        if due is not None and halves - due == STALL:
            halves += 1  # whether exactly five seconds are late is nobody's question
        gate, there = threading.Event(), threading.Event()

        def block() -> None:
            there.set()
            gate.wait(9)

        self.rig.engine.post(block)
        assert there.wait(9)
        for command in commands:
            self.rig.engine.post(Order(command, lambda reply: self.told.append(("", reply))))
        clock.time += halves / 2
        # The turn that stands still has the old time; what was posted waits for the next one.
        gate.set()
        self.rig.turn()
        for _ in range(halves):
            model.half_second()
        for command in commands:
            if isinstance(command, Touch):
                model.touch(model.all[command.decision], command.typing)
            elif isinstance(command, Answer):
                one = model.all[command.decision]
                self.clicked = model.click(one, command.option, command.client)
        if due is not None and halves - due > STALL:
            model.wake_late()
        model.run_out()

    # People.

    @rule(decision=DECISIONS, halves=st.integers(0, 400), typing=st.booleans())
    def linger(self, decision: str, halves: int, typing: bool) -> None:
        """Somebody stays at a card; the browser says so every five seconds."""
        for start in range(0, halves + 1, 10):
            self.rig.send(Touch(decision=decision, typing=typing))
            self.model.touch(self.model.all[decision], typing)
            self._wait(min(10, halves - start))

    @rule(decision=DECISIONS, typing=st.booleans())
    def touch(self, decision: str, typing: bool) -> None:
        """One key press, or the pointer once."""
        self.rig.send(Touch(decision=decision, typing=typing))
        self.model.touch(self.model.all[decision], typing)

    @rule(decision=DECISIONS, option=st.sampled_from("AB"), client=st.sampled_from(TABS))
    def click(self, decision: str, option: str, client: str) -> None:
        """An answer from some tab, or from Python: in time, late, or the same one again."""
        said = self._say(self._answer(decision, option, client))
        self._compare(said, self.model.click(self.model.all[decision], option, client))

    @rule(
        decision=DECISIONS,
        options=st.tuples(st.sampled_from("AB"), st.sampled_from("AB")),
        clients=st.tuples(st.sampled_from(TABS), st.sampled_from(TABS)),
    )
    def click_twice(
        self, decision: str, options: tuple[str, str], clients: tuple[str, str]
    ) -> None:
        """Two answers in one turn: a double click, or two tabs at once."""
        pairs = list(zip(options, clients, strict=True))
        self._stall(0, [self._answer(decision, option, client) for option, client in pairs[:1]])
        self._compare(self.told.pop()[1], self.clicked)
        self.click(decision, *pairs[1])

    @rule(decision=DECISIONS)
    def click_without_such_an_option(self, decision: str) -> None:
        """What is no option decides nothing."""
        said = self._say(self._answer(decision, "Z", "tab-1"))
        assert not said.ok

    @rule(option=st.sampled_from("AB"))
    def click_on_a_stale_card(self, option: str) -> None:
        """A card of another run decides nothing here."""
        said = self._say(self._answer("d99", option, "tab-1"))
        assert (said.ok, said.text.startswith("There is no open decision 'd99'")) == (False, True)

    @rule(decision=DECISIONS, value=st.integers(0, 3))
    def draft(self, decision: str, value: int) -> None:
        """What a card holds so far counts when nobody answers."""
        one = self.model.all[decision]
        said = self._say(Draft(decision=decision, values={"x": value}))
        assert said.ok is one.open
        if one.open:
            one.draft = {"x": value}

    @rule(decision=DECISIONS, halves=st.sampled_from([600, 60, 1]))
    def extend(self, decision: str, halves: int) -> None:
        """More time, also while the clock is held."""
        one = self.model.all[decision]
        said = self._say(Extend(decision=decision, seconds=halves / 2))
        assert said.ok is (one.open and one.left is not None)
        if said.ok and one.left is not None and one.total is not None:
            one.left += halves
            one.total += halves

    @rule(decision=DECISIONS, on=st.booleans())
    def hold(self, decision: str, on: bool) -> None:
        """Wait for me, or not any more."""
        one = self.model.all[decision]
        said = self._say(Hold(decision=decision, on=on))
        assert said.ok is one.open
        if one.open:
            one.wait_for_me = on
            self.model.run_out()

    @rule(on=st.booleans())
    def pause(self, on: bool) -> None:
        """The run is paused, or goes on."""
        assert self._say(Pause() if on else Unpause()).ok
        self.model.paused = on
        self.model.run_out()

    @rule(halves=st.integers(1, 40))
    def pause_for_a_while(self, halves: int) -> None:
        """A pause ends, and nobody's own hold with it."""
        self.pause(True)
        self._wait(halves)
        self.pause(False)

    @rule(on=st.booleans())
    def autopilot(self, on: bool) -> None:
        """Autopilot for the run."""
        assert self._say(Autopilot(on=on)).ok
        self.model.switch(on)

    @rule(decision=DECISIONS, on=st.booleans())
    def autopilot_of(self, decision: str, on: bool) -> None:
        """Autopilot for one decision."""
        one = self.model.all[decision]
        said = self._say(Autopilot(on=on, decision=decision))
        assert said.ok is (one.open and one.recommended)
        if said.ok:
            one.autopilot = on
            if on:
                one.settle("A", "autopilot", self.model.now)

    def _answer(self, decision: str, option: str, client: str) -> Answer:
        source: Any = "board" if client else "python"
        return Answer(decision=decision, option=option, client=client, source=source)

    def _say(self, command: Command) -> Reply:
        said: list[Reply] = []
        done = threading.Event()

        def reply(came: Reply) -> None:
            said.append(came)
            done.set()

        self.rig.engine.post(Order(command, reply))
        assert done.wait(9)
        self.rig.turn()
        (only,) = said
        return only

    def _compare(self, reply: Reply, expected: tuple[bool, str]) -> None:
        ok, words = expected
        assert reply.ok is ok, reply
        assert reply.text == words if ok else reply.text.startswith(words), reply
        assert reply.late is not ok

    # What must hold at any time.

    @invariant()
    def each_decision_is_as_the_rules_say(self) -> None:
        """At most one outcome, the model's, never changed; else the model's clock."""
        logged, texts = self.logged, self.rig.journal.texts
        for text in texts[self.read :]:
            event = json.loads(text)
            if event["event"] == "decision":
                assert event["decision_id"] not in logged, "two outcomes"
                logged[event["decision_id"]] = event
        self.read = len(texts)
        model, engine = self.model, self.rig.engine
        assert logged.keys() == {one.id for one in model.all.values() if not one.open}
        for one in model.all.values():
            state = self.rig.decision(one.id)
            if not one.open:
                event = logged[one.id]
                assert (event["option"], event["by"]) == (one.option, one.by)
                assert (event["client"], event["values"]) == (one.client, one.values)
                assert event["t"] == pytest.approx(one.decided_at / 2, abs=0.01)
                assert event["waited_s"] == pytest.approx(
                    (one.decided_at - one.asked_at) / 2, abs=0.01
                )
                assert event["timeout_s"] == (None if one.total is None else one.total / 2)
                continue
            assert (state.held is not None) is one.held(model.paused), (one, state.held)
            if one.left is None:
                assert state.deadline is None
            elif state.held is None:
                assert state.deadline == pytest.approx(engine.now() + one.left / 2, abs=0.01)
            else:
                assert state.deadline is None
                assert state.remaining_s == pytest.approx(one.left / 2, abs=0.01)


def test_the_engine_does_what_the_rules_say() -> None:
    """Any sequence of what people and machines do has the model's outcomes, one a decision."""
    run_state_machine_as_test(
        Countdowns,
        settings=settings(
            max_examples=120, stateful_step_count=30, deadline=None, derandomize=True
        ),
    )
