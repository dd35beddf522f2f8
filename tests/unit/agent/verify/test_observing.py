"""What a round counts of the gallery around the places it found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from geofix.agent.context import Context
from geofix.agent.regions import circle, parse_region, search_area
from geofix.agent.services import Services
from geofix.agent.state import Asked, GivenRegion, State
from geofix.agent.verify.observe import counted_drafts, observe
from geofix.db.search.query import Search
from tests.unit.agent.choosing import drafted
from tests.unit.agent.hits import BERLIN, PARIS, hit, retrieval


class Counted:
    """Counts 1000 photos in all, and as many around a place as it has been asked about."""

    def __init__(self) -> None:
        self.asked: list[Search] = []

    def counts(self, searches: list[Search]) -> list[int]:
        self.asked += searches
        return [1000, *range(10, 10 + len(searches) - 1)]


def observed(**fields: Any) -> tuple[Any, list[Search]]:
    gallery = Counted()
    services = cast(Services, SimpleNamespace(gallery=gallery, image_place=None))
    beside = (PARIS[0] + 0.001, PARIS[1])
    found = retrieval([hit(PARIS, 0.8), hit(beside, 0.7), hit(BERLIN, 0.6)])
    state = State(asked=Asked(**fields), encoder="e", retrievals=[found])
    seen, _ = observe(state, Context(geometry_pictures=0), services)
    return seen, gallery.asked


def test_photos_around_a_place_are_counted_inside_what_the_question_allows_alone() -> None:
    within = parse_region("France")
    _, (everywhere, *around) = observed(within=within)
    assert everywhere.areas == (search_area(within),)
    assert len(around) == 2
    for search in around:
        of_the_question, circle = search.areas
        assert of_the_question == search_area(within)
        assert circle.radius_km == 25.0


def test_a_place_has_the_count_of_the_nearest_one_counted_around() -> None:
    seen, _ = observed()
    places = [PARIS, BERLIN, (PARIS[0] + 0.2, PARIS[1]), (0.0, 0.0)]
    latitudes, longitudes = np.array(places).T
    assert seen.density(latitudes, longitudes).tolist() == [10, 11, 10, 0]


def test_drafts_from_before_a_region_was_given_do_not_count() -> None:
    around = circle(*PARIS, 1000.0)
    searches = [
        retrieval([]).model_copy(update={"round": round_, "region": around}) for round_ in range(3)
    ]
    drafts = [
        drafted(PARIS).model_copy(update={"round": round_, "confidence": round_ / 10})
        for round_ in range(3)
    ]
    state = State(round=2, region=around, retrievals=searches, drafts=drafts)
    assert counted_drafts(state) == drafts
    given = GivenRegion(region=around, round=1, by="a person")
    assert counted_drafts(state.model_copy(update={"given": given})) == drafts[1:]
