from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from geofix.agent.answer import Calibration
from geofix.agent.calibration.stored import Stored
from geofix.agent.context import Context
from geofix.agent.nodes.verify import verify
from geofix.agent.regions import box, circle
from geofix.agent.services import Services
from geofix.agent.state import Asked, Draft, Region, State
from geofix.agent.verify.scorers import HAND_SET
from geofix.db.search.query import Search
from tests.unit.agent.calibrations import fitted
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit, retrieval


def without_pictures() -> Services:
    def counts(searches: Sequence[Search]) -> list[int]:
        return [100, *[1] * (len(searches) - 1)]

    found = SimpleNamespace(
        gallery=SimpleNamespace(counts=counts),
        known_calibrations=SimpleNamespace(of=lambda *setup: "never"),
        change_scorers=lambda scorers: HAND_SET,
        image_place=None,
        settings=SimpleNamespace(image_place=None),
    )
    return cast(Services, found)


@pytest.mark.parametrize(("negatives_by", "share"), [("dissimilar", 0.5), ("far", 0.0)])
def test_only_a_photo_that_looks_otherwise_speaks_against_its_place(
    negatives_by: Any, share: float
) -> None:
    found = retrieval(
        [hit(PARIS, 0.9, photo_id=1), hit(PARIS, 0.8, photo_id=2)],
        [hit(PARIS, -0.3, photo_id=3), hit(BERLIN, -0.4, photo_id=4)],
    )
    state = State(retrievals=[found.model_copy(update={"negatives_by": negatives_by})])
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
    state = State(asked=Asked(within=within), retrievals=[found], drafts=[draft])
    outcome = verify(state, Context(geometry_pictures=0), without_pictures())
    drafted = next(c for c in outcome.update["candidates"] if c.origin == "draft")
    assert (drafted.vetoed is not None) is vetoed
    if vetoed:
        said = "the draft is outside the rest, where the answer must be"
        assert (drafted.vetoed.code, drafted.vetoed.text) == ("outside_region", said)


def two_rounds(closer: list[tuple[float, float]]) -> tuple[State, Services]:
    """A second round around Paris, in which the model failed: the calibration was of its drafts."""
    before = State(retrievals=[retrieval([hit(PARIS, 0.9), hit(CHARTRES, 0.9)])])
    first = verify(before, Context(geometry_pictures=0), without_pictures()).update
    of_drafts = fitted(drafted_by="t:m", scorers=HAND_SET.model_dump(mode="json"))
    finer = retrieval([hit(place, 0.9) for place in closer])
    around = circle(*PARIS, 200.0)
    state = before.model_copy(
        update={
            "round": 1,
            "region": around,
            "retrievals": [
                *before.retrievals,
                finer.model_copy(update={"round": 1, "region": around}),
            ],
            "candidates": first["candidates"],
            "calibration": Calibration(fitted=True, id=1),
        }
    )
    known = SimpleNamespace(of=lambda *setup: Stored(1, of_drafts))
    services = SimpleNamespace(**{**vars(without_pictures()), "known_calibrations": known})
    return state, cast(Services, services)


@pytest.mark.parametrize(
    ("closer", "kept_before"), [([PARIS] * 3, False), ([PARIS, CHARTRES], True)]
)
def test_who_chose_is_said_of_the_candidates_that_are_kept(
    closer: list[tuple[float, float]], kept_before: bool
) -> None:
    state, services = two_rounds(closer)
    outcome = verify(state, Context(geometry_pictures=0, max_rounds=2), services)
    assert outcome.detail["kept_the_round_before"] is kept_before
    said = [reason for reason in outcome.degraded if reason.code == "scorers_passed_over"]
    assert bool(said) is not kept_before
    assert (outcome.update["calibration"].reason is None) is kept_before


def test_a_closer_look_around_two_places_that_failed_names_both() -> None:
    state, services = two_rounds([PARIS, CHARTRES])
    state = state.model_copy(update={"rival": circle(*BERLIN, 200.0)})
    outcome = verify(state, Context(geometry_pictures=0, max_rounds=2), services)
    last = outcome.update["verdict"].reasons[-1]
    assert last.code == "closer_search_failed"
    assert last.text.count("200 km around") == 2
