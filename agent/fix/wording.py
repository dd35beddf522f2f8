"""Words of a verdict: names that tell places apart, and numbers that agree with the table."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from geofix.agent.answer import format_coordinates
from geofix.agent.state import Candidate
from geofix.tools.geo.distance import distances_km
from geofix.tools.statistics import PLACE_KM

MOST_NAMED = 3
"""Places that a sentence names before it counts the others."""

AWAY_FROM_A_TOWN = re.compile(r"\d+ km from ")
"""How a name begins where no town is near."""

LONGEST_NAME = 40
"""Characters of a photo's or a gallery's name in a sentence."""


def told(candidate: Candidate) -> str:
    """Return a score as text."""
    # Rounded twice as in the table of candidates, which 0.2351 has as 0.23 therefore.
    return f"{round(candidate.score, 3):.2f}"


def below(score: float, asked: float) -> str:
    """Return a score with as many digits as show that it is lower; 0.999 is no 1.00."""
    written = [f"{round(score, 3):.2f}", *(f"{score:.{digits}f}" for digits in range(3, 16))]
    return next((one for one in written if float(one) < asked), repr(score))


def called(candidate: Candidate, unnamed: str) -> str:
    """Return the name of a place for use in a sentence; without one, what is given.

    Where no town is near, the name is `77 km from Labasa`, which reads as a distance after
    `within 25 km of` and is none.
    """
    name = candidate.place
    if name is None:
        return unnamed
    return f"a point {name}" if AWAY_FROM_A_TOWN.match(name) else name


def names_apart(places: Sequence[Candidate]) -> list[str]:
    """Return short names of places, `Munich` and `Berlin`, or longer ones where two are the same.

    Two ends of one city have the same full name too; then their coordinates tell them apart.
    """
    full = [called(one, f"the place at {_where(one)}") for one in places]
    short = [
        whole if one.place is None else whole.split(",")[0]
        for one, whole in zip(places, full, strict=True)
    ]
    at = [
        whole if one.place is None else f"{whole} ({_where(one)})"
        for one, whole in zip(places, full, strict=True)
    ]
    return next((names for names in (short, full) if len(set(names)) == len(names)), at)


def _where(place: Candidate) -> str:
    # To a tenth of the scale at which places are told apart.
    return format_coordinates(place.latitude, place.longitude, radius_km=PLACE_KM)


def listed(places: Sequence[Candidate]) -> str:
    """Return the names of places in a sentence; those after the first are counted."""
    names = names_apart(places)
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def apart(places: Sequence[Candidate]) -> str:
    """Say how far the two places of all that are farthest apart are."""
    at = np.array([(one.latitude, one.longitude) for one in places])
    farthest = float(distances_km(*at.T, *at.T).max())
    return f"{'up to ' if places[2:] else ''}{farthest:,.0f} km apart"


def shortened(name: str) -> str:
    """Return the name of a photo or a gallery, cut so that a sentence has room for more."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
