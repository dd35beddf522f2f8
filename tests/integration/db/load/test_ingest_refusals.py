"""Loads that are refused, and leave nothing behind."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import Engine

from geofix.db.errors import GalleryError
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from tests.integration.db.load.loads import Floats, counts, photo, photos, unit


def spoiled(value: float) -> Floats:
    vectors = unit(3)
    vectors[1, 2] = value
    return vectors


@pytest.mark.parametrize(
    ("given", "vectors", "message"),
    [
        (photos(3), spoiled(np.nan), "encoder 'e' gave a vector that is not finite"),
        (photos(3), spoiled(-np.inf), "not finite"),
        (photos(3), spoiled(1e6), "not finite"),
        (photos(3), unit(2), "3 photos came with 2 vectors"),
        (
            photos(3),
            unit(3, dimension=5),
            "'e' gave vectors of 5 dimensions, but its stored vectors have 4",
        ),
        ([photo(0), photo(1, latitude=91.0), photo(2)], unit(3), "'p1' of 'made': latitude 91.0"),
        ([photo(0), photo(1, latitude=np.nan), photo(2)], unit(3), "'p1' .*latitude nan"),
        ([photo(0), photo(1, longitude=-180.1), photo(2)], unit(3), "'p1' .*longitude -180.1"),
        ([photo(0), photo(1, accuracy_km=-1.0), photo(2)], unit(3), "'p1' .*accuracy_km -1.0"),
        ([photo(0), photo(1, accuracy_km=np.inf), photo(2)], unit(3), "'p1' .*accuracy_km inf"),
        ([photo(0), photo(1), photo(0)], unit(3), "photo 'p0' of 'made' appears twice"),
        ([photo(0), photo(1, author="A\0B"), photo(2)], unit(3), r"author of photo 'p1'.*'\\x00'"),
        ([photo(0), photo(1, external_id="\0"), photo(2)], unit(3), "external_id of photo"),
        ([photo(0), photo(1, location="a\udcff"), photo(2)], unit(3), r"location of .*'\\udcff'"),
        (
            [photo(0), photo(1, captured_at=datetime(2020, 1, 1)), photo(2)],
            unit(3),
            "'p1' .*captured_at '2020-01-01T00:00:00' has no time zone",
        ),
    ],
)
def test_a_batch_that_cannot_be_stored_leaves_nothing(
    engine: Engine, given: list[GeotaggedPhoto], vectors: Floats, message: str
) -> None:
    ingest = Ingest(engine)
    ingest.add("g", "e", [photo(100)], unit(1))
    before = counts(engine)
    with pytest.raises(GalleryError, match=message):
        ingest.add("new gallery", "e", given, vectors)
    assert counts(engine) == before


@pytest.mark.parametrize(("gallery", "encoder"), [("a\0", "e"), ("g", "e\0")])
def test_a_name_that_cannot_be_stored_is_refused(
    engine: Engine, gallery: str, encoder: str
) -> None:
    with pytest.raises(GalleryError, match=r"the (gallery|encoder)'s name has the character"):
        Ingest(engine).add(gallery, encoder, photos(1), unit(1))
    assert counts(engine)["galleries"] == counts(engine)["encoders"] == 0
