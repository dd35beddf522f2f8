"""Searches of one gallery that has an index, beside what numpy finds in the same vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine

from geofix.agent.regions import circle, search_areas
from geofix.db.errors import GalleryError
from geofix.db.load.ingest import Ingest
from geofix.db.search import plan
from geofix.db.search.area import Area
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.db.search.similarity import second_pool
from geofix.tools.geo.distance import haversine_km
from tests.integration.db.load.loads import one
from tests.integration.db.search.structured_gallery import (
    DIMENSION,
    add,
    database,
    hnsw,
    is_exact,
    likeness,
    made,
    plans,
    share_found,
)

Bools = NDArray[np.bool_]

EXACT_ROWS = 150
K = 16
EVERYWHERE = Search(encoder="e")
INDEX = "embeddings_1_full_1"


@pytest.fixture(scope="module", params=[1, 3], ids=["one graph", "three graphs"])
def graphs(request: pytest.FixtureRequest) -> int:
    """Of how many graphs the index is made."""
    return int(request.param)


@pytest.fixture(scope="module")
def indexed(server_url: str, migrated: str, graphs: int) -> Iterator[Engine]:
    """4,000 photos, the last 1,000 in a gallery of their own, with an index over all of them."""
    with pytest.MonkeyPatch.context() as patched, database(server_url, migrated) as engine:
        patched.setattr(plan, "EXACT_ROWS", EXACT_ROWS)
        if graphs > 1:
            patched.setattr(plan, "SMALLEST_PART", 1000)
            patched.setattr(plan, "PART_ROWS", 1500)
        add(engine, slice(0, 3000), gallery="a")
        add(engine, slice(3000, 4000), gallery="b")
        Ingest(engine).finish("e")
        yield engine


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", EXACT_ROWS)
    for bound in ("REGION_NEAREST", "REGION_DISSIMILAR"):
        monkeypatch.setattr(plan, bound, (EXACT_ROWS, 1.0))
    # Whatever machine this is: a graph on the search's own connection, and two on another.
    monkeypatch.setattr("geofix.db.search.gallery.cores_of", lambda engine: 2)


def shares(engine: Engine, search: Search, allowed: Bools, way: str = "index") -> list[float]:
    """Share of the true answers that queries found, of both directions, all by one way."""
    found = []
    gallery = Gallery(engine)
    for query in made().query_vectors[:5]:
        like = likeness(engine, query)
        for ask, sign in ((gallery.nearest, 1), (gallery.most_dissimilar, -1)):
            hits = ask(query, K, search)
            assert [how.way for how in hits.how] == [way]
            found.append(share_found(hits, like, allowed, K, sign))
    return found


def everything() -> Bools:
    return np.ones(4000, dtype=bool)


def test_the_index_finds_what_numpy_finds_both_ways(indexed: Engine) -> None:
    assert np.mean(shares(indexed, EVERYWHERE, everything())) >= 0.99


def test_an_answer_says_how_it_was_found(indexed: Engine, graphs: int) -> None:
    query = made().query_vectors[0]
    (how,) = Gallery(indexed).nearest(query, K, EVERYWHERE).how
    assert (how.server, how.way, how.rows, how.index) == ("here", "index", 4000, INDEX)
    narrower = graphs**-plan.NARROWS
    assert how.ef_search == round(plan.NEAREST_EF * narrower)
    assert (how.unindexed, how.note) == (False, None)
    (how,) = Gallery(indexed).most_dissimilar(query, K, EVERYWHERE).how
    assert how.ef_search == round(plan.DISSIMILAR_EF * narrower)


def test_each_photo_is_in_one_graph(indexed: Engine, graphs: int) -> None:
    names = [name for name, valid in hnsw(indexed) if valid]
    assert names == ([INDEX] if graphs == 1 else [f"{INDEX}_{part}" for part in range(graphs)])
    rows = sum(int(one(indexed, f"select reltuples from pg_class where relname = '{name}'"))
               for name in names)  # fmt: skip
    assert rows == 4000


@pytest.mark.parametrize(
    "search",
    [EVERYWHERE, Search("e", galleries=("a",)), Search("e", areas=(Area(country="DE"),))],
    ids=["everywhere", "a gallery", "a country"],
)
def test_postgres_goes_along_the_index(indexed: Engine, graphs: int, search: Search) -> None:
    with plans(indexed) as seen, plans(second_pool(indexed)) as seen_beside:
        Gallery(indexed).nearest(made().query_vectors[0], K, search)
    here, there = ([INDEX], []) if graphs == 1 else ([f"{INDEX}_0", f"{INDEX}_2"], [f"{INDEX}_1"])
    assert [len(seen), len(seen_beside)] == [1, len(there)]
    for names, steps in ((here, seen[0]), (there, "".join(seen_beside))):
        assert [name in steps for name in names] == [True] * len(names)
        assert steps.count("Index Scan using") == len(names)
        assert "Sort" not in steps


def test_exact_compares_with_every_vector(indexed: Engine) -> None:
    search = Search(encoder="e", exact=True)
    for query in made().query_vectors[:5]:
        like = likeness(indexed, query)
        with plans(indexed) as seen:
            near = Gallery(indexed).nearest(query, K, search)
        assert "Seq Scan" in seen[0]
        assert INDEX not in seen[0]
        is_exact(near, like, everything(), K, 1)
        assert (near.how[0].way, near.how[0].index) == ("exact", None)
        is_exact(Gallery(indexed).most_dissimilar(query, K, search), like, everything(), K, -1)


def test_raw_vectors_are_compared_exactly_though_there_is_an_index(indexed: Engine) -> None:
    search = Search(encoder="e", vectors="raw")
    query = made().query_vectors[0]
    like = likeness(indexed, query, centred=False)
    near = Gallery(indexed).nearest(query, K, search)
    assert near.how[0].way == "exact"
    is_exact(near, like, everything(), K, 1)
    is_exact(Gallery(indexed).most_dissimilar(query, K, search), like, everything(), K, -1)


def within(latitude: float, longitude: float, radius_km: float) -> tuple[tuple[Area, ...], Bools]:
    held = made()
    distance_km = haversine_km(latitude, longitude, held.latitude, held.longitude)
    areas = search_areas(circle(latitude, longitude, radius_km), None)
    return areas, np.asarray(distance_km <= radius_km)


def in_box(south: float, west: float, north: float, east: float) -> tuple[tuple[Area, ...], Bools]:
    lat, lon = made().latitude, made().longitude
    inside = (south <= lat) & (lat <= north) & (west <= lon) & (lon <= east)
    return (Area(boxes=((south, west, north, east),)),), inside


REGIONS = {
    "circle": within(45.0, 10.0, 4000.0),
    "circle across the antimeridian": within(-17.5, 180.0, 500.0),
    "circle around the pole": within(90.0, 0.0, 400.0),
    "box": in_box(-35.3, -110.1, 30.2, 40.7),
    "box at the antimeridian": in_box(-20.0, 175.0, -15.0, 180.0),
    "country": ((Area(country="DE"),), np.arange(4000) % 3 == 0),
}


@pytest.mark.parametrize("region", list(REGIONS))
def test_a_region_is_searched_alike_by_index_exactly_and_by_numpy(
    indexed: Engine, region: str
) -> None:
    areas, allowed = REGIONS[region]
    assert allowed.sum() > EXACT_ROWS
    assert np.mean(shares(indexed, Search(encoder="e", areas=areas), allowed)) >= 0.97
    exact = Search(encoder="e", areas=areas, exact=True)
    assert shares(indexed, exact, allowed, "exact") == [1.0] * 10


@pytest.mark.parametrize("exact", [False, True])
def test_what_lies_outside_of_a_region(indexed: Engine, exact: bool) -> None:
    (fiji,), inside = REGIONS["circle across the antimeridian"]
    search = Search(encoder="e", outside=(fiji,), exact=exact)
    way = "exact" if exact else "index"
    assert np.mean(shares(indexed, search, ~inside, way)) >= (1.0 if exact else 0.97)
    wide, around = within(-17.5, 180.0, 5000.0)
    search = Search(encoder="e", areas=wide, outside=(fiji,), exact=exact)
    ring = around & ~inside
    assert 0 < ring.sum() < around.sum()
    rows = Gallery(indexed).nearest(made().query_vectors[0], K, search).rows
    assert rows == pytest.approx(ring.sum(), rel=0.1)
    hits = Gallery(indexed).nearest(made().query_vectors[0], 10 * K, search)
    assert ring[[int(hit.external_id) for hit in hits]].all()


@pytest.mark.parametrize("exact", [False, True])
def test_what_lies_in_none_of_several_regions(indexed: Engine, exact: bool) -> None:
    names = ("circle", "circle across the antimeridian", "circle around the pole", "box")
    outside = tuple(area for name in names for area in REGIONS[name][0])
    inside = [REGIONS[name][1] for name in names]
    # Each leaves out photos that no other does, so that forgetting one is seen.
    alone = [mine & (np.sum(inside, axis=0) == 1) for mine in inside]
    assert len(outside) == 4 and all(mine.any() for mine in alone)
    search = Search(encoder="e", outside=outside, exact=exact)
    allowed = ~np.any(inside, axis=0)
    way = "exact" if exact else "index"
    assert np.mean(shares(indexed, search, allowed, way)) >= (1.0 if exact else 0.97)
    rows = Gallery(indexed).count(search)
    assert rows == pytest.approx(allowed.sum(), rel=0.1)
    every = Gallery(indexed).nearest(made().query_vectors[0], 4000, replace(search, exact=True))
    assert {int(hit.external_id) for hit in every} == set(np.flatnonzero(allowed).tolist())


@pytest.mark.parametrize("exact", [False, True])
def test_only_the_named_gallery_is_searched(indexed: Engine, exact: bool) -> None:
    search = Search(encoder="e", galleries=("b",), exact=exact)
    of_b = np.arange(4000) >= 3000
    way = "exact" if exact else "index"
    assert np.mean(shares(indexed, search, of_b, way)) >= (1.0 if exact else 0.97)
    areas, inside = REGIONS["box"]
    search = Search(encoder="e", galleries=("b",), areas=areas, exact=True)
    assert shares(indexed, search, of_b & inside, "exact") == [1.0] * 10


def test_a_small_region_is_searched_exactly(indexed: Engine) -> None:
    areas, allowed = within(-17.5, 180.0, 150.0)
    assert K < allowed.sum() < EXACT_ROWS
    assert shares(indexed, Search(encoder="e", areas=areas), allowed, "exact") == [1.0] * 10


def test_too_few_by_the_index_are_looked_for_exactly(
    indexed: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("EXACT_ROWS", 10), ("NEAREST_EF", 10), ("ROOM", 0)):
        monkeypatch.setattr(plan, name, number)
    monkeypatch.setattr(plan, "REGION_NEAREST", (10, 1.0))
    monkeypatch.setattr("geofix.db.search.index.SCANNED_TUPLES", 1)
    areas, allowed = within(-17.5, 180.0, 130.0)
    assert 17 < allowed.sum() < 60
    search = Search(encoder="e", areas=areas)
    notes = 0
    for query in made().query_vectors[:5]:
        hits = Gallery(indexed).nearest(query, 6, search)
        share_found(hits, likeness(indexed, query), allowed, 6, 1)
        (how,) = hits.how
        if how.note is not None:
            notes += 1
            assert "every vector in the region was compared" in how.note
            assert how.way == "exact"
            is_exact(hits, likeness(indexed, query), allowed, 6, 1)
    assert notes


@pytest.mark.parametrize("k", [1, 500, 1200, 3999, 5000])
def test_however_many_are_asked_for_are_found(indexed: Engine, k: int) -> None:
    query = made().query_vectors[3]
    hits = Gallery(indexed).nearest(query, k, EVERYWHERE)
    assert len(hits) == min(k, 4000)
    assert share_found(hits, likeness(indexed, query), everything(), k, 1) >= 0.99


@pytest.mark.parametrize("vectors", ["centred", "raw"])
def test_a_query_of_another_dimension_is_refused(indexed: Engine, vectors: str) -> None:
    search = Search(encoder="e", vectors=vectors)  # type: ignore[arg-type]
    with pytest.raises(GalleryError, match=rf"has 7 dimensions.* have {DIMENSION};"):
        Gallery(indexed).nearest(np.ones(7, np.float32), K, search)
