"""Splits by place and by sequence, never at random.

Photos of one walk are alike in camera, light and street: apart in a random split, they tell how
well a camera is recognised.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol

from geofix.evaluation.run.result import EvalPhoto


class Grouped(Protocol):
    """A photo, its result or its case."""

    @property
    def group(self) -> str | None:
        """The place."""

    @property
    def sequence(self) -> str | None:
        """The walk or drive it is of."""


def places_of(photos: Sequence[Grouped], names: Sequence[str]) -> list[str]:
    """Return the place of each photo, by name; photos of one sequence are of one place.

    Args:
        photos: Photos, results or cases.
        names: What each is called that has no place of its own.
    """
    groups = groups_of(photos)
    called: dict[int, str] = {}
    for group, photo, name in zip(groups, photos, names, strict=True):
        own = photo.group or name
        called[group] = min(called.get(group, own), own)
    return [called[group] for group in groups]


def witnesses_of(photos: Sequence[Grouped]) -> list[int]:
    """Return the number of the group that intervals and tests count each photo in.

    By place and sequence where there are several; a set of one place is told by its photos.
    """
    groups = groups_of(photos)
    return groups if len(set(groups)) > 1 else list(range(len(photos)))


def groups_of(photos: Sequence[Grouped]) -> list[int]:
    """Return a number for each photo; those that share a place or a sequence share it.

    Photos linked over others, by a sequence that crosses two places, are one group.
    """
    parent = list(range(len(photos)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[tuple[str, str], int] = {}
    for at, photo in enumerate(photos):
        for kind, name in (("place", photo.group), ("sequence", photo.sequence)):
            if name:
                parent[root(at)] = root(first.setdefault((kind, name), at))
    return [root(at) for at in range(len(photos))]


def split(
    photos: Sequence[EvalPhoto], share: float, seed: int
) -> tuple[list[EvalPhoto], list[EvalPhoto]]:
    """Return two parts, the first with about `share` of the photos; no group is in both.

    Groups are taken in an order drawn by the seed, as long as the first part is better filled
    with them than without.

    Raises:
        ValueError: The share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share!r} is not between 0 and 1")
    members: dict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(groups_of(photos)):
        members[group].append(at)
    wanted, taken = share * len(photos), set[int]()
    for some in sorted(members.values(), key=lambda some: drawn(photos[some[0]].id, seed)):
        if abs(len(taken) + len(some) - wanted) < abs(len(taken) - wanted):
            taken.update(some)
    chosen = [photo for at, photo in enumerate(photos) if at in taken]
    return chosen, [photo for at, photo in enumerate(photos) if at not in taken]


def fold_of(places: Sequence[str], folds: int, seed: int) -> list[int]:
    """Return a fold for each photo; a place goes whole to the fold with the fewest photos so far.

    Args:
        places: The place of each photo.
        folds: How many.
        seed: Draws the order of the places.
    """
    photos = Counter(places)
    filled, fold = [0] * folds, {}
    for place in sorted(photos, key=lambda place: drawn(place, seed)):
        fold[place] = filled.index(min(filled))
        filled[fold[place]] += photos[place]
    return [fold[place] for place in places]


def drawn(name: str, seed: int) -> bytes:
    """Return what puts names into an order that a seed draws."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
