"""Results and failures that a person judges, in whole runs: what is on disk, what others get."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import orchestra_nb as onb
from orchestra_nb.state import DecisionState
from orchestra_nb.store.results import load_result

WITHIN_S = 20.0
LONG = "A long report. " * 200


class Report(BaseModel):
    """A structured result."""

    title: str
    pages: int


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., onb.Run]]:
    """Give a function that starts a task "a" under review and a task "b" that gets its result."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    runs: list[onb.Run] = []

    def start(agent: Any, **settings: Any) -> onb.Run:
        tasks = [
            onb.Task(agent="a", review=True, estimate="1s"),
            onb.Task(agent="b", depends_on=["a"], estimate="1s"),
        ]
        plan = onb.Plan(name="Judged", phases=[onb.Phase(name="All", tasks=tasks)], **settings)
        agents = {"a": agent, "b": lambda a: a}
        runs.append(onb.run(plan, agents, home=tmp_path / "home"))
        return runs[-1]

    yield start
    for run in runs:
        run.stop()


def opened(run: onb.Run, decision: str) -> DecisionState:
    """The card, once it is open."""
    end = time.monotonic() + WITHIN_S
    while True:
        found = run.state.decisions.get(decision)
        if found is not None and found.open:
            return found
        assert time.monotonic() < end, f"{decision} never opened: {run!r}"
        time.sleep(0.01)


def log(run: onb.Run, kind: str) -> list[dict[str, Any]]:
    """The events of a kind, as they are on disk."""
    text = (run.folder / "orchestration-timeline.jsonl").read_text("utf-8")
    events = [json.loads(line) for line in text.splitlines()]
    return [event for event in events if event["event"] == kind]


def kept(run: onb.Run) -> Any:
    """What the log says the result of "a" is, read back."""
    (event,) = [event for event in log(run, "agent_complete") if event["task"] == "a"]
    return load_result(run.folder, event["result"])


def test_a_result_is_on_disk_before_its_card_opens(start: Any) -> None:
    """While a review is open the log names the file that holds what is reviewed."""
    run = start(lambda: LONG)
    card = opened(run, "a/review")
    stored = card.detail["stored"]
    assert stored["file"] == "results/0001.1.txt"
    assert load_result(run.folder, stored) == LONG
    assert card.detail["result"] == LONG
    (event,) = log(run, "decision_opened")
    assert event["detail"]["stored"] == stored
    run.answer("a/review", "A")
    results = run.wait(WITHIN_S)
    assert results["a"] == results["b"] == LONG
    assert kept(run) == LONG


def test_an_edited_result_is_a_file_of_its_own(start: Any) -> None:
    """What a person made of a result is kept beside it, and is what the completion names."""
    run = start(lambda: LONG)
    opened(run, "a/review")
    run.answer("a/review", "A", values={"result": LONG + "And an end."})
    results = run.wait(WITHIN_S)
    assert results["b"] == kept(run) == LONG + "And an end."
    names = sorted(path.name for path in (run.folder / "results").iterdir())
    assert names[:2] == ["0001.1-2.txt", "0001.1.txt"]
    assert onb.open(run.id, home=run.folder.parent.parent).results["a"] == LONG + "And an end."


def test_an_edited_model_is_a_model(start: Any) -> None:
    """A structured result that was edited is still an instance, on disk too."""
    run = start(lambda: Report(title="Draft", pages=3))
    opened(run, "a/review")
    with pytest.raises(onb.CommandError, match="pages: Input should be a valid integer") as caught:
        run.answer("a/review", "A", values={"result": {"title": "Final", "pages": "many"}})
    assert list(caught.value.faults) == ["result"]
    run.answer("a/review", "A", values={"result": {"title": "Final", "pages": 4}})
    results = run.wait(WITHIN_S)
    assert results["b"] == Report(title="Final", pages=4)
    assert kept(run) == {"title": "Final", "pages": 4}


def test_a_table_is_shown_and_accepted_as_it_is(start: Any) -> None:
    """What has no text form is shown by its beginning, and others get the very object."""
    table = pd.DataFrame({"price": [9.5, 12.0]})
    run = start(lambda: table)
    card = opened(run, "a/review")
    assert (card.detail["format"], card.detail["editable"]) == ("other", False)
    assert "price" in card.detail["preview"]
    run.answer("a/review", "A")
    assert run.wait(WITHIN_S)["a"] is table


def test_sent_back_and_accepted_with_changes(start: Any) -> None:
    """The whole way: a comment, another attempt that sees it, changes, the end."""

    def agent(context: Any) -> str:
        return f"{context.attempt}: {', '.join(context.comments)} was {context.previous}"

    run = start(agent)
    opened(run, "a/review")
    run.answer("a/review", "B", note="Shorter")
    assert opened(run, "a/review-2").detail["result"] == "2: Shorter was 1:  was None"
    run.answer("a/review-2", "A", values={"result": "fine"}, note="mind the dates")
    assert run.wait(WITHIN_S)["b"] == "fine"
    assert run.state.notes == ["mind the dates"]
    assert run.state.task("a").comments == ("Shorter",)


def test_a_rehearsal_shows_reviews_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated results are reviewed like real ones: that is how the run will feel."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)
    plan = onb.Plan(
        name="Feel",
        phases=[onb.Phase(name="All", tasks=[onb.Task(agent="a", estimate="1s", review=True)])],
    )
    run = onb.rehearse(plan, speed=100, home=tmp_path / "home")
    assert opened(run, "a/review").detail["result"].startswith("Rehearsal: a would have done")
    run.answer("a/review", "A")
    run.wait(WITHIN_S)
    assert run.status == "completed"


def test_on_failure_of_a_run_wins_over_the_plan_s(tmp_path: Path) -> None:
    """What is given to run() decides, in every mode that would ask."""

    def fails() -> None:
        raise ValueError("boom")

    plan = onb.Plan(name="Fails", phases=[onb.Phase(name="All", tasks=[onb.Task(agent="a")])])
    run = onb.run(
        plan, {"a": fails}, mode="full_interactive", on_failure="continue", home=tmp_path / "home"
    )
    run.wait(WITHIN_S)
    assert (run.status, run.state.decisions) == ("failed", {})
    stopped = onb.run(plan, {"a": fails}, on_failure="stop", home=tmp_path / "home")
    stopped.wait(WITHIN_S)
    assert stopped.status == "stopped"
    wrong: Any = "panic"
    with pytest.raises(onb.PlanError, match="on_failure"):
        onb.run(plan, {"a": fails}, on_failure=wrong, home=tmp_path / "home")


def test_how_long_attempts_took_is_known_later(start: Any, tmp_path: Path) -> None:
    """The time of an attempt is learnt from without the time its result was looked at."""
    run = start(lambda: "draft")
    card = opened(run, "a/review")
    while run.now() < card.opened_at + 0.2:
        time.sleep(0.01)
    run.answer("a/review", "A")
    run.wait(WITHIN_S)
    lines = (tmp_path / "home" / "durations.jsonl").read_text("utf-8").splitlines()
    took = {entry["agent"]: entry for entry in map(json.loads, lines)}
    assert took["a"]["status"] == "success"
    began = next(event["t"] for event in log(run, "agent_start") if event["task"] == "a")
    assert took["a"]["seconds"] == pytest.approx(card.opened_at - began, abs=0.01)
