"""Why a decision waits as long as it does, and whether anybody is asked at all, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, overload

from ..errors import Fault, PlanError
from .entries import Decision, Entry, Task
from .levels import configured, load_levels, skip_reason
from .notes import category_note
from .questions import before_the_run
from .text import fold, short, there_are
from .timeouts import (
    SHORTEST_PART_S,
    Mode,
    Timeline,
    Timeout,
    Timeouts,
    factor,
    in_words,
    taken_by,
    timeout_for,
)

if TYPE_CHECKING:
    from .model import Plan

__all__ = ["Explanation", "Explanations", "explain"]

Line: TypeAlias = tuple[str, str]

_MODES: dict[Mode, str] = {
    "full_interactive": "asks every decision",
    "guided": "asks what is critical or has a category",
    "semi_autonomous": "asks every decision, and waits a part of the time",
    "fully_autonomous": "asks nothing",
}
_MOST = 200
_NONE: Mapping[str, bool] = {}


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """How long one decision waits for a person, and why.

    Attributes:
        id: Its id.
        title: Its title.
        taken: Who takes the recommendation at once, ``None`` when a person is asked.
        skipped: Why it does not come up at this level; empty when it does.
        timeout: The time it waits when it is asked, with its sum.
        lines: Each figure and each reason: a word and what it says.
    """

    id: str
    title: str
    taken: Literal["policy", "autopilot"] | None
    skipped: str
    timeout: Timeout
    lines: tuple[Line, ...]

    @property
    def asked(self) -> bool:
        """Whether a person is asked."""
        return self.taken is None and not self.skipped

    @property
    def seconds(self) -> float | None:
        """What it waits; ``None``: no timer, or nobody is asked."""
        return self.timeout.seconds if self.asked else None

    def brief(self) -> str:
        """One line of a table."""
        if self.skipped:
            return f"not asked: {self.skipped}"
        if self.taken is not None:
            return f"not asked: by {self.taken}, at once"
        return f"asked: {self.timeout.sum}"

    def __repr__(self) -> str:
        return "\n".join([f"{_plain(self.title)} ({_plain(self.id)})", *_aligned(self.lines)])


class Explanations(Mapping[str, Explanation]):
    """What each decision of a plan waits, in the order of the plan."""

    def __init__(self, head: str, found: Mapping[str, Explanation]):
        self.head = head
        self._found = dict(found)

    def __getitem__(self, key: str) -> Explanation:
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        if not self._found:
            return f"{self.head}\n  no decisions"
        shown = list(self._found.values())[:_MOST]
        rows = [(one.id, one.brief()) for one in shown]
        more = [f"  … {len(self) - _MOST} more"] if len(self) > _MOST else []
        return "\n".join([self.head, *_aligned(rows), *more])


@overload
def explain(
    plan: Plan,
    decision: None = None,
    *,
    level: int | None = None,
    timeline: Timeline | None = None,
    autopilot: bool = False,
    autopilots: Mapping[str, bool] = _NONE,
) -> Explanations: ...


@overload
def explain(
    plan: Plan,
    decision: str,
    *,
    level: int | None = None,
    timeline: Timeline | None = None,
    autopilot: bool = False,
    autopilots: Mapping[str, bool] = _NONE,
) -> Explanation: ...


def explain(
    plan: Plan,
    decision: str | None = None,
    *,
    level: int | None = None,
    timeline: Timeline | None = None,
    autopilot: bool = False,
    autopilots: Mapping[str, bool] = _NONE,
) -> Explanation | Explanations:
    """Explain one decision of a plan, or all; see :meth:`orchestra_nb.Plan.explain`.

    Args:
        plan: The plan.
        decision: Id of a decision or a checkpoint, or ``questions``; all if absent.
        level: Another level than the plan's, also one it was changed to meanwhile.
        timeline: Another timeline than the plan's.
        autopilot: Whether recommendations are taken at once.
        autopilots: Decision id -> the same for that one alone.
    """
    plan = configured(plan)
    level = plan.level if level is None else level
    timeline = plan.timeline if timeline is None else timeline
    specs = {spec.id: (spec, about) for spec, about in _specs(plan)}
    if decision is not None:
        known = {fold(key): key for key in specs}
        key = known.get(fold(decision))
        if key is None:
            known_here = there_are(decision, specs or ["none"], 50)
            raise PlanError([Fault("", f"the plan has no decision {known_here}")])
        return _explain(plan, *specs[key], level, timeline, autopilot, autopilots.get(key))
    found = {
        key: _explain(plan, spec, about, level, timeline, autopilot, autopilots.get(key))
        for key, (spec, about) in specs.items()
    }
    name = load_levels()[level].name
    head = f"{plan.name}: level {level} ({name}), timeline {timeline}, mode {plan.mode}"
    return Explanations(head + (", autopilot on" if autopilot else ""), found)


def _specs(plan: Plan) -> Iterator[tuple[Decision, Entry]]:
    """All that a plan says will be asked, each with what it hangs on.

    Its questions, decisions, reviews and checkpoints.
    """
    from .graph import compile_plan

    if plan.questions:
        form = before_the_run(plan.timeouts.questions if plan.timeouts else None)
        yield form, form
    # A plan that asks nothing has no checkpoints either; here it says that it would not ask.
    for node in compile_plan(plan.model_copy(update={"mode": "full_interactive"})).nodes:
        if isinstance(node.spec, Decision):
            yield node.spec, node.spec
        elif node.spec.review:
            yield _review(node.spec), node.spec


def _review(task: Task) -> Decision:
    """What is asked about a result, as far as its clock goes."""
    return Decision(
        id=f"{task.id}/review",
        title=f"Review: {task.id}",
        kind="critical",
        options=["Accept", "Send back"],
        recommend="A",
        timeout="none",
    )


def _explain(
    plan: Plan,
    spec: Decision,
    about: Entry,
    level: int,
    timeline: Timeline,
    autopilot: bool,
    own: bool | None,
) -> Explanation:
    timeout = timeout_for(
        spec,
        level=level,
        timeline=timeline,
        mode=plan.mode,
        timeouts=plan.timeouts,
        auto_proceed=plan.auto_proceed,
        purpose="review" if isinstance(about, Task) else "decision",
    )
    taken = taken_by(spec, mode=plan.mode, autopilot=autopilot, own=own)
    skipped = skip_reason(about, level) or ""
    lines: list[Line] = [("asked", _asked(spec, plan.mode, taken, own))]
    if skipped:
        lines = [("asked", f"no: {skipped}")]
    if taken is None and not skipped:
        lines += _clock(timeout, spec, plan.timeouts or Timeouts(), level, timeline)
    else:
        lines.append(("if asked", timeout.sum))
    if note := category_note(spec, plan.timeouts or Timeouts()):
        lines.append(("category", note))
    lines.append(("in all", _in_all(spec, timeout, taken, skipped)))
    if about.when:
        when = "; ".join(f"{key} is {' or '.join(of)}" for key, of in about.when.items())
        lines.insert(0, ("comes up", f"if {when}"))
    return Explanation(spec.id, spec.title, taken, skipped, timeout, tuple(lines))


def _asked(spec: Decision, mode: Mode, taken: str | None, own: bool | None) -> str:
    """Whether a person is asked, and what decides that."""
    if own is not None and spec.recommend is not None:
        switch = "on" if own else "off"
        return f"{'no' if own else 'yes'}: autopilot was switched {switch} for this one"
    if spec.ask == "always":
        return "yes: the decision says ask: always, which holds in every mode"
    if spec.recommend is None:
        return "yes: nothing is recommended, so it is asked in every mode"
    if taken == "autopilot":
        return f"no: autopilot takes {_recommended(spec)} at once"
    why = ""
    if mode == "guided":
        category = f"category {spec.category}" if spec.category else "no category"
        why = f": {spec.kind}, {category}"
    return f"{'no' if taken else 'yes'}: {mode} {_MODES[mode]}{why}"


def _clock(
    timeout: Timeout, spec: Decision, table: Timeouts, level: int, timeline: Timeline
) -> Iterator[Line]:
    """The clock's figures, one a line, as far as they are reckoned."""
    figures = timeout.reckoning
    if figures is None:
        yield ("clock", timeout.sum)
        return
    base = f"{in_words(figures.base_s)} ({figures.label})"
    if figures.category and figures.label == figures.category:
        base += f": more than the {in_words(figures.kind_s)} of its kind, {spec.kind}"
        if figures.kind_s == figures.base_s:
            base = f"{in_words(figures.base_s)} ({figures.label}, and as much for {spec.kind})"
    elif figures.category:
        assert figures.least_s is not None
        base += f": more than the {in_words(figures.least_s)} of its category, {figures.category}"
    yield ("base", base)
    yield ("level", f"× {factor(figures.by_level)} (level {level}, {load_levels()[level].name})")
    yield ("timeline", f"× {factor(figures.by_timeline)} ({timeline})")
    yield ("product", in_words(figures.product_s))
    for bound in figures.bounds:
        if bound == "category":
            least = in_words(figures.least_s or 0.0)
            yield ("limit", f"at least {least}: {figures.category} never has less")
        elif bound == "longest":
            yield ("limit", f"at most {in_words(table.longest)}")
        elif bound == "shortest":
            yield ("limit", f"at least {in_words(table.shortest)}")
    if figures.seconds != figures.whole_s:
        part = f"× {factor(table.semi_autonomous)} (semi_autonomous)"
        if "part" in figures.bounds:
            part += f", at least {in_words(SHORTEST_PART_S)}"
        yield ("mode", part)


def _in_all(spec: Decision, timeout: Timeout, taken: str | None, skipped: str) -> str:
    if skipped:
        return "it does not come up"
    if taken is not None:
        return f"no wait: {_recommended(spec)} is taken at once (by {taken})"
    if timeout.seconds is None:
        return "it waits until somebody answers"
    return f"{in_words(timeout.seconds)}, then {_recommended(spec)} is taken"


def _recommended(spec: Decision) -> str:
    option = spec.option(spec.recommend or "")
    return f"{option.key} - {option.text}" if option is not None else "the recommendation"


def _plain(text: str) -> str:
    """Foreign text without anything that a terminal would obey."""
    return short(text, 200)[1:-1]


def _aligned(rows: Iterable[Line]) -> list[str]:
    """Rows of two texts, the second ones under each other."""
    pairs = [(_plain(word), _plain(text)) for word, text in rows]
    width = min(40, max((len(word) for word, _ in pairs), default=0))
    return [f"  {word:<{width}}  {text}" for word, text in pairs]
