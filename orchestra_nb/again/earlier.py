"""What an earlier run has for a new one of the same plan: ``reuse="last"``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..engine.beginnings import Before
from ..engine.protocols import Worker
from ..engine.repeats import Shared
from ..errors import OrchestraError, SetupError
from ..plan import Plan
from ..plan.graph import Graph
from ..plan.text import short
from ..runs import Earlier
from ..store.folder import RunFolder
from ..store.home import find_run, list_runs
from .parent import priors_from, shares_of, taken_over
from .past import Past, read_past

__all__ = ["earlier"]

LAST = "last"


def earlier(reuse: Any, plan: Plan, home: str | Path | None) -> Earlier | None:
    """What a new run of a plan may take from an earlier one; ``None`` if there is none.

    Args:
        reuse: ``"last"``, or the id of a run.
        plan: The plan.
        home: Folder of runs.

    Raises:
        SetupError: If ``reuse`` is neither.
        StoreError: If there is no run of that id.
    """
    if not isinstance(reuse, (str, Path)) or not str(reuse):
        raise SetupError(f"reuse must be 'last' or the id of a run, not {short(reuse)}")
    if str(reuse) == LAST:
        past = _last(plan, home)
    else:
        past = read_past(RunFolder.open(find_run(str(reuse), where=home)))
    return None if past is None else _Earlier(past)


def _last(plan: Plan, home: str | Path | None) -> Past | None:
    """The newest run of that plan's name in which any task was completed."""
    for path in reversed(list_runs(home)):
        try:
            folder = RunFolder.open(path)
            if folder.load_plan().name != plan.name:
                continue
            past = read_past(folder)
        except OrchestraError:  # one that can't be read is none to take from
            continue
        if past.state.rehearsal is None and past.state.counts["completed"]:
            return past
    return None


class _Earlier:
    def __init__(self, past: Past):
        self._past = past

    def __call__(self, graph: Graph, workers: Sequence[Worker | None], folder: RunFolder) -> Before:
        past = self._past
        by_id = {node.id: workers[node.index] for node in graph.nodes}
        cast = [by_id.get(node.id) for node in past.state.graph.nodes]
        found = priors_from(past, graph)
        priors = taken_over(past.folder, folder, found, past.state.graph, cast)
        return Before(
            priors={graph.index[name]: one for name, one in priors.items() if name in graph.index},
            parent=past.folder.id,
            shares=shares_of(past),
            shared=Shared(
                later={name: one for name, one in priors.items() if name not in graph.index}
            ),
        )
