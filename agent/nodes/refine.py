"""refine: choose the next, finer look."""

from __future__ import annotations

from geofix.agent.context import Context
from geofix.agent.regions import next_look, round_sizes
from geofix.agent.run.events import Refining
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import State


def refine(state: State, context: Context, services: Services) -> Outcome:
    """Search again around the first candidate, and around its runner-up if that is not beaten.

    Every look is narrower than the one before; one that changes nothing ends the run (see verify).
    """
    look = next_look(state.candidates, state.looked_within)
    assert look is not None
    round_ = state.round + 1
    positives, negatives = round_sizes(context, len(state.searches))
    names = " and ".join(region.name for region in look.regions)
    return Outcome(
        update={
            "round": round_,
            "region": look.region,
            "planned": look.region,
            "rival": look.rival,
        },
        summary=f"round {round_ + 1} looks within {names}",
        detail={
            "regions": [region.model_dump(mode="json") for region in look.regions],
            "positives": positives,
            "negatives": negatives,
        },
        told=(Refining(round=round_, regions=[region.name for region in look.regions]),),
    )
