"""File locks that the kernel drops when their holder dies, however it dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geofix.db.errors import ServerError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold `path` alone; waits until nobody else holds it. The file is made if missing.

    Raises:
        ServerError: It cannot be opened.
    """
    with _opened(path) as file:
        _flock(file, shared=False, wait=True)
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold `path` with others; waits only while somebody holds it alone."""
    with _opened(path) as file:
        _flock(file, shared=True, wait=True)
        yield


@contextmanager
def exclusive_if_free(path: Path) -> Iterator[bool]:
    """Hold `path` alone if nobody holds it in any way; yields whether that was so."""
    with _opened(path) as file:
        yield _flock(file, shared=False, wait=False)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Each lock opens the file anew: flock belongs to the open file, so two leases in one process
    # count as two. Python's descriptors are not inherited, so the server never holds a lock.
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ServerError(
            f"the lock {str(path)!r} cannot be opened: {error}; run geofix as the user who made "
            "the folder, or name another in GEOFIX_DATA"
        ) from error
    try:
        yield file
    finally:
        _unlock(file)
        os.close(file)


def _flock(file: int, *, shared: bool, wait: bool) -> bool:
    import fcntl  # noqa: PLC0415 - absent on Windows, where EmbeddedServer refuses first

    operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, operation if wait else operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(file: int) -> None:
    import fcntl  # noqa: PLC0415 - absent on Windows, where EmbeddedServer refuses first

    # Closing would do, but not where a forked child still has the same open file.
    fcntl.flock(file, fcntl.LOCK_UN)
