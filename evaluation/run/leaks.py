"""A gallery that leaves out what would give the answer away.

A search is asked for more neighbours until enough remain that are no leak, so what is left is
what a gallery without those photos would have found. What is left out travels with what is found
and is kept with the run, so that a run that was finished before tells it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Found, Neighbour, Search, StoredCopy
from geofix.evaluation.run.result import EvalPhoto

Leak = Literal["author", "sequence", "near", "hash"]

LEAKS: dict[Leak, str] = {
    "author": "gallery photos by the author of the photo asked about",
    "sequence": "those of the same sequence",
    "near": "those with nearly the same vector",
    "hash": "those with the same bytes",
}

NEAR_COSINE = 0.95
"""Cosine from which a vector is nearly the same, as the search compares: centred by default."""

Ask = Callable[[NDArray[np.float32], int, Search], Found]


class LeakFreeGallery(Gallery):
    """The searches, without leaks of the photo that is asked about."""

    def __init__(self, engine: Engine, leaks: Collection[Leak]) -> None:
        """Search the gallery that `engine` reaches.

        Args:
            engine: As for `Gallery`.
            leaks: What to leave out. Without `hash` even the photo itself is found.
        """
        super().__init__(engine)
        self._leaks = frozenset(leaks)
        self._photos: dict[str, EvalPhoto] = {}
        self._sequences: dict[str, str] = {}

    def know_sequences(self, sequences: Mapping[str, str]) -> None:
        """Say of which sequence gallery photos are, by external id: galleries do not keep it."""
        self._sequences.update(sequences)

    def know(self, sha256: str, photo: EvalPhoto) -> None:
        """Say which photo has these bytes, before it is asked about."""
        self._photos[sha256] = photo

    def nearest(self, query: NDArray[np.float32], k: int, search: Search) -> Found:
        """Return the `k` photos most like `query` that are no leak."""
        return self._without_leaks(super().nearest, query, k, search)

    def most_dissimilar(self, query: NDArray[np.float32], k: int, search: Search) -> Found:
        """Return the `k` photos least like `query` that are no leak."""
        return self._without_leaks(super().most_dissimilar, query, k, search)

    def copies(self, sha256: str, galleries: tuple[str, ...], most: int) -> list[StoredCopy]:
        """Return none: a photo of a data set is asked about as if no gallery had it."""
        return []

    def _without_leaks(self, ask: Ask, query: NDArray[np.float32], k: int, search: Search) -> Found:
        sha256 = search.without_sha256
        photo = None if sha256 is None else self._photos.get(sha256)
        if sha256 is None or photo is None:
            return ask(query, k, search)
        if "hash" not in self._leaks:
            search = replace(search, without_sha256=None)
        wanted = k
        while True:
            found = ask(query, wanted, search)
            kinds = [self._leaks_of(one, photo) for one in found]
            kept = [one for one, leaks in zip(found, kinds, strict=True) if not leaks]
            if len(kept) >= k or len(found) < wanted:
                left_out: dict[str, tuple[int, ...]] = {}
                for one, leaks in zip(found, kinds, strict=True):
                    for leak in leaks:
                        left_out[leak] = (*left_out.get(leak, ()), one.photo_id)
                return replace(found, neighbours=tuple(kept[:k]), left_out=left_out)
            wanted *= 2

    def _leaks_of(self, found: Neighbour, photo: EvalPhoto) -> list[Leak]:
        leaks: dict[Leak, bool] = {
            "author": photo.author is not None and found.author == photo.author,
            "sequence": photo.sequence is not None
            and self._sequences.get(found.external_id) == photo.sequence,
            "near": found.similarity >= NEAR_COSINE,
        }
        return [leak for leak, is_one in leaks.items() if is_one and leak in self._leaks]
