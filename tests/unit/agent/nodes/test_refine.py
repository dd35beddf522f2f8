from __future__ import annotations

import pytest

from geofix.agent.candidates import NOWHERE_KM, pool_candidates
from geofix.agent.nodes.refine import next_radius_km
from tests.unit.agent.hits import PARIS, hit


@pytest.mark.parametrize(
    ("known_km", "searched_km", "expected"),
    [
        (200.0, None, 200.0),
        (2500.0, None, 2500.0),
        (25.0, 200.0, 25.0),
        (200.0, 200.0, 25.0),
        (NOWHERE_KM, 2500.0, 750.0),
        (1.0, 1.0, 1.0),
    ],
)
def test_every_round_looks_at_less_of_the_earth(
    known_km: float, searched_km: float | None, expected: float
) -> None:
    candidate = pool_candidates([hit(PARIS, 0.5)], [], 0.05)[0]
    first = candidate.model_copy(update={"scale_km": known_km})
    assert next_radius_km(first, searched_km) == expected
