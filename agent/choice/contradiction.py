"""What speaks against a place: photos that look otherwise and were taken there."""

from __future__ import annotations

from geofix.agent.choice.nearby import near
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate


def contradiction(candidate: Candidate, observed: Observed) -> float:
    """Return the share of dissimilar photos that were taken within 25 km, 0 to 1."""
    negatives = observed.negatives
    return len(near(candidate, negatives)) / len(negatives) if negatives else 0.0
