from __future__ import annotations

import pytest

from geofix.agent.draft.request import route_of
from geofix.agent.state import Hit
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit, retrieval

SANTIAGO = (-33.4, -70.7)


def at(places: list[tuple[float, float]], share: float | None) -> list[Hit]:
    return [hit(place, 0.5, impostor_share=share) for place in places]


@pytest.mark.parametrize(
    ("positives", "neighbours", "why"),
    [
        (at([PARIS, PARIS, BERLIN], 0.005), 0, "67% of the votes are for one place"),
        (at([PARIS, PARIS, BERLIN], 0.05), 5, "67% of the votes lie within 750 km"),
        (at([PARIS, CHARTRES, (47.2, -1.5), SUVA], 0.005), 5, "75% of the votes lie within 750 km"),
        (at([PARIS, SUVA, SANTIAGO], 0.005), 10, "33% of the votes lie within 750 km"),
        (at([PARIS, PARIS], 0.3), 10, "30.0% of unrelated photos match"),
        (at([PARIS, PARIS], None), 10, "is not known"),
        ([], 10, "is not known"),
    ],
)
def test_the_sharper_the_search_the_fewer_neighbours(
    positives: list[Hit], neighbours: int, why: str
) -> None:
    route = route_of(retrieval(positives))
    assert route.neighbours == neighbours
    assert why in route.reason
