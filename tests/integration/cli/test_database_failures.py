"""What a person reads when the database fails in the middle of `geofix locate`."""

from __future__ import annotations

import psycopg
import pytest

from geofix.agent.cli import terminal as exits
from geofix.db.engine import conninfo
from tests.integration.cli.conftest import Geofix

FULL = (
    "create function full_disk() returns trigger language plpgsql as $$ begin"
    " raise exception 'No space left' using errcode = '53100'; end $$",
    "create trigger full_disk before insert on {} execute function full_disk()",
)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("alter database {name} set default_transaction_read_only = on",), "is read-only"),
        (("drop table langgraph.checkpoint_writes",), "Run `geofix db upgrade`"),
        (("alter table photos rename column country to land",), "Run `geofix db upgrade`"),
        ((FULL[0], FULL[1].format("langgraph.checkpoint_blobs")), "has no disk space left"),
        ((FULL[0], FULL[1].format("query_photos")), "has no disk space left"),
    ],
    ids=["read-only", "saver", "old schema", "full for the saver", "full"],
)
def test_a_database_that_fails_is_one_line(
    geofix: Geofix, starter_url: str, statements: tuple[str, ...], said: str
) -> None:
    name = starter_url.rpartition("/")[2]
    with psycopg.connect(conninfo(starter_url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.replace("{name}", name).encode())
    done = geofix("locate", url=starter_url)
    assert (done.code, done.out) == (exits.SET_UP, "")
    assert done.err.startswith("geofix: the database at 'postgresql://")
    assert done.err.count("\n") == 1, done.err
    assert said in done.err
    assert "[SQL" not in done.err
