"""What is promised of searches along the index, at a size where they go along it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search.status import check_recall
from tests.integration.db.search.structured_gallery import make

BLOCK = 7_000


# Above `EXACT_ROWS`, from which there is an index.
@pytest.mark.parametrize("blocks", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_recall_of_the_nearest_and_of_the_most_dissimilar(engine: Engine, blocks: int) -> None:
    rows = blocks * BLOCK
    held = make(rows, 64, 1)
    ingest = Ingest(engine)
    for first in range(0, rows, BLOCK):
        photos = [
            GeotaggedPhoto("made", str(i), float(held.latitude[i]), float(held.longitude[i]))
            for i in range(first, first + BLOCK)
        ]
        ingest.add("g", "e", photos, held.vectors[first : first + BLOCK])
    ingest.finish("e")
    nearest, dissimilar = check_recall(engine, "e")
    assert (nearest.direction, dissimilar.direction) == ("nearest", "most dissimilar")
    assert nearest.way == dissimilar.way == "index"
    assert nearest.recall >= 0.99
    assert dissimilar.recall >= 0.95
