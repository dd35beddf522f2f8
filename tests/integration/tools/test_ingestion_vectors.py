"""Precomputed vectors into the gallery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geofix.agent.errors import GalleryError, SourceError
from geofix.agent.services import Services
from geofix.tools.geo.countries import countries_at
from geofix.tools.ingestion import ingest_vectors
from tests.integration.tools.stored import orphans, stored, vectors_of
from tests.integration.tools.vectors import TAKEN, ListedVectors, ingested


def test_vectors_go_in_with_their_places_terms_and_countries(services: Services) -> None:
    source = ListedVectors(25)
    report = ingested(services, source)
    assert (report.added, report.rejected) == (24, 1)
    rows = stored(services, "source", "external_id", "author", "licence", "captured_at", "sha256")
    assert rows[0] == ("listed", "row 0", "Ann", "CC0-1.0", TAKEN, None)
    places = stored(services, "latitude", "longitude", "country")
    latitudes, longitudes, countries = zip(*places, strict=True)
    assert list(countries) == countries_at(latitudes, longitudes)
    assert {"FR", "DE"} <= set(countries)


def test_each_row_keeps_its_own_vector(services: Services) -> None:
    ingested(services, ListedVectors(25))
    there = vectors_of(services, "mine")
    for batch in ListedVectors(25).batches(10):
        for name, vector in zip(batch.external_ids, batch.vectors, strict=True):
            np.testing.assert_allclose(there[name], vector, atol=1e-3)


def test_a_second_run_changes_nothing(services: Services) -> None:
    ingested(services, ListedVectors(25))
    before = stored(services, "id", "external_id")
    report = ingested(services, ListedVectors(25))
    assert (report.added, report.updated, report.unchanged) == (0, 0, 24)
    assert stored(services, "id", "external_id") == before


@pytest.mark.parametrize(
    ("changed", "column", "value"),
    [
        (ListedVectors(5, author=None), "author", None),
        (ListedVectors(5, step=20), "country", "FR"),
    ],
)
def test_corrected_rows_are_brought_up_to_date(
    services: Services, changed: ListedVectors, column: str, value: object
) -> None:
    ingested(services, ListedVectors(5))
    report = ingested(services, changed)
    assert report.added == 0
    assert report.updated == (4 if column == "author" else 3)
    assert stored(services, column)[0] == value
    assert ingested(services, changed).unchanged == 4
    assert orphans(services) == (4, 0)


def test_vectors_of_another_dimension_are_refused_under_the_same_name(services: Services) -> None:
    ingested(services, ListedVectors(5))

    class Longer(ListedVectors):
        name = "longer"

        def _batch(self, *given):  # type: ignore[no-untyped-def]
            batch = super()._batch(*given)
            object.__setattr__(batch, "vectors", np.hstack([batch.vectors] * 2))
            return batch

    with pytest.raises(GalleryError, match="stored vectors have 4"):
        ingested(services, Longer(5))


def test_an_encoder_without_a_name_is_refused(services: Services, tmp_path: Path) -> None:
    source = ListedVectors(5)
    with pytest.raises(SourceError, match="name"):
        ingest_vectors(source, "mine", services.ingest, " ")
    assert source.read == 0
