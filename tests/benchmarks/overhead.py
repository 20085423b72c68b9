"""What the engine costs per agent: process CPU from ``onb.run()`` to finished.

Agents that do nothing; log, state and results on, on disk, no board. Beside each row the same
number of coroutines on bare asyncio with the same limit: what parallel agents cost at least.

    python -m tests.benchmarks.overhead [--sizes 1000,10000] [--rounds 5] [--only async|sync]

Ours to reach: 60 µs each for ``async def`` agents at 1,000 and at 10,000, the two within 20 %;
150 µs for plain functions.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import orchestra_nb as onb

LIMIT = 16


async def no_op_async(context: Any) -> None:
    """Do nothing, as a coroutine."""


def no_op_sync(context: Any) -> None:
    """Do nothing, as a function."""


def plan_of(count: int) -> onb.Plan:
    """A plan of independent tasks."""
    tasks = [onb.Task(id=f"t{i}", agent="worker", task="Nothing") for i in range(count)]
    phases = [onb.Phase(name="All", tasks=tasks)]
    return onb.Plan(name="Overhead", phases=phases, max_concurrency=LIMIT)


def ours(count: int, agent: Callable[..., Any], home: str) -> float:
    """CPU seconds of one run."""
    plan = plan_of(count)
    gc.collect()
    began = time.process_time()
    run = onb.run(plan, agents={"worker": agent}, home=home)
    run._engine.ended.wait()
    took = time.process_time() - began
    done = run.state.done
    assert done == (count, count), done
    return took


def bare(count: int) -> float:
    """CPU seconds of as many no-op coroutines under a semaphore."""

    async def main() -> None:
        slots = asyncio.Semaphore(LIMIT)

        async def one() -> None:
            async with slots:
                await no_op_async(None)

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one())

    gc.collect()
    began = time.process_time()
    asyncio.run(main())
    return time.process_time() - began


def main() -> None:
    """Print a row a size and kind: best and median of the rounds, µs of CPU per agent."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--sizes", default="1000,10000")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", choices=("async", "sync"))
    options = arguments.parse_args()
    kinds: list[tuple[str, Callable[..., Any]]] = [("async", no_op_async), ("sync", no_op_sync)]
    print(f"{'agents':>7}  {'kind':<13}  {'best µs':>8}  {'median µs':>9}")
    with tempfile.TemporaryDirectory() as home:
        ours(200, no_op_async, home)
        ours(200, no_op_sync, home)
        for size in (int(size) for size in options.sizes.split(",")):
            rows: list[tuple[str, Callable[[], float]]] = [
                ("bare asyncio", lambda size=size: bare(size))  # type: ignore[misc]
            ]
            rows += [
                (kind, lambda size=size, agent=agent: ours(size, agent, home))  # type: ignore[misc]
                for kind, agent in kinds
                if options.only in (None, kind)
            ]
            for kind, measure in rows:
                times = [measure() / size * 1e6 for _ in range(options.rounds)]
                print(
                    f"{size:>7,}  {kind:<13}  {min(times):>8.1f}  {statistics.median(times):>9.1f}"
                )


if __name__ == "__main__":
    main()
