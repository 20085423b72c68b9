"""Who does each task: functions, Claude, or an error that names everything that is wrong.

Tasks that the level leaves out are cast too, so that another level can bring them back while the
run goes on; what is wrong with those keeps nothing from starting: they have nobody then.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any

from .agents.codekeys import CodeKeys
from .agents.functions import Function
from .engine.protocols import Worker
from .errors import SetupError
from .plan.graph import Graph, Node
from .plan.text import did_you_mean, fold, short

__all__ = ["Agents", "functions_of", "workers_of"]

Agents = Mapping[str, Any]


def workers_of(
    graph: Graph,
    agents: Agents | None,
    claude: bool | None,
    *,
    idle: Collection[int] = (),
    by_hand: Collection[str] = (),
    keyless: bool = False,
) -> list[Worker | None]:
    """Who does each task; ``None`` for decisions, and for what is left out and has nobody.

    Args:
        graph: The compiled plan.
        agents: Agent name or task id -> who does it.
        claude: Whether Claude does what has no function.
        idle: Indexes of tasks that need nobody, because they are done.
        by_hand: Names that functions did before: Claude does not step in for these unasked.
        keyless: Whether it does not matter if Claude can be reached.

    Raises:
        SetupError: Naming everything that is wrong at once.
    """
    if agents is not None and not isinstance(agents, Mapping):
        raise SetupError(f"agents must map names to functions; it is {short(agents)}")
    given: dict[Any, Any] = dict(agents or {})
    problems: list[str] = []
    by_name: dict[str, str] = {}
    for name in given:
        if not isinstance(name, str):
            problems.append(f"agents= has a key {name!r} that is no text")
        elif fold(name) in by_name:
            problems.append(f"agents= names {name!r} twice")
        else:
            by_name[fold(name)] = name
    used: set[str] = set()
    workers: list[Worker | None] = []
    tasks = [node for node in graph.nodes if node.kind == "task"]
    to_claude: list[str] = []
    keys = CodeKeys()
    functions = {
        name: Function(agent, keys=keys)
        for name, agent in given.items()
        if callable(agent) and not isinstance(agent, type) and not _is_worker(agent)
    }
    folded: dict[str, str] = {}
    for node in graph.nodes:
        if node.kind not in ("task", "group"):
            workers.append(None)
            continue
        if node.agent not in folded:
            folded[node.agent] = fold(node.agent)
        task = node.id if node.template is None else graph.nodes[node.template].id
        own = task if task == node.agent else fold(task)
        named = [n for n in (by_name.get(own), by_name.get(folded[node.agent])) if n]
        used.update(named)
        wanted = node.skip is None and node.index not in idle
        faults: list[str] = problems if wanted else []
        if named:
            agent = functions.get(named[0], given[named[0]])
            workers.append(_worker(agent, named[0], graph, node, faults))
            continue
        entry = graph.plan.agent_for(node.agent)
        by_function = node.agent in by_hand or node.id in by_hand
        if claude or (not given and not by_function) or (entry is not None and entry.model):
            workers.append(_claude(graph, node, faults))
            if wanted:
                to_claude.append(node.agent)
            continue
        faults.append(
            f"nobody does {node.id!r}: pass agents={{{node.agent!r}: ...}}, "
            "or claude=True to let Claude do what has no function"
        )
        workers.append(None)
    known = [*(node.agent for node in tasks), *(node.id for node in tasks)]
    for name in by_name.values():
        if name not in used and name not in by_hand:  # a plan that changed may have dropped it
            problems.append(
                f"agents= names {name!r}, but no task is for it{did_you_mean(name, known)}"
            )
    if problems:
        raise SetupError("\n".join(["The run can't start:", *(f"  {p}" for p in problems)]))
    at_work = [node.skip is None and node.index not in idle for node in graph.nodes]
    if keyless:
        return workers
    _check_keys([w for w, wanted in zip(workers, at_work, strict=True) if wanted], to_claude)
    return [
        worker if wanted or not _fault_of(worker) else None
        for worker, wanted in zip(workers, at_work, strict=True)
    ]


def functions_of(agents: Agents | None) -> list[str]:
    """The names that something other than Claude does."""
    given = agents or {}
    module = sys.modules.get(f"{__package__}.agents.claude")
    if module is None:  # who was never imported is nobody: runs of functions load none of it
        return sorted(given)
    return sorted(name for name, agent in given.items() if not isinstance(agent, module.Claude))


def _is_worker(agent: Any) -> bool:
    return callable(agent) and hasattr(agent, "blocking") and hasattr(agent, "retries")


def _worker(given: Any, name: str, graph: Graph, node: Node, problems: list[str]) -> Worker | None:
    if isinstance(given, Function):
        each = (node if node.template is None else graph.nodes[node.template]).each
        try:
            return given.bind(
                lambda: [graph.nodes[i].id for i in sorted(graph.ancestors(node.index))],
                each.name if each is not None else "",
            )
        except SetupError as error:
            problems.append(f"agents[{name!r}]: {error}")
            return None
    if _is_worker(given):
        worker: Worker = given
        retries: Any = worker.retries
        if isinstance(retries, int) and retries >= 0:
            return worker
        problems.append(f"agents[{name!r}].retries must be 0 or more, not {short(retries)}")
        return None
    problems.append(f"agents[{name!r}] must be a function or onb.agents.Claude(...), not {given!r}")
    return None


def _claude(graph: Graph, node: Node, problems: list[str]) -> Worker | None:
    from .agents.claude import Claude

    entry = graph.plan.agent_for(node.agent)
    if entry is None:
        return Claude()
    if entry.tools:
        problems.append(
            f"agents.{node.agent}.tools: tools are Python functions; pass "
            f"agents={{{node.agent!r}: onb.agents.Claude(tools=[...])}}"
        )
        return None
    options: dict[str, Any] = {
        "model": entry.model, "system": entry.system, "max_tokens": entry.max_tokens,
    }  # fmt: skip
    return Claude(**{key: value for key, value in options.items() if value is not None})


def _check_keys(workers: list[Worker | None], to_claude: list[str]) -> None:
    for worker in {id(w): w for w in workers if w is not None}.values():
        fault = _fault_of(worker)
        if fault:
            for_whom = f" for {', '.join(dict.fromkeys(to_claude))}" if to_claude else ""
            raise SetupError(f"Claude can't be reached{for_whom}: {fault}")


def _fault_of(worker: Worker | None) -> str | None:
    """Why a worker can't start, if it can tell."""
    find_fault = getattr(worker, "check", None)
    return (find_fault() or None) if callable(find_fault) else None
