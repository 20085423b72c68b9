"""Let clicks reach Python while a cell waits.

A kernel handles one message of its main shell at a time: while a cell runs, a click on a widget
waits for the cell to end, and a cell that waits for that click waits forever. ``KernelPump`` takes
the messages itself while a cell waits: comm messages run at once, all others go on to the kernel,
in their order, and run when the cell has ended.

Nothing here enters the event loop a second time. What is used of ipykernel (6 and 7) and pyzmq is
partly private, so it is looked up before use: where it is missing, ``KernelPump.available`` is
False and waiting still works, only without clicks.
"""

from __future__ import annotations

import asyncio
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

__all__ = ["NO_PUMP", "KernelPump", "free_routing"]

NO_PUMP = "Clicks land after this cell; use `await run`."

_COMM = frozenset({"comm_open", "comm_msg", "comm_close"})

# How long at most until the end of the waiting, or an interrupt of an `await`, is noticed. An idle
# event loop is not woken by an interrupt, so an `await` must not sleep longer than this either.
_SLICE = 0.05


class KernelPump:
    """Waits for something, in a cell, with clicks working meanwhile.

    Outside a kernel it simply waits. One pump may be used by several waits at once, and several
    pumps in one kernel do not disturb each other.

    Args:
        kernel: The ipykernel to serve; by default the one this process runs.
    """

    def __init__(self, kernel: Any = None) -> None:
        self._kernel = _current_kernel() if kernel is None else kernel
        self._stream = _main_stream(self._kernel)

    @property
    def available(self) -> bool:
        """Whether clicks land while a cell waits."""
        return self._stream is not None

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until ``done()`` is true.

        Args:
            done: Asked about every 50 ms; must be quick.
            timeout: Seconds after which to stop waiting; None waits without end.

        Returns:
            What ``done()`` says at the end.

        Raises:
            KeyboardInterrupt: The cell was interrupted; only the waiting ends.
        """
        # In any other thread than the main one the main shell is free to run the clicks itself.
        if self._stream is None or threading.current_thread() is not threading.main_thread():
            for pause in _slices(done, timeout):
                time.sleep(pause)
        else:
            with _interruptible():
                self._pump_until(self._stream, done, timeout)
        return done()

    async def wait_async(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait in a cell's ``await`` until ``done()`` is true.

        Arguments and result are those of ``wait``. An interrupt arrives as
        ``asyncio.CancelledError`` within 50 ms; only the waiting ends.
        """
        with self._comms_first():
            for pause in _slices(done, timeout):
                await asyncio.sleep(pause)
        return done()

    def _pump_until(self, stream: Any, done: Callable[[], bool], timeout: float | None) -> None:
        """Read the main shell's messages in place of the event loop, which this call holds up."""
        try:
            for pause in _slices(done, timeout):
                if not stream.socket.poll(math.ceil(pause * 1000)):
                    continue
                raw = stream.socket.recv_multipart(copy=False)
                if not self._run_if_comm(raw):
                    # As if the stream had read it: the kernel queues it behind the running cell.
                    # Not a moment later: the loop may have a read of its own scheduled already.
                    stream._run_callback(stream._recv_callback, raw)
        finally:
            # The socket signals only new messages: the stream must look at what is there already.
            stream.on_recv(stream._recv_callback, copy=False)

    @contextmanager
    def _comms_first(self) -> Iterator[None]:
        """While open, comm messages run as soon as the event loop reads them."""
        stream = self._stream
        if stream is None or stream.io_loop.asyncio_loop is not asyncio.get_running_loop():
            yield
            return
        window = stream._recv_callback
        if not isinstance(window, _CommWindow):
            window = _CommWindow(self._run_if_comm, window)
            stream.on_recv(window, copy=False)
        window.users += 1
        try:
            yield
        finally:
            window.users -= 1
            if not window.users and stream._recv_callback is window:
                stream.on_recv(window.kernel_callback, copy=False)

    def _run_if_comm(self, raw: list[Any]) -> bool:
        """Run the message now if it is for a comm; say whether it was."""
        session = self._kernel.session
        try:
            idents, frames = session.feed_identities(raw, copy=False)
            header = session.deserialize(frames, content=False, copy=False)["header"]
            if header["msg_type"] not in _COMM:
                return False
            message = session.deserialize(frames, copy=False)
        except Exception:
            return False  # Not a message as we know them: the kernel knows, or reports it.
        # A context of its own keeps the cell's parent message where it is.
        copy_context().run(self._run_comm, idents, message)
        return True

    def _run_comm(self, idents: list[bytes], message: dict[str, Any]) -> None:
        """Do what the kernel does for a comm message, then put the running cell back in place."""
        kernel = self._kernel
        cell, cell_idents = kernel.get_parent("shell"), _parent_idents(kernel)
        # A front end holds back a widget's next change until it has seen busy and idle.
        kernel._publish_status("busy", "shell", message)
        try:
            kernel.set_parent(idents, message, channel="shell")
            kernel.shell_handlers[message["header"]["msg_type"]](self._stream, idents, message)
        except Exception:
            kernel.log.exception("Exception in the handler of a comm message")
        finally:
            kernel.set_parent(cell_idents, cell, channel="shell")
            kernel._publish_status("idle", "shell", message)
            if _is_busy(kernel):
                kernel._publish_status("busy", "shell", cell)


