"""The places and photos that a model is shown beside the photo, quoted as data.

The same 25 km as the candidates that verify pools, so that the model and the verdict speak of the
same places.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.draft import NegativesBy
from geofix.agent.state import Hit, Region, Retrieval
from geofix.tools.geo.distance import haversine_km
from geofix.tools.statistics import PLACE_KM
from geofix.tools.statistics.clusters import (
    DEFAULT_TEMPERATURE,
    cluster_at_scales,
    density_mode,
    vote_weights,
)


@dataclass(frozen=True, slots=True)
class ShortlistedPlace:
    """One place, by the photos that were taken there."""

    latitude: float
    longitude: float
    photos: tuple[Hit, ...]
    """Most similar first; at least one."""
    spread_km: float
    """From the place's center to the farthest of them."""
    share: float
    """Share of all votes."""

    @property
    def accuracy_km(self) -> float:
        """How far the true position can be from the center, if it is this place."""
        return max(self.spread_km, self.best.accuracy_km)

    @property
    def best(self) -> Hit:
        """The most similar photo."""
        return self.photos[0]


def shortlist(hits: Sequence[Hit], temperature: float) -> list[ShortlistedPlace]:
    """Return the places of the photos, the one with most votes first.

    Args:
        hits: Similar photos.
        temperature: Of their votes, see `vote_weights`.
    """
    weights = vote_weights([hit.similarity for hit in hits], temperature)
    return sorted(_places(hits, weights), key=lambda place: -place.share)


def counter_places(negatives: Sequence[Hit]) -> list[ShortlistedPlace]:
    """Return the places of counter-examples, in the order of their first photos; all count alike.

    Their similarities are no votes: of dissimilar photos a lower one says no more.
    """
    return _places(negatives, np.full(len(negatives), 1 / max(1, len(negatives))))


def _places(hits: Sequence[Hit], weights: NDArray[np.float64]) -> list[ShortlistedPlace]:
    (clusters,) = cluster_at_scales(
        [hit.latitude for hit in hits], [hit.longitude for hit in hits], [PLACE_KM]
    )
    places = []
    for label in dict.fromkeys(clusters.labels.tolist()):
        members = np.flatnonzero(clusters.labels == label)
        places.append(_place([hits[i] for i in members.tolist()], weights[members]))
    return places


def _place(hits: Sequence[Hit], weights: NDArray[np.float64]) -> ShortlistedPlace:
    latitudes, longitudes = [hit.latitude for hit in hits], [hit.longitude for hit in hits]
    center = density_mode(latitudes, longitudes, weights, bandwidth_km=PLACE_KM)
    apart_km = haversine_km(
        np.asarray(latitudes), np.asarray(longitudes), center.latitude, center.longitude
    )
    return ShortlistedPlace(
        latitude=center.latitude,
        longitude=center.longitude,
        photos=tuple(sorted(hits, key=lambda hit: -hit.similarity)),
        spread_km=float(apart_km.max()),
        share=float(weights.sum()),
    )


MOST = 100
"""Characters of a name; the longest place names of GeoNames with state and country fit."""

BREAKING = frozenset({"C", "Z"})
"""Unicode's controls, formats and separators: what ends a line, hides or turns text around."""


def quoted(name: str, *, most: int = MOST) -> str:
    """Return a name in quotes, on one line, without control characters, cut to `most`."""
    plain = "".join(" " if unicodedata.category(sign)[0] in BREAKING else sign for sign in name)
    line = " ".join(plain.split()).replace('"', "'")
    cut = line if len(line) <= most else line[: most - 1].rstrip() + "…"
    return f'"{cut}"'


FINEST, COARSEST = 5, 2
"""Most and fewest decimals of a coordinate: a meter, and a kilometer."""

KM_A_DEGREE = 111.3

ROUNDED = 4
"""Decimals to which many models round what they repeat: 11 meters, too close to be chance."""


