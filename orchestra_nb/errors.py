"""Everything this package raises on purpose.

The tree::

    OrchestraError
    ├── PlanError          the plan is not valid; .faults lists every fault with its place
    ├── SetupError         a run can't start as asked (no key, unknown agent name, ...)
    ├── StoreError         a run's folder can't be read or written
    │   └── LockedError    another process owns the run; .pid
    ├── AgentError         an attempt of an agent failed; .retryable, .retry_after
    ├── TaskFailed         a result was asked for that does not exist; .task, .status, .cause
    ├── RunFailed          raised by Run.check(); .failures
    ├── DecisionClosed     the decision was withdrawn before anybody answered; .decision
    └── CommandError       a command can't be carried out (unknown decision, not an option, ...)
        └── Unanswered     nobody runs the run any more, or there was no reply; .taken

Errors carry fields; the sentence a person reads is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "AgentError",
    "CommandError",
    "DecisionClosed",
    "Fault",
    "LockedError",
    "OrchestraError",
    "PlanError",
    "RunFailed",
    "SetupError",
    "StoreError",
    "TaskFailed",
    "Unanswered",
]


class OrchestraError(Exception):
    """Root of all errors of this package."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a plan.

    Attributes:
        place: Path into the plan, such as ``phases[1].tasks[0].depends_on``.
        message: What is wrong and what to do, one sentence.
        line: Line of the source text (1-based), where there is one.
    """

    place: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        where = f"{self.place} ({line})" if self.place and line else self.place or line
        return f"{where}: {self.message}" if where else self.message


class PlanError(OrchestraError):
    """The plan is not valid. Nothing was started.

    Attributes:
        faults: Every fault that was found, in the plan's order.
        source: Name of the file, or ``None`` for plans made in Python.
    """

    def __init__(self, faults: tuple[Fault, ...] | list[Fault], *, source: str | None = None):
        self.faults = tuple(faults)
        self.source = source
        many = len(self.faults)
        head = f"{source or 'The plan'} has {many} fault{'s' if many != 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {fault}" for fault in self.faults)]))


class SetupError(OrchestraError):
    """A run can't start as it was asked for. Nothing was started."""


class StoreError(OrchestraError):
    """A run's folder can't be read or written."""


class LockedError(StoreError):
    """Another process owns the run.

    Attributes:
        pid: Process id of the owner, ``None`` when it is not known.
    """

    def __init__(self, folder: str, pid: int | None):
        self.folder, self.pid = folder, pid
        owner = f"process {pid}" if pid else "another process"
        super().__init__(
            f"The run in {folder} is being written by {owner}. Reading it is always allowed; "
            "stop that process to take the run over."
        )


class AgentError(OrchestraError):
    """An attempt of an agent failed.

    Attributes:
        retryable: Whether another attempt may succeed.
        retry_after: Seconds the service asked to wait, if it did.
        cause: ``rate_limit`` when the wait before the next attempt is the service's doing.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        cause: str | None = None,
    ):
        self.retryable, self.retry_after, self.cause = retryable, retry_after, cause
        super().__init__(message)


class TaskFailed(OrchestraError, KeyError):
    """A result was asked for that does not exist; a ``KeyError``, so that ``.get()`` works.

    Attributes:
        task: Id of the task.
        status: ``failed``, ``skipped``, ``cancelled`` or what it is still doing.
        cause: One line: the error, or why it was skipped.
    """

    def __init__(self, task: str, status: str, cause: str):
        self.task, self.status, self.cause = task, status, cause
        super().__init__(f"{task} has no result: {status}" + (f" ({cause})" if cause else ""))

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show the sentence in quotes


class RunFailed(OrchestraError):
    """A run did not complete; raised by ``run.check()``.

    Attributes:
        failures: Task id -> one line saying why.
    """

    def __init__(self, run_id: str, status: str, failures: dict[str, str]):
        self.run_id, self.status, self.failures = run_id, status, failures
        said = status if status == "failed" else f"was {status}"
        lines = [f"Run {run_id} {said}.", *(f"  {k}: {v}" for k, v in failures.items())]
        super().__init__("\n".join(lines))


class DecisionClosed(OrchestraError):
    """A decision was withdrawn before it had an outcome."""

    def __init__(self, decision: str, reason: str):
        self.decision, self.reason = decision, reason
        super().__init__(f"{decision} was withdrawn: {reason}")


class CommandError(OrchestraError):
    """A command can't be carried out; the run is as it was.

    Attributes:
        faults: Field -> what is wrong with it, where a form or arguments did not fit.
        late: Whether it would have counted earlier: decided, or over.
    """

    def __init__(
        self, message: str, *, faults: Mapping[str, str] | None = None, late: bool = False
    ):
        self.faults, self.late = dict(faults or {}), late
        super().__init__(message)


class Unanswered(CommandError):
    """A command for a run of another process that nobody answered.

    Attributes:
        run_id: The run.
        owner: Pid of the process that runs it (0: not known), ``None`` when there is none.
        taken: Whether that process took the command: then it may have counted all the same.
        client: What an outcome in the log bears that came of the command.
    """

    def __init__(self, run_id: str, *, owner: int | None, taken: bool = False, client: str = ""):
        self.run_id, self.owner, self.taken, self.client = run_id, owner, taken, client
        process = f"process {owner}" if owner else "the process that runs it"
        if taken:
            said = f"Run {run_id} took this and did not reply; whether it counted stands in its log"
        elif owner is None:
            said = f"Nobody runs {run_id} any more: nothing was sent"
        else:
            said = (
                f"Run {run_id} did not reply, so this was taken back: {process} is busy or stopped"
            )
        super().__init__(said)
