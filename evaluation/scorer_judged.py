"""How right each way of choosing is: scorers fitted here, the shipped ones, the peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from geofix.agent.choice.law_of_regions import held_back
from geofix.agent.choice.ranking import ranked
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import Scorers, default_scorers
from geofix.agent.choice.spots import scored
from geofix.agent.state import Candidate
from geofix.evaluation.result import Result
from geofix.tools.geo import haversine_km

OWN, SHIPPED = "fitted here", "the shipped scorer"

PEERS = ("nearest", "density", "model")
"""Of `Result.peers_km`."""

Right = Callable[[float], float]
"""Gives how right an error in km is, 0 to 1."""


def candidates_of(result: Result) -> list[Candidate]:
    """Return the candidates of a result, by rank."""
    return [Candidate.model_validate(candidate) for candidate in result.candidates]


def away_km(result: Result, latitude: float, longitude: float) -> float:
    """Return how far a point is from the truth of a photo, which has one; no less than is known."""
    assert result.truth_latitude is not None
    assert result.truth_longitude is not None
    apart = haversine_km(result.truth_latitude, result.truth_longitude, latitude, longitude)
    return max(float(apart), result.accuracy_km)


def judged(
    right: Right, results: Sequence[Result], *, place: Scorer | None, spot: Scorer | None
) -> dict[str, list[float]]:
    """Return how right each way of choosing is, photo by photo.

    Args:
        right: Says how right an error is.
        results: Of photos with a truth, chosen by the shipped scorers; one without a candidate is
            wrong.
        place: Ranks the candidates anew; none leaves it to the shipped one.
        spot: Chooses among their spots anew; so too. The shipped one then chooses within the same
            places, or spots would be kept for what places have gained.

    Returns:
        0 to 1 by who chooses; a peer that named no place for any photo is left out.
    """
    shipped = default_scorers()
    own = Scorers(place=place or shipped.place, spot=spot or shipped.of_spots)
    errors: dict[str, list[float]] = {OWN: [_chosen_km(result, own) for result in results]}
    if place is None or spot is None:
        errors[SHIPPED] = [_known(result, result.first_km) for result in results]
    else:
        within = Scorers(place=place, spot=shipped.of_spots)
        errors[SHIPPED] = [_chosen_km(result, within) for result in results]
    for peer in PEERS:
        found = [result.peers_km.get(peer) for result in results]
        if any(error is not None for error in found):
            errors[peer] = [
                _known(result, error) for result, error in zip(results, found, strict=True)
            ]
    return {name: [right(error) for error in some] for name, some in errors.items()}


def _chosen_km(result: Result, scorers: Scorers) -> float:
    weighed = [
        candidate.model_copy(
            update={
                "terms": scorers.place.terms(candidate.parts),
                "score": scorers.place.probability(candidate.parts),
            }
        )
        for candidate in candidates_of(result)
    ]
    standing = [one for one in ranked(held_back(weighed, scorers.place)) if one.vetoed is None]
    if not standing:
        return float("inf")
    spots = scored(standing[0].spots, scorers.of_spots)
    first = spots[0] if spots else standing[0]
    return away_km(result, first.latitude, first.longitude)


def _known(result: Result, error_km: float | None) -> float:
    return float("inf") if error_km is None else max(error_km, result.accuracy_km)
