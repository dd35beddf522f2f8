"""refine: choose the next, finer region to search."""

from __future__ import annotations

from geofix.agent.context import Context
from geofix.agent.outcome import Outcome
from geofix.agent.regions import circle
from geofix.agent.services import Services
from geofix.agent.state import Candidate, State
from geofix.tools.clusters import SCALES_KM


def refine(state: State, context: Context, services: Services) -> Outcome:
    """Search again around the first candidate, within the scale at which it is known.

    Where it is known to the scale already searched, the next finer scale that still holds its
    photos is taken, so that every round looks at less of the Earth than the one before.
    """
    first = next(candidate for candidate in state.candidates if candidate.vetoed is None)
    radius_km = next_radius_km(first, state.region.radius_km if state.region else None)
    named = first.place or f"{first.latitude:.4f}, {first.longitude:.4f}"
    region = circle(
        first.latitude, first.longitude, radius_km, name=f"{radius_km:g} km around {named}"
    )
    return Outcome(
        update={"round": state.round + 1, "region": region},
        summary=f"round {state.round + 2} looks within {region.name}",
        detail={"region": region.model_dump(mode="json")},
    )


def next_radius_km(first: Candidate, searched_km: float | None) -> float:
    """Return the radius of the next round.

    Args:
        first: The leading candidate.
        searched_km: Radius of the round before; none if it was not a circle.
    """
    if searched_km is None or first.scale_km < searched_km:
        return first.scale_km
    finer = [scale for scale in SCALES_KM if scale < searched_km]
    return finer[-1] if finer else searched_km
