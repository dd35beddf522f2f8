"""What survived from the round before."""

from __future__ import annotations

import numpy as np

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import FloatArray, Places, best_of
from geofix.agent.choice.observed import Observed


def survived(places: Places, observed: Observed) -> FloatArray:
    """Return the best score of the round before within 25 km, 0 to 1; 0 in a first round."""
    earlier = [candidate for candidate in observed.before if candidate.vetoed is None]
    scores = np.array([candidate.score for candidate in earlier])
    return np.clip(best_of(scores, places.within(earlier, PLACE_SCALE_KM)), 0.0, 1.0)
