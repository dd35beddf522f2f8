"""`geofix gallery shard`: other servers that hold a part of the vectors."""

from __future__ import annotations

from sqlalchemy import create_engine, insert

from geofix.db.engine import parse_url
from geofix.db.models import ShardRow
from tests.integration.cli.conftest import UNREACHABLE, Geofix


def test_a_shard_is_added_listed_drained_and_removed(
    geofix: Geofix, database_url: str, new_database: str
) -> None:
    password = new_database.split("@")[0].split(":")[-1]
    shard = ("gallery", "shard")
    assert "on one server" in geofix(*shard, "list", url=database_url).out
    added = geofix(*shard, "add", "attic", new_database, url=database_url)
    assert added.code == 0 and added.out.startswith("added the shard 'attic' at postgres")
    listed = geofix(*shard, "list", url=database_url)
    assert listed.out.split()[4] == "attic" and "answers" in listed.out
    for done in (added, listed):
        assert password not in done.out and "***" in done.out
    drained = geofix(*shard, "drain", "attic", url=database_url)
    assert drained.out == "moved 0 vectors off the shard 'attic'\n"
    removed = geofix(*shard, "remove", "attic", url=database_url)
    assert removed.out == "removed the shard 'attic'\n"
    assert "on one server" in geofix(*shard, "list", url=database_url).out


def test_a_shard_out_of_reach_is_refused_without_its_password(
    geofix: Geofix, database_url: str
) -> None:
    refused = geofix("gallery", "shard", "add", "attic", UNREACHABLE, url=database_url)
    assert refused.code != 0
    assert "the shard 'attic'" in refused.said and "s3cret" not in refused.err


def test_a_shard_that_is_not_there_is_named(geofix: Geofix, database_url: str) -> None:
    for verb in ("drain", "remove"):
        done = geofix("gallery", "shard", verb, "attic", url=database_url)
        assert done.code != 0 and "there is no shard 'attic'" in done.said


def test_a_shard_that_is_down_is_told_beside_what_the_others_hold(
    geofix: Geofix, starter_url: str
) -> None:
    engine = create_engine(parse_url(starter_url))
    with engine.begin() as connection:
        away = insert(ShardRow).values(name="attic", url=UNREACHABLE)
        connection.execute(away)
    engine.dispose()
    for verb, held in (("list", "starter"), ("status", "efficientnet")):
        told = geofix("gallery", verb, url=starter_url)
        assert (told.code, held in told.out) == (0, True)
        said = " ".join(told.out.split())
        assert "Degraded: shard attic: " in said and "refused" in said and "s3cret" not in said
