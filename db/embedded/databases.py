"""The databases inside a fresh cluster, and the proof that vectors work on this machine."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection

import psycopg

from geofix.db.errors import ServerError
from geofix.db.failures import kind_of, reason_of

GEOFIX = "geofix"
# LangGraph's tables get a database of their own: see `geofix.db.checkpoints`.
CHECKPOINTS = "geofix_checkpoints"
MAINTENANCE = "postgres"

Connect = Callable[[str], psycopg.Connection]
"""Opens an autocommit connection to the database of that name."""


def prepared(databases: Collection[str]) -> bool:
    """Whether `prepare` once came to its end; it makes this database last."""
    return CHECKPOINTS in databases


def prepare(connect: Connect, databases: Collection[str]) -> None:
    """Make both databases and the extension `vector`, from wherever an earlier try stopped.

    Args:
        connect: Opens connections to the running server.
        databases: The databases that already exist.

    Raises:
        ServerError: pgvector is missing, too old, or not made for this processor.
    """
    if GEOFIX not in databases:
        _create(connect, GEOFIX)
    _probe_vectors(connect)
    _create(connect, CHECKPOINTS)


def _create(connect: Connect, database: str) -> None:
    with connect(MAINTENANCE) as connection:
        connection.execute(f"CREATE DATABASE {database}")  # both names are constants above


def _probe_vectors(connect: Connect) -> None:
    with connect(GEOFIX) as connection:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute("SELECT '[1,2]'::halfvec <=> '[2,1]'::halfvec")
            # Came with pgvector 0.8; a filtered search silently returns too few rows without it.
            connection.execute("SET hnsw.iterative_scan = relaxed_order")
        except psycopg.Error as error:
            if connection.broken:
                raise ServerError(_processor_text(), original=error) from None
            raise ServerError(
                f"this Postgres has no usable pgvector >= 0.8: {reason_of(error)!r}; name other "
                "binaries, or set GEOFIX_DATABASE_URL to a Postgres that has it",
                kind=kind_of(error),
                sqlstate=error.sqlstate,
                original=error,
            ) from None


def _processor_text() -> str:
    return (
        "Postgres died on its first vector: this build of pgvector needs processor instructions "
        "(x86-64: AVX2; Linux arm64: SVE) that this machine "
        f"({platform.system()} {platform.machine()}) seems to lack; set GEOFIX_DATABASE_URL to a "
        "Postgres of your own with pgvector >= 0.8 (`docker compose up -d db`)"
    )
