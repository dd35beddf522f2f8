"""Vectors as a reader of precomputed ones gives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from geofix.agent.services import Services
from geofix.tools.ingestion import IngestionReport, Progress, ingest_vectors
from geofix.tools.sources import Rejected
from geofix.tools.sources.protocol import VectorBatch

TAKEN = datetime(2024, 5, 1, tzinfo=UTC)


class ListedVectors:
    """`count` rows in a line from Paris to the east; row 3 is left out."""

    name = "listed"
    dimension = 4

    def __init__(self, count: int, *, author: str | None = "Ann", step: float = 0.5) -> None:
        self._count = count
        self._author = author
        self._step = step
        self.read = 0

    def total(self) -> int:
        return self._count

    def batches(self, size: int) -> Iterator[VectorBatch]:
        for start in range(0, self._count, size):
            rows = [row for row in range(start, min(start + size, self._count)) if row != 3]
            self.read += size
            yield self._batch(rows, [Rejected("row 3", "NaN")] if start <= 3 < start + size else [])

    def _batch(self, rows: list[int], rejected: list[Rejected]) -> VectorBatch:
        count = len(rows)
        vectors = np.random.default_rng(rows[0]).normal(size=(count, 4)).astype(np.float32)
        return VectorBatch(
            external_ids=[f"row {row}" for row in rows],
            latitudes=np.full(count, 48.85),
            longitudes=2.35 + self._step * np.array(rows, dtype=np.float64),
            accuracies_km=np.full(count, 0.1),
            authors=[self._author] * count,
            licences=["CC0-1.0"] * count,
            attributions=[None] * count,
            captured_at=[TAKEN] * count,
            vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
            rejected=rejected,
        )


def ingested(services: Services, source: ListedVectors, batch_size: int = 10) -> IngestionReport:
    """Ingest; every row has to be counted once, in progress and report."""
    told: list[Progress] = []
    report = ingest_vectors(
        source, "mine", services.ingest, "listed", batch_size=batch_size, advance=told.append
    )
    assert report.done == source.total() == told[-1].done
    return report
