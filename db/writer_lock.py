"""One load, removal or change of index at a time."""

from __future__ import annotations

from sqlalchemy import Connection, text

WRITERS_LOCK = 0x6765_6F66_6979
"""Key of the advisory lock ('geofiy' in ASCII)."""


def write_alone(connection: Connection) -> None:
    """Wait until no other load or removal runs; the rest of the transaction is the only one.

    Loads at once deadlocked on new partitions and on rows they shared. Searches never wait.
    """
    connection.execute(text("set local statement_timeout = 0"))
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": WRITERS_LOCK})
