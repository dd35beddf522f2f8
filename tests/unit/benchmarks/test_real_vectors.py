"""Real places as a gallery: queries held out, the rest in random order, twins known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import geoclip_vectors
from benchmarks.gallery.rows import GEOCLIP, geoclip_rows
from benchmarks.geoclip_vectors import GeoclipPlaces, draw_places

COUNT = 60


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> GeoclipPlaces:
    """GeoclipPlaces of which every third is the one before it once more; no download."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((COUNT, 8)).astype(np.float16)
    vectors[2::3] = vectors[1::3]
    latitude = np.arange(COUNT, dtype=np.float64)
    read = GeoclipPlaces(vectors, latitude, -latitude, np.ones(COUNT, np.float32))
    monkeypatch.setattr(geoclip_vectors, "read_places", lambda: read)
    return read


def test_queries_are_held_out_and_places_stay_with_their_vectors(places: GeoclipPlaces) -> None:
    drawn = draw_places(50, queries=10)
    taken = np.concatenate([drawn.latitude, drawn.query_latitude])
    assert sorted(taken) == list(range(COUNT))
    assert np.array_equal(drawn.vectors, places.vectors[drawn.latitude.astype(int)])
    assert np.array_equal(drawn.query_vectors, places.vectors[drawn.query_latitude.astype(int)])
    assert np.array_equal(drawn.longitude, -drawn.latitude)
    assert np.array_equal(drawn.query_longitude, -drawn.query_latitude)


def test_rows_are_in_random_order_and_fewer_are_a_prefix() -> None:
    many, few, other = draw_places(50, 1, 10), draw_places(20, 1, 10), draw_places(50, 2, 10)
    assert (np.diff(many.latitude) < 0).any()
    assert np.array_equal(many.latitude[:20], few.latitude)
    assert np.array_equal(many.query_latitude, few.query_latitude)
    assert not np.array_equal(many.query_latitude, other.query_latitude)


def test_rows_with_the_same_vector_are_named_by_the_first() -> None:
    drawn = draw_places(50, queries=10)
    assert drawn.alike is not None
    for row, first in enumerate(drawn.alike):
        same = (drawn.vectors == drawn.vectors[row]).all(axis=1)
        assert first == np.flatnonzero(same)[0]
    assert 30 <= len(set(drawn.alike)) < 50


def test_no_more_can_be_drawn_than_there_are() -> None:
    with pytest.raises(ValueError, match="51 rows and 10 queries are more than the 60 places"):
        draw_places(51, queries=10)


def test_rows_lie_in_a_file_and_have_countries(tmp_path: Path) -> None:
    rows = geoclip_rows(tmp_path, 50, 0, 10)
    assert rows.name == GEOCLIP
    assert rows.size() == "50 x 8 (GeoCLIP locations)"
    assert np.array_equal(np.load(rows.path), rows.drawn.vectors)
    assert len(rows.countries) == 50
