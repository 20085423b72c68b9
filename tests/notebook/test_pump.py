"""The pump in real kernels, without a front end: this process sends what a browser would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from orchestra_nb.notebook.pump import KernelPump, free_routing
from tests.conftest import KERNELS

SETUP = """
import asyncio, time
from comm import create_comm
from orchestra_nb.notebook.pump import KernelPump

clicks = []
button = create_comm(target_name="button")
button.on_msg(lambda message: clicks.append(message["content"]["data"]))
pump = KernelPump()
print(button.comm_id)
"""

WAITS = ["pump.wait({done}, {timeout})", "await pump.wait_async({done}, {timeout})"]


class Kernel:
    """A running kernel and the messages a front end would exchange with it."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.seen: list[dict[str, Any]] = []
        self.button = self.run(SETUP).strip()

    def send(self, code: str) -> str:
        """Queue a cell; give its message id."""
        return str(self.client.execute(code))

    def click(self, data: str = "B") -> None:
        """Send what a widget's ``model.send`` does."""
        content = {"comm_id": self.button, "data": data}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    def until_busy(self, cell: str) -> None:
        """Wait until the cell runs, and has had time to come to its waiting."""
        self._read_until("execute_input", cell)
        time.sleep(0.2)

    def output(self, cell: str) -> str:
        """Wait for the end of a cell; give what it printed, or its error's name."""
        self._read_until("idle", cell)
        parts = []
        for message in self.seen:
            if message["parent_header"].get("msg_id") == cell:
                content = message["content"]
                parts.append(content.get("text", "") + content.get("ename", ""))
        return "".join(parts)

    def run(self, code: str) -> str:
        """Run a cell to its end."""
        return self.output(self.send(code))

    def state(self) -> str:
        """Give the last state that the kernel told, as the status bar shows it."""
        try:
            while True:
                self.seen.append(self.client.get_iopub_msg(timeout=0.3))
        except Empty:
            told = [m["content"] for m in self.seen if m["msg_type"] == "status"]
            return str(told[-1]["execution_state"])

    def _read_until(self, what: str, cell: str) -> None:
        while True:
            for message in self.seen:
                state = message["content"].get("execution_state")
                of_cell = message["parent_header"].get("msg_id") == cell
                if of_cell and what in (message["msg_type"], state):
                    return
            self.seen.append(self.client.get_iopub_msg(timeout=20))


@pytest.fixture(scope="module", params=list(KERNELS))
def kernel(request: pytest.FixtureRequest, kernels: Path) -> Iterator[Kernel]:
    """Give a kernel, one for all tests here: a pump must leave it as it was."""
    specs = KernelSpecManager(kernel_dirs=[str(kernels / "kernels")], ensure_native_kernel=False)
    manager = KernelManager(kernel_name=request.param, kernel_spec_manager=specs)
    manager.start_kernel(cwd=str(kernels))
    running = Kernel(manager)
    yield running
    running.client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_kernel_is_of_its_version(kernel: Kernel) -> None:
    """The old kernel really shadows the new one."""
    major = kernel.run("import ipykernel; print(ipykernel.version_info[0], pump.available)")
    assert f"ipykernel-{major}" == f"{kernel.manager.kernel_name} True\n"


@pytest.mark.parametrize("wait", WAITS)
def test_click_reaches_the_waiting_cell_and_later_cells_keep_their_order(
    kernel: Kernel, wait: str
) -> None:
    """A click ends the waiting; the cells queued meanwhile run after it, in their order."""
    kernel.run("clicks.clear(); order = []; stream = pump._stream")
    first = kernel.send(
        # The loop may have a read of the socket scheduled from before the waiting.
        "stream.io_loop.add_callback(stream._handle_events, stream.socket, 0)\n"
        f"got = {wait.format(done='lambda: bool(clicks)', timeout=20)}\norder.append('first')"
    )
    later = [kernel.send(f"order.append({n})") for n in range(5)]
    kernel.until_busy(first)
    later.append(kernel.send("order.append('while waiting')"))
    kernel.click("B")
    later.append(kernel.send("order.append('after the click')"))
    assert kernel.output(first) == ""
    for cell in later:
        kernel.output(cell)
    printed = kernel.run("print(got, clicks, order)")
    assert printed == "True ['B'] ['first', 0, 1, 2, 3, 4, 'while waiting', 'after the click']\n"


@pytest.mark.parametrize("wait", WAITS)
def test_timeout_ends_the_waiting(kernel: Kernel, wait: str) -> None:
    """Without a click the waiting ends at its timeout and says that nothing came."""
    started = time.monotonic()
    assert kernel.run(f"print({wait.format(done='lambda: False', timeout=0.3)})") == "False\n"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("wait", [*WAITS, "await asyncio.sleep(0); " + WAITS[0]])
def test_interrupt_ends_only_the_waiting(kernel: Kernel, wait: str) -> None:
    """An interrupt ends the cell soon; cells and clicks work afterwards as before."""
    kernel.run("clicks.clear()")
    cell = kernel.send(wait.format(done="lambda: False", timeout=None))
    kernel.until_busy(cell)
    started = time.monotonic()
    kernel.manager.interrupt_kernel()
    assert kernel.output(cell) in ("KeyboardInterrupt", "CancelledError")
    assert time.monotonic() - started < 2
    kernel.click("A")
    assert kernel.run("print(clicks)") == "['A']\n"
    cell = kernel.send(wait.format(done="lambda: len(clicks) > 1", timeout=20))
    kernel.until_busy(cell)
    kernel.click("B")
    assert kernel.output(cell) == ""
    assert kernel.run("print(clicks)") == "['A', 'B']\n"


