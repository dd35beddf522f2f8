"""The table of all features a place is scored by, with how each is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Candidate, Draft
from geofix.agent.verify import geometry
from geofix.agent.verify.candidates import PLACE_SCALE_KM
from geofix.agent.verify.observed import Density, FloatArray, Observed, Places, best_of, witnesses
from geofix.agent.verify.scene import clue_country, land, shows_no_place
from geofix.tools.geo.distance import distances_km
from geofix.tools.statistics.clusters import LOOKS_KM


def share(scale_km: float) -> Callable[[Places, Observed], FloatArray]:
    """Return the feature of one scale: share of all votes within it of the place's best photo."""

    def of(places: Places, observed: Observed) -> FloatArray:
        return np.minimum(1.0, places.part(f"share_{scale_km:g}_km"))

    return of


def flat_votes(places: Places, observed: Observed) -> FloatArray:
    """Return its share of votes where many alike photos count beside one more alike, 0 to 1."""
    return np.minimum(1.0, places.part("flat_votes"))


def likeness(places: Places, observed: Observed) -> FloatArray:
    """Return how rare the similarity of its best photo is among photos of unlike places, 0 to 1."""
    return places.part("likeness")


def rank(places: Places, observed: Observed) -> FloatArray:
    """Return one over the rank of its best photo, 0 to 1; 0 without a photo."""
    best = best_of(places.similarity, places.near)
    ahead = (places.similarity > best[:, None]).sum(axis=1)
    return np.where(places.near.any(axis=1), 1 / (1 + ahead), 0.0)


def margin(places: Places, observed: Observed) -> FloatArray:
    """Return its best similarity less the best elsewhere, -2 to 2; 0 where either is missing."""
    mine = best_of(places.similarity, places.near)
    others = best_of(places.similarity, ~places.near)
    both = np.isfinite(mine) & np.isfinite(others)
    lead: FloatArray = np.clip(np.where(both, mine, 0.0) - np.where(both, others, 0.0), -2.0, 2.0)
    return lead


def sharpness(places: Places, observed: Observed) -> FloatArray:
    """Return the best similarity of the search less the median, 0 to 2; the same for all places."""
    found = places.similarity
    if not len(found):
        return places.all(0.0)
    return places.all(min(2.0, float(found.max()) - float(np.median(found))))


def independent(places: Places, observed: Observed) -> FloatArray:
    """Return the logarithm of one plus its photos that were not taken side by side, 0 to 6."""
    photos = np.array([candidate.independent for candidate in places.candidates], float)
    logs: FloatArray = np.minimum(6.0, np.log1p(photos))
    return logs


REGION_KM = 200.0


def draft(places: Places, observed: Observed) -> FloatArray:
    """Return the mean confidence of all samples that goes to this place, 0 to 1."""
    return np.minimum(1.0, places.part("draft"))


