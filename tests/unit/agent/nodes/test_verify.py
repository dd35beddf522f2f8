from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from geofix.agent.context import Context
from geofix.agent.nodes.verify import verify
from geofix.agent.services import Services
from geofix.agent.state import State
from tests.unit.agent.hits import BERLIN, PARIS, hit, retrieval


@pytest.mark.parametrize(("negatives_by", "share"), [("dissimilar", 0.5), ("far", 0.0)])
def test_only_a_photo_that_looks_otherwise_speaks_against_its_place(
    negatives_by: Any, share: float
) -> None:
    found = retrieval(
        [hit(PARIS, 0.9, photo_id=1), hit(PARIS, 0.8, photo_id=2)],
        [hit(PARIS, -0.3, photo_id=3), hit(BERLIN, -0.4, photo_id=4)],
    )
    state = State(
        photo="sha256:00", retrievals=[found.model_copy(update={"negatives_by": negatives_by})]
    )
    outcome = verify(state, Context(), cast(Services, SimpleNamespace()))
    first = outcome.update["candidates"][0]
    assert first.parts["contradiction"] == share
