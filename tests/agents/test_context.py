"""What an agent sees of the run, and what becomes of what it says."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.agents.context import Context
from orchestra_nb.errors import PlanError, TaskFailed
from orchestra_nb.plan import Input
from tests.engine.rig import Rig, choice, fails, fields_of, fold, one_phase, phases, task

HOSTILE = {
    "half a surrogate": "a\ud800b\udfff",
    "ansi": "\x1b[31mred\x1b[0m\x07\r\n",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "megabyte": "x" * 1_000_000,
    "controls": "".join(map(chr, range(32))) + "\x7f\u2028\u202e\x00",
    "template": "{{name}} %s {0} javascript:alert(1)",
}


def seen_by(agent: Any, **settings: Any) -> Rig:
    """A finished run of one task."""
    return Rig(one_phase(task("a"), **settings), {"a": agent}).run()


def look(attribute: str, plan: Any, agents: dict[str, Any] | None = None) -> Any:
    """What the task "end" sees of its context."""
    seen: list[Any] = []

    def end(context: Context) -> None:
        value = getattr(context, attribute)
        seen.append(dict(value) if attribute in ("results", "missing", "decisions") else value)

    rig = Rig(plan, {**(agents or {}), "end": end}).run()
    assert rig.task("end").status == "completed", rig.engine.errors
    return seen[0]


def test_what_is_known_of_the_task() -> None:
    """Id, agent, text, phase, attempt and level are the task's own."""
    seen: list[Any] = []

    def agent(context: Context) -> None:
        seen.append((context.task, context.agent, context.text, context.phase, context.attempt))
        seen.append((context.level.number, context.project, context.cancelled, context.notes))

    plan = one_phase(task("worker", id="first"), level=4)
    Rig(plan, {"worker": agent}).run()
    assert seen == [("first", "worker", "do worker", "P1", 1), (4, "test", False, ())]


def test_inputs_are_filled_in_and_handed_over() -> None:
    """The text has the inputs' values, `context.inputs` holds them."""
    seen: list[Any] = []
    plan = one_phase(task("a"), inputs={"market": Input(default="B2B")}).filled({"market": "B2C"})
    rig = Rig(plan, {"a": lambda c: seen.append(dict(c.inputs))}, inputs={"market": "B2C"}).run()
    assert seen == [{"market": "B2C"}]
    assert rig.plan.inputs["market"].default == "B2C"


def test_results_are_those_of_ancestors() -> None:
    """Results reach through others, and never come from beside."""
    plan = one_phase(task("a"), task("b", "a"), task("beside"), task("end", "b"))
    agents = {name: (lambda name=name: name) for name in ("a", "b", "beside")}
    assert look("results", plan, agents) == {"a": "a", "b": "b"}


def test_asking_for_what_is_not_there_says_why() -> None:
    """A stranger, somebody beside, and a failed task each get their own answer."""
    said: dict[str, str] = {}

    def end(context: Context) -> None:
        for name in ("nobody", "beside", "bad"):
            try:
                context.results[name]
            except KeyError as error:
                said[name] = f"{type(error).__name__}: {error}"
        assert context.results.get("bad") is None
        assert "bad" not in context.results
        assert (len(context.results), repr(context.results)) == (1, "Results(a)")

    plan = phases([task("a"), task("bad")], [task("beside", free=True), task("end")])
    rig = Rig(plan, {"bad": fails(ValueError("no")), "end": end}).run()
    assert rig.task("end").status == "completed", rig.engine.errors
    assert said["nobody"] == "KeyError: \"there is no task 'nobody'\""
    assert "'beside' is not something 'end' waits for" in said["beside"]
    assert said["bad"] == "TaskFailed: bad has no result: failed (ValueError: no)"
    assert issubclass(TaskFailed, KeyError)


def test_missing_names_what_has_no_result() -> None:
    """What failed or was skipped among the direct dependencies is named with the reason."""
    plan = phases(
        [task("a"), task("bad"), task("t", role="testing"), choice("d")],
        [task("end")],
        mode="fully_autonomous",
        level=1,
    )
    found = look("missing", plan, {"bad": fails(ValueError("no"))})
    assert found["bad"] == "failed: ValueError: no"
    assert found["t"].startswith("skipped: ")
    assert set(found) == {"bad", "t"}


