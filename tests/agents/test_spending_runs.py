"""The card before a run pays, and forecasts, where a list says how much is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.state import DecisionState
from tests.messages_server import MessagesServer

WITHIN_S = 60.0
Start = Callable[..., onb.Run]
MODULES = ["core", "cli", "store", "views", "widgets", "engine"]


def listed(expect: int | None = None, **settings: Any) -> onb.Plan:
    """A plan that reviews each module, and announces it."""
    each = {"from": "structure", "as": "module"} | ({"expect": expect} if expect else {})
    tasks = [
        {"agent": "structure", "task": "List the modules"},
        {"agent": "reviewer", "id": "review", "task": "Review {{module}}", "for_each": each},
        {"agent": "announcer", "task": "Announce", "depends_on": ["review"]},
    ]
    return onb.Plan.model_validate(
        {"name": "P", "phases": [{"name": "One", "tasks": tasks}]} | settings
    )


@pytest.fixture
def start(server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Give what starts such a run; its list is there once ``release`` is there."""
    monkeypatch.delenv("ORCHESTRA_MODE", raising=False)

    def structure() -> list[str]:
        end = time.monotonic() + WITHIN_S
        while not (tmp_path / "release").exists() and time.monotonic() < end:
            time.sleep(0.005)
        return MODULES

    def start(plan: onb.Plan) -> onb.Run:
        return onb.run(plan, {"structure": structure}, claude=True, home=tmp_path / "home")

    return start


def spend_card(run: onb.Run, name: str) -> DecisionState:
    """The card of that id, once it is open."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        found = run.state.decisions.get(name)
        if found is not None and found.open:
            return found
        time.sleep(0.005)
    raise AssertionError(f"no open {name!r}: {run.decisions}")


def test_a_list_of_unknown_length_is_priced_per_item_and_asked_anew(
    start: Start, server: MessagesServer, tmp_path: Path
) -> None:
    """No sum is called the most while the number is open; once it is known, the sum is whole."""
    run = start(listed(budget={"usd": 5}))
    first = spend_card(run, "spend")
    assert "per item of review (number not known)" in first.title
    assert "per item of review (number not known) for one full-length" in first.context
    assert first.recommend is None, "whether the budget is enough is not known"
    (tmp_path / "release").touch()
    again = spend_card(run, "spend-2")
    assert again.context.startswith("Now it is known: review has 6 items. 7 tasks call")
    assert again.detail["most_usd"] > 7 * 0.15
    assert run.state.decisions["spend"].withdrawn == "review has 6 items: asked anew"
    assert not server.requests
    run.answer("spend-2", "A")
    run.wait(WITHIN_S)
    assert (run.status, len(server.requests)) == ("completed", 7)


def test_what_was_let_start_is_asked_again_when_the_list_is_longer_than_it_said(
    start: Start, server: MessagesServer, tmp_path: Path
) -> None:
    """Two items were expected and six came: nothing of them is paid before a person has said so."""
    run = start(listed(2))
    first = spend_card(run, "spend")
    assert "with as many items as the plan expects (2 of review)" in first.context
    run.answer("spend", "A")
    (tmp_path / "release").touch()
    spend_card(run, "spend-2")
    assert not server.requests
    run.answer("spend-2", "A")
    run.wait(WITHIN_S)
    assert (run.status, len(server.requests)) == ("completed", 7)


def test_a_list_as_long_as_expected_is_not_asked_about_again(
    start: Start, server: MessagesServer, tmp_path: Path
) -> None:
    """The person has seen what it comes to."""
    run = start(listed(6))
    first = spend_card(run, "spend")
    run.answer("spend", "A")
    (tmp_path / "release").touch()
    run.wait(WITHIN_S)
    assert run.status == "completed"
    assert list(run.state.decisions) == ["spend"]
    assert first.detail["most_usd"] > 7 * 0.15


def test_what_is_held_back_waits_for_a_person(
    start: Start, server: MessagesServer, tmp_path: Path
) -> None:
    """Its time until then is a person's, not a slot's, and it has made no attempt."""
    (tmp_path / "release").touch()
    run = start(listed(6))
    end = time.monotonic() + WITHIN_S
    while "review-6" not in run.state.graph.index or run.state.task("review-6").wait_cause is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    held = run.state.task("review-6")
    assert (held.status, held.wait_cause, held.attempt) == ("ready", "human", 0)
    run.answer("spend", "A")
    run.wait(WITHIN_S)
    done = run.state.task("review-6")
    assert done.spans[0][0] == "human"
    assert done.wait_cause is None


def test_a_forecast_counts_what_is_expected_of_a_list(clean_env: None, tmp_path: Path) -> None:
    """Six expected items cost six times one; without a number the amount is told per item."""
    agents = {"structure": lambda: MODULES}
    six = onb.forecast(listed(6), agents, claude=True, home=tmp_path)
    none = onb.forecast(listed(), agents, claude=True, home=tmp_path)
    one = six.tasks[1].most_usd
    assert one is not None
    assert six.most_usd == pytest.approx(6 * one + none.most_usd)
    assert "with as many items as the plan expects (6 of review)" in repr(six)
    assert "about $0.02 and about $0.02 per item of review (number not known)" in repr(none)
    assert "per item, number not known" in repr(none)
    assert list(none.frame["per_item"]) == [False, True, False]


def test_a_forecast_is_a_table_in_a_notebook(clean_env: None, tmp_path: Path) -> None:
    """The same table as a preview's, with what is not known said once for all tasks."""
    told = onb.forecast(listed(), {"structure": lambda: MODULES}, claude=True, home=tmp_path)
    html = told._repr_html_()
    assert "<div class=head><b>Forecast of P</b>" in html
    assert "per item, number not known" in html
    assert html.count("fewer than 3 past attempts") == 1
    assert "Not known of structure, review, announcer: how long it takes" in html
