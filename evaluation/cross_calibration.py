"""How promises are kept where every answer is held out once.

A fifth of the places is held out at a time and the other four are fitted on; what is said of all
fifths is pooled. One fifth alone, of the fewest answers there may be, has 30.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.evaluation.calibration import (
    FOLDS,
    Answer,
    Kept,
    Promised,
    check_enough,
    fit_on,
    folds_of,
    kept_of,
    promised,
)


def cross_kept(answers: Sequence[Answer], seed: int = 0) -> Kept:
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
