"""How right a spot is, and whose spots are learned from."""

from __future__ import annotations

import pytest

from geofix.agent.state import Candidate, Spot
from geofix.evaluation.calibrate.examples import rightness, spot_examples
from geofix.tools.geo.distance import haversine_km

TRUTH = (48.0, 2.0)


@pytest.mark.parametrize(
    ("error_km", "right"), [(0.0, 1), (0.025, 1), (0.05, 2 / 3), (0.5, 1 / 3), (1.5, 0)]
)
def test_a_spot_is_a_third_right_at_each_scale(error_km: float, right: float) -> None:
    assert rightness(error_km) == pytest.approx(right)


def test_spots_of_a_wrong_place_teach_nothing() -> None:
    candidates = [candidate(48.0, [48.0, 48.0005]), candidate(52.0, [52.0])]

    def away_km(latitude: float, longitude: float) -> float:
        return float(haversine_km(*TRUTH, latitude, longitude))

    made = spot_examples(candidates, away_km, "here")
    assert [(one.parts["at"], one.label, one.group) for one in made] == [
        (48.0, 1.0, "here"),
        (48.0005, pytest.approx(2 / 3), "here"),
    ]


def candidate(latitude: float, spots: list[float]) -> Candidate:
    return Candidate(
        latitude=latitude,
        longitude=TRUTH[1],
        radius_km=1,
        score=0.5,
        parts={},
        photos=1,
        best_similarity=0.5,
        origin="cluster",
        scale_km=25,
        spots=[Spot(latitude=at, longitude=TRUTH[1], parts={"at": at}, inliers=0) for at in spots],
    )
