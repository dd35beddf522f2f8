from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geofix.agent.services import Services
from geofix.tools.ingestion import IngestionReport, ingest_source, rejected_lines
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

    def run(source: Path | FolderSource | TableSource, gallery: str = "mine") -> IngestionReport:
        if isinstance(source, Path):
            source = FolderSource(source) if source.is_dir() else TableSource(source)
        done: list[int] = []
        report = ingest_source(source, gallery, services.ingest, counting, advance=done.append)
        kept = report.added + report.updated + report.unchanged
        assert kept + len(report.rejected) == len(source) == sum(done)
        assert len(list(rejected_lines(report))) == len(report.rejected)
        return report

    return run
