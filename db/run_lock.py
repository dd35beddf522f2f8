"""One driver a run: advisory locks in Postgres, held for as long as a run is driven.

All locks of a process are sessions' locks over one connection, so a process that is killed lets go
of them at once, because Postgres ends its session. Behind a pooler that lends a connection for one
transaction (PgBouncer) the session is kept by a transaction that stays open while runs are driven.
One connection for each run would use up such a pooler: 4 runs at once held 4 of its 6 connections
for their locks, and waited for each other's for ever.
"""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus

from geofix.db.engine import (
    CONNECT_TIMEOUT_S,
    DatabaseAddress,
    connect_patiently,
    conninfo,
    reached_through,
)
from geofix.db.failures import failure


class RunLocks:
    """The rights of this process to drive runs; safe to use from several threads."""

    def __init__(self, address: DatabaseAddress) -> None:
        """Begin without locks; nothing is connected yet."""
        self._address = address
        self._held: set[str] = set()
        self._connection: psycopg.Connection[Any] | None = None
        self._pooled = False
        self._mutex = Lock()

    def take(self, run: str) -> bool:
        """Try to take the lock of a run, and say whether it was free.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        with self._mutex:
            if run in self._held:
                # A session may take its own lock again; another thread is another driver.
                return False
            try:
                taken = self._try(run)
            except psycopg.OperationalError:
                # The server was gone, and the locks with it.
                self._disconnect()
                taken = self._retaken(run)
            if taken:
                self._held.add(run)
            else:
                self._rest()
            return taken

    def let_go(self, run: str) -> None:
        """Let go of the lock of a run."""
        with self._mutex:
            self._held.discard(run)
            try:
                if self._connection is not None:
                    self._connection.execute(f"select pg_advisory_unlock({_key(run)})".encode())
                    self._rest()
            except psycopg.Error:
                # The session ended, and with it the lock.
                self._disconnect()

    def close(self) -> None:
        """Let go of all locks."""
        with self._mutex:
            self._held.clear()
            self._disconnect()

    def _try(self, run: str) -> bool:
        if self._connection is None:
            self._connection = connect_patiently(self._address, self._connect)
        if self._connection.info.transaction_status == TransactionStatus.IDLE and self._pooled:
            self._connection.execute("set local idle_in_transaction_session_timeout = 0")
        # Without a parameter: a statement with one keeps a snapshot open until the transaction
        # ends, for which `CREATE INDEX CONCURRENTLY` would wait.
        asked = f"select pg_try_advisory_lock({_key(run)})".encode()
        row = self._connection.execute(asked).fetchone()
        return row is not None and bool(row[0])

    def _retaken(self, run: str) -> bool:
        """Take the lock over a new session, which takes the others too.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        try:
            for held in self._held:
                self._try(held)
            return self._try(run)
        except psycopg.Error as error:
            self._disconnect()
            said = failure(error, reached_through(self._address))
            assert said is not None
            raise said from None

    def _connect(self, url: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            conninfo(url),
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="geofix-runs",
            prepare_threshold=None,
            autocommit=True,
        )
        row = connection.execute("select pg_backend_pid()").fetchone()
        # A pooler gives a process id that is not the server's.
        self._pooled = row is not None and row[0] != connection.info.backend_pid
        if self._pooled:
            connection.autocommit = False
            connection.isolation_level = IsolationLevel.READ_COMMITTED
        return connection

    def _rest(self) -> None:
        """Give a pooler its connection back while no run is driven."""
        if self._connection is not None and self._pooled and not self._held:
            self._connection.commit()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _key(run: str) -> int:
    digest = hashlib.sha256(f"geofix run {run}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
