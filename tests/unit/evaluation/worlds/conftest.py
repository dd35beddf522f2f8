"""Places as GeoCLIP's look: crowded here and there, and alike where they are near. No download."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from geofix.evaluation.worlds import layouts
from geofix.evaluation.worlds import looks as spots
from geofix.tools.encoders.geoclip_places import GeoclipPlaces

LENGTHS_KM = (4.0, 30.0, 250.0, 1500.0)
SHARES = (0.4, 0.2, 0.2, 0.2)


def alike_when_near(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float32]:
    made = sum(
        share**0.5 * spots.field(latitude, longitude, length, seed=90 + at)
        for at, (length, share) in enumerate(zip(LENGTHS_KM, SHARES, strict=True))
    )
    vectors = np.asarray(made, np.float32)
    vectors[:, 0] += 0.2
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@cache
def crowded_places() -> GeoclipPlaces:
    rng = np.random.default_rng(3)
    # In the middle of cells, all over Siberia and central Asia, where there is no sea.
    rows, columns = np.divmod(rng.permutation(5 * 11)[:50], 11)
    towns = np.column_stack([37.5 + 5.0 * rows, 62.5 + 5.0 * columns])
    town = rng.integers(0, len(towns), 6000)
    latitude = towns[town, 0] + rng.normal(0, 0.06, len(town))
    longitude = towns[town, 1] + rng.normal(0, 0.06, len(town))
    vectors = alike_when_near(latitude, longitude)
    return GeoclipPlaces(
        vectors.astype(np.float16), latitude, longitude, np.ones(len(town), np.float32)
    )


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeoclipPlaces]:
    made = crowded_places()
    monkeypatch.setattr(layouts, "read_places", lambda: made)
    monkeypatch.setattr(spots, "read_places", lambda: made)
    monkeypatch.setattr(spots, "vectors_at", alike_when_near)
    spots.common_mean.cache_clear()
    yield made
    spots.common_mean.cache_clear()
