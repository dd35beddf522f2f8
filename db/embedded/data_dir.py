"""The embedded server's data folder, its owner and its locks.

<data dir>/
server.lock     held exclusively to start or stop; its presence marks the folder as geofix's
lease.lock      held shared by every process that uses the server
kept            present while the server is to outlive its users
password        of the role geofix; only the owner can read it
server.log      the log of Postgres
postgres/       the cluster
pginstall-.../  a copy of the programs, if the originals cannot be accessed
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from geofix.db.embedded.account import SystemAccount, blocked_at, server_account
from geofix.db.errors import ServerError

LOCK_NAME = "server.lock"
LOG_NAME = "server.log"
_SYSTEM_FOLDER = Path("/var/lib/geofix")


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder that `environ` asks for, or this user's folder for application data.

    Depends on `environ` alone while that has GEOFIX_DATA, XDG_DATA_HOME or HOME; the places are
    those of `platformdirs.user_data_path("geofix")`, which would read the process's environment.
    """
    explicit, xdg, home = (environ.get(k, "") for k in ("GEOFIX_DATA", "XDG_DATA_HOME", "HOME"))
    if explicit:
        return Path(explicit)
    if Path(xdg).is_absolute():
        return Path(xdg) / "geofix"
    if Path(home).is_absolute() and os.name == "posix":
        mac = sys.platform == "darwin"
        return Path(home, "Library/Application Support" if mac else ".local/share", "geofix")
    return platformdirs.user_data_path("geofix")


def resolve_data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder that will really be used: `default_data_dir`, unless root cannot use it.

    Postgres refuses root, so under root another account runs it, and that one cannot enter
    `/root`. We never open a folder that is not ours, hence:

    - a folder named by GEOFIX_DATA is used or refused, never replaced;
    - the default folder gives way to `/var/lib/geofix/<12 hex digits of its path's sha256>`, so
      that two homes keep two databases.

    Raises:
        ServerError: GEOFIX_DATA is closed to the account, or that account cannot be made.
    """
    chosen = default_data_dir(environ)
    account = server_account() if os.name == "posix" else None
    if environ.get("GEOFIX_DATA"):
        require_reachable(chosen, account)
    elif blocked_at(chosen.resolve(), account):
        return _SYSTEM_FOLDER / hashlib.sha256(os.fsencode(chosen)).hexdigest()[:12]
    return chosen


def require_reachable(data_dir: Path, account: SystemAccount | None) -> None:
    """Refuse a folder that the account running Postgres cannot enter.

    Raises:
        ServerError: It cannot; the text names the folder in the way.
    """
    closed = blocked_at(data_dir.expanduser().resolve(), account)
    if account is not None and closed is not None:
        raise ServerError(
            f"the data folder {str(data_dir)!r} is not accessible to the account"
            f" {account.name!r}, which runs Postgres for root and may not enter {str(closed)!r}."
            " Set GEOFIX_DATA to another folder, or run geofix as an ordinary user, or set"
            " GEOFIX_DATABASE_URL"
        )


def claim(data_dir: Path, account: SystemAccount | None) -> None:
    """Make the folder if it is missing, and refuse one that holds something else.

    Args:
        data_dir: Absolute, without symbolic links.
        account: Who runs Postgres, None for ourselves.

    Raises:
        ServerError: It is out of reach, not writable, or full of things that are not ours.
    """
    require_reachable(data_dir, account)
    made = [path for path in (data_dir, *data_dir.parents) if not path.exists()]
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        for path in made:
            path.chmod(0o700 if account is None else 0o711)
        if not (data_dir / LOCK_NAME).exists():
            _require_empty(data_dir)
            (data_dir / LOCK_NAME).touch(mode=0o600)
    except OSError as error:
        raise ServerError(
            f"the data folder {str(data_dir)!r} cannot be used: {error}. Set GEOFIX_DATA to"
            " another folder, or set GEOFIX_DATABASE_URL"
        ) from error


def claimed_before(data_dir: Path) -> bool:
    """Whether `claim` once made this folder ours.

    Raises:
        ServerError: It belongs to another user.
    """
    try:
        return (data_dir / LOCK_NAME).exists()
    except OSError as error:
        raise ServerError(
            f"the data folder {str(data_dir)!r} cannot be read: {error}. Run geofix as the user"
            " who created it, or set GEOFIX_DATA to another folder"
        ) from error


def _require_empty(data_dir: Path) -> None:
    found = sorted(os.listdir(data_dir))
    # Another process may have claimed it since the caller looked.
    if found and LOCK_NAME not in found:
        raise ServerError(
            f"the data folder {str(data_dir)!r} was not created by geofix and is not empty (it"
            f" contains {found[0]!r}). Nothing was changed. Set GEOFIX_DATA to an empty or new"
            " folder"
        )


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
            f"the lock file {str(path)!r} cannot be opened: {error}. Run geofix as the user who"
            " created the folder, or set GEOFIX_DATA to another folder"
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