def drafts_here(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples within 25 km, 0 to 1; 0 where nothing was drafted."""
    return _share(places, observed, PLACE_SCALE_KM)


def drafts_in_region(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples within 200 km, 0 to 1; 0 where nothing was drafted."""
    return _share(places, observed, REGION_KM)


def drafts_together(places: Places, observed: Observed) -> FloatArray:
    """Return the largest share of samples within 200 km of one of them, 0 to 1; the same for all.

    One sample agrees with nothing: it gives 0.
    """
    latitudes, longitudes = _points(observed.drafts)
    if len(latitudes) < 2:
        return places.all(0.0)
    around = (distances_km(latitudes, longitudes, latitudes, longitudes) <= REGION_KM).sum(axis=1)
    return places.all(float(around.max()) / len(latitudes) if around.max() > 1 else 0.0)


def _share(places: Places, observed: Observed, radius_km: float) -> FloatArray:
    placed = sum(said.latitude is not None for said in observed.drafts)
    if not placed:
        return places.all(0.0)
    there = places.around(*_points(observed.drafts), radius_km)
    share: FloatArray = there.sum(axis=1) / placed
    return share


def _points(drafts: Sequence[Draft]) -> tuple[list[float], list[float]]:
    """Return latitudes and longitudes of the drafts that are witnesses."""
    points = [
        (said.latitude, said.longitude)
        for said in witnesses(drafts)
        if said.latitude is not None and said.longitude is not None
    ]
    return [latitude for latitude, _ in points], [longitude for _, longitude in points]


def contradiction(places: Places, observed: Observed) -> FloatArray:
    """Return the share of dissimilar photos that were taken within 25 km, 0 to 1."""
    negatives = observed.negatives
    if not negatives:
        return places.all(0.0)
    there: FloatArray = places.within(negatives, PLACE_SCALE_KM).mean(axis=1)
    return there


_FLOOR = 1e-3
"""Votes below this share are taken for this one: the logarithm of nothing is not a number."""

WIDEST = 4.0
"""Powers of ten to either side."""


def photos_there(places: Places, observed: Observed) -> FloatArray:
    """Return the decimal logarithm of one plus the photos within 25 km, 0 to 9; 0 if unknown."""
    if places.density is None:
        return places.all(0.0)
    return np.minimum(9.0, np.log10(1 + places.density))


def votes_over_density(places: Places, observed: Observed) -> FloatArray:
    """Return how much more votes a place has than its share of the gallery would give, -4 to 4.

    In powers of ten; 0 where the gallery's density is not known, and without a photo there.
    """
    if places.density is None or not observed.photos_in_gallery:
        return places.all(0.0)
    photos = np.array([candidate.photos for candidate in places.candidates])
    there = np.maximum(1, np.maximum(photos, places.density))
    expected = np.minimum(1.0, there / observed.photos_in_gallery)
    votes = np.maximum(_FLOOR, places.part("share_25_km"))
    times = np.clip(np.log10(votes / expected), -WIDEST, WIDEST)
    return np.where(photos > 0, times, 0.0)


def counted_at(points: Sequence[tuple[float, float]], counts: Sequence[int]) -> Density:
    """Return the count of the nearest point counted around, 0 where none is within 25 km.

    Args:
        points: Latitude and longitude of each.
        counts: Photos around each.
    """
    found = np.array(counts, dtype=np.int64)
    table = np.array(points, dtype=np.float64).reshape(-1, 2)

    def density(latitudes: FloatArray, longitudes: FloatArray) -> NDArray[np.int64]:
        if not len(found):
            return np.zeros(len(latitudes), dtype=np.int64)
        apart = distances_km(latitudes, longitudes, table[:, 0], table[:, 1])
        return np.where(apart.min(axis=1) <= PLACE_SCALE_KM, found[apart.argmin(axis=1)], 0)

    return density


def survived(places: Places, observed: Observed) -> FloatArray:
    """Return the best score of the round before within 25 km, 0 to 1; 0 in a first round."""
    earlier = [candidate for candidate in observed.before if candidate.vetoed is None]
    scores = np.array([candidate.score for candidate in earlier])
    return np.clip(best_of(scores, places.within(earlier, PLACE_SCALE_KM)), 0.0, 1.0)


def compared_with(candidates: Sequence[Candidate], observed: Observed) -> Observed:
    """Return what is known, and how alike the photo and each candidate are where a model says."""
    if observed.likeness is None:
        return observed
    points = [(candidate.latitude, candidate.longitude) for candidate in candidates]
    alike = dict(zip(points, observed.likeness(points), strict=True))
    return replace(observed, image_place={**observed.image_place, **alike})


def image_place(places: Places, observed: Observed) -> FloatArray:
    """Return the similarity of photo and place, -1 to 1; 0 where no model was asked."""
    return np.nan_to_num(_similarity(places, observed))


def image_place_lead(places: Places, observed: Observed) -> FloatArray:
    """Return that similarity less the best of places farther than 25 km, -2 to 2; 0 if unknown."""
    if not observed.image_place:
        return places.all(0.0)
    latitudes, longitudes = zip(*observed.image_place, strict=True)
    elsewhere = ~places.around(latitudes, longitudes, PLACE_SCALE_KM)
    best = best_of(np.array(list(observed.image_place.values())), elsewhere)
    lead = np.clip(_similarity(places, observed) - best, -2.0, 2.0)
    return np.where(np.isfinite(best), np.nan_to_num(lead), 0.0)


def _similarity(places: Places, observed: Observed) -> FloatArray:
    """Return what the model said of each place, `[c]`; NaN where it was not asked."""
    points = zip(places.latitude.tolist(), places.longitude.tolist(), strict=True)
    return np.array([observed.image_place.get(point, np.nan) for point in points])


Compute = Callable[[Places, Observed], FloatArray]
"""Of what a round knows, one number for each of its candidates, `[c]`."""

Kind = Literal["votes", "drafts", "geometry", "image-place", "ground"]
"""Kinds that may fail one without the other. What the gallery's vectors gave is one, what the model
said another."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One piece of evidence for or against a place."""

    name: str
    unit: str
    low: float
    high: float
    help: str
    """What it is, in words."""
    compute: Compute
    kind: Kind
    sign: int = 0
    """1 where more of it must speak for a place, -1 against; 0 where either may be."""


def _feature(
    compute: Compute,
    kind: Kind,
    unit: str,
    low: float,
    high: float,
    sign: int = 0,
) -> Feature:
    said = (compute.__doc__ or "").strip().splitlines()[0].removeprefix("Return ")
    return Feature(compute.__name__, unit, low, high, said, compute, kind, sign)


_SHARES = tuple(
    Feature(
        f"share_{scale:g}_km",
        "share",
        0.0,
        1.0,
        f"share of all votes within {scale:g} km of its best photo",
        share(scale),
        "votes",
        1,
    )
    for scale in LOOKS_KM
)

FEATURES: tuple[Feature, ...] = (
    *_SHARES,
    _feature(flat_votes, "votes", "share", 0, 1, 1),
    _feature(likeness, "votes", "share", 0, 1, 1),
    _feature(rank, "votes", "1/rank", 0, 1, 1),
    _feature(margin, "votes", "cosine", -2, 2, 1),
    _feature(sharpness, "votes", "cosine", 0, 2),
    _feature(independent, "votes", "ln photos", 0, 6, 1),
    _feature(contradiction, "votes", "share", 0, 1, -1),
    _feature(photos_there, "votes", "lg photos", 0, 9),
    _feature(votes_over_density, "votes", "lg ratio", -4, 4, 1),
    _feature(survived, "votes", "score", 0, 1, 1),
    _feature(draft, "drafts", "confidence", 0, 1, 1),
    _feature(drafts_here, "drafts", "share", 0, 1, 1),
    _feature(drafts_in_region, "drafts", "share", 0, 1, 1),
    _feature(drafts_together, "drafts", "share", 0, 1),
    _feature(clue_country, "drafts", "share", -1, 1, 1),
    _feature(land, "ground", "yes or no", 0, 1, 1),
    _feature(shows_no_place, "ground", "yes or no", 0, 1, -1),
    _feature(geometry.inliers, "geometry", "inliers", 0, geometry.MOST, 1),
    _feature(geometry.log_inliers, "geometry", "ln inliers", 0, geometry.MOST_LOG, 1),
    _feature(geometry.log_inliers_sum, "geometry", "ln inliers", 0, geometry.MOST_LOG, 1),
    _feature(geometry.inlier_share, "geometry", "share", 0, 1, 1),
    _feature(geometry.inlier_coverage, "geometry", "share", 0, 1, 1),
    _feature(
        geometry.inliers_lead, "geometry", "ln ratio", -geometry.MOST_LOG, geometry.MOST_LOG, 1
    ),
    _feature(geometry.not_compared, "geometry", "yes or no", 0, 1),
    _feature(image_place, "image-place", "cosine", -1, 1, 1),
    _feature(image_place_lead, "image-place", "cosine", -2, 2, 1),
)
"""In the order they are shown."""

SIGNS = {feature.name: feature.sign for feature in FEATURES if feature.sign}
"""What sense demands of a weight, see `Feature.sign`."""

KINDS: dict[str, Kind] = {feature.name: feature.kind for feature in FEATURES}


def features_of(candidates: Sequence[Candidate], observed: Observed) -> list[dict[str, float]]:
    """Return the features of each candidate by name, for `Candidate.parts`.

    Args:
        candidates: As pooled.
        observed: What the round knows.
    """
    places = Places(candidates, observed)
    columns = [feature.compute(places, observed).tolist() for feature in FEATURES]
    names = [feature.name for feature in FEATURES]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
