"""What a webhook tells of a run's events."""

from __future__ import annotations

from typing import Any

from orchestra_nb.commands import Answer, Pause, Stop
from orchestra_nb.plan import Decision
from orchestra_nb.webhook.messages import Messages
from tests.engine.rig import Rig, choice, one_phase, task


class Told:
    """What was told of a rig's run."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._maker = Messages("run-1", "test", False)

    def hear(self, events: list[dict[str, Any]]) -> None:
        """Take what the engine tells."""
        self.messages += self._maker.of(events)

    def types(self) -> list[str]:
        """The kinds of all messages, in order."""
        return [message["type"] for message in self.messages]


def run(*entries: Any, **settings: Any) -> tuple[Rig, Told]:
    """A run that is told of."""
    told = Told()
    rig = Rig(one_phase(*entries, **settings), fake=True, on_events=told.hear).start()
    return rig, told


def test_a_decision_is_told_with_all_one_needs_to_answer() -> None:
    """Title, options, recommendation, clock, deadline and the line to type are in the message."""
    decision = Decision(
        id="database",
        title="Database technology",
        category="database",
        context="10k/s",
        options={"A": "PostgreSQL", "B": "Cassandra"},
        recommend="A",
        because="simple",
    )
    _, told = run(decision)
    (message,) = told.messages
    assert message == {
        "type": "decision.opened",
        "timestamp": "2026-11-18T11:06:40.000Z",
        "data": {
            "run": "run-1",
            "project": "test",
            "rehearsal": False,
            "decision": {
                "id": "database",
                "title": "Database technology",
                "purpose": "decision",
                "kind": "standard",
                "category": "database",
                "agent": "",
                "context": "10k/s",
                "options": [
                    {"key": "A", "text": "PostgreSQL", "description": ""},
                    {"key": "B", "text": "Cassandra", "description": ""},
                ],
                "recommend": "A",
                "because": "simple",
                "timeout_s": 600.0,
                "deadline": "2026-11-18T11:16:40.000Z",
            },
            "answer": "orchestra-nb decide run-1 database OPTION",
        },
    }


def test_the_story_of_a_run_in_order() -> None:
    """Opened, decided and the end come in the order in which they happened, outcome and all."""
    rig, told = run(choice("d"), task("x", "d"))
    rig.say(Answer(decision="d", option="B", who="Ana", note="cheaper"))
    rig.wait()
    assert told.types() == ["decision.opened", "decision.decided", "run.finished"]
    decided, finished = told.messages[1]["data"], told.messages[2]["data"]
    assert decided["decision"]["title"] == "D"
    assert decided["outcome"] == {
        "option": "B", "text": "second", "by": "user", "who": "Ana", "note": "cheaper",
        "reason": "", "waited_s": 0.0,
    }  # fmt: skip
    assert finished["status"] == "completed"


def test_what_nobody_is_asked_is_told_as_decided_only() -> None:
    """A decision taken by the mode was never open to anybody, yet its outcome is told."""
    rig, told = run(choice("d"), mode="fully_autonomous")
    rig.wait()
    assert told.types() == ["decision.decided", "run.finished"]
    assert told.messages[0]["data"]["outcome"]["by"] == "policy"


def test_withdrawn_decisions_are_told_if_they_were_open() -> None:
    """A stop withdraws what is open; what was never asked is not told."""
    rig, told = run(choice("d"), choice("e", "d", when={"d": ["B"]}))
    rig.say(Stop())
    rig.wait()
    assert told.types() == ["decision.opened", "decision.withdrawn", "run.finished"]
    assert told.messages[1]["data"]["reason"] == "the run was stopped"
    assert told.messages[2]["data"]["status"] == "stopped"
    rig, told = run(choice("d"), choice("e", "d", when={"d": ["B"]}))
    rig.say(Answer(decision="d", option="A"))
    rig.wait()
    assert told.types() == ["decision.opened", "decision.decided", "run.finished"]


def test_no_deadline_where_no_clock_runs() -> None:
    """Without a timeout, or while the run is paused, there is no deadline to tell."""
    rig, told = run(choice("d", recommend=None), choice("e", "d"))
    decision = told.messages[0]["data"]["decision"]
    assert (decision["timeout_s"], decision["deadline"]) == (None, None)
    rig.say(Pause())
    rig.say(Answer(decision="d", option="A"))
    rig.until_open("e")
    decision = told.messages[-1]["data"]["decision"]
    assert (decision["id"], decision["timeout_s"], decision["deadline"]) == ("e", 300.0, None)
    rig.say(Stop())
    rig.wait()


def test_long_texts_are_cut() -> None:
    """A message stays small whatever agents write."""
    _, told = run(choice("d", title="t" * 600, context="c" * 9_000, because="b" * 600))
    decision = told.messages[0]["data"]["decision"]
    assert [len(decision[key]) for key in ("title", "context", "because")] == [500, 2000, 500]


def test_odd_ids_are_quoted_in_the_line() -> None:
    """The line can be typed as it stands, whatever a decision is called."""
    rig, told = run(choice("d"))
    spec = choice("x", title="Rm; rm -rf $HOME")
    from orchestra_nb.engine.cards import Card

    rig.engine.post(lambda: rig.engine.decisions.open("a/rm; $HOME", spec, Card()))
    rig.turn()
    line = told.messages[-1]["data"]["answer"]
    assert line == "orchestra-nb decide run-1 'a/rm; $HOME' OPTION"
