"""Examples to fit the scorer of spots on: the corners of places that hold the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from geofix.agent.choice.scorer import Scorer
from geofix.agent.state import Candidate
from geofix.evaluation.examples import PLACE_KM, Seen
from geofix.evaluation.recalled import off_km
from geofix.evaluation.training import Example, fit_scorer

RIGHT_KM = (0.025, 0.1, 1.0)
"""A spot is a third right within each: a gallery may be dense enough to tell corners apart, or only
quarters. On 700 photos of a simulated city, told at 1 km, such labels closed 40 % of the gap to the
best of 16 and right or wrong at 25 m 27 %; of a simulated street, told at 25 m, 42 and 45 %."""

Away = Callable[[float, float], float]
"""Gives how far a latitude and longitude are from the truth, in km."""


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
