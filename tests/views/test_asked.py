"""A card as lines of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra_nb.views.asked import answering, asked, facts, home_to_name

from .purposes import DETAILS, card_of, opened


@pytest.mark.parametrize(("lines", "last"), [(5, "  5"), (6, "  6"), (7, "… and 2 more lines")])
def test_a_last_single_line_is_not_hidden(lines: int, last: str) -> None:
    """A line that says that one more line is left out would take that line's place."""
    preview = "\n".join(map(str, range(1, lines + 1)))
    detail = {**DETAILS["review"], "preview": preview, "attempt": 1, "comments": []}
    assert facts(card_of(opened("review", detail=detail)), 5)[-1] == last


def test_what_has_to_be_known_is_never_cut() -> None:
    """Arguments of a call that is to be approved are shown to the last one."""
    detail = {**DETAILS["approval"], "arguments": {f"a{n}": n for n in range(40)}}
    assert "  a39 = 39" in asked(card_of(opened("approval", detail=detail)), 0.0)


def test_adjusting_and_own_words_say_how() -> None:
    """What an option needs besides is said with how it is given here."""
    lines = asked(card_of(opened("checkpoint", other=True)), 100.0)
    assert lines[-3:] == [
        "other  in your own words, with --text",
        'Adjust needs --note "…": what the later agents are to know.',
        "10:00 left, then A is taken.",
    ]


def test_the_line_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the recommendation; where there is none it leaves the option open."""
    assert answering(card_of(opened("review")), "r") == "orchestra-nb decide r card A"
    line = answering(card_of(opened("approval")), "r", Path("my home"))
    assert line == "orchestra-nb decide r card OPTION --home 'my home'"
    monkeypatch.chdir(tmp_path)
    assert home_to_name(tmp_path / ".orchestra" / "runs" / "r") is None
    assert home_to_name(tmp_path / "home" / "runs" / "r") == tmp_path / "home"
