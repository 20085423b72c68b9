"""Carries jobs: coroutines on the agents' loop, blocking functions in threads of their own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from ..commands import Command, Reply
from .loops import Loops
from .protocols import Finished, Job, Worker
from .telling import Scrub, tell
from .watchdog import Watchdog, carried, in_thread

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


def carried_run() -> str:
    """Id of the run whose function this thread carries; empty elsewhere."""
    return getattr(_here, "run", "")


def tell_agent(command: Command) -> Callable[[Reply], None]:
    """A place for a command's reply where its sender can't wait for it: the agent's transcript.

    A refusal is written down for the agent whose coroutine calls this.
    """
    own = carried.get()

    def tell(reply: Reply) -> None:
        if own is not None and not reply.ok:
            journal, index, attempt = own
            journal.transcript(index, attempt, {"log": f"{command.kind} was refused: {reply.text}"})

    return tell


def _forget() -> None:
    global _busy, _hands
    _busy, _hands = _BusyThreads(), _Hands()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Crew:
    """Starts and ends attempts; reports each end with one :class:`Finished`."""

    def __init__(
        self,
        loops: Loops,
        context_of: Callable[[Job], Any],
        scrub: Scrub,
        running: Mapping[int, Job],
    ):
        self._loop = loops.agents.loop
        self._engine_loop = loops.engine.loop
        self._watchdog = Watchdog(loops.engine, loops.agents, running)
        self._context_of = context_of
        self._scrub = scrub
        self._starting: deque[tuple[Worker, Job]] = deque()
        self._watching: asyncio.Task[None] | None = None

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
            self._watchdog.watch()
            self._loop.call_soon_threadsafe(self._begin)

    def in_thread(self, job: Job) -> bool:
        """Whether an attempt runs where nothing can end it."""
        return in_thread(job)

    def cancel(self, job: Job) -> None:
        """Ask an attempt to end: a coroutine is cancelled, a function sees ``cancelled``."""
        job.cancelled = True
        self._loop.call_soon_threadsafe(self._cancel, job)

    def _cancel(self, job: Job) -> None:
        if isinstance(job.handle, asyncio.Task):
            job.handle.cancel()

    def when_ended(self, jobs: Sequence[Job], call: Callable[[], None]) -> None:
        """Make ``call``, on the agents' loop, once the coroutines among these attempts ended."""

        async def watch() -> None:
            handles = [job.handle for job in jobs if isinstance(job.handle, asyncio.Task)]
            if handles:
                await asyncio.wait(handles)
            call()

        def begin() -> None:
            self._watching = asyncio.Task(watch(), loop=self._loop)

        self._loop.call_soon_threadsafe(begin)

    def _begin(self) -> None:
        begun = []
        while self._starting:
            worker, job = self._starting.popleft()
            self._carry(worker, job)
            begun.append(job)
        self._loop.call_soon(self._look_at, begun)

    def _carry(self, worker: Worker | Callable[[Any], Any], job: Job) -> None:
        # Not by the loop's own create_task: an agent may have given it another factory.
        job.handle = asyncio.Task(self._drive(worker, job), loop=self._loop)

    def _look_at(self, begun: list[Job]) -> None:
        """Report for those that were cancelled before their first step: they did not enter _drive.

        All of them had that step by now; a callback for each would cost more than the step.
        """
        for job in begun:
            if job.handle.cancelled():
                job.post(_cancelled(job))

    async def _drive(self, worker: Worker | Callable[[Any], Any], job: Job) -> None:
        carried.set((job.journal, job.node.index, job.attempt))
        try:
            value = await worker(self._context_of(job))
        except BaseException as error:  # also SystemExit: an agent must not end our loop
            self._failed(job, error)
        else:
            self._report(Finished(job, value))

    def _in_thread(self, worker: Worker, job: Job) -> None:
        job.threaded = True

        def call() -> None:
            try:
                value = self._called(worker, job)
                if inspect.isawaitable(value):  # a plain function that returns a coroutine
                    self._loop.call_soon_threadsafe(self._adopt, job, value)
                    return
            except BaseException as error:
                self._failed(job, error)
            else:
                self._report(Finished(job, value))

        try:
            _hands.run(call)
        except RuntimeError as error:  # no more threads: that is this attempt's failure alone
            job.post(Finished(job, None, error))

    def _called(self, worker: Worker, job: Job) -> Any:
        """What a function returns; its thread is then as it was, for the next one."""
        tracer, profiler = sys.gettrace(), sys.getprofile()
        _here.run = job.state.id
        _busy.enter()
        try:
            return worker(self._context_of(job))
        finally:
            # First of all: what an agent set is called with every call, and may raise.
            sys.settrace(tracer)
            sys.setprofile(profiler)
            _here.run = ""
            _busy.leave()

    def _adopt(self, job: Job, awaitable: Any) -> None:
        if job.cancelled and inspect.iscoroutine(awaitable):
            awaitable.close()
            job.post(_cancelled(job))
            return
        self._engine_loop.call_soon_threadsafe(self._watchdog.watch)
        self._carry(lambda _: awaitable, job)
        self._loop.call_soon(self._look_at, [job])

    def _failed(self, job: Job, error: BaseException) -> None:
        # Put into words here: asking an exception for them runs foreign code.
        self._report(Finished(job, None, error, tell(error, self._scrub)))

    def _report(self, finished: Finished) -> None:
        """Tell the engine that an attempt ended."""
        job, error = finished.job, finished.error
        if os.getpid() != job.pid:
            # A child that the agent forked came back: this thread is all there is of it.
            code = error.code if isinstance(error, SystemExit) else int(error is not None)
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code if isinstance(code, int) else int(code is not None))
        job.post(finished)


def _cancelled(job: Job) -> Finished:
    return Finished(job, None, asyncio.CancelledError())
