"""A gallery on a real Citus: GEOFIX_TEST_CITUS_URL names its coordinator.

The database there has the extensions citus and vector, and workers; the role may change their
settings. Each test works in a schema of its own, which is dropped afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, make_url

from geofix.agent.regions import circle, search_areas
from geofix.db.citus import distribute, prove_settings
from geofix.db.engine import conninfo, open_engine
from geofix.db.load.galleries import remove_gallery
from geofix.db.load.ingest import Ingest
from geofix.db.schema import upgrade_schema
from geofix.db.search import plan
from geofix.db.search.area import Area
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.db.search.status import check_recall, encoder_statuses
from geofix.tools.geo.distance import haversine_km
from tests.conftest import CITUS_URL
from tests.integration.db.load.loads import one
from tests.integration.db.search.structured_gallery import (
    add,
    is_exact,
    likeness,
    made,
    share_found,
)

pytestmark = pytest.mark.citus

K = 16
EVERYWHERE = Search(encoder="e")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty gallery whose vectors are distributed."""
    assert CITUS_URL is not None
    monkeypatch.setattr(plan, "EXACT_ROWS", 150)
    name = f"geofix_citus_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(conninfo(CITUS_URL), autocommit=True) as connection:
        connection.execute(f"create schema {name}".encode())
        there = make_url(CITUS_URL).update_query_dict({"options": f"-csearch_path={name},public"})
        opened = open_engine(there.render_as_string(hide_password=False))
        try:
            upgrade_schema(opened)
            distribute(opened, build_memory_mb=200)
            yield opened
        finally:
            opened.dispose()
            connection.execute(f"drop schema {name} cascade".encode())


def loaded(engine: Engine) -> None:
    for first in range(0, 4000, 1000):
        add(engine, slice(first, first + 1000))
    Ingest(engine).finish("e")


def test_both_ends_are_found_along_one_graph_a_shard(engine: Engine) -> None:
    loaded(engine)
    assert one(engine, "select count(distinct shardid) from citus_shards"
                       " where table_name = 'embeddings_1'::regclass") > 1  # fmt: skip
    assert one(engine, "select parts from vector_indexes") == 1
    everything = np.ones(4000, dtype=bool)
    gallery, shares = Gallery(engine), []
    for query in made().query_vectors[:10]:
        like = likeness(engine, query)
        for ask, sign in ((gallery.nearest, 1), (gallery.most_dissimilar, -1)):
            found = ask(query, K, EVERYWHERE)
            assert found.how[0].way == "index"
            shares.append(share_found(found, like, everything, K, sign))
    assert np.mean(shares) >= 0.99
    assert min(one.recall for one in check_recall(engine, "e", queries=20)) >= 0.99


REGIONS: dict[str, tuple[tuple[Area, ...], NDArray[np.bool_]]] = {
    name: (
        search_areas(circle(*place, radius_km), None),
        np.asarray(haversine_km(*place, made().latitude, made().longitude) <= radius_km),
    )
    for name, place, radius_km in (
        ("a circle", (-17.5, 180.0), 150.0),
        ("a wide circle", (45.0, 10.0), 4000.0),
        ("around the pole", (90.0, 0.0), 400.0),
    )
}
REGIONS["a country"] = ((Area(country="DE"),), np.arange(4000) % 3 == 0)


@pytest.mark.parametrize("region", list(REGIONS))
def test_a_region_is_gone_through_exactly(engine: Engine, region: str) -> None:
    loaded(engine)
    areas, allowed = REGIONS[region]
    search = Search(encoder="e", areas=areas, exact=True)
    for query in made().query_vectors[:5]:
        like = likeness(engine, query)
        is_exact(Gallery(engine).nearest(query, K, search), like, allowed, K, 1)
        is_exact(Gallery(engine).most_dissimilar(query, K, search), like, allowed, K, -1)


def test_settings_reach_every_worker(engine: Engine) -> None:
    prove_settings(engine)
    assert distribute(engine).workers >= 1


def test_loads_updates_sizes_and_removal(engine: Engine) -> None:
    loaded(engine)
    add(engine, slice(0, 500))
    assert one(engine, "select count(*) from embeddings") == 4000
    (status,) = encoder_statuses(engine)
    assert status.table_bytes > 4000 * 2 * status.dimension
    assert status.index_bytes > 0
    assert remove_gallery(engine, "g") == 4000
    assert one(engine, "select count(*) from embeddings") == 0
    assert len(Gallery(engine).nearest(made().query_vectors[0], K, EVERYWHERE)) == 0
