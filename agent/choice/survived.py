"""What survived from the round before."""

from __future__ import annotations

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import apart_km
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate


def survived(candidate: Candidate, observed: Observed) -> float:
    """Return the best score of the round before within 25 km, 0 to 1; 0 in a first round."""
    scores = [
        earlier.score
        for earlier in observed.before
        if earlier.vetoed is None
        and apart_km(candidate, (earlier.latitude, earlier.longitude)) <= PLACE_SCALE_KM
    ]
    return min(1.0, max(scores, default=0.0))