def decimals(accuracy_km: float) -> int:
    """Return how many decimals of a coordinate mean something.

    Args:
        accuracy_km: How far the true position can be from it; 0 where that is not known.
    """
    if accuracy_km <= 0:
        return FINEST
    return min(FINEST, max(COARSEST, math.floor(math.log10(KM_A_DEGREE / accuracy_km))))


def point(latitude: float, longitude: float, accuracy_km: float = 0.0) -> str:
    """Return coordinates as a list shows them, with the decimals that mean something."""
    count = decimals(accuracy_km)
    return f"{latitude:.{count}f}, {longitude:.{count}f}"


@dataclass(frozen=True, slots=True)
class ShownItem:
    """A place or photo in the lists."""

    name: str
    """Such as `candidate 1`."""
    latitude: float
    longitude: float
    accuracy_km: float

    def forms(self) -> set[str]:
        """Return its coordinates as a model that repeats them may write them, with five decimals.

        Lists show them with the decimals that mean something, the papers' with all; many models
        round to four.
        """
        meant = decimals(self.accuracy_km)
        counts = {FINEST, meant, *({ROUNDED} if meant > ROUNDED else ())}
        return {
            point(round(self.latitude, count), round(self.longitude, count)) for count in counts
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """The lists of one request."""

    positives: Sequence[Hit] = ()
    negatives: Sequence[Hit] = ()
    negatives_by: NegativesBy = "dissimilar"
    """Kind of the negatives."""
    region: Region | None = None
    """Where the answer must lie; None for anywhere."""
    rival: Region | None = None
    """A second region where it may lie."""
    candidates: Sequence[ShortlistedPlace] = ()
    """The positives by place, that with most votes first."""
    counter_places: Sequence[ShortlistedPlace] = ()
    """The negatives by place."""

    def within(self) -> str | None:
        """Return the names of where the answer must lie, fit to stand in a prompt."""
        return " or ".join(quoted(r.name) for r in (self.region, self.rival) if r) or None

    def candidate(self, number: int) -> ShownItem:
        """Return the candidate of that number, from 1."""
        place = self.candidates[number - 1]
        return ShownItem(f"candidate {number}", place.latitude, place.longitude, place.accuracy_km)

    def repeated(self, latitude: float, longitude: float) -> ShownItem | None:
        """Return what in the lists has exactly these digits; none if nothing has."""
        return self.listed().get(point(latitude, longitude))

    def listed(self) -> dict[str, ShownItem]:
        """Return what each pair of coordinates in the lists belongs to, by its `forms`."""
        items = [
            *(self.candidate(number) for number in range(1, len(self.candidates) + 1)),
            *(_photo("similar photo", number, hit) for number, hit in enumerate(self.positives, 1)),
            *(_photo("negative", number, hit) for number, hit in enumerate(self.negatives, 1)),
            *(
                ShownItem(f"negative place {number}", at.latitude, at.longitude, at.accuracy_km)
                for number, at in enumerate(self.counter_places, 1)
            ),
        ]
        # Of several at one place the first gives its name.
        return {form: item for item in reversed(items) for form in item.forms()}


def _photo(kind: str, number: int, hit: Hit) -> ShownItem:
    return ShownItem(f"{kind} {number}", hit.latitude, hit.longitude, hit.accuracy_km)


def shown(retrieval: Retrieval, region: Region | None, neighbours: int | None) -> Shown:
    """Return the lists of a request.

    Args:
        retrieval: The round's.
        region: Where the answer must lie, if anywhere.
        neighbours: How many of each list; none shows all that was retrieved.
    """
    positives = retrieval.positives[:neighbours]
    negatives = retrieval.negatives[:neighbours]
    return Shown(
        positives=positives,
        negatives=negatives,
        negatives_by=retrieval.negatives_by,
        region=region,
        rival=retrieval.rival,
        candidates=shortlist(positives, retrieval.temperature or DEFAULT_TEMPERATURE),
        counter_places=counter_places(negatives),
    )
