"""Finds, starts and stops the main Postgres process of one cluster, and its orphans."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from geofix.db.embedded.account import SystemAccount, run_as
from geofix.db.embedded.binaries import Binaries
from geofix.db.errors import ServerError

_LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True)
class PidFile:
    """What `postmaster.pid` claims; true only if somebody answers there."""

    pid: int
    port: int | None
    """None until the server has got that far."""


def read_pid_file(cluster: Path) -> PidFile | None:
    """Read `postmaster.pid`, or None if it is missing or not yet written.

    Raises:
        ServerError: The cluster belongs to another user.
    """
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return PidFile(int(lines[0]), int(lines[3]) if len(lines) > 3 else None)
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None
    except PermissionError as error:
        raise ServerError(
            f"{str(cluster)!r} cannot be read: {error}. Run geofix as the user who created it"
        ) from error


def remove_pid_file(cluster: Path, stale: PidFile | None) -> None:
    """Remove the pid file of a killed server, unless another server wrote one meanwhile.

    Call it only when `orphans` has found nobody: the file is what keeps a second server out.

    Args:
        cluster: The cluster's folder.
        stale: What `read_pid_file` said before the search for orphans; None if it said nothing,
            which is also what it says of a file cut short by a full disk.
    """
    if read_pid_file(cluster) == stale:
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def find_live(cluster: Path) -> psutil.Process | None:
    """The process in `postmaster.pid`, if it lives and is a Postgres of this very cluster.

    A zombie (PID 1 of a container reaps late) or a stranger who got the same number is not.
    """
    claimed = read_pid_file(cluster)
    if claimed is None:
        return None
    try:
        process = psutil.Process(claimed.pid)
    except psutil.NoSuchProcess:
        return None
    return process if _serves(process, cluster) else None


def orphans(cluster: Path) -> list[psutil.Process]:
    """Every live Postgres process at work in this cluster.

    After the main one was killed its children live on until they notice, and a second server
    beside them would destroy the data.
    """
    return [process for process in psutil.process_iter() if _serves(process, cluster)]


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _serves(process: psutil.Process, cluster: Path) -> bool:
    try:
        return (
            process.name().startswith("postgres")
            and process.status() != psutil.STATUS_ZOMBIE
            and process.cwd() == str(cluster)
        )
    # Denied means another user's process; a server of ours runs as us, or we are root.
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def spawn(
    cluster: Path, binaries: Binaries, account: SystemAccount | None, port: int, log: Path
) -> psutil.Process | None:
    """Start the server in a session of its own, detached from our terminal and our pipes.

    Args:
        cluster: The cluster's folder.
        binaries: Postgres's programs.
        account: Who runs it, None for ourselves.
        port: TCP port on 127.0.0.1, the only place it listens.
        log: File its output is appended to; one beyond 10 MB is first set aside as `*.old`.

    Returns:
        The process, which need not answer yet; None if it has already ended.

    Raises:
        ServerError: The program cannot be run.
    """
    command: list[str | Path] = [binaries.program("postgres"), "-D", cluster, "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.old"))
    # The shell hands the server to PID 1, so it is no child of ours that we would have to reap,
    # and says its number, so that we see at once if it ends.
    script = '(exec "$0" "$@" >&2) & echo $!'
    try:
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
            shell = run_as(account, ["/bin/sh", "-c", script, *command], stderr=out)
        return psutil.Process(int(shell.stdout))
    except (OSError, ValueError) as error:
        raise ServerError(f"{str(command[0])!r} cannot be run: {error}") from error
    except psutil.NoSuchProcess:
        return None


def shut_down(process: psutil.Process, timeout_s: float, *, gently: bool = True) -> bool:
    """Cut off all clients, end the server and wait for its end; committed data is safe.

    Args:
        process: The main process.
        timeout_s: Longest wait in seconds.
        gently: Write everything to disk first, so that the next start has nothing to recover.
            Only for a server that answers: Postgres 18.6 was seen to hang for good when asked
            so in the recovery after a backend's crash. One that hangs is ended ungently.

    Returns:
        Whether it ended.
    """
    signals = (signal.SIGINT, signal.SIGQUIT) if gently else (signal.SIGQUIT,)
    for number in signals:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return True
        if wait_until(lambda: not alive(process), timeout_s):
            return True
    return False


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Ask every 10 ms until `condition` holds; says whether it did within `timeout_s` seconds."""
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.01)
    return True


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now; someone may take it before the server does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(log: Path, *, since: int = 0, lines: int = 15) -> str:
    """The last lines of the log from byte `since` on, empty if there is no log."""
    try:
        with log.open("rb") as reader:
            reader.seek(since)
            text = reader.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
