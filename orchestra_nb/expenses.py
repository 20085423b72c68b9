"""What the tasks of a plan may use: expected from the past or from a prompt's size, and at most."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .engine.protocols import Worker
from .errors import SetupError
from .plan import Task
from .plan.graph import Graph, Node
from .store.durations import Used, read_durations, read_used

__all__ = ["ANSWER_TOKENS", "RESULT_CHARS", "Expense", "check_prices", "expenses_of"]

ANSWER_TOKENS = 1_500
"""What an answer is assumed to have where nothing is known of the agent."""
RESULT_CHARS = 4_000
"""What the result of a task is assumed to add to the prompt of the next."""
FULL_RESULT_CHARS = 40_000
"""More of one result no prompt has."""
FULL_RESULTS_CHARS = 400_000
ENOUGH = 3
"""So many past attempts say what is typical."""
MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Expense:
    """What one task may use; ``None`` where that is not known.

    Attributes:
        task: Its id.
        agent: Who does it.
        model: The model that is paid for; empty: nothing that is known of.
        seconds: Expected seconds of work.
        most_seconds: Most seconds, where a timeout says so.
        tokens: Expected tokens.
        most_tokens: Tokens of one exchange with a full-length answer.
        usd: Expected US dollars.
        most_usd: US dollars of that exchange at the dearest prices that apply.
        basis: What is expected is known from where.
        unknown: What is not known, and why; empty if nothing.
        per_item: Whether it is done once per item of a list that is not there yet; amounts are of
            one item.
        times: How often it is done; of a list that is not there yet as often as its ``expect``
            says, ``None`` if that says nothing.
    """

    task: str
    agent: str
    model: str = ""
    seconds: float | None = None
    most_seconds: float | None = None
    tokens: int | None = 0
    most_tokens: int | None = 0
    usd: float | None = 0.0
    most_usd: float | None = 0.0
    basis: str = ""
    unknown: str = ""
    per_item: bool = False
    times: int | None = 1


def expenses_of(
    graph: Graph, workers: Sequence[Worker | None], home: Path, *, only: Sequence[int] | None = None
) -> list[Expense]:
    """What each task that runs may use, in the plan's order.

    Args:
        graph: The compiled plan.
        workers: Who does each node.
        home: Where past attempts are noted.
        only: Indexes of the nodes that count; those that the level does not leave out if absent.
    """
    durations, used = read_durations(home), read_used(home)
    rows = []
    for index in range(len(graph.nodes)) if only is None else only:
        node, worker = graph.nodes[index], workers[index]
        if node.kind == "task" and (only is not None or node.skip is None):
            past = durations.get(node.agent, [])
            rows.append(_expense(graph, node, worker, past, used.get(node.agent, [])))
    return rows


def _expense(graph: Graph, node: Node, worker: Any, past: list[float], used: list[Used]) -> Expense:
    spec = node.spec
    assert isinstance(spec, Task)
    seconds = statistics.median(past) if len(past) >= ENOUGH else spec.estimate
    known = (
        ""
        if seconds is not None
        else f"how long it takes: no estimate, and fewer than {ENOUGH} past attempts"
    )
    entry = graph.plan.agent_for(node.agent)
    per_item = node.each is not None and node.kind == "task"
    times = node.each.expect if per_item and node.each is not None else 1
    timeout = spec.timeout if spec.timeout is not None else (entry.timeout if entry else None)
    retries = spec.retries if spec.retries is not None else entry.retries if entry else None
    retries = getattr(worker, "retries", 0) if retries is None else retries
    most_seconds = None if timeout is None else timeout * (1 + retries)
    if not getattr(worker, "paid", False):
        return Expense(
            node.id, node.agent, "", seconds, most_seconds,
            basis="a function" if worker is not None else "nobody", unknown=known,
            per_item=per_item, times=times,
        )  # fmt: skip
    model = getattr(worker, "model", "") or "?"
    reckon = getattr(worker, "expected", None)
    if not callable(reckon):
        unknown = "; ".join(filter(None, [known, "what it uses: the agent does not say"]))
        return Expense(
            node.id,
            node.agent,
            model,
            seconds,
            most_seconds,
            None,
            None,
            None,
            None,
            "",
            unknown,
            per_item,
            times,
        )
    before = len(graph.parents(node.index))
    all_before = min(FULL_RESULTS_CHARS, FULL_RESULT_CHARS * len(graph.ancestors(node.index)))
    own = len(node.title) + len(graph.plan.overview)
    tokens, usd = reckon(own + RESULT_CHARS * before, ANSWER_TOKENS)
    most_tokens, most_usd = worker.at_most(own + all_before)
    basis = f"its prompt; an answer of {ANSWER_TOKENS:,} tokens is assumed"
    same = [one for one in used if one.model == model]
    if len(same) >= ENOUGH:
        tokens = round(statistics.median(one.tokens for one in same))
        paid = [one.cost for one in same if one.cost is not None]
        usd = statistics.median(paid) if paid and usd is not None else usd
        basis = f"{len(same)} past attempts"
    faults = [known, f"its cost: {model!r} has no known price" if usd is None else ""]
    if times is None:
        faults.append("how often: once per item of a list that is not there yet")
    return Expense(
        node.id, node.agent, model, seconds, most_seconds, tokens, most_tokens, usd, most_usd,
        basis, "; ".join(filter(None, faults)), per_item, times,
    )  # fmt: skip


def check_prices(graph: Graph, workers: Sequence[Worker | None]) -> None:
    """A cap in dollars needs prices.

    Raises:
        SetupError: If a task under such a cap uses a model whose price is not known.
    """
    plan = graph.plan
    capped = [None, *(phase.budget for phase in plan.phases)]
    bad = []
    for node, worker in zip(graph.nodes, workers, strict=True):
        if node.kind not in ("task", "group") or node.skip is not None:
            continue
        caps = (plan.budget, capped[node.phase], getattr(node.spec, "budget", None))
        if any(cap is not None and cap.usd is not None for cap in caps):
            model = unpriced(worker)
            if model is not None:
                bad.append(f"  {node.id!r} uses {model!r}, whose price is not known")
    if bad:
        raise SetupError(
            "\n".join(
                [
                    "A budget in dollars can't hold for these tasks:",
                    *bad[:MOST_ROWS],
                    "Give the agent prices=onb.Prices({model: onb.Price(...)}), or cap tokens.",
                ]
            )
        )


def unpriced(worker: Any) -> str | None:
    """The model of a worker that is paid for and has no known price; ``None`` if there is none."""
    if not getattr(worker, "paid", False):
        return None
    model, prices = getattr(worker, "model", "?"), getattr(worker, "prices", None)
    return model if prices is None or prices.of(model) is None else None
