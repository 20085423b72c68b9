"""The few file operations everything here is made of.

They reach the system through this module's ``os``, so that a test can stand in a disk that is
full, slow or broken.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from ..errors import StoreError

__all__ = [
    "append_bytes",
    "make_folder",
    "new_file",
    "open_file",
    "open_to_append",
    "read_bytes",
    "replace_file",
    "sync_file",
    "sync_folder",
    "truncate",
    "write_all",
]

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def write_all(fd: int, data: bytes) -> None:
    """Write everything, with one system call where the system takes it whole."""
    written = os.write(fd, data)
    if written == len(data):
        return
    view = memoryview(data)
    while written < len(data):
        count = os.write(fd, view[written:])
        if count <= 0:
            raise OSError(f"Only {written} of {len(data)} bytes could be written")
        written += count


def sync_file(fd: int) -> None:
    """Make a file's content durable.

    Raises:
        OSError: If that failed, or somebody deleted the file: nobody would find its content.
    """
    os.fsync(fd)
    if os.fstat(fd).st_nlink == 0:
        raise FileNotFoundError(errno.ENOENT, "it was deleted")


def truncate(fd: int, size: int) -> None:
    """Cut a file off."""
    os.ftruncate(fd, size)


def open_file(path: Path, flags: int) -> int:
    """Open a private regular file of ours; a symbolic link in its place is refused.

    Raises:
        StoreError: If the path is a link or no regular file.
        OSError: If it can't be opened.
    """
    # Asked first as well: not every system can refuse links in open().
    if path.is_symlink():
        raise StoreError(f"{path} is a symbolic link. Runs are kept in plain files; remove it.")
    fd = os.open(path, flags | _NOFOLLOW | _BINARY, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise StoreError(f"{path} is not a regular file. Remove it.")
    return fd


def open_to_append(path: Path) -> int:
    """A descriptor whose writes go to the end of the file, which is made if need be."""
    return open_file(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)


def new_file(path: Path) -> int:
    """A descriptor of a file that did not exist.

    Raises:
        FileExistsError: If it exists, as whatever it may be.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)


def append_bytes(path: Path, data: bytes) -> None:
    """Add to the end of a file with one write."""
    fd = open_to_append(path)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def read_bytes(path: Path) -> bytes:
    """The whole content of a regular file of ours."""
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        return file.read()


def replace_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put a file in place of another in one step: a reader sees the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    fd = new_file(temporary)
    try:
        try:
            write_all(fd, data)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a private folder, unless it is there; a link in its place is refused."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    if path.is_symlink() or not path.is_dir():
        raise StoreError(f"{path} is not a plain folder. Remove it, or choose another home.")


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name == "nt":
        return  # folders can't be opened there
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
