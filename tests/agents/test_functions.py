"""Plain callables as agents: which parameter gets what."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from orchestra_nb.agents.context import Context
from orchestra_nb.agents.functions import Function, argument_name
from orchestra_nb.commands import Answer
from orchestra_nb.errors import SetupError
from orchestra_nb.state import Outcome
from tests.engine.rig import Rig, choice, fails, one_phase, phases, task

DEPENDS = ("business-analyst", "data.expert", "d")


def call(function: Any, depends: tuple[str, ...] = DEPENDS) -> Any:
    """What a function returns as the agent of a task after two others and a decision."""
    plan = phases(
        [task("business-analyst"), task("data.expert"), choice("d")],
        [task("a", *depends)],
        mode="fully_autonomous",
    )
    agents = {"business-analyst": lambda: "market", "data.expert": lambda: "data", "a": function}
    rig = Rig(plan, agents).run()
    error = rig.engine.errors.get("a")
    if error is not None:
        raise error
    return rig.engine.results["a"]


def is_context(value: object) -> bool:
    """Whether that is the task's context."""
    return isinstance(value, Context) and value.task == "a"


def test_a_parameter_named_context_gets_the_context() -> None:
    """`fn(context)` is the usual agent."""
    assert call(lambda context: is_context(context)) is True


def test_a_single_parameter_may_have_any_name() -> None:
    """`fn(c)` gets the context, with defaults and *args behind it, too."""
    assert call(lambda c: is_context(c)) is True
    assert call(lambda c, more=5, *args, **rest: is_context(c) and more) == 5
    assert call(lambda *args: is_context(args[0]) and len(args)) == 1


def test_defaults_stay_what_they_are() -> None:
    """A parameter with a default that is no dependency is left alone, the first one too."""
    assert call(lambda name="kept": name) == "kept"
    assert call(lambda tone="kept", context=None: (tone, is_context(context))) == ("kept", True)


def test_no_parameter_is_fine() -> None:
    """`fn()` is called without anything."""
    assert call(lambda: "nothing") == "nothing"


def test_parameters_named_after_dependencies_get_their_results() -> None:
    """`business-analyst` fills `business_analyst`, in any order, with or without context."""

    def agent(data_expert: str, context: Context, business_analyst: str) -> tuple[Any, ...]:
        return data_expert, business_analyst, is_context(context)

    assert call(agent) == ("data", "market", True)
    assert call(lambda business_analyst: business_analyst) == "market"
    assert call(lambda *, business_analyst, context: business_analyst) == "market"
    assert call(lambda business_analyst, tone="kind": f"{business_analyst}, {tone}") == (
        "market, kind"
    )


def test_a_parameter_named_after_a_decision_gets_its_outcome() -> None:
    """A decision is a dependency like any other: its outcome is what it results in."""
    found = call(lambda d: d)
    assert isinstance(found, Outcome)
    assert (found.option, found.by) == ("A", "policy")


def test_positional_only_parameters_are_filled_in_their_places() -> None:
    """`def fn(a, /)` works, defaults between stay what they are."""

    def agent(data_expert: str, times: int = 2, context: Any = None, /, *, d: Any) -> Any:
        return data_expert * times, is_context(context), d.option

    assert call(agent) == ("datadata", True, "A")


def test_partials_methods_and_callable_objects() -> None:
    """Whatever can be called is an agent; what is async is run as such."""

    class Agent:
        def method(self, context: Context) -> bool:
            return is_context(context)

        async def __call__(self, context: Context) -> bool:
            await asyncio.sleep(0)
            return is_context(context)

    async def two(tone: str, context: Context) -> str:
        return tone if is_context(context) else ""

    assert call(Agent().method) is True
    assert call(Agent()) is True
    assert call(functools.partial(two, "kind")) == "kind"
    assert not Function(Agent()).blocking
    assert not Function(functools.partial(two, "kind")).blocking
    assert Function(Agent().method).blocking


def test_a_builtin_without_a_signature_gets_the_context() -> None:
    """What does not tell its parameters is given the context."""
    assert "Context of 'a'" in call(str)
    assert call(functools.partial(print, end="")) is None


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda context, stranger: 1, "parameter 'stranger' that nothing fills"),
        (lambda a, b: 1, "parameter 'a' that nothing fills"),
        (lambda *, stranger: 1, "Parameters may be named: context, business_analyst"),
    ],
)
def test_a_parameter_that_nothing_fills_is_refused(function: Any, said: str) -> None:
    """A parameter that is neither the context nor a dependency is an error before the run."""
    with pytest.raises(SetupError, match=said):
        Function(function).bind(lambda: DEPENDS)


def test_a_name_that_may_mean_two_tasks_is_refused() -> None:
    """`a-b` and `a.b` are both `a_b`: asking for that is an error, not asking is none."""
    depends = ("a-b", "a.b", "c")
    with pytest.raises(SetupError, match=r"'a_b' that may mean 'a-b' or 'a\.b'"):
        Function(lambda a_b: a_b).bind(lambda: depends)
    Function(lambda c, context: c).bind(lambda: depends)


def test_what_has_no_result_is_none() -> None:
    """A dependency that was skipped, or failed with its phase living on, gives None."""
    seen: list[Any] = []
    plan = phases([task("a"), task("b"), task("t", role="testing")], [task("c")], level=1)
    agents = {
        "a": fails(ValueError("no")),
        "b": lambda: 1,
        "c": lambda a, b, t: seen.append((a, b, t)),
    }
    Rig(plan, agents).run()
    assert seen == [(None, 1, None)]


def test_results_of_a_phase_left_out_are_none() -> None:
    """A function runs at every level, also where the level leaves out what it asks for."""
    seen: list[Any] = []
    plan = phases([task("a")], [task("t", role="testing")], [task("c")], level=1)
    rig = Rig(plan, {"c": lambda t: seen.append(t)}).run()
    assert rig.engine.state.status == "completed"
    assert seen == [None]


def test_an_answer_in_free_text_reaches_the_parameter() -> None:
    """The outcome of "Other…" carries the person's words."""
    rig = Rig(one_phase(choice("d"), task("a", "d")), {"a": lambda d: d.text}, fake=True).start()
    rig.say(Answer(decision="d", option="other", text="neither"))
    assert rig.wait().engine.results["a"] == "neither"


def test_names_become_arguments() -> None:
    """What is no letter, digit or underscore becomes an underscore."""
    assert [argument_name(name) for name in ("a-b", "data.expert", "é x", "A_1")] == [
        "a_b", "data_expert", "é_x", "A_1",
    ]  # fmt: skip


def test_it_says_which_function_it_is() -> None:
    """The repr names the function, for `onb.check`."""
    assert repr(Function(fails)) == "a function (fails)"
