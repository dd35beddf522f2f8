"""What scorers choose that are fitted as `geofix calibrate` fits them, on photos of other places.

A fifth of the places is held out at a time, and chosen by what was fitted on the other four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofix.agent.choice.scorers import Scorers
from geofix.evaluation.calibration import drawn
from geofix.evaluation.examples import CROWDED, Seen, fit_place
from geofix.evaluation.recalled import choices
from geofix.evaluation.spot_examples import fit_spots, spots_seen
from geofix.evaluation.training import TooFewError

FOLDS = 5


def cross_fitted(some: Sequence[Seen], seed: int = 0) -> list[Seen]:
    """Return the cases, in their order, each chosen by scorers fitted on other places.

    Args:
        some: Chosen by other scorers; what was observed of them stays.
        seed: Draws the folds.

    Raises:
        TooFewError: There are too few photos or places to fit scorers of places on.
    """
    fold = _folds([one.case.group for one in some], seed)
    chosen = list(some)
    for held in range(FOLDS):
        scorers = fitted_on([one for one, at in zip(some, fold, strict=True) if at != held])
        for at in np.flatnonzero(np.array(fold) == held).tolist():
            one = some[at]
            chosen[at] = Seen(one.case, one.observed, choices(one.observed, scorers))
    return chosen


def fitted_on(some: Sequence[Seen]) -> Scorers:
    """Return scorers of places and of spots; those of spots set by hand where they are too few."""
    fitted = fit_place(some, name="fitted here", trained_on="", without=CROWDED)
    try:
        spot = fit_spots(spots_seen(some), name="fitted here", trained_on="", photos=len(some))
    except TooFewError:
        return fitted
    return fitted.model_copy(update={"spot": spot})


def _folds(groups: Sequence[str], seed: int) -> list[int]:
    """Return a fold for each; a place is in one, that with fewest photos so far."""
    names, photos = np.unique(groups, return_counts=True)
    sizes = dict(zip(names.tolist(), photos.tolist(), strict=True))
    filled, fold = [0] * FOLDS, {}
    for name in sorted(sizes, key=lambda name: drawn(name, seed)):
        fold[name] = int(np.argmin(filled))
        filled[fold[name]] += sizes[name]
    return [fold[group] for group in groups]
