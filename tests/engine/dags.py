"""Any valid plan that is small enough to be looked at when it breaks."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from orchestra_nb.plan import Decision, Phase, Plan, Task

__all__ = ["FAILS", "SHAKY", "SUCCEEDS", "plans"]

SUCCEEDS, FAILS, SHAKY = "ok", "bad", "shaky"
"""Names of agents: one that succeeds, one that fails, one that succeeds the second time."""


@st.composite
def plans(draw: st.DrawFn, *, everything: bool = False) -> Plan:
    """Plans with what decides who runs: lists, phases, conditions, levels.

    Args:
        draw: Hypothesis's.
        everything: Also retries, roles, marked checkpoints and ``on_failure: stop``.
    """
    groups: list[list[Task | Decision]] = []
    known: list[str] = []
    decisions: list[str] = []
    agents = [SUCCEEDS, SUCCEEDS, FAILS, *[SHAKY] * everything]
    for number in range(draw(st.integers(1, 4))):
        entries: list[Task | Decision] = []
        for place in range(draw(st.integers(1, 4))):
            name = f"n{number}{place}"
            common = {"id": name} | draw(_waits(known, number, decisions))
            if draw(st.integers(0, 3)) == 0:
                entries.append(Decision(**_decision(common)))
                decisions.append(name)
            else:
                if everything:
                    common["retries"] = draw(st.integers(0, 2))
                    common["role"] = draw(st.sampled_from([None, None, None, "testing"]))
                entries.append(Task(agent=draw(st.sampled_from(agents)), **common))
            known.append(name)
        groups.append(entries)
    marked = st.booleans() if everything else st.just(False)
    return Plan(
        name="any",
        level=draw(st.sampled_from([1, 2, 3] if everything else [2, 3])),
        mode=draw(st.sampled_from(["fully_autonomous", "full_interactive"])),
        checkpoints=draw(st.sampled_from(["marked", "each"])),
        on_failure=draw(st.sampled_from(["ask", "continue", *["stop"] * everything])),
        timeouts={"kinds": {"critical": 2}, "shortest": 1},
        max_concurrency=draw(st.sampled_from([1, 2, 8])),
        phases=[
            Phase(name=f"P{n}", tasks=group, checkpoint=draw(marked))
            for n, group in enumerate(groups)
        ],
    )


@st.composite
def _waits(draw: st.DrawFn, known: list[str], number: int, decisions: list[str]) -> dict[str, Any]:
    pool = [*known, *(f"Phase {n + 1}" for n in range(number))]
    listed: st.SearchStrategy[list[str]] = st.just([])
    if pool:
        listed = st.lists(st.sampled_from(pool), max_size=3, unique=True)
    depends: list[str] | None = draw(st.none() | listed)
    when: dict[str, list[str]] = {}
    if draw(st.booleans()) and decisions:
        when[draw(st.sampled_from(decisions))] = draw(st.sampled_from([["A"], ["B"], ["A", "B"]]))
    least = draw(st.sampled_from([None, None, 3]))
    return {"depends_on": depends, "when": when, "min_level": least}


def _decision(common: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": common["id"], "options": {"A": "a", "B": "b"}, "recommend": "A", "timeout": 1,
    } | common  # fmt: skip
