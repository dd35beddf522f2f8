from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine

from geofix.db import plan
from geofix.db.area import Area
from geofix.db.gallery import Gallery, ShardSearch
from geofix.db.index_build import build_index
from geofix.db.search import Found, Search
from geofix.db.server import EmbeddedServer
from tests.integration.db.shard_lab import Floats, Shards, load, made, spread

ROWS = 1200
WAYS: tuple[ShardSearch, ...] = ("fan-out", "fdw")
ASKED = Search("e")
EUROPE = Area(boxes=((30.0, -20.0, 70.0, 60.0),))


@pytest.fixture(scope="module")
def full(three: list[EmbeddedServer]) -> Iterator[Shards]:
    """400 photos on each of three servers."""
    with spread(three) as shards:
        load(shards.engine, *made(ROWS))
        assert shards.rows() == {"here": 400, "b": 400, "c": 400}
        yield shards


@pytest.fixture
def single(engine: Engine) -> Engine:
    """The same photos on one server."""
    load(engine, *made(ROWS))
    return engine


def queries(count: int = 6) -> Floats:
    rng = np.random.default_rng(9)
    asked = rng.normal(size=(count, 16)) + 1.0
    return (asked / np.linalg.norm(asked, axis=1, keepdims=True)).astype(np.float32)


def names(found: Found) -> list[str]:
    return [one.external_id for one in found]


def answers(gallery: Gallery, search: Search) -> list[Found]:
    asked = queries()
    near = [gallery.nearest(one, 10, search) for one in asked]
    return near + [gallery.most_dissimilar(one, 10, search) for one in asked]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "search",
    [
        ASKED,
        replace(ASKED, vectors="raw"),
        replace(ASKED, areas=(EUROPE,)),
        replace(ASKED, outside=EUROPE),
        replace(ASKED, galleries=("g",), areas=(Area(country="FR"),)),
    ],
)
def test_three_servers_answer_as_one(
    full: Shards, single: Engine, search: Search, way: ShardSearch
) -> None:
    together = answers(Gallery(full.engine, shard_search=way), search)
    alone = answers(Gallery(single), search)
    for found, wanted in zip(together, alone, strict=True):
        if way == "fan-out":
            assert names(found) == names(wanted)
        # Computed in halves by the other way, two that are about as close may change places.
        assert len(set(names(found)) & set(names(wanted))) >= 9
        assert [one.similarity for one in found] == pytest.approx(
            [one.similarity for one in wanted], abs=2e-3
        )
        assert {how.server: how.way for how in found.how} == {
            "here": "exact", "b": "exact", "c": "exact",
        }  # fmt: skip
        assert found.missing == ()


def test_counts_and_centring_are_those_of_all(full: Shards, single: Engine) -> None:
    for search in (ASKED, replace(ASKED, areas=(EUROPE,))):
        assert Gallery(full.engine).count(search) == pytest.approx(
            Gallery(single).count(search), abs=2
        )
    together, alone = Gallery(full.engine).centring("e"), Gallery(single).centring("e")
    assert together is not None and alone is not None
    assert together.photos == alone.photos == ROWS
    np.testing.assert_allclose(together.mean, alone.mean, atol=1e-3)
    np.testing.assert_allclose(together.impostors, alone.impostors, atol=2e-3)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["full", "compact"])
def test_through_the_indexes_three_find_what_one_finds(
    three: list[EmbeddedServer], monkeypatch: pytest.MonkeyPatch, way: ShardSearch, kind: str
) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 50)
    with spread(three) as shards:
        load(shards.engine, *made(ROWS), finish=False)
        said: list[str] = []
        build_index(shards.engine, "e", kind=kind, progress=said.append)
        assert sum("building the index" in line for line in said) == 3
        gallery = Gallery(shards.engine, shard_search=way)
        exact = answers(gallery, replace(ASKED, exact=True))
        found = answers(gallery, ASKED)
        hits = [len(set(names(a)) & set(names(b))) / 10 for a, b in zip(found, exact, strict=True)]
        assert np.mean(hits) >= 0.97
        for one in found:
            assert {how.way for how in one.how} == {"index"}
            assert len({how.index for how in one.how}) == 1 and len(one.how) == 3
        for one in exact:
            assert {how.way for how in one.how} == {"exact"}


@pytest.mark.parametrize("way", WAYS)
def test_photos_after_the_index_are_found(
    three: list[EmbeddedServer], monkeypatch: pytest.MonkeyPatch, way: ShardSearch
) -> None:
    photos, vectors = made(600)
    monkeypatch.setattr(plan, "EXACT_ROWS", 50)
    with spread(three) as shards:
        load(shards.engine, photos[:450], vectors[:450], finish=False)
        build_index(shards.engine, "e")
        load(shards.engine, photos[450:], vectors[450:], finish=False, batch=50)
        assert set(shards.rows().values()) == {200}
        gallery = Gallery(shards.engine, shard_search=way)
        for number in (450, 520, 599):
            (first, *_) = found = gallery.nearest(vectors[number], 5, ASKED)
            assert first.external_id == photos[number].external_id
            assert {how.way for how in found.how} == {"index"}


@pytest.mark.parametrize("way", WAYS)
def test_a_shard_with_another_mean_is_searched_exactly(
    three: list[EmbeddedServer], monkeypatch: pytest.MonkeyPatch, way: ShardSearch
) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 50)
    with spread(three) as shards:
        load(shards.engine, *made(600), finish=False)
        build_index(shards.engine, "e")
        wanted = names(Gallery(shards.engine).nearest(queries()[0], 10, replace(ASKED, exact=True)))
        with shards.engines["b"].begin() as connection:
            connection.exec_driver_sql("update vector_indexes set centring_version = 7")
            connection.exec_driver_sql("update encoders set loads = loads + 1")
        found = Gallery(shards.engine, shard_search=way).nearest(queries()[0], 10, ASKED)
        (how,) = [how for how in found.how if how.server == "b"]
        assert how.way == "exact" and how.note is not None and "mean 7" in how.note
        assert names(found) == wanted


def test_an_unknown_way_to_ask_shards_is_named(engine: Engine) -> None:
    with pytest.raises(ValueError, match="not by 'carrier pigeon'"):
        Gallery(engine, shard_search="carrier pigeon")  # type: ignore[arg-type]


def test_all_or_nothing_is_answered_where_all_answer(full: Shards) -> None:
    assert len(Gallery(full.engine).nearest(queries()[0], 3, replace(ASKED, complete=True))) == 3
