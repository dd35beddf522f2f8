"""The open set: the starter gallery's real photos, each asked of all the others."""

from __future__ import annotations

from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import search_both_ways
from geofix.agent.services import Services
from geofix.db.search import Search
from geofix.evaluation.cases import Case
from geofix.tools.starter import read_starter


def open_cases(services: Services) -> list[Case]:
    """Return a case for each photo of the starter gallery, which has to be loaded."""
    starter = read_starter()
    cases = []
    for photo, vector in zip(starter.photos, starter.vectors, strict=True):
        search = Search(encoder=starter.encoder, without_sha256=photo.sha256)
        retrieval = search_both_ways(services.gallery, vector, search, Context())
        cases.append(
            Case(
                photo=photo.external_id,
                latitude=photo.latitude,
                longitude=photo.longitude,
                accuracy_km=photo.accuracy_km,
                group=f"{photo.latitude:.0f},{photo.longitude:.0f}",
                retrieval=retrieval,
            )
        )
    return cases
