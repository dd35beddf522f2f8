"""Tuples in by binary COPY: the fastest way into Postgres, by a factor of 40 over inserts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import Connection as Driver
from sqlalchemy import Connection

from geofix.db.errors import GalleryError

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"


def copy_tuples(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    blocks: Iterable[bytes | memoryview],
) -> int:
    """Copy tuples into a table; return how many.

    Args:
        connection: In whose transaction it happens.
        table: The table's name.
        columns: Names of its columns, in the order of the tuples' fields.
        blocks: Whole tuples as binary COPY takes them. Small ones, made as they are asked for, let
            the server store one while the next is made.
    """
    statement = f"copy {table} ({', '.join(columns)}) from stdin (format binary)"
    with driver_of(connection).cursor() as cursor:
        with cursor.copy(statement.encode()) as copy:
            copy.write(SIGNATURE)
            for block in blocks:
                copy.write(block)
            copy.write(END)
        return cursor.rowcount


def driver_of(connection: Connection) -> Driver:
    """Return psycopg's own connection.

    Raises:
        GalleryError: It was closed.
    """
    driver = connection.connection.driver_connection
    if driver is None:
        raise GalleryError("the connection was closed under a load; run it again")
    return driver  # type: ignore[no-any-return]
