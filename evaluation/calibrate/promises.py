"""Radius and confidence from answers whose truth is known, and whether they are kept.

The radius needs to know how hard answers are to a confidence that was not fitted on them, or it
would promise too much. So places are parted in folds, and the difficulty of each fold's answers is
told by a confidence that was fitted on the others (cross-conformal prediction, Vovk 2015): all
answers serve both. Whether promises are kept is told by `cross_calibration`.

Photos of one place or sequence share what makes them easy or hard, so places are counted, and not
photos: in the radius, the confidence and what is told of both.

A fifth of the places is held out at a time and the other four are fitted on; what is said of all
fifths is pooled. One fifth alone, of the fewest answers there may be, has 30.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.calibration.promise import signals_of
from geofix.agent.state import Candidate, Retrieval
from geofix.evaluation.calibrate.reliability_fit import fit_confidence
from geofix.evaluation.metrics import Share, share_by_place
from geofix.evaluation.run.result import EvalPhoto, Result
from geofix.evaluation.run.splits import fold_of, places_of
from geofix.tools.errors import SourceError
from geofix.tools.statistics import SCALES
from geofix.tools.statistics.conformal import FEWEST_PLACES, LEVELS, ConformalRadius, fit_radius
from geofix.tools.statistics.reliability import (
    ScaleConfidence,
    calibration_error_by_chance,
    expected_calibration_error,
)

FEWEST_ANSWERS = 150
"""The confidence has 14 signals to weigh: fewer answers leave it fewer than ten to a signal."""

FOLDS = 5

COARSEST_TRUTH_KM = SCALES["street"]
"""A truth known less exactly cannot say how far off a street is."""


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """One answer: what its promise may depend on, and how far off it was."""

    signals: Mapping[str, float]
    error_km: float
    group: str


@dataclass(frozen=True, slots=True)
class Promises:
    """What was fitted."""

    confidence: ScaleConfidence
    radius: ConformalRadius
    photos: int
    """How many photos the radius was fitted on."""
    places: int
    """How many places these are of."""


@dataclass(frozen=True, slots=True)
class PromisesKept:
    """How well promises were kept on answers they were not fitted on."""

    answers: int
    places: int
    coverage: dict[float, Share]
    """Share of truths inside the radius by level, each place counted once."""
    median_km: dict[float, float]
    """Median radius by level."""
    calibration_error: dict[str, float]
    """Expected calibration error by scale, 0 to 1, each place counted once."""
    error_by_chance: dict[str, tuple[float, float]]
    """What a confidence that is exactly right would show: with photos that are right or wrong each
    by itself, and with all photos of a place together."""


def answers_of(results: Sequence[Result]) -> list[KnownAnswer]:
    """Return the answers an evaluation gave whose truth is known well enough."""
    places = places_of(results, [result.photo for result in results])
    return [
        KnownAnswer(_signals(result), result.error_km, place)
        for result, place in zip(results, places, strict=True)
        if result.status == "located"
        and result.error_km is not None
        and result.accuracy_km <= COARSEST_TRUTH_KM
    ]


def _signals(result: Result) -> dict[str, float]:
    candidates = [Candidate.model_validate(candidate) for candidate in result.candidates]
    retrieval = Retrieval.model_validate(result.retrievals[0])
    return signals_of(candidates[0], candidates, retrieval, rounds=result.rounds)


def folds_of(answers: Sequence[KnownAnswer], folds: int, seed: int) -> list[list[KnownAnswer]]:
    """Return the answers in folds, places whole."""
    parted: list[list[KnownAnswer]] = [[] for _ in range(folds)]
    fold = fold_of([answer.group for answer in answers], folds, seed)
    for answer, at in zip(answers, fold, strict=True):
        parted[at].append(answer)
    return parted


def fit_promises(answers: Sequence[KnownAnswer], seed: int = 0) -> Promises:
    """Fit confidence and radius on all answers.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    check_enough(answers)
    return fit_on(answers, seed)


