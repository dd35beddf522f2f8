"""The consensus drafter: with no model configured, the retrieved photos vote.

Kernel density over the positives on the sphere (Vo, Jacobs and Hays 2017). It is named as such in
the answer, never passed off as a model.
"""

from __future__ import annotations

from geofix.agent.state import Draft, Retrieval
from geofix.tools.statistics import PLACE_KM
from geofix.tools.statistics.clusters import DEFAULT_TEMPERATURE, density_mode, vote_weights

CONSENSUS = "consensus"
"""How the answer names this drafter."""


def consensus(retrieval: Retrieval) -> Draft:
    """Return the densest place among the positives; no coordinates where there are none."""
    hits = retrieval.positives
    drafted = Draft(round=retrieval.round, drafted_by=CONSENSUS, latitude=None, longitude=None)
    if not hits:
        return drafted.model_copy(
            update={"notes": ["no similar photo was found, so none could vote"]}
        )
    weights = vote_weights(
        [hit.similarity for hit in hits], retrieval.temperature or DEFAULT_TEMPERATURE
    )
    mode = density_mode(
        [hit.latitude for hit in hits],
        [hit.longitude for hit in hits],
        weights,
        bandwidth_km=PLACE_KM,
    )
    return drafted.model_copy(
        update={
            "latitude": mode.latitude,
            "longitude": mode.longitude,
            "confidence": min(1.0, mode.share),
        }
    )
