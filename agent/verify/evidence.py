"""The table of all features that a place is scored by, with how each is computed.

A new one is a function and its row in `FEATURES` (docs/extending.md). All are computed at one time,
by `features_of`, from the places as they were pooled and from what the round knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from geofix.agent.answer import share_name
from geofix.agent.state import Draft
from geofix.agent.verify import geometry
from geofix.agent.verify.candidates import PooledPlace, witnesses
from geofix.agent.verify.observed import FloatArray, Observed, Places, best_of
from geofix.agent.verify.scene import clue_country, land, shows_no_place
from geofix.tools.geo.distance import distances_km
from geofix.tools.statistics import PLACE_KM, REGION_KM, SCALES_KM
from geofix.tools.statistics.clusters import LOOKS_KM

Compute = Callable[[Places, Observed], FloatArray]
"""Computes one number for each of a round's places, `[c]`."""


def share(scale_km: float) -> Compute:
    """Return the feature of one scale: share of all votes within it of the place's best photo."""

    def of(places: Places, observed: Observed) -> FloatArray:
        return np.minimum(1.0, places.each(lambda place: place.shares[scale_km]))

    return of


def flat_votes(places: Places, observed: Observed) -> FloatArray:
    """Return its share of votes where many similar photos count beside one more similar, 0 to 1."""
    return np.minimum(1.0, places.each(lambda place: place.flat_votes))


def likeness(places: Places, observed: Observed) -> FloatArray:
    """Return how rare the similarity of its best photo is among photos of unlike places, 0 to 1."""
    return 1 - places.each(lambda place: place.impostor_share)


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
    photos = places.each(lambda place: place.candidate.independent)
    logs: FloatArray = np.minimum(6.0, np.log1p(photos))
    return logs


def authors(places: Places, observed: Observed) -> FloatArray:
    """Return the logarithm of one plus the authors of its photos, 0 to 6; 0 where none is known.

    One author's photos share a camera, a day and an error of place; those of several do not.
    """
    hits = observed.retrieval.positives
    named = ({hits[at].author for at in np.flatnonzero(row)} - {None, ""} for row in places.near)
    known = np.array([len(names) for names in named], float)
    logs: FloatArray = np.minimum(6.0, np.log1p(known))
    return logs


def draft(places: Places, observed: Observed) -> FloatArray:
    """Return the mean confidence of all samples that goes to this place, 0 to 1."""
    return np.minimum(1.0, places.each(lambda place: place.confidence))


