"""Commands: the same JSON through every door, and nothing else."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_nb import commands
from orchestra_nb.commands import Answer, Command, Extend, Stop, from_json, to_json
from orchestra_nb.errors import CommandError

KINDS = get_args(Command)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
VALUES = {
    "str": TEXTS,
    "str | None": st.none() | TEXTS,
    "bool": st.booleans(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "int": st.integers(),
    "dict[str, Any]": st.dictionaries(TEXTS, TEXTS | st.booleans(), max_size=3),
    "dict[str, Any] | None": st.none() | st.dictionaries(TEXTS, st.integers(), max_size=3),
    "Source": st.sampled_from(get_args(commands.Source)),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@st.composite
def any_command(draw: st.DrawFn) -> Command:
    """A command of any kind with any values of the right type."""
    kind = draw(st.sampled_from(KINDS))
    made: Command = kind(**{item.name: draw(VALUES[str(item.type)]) for item in fields(kind)})
    return made


@given(any_command())
def test_a_command_survives_json(command: Command) -> None:
    """What is sent as JSON arrives as the same command."""
    assert from_json(json.loads(json.dumps(to_json(command)))) == command


def test_every_kind_has_a_name_of_its_own() -> None:
    """Kinds are told apart by one word."""
    assert len({kind.kind for kind in KINDS}) == len(KINDS)
    assert to_json(Stop(who="Ana")) == {
        "command": "stop", "client": "", "source": "python", "who": "Ana",
    }  # fmt: skip


@given(JSON)
def test_hostile_json_is_refused(message: Any) -> None:
    """What is no command raises a CommandError, whatever it is."""
    with pytest.raises(CommandError):
        from_json(message)


@given(st.sampled_from([kind.kind for kind in KINDS]), st.dictionaries(st.text(max_size=9), JSON))
def test_hostile_fields_are_refused_or_passed_over(kind: str, more: dict[str, Any]) -> None:
    """A command of a known kind with odd fields is one of ours or refused, nothing else."""
    for name in ("decision", "option", "seconds", "on", "text", "source", "who"):
        for value in more.values():
            try:
                found = from_json({"command": kind, **more, name: value})
            except CommandError:
                continue
            assert isinstance(found, KINDS)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "A command is a mapping, not NoneType"),
        ([], "A command is a mapping, not list"),
        ({}, "Unknown command None; known: answer, draft"),
        ({"command": "explode"}, "Unknown command 'explode'"),
        ({"command": ["stop"]}, "Unknown command a list"),
        ({"command": "answer"}, "answer needs decision and option"),
        ({"command": "answer", "decision": "d"}, "answer needs option"),
        (
            {"command": "answer", "decision": 5, "option": "A"},
            "answer: decision must be text, not 5",
        ),
        ({"command": "hold", "decision": "d", "on": 1}, "hold: on must be True or False, not 1"),
        (
            {"command": "extend", "decision": "d", "seconds": True},
            "extend: seconds must be a number of seconds, or a duration such as '5m', not true",
        ),
        (
            {"command": "extend", "decision": "d", "seconds": "9"},
            "extend: seconds must be a number of seconds",
        ),
        ({"command": "stop", "source": "evil"}, "stop.source can't be 'evil'"),
        ({"command": "note", "text": "x" * 10_001}, "note.text is longer than 10,000 characters"),
        ({"command": "note", "text": {"a": 1}}, "note: text must be text, not a mapping"),
    ],
)
def test_refusals_say_what_was_wrong(message: Any, said: str) -> None:
    """The message names the command, the field and the value, shortened."""
    with pytest.raises(CommandError) as caught:
        from_json(message)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_megabyte_of_kind_is_shortened() -> None:
    """A refusal does not repeat what it refuses at length."""
    with pytest.raises(CommandError) as caught:
        from_json({"command": "\ud800" * 1_000_000})
    text = str(caught.value)
    assert len(text) < 300
    text.encode()


def test_the_door_wins_over_the_message() -> None:
    """A program can't claim to have come through another door."""
    message = {"command": "stop", "source": "python"}
    assert from_json(message, source="board").source == "board"


def test_unknown_fields_are_passed_over() -> None:
    """A newer front end may send more than this version knows."""
    assert from_json({"command": "stop", "colour": "red"}) == Stop()


def test_text_is_made_safe() -> None:
    """Half a surrogate becomes a replacement sign, everything else stays as it was typed."""
    message = {"command": "answer", "decision": "d", "option": "other", "text": "a\ud800<b>\x1b[0m"}
    found = from_json(message)
    assert isinstance(found, Answer)
    assert found.text == "a\ufffd<b>\x1b[0m"


def test_whole_seconds_will_do() -> None:
    """A number of seconds may come without a point."""
    found = from_json({"command": "extend", "decision": "d", "seconds": 60})
    assert found == Extend(decision="d", seconds=60)
