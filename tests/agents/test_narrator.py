"""Lines for a person out of streaming text, without keeping other agents waiting."""

from __future__ import annotations

import time

import pytest

from orchestra_nb.agents.claude_stream import Narrator


@pytest.mark.parametrize("piece", ["x", "word ", "x.", ".", " ", "** ", "A line.\n"])
def test_text_without_an_end_takes_no_time(piece: str) -> None:
    """Looking for what to show is quick, whatever is written: all agents share that thread."""
    narrator = Narrator(lambda line: None, every=0.0)
    begin = time.thread_time()
    for number in range(300):
        narrator.hear(piece * 200, number)
    assert time.thread_time() - begin < 1.0


def test_the_last_whole_sentence_or_line_is_shown() -> None:
    """A sentence ends before white space, a line at its end; what is unfinished waits."""
    said: list[str] = []
    narrator = Narrator(said.append, every=0.0)
    for piece in ["# Plan\n", "Version 3.5", " is out. And", " then", "!?\n\n- ", "last"]:
        narrator.hear(piece, 0)
    assert said == ["Plan", "Version 3.5 is out.", "And then!?"]
    narrator.finish(0)
    assert said[-1] == "last"
