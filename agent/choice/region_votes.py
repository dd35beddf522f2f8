"""How many of all votes the region of a finer round had before it was searched alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from geofix.agent.regions import holds
from geofix.agent.state import Region, Retrieval
from geofix.tools.density import DEFAULT_TEMPERATURE, vote_weights


def region_share(retrievals: Sequence[Retrieval]) -> float:
    """Return the share of all votes that the latest round's regions had in the rounds before.

    Each finer round searches a part of the one before; the shares of the parts multiply.
    """
    share = 1.0
    for wider, finer in pairwise(retrievals):
        looked_at = searched(finer)
        if not looked_at:
            continue
        weights = vote_weights(
            [hit.similarity for hit in wider.positives],
            wider.temperature or DEFAULT_TEMPERATURE,
        )
        inside = [
            any(holds(region, hit.latitude, hit.longitude) for region in looked_at)
            for hit in wider.positives
        ]
        share *= float(weights[inside].sum())
    return share


def searched(retrieval: Retrieval) -> list[Region]:
    """Return where a round looked: its region and its runner-up's; empty where everywhere."""
    if retrieval.region is None:
        return []
    both = (retrieval.region, retrieval.rival)
    return [region for region in both if region is not None]
