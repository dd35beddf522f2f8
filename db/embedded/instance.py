"""Starts, stops and asks one Postgres server with one data folder.

The caller must hold the folder's lock, except for `answer`, `lives` and `url`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from geofix.db.embedded import postmaster
from geofix.db.embedded.account import server_account
from geofix.db.embedded.binaries import find_binaries, within_reach
from geofix.db.embedded.cluster import (
    MAINTENANCE,
    ROLE,
    create_cluster,
    prepare,
    prepared,
    read_password,
)
from geofix.db.embedded.data_dir import LOG_NAME
from geofix.db.errors import ServerError
from geofix.db.failures import kind_of, reason_of

_PORT_ATTEMPTS = 5


class _StillStartingError(ServerError):
    """Time is up, but the server is at work and had better be left alone."""


@dataclass(frozen=True)
class ServerAnswer:
    """What a server reports after a login."""

    port: int
    """TCP port on 127.0.0.1."""
    pid: int
    """Its main process."""
    version: str
    """Version of Postgres, such as `18.6`."""
    databases: list[str]
    """All that exist."""


class Instance:
    """The server itself; `geofix.db.embedded.server` decides when it runs."""

    def __init__(self, data_dir: Path, bin_dir: Path | None, timeout_s: float) -> None:
        """Arguments as those of `EmbeddedServer`, with `data_dir` resolved."""
        self._data_dir = data_dir
        self._bin_dir = bin_dir
        self._timeout_s = timeout_s
        self._cluster = data_dir / "postgres"
        self._log = data_dir / LOG_NAME

    def url(self, database: str) -> str:
        """URL of one database at the port last used, with the password.

        Raises:
            ServerError: No server runs there.
        """
        claimed = postmaster.read_pid_file(self._cluster)
        if claimed is None or claimed.port is None:
            raise ServerError(f"no server runs in {str(self._data_dir)!r}; call `start` first")
        return self._url(database, claimed.port)

    def _url(self, database: str, port: int) -> str:
        password = read_password(self._data_dir)
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{database}"

    def _connect(self, database: str, port: int) -> psycopg.Connection:
        # Everything is spelled out, since PGHOSTADDR, PGOPTIONS and their like would step in.
        return psycopg.connect(
            self._url(database, port),
            hostaddr="127.0.0.1",
            options="",
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=10,
            autocommit=True,
        )

    def answer(self) -> ServerAnswer | None:
        """Log in and ask; None if nobody answers for this folder.

        Raises:
            ServerError: Our server runs, but refuses the password we have.
        """
        claimed = postmaster.read_pid_file(self._cluster)
        if claimed is None or claimed.port is None:
            return None
        try:
            with self._connect(MAINTENANCE, claimed.port) as connection:
                row = connection.execute(
                    "SELECT current_setting('data_directory'), current_setting('server_version'),"
                    " array_agg(datname::text) FROM pg_database"
                ).fetchone()
        except psycopg.OperationalError as error:
            kind = kind_of(error)
            if kind == "login" and postmaster.find_live(self._cluster):
                raise ServerError(
                    f"the server in {str(self._data_dir)!r} refuses the password in the file"
                    " `password` there; restore the original file",
                    kind=kind,
                ) from None
            if kind == "too many connections" and postmaster.find_live(self._cluster):
                raise ServerError(
                    f"the server in {str(self._data_dir)!r} has no free connection:"
                    f" {reason_of(error)}. Stop some of the processes that use it, then try"
                    " again",
                    kind=kind,
                ) from None
            return None
        # A copied data folder brings the pid file of the original, whose password is the same.
        if row is None or Path(row[0]) != self._cluster:
            return None
        return ServerAnswer(claimed.port, claimed.pid, row[1].split()[0], row[2])

    def lives(self) -> bool:
        """Say whether its main process is there, answering or not."""
        return postmaster.find_live(self._cluster) is not None

    def start(self) -> None:
        """Start the server unless it runs; make cluster and databases where they are missing.

        Raises:
            ServerError: It did not start, or cannot handle vectors.
        """
        give_up_at = time.monotonic() + self._timeout_s
        answer = self.answer() or self._join(give_up_at) or self._launch(give_up_at)
        if not prepared(answer.databases):
            self._prepare(answer)

    def _prepare(self, answer: ServerAnswer) -> None:
        def connect(database: str) -> psycopg.Connection:
            return self._connect(database, answer.port)

        try:
            prepare(connect, answer.databases)
        except psycopg.Error as error:
            self._abandon()
            raise ServerError(
                f"the databases in {str(self._data_dir)!r} cannot be created:"
                f" {reason_of(error)}; {self._log_text()}",
                kind=kind_of(error),
                sqlstate=error.sqlstate,
                original=error,
            ) from None
        except BaseException:
            self._abandon()
            raise

    def _join(self, give_up_at: float) -> ServerAnswer | None:
        """Wait for what a killed user or a killed server left: a server, or its children.

        Returns:
            None once no process of this cluster is left, and so no stale pid file either.
        """
        while True:
            stale = postmaster.read_pid_file(self._cluster)
            process = postmaster.find_live(self._cluster)
            answer = self._wait_for(process, give_up_at) if process else None
            if answer:
                return answer
            remains = postmaster.orphans(self._cluster)
            if not remains:
                postmaster.remove_pid_file(self._cluster, stale)
                return None
            if time.monotonic() > give_up_at:
                raise ServerError(
                    "processes of a killed Postgres are still running in"
                    f" {str(self._cluster)!r}: {[process.pid for process in remains]!r}. Wait"
                    " for them, or stop them with `kill -QUIT`, then try again"
                )
            time.sleep(0.01)

    def _wait_for(self, process: psutil.Process, give_up_at: float) -> ServerAnswer | None:
        """Wait until the server answers; None if its process ended instead."""
        while postmaster.alive(process):
            answer = self.answer()
            if answer:
                return answer
            if time.monotonic() > give_up_at:
                raise _StillStartingError(
                    f"Postgres (pid {process.pid}) is still starting after {self._timeout_s:g}"
                    f" s; try again later. {self._log_text()}"
                )
            time.sleep(0.01)
        return None

    def _launch(self, give_up_at: float) -> ServerAnswer:
        account = server_account()
        binaries = within_reach(find_binaries(self._bin_dir), account, self._data_dir)
        if not self._cluster.exists():
            create_cluster(self._cluster, binaries, account)
        read_password(self._data_dir)  # without it, nobody could ask the server anything
        for _ in range(_PORT_ATTEMPTS):
            seen = self._log.stat().st_size if self._log.exists() else 0
            port = postmaster.free_port()
            process = postmaster.spawn(self._cluster, binaries, account, port, self._log)
            answer = self._wait_for_own(process, give_up_at) if process else None
            if answer:
                return answer
            if "Address already in use" not in postmaster.tail(self._log, since=seen):
                break
        raise ServerError(f"Postgres did not start. {self._log_text()}")

    def _wait_for_own(self, process: psutil.Process, give_up_at: float) -> ServerAnswer | None:
        try:
            return self._wait_for(process, give_up_at)
        except _StillStartingError:
            # Recovery that is stopped begins anew the next time, and would never end.
            raise
        except BaseException:
            # Nobody would be left to stop it.
            postmaster.shut_down(process, self._timeout_s, gently=False)
            raise

    def stop(self) -> bool:
        """Fast shutdown, waited for; False if it was not running.

        Raises:
            ServerError: It did not end in time.
        """
        process = postmaster.find_live(self._cluster)
        if process is None:
            return False
        if not postmaster.shut_down(process, self._timeout_s, gently=self._is_up()):
            raise ServerError(
                f"Postgres (pid {process.pid}) has not stopped after {self._timeout_s:g} s."
                f" {self._log_text()}"
            )
        return True

    def _abandon(self) -> None:
        process = postmaster.find_live(self._cluster)
        if process is not None:
            postmaster.shut_down(process, self._timeout_s, gently=False)

    def _is_up(self) -> bool:
        try:
            return self.answer() is not None
        except ServerError:
            return True  # it refuses our password, and so is past its start

    def _log_text(self) -> str:
        return f"The last lines of {str(self._log)!r} are:\n{postmaster.tail(self._log)}"