def drafts_agree(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples that agree with it or repeat its digits, 0 to 1."""
    return places.each(lambda place: place.agreeing)


def drafts_here(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples within 25 km, 0 to 1; 0 where nothing was drafted."""
    return _drafted_within(places, observed, PLACE_KM)


def drafts_in_region(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples within 200 km, 0 to 1; 0 where nothing was drafted."""
    return _drafted_within(places, observed, REGION_KM)


def drafts_together(places: Places, observed: Observed) -> FloatArray:
    """Return the largest share of samples within 200 km of one of them, 0 to 1; the same for all.

    One sample agrees with nothing: it gives 0.
    """
    latitudes, longitudes = _points(observed.drafts)
    if len(latitudes) < 2:
        return places.all(0.0)
    around = (distances_km(latitudes, longitudes, latitudes, longitudes) <= REGION_KM).sum(axis=1)
    return places.all(float(around.max()) / len(latitudes) if around.max() > 1 else 0.0)


def _drafted_within(places: Places, observed: Observed, radius_km: float) -> FloatArray:
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
    there: FloatArray = places.within(negatives, PLACE_KM).mean(axis=1)
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
    photos = places.each(lambda place: place.candidate.photos)
    there = np.maximum(1, np.maximum(photos, places.density))
    expected = np.minimum(1.0, there / observed.photos_in_gallery)
    votes = np.maximum(_FLOOR, places.each(lambda place: place.shares[PLACE_KM]))
    times = np.clip(np.log10(votes / expected), -WIDEST, WIDEST)
    return np.where(photos > 0, times, 0.0)


def survived(places: Places, observed: Observed) -> FloatArray:
    """Return the best score of the round before within 25 km, 0 to 1; 0 in a first round."""
    earlier = [candidate for candidate in observed.before if candidate.vetoed is None]
    scores = np.array([candidate.score for candidate in earlier])
    return np.clip(best_of(scores, places.within(earlier, PLACE_KM)), 0.0, 1.0)


def image_place(places: Places, observed: Observed) -> FloatArray:
    """Return the similarity of photo and place, -1 to 1; 0 where no model was asked."""
    return np.nan_to_num(_similarity(places, observed))


def image_place_lead(places: Places, observed: Observed) -> FloatArray:
    """Return that similarity less the best of places farther than 25 km, -2 to 2; 0 if unknown."""
    if not observed.image_place:
        return places.all(0.0)
    latitudes, longitudes = zip(*observed.image_place, strict=True)
    elsewhere = ~places.around(latitudes, longitudes, PLACE_KM)
    best = best_of(np.array(list(observed.image_place.values())), elsewhere)
    lead = np.clip(_similarity(places, observed) - best, -2.0, 2.0)
    return np.where(np.isfinite(best), np.nan_to_num(lead), 0.0)


def _similarity(places: Places, observed: Observed) -> FloatArray:
    """Return what the model said of each place, `[c]`; NaN where it was not asked."""
    points = zip(places.latitude.tolist(), places.longitude.tolist(), strict=True)
    return np.array([observed.image_place.get(point, np.nan) for point in points])


Kind = Literal["votes", "drafts", "geometry", "image-place", "ground"]
"""Kinds that may fail one without the other: the gallery's vectors, the model, pictures of the
place, an image-place model, and what is known of the ground."""

FitOn = Literal["all photos", "real photos", "none"]
"""What a weight may be fitted on. Simulated worlds show some features otherwise than photos do."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One piece of evidence for or against a place."""

    name: str
    """In `Candidate.parts`, in scorers and to `geofix eval --ablate`."""
    kind: Kind
    unit: str
    low: float
    high: float
    help: str
    """What it is, in words."""
    compute: Compute
    sign: int = 0
    """1 where more of it must speak for a place, -1 against; 0 where either may be."""
    fit_on: FitOn = "all photos"
    witness: bool = False
    """Whether more than 0 says that its kind has found something at this very place, so that the
    kind may speak for it against the place with most votes."""


def feature(
    compute: Compute,
    kind: Kind,
    unit: str,
    low: float,
    high: float,
    sign: int = 0,
    *,
    fit_on: FitOn = "all photos",
    witness: bool = False,
) -> Feature:
    """Return a row that takes its name and its words from the function that computes it."""
    said = (compute.__doc__ or "").strip().splitlines()[0].removeprefix("Return ")
    return Feature(compute.__name__, kind, unit, low, high, said, compute, sign, fit_on, witness)


def _share(scale_km: float) -> Feature:
    return Feature(
        share_name(scale_km),
        "votes",
        "share",
        0.0,
        1.0,
        f"share of all votes within {scale_km:g} km of its best photo",
        share(scale_km),
        1,
        # Photos of one place have the same coordinates in simulated worlds: nothing lies within
        # 100 m of another spot.
        "real photos" if scale_km < SCALES_KM[0] else "all photos",
    )


# Simulated inliers are not those of our matcher, which gives none where SIFT gives some by chance:
# weights fitted on them took "compared in vain" for proof that a place is wrong.
_geometry = partial(feature, kind="geometry", fit_on="real photos")

FEATURES: tuple[Feature, ...] = (
    *map(_share, LOOKS_KM),
    feature(flat_votes, "votes", "share", 0, 1, 1),
    feature(likeness, "votes", "share", 0, 1, 1),
    feature(rank, "votes", "1/rank", 0, 1, 1),
    feature(margin, "votes", "cosine", -2, 2, 1),
    feature(sharpness, "votes", "cosine", 0, 2),
    # How many photos there are at all, however unlike, says more in simulated worlds, where noise
    # parts a photo from its place, than on real photos: weights fitted with it place 42.7 % of a
    # simulated world, and lose 2 of the 162 real ones.
    feature(independent, "votes", "ln photos", 0, 6, 1, fit_on="real photos"),
    # Photos of simulated worlds have no authors.
    feature(authors, "votes", "ln authors", 0, 6, 1, fit_on="real photos"),
    # Which photos are least alike follows in a simulated world from how its vectors were made.
    feature(contradiction, "votes", "share", 0, 1, -1, fit_on="real photos"),
    # A crowded place must not win for being crowded.
    feature(photos_there, "votes", "lg photos", 0, 9, fit_on="none"),
    feature(votes_over_density, "votes", "lg ratio", -WIDEST, WIDEST, 1),
    feature(survived, "votes", "score", 0, 1, 1),
    feature(draft, "drafts", "confidence", 0, 1, 1, witness=True),
    # Its weight is set by hand (`scorers.HAND_SET`): simulated drafts have digits of their own. It
    # is no witness: who agrees with what it was shown may not move an answer across regions.
    feature(drafts_agree, "drafts", "share", 0, 1, 1, fit_on="real photos"),
    feature(drafts_here, "drafts", "share", 0, 1, 1),
    feature(drafts_in_region, "drafts", "share", 0, 1, 1, witness=True),
    feature(drafts_together, "drafts", "share", 0, 1),
    feature(clue_country, "drafts", "share", -1, 1, 1),
    feature(land, "ground", "yes or no", 0, 1, 1),
    feature(shows_no_place, "ground", "yes or no", 0, 1, -1),
    _geometry(geometry.inliers, unit="inliers", low=0, high=geometry.MOST, sign=1, witness=True),
    _geometry(geometry.log_inliers, unit="ln inliers", low=0, high=geometry.MOST_LOG, sign=1),
    _geometry(geometry.log_inliers_sum, unit="ln inliers", low=0, high=geometry.MOST_LOG, sign=1),
    _geometry(geometry.inlier_share, unit="share", low=0, high=1, sign=1),
    _geometry(geometry.inlier_coverage, unit="share", low=0, high=1, sign=1),
    _geometry(
        geometry.inliers_lead,
        unit="ln ratio",
        low=-geometry.MOST_LOG,
        high=geometry.MOST_LOG,
        sign=1,
    ),
    _geometry(geometry.not_compared, unit="yes or no", low=0, high=1),
    feature(image_place, "image-place", "cosine", -1, 1, 1, witness=True),
    feature(image_place_lead, "image-place", "cosine", -2, 2, 1),
)
"""The whole table, in the order in which features are shown."""

SIGNS = {row.name: row.sign for row in FEATURES if row.sign}
"""What sense demands of a weight, see `Feature.sign`."""

KIND_OF: dict[str, Kind] = {row.name: row.kind for row in FEATURES}


def features_of(
    pooled: Sequence[PooledPlace], observed: Observed, features: Sequence[Feature] = FEATURES
) -> list[dict[str, float]]:
    """Return the features of each place by name, for `Candidate.parts`.

    Args:
        pooled: All places of the round.
        observed: What the round knows.
        features: The rows to compute.
    """
    places = Places(pooled, observed)
    columns = [row.compute(places, observed).tolist() for row in features]
    names = [row.name for row in features]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
