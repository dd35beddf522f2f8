"""How promises are kept where every answer is held out once.

A fifth of the places is held out at a time, two fifths fit the confidence and two the radius; what
is said of all fifths is pooled. One fifth alone, of the fewest answers there may be, has 30.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.evaluation.calibration import (
    Answer,
    Kept,
    Promised,
    check_enough,
    fit_on,
    folds_of,
    kept_of,
    promised,
)

FOLDS = 5


def cross_kept(answers: Sequence[Answer], seed: int = 0) -> Kept:
    """Return how promises were kept on answers of places they were not fitted on, each once.

    Raises:
        SourceError: There are too few answers, or of too few places.
    """
    check_enough(answers)
    folds = folds_of(answers, FOLDS, seed)
    told: list[Promised] = []
    for held in range(FOLDS):
        rest = [folds[(held + step) % FOLDS] for step in range(1, FOLDS)]
        promises = fit_on([*rest[0], *rest[1]], [*rest[2], *rest[3]])
        told.append(promised(promises, folds[held]))
    return kept_of(told)
