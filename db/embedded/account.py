"""The system account that runs Postgres for root, because Postgres refuses to run as root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from geofix.db.errors import ServerError

ACCOUNT_NAME = "geofix"

# The server outlives the client, so it gets none of the client's environment: no API keys, and
# no PGDATA or PGPORT that would change what it does. LC_ALL also keeps its messages in English.
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}


@dataclass(frozen=True)
class SystemAccount:
    """A system account other than our own."""

    name: str
    uid: int
    gid: int


def server_account() -> SystemAccount | None:
    """The account Postgres has to run as, made if it is missing.

    Returns:
        None when we are not root: then Postgres runs as we do.

    Raises:
        ServerError: We are root and the account neither exists nor can be made.
    """
    if os.geteuid() != 0:
        return None
    return find_account() or _make_account()


def find_account() -> SystemAccount | None:
    """The system account named `geofix`, or None if this machine has none."""
    import pwd  # noqa: PLC0415 - absent on Windows, where EmbeddedServer refuses first

    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    return SystemAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make_account() -> SystemAccount:
    advice = (
        f"Postgres refuses to run as root; create a system account named {ACCOUNT_NAME!r}, or"
        " run geofix as an ordinary user, or set GEOFIX_DATABASE_URL to your own Postgres"
    )
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    try:
        made = run_as(None, command)
    except FileNotFoundError as error:
        raise ServerError(f"this machine has no `useradd`; {advice}") from error
    # Another process may have made it a moment before us, so the exit status does not decide.
    account = find_account()
    if account is None:
        raise ServerError(f"useradd failed ({made.stdout.strip()!r}); {advice}")
    return account


def run_as(
    account: SystemAccount | None,
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.STDOUT,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `account`, out of reach of the terminal's Ctrl-C.

    Args:
        account: None runs it as we are.
        command: The program and its arguments.
        stdin: A file descriptor; nothing by default.
        stderr: Where its errors go; into the returned `stdout` by default.

    Returns:
        The ended process; its exit status is left to the caller.

    Raises:
        OSError: The program cannot be run.
    """
    return subprocess.run(
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        # Our own working directory may be closed to the account.
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def blocked_at(path: Path, account: SystemAccount | None) -> Path | None:
    """The first folder on the way to `path`, or `path` itself, that `account` may not enter.

    Judged by owner and mode bits, root first; what does not exist yet blocks nobody. Access
    lists are not read, so a folder opened by those alone counts as closed.

    Args:
        path: An absolute path without symbolic links.
        account: None is ourselves, whom nothing blocks here: the system call will tell.
    """
    if account is None:
        return None
    for step in (*reversed(path.parents), path):
        try:
            state = step.stat()
        except FileNotFoundError:
            return None
        search_bit = 0o100 if state.st_uid == account.uid else 0o001
        if not state.st_mode & search_bit:
            return step
    return None
