"""What a plan says without effect is told before the run."""

from __future__ import annotations

import pytest

import orchestra_nb as onb


def asks(**settings: object) -> onb.Plan:
    """A plan of one decision."""
    given = {"id": "d", "title": "D", "options": ["x", "y"]} | settings
    phases = [onb.Phase(name="P", tasks=[onb.Decision(**given)])]  # type: ignore[arg-type]
    users = {"yes": [onb.Question(id="users", ask="How many users?", kind="integer")]}
    live = onb.Question(id="live", ask="Is it live?", kind="yes_no", default="no", follow_up=users)
    return onb.Plan(name="n", phases=phases, questions=[live])


def test_an_unknown_category_is_told() -> None:
    """The check and the explanation say that it counts as none, and what may be meant."""
    plan = asks(category="databse", recommend="A")
    said = "unknown category 'databse': its clock counts as with none; did you mean 'database'?"
    assert onb.check(plan).notes == (f"d: {said}",)
    assert f"  note: d: {said}" in repr(onb.check(plan)).splitlines()
    assert ("category", said) in plan.explain("d").lines


def test_a_category_of_ones_own_is_none_to_tell() -> None:
    """What the plan's own table has is known."""
    timeouts = onb.Timeouts(categories={"db": "5m"})
    plan = asks(category="DB", recommend="A").model_copy(update={"timeouts": timeouts})
    assert onb.check(plan).notes == ()


def test_a_timeout_without_a_recommendation_is_told() -> None:
    """Nothing could be taken when the time is over."""
    assert onb.check(asks(timeout="5s")).notes == (
        "d: its timeout has no effect: nothing is recommended",
    )
    assert onb.check(asks(timeout="none")).notes == ()


def test_an_answer_to_what_is_not_asked() -> None:
    """Ruled out by another answer it is refused; ruled out by a default alone it is told."""
    with pytest.raises(onb.PlanError, match=r"users.*follows on live being yes, and that is no"):
        onb.check(asks(), answers={"live": "no", "users": 3})
    assert onb.check(asks(), answers={"live": "yes", "users": 3}).notes == ()
    assert onb.check(asks(), answers={"users": 3}).notes == (
        "answers.users: counts only if live is yes; as it stands it is not asked",
    )
