"""A machine that sleeps: nothing is decided because of it, and everybody gets a minute more."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from .elsewhere import CHOICE, Elsewhere, command, plan_of, until

TIMEOUTS = ["3s", "4s", "4.5s", "5s", "60s", "10m"]
SLEEP_S = 9.0


def test_a_stopped_process_decides_nothing_when_it_goes_on(tmp_path: Path) -> None:
    """Clocks that ran out meanwhile are held with all others, at once; an answer still counts."""
    ids = [f"d{number}" for number in range(len(TIMEOUTS))]
    decisions = [
        {**CHOICE, "decision": name, "timeout": timeout}
        for name, timeout in zip(ids, TIMEOUTS, strict=True)
    ]
    with Elsewhere(tmp_path, plan_of(*decisions)) as there:
        there.until_asked(*ids)
        there.process.send_signal(signal.SIGSTOP)
        time.sleep(SLEEP_S)
        there.process.send_signal(signal.SIGCONT)
        until(lambda: len(there.events("decision_held")) == len(ids))
        held = there.events("decision_held")
        assert {event["cause"] for event in held} == {"asleep"}
        assert [event["decision_id"] for event in held] == ids
        assert len({event["t"] for event in held}) == 1
        assert held[0]["t"] > SLEEP_S
        left = [event["remaining_s"] for event in held]
        assert left[:4] == [0, 0, 0, 0]
        assert left[4] == pytest.approx(60 - SLEEP_S, abs=3)
        answer = command(tmp_path, "decide", there.id, "d0", "B")
        assert answer.wait(20) == 0, answer.communicate()[0]
        (outcome,) = there.events("decision")
        assert (outcome["decision_id"], outcome["option"], outcome["by"]) == ("d0", "B", "remote")
        assert there.events("decision_released") == []
        assert len(there.events("decision_held")) == len(ids), "a storm of timers"
        answer.communicate()
