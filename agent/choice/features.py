"""Every feature a place is scored by: its unit, its range, and what kind of evidence it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from geofix.agent.choice import (
    contradiction,
    drafts,
    gallery_density,
    ground,
    image_place,
    inliers,
    survived,
    votes,
)
from geofix.agent.choice.nearby import FloatArray, Places
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate
from geofix.tools.clusters import LOOKS_KM

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
        votes.share(scale),
        "votes",
        1,
    )
    for scale in LOOKS_KM
)

FEATURES: tuple[Feature, ...] = (
    *_SHARES,
    _feature(votes.flat_votes, "votes", "share", 0, 1, 1),
    _feature(votes.likeness, "votes", "share", 0, 1, 1),
    _feature(votes.rank, "votes", "1/rank", 0, 1, 1),
    _feature(votes.margin, "votes", "cosine", -2, 2, 1),
    _feature(votes.sharpness, "votes", "cosine", 0, 2),
    _feature(votes.independent, "votes", "ln photos", 0, 6, 1),
    _feature(contradiction.contradiction, "votes", "share", 0, 1, -1),
    _feature(gallery_density.photos_there, "votes", "lg photos", 0, 9),
    _feature(gallery_density.votes_over_density, "votes", "lg ratio", -4, 4, 1),
    _feature(survived.survived, "votes", "score", 0, 1, 1),
    _feature(drafts.draft, "drafts", "confidence", 0, 1, 1),
    _feature(drafts.drafts_here, "drafts", "share", 0, 1, 1),
    _feature(drafts.drafts_in_region, "drafts", "share", 0, 1, 1),
    _feature(drafts.drafts_together, "drafts", "share", 0, 1),
    _feature(ground.clue_country, "drafts", "share", -1, 1, 1),
    _feature(ground.land, "ground", "yes or no", 0, 1, 1),
    _feature(ground.shows_no_place, "ground", "yes or no", 0, 1, -1),
    _feature(inliers.inliers, "geometry", "inliers", 0, inliers.MOST, 1),
    _feature(inliers.log_inliers, "geometry", "ln inliers", 0, inliers.MOST_LOG, 1),
    _feature(inliers.log_inliers_sum, "geometry", "ln inliers", 0, inliers.MOST_LOG, 1),
    _feature(inliers.inlier_share, "geometry", "share", 0, 1, 1),
    _feature(inliers.inlier_coverage, "geometry", "share", 0, 1, 1),
    _feature(inliers.inliers_lead, "geometry", "ln ratio", -inliers.MOST_LOG, inliers.MOST_LOG, 1),
    _feature(inliers.not_compared, "geometry", "yes or no", 0, 1),
    _feature(image_place.image_place, "image-place", "cosine", -1, 1, 1),
    _feature(image_place.image_place_lead, "image-place", "cosine", -2, 2, 1),
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
