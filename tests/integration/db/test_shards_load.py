from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from geofix.db.draining import drain_shard
from geofix.db.engine import open_engine
from geofix.db.errors import GalleryError
from geofix.db.galleries import list_galleries, remove_gallery
from geofix.db.gallery import Gallery
from geofix.db.ingest import Ingest
from geofix.db.search import Search
from geofix.db.server import EmbeddedServer
from geofix.db.shards import add_shard, list_shards, remove_shard
from tests.integration.db.shard_lab import Shards, load, made, one, spread

ASKED = Search("e", complete=True)
PHOTOS, VECTORS = made(300)
NAMES = [photo.external_id for photo in PHOTOS]

ROOT = Path(__file__).parents[3]

KILLED = """
import os, signal, sys
from sqlalchemy import event
from geofix.db.engine import open_engine
from tests.integration.db.shard_lab import load, made

engine = open_engine(sys.argv[1])
photos, vectors = made(350)
# The shards have committed when this server is about to.
event.listen(engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
load(engine, photos[300:], vectors[300:], gallery=sys.argv[2], finish=False)
"""


@pytest.fixture
def shards(three: list[EmbeddedServer]) -> Iterator[Shards]:
    """100 photos on each of three servers."""
    with spread(three) as made_now:
        load(made_now.engine, PHOTOS, VECTORS)
        yield made_now


def test_loads_fill_all_servers_evenly(shards: Shards) -> None:
    assert shards.rows() == shards.counted() == {"here": 100, "b": 100, "c": 100}
    assert one(shards.engine, "select count(*) from photos") == 300
    for name in ("b", "c"):
        assert one(shards.engines[name], "select count(*) from photos") == 0
    assert set(Ingest(shards.engine).known("g", "made", "e", [*NAMES, "other"])) == set(NAMES)
    (summary,) = list_galleries(shards.engine)
    assert (summary.photos, summary.encoders) == (300, ("e",))


def test_every_server_has_the_same_mean(shards: Shards) -> None:
    means = {
        str(one(engine, "select version || ' ' || mean::text from centrings"))
        for engine in shards.engines.values()
    }
    assert len(means) == 1


def test_an_update_replaces_the_vector_where_it_is(shards: Shards) -> None:
    moved = [replace(photo, latitude=12.5, longitude=99.5, sha256=None) for photo in PHOTOS[::3]]
    turned = VECTORS[::3][:, ::-1].copy()
    added = Ingest(shards.engine).add("g", "e", moved, turned)
    Ingest(shards.engine).finish("e")
    assert (added.new, added.updated) == (0, 100)
    assert shards.rows() == shards.counted() == {"here": 100, "b": 100, "c": 100}
    for at in (0, 40, 99):
        (first, *_) = Gallery(shards.engine).nearest(turned[at], 3, ASKED)
        assert (first.external_id, first.latitude) == (moved[at].external_id, 12.5)
    for engine in shards.engines.values():
        assert one(engine, "select count(*) from embeddings where latitude = 12.5") > 30


def test_another_encoder_and_an_amended_place_reach_all_servers(shards: Shards) -> None:
    load(shards.engine, PHOTOS, VECTORS, encoder="finer")
    assert shards.rows() == {"here": 200, "b": 200, "c": 200}
    there = [replace(photo, latitude=-45.0) for photo in PHOTOS]
    assert Ingest(shards.engine).amend("g", there) == 300
    for engine in shards.engines.values():
        assert one(engine, "select count(*) from embeddings where latitude <> -45.0") == 0


def test_a_removed_gallery_is_gone_everywhere(shards: Shards) -> None:
    load(shards.engine, *made(30, seed=1), gallery="stays", batch=10)
    assert remove_gallery(shards.engine, "g") == 300
    assert sum(shards.rows().values()) == sum(shards.counted().values()) == 30
    found = Gallery(shards.engine).nearest(VECTORS[0], 50, ASKED)
    assert {hit.gallery for hit in found} == {"stays"}


