"""What may not be the answer, whatever its score."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.choice.nearby import near
from geofix.agent.state import Candidate, Hit
from geofix.tools.countries import is_land

SUPPORT_KM = 200.0
"""A draft needs a positive this close, or it may not be the answer."""


def veto(candidate: Candidate, positives: Sequence[Hit]) -> str | None:
    """Return why a candidate may not be the answer; none where it may.

    Args:
        candidate: As pooled.
        positives: The round's.
    """
    if candidate.photos:
        return None
    if not is_land(candidate.latitude, candidate.longitude):
        return "the drafted point lies in the sea and no photo speaks for it"
    if not near(candidate, positives, SUPPORT_KM):
        return f"no retrieved photo within {SUPPORT_KM:g} km supports the draft"
    return None
