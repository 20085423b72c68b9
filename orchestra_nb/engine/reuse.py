"""What is there already is not done again: results of earlier attempts, compared before a start.

An earlier attempt counts where nothing is *known* to differ: what its worker was (its key) and what
it was given. A worker whose key nobody knows is taken for the same. The comparison is made when a
task becomes ready, so that one whose input came out the same again is not done again either.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import OrchestraError, TaskFailed
from ..lineage import LOST, Lineages, digest
from ..plan.each import item_ids
from ..state import State
from .protocols import Stored, Worker

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Prior", "Returned", "Reuse", "Values", "given_to"]


def _nothing() -> None:
    """What is kept for a resume is the run's own."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What an earlier attempt at a task came to.

    Attributes:
        run: Id of the run it was made in.
        attempt: Its number there.
        result: Where its result is, as this run's log will name it.
        key: What its worker was; empty where nobody knows.
        given: What it was given, as :func:`given_to` has it.
        notes: How many notes there were when it started.
        level: The project level to compare at.
        seconds: What it took.
        tokens: What it used.
        cost: What it cost, USD.
        told: ``[kind, text]`` of what its agent found.
        load: Gives the result.
        item: A hash of the item it was for; empty where there is none.
        drop: Called when it does not count: what was kept for it can go.
        sure: Whether the worker's request was compared already: it is the same if what it is given
            is.
    """

    run: str
    attempt: int
    result: Stored
    key: str
    given: str
    notes: int
    level: int
    seconds: float
    tokens: int
    cost: float
    told: list[list[str]]
    load: Callable[[], object]
    item: str = ""
    drop: Callable[[], None] = _nothing
    sure: bool = False


def given_to(
    state: State,
    lineages: Lineages,
    index: int,
    *,
    text: str,
    level: int,
    notes: int,
    inputs: Mapping[str, Any],
) -> str:
    """A hash of what a task is given: its text, what came before it, and what is said to all.

    ``LOST`` where the log lost what came before it.
    """
    before = lineages.before(index)
    if before == LOST:
        return LOST
    return digest(
        text,
        getattr(state.graph.nodes[index], "item", ""),
        level,
        state.notes[:notes],
        dict(inputs),
        state.answers,
        before,
    )


class Values(dict[str, Any]):
    """Results by task id; those of earlier attempts are read when somebody asks for them."""

    def __init__(self) -> None:
        super().__init__()
        self._owed: dict[str, Callable[[], object]] = {}
        self._lock = threading.RLock()  # a list of results asks for each of them

    def owe(self, task: str, load: Callable[[], object]) -> None:
        """The result of a task is what ``load`` gives."""
        self.pop(task, None)
        self._owed[task] = load

    def __missing__(self, task: str) -> Any:
        with self._lock:
            if not super().__contains__(task):
                load = self._owed[task]
                try:
                    self[task] = load()
                except OrchestraError as error:
                    raise TaskFailed(task, "completed", str(error)) from error
            return super().__getitem__(task)

    def get(self, task: str, default: Any = None) -> Any:
        """The result of a task, or the default."""
        if task not in self:
            return default
        return self[task]

    def __contains__(self, task: object) -> bool:
        return super().__contains__(task) or task in self._owed

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._owed, *super().__iter__()]))

    def __len__(self) -> int:
        return len(self._owed.keys() | super().keys())


class Returned:
    """A worker for work that was done, but not accepted yet: it returns what it came to.

    Args:
        load: Gives that.
        made: Of what, and by whom: it counts while nothing of it is known to differ.
    """

    blocking = True
    retries = 0

    def __init__(self, load: Callable[[], object], made: Prior):
        self._load, self.made, self.key = load, made, made.key

    def __call__(self, context: Any, /) -> object:
        """The result that is there."""
        return self._load()


class Reuse:
    """Compares what is there with what would be done now.

    Args:
        engine: The run's engine.
        priors: Index of a task -> what an earlier attempt came to.
        returned: Index of a task -> the worker that gives what was made and not yet reviewed.
        later: Id of a task that is not there before the plan has grown -> what an earlier attempt
            came to.
    """

    def __init__(
        self,
        engine: Engine,
        priors: Mapping[int, Prior] | None = None,
        returned: Mapping[int, Returned] | None = None,
        later: Mapping[str, Prior] | None = None,
    ):
        self._engine = engine
        self._priors = dict(priors or {})
        self._returned = dict(returned or {})
        self._later = dict(later or {})
        self._lineages = Lineages(engine.state) if self else None
        self._requests: deque[tuple[int, Prior, Callable[[Any], str]]] = deque()

    def __bool__(self) -> bool:
        """Whether anything may be done already."""
        return bool(self._priors or self._returned or self._later)

    def knows(self, index: int) -> bool:
        """Whether a task may be done already."""
        return index in self._priors

    def returns(self, index: int) -> bool:
        """Whether somebody stands in for a task's worker at its next attempt."""
        return index in self._returned

    def instead(self, index: int) -> Worker | None:
        """Who stands in for a task's worker at its next attempt, if anybody does."""
        return self._returned.pop(index, None) if self._returned else None

    def deal(self, template: str, items: Mapping[int, str], gone: Collection[int]) -> None:
        """A list was read: what was made of an item is there for whichever task has it now.

        Args:
            template: Id of the task that it was read for.
            items: Index of each of its tasks -> a hash of its item.
            gone: Indexes of tasks that are not, or not with that item, in the list any more.
        """
        if not self:
            return
        made: dict[str, list[Prior]] = {}
        for index in sorted({*items, *gone}):
            if index in self._priors and self._priors[index].item:
                prior = self._priors.pop(index)
                made.setdefault(prior.item, []).append(prior)
        ids = item_ids(template)
        for name in [one for one in self._later if ids.fullmatch(one)]:
            if self._later[name].item:
                prior = self._later.pop(name)
                made.setdefault(prior.item, []).append(prior)
        for index, item in items.items():
            if made.get(item):
                self._priors[index] = made[item].pop(0)
        for index in gone:
            self._returned.pop(index, None)

    def offers(self, index: int) -> bool:
        """Whether a task that became ready may be done already: then it is seen to."""
        prior = self._priors.pop(index, None) if self._priors else None
        if prior is None and self._later:
            prior = self._later.pop(self._engine.state.graph.nodes[index].id, None)
        if prior is None and index in self._returned:
            prior = self._returned[index].made
        if prior is None:
            return False
        worker = self._engine.workers[index]
        key_of = getattr(worker, "key_of", None)
        if key_of is None or not prior.key:
            return self._judge(index, prior, getattr(worker, "key", ""), request=False)
        if prior.sure and prior.given == self._given(index, prior):
            self._take(index, prior, prior.key)
            return True
        self._requests.append((index, prior, key_of))
        if len(self._requests) == 1:
            self._compare_next()
        return True

    def _compare_next(self) -> None:
        """One at a time, and not here: a request is made of all that came before."""
        engine = self._engine
        index, prior, key_of = self._requests[0]
        job = engine.starts.job(index, prior.attempt)
        job.notes, job.level = job.notes[: prior.notes], prior.level

        def compared(key: str) -> None:
            self._requests.popleft()
            if self._requests:
                self._compare_next()
            ready = engine.state.tasks[index].status == "ready"
            if ready and not engine.stopping and not self._judge(index, prior, key, request=True):
                engine.scheduler.put(index)

        def make() -> None:
            try:
                key = key_of(engine.context_of(job))
            except Exception:  # it can't be made: then its own attempt says why
                key = ""
            engine.post(lambda: compared(key))

        threading.Thread(target=make, name="orchestra-compare", daemon=True).start()

    def _judge(self, index: int, prior: Prior, key: str, *, request: bool) -> bool:
        """Take an earlier result over unless something is known to differ."""
        if not self._same(index, prior, key, request=request):
            self._returned.pop(index, None)
            prior.drop()
            return False
        if index in self._returned:  # it is there, and a person is to say whether it counts
            return False
        self._take(index, prior, key if request and key and prior.key else prior.key)
        return True

    def _same(self, index: int, prior: Prior, key: str, *, request: bool) -> bool:
        if key and prior.key:
            if key != prior.key:
                return False
            if request:  # a request holds all that it is given
                return True
        return prior.given in (self._given(index, prior), LOST)

    def _given(self, index: int, prior: Prior) -> str:
        engine, state = self._engine, self._engine.state
        assert self._lineages is not None
        return given_to(
            state,
            self._lineages,
            index,
            text=state.tasks[index].title,
            level=prior.level,
            notes=prior.notes,
            inputs=engine.inputs,
        )

    def _take(self, index: int, prior: Prior, key: str) -> None:
        engine = self._engine
        node = engine.state.graph.nodes[index]
        engine.starts.begin_phase(node.phase)
        engine.results.owe(node.id, prior.load)
        engine.emit(
            events.agent_reused(
                task=node.id,
                agent=node.agent,
                phase=node.phase,
                attempt=prior.attempt,
                level=prior.level,
                notes=prior.notes,
                run=prior.run,
                result=prior.result,
                seconds=prior.seconds,
                key=key,
                tokens=prior.tokens,
                cost=prior.cost,
                told=prior.told,
            )
        )
