"""Radius and confidence from answers whose truth is known.

The radius needs to know how hard answers are to a confidence that was not fitted on them, or it
would promise too much. So places are parted in folds, and the difficulty of each fold's answers is
told by a confidence that was fitted on the others (cross-conformal prediction, Vovk 2015): all
answers serve both. Whether promises are kept is told by `cross_calibration`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.calibrated import signals_of
from geofix.agent.state import Candidate, Retrieval
from geofix.evaluation.eval_photo import EvalPhoto
from geofix.evaluation.intervals import Share, wilson
from geofix.evaluation.result import Result
from geofix.tools.conformal import LEVELS, ConformalRadius, fit_radius
from geofix.tools.errors import SourceError
from geofix.tools.levels import SCALES
from geofix.tools.reliability import (
    ScaleConfidence,
    calibration_error_by_chance,
    expected_calibration_error,
)
from geofix.tools.reliability_fit import fit_confidence

FEWEST_ANSWERS = 150
"""Below, the radius of a held-out answer would be fitted on fewer than 120, and its level of 95 %
on the last six."""

FEWEST_PLACES = 9
"""Nearly two for each of five folds."""

FOLDS = 5

COARSEST_KM = 1.0
"""A truth known less exactly cannot say how far off a street is."""


@dataclass(frozen=True, slots=True)
class Answer:
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
    """How many the radius was fitted on."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How well promises were kept on answers they were not fitted on."""

    answers: int
    coverage: dict[float, Share]
    """By level: how often the truth lay inside the radius."""
    median_km: dict[float, float]
    """Median radius by level."""
    calibration_error: dict[str, float]
    """Expected calibration error by scale, 0 to 1."""
    error_by_chance: dict[str, float]
    """What a confidence that is exactly right would show with as many photos."""


def answers_of(results: Sequence[Result]) -> list[Answer]:
    """Return the answers an evaluation gave whose truth is known well enough."""
    return [
        Answer(_signals(result), result.error_km, result.group or result.photo)
        for result in results
        if result.status == "located"
        and result.error_km is not None
        and result.accuracy_km <= COARSEST_KM
    ]


def _signals(result: Result) -> dict[str, float]:
    candidates = [Candidate.model_validate(candidate) for candidate in result.candidates]
    retrieval = Retrieval.model_validate(result.retrievals[0])
    return signals_of(candidates[0], candidates, retrieval, rounds=result.rounds)


def folds_of(answers: Sequence[Answer], folds: int, seed: int) -> list[list[Answer]]:
    """Return the answers in folds, places whole, each place to the fold that has fewest."""
    members: dict[str, list[Answer]] = {}
    for answer in answers:
        members.setdefault(answer.group, []).append(answer)
    parted: list[list[Answer]] = [[] for _ in range(folds)]
    for group in sorted(members, key=lambda group: drawn(group, seed)):
        parted[int(np.argmin([len(fold) for fold in parted]))].extend(members[group])
    return parted


def fit_promises(answers: Sequence[Answer], seed: int = 0) -> Promises:
    """Fit confidence and radius on all answers.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    check_enough(answers)
    return fit_on(answers, seed)


def check_enough(answers: Sequence[Answer]) -> None:
    """Refuse to calibrate on too few.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    _check_counts(len(answers), {answer.group for answer in answers}, "answers")


def _check_counts(count: int, places: Collection[str], noun: str) -> None:
    if count < FEWEST_ANSWERS or len(places) < FEWEST_PLACES:
        raise SourceError(
            f"{count} {noun} of {len(places)} places are too few to calibrate on: at least"
            f" {FEWEST_ANSWERS} photos of {FEWEST_PLACES} places have to be answered, each with its"
            f" truth known to {COARSEST_KM:g} km; add photos"
        )


def check_photos(photos: Sequence[EvalPhoto]) -> None:
    """Refuse a set that is too small even if every photo is answered, before any is asked.

    Raises:
        SourceError: There are too few photos, or of too few places.
    """
    known = [
        photo for photo in photos if photo.truth is not None and photo.accuracy_km <= COARSEST_KM
    ]
    _check_counts(len(known), {photo.group or photo.id for photo in known}, "photos")


def fit_on(answers: Sequence[Answer], seed: int) -> Promises:
    """Fit the confidence on all answers, and the radius on how hard each is to one not of it."""
    folds = folds_of(answers, FOLDS, seed)
    errors: list[float] = []
    hard: list[float] = []
    for held, some in enumerate(folds):
        told = _confidence_of([one for at, fold in enumerate(folds) if at != held for one in fold])
        errors += [answer.error_km for answer in some]
        hard += [told.difficulty(answer.signals) for answer in some]
    return Promises(_confidence_of(answers), fit_radius(errors, hard), len(errors))


def _confidence_of(answers: Sequence[Answer]) -> ScaleConfidence:
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
    """By level, `[n]`."""
    confidence: list[dict[str, float]]
    """By scale, for each."""


def promised(promises: Promises, held: Sequence[Answer]) -> Promised:
    """Return what is promised of some answers."""
    hard = [promises.confidence.difficulty(answer.signals) for answer in held]
    return Promised(
        np.array([answer.error_km for answer in held]),
        {
            level: np.array([promises.radius.radius_km(one, level) for one in hard])
            for level in LEVELS
        },
        [promises.confidence.confidence(answer.signals) for answer in held],
    )


def kept_of(folds: Sequence[Promised]) -> Kept:
    """Return how well promises were kept over all folds together."""
    errors = np.concatenate([fold.errors_km for fold in folds])
    radii = {level: np.concatenate([fold.radii_km[level] for fold in folds]) for level in LEVELS}
    said = [one for fold in folds for one in fold.confidence]
    return Kept(
        answers=len(errors),
        coverage={
            level: wilson(int((errors <= radii[level]).sum()), len(errors)) for level in LEVELS
        },
        median_km={level: float(np.median(radii[level])) for level in LEVELS},
        calibration_error={
            name: expected_calibration_error([one[name] for one in said], errors <= scale_km)
            for name, scale_km in SCALES.items()
        },
        error_by_chance={
            name: calibration_error_by_chance([one[name] for one in said]) for name in SCALES
        },
    )


def drawn(name: str, seed: int) -> bytes:
    """Return what puts names into an order that a seed draws."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
