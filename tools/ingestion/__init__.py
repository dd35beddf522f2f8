"""Ingests photos and vectors into a gallery; every load can be repeated."""

from __future__ import annotations

from geofix.tools.ingestion.decoding import EncoderSpec
from geofix.tools.ingestion.photo_pipeline import BATCH, ingest_source
from geofix.tools.ingestion.ray_data import ingest_with_ray
from geofix.tools.ingestion.report import IngestionReport, Progress, rejected_lines
from geofix.tools.ingestion.vector_pipeline import ingest_vectors
from geofix.tools.ingestion.workers import default_workers

__all__ = [
    "BATCH",
    "EncoderSpec",
    "IngestionReport",
    "Progress",
    "default_workers",
    "ingest_source",
    "ingest_vectors",
    "ingest_with_ray",
    "rejected_lines",
]