@pytest.mark.parametrize("gallery", ["g", "new"])
def test_a_load_killed_between_two_commits_leaves_nothing(shards: Shards, gallery: str) -> None:
    # So that the next load goes to a shard.
    load(shards.engine, *made(10, seed=2), finish=False)
    arguments = [sys.executable, "-c", KILLED, shards.urls["here"], gallery]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = sum(shards.rows().values()) - 310
    assert left == 50
    photos, vectors = made(350)
    found = Gallery(shards.engine).nearest(vectors[320], 350, ASKED)
    assert len(found) == 310 and photos[320].external_id not in {hit.external_id for hit in found}
    ids = [photo.external_id for photo in photos]
    assert set(Ingest(shards.engine).known(gallery, "made", "e", ids[300:])) == set()
    load(shards.engine, photos[300:], vectors[300:], gallery=gallery)
    assert sum(shards.rows().values()) == sum(shards.counted().values()) == 360
    (first, *_) = Gallery(shards.engine).nearest(vectors[320], 3, ASKED)
    assert first.external_id == photos[320].external_id


def test_what_a_removal_left_on_a_shard_is_swept(shards: Shards) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geofix.db.galleries.forget_gallery", lambda connection, gallery_id: [])
        remove_gallery(shards.engine, "g")
    assert shards.rows()["b"] == 100
    found = Gallery(shards.engine).nearest(VECTORS[0], 10, ASKED)
    assert len(found) == 0
    Ingest(shards.engine).finish("e")
    assert {name: shards.rows()[name] for name in ("b", "c")} == {"b": 0, "c": 0}
    assert {name: shards.counted()[name] for name in ("b", "c")} == {"b": 0, "c": 0}


def test_a_drained_shard_can_be_removed_and_added_again(shards: Shards) -> None:
    before = [hit.external_id for hit in Gallery(shards.engine).nearest(VECTORS[7], 20, ASKED)]
    with pytest.raises(GalleryError, match=r"'b' holds 100 vectors.*drain b"):
        remove_shard(shards.engine, "b")
    moved: list[int] = []
    assert drain_shard(shards.engine, "b", progress=moved.append) == 100 == sum(moved)
    assert shards.rows()["b"] == shards.counted()["b"] == 0
    assert sum(shards.rows().values()) == sum(shards.counted().values()) == 300
    after = Gallery(shards.engine).nearest(VECTORS[7], 20, ASKED)
    assert [hit.external_id for hit in after] == before
    remove_shard(shards.engine, "b")
    assert [shard.name for shard in list_shards(shards.engine)] == ["c"]
    add_shard(shards.engine, "again", shards.urls["b"])
    load(shards.engine, *made(50, seed=3))
    assert shards.rows()["b"] == 50


def test_a_batch_on_two_servers_is_found_once_and_drained(shards: Shards) -> None:
    # As draining leaves it that is killed between its two commits.
    with shards.engines["b"].connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor().copy("copy (select * from embeddings) to stdout") as copy:
            rows = b"".join(bytes(block) for block in copy)
    with shards.engines["c"].connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor().copy("copy embeddings from stdin") as copy:
            copy.write(rows)
        driver.commit()
    found = Gallery(shards.engine).nearest(VECTORS[150], 300, ASKED)
    assert sorted(hit.external_id for hit in found) == sorted(NAMES)
    drain_shard(shards.engine, "b")
    assert shards.rows()["b"] == 0 and sum(shards.rows().values()) == 300
    assert shards.rows() == shards.counted()


def test_a_shard_needs_a_name_and_a_database_of_its_own(shards: Shards) -> None:
    for name, url, said in (
        ("b", "postgresql://x/y", "there is a shard 'b'"),
        ("here", "postgresql://x/y", "cannot be named 'here'"),
        ("Bad-Name", "postgresql://x/y", "cannot be named 'Bad-Name'"),
        ("d", shards.urls["here"], "is the one that holds the photos"),
        ("d", shards.urls["c"] + "?application_name=x", "is the one of the shard 'c'"),
    ):
        with pytest.raises(GalleryError, match=said) as raised:
            add_shard(shards.engine, name, url)
        assert "@" not in url or url.split("@")[0].split(":")[-1] not in str(raised.value)
    with pytest.raises(GalleryError, match="no shard 'd'; there is: 'b', 'c'"):
        drain_shard(shards.engine, "d")
    assert [shard.photos for shard in list_shards(shards.engine)] == [100, 100]


def test_a_database_with_photos_is_no_shard(shards: Shards, database_url: str) -> None:
    other = open_engine(database_url)
    load(other, *made(5))
    other.dispose()
    with pytest.raises(GalleryError, match="has photos of its own"):
        add_shard(shards.engine, "d", database_url)
    assert [shard.name for shard in list_shards(shards.engine)] == ["b", "c"]
