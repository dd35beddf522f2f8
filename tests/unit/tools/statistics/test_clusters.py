from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geofix.tools.statistics import SCALES_KM
from geofix.tools.statistics.clusters import cluster_at_scales, clusters_of

# Sacre-Coeur, Notre-Dame (4 km), Chartres (80 km), Berlin (880 km), New York (6,000 km)
LATITUDES = [48.8867, 48.8530, 48.4478, 52.5189, 40.7527]
LONGITUDES = [2.3431, 2.3499, 1.4877, 13.4004, -73.9772]


def test_coarser_scales_join_what_finer_ones_keep_apart() -> None:
    counts = [len(set(scale.labels)) for scale in cluster_at_scales(LATITUDES, LONGITUDES)]
    assert counts == [5, 4, 3, 3, 2]


def test_members_are_those_of_the_same_cluster() -> None:
    city = cluster_at_scales(LATITUDES, LONGITUDES)[SCALES_KM.index(25.0)]
    assert city.members(1).tolist() == [0, 1]
    assert city.members(4).tolist() == [4]


def test_the_antimeridian_and_the_poles_do_not_part_neighbors() -> None:
    across = cluster_at_scales([-17.0, -17.0], [179.99, -179.99])
    assert len(set(across[0].labels)) == 2  # 2.1 km apart: two streets
    assert len(set(across[1].labels)) == 1
    polar = cluster_at_scales([89.999, 89.999], [0.0, 180.0])
    assert len(set(polar[0].labels)) == 1


def test_steps_may_chain() -> None:
    chain = np.arange(0, 1, 0.2)  # 22 km apart each
    labels = cluster_at_scales(chain.tolist(), [0.0] * len(chain))[1].labels
    assert len(set(labels)) == 1


def test_no_photo_is_no_cluster() -> None:
    assert [scale.labels.size for scale in cluster_at_scales([], [])] == [0] * len(SCALES_KM)


@pytest.mark.parametrize("nodes", [1, 2, 30, 200])
def test_components_are_those_of_scipy(nodes: int) -> None:
    random = np.random.default_rng(nodes)
    chain = random.permutation(nodes).astype(float)
    for apart in (
        np.abs(chain[:, np.newaxis] - chain),
        np.abs(np.subtract.outer(*2 * [random.uniform(0, nodes, nodes)])),
    ):
        (found,) = clusters_of(apart, [1.0])
        _, labels = connected_components(csr_array(apart <= 1.0), directed=False)
        assert np.array_equal(found.labels, labels)


def test_nothing_has_no_components() -> None:
    (found,) = clusters_of(np.empty((0, 0)), [1.0])
    assert found.labels.shape == (0,)