@pytest.mark.parametrize("wait", WAITS)
def test_output_stays_with_the_waiting_cell(kernel: Kernel, wait: str) -> None:
    """What a cell prints after a click was handled still belongs to that cell."""
    kernel.run("clicks.clear()")
    waiting = wait.format(done="lambda: bool(clicks)", timeout=20)
    cell = kernel.send(f"print('before')\n{waiting}\nprint('after')")
    kernel.until_busy(cell)
    kernel.click()
    assert kernel.output(cell) == "before\nafter\n"
    assert kernel.state() == "idle"


@pytest.mark.parametrize("wait", WAITS)
def test_failing_handler_does_not_end_the_waiting(kernel: Kernel, wait: str) -> None:
    """A handler that raises is logged; the next click still counts."""
    kernel.run("clicks.clear(); bad = create_comm(target_name='bad'); bad.on_msg(lambda m: 1 / 0)")
    button, kernel.button = kernel.button, kernel.run("print(bad.comm_id)").strip()
    cell = kernel.send(f"print({wait.format(done='lambda: bool(clicks)', timeout=20)})")
    kernel.until_busy(cell)
    kernel.click()
    kernel.button = button
    kernel.click()
    assert kernel.output(cell).endswith("True\n")


def test_awaits_at_once_share_the_window_and_restore_it(kernel: Kernel) -> None:
    """Of two awaits the first to end leaves clicks to the second; then all is as it was."""
    kernel.run("clicks.clear(); before = pump._stream._recv_callback; two = KernelPump()")
    cell = kernel.send(
        "await asyncio.gather("
        "pump.wait_async(lambda: len(clicks) > 0), two.wait_async(lambda: len(clicks) > 1))"
    )
    kernel.until_busy(cell)
    kernel.click()
    time.sleep(0.3)
    kernel.click()
    assert kernel.output(cell) == ""
    assert kernel.run("print(len(clicks), pump._stream._recv_callback is before)") == "2 True\n"


def test_blocking_wait_beside_an_await(kernel: Kernel) -> None:
    """A task may await while a cell blocks: the click ends both, later cells keep their order."""
    kernel.run(
        "clicks.clear(); task = asyncio.ensure_future(pump.wait_async(lambda: clicks != []))"
    )
    cell = kernel.send("print(pump.wait(lambda: bool(clicks), 20)); order = ['first']")
    later = [kernel.send("order.append('second')"), kernel.send("order.append('third')")]
    kernel.until_busy(cell)
    kernel.click()
    assert kernel.output(cell) == "True\n"
    for one in later:
        kernel.output(one)
    assert kernel.run("print(await task, order)") == "True ['first', 'second', 'third']\n"


def test_waiting_task_does_not_hold_up_other_cells(kernel: Kernel) -> None:
    """A task that awaits after its cell ended lets cells run, and the kernel shows idle."""
    kernel.run(
        "clicks.clear(); task = asyncio.ensure_future(pump.wait_async(lambda: len(clicks) > 1))"
    )
    assert kernel.run("print('runs')") == "runs\n"
    kernel.click()
    assert kernel.state() == "idle"
    assert kernel.run("await asyncio.sleep(0.1); print(clicks, task.done())") == "['B'] False\n"
    assert kernel.state() == "idle"
    kernel.click()
    assert kernel.run("print(await task)") == "True\n"
    assert kernel.state() == "idle"


def test_wait_in_a_thread_leaves_the_shell_alone(kernel: Kernel) -> None:
    """In a thread the pump only waits: the main shell runs clicks and cells itself."""
    kernel.run(
        "import threading; clicks.clear(); got = []\n"
        "def wait(): got.append(pump.wait(lambda: bool(clicks), 20))\n"
        "thread = threading.Thread(target=wait)\n"
        "thread.start()"
    )
    kernel.click()
    assert kernel.run("thread.join(10); print(got)") == "[True]\n"


def test_waits_outside_a_kernel() -> None:
    """In a plain script the pump waits too, and says that no clicks can land."""
    pump = KernelPump()
    assert not pump.available
    end = time.monotonic() + 0.1
    assert pump.wait(lambda: time.monotonic() > end, 5)
    assert not pump.wait(lambda: False, 0.1)
    assert asyncio.run(pump.wait_async(lambda: True, 5))
    assert not asyncio.run(pump.wait_async(lambda: False, 0.1))


def test_unknown_kernel_has_no_pump() -> None:
    """Where a needed piece of the kernel is missing, the pump says so and waits."""
    stream = SimpleNamespace(_recv_callback=print)
    assert not KernelPump(SimpleNamespace(shell_stream=stream)).available
    assert not KernelPump(SimpleNamespace(shell_channel_thread=SimpleNamespace())).available
    assert not KernelPump(SimpleNamespace()).wait(lambda: False, 0.05)


def test_free_routing_gives_the_choice_to_the_front_end() -> None:
    """The comm's memory of a subshell is no longer asked; other comms are left alone."""
    comm = SimpleNamespace(_reply_subshell_for=lambda data, default: "a subshell that is gone")
    free_routing(comm)
    assert comm._reply_subshell_for({}, "chosen by the page") == "chosen by the page"
    plain = SimpleNamespace()
    free_routing(plain)
    assert not vars(plain)
    free_routing(None)
