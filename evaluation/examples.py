"""Examples to fit scorers on: candidates of cases, and spots within the right ones.

A place is right within 25 km, the scale at which places are told apart; a spot within 25 m.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from geofix.agent.choice.features import FEATURES
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import HAND_SET, Scorers
from geofix.agent.choice.spots import spots_of
from geofix.agent.state import Candidate
from geofix.evaluation.cases import Case
from geofix.evaluation.recalled import choices, observed_of, off_km
from geofix.evaluation.training import Example, fit_scorer

PLACE_KM = 25.0
SPOT_KM = 0.025

SIGNS = {
    "share_25_km": 1,
    "likeness": 1,
    "rank": 1,
    "margin": 1,
    "independent": 1,
    "votes_over_density": 1,
    "contradiction": -1,
    "survived": 1,
    "draft": 1,
    "drafts_here": 1,
    "drafts_in_region": 1,
    "clue_country": 1,
    "land": 1,
    "inliers": 1,
    "log_inliers": 1,
    "log_inliers_sum": 1,
    "inlier_share": 1,
    "inlier_coverage": 1,
    "inliers_lead": 1,
    "image_place": 1,
    "image_place_lead": 1,
    "spot_share": 1,
    "spot_density_10_m": 1,
    "spot_density_50_m": 1,
    "spot_density_200_m": 1,
    "spot_rank": 1,
    "spot_log_inliers": 1,
    "spot_log_inliers_sum": 1,
    "spot_inlier_share": 1,
    "spot_inlier_coverage": 1,
    "spot_inliers_lead": 1,
}
"""More of these can only speak for a candidate (1) or against it (-1); others may do either."""

GEOMETRY = tuple(feature.name for feature in FEATURES if feature.kind == "geometry")

UNTRUSTED = ("contradiction", "photos_there", *GEOMETRY)
"""Left out of what is fitted for the weights that are shipped. Which photos are least alike follows
in a simulated world from how its vectors were made, and a crowded place must not win for being
crowded. Simulated inliers are not those of our matcher, which gives none where SIFT gives some by
chance: weights fitted on them took "compared in vain" for proof that a place is wrong."""

BY_HAND = ("inliers_lead",)
"""Weighed as by hand in the weights that are shipped: real photos agree on what it means."""


@dataclass(frozen=True)
class Seen:
    """A case, and what was made of it with some of its evidence."""

    case: Case
    observed: Observed
    candidates: list[Candidate]


def seen(cases: Sequence[Case], *, drafts: bool, scorers: Scorers = HAND_SET) -> list[Seen]:
    """Return the cases with their candidates; features do not depend on who scores them."""
    made = []
    for case in cases:
        observed = observed_of(case, drafts=drafts)
        made.append(Seen(case, observed, choices(observed, scorers)))
    return made


def place_examples(some: Sequence[Seen]) -> list[Example]:
    """Return the candidates that are not vetoed."""
    return [
        Example(
            candidate.parts,
            float(off_km(one.case, candidate.latitude, candidate.longitude) <= PLACE_KM),
            one.case.group,
        )
        for one in some
        for candidate in one.candidates
        if candidate.vetoed is None
    ]


def spot_examples(some: Sequence[Seen]) -> list[Example]:
    """Return the spots of the right places; photos of one walk stay together."""
    return [
        Example(
            spot.parts,
            float(off_km(one.case, spot.latitude, spot.longitude) <= SPOT_KM),
            f"{one.case.group}/{one.case.sequence}",
        )
        for one in some
        for candidate in _right(one)
        for spot in spots_of(candidate, one.observed)
    ]


def _right(one: Seen) -> Iterator[Candidate]:
    for candidate in one.candidates:
        near = off_km(one.case, candidate.latitude, candidate.longitude) <= PLACE_KM
        if near and candidate.vetoed is None:
            yield candidate


def fit_place(
    some: Sequence[Seen],
    *,
    name: str,
    trained_on: str,
    without: Sequence[str] = UNTRUSTED,
    strength: float | None = None,
) -> Scorers:
    """Fit the scorer of places; spots stay as set by hand."""
    photos = len({one.case.photo for one in some})
    place = fit_scorer(
        place_examples(some),
        name=name,
        trained_on=trained_on,
        photos=photos,
        signs=SIGNS,
        without=without,
        strength=strength,
    )
    return Scorers(place=_with_hand_set(place, without))


def _with_hand_set(place: Scorer, without: Sequence[str]) -> Scorer:
    """Return a scorer with the hand-set weights of what it was told to leave to them."""
    by_hand = [name for name in BY_HAND if name in without]
    return place.model_copy(
        update={
            column: {
                **getattr(place, column),
                **{name: getattr(HAND_SET.place, column)[name] for name in by_hand},
            }
            for column in ("coefficients", "means", "scales")
        }
    )


def fit_both(
    some: Sequence[Seen], street: Sequence[Seen], *, name: str, trained_on: tuple[str, str]
) -> Scorers:
    """Fit the scorer of places on all cases, that of spots on those of streets.

    Args:
        some: All.
        street: Those whose truth is known to a few metres.
        name: What the trail calls both.
        trained_on: For people, of either.
    """
    places = fit_place(some, name=name, trained_on=trained_on[0])
    spot = fit_scorer(
        spot_examples(street),
        name=name,
        trained_on=trained_on[1],
        photos=len({one.case.photo for one in street}),
        signs=SIGNS,
    )
    return places.model_copy(update={"spot": spot})
