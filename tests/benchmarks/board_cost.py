"""What a live board costs: CPU of a kernel that rehearses 1,000 agents, with and without one.

    python -m tests.benchmarks.board_cost [--agents 1000] [--seconds 60]

Two real kernels, one after the other, the same plan and seed. The client reads every message and
says hello as a browser would. Ours to reach: 5 % of a core more with the board.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

CODE = """
import time
import orchestra_nb as onb
from orchestra_nb import launch, runs

tasks = [
    onb.Task(id=f"t{{i}}", agent=f"agent-{{i % 20}}", task="Work", estimate="{estimate}s")
    for i in range({agents})
]
plan = onb.Plan(name="Rehearsal", phases=[onb.Phase(name="All", tasks=tasks)])
begin = {begin}
warm = runs.rehearse(onb.Plan(name="w", phases=[onb.Phase(name="p", tasks=[onb.Task(agent="a")])]),
                     speed=1e6, home={home!r})
warm.wait()
cpu = time.process_time()
run = begin(plan, speed=1, seed=1, max_concurrency={limit}, home={home!r})
"""
END = """
import time
while not run.finished:
    time.sleep(0.2)
print(f"CPU {time.process_time() - cpu:.3f} WALL {run.now():.1f}")
"""


class Client:
    """A kernel's client that reads everything, and speaks for a board like a browser."""

    def __init__(self, client: BlockingKernelClient):
        self._client = client
        self.messages = 0
        self.bytes = 0

    def run(self, code: str) -> str:
        """Execute and read until idle; give what was printed."""
        sent = self._client.execute(code)
        text = ""
        while True:
            message = self._client.get_iopub_msg(timeout=600)
            text += self._read(message)
            idle = message["content"].get("execution_state") == "idle"
            if idle and message["parent_header"].get("msg_id") == sent:
                return text

    def _read(self, message: dict[str, Any]) -> str:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "comm_open" and "snapshot" in content["data"].get("state", {}):
            self._say(content["comm_id"], {"type": "hello", "client": "bench"})
        elif kind == "comm_msg":
            self.messages += 1
            self.bytes += len(str(content))
        elif kind == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        return str(content["text"]) if kind == "stream" else ""

    def _say(self, comm: str, content: dict[str, Any]) -> None:
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self._client.shell_channel.send(message)


def measure(begin: str, agents: int, seconds: float) -> tuple[float, float, Client]:
    """CPU and wall seconds of the kernel for one rehearsal."""
    limit = 100
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        reader = Client(client)
        with tempfile.TemporaryDirectory() as home:
            code = CODE.format(
                agents=agents,
                estimate=round(seconds * limit / agents, 3),
                begin=begin,
                limit=limit,
                home=home,
            )
            reader.run(code)
            printed = reader.run(END)
        figures = printed.split()
        return float(figures[1]), float(figures[3]), reader
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    """Print CPU with and without a board, and the difference in percent of a core."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--agents", type=int, default=1000)
    arguments.add_argument("--seconds", type=float, default=60)
    options = arguments.parse_args()
    began = time.perf_counter()
    shares = {}
    for name, begin in (("without", "runs.rehearse"), ("with", "launch.rehearse")):
        cpu, wall, reader = measure(begin, options.agents, options.seconds)
        shares[name] = cpu / wall * 100
        print(
            f"{name:<8} board: {cpu:.2f} s of CPU in {wall:.1f} s = {shares[name]:.2f} % of a "
            f"core; {reader.messages} widget messages, {reader.bytes / 1e6:.2f} MB"
        )
    print(f"the board costs {shares['with'] - shares['without']:.2f} % of a core")
    print(f"({time.perf_counter() - began:.0f} s in all)")


if __name__ == "__main__":
    main()
