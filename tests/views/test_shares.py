"""Where the agents' time went, at a run's end."""

from __future__ import annotations

from orchestra_nb.views.ending import ending

from .story import Story


def test_shares_add_up_to_a_hundred_and_name_all_of_the_time() -> None:
    """Waiting for a slot is part of the agents' time; whole percents are what the bar shows."""
    state = Story().state
    state.tasks[0].spans = [["slot", 0.0, 54.0], ["run", 54.0, 97.6], ["budget", 97.6, 100.0]]
    shares = ending(state).shares
    assert shares == (("run", 44, "working"), ("budget", 2, "budget"), ("slot", 54, "no free slot"))


def test_thirds_are_rounded_to_a_whole() -> None:
    """33, 33 and 34, not 33 three times."""
    state = Story().state
    state.tasks[0].spans = [["slot", 0.0, 1.0], ["run", 1.0, 2.0], ["human", 2.0, 3.0]]
    assert sum(part for _, part, _ in ending(state).shares) == 100
