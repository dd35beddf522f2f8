"""Accuracy on the starter gallery: every photo asked of all the others.

Peers from the same run: the place of the nearest photo (retrieval alone), and the kernel density
of Vo et al. 2017 (our consensus drafter). Photos of one city are often of one sequence and camera,
so the figures say how well the choice is made, not how well a stranger's photo would be placed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.context import Context
from geofix.agent.draft.consensus import consensus
from geofix.agent.nodes.retrieve import search_both_ways
from geofix.agent.services import Services
from geofix.agent.verify.choose import choose
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.scorers import default_scorers
from geofix.agent.verify.verdict import decide
from geofix.db.load.ingest import GeotaggedPhoto
from geofix.db.search.query import Search
from geofix.tools.geo.distance import haversine_km
from geofix.tools.starter import read_starter
from geofix.tools.statistics import PLACE_KM

MARGINS = (0.0, 0.15, 0.2, 0.3, 0.4)
"""Leads in score to ask for; 0.15 is the default."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How far off each method was for one photo, in km, and whether ours would have answered."""

    nearest_km: float
    density_km: float
    first_km: float
    answered: dict[float, bool]
    """By the lead in score that was asked for."""


def ask(
    services: Services,
    encoder: str,
    photo: GeotaggedPhoto,
    vector: NDArray[np.float32],
    context: Context,
) -> Trial:
    """Ask one starter photo of the others."""
    search = Search(encoder=encoder, without_sha256=photo.sha256)
    retrieval = search_both_ways(services.gallery, vector, search, context)
    candidates = choose(
        Observed(retrieval=retrieval, drafts=[]),
        region=None,
        within=(),
        region_share=1.0,
        scorers=default_scorers(),
    )
    answered = {}
    for margin in MARGINS:
        asked = context.model_copy(update={"accept_margin": margin})
        verdict = decide(candidates, retrieval, asked, rounds_left=0)
        answered[margin] = verdict.decision == "accept"
    nearest, voted = retrieval.positives[0], consensus(retrieval)

    def off_km(latitude: float | None, longitude: float | None) -> float:
        assert latitude is not None and longitude is not None
        return float(haversine_km(photo.latitude, photo.longitude, latitude, longitude))

    return Trial(
        nearest_km=off_km(nearest.latitude, nearest.longitude),
        density_km=off_km(voted.latitude, voted.longitude),
        first_km=off_km(candidates[0].latitude, candidates[0].longitude),
        answered=answered,
    )


def report(trials: list[Trial]) -> str:
    """Return the figures as a table: right within 25 km, and each against retrieval alone."""
    right = {
        "nearest photo (peer)": np.mean([trial.nearest_km <= PLACE_KM for trial in trials]),
        "kernel density (peer)": np.mean([trial.density_km <= PLACE_KM for trial in trials]),
        "geofix, first candidate": np.mean([trial.first_km <= PLACE_KM for trial in trials]),
    }
    peer = right["nearest photo (peer)"]
    lines = [f"{len(trials)} starter photos, each asked of the others; right within 25 km"]
    lines += [f"  {name:26} {value:6.1%}   x{value / peer:.3f}" for name, value in right.items()]
    lines.append("  lead asked for   answers   right among them   first right where it abstains")
    for margin in MARGINS:
        kept = [trial.first_km <= PLACE_KM for trial in trials if trial.answered[margin]]
        left = [trial.first_km <= PLACE_KM for trial in trials if not trial.answered[margin]]
        lines.append(
            f"  {margin:14.2f}   {len(kept) / len(trials):7.1%}   {np.mean(kept):16.1%}"
            f"   {np.mean(left):29.1%}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure on a database of the environment; the starter gallery must be in it."""
    starter = read_starter()
    context = Context()
    with Services() as services:
        trials = [
            ask(services, starter.encoder, photo, vector, context)
            for photo, vector in zip(starter.photos, starter.vectors, strict=True)
        ]
    sys.stdout.write(report(trials) + "\n")


if __name__ == "__main__":
    main()
