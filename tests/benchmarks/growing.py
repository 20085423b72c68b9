"""What it costs to make a thousand tasks of a list, alone and in a plan of ten thousand.

Run with: python -m tests.benchmarks.growing
"""

from __future__ import annotations

import time

from orchestra_nb import events
from orchestra_nb.fold import apply
from orchestra_nb.plan import Phase, Plan, Task
from orchestra_nb.plan.each import MOST_ITEMS, fill_item, hash_of
from orchestra_nb.plan.graph import compile_plan
from orchestra_nb.state import Change, State

ROUNDS = 7
OTHERS = (0, 10_000)


def expand(others: int) -> tuple[float, float]:
    """Milliseconds to make the event, and to fold it, of a thousand items beside other tasks."""
    tasks = [
        Task(agent="structure"),
        Task(agent="review", task="Review {{m}}", for_each={"from": "structure", "as": "m"}),
        *(Task(agent="other", id=f"other-{n}") for n in range(others)),
    ]
    graph = compile_plan(Plan(name="wide", phases=[Phase(name="P", tasks=tasks)]))
    node = graph.nodes[1]
    assert node.each is not None
    state, change = State(graph), Change()
    state.seq = 1
    begun = time.perf_counter()
    items = [{"path": f"src/{n}.py", "lines": n} for n in range(MOST_ITEMS)]
    added = [
        {
            "id": f"review-{n}",
            "text": fill_item(node.title, node.each, item),
            "item": hash_of(item),
        }
        for n, item in enumerate(items, start=1)
    ]
    event = events.task_added(template="review", items=added)
    made = time.perf_counter()
    apply(state, event | {"seq": 2, "t": 1.0}, change)
    folded = time.perf_counter()
    return (made - begun) * 1e3, (folded - made) * 1e3


def main() -> None:
    """Print the best of some rounds."""
    for others in OTHERS:
        rounds = [expand(others) for _ in range(ROUNDS)]
        made, folded = (min(each) for each in zip(*rounds, strict=True))
        print(
            f"{MOST_ITEMS:,} items beside {others:,} tasks: {made:.1f} ms to make, "
            f"{folded:.1f} ms to fold"
        )


if __name__ == "__main__":
    main()
