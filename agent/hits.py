"""From what a search of the gallery finds to what the state keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from geofix.agent.state import Hit
from geofix.db.centring import Centring
from geofix.db.search import Neighbour
from geofix.tools.places import places_at


def as_hits(neighbours: Sequence[Neighbour], centring: Centring | None, searched: int) -> list[Hit]:
    """Return photos with the names of their places and how common their likeness is.

    Args:
        neighbours: As found.
        centring: None where vectors were compared raw: then no likeness is known to be common.
        searched: Among how many photos they were found.
    """
    places = places_at(
        [neighbour.latitude for neighbour in neighbours],
        [neighbour.longitude for neighbour in neighbours],
    )
    hits = []
    for neighbour, place in zip(neighbours, places, strict=True):
        columns = asdict(neighbour)
        country = columns.pop("country")
        label = None if place is None else place.describe()
        share = centring.impostor_share(neighbour.similarity, searched) if centring else None
        hits.append(Hit(**columns, country_code=country, place=label, impostor_share=share))
    return hits
