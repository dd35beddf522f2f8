"""Galleries of vectors with an encoder's structure, and how numpy ranks them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Engine, event, make_url

from benchmarks import vectors
from benchmarks.made_gallery import Drawn
from geofix.db.engine import conninfo, open_engine
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.round_trip import AHEAD, compiled
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Found
from tests.integration.db.load.loads import one

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

DIMENSION = 48


def make(rows: int, dimension: int, queries: int) -> Drawn:
    """Draw vectors as the benchmarks do."""
    return vectors.make(rows, dimension, queries=queries)


@lru_cache
def made(rows: int = 4000) -> Drawn:
    """Vectors, of which some lie on both sides of the antimeridian and some around the pole."""
    found = make(rows, DIMENSION, 40)
    rng = np.random.default_rng(1)
    at = rng.permutation(rows)
    fiji, pole = at[: rows // 10], at[rows // 10 : rows // 5]
    found.latitude[fiji] = rng.uniform(-20, -15, len(fiji))
    found.longitude[fiji] = (rng.uniform(175, 185, len(fiji)) + 180) % 360 - 180
    found.latitude[pole] = rng.uniform(86, 90, len(pole))
    found.longitude[pole] = rng.uniform(-180, 180, len(pole))
    return found


def country_of(index: int) -> str | None:
    return ("DE", "FR", None)[index % 3]


def add(
    engine: Engine,
    part: slice = slice(None),
    *,
    gallery: str = "g",
    vectors: Drawn | None = None,
    first: int = 0,
) -> None:
    """Add photos named for their place in `vectors`; a load that is not finished."""
    held = vectors or made()
    numbers = np.arange(len(held.vectors))[part]
    photos = [
        GeotaggedPhoto(
            "made",
            str(first + i),
            float(held.latitude[i]),
            float(held.longitude[i]),
            country=country_of(int(i)),
        )
        for i in numbers
    ]
    Ingest(engine).add(gallery, "e", photos, held.vectors[part])


def likeness(engine: Engine, query: Floats, *, centred: bool = True, rows: int = 4000) -> Doubles:
    """Cosine of all vectors with a query, by the mean in force."""
    kept = made(rows).vectors.astype(np.float64)
    probe = query.astype(np.float64)
    if centred:
        centring = Gallery(engine).centring("e")
        assert centring is not None
        kept, probe = kept - centring.mean, probe - centring.mean
    found: Doubles = kept @ probe / np.linalg.norm(kept, axis=1) / np.linalg.norm(probe)
    return found


def is_exact(found: Found, like: Doubles, allowed: NDArray[np.bool_], k: int, sign: int) -> None:
    """Check that these are the `k` best of the photos allowed, whichever way ties went."""
    numbers = [int(hit.external_id) for hit in found]
    best = np.sort(-sign * like[allowed])[:k]
    assert len(set(numbers)) == len(numbers) == len(best)
    assert allowed[numbers].all()
    similarities = [hit.similarity for hit in found]
    # The probe is written in halves.
    np.testing.assert_allclose(similarities, like[numbers], atol=3e-4)
    np.testing.assert_allclose(similarities, -sign * best, atol=3e-4)


def share_found(
    found: Found, like: Doubles, allowed: NDArray[np.bool_], k: int, sign: int
) -> float:
    """Return the share of the `k` best of the photos allowed that was found; none may be others."""
    numbers = [int(hit.external_id) for hit in found]
    assert len(set(numbers)) == len(numbers) == min(k, allowed.sum())
    assert allowed[numbers].all()
    last = np.sort(-sign * like[allowed])[:k][-1]
    return float(np.mean(-sign * like[numbers] <= last + 3e-4))


@contextmanager
def database(server_url: str, template: str) -> Iterator[Engine]:
    """A database that several tests read."""
    name = f"geofix_test_{uuid.uuid4().hex[:12]}"
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(conninfo(server_url), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}".encode())
    engine = open_engine(url)
    yield engine
    engine.dispose()
    with psycopg.connect(conninfo(server_url), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@contextmanager
def plans(engine: Engine) -> Iterator[list[str]]:
    """Collect how Postgres goes about each search of vectors, as its EXPLAIN says."""
    seen: list[str] = []

    def explain(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        if "FROM embeddings_" in statement and "distance" in statement:
            # Under the settings that go ahead of it, and hold until the transaction ends.
            with cursor.connection.transaction(), cursor.connection.cursor() as beside:
                if ahead := context.execution_options.get(AHEAD):
                    beside.execute(*compiled(ahead))
                rows = beside.execute(f"explain {statement}", parameters).fetchall()
            seen.append("\n".join(row[0] for row in rows))

    event.listen(engine, "before_cursor_execute", explain)
    yield seen
    event.remove(engine, "before_cursor_execute", explain)


def hnsw(engine: Engine) -> list[tuple[str, bool]]:
    """Name of each vector index there is, and whether it is valid."""
    rows: list[list[Any]] = (
        one(
            engine,
            "select json_agg(json_build_array(relname, indisvalid) order by relname)"
            " from pg_index join pg_class on pg_class.oid = indexrelid"
            " join pg_am on pg_am.oid = relam where amname = 'hnsw'",
        )
        or []
    )
    return [(str(name), bool(valid)) for name, valid in rows]
