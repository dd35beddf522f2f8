from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector

from geofix.db.errors import GalleryError
from geofix.db.search.similarity import prepare_query, round_to_half

Floats = NDArray[np.float32]

MEAN = np.array([0.1, 0.2, 0.3], np.float32)
QUERY = np.array([0.6, 0.0, 0.8], np.float32)


def test_centred_the_probe_is_the_unit_way_from_the_mean_as_it_is_stored() -> None:
    probe = prepare_query(QUERY, MEAN, sign=1.0).probe
    way = QUERY - round_to_half(MEAN)
    np.testing.assert_allclose(probe, way / np.linalg.norm(way), rtol=1e-6)
    assert probe.dtype == np.float32


def test_raw_the_probe_is_the_query_made_unit() -> None:
    np.testing.assert_allclose(prepare_query(3 * QUERY, None, sign=1.0).probe, QUERY, rtol=1e-6)


@pytest.mark.parametrize("mean", [MEAN, None])
def test_the_most_dissimilar_are_asked_for_by_the_opposite(mean: Floats | None) -> None:
    same, opposite = prepare_query(QUERY, mean, sign=1.0), prepare_query(QUERY, mean, sign=-1.0)
    np.testing.assert_array_equal(opposite.probe, -same.probe)


def test_a_query_at_the_mean_has_no_direction() -> None:
    assert not prepare_query(round_to_half(MEAN), MEAN, sign=1.0).probe.any()
    assert not prepare_query(np.zeros(3, np.float32), None, sign=1.0).probe.any()


def test_preparing_a_query_leaves_it_as_it_was() -> None:
    query, mean = QUERY.copy(), MEAN.copy()
    prepare_query(query, mean, sign=-1.0)
    np.testing.assert_array_equal(query, QUERY)
    np.testing.assert_array_equal(mean, MEAN)


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_a_query_of_another_dimension_is_refused_with_both_numbers(dimension: int) -> None:
    with pytest.raises(GalleryError, match=rf"has {dimension} dimensions.* have 3;"):
        prepare_query(np.ones(dimension, np.float32), MEAN, sign=1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_query_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(GalleryError, match="finite"):
        prepare_query(np.array([0.1, bad, 0.2], np.float32), None, sign=1.0)


def test_a_batch_of_queries_is_refused_with_its_shape() -> None:
    with pytest.raises(GalleryError, match=r"\(1, 3\)"):
        prepare_query(QUERY[None], MEAN, sign=1.0)


def test_what_is_sent_makes_up_for_the_probe_being_rounded() -> None:
    sent = prepare_query(QUERY, MEAN, sign=1.0).parameters
    probe = round_to_half(prepare_query(QUERY, MEAN, sign=1.0).probe)
    assert sent["probe"] == HalfVector(probe)
    assert sent["norm"] == pytest.approx(np.linalg.norm(probe), rel=1e-6)
    assert sent["offset"] == pytest.approx(float(round_to_half(MEAN) @ probe), rel=1e-6)
    assert set(prepare_query(QUERY, None, sign=1.0).parameters) == {"probe"}