def check_enough(answers: Sequence[KnownAnswer]) -> None:
    """Refuse to calibrate on too few.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    _check_counts(len(answers), {answer.group for answer in answers}, "answers")


def _check_counts(count: int, places: Collection[str], noun: str) -> None:
    if count < FEWEST_ANSWERS or len(places) < FEWEST_PLACES:
        raise SourceError(
            f"{count} {noun} of {len(places)} places are too few to calibrate on: at least"
            f" {FEWEST_ANSWERS} photos of {FEWEST_PLACES} places must be answered, each with its"
            f" location known to {COARSEST_TRUTH_KM:g} km. Photos of one place or sequence are"
            " alike, so more photos of the same places do not help; add photos of other places."
            " The column `group` or the photo's folder names its place; otherwise photos within"
            " the same degree of latitude and longitude are one place"
        )


def check_photos(photos: Sequence[EvalPhoto]) -> None:
    """Refuse a set that is too small even if every photo is answered, before any is asked.

    Raises:
        SourceError: There are too few photos, or of too few places.
    """
    known = [
        photo
        for photo in photos
        if photo.truth is not None and photo.accuracy_km <= COARSEST_TRUTH_KM
    ]
    _check_counts(len(known), set(places_of(known, [photo.id for photo in known])), "photos")


def fit_on(answers: Sequence[KnownAnswer], seed: int) -> Promises:
    """Fit the confidence on all answers, and the radius on how hard each is to one not of it."""
    folds = folds_of(answers, FOLDS, seed)
    errors: list[float] = []
    hard: list[float] = []
    places: list[str] = []
    for held, some in enumerate(folds):
        told = _confidence_of([one for at, fold in enumerate(folds) if at != held for one in fold])
        errors += [answer.error_km for answer in some]
        hard += [told.difficulty(answer.signals) for answer in some]
        places += [answer.group for answer in some]
    radius = fit_radius(errors, hard, places)
    return Promises(_confidence_of(answers), radius, len(errors), len(set(places)))


def _confidence_of(answers: Sequence[KnownAnswer]) -> ScaleConfidence:
    return fit_confidence(
        [answer.signals for answer in answers],
        [answer.error_km for answer in answers],
        groups=[answer.group for answer in answers],
    )


@dataclass(frozen=True, slots=True)
class Promised:
    """What was promised of answers that nothing was fitted on, and how far off they were."""

    errors_km: NDArray[np.float64]
    """`[n]`."""
    radii_km: dict[float, NDArray[np.float64]]
    """Radius by level, `[n]`."""
    confidence: list[dict[str, float]]
    """Confidence by scale, for each answer."""
    places: list[str]


def promised(promises: Promises, held: Sequence[KnownAnswer]) -> Promised:
    """Return what is promised of some answers."""
    hard = [promises.confidence.difficulty(answer.signals) for answer in held]
    return Promised(
        np.array([answer.error_km for answer in held]),
        {
            level: np.array([promises.radius.radius_km(one, level) for one in hard])
            for level in LEVELS
        },
        [promises.confidence.confidence(answer.signals) for answer in held],
        [answer.group for answer in held],
    )


def kept_of(folds: Sequence[Promised]) -> PromisesKept:
    """Return how well promises were kept over all folds together."""
    errors = np.concatenate([fold.errors_km for fold in folds])
    radii = {level: np.concatenate([fold.radii_km[level] for fold in folds]) for level in LEVELS}
    said = [one for fold in folds for one in fold.confidence]
    places = [place for fold in folds for place in fold.places]

    def by_chance(name: str) -> tuple[float, float]:
        stated = [one[name] for one in said]
        return (
            calibration_error_by_chance(stated, places=places, alone=True),
            calibration_error_by_chance(stated, places=places),
        )

    return PromisesKept(
        answers=len(errors),
        places=len(set(places)),
        coverage={
            level: share_by_place(errors <= radii[level], places, alike=True) for level in LEVELS
        },
        median_km={level: float(np.median(radii[level])) for level in LEVELS},
        calibration_error={
            name: expected_calibration_error(
                [one[name] for one in said], errors <= scale_km, places=places
            )
            for name, scale_km in SCALES.items()
        },
        error_by_chance={name: by_chance(name) for name in SCALES},
    )


def cross_kept(answers: Sequence[KnownAnswer], seed: int = 0) -> PromisesKept:
    """Return how promises were kept on answers of places they were not fitted on, each once.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    check_enough(answers)
    folds = folds_of(answers, FOLDS, seed)
    told: list[Promised] = []
    for held in range(FOLDS):
        rest = [one for at, fold in enumerate(folds) if at != held for one in fold]
        # Parted in another way than here: a fold of four fifths would be one of these.
        told.append(promised(fit_on(rest, seed + 1), folds[held]))
    return kept_of(told)
