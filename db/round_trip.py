"""Statements that go ahead of another one in its round trip, by psycopg's pipeline mode.

Until the pipeline ends they are one transaction, also over a connection that commits by itself:
settings that are local hold for the statement they go ahead of, and no BEGIN or ROLLBACK has to
travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from psycopg import Cursor
from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.sql import ClauseElement

AHEAD, ONCE = "geofix_ahead", "geofix_once"
"""Execution options: of a statement what goes ahead of it, of a connection what goes ahead of
whatever is executed first."""

CITUS = (("citus.propagate_set_commands", "local"),)
"""What has settings that are local to a transaction hold on Citus's workers too."""

PSYCOPG: Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class Ahead:
    """A statement that goes ahead of another one."""

    statement: ClauseElement
    """Built once: it is written as SQL once."""
    parameters: Mapping[str, object]
    rows: list[tuple[Any, ...]] | None = field(default=None, init=False)
    """What it selected; none as long as it was not sent."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Settings as literal statements, in a transaction around the statement they are for.

    Citus hands its workers these and nothing that `set_config` sets.
    """

    settings: tuple[tuple[str, str], ...]

    def statements(self) -> list[bytes]:
        """Return what goes ahead of the statement; a commit comes after it."""
        return [
            b"begin",
            *(f"set local {name} = '{value}'".encode() for name, value in CITUS + self.settings),
        ]


def send_first(connection: Connection, ahead: Ahead) -> None:
    """Have a statement go ahead of whatever a connection executes next."""
    connection.execution_options(**{ONCE: ahead})


def without_transaction(connection: Connection) -> Connection:
    """Have a connection that was just opened commit each statement, which saves two trips."""
    return connection.execution_options(isolation_level="AUTOCOMMIT")


def send_in_one_trip(
    cursor: Cursor[Any], statement: str, parameters: Any, context: Any
) -> bool | None:
    """Execute with what goes ahead; true if this was done, none if SQLAlchemy is to do it."""
    options = context.execution_options
    once, ahead = options.get(ONCE), options.get(AHEAD)
    if ahead is None and (once is None or once.rows is not None):
        return None
    driver = cursor.connection
    sent = []
    with driver.pipeline():
        for one in (once, ahead):
            if isinstance(one, Transaction):
                for literal in one.statements():
                    driver.execute(literal)
            elif one is not None and one.rows is None:
                sent.append((one, driver.execute(*written(one))))
        cursor.execute(statement, parameters)
        if isinstance(ahead, Transaction):
            driver.execute(b"commit")
    for one, answered in sent:
        one.rows = answered.fetchall()
    return True


def written(ahead: Ahead) -> tuple[bytes, dict[str, object]]:
    """Return a statement and its parameters as the driver takes them."""
    sql, constants = _written(ahead.statement)
    return sql, {**constants, **ahead.parameters}


@lru_cache(maxsize=64)
def _written(statement: ClauseElement) -> tuple[bytes, dict[str, object]]:
    compiled = statement.compile(dialect=PSYCOPG)
    return str(compiled).encode(), dict(compiled.params)
