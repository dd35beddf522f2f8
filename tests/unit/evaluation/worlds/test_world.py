"""Worlds repeat by seed, share no place, and err as they were told to."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.page.bayes import bayes_choice, place_probabilities
from geofix.evaluation.worlds.layouts import Half, in_half
from geofix.evaluation.worlds.recipe import Scale
from geofix.evaluation.worlds.world import Size, World, make_world
from geofix.tools.geo.distance import haversine_km

SMALL: dict[Scale, Size] = {
    "world": Size(3000, queries=300),
    "city": Size(150, cities=10, queries=200),
    "street": Size(4, cities=5, queries=300),
}
TINY: dict[Scale, Size] = {
    "world": Size(400, queries=60),
    "city": Size(60, cities=4, queries=60),
    "street": Size(3, cities=2, queries=60),
}
SCALES: tuple[Scale, ...] = ("world", "city", "street")


def made(scale: Scale, half: Half = "test", seed: int = 1) -> World:
    return make_world(scale, half, seed, SMALL[scale])


small = cache(made)
"""The same, made once for all tests, which only read it."""


def off_km(world: World, k: int = 16) -> NDArray[np.float64]:
    """Distance of the k nearest gallery photos from the truth, `[n, k]`, compared centred."""
    mean = world.vectors.mean(axis=0)
    gallery, asked = world.vectors - mean, world.queries.vectors - mean
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    found = world.gallery[np.argsort(-(asked @ gallery.T), axis=1)[:, :k]]
    truth = world.queries.spots[:, None]
    spots = world.spots
    return haversine_km(
        spots.latitude[truth],
        spots.longitude[truth],
        spots.latitude[found],
        spots.longitude[found],
    )


@pytest.mark.parametrize("scale", SCALES)
def test_the_same_seed_makes_the_same_world_and_another_one_another(scale: Scale) -> None:
    one, same, other = (make_world(scale, "test", seed, TINY[scale]) for seed in (1, 1, 2))
    assert one.name == same.name != other.name
    assert np.array_equal(one.vectors, same.vectors)
    assert np.array_equal(one.queries.vectors, same.queries.vectors)
    assert np.array_equal(one.queries.spots, same.queries.spots)
    assert not np.array_equal(one.queries.vectors[:50], other.queries.vectors[:50])


@pytest.mark.parametrize("scale", SCALES)
def test_no_query_is_in_the_gallery_and_halves_share_no_place(scale: Scale) -> None:
    world = small(scale)
    assert not np.intersect1d(world.queries.spots, world.gallery).size
    spots = world.spots
    centre = spots.latitude, spots.longitude
    if scale == "world":
        assert in_half(*centre, "test").all() and not in_half(*centre, "train").any()
    else:
        other = small(scale, "train").spots
        there = haversine_km(
            spots.latitude[::50, None],
            spots.longitude[::50, None],
            other.latitude[None, ::50],
            other.longitude[None, ::50],
        )
        assert there.min() > 100


@pytest.mark.parametrize("scale", SCALES)
def test_lost_queries_have_no_true_neighbour(scale: Scale) -> None:
    world = small(scale)
    nearest = off_km(world, k=len(world.gallery)).min(axis=1)
    lost = nearest > world.recipe.lost_km
    assert lost.mean() == pytest.approx(world.recipe.lost, abs=0.02)
    assert not world.queries.answerable[lost].any()
    assert (nearest[world.queries.answerable] <= world.recipe.right_km[1]).all()


@pytest.mark.parametrize(
    ("scale", "first", "best"),
    [("world", (0.25, 0.60), (0.50, 0.85)), ("street", (0.45, 0.75), (0.75, 0.95))],
)
def test_retrieval_errs_as_published(
    scale: Scale, first: tuple[float, float], best: tuple[float, float]
) -> None:
    off = off_km(small(scale)) <= small(scale).recipe.right_km[1]
    assert first[0] < off[:, 0].mean() < first[1]
    assert best[0] < off.any(axis=1).mean() < best[1]


def test_errors_are_whole_other_places_and_near_ones_more_often() -> None:
    world = small("street")
    wrong = off_km(world)[:, 0]
    wrong = wrong[wrong > world.recipe.right_km[1]]
    spots = world.spots
    anywhere = haversine_km(
        spots.latitude[world.queries.spots],
        spots.longitude[world.queries.spots],
        spots.latitude[world.gallery[0]],
        spots.longitude[world.gallery[0]],
    )
    assert np.median(wrong) < 0.5 * np.median(anywhere)


def test_the_chooser_that_is_told_the_parts_is_no_worse_than_the_first_hit() -> None:
    world = small("world")
    right_first = right_bayes = 0
    for query in range(200):
        chance = place_probabilities(world, query)
        assert chance.sum() == pytest.approx(1)
        shown = world.queries.parts.spots[query][: len(chance)]
        at = [(world.spots.latitude[spot], world.spots.longitude[spot]) for spot in shown]
        heaviest = int(world.queries.parts.weights[query].argmax())
        right_first += heaviest == 0
        right_bayes += bayes_choice(world, query, at, 1.0) == 0
    assert right_bayes > right_first
