"""Photos and vectors to load, short to write, and the rows that a load left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from geofix.db.load.ingest import GeotaggedPhoto

Floats = NDArray[np.float32]

TABLES = ("encoders", "galleries", "photos", "embeddings", "centrings")


def one(engine: Engine, statement: str, **values: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(statement), values).scalar()


def counts(engine: Engine) -> dict[str, int]:
    """Rows by table, and how many partitions there are."""
    found = {table: one(engine, f"select count(*) from {table}") for table in TABLES}
    found["partitions"] = one(engine, "select count(*) from pg_inherits")
    return found


def photo(index: int, **changes: Any) -> GeotaggedPhoto:
    return replace(GeotaggedPhoto("made", f"p{index}", 10.0, 20.0), **changes)


def photos(count: int) -> list[GeotaggedPhoto]:
    return [photo(index) for index in range(count)]


def unit(rows: int, dimension: int = 4, seed: int = 0) -> Floats:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