class _CommWindow:
    """The callback of the main shell's stream while at least one ``await`` waits."""

    def __init__(
        self, run_if_comm: Callable[[list[Any]], bool], kernel_callback: Callable[[list[Any]], Any]
    ) -> None:
        self.users = 0
        self.kernel_callback = kernel_callback
        self._run_if_comm = run_if_comm

    def __call__(self, raw: list[Any]) -> Any:
        if self.users and self._run_if_comm(raw):
            return None
        # The kernel queues it behind the running cell. (An awaitable is awaited by the stream.)
        return self.kernel_callback(raw)


def free_routing(comm: Any) -> None:
    """Let the front end choose the subshell that handles a comm's messages.

    From 7.4 on, ipykernel sends them where the kernel last published on the comm: a subshell that
    is gone when its page was reloaded, and then clicks are lost for good. Does nothing elsewhere.

    Args:
        comm: The comm of a widget (``widget.comm``), or None.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


def _current_kernel() -> Any:
    """The kernel this process runs, or None."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython(), "kernel", None) if ipython else None


def _main_stream(kernel: Any) -> Any:
    """The ZMQStream that feeds the main shell; None if one of the needed pieces is missing."""
    subshells = getattr(kernel, "shell_channel_thread", None)
    if subshells is None:
        stream = getattr(kernel, "shell_stream", None)
    else:
        pair = getattr(getattr(subshells, "manager", None), "_shell_channel_to_main", None)
        stream = getattr(pair, "to_stream", None)
    pieces = ("session", "shell_handlers", "get_parent", "set_parent", "_publish_status")
    known = (
        callable(getattr(stream, "_recv_callback", None))
        and hasattr(stream, "_run_callback")
        and all(hasattr(kernel, piece) for piece in pieces)
        and (hasattr(kernel, "_get_shell_context_var") or hasattr(kernel, "_parent_ident"))
    )
    return stream if known else None


def _parent_idents(kernel: Any) -> Any:
    """The identities that belong to ``kernel.get_parent("shell")``."""
    if hasattr(kernel, "_get_shell_context_var"):  # ipykernel 7
        return kernel._get_shell_context_var(kernel._shell_parent_ident)
    return kernel._parent_ident.get("shell", [])


def _is_busy(kernel: Any) -> bool:
    """Whether the main shell handles a message now (a task may wait on after its cell)."""
    lock = getattr(kernel, "_main_asyncio_lock", None)
    if lock is not None:  # ipykernel 7
        return bool(lock.locked())
    # ipykernel 6: the queue's one reader waits in get() from one message to the next.
    return not getattr(getattr(kernel, "msg_queue", None), "_getters", None)


def _slices(done: Callable[[], bool], timeout: float | None) -> Iterator[float]:
    """Give the next pause, again and again, until ``done()`` or the timeout."""
    end = math.inf if timeout is None else time.monotonic() + timeout
    while not done() and (left := end - time.monotonic()) > 0:
        yield min(left, _SLICE)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at once on an interrupt.

    In a cell with a top-level ``await`` ipykernel only notes an interrupt for the event loop, which
    a blocking wait holds up: without this such a cell could not be interrupted.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
