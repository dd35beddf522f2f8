"""Examples to fit scorers on: candidates of places, and corners of places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from geofix.agent.state import Candidate
from geofix.agent.verify.evidence import FEATURES, SIGNS
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import HAND_SET, Scorers
from geofix.evaluation.calibrate.cases import Case, choices, observed_of, off_km
from geofix.evaluation.calibrate.training import Example, fit_scorer
from geofix.tools.statistics import PLACE_KM

NEVER_FITTED = tuple(row.name for row in FEATURES if row.fit_on == "none")

UNTRUSTED = tuple(row.name for row in FEATURES if row.fit_on != "all photos")
"""Left out of weights that are fitted on simulated worlds, hence of those that are shipped."""

BY_HAND = ("inliers_lead", "drafts_agree")
"""Weighed as by hand in the weights that are shipped: real photos agree on what inliers mean, and
simulated drafts never agree with a list."""


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
    by_hand = HAND_SET.place
    for name in set(BY_HAND).intersection(without):
        place = place.with_weight(
            name, by_hand.coefficients[name], by_hand.means[name], by_hand.scales[name]
        )
    return place


RIGHT_KM = (0.025, 0.1, 1.0)
"""A spot is a third right within each: a gallery may be dense enough to tell corners apart, or only
quarters. On 700 photos of a simulated city, told at 1 km, such labels closed 40 % of the gap to the
best of 16 and right or wrong at 25 m 27 %; of a simulated street, told at 25 m, 42 and 45 %."""

Away = Callable[[float, float], float]
"""Returns how far a latitude and longitude are from the truth, in km."""


def rightness(error_km: float) -> float:
    """Return how right a spot is, 0 to 1."""
    return sum(error_km <= km for km in RIGHT_KM) / len(RIGHT_KM)


def spot_examples(candidates: Iterable[Candidate], away_km: Away, group: str) -> list[Example]:
    """Return the spots of those candidates that are right: of a wrong place none can be."""
    return [
        Example(spot.parts, rightness(away_km(spot.latitude, spot.longitude)), group)
        for candidate in candidates
        if away_km(candidate.latitude, candidate.longitude) <= PLACE_KM
        for spot in candidate.spots
    ]


def spots_seen(some: Iterable[Seen]) -> list[Example]:
    """Return the spots of cases that were chosen."""
    return [
        example
        for one in some
        for example in spot_examples(one.candidates, partial(off_km, one.case), one.case.group)
    ]


def fit_spots(
    examples: Sequence[Example],
    *,
    name: str,
    trained_on: str,
    photos: int,
    without: Sequence[str] = (),
    strength: float | None = None,
) -> Scorer:
    """Fit the scorer of spots; see `fit_scorer`.

    Its features tell one thing at many widths, so that single weights have no sign of their own.

    Raises:
        TooFewError: There are too few right or wrong spots, or too few places.
    """
    return fit_scorer(
        examples,
        name=name,
        trained_on=trained_on,
        photos=photos,
        without=without,
        strength=strength,
    )
