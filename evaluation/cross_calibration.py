"""How promises are kept where every answer is held out once: for data sets too small to spare any.

A fifth of the places is held out at a time, two fifths fit the confidence and two the radius, as in
one calibration; what is said of all fifths is pooled. Five calibrations are told by it, not one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofix.evaluation.calibration import (
    Answer,
    Kept,
    Promised,
    check_enough,
    drawn,
    fit_on,
    kept_of,
    promised,
)

FOLDS = 5


def folds_of(answers: Sequence[Answer], seed: int) -> list[list[Answer]]:
    """Return the answers in five, places whole, each place to the fold that has fewest."""
    members: dict[str, list[Answer]] = {}
    for answer in answers:
        members.setdefault(answer.group, []).append(answer)
    folds: list[list[Answer]] = [[] for _ in range(FOLDS)]
    for group in sorted(members, key=lambda group: drawn(group, seed)):
        folds[int(np.argmin([len(fold) for fold in folds]))].extend(members[group])
    return folds


def cross_kept(answers: Sequence[Answer], seed: int = 0) -> Kept:
    """Return how promises were kept on answers of places they were not fitted on, each once.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    check_enough(answers)
    folds = folds_of(answers, seed)
    told: list[Promised] = []
    for held in range(FOLDS):
        rest = [folds[(held + step) % FOLDS] for step in range(1, FOLDS)]
        promises = fit_on([*rest[0], *rest[1]], [*rest[2], *rest[3]])
        told.append(promised(promises, folds[held]))
    return kept_of(told)
