from __future__ import annotations

from geofix.agent.context import Context
from geofix.agent.nodes.refine import refine
from geofix.agent.scoring import score
from geofix.agent.state import State
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, hit, pooled


def test_the_next_region_is_as_wide_as_the_first_candidate_is_known() -> None:
    hits = [hit(PARIS, 0.62), hit(CHARTRES, 0.6), hit(BERLIN, 0.6)]
    state = State(photo="sha256:0", candidates=score(pooled(hits), hits, []))
    outcome = refine(state, Context(), None)  # type: ignore[arg-type]
    region = outcome.update["region"]
    assert outcome.update["round"] == 1
    assert region.radius_km == 200.0
    assert abs(region.latitude - PARIS[0]) < 0.01
