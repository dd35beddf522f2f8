from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest
from sqlalchemy import text

from geofix.db.errors import GalleryError, ShardError
from geofix.db.fanout import THREADS
from geofix.db.galleries import list_galleries, remove_gallery
from geofix.db.gallery import Gallery, ShardSearch
from geofix.db.gallery_status import encoder_statuses
from geofix.db.index_build import build_index
from geofix.db.ingest import Ingest
from geofix.db.search import Search
from geofix.db.server import EmbeddedServer
from geofix.db.shards import add_shard, list_shards, remove_shard
from tests.integration.db.shard_lab import Shards, load, made, spread

ASKED = Search("e")
WAYS: tuple[ShardSearch, ...] = ("fan-out", "fdw")
PHOTOS, VECTORS = made(300)


@pytest.fixture
def half_down(three: list[EmbeddedServer]) -> Iterator[Shards]:
    """100 photos on each of three servers, the last of which stops while a gallery is open."""
    with spread(three) as shards:
        load(shards.engine, PHOTOS, VECTORS)
        for way in WAYS:
            assert (
                not Gallery(shards.engine, shard_search=way).nearest(VECTORS[0], 3, ASKED).missing
            )
        three[2].stop()
        try:
            yield shards
        finally:
            three[2].start()


def of_c(shards: Shards) -> set[str]:
    """The photos of the shard that is down: the third load went there."""
    return {photo.external_id for photo in PHOTOS[200:]}


@pytest.mark.parametrize("way", WAYS)
def test_a_shard_that_is_down_is_missing_from_the_answer(
    half_down: Shards, way: ShardSearch
) -> None:
    gallery = Gallery(half_down.engine, shard_search=way)
    for found in (gallery.nearest(VECTORS[0], 10, ASKED), gallery.most_dissimilar(
        VECTORS[0], 10, ASKED)):  # fmt: skip
        assert len(found) == 10
        assert not of_c(half_down) & {one.external_id for one in found}
        (missing,) = found.missing
        assert missing.startswith("c: ") and "refused" in missing
        assert [how.server for how in found.how] == ["here", "b"]
    assert gallery.count(ASKED) == 200
    gallery.require(ASKED)


@pytest.mark.parametrize("way", WAYS)
def test_all_or_nothing_names_the_shard(half_down: Shards, way: ShardSearch) -> None:
    gallery = Gallery(half_down.engine, shard_search=way)
    complete = replace(ASKED, complete=True)
    with pytest.raises(GalleryError, match=r"the shard 'c' did not answer: .*refused"):
        gallery.nearest(VECTORS[0], 10, complete)
    with pytest.raises(GalleryError, match="the shard 'c'"):
        gallery.count(complete)


def test_what_changes_vectors_needs_all_shards_and_changes_nothing(half_down: Shards) -> None:
    password = half_down.urls["c"].split(":")[2].split("@")[0]
    before = {name: half_down.rows_of(name) for name in ("here", "b")}
    photos, vectors = made(20, seed=1)
    for attempt in (
        lambda: load(half_down.engine, photos, vectors, gallery="other"),
        lambda: Ingest(half_down.engine).finish("e"),
        lambda: build_index(half_down.engine, "e"),
        lambda: remove_gallery(half_down.engine, "g"),
        lambda: remove_shard(half_down.engine, "c"),
        lambda: Gallery(half_down.engine).require(Search("unknown")),
    ):
        with pytest.raises(ShardError, match="the shard 'c' at") as raised:
            attempt()
        assert password not in str(raised.value) and "***" in str(raised.value)
    assert {name: half_down.rows_of(name) for name in ("here", "b")} == before
    here, *others = list_shards(half_down.engine)
    assert (here.name, here.photos, here.reason) == ("b", 100, None)
    assert others[0].photos is None and "refused" in str(others[0].reason)


def test_what_is_there_is_told_without_a_shard_that_is_down(half_down: Shards) -> None:
    (gallery,) = list_galleries(half_down.engine)
    assert (gallery.photos, gallery.encoders) == (300, ("e",))
    (status,) = encoder_statuses(half_down.engine)
    assert (status.photos, status.servers) == (200, ("here", "b"))
    for (missing,) in (gallery.missing, status.missing):
        assert missing.startswith("c: ") and "refused" in missing
    # Where nothing is left that answers, there is nothing to tell.
    with half_down.engine.begin() as connection:
        encoder = connection.execute(text("select id from encoders")).scalar_one()
        connection.execute(text(f"drop table embeddings_{encoder:d}"))
        connection.execute(text("delete from shards where name = 'b'"))
    with pytest.raises(ShardError, match="the shard 'c' at"):
        encoder_statuses(half_down.engine)


def test_a_shard_that_is_gone_for_good_can_be_given_up(half_down: Shards) -> None:
    remove_shard(half_down.engine, "c", lost=True)
    found = Gallery(half_down.engine).nearest(VECTORS[0], 10, replace(ASKED, complete=True))
    assert [how.server for how in found.how] == ["here", "b"]
    ids = [photo.external_id for photo in PHOTOS]
    known = Ingest(half_down.engine).known("g", "made", "e", ids)
    assert set(known) == set(ids) - of_c(half_down)
    # Ingested again they are found again, under the ids they had.
    load(half_down.engine, PHOTOS[200:], VECTORS[200:])
    (first, *_) = Gallery(half_down.engine).nearest(VECTORS[250], 3, ASKED)
    assert first.external_id == PHOTOS[250].external_id


def test_a_shard_that_takes_too_long_is_missing(three: list[EmbeddedServer]) -> None:
    with spread(three) as shards:
        load(shards.engine, PHOTOS, VECTORS)
        with shards.engines["b"].begin() as connection:
            connection.execute(text("lock table encoders in access exclusive mode"))
            began = monotonic()
            found = Gallery(shards.engine, shard_timeout_s=0.3).nearest(VECTORS[0], 5, ASKED)
            assert monotonic() - began < 10
        for thread in threading.enumerate():
            if thread.name == THREADS:
                thread.join()
        assert found.missing == ("b: no answer within 0.3 s",)
        assert len(found) == 5


def test_a_shard_out_of_reach_is_not_added(three: list[EmbeddedServer]) -> None:
    with spread(three) as shards:
        url = "postgresql://geofix:secret-word@127.0.0.1:1/geofix"
        with pytest.raises(ShardError, match=r"the shard 'd' at .*refused") as raised:
            add_shard(shards.engine, "d", url)
        assert "secret-word" not in str(raised.value)
        assert [shard.name for shard in list_shards(shards.engine)] == ["b", "c"]
        assert np.all([":***@" in shard.url for shard in list_shards(shards.engine)])
