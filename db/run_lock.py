"""One driver a run: an advisory lock in Postgres, held for as long as a run is driven.

It is a transaction's lock over a connection of its own. A session's lock would stay with a pooler
that lends a connection for one transaction (PgBouncer), and a shared connection could let go of
only all runs at once. A process that is killed lets go of it, because Postgres ends its session.
"""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import IsolationLevel

from geofix.db.engine import (
    CONNECT_TIMEOUT_S,
    DatabaseAddress,
    connect_patiently,
    conninfo,
    reached_through,
)
from geofix.db.failures import failure


class RunLock:
    """The right to drive one run. Use as a context manager, which lets go of it."""

    def __init__(self, address: DatabaseAddress, run: str) -> None:
        """Describe the lock; nothing is connected yet."""
        self._address = address
        digest = hashlib.sha256(f"geofix run {run}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)
        self._connection: psycopg.Connection[Any] | None = None

    def taken(self) -> bool:
        """Try to take the lock, and say whether it is held now.

        Raises:
            DatabaseError: The database cannot be reached.
        """
        try:
            if self._connection is None:
                self._connection = connect_patiently(self._address, self._connect)
            # A transaction of its own for each try, and without a parameter: a statement with one
            # keeps a snapshot open, for which `CREATE INDEX CONCURRENTLY` would wait.
            self._connection.rollback()
            self._connection.execute("set local idle_in_transaction_session_timeout = 0")
            row = self._connection.execute(
                f"select pg_try_advisory_xact_lock({self._key})".encode()
            ).fetchone()
        except psycopg.Error as error:
            said = failure(error, reached_through(self._address))
            assert said is not None
            raise said from None
        return row is not None and bool(row[0])

    def _connect(self, url: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            conninfo(url),
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="geofix-run",
            prepare_threshold=None,
        )
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        return connection

    def let_go(self) -> None:
        """Let go of the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        """Return the lock, not taken yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        self.let_go()
