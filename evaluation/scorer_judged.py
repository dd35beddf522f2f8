"""How many photos each way of choosing places: a scorer fitted here, the shipped one, the peers."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.choice.law_of_regions import held_back
from geofix.agent.choice.ranking import ranked
from geofix.agent.choice.scorer import Scorer
from geofix.agent.state import Candidate
from geofix.evaluation.result import Result
from geofix.tools.geo import haversine_km

OWN, SHIPPED = "fitted here", "the shipped scorer"

PEERS = ("nearest", "density", "model")
"""Of `Result.peers_km`."""


def candidates_of(result: Result) -> list[Candidate]:
    """Return the candidates of a result, by rank."""
    return [Candidate.model_validate(candidate) for candidate in result.candidates]


def off_km(result: Result, candidate: Candidate) -> float:
    """Return how far a candidate is from the truth of its photo, which has one."""
    assert result.truth_latitude is not None
    assert result.truth_longitude is not None
    return float(
        haversine_km(
            result.truth_latitude, result.truth_longitude, candidate.latitude, candidate.longitude
        )
    )


def right_within(km: float, results: Sequence[Result], scorer: Scorer) -> dict[str, float]:
    """Return the share of photos that each way of choosing places within a distance.

    Args:
        km: The distance.
        results: Of photos with a truth; one without a candidate is wrong.
        scorer: The one fitted. It ranks the candidates anew.

    Returns:
        0 to 1 by who chooses; a peer that named no place for any photo is left out.
    """
    errors: dict[str, list[float]] = {OWN: [_chosen_km(result, scorer) for result in results]}
    errors[SHIPPED] = [_known(result.first_km) for result in results]
    for peer in PEERS:
        found = [result.peers_km.get(peer) for result in results]
        if any(error is not None for error in found):
            errors[peer] = [_known(error) for error in found]
    return {
        name: sum(error <= km for error in some) / max(1, len(some))
        for name, some in errors.items()
    }


def _chosen_km(result: Result, scorer: Scorer) -> float:
    scored = [
        candidate.model_copy(
            update={
                "terms": scorer.terms(candidate.parts),
                "score": scorer.probability(candidate.parts),
            }
        )
        for candidate in candidates_of(result)
    ]
    standing = [one for one in ranked(held_back(scored, scorer)) if one.vetoed is None]
    return off_km(result, standing[0]) if standing else float("inf")


def _known(error_km: float | None) -> float:
    return float("inf") if error_km is None else error_km
