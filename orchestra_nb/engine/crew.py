"""Carries jobs: coroutines on the agents' loop, blocking functions in threads of their own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

from ..commands import Command, Reply
from .loops import LoopThread
from .protocols import Finished, Job, Journal, Worker

__all__ = ["Crew", "carried_run", "tell_agent"]

SWITCH_INTERVAL_S = 0.0005
"""GIL switch interval while functions run: eight busy ones delay a click by 39 ms, not 473."""


class _BusyThreads:
    """Shortens the GIL's switch interval while any function runs, for all runs together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = 0.0

    def enter(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, SWITCH_INTERVAL_S))

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                sys.setswitchinterval(self._before)


_busy = _BusyThreads()


class _Hands:
    """Daemon threads that are used again: starting one costs as much as ten no-op jobs.

    Not a ThreadPoolExecutor: that one is joined when the interpreter exits, so a function that
    hangs would keep a finished notebook's process alive.
    """

    def __init__(self) -> None:
        self._idle: deque[SimpleQueue[Callable[[], None]]] = deque()

    def run(self, call: Callable[[], None]) -> None:
        try:
            queue = self._idle.pop()
        except IndexError:
            queue = SimpleQueue()
            thread = threading.Thread(
                target=self._work, args=(queue,), name="orchestra-function", daemon=True
            )
            thread.start()
        queue.put(call)

    def _work(self, queue: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            queue.get()()
            if len(self._idle) >= 64:
                return
            self._idle.append(queue)


_hands = _Hands()
_here = threading.local()
# The journal, the task's index and the attempt: a job would keep itself alive through its task.
_carried: ContextVar[tuple[Journal, int, int] | None] = ContextVar("carried", default=None)


def carried_run() -> str:
    """Id of the run whose function this thread carries; empty elsewhere."""
    return getattr(_here, "run", "")


def tell_agent(command: Command) -> Callable[[Reply], None]:
    """A place for a command's reply where its sender can't wait for it: the agent's transcript.

    A refusal is written down for the agent whose coroutine calls this.
    """
    carried = _carried.get()

    def tell(reply: Reply) -> None:
        if carried is not None and not reply.ok:
            journal, index, attempt = carried
            journal.transcript(index, attempt, {"log": f"{command.kind} was refused: {reply.text}"})

    return tell


def _forget() -> None:
    global _busy, _hands
    _busy, _hands = _BusyThreads(), _Hands()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Crew:
    """Starts and ends attempts; reports each end with one :class:`Finished`."""

    def __init__(self, agents: LoopThread, context_of: Callable[[Job], Any]):
        self._loop = agents.loop
        self._context_of = context_of
        self._starting: deque[tuple[Worker, Job]] = deque()

    def start(self, batch: list[tuple[Worker, Job]]) -> None:
        """Begin attempts; one wake-up of the agents' loop for all of them."""
        wake = False
        for worker, job in batch:
            if worker.blocking:
                self._in_thread(worker, job)
            else:
                self._starting.append((worker, job))
                wake = True
        if wake:
            self._loop.call_soon_threadsafe(self._begin)

    def in_thread(self, job: Job) -> bool:
        """Whether an attempt runs where nothing can end it."""
        return job.threaded and job.handle is None

    def cancel(self, job: Job) -> None:
        """Ask an attempt to end: a coroutine is cancelled, a function sees ``cancelled``."""
        job.cancelled = True
        self._loop.call_soon_threadsafe(self._cancel, job)

    def _cancel(self, job: Job) -> None:
        if isinstance(job.handle, asyncio.Task):
            # A task that is cancelled before its first step never enters _drive: report for it.
            ended = Finished(job, None, asyncio.CancelledError())
            job.handle.add_done_callback(lambda _: job.post(ended))
            job.handle.cancel()

    def _begin(self) -> None:
        create = self._loop.create_task
        while self._starting:
            worker, job = self._starting.popleft()
            job.handle = create(self._drive(worker, job))

    async def _drive(self, worker: Worker, job: Job) -> None:
        _carried.set((job.journal, job.node.index, job.attempt))
        try:
            value = await worker(self._context_of(job))
        except BaseException as error:  # also SystemExit: an agent must not end our loop
            _report(job, None, error)
        else:
            _report(job, value)

    def _in_thread(self, worker: Worker, job: Job) -> None:
        job.threaded = True

        def call() -> None:
            _here.run = job.state.id
            _busy.enter()
            try:
                value = worker(self._context_of(job))
            except BaseException as error:
                _report(job, None, error)
                return
            finally:
                _here.run = ""
                _busy.leave()
            if inspect.isawaitable(value):  # a plain function that returns a coroutine
                self._loop.call_soon_threadsafe(self._adopt, job, value)
            else:
                _report(job, value)

        try:
            _hands.run(call)
        except RuntimeError as error:  # no more threads: that is this attempt's failure alone
            job.post(Finished(job, None, error))

    def _adopt(self, job: Job, awaitable: Any) -> None:
        if job.cancelled and inspect.iscoroutine(awaitable):
            awaitable.close()
            job.post(Finished(job, None, asyncio.CancelledError()))
            return
        job.handle = self._loop.create_task(self._drive(lambda _: awaitable, job))  # type: ignore[arg-type]


def _report(job: Job, value: Any, error: BaseException | None = None) -> None:
    """Tell the engine that an attempt ended."""
    if os.getpid() != job.pid:
        # A child that the agent forked came back: this thread is all there is of it.
        code = error.code if isinstance(error, SystemExit) else int(error is not None)
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
    job.post(Finished(job, value, error))
