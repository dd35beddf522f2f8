"""What is known of the ground at a place, and whether the photo shows a place at all.

A gallery of streets has a most similar photo for a plate of noodles as well. Only geometry
outweighs that: where the photo's local features match a picture of the place, it is of the place.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from geofix.agent.answer import Code, Reason
from geofix.agent.state import Candidate, Draft, SceneSeen
from geofix.agent.verify.geometry import geometry_agrees
from geofix.agent.verify.observed import FloatArray, Observed, Places
from geofix.tools.geo.countries import PIER_KM, countries_at, known_country

SHOWS = {
    "indoors": "a room or a thing",
    "food": "food",
    "animals": "animals",
    "screens and paper": "a screen or printed paper",
    "drawn": "mostly flat color, like a drawing, a screenshot or a blank sky",
    "sky": "only something without edges, such as sky or water",
}
"""What a photo shows, by kinds of scene that show no place."""


def rejection(scene: SceneSeen | None, first: Candidate) -> Reason | None:
    """Return why the photo cannot be placed; none where it shows a place, or was not classified.

    Args:
        scene: What it shows.
        first: The leading candidate.
    """
    if scene is None or scene.kind not in SHOWS:
        return None
    if geometry_agrees(first):
        return None
    how = f"the probability of an outdoor scene is {scene.shares['outdoors']:.0%}"
    if scene.kind == "drawn":
        how = f"{scene.flatness:.0%} of neighbouring pixels have the same color"
    if scene.kind == "sky":
        how = f"only {scene.edges:.1%} of neighbouring pixels differ clearly"
    return Reason.of(
        Code.NO_PLACE_SHOWN,
        f"the photo shows {SHOWS[scene.kind]}, which can be anywhere: {how}",
    )


MOST_WORDS = 4
"""How many words of a name are looked up: `United Kingdom of ...` is found by its first two."""

SHORTEST = 4
"""Letters of a name: codes such as `IN`, `NO` and `US` are words as well."""


def land(places: Places, observed: Observed) -> FloatArray:
    """Return 1 on land or within 2 km of it, else 0."""
    codes = countries_at(places.latitude, places.longitude, tolerance_km=PIER_KM)
    return np.array([float(code is not None) for code in codes])


def clue_country(places: Places, observed: Observed) -> FloatArray:
    """Return whether the model's clues and hypotheses name its country, -1 to 1.

    1 where they name this one alone, -1 where they name only others, between where they name
    several, 0 where they name none. Drafts that agree with what they were shown are not heard: the
    countries they name are those of the list.
    """
    named: dict[str, int] = {}
    for draft in observed.drafts:
        if draft.agrees_with is None:
            for code in countries_named(draft):
                named[code] = named.get(code, 0) + 1
    if not named:
        return places.all(0.0)
    codes = countries_at(places.latitude, places.longitude)
    mine = np.array([0 if code is None else named.get(code, 0) for code in codes])
    return 2 * mine / sum(named.values()) - 1


def shows_no_place(places: Places, observed: Observed) -> FloatArray:
    """Return 1 where the photo shows a room, food, a drawing or the like, else 0; same for all."""
    return places.all(float(observed.scene in SHOWS))


def countries_named(draft: Draft) -> set[str]:
    """Return the codes of the countries a draft's hypotheses and clues name."""
    texts = [*draft.hypotheses, *(clue.observation for clue in draft.clues)]
    return {code for text in texts for code in _countries_in(text)}


@lru_cache(maxsize=512)
def _countries_in(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]+", text)
    found = set()
    at = 0
    while at < len(words):
        for length in range(MOST_WORDS, 0, -1):
            name = " ".join(words[at : at + length])
            # Names are written with a capital; `turkey` on a plate is none.
            code = _country(name) if name[:1].isupper() else None
            if code is not None:
                found.add(code)
                at += length - 1
                break
        at += 1
    return frozenset(found)


@lru_cache(maxsize=4096)
def _country(name: str) -> str | None:
    if len(name) < SHORTEST:
        return None
    # Most words name no country, and looking for what they may have meant takes 5 ms each.
    country = known_country(name)
    return None if country is None else country.code
