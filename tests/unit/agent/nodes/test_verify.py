from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.context import Context
from geofix.agent.nodes.verify import verify
from geofix.agent.regions import box
from geofix.agent.state import Draft, Region, State
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval
from tests.unit.agent.nodes.gathering import without_pictures


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
    outcome = verify(state, Context(geometry_pictures=0), without_pictures())
    first = outcome.update["candidates"][0]
    assert first.parts["contradiction"] == share


NADI = (-17.8, 177.42)


@pytest.mark.parametrize(
    ("within", "vetoed"),
    [(box(-20, 176, -15, -178, "Fiji"), False), (box(-20, -178, -15, 176, "the rest"), True)],
)
def test_a_draft_outside_the_box_asked_may_not_be_the_answer(within: Region, vetoed: bool) -> None:
    draft = Draft(round=0, drafted_by="t:m", latitude=SUVA[0], longitude=SUVA[1], confidence=1.0)
    found = retrieval([hit(NADI, 0.9)])
    state = State(photo="sha256:00", within=within, retrievals=[found], drafts=[draft])
    outcome = verify(state, Context(geometry_pictures=0), without_pictures())
    drafted = next(c for c in outcome.update["candidates"] if c.origin == "draft")
    assert (drafted.vetoed is not None) is vetoed
    if vetoed:
        assert drafted.vetoed == "the draft lies outside the rest, where the answer has to be"
