"""The made vectors are the same each time, and have the structure that is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import vectors
from benchmarks.gallery.cosines import participation
from benchmarks.gallery.truth import centred
from benchmarks.made_gallery import Drawn
from benchmarks.vectors import BLOCK, ELSEWHERE, make
from geofix.tools.geo.distance import haversine_km


@pytest.fixture(scope="module")
def made() -> Drawn:
    return make(20_000, queries=100)


def test_the_same_seed_gives_the_same_gallery() -> None:
    first, again, other = (make(500, 16, seed, queries=3) for seed in (1, 1, 2))
    for name in set(Drawn.__dataclass_fields__) - {"alike"}:
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
        assert not np.array_equal(getattr(first, name), getattr(other, name)), name


def test_fewer_rows_are_a_prefix_of_more() -> None:
    few, many = make(BLOCK + 10, 16, queries=3), make(BLOCK + 700, 16, queries=3)
    # The last bit may differ: how a matrix product is summed depends on its shape.
    np.testing.assert_allclose(few.vectors, many.vectors[: BLOCK + 10], atol=1e-3)
    assert np.array_equal(few.latitude, many.latitude[: BLOCK + 10])
    assert np.array_equal(few.longitude, many.longitude[: BLOCK + 10])
    assert np.array_equal(few.query_vectors, many.query_vectors)


def test_the_file_holds_the_same_vectors(tmp_path: Path) -> None:
    make(300, 16, queries=1, path=tmp_path / "vectors.npy")
    assert np.array_equal(np.load(tmp_path / "vectors.npy"), make(300, 16, queries=1).vectors)


def test_cosines_are_those_of_an_image_encoder(made: Drawn) -> None:
    rows = made.vectors.astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=2e-3)
    pairs = np.percentile((rows[:10_000] * rows[10_000:]).sum(axis=1), [0.1, 50, 99])
    np.testing.assert_allclose(pairs, [0.41, 0.65, 0.77], atol=0.05)
    away = centred(made.vectors, rows.mean(axis=0))
    assert 80 < participation(away) < 106
    # Without what all share, random pairs are as often unlike as alike.
    assert abs(np.median((away[:10_000] * away[10_000:]).sum(axis=1))) < 0.05


def test_queries_are_no_rows(made: Drawn) -> None:
    cosines = made.query_vectors @ made.vectors.astype(np.float32).T
    assert cosines.max() < 0.99
    assert np.median(cosines.max(axis=1)) > 0.8


def test_places_follow_looks_only_in_part(made: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where none lies elsewhere, the same draws lie at the scene they look like.
    monkeypatch.setattr(vectors, "ELSEWHERE", 0.0)
    at_home = make(2_000)
    away_km = haversine_km(
        at_home.latitude, at_home.longitude, made.latitude[:2_000], made.longitude[:2_000]
    )
    assert np.mean(away_km > 1) == pytest.approx(ELSEWHERE, abs=0.04)


def test_places_are_on_the_earth_and_crowded(made: Drawn) -> None:
    assert np.abs(made.latitude).max() <= 90
    assert np.abs(made.longitude).max() <= 180
    degrees, counts = np.unique(
        np.floor(np.stack([made.latitude, made.longitude])), axis=1, return_counts=True
    )
    assert degrees.shape[1] > 500
    # A few square degrees hold what thousands of others share.
    assert np.sort(counts)[-20:].sum() > 0.1 * len(made.latitude)
