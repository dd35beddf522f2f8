"""Where the next round looks, and how closely: from the candidates of this one.

A finer look asks the gallery again inside a circle around the leading place, with more neighbours
and fewer far ones. How wide the circle is follows from how sure the place is: the finest level of
the ladder that holds nearly all votes, so a sharp search skips levels. A runner-up outside the
circle gets a circle of its own, asked in the same round with as many neighbours, until it is
beaten: otherwise the leader would collect votes the runner-up was never asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geofix.agent.context import Context
from geofix.agent.regions import circle
from geofix.agent.state import Candidate, Region
from geofix.tools.clusters import LOOKS_KM
from geofix.tools.geo import haversine_km

LADDER_KM = LOOKS_KM[::-1]
"""Radii of looks, widest first: continent, country, region, city, street, corner."""

SURE = 0.8
"""Share of the votes within a level at which the place is looked for there and nowhere else."""

RIVAL = 0.5
"""A runner-up with less of the leader's score than this is beaten."""

MOST_NEIGHBOURS = 200
"""More than any search may ask for."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the next round searches."""

    region: Region
    rival: Region | None
    """The runner-up's circle, where there is one that is not beaten."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """All that is searched."""
        return (self.region,) if self.rival is None else (self.region, self.rival)


def next_look(candidates: Sequence[Candidate], searched: Region | None) -> Look | None:
    """Return where a finer look would go; none where there is none finer than the last.

    Args:
        candidates: Of this round, in order; vetoed ones are passed over.
        searched: The circle of this round; none where it looked everywhere.
    """
    standing = [candidate for candidate in candidates if candidate.vetoed is None]
    if not standing:
        return None
    first = standing[0]
    level_km = _level_km(first, below_km=_radius_km(searched))
    if level_km is None:
        return None
    rival = next((other for other in standing[1:] if _rivals(other, first, level_km)), None)
    return Look(
        region=_around(first, level_km),
        rival=None if rival is None else _around(rival, level_km),
    )


def neighbours(context: Context, round_: int) -> tuple[int, int]:
    """Return how many positives and negatives a round asks for: twice and half of the one before.

    Args:
        context: What the first round asks for.
        round_: From 0 on.
    """
    positives = min(context.positives * 2**round_, max(context.positives, MOST_NEIGHBOURS))
    return positives, context.negatives // 2**round_


def _level_km(first: Candidate, *, below_km: float) -> float | None:
    """Return the finest level that holds the place surely, or else by a majority of the votes."""
    finer = [level for level in LADDER_KM if level < below_km]
    shares = {level: first.parts.get(f"share_{level:g}_km", 0.0) for level in finer}
    sure = [level for level in finer if shares[level] >= SURE]
    if sure:
        return min(sure)
    return first.scale_km if first.scale_km in finer else None


def _rivals(other: Candidate, first: Candidate, level_km: float) -> bool:
    apart_km = haversine_km(other.latitude, other.longitude, first.latitude, first.longitude)
    return float(apart_km) > level_km and other.score >= RIVAL * first.score


def _radius_km(region: Region | None) -> float:
    return float("inf") if region is None or region.radius_km is None else region.radius_km


def _around(candidate: Candidate, level_km: float) -> Region:
    named = candidate.place or f"{candidate.latitude:.4f}, {candidate.longitude:.4f}"
    radius = f"{level_km:g} km" if level_km >= 1 else f"{1000 * level_km:g} m"
    return circle(
        candidate.latitude,
        candidate.longitude,
        level_km,
        name=f"{radius} around {named}",
    )
