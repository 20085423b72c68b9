"""Real kernels killed, interrupted and shut down in the middle of calls to a local server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.calls import HUNG, QUICK, STOP_S, Calls, calling

START = "import orchestra_nb as onb; run = onb.run('plan.json', home='home')"
WAITS = ("run.wait()", "await run")
BOTH = [("ipykernel-7", WAITS[0]), ("ipykernel-7", WAITS[1]), ("ipykernel-6", WAITS[0])]


class Kernel:
    """A kernel without a front end, one cell after the other."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self._client: Any = manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def begin(self, code: str) -> None:
        """Send a cell."""
        # Else a kernel gives up what comes just after a cell that was interrupted.
        self._cell = self._client.execute(code, stop_on_error=False)

    def reply(self) -> dict[str, Any]:
        """What came of the cell that was sent last."""
        while True:
            message: dict[str, Any] = self._client.get_shell_msg(timeout=40)
            if message["parent_header"].get("msg_id") == self._cell:
                content: dict[str, Any] = message["content"]
                return content

    def run(self, code: str) -> None:
        """Run a cell to its end."""
        self.begin(code)
        reply = self.reply()
        assert reply["status"] == "ok", reply

    def close(self) -> None:
        """End the kernel, if it still lives."""
        self._client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Calls that hang."""
    with calling(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def waiting(calls: Calls, kernels: Path, name: str, wait: str) -> Iterator[tuple[Kernel, str]]:
    """Give a kernel with a cell in its wait, three calls under way; and the run's id."""
    specs = KernelSpecManager(kernel_dirs=[str(kernels / "kernels")], ensure_native_kernel=False)
    manager = KernelManager(kernel_name=name, kernel_spec_manager=specs)
    manager.start_kernel(env=dict(os.environ), cwd=str(calls.folder))
    kernel = Kernel(manager)
    try:
        kernel.run(START)
        kernel.begin(wait)
        yield kernel, calls.until_hung()
    finally:
        kernel.close()


@pytest.mark.parametrize(("name", "wait"), BOTH)
def test_killed(calls: Calls, kernels: Path, name: str, wait: str) -> None:
    """After SIGKILL the finished are not asked for again, and those that were cut once."""
    with waiting(calls, kernels, name, wait) as (kernel, run_id):
        kernel.manager.signal_kernel(signal.SIGKILL)
        assert calls.closed_within()
    calls.resumed(run_id)


@pytest.mark.alone
@pytest.mark.parametrize(("name", "wait"), BOTH)
def test_interrupted_and_stopped(calls: Calls, kernels: Path, name: str, wait: str) -> None:
    """An interrupt ends the waiting alone; a stop closes every call within two seconds."""
    with waiting(calls, kernels, name, wait) as (kernel, run_id):
        kernel.manager.interrupt_kernel()
        assert kernel.reply()["ename"] in ("KeyboardInterrupt", "CancelledError")
        assert calls.server.in_flight == len(HUNG)
        assert calls.asked() == dict.fromkeys(QUICK + HUNG, 1)
        kernel.begin("run.stop()")
        assert calls.closed_within()
        assert kernel.reply()["status"] == "ok"
        kernel.run("run.wait(5); assert run.status == 'stopped', run.status")
    calls.resumed(run_id)


@pytest.mark.alone
@pytest.mark.parametrize(("name", "wait"), [*BOTH[::2], ("ipykernel-7", "pass")])
def test_shut_down(calls: Calls, kernels: Path, name: str, wait: str) -> None:
    """A kernel that is shut down closes every call within two seconds, and its log says so."""
    with waiting(calls, kernels, name, wait) as (kernel, run_id):
        if wait != "pass":  # as a front end does: a busy kernel reads no request to shut down
            kernel.manager.interrupt_kernel()
        kernel.manager.request_shutdown()
        assert calls.closed_within(STOP_S)
        calls.until(lambda: not kernel.manager.is_alive())
    assert calls.events()[-1]["event"] == "run_interrupted"
    calls.resumed(run_id)
