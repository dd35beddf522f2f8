"""refine: choose the next, finer region to search."""

from __future__ import annotations

from geofix.agent.context import Context
from geofix.agent.outcome import Outcome
from geofix.agent.regions import circle
from geofix.agent.services import Services
from geofix.agent.state import State


def refine(state: State, context: Context, services: Services) -> Outcome:
    """Search again around the first candidate, within the scale at which it is known.

    A round that does not make it known any finer ends the run (see verify), so every round looks
    at less of the Earth than the one before.
    """
    first = next(candidate for candidate in state.candidates if candidate.vetoed is None)
    named = first.place or f"{first.latitude:.4f}, {first.longitude:.4f}"
    region = circle(
        first.latitude,
        first.longitude,
        first.scale_km,
        name=f"{first.scale_km:g} km around {named}",
    )
    return Outcome(
        update={"round": state.round + 1, "region": region},
        summary=f"round {state.round + 2} looks within {region.name}",
        detail={"region": region.model_dump(mode="json")},
    )
