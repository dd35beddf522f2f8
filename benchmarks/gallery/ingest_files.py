"""The whole way of precomputed vectors, as `geofix gallery add` goes it: files in, rows stored.

The vectors lie in a .npy file and the rest in a Parquet table; reading both, checking coordinates,
looking up countries and what is stored already count, the index does not.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine

from benchmarks.gallery.database import Server
from benchmarks.gallery.geofix_gallery import ENCODER, GALLERY
from benchmarks.gallery.rows import LICENCE, Rows
from geofix.db.load.ingest import Ingest
from geofix.tools.ingestion import ingest_vectors
from geofix.tools.sources.open_source import open_source
from geofix.tools.sources.protocol import VectorSource


class Unfinished(Ingest):
    """Stops the clock where the index would be built, and builds none."""

    def __init__(self, engine: Engine) -> None:
        """Write into the database that `engine` reaches."""
        super().__init__(engine)
        self.stored_at = 0.0

    def finish(self, encoder: str) -> None:
        """Note when all rows were stored."""
        self.stored_at = time.perf_counter()


def whole_road_s(server: Server, rows: Rows) -> float:
    """Return the seconds from opening the files to the last row stored.

    Raises:
        RuntimeError: Not all rows were stored.
    """
    table = write_table(server.folder / "table.parquet", rows)
    engine = server.gallery_engine("road")
    try:
        ingest = Unfinished(engine)
        start = time.perf_counter()
        source = open_source(rows.path, kind="vectors", table=table)
        if not isinstance(source, VectorSource):
            raise RuntimeError(f"{rows.path} was not read as vectors")
        report = ingest_vectors(source, GALLERY, ingest, ENCODER)
        if report.added != len(rows):
            raise RuntimeError(f"{report.added!r} of {len(rows)!r} rows were stored: {report!r}")
        return ingest.stored_at - start
    finally:
        engine.dispose()
        server.execute("drop database road with (force)")


def write_table(path: Path, rows: Rows) -> Path:
    """Write what the photos carry besides their vectors; return `path`."""
    numbers = np.arange(len(rows))
    columns = {
        "id": numbers.astype(str),
        "latitude": rows.drawn.latitude,
        "longitude": rows.drawn.longitude,
        "author": [rows.author(row) for row in range(len(rows))],
        "licence": [LICENCE] * len(rows),
    }
    pq.write_table(pa.table(columns), path)
    return path