def test_decisions_are_those_before_the_task() -> None:
    """Outcomes of the decisions a task depends on, not of others."""
    plan = one_phase(
        choice("d"), choice("e"), task("a", "d"), task("end", "a"), mode="fully_autonomous"
    )
    found = look("decisions", plan)
    assert list(found) == ["d"]
    assert str(found["d"]) == "A - first"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_only_ever_text(text: str) -> None:
    """Whatever an agent says anywhere ends up in the log as valid JSON, bounded and whole."""

    async def agent(context: Context) -> str:
        context.progress(text, 0.5)
        context.finding(text)
        context.blocker(text)
        context.log(text)
        context.tool_call(text, text)
        context.usage(model=text, request_id=text, output_tokens=1)
        async with context.waiting("budget", detail=text):
            pass
        await context.decide(
            text or "?", {"A": text}, recommend="A", because=text, context=text, timeout=0.01
        )
        raise ValueError(text)

    rig = seen_by(agent)
    assert rig.engine.failure() is None
    assert rig.task("a").status == "failed"
    for line in rig.journal.texts:
        event = json.loads(line)
        event.pop("options", None)
        limit = 12_000 if event["event"].startswith(("decision", "agent_failed")) else 4_000
        assert len(json.dumps(event, ensure_ascii=False)) < limit, event["event"]
        json.dumps(event, ensure_ascii=False).encode()
    assert fields_of(fold(rig.journal.lines, rig.plan)) == fields_of(rig.engine.state)
    if "<" in text:
        assert rig.engine.state.findings[0].text == text


@pytest.mark.parametrize(
    ("fraction", "kept"),
    [(-1, 0.0), (2, 1.0), (math.nan, None), (math.inf, 1.0), (None, None), (0.25, 0.25)],
)
def test_a_fraction_is_between_none_and_all(fraction: float | None, kept: float | None) -> None:
    """How far an agent is stays within 0..1; what is no number is not known."""
    rig = seen_by(lambda context: context.progress("on", fraction))
    assert rig.event("agent_progress")["fraction"] == kept


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": None},
        {"input_tokens": "many"},
        {"output_tokens": 1.5},
        {"cache_read_tokens": -1},
        {"cost": "free"},
        {"cost": math.nan},
        {"cost": -1.0},
    ],
)
def test_figures_that_are_none_fail_the_agent_alone(usage: dict[str, Any]) -> None:
    """An agent that reports nonsense as usage fails; the run goes on."""
    plan = one_phase(task("a"), task("b"))
    rig = Rig(plan, {"a": lambda context: context.usage(model="m", **usage)}).run()
    assert rig.statuses() == {"a": "failed", "b": "completed"}
    assert "usage" not in rig.kinds()


@pytest.mark.parametrize(
    "options",
    [
        {"options": {}},
        {"options": ["x"], "recommend": "Z"},
        {"options": ["x"], "kind": "odd"},
        {"options": ["x"], "timeout": "soon"},
        {"options": ["x"], "timeout": -1},
        {"options": 5},
    ],
)
def test_a_malformed_question_is_the_agents_own_error(options: dict[str, Any]) -> None:
    """A question that makes no sense raises in the agent, and nothing opens."""

    def agent(context: Context) -> None:
        with pytest.raises(PlanError):
            context.decide_sync("Which?", **options)

    rig = seen_by(agent)
    assert rig.task("a").status == "completed", rig.engine.errors
    assert rig.engine.state.decisions == {}


def test_a_wait_must_have_a_cause() -> None:
    """A context can announce a wait for a rate limit or a budget, nothing else."""

    async def agent(context: Context) -> None:
        async with context.waiting("lunch"):  # type: ignore[arg-type]
            pass

    rig = seen_by(agent)
    assert "cause must be 'rate_limit' or 'budget', not 'lunch'" in rig.task("a").error


def test_decide_sync_is_refused_where_it_would_block_all() -> None:
    """Blocking the agents' loop is an error that names the other form."""

    async def agent(context: Context) -> None:
        context.decide_sync("Which?", ["x"])

    rig = seen_by(agent)
    assert "use 'await decide(...)'" in rig.task("a").error


def test_log_goes_to_the_transcript() -> None:
    """A debug line is in the transcript and nowhere else."""
    rig = seen_by(lambda context: context.log("for me"))
    assert rig.journal.transcripts == [{"log": "for me"}]
    assert "for me" not in "".join(rig.journal.texts)


def test_it_says_whose_it_is() -> None:
    """The repr names task and attempt."""
    rig = seen_by(lambda context: repr(context))
    assert rig.engine.results["a"] == "<Context of 'a', attempt 1>"


def test_findings_come_in_the_plans_order(tmp_path: Path) -> None:
    """Who finished first changes nothing for a later agent: findings are ordered by task."""
    second = threading.Event()

    def first(context: onb.Context) -> None:
        assert second.wait(10)
        context.finding("one")
        context.finding("two")

    def other(context: onb.Context) -> None:
        context.finding("three")
        second.set()

    plan = onb.Plan(
        name="Order",
        phases=[
            onb.Phase(name="A", tasks=[onb.Task(agent="first"), onb.Task(agent="other")]),
            onb.Phase(name="B", tasks=[onb.Task(agent="last")]),
        ],
    )
    agents = {"first": first, "other": other, "last": lambda context: list(context.findings)}
    run = onb.run(plan, agents, home=tmp_path)
    run.wait(20)
    assert run.results["last"] == [("first", "one"), ("first", "two"), ("other", "three")]
