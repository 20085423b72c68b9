"""How long whole runs take against bare asyncio with the same priorities.

Random layered graphs of sleeping agents, limits 6 and 16, 5 seeds. The peer schedules by the same
upward rank on a bare event loop, with no log and no state: what is above it is the engine's doing.

    python -m tests.benchmarks.makespan [--tasks 150] [--seeds 5]

Ours to reach: 1.02 of bare asyncio on average.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orchestra_nb as onb


@dataclass(frozen=True)
class Work:
    """A graph of sleeps: seconds and the earlier tasks that each waits for."""

    seconds: Sequence[float]
    waits: Sequence[Sequence[int]]

    def ranks(self) -> list[float]:
        """Seconds from each task's start to the end of its longest path."""
        rank = [0.0] * len(self.seconds)
        for index in reversed(range(len(self.seconds))):
            rank[index] += self.seconds[index]
            for other in self.waits[index]:
                rank[other] = max(rank[other], rank[index])
        return rank


def work_of(tasks: int, seed: int) -> Work:
    """A random layered graph: ten layers, each task waits for up to three of the layer before."""
    rng = random.Random(seed)
    layers = 10
    size = tasks // layers
    seconds = [rng.lognormvariate(-3.0, 0.8) for _ in range(size * layers)]
    waits: list[list[int]] = [[] for _ in range(size)]
    for layer in range(1, layers):
        before = range((layer - 1) * size, layer * size)
        waits += [sorted(rng.sample(before, rng.randint(1, 3))) for _ in range(size)]
    return Work(seconds, waits)


def ours(work: Work, limit: int, home: str) -> float:
    """Seconds of a run of ours."""

    async def sleeper(context: Any) -> None:
        await asyncio.sleep(work.seconds[int(context.task[1:])])

    tasks = [
        onb.Task(
            id=f"t{i}",
            agent="sleeper",
            task="Sleep",
            estimate=seconds,
            depends_on=[f"t{j}" for j in work.waits[i]],
        )
        for i, seconds in enumerate(work.seconds)
    ]
    plan = onb.Plan(name="Sleep", phases=[onb.Phase(name="All", tasks=tasks)])
    began = time.perf_counter()
    run = onb.run(plan, agents={"sleeper": sleeper}, max_concurrency=limit, home=home)
    run._engine.ended.wait()
    took = time.perf_counter() - began
    assert run.status == "completed"
    return took


def bare(work: Work, limit: int) -> float:
    """Seconds of the same work on a bare loop, longest path first."""
    rank = work.ranks()
    waiting = [len(waits) for waits in work.waits]
    others: list[list[int]] = [[] for _ in work.seconds]
    for index, waits in enumerate(work.waits):
        for other in waits:
            others[other].append(index)

    async def main() -> None:
        ready = [(-rank[i], i) for i, count in enumerate(waiting) if not count]
        heapq.heapify(ready)
        running: set[asyncio.Task[int]] = set()

        async def one(index: int) -> int:
            await asyncio.sleep(work.seconds[index])
            return index

        while ready or running:
            while ready and len(running) < limit:
                running.add(asyncio.create_task(one(heapq.heappop(ready)[1])))
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                for other in others[task.result()]:
                    waiting[other] -= 1
                    if not waiting[other]:
                        heapq.heappush(ready, (-rank[other], other))

    began = time.perf_counter()
    asyncio.run(main())
    return time.perf_counter() - began


def main() -> None:
    """Print a row a limit and seed, and the mean ratio of each limit."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--tasks", type=int, default=150)
    arguments.add_argument("--seeds", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        ours(work_of(50, 0), 16, home)  # imports and threads are not what is measured
    print(f"{'limit':>5}  {'seed':>4}  {'bound s':>8}  {'bare s':>7}  {'ours s':>7}  {'ratio':>6}")
    for limit in (6, 16):
        ratios = []
        for seed in range(options.seeds):
            work = work_of(options.tasks, seed)
            bound = max(max(work.ranks()), sum(work.seconds) / limit)
            peer = bare(work, limit)
            with tempfile.TemporaryDirectory() as home:
                mine = ours(work, limit, home)
            ratios.append(mine / peer)
            print(
                f"{limit:>5}  {seed:>4}  {bound:>8.3f}  {peer:>7.3f}  {mine:>7.3f}  "
                f"{ratios[-1]:>6.3f}"
            )
        print(f"{limit:>5}  mean  {'':>8}  {'':>7}  {'':>7}  {statistics.mean(ratios):>6.3f}")


if __name__ == "__main__":
    main()
