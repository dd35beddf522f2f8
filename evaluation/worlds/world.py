"""A world: a gallery of made photos, and queries with their truth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.worlds.layouts import Half, city_spots, street_spots, world_spots
from geofix.evaluation.worlds.looks import Parts, Spots, draw_parts, gallery_vectors, query_vectors
from geofix.evaluation.worlds.recipe import CITY, STREET, WORLD, Recipe, Scale
from geofix.tools.geo.distance import haversine_km

RECIPES: dict[Scale, Recipe] = {"world": WORLD, "city": CITY, "street": STREET}

LOST_GROUPS = 0.1
"""Share of cells or cities of which the gallery has no photo at all."""

BLOCK = 200


@dataclass(frozen=True)
class Queries:
    """Photos to be asked about, `n` of them."""

    spots: NDArray[np.int64]
    """Spot of each, `[n]`."""
    vectors: NDArray[np.float32]
    """`[n, 512]`, L2-normalised."""
    parts: Parts
    answerable: NDArray[np.bool_]
    """Whether the gallery has a true neighbour, `[n]`."""


@dataclass(frozen=True)
class World:
    """A made gallery and what is asked of it."""

    name: str
    """Names scale, half, size, seed and the generator's constants; also its encoder's name."""
    recipe: Recipe
    spots: Spots
    gallery: NDArray[np.int64]
    """Spots of which the gallery has a photo, `[n]`."""
    vectors: NDArray[np.float32]
    """Vectors of the gallery's photos, `[n, 512]`, L2-normalised."""
    queries: Queries


@dataclass(frozen=True)
class Size:
    """How large a world is."""

    photos: int
    """At the world's scale: how many places; else photos a city, or walks a street."""
    cities: int = 0
    queries: int = 2_000


FULL: dict[Scale, Size] = {
    "world": Size(50_000),
    "city": Size(2_000, cities=20),
    "street": Size(5, cities=24),
}
"""What docs/evaluation.md is made with."""


def make_world(scale: Scale, half: Half, seed: int, size: Size | None = None) -> World:
    """Make a world; the same arguments give the same one.

    Args:
        scale: What is hard about it.
        half: Of the chessboard of cells; worlds of different halves share no place.
        seed: Of everything that is drawn.
        size: As in docs/evaluation.md by default.

    Raises:
        ValueError: There are too few places for it.
    """
    size = size or FULL[scale]
    recipe = RECIPES[scale]
    spots = _spots(scale, half, size, seed)
    # A stream each, so that more queries do not change the gallery.
    hold, show, ask = (np.random.default_rng([seed, stream]) for stream in (1, 2, 3))
    asked, gallery = _held_out(recipe, spots, size.queries, hold)
    vectors = gallery_vectors(recipe, spots, gallery, show)
    parts = draw_parts(recipe, spots, asked, ask)
    near = _nearest_km(spots, asked, gallery)
    queries = Queries(
        asked, query_vectors(recipe, spots, parts, ask), parts, near <= _reach(recipe)
    )
    made = hashlib.sha256(repr(recipe).encode()).hexdigest()[:6]
    name = f"simulated-{scale}-{half}-{size.photos}x{max(1, size.cities)}-{seed}-{made}"
    return World(name, recipe, spots, gallery, vectors, queries)


def _spots(scale: Scale, half: Half, size: Size, seed: int) -> Spots:
    if scale == "world":
        return world_spots(half, size.photos, seed)
    if scale == "city":
        return city_spots(half, size.cities, size.photos, seed)
    return street_spots(half, size.cities, size.photos, seed)


def _reach(recipe: Recipe) -> float:
    """Return the distance at which a photo is a true neighbour: the scale's second accuracy."""
    return recipe.right_km[1]


def _held_out(
    recipe: Recipe, spots: Spots, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the spots of queries, and those of which the gallery has a photo.

    Whole walks are held out where there are walks; and some cells or cities, from which `lost`
    queries come.
    """
    groups = np.unique(spots.group)
    gone = rng.permutation(groups)[: max(1, round(LOST_GROUPS * len(groups)))]
    lost = np.isin(spots.group, gone)
    there = np.flatnonzero(~lost)
    if recipe.scale == "street":
        walks = np.unique(spots.sequence[there])
        own = np.isin(spots.sequence, rng.permutation(walks)[: len(walks) // 4])
        open_to_ask = np.flatnonzero(own & ~lost)
    else:
        open_to_ask = rng.permutation(there)[: 2 * count]
    known = rng.permutation(open_to_ask)[: count - round(recipe.lost * count)]
    kept = np.ones(len(spots), bool)
    kept[open_to_ask if recipe.scale == "street" else known] = False
    gallery = np.flatnonzero(kept & ~lost)
    far = np.flatnonzero(lost)
    far = rng.permutation(far[_nearest_km(spots, far, gallery) > recipe.lost_km])
    asked = np.concatenate([known, far[: round(recipe.lost * count)]])
    if len(asked) < count:
        raise ValueError(
            f"{count!r} queries are more than the {len(asked)} there are; ask for fewer"
        )
    return rng.permutation(asked), gallery


def _nearest_km(
    spots: Spots, asked: NDArray[np.int64], gallery: NDArray[np.int64]
) -> NDArray[np.float64]:
    nearest = np.empty(len(asked))
    for start in range(0, len(asked), BLOCK):
        some = asked[start : start + BLOCK]
        nearest[start : start + BLOCK] = haversine_km(
            spots.latitude[some, None],
            spots.longitude[some, None],
            spots.latitude[gallery],
            spots.longitude[gallery],
        ).min(axis=1)
    return nearest
