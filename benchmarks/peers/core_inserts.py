"""The way SQLAlchemy's tutorial loads: Core inserts of dictionaries, pgvector's own column type."""

from __future__ import annotations

import time

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import BigInteger, Column, Double, MetaData, Table, Text, create_engine

from benchmarks.gallery.rows import LICENCE, Rows


def core_inserts_s(url: str, rows: Rows, count: int) -> float:
    """Load the first `count` rows in one transaction; return the seconds."""
    metadata = MetaData()
    photos = Table(
        "core",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("latitude", Double, nullable=False),
        Column("longitude", Double, nullable=False),
        Column("country", Text),
        Column("author", Text),
        Column("licence", Text),
        Column("embedding", HALFVEC(rows.drawn.vectors.shape[1]), nullable=False),
    )
    values = [
        {
            "id": row,
            "latitude": float(rows.drawn.latitude[row]),
            "longitude": float(rows.drawn.longitude[row]),
            "country": rows.countries[row].decode(),
            "author": rows.author(row),
            "licence": LICENCE,
            "embedding": rows.drawn.vectors[row],
        }
        for row in range(count)
    ]
    engine = create_engine(url)
    metadata.create_all(engine)
    start = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(photos.insert(), values)
    took = time.perf_counter() - start
    engine.dispose()
    return took
