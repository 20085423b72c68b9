"""One writer per run: a lock that the system frees when its owner dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path

from ..errors import LockedError
from .files import open_file

__all__ = ["RunLock", "lock_owner"]

_BUSY = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_TRIES = 4
_PAUSE = 0.01

if sys.platform == "win32":
    import msvcrt

    #: Behind the pid, which has to stay readable: locks are mandatory there.
    _FAR = 1 << 20

    def _acquire(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """The right to write a run, held until :meth:`release` or the process's end.

    Args:
        path: The lock file, made if need be.

    Raises:
        LockedError: If somebody else holds it; ``.pid`` says who.
    """

    def __init__(self, path: Path):
        fd = open_file(path, os.O_RDWR | os.O_CREAT)
        try:
            _take(fd, path)
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
            os.write(fd, b"%d\n" % os.getpid())
        except BaseException:
            os.close(fd)
            raise
        self._fd: int | None = fd

    def release(self) -> None:
        """Let others have it."""
        if self._fd is not None:
            # Where no lock is to be had, the pid is all there is to tell the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            self.abandon()

    def abandon(self) -> None:
        """Forget it without a word, as a forked child must: closing leaves the parent's intact."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)


def _take(fd: int, path: Path) -> None:
    for attempt in range(_TRIES):
        if attempt:  # somebody may just have looked: see lock_owner
            time.sleep(_PAUSE)
        try:
            _acquire(fd)
            return
        except OSError as error:
            if error.errno not in _BUSY:
                # No locks on this file system: the pid in the file has to do.
                pid = _pid_in(path)
                if pid is not None and pid != os.getpid() and _alive(pid):
                    raise LockedError(str(path.parent), pid) from None
                return
    raise LockedError(str(path.parent), _pid_in(path))


def lock_owner(path: Path) -> int | None:
    """Pid of the process that holds the lock, ``None`` when nobody does.

    0 stands for somebody whose pid is not known.
    """
    try:
        fd = open_file(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        _acquire(fd)
    except OSError as error:
        pid = _pid_in(path)
        if error.errno in _BUSY:
            return pid or 0
        return pid if pid is not None and _alive(pid) else None
    finally:
        os.close(fd)
    return None


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_bytes()[:20])
    except (OSError, ValueError):
        return None


def _alive(pid: int) -> bool:
    if os.name == "nt":
        return True  # asking there would end the process; rather refuse
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
