from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geofix.agent.services import Services
from geofix.tools.ingestion import IngestionReport, Progress, ingest_source, rejected_lines
from geofix.tools.sources import FolderSource, TableSource
from tests.fakes import ColorEncoder

Ingester = Callable[..., IngestionReport]


class CountingEncoder(ColorEncoder):
    """Also counts the photos it is given."""

    def __init__(self) -> None:
        self.embedded = 0

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.embedded += len(images)
        return super().embed(images)


@pytest.fixture
def counting() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture
def ingest(services: Services, counting: CountingEncoder) -> Ingester:
    """Ingest a folder or a table; every photo has to be counted once, in progress and report."""

    def run(
        source: Path | FolderSource | TableSource, gallery: str = "mine", **options: Any
    ) -> IngestionReport:
        if isinstance(source, Path):
            source = FolderSource(source) if source.is_dir() else TableSource(source)
        told: list[Progress] = []
        report = ingest_source(
            source, gallery, services.ingest, counting, advance=told.append, **options
        )
        kept = report.added + report.updated + report.unchanged
        assert kept + report.rejected == source.total() == told[-1].done == told[-1].total
        assert len(list(rejected_lines(report))) == len(report.first_rejects) == report.rejected
        return report

    return run
