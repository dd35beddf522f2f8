"""A finer round asks around the leader and around a runner-up that is not beaten."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.context import Context
from geofix.agent.regions import circle
from geofix.db.search.query import Found, Search
from tests.unit.agent.hits import BERLIN, PARIS, retrieval
from tests.unit.agent.nodes.test_retrieve import FAR, ScriptedGallery, neighbour, retrieved

AROUND_PARIS = [neighbour(1, PARIS, 0.9), neighbour(2, PARIS, 0.4)]
AROUND_BERLIN = [neighbour(3, BERLIN, 0.6), neighbour(4, BERLIN, 0.2)]


class TwoPlaces(ScriptedGallery):
    """Finds other photos around Berlin than elsewhere."""

    def nearest(self, query: Any, k: int, search: Search) -> Found:
        found = super().nearest(query, k, search)
        (area,) = search.areas
        near = AROUND_BERLIN if area.latitude == BERLIN[0] else AROUND_PARIS
        return Found(tuple(near[:k]), found.how)


FINER: dict[str, Any] = {
    "round": 1,
    "region": circle(*PARIS, 25, "Paris"),
    "rival": circle(*BERLIN, 25, "Berlin"),
    "retrievals": [retrieval([])],
}


def test_both_circles_are_asked_for_as_many_and_pooled() -> None:
    gallery = TwoPlaces([], FAR)
    outcome, found = retrieved(gallery, Context(positives=3, negatives=4), **FINER)
    assert [(which, k) for which, k, _ in gallery.asked] == [("near", 6), ("near", 6), ("far", 2)]
    assert [hit.photo_id for hit in found.positives] == [1, 3, 2, 4]
    assert found.region == FINER["region"]
    assert found.rival == FINER["rival"]
    assert found.searched == 2 * 1234
    assert "in Paris and Berlin (" in outcome.summary
    assert "around the runner-up: 6 similar photos were asked for, 2 were found" in found.notes


def test_a_photo_of_the_runner_up_is_no_negative() -> None:
    gallery = TwoPlaces([], [neighbour(3, BERLIN, 0.1), neighbour(5, BERLIN, 0.0)])
    _, found = retrieved(gallery, Context(positives=3, negatives=4), **FINER)
    assert [hit.photo_id for hit in found.negatives] == [5]
    *_, (_, _, search) = gallery.asked
    # Nor is one that stands beside it: the search for negatives goes around both places.
    assert [area.latitude for area in search.outside] == pytest.approx([PARIS[0], BERLIN[0]])


@pytest.mark.parametrize("round_", [0, 1])
def test_a_beaten_runner_up_is_not_asked(round_: int) -> None:
    gallery = TwoPlaces([], FAR)
    retrieved(gallery, round=round_, region=FINER["region"])
    assert len(gallery.asked) == 2
