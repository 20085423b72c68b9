"""What people mean who name a decision or an option; what they hear when nothing is called that."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra_nb.commands import Answer, Autopilot, Extend, Hold

from .rig import Rig, choice, one_phase, phases, task


def two_open(**second: Any) -> Rig:
    """A run that asks two things at once."""
    first = choice("db", title="Which database?")
    rig = Rig(one_phase(first, choice("Cache", **({"title": "Which cache?"} | second)))).start()
    rig.until_open("db")
    rig.until_open("Cache")
    return rig


@pytest.mark.parametrize("name", ["db", "DB", " Db ", "Which database?", "which DATABASE?"])
def test_an_id_or_a_title_is_enough(name: str) -> None:
    """Capitals don't matter, neither in ids nor in titles."""
    rig = two_open()
    assert rig.say(Hold(decision=name))[0]
    assert rig.decision("db").held
    assert rig.say(Extend(decision=name, seconds=5.0))[0]
    assert rig.say(Autopilot(decision=name, on=False))[0]
    assert rig.engine.state.autopilots == {"db": False}
    assert rig.say(Answer(decision=name, option="A"))[0]
    assert rig.decision("db").outcome is not None
    ok, said = rig.say(Answer(decision="DB", option="B"))
    assert (ok, said.startswith("Already decided: A")) == (False, True)


@pytest.mark.parametrize("option", ["B", "b", " b", "second", "Second"])
def test_a_key_or_the_whole_text_of_an_option(option: str) -> None:
    """An option may be called by its key or its whole text."""
    rig = two_open()
    assert rig.say(Answer(decision="db", option=option))[0]
    outcome = rig.decision("db").outcome
    assert outcome is not None
    assert (outcome.option, outcome.text) == ("B", "second")


def test_nothing_is_guessed() -> None:
    """A title of two open ones, and a part of a name, decide nothing."""
    rig = two_open(title="Which database?")
    said = "'which database?' could be any of: db, Cache; say which by its id"
    assert rig.say(Answer(decision="which database?", option="A")) == (False, said)
    assert not rig.say(Answer(decision="d", option="A"))[0]
    assert not rig.say(Answer(decision="db", option="sec"))[0]
    guess = "There is no open decision 'cahe'; did you mean 'Cache'? Open: db, Cache"
    assert rig.say(Hold(decision="cahe")) == (False, guess)
    assert len(rig.engine.decisions) == 2


@pytest.mark.parametrize("source", ["python", "board"])
def test_who_answers_a_decided_review_hears_of_the_next(source: Any) -> None:
    """After "Already decided" the card is named that asks for the same again."""
    rig = Rig(phases([task("a", review=True), task("b", review=True, free=True)])).start()
    rig.until_open("a/review")
    rig.until_open("b/review")
    rig.say(Answer(decision="a/review", option="B", note="shorter"))
    rig.until_open("a/review-2")
    ok, said = rig.say(Answer(decision="a/review", option="A", source=source))
    assert not ok
    assert said.endswith(" Open now: a/review-2")
    rig.say(Answer(decision="b/review", option="A"))
    assert "Open now" not in rig.say(Answer(decision="b/review", option="B", note="x"))[1]
