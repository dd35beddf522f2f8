"""Examples to fit scorers on: candidates of cases, right within 25 km."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geofix.agent.choice.features import FEATURES, SIGNS
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import HAND_SET, Scorers
from geofix.agent.state import Candidate
from geofix.evaluation.cases import Case
from geofix.evaluation.recalled import choices, observed_of, off_km
from geofix.evaluation.training import Example, fit_scorer

PLACE_KM = 25.0

GEOMETRY = tuple(feature.name for feature in FEATURES if feature.kind == "geometry")

CROWDED = ("photos_there",)
"""Never fitted: a crowded place must not win for being crowded."""

UNTRUSTED = (*CROWDED, "contradiction", "independent", "share_0.1_km", *GEOMETRY)
"""Left out of what is fitted for the weights that are shipped. Which photos are least alike follows
in a simulated world from how its vectors were made. Simulated inliers are not those of our matcher,
which gives none where SIFT gives some by chance: weights fitted on them took "compared in vain" for
proof that a place is wrong. How many photos there are at all, however unlike, says more where noise
is what parts a photo from its place than on real photos: weights fitted with it place 42.7 % of a
simulated world, and lose 2 of the 162 real ones. Photos of one place have the same coordinates
there, hence nothing within 100 m."""

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


def fit_place(
    some: Sequence[Seen],
    *,
    name: str,
    trained_on: str,
    without: Sequence[str] = UNTRUSTED,
    strength: float | None = None,
) -> Scorers:
    """Fit the scorer of places; spots stay as set by hand."""
    place = fit_examples(
        place_examples(some),
        name=name,
        trained_on=trained_on,
        photos=len({one.case.photo for one in some}),
        without=without,
        strength=strength,
    )
    return Scorers(place=place)


def fit_examples(
    examples: Sequence[Example],
    *,
    name: str,
    trained_on: str,
    photos: int,
    without: Sequence[str] = UNTRUSTED,
    strength: float | None = None,
) -> Scorer:
    """Fit the scorer of places on candidates, with the hand-set weights of what is not fitted.

    Raises:
        TooFewError: There are too few right or wrong candidates, or too few places.
    """
    place = fit_scorer(
        examples,
        name=name,
        trained_on=trained_on,
        photos=photos,
        signs=SIGNS,
        without=without,
        strength=strength,
    )
    return _with_hand_set(place, without)


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
